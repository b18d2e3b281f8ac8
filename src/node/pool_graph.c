/* SPDX-License-Identifier: MIT
 *
 * Who spends whom in the pool: the indexes, the links between relatives, and the totals over them.
 *
 * The totals of an entry count each relative once, by however many ways it is reached.  They are kept up to date when
 * an entry comes or goes; a walk over the ancestors of one entry is short, since the limits make it so.
 */
#include <errno.h>
#include <string.h>

#include "pool_impl.h"
#include "pool_store.h"

uint64_t pool_hash(const struct pool *pool, const void *data, size_t len)
{
	return siphash(&pool->hash_key, data, len);
}

static uint64_t hash_outpoint(const struct pool *pool, const struct wire_outpoint *outpoint)
{
	_Static_assert(sizeof(*outpoint) == 36, "no padding: outpoints are hashed as bytes");
	return pool_hash(pool, outpoint, sizeof(*outpoint));
}

static uint64_t hash_script(const struct pool *pool, const struct wire_bytes *script)
{
	return pool_hash(pool, script->ptr, script->len);
}

static const struct wire_outpoint *outpoint_of(const struct pool_spend *spend)
{
	const struct pool_entry *e = spend->entry;

	return &e->tx.transaction.inputs.items[spend - e->spends].previous_output;
}

struct pool_entry *pool_find_locked(struct pool *pool, const struct wire_hash *txid)
{
	struct pool_node *node = pool_table_find(&pool->txids, pool_hash(pool, txid->bytes, sizeof(txid->bytes)));

	for (; node; node = pool_table_next(node)) {
		struct pool_entry *e = POOL_CONTAINER(node, struct pool_entry, by_txid);

		if (memcmp(e->tx.txid.bytes, txid->bytes, sizeof(txid->bytes)) == 0)
			return e;
	}
	return NULL;
}

struct pool_spend *pool_find_spend_locked(struct pool *pool, const struct wire_outpoint *outpoint)
{
	struct pool_node *node = pool_table_find(&pool->spends, hash_outpoint(pool, outpoint));

	for (; node; node = pool_table_next(node)) {
		struct pool_spend *spend = POOL_CONTAINER(node, struct pool_spend, by_outpoint);

		if (memcmp(outpoint_of(spend), outpoint, sizeof(*outpoint)) == 0)
			return spend;
	}
	return NULL;
}

/* ---- walks ---- */

void pool_walk_begin_locked(struct pool *pool, struct pool_walk *w)
{
	*w = (struct pool_walk){.mark = ++pool->mark};
	w->last = &w->first;
}

void pool_walk_meet(struct pool_walk *w, struct pool_entry *e)
{
	if (e->mark == w->mark)
		return;
	e->mark = w->mark;
	e->walk = NULL;
	*w->last = e;
	w->last = &e->walk;
	w->count++;
}

static void meet_parents(struct pool_walk *w, const struct pool_entry *e)
{
	for (const struct pool_spend *s = e->parents; s; s = s->next_parent)
		pool_walk_meet(w, s->parent);
}

static void meet_children(struct pool_walk *w, const struct pool_entry *e)
{
	for (const struct pool_spend *s = e->children; s; s = s->next_child)
		pool_walk_meet(w, s->entry);
}

void pool_ancestors_locked(struct pool *pool, struct pool_walk *out, struct pool_entry *entry)
{
	pool_walk_begin_locked(pool, out);
	entry->mark = out->mark;
	meet_parents(out, entry);
	for (const struct pool_entry *e = out->first; e; e = e->walk)
		meet_parents(out, e);
}

void pool_descendants_locked(struct pool *pool, struct pool_walk *out, struct pool_entry *entry)
{
	pool_walk_begin_locked(pool, out);
	entry->mark = out->mark;
	meet_children(out, entry);
	for (const struct pool_entry *e = out->first; e; e = e->walk)
		meet_children(out, e);
}

/* ---- totals ---- */

static void sum_add(struct pool_sum *sum, const struct pool_entry *e)
{
	sum->count++;
	sum->bytes += e->tx.size;
	sum->fees += e->tx.fee;
}

static void sum_take(struct pool_sum *sum, const struct pool_entry *e)
{
	CHECK(sum->count > 1 && sum->bytes > e->tx.size && sum->fees >= e->tx.fee);
	sum->count--;
	sum->bytes -= e->tx.size;
	sum->fees -= e->tx.fee;
}

static void total_ancestors(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock)
{
	struct pool_walk w;

	pool_ancestors_locked(pool, &w, entry);
	entry->ancestors = (struct pool_sum){0};
	sum_add(&entry->ancestors, entry);
	for (const struct pool_entry *e = w.first; e; e = e->walk)
		sum_add(&entry->ancestors, e);
}

static void total_descendants(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock)
{
	struct pool_walk w;

	pool_descendants_locked(pool, &w, entry);
	entry->descendants = (struct pool_sum){0};
	entry->final_descendants = entry->finalized;
	sum_add(&entry->descendants, entry);
	for (const struct pool_entry *e = w.first; e; e = e->walk) {
		sum_add(&entry->descendants, e);
		entry->final_descendants += e->finalized;
	}
}

/* ---- links ---- */

static void link_child(struct pool_entry *parent, struct pool_spend *spend)
{
	spend->parent = parent;
	spend->next_parent = spend->entry->parents;
	spend->entry->parents = spend;
	spend->next_child = parent->children;
	spend->child_at = &parent->children;
	if (spend->next_child)
		spend->next_child->child_at = &spend->next_child;
	parent->children = spend;
}

/* Out of the parent's list; that of the child is the caller's affair. */
static void unlink_child(struct pool_spend *spend)
{
	*spend->child_at = spend->next_child;
	if (spend->next_child)
		spend->next_child->child_at = spend->child_at;
	spend->parent = NULL;
}

static void link_parents(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock)
{
	uint64_t mark = ++pool->mark;

	for (size_t i = 0; i < entry->tx.transaction.inputs.len; i++) {
		struct pool_entry *parent = pool_find_locked(pool, &outpoint_of(&entry->spends[i])->txid);

		if (!parent || parent->mark == mark)
			continue;
		parent->mark = mark;
		link_child(parent, &entry->spends[i]);
	}
}

static void unlink_parents(struct pool_entry *entry)
{
	for (struct pool_spend *s = entry->parents; s; s = s->next_parent)
		unlink_child(s);
	entry->parents = NULL;
}

/* Those that spend its outputs already: they came while the chain had it. */
static void link_children(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock)
{
	uint64_t mark = ++pool->mark;

	for (size_t i = 0; i < entry->tx.transaction.outputs.len; i++) {
		struct wire_outpoint outpoint = {entry->tx.txid, (uint32_t)i};
		struct pool_spend *spend = pool_find_spend_locked(pool, &outpoint);

		if (!spend || spend->entry->mark == mark)
			continue;
		spend->entry->mark = mark;
		link_child(entry, spend);
	}
}

int pool_link_locked(struct pool *pool, struct pool_entry *entry, size_t max_ancestors, size_t max_descendants)
{
	struct pool_walk w;
	int r = 0;

	link_parents(pool, entry);
	pool_ancestors_locked(pool, &w, entry);
	if (w.count + 1 > max_ancestors)
		r = POOL_E_TOO_LONG;
	for (const struct pool_entry *e = w.first; e && !r; e = e->walk) {
		if (e->descendants.count + 1 > max_descendants)
			r = POOL_E_TOO_LONG;
	}
	if (r)
		unlink_parents(entry);
	return r;
}

void pool_unlink_locked(struct pool *pool, struct pool_entry *entry)
{
	(void)pool;
	unlink_parents(entry);
}

/* ---- indexes ---- */

static void index_entry(struct pool *pool, struct pool_entry *e) REQUIRES(pool->lock)
{
	const struct wire_transaction *tx = &e->tx.transaction;

	pool_table_add(&pool->txids, &e->by_txid, pool_hash(pool, e->tx.txid.bytes, sizeof(e->tx.txid.bytes)));
	for (size_t i = 0; i < tx->inputs.len; i++) {
		struct pool_spend *spend = &e->spends[i];

		pool_table_add(&pool->spends, &spend->by_outpoint, hash_outpoint(pool, outpoint_of(spend)));
		pool_table_add(&pool->payers, &spend->by_script, hash_script(pool, &e->tx.coins[i].script));
	}
	for (size_t i = 0; i < tx->outputs.len; i++)
		pool_table_add(&pool->payees, &e->paid[i].by_script,
			       hash_script(pool, &tx->outputs.items[i].script_pubkey));
}

static void unindex_entry(struct pool *pool, struct pool_entry *e) REQUIRES(pool->lock)
{
	pool_table_remove(&pool->txids, &e->by_txid);
	for (size_t i = 0; i < e->tx.transaction.inputs.len; i++) {
		pool_table_remove(&pool->spends, &e->spends[i].by_outpoint);
		pool_table_remove(&pool->payers, &e->spends[i].by_script);
	}
	for (size_t i = 0; i < e->tx.transaction.outputs.len; i++)
		pool_table_remove(&pool->payees, &e->paid[i].by_script);
}

static void list_entry(struct pool *pool, struct pool_entry *e) REQUIRES(pool->lock)
{
	e->order = pool->order++;
	e->after = NULL;
	e->before = pool->first ? POOL_CONTAINER(pool->last, struct pool_entry, after) : NULL;
	*pool->last = e;
	pool->last = &e->after;
	pool->count++;
	pool->bytes += e->tx.size;
	pool->memory += e->memory;
	pool->fees += e->tx.fee;
}

static void unlist_entry(struct pool *pool, struct pool_entry *e) REQUIRES(pool->lock)
{
	*(e->before ? &e->before->after : &pool->first) = e->after;
	if (e->after)
		e->after->before = e->before;
	else
		pool->last = e->before ? &e->before->after : &pool->first;
	pool->count--;
	pool->bytes -= e->tx.size;
	pool->memory -= e->memory;
	pool->fees -= e->tx.fee;
}

static void list_final(struct pool *pool, struct pool_entry *e) REQUIRES(pool->lock)
{
	e->final_after = NULL;
	e->final_before = pool->first_final ? POOL_CONTAINER(pool->last_final, struct pool_entry, final_after) : NULL;
	*pool->last_final = e;
	pool->last_final = &e->final_after;
	pool->final_count++;
}

static void unlist_final(struct pool *pool, struct pool_entry *e) REQUIRES(pool->lock)
{
	*(e->final_before ? &e->final_before->final_after : &pool->first_final) = e->final_after;
	if (e->final_after)
		e->final_after->final_before = e->final_before;
	else
		pool->last_final = e->final_before ? &e->final_before->final_after : &pool->first_final;
	pool->final_count--;
}

/* ---- coming ---- */

/* The same list through `other`: the walks that follow use `walk`. */
static struct pool_entry *keep_walk(const struct pool_walk *w)
{
	for (struct pool_entry *e = w->first; e; e = e->walk)
		e->other = e->walk;
	return w->first;
}

/* The totals of it and of its relatives.  With children, which may have reached its ancestors by other ways already,
 * they are counted anew. */
static void total_relatives(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock)
{
	struct pool_walk w;

	total_ancestors(pool, entry);
	total_descendants(pool, entry);
	pool_ancestors_locked(pool, &w, entry);
	if (!entry->children) {
		for (struct pool_entry *e = w.first; e; e = e->walk) {
			sum_add(&e->descendants, entry);
			pool_rank_locked(pool, e);
		}
		return;
	}
	for (struct pool_entry *e = keep_walk(&w); e; e = e->other) {
		total_descendants(pool, e);
		pool_rank_locked(pool, e);
	}
	pool_descendants_locked(pool, &w, entry);
	for (struct pool_entry *e = keep_walk(&w); e; e = e->other)
		total_ancestors(pool, e);
}

void pool_add_locked(struct pool *pool, struct pool_entry *entry)
{
	link_children(pool, entry);
	index_entry(pool, entry);
	list_entry(pool, entry);
	pool_entry_ref(entry);
	entry->present = true;
	total_relatives(pool, entry);
	pool_rank_locked(pool, entry);
	/* the file has them, and they are nothing without it */
	if (entry->final_descendants > 0)
		pool_dirty_locked(pool, entry);
}

void pool_make_final_locked(struct pool *pool, struct pool_entry *entry, uint32_t votes, int64_t at_s)
{
	struct pool_walk w;

	CHECK(entry->present && !entry->finalized);
	entry->finalized = true;
	entry->finalized_s = at_s;
	entry->votes = votes;
	list_final(pool, entry);
	entry->final_descendants++;
	pool_rank_locked(pool, entry);
	pool_ancestors_locked(pool, &w, entry);
	for (struct pool_entry *e = w.first; e; e = e->walk) {
		e->final_descendants++;
		pool_rank_locked(pool, e);
	}
	pool_dirty_locked(pool, entry);
}

/* ---- going ---- */

/* Its last act in the pool: no relative knows it any more.  Gives up the pool's reference. */
static void leave(struct pool *pool, struct pool_events *events, struct pool_entry *entry,
		  const struct pool_cause *cause, const struct wire_hash *cause_txid) REQUIRES(pool->lock)
{
	unindex_entry(pool, entry);
	unlist_entry(pool, entry);
	if (entry->finalized)
		unlist_final(pool, entry);
	entry->present = false;
	pool_rank_locked(pool, entry);
	pool_tell_locked(pool, events, entry, &entry->gone, cause->kind, cause->at_s);
	entry->gone.height = cause->height;
	entry->gone.cause = *cause_txid;
	pool_entry_unref(entry);
}

void pool_remove_locked(struct pool *pool, struct pool_events *events, struct pool_entry *entry,
			const struct pool_cause *cause)
{
	/* the entry may be gone from memory's view of the caller when its event is: keep the name of the cause */
	struct wire_hash root = cause->txid ? *cause->txid : entry->tx.txid;
	struct pool_entry *next;
	struct pool_walk w;

	pool_descendants_locked(pool, &w, entry);
	entry->other = keep_walk(&w);
	for (struct pool_entry *d = entry; d; d = d->other) {
		pool_ancestors_locked(pool, &w, d);
		for (struct pool_entry *e = w.first; e; e = e->walk) {
			sum_take(&e->descendants, d);
			e->final_descendants -= d->finalized;
			pool_rank_locked(pool, e);
		}
	}
	for (struct pool_entry *d = entry; d; d = d->other)
		unlink_parents(d);
	for (struct pool_entry *d = entry; d; d = next) {
		next = d->other;
		leave(pool, events, d, cause, &root);
	}
}

/* Takes the parent out of the child's list. */
static void forget_parent(struct pool_spend *spend)
{
	struct pool_spend **at = &spend->entry->parents;

	while (*at != spend)
		at = &(*at)->next_parent;
	*at = spend->next_parent;
	unlink_child(spend);
}

void pool_confirm_locked(struct pool *pool, struct pool_events *events, struct pool_entry *entry,
			 const struct pool_cause *cause)
{
	struct pool_walk w;

	/* what it spends is in the chain, since it is */
	CHECK(!entry->parents);
	pool_descendants_locked(pool, &w, entry);
	for (struct pool_entry *e = w.first; e; e = e->walk)
		sum_take(&e->ancestors, entry);
	while (entry->children)
		forget_parent(entry->children);
	leave(pool, events, entry, cause, &entry->tx.txid);
}
