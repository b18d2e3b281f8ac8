// SPDX-License-Identifier: MIT
/* The tip off the chain: the exact inverse of chain_connect.c, from the stored block and its undo data.  The block is
 * kept as part of a branch. */
#include <errno.h>
#include <string.h>

#include "chain_impl.h"
#include "timed/util/progress.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/wire/bincode.h"

int chain_read_block(struct chain_store *chain, struct wire_block *out, struct block_ids *ids, struct arena *arena,
		     struct store_value *bytes, uint64_t height)
{
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	struct store_value value;
	int r;

	chain_height_key(key, height);
	r = store_get(chain->store, &value, STORE_BLOCKS, key, sizeof(key));
	if (r)
		return r;
	r = wire_bincode_decode_value(out, &wire_desc_block, arena, value.data, value.len, NULL);
	if (r > 0)
		r = chain_damaged(chain->store, STORE_BLOCKS, key, sizeof(key), "is no block");
	if (!r)
		r = block_identify(ids, arena, out);
	if (!r && bytes)
		*bytes = value;
	else
		store_value_free(&value);
	return r;
}

/* What is read back to undo the tip. */
struct chain_undoing {
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	struct wire_block block;
	struct block_ids ids;
	struct store_value bytes;  /* of the block */
	struct store_value undo;   /* what `spent` points into */
	struct store_value commit; /* empty: none */
	struct spent_coin *spent;
	size_t spent_count;
	struct chain_point previous; /* the tip to be */
};

static void chain_undoing_free(struct chain_undoing *u)
{
	store_value_free(&u->bytes);
	store_value_free(&u->undo);
	store_value_free(&u->commit);
}

static int chain_damaged_at(struct chain_store *chain, enum store_family family, const struct chain_undoing *u,
			    const char *what)
{
	return chain_damaged(chain->store, family, u->key, sizeof(u->key), what);
}

/* Fills in `previous` from the block beneath. */
static int chain_read_previous(struct chain_store *chain, struct chain_undoing *u)
{
	uint64_t height = chain->tip.tip.height - 1;
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	struct wire_block_header header;
	struct store_value value;
	int r;

	chain_height_key(key, height);
	r = store_get(chain->store, &value, STORE_BLOCKS, key, sizeof(key));
	if (r == STORE_E_NOT_FOUND)
		return chain_damaged(chain->store, STORE_BLOCKS, key, sizeof(key), "is missing");
	if (r)
		return r;
	r = chain_header_read(&header, value.data, value.len);
	store_value_free(&value);
	if (!r)
		hash_block(&u->previous.hash, &header);
	if (r || !hash_equal(&u->previous.hash, &u->block.header.previous_hash))
		return chain_damaged(chain->store, STORE_BLOCKS, key, sizeof(key),
				     "is not the block that its successor names");
	u->previous.height = height;
	u->previous.timestamp = header.timestamp;
	return 0;
}

static int chain_read_undo(struct chain_store *chain, struct chain_undoing *u)
{
	int r = store_get(chain->store, &u->undo, STORE_UNDO, u->key, sizeof(u->key));

	if (r == STORE_E_NOT_FOUND)
		return 0; /* nothing of the chain was spent; chain_undo_coins() counts */
	if (r)
		return r;
	r = chain_undo_read(&u->spent, &u->spent_count, &chain->arena, u->undo.data, u->undo.len);
	return r > 0 ? chain_damaged_at(chain, STORE_UNDO, u, "is no undo data") : r;
}

static int chain_undoing_read(struct chain_store *chain, struct chain_undoing *u)
{
	uint64_t height = chain->tip.tip.height;
	int r;

	chain_height_key(u->key, height);
	arena_reset(&chain->arena);
	r = chain_read_block(chain, &u->block, &u->ids, &chain->arena, &u->bytes, height);
	if (r == STORE_E_NOT_FOUND)
		return chain_damaged_at(chain, STORE_BLOCKS, u, "is missing");
	if (!r && !hash_equal(&u->ids.hash, &chain->tip.tip.hash))
		r = chain_damaged_at(chain, STORE_BLOCKS, u, "is not the tip");
	if (!r)
		r = chain_read_undo(chain, u);
	if (!r)
		r = chain_read_previous(chain, u);
	if (!r) {
		r = store_get(chain->store, &u->commit, STORE_COMMITS, u->key, sizeof(u->key));
		r = r == STORE_E_NOT_FOUND ? 0 : r;
	}
	return r;
}

/* Memory for the coins that are taken away and put back, and the entry of `branch`. */
static int chain_undoing_prepare(struct chain_store *chain, const struct chain_undoing *u)
{
	const struct wire_transaction_list *transactions = &u->block.transactions;
	struct chain_kept kept = {.height = u->block.header.height,
				  .commit = u->commit.data,
				  .commit_len = u->commit.len,
				  .block = u->bytes.data,
				  .block_len = u->bytes.len};
	size_t count = u->spent_count, script_bytes = 0;

	for (size_t i = 0; i < u->spent_count; i++)
		script_bytes += u->spent[i].coin.script.len;
	for (size_t i = 0; i < transactions->len; i++) {
		count += transactions->items[i].outputs.len;
		for (size_t k = 0; k < transactions->items[i].outputs.len; k++)
			script_bytes += transactions->items[i].outputs.items[k].script_pubkey.len;
	}
	chain_kept_encode(&chain->other_bytes, &kept);
	if (chain->other_bytes.error)
		return -ENOMEM;
	return chain_overlay_reserve(&chain->coins, count, script_bytes);
}

/* Takes away the outputs of a transaction.  Those that are not there were spent inside the block. */
static int chain_take_outputs(struct chain_store *chain, const struct wire_transaction *transaction,
			      const struct wire_hash *txid, size_t *inside)
{
	for (size_t k = 0; k < transaction->outputs.len; k++) {
		const struct wire_tx_output *output = &transaction->outputs.items[k];
		struct wire_outpoint outpoint = {*txid, (uint32_t)k};
		struct coin coin;
		int r = chain_coin_find(chain, &coin, &chain->arena, &outpoint);

		if (r < 0)
			return r;
		if (r == 1) {
			(*inside)++;
			continue;
		}
		coin = (struct coin){output->value, output->script_pubkey};
		chain_overlay_spend(&chain->coins, &outpoint, &coin);
		chain->tip.unspent_count--;
		chain->tip.unspent_value -= output->value;
	}
	return 0;
}

/* Takes away what the block made, puts back what it spent. */
static int chain_undo_coins(struct chain_store *chain, const struct chain_undoing *u)
{
	const struct wire_transaction_list *transactions = &u->block.transactions;
	size_t inputs = 0, inside = 0;

	for (size_t i = 0; i < transactions->len; i++) {
		int r = chain_take_outputs(chain, &transactions->items[i], &u->ids.txids[i], &inside);

		if (r)
			return chain_rule_error(chain, r);
		inputs += transactions->items[i].inputs.len;
	}
	if (inputs != inside + u->spent_count)
		return chain_damaged_at(chain, STORE_UNDO, u, "does not hold what the block spent");
	for (size_t i = 0; i < u->spent_count; i++) {
		chain_overlay_add(&chain->coins, &u->spent[i].outpoint, &u->spent[i].coin);
		chain->tip.unspent_count++;
		chain->tip.unspent_value += u->spent[i].coin.value;
	}
	return 0;
}

static void chain_undo_entries(struct chain_store *chain, const struct chain_undoing *u)
{
	struct store *store = chain->store;
	size_t count = u->block.transactions.len;

	store_batch_delete(store, chain->batch, STORE_BLOCKS, u->key, sizeof(u->key));
	store_batch_delete(store, chain->batch, STORE_BLOCK_INDEX, u->ids.hash.bytes, sizeof(u->ids.hash.bytes));
	if (u->undo.data)
		store_batch_delete(store, chain->batch, STORE_UNDO, u->key, sizeof(u->key));
	if (u->commit.data)
		store_batch_delete(store, chain->batch, STORE_COMMITS, u->key, sizeof(u->key));
	for (size_t i = 0; i < count; i++)
		store_batch_delete(store, chain->batch, STORE_TX_INDEX, u->ids.txids[i].bytes,
				   sizeof(u->ids.txids[i].bytes));
	chain_branch_put(chain, &u->ids.hash, &chain->other_bytes);
	chain->tip.tip = u->previous;
	chain->tip.transactions -= count;
	chain->tip.block_bytes -= u->bytes.len;
}

int chain_disconnect(struct chain_store *chain)
{
	struct chain_undoing u = {.spent = NULL};
	int r;

	CHECK(!chain_has_gathered(chain) && chain->tip.tip.height > 0);
	progress_mark(chain->params.alive, "undoing blocks");
	r = chain_undoing_read(chain, &u);
	if (!r)
		r = chain_undoing_prepare(chain, &u);
	if (!r) {
		r = chain_undo_coins(chain, &u);
		if (!r) {
			chain_undo_entries(chain, &u);
		} else { /* some coins are changed already */
			r = r > 0 ? r : STORE_E_IO;
			chain_break(chain, r);
		}
	}
	chain_undoing_free(&u);
	return r;
}
