/* SPDX-License-Identifier: MIT
 *
 * Framing: bytes in, lines out (PROTOCOL.md §1).  One message is one line; lines of nothing but whitespace are
 * skipped, a trailing CR is cut off, and a line above the limit is an error as soon as that is certain.
 *
 * Use: line_reader_space(), receive into it, line_reader_commit(), then line_reader_next() until LINE_E_AGAIN.
 * Memory grows (by doubling) only after what was received has filled it, so it never exceeds twice the received bytes
 * or LINE_FIRST_BYTES, and never the limit plus CR and newline.  A reader that holds nothing can give all memory
 * back with line_reader_shrink().
 *
 * Thread safety: none; one owner.
 */
#ifndef TIMEPROTO_WIRE_LINE_H
#define TIMEPROTO_WIRE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first allocation (less when the limit is less): most messages fit, a thousand idle connections that were all
 * busy at once leave little behind, and malloc does not keep it for the thread that frees it. */
#define LINE_FIRST_BYTES ((size_t)2048)
/* A full read of a reader without an incomplete line grows the buffer no further than this. */
#define LINE_BURST_BYTES ((size_t)65536)

enum line_error {
	LINE_E_AGAIN = 1, /* no complete line: receive more */
	LINE_E_TOO_LONG,  /* the line at hand exceeds the limit; final */
};

struct line_reader {
	uint8_t *data;	 /* NULL while nothing is allocated */
	size_t capacity; /* bytes allocated */
	size_t start;	 /* first byte not yet given out */
	size_t scanned;	 /* start <= scanned <= end: no newline before this */
	size_t end;	 /* one past the last received byte */
	size_t limit;	 /* longest line in bytes, its CR and newline not counted */
	bool full;	 /* the last commit used up all the space: the sender may have more */
};

/* `max_frame_bytes` > 0.  Allocates nothing. */
void line_reader_init(struct line_reader *r, size_t max_frame_bytes);
/* NULL is allowed. */
void line_reader_free(struct line_reader *r);

/* How many bytes the next line_reader_space() would add to `capacity`: for whoever keeps a budget. */
size_t line_reader_growth(const struct line_reader *r);
/* Room to receive into (`*len` >= 1), valid until the next call of any function here.  Lines given out before become
 * invalid.  0, -ENOMEM (nothing changed), or LINE_E_TOO_LONG. */
int line_reader_space(struct line_reader *r, uint8_t **space, size_t *len) __attribute__((warn_unused_result));
/* `n` bytes (at most the `*len` of the last line_reader_space()) were received. */
void line_reader_commit(struct line_reader *r, size_t n);

/* The next complete line, without newline and trailing CR, not blank; it points into the buffer and is valid until
 * the next line_reader_space(), line_reader_shrink() or line_reader_free().  0, LINE_E_AGAIN or LINE_E_TOO_LONG. */
int line_reader_next(struct line_reader *r, const uint8_t **line, size_t *len) __attribute__((warn_unused_result));

/* Takes back the line that line_reader_next() gave last: it is given again. */
static inline void line_reader_unread(struct line_reader *r, const uint8_t *line)
{
	r->start = (size_t)(line - r->data);
	r->scanned = r->start;
}

/* Received bytes not yet given out. */
static inline size_t line_reader_buffered(const struct line_reader *r)
{
	return r->end - r->start;
}

/* Length so far of the incomplete line; exact after LINE_E_AGAIN. */
static inline size_t line_reader_partial(const struct line_reader *r)
{
	return r->end - r->start;
}

/* Frees everything when no byte is buffered; otherwise leaves the reader as it is. */
void line_reader_shrink(struct line_reader *r);

#endif
