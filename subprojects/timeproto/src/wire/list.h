/* SPDX-License-Identifier: MIT
 *
 * Growing a list whose length is not known (JSON) or not trusted (bincode): the array doubles in the arena, so memory
 * stays within a small multiple of the elements that were really there.
 */
#ifndef TIMEPROTO_WIRE_LIST_H
#define TIMEPROTO_WIRE_LIST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "timeproto/base/arena.h"

struct wire_list {
	uint8_t *items;	 /* NULL while there are none */
	size_t len;	 /* elements in use */
	size_t capacity; /* elements allocated */
	size_t size;	 /* bytes of an element */
};

/* The place of the next element, which counts once `len` is raised; NULL: out of memory. */
static inline void *wire_list_next(struct wire_list *list, struct arena *arena)
{
	if (list->len == list->capacity) {
		size_t capacity = list->capacity == 0 ? 1 : list->capacity < 4 ? 4 : 2 * list->capacity;
		size_t used = list->capacity * list->size;
		size_t wanted;
		uint8_t *items;

		if (__builtin_mul_overflow(capacity, list->size, &wanted))
			return NULL;
		if (!list->items || !arena_extend(arena, list->items, used, wanted)) {
			items = arena_alloc(arena, wanted);
			if (!items)
				return NULL;
			if (list->items)
				memcpy(items, list->items, used);
			list->items = items;
		}
		list->capacity = capacity;
	}
	return list->items + list->len * list->size;
}

/* Writes the finished list to the struct of a pointer and a length at `out`, which all lists are. */
static inline void wire_list_store(struct wire_list *list, struct arena *arena, void *out)
{
	void *items = list->items;
	size_t len = list->len;

	if (items)
		arena_trim(arena, items, list->capacity * list->size, len * list->size);
	memcpy(out, &items, sizeof(items));
	memcpy((uint8_t *)out + sizeof(items), &len, sizeof(len));
}

#endif
