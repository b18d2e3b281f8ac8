// SPDX-License-Identifier: MIT
/* net/net: real networks of one process that dial each other on 127.77.0.0/16, and how they stop. */
#include "timed/net/net.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_raw.h"
#include "peer_table.h"
#include "run_suite.h"
#include "timed/net/wire_record.h"
#include "timed/util/file.h"
#include "timed/util/thread.h"

static struct net_params params;

static void setup(void)
{
	params = net_fixture_params("127.77.0.1");
	params.addresses.back_off_min_ms = 50;
	params.addresses.back_off_max_ms = 200;
	params.addresses.grace_ms = 100;
}

/* Often, and patient with a busy machine. */
static const struct heartbeat_params fast = {30, 20000, 100, 3, 1000, 4096};

static void start(struct fixture_node *node, const char *ip)
{
	params.listen.ip = ip_of(ip);
	fixture_start(node, &params);
}

static uint32_t ready(struct fixture_node *node)
{
	return net_ready_count(node->net);
}

/* So many peers are ready and have been greeted: from then on anybody may send to them. */
static bool open_to(struct fixture_node *node, uint32_t count)
{
	return ready(node) == count && atomic_load(&node->ready) >= count;
}

static unsigned received(struct fixture_node *node, enum wire_type type)
{
	return atomic_load(&node->received[type]);
}

static void *nothing(void *arg)
{
	return arg;
}

/* How many threads this process has; a sanitizer's own, which comes with the first of ours, is among them. */
static int threads_now(void)
{
	struct thread first;
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	ck_assert_int_eq(thread_start(&first, "first", nothing, NULL), 0);
	thread_join(&first);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

/* Both ends of the only connection are the two ends of one socket pair. */
static bool same_connection(struct fixture_node *a, struct fixture_node *b)
{
	struct peer_info *x, *y;
	size_t nx = net_peer_infos(a->net, &x), ny = net_peer_infos(b->net, &y);
	bool same = nx == 1 && ny == 1 && x->direction != y->direction && x->addr.port == y->bound.port &&
		    x->bound.port == y->addr.port;

	free(x);
	free(y);
	return same;
}

START_TEST(two_nets_have_one_connection)
{
	struct fixture_node a = {0}, b = {0};
	struct peer_info info;

	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(ready(&a) == 1 && ready(&b) == 1);
	ck_assert(same_connection(&a, &b));
	info = fixture_only_peer(&a);
	ck_assert_str_eq(info.ip, "127.77.0.2");
	ck_assert_int_eq(info.direction, PEER_OUTBOUND);
	ck_assert(info.manual);
	FIXTURE_AWAIT(fixture_only_peer(&a).has_version && fixture_only_peer(&b).has_version);
	ck_assert_str_eq(fixture_only_peer(&b).subver, "test");
	ck_assert_uint_eq(strlen(fixture_only_peer(&b).node_id), 32);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

/* adversarial 26: each round both dial at the same moment; what remains is one connection, the same at both ends. */
START_TEST(crossed_dials_leave_the_same_one_connection)
{
	params.heartbeat = fast;
	for (int round = 0; round < 15; round++) {
		struct fixture_node a = {0}, b = {0};

		start(&a, "127.77.0.1");
		start(&b, "127.77.0.2");
		fixture_dial(&a, &b.addr);
		fixture_dial(&b, &a.addr);
		FIXTURE_AWAIT(same_connection(&a, &b));
		/* three heartbeats later it is still there */
		FIXTURE_AWAIT(fixture_only_peer(&a).received_per_type[WIRE_PONG] > 200);
		ck_assert(same_connection(&a, &b));
		fixture_stop(&a);
		fixture_stop(&b);
	}
}
END_TEST

START_TEST(five_nets_make_a_full_mesh)
{
	struct fixture_node nodes[5] = {0};
	uint32_t total = 0;

	for (int i = 0; i < 5; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "127.77.0.%d", i + 1);
		start(&nodes[i], ip);
	}
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 5; j++) {
			if (i != j)
				fixture_dial(&nodes[i], &nodes[j].addr);
		}
	}
	FIXTURE_AWAIT((total = ready(&nodes[0]) + ready(&nodes[1]) + ready(&nodes[2]) + ready(&nodes[3]) +
			       ready(&nodes[4])) == 20);
	for (int i = 0; i < 5; i++)
		fixture_stop(&nodes[i]);
}
END_TEST

START_TEST(both_ends_ping_and_get_pongs)
{
	struct fixture_node a = {0}, b = {0};
	struct net_stats totals;

	params.heartbeat = fast;
	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(ready(&a) == 1 && ready(&b) == 1);
	FIXTURE_AWAIT(fixture_only_peer(&a).received_per_type[WIRE_PONG] > 400 &&
		      fixture_only_peer(&b).received_per_type[WIRE_PONG] > 400);
	ck_assert_int_ge(fixture_only_peer(&a).ping_us, 0);
	ck_assert_int_ge(fixture_only_peer(&b).min_ping_us, 0);
	ck_assert_uint_eq(fixture_only_peer(&a).missed_pongs, 0);
	net_get_stats(a.net, &totals);
	ck_assert_uint_eq(totals.missed_pongs, 0);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

/* adversarial 58: the wall clock may jump an hour either way. */
START_TEST(jump_of_the_wall_clock_loses_nothing)
{
	struct fixture_node a = {0}, b = {0};

	params.heartbeat = fast;
	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(ready(&a) == 1 && ready(&b) == 1);
	for (int jump = -1; jump <= 1; jump += 2) {
		uint64_t before = fixture_only_peer(&a).received_per_type[WIRE_PONG];

		clock_set_offset_ms(0, (int64_t)jump * 3600000);
		FIXTURE_AWAIT(fixture_only_peer(&a).received_per_type[WIRE_PONG] > before + 200);
	}
	ck_assert_uint_eq(atomic_load(&a.ready), 1);
	ck_assert_uint_eq(atomic_load(&b.ready), 1);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

START_TEST(broadcast_reaches_all_but_one)
{
	struct fixture_node hub = {0}, nodes[4] = {0};
	struct net_ip left_out = ip_of("127.77.0.3");
	struct frame *frame;
	struct peer *except;

	start(&hub, "127.77.0.100");
	for (int i = 0; i < 4; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "127.77.0.%d", i + 1);
		start(&nodes[i], ip);
		fixture_dial(&nodes[i], &hub.addr);
	}
	FIXTURE_AWAIT(open_to(&hub, 4));
	except = peer_table_find(net_table(hub.net), &left_out);
	frame = fixture_news(&hub, 100);
	ck_assert_uint_eq(net_broadcast(hub.net, frame, SEND_GOSSIP, except), 3);
	ck_assert_uint_eq(net_broadcast(hub.net, frame, SEND_GOSSIP, except), 3);
	frame_unref(frame);
	peer_unref(except);
	for (int i = 0; i < 4; i++) {
		unsigned want = i == 2 ? 0 : 2;

		FIXTURE_AWAIT(received(&nodes[i], WIRE_TRANSACTION_REJECTED) == want);
	}
	for (int i = 0; i < 4; i++)
		fixture_stop(&nodes[i]);
	fixture_stop(&hub);
}
END_TEST

/* adversarial 10: both send a few megabytes at once, without a look at what comes in. */
START_TEST(big_frames_both_ways_do_not_lock_up)
{
	struct fixture_node a = {0}, b = {0};
	struct frame *from_a, *from_b;
	struct peer *to_a, *to_b;

	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(open_to(&a, 1) && open_to(&b, 1));
	from_a = fixture_news(&a, 4000);
	from_b = fixture_news(&b, 4000);
	to_b = peer_table_find(net_table(a.net), &b.addr.ip);
	to_a = peer_table_find(net_table(b.net), &a.addr.ip);
	for (int i = 0; i < 1000; i++) {
		ck_assert(peer_send(to_b, from_a, SEND_ANSWER));
		ck_assert(peer_send(to_a, from_b, SEND_CONSENSUS));
	}
	FIXTURE_AWAIT(received(&a, WIRE_TRANSACTION_REJECTED) == 1000 && received(&b, WIRE_TRANSACTION_REJECTED) == 1000);
	frame_unref(from_a);
	frame_unref(from_b);
	peer_unref(to_a);
	peer_unref(to_b);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

static void ask_three(struct peer *peer)
{
	static const struct wire_message peers = {.type = WIRE_GET_PEERS};
	static const struct wire_message hash = {.type = WIRE_GET_BLOCK_HASH, .u.get_block_hash = 77};

	ck_assert(peer_request(peer, REQUEST_PEERS, 0, &peers));
	ck_assert(!peer_request(peer, REQUEST_PEERS, 0, &peers));
	ck_assert(peer_request(peer, REQUEST_BLOCK_HASH, 77, &hash));
}

static enum message_verdict answer_hash(struct peer *peer, const struct wire_message *message)
{
	struct wire_message m = {.type = WIRE_BLOCK_HASH_RESPONSE};

	m.u.block_hash_response.height = message->u.get_block_hash;
	ck_assert(peer_reply(peer, &m));
	return MESSAGE_USEFUL;
}

START_TEST(answers_are_matched_to_their_requests)
{
	struct fixture_node a = {.on_ready = ask_three}, b = {.on_request = answer_hash};

	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(atomic_load(&a.expected) == 2);
	ck_assert_uint_eq(atomic_load(&a.key), 77);
	ck_assert_uint_eq(received(&b, WIRE_GET_PEERS), 1);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

START_TEST(announcements_come_when_due)
{
	struct fixture_node a = {0}, b = {0};

	params.announce_delay_ms = 10;
	params.announce_interval_ms = 10;
	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(atomic_load(&a.announced) >= 3 && atomic_load(&b.announced) >= 3);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

/* adversarial 17: recognised, and the address never dialled again. */
START_TEST(connection_to_itself_is_recognised)
{
	struct fixture_node a = {0};
	struct net_addr self;

	start(&a, "0.0.0.0");
	self = (struct net_addr){ip_of("127.77.0.9"), a.addr.port};
	fixture_dial(&a, &self);
	FIXTURE_AWAIT(fixture_closed(&a, PEER_CLOSE_SELF) >= 1 &&
		      address_book_is_own(net_addresses(a.net), &self.ip));
	FIXTURE_AWAIT(ready(&a) == 0);
	ck_assert_int_eq(address_book_add(net_addresses(a.net), &self, ADDR_SOURCE_CONFIGURED, clock_mono_ms()),
			 ADDRESS_REFUSED);
	fixture_stop(&a);
}
END_TEST

/* adversarial 32 in the small: nobody listens; as soon as somebody does, it is there. */
START_TEST(lost_configured_peer_is_dialled_until_it_is_back)
{
	struct fixture_node a = {0}, b = {0};
	struct net_addr addr;

	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	addr = b.addr;
	fixture_dial(&a, &addr);
	FIXTURE_AWAIT(ready(&a) == 1);
	fixture_stop(&b);
	FIXTURE_AWAIT(ready(&a) == 0 && fixture_closed(&a, PEER_CLOSE_CONNECT_FAILED) >= 2);
	params.listen.port = addr.port;
	memset(&b, 0, sizeof(b));
	start(&b, "127.77.0.2");
	FIXTURE_AWAIT(ready(&a) == 1 && ready(&b) == 1);
	fixture_stop(&b);
	fixture_stop(&a);
}
END_TEST

START_TEST(disconnect_by_the_operator)
{
	struct fixture_node a = {0}, b = {0};

	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(ready(&a) == 1 && ready(&b) == 1);
	ck_assert(net_disconnect(a.net, &b.addr.ip, PEER_CLOSE_OPERATOR));
	ck_assert(!net_disconnect(a.net, &b.addr.ip, PEER_CLOSE_OPERATOR));
	FIXTURE_AWAIT(fixture_closed(&a, PEER_CLOSE_OPERATOR) == 1);
	FIXTURE_AWAIT(ready(&a) == 0 && ready(&b) == 0);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

/* ---- recordings */

static char *stop_recording(const struct fixture_node *node, const struct fixture_node *of)
{
	struct wire_record_result result;
	char *text;
	size_t len;

	ck_assert_int_eq(net_record_off(node->net, &of->addr.ip, 10000, &result), 0);
	ck_assert_uint_eq(result.lost, 0);
	ck_assert_int_eq(file_read(&text, &len, result.path, (size_t)1 << 26), 0);
	ck_assert_uint_eq(len, result.bytes);
	ck_assert_int_eq(unlink(result.path), 0);
	return text;
}

/* What the next line from that side says, NULL: there is none.  *len without the newline. */
static const char *next_line(const char **at, size_t *len, const char *side)
{
	char from[32];
	const char *found;

	snprintf(from, sizeof(from), "\"from\":\"%s\",", side);
	found = strstr(*at, from);
	if (!found)
		return NULL;
	found += strlen(from);
	*len = strcspn(found, "\n");
	*at = found + *len;
	return found;
}

/* Line by line, as far as both go: they were not switched off at the same moment. */
static void compare_sides(const char *one, const char *other, const char *one_side, const char *other_side,
			  unsigned at_least)
{
	for (unsigned count = 0;; count++) {
		size_t len, other_len;
		const char *line = next_line(&one, &len, one_side);
		const char *other_line = next_line(&other, &other_len, other_side);

		if (!line || !other_line) {
			ck_assert_uint_ge(count, at_least);
			return;
		}
		ck_assert_uint_eq(len, other_len);
		ck_assert_mem_eq(line, other_line, len);
	}
}

/* What one end says that it sent, directly or from its queue, is what the other says that it received. */
START_TEST(both_ends_record_the_same)
{
	struct fixture_node a = {0}, b = {0};
	char dir[] = "/tmp/test_net.XXXXXX", path[WIRE_RECORD_PATH_SIZE];
	struct frame *news;
	char *of_a, *of_b;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	ck_assert_int_eq(net_record_on(a.net, &b.addr.ip, dir, WIRE_RECORD_MIN_BYTES - 1, path), -EINVAL);
	ck_assert_int_eq(net_record_on(a.net, &b.addr.ip, dir, (uint64_t)1 << 26, path), 0);
	ck_assert_int_eq(net_record_on(b.net, &a.addr.ip, dir, (uint64_t)1 << 26, path), 0);
	fixture_dial(&a, &b.addr);
	FIXTURE_AWAIT(open_to(&a, 1) && open_to(&b, 1));
	news = fixture_news(&a, 4000);
	for (int i = 0; i < 500; i++)
		ck_assert_uint_eq(net_broadcast(a.net, news, SEND_CONSENSUS, NULL), 1);
	frame_unref(news);
	FIXTURE_AWAIT(received(&b, WIRE_TRANSACTION_REJECTED) == 500);
	of_a = stop_recording(&a, &b);
	of_b = stop_recording(&b, &a);
	compare_sides(of_a, of_b, "us", "peer", 500);
	compare_sides(of_a, of_b, "peer", "us", 3);
	free(of_a);
	free(of_b);
	ck_assert_int_eq(rmdir(dir), 0);
	fixture_stop(&a);
	fixture_stop(&b);
}
END_TEST

START_TEST(address_in_use_is_an_error)
{
	struct fixture_node a = {0};
	struct net *second;

	start(&a, "127.77.0.1");
	params.listen = a.addr;
	ck_assert_int_eq(net_create(&second, &params, &(struct net_ops){0}), 0);
	ck_assert_int_eq(net_start(second), -EADDRINUSE);
	net_free(second);
	fixture_stop(&a);
}
END_TEST

START_TEST(free_of_nothing)
{
	net_free(NULL);
}
END_TEST

/* --- stopping --- */

#define MANY 200

/* adversarial 53 and the acceptance of the issue in the small: everything joined and freed, within a second. */
START_TEST(stop_with_200_peers_joins_everything)
{
	static struct raw raws[MANY];
	struct fixture_node hub = {0};
	int before = threads_now();
	int64_t began_ms;

	params.max_peers = 1000;
	params.kept_slots_percent = 0;
	start(&hub, "127.77.0.1");
	for (int i = 0; i < MANY; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "127.77.1.%d", i + 1);
		raw_join(&raws[i], ip, &hub.addr);
	}
	FIXTURE_AWAIT(ready(&hub) == MANY);
	ck_assert_int_ge(threads_now(), before + MANY);
	began_ms = fixture_real_ms();
	net_stop(hub.net);
	ck_assert_int_lt(fixture_real_ms() - began_ms, 5000);
	FIXTURE_AWAIT(threads_now() == before);
	ck_assert_uint_eq(fixture_closed(&hub, PEER_CLOSE_SHUTDOWN), MANY);
	for (int i = 0; i < MANY; i++) {
		raw_await_end(&raws[i]);
		raw_close(&raws[i]);
	}
	fixture_stop(&hub);
}
END_TEST

/* Stopped while dials cross, handshakes are half done and messages fly. */
START_TEST(stop_at_any_moment)
{
	for (int round = 0; round < 25; round++) {
		struct fixture_node nodes[3] = {0};

		for (int i = 0; i < 3; i++) {
			char ip[32];

			snprintf(ip, sizeof(ip), "127.77.0.%d", i + 1);
			start(&nodes[i], ip);
		}
		for (int i = 0; i < 3; i++) {
			for (int j = 0; j < 3; j++) {
				if (i != j)
					fixture_dial(&nodes[i], &nodes[j].addr);
			}
		}
		for (int i = 0; i < round; i++)
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
		for (int i = 0; i < 3; i++)
			fixture_stop(&nodes[i]);
	}
}
END_TEST

/* Others go on asking and sending while it stops; the keeper reaps beside it. */
static atomic_bool meddling;

static void look(struct peer *peer, void *user)
{
	CHECK(peer_net(peer) == user);
	(void)peer_last_received_ms(peer);
}

static void *meddle(void *arg)
{
	struct fixture_node *node = arg;
	struct frame *frame = fixture_news(node, 50);

	while (atomic_load(&meddling)) {
		struct peer_info *infos;
		struct net_stats totals;

		(void)net_peer_infos(node->net, &infos);
		free(infos);
		(void)net_broadcast(node->net, frame, SEND_GOSSIP, NULL);
		net_each_peer(node->net, look, node->net);
		net_get_stats(node->net, &totals);
		net_relieve_memory(node->net);
		net_reap(node->net);
	}
	frame_unref(frame);
	return NULL;
}

START_TEST(stop_while_others_use_it)
{
	struct fixture_node a = {0}, b = {0}, c = {0};
	struct thread meddler;

	start(&a, "127.77.0.1");
	start(&b, "127.77.0.2");
	start(&c, "127.77.0.3");
	fixture_dial(&a, &b.addr);
	fixture_dial(&c, &a.addr);
	atomic_store(&meddling, true);
	ck_assert_int_eq(thread_start(&meddler, "meddler", meddle, &a), 0);
	FIXTURE_AWAIT(received(&b, WIRE_TRANSACTION_REJECTED) > 10 && received(&c, WIRE_TRANSACTION_REJECTED) > 10);
	net_stop(a.net);
	ck_assert_uint_eq(ready(&a), 0);
	atomic_store(&meddling, false);
	thread_join(&meddler);
	fixture_stop(&a);
	fixture_stop(&b);
	fixture_stop(&c);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, two_nets_have_one_connection);
	tcase_add_test(c, crossed_dials_leave_the_same_one_connection);
	tcase_add_test(c, five_nets_make_a_full_mesh);
	tcase_add_test(c, both_ends_ping_and_get_pongs);
	tcase_add_test(c, jump_of_the_wall_clock_loses_nothing);
	tcase_add_test(c, broadcast_reaches_all_but_one);
	tcase_add_test(c, big_frames_both_ways_do_not_lock_up);
	tcase_add_test(c, answers_are_matched_to_their_requests);
	tcase_add_test(c, announcements_come_when_due);
	tcase_add_test(c, connection_to_itself_is_recognised);
	tcase_add_test(c, lost_configured_peer_is_dialled_until_it_is_back);
	tcase_add_test(c, disconnect_by_the_operator);
	tcase_add_test(c, both_ends_record_the_same);
	tcase_add_test(c, address_in_use_is_an_error);
	tcase_add_test(c, free_of_nothing);
	tcase_add_test(c, stop_with_200_peers_joins_everything);
	tcase_add_test(c, stop_at_any_moment);
	tcase_add_test(c, stop_while_others_use_it);
}

int main(void)
{
	Suite *suite = suite_create("net");
	TCase *c = tcase_create("net");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
