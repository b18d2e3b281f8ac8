// SPDX-License-Identifier: MIT
/* net/peer: what a peer that reads slowly or not at all, or never ends its line, costs us and the others (design: output,
 * memory). */
#include "timed/net/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_raw.h"
#include "peer_impl.h"
#include "peer_table.h"
#include "run_suite.h"
#include "scratch.h"

#define US "127.79.0.1"
#define THEM "127.79.0.2"
#define OTHER "127.79.0.3"

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

/* A peer whose kernel takes little of what it does not read. */
static void connect_slow_reader(void)
{
	struct net_ip them = ip_of(THEM);
	int small = 65536;
	struct peer *peer;

	raw_connect(&raw, THEM, &node.addr);
	ck_assert_int_eq(setsockopt(raw.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	raw_send(&raw, RAW_HANDSHAKE);
	FIXTURE_AWAIT(net_ready_count(node.net) == 1);
	/* Ready, and what the handshake owes has left: from here on others may send. */
	peer = peer_table_find(net_table(node.net), &them);
	ck_assert_ptr_nonnull(peer);
	FIXTURE_AWAIT(atomic_load(&peer->open));
	peer_unref(peer);
}

/* Answers with 30 KB, of which the first word is the height asked for. */
static enum message_verdict answer_much(struct peer *peer, const struct wire_message *message)
{
	static const char padding[167]; /* NUL bytes: six characters each on the wire */
	char height[32];
	struct wire_str items[31] = {{height, 0}};
	struct wire_message m = {.type = WIRE_PEERS_RESPONSE, .u.peers_response = {items, 31}};

	items[0].len = (size_t)snprintf(height, sizeof(height), "%06llu",
					(unsigned long long)message->u.get_block_hash);
	for (int i = 1; i < 31; i++)
		items[i] = (struct wire_str){padding, sizeof(padding)};
	(void)peer_reply(peer, &m);
	return MESSAGE_USEFUL;
}

static uint64_t bytes_received(int nth)
{
	struct peer_info *infos;
	size_t n = net_peer_infos(node.net, &infos);
	uint64_t bytes = (size_t)nth < n ? infos[nth].bytes_received : 0;

	free(infos);
	return bytes;
}

static void ask(int height)
{
	char line[64];

	snprintf(line, sizeof(line), "{\"GetBlockHash\":%d}\n", height);
	raw_send(&raw, line);
}

/* Bytes on the wire of the first `count` requests. */
static uint64_t bytes_asked(int count)
{
	uint64_t bytes = 0;

	for (int height = 0; height < count; height++)
		bytes += (uint64_t)snprintf(NULL, 0, "{\"GetBlockHash\":%d}\n", height);
	return bytes;
}

static void ping(int nonce)
{
	char line[64];

	snprintf(line, sizeof(line), "{\"Ping\":{\"nonce\":%d,\"timestamp\":1}}\n", nonce);
	raw_send(&raw, line);
}

#define PING "{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n"
#define TEN_PINGS PING PING PING PING PING PING PING PING PING PING
static const char pings[] = TEN_PINGS TEN_PINGS TEN_PINGS TEN_PINGS TEN_PINGS TEN_PINGS TEN_PINGS TEN_PINGS;

#define REQUESTS 400

/* Over the soft bound requests wait, 16 of them, and later ones are dropped; what is answered is answered in order. */
START_TEST(requests_of_a_slow_reader_wait_in_order)
{
	int answered = 0;
	long last = -1;

	params.output_soft_bytes = 100000;
	node.on_request = answer_much;
	start();
	connect_slow_reader();
	for (int i = 0; i < REQUESTS; i++)
		ask(100 + i);
	raw_send(&raw, "{\"TransactionVoteRequest\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}\n");
	FIXTURE_AWAIT(fixture_only_peer(&node).received_per_type[WIRE_TRANSACTION_VOTE_REQUEST] > 0);
	while (raw_await(&raw, "{\"PeersResponse\":[\"")) {
		long height = strtol(raw.line + 19, NULL, 10);

		ck_assert_int_gt(height, last);
		last = height;
		answered++;
		if (answered + (int)fixture_only_peer(&node).rate_limited == REQUESTS)
			break;
	}
	ck_assert_int_gt(answered, 16);
	ck_assert_uint_gt(fixture_only_peer(&node).rate_limited, 0);
	/* each was counted once, though some waited */
	ck_assert_uint_eq(fixture_only_peer(&node).received_per_type[WIRE_GET_BLOCK_HASH], REQUESTS * 21);
	leave();
}
END_TEST

/* The reader drinks while it asks on: what is asked later never overtakes what waits. */
START_TEST(later_requests_do_not_overtake_those_that_wait)
{
	long last = -1;
	int asked = 0;

	params.output_soft_bytes = 100000;
	node.on_request = answer_much;
	start();
	connect_slow_reader();
	for (int answered = 0; answered < 300; answered++) {
		while (asked < answered + 120)
			ask(asked++);
		ck_assert(raw_await(&raw, "{\"PeersResponse\":[\""));
		ck_assert_int_gt(strtol(raw.line + 19, NULL, 10), last);
		last = strtol(raw.line + 19, NULL, 10);
	}
	leave();
}
END_TEST

/* Not one pong is lost behind big answers, and none overtakes them: each says that what was asked before it has been
 * answered. */
START_TEST(pongs_keep_their_place_behind_answers)
{
	int asked = 0, answered = 0;
	char line[64];

	params.output_soft_bytes = 20000; /* less than one answer */
	node.on_request = answer_much;
	start();
	connect_slow_reader();
	/* One at a time: more than can wait would be dropped, and pings with them answered at once. */
	while (fixture_only_peer(&node).send_queue_bytes <= 20000) {
		ask(asked++);
		FIXTURE_AWAIT(fixture_only_peer(&node).received_per_type[WIRE_GET_BLOCK_HASH] >= bytes_asked(asked));
	}
	for (int i = 0; i < 5; i++)
		ask(asked++);
	for (int nonce = 1; nonce <= 5; nonce++)
		ping(nonce);
	for (int nonce = 1; nonce <= 5; nonce++) {
		do {
			ck_assert(raw_line(&raw));
			answered += strncmp(raw.line, "{\"PeersResponse\"", 16) == 0;
		} while (strncmp(raw.line, "{\"Pong\"", 7) != 0);
		snprintf(line, sizeof(line), "{\"Pong\":{\"nonce\":%d,", nonce);
		ck_assert_int_eq(strncmp(raw.line, line, strlen(line)), 0);
		ck_assert_int_eq(answered + (int)fixture_only_peer(&node).rate_limited, asked);
	}
	leave();
}
END_TEST

/* When no more can wait, requests are dropped and pings are not: three lost pongs would end a healthy connection. */
START_TEST(ping_that_cannot_wait_is_answered)
{
	params.output_soft_bytes = 100000;
	node.on_request = answer_much;
	start();
	connect_slow_reader();
	for (int i = 0; i < REQUESTS; i++)
		ask(i);
	for (int nonce = 1; nonce <= 5; nonce++)
		ping(nonce);
	for (int nonce = 1; nonce <= 5; nonce++)
		ck_assert(raw_await(&raw, "{\"Pong\""));
	ck_assert_uint_gt(fixture_only_peer(&node).rate_limited, 0);
	leave();
}
END_TEST

/* adversarial 25: pings of a peer that does not read its answers cost no more than those answers. */
START_TEST(pings_behind_unread_answers_are_bounded)
{
	size_t at = 0; /* a send may take a part of a line */

	params.output_soft_bytes = 100000;
	node.on_request = answer_much;
	start();
	connect_slow_reader();
	for (int i = 0; i < REQUESTS; i++)
		ask(i);
	while (bytes_received(0) < 1000000) {
		ssize_t n = send(raw.fd, pings + at, sizeof(pings) - 1 - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		at = n > 0 ? (at + (size_t)n) % (sizeof(pings) - 1) : at;
		ck_assert_uint_le(fixture_only_peer(&node).send_queue_bytes, 200000);
	}
	leave();
}
END_TEST

static int count_in(const char *text, const char *what)
{
	int count = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		count++;
	return count;
}

/* adversarial 25: nor do pings flood the log of an operator who looks closely. */
START_TEST(flood_of_pings_does_not_flood_the_log)
{
	struct log_config config = {.file_path = NULL};
	char *text;

	scratch_make();
	config.file_path = scratch_path("log");
	start();
	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		config.level[category] = LOG_LEVEL_ERROR;
	config.level[LOG_HEARTBEAT] = LOG_LEVEL_DEBUG;
	ck_assert_int_eq(log_open(&config), 0);
	raw_join(&raw, THEM, &node.addr);
	for (int nonce = 1; nonce <= 300; nonce++)
		ping(nonce);
	for (int nonce = 1; nonce <= 300; nonce++)
		ck_assert(raw_await(&raw, "{\"Pong\""));
	leave();
	log_close();
	text = scratch_read(scratch_path("log"));
	ck_assert_int_ge(count_in(text, "] Answered ping from " THEM), 1);
	/* 5 in 10 s, should the machine be that slow */
	ck_assert_int_le(count_in(text, "] Answered ping from " THEM), 15);
	free(text);
	scratch_remove();
}
END_TEST

static enum message_verdict answer_little(struct peer *peer, const struct wire_message *message)
{
	struct wire_message m = {.type = WIRE_BLOCK_HASH_RESPONSE};

	m.u.block_hash_response.height = message->u.get_block_hash;
	(void)peer_reply(peer, &m);
	return MESSAGE_USEFUL;
}

/* The output has left before they are looked at again, and no heartbeat is due for half a minute. */
START_TEST(waiting_requests_need_no_other_event)
{
	int64_t began_ms = fixture_real_ms();

	params.output_soft_bytes = 1;
	node.on_request = answer_little;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_send(&raw, "{\"GetBlockHash\":1}\n{\"GetBlockHash\":2}\n{\"GetBlockHash\":3}\n{\"GetBlockHash\":4}\n");
	for (int height = 1; height <= 4; height++) {
		char begin[64];

		snprintf(begin, sizeof(begin), "{\"BlockHashResponse\":{\"height\":%d,", height);
		ck_assert(raw_await(&raw, "{\"BlockHashResponse\""));
		ck_assert_int_eq(strncmp(raw.line, begin, strlen(begin)), 0);
	}
	/* not even the look that a quiet connection takes every two seconds */
	ck_assert_int_lt(fixture_real_ms() - began_ms, 1900);
	leave();
}
END_TEST

/* adversarial 57: gossip falls to the soft bound, and the hard bound ends the connection; the others get everything. */
START_TEST(slow_consumer_is_closed_at_the_hard_bound)
{
	struct frame *frame;
	uint64_t dropped = 0;

	params.output_soft_bytes = 100000;
	params.output_hard_bytes = 400000;
	start();
	connect_slow_reader();
	frame = fixture_news(&node, 4000);
	for (int i = 0; i < 5000 && dropped == 0; i++) {
		(void)net_broadcast(node.net, frame, SEND_GOSSIP, NULL);
		dropped = fixture_only_peer(&node).gossip_dropped;
	}
	ck_assert_uint_gt(dropped, 0);
	ck_assert_uint_le(fixture_only_peer(&node).send_queue_bytes, 100000);
	ck_assert_uint_eq(closed(PEER_CLOSE_SLOW_CONSUMER), 0);
	raw_join(&second, OTHER, &node.addr);
	/* what must not be dropped goes on to the hard bound, once the kernel's buffers take no more */
	while (closed(PEER_CLOSE_SLOW_CONSUMER) == 0) {
		ck_assert_uint_ge(net_broadcast(node.net, frame, SEND_CONSENSUS, NULL), 1);
		ck_assert(raw_await(&second, "{\"TransactionRejected\""));
	}
	FIXTURE_AWAIT(net_ready_count(node.net) == 1);
	ck_assert_str_eq(fixture_only_peer(&node).ip, OTHER);
	frame_unref(frame);
	raw_close(&raw);
	raw_close(&second);
	stop();
}
END_TEST

/* Answers that were encoded piece by piece go over the soft bound, as others do, and end at the hard one. */
START_TEST(answers_nobody_reads_end_at_the_hard_bound)
{
	struct net_ip them = ip_of(THEM);
	size_t queued = 0;
	struct frame *frame;
	struct peer *peer;

	params.output_soft_bytes = 100000;
	params.output_hard_bytes = 400000;
	start();
	connect_slow_reader();
	peer = peer_table_find(net_table(node.net), &them);
	ck_assert_ptr_nonnull(peer);
	frame = fixture_news(&node, 4000);
	/* A ping of the worker may be what goes over the bound, and then the queue is gone before it is looked at. */
	while (peer_send(peer, frame, SEND_ANSWER)) {
		size_t now = peer_queue_bytes(peer);

		ck_assert_uint_le(now, 400000);
		queued = now > queued ? now : queued;
	}
	ck_assert_uint_gt(queued, 400000 - 3 * frame->len);
	ck_assert(!peer_send(peer, frame, SEND_ANSWER));
	FIXTURE_AWAIT(closed(PEER_CLOSE_SLOW_CONSUMER) == 1);
	frame_unref(frame);
	peer_unref(peer);
	leave();
}
END_TEST

START_TEST(reader_without_progress_is_closed)
{
	struct frame *frame;

	params.no_progress_ms = 100;
	start();
	connect_slow_reader();
	frame = fixture_news(&node, 100000);
	/* until the kernel's buffers take no more, and then the peer's time is up */
	FIXTURE_AWAIT((net_broadcast(node.net, frame, SEND_GOSSIP, NULL), closed(PEER_CLOSE_SLOW_CONSUMER) == 1));
	frame_unref(frame);
	leave();
}
END_TEST

/* adversarial 25: pings without a pause from a peer that does not read: no growth. */
START_TEST(pings_of_a_deaf_peer_cost_a_bounded_lane)
{
	params.no_progress_ms = 100;
	start();
	connect_slow_reader();
	while (send(raw.fd, pings, sizeof(pings) - 1, MSG_NOSIGNAL) > 0 && !closed(PEER_CLOSE_SLOW_CONSUMER)) {
		struct peer_info *infos;

		if (net_peer_infos(node.net, &infos) == 1)
			ck_assert_uint_le(infos->send_queue_bytes, 65536 + 35);
		free(infos);
	}
	FIXTURE_AWAIT(closed(PEER_CLOSE_SLOW_CONSUMER) == 1);
	leave();
}
END_TEST

static char unfinished[100001]; /* of a line that does not end */

/* Two peers, and five parts of 100,000 bytes by the first one, of a budget of 700,000. */
static void two_of_which_one_fills_the_budget(void)
{
	memset(unfinished, 'x', sizeof(unfinished) - 1);
	params.memory_budget_bytes = 700000;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_join(&second, OTHER, &node.addr);
	for (int i = 0; i < 5; i++)
		raw_send(&raw, unfinished);
	FIXTURE_AWAIT(bytes_received(0) >= 500000);
}

/* The budget is used up by unfinished lines and nobody gets on: the longest is closed, the other goes on. */
START_TEST(longest_unfinished_line_gives_way)
{
	int64_t shift_ms = 0;

	two_of_which_one_fills_the_budget();
	for (int i = 0; i < 2; i++)
		raw_send(&second, unfinished);
	FIXTURE_AWAIT(bytes_received(1) >= 60000);
	/* the keeper looks until one has to go, which it does at once; it is patient for two seconds of ours */
	FIXTURE_AWAIT((clock_set_offset_ms(shift_ms += 50, 0), net_relieve_memory(node.net),
		       net_ready_count(node.net) == 1));
	FIXTURE_AWAIT(closed(PEER_CLOSE_MEMORY) == 1);
	ck_assert_str_eq(fixture_only_peer(&node).ip, OTHER);
	raw_send(&second, "\n{\"Ping\":{\"nonce\":9,\"timestamp\":1}}\n");
	ck_assert(raw_await(&second, "{\"Pong\":{\"nonce\":9,"));
	raw_close(&raw);
	raw_close(&second);
	stop();
}
END_TEST

/* No line waits, but there is no memory for what is to be sent: the longest unfinished line gives way at once. */
START_TEST(unfinished_lines_do_not_mute_the_node)
{
	struct frame *frames[20];
	size_t count = 0;

	two_of_which_one_fills_the_budget();
	while (frame_from_line(&frames[count], net_budget(node.net), WIRE_TRANSACTION_BROADCAST, (uint8_t *)unfinished,
			       20000) == 0)
		count++;
	ck_assert_uint_gt(count, 3);
	net_relieve_memory(node.net);
	FIXTURE_AWAIT(closed(PEER_CLOSE_MEMORY) == 1);
	ck_assert_str_eq(fixture_only_peer(&node).ip, OTHER);
	while (count > 0)
		frame_unref(frames[--count]);
	raw_close(&raw);
	raw_close(&second);
	stop();
}
END_TEST

/* There is no memory to decode a line now: it waits, and is handled when another has given some back. */
START_TEST(line_waits_for_memory)
{
	static char part[120001], line[120001];
	size_t len = 0;

	memset(part, 'x', sizeof(part) - 1);
	len += (size_t)sprintf(line, "{\"PeersResponse\":[");
	while (len < 100000)
		len += (size_t)sprintf(line + len, "\"%0500d\",", 0);
	sprintf(line + len, "\"\"]}\n");
	params.memory_budget_bytes = 300000;
	start();
	raw_join(&raw, THEM, &node.addr);
	raw_join(&second, OTHER, &node.addr);
	raw_send(&second, part);
	FIXTURE_AWAIT(bytes_received(1) >= 120000);
	raw_send(&raw, line);
	FIXTURE_AWAIT(bytes_received(0) >= strlen(line));
	nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
	ck_assert_uint_eq(atomic_load(&node.received[WIRE_PEERS_RESPONSE]), 0);
	ck_assert_uint_eq(net_ready_count(node.net), 2);
	raw_close(&second);
	FIXTURE_AWAIT(atomic_load(&node.received[WIRE_PEERS_RESPONSE]) == 1);
	ck_assert_str_eq(fixture_only_peer(&node).ip, THEM);
	leave();
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, requests_of_a_slow_reader_wait_in_order);
	tcase_add_test(c, later_requests_do_not_overtake_those_that_wait);
	tcase_add_test(c, pongs_keep_their_place_behind_answers);
	tcase_add_test(c, ping_that_cannot_wait_is_answered);
	tcase_add_test(c, pings_behind_unread_answers_are_bounded);
	tcase_add_test(c, flood_of_pings_does_not_flood_the_log);
	tcase_add_test(c, waiting_requests_need_no_other_event);
	tcase_add_test(c, slow_consumer_is_closed_at_the_hard_bound);
	tcase_add_test(c, answers_nobody_reads_end_at_the_hard_bound);
	tcase_add_test(c, reader_without_progress_is_closed);
	tcase_add_test(c, pings_of_a_deaf_peer_cost_a_bounded_lane);
	tcase_add_test(c, longest_unfinished_line_gives_way);
	tcase_add_test(c, unfinished_lines_do_not_mute_the_node);
	tcase_add_test(c, line_waits_for_memory);
}

int main(void)
{
	Suite *suite = suite_create("peer");
	TCase *c = tcase_create("peer");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
