/* SPDX-License-Identifier: MIT
 *
 * The text of a recording: lines put together of pieces, and everything that can cut them.
 */
#include "record_text.h"
#include "run_suite.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

static struct record_text text;
static struct buf out;

static void setup(void)
{
	record_text_init(&text, 64);
	memset(&out, 0, sizeof(out));
}

static void teardown(void)
{
	record_text_free(&text);
	buf_free(&out);
}

static struct record_piece piece(enum record_kind kind, uint64_t connection)
{
	struct record_piece p = {.kind = kind, .connection = connection, .time_us = 7, .direction = PEER_INBOUND};

	ck_assert_int_eq(net_addr_parse(&p.addr, "10.0.0.9:5", strlen("10.0.0.9:5"), 0), 0);
	return p;
}

static void bytes_of(uint64_t connection, enum record_side side, const char *bytes, bool mid_line)
{
	struct record_piece p = piece(RECORD_BYTES, connection);

	p.side = side;
	p.bytes = (const uint8_t *)bytes;
	p.len = strlen(bytes);
	p.mid_line = mid_line;
	record_text_piece(&text, &out, &p);
}

static void event(enum record_kind kind, uint64_t connection)
{
	struct record_piece p = piece(kind, connection);

	p.reason = PEER_CLOSE_EOF;
	p.len = kind == RECORD_LOST ? 1000 : 0;
	record_text_piece(&text, &out, &p);
}

/* What was written since the last call is exactly this. */
static void expect(const char *expected)
{
	buf_append_byte(&out, 0);
	ck_assert_int_eq(out.error, 0);
	ck_assert_str_eq((const char *)out.data, expected);
	buf_reset(&out);
}

#define OPEN(n)                                                                                                        \
	"{\"time_us\":7,\"connection\":" n ",\"event\":\"open\",\"direction\":\"inbound\",\"addr\":\"10.0.0.9:5\"}\n"
#define JOINED(n)                                                                                                      \
	"{\"time_us\":7,\"connection\":" n ",\"event\":\"joined\",\"direction\":\"inbound\",\"addr\":\"10.0.0.9:5\"}"  \
					   "\n"
#define LINE(n, from, line) "{\"time_us\":7,\"connection\":" n ",\"from\":\"" from "\",\"line\":\"" line "\"}\n"
#define CUT(n, from, line)                                                                                             \
	"{\"time_us\":7,\"connection\":" n ",\"from\":\"" from "\",\"line\":\"" line "\",\"incomplete\":true}\n"
#define CLOSE(n) "{\"time_us\":7,\"connection\":" n ",\"event\":\"close\",\"reason\":\"eof\"}\n"

START_TEST(begin_and_end)
{
	record_text_begin(&out, "devnet", "10.0.0.9", 5);
	record_text_end(&out, "stopped", 6);
	expect("{\"recording\":1,\"network\":\"devnet\",\"peer\":\"10.0.0.9\",\"time_us\":5}\n"
	       "{\"time_us\":6,\"event\":\"end\",\"reason\":\"stopped\"}\n");
}
END_TEST

/* However the bytes come, the lines are the same. */
START_TEST(lines_come_in_pieces)
{
	event(RECORD_OPEN, 3);
	bytes_of(3, RECORD_PEER, "one\nt", false);
	bytes_of(3, RECORD_US, "\"a\\b\"\n", false);
	bytes_of(3, RECORD_PEER, "w", true);
	bytes_of(3, RECORD_PEER, "o\nthree\n\n", true);
	event(RECORD_CLOSE, 3);
	expect(OPEN("3") LINE("3", "peer", "one") LINE("3", "us", "\\\"a\\\\b\\\"") LINE("3", "peer", "two")
		       LINE("3", "peer", "three") LINE("3", "peer", "") CLOSE("3"));
	ck_assert_uint_eq(text.lines, 5);
	ck_assert_uint_eq(text.lost, 0);
}
END_TEST

START_TEST(other_bytes_become_hex)
{
	event(RECORD_OPEN, 3);
	bytes_of(3, RECORD_PEER, "\xff\x01\r\n", false);
	expect(OPEN("3") "{\"time_us\":7,\"connection\":3,\"from\":\"peer\",\"hex\":\"ff010d\"}\n");
}
END_TEST

START_TEST(line_without_end)
{
	event(RECORD_OPEN, 3);
	bytes_of(3, RECORD_PEER, "half", false);
	bytes_of(3, RECORD_US, "other", false);
	event(RECORD_CLOSE, 3);
	expect(OPEN("3") CUT("3", "peer", "half") CUT("3", "us", "other") CLOSE("3"));
}
END_TEST

/* What is kept of it is said, and the line behind it is whole. */
START_TEST(line_that_is_too_long)
{
	char half[41];

	memset(half, 'x', 40);
	half[40] = 0;
	event(RECORD_OPEN, 3);
	bytes_of(3, RECORD_PEER, half, false);
	bytes_of(3, RECORD_PEER, half, true);
	bytes_of(3, RECORD_PEER, "y\nnext\n", true);
	expect(OPEN("3") CUT("3", "peer", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx") LINE("3", "peer", "next"));
	ck_assert_uint_eq(text.lost, 41);
}
END_TEST

/* A recording that begins within a line leaves that line out, and takes the other side from its first byte. */
START_TEST(joins_within_a_line)
{
	bytes_of(3, RECORD_PEER, "ail\nwhole\n", true);
	bytes_of(3, RECORD_US, "ours\n", false);
	expect(JOINED("3") LINE("3", "peer", "whole") LINE("3", "us", "ours"));
	ck_assert_uint_eq(text.lost, 3);
}
END_TEST

/* After a loss no line is put together of two that were torn. */
START_TEST(loss_tears_no_two_lines_together)
{
	event(RECORD_OPEN, 3);
	bytes_of(3, RECORD_PEER, "begin", false);
	event(RECORD_LOST, 0);
	bytes_of(3, RECORD_PEER, "end\nnext\n", true);
	bytes_of(3, RECORD_US, "ours\n", false);
	expect(OPEN("3") "{\"time_us\":7,\"event\":\"lost\",\"bytes\":1000}\n" LINE("3", "peer", "next")
		       LINE("3", "us", "ours"));
	ck_assert_uint_eq(text.lost, 1000 + 5 + 3);
}
END_TEST

/* Two connections of one IP do not mix; one more than are kept drives out the one heard of longest ago. */
START_TEST(connections_apart)
{
	event(RECORD_OPEN, 3);
	event(RECORD_OPEN, 4);
	bytes_of(3, RECORD_PEER, "a", false);
	bytes_of(4, RECORD_PEER, "b", false);
	bytes_of(3, RECORD_PEER, "c\n", true);
	bytes_of(4, RECORD_PEER, "d\n", true);
	expect(OPEN("3") OPEN("4") LINE("3", "peer", "ac") LINE("4", "peer", "bd"));
	for (uint64_t n = 10; n < 10 + RECORD_STREAMS - 1; n++)
		event(RECORD_OPEN, n);
	buf_reset(&out);
	bytes_of(4, RECORD_PEER, "e\n", false);
	bytes_of(3, RECORD_PEER, "f\n", false);
	expect(LINE("4", "peer", "e") JOINED("3") LINE("3", "peer", "f"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record_text");
	TCase *c = tcase_create("record_text");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, begin_and_end);
	tcase_add_test(c, lines_come_in_pieces);
	tcase_add_test(c, other_bytes_become_hex);
	tcase_add_test(c, line_without_end);
	tcase_add_test(c, line_that_is_too_long);
	tcase_add_test(c, joins_within_a_line);
	tcase_add_test(c, loss_tears_no_two_lines_together);
	tcase_add_test(c, connections_apart);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
