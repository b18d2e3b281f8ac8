/* SPDX-License-Identifier: MIT
 *
 * A growable byte buffer: what the encoders write into.  A failed growth is remembered (`error`) and every later
 * append does nothing, so a chain of appends needs one check at its end.
 *
 * Ownership: the buffer owns its bytes; buf_steal() hands them to the caller (free()).  A zeroed struct is an empty
 * buffer.  Thread safety: none; one owner at a time.
 */
#ifndef TIMEPROTO_BASE_BUF_H
#define TIMEPROTO_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *data;	 /* the bytes; NULL while capacity is 0 */
	size_t len;	 /* bytes in use */
	size_t capacity; /* bytes allocated */
	int error;	 /* 0, or -ENOMEM once a growth has failed: sticky until buf_reset() */
};

#define BUF_INIT {NULL, 0, 0, 0}

/* Frees the bytes and makes the buffer empty and usable again.  NULL is allowed. */
void buf_free(struct buf *b);
/* Forgets contents and error, keeps the memory. */
void buf_reset(struct buf *b);
/* Gives the bytes to the caller (NULL when empty or failed) and makes the buffer empty. */
uint8_t *buf_steal(struct buf *b, size_t *len) __attribute__((warn_unused_result));
/* Makes room for `more` bytes behind the current end, growing at least by half.  0 or -ENOMEM (sticky). */
int buf_grow(struct buf *b, size_t more) __attribute__((warn_unused_result));

/* Room for at least `more` bytes at the current end, or NULL (sticky error).  What is then written counts after
 * buf_advance(). */
static inline uint8_t *buf_reserve(struct buf *b, size_t more)
{
	if (b->error || (b->capacity - b->len < more && buf_grow(b, more)))
		return NULL;
	return b->data + b->len;
}

/* `n` bytes of the room that buf_reserve() gave are now content. */
static inline void buf_advance(struct buf *b, size_t n)
{
	b->len += n;
}

static inline void buf_append(struct buf *b, const void *bytes, size_t len)
{
	uint8_t *room;

	if (len == 0)
		return;
	room = buf_reserve(b, len);
	if (room) {
		memcpy(room, bytes, len);
		b->len += len;
	}
}

static inline void buf_append_byte(struct buf *b, uint8_t byte)
{
	uint8_t *room = buf_reserve(b, 1);

	if (room) {
		*room = byte;
		b->len++;
	}
}

/* Appends the text without its NUL. */
static inline void buf_append_text(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

#endif
