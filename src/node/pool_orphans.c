/* SPDX-License-Identifier: MIT
 *
 * Transactions whose inputs are unknown: they wait, few and for a short time, for the first transaction that they miss.
 *
 * A peer may fill all places, but when there is none left it is the peer with the most that loses its oldest: nobody
 * drives out what others sent.
 */
#include <stdlib.h>
#include <string.h>

#include "pool_impl.h"
#include "timeproto/chain/hash.h"

static void drop_locked(struct pool *pool, struct pool_orphan *o) REQUIRES(pool->lock)
{
	pool->orphan_count--;
	pool->orphan_bytes -= o->entry->tx.size;
	pool_entry_unref(o->entry);
	o->entry = NULL;
}

bool pool_has_orphan_locked(struct pool *pool, const struct wire_hash *txid)
{
	for (size_t i = 0; pool->orphan_count > 0 && i < pool->params.max_orphans; i++) {
		const struct pool_orphan *o = &pool->orphans[i];

		if (o->entry && hash_equal(&o->entry->tx.txid, txid))
			return true;
	}
	return false;
}

static size_t count_of_locked(const struct pool *pool, const struct net_ip *peer) REQUIRES(pool->lock)
{
	size_t count = 0;

	for (size_t i = 0; i < pool->params.max_orphans; i++)
		count += pool->orphans[i].entry && net_ip_equal(&pool->orphans[i].peer, peer);
	return count;
}

/* The oldest of the peer that has the most. */
static struct pool_orphan *victim_locked(struct pool *pool) REQUIRES(pool->lock)
{
	struct pool_orphan *victim = NULL;
	size_t most = 0;

	for (size_t i = 0; i < pool->params.max_orphans; i++) {
		struct pool_orphan *o = &pool->orphans[i];
		size_t count;

		if (!o->entry)
			continue;
		count = count_of_locked(pool, &o->peer);
		if (count > most || (count == most && o->order < victim->order)) {
			most = count;
			victim = o;
		}
	}
	return victim;
}

void pool_keep_orphan_locked(struct pool *pool, struct pool_entry *entry, const struct net_ip *peer,
			     const struct wire_hash *awaits, int64_t now_s)
{
	const struct pool_params *params = &pool->params;
	struct pool_orphan *place;

	if (params->max_orphans == 0 || entry->tx.size > params->max_orphan_bytes)
		return;
	while (pool->orphan_count == params->max_orphans ||
	       pool->orphan_bytes + entry->tx.size > params->max_orphan_bytes)
		drop_locked(pool, victim_locked(pool));
	for (place = pool->orphans; place->entry; place++)
		;
	*place = (struct pool_orphan){.entry = pool_entry_ref(entry),
				      .peer = *peer,
				      .awaits = *awaits,
				      .since_s = now_s,
				      .order = pool->order++};
	pool->orphan_count++;
	pool->orphan_bytes += entry->tx.size;
}

void pool_wake_orphans_locked(struct pool *pool, const struct wire_hash *txid)
{
	for (size_t i = 0; pool->orphan_count > 0 && i < pool->params.max_orphans; i++) {
		struct pool_orphan *o = &pool->orphans[i];

		if (o->entry && hash_equal(&o->awaits, txid))
			o->awaits = (struct wire_hash){{0}};
	}
}

bool pool_take_orphan_locked(struct pool *pool, struct pool_orphan *out)
{
	struct pool_orphan *oldest = NULL;

	for (size_t i = 0; pool->orphan_count > 0 && i < pool->params.max_orphans; i++) {
		struct pool_orphan *o = &pool->orphans[i];

		if (o->entry && hash_is_zero(&o->awaits) && (!oldest || o->order < oldest->order))
			oldest = o;
	}
	if (!oldest)
		return false;
	*out = *oldest;
	pool_entry_ref(out->entry);
	drop_locked(pool, oldest);
	return true;
}

void pool_expire_orphans_locked(struct pool *pool, int64_t now_s)
{
	for (size_t i = 0; i < pool->params.max_orphans; i++) {
		struct pool_orphan *o = &pool->orphans[i];

		if (o->entry && now_s - o->since_s >= pool->params.orphan_expiry_s)
			drop_locked(pool, o);
	}
}

void pool_forget_peer(struct pool *pool, const struct net_ip *peer)
{
	mutex_lock(&pool->lock);
	for (size_t i = 0; pool->orphan_count > 0 && i < pool->params.max_orphans; i++) {
		if (pool->orphans[i].entry && net_ip_equal(&pool->orphans[i].peer, peer))
			drop_locked(pool, &pool->orphans[i]);
	}
	mutex_unlock(&pool->lock);
}

/* What the orphan at this place waits for; false: nobody is there. */
static bool awaited_at(struct pool *pool, struct wire_hash *out, size_t place)
{
	bool there;

	mutex_lock(&pool->lock);
	there = pool->orphans[place].entry != NULL;
	*out = pool->orphans[place].awaits;
	mutex_unlock(&pool->lock);
	return there;
}

int pool_wake_by_chain(struct pool *pool, struct chain_view *view)
{
	for (size_t i = 0; i < pool->params.max_orphans; i++) {
		struct wire_hash awaits;
		uint32_t position;
		uint64_t height;
		int r;

		if (!awaited_at(pool, &awaits, i))
			continue;
		r = chain_view_transaction(view, &height, &position, &awaits);
		if (r && r != STORE_E_NOT_FOUND)
			return r;
		if (r)
			continue;
		mutex_lock(&pool->lock);
		pool_wake_orphans_locked(pool, &awaits);
		mutex_unlock(&pool->lock);
	}
	return 0;
}

void pool_free_orphans(struct pool *pool)
{
	for (size_t i = 0; pool->orphans && i < pool->params.max_orphans; i++)
		pool_entry_unref(pool->orphans[i].entry);
	free(pool->orphans);
}
