// SPDX-License-Identifier: MIT
/* What was seen lately: see seen.h.
 *
 * A table of small buckets.  A hash lies in one bucket alone; a full bucket gives up what ends first. */
#include "seen.h"

#include <errno.h>
#include <stdlib.h>

#include "timed/util/siphash.h"
#include "timed/util/thread.h"

#define SEEN_BUCKET 8

struct seen_slot {
	uint64_t hash;
	int64_t until_ms; /* it counts before this moment */
};

struct seen {
	struct siphash_key key;
	size_t mask; /* buckets - 1 */
	int64_t keep_ms;
	struct mutex lock; /* leaf; guards what follows */
	struct seen_slot slots[];
};

int seen_new(struct seen **out, size_t capacity, int64_t keep_ms)
{
	size_t buckets = 1;
	struct seen *seen;

	while (buckets * SEEN_BUCKET < capacity)
		buckets *= 2;
	seen = malloc(sizeof(*seen) + buckets * SEEN_BUCKET * sizeof(seen->slots[0]));
	if (!seen)
		return -ENOMEM;
	siphash_key_random(&seen->key);
	seen->mask = buckets - 1;
	seen->keep_ms = keep_ms;
	for (size_t i = 0; i < buckets * SEEN_BUCKET; i++)
		seen->slots[i] = (struct seen_slot){.until_ms = INT64_MIN};
	mutex_init(&seen->lock, "seen", MUTEX_RANK_LEAF);
	*out = seen;
	return 0;
}

void seen_free(struct seen *seen)
{
	if (!seen)
		return;
	mutex_destroy(&seen->lock);
	free(seen);
}

uint64_t seen_hash(const struct seen *seen, const void *data, size_t len)
{
	return siphash(&seen->key, data, len);
}

/* NULL: it is not there. */
static struct seen_slot *seen_find(struct seen *seen, uint64_t hash) REQUIRES(seen->lock)
{
	struct seen_slot *bucket = &seen->slots[(hash & seen->mask) * SEEN_BUCKET];

	for (size_t i = 0; i < SEEN_BUCKET; i++) {
		if (bucket[i].hash == hash && bucket[i].until_ms != INT64_MIN)
			return &bucket[i];
	}
	return NULL;
}

bool seen_has(struct seen *seen, uint64_t hash, int64_t now_ms)
{
	const struct seen_slot *slot;
	bool has;

	mutex_lock(&seen->lock);
	slot = seen_find(seen, hash);
	has = slot && slot->until_ms > now_ms;
	mutex_unlock(&seen->lock);
	return has;
}

bool seen_add(struct seen *seen, uint64_t hash, int64_t now_ms)
{
	struct seen_slot *bucket = &seen->slots[(hash & seen->mask) * SEEN_BUCKET];
	struct seen_slot *slot;
	bool added;

	mutex_lock(&seen->lock);
	slot = seen_find(seen, hash);
	added = !slot || slot->until_ms <= now_ms;
	if (!slot) {
		slot = bucket;
		for (size_t i = 1; i < SEEN_BUCKET; i++)
			slot = bucket[i].until_ms < slot->until_ms ? &bucket[i] : slot;
	}
	if (added)
		*slot = (struct seen_slot){hash, now_ms + seen->keep_ms};
	mutex_unlock(&seen->lock);
	return added;
}

void seen_forget(struct seen *seen, uint64_t hash)
{
	struct seen_slot *slot;

	mutex_lock(&seen->lock);
	slot = seen_find(seen, hash);
	if (slot)
		slot->until_ms = INT64_MIN;
	mutex_unlock(&seen->lock);
}
