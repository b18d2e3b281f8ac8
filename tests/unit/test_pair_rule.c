// SPDX-License-Identifier: MIT
/* net/pair_rule: every verdict, and a model of two nodes that dial each other, in all interleavings: always exactly one
 * connection is left, and the same one on both ends (PROTOCOL.md §4 "Two connections at once"). */
#include "timed/net/pair_rule.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_util.h"
#include "run_suite.h"

/* The protocol's values. */
static const struct pair_params params = {
	.tie_break_wait_ms = 1000,
	.crossed_dial_window_ms = 10000,
	.probe_timeout_ms = 5000,
};

#define CHALLENGED 100000

static struct pair_case affair;

/* Our dial is in its handshake, theirs has just come; the peer has shown no node id. */
static void setup(void)
{
	memset(&affair, 0, sizeof(affair));
	affair.incumbent_direction = PEER_OUTBOUND;
	affair.incumbent_state = PEER_HANDSHAKE;
	affair.challenged_ms = CHALLENGED;
	affair.own_ip = ip_of("10.0.0.10");
	affair.peer_ip = ip_of("10.0.0.9");
	memset(affair.own_node_id, 5, sizeof(affair.own_node_id));
}

static enum pair_verdict decide(int64_t after_ms)
{
	return pair_decide(&affair, &params, CHALLENGED + after_ms);
}

static void show_id(uint8_t byte)
{
	affair.has_node_id = true;
	memset(affair.peer_node_id, byte, sizeof(affair.peer_node_id));
}

START_TEST(dial_that_has_not_spoken_gives_way)
{
	affair.incumbent_state = PEER_CONNECTING;
	ck_assert_int_eq(decide(0), PAIR_YIELD);
	show_id(9);
	ck_assert_int_eq(decide(0), PAIR_YIELD);
}
END_TEST

START_TEST(lower_node_id_wins)
{
	show_id(6);
	ck_assert_int_eq(decide(0), PAIR_TIE_KEEP);
	show_id(4);
	ck_assert_int_eq(decide(0), PAIR_TIE_SWAP);
}
END_TEST

/* All 16 bytes count, the first one most, as unsigned numbers. */
START_TEST(node_ids_are_compared_by_bytes)
{
	show_id(5);
	affair.peer_node_id[15] = 6;
	ck_assert_int_eq(decide(0), PAIR_TIE_KEEP);
	affair.peer_node_id[15] = 4;
	ck_assert_int_eq(decide(0), PAIR_TIE_SWAP);
	affair.peer_node_id[0] = 0x80;
	ck_assert_int_eq(decide(0), PAIR_TIE_KEEP);
}
END_TEST

/* The IPs say the opposite: behind NAT the ends would compare different ones. */
START_TEST(node_id_beats_the_ip)
{
	show_id(4);
	ck_assert_int_eq(decide(0), PAIR_TIE_SWAP);
	ck_assert_int_eq(decide(5000), PAIR_TIE_SWAP);
}
END_TEST

START_TEST(own_node_id_is_ourselves)
{
	show_id(5);
	ck_assert_int_eq(decide(0), PAIR_SELF);
	affair.incumbent_state = PEER_READY;
	affair.incumbent_ready_ms = CHALLENGED;
	ck_assert_int_eq(decide(0), PAIR_SELF);
}
END_TEST

START_TEST(without_a_node_id_the_ip_text_decides_after_a_second)
{
	ck_assert_int_eq(decide(0), PAIR_WAIT);
	ck_assert_int_eq(decide(999), PAIR_WAIT);
	ck_assert_int_eq(decide(1000), PAIR_TIE_KEEP);
	affair.own_ip = ip_of("10.0.0.9");
	affair.peer_ip = ip_of("10.0.0.10");
	ck_assert_int_eq(decide(1000), PAIR_TIE_SWAP);
}
END_TEST

/* Both ends say the same, whatever the texts. */
START_TEST(ip_rule_is_the_same_on_both_ends)
{
	static const char *const ips[] = {"10.0.0.9", "10.0.0.10", "127.0.0.1", "2001:db8::1", "::1", "9.9.9.9"};

	for (size_t a = 0; a < 6; a++) {
		for (size_t b = 0; b < 6; b++) {
			enum pair_verdict here, there;

			if (a == b)
				continue;
			affair.own_ip = ip_of(ips[a]);
			affair.peer_ip = ip_of(ips[b]);
			here = decide(1000);
			affair.own_ip = ip_of(ips[b]);
			affair.peer_ip = ip_of(ips[a]);
			there = decide(1000);
			/* what one end dialled is what the other accepted */
			ck_assert(here == PAIR_TIE_KEEP || here == PAIR_TIE_SWAP);
			ck_assert_int_eq(there, here == PAIR_TIE_KEEP ? PAIR_TIE_SWAP : PAIR_TIE_KEEP);
		}
	}
}
END_TEST

/* Our dial was quick and is ready: theirs may still be the other half of a crossed dial. */
START_TEST(ready_for_less_than_ten_seconds_is_a_crossed_dial)
{
	affair.incumbent_state = PEER_READY;
	affair.incumbent_heard = true;
	show_id(4);
	affair.incumbent_ready_ms = CHALLENGED - 9999;
	ck_assert_int_eq(decide(0), PAIR_TIE_SWAP);
	affair.incumbent_ready_ms = CHALLENGED - 10000;
	ck_assert_int_eq(decide(0), PAIR_DUPLICATE);
}
END_TEST

/* The wait for a Version does not turn a crossed dial into a reboot; nor does our own dial getting ready meanwhile. */
START_TEST(window_counts_from_the_challenge)
{
	affair.incumbent_state = PEER_READY;
	affair.incumbent_ready_ms = CHALLENGED - 9999;
	ck_assert_int_eq(decide(999), PAIR_WAIT);
	ck_assert_int_eq(decide(1000), PAIR_TIE_KEEP);
	affair.incumbent_ready_ms = CHALLENGED + 500;
	ck_assert_int_eq(decide(1000), PAIR_TIE_KEEP);
}
END_TEST

/* adversarial 27: any byte within 5 s refuses the newcomer. */
START_TEST(healthy_connection_refuses_a_second_one)
{
	affair.incumbent_state = PEER_READY;
	affair.incumbent_ready_ms = CHALLENGED - 60000;
	ck_assert_int_eq(decide(0), PAIR_PROBE);
	affair.incumbent_heard = true;
	ck_assert_int_eq(decide(4999), PAIR_DUPLICATE);
	/* heard is heard, however late we look */
	ck_assert_int_eq(decide(5001), PAIR_DUPLICATE);
}
END_TEST

/* adversarial 28: silence replaces it. */
START_TEST(silent_connection_is_replaced)
{
	affair.incumbent_state = PEER_READY;
	affair.incumbent_ready_ms = CHALLENGED - 60000;
	ck_assert_int_eq(decide(4999), PAIR_PROBE);
	ck_assert_int_eq(decide(5000), PAIR_REPLACE);
}
END_TEST

/* Two in the same direction are never a crossed dial: the peer has dialled twice, so it has rebooted or lost count. */
START_TEST(second_inbound_is_probed_at_once)
{
	static const enum peer_state states[] = {PEER_HANDSHAKE, PEER_READY};

	affair.incumbent_direction = PEER_INBOUND;
	affair.incumbent_state = states[_i];
	affair.incumbent_ready_ms = CHALLENGED - 1;
	show_id(4);
	ck_assert_int_eq(decide(0), PAIR_PROBE);
	affair.incumbent_heard = true;
	ck_assert_int_eq(decide(1), PAIR_DUPLICATE);
	affair.incumbent_heard = false;
	ck_assert_int_eq(decide(5000), PAIR_REPLACE);
}
END_TEST

/* --- the model --- */

/* Two nodes; connection n is dialled by node n.  What session.c and peer_table.c do with the verdicts is repeated here
 * in the small; every order in which messages arrive, dials begin, connects end and timers fire is tried. */

enum line { HANDSHAKE = 1, VERSION, ACK, END };

enum phase {
	NOTHING,    /* not dialled; not accepted */
	CONNECTING, /* dialler */
	WAITING,    /* dialler: for the Ack; acceptor: for the Handshake */
	JUDGED,	    /* acceptor: the pair rule is asked */
	LINGERING,  /* dialler: lost the tie-break, waits for its Ack */
	READY,
	CLOSED,
};

#define CHANNEL 6
#define NOBODY 2

struct model {
	struct {
		uint8_t phase[2];		/* at node 0, at node 1 */
		uint8_t has_id[2];		/* the other has shown its Version to this end */
		uint8_t to[2][CHANNEL], len[2];	/* under way to node 0, to node 1 */
	} conn[2];
	uint8_t incumbent[2], challenger[2]; /* per node: a connection, or NOBODY */
	uint8_t waited[2];		     /* the second for a Version is over */
};

enum identity { BY_NODE_ID, BY_IP };

static enum identity identity;
static uint8_t lower; /* node with the lower node id, or IP */

static void send_line(struct model *m, int conn, int to, enum line line)
{
	ck_assert_int_lt(m->conn[conn].len[to], CHANNEL);
	m->conn[conn].to[to][m->conn[conn].len[to]++] = (uint8_t)line;
}

/* The table forgets this end; its challenger takes over. */
static void unlink_end(struct model *m, int node, int conn)
{
	if (m->incumbent[node] == conn) {
		m->incumbent[node] = m->challenger[node];
		m->challenger[node] = NOBODY;
	} else if (m->challenger[node] == conn) {
		m->challenger[node] = NOBODY;
	}
}

static void close_end(struct model *m, int node, int conn)
{
	bool connected = m->conn[conn].phase[node] != CONNECTING;

	unlink_end(m, node, conn);
	m->conn[conn].phase[node] = CLOSED;
	if (connected)
		send_line(m, conn, !node, END);
}

/* The incumbent loses the tie-break: it lingers for its Ack. */
static void lose(struct model *m, int node, int conn)
{
	if (m->conn[conn].phase[node] != WAITING) {
		close_end(m, node, conn);
		return;
	}
	unlink_end(m, node, conn);
	m->conn[conn].phase[node] = LINGERING;
}

static void accept_challenger(struct model *m, int node, int conn)
{
	m->conn[conn].phase[node] = READY;
	send_line(m, conn, !node, ACK);
	if (identity == BY_NODE_ID)
		send_line(m, conn, !node, VERSION);
}

static enum pair_verdict ask_rule(const struct model *m, int node, int conn, int incumbent)
{
	static const enum peer_state states[] = {
		[CONNECTING] = PEER_CONNECTING,
		[WAITING] = PEER_HANDSHAKE,
		[READY] = PEER_READY,
	};
	struct pair_case c = {
		.incumbent_direction = incumbent == node ? PEER_OUTBOUND : PEER_INBOUND,
		.incumbent_state = states[m->conn[incumbent].phase[node]],
		.incumbent_ready_ms = CHALLENGED,
		.incumbent_heard = true,
		.challenged_ms = CHALLENGED,
		.has_node_id = m->conn[conn].has_id[node] || m->conn[incumbent].has_id[node],
		.own_ip = ip_of(node == lower ? "10.0.0.10" : "10.0.0.9"),
		.peer_ip = ip_of(node == lower ? "10.0.0.9" : "10.0.0.10"),
	};

	c.own_node_id[15] = node == lower ? 1 : 2;
	c.peer_node_id[15] = node == lower ? 2 : 1;
	return pair_decide(&c, &params, CHALLENGED + (m->waited[node] ? params.tie_break_wait_ms : 0));
}

/* The accepted connection asks for its place at this node. */
static void judge(struct model *m, int node)
{
	int conn = !node, incumbent;

	if (m->conn[conn].phase[node] != JUDGED)
		return;
	if (m->incumbent[node] == NOBODY)
		m->incumbent[node] = (uint8_t)conn;
	incumbent = m->incumbent[node];
	if (incumbent == conn) {
		accept_challenger(m, node, conn);
		return;
	}
	m->challenger[node] = (uint8_t)conn;
	switch (ask_rule(m, node, conn, incumbent)) {
	case PAIR_WAIT:
		return;
	case PAIR_YIELD:
		close_end(m, node, incumbent);
		accept_challenger(m, node, conn);
		return;
	case PAIR_TIE_SWAP:
		lose(m, node, incumbent);
		accept_challenger(m, node, conn);
		return;
	case PAIR_TIE_KEEP:
		send_line(m, conn, !node, ACK);
		close_end(m, node, conn);
		return;
	case PAIR_PROBE:
	case PAIR_DUPLICATE:
	case PAIR_REPLACE:
	case PAIR_SELF:
		break;
	}
	ck_abort_msg("a crossed dial is nothing but a tie");
}

static void receive(struct model *m, int node, int conn)
{
	enum line line = m->conn[conn].to[node][0];
	uint8_t *phase = &m->conn[conn].phase[node];

	m->conn[conn].len[node]--;
	memmove(&m->conn[conn].to[node][0], &m->conn[conn].to[node][1], CHANNEL - 1);
	m->conn[conn].to[node][CHANNEL - 1] = 0;
	if (*phase == CLOSED)
		return;
	if (line == END || (line == ACK && *phase == LINGERING)) {
		close_end(m, node, conn);
	} else if (line == VERSION) {
		m->conn[conn].has_id[node] = 1;
	} else if (line == ACK && *phase == WAITING) {
		*phase = READY;
	} else if (line == HANDSHAKE) {
		*phase = JUDGED;
	}
	judge(m, node);
}

static bool can_dial(const struct model *m, int node)
{
	return m->conn[node].phase[node] == NOTHING && m->incumbent[node] == NOBODY;
}

static void dial(struct model *m, int node)
{
	m->incumbent[node] = (uint8_t)node;
	m->conn[node].phase[node] = CONNECTING;
}

static void connected(struct model *m, int node)
{
	m->conn[node].phase[node] = WAITING;
	m->conn[node].phase[!node] = WAITING;
	send_line(m, node, !node, HANDSHAKE);
	if (identity == BY_NODE_ID)
		send_line(m, node, !node, VERSION);
}

/* The n-th thing that can happen; false: fewer than that can.  *m is changed. */
static bool happen(struct model *m, int n)
{
	for (int node = 0; node < 2; node++) {
		if (can_dial(m, node) && n-- == 0) {
			dial(m, node);
			return true;
		}
		if (m->conn[node].phase[node] == CONNECTING && n-- == 0) {
			connected(m, node);
			return true;
		}
		for (int conn = 0; conn < 2; conn++) {
			if (m->conn[conn].len[node] > 0 && n-- == 0) {
				receive(m, node, conn);
				return true;
			}
		}
		/* With node ids the Version comes within the second; without, the second may end at any time. */
		if (identity == BY_IP && m->challenger[node] != NOBODY && !m->waited[node] && n-- == 0) {
			m->waited[node] = 1;
			judge(m, node);
			return true;
		}
		if (m->conn[!node].phase[node] == JUDGED && m->incumbent[node] == !node && n-- == 0) {
			judge(m, node);
			return true;
		}
		/* The Ack that the loser is owed may be waited for in vain. */
		if (m->conn[node].phase[node] == LINGERING && n-- == 0) {
			close_end(m, node, node);
			return true;
		}
	}
	return false;
}

#define SEEN_MAX ((size_t)1 << 20)

static uint64_t *seen;
static size_t seen_count;
static size_t survivors[2];

static bool seen_before(const struct model *m)
{
	const uint8_t *bytes = (const uint8_t *)m;
	uint64_t h = 14695981039346656037u;
	size_t at;

	for (size_t i = 0; i < sizeof(*m); i++)
		h = (h ^ bytes[i]) * 1099511628211u;
	h += !h;
	for (at = h % SEEN_MAX; seen[at]; at = (at + 1) % SEEN_MAX) {
		if (seen[at] == h)
			return true;
	}
	ck_assert_uint_lt(++seen_count, SEEN_MAX / 2);
	seen[at] = h;
	return false;
}

/* Nothing can happen any more. */
static void check_end(const struct model *m)
{
	int left = m->incumbent[0];

	ck_assert_int_ne(left, NOBODY);
	ck_assert_int_eq(m->incumbent[1], left);
	for (int node = 0; node < 2; node++) {
		ck_assert_int_eq(m->challenger[node], NOBODY);
		ck_assert_int_eq(m->conn[left].phase[node], READY);
		ck_assert(m->conn[!left].phase[node] == NOTHING || m->conn[!left].phase[node] == CLOSED);
	}
	survivors[left == lower]++;
}

static void explore(const struct model *m, int depth)
{
	struct model next = *m;
	int n = 0;

	if (seen_before(m))
		return;
	ck_assert_int_lt(depth, 60);
	for (; happen(&next, n); n++) {
		explore(&next, depth + 1);
		next = *m;
	}
	if (n == 0)
		check_end(m);
}

/* adversarial 26. */
START_TEST(crossed_dials_leave_the_same_one_connection_in_every_interleaving)
{
	struct model m = {.incumbent = {NOBODY, NOBODY}, .challenger = {NOBODY, NOBODY}};

	identity = _i & 1 ? BY_IP : BY_NODE_ID;
	lower = _i >> 1 & 1;
	seen = calloc(SEEN_MAX, sizeof(*seen));
	ck_assert_ptr_nonnull(seen);
	explore(&m, 0);
	/* some ends were reached with either connection, more with the lower one's */
	ck_assert_uint_gt(seen_count, 50);
	ck_assert_uint_gt(survivors[0], 0);
	ck_assert_uint_gt(survivors[1], 0);
	free(seen);
}
END_TEST

/* Both Handshakes were under way before either arrived: then it is always the lower one's that survives. */
START_TEST(crossed_handshakes_leave_the_lower_ones_connection)
{
	struct model m = {.incumbent = {NOBODY, NOBODY}, .challenger = {NOBODY, NOBODY}};

	identity = _i & 1 ? BY_IP : BY_NODE_ID;
	lower = _i >> 1 & 1;
	for (int node = 0; node < 2; node++) {
		dial(&m, node);
		connected(&m, node);
	}
	seen = calloc(SEEN_MAX, sizeof(*seen));
	ck_assert_ptr_nonnull(seen);
	explore(&m, 0);
	ck_assert_uint_gt(survivors[1], 0);
	ck_assert_uint_eq(survivors[0], 0);
	free(seen);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, dial_that_has_not_spoken_gives_way);
	tcase_add_test(c, lower_node_id_wins);
	tcase_add_test(c, node_ids_are_compared_by_bytes);
	tcase_add_test(c, node_id_beats_the_ip);
	tcase_add_test(c, own_node_id_is_ourselves);
	tcase_add_test(c, without_a_node_id_the_ip_text_decides_after_a_second);
	tcase_add_test(c, ip_rule_is_the_same_on_both_ends);
	tcase_add_test(c, ready_for_less_than_ten_seconds_is_a_crossed_dial);
	tcase_add_test(c, window_counts_from_the_challenge);
	tcase_add_test(c, healthy_connection_refuses_a_second_one);
	tcase_add_test(c, silent_connection_is_replaced);
	tcase_add_loop_test(c, second_inbound_is_probed_at_once, 0, 2);
	tcase_add_loop_test(c, crossed_dials_leave_the_same_one_connection_in_every_interleaving, 0, 4);
	tcase_add_loop_test(c, crossed_handshakes_leave_the_lower_ones_connection, 0, 4);
}

int main(void)
{
	Suite *suite = suite_create("pair_rule");
	TCase *c = tcase_create("pair_rule");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
