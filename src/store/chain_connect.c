// SPDX-License-Identifier: MIT
/* A block onto the tip: its place and spends are checked, and the change is gathered.  Whatever can fail comes before
 * the first change, so that a block connects as a whole or not at all. */
#include <errno.h>
#include <string.h>

#include "chain_impl.h"
#include "timed/util/clock.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timed/util/probe.h"
#include "timed/util/progress.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

int chain_coin_find(void *user, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint)
{
	struct chain_store *chain = user;
	const struct chain_coin *known = chain_overlay_find(&chain->coins, outpoint);
	uint8_t key[CHAIN_OUTPOINT_KEY_BYTES], *script;
	struct store_value value;
	int r;

	if (known) {
		CHECK(chain_coin_read(out, known->stored, known->stored_len) == 0);
		return known->flags & CHAIN_COIN_SPENT ? 1 : 0;
	}
	chain_outpoint_key(key, outpoint);
	r = store_get(chain->store, &value, STORE_UTXO, key, sizeof(key));
	if (r == STORE_E_NOT_FOUND)
		return 1;
	if (!r && chain_coin_read(out, value.data, value.len))
		r = chain_damaged(chain->store, STORE_UTXO, key, sizeof(key), "is no unspent output");
	if (r) {
		store_value_free(&value);
		chain->read_error = r;
		return -EIO;
	}
	script = arena_alloc(arena, out->script.len);
	if (script && out->script.len > 0)
		memcpy(script, out->script.ptr, out->script.len);
	out->script.ptr = script;
	store_value_free(&value);
	return script ? 0 : -ENOMEM;
}

static int chain_has_transaction(void *user, const struct wire_hash *txid)
{
	struct chain_store *chain = user;
	struct store_value value;
	int r;

	if (chain_txs_has(&chain->txs, txid))
		return 1;
	r = store_get(chain->store, &value, STORE_TX_INDEX, txid->bytes, sizeof(txid->bytes));
	store_value_free(&value);
	if (r && r != STORE_E_NOT_FOUND) {
		chain->read_error = r;
		return -EIO;
	}
	return r ? 0 : 1;
}

int chain_rule_error(struct chain_store *chain, int r)
{
	if (r == -EIO)
		return chain->read_error;
	return r > 0 ? CHAIN_STORE_E_RULE : r;
}

/* Memory for all that follows.  Encodes the block, its certificate and its undo data. */
static int chain_connect_prepare(struct chain_store *chain, const struct wire_block *block,
				 const struct block_effects *effects)
{
	size_t script_bytes = 0;
	int r = 0;

	for (size_t i = 0; i < effects->spent_count; i++)
		script_bytes += effects->spent[i].coin.script.len;
	for (size_t i = 0; i < effects->created_count; i++) {
		const struct created_coin *made = &effects->created[i];

		script_bytes +=
			block->transactions.items[made->transaction].outputs.items[made->vout].script_pubkey.len;
	}
	if (chain_overlay_reserve(&chain->coins, effects->spent_count + effects->created_count, script_bytes) ||
	    chain_txs_reserve(&chain->txs, block->transactions.len))
		return -ENOMEM;
	chain_undo_encode(&chain->other_bytes, effects->spent, effects->spent_count);
	if (chain->other_bytes.error)
		return -ENOMEM;
	buf_reset(&chain->commit_bytes);
	if (chain_is_certified(chain, block))
		r = wire_bincode_encode_value(&chain->commit_bytes, &wire_desc_commit, block->commit);
	buf_reset(&chain->block_bytes);
	return r ? r : wire_bincode_encode_value(&chain->block_bytes, &wire_desc_block, block);
}

static void chain_gather_coins(struct chain_store *chain, const struct wire_block *block, const struct block_ids *ids,
			       const struct block_effects *effects)
{
	for (size_t i = 0; i < effects->spent_count; i++)
		chain_overlay_spend(&chain->coins, &effects->spent[i].outpoint, &effects->spent[i].coin);
	for (size_t i = 0; i < effects->created_count; i++) {
		const struct created_coin *made = &effects->created[i];
		const struct wire_tx_output *output =
			&block->transactions.items[made->transaction].outputs.items[made->vout];
		struct wire_outpoint outpoint = {ids->txids[made->transaction], made->vout};
		struct coin coin = {output->value, output->script_pubkey};

		chain_overlay_add(&chain->coins, &outpoint, &coin);
	}
	chain->tip.unspent_count += effects->created_count - effects->spent_count;
	chain->tip.unspent_value += effects->created_value - effects->spent_value;
}

/* Cannot fail. */
static void chain_gather_block(struct chain_store *chain, const uint8_t key[CHAIN_HEIGHT_KEY_BYTES],
			       const struct wire_block *block, const struct block_ids *ids,
			       const struct block_effects *effects, bool stored)
{
	struct store *store = chain->store;
	uint8_t height[CHAIN_HEIGHT_VALUE_BYTES];

	if (!stored)
		store_batch_put(store, chain->batch, STORE_BLOCKS, key, CHAIN_HEIGHT_KEY_BYTES, chain->block_bytes.data,
				chain->block_bytes.len);
	if (!stored && chain->commit_bytes.len > 0)
		store_batch_put(store, chain->batch, STORE_COMMITS, key, CHAIN_HEIGHT_KEY_BYTES,
				chain->commit_bytes.data, chain->commit_bytes.len);
	chain_height_value(height, block->header.height);
	store_batch_put(store, chain->batch, STORE_BLOCK_INDEX, ids->hash.bytes, sizeof(ids->hash.bytes), height,
			sizeof(height));
	if (effects->spent_count > 0)
		store_batch_put(store, chain->batch, STORE_UNDO, key, CHAIN_HEIGHT_KEY_BYTES, chain->other_bytes.data,
				chain->other_bytes.len);
	for (size_t i = 0; i < block->transactions.len; i++) {
		struct chain_tx tx = {ids->txids[i], (uint32_t)i, block->header.height};

		chain_txs_add(&chain->txs, &tx);
	}
	chain_gather_coins(chain, block, ids, effects);
	chain->tip.tip = (struct chain_point){block->header.height, ids->hash, block->header.timestamp};
	chain->tip.transactions += block->transactions.len;
	chain->tip.block_bytes += chain->block_bytes.len;
}

int chain_connect(struct chain_store *chain, struct chain_fault *fault, const struct wire_block *block,
		  const struct block_ids *ids, int64_t now_s, bool stored)
{
	const struct coin_source source = {chain_coin_find, chain_has_transaction, chain};
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	struct block_effects effects;
	int64_t begun_us = clock_mono_us();
	int r = block_check_place(fault, &block->header, &chain->tip.tip, now_s);

	progress_mark(chain->params.alive, "connecting blocks");
	arena_reset(&chain->arena);
	if (!r)
		r = block_check_certified(fault, chain->params.chain, block);
	if (!r)
		r = block_check_validators(fault, &chain->arena, chain->params.chain, block);
	if (!r)
		r = block_check_spends(&effects, fault, &chain->arena, chain->params.chain, block, ids, &source);
	if (r)
		return chain_rule_error(chain, r);
	crash_point(CONNECT_BEFORE_GATHER);
	chain_height_key(key, block->header.height);
	r = chain_connect_prepare(chain, block, &effects);
	if (!r)
		r = chain_branch_drop(chain, &ids->hash);
	if (r)
		return r;
	chain_gather_block(chain, key, block, ids, &effects, stored);
	PROBE_BLOCK_CONNECT(block->header.height, ids->hash.bytes, clock_mono_us() - begun_us);
	crash_point(CONNECT_AFTER_GATHER);
	return 0;
}

int chain_store_connect(struct chain_store *chain, struct chain_fault *fault, const struct wire_block *block,
			const struct block_ids *ids, int64_t now_s)
{
	return chain->broken ? chain->broken : chain_connect(chain, fault, block, ids, now_s, false);
}

int chain_connect_genesis(struct chain_store *chain, bool stored)
{
	const struct genesis *genesis = chain->params.genesis;
	struct block_effects effects = {.created_count = 1, .created_value = genesis->output.value};
	struct created_coin made = {0};
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	struct wire_hash txid;
	struct block_ids ids = {genesis->hash, &txid};
	int r;

	effects.created = &made;
	hash_txid(&txid, &genesis->coinbase);
	chain_height_key(key, 0);
	r = chain_connect_prepare(chain, &genesis->block, &effects);
	if (r)
		return r;
	chain->tip = (struct chain_summary){.unspent_count = 0};
	chain_gather_block(chain, key, &genesis->block, &ids, &effects, stored);
	return 0;
}
