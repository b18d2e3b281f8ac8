/* SPDX-License-Identifier: MIT
 *
 * A hash table of nodes that stand inside what they index.  Several may have the same key.  The 64-bit hashes are made
 * with a secret key by whoever uses it (util/siphash.h); who looks something up compares what he finds.
 *
 * Adding needs no memory: a table that cannot grow gets slower.
 *
 * Thread safety: none.
 */
#ifndef TIMED_NODE_POOL_TABLE_H
#define TIMED_NODE_POOL_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct pool_node {
	struct pool_node *next, **at; /* in its bucket; `at`: what points to it */
	uint64_t hash;
};

struct pool_table {
	struct pool_node **buckets;
	size_t mask;  /* buckets - 1 */
	size_t count; /* of nodes */
};

/* What `member` at `pointer` is inside of. */
#define POOL_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* 0 or -ENOMEM. */
int pool_table_init(struct pool_table *table) __attribute__((warn_unused_result));
void pool_table_free(struct pool_table *table); /* the nodes are untouched */
void pool_table_add(struct pool_table *table, struct pool_node *node, uint64_t hash);
void pool_table_remove(struct pool_table *table, struct pool_node *node);
/* The node added last with this hash, then those before it; NULL: no more. */
struct pool_node *pool_table_find(const struct pool_table *table, uint64_t hash);
struct pool_node *pool_table_next(const struct pool_node *node);
/* Of memory, without the nodes. */
size_t pool_table_bytes(const struct pool_table *table);

#endif
