/* SPDX-License-Identifier: MIT
 *
 * A hash table of things that carry their node, for finality.c.  The hash is keyed, so that nobody can choose txids
 * that meet in one bucket.
 *
 * Ownership: the things are the caller's.  Thread safety: one owner.
 */
#ifndef TIMED_CONSENSUS_KEYED_MAP_H
#define TIMED_CONSENSUS_KEYED_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

/* The thing whose member the node, or another link, is. */
#define KEYED_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct keyed_node {
	struct keyed_node *next; /* in its bucket */
	uint64_t hash;
};

struct keyed_map {
	struct keyed_node **buckets;
	size_t bits; /* 2^bits buckets */
	size_t count;
};

/* 0 or -ENOMEM. */
int keyed_map_init(struct keyed_map *map) __attribute__((warn_unused_result));
/* Frees the buckets. */
void keyed_map_free(struct keyed_map *map);
/* The first of a bucket in which things of that hash are; go on with `next`. */
struct keyed_node *keyed_map_first(const struct keyed_map *map, uint64_t hash);
/* `node->hash` is set.  Grows when it can. */
void keyed_map_insert(struct keyed_map *map, struct keyed_node *node);
void keyed_map_remove(struct keyed_map *map, struct keyed_node *node);

/* Of a hash, and a number that may go with it. */
uint64_t keyed_map_hash(const uint64_t seed[2], const struct wire_hash *hash, uint32_t number);
/* Of a text. */
uint64_t keyed_map_hash_text(const uint64_t seed[2], const struct wire_str *text);

#endif
