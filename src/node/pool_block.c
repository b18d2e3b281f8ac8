/* SPDX-License-Identifier: MIT
 *
 * What a block may hold: assembling a proposal, and judging one (PROTOCOL.md §9).
 */
#include <errno.h>
#include <stdlib.h>

#include "pool_impl.h"
#include "timeproto/chain/hash.h"

/* A selection under way. */
struct choice {
	struct pool_selection *out;
	size_t max_bytes, max_count;
	uint64_t id; /* what is chosen has it in `chosen` */
};

/* Nobody before his ancestors; else in order of arrival. */
static int compare_places(const void *a, const void *b)
{
	struct pool_tx *const *x = a, *const *y = b;
	const struct pool_entry *e = POOL_CONTAINER(*x, struct pool_entry, tx);
	const struct pool_entry *f = POOL_CONTAINER(*y, struct pool_entry, tx);

	if (e->ancestors.count != f->ancestors.count)
		return e->ancestors.count < f->ancestors.count ? -1 : 1;
	return e->order < f->order ? -1 : 1;
}

static void choose(struct choice *c, struct pool_entry *entry)
{
	entry->chosen = c->id;
	c->out->items[c->out->count++] = &pool_entry_ref(entry)->tx;
	c->out->bytes += entry->tx.size;
	c->out->fees += entry->tx.fee;
}

/* Chooses it and those of its ancestors that are not chosen yet, if all are finalized and fit. */
static void choose_family_locked(struct pool *pool, struct choice *c, struct pool_entry *entry) REQUIRES(pool->lock)
{
	size_t begin = c->out->count, count = 1, bytes = entry->tx.size;
	struct pool_walk w;

	pool_ancestors_locked(pool, &w, entry);
	for (const struct pool_entry *e = w.first; e; e = e->walk) {
		if (!e->finalized)
			return;
		count += e->chosen != c->id;
		bytes += e->chosen != c->id ? e->tx.size : 0;
	}
	if (count > c->max_count - begin || bytes > c->max_bytes - c->out->bytes)
		return;
	for (struct pool_entry *e = w.first; e; e = e->walk) {
		if (e->chosen != c->id)
			choose(c, e);
	}
	choose(c, entry);
	qsort(c->out->items + begin, count, sizeof(c->out->items[0]), compare_places);
}

static bool stands_at_locked(const struct pool *pool, const struct wire_hash *tip) REQUIRES(pool->lock)
{
	return !pool->updating && hash_equal(&chain_view_summary(pool->view)->tip.hash, tip);
}

int pool_assemble(struct pool *pool, struct pool_selection *out, const struct wire_hash *tip, size_t max_bytes,
		  size_t max_count)
{
	struct choice c = {.out = out, .max_bytes = max_bytes, .max_count = max_count};
	int r = 0;

	*out = (struct pool_selection){.count = 0};
	mutex_lock(&pool->lock);
	/* who is finalized between here and there has to wait */
	if (c.max_count > pool->final_count)
		c.max_count = pool->final_count;
	mutex_unlock(&pool->lock);
	out->items = malloc((c.max_count + 1) * sizeof(out->items[0]));
	if (!out->items)
		return -ENOMEM;
	mutex_lock(&pool->lock);
	c.id = ++pool->mark;
	if (!stands_at_locked(pool, tip))
		r = POOL_E_TIP;
	for (struct pool_entry *e = pool->first_final; !r && e && out->count < c.max_count; e = e->final_after) {
		if (e->chosen != c.id)
			choose_family_locked(pool, &c, e);
	}
	mutex_unlock(&pool->lock);
	if (r)
		pool_selection_free(out);
	return r;
}

void pool_selection_free(struct pool_selection *selection)
{
	for (size_t i = 0; i < selection->count; i++)
		pool_tx_unref(selection->items[i]);
	free(selection->items);
	*selection = (struct pool_selection){.count = 0};
}

static int judge_locked(struct pool *pool, const struct wire_transaction *tx, const struct wire_hash *txid)
	REQUIRES(pool->lock)
{
	const struct pool_entry *entry = pool_find_locked(pool, txid);

	if (entry)
		return entry->finalized ? 0 : POOL_E_PENDING;
	for (size_t i = 0; i < tx->inputs.len; i++) {
		const struct pool_spend *spend = pool_find_spend_locked(pool, &tx->inputs.items[i].previous_output);

		if (spend && spend->entry->finalized)
			return POOL_E_CONFLICT;
	}
	return POOL_E_UNKNOWN;
}

int pool_judge(struct pool *pool, struct wire_hash *txid, const struct wire_hash *tip, const struct wire_block *block,
	       const struct block_ids *ids)
{
	int r = 0;

	mutex_lock(&pool->lock);
	if (!stands_at_locked(pool, tip))
		r = POOL_E_TIP;
	for (size_t i = 1; !r && i < block->transactions.len; i++) {
		r = judge_locked(pool, &block->transactions.items[i], &ids->txids[i]);
		if (r && txid)
			*txid = ids->txids[i];
	}
	mutex_unlock(&pool->lock);
	return r;
}
