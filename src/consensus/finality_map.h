/* SPDX-License-Identifier: MIT
 *
 * A hash table of things that carry their node, for finality.c.  The hash is keyed, so that nobody can choose txids
 * that meet in one bucket.
 *
 * Ownership: the things are the caller's.  Thread safety: one owner.
 */
#ifndef TIMED_CONSENSUS_FINALITY_MAP_H
#define TIMED_CONSENSUS_FINALITY_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/message.h"

struct finality_node {
	struct finality_node *next; /* in its bucket */
	uint64_t hash;
};

struct finality_map {
	struct finality_node **buckets;
	size_t bits; /* 2^bits buckets */
	size_t count;
};

/* 0 or -ENOMEM. */
int finality_map_init(struct finality_map *map) __attribute__((warn_unused_result));
/* Frees the buckets. */
void finality_map_free(struct finality_map *map);
/* The first of a bucket in which things of that hash are; go on with `next`. */
struct finality_node *finality_map_first(const struct finality_map *map, uint64_t hash);
/* `node->hash` is set.  Grows when it can. */
void finality_map_insert(struct finality_map *map, struct finality_node *node);
void finality_map_remove(struct finality_map *map, struct finality_node *node);

uint64_t finality_map_hash(const uint64_t seed[2], const struct wire_hash *txid, uint32_t vout);

#endif
