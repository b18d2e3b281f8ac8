/* SPDX-License-Identifier: MIT
 *
 * Following the chain; see pool_update() in pool.h.
 *
 * The pool stands at the new tip from the beginning: whoever inserts meanwhile is checked against the new view, and
 * conflicts with no block of it.  Then block by block, each under one lock: first what the new blocks take or
 * contradict leaves; then what the undone blocks held comes back, lowest block first, so that parents come before their
 * children. No more than one block is in memory.  What was in the pool all the time need not be checked again: its
 * inputs were there at the last common block, or were made by undone ones, which are looked at one by one.
 */
#include <errno.h>
#include <inttypes.h>

#include "pool_impl.h"
#include "pool_store.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"

/* A decoded block and its hashes. */
#define BLOCK_BYTES ((size_t)64 << 20)

struct update {
	struct pool *pool;
	struct pool_events *events;
	int64_t now_s;
	struct chain_view *old, *view; /* from, to */
	uint64_t fork;		       /* height of the last common block */
	struct arena arena;	       /* of one block */
	size_t no_room;		       /* pending ones that found none */
};

static const struct chain_point *tip_of(const struct chain_view *view)
{
	return &chain_view_summary(view)->tip;
}

static int find_fork(struct update *u)
{
	uint64_t height = tip_of(u->old)->height, new_height = tip_of(u->view)->height;

	if (height > new_height)
		height = new_height;
	for (;; height--) {
		struct wire_hash before, after;
		int r = chain_view_hash(u->old, &before, height);

		if (!r)
			r = chain_view_hash(u->view, &after, height);
		if (r)
			return r;
		if (hash_equal(&before, &after))
			break;
		CHECK(height > 0); /* one genesis */
	}
	u->fork = height;
	return 0;
}

static int read_block(struct update *u, struct wire_block *block, struct block_ids *ids, struct chain_view *view,
		      uint64_t height)
{
	int r;

	arena_reset(&u->arena);
	r = chain_view_block(view, block, &u->arena, height);
	return r ? r : block_identify(ids, &u->arena, block);
}

/* ---- new blocks ---- */

static void confirm_locked(struct update *u, struct pool_entry *entry, const struct wire_block *block)
	REQUIRES(u->pool->lock)
{
	uint64_t height = block->header.height;
	struct pool_cause cause = {.kind = POOL_CONFIRMED, .height = height, .at_s = block->header.timestamp};
	struct pool_past past = {
		.fate = POOL_FATE_SETTLED, .votes = entry->votes, .at_s = entry->finalized_s, .height = height};

	if (entry->finalized)
		pool_remember_locked(u->pool, &u->pool->settled, &entry->tx.txid, &past);
	pool_confirm_locked(u->pool, u->events, entry, &cause);
}

static void apply_locked(struct update *u, const struct wire_block *block, const struct wire_transaction *tx,
			 const struct wire_hash *txid) REQUIRES(u->pool->lock)
{
	struct pool_cause cause = {
		.kind = POOL_CONFLICTED, .txid = txid, .height = block->header.height, .at_s = u->now_s};
	struct pool_entry *entry = pool_find_locked(u->pool, txid);

	if (entry) {
		confirm_locked(u, entry, block);
		return;
	}
	for (size_t i = 0; i < tx->inputs.len; i++) {
		struct pool_spend *spend = pool_find_spend_locked(u->pool, &tx->inputs.items[i].previous_output);

		if (spend)
			pool_remove_locked(u->pool, u->events, spend->entry, &cause);
	}
}

static int apply_block(struct update *u, uint64_t height)
{
	struct wire_block block;
	struct block_ids ids;
	int r = read_block(u, &block, &ids, u->view, height);

	if (r)
		return r;
	mutex_lock(&u->pool->lock);
	for (size_t i = 0; i < block.transactions.len; i++)
		apply_locked(u, &block, &block.transactions.items[i], &ids.txids[i]);
	mutex_unlock(&u->pool->lock);
	return 0;
}

/* ---- undone blocks ---- */

/* It is lost with its block, though votes had finalized it: says so by an event. */
static int tell_loss(struct update *u, const struct wire_transaction *tx, const struct pool_result *result,
		     const struct wire_hash *txid, const struct pool_past *final)
{
	struct pool_entry *entry = pool_entry_new(tx, txid, result->size, NULL);

	if (!entry)
		return -ENOMEM;
	mutex_lock(&u->pool->lock);
	entry->finalized = true;
	entry->votes = final->votes;
	pool_tell_locked(u->pool, u->events, entry, &entry->gone, POOL_CONFLICTED, u->now_s);
	mutex_unlock(&u->pool->lock);
	pool_entry_unref(entry);
	return 0;
}

/* Somebody sent it since the pool stands at the new tip; its votes count as before. */
static void finalize_again(struct update *u, const struct wire_hash *txid, const struct pool_past *final)
{
	struct pool_entry *entry;

	mutex_lock(&u->pool->lock);
	entry = pool_find_locked(u->pool, txid);
	if (entry && !entry->finalized) {
		pool_make_final_locked(u->pool, entry, final->votes, final->at_s);
		pool_tell_locked(u->pool, u->events, entry, &entry->final, POOL_NOW_FINAL, final->at_s);
	}
	mutex_unlock(&u->pool->lock);
}

static int bring_back(struct update *u, const struct wire_transaction *tx, const struct wire_hash *txid)
{
	struct pool_past final;
	struct pool_result result;
	struct pool_attempt attempt = {
		.pool = u->pool,
		.mode = POOL_BACK,
		.tx = tx,
		.txid = txid,
		.now_s = u->now_s,
		.inserted_s = u->now_s,
		.result = &result,
	};
	bool full;
	int r;

	mutex_lock(&u->pool->lock);
	if (pool_forget_locked(u->pool, &u->pool->settled, &final, txid))
		attempt.final = &final;
	full = u->pool->count >= u->pool->params.max_count;
	mutex_unlock(&u->pool->lock);
	/* without looking: there may be as many as a thousand blocks hold */
	r = full && !attempt.final ? POOL_E_FULL : pool_attempt(&attempt, u->events);
	if (r < POOL_E_RULE)
		return r;
	if (r == POOL_E_KNOWN && attempt.final)
		finalize_again(u, txid, &final);
	else if (r == POOL_E_FULL)
		u->no_room++;
	else if (r != POOL_E_KNOWN && attempt.final)
		return tell_loss(u, tx, &result, txid, &final);
	return 0;
}

/* What spends its outputs in the pool has lost them. */
static void remove_spenders(struct update *u, const struct wire_transaction *tx, const struct wire_hash *txid)
{
	struct pool_cause cause = {.kind = POOL_CONFLICTED, .txid = txid, .at_s = u->now_s};

	mutex_lock(&u->pool->lock);
	for (size_t i = 0; !pool_find_locked(u->pool, txid) && i < tx->outputs.len; i++) {
		struct wire_outpoint outpoint = {*txid, (uint32_t)i};
		struct pool_spend *spend = pool_find_spend_locked(u->pool, &outpoint);

		if (spend)
			pool_remove_locked(u->pool, u->events, spend->entry, &cause);
	}
	mutex_unlock(&u->pool->lock);
}

/* It is in the new blocks as well. */
static void note_height(struct update *u, const struct wire_hash *txid, uint64_t height)
{
	struct pool_past past;

	mutex_lock(&u->pool->lock);
	if (pool_forget_locked(u->pool, &u->pool->settled, &past, txid)) {
		past.height = height;
		pool_remember_locked(u->pool, &u->pool->settled, txid, &past);
	}
	mutex_unlock(&u->pool->lock);
}

static int undo_transaction(struct update *u, const struct wire_transaction *tx, const struct wire_hash *txid)
{
	uint32_t position;
	uint64_t height;
	int r = chain_view_transaction(u->view, &height, &position, txid);

	if (!r)
		note_height(u, txid, height);
	if (r != STORE_E_NOT_FOUND)
		return r;
	r = tx->inputs.len > 0 ? bring_back(u, tx, txid) : 0;
	if (!r)
		remove_spenders(u, tx, txid);
	return r;
}

static int undo_block(struct update *u, uint64_t height)
{
	struct wire_block block;
	struct block_ids ids;
	int r = read_block(u, &block, &ids, u->old, height);

	for (size_t i = 0; !r && i < block.transactions.len; i++)
		r = undo_transaction(u, &block.transactions.items[i], &ids.txids[i]);
	return r;
}

/* ---- the whole ---- */

/* True: there is something in the pool that the new blocks might touch. */
static bool begin(struct update *u)
{
	bool something;

	mutex_lock(&u->pool->lock);
	u->pool->view = u->view;
	u->pool->updating = true;
	u->pool->rate_falls = true;
	something = u->pool->count > 0;
	mutex_unlock(&u->pool->lock);
	return something;
}

static void end(struct update *u)
{
	mutex_lock(&u->pool->lock);
	pool_trim_locked(u->pool, u->events, u->now_s);
	u->pool->updating = false;
	mutex_unlock(&u->pool->lock);
	if (u->no_room > 0)
		log_warn(LOG_MEMPOOL, "%zu transactions of undone blocks find no room in the pool", u->no_room);
}

static int follow(struct update *u)
{
	int r = find_fork(u);

	if (r)
		return r;
	if (begin(u)) {
		for (uint64_t h = u->fork + 1; !r && h <= tip_of(u->view)->height; h++)
			r = apply_block(u, h);
	}
	for (uint64_t h = u->fork + 1; !r && h <= tip_of(u->old)->height; h++)
		r = undo_block(u, h);
	if (r)
		return r;
	end(u);
	r = pool_wake_by_chain(u->pool, u->view);
	if (!r)
		r = pool_adopt(u->pool, u->events, u->now_s);
	return r ? r : pool_flush(u->pool);
}

int pool_update(struct pool *pool, struct pool_events *events, int64_t now_s)
{
	struct update u = {.pool = pool, .events = events, .now_s = now_s};
	const struct pool_event *before = events->first ? POOL_CONTAINER(events->last, struct pool_event, next) : NULL;
	int r = 0;

	/* nobody else changes pool->view */
	mutex_lock(&pool->lock);
	u.old = chain_view_ref(pool->view);
	mutex_unlock(&pool->lock);
	u.view = chain_store_view(pool->chain);
	if (hash_equal(&tip_of(u.old)->hash, &tip_of(u.view)->hash)) {
		/* published anew: the old picture is not to be kept */
		mutex_lock(&pool->lock);
		pool->view = u.view;
		mutex_unlock(&pool->lock);
	} else {
		arena_init(&u.arena, BLOCK_BYTES, NULL);
		r = follow(&u);
		arena_free(&u.arena);
		pool_log_losses(events, before);
	}
	/* one of the two is the pool's now, and its reference goes on */
	chain_view_unref(pool->view == u.view ? u.old : u.view);
	chain_view_unref(u.old);
	return r;
}
