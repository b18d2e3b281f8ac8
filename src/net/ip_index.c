/* SPDX-License-Identifier: MIT
 *
 * Places by IP, and their order of going; see ip_index.h.  Buckets and queues are chains of places through one array,
 * so the whole takes two allocations.
 */
#include "ip_index.h"

#include <stdlib.h>

#include "timed/util/thread.h"

#define FIRST_CAPACITY 64
#define MAX_CAPACITY ((uint32_t)1 << 30)

void ip_index_init(struct ip_index *index)
{
	*index = (struct ip_index){0};
	siphash_key_random(&index->key);
	for (int rank = 0; rank < IP_INDEX_RANKS; rank++)
		index->queues[rank] = (struct ip_index_queue){IP_INDEX_NONE, IP_INDEX_NONE};
}

void ip_index_free(struct ip_index *index)
{
	free(index->nodes);
	free(index->buckets);
}

static uint32_t *bucket_of(const struct ip_index *index, const struct net_ip *ip)
{
	return &index->buckets[siphash(&index->key, ip->bytes, sizeof(ip->bytes)) & (index->capacity - 1)];
}

uint32_t ip_index_find(const struct ip_index *index, const struct net_ip *ip)
{
	uint32_t place;

	if (index->count == 0)
		return IP_INDEX_NONE;
	place = *bucket_of(index, ip);
	while (place != IP_INDEX_NONE && !net_ip_equal(&index->nodes[place].ip, ip))
		place = index->nodes[place].chain;
	return place;
}

static void link_bucket(struct ip_index *index, uint32_t place)
{
	uint32_t *bucket = bucket_of(index, &index->nodes[place].ip);

	index->nodes[place].chain = *bucket;
	*bucket = place;
}

static void unlink_bucket(struct ip_index *index, uint32_t place)
{
	uint32_t *at = bucket_of(index, &index->nodes[place].ip);

	while (*at != place) {
		CHECK(*at != IP_INDEX_NONE);
		at = &index->nodes[*at].chain;
	}
	*at = index->nodes[place].chain;
}

static bool grow(struct ip_index *index)
{
	uint32_t capacity = index->capacity ? index->capacity * 2 : FIRST_CAPACITY;
	struct ip_index_node *nodes;
	uint32_t *buckets;

	if (capacity > MAX_CAPACITY)
		return false;
	nodes = realloc(index->nodes, capacity * sizeof(*nodes));
	if (nodes)
		index->nodes = nodes; /* larger than `capacity` says, if the next one fails */
	buckets = nodes ? malloc(capacity * sizeof(*buckets)) : NULL;
	if (!buckets)
		return false;
	free(index->buckets);
	index->buckets = buckets;
	index->capacity = capacity;
	for (uint32_t i = 0; i < capacity; i++)
		buckets[i] = IP_INDEX_NONE;
	for (uint32_t place = 0; place < index->count; place++)
		link_bucket(index, place);
	return true;
}

bool ip_index_add(struct ip_index *index, const struct net_ip *ip)
{
	uint32_t place = index->count;

	if (place == index->capacity && !grow(index))
		return false;
	index->nodes[place] = (struct ip_index_node){.ip = *ip, .rank = IP_INDEX_KEPT};
	index->count++;
	link_bucket(index, place);
	return true;
}

static void leave_queue(struct ip_index *index, uint32_t place)
{
	const struct ip_index_node *node = &index->nodes[place];
	struct ip_index_queue *queue;

	if (node->rank == IP_INDEX_KEPT)
		return;
	queue = &index->queues[node->rank];
	if (node->before == IP_INDEX_NONE)
		queue->first = node->after;
	else
		index->nodes[node->before].after = node->after;
	if (node->after == IP_INDEX_NONE)
		queue->last = node->before;
	else
		index->nodes[node->after].before = node->before;
}

void ip_index_replace(struct ip_index *index, uint32_t place, const struct net_ip *ip)
{
	CHECK(place < index->count);
	leave_queue(index, place);
	unlink_bucket(index, place);
	index->nodes[place] = (struct ip_index_node){.ip = *ip, .rank = IP_INDEX_KEPT};
	link_bucket(index, place);
}

void ip_index_rank(struct ip_index *index, uint32_t place, uint32_t rank)
{
	struct ip_index_node *node;

	CHECK(place < index->count && rank <= IP_INDEX_KEPT);
	node = &index->nodes[place];
	leave_queue(index, place);
	node->rank = rank;
	if (rank == IP_INDEX_KEPT)
		return;
	node->before = index->queues[rank].last;
	node->after = IP_INDEX_NONE;
	if (node->before == IP_INDEX_NONE)
		index->queues[rank].first = place;
	else
		index->nodes[node->before].after = place;
	index->queues[rank].last = place;
}

uint32_t ip_index_victim(const struct ip_index *index)
{
	for (int rank = 0; rank < IP_INDEX_RANKS; rank++) {
		if (index->queues[rank].first != IP_INDEX_NONE)
			return index->queues[rank].first;
	}
	return IP_INDEX_NONE;
}
