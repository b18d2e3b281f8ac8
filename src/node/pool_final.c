/* SPDX-License-Identifier: MIT
 *
 * Finality: what votes make of a transaction, and what is remembered of those that left (PROTOCOL.md §7).
 *
 * A finalized transaction that a block took is remembered, so that it comes back finalized when the block is undone; a
 * rejected one, so that it does not come in again as something new.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pool_impl.h"
#include "pool_store.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"

/* ---- memory of those that left ---- */

int pool_memory_init(struct pool_memory *memory, size_t max)
{
	memory->last = &memory->first;
	memory->max = max;
	return pool_table_init(&memory->table);
}

void pool_memory_free(struct pool_memory *memory)
{
	while (memory->first) {
		struct pool_memo *memo = memory->first;

		memory->first = memo->next;
		free(memo);
	}
	pool_table_free(&memory->table);
}

static struct pool_memo *find_locked(struct pool *pool, struct pool_memory *memory, const struct wire_hash *txid)
	REQUIRES(pool->lock)
{
	struct pool_node *node = pool_table_find(&memory->table, pool_hash(pool, txid->bytes, sizeof(txid->bytes)));

	for (; node; node = pool_table_next(node)) {
		struct pool_memo *memo = POOL_CONTAINER(node, struct pool_memo, node);

		if (hash_equal(&memo->txid, txid))
			return memo;
	}
	return NULL;
}

static void drop_locked(struct pool *pool, struct pool_memory *memory, struct pool_memo *memo) REQUIRES(pool->lock)
{
	pool_table_remove(&memory->table, &memo->node);
	*memo->at = memo->next;
	if (memo->next)
		memo->next->at = memo->at;
	else
		memory->last = memo->at;
	pool->memory -= sizeof(*memo);
	free(memo);
}

void pool_remember_locked(struct pool *pool, struct pool_memory *memory, const struct wire_hash *txid,
			  const struct pool_past *past)
{
	struct pool_memo *memo = find_locked(pool, memory, txid);

	if (memo)
		drop_locked(pool, memory, memo);
	if (memory->table.count >= memory->max && memory->first)
		drop_locked(pool, memory, memory->first);
	memo = memory->max > 0 ? malloc(sizeof(*memo)) : NULL;
	if (!memo)
		return;
	*memo = (struct pool_memo){.txid = *txid, .past = *past, .at = memory->last};
	*memory->last = memo;
	memory->last = &memo->next;
	pool_table_add(&memory->table, &memo->node, pool_hash(pool, txid->bytes, sizeof(txid->bytes)));
	pool->memory += sizeof(*memo);
}

const struct pool_past *pool_recall_locked(struct pool *pool, struct pool_memory *memory, const struct wire_hash *txid)
{
	const struct pool_memo *memo = find_locked(pool, memory, txid);

	return memo ? &memo->past : NULL;
}

bool pool_forget_locked(struct pool *pool, struct pool_memory *memory, struct pool_past *past,
			const struct wire_hash *txid)
{
	struct pool_memo *memo = find_locked(pool, memory, txid);

	if (!memo)
		return false;
	*past = memo->past;
	drop_locked(pool, memory, memo);
	return true;
}

void pool_find_past(struct pool *pool, struct pool_past *out, const struct wire_hash *txid)
{
	const struct pool_past *past;

	mutex_lock(&pool->lock);
	past = pool_recall_locked(pool, &pool->settled, txid);
	if (!past)
		past = pool_recall_locked(pool, &pool->rejected, txid);
	*out = past ? *past : (struct pool_past){.fate = POOL_FATE_UNKNOWN};
	mutex_unlock(&pool->lock);
}

/* ---- votes ---- */

static void finalize_locked(struct pool *pool, struct pool_events *events, struct pool_mark *mark) REQUIRES(pool->lock)
{
	struct pool_entry *entry = pool_find_locked(pool, &mark->txid);

	mark->outcome = entry ? 0 : POOL_E_UNKNOWN;
	if (!entry || entry->finalized)
		return;
	pool_make_final_locked(pool, entry, mark->votes, mark->at_s);
	pool_tell_locked(pool, events, entry, &entry->final, POOL_NOW_FINAL, mark->at_s);
}

int pool_finalize(struct pool *pool, struct pool_events *events, struct pool_mark *marks, size_t count)
{
	mutex_lock(&pool->lock);
	for (size_t i = 0; i < count; i++)
		finalize_locked(pool, events, &marks[i]);
	mutex_unlock(&pool->lock);
	return pool_flush(pool);
}

/* The end of the list, for pool_log_losses(). */
static const struct pool_event *end_of(const struct pool_events *events)
{
	return events->first ? POOL_CONTAINER(events->last, struct pool_event, next) : NULL;
}

int pool_reject(struct pool *pool, struct pool_events *events, const struct wire_hash *txid, int64_t now_s)
{
	struct pool_cause cause = {.kind = POOL_REJECTED, .at_s = now_s};
	struct pool_past past = {.fate = POOL_FATE_REJECTED, .at_s = now_s};
	const struct pool_event *before = end_of(events);
	struct pool_entry *entry;
	int r = 0;

	mutex_lock(&pool->lock);
	entry = pool_find_locked(pool, txid);
	if (!entry)
		r = POOL_E_UNKNOWN;
	else if (entry->finalized)
		r = POOL_E_FINALIZED;
	if (r != POOL_E_FINALIZED)
		pool_remember_locked(pool, &pool->rejected, txid, &past);
	if (!r)
		pool_remove_locked(pool, events, entry, &cause);
	mutex_unlock(&pool->lock);
	pool_log_losses(events, before);
	return r;
}

void pool_note_votes(struct pool *pool, const struct wire_hash *txid, uint32_t votes, uint32_t total_nodes)
{
	struct pool_entry *entry;

	mutex_lock(&pool->lock);
	entry = pool_find_locked(pool, txid);
	if (entry && !entry->finalized) {
		entry->votes = votes;
		entry->total_nodes = total_nodes;
	}
	mutex_unlock(&pool->lock);
}

void pool_log_losses(const struct pool_events *events, const struct pool_event *from)
{
	char txid[HASH_TEXT_SIZE], cause[HASH_TEXT_SIZE];

	for (const struct pool_event *e = from ? from->next : events->first; e; e = e->next) {
		if (!e->finalized || (e->kind != POOL_CONFLICTED && e->kind != POOL_REJECTED))
			continue;
		log_error(LOG_MEMPOOL,
			  "❗ The finalized transaction %s (%" PRIu32 " votes) is lost: %s by %s at height %" PRIu64,
			  hash_text(txid, &e->tx->txid), e->votes, pool_event_name(e->kind),
			  hash_text(cause, &e->cause), e->height);
	}
}
