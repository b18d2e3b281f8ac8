// SPDX-License-Identifier: MIT
/* net/faults: the text of TIMED_FAULTS becomes rules, and messages fall under them.  Of what the hooks do to a connection
 * this has what needs other senders and a peer that does not read; tests/functional/test_faults.py has the rest. */
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_raw.h"
#include "run_suite.h"

#define US "127.85.0.1"
#define THEM "127.85.0.2"
/* More than the kernel takes of what nobody reads. */
#define MANY 400
#define NEWS_BYTES 50000

static struct faults faults;
static struct faults_error error;

static void parse(const char *text)
{
	int r = faults_parse(&faults, &error, text);

	ck_assert_msg(r == 0, "\"%s\" is refused at %zu: %s", text, error.position, error.text);
}

static void assert_refused(const char *text, size_t position, const char *why)
{
	memset(&error, 0, sizeof(error));
	ck_assert_int_eq(faults_parse(&faults, &error, text), FAULTS_E_TEXT);
	ck_assert_msg(error.position == position && strstr(error.text, why),
		      "\"%s\": position %zu, not %zu: %s", text, error.position, position, error.text);
}

static void assert_rule(size_t i, enum fault_direction direction, enum wire_type type, enum fault_action action,
			int64_t hold_ms, uint64_t first, uint64_t last)
{
	const struct fault_rule *rule = &faults.rules[i];

	ck_assert_uint_lt(i, faults.count);
	ck_assert_int_eq(rule->direction, direction);
	ck_assert_int_eq(rule->type, type);
	ck_assert_int_eq(rule->action, action);
	ck_assert_int_eq(rule->hold_ms, hold_ms);
	ck_assert_uint_eq(rule->first, first);
	ck_assert_uint_eq(rule->last, last);
}

/* What the next message falls under; FAULT_PASS for no rule. */
static enum fault_action next(enum fault_direction direction, enum wire_type type)
{
	uint64_t number;
	const struct fault_rule *rule = faults_match(&faults, &number, direction, type);

	return rule ? rule->action : FAULT_PASS;
}

START_TEST(test_parse_every_action)
{
	parse("out:Pong:drop, in:Ack:close-after, in:Ping:hold=500, out:Version:blackhole@3,in:Handshake:close-before@2-4,"
	      "in:Ping:crash, in:Pong:overflow@2, out:Ack:check");
	ck_assert_uint_eq(faults.count, 8);
	assert_rule(0, FAULT_OUT, WIRE_PONG, FAULT_DROP, 0, 1, UINT64_MAX);
	assert_rule(1, FAULT_IN, WIRE_ACK, FAULT_CLOSE_AFTER, 0, 1, UINT64_MAX);
	assert_rule(2, FAULT_IN, WIRE_PING, FAULT_HOLD, 500, 1, UINT64_MAX);
	assert_rule(3, FAULT_OUT, WIRE_VERSION, FAULT_BLACKHOLE, 0, 3, UINT64_MAX);
	assert_rule(4, FAULT_IN, WIRE_HANDSHAKE, FAULT_CLOSE_BEFORE, 0, 2, 4);
	assert_rule(5, FAULT_IN, WIRE_PING, FAULT_CRASH, 0, 1, UINT64_MAX);
	assert_rule(6, FAULT_IN, WIRE_PONG, FAULT_OVERFLOW, 0, 2, UINT64_MAX);
	assert_rule(7, FAULT_OUT, WIRE_ACK, FAULT_CHECK, 0, 1, UINT64_MAX);
}
END_TEST

START_TEST(test_parse_nothing)
{
	parse("");
	ck_assert_uint_eq(faults.count, 0);
	parse(" \t ");
	ck_assert_uint_eq(faults.count, 0);
	ck_assert(!faults.concerns[FAULT_IN] && !faults.concerns[FAULT_OUT]);
}
END_TEST

START_TEST(test_parse_blanks_around_rules)
{
	parse("\t out:Pong:drop \t,  in:Ping:drop  ");
	ck_assert_uint_eq(faults.count, 2);
}
END_TEST

START_TEST(test_parse_limits)
{
	parse("in:Ping:hold=1@1, in:Ping:hold=3600000@1000000000, in:Ping:drop@7-7");
	assert_rule(0, FAULT_IN, WIRE_PING, FAULT_HOLD, 1, 1, UINT64_MAX);
	assert_rule(1, FAULT_IN, WIRE_PING, FAULT_HOLD, FAULTS_MAX_HOLD_MS, 1000000000, UINT64_MAX);
	assert_rule(2, FAULT_IN, WIRE_PING, FAULT_DROP, 0, 7, 7);
}
END_TEST

START_TEST(test_parse_says_which_direction_is_concerned)
{
	parse("in:Ping:drop");
	ck_assert(faults.concerns[FAULT_IN] && !faults.concerns[FAULT_OUT]);
	parse("out:Ping:drop");
	ck_assert(!faults.concerns[FAULT_IN] && faults.concerns[FAULT_OUT]);
}
END_TEST

/* Each text, the character that is named, and a part of what is said. */
static const struct {
	const char *text;
	size_t position;
	const char *why;
} bad[] = {
	{"x", 1, "begins with"},
	{"in", 1, "begins with"},
	{"inn:Ping:drop", 1, "begins with"},
	{"IN:Ping:drop", 1, "begins with"},
	{",", 1, "begins with"},
	{"in:Ping:drop,", 14, "begins with"},
	{"in:Ping:drop, ,in:Pong:drop", 15, "begins with"},
	{"in :Ping:drop", 1, "begins with"},
	{"in:", 4, "unknown message \"\""},
	{"in:ping:drop", 4, "did you mean Ping"},
	{"in:Pnog:drop", 4, "did you mean Pong"},
	{"in: Ping:drop", 4, "unknown message \"\""},
	{"in:AMessageNameThatIsLongerThanAnyBufferForWordsOfThisGrammar:drop", 4, "unknown message"},
	{"in:Ping", 8, "action is missing: in:Ping:drop"},
	{"out:Ping,in:Ping:drop", 9, "action is missing: out:Ping:drop"},
	{"in:Ping:", 9, "unknown action \"\""},
	{"in:Ping:dorp", 9, "did you mean drop"},
	{"in:Ping:close", 9, "unknown action \"close\""},
	{"in:Ping:pass", 9, "unknown action"},
	{"in:Ping:drop=5", 13, "drop takes no time"},
	{"in:Ping:hold", 13, "needs a time"},
	{"in:Ping:hold@3", 13, "needs a time"},
	{"in:Ping:hold=", 14, "1 to 3600000"},
	{"in:Ping:hold=0", 14, "1 to 3600000"},
	{"in:Ping:hold=-5", 14, "1 to 3600000"},
	{"in:Ping:hold=3600001", 14, "1 to 3600000"},
	{"in:Ping:hold=99999999999999999999999999", 14, "1 to 3600000"},
	{"in:Ping:hold=500ms", 17, "comma"},
	{"in:Ping:drop@", 14, "1 to 1000000000"},
	{"in:Ping:drop@0", 14, "1 to 1000000000"},
	{"in:Ping:drop@1000000001", 14, "1 to 1000000000"},
	{"in:Ping:drop@3-", 16, "1 to 1000000000"},
	{"in:Ping:drop@3-2", 16, "before the first"},
	{"in:Ping:drop@3 -4", 16, "comma"},
	{"in:Ping:drop in:Pong:drop", 14, "comma"},
	{"in:Ping:drop:drop", 13, "comma"},
	{"out:Pong:drop, in:Ack:close-fater", 23, "did you mean close-after"},
};

START_TEST(test_parse_names_the_position)
{
	assert_refused(bad[_i].text, bad[_i].position, bad[_i].why);
}
END_TEST

START_TEST(test_parse_too_many_rules)
{
	char text[(FAULTS_MAX_RULES + 1) * 16] = "";

	for (int i = 0; i < FAULTS_MAX_RULES; i++)
		strcat(text, i ? ",in:Ping:drop" : "in:Ping:drop");
	parse(text);
	ck_assert_uint_eq(faults.count, FAULTS_MAX_RULES);
	strcat(text, ",in:Ping:drop");
	assert_refused(text, FAULTS_MAX_RULES * 13 + 4, "more than 32 rules");
}
END_TEST

/* Every text is read or refused at a place inside it (or at its end), whatever is cut off. */
START_TEST(test_parse_every_beginning_of_a_text)
{
	static const char whole[] = "out:BlockHashResponse:hold=500@3-12, in:Ack:close-after";
	char text[sizeof(whole)];

	for (size_t len = 0; len < sizeof(whole); len++) {
		snprintf(text, sizeof(text), "%.*s", (int)len, whole);
		if (faults_parse(&faults, &error, text))
			ck_assert_msg(error.position >= 1 && error.position <= len + 1 && error.text[0], "\"%s\"", text);
	}
}
END_TEST

START_TEST(test_match_type_and_direction)
{
	parse("out:Pong:drop");
	ck_assert_int_eq(next(FAULT_OUT, WIRE_PONG), FAULT_DROP);
	ck_assert_int_eq(next(FAULT_IN, WIRE_PONG), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_OUT, WIRE_PING), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_OUT, WIRE_PONG), FAULT_DROP);
}
END_TEST

START_TEST(test_match_from_a_number_on)
{
	parse("out:Version:blackhole@3");
	ck_assert_int_eq(next(FAULT_OUT, WIRE_VERSION), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_OUT, WIRE_VERSION), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_OUT, WIRE_VERSION), FAULT_BLACKHOLE);
	ck_assert_int_eq(next(FAULT_OUT, WIRE_VERSION), FAULT_BLACKHOLE);
}
END_TEST

START_TEST(test_match_counts_each_direction_and_type_alone)
{
	parse("in:Ping:drop@2");
	ck_assert_int_eq(next(FAULT_OUT, WIRE_PING), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_IN, WIRE_PONG), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_IN, WIRE_PING), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_IN, WIRE_PING), FAULT_DROP);
}
END_TEST

START_TEST(test_match_first_rule_counts)
{
	parse("in:Ack:close-before@1-1, in:Ack:close-after@1-2, in:Ack:drop@4");
	ck_assert_int_eq(next(FAULT_IN, WIRE_ACK), FAULT_CLOSE_BEFORE);
	ck_assert_int_eq(next(FAULT_IN, WIRE_ACK), FAULT_CLOSE_AFTER);
	ck_assert_int_eq(next(FAULT_IN, WIRE_ACK), FAULT_PASS);
	ck_assert_int_eq(next(FAULT_IN, WIRE_ACK), FAULT_DROP);
}
END_TEST

START_TEST(test_match_numbers_the_messages)
{
	uint64_t number;

	parse("in:Ping:drop@2");
	ck_assert_ptr_null(faults_match(&faults, &number, FAULT_IN, WIRE_PING));
	ck_assert_uint_eq(number, 1);
	ck_assert_ptr_eq(faults_match(&faults, &number, FAULT_IN, WIRE_PING), &faults.rules[0]);
	ck_assert_uint_eq(number, 2);
}
END_TEST

static struct fixture_node node;
static struct raw raw;

static void start(const char *text)
{
	struct net_params params = net_fixture_params(US);

	ck_assert_int_eq(setenv("TIMED_FAULTS", text, 1), 0);
	memset(&node, 0, sizeof(node));
	fixture_start(&node, &params);
}

/* From this thread, which is not the connection's. */
static void send_news(int count, size_t bytes)
{
	struct frame *frame = fixture_news(&node, bytes);

	for (int i = 0; i < count; i++)
		(void)net_broadcast(node.net, frame, SEND_CONSENSUS, NULL);
	frame_unref(frame);
}

static int count_news(void)
{
	int count = 0;

	while (raw_line(&raw))
		count += strncmp(raw.line, "{\"TransactionRejected\"", 22) == 0;
	return count;
}

/* The worker sleeps until its next ping, in 30 s: it is woken for what another thread's message makes due. */
START_TEST(test_hold_wakes_the_worker)
{
	int64_t begin_ms;

	start("out:TransactionRejected:hold=50");
	raw_join(&raw, THEM, &node.addr);
	ck_assert(raw_await(&raw, "{\"Ping\""));
	for (int i = 0; i < 10; i++) {
		fixture_pause(); /* it falls asleep: nothing tells when */
		begin_ms = fixture_real_ms();
		send_news(1, 1);
		send_news(1, 2);
		ck_assert(raw_await(&raw, "{\"TransactionRejected\""));
		ck_assert_int_ge(fixture_real_ms() - begin_ms, 49);
		ck_assert_ptr_nonnull(strstr(raw.line, "\"n\""));
		ck_assert(raw_line(&raw));
		ck_assert_ptr_nonnull(strstr(raw.line, "\"nn\""));
		ck_assert_int_lt(fixture_real_ms() - begin_ms, 1500);
	}
	raw_close(&raw);
	fixture_stop(&node);
}
END_TEST

static const struct {
	const char *text;
	int received;
} endings[] = {
	{"out:TransactionRejected:close-before@300-300", 299},
	{"out:TransactionRejected:close-after@300-300", 300},
};

/* A peer that does not read gets all that was sent before the end, and nothing of what was sent later. */
START_TEST(test_close_waits_for_the_queue)
{
	int small = 65536;

	start(endings[_i].text);
	raw_connect(&raw, THEM, &node.addr);
	ck_assert_int_eq(setsockopt(raw.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	raw_send(&raw, RAW_HANDSHAKE);
	ck_assert(raw_await(&raw, "{\"Ping\""));
	send_news(MANY, NEWS_BYTES);
	ck_assert_uint_eq(fixture_closed(&node, PEER_CLOSE_RESET), 0);
	ck_assert_int_eq(count_news(), endings[_i].received);
	FIXTURE_AWAIT(fixture_closed(&node, PEER_CLOSE_RESET) == 1);
	raw_close(&raw);
	fixture_stop(&node);
}
END_TEST

/* What a connection holds back goes with it. */
START_TEST(test_held_messages_leave_no_memory)
{
	start("out:TransactionRejected:hold=600000, in:GetPeers:hold=600000");
	raw_join(&raw, THEM, &node.addr);
	ck_assert(raw_await(&raw, "{\"Ping\""));
	send_news(3, 1000);
	raw_send(&raw, "\"GetPeers\"\n\"GetPeers\"\n");
	raw_close(&raw);
	FIXTURE_AWAIT(fixture_closed(&node, PEER_CLOSE_EOF) + fixture_closed(&node, PEER_CLOSE_RESET) == 1);
	ck_assert_uint_eq(atomic_load(&node.received[WIRE_GET_PEERS]), 0);
	fixture_stop(&node);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/faults");
	TCase *parser = tcase_create("parse"), *match = tcase_create("match"), *connection = tcase_create("connection");

	tcase_add_test(parser, test_parse_every_action);
	tcase_add_test(parser, test_parse_nothing);
	tcase_add_test(parser, test_parse_blanks_around_rules);
	tcase_add_test(parser, test_parse_limits);
	tcase_add_test(parser, test_parse_says_which_direction_is_concerned);
	tcase_add_loop_test(parser, test_parse_names_the_position, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(parser, test_parse_too_many_rules);
	tcase_add_test(parser, test_parse_every_beginning_of_a_text);
	suite_add_tcase(suite, parser);
	tcase_add_test(match, test_match_type_and_direction);
	tcase_add_test(match, test_match_from_a_number_on);
	tcase_add_test(match, test_match_counts_each_direction_and_type_alone);
	tcase_add_test(match, test_match_first_rule_counts);
	tcase_add_test(match, test_match_numbers_the_messages);
	suite_add_tcase(suite, match);
	tcase_set_timeout(connection, 60);
	tcase_add_test(connection, test_hold_wakes_the_worker);
	tcase_add_loop_test(connection, test_close_waits_for_the_queue, 0, (int)(sizeof(endings) / sizeof(endings[0])));
	tcase_add_test(connection, test_held_messages_leave_no_memory);
	suite_add_tcase(suite, connection);
	return run_suite(suite);
}
