// SPDX-License-Identifier: MIT
/* wire/line: framing at every split, the limit, blank lines, CR, and how much memory is held. */
#include "run_suite.h"
#include "timeproto/wire/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

/* Gives `len` bytes to the reader in pieces of at most `piece` and appends every line it yields to `out`, each
 * followed by '|'.  The first result that is neither a line nor LINE_E_AGAIN. */
static int feed(struct line_reader *r, const char *bytes, size_t len, size_t piece, char *out)
{
	const uint8_t *line;
	uint8_t *space;
	size_t room, line_len;
	int result;

	while (len > 0) {
		result = line_reader_space(r, &space, &room);
		if (result)
			return result;
		ck_assert_uint_ge(room, 1);
		if (room > piece)
			room = piece;
		if (room > len)
			room = len;
		memcpy(space, bytes, room);
		line_reader_commit(r, room);
		bytes += room;
		len -= room;
		while ((result = line_reader_next(r, &line, &line_len)) == 0) {
			ck_assert_uint_gt(line_len, 0);
			strncat(out, (const char *)line, line_len);
			strcat(out, "|");
		}
		if (result != LINE_E_AGAIN)
			return result;
	}
	return 0;
}

/* adversarial 1: a stream of lines cut into two pieces at every byte, and into pieces of every size. */
START_TEST(every_split_gives_the_same_lines)
{
	static const char stream[] = "\"GetPeers\"\n\n{\"a\":1}\r\n\r\n \t \nx\n\r\r\n12345678901234567890\nrest";
	static const char expected[] = "\"GetPeers\"|{\"a\":1}|x|12345678901234567890|";
	size_t len = sizeof(stream) - 1;

	for (size_t cut = 0; cut <= len; cut++) {
		struct line_reader r;
		char out[200] = "";

		line_reader_init(&r, 100);
		ck_assert_int_eq(feed(&r, stream, cut, len, out), 0);
		ck_assert_int_eq(feed(&r, stream + cut, len - cut, len, out), 0);
		ck_assert_str_eq(out, expected);
		ck_assert_uint_eq(line_reader_partial(&r), 4);
		line_reader_free(&r);
	}
	for (size_t piece = 1; piece <= len; piece++) {
		struct line_reader r;
		char out[200] = "";

		line_reader_init(&r, 100);
		ck_assert_int_eq(feed(&r, stream, len, piece, out), 0);
		ck_assert_str_eq(out, expected);
		line_reader_free(&r);
	}
}
END_TEST

/* adversarial 3: exactly the limit, with and without CR, is a line. */
START_TEST(line_of_the_limit_is_accepted)
{
	for (size_t piece = 1; piece < 40; piece++) {
		struct line_reader r;
		char out[100] = "";

		line_reader_init(&r, 16);
		ck_assert_int_eq(feed(&r, "0123456789abcdef\n0123456789abcdef\r\n", 35, piece, out), 0);
		ck_assert_str_eq(out, "0123456789abcdef|0123456789abcdef|");
		ck_assert_uint_le(r.capacity, 18);
		line_reader_free(&r);
	}
}
END_TEST

/* adversarial 2: the limit plus one byte is too long, whether or not its newline has come. */
START_TEST(line_above_the_limit_is_an_error)
{
	for (size_t piece = 1; piece < 40; piece++) {
		struct line_reader r;
		char out[100] = "";

		line_reader_init(&r, 16);
		ck_assert_int_eq(feed(&r, "ok\n0123456789abcdefg", 20, piece, out), LINE_E_TOO_LONG);
		ck_assert_str_eq(out, "ok|");
		line_reader_free(&r);
		line_reader_init(&r, 16);
		ck_assert_int_eq(feed(&r, "0123456789abcdefg\r\n", 19, piece, out), LINE_E_TOO_LONG);
		line_reader_free(&r);
		/* One CR may still be the line's end, two are not. */
		line_reader_init(&r, 16);
		ck_assert_int_eq(feed(&r, "0123456789abcdef\r", 17, piece, out), 0);
		ck_assert_int_eq(feed(&r, "\r", 1, piece, out), LINE_E_TOO_LONG);
		line_reader_free(&r);
	}
}
END_TEST

/* adversarial 4: bytes without a newline for ever end at the limit, and memory grows only with them. */
START_TEST(endless_line_is_cut_at_the_limit)
{
	const size_t limit = 1 << 20;
	struct line_reader r;
	size_t total = 0, room;
	uint8_t *space;
	const uint8_t *line;
	int result;

	line_reader_init(&r, limit);
	for (;;) {
		size_t growth = line_reader_growth(&r);
		size_t before = r.capacity;

		result = line_reader_space(&r, &space, &room);
		if (result)
			break;
		ck_assert_uint_eq(r.capacity, before + growth);
		ck_assert_uint_le(r.capacity, total < LINE_FIRST_BYTES / 2 ? LINE_FIRST_BYTES : 2 * total);
		memset(space, 'x', room);
		line_reader_commit(&r, room);
		total += room;
		result = line_reader_next(&r, &line, &room);
		if (result != LINE_E_AGAIN)
			break;
	}
	ck_assert_int_eq(result, LINE_E_TOO_LONG);
	ck_assert_uint_ge(total, limit + 1);
	ck_assert_uint_le(r.capacity, limit + 2);
	line_reader_free(&r);
}
END_TEST

/* A slow sender never makes the buffer bigger than its first size. */
START_TEST(small_reads_do_not_grow_the_buffer)
{
	struct line_reader r;
	char out[100000] = "";

	line_reader_init(&r, 1 << 20);
	for (int i = 0; i < 2000; i++)
		ck_assert_int_eq(feed(&r, "{\"Ping\":1}\n{\"Po", 15, 15, out), 0);
	ck_assert_uint_eq(r.capacity, LINE_FIRST_BYTES);
	line_reader_free(&r);
}
END_TEST

/* A sender that fills every read gets a bigger buffer, up to the burst size. */
START_TEST(full_reads_grow_the_buffer_to_the_burst_size)
{
	struct line_reader r;
	const uint8_t *line;
	uint8_t *space;
	size_t room, len;

	line_reader_init(&r, 1 << 20);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(line_reader_space(&r, &space, &room), 0);
		for (size_t k = 0; k < room; k++)
			space[k] = k % 16 == 15 ? '\n' : 'x';
		line_reader_commit(&r, room);
		while (line_reader_next(&r, &line, &len) == 0)
			ck_assert_uint_eq(len, 15);
	}
	ck_assert_uint_eq(r.capacity, LINE_BURST_BYTES);
	line_reader_free(&r);
}
END_TEST

/* Asking for space time and again without receiving anything grows the buffer once at most. */
START_TEST(asking_alone_does_not_grow_the_buffer)
{
	struct line_reader r;
	const uint8_t *line;
	uint8_t *space;
	size_t room, len;

	line_reader_init(&r, 1 << 20);
	ck_assert_int_eq(line_reader_space(&r, &space, &room), 0);
	memset(space, '\n', room);
	line_reader_commit(&r, room);
	ck_assert_int_eq(line_reader_next(&r, &line, &len), LINE_E_AGAIN);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(line_reader_space(&r, &space, &room), 0);
	ck_assert_uint_eq(r.capacity, 2 * LINE_FIRST_BYTES);
	line_reader_free(&r);
}
END_TEST

START_TEST(shrink_frees_only_an_empty_reader)
{
	struct line_reader r;
	char out[100] = "";

	line_reader_init(&r, 1000);
	line_reader_shrink(&r);
	ck_assert_int_eq(feed(&r, "one\ntw", 6, 6, out), 0);
	line_reader_shrink(&r);
	ck_assert_uint_gt(r.capacity, 0);
	ck_assert_uint_eq(line_reader_buffered(&r), 2);
	ck_assert_int_eq(feed(&r, "o\n", 2, 2, out), 0);
	ck_assert_str_eq(out, "one|two|");
	line_reader_shrink(&r);
	ck_assert_uint_eq(r.capacity, 0);
	ck_assert_ptr_null(r.data);
	ck_assert_int_eq(feed(&r, "three\n", 6, 6, out), 0);
	ck_assert_str_eq(out, "one|two|three|");
	line_reader_free(&r);
	line_reader_free(NULL);
}
END_TEST

/* NUL bytes are bytes like any other here. */
START_TEST(nul_bytes_pass_through)
{
	struct line_reader r;
	const uint8_t *line;
	uint8_t *space;
	size_t room, len;

	line_reader_init(&r, 1000);
	ck_assert_int_eq(line_reader_space(&r, &space, &room), 0);
	memcpy(space, "a\0b\n", 4);
	line_reader_commit(&r, 4);
	ck_assert_int_eq(line_reader_next(&r, &line, &len), 0);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(line, "a\0b", 3);
	ck_assert_int_eq(line_reader_next(&r, &line, &len), LINE_E_AGAIN);
	line_reader_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("line");
	TCase *tc = tcase_create("line");

	tcase_add_test(tc, every_split_gives_the_same_lines);
	tcase_add_test(tc, line_of_the_limit_is_accepted);
	tcase_add_test(tc, line_above_the_limit_is_an_error);
	tcase_add_test(tc, endless_line_is_cut_at_the_limit);
	tcase_add_test(tc, small_reads_do_not_grow_the_buffer);
	tcase_add_test(tc, full_reads_grow_the_buffer_to_the_burst_size);
	tcase_add_test(tc, asking_alone_does_not_grow_the_buffer);
	tcase_add_test(tc, shrink_frees_only_an_empty_reader);
	tcase_add_test(tc, nul_bytes_pass_through);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
