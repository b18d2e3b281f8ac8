// SPDX-License-Identifier: MIT
/* From what has gathered to one batch.
 *
 * Transactions and coins have random keys, and there are many of them: each family gets its own in order, which makes
 * RocksDB's insertions 1.5 times as fast (measured; see also store_open.c). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chain_impl.h"
#include "timed/util/log.h"
#include "timed/util/progress.h"
#include "timeproto/base/sha256.h"
#include "timeproto/chain/hash.h"

/* A changed coin and its key in `script_index`. */
struct changed_coin {
	const struct chain_coin *coin;
	uint8_t script_key[CHAIN_SCRIPT_KEY_BYTES];
};

static int by_txid(const void *a, const void *b)
{
	const struct chain_tx *const *x = a, *const *y = b;

	return memcmp((*x)->txid.bytes, (*y)->txid.bytes, sizeof((*x)->txid.bytes));
}

static int by_outpoint(const void *a, const void *b)
{
	const struct changed_coin *x = a, *y = b;

	/* the outpoint's key ends the script's */
	return memcmp(x->script_key + 32, y->script_key + 32, CHAIN_OUTPOINT_KEY_BYTES);
}

static int by_script(const void *a, const void *b)
{
	const struct changed_coin *x = a, *y = b;

	return memcmp(x->script_key, y->script_key, CHAIN_SCRIPT_KEY_BYTES);
}

static int write_txs(struct chain_store *chain)
{
	const struct chain_txs *txs = &chain->txs;
	const struct chain_tx **sorted;
	uint8_t place[CHAIN_PLACE_BYTES];
	size_t count = 0;

	if (txs->count == 0)
		return 0;
	sorted = malloc(txs->count * sizeof(sorted[0]));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < txs->capacity; i++) {
		if (!hash_is_zero(&txs->slots[i].txid))
			sorted[count++] = &txs->slots[i];
	}
	qsort(sorted, count, sizeof(sorted[0]), by_txid);
	for (size_t i = 0; i < count; i++) {
		chain_place_value(place, sorted[i]->height, sorted[i]->position);
		store_batch_put(chain->store, chain->batch, STORE_TX_INDEX, sorted[i]->txid.bytes,
				sizeof(sorted[i]->txid.bytes), place, sizeof(place));
	}
	free(sorted);
	return 0;
}

/* Those of the list that the database does not have so; `*count` of them. */
static struct changed_coin *changed_coins(const struct chain_overlay *coins, size_t *count)
{
	struct changed_coin *changed = malloc((coins->dirty_count + 1) * sizeof(changed[0]));
	struct wire_hash hash;

	*count = 0;
	for (const struct chain_coin *coin = coins->dirty; changed && coin; coin = coin->next_dirty) {
		if (!(coin->flags & CHAIN_COIN_DIRTY))
			continue;
		sha256_digest(hash.bytes, coin->stored + CHAIN_COIN_BYTES(0), coin->stored_len - CHAIN_COIN_BYTES(0));
		chain_script_key(changed[*count].script_key, &hash, &coin->outpoint);
		changed[(*count)++].coin = coin;
	}
	return changed;
}

static int write_coins(struct chain_store *chain)
{
	size_t count;
	struct changed_coin *changed = changed_coins(&chain->coins, &count);

	if (!changed)
		return -ENOMEM;
	qsort(changed, count, sizeof(changed[0]), by_outpoint);
	for (size_t i = 0; i < count; i++) {
		const struct chain_coin *coin = changed[i].coin;
		const uint8_t *key = changed[i].script_key + 32;

		if (coin->flags & CHAIN_COIN_SPENT)
			store_batch_delete(chain->store, chain->batch, STORE_UTXO, key, CHAIN_OUTPOINT_KEY_BYTES);
		else
			store_batch_put(chain->store, chain->batch, STORE_UTXO, key, CHAIN_OUTPOINT_KEY_BYTES,
					coin->stored, coin->stored_len);
	}
	qsort(changed, count, sizeof(changed[0]), by_script);
	for (size_t i = 0; i < count; i++) {
		if (changed[i].coin->flags & CHAIN_COIN_SPENT)
			store_batch_delete(chain->store, chain->batch, STORE_SCRIPT_INDEX, changed[i].script_key,
					   CHAIN_SCRIPT_KEY_BYTES);
		else
			store_batch_put(chain->store, chain->batch, STORE_SCRIPT_INDEX, changed[i].script_key,
					CHAIN_SCRIPT_KEY_BYTES, NULL, 0);
	}
	free(changed);
	return 0;
}

int chain_write(struct chain_store *chain, bool sync)
{
	uint8_t tip[CHAIN_TIP_BYTES];
	int r;

	progress_mark(chain->params.alive, "writing blocks");
	r = write_txs(chain);

	if (!r)
		r = write_coins(chain);
	if (!r) {
		chain_tip_value(tip, &chain->tip);
		store_batch_put(chain->store, chain->batch, STORE_META, chain_meta_tip, strlen(chain_meta_tip), tip,
				sizeof(tip));
		r = store_batch_commit(chain->store, chain->batch, sync);
	}
	if (r) {
		/* Without memory the batch is whole only in part, and must not be written later either. */
		if (r < 0)
			log_error(LOG_CHAIN, "Out of memory: block %" PRIu64 " and those before it are not written",
				  chain->tip.tip.height);
		r = r < 0 ? STORE_E_IO : r;
		chain_break(chain, r);
		return r;
	}
	chain_overlay_written(&chain->coins);
	chain_txs_clear(&chain->txs);
	chain->written = chain->tip;
	chain->unsynced = !sync;
	return 0;
}
