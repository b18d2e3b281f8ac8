// SPDX-License-Identifier: MIT
/* A hash table: see keyed_map.h. */
#include "keyed_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEYED_MAP_MIN_BITS 6

int keyed_map_init(struct keyed_map *map)
{
	map->bits = KEYED_MAP_MIN_BITS;
	map->count = 0;
	map->buckets = calloc((size_t)1 << map->bits, sizeof(struct keyed_node *));
	return map->buckets ? 0 : -ENOMEM;
}

void keyed_map_free(struct keyed_map *map)
{
	free(map->buckets);
	map->buckets = NULL;
}

static struct keyed_node **keyed_map_bucket(const struct keyed_map *map, uint64_t hash)
{
	return &map->buckets[hash >> (64 - map->bits)];
}

struct keyed_node *keyed_map_first(const struct keyed_map *map, uint64_t hash)
{
	return *keyed_map_bucket(map, hash);
}

static void keyed_map_grow(struct keyed_map *map)
{
	struct keyed_map bigger = {.bits = map->bits + 1, .count = map->count};

	bigger.buckets = calloc((size_t)1 << bigger.bits, sizeof(struct keyed_node *));
	/* Without memory the buckets get longer, which is slower and no worse. */
	if (!bigger.buckets)
		return;
	for (size_t i = 0; i < (size_t)1 << map->bits; i++) {
		struct keyed_node *node, *next;

		for (node = map->buckets[i]; node; node = next) {
			struct keyed_node **bucket = keyed_map_bucket(&bigger, node->hash);

			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(map->buckets);
	*map = bigger;
}

void keyed_map_insert(struct keyed_map *map, struct keyed_node *node)
{
	struct keyed_node **bucket;

	if (map->count >= (size_t)1 << map->bits)
		keyed_map_grow(map);
	bucket = keyed_map_bucket(map, node->hash);
	node->next = *bucket;
	*bucket = node;
	map->count++;
}

void keyed_map_remove(struct keyed_map *map, struct keyed_node *node)
{
	struct keyed_node **at = keyed_map_bucket(map, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	map->count--;
}

/* Each word is mixed with what only we know before it is multiplied. */
static uint64_t keyed_map_mix(const uint64_t seed[2], uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * (seed[1] | 1);
	return hash ^ hash >> 32;
}

uint64_t keyed_map_hash(const uint64_t seed[2], const struct wire_hash *hash, uint32_t number)
{
	uint64_t words[4], mixed = seed[0];

	memcpy(words, hash->bytes, sizeof(words));
	for (int i = 0; i < 4; i++)
		mixed = keyed_map_mix(seed, mixed, words[i]);
	return keyed_map_mix(seed, mixed, number) * UINT64_C(0x9e3779b97f4a7c15);
}

uint64_t keyed_map_hash_text(const uint64_t seed[2], const struct wire_str *text)
{
	uint64_t mixed = seed[0];

	for (size_t i = 0; i < text->len; i += 8) {
		size_t len = text->len - i < 8 ? text->len - i : 8;
		uint64_t word = 0;

		memcpy(&word, text->ptr + i, len);
		mixed = keyed_map_mix(seed, mixed, word);
	}
	return keyed_map_mix(seed, mixed, text->len) * UINT64_C(0x9e3779b97f4a7c15);
}
