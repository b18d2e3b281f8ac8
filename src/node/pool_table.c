/* SPDX-License-Identifier: MIT
 *
 * A hash table of nodes inside what they index; see pool_table.h.
 */
#include "pool_table.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_BUCKETS ((size_t)64)

int pool_table_init(struct pool_table *table)
{
	*table = (struct pool_table){.mask = FIRST_BUCKETS - 1};
	table->buckets = calloc(FIRST_BUCKETS, sizeof(table->buckets[0]));
	return table->buckets ? 0 : -ENOMEM;
}

void pool_table_free(struct pool_table *table)
{
	free(table->buckets);
	table->buckets = NULL;
}

static void link_node(struct pool_table *table, struct pool_node *node)
{
	struct pool_node **bucket = &table->buckets[node->hash & table->mask];

	node->next = *bucket;
	node->at = bucket;
	if (node->next)
		node->next->at = &node->next;
	*bucket = node;
}

/* Each old bucket is taken from its end, so that nodes of one hash keep their order. */
static void move_bucket(struct pool_table *table, struct pool_node *first)
{
	struct pool_node *node = first, *before;

	if (!node)
		return;
	while (node->next)
		node = node->next;
	for (;; node = before) {
		before = node == first ? NULL : POOL_CONTAINER(node->at, struct pool_node, next);
		link_node(table, node);
		if (!before)
			return;
	}
}

static void grow(struct pool_table *table)
{
	size_t count = table->mask + 1, bigger = 2 * count;
	struct pool_node **old = table->buckets, **fresh = calloc(bigger, sizeof(fresh[0]));

	if (!fresh)
		return;
	table->buckets = fresh;
	table->mask = bigger - 1;
	for (size_t i = 0; i < count; i++)
		move_bucket(table, old[i]);
	free(old);
}

void pool_table_add(struct pool_table *table, struct pool_node *node, uint64_t hash)
{
	if (table->count > table->mask)
		grow(table);
	node->hash = hash;
	link_node(table, node);
	table->count++;
}

void pool_table_remove(struct pool_table *table, struct pool_node *node)
{
	*node->at = node->next;
	if (node->next)
		node->next->at = node->at;
	table->count--;
}

static struct pool_node *skip_others(struct pool_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct pool_node *pool_table_find(const struct pool_table *table, uint64_t hash)
{
	return skip_others(table->buckets[hash & table->mask], hash);
}

struct pool_node *pool_table_next(const struct pool_node *node)
{
	return skip_others(node->next, node->hash);
}

size_t pool_table_bytes(const struct pool_table *table)
{
	return (table->mask + 1) * sizeof(table->buckets[0]);
}
