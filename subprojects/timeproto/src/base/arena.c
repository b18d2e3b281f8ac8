/* SPDX-License-Identifier: MIT
 *
 * The bump allocator's chunks; the fast path is inline in arena.h.
 */
#include "timeproto/base/arena.h"

#include <stdlib.h>

#define ARENA_FIRST_BYTES ((size_t)1024)
#define ARENA_CHUNK_MAX_BYTES ((size_t)1 << 20)

struct arena_chunk {
	struct arena_chunk *previous; /* older chunk or NULL */
	size_t size;		      /* bytes of the whole chunk, this header included */
};

_Static_assert(sizeof(struct arena_chunk) % 8 == 0, "allocations start behind the header and are 8-byte aligned");

void arena_init(struct arena *a, size_t limit_bytes, const struct arena_budget *budget)
{
	*a = (struct arena){.limit = limit_bytes, .budget = budget};
}

/* Frees `chunk` and gives its bytes back. */
static void chunk_free(struct arena *a, struct arena_chunk *chunk)
{
	size_t size = chunk->size;

	ARENA_UNPOISON(chunk, size);
	free(chunk);
	a->reserved -= size;
	if (a->budget)
		a->budget->give(a->budget->user, size);
}

/* Makes `chunk` the newest, all of it free. */
static void chunk_use(struct arena *a, struct arena_chunk *chunk)
{
	a->chunk = chunk;
	a->at = (uint8_t *)(chunk + 1);
	a->end = (uint8_t *)chunk + chunk->size;
	ARENA_POISON(a->at, (size_t)(a->end - a->at));
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *chunk = a->chunk;
	struct arena_chunk *kept = NULL;

	/* Sizes mostly grow from old to new: the newest that is small enough is the most useful one. */
	while (chunk) {
		struct arena_chunk *previous = chunk->previous;

		if (!kept && chunk->size <= ARENA_KEEP_BYTES)
			kept = chunk;
		else
			chunk_free(a, chunk);
		chunk = previous;
	}
	a->chunk = NULL;
	a->at = NULL;
	a->end = NULL;
	if (kept) {
		kept->previous = NULL;
		chunk_use(a, kept);
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->chunk) {
		struct arena_chunk *previous = a->chunk->previous;

		chunk_free(a, a->chunk);
		a->chunk = previous;
	}
	a->at = NULL;
	a->end = NULL;
}

/* The usual size of the next chunk when `needed` bytes must fit. */
static size_t usual_chunk_size(const struct arena *a, size_t needed)
{
	size_t size = a->chunk ? 2 * a->chunk->size : ARENA_FIRST_BYTES;

	if (size > ARENA_CHUNK_MAX_BYTES)
		size = ARENA_CHUNK_MAX_BYTES;
	return size < needed ? needed : size;
}

/* Whether limit and budget allow `size` more bytes; the budget is then charged. */
static bool charge(struct arena *a, size_t size)
{
	if (a->reserved > a->limit || size > a->limit - a->reserved)
		return false;
	return !a->budget || a->budget->take(a->budget->user, size);
}

void *arena_alloc_slow(struct arena *a, size_t size)
{
	struct arena_chunk *chunk;
	size_t needed, chunk_size;

	if (size > SIZE_MAX / 2)
		return NULL;
	needed = sizeof(*chunk) + arena_rounded(size);
	chunk_size = usual_chunk_size(a, needed);
	if (!charge(a, chunk_size)) {
		/* Where memory is short the bare minimum may still be had. */
		if (chunk_size == needed || !charge(a, needed))
			return NULL;
		chunk_size = needed;
	}
	chunk = malloc(chunk_size);
	if (!chunk) {
		if (a->budget)
			a->budget->give(a->budget->user, chunk_size);
		return NULL;
	}
	chunk->previous = a->chunk;
	chunk->size = chunk_size;
	a->reserved += chunk_size;
	chunk_use(a, chunk);
	return arena_alloc(a, size);
}
