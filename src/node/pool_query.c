/* SPDX-License-Identifier: MIT
 *
 * Questions to the pool; see pool_query.h.
 */
#include "timed/node/pool_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pool_impl.h"

void pool_info_free(struct pool_info *info)
{
	pool_tx_unref(info->tx);
	info->tx = NULL;
}

/* The pool's lock is held. */
static void fill_info(struct pool_info *out, struct pool_entry *entry)
{
	*out = (struct pool_info){
		.tx = &pool_entry_ref(entry)->tx,
		.order = entry->order,
		.finalized = entry->finalized,
		.votes = entry->votes,
		.total_nodes = entry->total_nodes,
		.inserted_s = entry->inserted_s,
		.finalized_s = entry->finalized_s,
		.ancestors = entry->ancestors,
		.descendants = entry->descendants,
	};
}

int pool_find(struct pool *pool, struct pool_info *out, const struct wire_hash *txid)
{
	struct pool_entry *entry;

	mutex_lock(&pool->lock);
	entry = pool_find_locked(pool, txid);
	if (entry)
		fill_info(out, entry);
	mutex_unlock(&pool->lock);
	return entry ? 0 : POOL_E_UNKNOWN;
}

int pool_find_spender(struct pool *pool, struct pool_info *out, const struct wire_outpoint *outpoint)
{
	const struct pool_spend *spend;

	mutex_lock(&pool->lock);
	spend = pool_find_spend_locked(pool, outpoint);
	if (spend)
		fill_info(out, spend->entry);
	mutex_unlock(&pool->lock);
	return spend ? 0 : POOL_E_UNKNOWN;
}

static const struct wire_tx_output *find_output_locked(struct pool *pool, const struct pool_entry **maker,
						       const struct wire_outpoint *outpoint) REQUIRES(pool->lock)
{
	*maker = pool_find_locked(pool, &outpoint->txid);
	if (!*maker || outpoint->vout >= (*maker)->tx.transaction.outputs.len)
		return NULL;
	return &(*maker)->tx.transaction.outputs.items[outpoint->vout];
}

int pool_find_output(struct pool *pool, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint)
{
	const struct wire_tx_output *output;
	const struct pool_entry *maker;
	uint8_t *script = NULL;

	mutex_lock(&pool->lock);
	output = find_output_locked(pool, &maker, outpoint);
	if (output) {
		script = arena_alloc(arena, output->script_pubkey.len);
		if (script)
			memcpy(script, output->script_pubkey.ptr, output->script_pubkey.len);
		*out = (struct coin){output->value, {script, output->script_pubkey.len}};
	}
	mutex_unlock(&pool->lock);
	if (!output)
		return POOL_E_UNKNOWN;
	return script ? 0 : -ENOMEM;
}

/* ---- lists ---- */

void pool_list_free(struct pool_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		pool_info_free(&list->items[i]);
	free(list->items);
	*list = (struct pool_list){.count = 0};
}

/* What a list is made of, as a walk. */
typedef void collect_locked(struct pool *pool, struct pool_walk *out, const void *what);

static void collect_which(struct pool *pool, struct pool_walk *out, const void *what) REQUIRES(pool->lock)
{
	enum pool_which which = *(const enum pool_which *)what;

	pool_walk_begin_locked(pool, out);
	for (struct pool_entry *e = pool->first; e; e = e->after) {
		if (which == POOL_ALL || e->finalized == (which == POOL_ONLY_FINALIZED))
			pool_walk_meet(out, e);
	}
}

static bool is_script(const struct wire_bytes *a, const struct wire_bytes *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0);
}

static void collect_script(struct pool *pool, struct pool_walk *out, const void *what) REQUIRES(pool->lock)
{
	const struct wire_bytes *script = what;
	uint64_t hash = pool_hash(pool, script->ptr, script->len);

	pool_walk_begin_locked(pool, out);
	for (struct pool_node *n = pool_table_find(&pool->payees, hash); n; n = pool_table_next(n)) {
		struct pool_paid *paid = POOL_CONTAINER(n, struct pool_paid, by_script);
		struct pool_entry *e = paid->entry;

		if (is_script(&e->tx.transaction.outputs.items[paid - e->paid].script_pubkey, script))
			pool_walk_meet(out, e);
	}
	for (struct pool_node *n = pool_table_find(&pool->payers, hash); n; n = pool_table_next(n)) {
		struct pool_spend *spend = POOL_CONTAINER(n, struct pool_spend, by_script);
		struct pool_entry *e = spend->entry;

		if (is_script(&e->tx.coins[spend - e->spends].script, script))
			pool_walk_meet(out, e);
	}
}

static int compare_orders(const void *a, const void *b)
{
	const struct pool_info *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* Memory is taken while the lock is not held; if the list has outgrown it meanwhile, again. */
static int make_list(struct pool *pool, struct pool_list *out, collect_locked *collect, const void *what)
{
	size_t capacity = 0;

	for (*out = (struct pool_list){.count = 0};;) {
		struct pool_walk w;

		mutex_lock(&pool->lock);
		collect(pool, &w, what);
		for (struct pool_entry *e = w.first; e && w.count <= capacity; e = e->walk)
			fill_info(&out->items[out->count++], e);
		mutex_unlock(&pool->lock);
		if (w.count <= capacity)
			break;
		capacity = w.count + w.count / 8;
		free(out->items);
		out->items = malloc(capacity * sizeof(out->items[0]));
		if (!out->items)
			return -ENOMEM;
	}
	if (out->count > 0)
		qsort(out->items, out->count, sizeof(out->items[0]), compare_orders);
	return 0;
}

int pool_list(struct pool *pool, struct pool_list *out, enum pool_which which)
{
	return make_list(pool, out, collect_which, &which);
}

int pool_list_script(struct pool *pool, struct pool_list *out, const struct wire_bytes *script)
{
	return make_list(pool, out, collect_script, script);
}

/* ---- states ---- */

static void spent_state(struct wire_utxo_state *out, const struct pool_entry *e)
{
	if (e->finalized) {
		out->tag = WIRE_UTXO_SPENT_FINALIZED;
		out->u.spent_finalized = (struct wire_utxo_spent_finalized){
			.txid = e->tx.txid, .finalized_at = e->finalized_s, .votes = e->votes};
		return;
	}
	out->tag = WIRE_UTXO_SPENT_PENDING;
	out->u.spent_pending = (struct wire_utxo_spent_pending){
		.txid = e->tx.txid, .votes = e->votes, .total_nodes = e->total_nodes, .spent_at = e->inserted_s};
}

static void state_locked(struct pool *pool, struct pool_outpoint_state *out, const struct wire_outpoint *outpoint)
	REQUIRES(pool->lock)
{
	const struct pool_spend *spend = pool_find_spend_locked(pool, outpoint);
	const struct pool_entry *maker;

	*out = (struct pool_outpoint_state){.known = POOL_OUTPOINT_UNKNOWN};
	if (spend) {
		out->known = POOL_OUTPOINT_SPENT;
		spent_state(&out->state, spend->entry);
	} else if (find_output_locked(pool, &maker, outpoint)) {
		out->known = POOL_OUTPOINT_CREATED;
		out->finalized = maker->finalized;
	}
}

void pool_outpoint_states(struct pool *pool, struct pool_outpoint_state *out, const struct wire_outpoint *outpoints,
			  size_t count)
{
	mutex_lock(&pool->lock);
	for (size_t i = 0; i < count; i++)
		state_locked(pool, &out[i], &outpoints[i]);
	mutex_unlock(&pool->lock);
}

void pool_summarize(struct pool *pool, struct pool_summary *out, int64_t now_s)
{
	mutex_lock(&pool->lock);
	*out = (struct pool_summary){
		.tip = chain_view_summary(pool->view)->tip,
		.count = pool->count,
		.finalized = pool->final_count,
		.bytes = pool->bytes,
		.usage_bytes = pool_usage_locked(pool),
		.max_bytes = pool->params.max_bytes,
		.fees = pool->fees,
		.min_rate = pool_min_rate_locked(pool, now_s),
		.orphans = pool->orphan_count,
		.orphan_bytes = pool->orphan_bytes,
		.sequence = pool->sequence,
	};
	mutex_unlock(&pool->lock);
}
