// SPDX-License-Identifier: MIT
/* Leader choice: see leader.h. */
#include "timeproto/chain/leader.h"

#include <string.h>

#include "hash_feed.h"

int leader_compare(const struct wire_str *a, const struct wire_str *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int order = common ? memcmp(a->ptr, b->ptr, common) : 0;

	if (order)
		return order;
	return (a->len > b->len) - (a->len < b->len);
}

size_t leader_first(uint64_t height, const struct wire_str *addresses, size_t count)
{
	struct hash_feed feed;
	struct wire_hash seed;
	uint64_t number = 0;

	hash_feed_begin(&feed);
	hash_feed_u64(&feed, height);
	for (size_t i = 0; i < count; i++)
		hash_feed_bytes(&feed, addresses[i].ptr, addresses[i].len);
	hash_feed_end(&feed, &seed);
	for (int i = 7; i >= 0; i--)
		number = number << 8 | seed.bytes[i];
	return (size_t)(number % count);
}

size_t leader_of_round(size_t first, uint64_t round, size_t count)
{
	return (first + (size_t)(round % count)) % count;
}
