// SPDX-License-Identifier: MIT
/* Transactions and the votes on them: see finality.h.  Our own votes are made in finality_own.c. */
#include "timed/consensus/finality.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "finality_impl.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/validators.h"

#define FINALITY_NOBODY UINT32_MAX

void finality_params_init(struct finality_params *out)
{
	*out = (struct finality_params){.max_transactions = 10000,
					.max_early = 1000,
					.max_own = 1000000,
					.max_locks = 4000000,
					.max_rejects = 8,
					.vote_s = 72 * 3600,
					.lock_s = 3600,
					.early_s = 600,
					.ahead_s = 600};
}

const char *finality_error_name(int error)
{
	static const char *const names[] = {
		[FINALITY_E_KNOWN] = "FINALITY_E_KNOWN",       [FINALITY_E_FULL] = "FINALITY_E_FULL",
		[FINALITY_E_STRANGER] = "FINALITY_E_STRANGER", [FINALITY_E_EXPIRED] = "FINALITY_E_EXPIRED",
		[FINALITY_E_AHEAD] = "FINALITY_E_AHEAD",       [FINALITY_E_CONTRADICTS] = "FINALITY_E_CONTRADICTS",
		[FINALITY_E_UNKNOWN] = "FINALITY_E_UNKNOWN",
	};

	return error > 0 && error <= FINALITY_E_UNKNOWN ? names[error] : "?";
}

void finality_link_init(struct finality_link *head)
{
	head->prev = head->next = head;
}

void finality_link_append(struct finality_link *head, struct finality_link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

void finality_link_remove(struct finality_link *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

int finality_new(struct finality **out, const struct finality_params *params)
{
	struct finality *finality = calloc(1, sizeof(*finality));

	if (!finality)
		return -ENOMEM;
	finality->params = *params;
	finality->own = -1;
	finality->quorum = (uint32_t)validators_quorum(0);
	finality_link_init(&finality->all);
	finality_link_init(&finality->todo);
	finality_link_init(&finality->own_all);
	finality_link_init(&finality->own_included);
	finality->repeat = &finality->all;
	if (keyed_map_init(&finality->txs) || keyed_map_init(&finality->owns) || keyed_map_init(&finality->locks)) {
		finality_free(finality);
		return -ENOMEM;
	}
	*out = finality;
	return 0;
}

struct finality_tx *finality_find(const struct finality *finality, const struct wire_hash *txid)
{
	uint64_t hash = keyed_map_hash(finality->params.seed, txid, 0);

	for (struct keyed_node *node = keyed_map_first(&finality->txs, hash); node; node = node->next) {
		struct finality_tx *tx = KEYED_OF(node, struct finality_tx, node);

		if (node->hash == hash && hash_equal(&tx->txid, txid))
			return tx;
	}
	return NULL;
}

void finality_want(struct finality *finality, struct finality_tx *tx)
{
	if (!tx->todo.next)
		finality_link_append(&finality->todo, &tx->todo);
}

/* Counted for its first voter no more. */
static void finality_not_early(struct finality *finality, struct finality_tx *tx)
{
	if (tx->first_voter < finality->voters)
		finality->early[tx->first_voter]--;
	tx->first_voter = FINALITY_NOBODY;
}

/* NULL without memory. */
static struct finality_tx *finality_make(struct finality *finality, const struct wire_hash *txid, int64_t now_s)
{
	struct finality_tx *tx = calloc(1, sizeof(*tx));

	if (!tx)
		return NULL;
	tx->node.hash = keyed_map_hash(finality->params.seed, txid, 0);
	tx->txid = *txid;
	tx->first_voter = FINALITY_NOBODY;
	tx->since_s = now_s;
	keyed_map_insert(&finality->txs, &tx->node);
	finality_link_append(&finality->all, &tx->all);
	return tx;
}

static void finality_remove(struct finality *finality, struct finality_tx *tx)
{
	if (finality->repeat == &tx->all)
		finality->repeat = tx->all.next;
	keyed_map_remove(&finality->txs, &tx->node);
	finality_link_remove(&tx->all);
	finality_link_remove(&tx->todo);
	finality_not_early(finality, tx);
	finality->added -= tx->added;
	finality->blocked -= tx->blocked;
	free(tx->casts);
	free(tx->outpoints);
	free(tx);
}

void finality_free(struct finality *finality)
{
	if (!finality)
		return;
	while (finality->all.next != &finality->all)
		finality_remove(finality, KEYED_OF(finality->all.next, struct finality_tx, all));
	while (finality->own_all.next != &finality->own_all)
		finality_own_remove(finality, KEYED_OF(finality->own_all.next, struct finality_own, all));
	while (finality->own_included.next != &finality->own_included)
		finality_own_remove(finality, KEYED_OF(finality->own_included.next, struct finality_own, all));
	keyed_map_free(&finality->txs);
	keyed_map_free(&finality->owns);
	keyed_map_free(&finality->locks);
	free(finality->keys);
	free(finality->early);
	free(finality);
}

/* Whether it is decided by now.  What is not in the pool can neither be finalised nor rejected. */
static void finality_judge(struct finality *finality, struct finality_tx *tx)
{
	if (tx->state != FINALITY_PENDING || !tx->added)
		return;
	if (tx->approvals >= finality->quorum)
		tx->state = FINALITY_FINALIZED;
	else if (tx->rejections > 2 * (finality->voters - finality->quorum))
		tx->state = FINALITY_REJECTED;
	else
		return;
	if (tx->state == FINALITY_REJECTED) {
		struct finality_own *own = finality_own_find(finality, &tx->txid);

		if (own)
			finality_own_unlock(finality, own);
	}
	finality_want(finality, tx);
}

const struct finality_cast *finality_cast_of(const struct finality_tx *tx, uint32_t voter)
{
	for (uint32_t i = 0; i < tx->cast_count; i++) {
		if (tx->casts[i].voter == voter)
			return &tx->casts[i];
	}
	return NULL;
}

struct finality_vote finality_vote_of(const struct finality_tx *tx, const struct finality_cast *cast)
{
	return (struct finality_vote){.txid = tx->txid,
				      .voter = cast->voter,
				      .approve = cast->approve,
				      .timestamp = cast->timestamp,
				      .signature = cast->signature};
}

static int finality_reserve(struct finality_tx *tx)
{
	uint32_t capacity = tx->cast_capacity ? 2 * tx->cast_capacity : 4;
	struct finality_cast *casts;

	if (tx->cast_count < tx->cast_capacity)
		return 0;
	casts = realloc(tx->casts, capacity * sizeof(casts[0]));
	if (!casts)
		return -ENOMEM;
	tx->casts = casts;
	tx->cast_capacity = capacity;
	return 0;
}

int finality_cast(struct finality *finality, struct finality_tx *tx, const struct finality_vote *vote)
{
	int r = finality_reserve(tx);

	if (r)
		return r;
	tx->casts[tx->cast_count++] = (struct finality_cast){.voter = vote->voter,
							     .approve = vote->approve,
							     .timestamp = vote->timestamp,
							     .signature = vote->signature};
	if (vote->approve)
		tx->approvals++;
	else
		tx->rejections++;
	finality_judge(finality, tx);
	return 0;
}

static void finality_recount(struct finality *finality, struct finality_tx *tx)
{
	tx->approvals = tx->rejections = 0;
	for (uint32_t i = 0; i < tx->cast_count; i++) {
		if (tx->casts[i].approve)
			tx->approvals++;
		else
			tx->rejections++;
	}
	finality_judge(finality, tx);
}

/* The index of each old voter among the new ones, FINALITY_NOBODY for who is gone. */
static void finality_match(const struct finality *finality, uint32_t *now, const struct wire_key *keys, uint32_t count)
{
	for (uint32_t i = 0; i < finality->voters; i++) {
		now[i] = FINALITY_NOBODY;
		for (uint32_t k = 0; k < count && now[i] == FINALITY_NOBODY; k++) {
			if (memcmp(&keys[k], &finality->keys[i], sizeof(keys[k])) == 0)
				now[i] = k;
		}
	}
}

static void finality_renumber(struct finality *finality, struct finality_tx *tx, const uint32_t *now)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < tx->cast_count; i++) {
		tx->casts[i].voter = now[tx->casts[i].voter];
		if (tx->casts[i].voter != FINALITY_NOBODY)
			tx->casts[kept++] = tx->casts[i];
	}
	tx->cast_count = kept;
	if (tx->first_voter != FINALITY_NOBODY)
		tx->first_voter = now[tx->first_voter];
	if (tx->first_voter != FINALITY_NOBODY)
		finality->early[tx->first_voter]++;
	/* Whom we are now may not have voted yet. */
	if (tx->added)
		finality_want(finality, tx);
}

int finality_set_voters(struct finality *finality, const struct wire_key *keys, uint32_t count, int32_t own)
{
	struct wire_key *copy = malloc(((size_t)count + 1) * sizeof(copy[0]));
	size_t *early = calloc((size_t)count + 1, sizeof(early[0]));
	uint32_t *now = malloc(((size_t)finality->voters + 1) * sizeof(now[0]));

	if (!copy || !early || !now) {
		free(copy);
		free(early);
		free(now);
		return -ENOMEM;
	}
	if (count > 0)
		memcpy(copy, keys, count * sizeof(copy[0]));
	finality_match(finality, now, keys, count);
	free(finality->keys);
	free(finality->early);
	finality->keys = copy;
	finality->early = early;
	finality->voters = count;
	finality->own = own;
	finality->quorum = (uint32_t)validators_quorum(count);
	for (struct finality_link *link = finality->all.next; link != &finality->all; link = link->next) {
		struct finality_tx *tx = KEYED_OF(link, struct finality_tx, all);

		finality_renumber(finality, tx, now);
		finality_recount(finality, tx);
	}
	free(now);
	return 0;
}

/* All that is in the pool is looked at again for our vote. */
static void finality_want_all(struct finality *finality)
{
	for (struct finality_link *link = finality->all.next; link != &finality->all; link = link->next) {
		struct finality_tx *tx = KEYED_OF(link, struct finality_tx, all);

		if (tx->added)
			finality_want(finality, tx);
	}
}

void finality_set_signing(struct finality *finality, bool on)
{
	if (on && !finality->signing)
		finality_want_all(finality);
	finality->signing = on;
}

/* A vote of ours that came before its transaction, or from the file without its outpoints, locks them now.  What is
 * locked by another one is an old contradiction, and what there is no room for a risk that a lost file brings. */
static void finality_recall(struct finality *finality, const struct finality_tx *tx)
{
	const struct finality_cast *cast = finality->own < 0 ? NULL : finality_cast_of(tx, (uint32_t)finality->own);
	struct finality_own *own = finality_own_find(finality, &tx->txid);

	/* The block that held it is undone. */
	if (own)
		finality_own_include(finality, own, false);
	if (own && own->record.approve && own->lock_count == 0)
		(void)finality_own_lock(finality, own, tx->outpoints, tx->outpoint_count);
	if (!own && cast) {
		struct finality_record record = {
			.txid = tx->txid, .approve = cast->approve, .timestamp = cast->timestamp};

		(void)finality_own_add(finality, &record, tx->outpoints, tx->outpoint_count);
	}
}

int finality_add(struct finality *finality, const struct wire_hash *txid, const struct wire_outpoint *outpoints,
		 size_t count, int64_t now_s)
{
	struct finality_tx *tx = finality_find(finality, txid);
	struct wire_outpoint *copy;

	if (tx && tx->added)
		return FINALITY_E_KNOWN;
	if (finality->added >= finality->params.max_transactions)
		return FINALITY_E_FULL;
	copy = malloc((count + 1) * sizeof(copy[0]));
	if (copy && !tx)
		tx = finality_make(finality, txid, now_s);
	if (!copy || !tx) {
		free(copy);
		return -ENOMEM;
	}
	if (count > 0)
		memcpy(copy, outpoints, count * sizeof(copy[0]));
	finality_not_early(finality, tx);
	tx->outpoints = copy;
	tx->outpoint_count = count;
	tx->added = true;
	tx->since_s = now_s;
	finality->added++;
	finality_recall(finality, tx);
	finality_judge(finality, tx);
	finality_want(finality, tx);
	return 0;
}

/* Who looks for a place to vote on what was not added. */
static int finality_early(struct finality *finality, struct finality_tx **out, const struct wire_hash *txid,
			  uint32_t voter, int64_t now_s)
{
	if (finality->early[voter] >= finality->params.max_early)
		return FINALITY_E_FULL;
	*out = finality_make(finality, txid, now_s);
	if (!*out)
		return -ENOMEM;
	(*out)->first_voter = voter;
	finality->early[voter]++;
	return 0;
}

int finality_conflict(struct finality *finality, const struct wire_hash *txid, const struct wire_outpoint *outpoint,
		      int64_t now_s)
{
	struct finality_lock *lock = finality_lock_find(finality, outpoint);
	struct finality_tx *tx = finality_find(finality, txid);
	int r = 0;

	if (!lock || !finality->signing || finality->own < 0)
		return FINALITY_E_UNKNOWN;
	if (finality_own_find(finality, txid) || (tx && (tx->added || tx->reject)))
		return FINALITY_E_KNOWN;
	if (lock->own->rejects >= finality->params.max_rejects)
		return FINALITY_E_FULL;
	if (!tx)
		r = finality_early(finality, &tx, txid, (uint32_t)finality->own, now_s);
	if (r)
		return r;
	lock->own->rejects++;
	tx->reject = true;
	finality_want(finality, tx);
	return 0;
}

/* One of ours that we do not know: the file is lost, but others have not forgotten.  While we vote, only where the
 * transaction is about: a settled one is forgotten rightly, and might be sent again and again. */
static int finality_adopt(struct finality *finality, const struct finality_tx *tx, const struct finality_vote *vote)
{
	struct finality_record record = {.txid = vote->txid, .approve = vote->approve, .timestamp = vote->timestamp};

	if ((int32_t)vote->voter != finality->own || finality_own_find(finality, &vote->txid) ||
	    (finality->signing && !tx->added))
		return 0;
	return finality_own_add(finality, &record, tx->outpoints, tx->outpoint_count);
}

int finality_check_time(const struct finality_params *params, int64_t timestamp, int64_t now_s)
{
	if (timestamp > now_s + params->ahead_s)
		return FINALITY_E_AHEAD;
	return timestamp <= now_s - params->vote_s ? FINALITY_E_EXPIRED : 0;
}

int finality_vote(struct finality *finality, const struct finality_vote *vote, int64_t now_s)
{
	struct finality_tx *tx = finality_find(finality, &vote->txid);
	const struct finality_cast *cast;
	bool made = !tx;
	int r;

	if (vote->voter >= finality->voters)
		return FINALITY_E_STRANGER;
	r = finality_check_time(&finality->params, vote->timestamp, now_s);
	if (r)
		return r;
	cast = tx ? finality_cast_of(tx, vote->voter) : NULL;
	if (cast)
		return cast->approve == vote->approve ? FINALITY_E_KNOWN : FINALITY_E_CONTRADICTS;
	if (!tx)
		r = finality_early(finality, &tx, &vote->txid, vote->voter, now_s);
	if (r)
		return r;
	r = finality_adopt(finality, tx, vote);
	if (!r)
		r = finality_cast(finality, tx, vote);
	if (r && made)
		finality_remove(finality, tx);
	return r;
}

void finality_settled(struct finality *finality, const struct wire_hash *txid)
{
	struct finality_own *own = finality_own_find(finality, txid);

	if (own)
		finality_own_remove(finality, own);
	finality_dropped(finality, txid);
}

void finality_included(struct finality *finality, const struct wire_hash *txid)
{
	struct finality_own *own = finality_own_find(finality, txid);

	if (own)
		finality_own_include(finality, own, true);
	finality_dropped(finality, txid);
}

void finality_voided(struct finality *finality, const struct wire_hash *txid)
{
	struct finality_own *own = finality_own_find(finality, txid);

	if (own)
		finality_own_unlock(finality, own);
	finality_dropped(finality, txid);
}

void finality_dropped(struct finality *finality, const struct wire_hash *txid)
{
	struct finality_tx *tx = finality_find(finality, txid);

	if (tx)
		finality_remove(finality, tx);
}

/* Votes that count no more go; the transaction too when nothing is left of it. */
static void finality_expire_tx(struct finality *finality, struct finality_tx *tx, int64_t now_s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < tx->cast_count; i++) {
		if (tx->casts[i].timestamp > now_s - finality->params.vote_s)
			tx->casts[kept++] = tx->casts[i];
	}
	if (!tx->added && (kept == 0 || now_s - tx->since_s > finality->params.early_s)) {
		finality_remove(finality, tx);
		return;
	}
	if (kept == tx->cast_count)
		return;
	tx->cast_count = kept;
	finality_recount(finality, tx);
}

void finality_expire(struct finality *finality, int64_t now_s)
{
	struct finality_link *link, *next;

	for (link = finality->all.next; link != &finality->all; link = next) {
		next = link->next;
		finality_expire_tx(finality, KEYED_OF(link, struct finality_tx, all), now_s);
	}
	finality_own_expire(finality, now_s);
}

/* What could not be voted on may be now. */
static void finality_unblock(struct finality *finality)
{
	struct finality_link *link = finality->all.next;

	for (; finality->room && finality->blocked > 0 && link != &finality->all; link = link->next) {
		struct finality_tx *tx = KEYED_OF(link, struct finality_tx, all);

		if (tx->blocked)
			finality_want(finality, tx);
	}
	finality->room = false;
}

bool finality_next(struct finality *finality, struct finality_action *out, int64_t now_s)
{
	finality_unblock(finality);
	while (finality->todo.next != &finality->todo) {
		struct finality_tx *tx = KEYED_OF(finality->todo.next, struct finality_tx, todo);

		memset(out, 0, sizeof(*out));
		out->txid = tx->txid;
		/* Our vote may be what decides it. */
		if (finality_own_vote(finality, out, tx, now_s)) {
			out->kind = FINALITY_SEND_VOTE;
		} else if (tx->state != FINALITY_PENDING && !tx->told) {
			tx->told = true;
			out->kind = tx->state == FINALITY_FINALIZED ? FINALITY_FINAL : FINALITY_REJECT;
		} else {
			finality_link_remove(&tx->todo);
			continue;
		}
		out->approvals = tx->approvals;
		out->rejections = tx->rejections;
		return true;
	}
	return false;
}

size_t finality_repeat(struct finality *finality, struct finality_vote *out, size_t max, int64_t age_s, int64_t now_s)
{
	struct finality_link *first = finality->repeat;
	size_t count = 0;

	do {
		const struct finality_tx *tx = KEYED_OF(finality->repeat, struct finality_tx, all);

		if (finality->repeat != &finality->all && tx->added && tx->state != FINALITY_REJECTED &&
		    now_s - tx->since_s >= age_s) {
			if (tx->cast_count > max - count && count > 0)
				break;
			for (uint32_t i = 0; i < tx->cast_count && count < max; i++)
				out[count++] = finality_vote_of(tx, &tx->casts[i]);
		}
		finality->repeat = finality->repeat->next;
	} while (finality->repeat != first);
	return count;
}

bool finality_vote_at(const struct finality *finality, struct finality_vote *out, const struct wire_hash *txid,
		      size_t index)
{
	const struct finality_tx *tx = finality_find(finality, txid);

	if (!tx || index >= tx->cast_count)
		return false;
	*out = finality_vote_of(tx, &tx->casts[index]);
	return true;
}

int finality_status(const struct finality *finality, struct finality_status *out, const struct wire_hash *txid)
{
	const struct finality_tx *tx = finality_find(finality, txid);
	const struct finality_own *own = finality_own_find(finality, txid);

	if (!tx)
		return FINALITY_E_UNKNOWN;
	*out = (struct finality_status){.state = tx->state,
					.approvals = tx->approvals,
					.rejections = tx->rejections,
					.voters = finality->voters,
					.quorum = finality->quorum,
					.added = tx->added,
					.voted = own != NULL,
					.approve = own && own->record.approve};
	return 0;
}

void finality_count(const struct finality *finality, struct finality_counts *out)
{
	*out = (struct finality_counts){.transactions = finality->added,
					.early = finality->txs.count - finality->added,
					.own = finality->owns.count,
					.locks = finality->locks.count};
}
