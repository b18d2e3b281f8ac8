// SPDX-License-Identifier: MIT
/* Rebuilding everything from the blocks.
 *
 * meta "reindex" stands from the beginning to the end and holds how far it is: the families are being emptied, or
 * blocks are being connected; in the second state meta "tip" says which, as always.  So a rebuild that was interrupted
 * goes on where it was; one that meets damage in what it has made is begun anew by the next start.  A reorganisation
 * that was interrupted before it is walked back at its end: while it stands, it is known that blocks may be lost. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chain_impl.h"
#include "timed/util/clock.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timed/util/progress.h"
#include "timeproto/chain/hash.h"

/* What gathers before it is written: as much as the overlay may hold, between these. */
#define REINDEX_GATHER_LEAST ((size_t)16 << 10)
#define REINDEX_GATHER_MOST ((size_t)8 << 20)
#define REINDEX_PROGRESS_BLOCKS 256
#define REINDEX_LOG_MS 5000

/* of the entry */
enum reindex_state { REINDEX_EMPTYING = 1, REINDEX_CONNECTING = 2 };

static const enum store_family reindex_families[] = {
	STORE_BLOCK_INDEX, STORE_UTXO, STORE_UNDO, STORE_TX_INDEX, STORE_SCRIPT_INDEX,
};

/* What a rebuild is doing. */
struct reindex {
	struct chain_store *chain;
	struct chain_fault *fault;
	bool (*progress)(void *user, uint64_t height, uint64_t of);
	void *user;
	uint64_t of; /* the height of the last block */
	int64_t logged_ms;
};

/* 0 when there is none. */
static int reindex_read_state(struct chain_store *chain, uint8_t *state)
{
	struct store_value value;
	int r = store_get(chain->store, &value, STORE_META, chain_meta_reindex, strlen(chain_meta_reindex));

	*state = 0;
	if (r)
		return r == STORE_E_NOT_FOUND ? 0 : r;
	/* What cannot be read is begun anew. */
	*state = value.len == 1 && value.data[0] == REINDEX_CONNECTING ? REINDEX_CONNECTING : REINDEX_EMPTYING;
	store_value_free(&value);
	return 0;
}

static void reindex_gather_state(struct chain_store *chain, enum reindex_state state)
{
	uint8_t value = (uint8_t)state;

	store_batch_put(chain->store, chain->batch, STORE_META, chain_meta_reindex, strlen(chain_meta_reindex), &value,
			sizeof(value));
}

int chain_reindex_found(struct chain_store *chain, bool *found)
{
	uint8_t state;
	int r = reindex_read_state(chain, &state);

	*found = state != 0;
	return r;
}

int chain_reindex_begin(struct chain_store *chain)
{
	int r;

	log_warn(LOG_CHAIN, "Rebuilding everything from the blocks");
	crash_point(REINDEX_BEFORE_MARK);
	reindex_gather_state(chain, REINDEX_EMPTYING);
	r = store_batch_commit(chain->store, chain->batch, true);
	crash_point(REINDEX_AFTER_MARK);
	return r;
}

/* Empties the families, and forgets the tip. */
static int reindex_empty(struct chain_store *chain)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(reindex_families) / sizeof(reindex_families[0]) && !r; i++) {
		progress_mark(chain->params.alive, "emptying the indexes");
		r = store_clear(chain->store, reindex_families[i]);
		crash_point(REINDEX_AFTER_CLEAR);
	}
	if (r)
		return r;
	reindex_gather_state(chain, REINDEX_CONNECTING);
	store_batch_delete(chain->store, chain->batch, STORE_META, chain_meta_tip, strlen(chain_meta_tip));
	r = store_batch_commit(chain->store, chain->batch, true);
	crash_point(REINDEX_CLEARED);
	return r;
}

/* Where it stands: the tip so far, at least genesis. */
static int reindex_load(struct reindex *reindex)
{
	struct chain_store *chain = reindex->chain;
	struct store_cursor *cursor;
	struct store_slice key;
	int r = chain_read_tip(chain, &chain->tip);

	chain_overlay_clear(&chain->coins);
	chain_txs_clear(&chain->txs);
	if (r == STORE_E_NOT_FOUND) {
		r = chain_connect_genesis(chain, false);
		if (!r)
			r = chain_write(chain, false);
	}
	chain->written = chain->tip;
	if (r)
		return r;
	cursor = store_cursor_open(chain->store, NULL, STORE_BLOCKS, NULL, 0);
	store_cursor_last(cursor);
	if (!store_cursor_at(cursor, &key, NULL) || chain_height_key_read(&reindex->of, key.data, key.len))
		reindex->of = chain->tip.tip.height;
	return store_cursor_close(cursor);
}

static int reindex_fault(struct reindex *reindex, const char *what)
{
	reindex->fault->error = CHAIN_E_HEIGHT;
	snprintf(reindex->fault->text, sizeof(reindex->fault->text), "%s", what);
	return CHAIN_STORE_E_RULE;
}

/* Form, signatures and certificate of a block that was read back.  0, CHAIN_STORE_E_RULE, -ENOMEM. */
static int reindex_check(struct reindex *reindex, const struct wire_block *block, const struct block_ids *ids)
{
	struct chain_store *chain = reindex->chain;
	int r = block_check_form(reindex->fault, &chain->block_arena, block, ids);

	for (size_t i = 0; i < block->transactions.len && !r; i++)
		r = transaction_check_signatures(reindex->fault, &block->transactions.items[i], &ids->txids[i],
						 (int64_t)i);
	if (!r)
		r = block_check_certificate(reindex->fault, chain->params.chain, block, ids);
	return chain_rule_error(chain, r);
}

/* Connects the block above the tip.  0; CHAIN_STORE_E_RULE: it does not hold; -ENOMEM, or an enum store_error. */
static int reindex_block(struct reindex *reindex)
{
	struct chain_store *chain = reindex->chain;
	uint64_t height = chain->tip.tip.height + 1;
	struct wire_block block;
	struct block_ids ids;
	int r;

	arena_reset(&chain->block_arena);
	r = chain_read_block(chain, &block, &ids, &chain->block_arena, NULL, height);
	if (r == STORE_E_NOT_FOUND)
		return reindex_fault(reindex, "it is missing");
	if (!r)
		r = chain_read_commit(chain->store, NULL, &block.commit, &chain->block_arena, height);
	if (r == STORE_E_CHAIN)
		return reindex_fault(reindex, "it or its certificate cannot be decoded");
	if (!r)
		r = reindex_check(reindex, &block, &ids);
	/* It was in the chain: its time had come. */
	return r ? r : chain_connect(chain, reindex->fault, &block, &ids, INT64_MAX, true);
}

static int reindex_write(struct chain_store *chain)
{
	int r;

	crash_point(REINDEX_BEFORE_WRITE);
	r = chain_write(chain, false);
	crash_point(REINDEX_AFTER_WRITE);
	return r;
}

/* Now and then: tells how far it is.  -ECANCELED when it shall stop. */
static int reindex_progress(struct reindex *reindex)
{
	uint64_t height = reindex->chain->tip.tip.height;
	int64_t now_ms;

	if (height % REINDEX_PROGRESS_BLOCKS != 0)
		return 0;
	now_ms = clock_mono_ms();
	if (now_ms - reindex->logged_ms >= REINDEX_LOG_MS) {
		reindex->logged_ms = now_ms;
		log_info(LOG_CHAIN, "Rebuilding: block %" PRIu64 " of %" PRIu64, height, reindex->of);
	}
	return reindex->progress && !reindex->progress(reindex->user, height, reindex->of) ? -ECANCELED : 0;
}

/* Drops what does not hold and all above it. */
static int reindex_drop(struct reindex *reindex)
{
	static const uint8_t end[CHAIN_HEIGHT_KEY_BYTES + 1] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct chain_store *chain = reindex->chain;
	uint64_t height = chain->tip.tip.height;
	uint8_t from[CHAIN_HEIGHT_KEY_BYTES];

	log_error(LOG_CHAIN,
		  "⚠️ BLOCK %" PRIu64 " DOES NOT HOLD, it and the %" PRIu64 " blocks above it are dropped: %s",
		  height + 1, reindex->of - height - 1, reindex->fault->text);
	chain_height_key(from, height + 1);
	store_batch_delete_range(chain->store, chain->batch, STORE_BLOCKS, from, sizeof(from), end, sizeof(end));
	store_batch_delete_range(chain->store, chain->batch, STORE_COMMITS, from, sizeof(from), end, sizeof(end));
	return reindex_write(chain);
}

/* Takes the mark away. */
static int reindex_unmark(struct chain_store *chain)
{
	int r;

	store_batch_delete(chain->store, chain->batch, STORE_META, chain_meta_reindex, strlen(chain_meta_reindex));
	crash_point(REINDEX_BEFORE_UNMARK);
	r = chain_write(chain, true);
	crash_point(REINDEX_AFTER_UNMARK);
	if (!r)
		log_info(LOG_CHAIN, "Rebuilt: %" PRIu64 " blocks", chain->tip.tip.height);
	return r;
}

/* Everything that holds is connected.  `drop`: something does not. */
static int reindex_end(struct reindex *reindex, bool drop)
{
	struct chain_store *chain = reindex->chain;
	int r = chain_has_gathered(chain) ? reindex_write(chain) : 0;

	if (!r && drop)
		r = reindex_drop(reindex);
	if (!r)
		r = chain_recover(chain, true);
	return r ? r : reindex_unmark(chain);
}

/* Connects block after block.  0 at the end, CHAIN_STORE_E_RULE at one that does not hold; -ECANCELED, -ENOMEM, or an
 * enum store_error. */
static int reindex_run(struct reindex *reindex)
{
	struct chain_store *chain = reindex->chain;
	size_t bound = chain->params.overlay_bytes;
	int r = 0;

	bound = bound > REINDEX_GATHER_MOST ? REINDEX_GATHER_MOST : bound;
	bound = bound < REINDEX_GATHER_LEAST ? REINDEX_GATHER_LEAST : bound;
	while (!r && chain->tip.tip.height < reindex->of) {
		r = reindex_block(reindex);
		if (!r && chain_store_gathered_bytes(chain) >= bound)
			r = reindex_write(chain);
		if (!r)
			r = reindex_progress(reindex);
	}
	return r;
}

/* What could not be read may be what this rebuild has made. */
static void reindex_anew(struct chain_store *chain)
{
	uint8_t value = REINDEX_EMPTYING;

	if (store_put(chain->store, STORE_META, chain_meta_reindex, strlen(chain_meta_reindex), &value, sizeof(value),
		      true) == 0)
		log_error(LOG_CHAIN, "The rebuild has met damage: the next start begins it anew");
}

int chain_reindex_continue(struct chain_store *chain, struct chain_fault *fault,
			   bool (*progress)(void *user, uint64_t height, uint64_t of), void *user)
{
	struct reindex reindex = {
		.chain = chain, .fault = fault, .progress = progress, .user = user, .logged_ms = clock_mono_ms()};
	uint8_t state;
	int end, r = reindex_read_state(chain, &state);

	if (!r && state == REINDEX_EMPTYING)
		r = reindex_empty(chain);
	if (!r)
		r = reindex_load(&reindex);
	if (!r)
		r = reindex_run(&reindex);
	if (!r || r == CHAIN_STORE_E_RULE)
		end = reindex_end(&reindex, r == CHAIN_STORE_E_RULE);
	else if (r == -ECANCELED)
		end = chain_has_gathered(chain) ? reindex_write(chain) : 0;
	else
		end = r;
	if (end == STORE_E_CORRUPT || end == STORE_E_CHAIN)
		reindex_anew(chain);
	return end ? end : r;
}

int chain_store_reindex(struct chain_store *chain, struct chain_fault *fault,
			bool (*progress)(void *user, uint64_t height, uint64_t of), void *user)
{
	int r = chain->broken;

	if (!r && chain_has_gathered(chain))
		r = chain_write(chain, false);
	if (r)
		return r;
	chain_unpublish(chain);
	r = chain_reindex_begin(chain);
	if (!r)
		r = chain_reindex_continue(chain, fault, progress, user);
	if (r && r != CHAIN_STORE_E_RULE) {
		/* A view of what there is so far keeps the chain usable for closing; writing has to wait. */
		chain_break(chain, r < 0 ? STORE_E_CHAIN : r);
	}
	chain_publish(chain);
	return r;
}
