// SPDX-License-Identifier: MIT
/* Unspent outputs and transaction ids of the generated chain: see gen_coins.h.
 *
 * Both tables use linear probing.  Their keys are hashes that this program made, so their own bytes spread well. */
#include "gen_coins.h"

#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/hash.h"
#include "timeproto/chain/utxo_hash.h"

#define FIRST_SLOTS 1024
#define OWNER_NONE UINT32_MAX

static void *checked(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static uint64_t first_bytes(const struct wire_hash *hash)
{
	uint64_t value;

	memcpy(&value, hash->bytes, sizeof(value));
	return value;
}

static size_t home_slot(const struct gen_coins *coins, const struct wire_outpoint *outpoint)
{
	return (size_t)(first_bytes(&outpoint->txid) + outpoint->vout * UINT64_C(0x9e3779b97f4a7c15)) &
	       (coins->slot_count - 1);
}

static bool same_outpoint(const struct wire_outpoint *a, const struct wire_outpoint *b)
{
	return a->vout == b->vout && hash_equal(&a->txid, &b->txid);
}

/* The slot that holds the outpoint, or the empty one where it belongs. */
static size_t find_slot(const struct gen_coins *coins, const struct wire_outpoint *outpoint)
{
	size_t i = home_slot(coins, outpoint);

	while (coins->slots[i].owner != OWNER_NONE && !same_outpoint(&coins->slots[i].outpoint, outpoint))
		i = (i + 1) & (coins->slot_count - 1);
	return i;
}

static void make_slots(struct gen_coins *coins, size_t slot_count)
{
	coins->slots = checked(malloc(slot_count * sizeof(*coins->slots)));
	coins->slot_count = slot_count;
	for (size_t i = 0; i < slot_count; i++)
		coins->slots[i].owner = OWNER_NONE;
}

static void grow_slots(struct gen_coins *coins)
{
	struct gen_coin *old = coins->slots;
	size_t old_count = coins->slot_count;

	make_slots(coins, 2 * old_count);
	for (size_t i = 0; i < old_count; i++) {
		if (old[i].owner != OWNER_NONE)
			coins->slots[find_slot(coins, &old[i].outpoint)] = old[i];
	}
	free(old);
}

void gen_coins_init(struct gen_coins *coins)
{
	memset(coins, 0, sizeof(*coins));
	make_slots(coins, FIRST_SLOTS);
	coins->txids = checked(calloc(FIRST_SLOTS, sizeof(*coins->txids)));
	coins->txid_slots = FIRST_SLOTS;
}

void gen_coins_copy(struct gen_coins *out, const struct gen_coins *coins)
{
	*out = *coins;
	out->slots = checked(malloc(coins->slot_count * sizeof(*coins->slots)));
	memcpy(out->slots, coins->slots, coins->slot_count * sizeof(*coins->slots));
	out->txids = checked(malloc(coins->txid_slots * sizeof(*coins->txids)));
	memcpy(out->txids, coins->txids, coins->txid_slots * sizeof(*coins->txids));
}

void gen_coins_free(struct gen_coins *coins)
{
	free(coins->slots);
	free(coins->txids);
	memset(coins, 0, sizeof(*coins));
}

const struct gen_coin *gen_coins_find(const struct gen_coins *coins, const struct wire_outpoint *outpoint)
{
	const struct gen_coin *coin = &coins->slots[find_slot(coins, outpoint)];

	return coin->owner == OWNER_NONE ? NULL : coin;
}

void gen_coins_add(struct gen_coins *coins, const struct gen_coin *coin)
{
	if (2 * (coins->count + 1) > coins->slot_count)
		grow_slots(coins);
	coins->slots[find_slot(coins, &coin->outpoint)] = *coin;
	coins->count++;
}

bool gen_coins_remove(struct gen_coins *coins, const struct wire_outpoint *outpoint)
{
	size_t mask = coins->slot_count - 1, gap = find_slot(coins, outpoint);

	if (coins->slots[gap].owner == OWNER_NONE)
		return false;
	/* What follows moves back into the gap, unless it would then stand before its home. */
	for (size_t i = (gap + 1) & mask; coins->slots[i].owner != OWNER_NONE; i = (i + 1) & mask) {
		size_t home = home_slot(coins, &coins->slots[i].outpoint);

		if (((i - home) & mask) >= ((i - gap) & mask)) {
			coins->slots[gap] = coins->slots[i];
			gap = i;
		}
	}
	coins->slots[gap].owner = OWNER_NONE;
	coins->count--;
	return true;
}

static size_t find_txid_slot(const struct gen_coins *coins, const struct wire_hash *txid)
{
	size_t i = (size_t)first_bytes(txid) & (coins->txid_slots - 1);

	while (!hash_is_zero(&coins->txids[i]) && !hash_equal(&coins->txids[i], txid))
		i = (i + 1) & (coins->txid_slots - 1);
	return i;
}

void gen_coins_add_txid(struct gen_coins *coins, const struct wire_hash *txid)
{
	if (2 * (coins->txid_count + 1) > coins->txid_slots) {
		struct wire_hash *old = coins->txids;
		size_t old_slots = coins->txid_slots;

		coins->txid_slots *= 2;
		coins->txids = checked(calloc(coins->txid_slots, sizeof(*coins->txids)));
		for (size_t i = 0; i < old_slots; i++) {
			if (!hash_is_zero(&old[i]))
				coins->txids[find_txid_slot(coins, &old[i])] = old[i];
		}
		free(old);
	}
	coins->txids[find_txid_slot(coins, txid)] = *txid;
	coins->txid_count++;
}

bool gen_coins_has_txid(const struct gen_coins *coins, const struct wire_hash *txid)
{
	return !hash_is_zero(&coins->txids[find_txid_slot(coins, txid)]);
}

static int compare_coins(const void *a, const void *b)
{
	const struct gen_coin *x = a, *y = b;
	int order = memcmp(x->outpoint.txid.bytes, y->outpoint.txid.bytes, sizeof(x->outpoint.txid.bytes));

	return order ? order : (x->outpoint.vout > y->outpoint.vout) - (x->outpoint.vout < y->outpoint.vout);
}

void gen_coins_state(const struct gen_coins *coins, const struct gen_key *keys, struct wire_hash *hash, uint64_t *value)
{
	static const struct wire_bytes genesis_script = {(const uint8_t *)"genesis", 7};
	struct gen_coin *sorted = checked(malloc((coins->count + 1) * sizeof(*sorted)));
	struct utxo_hash state;
	size_t n = 0;

	for (size_t i = 0; i < coins->slot_count; i++) {
		if (coins->slots[i].owner != OWNER_NONE)
			sorted[n++] = coins->slots[i];
	}
	qsort(sorted, n, sizeof(*sorted), compare_coins);
	utxo_hash_init(&state);
	*value = 0;
	for (size_t i = 0; i < n; i++) {
		struct wire_bytes script =
			sorted[i].owner == GEN_OWNER_GENESIS ? genesis_script : gen_key_script(&keys[sorted[i].owner]);

		utxo_hash_add(&state, &sorted[i].outpoint, sorted[i].value, &script);
		*value += sorted[i].value;
	}
	utxo_hash_final(&state, hash);
	free(sorted);
}
