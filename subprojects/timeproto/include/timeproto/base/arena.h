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

/* Under AddressSanitizer the free part of a chunk is poisoned, so that running past an allocation is seen. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define ARENA_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define ARENA_POISON(p, n) ((void)(p), (void)(n))
#define ARENA_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

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
	uint8_t *at;			   /* next free byte of it, 8-byte aligned */
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

/* What an allocation of `size` bytes takes up; less than `size` when that overflows. */
static inline size_t arena_rounded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* `size` bytes, 8-byte aligned, not cleared; NULL when the limit, the budget or the system refuses.  A size of 0
 * gives a valid pointer to nothing. */
__attribute__((warn_unused_result)) static inline void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = arena_rounded(size);
	uint8_t *p = a->at;

	if (!p || rounded < size || rounded > (size_t)(a->end - p))
		return arena_alloc_slow(a, size);
	a->at = p + rounded;
	ARENA_UNPOISON(p, size);
	return p;
}

/* Gives back the tail of an allocation when it is the newest: `used` of the `size` bytes at `p` stay. */
static inline void arena_trim(struct arena *a, void *p, size_t size, size_t used)
{
	uint8_t *start = p;

	if (a->at != start + arena_rounded(size))
		return;
	a->at = start + arena_rounded(used);
	ARENA_POISON(start + used, size - used);
}

/* Makes the newest allocation bigger in place; false when it is not the newest or its chunk has no room. */
static inline bool arena_extend(struct arena *a, void *p, size_t size, size_t bigger)
{
	uint8_t *start = p;
	size_t rounded = arena_rounded(bigger);

	if (a->at != start + arena_rounded(size) || rounded < bigger || rounded > (size_t)(a->end - start))
		return false;
	a->at = start + rounded;
	ARENA_UNPOISON(start, bigger);
	return true;
}

#endif
