// SPDX-License-Identifier: MIT
/* net/peer_table: one connection per IP, challenges, slots and who makes room, reasons, and the way out of the table.  The
 * peers have no threads: the test does what their workers would. */
#include "peer_table.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_fixture.h"
#include "net_impl.h"
#include "peer_impl.h"
#include "run_suite.h"
#include "timed/util/clock.h"

#define MAX_PEERS_MADE 256

static struct net *net;
static struct peer_table *table;
static struct peer *made[MAX_PEERS_MADE]; /* counted; NULL once finished */
static int made_count;
static int64_t now;
static struct net_ip own;

static const struct net_ops no_ops;

static void create(uint32_t max_peers, uint32_t max_handshakes)
{
	struct net_params params = net_fixture_params("127.0.0.1");

	params.max_peers = max_peers;
	params.max_handshakes = max_handshakes;
	memset(params.node_id, 5, sizeof(params.node_id));
	ck_assert_int_eq(net_create(&net, &params, &no_ops), 0);
	table = net_table(net);
}

static void setup(void)
{
	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
	ck_assert_int_ge(sodium_init(), 0);
	now = 100000;
	own = ip_of("10.0.0.5");
	create(10, 100);
}

/* What a worker does last. */
static void finish(int i)
{
	struct peer *peer = made[i];

	peer_table_ask_close(table, peer, PEER_CLOSE_SHUTDOWN);
	peer_close_fds(peer);
	peer_table_finished(table, peer);
	peer_unref(peer);
	made[i] = NULL;
}

static void destroy(void)
{
	for (int i = 0; i < made_count; i++) {
		if (made[i])
			finish(i);
	}
	made_count = 0;
	net_stop(net);
	ck_assert_uint_eq(peer_table_ready_count(table), 0);
	net_free(net);
}

/* A registered peer. */
static struct peer *make(const char *ip, enum peer_direction direction, bool manual)
{
	struct net_addr addr = addr_of(ip);
	struct peer *peer = peer_new(net, &addr, direction, open("/dev/null", O_RDWR | O_CLOEXEC), manual);

	ck_assert_ptr_nonnull(peer);
	ck_assert_int_lt(made_count, MAX_PEERS_MADE);
	ck_assert(peer_table_register(table, peer));
	made[made_count++] = peer;
	return peer;
}

static struct peer *inbound(const char *ip)
{
	return make(ip, PEER_INBOUND, false);
}

/* An outbound one that has claimed its IP. */
static struct peer *outbound(const char *ip)
{
	struct peer *peer = make(ip, PEER_OUTBOUND, false);

	ck_assert(peer_table_claim(table, peer));
	return peer;
}

static enum table_verdict challenge(struct peer *peer)
{
	return peer_table_challenge(table, peer, &own, now);
}

static bool make_ready(struct peer *peer)
{
	return peer_table_make_ready(table, peer, now);
}

static struct peer *ready_inbound(const char *ip)
{
	struct peer *peer = inbound(ip);

	ck_assert_int_eq(challenge(peer), TABLE_PROCEED);
	ck_assert(make_ready(peer));
	return peer;
}

static struct peer *ready_outbound(const char *ip)
{
	struct peer *peer = outbound(ip);

	ck_assert(peer_table_begin_handshake(table, peer));
	ck_assert(make_ready(peer));
	return peer;
}

static enum peer_close_reason reason_of(const struct peer *peer)
{
	return (enum peer_close_reason)atomic_load(&peer->close_reason);
}

/* The incumbent of this IP, uncounted. */
static struct peer *find(const char *ip)
{
	struct net_ip key = ip_of(ip);
	struct peer *peer = peer_table_find(table, &key);

	peer_unref(peer);
	return peer;
}

static void show_id(struct peer *peer, uint8_t byte)
{
	uint8_t id[16];

	memset(id, byte, sizeof(id));
	peer_table_set_identity(table, peer, id, "test");
}

static void hear(struct peer *peer)
{
	atomic_fetch_add(&peer->stats.bytes_received, 1);
}

/* --- claiming and finding --- */

START_TEST(outbound_claims_its_ip)
{
	struct peer *first = outbound("10.0.0.9"), *second = make("10.0.0.9", PEER_OUTBOUND, false);
	struct peer *elsewhere = make("10.0.0.8", PEER_OUTBOUND, false);

	ck_assert_ptr_eq(find("10.0.0.9"), first);
	ck_assert(!peer_table_claim(table, second));
	ck_assert(peer_table_claim(table, elsewhere));
	peer_table_ask_close(table, first, PEER_CLOSE_CONNECT_FAILED);
	ck_assert_ptr_null(find("10.0.0.9"));
	ck_assert(peer_table_claim(table, second));
}
END_TEST

/* Identity is the IP: port and form of the address make no second peer. */
START_TEST(mapped_address_and_other_port_are_the_same_peer)
{
	struct peer *first = outbound("10.0.0.9:1"), *second = make("[::ffff:10.0.0.9]:2", PEER_OUTBOUND, false);

	ck_assert(!peer_table_claim(table, second));
	ck_assert_ptr_eq(find("::ffff:10.0.0.9"), first);
}
END_TEST

/* A silent connection takes nobody's place. */
START_TEST(inbound_before_its_handshake_is_in_nobodys_way)
{
	(void)inbound("10.0.0.9");
	ck_assert_ptr_null(find("10.0.0.9"));
	(void)outbound("10.0.0.9");
}
END_TEST

START_TEST(many_ips_in_one_bucket_are_told_apart)
{
	char text[32];

	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "10.1.%d.%d", i / 100, i % 100);
		(void)outbound(text);
	}
	for (int i = 199; i >= 0; i--) {
		snprintf(text, sizeof(text), "10.1.%d.%d", i / 100, i % 100);
		ck_assert_ptr_eq(find(text), made[i]);
		peer_table_ask_close(table, made[i], PEER_CLOSE_OPERATOR);
		ck_assert_ptr_null(find(text));
	}
}
END_TEST

START_TEST(list_is_ordered_by_id_and_holds_references)
{
	struct peer *a = ready_inbound("10.0.0.1"), *b = inbound("10.0.0.2"), *c = ready_outbound("10.0.0.3");
	struct peer **peers;

	ck_assert_uint_eq(peer_table_list(table, &peers, false), 2);
	ck_assert_ptr_eq(peers[0], a);
	ck_assert_ptr_eq(peers[1], c);
	peer_unref(peers[0]);
	peer_unref(peers[1]);
	free(peers);
	ck_assert_uint_eq(peer_table_list(table, &peers, true), 3);
	ck_assert_ptr_eq(peers[1], b);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_gt(atomic_load(&peers[i]->refs), 2);
		peer_unref(peers[i]);
	}
	free(peers);
}
END_TEST

START_TEST(description_holds_identity_and_our_end)
{
	struct peer *peer = inbound("10.0.0.9");
	struct net_addr bound = addr_of("10.0.0.5:77"), got;
	struct peer_info info = {0};

	show_id(peer, 0xab);
	peer_table_set_bound(table, peer, &bound);
	peer_table_describe(table, peer, &info);
	ck_assert_str_eq(info.node_id, "abababababababababababababababab");
	ck_assert_str_eq(info.subver, "test");
	ck_assert_uint_eq(info.bound.port, 77);
	peer_table_get_bound(table, peer, &got);
	ck_assert(net_ip_equal(&got.ip, &bound.ip));
}
END_TEST

/* Whatever a peer calls itself, and without an id: an earlier one stays. */
START_TEST(long_version_text_is_cut)
{
	struct peer *peer = inbound("10.0.0.9");
	struct peer_info info = {0};
	char text[1000];

	show_id(peer, 0xab);
	memset(text, 'v', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	peer_table_set_identity(table, peer, NULL, text);
	peer_table_describe(table, peer, &info);
	ck_assert_uint_eq(strlen(info.subver), PEER_SUBVER_SIZE - 1);
	ck_assert_str_eq(info.node_id, "abababababababababababababababab");
}
END_TEST

/* --- the second connection --- */

START_TEST(first_inbound_proceeds)
{
	struct peer *peer = inbound("10.0.0.9");

	ck_assert_int_eq(challenge(peer), TABLE_PROCEED);
	ck_assert_int_eq(challenge(peer), TABLE_PROCEED);
	ck_assert_ptr_eq(find("10.0.0.9"), peer);
}
END_TEST

START_TEST(dial_that_has_not_spoken_yields)
{
	struct peer *ours = outbound("10.0.0.9"), *theirs = inbound("10.0.0.9");

	ck_assert_int_eq(challenge(theirs), TABLE_PROCEED);
	ck_assert_int_eq(reason_of(ours), PEER_CLOSE_YIELDED);
	ck_assert(!peer_table_begin_handshake(table, ours));
	ck_assert_ptr_eq(find("10.0.0.9"), theirs);
	ck_assert(make_ready(theirs));
}
END_TEST

START_TEST(tie_break_closes_the_loser_on_either_side)
{
	struct peer *ours = outbound("10.0.0.9"), *theirs = inbound("10.0.0.9");
	bool we_are_lower = _i == 0;

	ck_assert(peer_table_begin_handshake(table, ours));
	ck_assert_int_eq(challenge(theirs), TABLE_WAIT);
	show_id(theirs, we_are_lower ? 6 : 4);
	ck_assert_int_eq(challenge(theirs), we_are_lower ? TABLE_TIE_LOST : TABLE_PROCEED);
	ck_assert_int_eq(reason_of(ours), we_are_lower ? PEER_CLOSE_NONE : PEER_CLOSE_TIE_BREAK);
	ck_assert_ptr_eq(find("10.0.0.9"), we_are_lower ? ours : theirs);
}
END_TEST

/* The Version came on our own connection. */
START_TEST(node_id_shown_on_the_incumbent_counts)
{
	struct peer *ours = ready_outbound("10.0.0.9"), *theirs = inbound("10.0.0.9");

	show_id(ours, 4);
	ck_assert_int_eq(challenge(theirs), TABLE_PROCEED);
	ck_assert_int_eq(reason_of(ours), PEER_CLOSE_TIE_BREAK);
}
END_TEST

START_TEST(tie_break_without_a_version_waits_a_second)
{
	struct peer *ours = outbound("10.0.0.9"), *theirs = inbound("10.0.0.9");

	ck_assert(peer_table_begin_handshake(table, ours));
	ck_assert_int_eq(challenge(theirs), TABLE_WAIT);
	now += 999;
	ck_assert_int_eq(challenge(theirs), TABLE_WAIT);
	now += 1;
	/* "10.0.0.5" < "10.0.0.9" */
	ck_assert_int_eq(challenge(theirs), TABLE_TIE_LOST);
	ck_assert_int_eq(reason_of(ours), PEER_CLOSE_NONE);
}
END_TEST

/* adversarial 17. */
START_TEST(self_connection_closes_both_ends)
{
	struct peer *ours = outbound("10.0.0.9"), *theirs = inbound("10.0.0.9");

	ck_assert(peer_table_begin_handshake(table, ours));
	ck_assert_int_eq(challenge(theirs), TABLE_WAIT);
	show_id(theirs, 5);
	ck_assert_int_eq(challenge(theirs), TABLE_SELF);
	ck_assert_int_eq(reason_of(ours), PEER_CLOSE_SELF);
}
END_TEST

/* adversarial 27. */
START_TEST(healthy_incumbent_refuses_the_challenger)
{
	struct peer *first = ready_inbound("10.0.0.9"), *second;

	now += 60000;
	second = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
	hear(first);
	ck_assert_int_eq(challenge(second), TABLE_DUPLICATE);
	ck_assert_int_eq(reason_of(first), PEER_CLOSE_NONE);
	ck_assert_ptr_eq(find("10.0.0.9"), first);
}
END_TEST

/* What was heard before the challenge is no sign of life. */
START_TEST(bytes_from_before_the_challenge_do_not_count)
{
	struct peer *first = ready_inbound("10.0.0.9"), *second;

	hear(first);
	now += 60000;
	second = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
	now += 5000;
	ck_assert_int_eq(challenge(second), TABLE_PROCEED);
	ck_assert_int_eq(reason_of(first), PEER_CLOSE_REPLACED);
	ck_assert_ptr_eq(find("10.0.0.9"), second);
}
END_TEST

/* adversarial 28: the incumbent is pinged once, however often the challenger asks. */
START_TEST(incumbent_is_probed_once)
{
	struct peer *first = ready_inbound("10.0.0.9"), *second;

	now += 60000;
	second = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
	ck_assert(atomic_exchange(&first->probe, false));
	for (int i = 0; i < 50; i++) {
		now += 50;
		ck_assert_int_eq(challenge(second), TABLE_WAIT);
		ck_assert(!atomic_load(&first->probe));
	}
}
END_TEST

START_TEST(next_challenger_probes_again)
{
	struct peer *first = ready_inbound("10.0.0.9"), *second, *third;

	now += 60000;
	second = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
	ck_assert(atomic_exchange(&first->probe, false));
	peer_table_ask_close(table, second, PEER_CLOSE_EOF);
	third = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(third), TABLE_WAIT);
	ck_assert(atomic_load(&first->probe));
}
END_TEST

/* The end of file of the incumbent ends the waiting. */
START_TEST(challenger_takes_over_when_the_incumbent_ends)
{
	struct peer *first = ready_inbound("10.0.0.9"), *second;

	now += 60000;
	second = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
	peer_table_ask_close(table, first, PEER_CLOSE_EOF);
	ck_assert_ptr_eq(find("10.0.0.9"), second);
	ck_assert_int_eq(challenge(second), TABLE_PROCEED);
}
END_TEST

START_TEST(third_connection_is_refused)
{
	struct peer *second, *third;

	(void)ready_inbound("10.0.0.9");
	now += 60000;
	second = inbound("10.0.0.9");
	third = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
	ck_assert_int_eq(challenge(third), TABLE_DUPLICATE);
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
}
END_TEST

START_TEST(challenger_that_leaves_changes_nothing)
{
	struct peer *first = ready_inbound("10.0.0.9"), *second;

	now += 60000;
	second = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(second), TABLE_WAIT);
	peer_table_ask_close(table, second, PEER_CLOSE_EOF);
	ck_assert_ptr_eq(find("10.0.0.9"), first);
	ck_assert_int_eq(reason_of(first), PEER_CLOSE_NONE);
}
END_TEST

/* A late cleanup never removes a newer connection. */
START_TEST(late_end_leaves_the_newer_connection)
{
	struct peer *newer;

	(void)ready_inbound("10.0.0.9");
	peer_table_ask_close(table, made[0], PEER_CLOSE_EOF);
	newer = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(newer), TABLE_PROCEED);
	peer_table_ask_close(table, made[0], PEER_CLOSE_TIMEOUT);
	finish(0);
	ck_assert_ptr_eq(find("10.0.0.9"), newer);
}
END_TEST

START_TEST(closing_challenger_gets_no_place)
{
	struct peer *peer = inbound("10.0.0.9");

	peer_table_ask_close(table, peer, PEER_CLOSE_EOF);
	ck_assert_int_eq(challenge(peer), TABLE_WAIT);
	ck_assert_ptr_null(find("10.0.0.9"));
	ck_assert(!make_ready(peer));
}
END_TEST

/* --- reasons and counts --- */

static uint64_t closed_by(enum peer_close_reason reason)
{
	struct net_stats stats;

	peer_table_count(table, &stats);
	return stats.closed[reason];
}

START_TEST(first_reason_wins)
{
	struct peer *peer = ready_inbound("10.0.0.9");

	peer_table_ask_close(table, peer, PEER_CLOSE_TIMEOUT);
	peer_table_ask_close(table, peer, PEER_CLOSE_EOF);
	ck_assert_int_eq(reason_of(peer), PEER_CLOSE_TIMEOUT);
	ck_assert_int_eq(peer_get_state(peer), PEER_CLOSING);
	finish(0);
	ck_assert_uint_eq(closed_by(PEER_CLOSE_TIMEOUT), 1);
	ck_assert_uint_eq(closed_by(PEER_CLOSE_EOF), 0);
	ck_assert_uint_eq(closed_by(PEER_CLOSE_SHUTDOWN), 0);
}
END_TEST

/* adversarial 19: from every state the slot is released exactly once. */
START_TEST(slots_are_released_once_from_every_state)
{
	for (int round = 0; round < 10; round++) {
		char text[32];
		struct peer *peer;

		snprintf(text, sizeof(text), "10.0.0.%d", 1 + round % 3);
		switch (round % 5) {
		case 0:
			peer = inbound(text);
			break;
		case 1:
			peer = outbound(text);
			break;
		case 2:
			peer = outbound(text);
			ck_assert(peer_table_begin_handshake(table, peer));
			break;
		case 3:
			peer = ready_inbound(text);
			break;
		default:
			peer = ready_outbound(text);
			peer_table_set_kept(table, peer);
			break;
		}
		peer_table_ask_close(table, peer, PEER_CLOSE_RESET);
		peer_table_ask_close(table, peer, PEER_CLOSE_RESET);
		finish(made_count - 1);
		ck_assert_uint_eq(peer_table_ready_count(table), 0);
		ck_assert(peer_table_has_regular_slot(table));
		ck_assert_ptr_null(find(text));
	}
	peer_table_reap(table, false);
	/* and all ten slots are there */
	for (int i = 0; i < 10; i++) {
		char text[32];
		struct peer *peer;

		snprintf(text, sizeof(text), "10.1.0.%d", i);
		peer = inbound(text);
		atomic_store(&peer->kept, i < 4);
		ck_assert_int_eq(challenge(peer), TABLE_PROCEED);
		ck_assert(make_ready(peer));
	}
}
END_TEST

/* --- slots: 10, of which 4 are kept --- */

static void fill_regular(void)
{
	for (int i = 0; i < 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.2.0.%d", i);
		(void)ready_inbound(text);
	}
}

START_TEST(regular_peers_leave_the_kept_slots)
{
	struct peer *one_more;

	fill_regular();
	ck_assert(!peer_table_has_regular_slot(table));
	one_more = inbound("10.0.0.9");
	ck_assert_int_eq(challenge(one_more), TABLE_PROCEED);
	ck_assert(!make_ready(one_more));
	ck_assert_int_eq(reason_of(one_more), PEER_CLOSE_FULL);
	ck_assert_uint_eq(peer_table_ready_count(table), 6);
	ck_assert_ptr_null(find("10.0.0.9"));
}
END_TEST

static struct peer *kept_inbound(const char *ip)
{
	struct peer *peer = inbound(ip);

	peer_table_set_kept(table, peer);
	ck_assert_int_eq(challenge(peer), TABLE_PROCEED);
	return peer;
}

START_TEST(kept_peers_find_their_slots)
{
	fill_regular();
	for (int i = 0; i < 4; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.3.0.%d", i);
		ck_assert(make_ready(kept_inbound(text)));
	}
	ck_assert_uint_eq(peer_table_ready_count(table), 10);
}
END_TEST

/* adversarial 30: the youngest unprotected inbound peer makes room. */
START_TEST(kept_peer_evicts_the_youngest_regular_inbound)
{
	struct peer *oldest, *youngest, *ours;

	ours = ready_outbound("10.4.0.1");
	oldest = ready_inbound("10.4.0.2");
	youngest = ready_inbound("10.4.0.3");
	for (int i = 0; i < 7; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.3.0.%d", i);
		ck_assert(make_ready(kept_inbound(text)));
	}
	ck_assert_uint_eq(peer_table_ready_count(table), 10);
	ck_assert(make_ready(kept_inbound("10.5.0.1")));
	ck_assert_int_eq(reason_of(youngest), PEER_CLOSE_EVICTED);
	ck_assert(make_ready(kept_inbound("10.5.0.2")));
	ck_assert_int_eq(reason_of(oldest), PEER_CLOSE_EVICTED);
	/* nobody is left to make room */
	{
		struct peer *last = kept_inbound("10.5.0.3");

		ck_assert(!make_ready(last));
		ck_assert_int_eq(reason_of(last), PEER_CLOSE_FULL);
	}
	ck_assert_int_eq(reason_of(ours), PEER_CLOSE_NONE);
	ck_assert_uint_eq(peer_table_ready_count(table), 10);
}
END_TEST

/* Configured peers get in always, and are never evicted. */
START_TEST(configured_peers_are_above_the_limit)
{
	struct peer *configured[12];

	for (int i = 0; i < 12; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.6.0.%d", i);
		configured[i] = make(text, PEER_OUTBOUND, true);
		ck_assert(peer_table_claim(table, configured[i]));
		ck_assert(peer_table_begin_handshake(table, configured[i]));
		ck_assert(make_ready(configured[i]));
	}
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(reason_of(configured[i]), PEER_CLOSE_NONE);
	ck_assert_uint_eq(peer_table_ready_count(table), 12);
	ck_assert(!peer_table_has_regular_slot(table));
}
END_TEST

/* It announces itself when it is connected already: a regular slot is free again. */
START_TEST(masternode_found_out_later_frees_a_regular_slot)
{
	fill_regular();
	ck_assert(!peer_table_has_regular_slot(table));
	peer_table_set_kept(table, made[0]);
	peer_table_set_kept(table, made[0]);
	ck_assert(peer_table_has_regular_slot(table));
	(void)ready_inbound("10.0.0.9");
	ck_assert(!peer_table_has_regular_slot(table));
	finish(0);
	ck_assert(!peer_table_has_regular_slot(table));
	finish(1);
	ck_assert(peer_table_has_regular_slot(table));
}
END_TEST

/* Dials under way count: a thousand addresses are not dialled all at once.  Configured ones do not. */
START_TEST(dials_under_way_take_regular_slots)
{
	struct peer *manual = make("10.7.1.1", PEER_OUTBOUND, true);
	int dials = 0;

	ck_assert(peer_table_claim(table, manual));
	while (peer_table_has_regular_slot(table) && dials < 100) {
		char text[32];

		snprintf(text, sizeof(text), "10.7.0.%d", dials++);
		(void)outbound(text);
	}
	ck_assert_int_eq(dials, 6);
	/* from dial to handshake to ready the slot stays one */
	ck_assert(peer_table_begin_handshake(table, made[1]));
	ck_assert(!peer_table_has_regular_slot(table));
	ck_assert(make_ready(made[1]));
	ck_assert(!peer_table_has_regular_slot(table));
	peer_table_ask_close(table, made[2], PEER_CLOSE_CONNECT_FAILED);
	ck_assert(peer_table_has_regular_slot(table));
}
END_TEST

/* adversarial 18: slow handshakes push out the oldest of their kind, never a dial of ours nor a ready peer. */
START_TEST(too_many_handshakes_push_out_the_oldest)
{
	struct peer *ready_one, *ours, *slow[5], *newest;

	destroy();
	create(10, 6);
	ready_one = ready_inbound("10.8.1.1");
	ours = outbound("10.8.1.2");
	for (int i = 0; i < 5; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.8.0.%d", i);
		slow[i] = inbound(text);
	}
	newest = inbound("10.8.0.99");
	ck_assert_int_eq(reason_of(slow[0]), PEER_CLOSE_EVICTED);
	for (int i = 1; i < 5; i++)
		ck_assert_int_eq(reason_of(slow[i]), PEER_CLOSE_NONE);
	ck_assert_int_eq(reason_of(ready_one), PEER_CLOSE_NONE);
	ck_assert_int_eq(reason_of(ours), PEER_CLOSE_NONE);
	ck_assert_int_eq(challenge(newest), TABLE_PROCEED);
	ck_assert(make_ready(newest));
}
END_TEST

/* --- the end --- */

START_TEST(shut_asks_everybody_and_takes_nobody)
{
	struct peer *a = ready_inbound("10.0.0.1"), *b = outbound("10.0.0.2"), *late;
	struct net_addr addr = addr_of("10.0.0.3");

	peer_table_shut(table);
	ck_assert_int_eq(reason_of(a), PEER_CLOSE_SHUTDOWN);
	ck_assert_int_eq(reason_of(b), PEER_CLOSE_SHUTDOWN);
	late = peer_new(net, &addr, PEER_INBOUND, open("/dev/null", O_RDWR | O_CLOEXEC), false);
	ck_assert_ptr_nonnull(late);
	ck_assert(!peer_table_register(table, late));
	peer_close_fds(late);
	peer_unref(late);
}
END_TEST

/* A worker that ends while the reaper waits. */
static void *end_later(void *arg)
{
	struct peer *peer = arg;

	mutex_lock(&peer->out);
	mutex_unlock(&peer->out);
	peer_table_ask_close(table, peer, PEER_CLOSE_SHUTDOWN);
	peer_close_fds(peer);
	peer_table_finished(table, peer);
	return NULL;
}

START_TEST(reap_waits_for_every_worker)
{
	for (int i = 0; i < 20; i++) {
		char text[32];
		struct peer *peer;

		snprintf(text, sizeof(text), "10.9.0.%d", i);
		peer = inbound(text);
		mutex_lock(&peer->out);
		ck_assert_int_eq(thread_start(&peer->thread, "worker", end_later, peer), 0);
		mutex_unlock(&peer->out);
	}
	peer_table_reap(table, true);
	for (int i = 0; i < 20; i++) {
		ck_assert(!made[i]->thread.started);
		ck_assert_uint_eq(atomic_load(&made[i]->refs), 1);
		peer_unref(made[i]);
	}
	made_count = 0;
	ck_assert_uint_eq(closed_by(PEER_CLOSE_SHUTDOWN), 20);
}
END_TEST

/* Workers, reaper and onlookers at once, on four IPs: nothing is lost, nothing is left. */
#define STRESS_THREADS 3
#define STRESS_ROUNDS 400

static atomic_bool stress_over;

static void *live_and_die(void *arg)
{
	uint32_t random = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < STRESS_ROUNDS; i++) {
		struct net_addr addr = {{{[10] = 0xff, 0xff, 10, 0, 0, 0}}, 1};
		struct peer *peer;
		bool out;

		random = random * 1664525u + 1013904223u;
		addr.ip.bytes[15] = (uint8_t)(1 + (random >> 24) % 4);
		out = random >> 20 & 1;
		peer = peer_new(net, &addr, out ? PEER_OUTBOUND : PEER_INBOUND, open("/dev/null", O_RDWR | O_CLOEXEC),
				false);
		CHECK(peer && peer_table_register(table, peer));
		if (out ? peer_table_claim(table, peer) && peer_table_begin_handshake(table, peer)
			: peer_table_challenge(table, peer, &own, now) == TABLE_PROCEED)
			(void)peer_table_make_ready(table, peer, now);
		if (random >> 16 & 1)
			peer_table_set_kept(table, peer);
		peer_table_ask_close(table, peer, PEER_CLOSE_EOF);
		peer_close_fds(peer);
		peer_table_finished(table, peer);
		peer_unref(peer);
	}
	return NULL;
}

static void *look_on(void *arg)
{
	(void)arg;
	while (!atomic_load(&stress_over)) {
		struct net_ip ip = {{[10] = 0xff, 0xff, 10, 0, 0, 1}};
		struct peer *peer = peer_table_find(table, &ip), **peers;
		size_t n = peer_table_list(table, &peers, true);

		if (peer)
			peer_table_ask_close(table, peer, PEER_CLOSE_OPERATOR);
		peer_unref(peer);
		while (n > 0)
			peer_unref(peers[--n]);
		free(peers);
		peer_table_reap(table, false);
	}
	return NULL;
}

START_TEST(many_threads_leave_an_empty_table)
{
	struct thread threads[STRESS_THREADS], onlooker;
	uint64_t closed = 0;

	ck_assert_int_eq(thread_start(&onlooker, "onlooker", look_on, NULL), 0);
	for (int i = 0; i < STRESS_THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "stress", live_and_die, (void *)(uintptr_t)(i + 1)), 0);
	for (int i = 0; i < STRESS_THREADS; i++)
		thread_join(&threads[i]);
	atomic_store(&stress_over, true);
	thread_join(&onlooker);
	peer_table_reap(table, true);
	for (int reason = 0; reason < PEER_CLOSE_COUNT; reason++)
		closed += closed_by((enum peer_close_reason)reason);
	ck_assert_uint_eq(closed, STRESS_THREADS * STRESS_ROUNDS);
	ck_assert_uint_eq(peer_table_ready_count(table), 0);
	ck_assert(peer_table_has_regular_slot(table));
	ck_assert_ptr_null(find("10.0.0.1"));
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, outbound_claims_its_ip);
	tcase_add_test(c, mapped_address_and_other_port_are_the_same_peer);
	tcase_add_test(c, inbound_before_its_handshake_is_in_nobodys_way);
	tcase_add_test(c, many_ips_in_one_bucket_are_told_apart);
	tcase_add_test(c, list_is_ordered_by_id_and_holds_references);
	tcase_add_test(c, description_holds_identity_and_our_end);
	tcase_add_test(c, long_version_text_is_cut);
	tcase_add_test(c, first_inbound_proceeds);
	tcase_add_test(c, dial_that_has_not_spoken_yields);
	tcase_add_loop_test(c, tie_break_closes_the_loser_on_either_side, 0, 2);
	tcase_add_test(c, node_id_shown_on_the_incumbent_counts);
	tcase_add_test(c, tie_break_without_a_version_waits_a_second);
	tcase_add_test(c, self_connection_closes_both_ends);
	tcase_add_test(c, healthy_incumbent_refuses_the_challenger);
	tcase_add_test(c, bytes_from_before_the_challenge_do_not_count);
	tcase_add_test(c, incumbent_is_probed_once);
	tcase_add_test(c, next_challenger_probes_again);
	tcase_add_test(c, challenger_takes_over_when_the_incumbent_ends);
	tcase_add_test(c, third_connection_is_refused);
	tcase_add_test(c, challenger_that_leaves_changes_nothing);
	tcase_add_test(c, late_end_leaves_the_newer_connection);
	tcase_add_test(c, closing_challenger_gets_no_place);
	tcase_add_test(c, first_reason_wins);
	tcase_add_test(c, slots_are_released_once_from_every_state);
	tcase_add_test(c, regular_peers_leave_the_kept_slots);
	tcase_add_test(c, kept_peers_find_their_slots);
	tcase_add_test(c, kept_peer_evicts_the_youngest_regular_inbound);
	tcase_add_test(c, configured_peers_are_above_the_limit);
	tcase_add_test(c, masternode_found_out_later_frees_a_regular_slot);
	tcase_add_test(c, dials_under_way_take_regular_slots);
	tcase_add_test(c, too_many_handshakes_push_out_the_oldest);
	tcase_add_test(c, shut_asks_everybody_and_takes_nobody);
	tcase_add_test(c, reap_waits_for_every_worker);
	tcase_add_test(c, many_threads_leave_an_empty_table);
}

int main(void)
{
	Suite *suite = suite_create("peer_table");
	TCase *c = tcase_create("peer_table");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, destroy);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
