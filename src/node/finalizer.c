// SPDX-License-Identifier: MIT
/* Votes on transactions: see finalizer.h.  What leaves is in finalizer_send.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "consensus_impl.h"
#include "finalizer_impl.h"
#include "node_impl.h"
#include "timed/node/pool_query.h"
#include "timed/util/clock.h"
#include "timed/util/siphash.h"
#include "timeproto/chain/digest.h"

/* Between walks through what expires, and through the pool. */
#define EXPIRE_MS 60000

/* ---- voters ---- */

static void voters_free(struct finalizer_voters *voters)
{
	free(voters->keys);
	free(voters->addresses);
	free(voters->text);
	*voters = (struct finalizer_voters){.own = -1};
}

static int voters_copy(struct finalizer_voters *out, const struct wire_key *keys, const struct wire_str *addresses,
		       uint32_t count, int32_t own)
{
	size_t bytes = 1, at = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += addresses[i].len;
	out->keys = calloc((size_t)count + 1, sizeof(out->keys[0]));
	out->addresses = calloc((size_t)count + 1, sizeof(out->addresses[0]));
	out->text = malloc(bytes);
	if (!out->keys || !out->addresses || !out->text) {
		voters_free(out);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		out->keys[i] = keys[i];
		if (addresses[i].len > 0)
			memcpy(out->text + at, addresses[i].ptr, addresses[i].len);
		out->addresses[i] = (struct wire_str){out->text + at, addresses[i].len};
		at += addresses[i].len;
	}
	out->count = count;
	out->own = own;
	return 0;
}

static bool same_address(const struct wire_str *a, const struct wire_str *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0);
}

static bool voters_equal(const struct finalizer_voters *a, const struct finalizer_voters *b)
{
	if (a->count != b->count || a->own != b->own)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		if (memcmp(&a->keys[i], &b->keys[i], sizeof(a->keys[i])) != 0 ||
		    !same_address(&a->addresses[i], &b->addresses[i]))
			return false;
	}
	return true;
}

/* Whether this voter was known by another address. */
static bool voter_moved(const struct finalizer_voters *before, const struct finalizer_voters *now, uint32_t i)
{
	for (uint32_t k = 0; k < before->count; k++) {
		if (memcmp(&before->keys[k], &now->keys[i], sizeof(now->keys[i])) == 0)
			return !same_address(&before->addresses[k], &now->addresses[i]);
	}
	return false;
}

/* A vote is signed with its voter's address, so that those of who has moved are of no use any more: he goes, and then
 * comes anew. */
static int drop_moved(struct finalizer *f, const struct finalizer_voters *now)
{
	struct wire_key *keys = malloc(((size_t)now->count + 1) * sizeof(keys[0]));
	int32_t own = -1;
	uint32_t stay = 0;
	int r = 0;

	if (!keys)
		return -ENOMEM;
	for (uint32_t i = 0; i < now->count; i++) {
		if (voter_moved(&f->voters, now, i))
			continue;
		if ((int32_t)i == now->own)
			own = (int32_t)stay;
		keys[stay++] = now->keys[i];
	}
	if (stay < now->count)
		r = finality_set_voters(f->machine, keys, stay, own);
	free(keys);
	return r;
}

int finalizer_set_voters(struct finalizer *f, const struct wire_key *keys, const struct wire_str *addresses,
			 uint32_t count, int32_t own)
{
	struct finalizer_voters now = {.own = -1};
	int r = voters_copy(&now, keys, addresses, count, own);

	if (!r && voters_equal(&f->voters, &now)) {
		voters_free(&now);
		return 0;
	}
	if (!r)
		r = drop_moved(f, &now);
	if (!r)
		r = finality_set_voters(f->machine, keys, count, own);
	if (r) {
		voters_free(&now);
		return r;
	}
	voters_free(&f->voters);
	f->voters = now;
	return 0;
}

/* Called by the machine; the record is not on the disk yet, and the vote leaves when it is. */
static void sign(void *user, struct finality_vote *vote)
{
	struct finalizer *f = user;
	struct wire_transaction_vote wire;
	uint8_t message[DIGEST_TRANSACTION_VOTE_MAX];
	size_t len;

	finalizer_wire_vote(f, &wire, vote);
	len = digest_transaction_vote(message, &wire);
	CHECK(len > 0);
	wallet_sign(f->node->wallet, &vote->signature, message, len);
}

/* ---- life ---- */

void finalizer_params(struct finality_params *out, const struct config *config)
{
	finality_params_init(out);
	out->vote_s = config->timers.tx_vote_ms / 1000;
	out->lock_s = config->timers.tx_lock_ms / 1000;
}

int finalizer_new(struct finalizer **out, struct node *node, struct votes_file *votes)
{
	struct finalizer *f = calloc(1, sizeof(*f));
	struct finality_params params;
	struct siphash_key seed;
	int r;

	if (!f)
		return -ENOMEM;
	f->node = node;
	f->votes = votes;
	f->voters.own = -1;
	f->repeat_at_ms = clock_mono_ms() + node->config->consensus.repeat_ms;
	f->expire_at_ms = clock_mono_ms() + EXPIRE_MS;
	finalizer_params(&params, node->config);
	if (params.max_transactions < node->config->limits.pool_count)
		params.max_transactions = node->config->limits.pool_count;
	siphash_key_random(&seed);
	params.seed[0] = seed.k0;
	params.seed[1] = seed.k1;
	params.sign = sign;
	params.user = f;
	r = finality_new(&f->machine, &params);
	if (r) {
		finalizer_free(f);
		return r;
	}
	*out = f;
	return 0;
}

void finalizer_free(struct finalizer *f)
{
	if (!f)
		return;
	finalizer_drop_output(f);
	finality_free(f->machine);
	voters_free(&f->voters);
	log_limit_finish(&f->limit, LOG_CONSENSUS);
	free(f->outpoints);
	free(f->adopted.items);
	free(f->marks.items);
	free(f->rejects.items);
	free(f->frames.items);
	free(f->requests.items);
	free(f);
}

void finalizer_set_file(struct finalizer *f, struct votes_file *votes)
{
	f->votes = votes;
}

/* Whether a block holds it, and which. */
static bool is_in_block(const struct finalizer *f, uint64_t *height, const struct wire_hash *txid)
{
	struct chain_view *view = chain_thread_take_view(f->node->chain);
	uint32_t position;
	int r = chain_view_transaction(view, height, &position, txid);

	chain_view_unref(view);
	return r == 0;
}

/* Only a certificate sees to it that a block is never undone.  Our votes on what another one holds still count, and if
 * it is undone we must remember them. */
static bool settles(const struct finalizer *f, uint64_t height)
{
	return block_needs_certificate(&f->node->chain_params, height);
}

int finalizer_restore(struct finalizer *f, const struct votes_finality *entry)
{
	uint64_t height;
	bool included = is_in_block(f, &height, &entry->record.txid);
	int r;

	/* The file still tells of what a block has settled since it was written anew. */
	if (included && settles(f, height))
		return 0;
	r = finality_restore(f->machine, &entry->record, entry->outpoints, entry->count, clock_real_s());
	if (!r && included)
		finality_included(f->machine, &entry->record.txid);

	switch (r) {
	case FINALITY_E_KNOWN:
		return 0;
	case FINALITY_E_FULL:
		return -ENOSPC;
	default:
		return r;
	}
}

bool finalizer_binds(struct finalizer *f, const struct finality_record *record)
{
	return finality_bound(f->machine, &record->txid);
}

void finalizer_count(const struct finalizer *f, struct finality_counts *out, uint32_t *voters)
{
	finality_count(f->machine, out);
	*voters = f->voters.count;
}

/* ---- what is in the pool ---- */

void *finalizer_grow(struct finalizer_list *list, void *items, size_t size)
{
	size_t capacity = list->capacity ? 2 * list->capacity : 16;
	void *grown;

	if (list->count < list->capacity)
		return items;
	grown = realloc(items, capacity * size);
	if (!grown)
		return items;
	list->capacity = capacity;
	return grown;
}

static void decide_final(struct finalizer *f, const struct wire_hash *txid, uint32_t approvals)
{
	/* the machine says so once; the next walk through the pool finds what is lost here */
	if (!FINALIZER_GROW(&f->marks)) {
		f->behind = true;
		return;
	}
	f->marks.items[f->marks.list.count++] = (struct pool_mark){.txid = *txid, .votes = approvals};
}

static void decide_reject(struct finalizer *f, const struct wire_hash *txid)
{
	if (!FINALIZER_GROW(&f->rejects)) {
		f->behind = true;
		return;
	}
	f->rejects.items[f->rejects.list.count++] = *txid;
}

/* What it spends, in f->outpoints. */
static bool list_outpoints(struct finalizer *f, const struct pool_tx *tx)
{
	const struct wire_tx_input_list *inputs = &tx->transaction.inputs;

	if (inputs->len > f->outpoint_capacity) {
		struct wire_outpoint *grown = realloc(f->outpoints, inputs->len * sizeof(grown[0]));

		if (!grown)
			return false;
		f->outpoints = grown;
		f->outpoint_capacity = inputs->len;
	}
	for (size_t i = 0; i < inputs->len; i++)
		f->outpoints[i] = inputs->items[i].previous_output;
	return true;
}

/* How the vote on it stands, for the pool. */
static void note(struct finalizer *f, const struct wire_hash *txid)
{
	struct finality_status status;

	if (!finality_status(f->machine, &status, txid) && status.added)
		pool_note_votes(f->node->pool, txid, status.approvals, status.voters);
}

/* The pool has it.  When that is no news, what was decided may not have reached the pool: it was not there then. */
static void place(struct finalizer *f, const struct pool_info *info)
{
	const struct wire_hash *txid = &info->tx->txid;
	struct finality_status status;
	int r = -ENOMEM;

	if (list_outpoints(f, info->tx))
		r = finality_add(f->machine, txid, f->outpoints, info->tx->transaction.inputs.len, clock_real_s());
	if (!r)
		note(f, txid);
	else if (r != FINALITY_E_KNOWN)
		f->behind = true;
	if (r != FINALITY_E_KNOWN || info->finalized || finality_status(f->machine, &status, txid))
		return;
	switch (status.state) {
	case FINALITY_PENDING:
		break;
	case FINALITY_FINALIZED:
		decide_final(f, txid, status.approvals);
		break;
	case FINALITY_REJECTED:
		decide_reject(f, txid);
		break;
	}
}

void finalizer_load(struct finalizer *f)
{
	struct pool_list list;

	f->behind = false;
	if (pool_list(f->node->pool, &list, POOL_ALL)) {
		f->behind = true;
		return;
	}
	for (size_t i = 0; i < list.count; i++)
		place(f, &list.items[i]);
	pool_list_free(&list);
}

/* The pool does not have it. */
static void leave(struct finalizer *f, const struct pool_event *event)
{
	switch (event->kind) {
	case POOL_ADDED:
	case POOL_RETURNED:
	case POOL_NOW_FINAL:
		/* what took it away again has its own event */
		break;
	case POOL_CONFIRMED:
		if (settles(f, event->height))
			finality_settled(f->machine, &event->tx->txid);
		else
			finality_included(f->machine, &event->tx->txid);
		break;
	case POOL_REJECTED:
		finality_voided(f->machine, &event->tx->txid);
		break;
	case POOL_CONFLICTED:
		/* what it spends may come back, or the block that conflicts be undone */
		if (event->height > 0 && settles(f, event->height))
			finality_voided(f->machine, &event->tx->txid);
		else
			finality_dropped(f->machine, &event->tx->txid);
		break;
	case POOL_EVICTED:
	case POOL_EXPIRED:
		finality_dropped(f->machine, &event->tx->txid);
		break;
	}
}

void finalizer_on_event(struct finalizer *f, const struct pool_event *event)
{
	struct pool_info info;

	if (event->kind == POOL_NOW_FINAL)
		return;
	if (pool_find(f->node->pool, &info, &event->tx->txid)) {
		leave(f, event);
		return;
	}
	place(f, &info);
	pool_info_free(&info);
}

void finalizer_on_conflict(struct finalizer *f, const struct wire_hash *txid, const struct wire_outpoint *outpoint)
{
	/* whatever it answers, there is nothing more to do */
	if (finality_conflict(f->machine, txid, outpoint, clock_real_s()))
		return;
}

void finalizer_on_block(struct finalizer *f, const struct wire_block *block, const struct block_ids *ids)
{
	bool settled = settles(f, block->header.height);

	for (size_t i = 0; i < block->transactions.len; i++) {
		const struct wire_tx_input_list *inputs = &block->transactions.items[i].inputs;

		if (!settled) {
			finality_included(f->machine, &ids->txids[i]);
			continue;
		}
		finality_settled(f->machine, &ids->txids[i]);
		for (size_t k = 0; k < inputs->len; k++)
			finality_spent(f->machine, &inputs->items[k].previous_output);
	}
}

/* ---- votes ---- */

/* Into the file; with what it locks, as far as that is known. */
static int record(struct finalizer *f, const struct finality_record *record)
{
	struct votes_finality entry = {.record = *record};
	struct pool_info info;
	bool listed = true;

	if (record->approve && !pool_find(f->node->pool, &info, &record->txid)) {
		listed = list_outpoints(f, info.tx);
		entry.outpoints = f->outpoints;
		entry.count = info.tx->transaction.inputs.len;
		pool_info_free(&info);
	}
	return listed ? votes_add_finality(f->votes, &entry) : -ENOMEM;
}

/* A vote of ours that we did not know, since the file was lost: it binds us from now on, and so it must not be lost
 * again.  While we observe without a file there must be none; the record waits until we sign. */
static void adopt(struct finalizer *f, const struct finality_vote *vote)
{
	struct finality_record adopted = {.txid = vote->txid, .approve = vote->approve, .timestamp = vote->timestamp};
	int r = 0;

	if (f->signing || (f->votes && votes_size(f->votes) > 0))
		r = record(f, &adopted);
	else if (FINALIZER_GROW(&f->adopted))
		f->adopted.items[f->adopted.list.count++] = adopted;
	else
		r = -ENOMEM;
	if (r && !f->error)
		f->error = r;
}

void finalizer_set_signing(struct finalizer *f, bool on)
{
	int r = 0;

	if (on && !f->signing) {
		for (size_t i = 0; i < f->adopted.list.count && !r; i++) {
			if (finality_bound(f->machine, &f->adopted.items[i].txid))
				r = record(f, &f->adopted.items[i]);
		}
		f->adopted.list.count = 0;
	}
	if (r && !f->error)
		f->error = r;
	f->signing = on;
	finality_set_signing(f->machine, on);
}

int finalizer_on_vote(struct finalizer *f, const struct finality_vote *vote, struct peer *from)
{
	bool ours = f->voters.own >= 0 && vote->voter == (uint32_t)f->voters.own;
	bool known = finality_bound(f->machine, &vote->txid);
	struct finality_status status;
	uint64_t height;
	int r;

	/* It would take the place of what has not come yet. */
	if (finality_status(f->machine, &status, &vote->txid) && is_in_block(f, &height, &vote->txid))
		return FINALITY_E_KNOWN;
	r = finality_vote(f->machine, vote, clock_real_s());
	if (r == FINALITY_E_CONTRADICTS) {
		char text[HASH_TEXT_SIZE];

		log_limited(&f->limit, LOG_CONSENSUS, LOG_LEVEL_WARN,
			    "Masternode %.*s has voted both ways on transaction %s; its first vote counts",
			    (int)f->voters.addresses[vote->voter].len, f->voters.addresses[vote->voter].ptr,
			    hash_text(text, &vote->txid));
	}
	if (r)
		return r;
	if (ours && !known && finality_bound(f->machine, &vote->txid))
		adopt(f, vote);
	note(f, &vote->txid);
	finalizer_queue_vote(f, vote, SEND_GOSSIP, from);
	return 0;
}

/* One of ours: in the file before anybody hears of it. */
static int take_own(struct finalizer *f, const struct finality_action *action)
{
	struct votes_finality entry = {
		.record = action->record, .outpoints = action->outpoints, .count = action->outpoint_count};
	int r;

	CHECK(f->votes != NULL);
	r = votes_add_finality(f->votes, &entry);
	if (r)
		return r;
	note(f, &action->txid);
	if (f->node->consensus)
		consensus_know_vote(f->node->consensus, &action->vote, &f->voters.keys[action->vote.voter]);
	finalizer_queue_vote(f, &action->vote, SEND_CONSENSUS, NULL);
	return 0;
}

int finalizer_decide(struct finalizer *f)
{
	struct finality_action action;
	int64_t now_s = clock_real_s();

	while (!f->error && finality_next(f->machine, &action, now_s)) {
		switch (action.kind) {
		case FINALITY_SEND_VOTE:
			f->error = take_own(f, &action);
			break;
		case FINALITY_FINAL:
			decide_final(f, &action.txid, action.approvals);
			break;
		case FINALITY_REJECT:
			decide_reject(f, &action.txid);
			break;
		}
	}
	return f->error;
}

/* ---- time ---- */

void finalizer_tick(struct finalizer *f, int64_t now_ms)
{
	bool expire = now_ms >= f->expire_at_ms;

	if (now_ms >= f->repeat_at_ms) {
		f->repeat = true;
		f->repeat_at_ms = now_ms + f->node->config->consensus.repeat_ms;
	}
	if (expire) {
		f->expire_at_ms = now_ms + EXPIRE_MS;
		finality_expire(f->machine, clock_real_s());
	}
	if (expire || (f->repeat && f->behind))
		finalizer_load(f);
}

int64_t finalizer_deadline_ms(const struct finalizer *f)
{
	struct finality_counts counts;

	finality_count(f->machine, &counts);
	if ((counts.transactions == 0 && !f->behind) || f->expire_at_ms < f->repeat_at_ms)
		return f->expire_at_ms;
	return f->repeat_at_ms;
}
