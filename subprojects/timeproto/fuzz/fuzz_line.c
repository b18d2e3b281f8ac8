// SPDX-License-Identifier: MIT
/* Framing: however the bytes are cut into reads, the lines are those that a plain search for newlines finds.  The
 * first two bytes of the input choose limit and pieces, the rest is the stream. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "timeproto/wire/line.h"

/* The plain search. */
struct stream {
	const uint8_t *at;
	const uint8_t *end;
	size_t limit;
};

static bool blank(const uint8_t *line, size_t len)
{
	size_t i = 0;

	while (i < len && memchr(" \t\r", line[i], 3))
		i++;
	return i == len;
}

/* 0 and the next line; LINE_E_TOO_LONG; LINE_E_AGAIN at the end of the stream. */
static int expected_line(struct stream *s, const uint8_t **line, size_t *len)
{
	while (s->at < s->end) {
		const uint8_t *start = s->at;
		const uint8_t *newline = memchr(start, '\n', (size_t)(s->end - start));
		size_t n = (size_t)((newline ? newline : s->end) - start);

		/* A CR that ends the line, or may yet turn out to. */
		if (n > 0 && start[n - 1] == '\r' && (newline || n == s->limit + 1))
			n--;
		if (n > s->limit)
			return LINE_E_TOO_LONG;
		if (!newline)
			return LINE_E_AGAIN;
		s->at = newline + 1;
		if (!blank(start, n)) {
			*line = start;
			*len = n;
			return 0;
		}
	}
	return LINE_E_AGAIN;
}

/* Takes every line that the reader has.  What it returned last. */
static int drain(struct line_reader *r, struct stream *expected)
{
	const uint8_t *line, *wanted;
	size_t len, wanted_len;
	int result;

	while ((result = line_reader_next(r, &line, &len)) == 0) {
		FUZZ_REQUIRE(expected_line(expected, &wanted, &wanted_len) == 0);
		FUZZ_REQUIRE(len == wanted_len && memcmp(line, wanted, len) == 0);
	}
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *wanted;
	struct stream expected;
	struct line_reader r;
	size_t piece, wanted_len;
	int result = LINE_E_AGAIN;

	if (len < 2)
		return 0;
	piece = (size_t)data[1] * data[1] + 1;
	line_reader_init(&r, (size_t)data[0] * 64 + 1);
	data += 2;
	len -= 2;
	expected = (struct stream){data, data + len, r.limit};
	while (len > 0 && result == LINE_E_AGAIN) {
		uint8_t *space;
		size_t room;

		result = line_reader_space(&r, &space, &room);
		if (result)
			break;
		FUZZ_REQUIRE(room > 0);
		room = room < piece ? room : piece;
		room = room < len ? room : len;
		memcpy(space, data, room);
		line_reader_commit(&r, room);
		data += room;
		len -= room;
		result = drain(&r, &expected);
		FUZZ_REQUIRE(r.capacity <= r.limit + 2);
		if (piece % 2)
			line_reader_shrink(&r);
	}
	FUZZ_REQUIRE(expected_line(&expected, &wanted, &wanted_len) == result);
	line_reader_free(&r);
	return 0;
}
