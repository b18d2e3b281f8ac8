/* SPDX-License-Identifier: MIT
 *
 * The line reader.  Lines are given out in place; bytes move only when room is needed behind an incomplete line, so
 * many small lines in one read cost one memchr() each and one move of the last piece.
 */
#include "timeproto/wire/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void line_reader_init(struct line_reader *r, size_t max_frame_bytes)
{
	*r = (struct line_reader){.limit = max_frame_bytes};
}

void line_reader_free(struct line_reader *r)
{
	if (!r)
		return;
	free(r->data);
	line_reader_init(r, r->limit);
}

void line_reader_shrink(struct line_reader *r)
{
	if (r->start == r->end)
		line_reader_free(r);
}

/* The longest line, its CR and its newline. */
static size_t max_capacity(const struct line_reader *r)
{
	return r->limit > SIZE_MAX - 2 ? SIZE_MAX : r->limit + 2;
}

/* What the capacity is to be before the next read. */
static size_t wanted_capacity(const struct line_reader *r)
{
	size_t held = r->end - r->start;
	size_t wanted = r->capacity;

	if (wanted == 0)
		wanted = LINE_FIRST_BYTES;
	else if (held == wanted || (r->full && wanted < LINE_BURST_BYTES))
		wanted = wanted > SIZE_MAX / 2 ? SIZE_MAX : 2 * wanted;
	return wanted < max_capacity(r) ? wanted : max_capacity(r);
}

size_t line_reader_growth(const struct line_reader *r)
{
	return wanted_capacity(r) - r->capacity;
}

/* Moves what is held to the front. */
static void compact(struct line_reader *r)
{
	if (r->start == 0)
		return;
	if (r->end > r->start)
		memmove(r->data, r->data + r->start, r->end - r->start);
	r->end -= r->start;
	r->scanned -= r->start;
	r->start = 0;
}

int line_reader_space(struct line_reader *r, uint8_t **space, size_t *len)
{
	size_t wanted = wanted_capacity(r);

	if (r->end - r->start >= max_capacity(r))
		return LINE_E_TOO_LONG;
	compact(r);
	if (wanted > r->capacity) {
		uint8_t *data = realloc(r->data, wanted);

		if (!data)
			return -ENOMEM;
		r->data = data;
		r->capacity = wanted;
		r->full = false;
	}
	*space = r->data + r->end;
	*len = r->capacity - r->end;
	return 0;
}

void line_reader_commit(struct line_reader *r, size_t n)
{
	r->end += n;
	r->full = r->end == r->capacity;
}

/* Whether the incomplete line is too long whatever follows.  One byte above the limit may be the CR before the
 * newline. */
static bool partial_too_long(const struct line_reader *r)
{
	size_t held = r->end - r->start;

	return held > r->limit && (held - r->limit > 1 || r->data[r->end - 1] != '\r');
}

/* Whether the line has nothing but spaces, tabs and CRs. */
static bool is_blank(const uint8_t *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	}
	return true;
}

int line_reader_next(struct line_reader *r, const uint8_t **line, size_t *len)
{
	while (r->start < r->end) {
		const uint8_t *from = r->data + r->start;
		const uint8_t *newline = NULL;
		size_t length;

		if (r->scanned < r->end)
			newline = memchr(r->data + r->scanned, '\n', r->end - r->scanned);
		if (!newline) {
			r->scanned = r->end;
			return partial_too_long(r) ? LINE_E_TOO_LONG : LINE_E_AGAIN;
		}
		length = (size_t)(newline - from);
		r->start += length + 1;
		r->scanned = r->start;
		if (length > 0 && from[length - 1] == '\r')
			length--;
		if (length > r->limit)
			return LINE_E_TOO_LONG;
		if (!is_blank(from, length)) {
			*line = from;
			*len = length;
			return 0;
		}
	}
	return LINE_E_AGAIN;
}
