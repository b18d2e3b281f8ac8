/* SPDX-License-Identifier: MIT
 *
 * The pool: its life, insertion and expiry; see pool.h, and pool_impl.h for its rooms.
 *
 * A transaction is taken in three steps.  Under the lock: is it there, does it conflict, which of its coins are outputs
 * of the pool (they are copied).  Without it: the other coins from the view that the pool stands at, owners, amounts,
 * fee.  Under the lock again: if the pool stands at another tip by now, or one of those outputs has gone, all over
 * again; else the limits, and it is in.
 */
#include "timed/node/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool_impl.h"
#include "pool_store.h"
#include "timed/util/clock.h"
#include "timeproto/chain/hash.h"

/* Scratch of one attempt: the coins of the biggest transaction, and some room. */
#define ATTEMPT_BYTES ((size_t)16 << 20)
/* A chain of transactions that comes back from undone blocks may be longer than what is taken anew; not without end,
 * since each walk takes its time. */
#define BACK_LENGTH_FACTOR 40

const char *pool_outcome_name(int outcome)
{
	static const char *const names[] = {
		[POOL_E_RULE - POOL_E_RULE] = "POOL_E_RULE",
		[POOL_E_COINBASE - POOL_E_RULE] = "POOL_E_COINBASE",
		[POOL_E_DUST - POOL_E_RULE] = "POOL_E_DUST",
		[POOL_E_FEE - POOL_E_RULE] = "POOL_E_FEE",
		[POOL_E_MIN_RATE - POOL_E_RULE] = "POOL_E_MIN_RATE",
		[POOL_E_FULL - POOL_E_RULE] = "POOL_E_FULL",
		[POOL_E_KNOWN - POOL_E_RULE] = "POOL_E_KNOWN",
		[POOL_E_IN_CHAIN - POOL_E_RULE] = "POOL_E_IN_CHAIN",
		[POOL_E_WAS_REJECTED - POOL_E_RULE] = "POOL_E_WAS_REJECTED",
		[POOL_E_CONFLICT - POOL_E_RULE] = "POOL_E_CONFLICT",
		[POOL_E_SPENT - POOL_E_RULE] = "POOL_E_SPENT",
		[POOL_E_ORPHAN - POOL_E_RULE] = "POOL_E_ORPHAN",
		[POOL_E_TOO_LONG - POOL_E_RULE] = "POOL_E_TOO_LONG",
		[POOL_E_UNKNOWN - POOL_E_RULE] = "POOL_E_UNKNOWN",
		[POOL_E_PENDING - POOL_E_RULE] = "POOL_E_PENDING",
		[POOL_E_FINALIZED - POOL_E_RULE] = "POOL_E_FINALIZED",
		[POOL_E_TIP - POOL_E_RULE] = "POOL_E_TIP",
	};

	return outcome >= POOL_E_RULE && outcome <= POOL_E_TIP ? names[outcome - POOL_E_RULE] : "?";
}

/* ---- life ---- */

void pool_params_init(struct pool_params *out, const struct chain_params *chain, const char *dir)
{
	*out = (struct pool_params){
		.chain = chain,
		.dir = dir,
		.max_count = 10000,
		.max_bytes = 300000000,
		.max_ancestors = 25,
		.max_descendants = 25,
		.expiry_s = 72 * 3600,
		.rate_step = 1000,
		.rate_half_life_s = 12 * 3600,
		.max_orphans = 100,
		.max_orphan_bytes = 1000000,
		.orphan_expiry_s = 20 * 60,
		.max_remembered = 65536,
		.log_bytes = (size_t)16 << 20,
	};
}

static char *join_path(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s/%s", dir, name);
	return path;
}

static int init_parts(struct pool *pool)
{
	const struct pool_params *params = &pool->params;
	int r = pool_table_init(&pool->txids);

	if (!r)
		r = pool_table_init(&pool->spends);
	if (!r)
		r = pool_table_init(&pool->payers);
	if (!r)
		r = pool_table_init(&pool->payees);
	if (!r)
		r = pool_memory_init(&pool->settled, params->max_remembered);
	if (!r)
		r = pool_memory_init(&pool->rejected, params->max_remembered);
	if (r)
		return r;
	pool->orphans = calloc(params->max_orphans + 1, sizeof(pool->orphans[0]));
	if (params->dir) {
		pool->file.dir = strdup(params->dir);
		pool->file.path = join_path(params->dir, "pool.dat");
	}
	if (!pool->orphans || (params->dir && (!pool->file.dir || !pool->file.path)))
		return -ENOMEM;
	pool->params.dir = pool->file.dir;
	return 0;
}

int pool_create(struct pool **out, const struct pool_params *params, struct chain_store *chain)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	int r;

	if (!pool)
		return -ENOMEM;
	pool->params = *params;
	pool->chain = chain;
	pool->file.fd = -1;
	pool->last = &pool->first;
	pool->last_final = &pool->first_final;
	pool->last_dirty = &pool->dirty;
	siphash_key_random(&pool->hash_key);
	mutex_init(&pool->lock, "pool", MUTEX_RANK_LEAF);
	cond_init(&pool->file.idle);
	pool->view = chain_store_view(chain);
	r = init_parts(pool);
	if (r) {
		pool_free(pool);
		return r;
	}
	*out = pool;
	return 0;
}

void pool_free(struct pool *pool)
{
	struct pool_entry *e;

	if (!pool)
		return;
	while (pool->first) {
		e = pool->first;
		pool->first = e->after;
		pool_entry_unref(e);
	}
	while (pool->dirty) {
		e = pool->dirty;
		pool->dirty = e->next_dirty;
		pool_entry_unref(e);
	}
	pool_free_orphans(pool);
	pool_memory_free(&pool->settled);
	pool_memory_free(&pool->rejected);
	pool_table_free(&pool->txids);
	pool_table_free(&pool->spends);
	pool_table_free(&pool->payers);
	pool_table_free(&pool->payees);
	pool_file_close(pool);
	chain_view_unref(pool->view);
	cond_destroy(&pool->file.idle);
	mutex_destroy(&pool->lock);
	free(pool->heap);
	free(pool);
}

uint64_t pool_min_rate(struct pool *pool, int64_t now_s)
{
	uint64_t rate;

	mutex_lock(&pool->lock);
	rate = pool_min_rate_locked(pool, now_s);
	mutex_unlock(&pool->lock);
	return rate;
}

/* ---- one attempt ---- */

static bool is_new(const struct pool_attempt *a)
{
	return a->mode == POOL_NEW || a->mode == POOL_TRY;
}

static int check_rate_locked(struct pool_attempt *a) REQUIRES(a->pool->lock)
{
	uint64_t rate = pool_min_rate_locked(a->pool, a->now_s);

	/* rounded down, as a fee that is computed from it may be */
	if (a->result->fee >= rate / 1000 * a->result->size + rate % 1000 * a->result->size / 1000)
		return 0;
	return pool_refuse(a->result, POOL_E_MIN_RATE,
			   "it pays %" PRIu64 " satoshis for %zu bytes, and the pool asks for %" PRIu64
			   " per 1000 bytes now",
			   a->result->fee, a->result->size, rate);
}

static int check_room_locked(struct pool_attempt *a, const struct pool_entry *entry) REQUIRES(a->pool->lock)
{
	const struct pool_params *params = &a->pool->params;

	if (is_new(a))
		return check_rate_locked(a);
	if (a->mode == POOL_BACK && !a->final &&
	    (a->pool->count >= params->max_count || pool_usage_locked(a->pool) + entry->memory > params->max_bytes))
		return pool_refuse(a->result, POOL_E_FULL, "the pool is full");
	return 0;
}

static int link_locked(struct pool_attempt *a, struct pool_entry *entry) REQUIRES(a->pool->lock)
{
	const struct pool_params *params = &a->pool->params;
	size_t up = params->max_ancestors, down = params->max_descendants;

	if (!is_new(a)) {
		up = a->final ? SIZE_MAX : up * BACK_LENGTH_FACTOR;
		down = SIZE_MAX;
	}
	if (pool_link_locked(a->pool, entry, up, down))
		return pool_refuse(a->result, POOL_E_TOO_LONG,
				   "it would be in a chain of more than %zu unconfirmed transactions",
				   up < down ? up : down);
	return 0;
}

/* A transaction that comes back finalized goes before pending ones that took its inputs meanwhile. */
static void make_way_locked(struct pool_attempt *a, struct pool_events *events) REQUIRES(a->pool->lock)
{
	struct pool_cause cause = {.kind = POOL_CONFLICTED, .txid = a->txid, .at_s = a->now_s};

	for (size_t i = 0; i < a->tx->inputs.len; i++) {
		struct pool_spend *spend = pool_find_spend_locked(a->pool, &a->tx->inputs.items[i].previous_output);

		if (spend && spend->entry->final_descendants == 0)
			pool_remove_locked(a->pool, events, spend->entry, &cause);
	}
}

static int enter_locked(struct pool_attempt *a, struct pool_events *events, struct pool_entry *entry)
	REQUIRES(a->pool->lock)
{
	pool_add_locked(a->pool, entry);
	entry->inserted_s = a->inserted_s;
	if (a->final)
		pool_make_final_locked(a->pool, entry, a->final->votes, a->final->at_s);
	if (a->mode == POOL_NEW) {
		entry->inserted_us = clock_mono_us();
		pool_trim_locked(a->pool, events, a->now_s);
		if (!entry->present) {
			pool_untell(events, &entry->gone);
			return pool_refuse(a->result, POOL_E_FULL, "the pool is full of what pays better");
		}
		pool_tell_locked(a->pool, events, entry, &entry->came, POOL_ADDED, a->now_s);
	} else if (a->mode == POOL_BACK) {
		pool_tell_locked(a->pool, events, entry, &entry->came, POOL_RETURNED, a->now_s);
	}
	pool_wake_orphans_locked(a->pool, &entry->tx.txid);
	return 0;
}

static int commit_locked(struct pool_attempt *a, struct pool_events *events, struct pool_entry *entry)
	REQUIRES(a->pool->lock)
{
	int r;

	if (a->pool->view != a->view)
		return -EAGAIN;
	if (a->final)
		make_way_locked(a, events);
	r = pool_check_inside_locked(a, false);
	if (!r)
		r = check_room_locked(a, entry);
	if (!r)
		r = pool_heap_reserve_locked(a->pool);
	if (!r)
		r = link_locked(a, entry);
	if (r)
		return r;
	if (a->mode == POOL_TRY) {
		pool_unlink_locked(a->pool, entry);
		return 0;
	}
	return enter_locked(a, events, entry);
}

static int commit(struct pool_attempt *a, struct pool_events *events)
{
	struct pool_entry *entry = pool_entry_new(a->tx, a->txid, a->result->size, a->coins);
	int r;

	if (!entry)
		return -ENOMEM;
	entry->tx.fee = a->result->fee;
	mutex_lock(&a->pool->lock);
	r = commit_locked(a, events, entry);
	mutex_unlock(&a->pool->lock);
	pool_entry_unref(entry);
	return r;
}

/* POOL_E_ORPHAN, or -EAGAIN: what was missing has come meanwhile. */
static int keep_orphan(struct pool_attempt *a)
{
	const struct pool_params *params = &a->pool->params;
	struct pool_entry *entry = NULL;
	int r = POOL_E_ORPHAN;

	/* One that fills the room of many is not worth them; and what cannot be kept is not missed. */
	if (a->mode == POOL_NEW && a->peer && a->result->size <= params->max_orphan_bytes / 10)
		entry = pool_entry_new(a->tx, a->txid, a->result->size, NULL);
	mutex_lock(&a->pool->lock);
	if (a->pool->view != a->view || pool_find_locked(a->pool, &a->result->outpoint.txid))
		r = -EAGAIN;
	else if (entry)
		pool_keep_orphan_locked(a->pool, entry, a->peer, &a->result->outpoint.txid, a->now_s);
	mutex_unlock(&a->pool->lock);
	pool_entry_unref(entry);
	return r;
}

static int look_inside(struct pool_attempt *a)
{
	struct pool *pool = a->pool;
	int r;

	mutex_lock(&a->pool->lock);
	a->view = chain_view_ref(pool->view);
	r = pool_check_inside_locked(a, true);
	if (!r && a->mode == POOL_NEW && pool_has_orphan_locked(a->pool, a->txid))
		r = pool_refuse(a->result, POOL_E_ORPHAN, "it waits for its inputs already");
	mutex_unlock(&a->pool->lock);
	return r;
}

static int attempt_once(struct pool_attempt *a, struct pool_events *events)
{
	size_t count = a->tx->inputs.len;
	int r;

	arena_reset(&a->arena);
	a->coins = arena_alloc(&a->arena, count * sizeof(a->coins[0]));
	a->inside = arena_alloc(&a->arena, count * sizeof(a->inside[0]));
	if (!a->coins || !a->inside)
		return -ENOMEM;
	memset(a->inside, 0, count * sizeof(a->inside[0]));
	a->result->outpoint = (struct wire_outpoint){.vout = 0};
	r = look_inside(a);
	if (!r)
		r = pool_check_chain(a);
	if (!r)
		r = commit(a, events);
	else if (r == POOL_E_ORPHAN && !hash_is_zero(&a->result->outpoint.txid))
		r = keep_orphan(a);
	chain_view_unref(a->view);
	return r;
}

int pool_attempt(struct pool_attempt *a, struct pool_events *events)
{
	int r;

	*a->result = (struct pool_result){.size = 0};
	arena_init(&a->arena, ATTEMPT_BYTES, NULL);
	r = pool_check_form(a);
	if (!r) {
		do
			r = attempt_once(a, events);
		while (r == -EAGAIN);
	}
	arena_free(&a->arena);
	return r;
}

/* ---- insertion ---- */

static int submit(struct pool *pool, struct pool_result *result, struct pool_events *events,
		  const struct pool_submission *s, enum pool_mode mode)
{
	struct pool_attempt attempt = {
		.pool = pool,
		.mode = mode,
		.tx = s->transaction,
		.txid = s->txid,
		.peer = s->peer,
		.now_s = s->now_s,
		.inserted_s = s->now_s,
		.result = result,
	};

	return pool_attempt(&attempt, events);
}

int pool_insert(struct pool *pool, struct pool_result *result, struct pool_events *events,
		const struct pool_submission *submission)
{
	int r = submit(pool, result, events, submission, POOL_NEW);

	return r ? r : pool_adopt(pool, events, submission->now_s);
}

int pool_try(struct pool *pool, struct pool_result *result, const struct pool_submission *submission)
{
	return submit(pool, result, NULL, submission, POOL_TRY);
}

int pool_adopt(struct pool *pool, struct pool_events *events, int64_t now_s)
{
	struct pool_orphan orphan;
	struct pool_result result;

	for (;;) {
		struct pool_submission s = {.peer = &orphan.peer, .now_s = now_s};
		bool found;
		int r;

		mutex_lock(&pool->lock);
		found = pool_take_orphan_locked(pool, &orphan);
		mutex_unlock(&pool->lock);
		if (!found)
			return 0;
		s.transaction = &orphan.entry->tx.transaction;
		s.txid = &orphan.entry->tx.txid;
		r = submit(pool, &result, events, &s, POOL_NEW);
		pool_entry_unref(orphan.entry);
		/* what is not taken now, for whatever reason, may be sent again; but a chain that cannot be read is no
		 * reason to go on */
		if (r > 0 && r < POOL_E_RULE)
			return r;
	}
}

void pool_expire(struct pool *pool, struct pool_events *events, int64_t now_s)
{
	struct pool_cause cause = {.kind = POOL_EXPIRED, .at_s = now_s};
	struct pool_entry *e, *next;
	struct pool_walk doomed;

	mutex_lock(&pool->lock);
	for (e = pool->first; e; e = next) {
		next = e->after;
		if (e->final_descendants > 0 || now_s - e->inserted_s < pool->params.expiry_s)
			continue;
		/* the walk marks those that go along */
		pool_descendants_locked(pool, &doomed, e);
		while (next && next->mark == doomed.mark)
			next = next->after;
		pool_remove_locked(pool, events, e, &cause);
	}
	pool_expire_orphans_locked(pool, now_s);
	mutex_unlock(&pool->lock);
}
