// SPDX-License-Identifier: MIT
/* net/session and net/peer_worker: what a connection does with a raw peer on the other end: handshake, second connections,
 * heartbeat, lines, requests, turnaround (PROTOCOL.md §4).  Slow readers are test_peer.c's. */
#include "timed/net/net.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_raw.h"
#include "run_suite.h"
#include "timed/util/thread.h"

#define US "127.78.0.1"
#define THEM "127.78.0.2"
#define OTHER "127.78.0.3"

static struct net_params params;
static struct fixture_node node;
static struct raw raw, second;

static void setup(void)
{
	params = net_fixture_params(US);
	memset(&node, 0, sizeof(node));
}

static void start(void)
{
	fixture_start(&node, &params);
}

static void stop(void)
{
	fixture_stop(&node);
}

/* The end of most tests: the peer goes, then the node. */
static void leave(void)
{
	raw_close(&raw);
	stop();
}

static uint64_t closed(enum peer_close_reason reason)
{
	return fixture_closed(&node, reason);
}

static uint32_t violations(const char *of)
{
	struct net_ip ip = ip_of(of);

	return ban_list_violations(net_bans(node.net), &ip, clock_real_s());
}

/* --- handshake --- */

START_TEST(acceptor_greets_with_ack_version_and_ping)
{
	start();
	raw_connect(&raw, THEM, &node.addr);
	raw_send(&raw, RAW_HANDSHAKE);
	ck_assert(raw_line(&raw));
	ck_assert_str_eq(raw.line, "{\"Ack\":{\"message_type\":\"Handshake\"}}");
	ck_assert(raw_line(&raw));
	ck_assert_int_eq(strncmp(raw.line, "{\"Version\":", 11), 0);
	ck_assert_ptr_nonnull(strstr(raw.line, "\"listen_addr\":\"" US ":"));
	ck_assert_ptr_nonnull(strstr(raw.line, "\"node_id\":\""));
	ck_assert(raw_line(&raw));
	ck_assert_int_eq(strncmp(raw.line, "{\"Ping\":", 8), 0);
	leave();
}
END_TEST

/* A raw listener on THEM at the port where the node will dial. */
static int raw_listen(struct net_addr *addr)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	*addr = (struct net_addr){.ip = ip_of(THEM)};
	len = net_addr_to_sockaddr(&sa, addr);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	net_addr_from_sockaddr(addr, (struct sockaddr *)&sa);
	return fd;
}

static void raw_accept(struct raw *r, int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	ck_assert_msg(poll(&p, 1, NET_FIXTURE_PATIENCE_MS) == 1, "nobody dials");
	raw_adopt(r, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

START_TEST(dialler_speaks_first)
{
	struct net_addr addr;
	int listener = raw_listen(&addr);

	start();
	fixture_dial(&node, &addr);
	raw_accept(&raw, listener);
	ck_assert(raw_line(&raw));
	ck_assert_str_eq(raw.line,
			 "{\"Handshake\":{\"magic\":[84,73,77,69],\"protocol_version\":1,\"network\":\"devnet\"}}");
	ck_assert(raw_line(&raw));
	ck_assert_int_eq(strncmp(raw.line, "{\"Version\":", 11), 0);
	ck_assert(raw_line(&raw));
	ck_assert_int_eq(strncmp(raw.line, "{\"Ping\":", 8), 0);
	ck_assert_uint_eq(net_ready_count(node.net), 0);
	raw_send(&raw, "{\"Ack\":{\"message_type\":\"Handshake\"}}\n");
	FIXTURE_AWAIT(net_ready_count(node.net) == 1);
	ck_assert_int_eq(shutdown(raw.fd, SHUT_WR), 0);
	raw_await_end(&raw);
	FIXTURE_AWAIT(closed(PEER_CLOSE_EOF) == 1);
	raw_close(&raw);
	stop();
	close(listener);
}
END_TEST

/* adversarial 13 and 15: what comes first and is no handshake ends it; a wrong one, and the old protocol, are
 * violations. */
START_TEST(first_line_decides)
{
	static const struct {
		const char *line;
		enum peer_close_reason reason;
		uint32_t violations;
	} cases[] = {
		{"{\"GetBlocks\":[0,100]}\n", PEER_CLOSE_NOT_HANDSHAKE, 0},
		{"{\"Ping\":{\"nonce\":1,\"timestamp\":1}}\n", PEER_CLOSE_NOT_HANDSHAKE, 0},
		{"GET / HTTP/1.1\r\n", PEER_CLOSE_NOT_HANDSHAKE, 0},
		{"{\"Handshake\":{\"magic\":[84,73,77,70],\"protocol_version\":1,\"network\":\"x\"}}\n",
		 PEER_CLOSE_WRONG_MAGIC, 1},
		{"{\"Handshake\":{\"magic\":[84,73,77,69],\"protocol_version\":2,\"network\":\"x\"}}\n",
		 PEER_CLOSE_WRONG_VERSION, 1},
		{"~W~M something\n", PEER_CLOSE_OLD_PROTOCOL, 1},
	};

	start();
	raw_connect(&raw, THEM, &node.addr);
	raw_send(&raw, cases[_i].line);
	ck_assert(!raw_line(&raw));
	FIXTURE_AWAIT(closed(cases[_i].reason) == 1);
	ck_assert_uint_eq(violations(THEM), cases[_i].violations);
	leave();
}
END_TEST

/* adversarial 4: before its handshake a connection is not worth more than a handshake's memory. */
START_TEST(endless_first_line_is_no_handshake)
{
	static char part[20001];

	memset(part, 'x', sizeof(part) - 1);
	start();
	raw_connect(&raw, THEM, &node.addr);
	raw_send(&raw, part);
	ck_assert(!raw_line(&raw));
	FIXTURE_AWAIT(closed(PEER_CLOSE_NOT_HANDSHAKE) == 1);
	ck_assert_uint_eq(violations(THEM), 0);
	leave();
}
END_TEST

/* adversarial 11. */
START_TEST(silence_is_dropped_at_the_handshake_deadline)
{
	params.handshake_timeout_ms = 50;
	start();
	raw_connect(&raw, THEM, &node.addr);
	ck_assert(!raw_line(&raw));
	FIXTURE_AWAIT(closed(PEER_CLOSE_HANDSHAKE_TIMEOUT) == 1);
	leave();
}
END_TEST

/* The dialled side takes the connection and says nothing. */
START_TEST(missing_ack_is_dropped_at_the_handshake_deadline)
{
	struct net_addr addr;
	int listener = raw_listen(&addr);

	params.handshake_timeout_ms = 50;
	start();
	fixture_dial(&node, &addr);
	raw_accept(&raw, listener);
	raw_await_end(&raw);
	FIXTURE_AWAIT(closed(PEER_CLOSE_HANDSHAKE_TIMEOUT) == 1);
	raw_close(&raw);
	close(listener);
	stop();
}
END_TEST

START_TEST(ack_of_something_else_is_none)
{
	struct net_addr addr;
	int listener = raw_listen(&addr);

	start();
	fixture_dial(&node, &addr);
	raw_accept(&raw, listener);
	ck_assert(raw_await(&raw, "{\"Ping\""));
	raw_send(&raw, "{\"Ack\":{\"message_type\":\"Ping\"}}\n{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":9,"));
	ck_assert_uint_eq(net_ready_count(node.net), 0);
	raw_send(&raw, "{\"Ack\":{\"message_type\":\"Handshake\"}}\n");
	FIXTURE_AWAIT(net_ready_count(node.net) == 1);
	raw_close(&raw);
	close(listener);
	stop();
}
END_TEST

/* adversarial 14. */
START_TEST(second_handshake_is_ignored)
{
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_send(&raw, RAW_HANDSHAKE RAW_HANDSHAKE "{\"Ping\":{\"nonce\":42,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":42,"));
	ck_assert_uint_eq(net_ready_count(node.net), 1);
	leave();
}
END_TEST

#define VERSION_OF(name)                                                                                               \
	"{\"Version\":{\"version\":\"" name "\",\"commit_date\":\"\",\"commit_count\":\"\",\"protocol_version\":1,"        \
	"\"network\":\"devnet\",\"listen_addr\":\"" THEM ":1\",\"timestamp\":1,\"capabilities\":[]}}\n"

START_TEST(first_version_stands)
{
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_send(&raw, VERSION_OF("one") VERSION_OF("two") "{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":9,"));
	ck_assert_str_eq(fixture_only_peer(&node).subver, "one");
	leave();
}
END_TEST

/* Lines that come in one packet with the handshake are handled in order. */
START_TEST(lines_behind_the_handshake_are_not_lost)
{
	start();
	raw_connect(&raw, THEM, &node.addr);
	raw_send(&raw, RAW_HANDSHAKE "{\"Ping\":{\"nonce\":1,\"timestamp\":1}}\n"
				     "{\"Ping\":{\"nonce\":2,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Ack\""));
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":1,"));
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":2,"));
	leave();
}
END_TEST

/* While others broadcast without a pause, the first line of every new connection is the Ack. */
static atomic_bool broadcasting;

static void *broadcast(void *arg)
{
	struct frame *frame = arg;

	while (atomic_load(&broadcasting))
		(void)net_broadcast(node.net, frame, SEND_GOSSIP, NULL);
	return NULL;
}

START_TEST(nothing_overtakes_the_ack)
{
	struct thread sender;
	struct frame *frame;

	start();
	frame = fixture_news(&node, 10);
	atomic_store(&broadcasting, true);
	ck_assert_int_eq(thread_start(&sender, "sender", broadcast, frame), 0);
	for (int i = 0; i < 60; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "127.78.1.%d", i + 1);
		raw_connect(&raw, ip, &node.addr);
		raw_send(&raw, RAW_HANDSHAKE);
		ck_assert(raw_line(&raw));
		ck_assert_str_eq(raw.line, "{\"Ack\":{\"message_type\":\"Handshake\"}}");
		ck_assert(raw_line(&raw));
		ck_assert_int_eq(strncmp(raw.line, "{\"Version\":", 11), 0);
		raw_close(&raw);
	}
	atomic_store(&broadcasting, false);
	thread_join(&sender);
	frame_unref(frame);
	stop();
}
END_TEST

/* --- a second connection --- */

/* adversarial 27. */
START_TEST(second_connection_of_a_healthy_peer_is_refused)
{
	start();
	raw_join(&raw, THEM, &node.addr);
	ck_assert(raw_await(&raw, "{\"Ping\""));
	raw_connect(&second, THEM, &node.addr);
	raw_send(&second, RAW_HANDSHAKE);
	/* the probe: one ping, and any byte will do */
	ck_assert(raw_await(&raw, "{\"Ping\""));
	raw_send(&raw, "\n");
	ck_assert(!raw_line(&second));
	FIXTURE_AWAIT(closed(PEER_CLOSE_DUPLICATE) == 1);
	ck_assert_uint_eq(net_ready_count(node.net), 1);
	raw_send(&raw, "{\"Ping\":{\"nonce\":3,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":3,"));
	raw_close(&raw);
	raw_close(&second);
	stop();
}
END_TEST

/* adversarial 28: it died without a word and is back. */
START_TEST(rebooted_peer_replaces_its_dead_connection)
{
	params.probe_timeout_ms = 100;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_connect(&second, THEM, &node.addr);
	raw_send(&second, RAW_HANDSHAKE);
	ck_assert(raw_await(&second, "{\"Ack\""));
	FIXTURE_AWAIT(closed(PEER_CLOSE_REPLACED) == 1);
	FIXTURE_AWAIT(net_ready_count(node.net) == 1);
	raw_await_end(&raw);
	raw_close(&raw);
	raw_close(&second);
	stop();
}
END_TEST

/* Its old connection ends while the new one waits: no need to wait any longer. */
START_TEST(end_of_the_old_connection_lets_the_new_one_in)
{
	params.probe_timeout_ms = 60000;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_connect(&second, THEM, &node.addr);
	raw_send(&second, RAW_HANDSHAKE "{\"Ping\":{\"nonce\":5,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Ping\""));
	raw_close(&raw);
	ck_assert(raw_await(&second, "{\"Ack\""));
	ck_assert(raw_await(&second, "{\"Pong\":{\"nonce\":5,"));
	raw_close(&second);
	stop();
}
END_TEST

/* A peer without a Version that has the lower IP text dials while we do: its connection survives, ours gets its Ack. */
START_TEST(crossed_dial_with_an_existing_node)
{
	struct net_addr addr;
	int listener = raw_listen(&addr);
	bool we_are_lower = _i == 0;
	int64_t began_ms = fixture_real_ms();

	params.tie_break_wait_ms = 50;
	params.listen.ip = ip_of(we_are_lower ? "127.78.0.1" : "127.78.0.3");
	start();
	fixture_dial(&node, &addr);
	raw_accept(&raw, listener);
	ck_assert(raw_await(&raw, "{\"Handshake\""));
	raw_connect(&second, THEM, &node.addr);
	raw_send(&second, RAW_HANDSHAKE);
	ck_assert(raw_await(&second, "{\"Ack\""));
	if (we_are_lower) {
		/* the loser sees the end right behind its Ack */
		ck_assert(!raw_line(&second));
		ck_assert_int_lt(fixture_real_ms() - began_ms, 1500);
		raw_close(&second);
		raw_send(&raw, "{\"Ack\":{\"message_type\":\"Handshake\"}}\n");
	} else {
		/* the loser is closed after its Ack, not before */
		raw_send(&raw, "{\"Ack\":{\"message_type\":\"Handshake\"}}\n");
		raw_await_end(&raw);
	}
	FIXTURE_AWAIT(net_ready_count(node.net) == 1);
	FIXTURE_AWAIT(closed(PEER_CLOSE_TIE_BREAK) == 1);
	ck_assert_int_eq(fixture_only_peer(&node).direction, we_are_lower ? PEER_OUTBOUND : PEER_INBOUND);
	raw_close(&raw);
	if (!we_are_lower)
		raw_close(&second);
	close(listener);
	stop();
}
END_TEST

/* --- heartbeat --- */

/* adversarial 22: it pings us, and never answers. */
START_TEST(peer_without_pongs_is_dropped_after_three)
{
	struct net_stats totals;

	params.heartbeat = (struct heartbeat_params){20, 60, 10, 3, 1000, 4096};
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_send(&raw, "{\"Ping\":{\"nonce\":1,\"timestamp\":1}}\n");
	raw_await_end(&raw);
	FIXTURE_AWAIT(closed(PEER_CLOSE_TIMEOUT) == 1);
	net_get_stats(node.net, &totals);
	ck_assert_uint_eq(totals.missed_pongs, 3);
	leave();
}
END_TEST

/* adversarial 20 and 21. */
START_TEST(pongs_of_no_ping_change_nothing)
{
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_send(&raw, "{\"Pong\":{\"nonce\":0,\"timestamp\":1}}\n"
		       "{\"Pong\":{\"nonce\":18446744073709551615,\"timestamp\":1}}\n"
		       "{\"Ping\":{\"nonce\":7,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":7,"));
	ck_assert_int_eq(fixture_only_peer(&node).ping_us, -1);
	ck_assert_int_ge(fixture_only_peer(&node).ping_wait_ms, 0);
	leave();
}
END_TEST

/* adversarial 24: a long line grows slowly, and the pongs that it holds up are not missed. */
START_TEST(growing_line_keeps_the_connection)
{
	static char part[20000];
	int64_t began_ms;

	params.heartbeat = (struct heartbeat_params){20, 60, 10, 3, 60, 4096};
	memset(part, ' ', sizeof(part) - 1);
	start();
	raw_join(&raw, THEM, &node.addr);
	began_ms = fixture_real_ms();
	while (fixture_real_ms() - began_ms < 250) {
		raw_send(&raw, part);
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	ck_assert_uint_eq(net_ready_count(node.net), 1);
	raw_await_end(&raw);
	FIXTURE_AWAIT(closed(PEER_CLOSE_TIMEOUT) == 1);
	leave();
}
END_TEST

/* --- lines --- */

/* adversarial 1: a message in single bytes. */
START_TEST(bytes_may_come_one_by_one)
{
	static const char text[] = "{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n";

	start();
	raw_join(&raw, THEM, &node.addr);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		raw_send(&raw, (char[]){text[i], '\0'});
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":9,"));
	leave();
}
END_TEST

/* adversarial 2 and 3. */
START_TEST(line_limit_is_exact)
{
	char line[1024];

	params.max_frame_bytes = 500;
	start();
	raw_join(&raw, THEM, &node.addr);
	snprintf(line, sizeof(line), "{\"Ping\":{\"nonce\":9,\"timestamp\":1}}%*s\n", 500 - 34, "");
	ck_assert_uint_eq(strlen(line), 501);
	raw_send(&raw, line);
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":9,"));
	snprintf(line, sizeof(line), "{\"Ping\":{\"nonce\":9,\"timestamp\":1}}%*s\n", 501 - 34, "");
	raw_send(&raw, line);
	raw_await_end(&raw);
	FIXTURE_AWAIT(closed(PEER_CLOSE_LINE_TOO_LONG) == 1);
	ck_assert_uint_eq(violations(THEM), 1);
	leave();
}
END_TEST

/* adversarial 5 and 6: the tenth on one connection ends it, as one violation. */
START_TEST(tenth_unparsable_line_ends_it)
{
	start();
	raw_join(&raw, THEM, &node.addr);
	for (int i = 0; i < 9; i++)
		raw_send(&raw, i % 2 ? "nonsense\n" : "{\"NobodyKnowsThis\":1}\n");
	raw_send(&raw, "{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":9,"));
	ck_assert_uint_eq(violations(THEM), 0);
	raw_send(&raw, "{\n");
	raw_await_end(&raw);
	FIXTURE_AWAIT(closed(PEER_CLOSE_MALFORMED) == 1);
	ck_assert_uint_eq(violations(THEM), 1);
	leave();
}
END_TEST

/* The third violation bans: refused at accept from then on. */
START_TEST(third_violation_bans)
{
	struct net_stats totals;

	start();
	for (int i = 0; i < 3; i++) {
		raw_connect(&raw, THEM, &node.addr);
		raw_send(&raw, "~W~M\n");
		raw_await_end(&raw);
		raw_close(&raw);
		FIXTURE_AWAIT(violations(THEM) == (uint32_t)i + 1);
	}
	raw_connect(&raw, THEM, &node.addr);
	ck_assert(!raw_line(&raw));
	raw_close(&raw);
	net_get_stats(node.net, &totals);
	ck_assert_uint_eq(totals.refused_banned, 1);
	/* nobody else suffers */
	raw_join(&raw, OTHER, &node.addr);
	leave();
}
END_TEST

/* adversarial 29. */
START_TEST(too_many_connects_are_refused)
{
	struct net_stats totals;

	params.bans.connects_per_minute = 5;
	start();
	for (int i = 0; i < 20; i++) {
		raw_connect(&raw, THEM, &node.addr);
		raw_close(&raw);
	}
	FIXTURE_AWAIT((net_get_stats(node.net, &totals), totals.refused_rate == 15));
	raw_join(&raw, OTHER, &node.addr);
	leave();
}
END_TEST

/* What is over the limit is dropped, not punished; useful messages cost nothing. */
START_TEST(useless_messages_are_limited)
{
	start();
	raw_join(&raw, THEM, &node.addr);
	for (int i = 0; i < 50; i++)
		raw_send(&raw, "\"GetBlockHeight\"\n"
			       "{\"TransactionRejected\":{\"txid\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
			       "0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"reason\":\"\"}}\n");
	raw_send(&raw, "{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":9,"));
	ck_assert_uint_ge(atomic_load(&node.received[WIRE_GET_BLOCK_HEIGHT]), 10);
	ck_assert_uint_lt(atomic_load(&node.received[WIRE_GET_BLOCK_HEIGHT]), 50);
	ck_assert_uint_eq(atomic_load(&node.received[WIRE_TRANSACTION_REJECTED]), 50);
	ck_assert_uint_gt(fixture_only_peer(&node).rate_limited, 0);
	ck_assert_uint_eq(violations(THEM), 0);
	leave();
}
END_TEST

/* --- requests --- */

static void ask_peers(struct peer *peer)
{
	static const struct wire_message peers = {.type = WIRE_GET_PEERS};

	ck_assert(peer_request(peer, REQUEST_PEERS, 0, &peers));
}

/* The pong of the ping behind a request, and no answer before it: none comes.  A late one is nobody's. */
START_TEST(pong_before_the_answer_means_none)
{
	node.on_ready = ask_peers;
	start();
	raw_join(&raw, THEM, &node.addr);
	ck_assert(raw_await(&raw, "\"GetPeers\""));
	ck_assert(raw_await(&raw, "{\"Ping\""));
	raw_pong(&raw);
	raw_send(&raw, "{\"PeersResponse\":[]}\n{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n");
	ck_assert(raw_await(&raw, "{\"Pong\":{\"nonce\":9,"));
	ck_assert_uint_eq(atomic_load(&node.expected), 0);
	ck_assert_uint_eq(atomic_load(&node.received[WIRE_PEERS_RESPONSE]), 1);
	ck_assert(!fixture_only_peer(&node).answers);
	leave();
}
END_TEST

START_TEST(answer_before_the_pong_counts)
{
	node.on_ready = ask_peers;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_send(&raw, "{\"PeersResponse\":[]}\n");
	FIXTURE_AWAIT(atomic_load(&node.expected) == 1);
	ck_assert(fixture_only_peer(&node).answers);
	leave();
}
END_TEST

static void ask_hash(struct peer *peer)
{
	static const struct wire_message hash = {.type = WIRE_GET_BLOCK_HASH, .u.get_block_hash = 7};

	ck_assert(peer_request(peer, REQUEST_BLOCK_HASH, 7, &hash));
}

/* An answer about another height answers nothing, and ours may still come. */
START_TEST(answers_are_matched_by_height)
{
	node.on_ready = ask_hash;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_send(&raw, "{\"BlockHashResponse\":{\"height\":8,\"hash\":null}}\n");
	FIXTURE_AWAIT(atomic_load(&node.received[WIRE_BLOCK_HASH_RESPONSE]) == 1);
	ck_assert_uint_eq(atomic_load(&node.expected), 0);
	raw_send(&raw, "{\"BlockHashResponse\":{\"height\":7,\"hash\":null}}\n");
	FIXTURE_AWAIT(atomic_load(&node.expected) == 1);
	leave();
}
END_TEST

static atomic_uint refusals;

static enum message_verdict note_refusals(struct peer *peer, const struct wire_message *message)
{
	uint64_t height = message->u.get_block_hash;

	atomic_fetch_add(&refusals, !peer_may_ask_range(peer, message->type, height, height));
	return fixture_count(peer, message);
}

static void ask_height(int height)
{
	unsigned before = atomic_load(&node.received[WIRE_GET_BLOCK_HASH]);
	char line[64];

	snprintf(line, sizeof(line), "{\"GetBlockHash\":%d}\n", height);
	raw_send(&raw, line);
	FIXTURE_AWAIT(atomic_load(&node.received[WIRE_GET_BLOCK_HASH]) == before + 1);
}

/* adversarial 44: the same asked for again within ten seconds is limited, other heights are not. */
static void assert_option(int fd, int level, int name, int expected)
{
	int value;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	ck_assert_int_eq(value, expected);
}

/* The options of the node's end of `raw`: its socket is one of this process. */
static void assert_socket_options(void)
{
	struct sockaddr_storage ours = {0};
	socklen_t len = sizeof(ours);
	int found = 0;

	ck_assert_int_eq(getsockname(raw.fd, (struct sockaddr *)&ours, &len), 0);
	for (int fd = 0; fd < 1024; fd++) {
		struct sockaddr_storage theirs = {0};
		socklen_t their_len = sizeof(theirs);

		if (getpeername(fd, (struct sockaddr *)&theirs, &their_len) || their_len != len ||
		    memcmp(&theirs, &ours, len) != 0)
			continue;
		found++;
		assert_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		assert_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		assert_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, params.tcp_keepalive_idle_s);
		assert_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, params.tcp_keepalive_interval_s);
	}
	ck_assert_int_eq(found, 1);
}

/* In both directions: no line waits for another to go with it, and the kernel looks after a silent connection. */
START_TEST(sockets_do_not_delay_and_are_kept_alive)
{
	struct net_addr addr;
	int listener = raw_listen(&addr);

	params.tcp_keepalive_idle_s = 31;
	params.tcp_keepalive_interval_s = 11;
	start();
	raw_join(&raw, OTHER, &node.addr);
	assert_socket_options();
	raw_close(&raw);
	fixture_dial(&node, &addr);
	raw_accept(&raw, listener);
	ck_assert(raw_line(&raw));
	assert_socket_options();
	close(listener);
	leave();
}
END_TEST

START_TEST(same_range_asked_again_is_limited_for_ten_seconds)
{
	node.on_request = note_refusals;
	start();
	raw_join(&raw, THEM, &node.addr);
	for (int i = 0; i <= 10; i++)
		ask_height(5);
	ck_assert_uint_eq(atomic_load(&refusals), 0);
	ask_height(5);
	ask_height(5);
	ck_assert_uint_ge(atomic_load(&refusals), 1);
	atomic_store(&refusals, 0);
	ask_height(100);
	ck_assert_uint_eq(atomic_load(&refusals), 0);
	clock_set_offset_ms(10000, 0);
	ask_height(5);
	ck_assert_uint_eq(atomic_load(&refusals), 0);
	leave();
}
END_TEST

/* Five in turn are as limited as one. */
START_TEST(same_ranges_asked_in_turn_are_limited)
{
	node.on_request = note_refusals;
	atomic_store(&refusals, 0);
	start();
	raw_join(&raw, THEM, &node.addr);
	for (int i = 0; i < 5; i++)
		ask_height(i);
	ck_assert_uint_eq(atomic_load(&refusals), 0);
	for (int i = 0; i < 25; i++)
		ask_height(i % 5);
	ck_assert_uint_ge(atomic_load(&refusals), 1);
	leave();
}
END_TEST

/* --- turnaround --- */

/* Mute on the connection that it dialled: closed, dialled, closed and dialled once more, and that one stays. */
START_TEST(mute_peer_is_turned_around)
{
	struct net_addr addr;
	int listener = raw_listen(&addr);

	params.turnaround_after_ms = 50;
	params.turnaround_redial_ms = 50;
	params.addresses.turnaround_dial_ms = 50;
	params.addresses.default_port = addr.port;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_await_end(&raw);
	raw_close(&raw);
	for (int dial = 0; dial < 2; dial++) {
		raw_accept(&raw, listener);
		ck_assert(raw_await(&raw, "{\"Handshake\""));
		raw_send(&raw, "{\"Ack\":{\"message_type\":\"Handshake\"}}\n");
		if (dial == 0) {
			raw_await_end(&raw);
			raw_close(&raw);
		}
	}
	FIXTURE_AWAIT(closed(PEER_CLOSE_TURNAROUND) == 2);
	FIXTURE_AWAIT(net_ready_count(node.net) == 1);
	ck_assert_int_eq(fixture_only_peer(&node).direction, PEER_OUTBOUND);
	ck_assert_uint_eq(atomic_load(&node.ready), 3);
	raw_close(&raw);
	close(listener);
	stop();
}
END_TEST

/* One of ours shows a Version: never mute. */
START_TEST(peer_with_a_version_is_not_turned_around)
{
	params.turnaround_after_ms = 30;
	start();
	raw_connect(&raw, THEM, &node.addr);
	raw_send(&raw, RAW_HANDSHAKE VERSION_OF("x"));
	ck_assert(raw_await(&raw, "{\"Ack\""));
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	ck_assert_uint_eq(net_ready_count(node.net), 1);
	ck_assert_uint_eq(closed(PEER_CLOSE_TURNAROUND), 0);
	leave();
}
END_TEST

/* The same machine through the other family of sockets. */
START_TEST(mapped_ipv6_is_the_same_peer)
{
	struct net_ip ip = ip_of(THEM);
	struct peer_info info;

	params.listen.ip = ip_of("::");
	start();
	node.addr.ip = ip_of(US);
	raw_join(&raw, THEM, &node.addr);
	info = fixture_only_peer(&node);
	ck_assert(net_ip_equal(&info.addr.ip, &ip));
	ck_assert_str_eq(info.ip, THEM);
	leave();
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, acceptor_greets_with_ack_version_and_ping);
	tcase_add_test(c, dialler_speaks_first);
	tcase_add_loop_test(c, first_line_decides, 0, 6);
	tcase_add_test(c, endless_first_line_is_no_handshake);
	tcase_add_test(c, silence_is_dropped_at_the_handshake_deadline);
	tcase_add_test(c, missing_ack_is_dropped_at_the_handshake_deadline);
	tcase_add_test(c, ack_of_something_else_is_none);
	tcase_add_test(c, second_handshake_is_ignored);
	tcase_add_test(c, first_version_stands);
	tcase_add_test(c, lines_behind_the_handshake_are_not_lost);
	tcase_add_test(c, nothing_overtakes_the_ack);
	tcase_add_test(c, second_connection_of_a_healthy_peer_is_refused);
	tcase_add_test(c, rebooted_peer_replaces_its_dead_connection);
	tcase_add_test(c, end_of_the_old_connection_lets_the_new_one_in);
	tcase_add_loop_test(c, crossed_dial_with_an_existing_node, 0, 2);
	tcase_add_test(c, peer_without_pongs_is_dropped_after_three);
	tcase_add_test(c, pongs_of_no_ping_change_nothing);
	tcase_add_test(c, growing_line_keeps_the_connection);
	tcase_add_test(c, bytes_may_come_one_by_one);
	tcase_add_test(c, line_limit_is_exact);
	tcase_add_test(c, tenth_unparsable_line_ends_it);
	tcase_add_test(c, third_violation_bans);
	tcase_add_test(c, too_many_connects_are_refused);
	tcase_add_test(c, useless_messages_are_limited);
	tcase_add_test(c, pong_before_the_answer_means_none);
	tcase_add_test(c, answer_before_the_pong_counts);
	tcase_add_test(c, answers_are_matched_by_height);
	tcase_add_test(c, sockets_do_not_delay_and_are_kept_alive);
	tcase_add_test(c, same_range_asked_again_is_limited_for_ten_seconds);
	tcase_add_test(c, same_ranges_asked_in_turn_are_limited);
	tcase_add_test(c, mute_peer_is_turned_around);
	tcase_add_test(c, peer_with_a_version_is_not_turned_around);
	tcase_add_test(c, mapped_ipv6_is_the_same_peer);
}

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *c = tcase_create("session");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
