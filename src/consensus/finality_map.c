// SPDX-License-Identifier: MIT
/* The hash table of finality.c: see finality_map.h. */
#include "finality_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FINALITY_MAP_MIN_BITS 6

int finality_map_init(struct finality_map *map)
{
	map->bits = FINALITY_MAP_MIN_BITS;
	map->count = 0;
	map->buckets = calloc((size_t)1 << map->bits, sizeof(struct finality_node *));
	return map->buckets ? 0 : -ENOMEM;
}

void finality_map_free(struct finality_map *map)
{
	free(map->buckets);
	map->buckets = NULL;
}

static struct finality_node **finality_map_bucket(const struct finality_map *map, uint64_t hash)
{
	return &map->buckets[hash >> (64 - map->bits)];
}

struct finality_node *finality_map_first(const struct finality_map *map, uint64_t hash)
{
	return *finality_map_bucket(map, hash);
}

static void finality_map_grow(struct finality_map *map)
{
	struct finality_map bigger = {.bits = map->bits + 1, .count = map->count};

	bigger.buckets = calloc((size_t)1 << bigger.bits, sizeof(struct finality_node *));
	/* Without memory the buckets get longer, which is slower and no worse. */
	if (!bigger.buckets)
		return;
	for (size_t i = 0; i < (size_t)1 << map->bits; i++) {
		struct finality_node *node, *next;

		for (node = map->buckets[i]; node; node = next) {
			struct finality_node **bucket = finality_map_bucket(&bigger, node->hash);

			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(map->buckets);
	*map = bigger;
}

void finality_map_insert(struct finality_map *map, struct finality_node *node)
{
	struct finality_node **bucket;

	if (map->count >= (size_t)1 << map->bits)
		finality_map_grow(map);
	bucket = finality_map_bucket(map, node->hash);
	node->next = *bucket;
	*bucket = node;
	map->count++;
}

void finality_map_remove(struct finality_map *map, struct finality_node *node)
{
	struct finality_node **at = finality_map_bucket(map, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	map->count--;
}

uint64_t finality_map_hash(const uint64_t seed[2], const struct wire_hash *txid, uint32_t vout)
{
	uint64_t words[4], hash = seed[0];

	memcpy(words, txid->bytes, sizeof(words));
	/* Each word is mixed with what only we know before it is multiplied. */
	for (int i = 0; i < 4; i++) {
		hash = (hash ^ words[i]) * (seed[1] | 1);
		hash ^= hash >> 32;
	}
	hash = (hash ^ vout) * (seed[1] | 1);
	hash ^= hash >> 29;
	return hash * UINT64_C(0x9e3779b97f4a7c15);
}
