/* SPDX-License-Identifier: MIT
 *
 * A bump allocator: decoded messages live in one and are freed all at once.
 *
 * An arena that has allocated nothing holds no memory.  Chunks double from 1 KiB to 1 MiB (a larger request gets a
 * chunk of its own size); arena_reset() keeps one chunk of at most 16 KiB and frees the rest, so a connection that
 * has seen one big message is small again.
 *
 * Accounting: `limit_bytes` bounds the sum of all chunks; an optional budget is asked before each chunk and told
 * after its release, so that an owner can charge a global account.  `arena->reserved` says what is held now.
 *
 * Ownership: an arena may be moved by plain assignment (nothing points back into the struct); the source is then
 * to be re-initialised, not freed.  Reference counting is its owner's affair.
 * Thread safety: none; one user at a time.
 */
#ifndef TIMEPROTO_BASE_ARENA_H
#define TIMEPROTO_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What arena_reset() may keep. */
#define ARENA_KEEP_BYTES ((size_t)16384)

struct arena_chunk;

/* Asked for memory in whole chunks.  Both functions get `user`. */
struct arena_budget {
	bool (*take)(void *user, size_t bytes); /* false: refused, the allocation fails */
	void (*give)(void *user, size_t bytes); /* these bytes are free again */
	void *user;				/* for the two functions */
};

struct arena {
	struct arena_chunk *chunk;	   /* newest chunk; NULL while nothing is held */
	uint8_t *at;			   /* next free byte of it */
	uint8_t *end;			   /* its end */
	size_t reserved;		   /* bytes of all chunks, headers included */
	size_t limit;			   /* `reserved` never exceeds this */
	const struct arena_budget *budget; /* NULL: only the limit counts */
};

/* Never fails and allocates nothing.  `budget` may be NULL; it must outlive the arena. */
void arena_init(struct arena *a, size_t limit_bytes, const struct arena_budget *budget);
/* Forgets everything; keeps at most ARENA_KEEP_BYTES. */
void arena_reset(struct arena *a);
/* Frees everything; the arena stays usable.  NULL is allowed. */
void arena_free(struct arena *a);

/* The slow path of arena_alloc(): starts a new chunk. */
void *arena_alloc_slow(struct arena *a, size_t size) __attribute__((warn_unused_result));

/* `size` bytes, 8-byte aligned, not cleared; NULL when the limit, the budget or the system refuses.  A size of 0
 * gives a valid pointer. */
__attribute__((warn_unused_result)) static inline void *arena_alloc(struct arena *a, size_t size)
{
	size_t left = (size_t)(a->end - a->at);
	size_t rounded = (size + 7) & ~(size_t)7;

	if (rounded < size || rounded > left || !a->at)
		return arena_alloc_slow(a, size);
	a->at += rounded;
	return a->at - rounded;
}

/* Gives back the tail of the newest allocation: `used` of the bytes at `p` stay.  A no-op when `p` is not the
 * newest. `size` is what was asked for. */
static inline void arena_trim(struct arena *a, void *p, size_t size, size_t used)
{
	uint8_t *start = p;

	if (a->at == start + ((size + 7) & ~(size_t)7))
		a->at = start + ((used + 7) & ~(size_t)7);
}

/* Makes the newest allocation bigger in place; false when it is not the newest or its chunk has no room. */
static inline bool arena_extend(struct arena *a, void *p, size_t size, size_t bigger)
{
	uint8_t *start = p;

	if (a->at != start + ((size + 7) & ~(size_t)7) || bigger > (size_t)(a->end - start) - 7)
		return false;
	a->at = start + ((bigger + 7) & ~(size_t)7);
	return true;
}

#endif
