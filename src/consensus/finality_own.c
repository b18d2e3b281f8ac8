// SPDX-License-Identifier: MIT
/* Our own votes on transactions, and the outpoints that they lock: see finality.h.
 *
 * A vote stays as long as it binds us, whatever becomes of its transaction; it is what keeps us from voting twice, or
 * for two spenders of one outpoint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "finality_impl.h"
#include "timeproto/chain/hash.h"

struct finality_own *finality_own_find(const struct finality *finality, const struct wire_hash *txid)
{
	uint64_t hash = keyed_map_hash(finality->params.seed, txid, 0);

	for (struct keyed_node *node = keyed_map_first(&finality->owns, hash); node; node = node->next) {
		struct finality_own *own = KEYED_OF(node, struct finality_own, node);

		if (node->hash == hash && hash_equal(&own->record.txid, txid))
			return own;
	}
	return NULL;
}

struct finality_lock *finality_lock_find(const struct finality *finality, const struct wire_outpoint *outpoint)
{
	uint64_t hash = keyed_map_hash(finality->params.seed, &outpoint->txid, outpoint->vout);

	for (struct keyed_node *node = keyed_map_first(&finality->locks, hash); node; node = node->next) {
		struct finality_lock *lock = KEYED_OF(node, struct finality_lock, node);

		if (node->hash == hash && lock->outpoint.vout == outpoint->vout &&
		    hash_equal(&lock->outpoint.txid, &outpoint->txid))
			return lock;
	}
	return NULL;
}

/* An outpoint is free again: what waited for it is looked at once more. */
static void finality_unlock(struct finality *finality, struct finality_lock *lock)
{
	if (!lock->own)
		return;
	keyed_map_remove(&finality->locks, &lock->node);
	lock->own = NULL;
	finality->room = true;
}

void finality_own_unlock(struct finality *finality, struct finality_own *own)
{
	for (size_t i = 0; i < own->lock_count; i++)
		finality_unlock(finality, &own->locks[i]);
}

void finality_own_remove(struct finality *finality, struct finality_own *own)
{
	keyed_map_remove(&finality->owns, &own->node);
	finality_link_remove(&own->all);
	finality_own_unlock(finality, own);
	finality->room = true;
	free(own->locks);
	free(own);
}

void finality_spent(struct finality *finality, const struct wire_outpoint *outpoint)
{
	struct finality_lock *lock = finality_lock_find(finality, outpoint);

	if (lock)
		finality_unlock(finality, lock);
}

void finality_own_include(struct finality *finality, struct finality_own *own, bool included)
{
	if (own->included == included)
		return;
	own->included = included;
	finality_link_remove(&own->all);
	finality_link_append(included ? &finality->own_included : &finality->own_all, &own->all);
	if (included)
		finality->room = true;
}

/* For one more vote of ours that locks so many outpoints: those that have been in a block for longest give way. */
static bool finality_own_room(struct finality *finality, size_t locks)
{
	const struct finality_params *params = &finality->params;
	struct finality_link *first;

	if (locks > params->max_locks)
		return false;
	while (finality->owns.count >= params->max_own || finality->locks.count > params->max_locks - locks) {
		first = finality->own_included.next;
		if (first == &finality->own_included)
			return false;
		finality_own_remove(finality, KEYED_OF(first, struct finality_own, all));
	}
	return true;
}

int finality_own_lock(struct finality *finality, struct finality_own *own, const struct wire_outpoint *outpoints,
		      size_t count)
{
	if (count == 0)
		return 0;
	if (count > finality->params.max_locks || finality->locks.count > finality->params.max_locks - count)
		return FINALITY_E_FULL;
	own->locks = calloc(count, sizeof(own->locks[0]));
	if (!own->locks)
		return -ENOMEM;
	own->lock_count = count;
	for (size_t i = 0; i < count; i++) {
		struct finality_lock *lock = &own->locks[i], *held = finality_lock_find(finality, &outpoints[i]);

		lock->outpoint = outpoints[i];
		lock->node.hash = keyed_map_hash(finality->params.seed, &outpoints[i].txid, outpoints[i].vout);
		/* Two may have approved it, one after the other: who binds us for longer holds it. */
		if (held && held->own->record.timestamp >= own->record.timestamp)
			continue;
		if (held)
			finality_unlock(finality, held);
		lock->own = own;
		keyed_map_insert(&finality->locks, &lock->node);
	}
	return 0;
}

int finality_own_add(struct finality *finality, const struct finality_record *record,
		     const struct wire_outpoint *outpoints, size_t count)
{
	struct finality_own *own;
	int r = 0;

	if (!finality_own_room(finality, record->approve ? count : 0))
		return FINALITY_E_FULL;
	own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->record = *record;
	own->node.hash = keyed_map_hash(finality->params.seed, &record->txid, 0);
	if (record->approve)
		r = finality_own_lock(finality, own, outpoints, count);
	if (r) {
		free(own);
		return r;
	}
	keyed_map_insert(&finality->owns, &own->node);
	finality_link_append(&finality->own_all, &own->all);
	return 0;
}

/* A vote binds us as long as it counts anywhere, and a while longer. */
static bool finality_binds(const struct finality *finality, int64_t timestamp, int64_t now_s)
{
	return timestamp > now_s - finality->params.vote_s - finality->params.lock_s;
}

int finality_restore(struct finality *finality, const struct finality_record *record,
		     const struct wire_outpoint *outpoints, size_t count, int64_t now_s)
{
	if (!finality_binds(finality, record->timestamp, now_s))
		return 0;
	if (finality_own_find(finality, &record->txid))
		return FINALITY_E_KNOWN;
	return finality_own_add(finality, record, outpoints, count);
}

bool finality_bound(const struct finality *finality, const struct wire_hash *txid)
{
	return finality_own_find(finality, txid) != NULL;
}

static void finality_own_expire_ring(struct finality *finality, const struct finality_link *head, int64_t now_s)
{
	struct finality_link *link, *next;

	for (link = head->next; link != head; link = next) {
		struct finality_own *own = KEYED_OF(link, struct finality_own, all);

		next = link->next;
		if (!finality_binds(finality, own->record.timestamp, now_s))
			finality_own_remove(finality, own);
	}
}

void finality_own_expire(struct finality *finality, int64_t now_s)
{
	finality_own_expire_ring(finality, &finality->own_all, now_s);
	finality_own_expire_ring(finality, &finality->own_included, now_s);
}

/* Whether we approve another spender of one of its outpoints. */
static bool finality_locked(const struct finality *finality, const struct finality_tx *tx)
{
	for (size_t i = 0; i < tx->outpoint_count; i++) {
		if (finality_lock_find(finality, &tx->outpoints[i]))
			return true;
	}
	return false;
}

static void finality_set_blocked(struct finality *finality, struct finality_tx *tx, bool blocked)
{
	finality->blocked -= tx->blocked;
	finality->blocked += blocked;
	tx->blocked = blocked;
}

/* A new vote of ours; false: not now. */
static bool finality_own_make(struct finality *finality, struct finality_tx *tx, int64_t now_s)
{
	struct finality_record record = {.txid = tx->txid, .approve = tx->added, .timestamp = now_s};

	if (!tx->added && !tx->reject)
		return false;
	/* Rejected by the others: we have nothing to add. */
	if (tx->state == FINALITY_REJECTED)
		return false;
	return !finality_locked(finality, tx) &&
	       finality_own_add(finality, &record, tx->outpoints, tx->outpoint_count) == 0;
}

bool finality_own_vote(struct finality *finality, struct finality_action *out, struct finality_tx *tx, int64_t now_s)
{
	const struct finality_own *own = finality_own_find(finality, &tx->txid);
	struct finality_vote vote = {.txid = tx->txid};

	if (!finality->signing || finality->own < 0 || finality_cast_of(tx, (uint32_t)finality->own))
		return false;
	if (!own) {
		finality_set_blocked(finality, tx, !finality_own_make(finality, tx, now_s) && tx->added);
		own = finality_own_find(finality, &tx->txid);
	}
	/* One that is over but still binds us is neither repeated nor made anew. */
	if (!own || own->record.timestamp <= now_s - finality->params.vote_s)
		return false;
	vote.voter = (uint32_t)finality->own;
	vote.approve = own->record.approve;
	vote.timestamp = own->record.timestamp;
	finality->params.sign(finality->params.user, &vote);
	/* Without memory it is made again, the same, when something else is to be done about the transaction. */
	if (finality_cast(finality, tx, &vote))
		return false;
	out->vote = vote;
	out->record = own->record;
	if (vote.approve) {
		out->outpoints = tx->outpoints;
		out->outpoint_count = tx->outpoint_count;
	}
	return true;
}
