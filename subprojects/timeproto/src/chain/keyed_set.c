// SPDX-License-Identifier: MIT
/* A hash set that peers cannot make slow: see keyed_set.h. */
#include "keyed_set.h"

#include <errno.h>
#include <string.h>

#include <sodium.h>

_Static_assert(sizeof(((struct keyed_set *)NULL)->seed) == crypto_shorthash_KEYBYTES, "a key of SipHash");

int keyed_set_init(struct keyed_set *set, struct arena *arena, size_t capacity, size_t key_len,
		   const struct wire_hash *digest)
{
	size_t slots = 16;

	if (capacity > SIZE_MAX / 4 / sizeof(*set->slots))
		return -ENOMEM;
	while (slots < 2 * capacity)
		slots *= 2;
	set->slots = arena_alloc(arena, slots * sizeof(*set->slots));
	if (!set->slots)
		return -ENOMEM;
	memset(set->slots, 0, slots * sizeof(*set->slots));
	set->mask = slots - 1;
	set->key_len = key_len;
	memcpy(set->seed, digest->bytes, sizeof(set->seed));
	return 0;
}

/* Where the key is, or else where it belongs. */
static const void **keyed_set_slot(const struct keyed_set *set, const void *key)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t start;
	size_t slot;

	/* Cannot fail. */
	(void)crypto_shorthash(hash, key, set->key_len, set->seed);
	memcpy(&start, hash, sizeof(start));
	for (slot = (size_t)start & set->mask; set->slots[slot]; slot = (slot + 1) & set->mask) {
		if (memcmp(set->slots[slot], key, set->key_len) == 0)
			break;
	}
	return &set->slots[slot];
}

const void *keyed_set_add(struct keyed_set *set, const void *key)
{
	const void **slot = keyed_set_slot(set, key);

	if (*slot)
		return *slot;
	*slot = key;
	return NULL;
}

const void *keyed_set_find(const struct keyed_set *set, const void *key)
{
	return *keyed_set_slot(set, key);
}
