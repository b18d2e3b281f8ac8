// SPDX-License-Identifier: MIT
/* Opening and closing the chain: genesis, what a crash has left, whether the tip is what its entry says. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_impl.h"
#include "store_impl.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"

static struct chain_store *chain_new(struct store *store, const struct chain_store_params *params)
{
	struct chain_store *chain = calloc(1, sizeof(*chain));

	CHECK(chain != NULL);
	chain->store = store;
	chain->params = *params;
	chain->batch = store_batch_new();
	chain_overlay_init(&chain->coins, params->overlay_bytes);
	chain_txs_init(&chain->txs);
	arena_init(&chain->arena, CHAIN_ARENA_BYTES, NULL);
	arena_init(&chain->block_arena, CHAIN_ARENA_BYTES, NULL);
	mutex_init(&chain->view_lock, "chain_view", MUTEX_RANK_LEAF);
	return chain;
}

static void chain_free(struct chain_store *chain)
{
	chain_unpublish(chain);
	store_batch_free(chain->batch);
	chain_overlay_free(&chain->coins);
	free(chain->fresh);
	chain_txs_free(&chain->txs);
	arena_free(&chain->arena);
	arena_free(&chain->block_arena);
	buf_free(&chain->block_bytes);
	buf_free(&chain->commit_bytes);
	buf_free(&chain->other_bytes);
	mutex_destroy(&chain->view_lock);
	free(chain);
}

int chain_read_tip(struct chain_store *chain, struct chain_summary *out)
{
	struct store_value value;
	int r = store_get(chain->store, &value, STORE_META, chain_meta_tip, strlen(chain_meta_tip));

	if (r)
		return r;
	if (chain_tip_value_read(out, value.data, value.len))
		r = chain_damaged(chain->store, STORE_META, chain_meta_tip, strlen(chain_meta_tip), "is no tip");
	store_value_free(&value);
	return r;
}

static int chain_write_genesis(struct chain_store *chain)
{
	int r = chain_connect_genesis(chain, false);

	if (r)
		return r;
	crash_point(GENESIS_BEFORE_WRITE);
	r = chain_write(chain, true);
	crash_point(GENESIS_AFTER_WRITE);
	return r;
}

/* A store without a tip is a new one, unless there are blocks. */
static int chain_begin(struct chain_store *chain)
{
	struct store_cursor *cursor = store_cursor_open(chain->store, NULL, STORE_BLOCKS, NULL, 0);
	bool blocks = store_cursor_at(cursor, NULL, NULL);
	int r = store_cursor_close(cursor);

	if (r)
		return r;
	if (blocks)
		return chain_damaged(chain->store, STORE_META, chain_meta_tip, strlen(chain_meta_tip),
				     "is missing, and there are blocks");
	return chain_write_genesis(chain);
}

/* Whether `blocks` ends with the tip. */
static int chain_check_tip(struct chain_store *chain)
{
	const struct chain_point *tip = &chain->tip.tip;
	struct store_slice key, value;
	struct wire_block_header header;
	struct store_cursor *cursor;
	const char *what = NULL;
	struct wire_hash hash;
	uint8_t at[CHAIN_HEIGHT_KEY_BYTES];
	int r;

	chain_height_key(at, tip->height);
	cursor = store_cursor_open(chain->store, NULL, STORE_BLOCKS, at, sizeof(at));
	if (!store_cursor_at(cursor, &key, &value) || key.len != sizeof(at) || memcmp(key.data, at, key.len) != 0) {
		what = "the block of the tip is missing";
	} else if (chain_header_read(&header, value.data, value.len)) {
		what = "the block of the tip is no block";
	} else {
		hash_block(&hash, &header);
		if (!hash_equal(&hash, &tip->hash))
			what = "the block of the tip has another hash";
		store_cursor_next(cursor);
		if (!what && store_cursor_at(cursor, NULL, NULL))
			what = "there are blocks above the tip";
	}
	r = store_cursor_close(cursor);
	if (!r && what)
		r = chain_damaged(chain->store, STORE_BLOCKS, at, sizeof(at), what);
	return r;
}

static int chain_load_tip(struct chain_store *chain)
{
	int r = chain_read_tip(chain, &chain->tip);

	if (r == STORE_E_NOT_FOUND)
		return chain_begin(chain);
	if (r)
		return r;
	chain->written = chain->tip;
	return chain_check_tip(chain);
}

static int chain_rebuild(struct chain_store *chain, bool found)
{
	struct chain_fault fault;
	int r = found ? 0 : chain_reindex_begin(chain);

	if (!r)
		r = chain_reindex_continue(chain, &fault, chain->params.progress, chain->params.user);
	return r == CHAIN_STORE_E_RULE ? 0 : r; /* the chain is shorter, and whole */
}

/* A chain that was made without validators, and has more blocks than it may have with them. */
static int chain_check_certified(struct chain_store *chain)
{
	uint64_t height = chain->tip.tip.height;
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	struct store_value value;
	int r;

	if (!block_needs_certificate(chain->params.chain, height))
		return 0;
	chain_height_key(key, height);
	r = store_get(chain->store, &value, STORE_COMMITS, key, sizeof(key));
	store_value_free(&value);
	if (r != STORE_E_NOT_FOUND)
		return r;
	return chain_damaged(chain->store, STORE_COMMITS, key, sizeof(key),
			     "the tip has no certificate, which consensus.bft_from and consensus.validators demand; "
			     "--reindex drops the blocks that lack theirs");
}

static int chain_load(struct chain_store *chain)
{
	bool found = false;
	int r = chain_reindex_found(chain, &found);

	if (!r)
		r = chain_branch_count(chain);
	if (r)
		return r;
	if (found || chain->params.reindex) {
		r = chain_rebuild(chain, found);
	} else {
		r = chain_load_tip(chain);
		if (!r)
			r = chain_recover(chain, false);
	}
	if (!r)
		r = chain_check_certified(chain);
	if (!r)
		chain_publish(chain);
	return r;
}

/* What a caller is told; what was found in detail is in the log. */
static int chain_open_failed(struct store *store, struct store_failure *failure, int r)
{
	if (r == -ECANCELED) {
		store_failure_set(failure, STORE_E_CHAIN, store->dir,
				  "the rebuild was stopped; the next start goes on");
		return r;
	}
	if (store_failed(store, failure))
		return (int)failure->error;
	if (r < 0) {
		store_failure_set(failure, STORE_E_IO, store->dir, "out of memory");
		return STORE_E_IO;
	}
	/* What is not there, though something names it. */
	r = r == STORE_E_NOT_FOUND ? STORE_E_CHAIN : r;
	store_failure_set(failure, (enum store_error)r, store->dir,
			  r == STORE_E_CHAIN ? "the entries of the chain contradict each other (the log says where)"
					     : "the chain cannot be read (the log says where)");
	return r;
}

int chain_store_open(struct chain_store **out, struct store_failure *failure, struct store *store,
		     const struct chain_store_params *params)
{
	struct chain_store *chain = chain_new(store, params);
	int r = chain_load(chain);

	if (r) {
		chain_free(chain);
		return chain_open_failed(store, failure, r);
	}
	*out = chain;
	return 0;
}

void chain_store_close(struct chain_store *chain)
{
	if (!chain)
		return;
	if (!chain->broken && (chain_has_gathered(chain) || chain->unsynced) && chain_store_flush(chain, true))
		log_error(LOG_CHAIN, "The last blocks could not be written, the chain ends at %" PRIu64,
			  chain->tip.tip.height);
	chain_free(chain);
}
