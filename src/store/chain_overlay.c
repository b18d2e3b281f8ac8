// SPDX-License-Identifier: MIT
/* Unspent outputs in memory: see chain_overlay.h. */
#include "chain_overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain_format.h"
#include "timed/util/thread.h"
#include "timeproto/chain/hash.h"

#define FIRST_CAPACITY ((size_t)1024)
/* Memory is taken from the arena in pieces of this size, or of what a block needs. */
#define ROOM_BYTES ((size_t)64 << 10)
/* What an output's two writes take beside its script: keys, value, and RocksDB's own. */
#define WRITE_BYTES 160

_Static_assert(sizeof(struct wire_outpoint) == 36, "no padding: outpoints are compared and hashed as bytes");

static uint64_t overlay_hash(const struct chain_overlay *overlay, const struct wire_outpoint *outpoint)
{
	return siphash(&overlay->key, outpoint, sizeof(*outpoint));
}

/* The slot of the outpoint, or the free one where it belongs.  There is always a free one. */
static struct chain_coin_slot *generation_slot(const struct chain_generation *generation, uint64_t hash,
					       const struct wire_outpoint *outpoint)
{
	size_t mask = generation->capacity - 1, i = hash & mask;

	while (generation->slots[i].coin &&
	       (generation->slots[i].hash != hash ||
		memcmp(&generation->slots[i].coin->outpoint, outpoint, sizeof(*outpoint)) != 0))
		i = (i + 1) & mask;
	return &generation->slots[i];
}

static struct chain_coin *generation_find(const struct chain_generation *generation, uint64_t hash,
					  const struct wire_outpoint *outpoint)
{
	return generation->count > 0 ? generation_slot(generation, hash, outpoint)->coin : NULL;
}

/* Room for `more` at a load of three quarters at most. */
static int generation_reserve(struct chain_generation *generation, size_t more)
{
	size_t capacity = generation->capacity ? generation->capacity : FIRST_CAPACITY;
	struct chain_generation bigger = *generation;

	while ((generation->count + more) / 3 >= capacity / 4)
		capacity *= 2;
	if (capacity == generation->capacity)
		return 0;
	bigger.capacity = capacity;
	bigger.slots = calloc(capacity, sizeof(bigger.slots[0]));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < generation->capacity; i++) {
		const struct chain_coin_slot *slot = &generation->slots[i];

		if (slot->coin)
			*generation_slot(&bigger, slot->hash, &slot->coin->outpoint) = *slot;
	}
	free(generation->slots);
	*generation = bigger;
	return 0;
}

static void generation_free(struct chain_generation *generation)
{
	free(generation->slots);
	arena_free(&generation->arena);
	*generation = (struct chain_generation){.slots = NULL};
	arena_init(&generation->arena, SIZE_MAX, NULL);
}

static size_t generation_bytes(const struct chain_generation *generation)
{
	return generation->arena.reserved + generation->capacity * sizeof(generation->slots[0]);
}

void chain_overlay_init(struct chain_overlay *overlay, size_t bound_bytes)
{
	*overlay = (struct chain_overlay){.bound = bound_bytes};
	arena_init(&overlay->young.arena, SIZE_MAX, NULL);
	arena_init(&overlay->old.arena, SIZE_MAX, NULL);
	siphash_key_random(&overlay->key);
}

void chain_overlay_clear(struct chain_overlay *overlay)
{
	generation_free(&overlay->young);
	generation_free(&overlay->old);
	overlay->dirty = NULL;
	overlay->dirty_count = overlay->dirty_bytes = 0;
	overlay->room = overlay->room_end = NULL;
}

void chain_overlay_free(struct chain_overlay *overlay)
{
	chain_overlay_clear(overlay);
}

/* What one coin takes of the arena. */
static size_t coin_bytes(size_t script_len)
{
	return arena_rounded(sizeof(struct chain_coin) + CHAIN_COIN_BYTES(script_len));
}

int chain_overlay_reserve(struct chain_overlay *overlay, size_t count, size_t script_bytes)
{
	/* each rounded up */
	size_t bytes = count * coin_bytes(7) + script_bytes;

	if (generation_reserve(&overlay->young, count))
		return -ENOMEM;
	if ((size_t)(overlay->room_end - overlay->room) >= bytes)
		return 0;
	if (bytes < ROOM_BYTES)
		bytes = ROOM_BYTES;
	overlay->room = arena_alloc(&overlay->young.arena, bytes);
	overlay->room_end = overlay->room ? overlay->room + bytes : NULL;
	return overlay->room ? 0 : -ENOMEM;
}

const struct chain_coin *chain_overlay_find(const struct chain_overlay *overlay, const struct wire_outpoint *outpoint)
{
	uint64_t hash = overlay_hash(overlay, outpoint);
	const struct chain_coin *coin = generation_find(&overlay->young, hash, outpoint);

	return coin ? coin : generation_find(&overlay->old, hash, outpoint);
}

/* Puts a coin into a free slot of the young generation. */
static struct chain_coin *overlay_insert(struct chain_overlay *overlay, struct chain_coin_slot *slot, uint64_t hash,
					 const struct wire_outpoint *outpoint, const struct coin *coin)
{
	struct chain_coin *fresh = (struct chain_coin *)(void *)overlay->room;

	CHECK((size_t)(overlay->room_end - overlay->room) >= coin_bytes(coin->script.len));
	overlay->room += coin_bytes(coin->script.len);
	fresh->next_dirty = NULL;
	fresh->outpoint = *outpoint;
	fresh->stored_len = (uint32_t)CHAIN_COIN_BYTES(coin->script.len);
	fresh->flags = 0;
	fresh->listed = false;
	chain_coin_write(fresh->stored, coin->value, coin->script.ptr, coin->script.len);
	*slot = (struct chain_coin_slot){.hash = hash, .coin = fresh};
	overlay->young.count++;
	return fresh;
}

static void overlay_touch(struct chain_overlay *overlay, struct chain_coin *coin)
{
	if (coin->listed)
		return;
	coin->listed = true;
	coin->next_dirty = overlay->dirty;
	overlay->dirty = coin;
	overlay->dirty_count++;
	overlay->dirty_bytes += WRITE_BYTES + coin->stored_len;
}

void chain_overlay_add(struct chain_overlay *overlay, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	uint64_t hash = overlay_hash(overlay, outpoint);
	struct chain_coin_slot *slot = generation_slot(&overlay->young, hash, outpoint);
	struct chain_coin *there = slot->coin;

	if (!there) {
		there = overlay_insert(overlay, slot, hash, outpoint, coin);
		there->flags = CHAIN_COIN_ABSENT;
	}
	/* One that is spent already has the same value and script: an outpoint names both. */
	CHECK((there->flags & CHAIN_COIN_ABSENT) || (there->flags & CHAIN_COIN_SPENT));
	there->flags = (uint8_t)((there->flags & ~CHAIN_COIN_SPENT) | CHAIN_COIN_DIRTY);
	overlay_touch(overlay, there);
}

void chain_overlay_spend(struct chain_overlay *overlay, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	uint64_t hash = overlay_hash(overlay, outpoint);
	struct chain_coin_slot *slot = generation_slot(&overlay->young, hash, outpoint);
	struct chain_coin *there = slot->coin;

	if (!there)
		there = overlay_insert(overlay, slot, hash, outpoint, coin);
	CHECK(!(there->flags & CHAIN_COIN_SPENT));
	/* What the database never had needs no deleting. */
	there->flags |= CHAIN_COIN_SPENT;
	if (there->flags & CHAIN_COIN_ABSENT)
		there->flags = (uint8_t)(there->flags & ~CHAIN_COIN_DIRTY);
	else
		there->flags |= CHAIN_COIN_DIRTY;
	overlay_touch(overlay, there);
}

void chain_overlay_written(struct chain_overlay *overlay)
{
	struct chain_coin *next;

	for (struct chain_coin *coin = overlay->dirty; coin; coin = next) {
		next = coin->next_dirty;
		coin->next_dirty = NULL;
		coin->listed = false;
		coin->flags = coin->flags & CHAIN_COIN_SPENT ? CHAIN_COIN_SPENT | CHAIN_COIN_ABSENT : 0;
	}
	overlay->dirty = NULL;
	overlay->dirty_count = overlay->dirty_bytes = 0;
	if (generation_bytes(&overlay->young) <= overlay->bound / 2)
		return;
	generation_free(&overlay->old);
	if (generation_bytes(&overlay->young) <= overlay->bound)
		overlay->old = overlay->young;
	else
		generation_free(&overlay->young);
	overlay->young = (struct chain_generation){.slots = NULL};
	arena_init(&overlay->young.arena, SIZE_MAX, NULL);
	overlay->room = overlay->room_end = NULL;
}

/* ---- transactions ---- */

void chain_txs_init(struct chain_txs *txs)
{
	*txs = (struct chain_txs){.slots = NULL};
	siphash_key_random(&txs->key);
}

void chain_txs_free(struct chain_txs *txs)
{
	free(txs->slots);
	txs->slots = NULL;
	txs->capacity = txs->count = 0;
}

void chain_txs_clear(struct chain_txs *txs)
{
	/* A big table would be costly to clear for each block at the tip. */
	if (txs->capacity > FIRST_CAPACITY && txs->count < txs->capacity / 16)
		chain_txs_free(txs);
	else if (txs->count > 0)
		memset(txs->slots, 0, txs->capacity * sizeof(txs->slots[0]));
	txs->count = 0;
}

/* The slot of the transaction, or the free one where it belongs. */
static struct chain_tx *txs_slot(const struct chain_txs *txs, const struct wire_hash *txid)
{
	size_t mask = txs->capacity - 1, i = siphash(&txs->key, txid->bytes, sizeof(txid->bytes)) & mask;

	while (!hash_is_zero(&txs->slots[i].txid) && !hash_equal(&txs->slots[i].txid, txid))
		i = (i + 1) & mask;
	return &txs->slots[i];
}

int chain_txs_reserve(struct chain_txs *txs, size_t count)
{
	struct chain_txs bigger = *txs;

	bigger.capacity = txs->capacity ? txs->capacity : FIRST_CAPACITY;
	while ((txs->count + count) / 3 >= bigger.capacity / 4)
		bigger.capacity *= 2;
	if (bigger.capacity == txs->capacity)
		return 0;
	bigger.slots = calloc(bigger.capacity, sizeof(bigger.slots[0]));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < txs->capacity; i++) {
		if (!hash_is_zero(&txs->slots[i].txid))
			*txs_slot(&bigger, &txs->slots[i].txid) = txs->slots[i];
	}
	free(txs->slots);
	*txs = bigger;
	return 0;
}

void chain_txs_add(struct chain_txs *txs, const struct chain_tx *tx)
{
	*txs_slot(txs, &tx->txid) = *tx;
	txs->count++;
}

bool chain_txs_has(const struct chain_txs *txs, const struct wire_hash *txid)
{
	return txs->count > 0 && !hash_is_zero(&txs_slot(txs, txid)->txid);
}
