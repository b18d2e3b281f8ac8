/* SPDX-License-Identifier: MIT
 *
 * Notifications of subscribers; see notifier.h.
 */
#include "notifier.h"

#include <errno.h>
#include <stdlib.h>

#include "node_impl.h"
#include "subscriptions.h"
#include "timed/net/frame.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "utxo_state.h"

/* After a longer way the blocks in between are not told one by one. */
#define TOLD_BLOCKS 128
/* A decoded block and its hashes. */
#define BLOCK_BYTES ((size_t)64 << 20)
/* One output. */
#define STATE_BYTES ((size_t)1 << 20)

struct notifier {
	struct node *node;
	struct subscriptions *subscriptions;

	/* Chain thread. */
	struct wire_hash told[TOLD_BLOCKS]; /* blocks that were told of, by height; zero: none */
};

/* ---- sending ---- */

static void send_to(struct notifier *n, const struct subscribers *to, const struct wire_outpoint *outpoint,
		    const struct wire_utxo_state *state, int64_t at_s)
{
	struct wire_message m = {.type = WIRE_UTXO_STATE_NOTIFICATION,
				 .u.utxo_state_notification = {*outpoint, *state, at_s}};
	struct frame *frame;

	if (frame_encode(&frame, net_budget(n->node->net), &m))
		return;
	for (size_t i = 0; i < to->count; i++)
		(void)peer_send(to->items[i], frame, SEND_GOSSIP);
	frame_unref(frame);
}

/* `script` may be NULL: not known. */
static void tell(struct notifier *n, const struct wire_outpoint *outpoint, const struct wire_bytes *script,
		 const struct wire_utxo_state *state, int64_t at_s)
{
	struct subscribers to;

	subscriptions_match(n->subscriptions, &to, outpoint, script);
	if (to.count > 0)
		send_to(n, &to, outpoint, state, at_s);
	subscribers_free(&to);
}

/* The state as it is now; false: unknown. */
static bool find_state(struct notifier *n, struct wire_utxo_state *out, const struct wire_outpoint *outpoint)
{
	struct wire_outpoint asked = *outpoint;
	struct wire_outpoint_list list = {&asked, 1};
	struct wire_outpoint_state_list found;
	struct arena arena;

	arena_init(&arena, STATE_BYTES, NULL);
	utxo_states(n->node, &found, &arena, &list);
	if (found.len > 0)
		*out = found.items[0].state;
	arena_free(&arena);
	return found.len > 0;
}

/* ---- the pool ---- */

static void tell_spent(struct notifier *n, const struct pool_tx *tx, const struct wire_utxo_state *state, int64_t at_s)
{
	for (size_t i = 0; i < tx->transaction.inputs.len; i++)
		tell(n, &tx->transaction.inputs.items[i].previous_output, tx->coins ? &tx->coins[i].script : NULL,
		     state, at_s);
}

static void tell_made(struct notifier *n, const struct wire_transaction *tx, const struct wire_hash *txid, int64_t at_s)
{
	static const struct wire_utxo_state unspent = {.tag = WIRE_UTXO_UNSPENT};

	for (size_t i = 0; i < tx->outputs.len; i++) {
		struct wire_outpoint outpoint = {*txid, (uint32_t)i};

		tell(n, &outpoint, &tx->outputs.items[i].script_pubkey, &unspent, at_s);
	}
}

static struct wire_utxo_state pending_state(const struct pool_event *event)
{
	return (struct wire_utxo_state){
		.tag = WIRE_UTXO_SPENT_PENDING,
		.u.spent_pending = {.txid = event->tx->txid, .votes = event->votes, .spent_at = event->at_s}};
}

static struct wire_utxo_state finalized_state(const struct pool_event *event)
{
	return (struct wire_utxo_state){
		.tag = WIRE_UTXO_SPENT_FINALIZED,
		.u.spent_finalized = {.txid = event->tx->txid, .finalized_at = event->at_s, .votes = event->votes}};
}

/* It has gone: what it would have spent is as it is without it, or was never there. */
static void tell_freed(struct notifier *n, const struct pool_event *event)
{
	const struct pool_tx *tx = event->tx;

	for (size_t i = 0; i < tx->transaction.inputs.len; i++) {
		const struct wire_outpoint *outpoint = &tx->transaction.inputs.items[i].previous_output;
		struct wire_utxo_state state;
		struct subscribers to;

		subscriptions_match(n->subscriptions, &to, outpoint, tx->coins ? &tx->coins[i].script : NULL);
		if (to.count > 0 && find_state(n, &state, outpoint))
			send_to(n, &to, outpoint, &state, event->at_s);
		subscribers_free(&to);
	}
}

void notifier_event(struct notifier *n, const struct pool_event *event)
{
	struct wire_utxo_state state;

	if (subscriptions_count(n->subscriptions) == 0)
		return;
	switch (event->kind) {
	case POOL_ADDED:
	case POOL_RETURNED:
		state = event->finalized ? finalized_state(event) : pending_state(event);
		tell_spent(n, event->tx, &state, event->at_s);
		return;
	case POOL_NOW_FINAL:
		state = finalized_state(event);
		tell_spent(n, event->tx, &state, event->at_s);
		tell_made(n, &event->tx->transaction, &event->tx->txid, event->at_s);
		return;
	case POOL_REJECTED:
	case POOL_EVICTED:
	case POOL_EXPIRED:
	case POOL_CONFLICTED:
		tell_freed(n, event);
		return;
	case POOL_CONFIRMED: /* with its block */
		return;
	}
}

/* ---- blocks ---- */

/* The next event, from `e` on, of a transaction that a block took out of the pool. */
static const struct pool_event *next_confirmed(const struct pool_event *e)
{
	while (e && e->kind != POOL_CONFIRMED)
		e = e->next;
	return e;
}

/* `event` is the transaction's, if it was in the pool: then its coins are known, and its outputs may be old news. */
static void tell_transaction(struct notifier *n, const struct wire_block *block, const struct wire_transaction *tx,
			     const struct wire_hash *txid, const struct pool_event *event)
{
	const struct wire_utxo_state state = {
		.tag = WIRE_UTXO_CONFIRMED,
		.u.confirmed = {*txid, block->header.height, block->header.timestamp},
	};

	for (size_t i = 0; i < tx->inputs.len; i++)
		tell(n, &tx->inputs.items[i].previous_output,
		     event && event->tx->coins ? &event->tx->coins[i].script : NULL, &state, block->header.timestamp);
	if (!event || !event->finalized)
		tell_made(n, tx, txid, block->header.timestamp);
}

/* 0, or the block cannot be read: those who connected it will have said so. */
static int tell_block(struct notifier *n, struct chain_view *view, uint64_t height, const struct pool_event **events)
{
	struct wire_block block;
	struct block_ids ids;
	struct arena arena;
	int r;

	arena_init(&arena, BLOCK_BYTES, NULL);
	r = chain_view_block(view, &block, &arena, height);
	if (!r)
		r = block_identify(&ids, &arena, &block);
	for (size_t i = 0; !r && i < block.transactions.len; i++) {
		const struct pool_event *e = *events;
		bool pooled = e && hash_equal(&e->tx->txid, &ids.txids[i]);

		tell_transaction(n, &block, &block.transactions.items[i], &ids.txids[i], pooled ? e : NULL);
		/* The pool goes through the same blocks in the same order. */
		if (pooled)
			*events = next_confirmed(e->next);
	}
	if (!r)
		n->told[height % TOLD_BLOCKS] = ids.hash;
	arena_free(&arena);
	return r;
}

/* The first block that was not told of; above the tip when there is none, or it is too far back. */
static uint64_t first_untold(struct notifier *n, struct chain_view *view)
{
	uint64_t tip = chain_view_summary(view)->tip.height;
	struct wire_hash hash;

	for (uint64_t h = tip;; h--) {
		if (chain_view_hash(view, &hash, h))
			return tip + 1;
		if (hash_equal(&n->told[h % TOLD_BLOCKS], &hash))
			return h + 1;
		if (h == 0 || tip - h == TOLD_BLOCKS - 1)
			return tip + 1;
	}
}

void notifier_blocks(struct notifier *n, const struct pool_events *events)
{
	const struct pool_event *confirmed = next_confirmed(events->first);
	struct chain_view *view = chain_thread_take_view(n->node->chain);
	const struct chain_point *tip = &chain_view_summary(view)->tip;

	if (subscriptions_count(n->subscriptions) > 0) {
		for (uint64_t h = first_untold(n, view); h <= tip->height; h++) {
			if (tell_block(n, view, h, &confirmed))
				break;
		}
	}
	n->told[tip->height % TOLD_BLOCKS] = tip->hash;
	chain_view_unref(view);
}

/* ---- peers ---- */

enum message_verdict notifier_subscribe(struct notifier *n, struct peer *peer, const struct wire_subscribe *wanted)
{
	int r = subscriptions_add(n->subscriptions, peer, wanted);

	if (r)
		log_limited(peer_log_limit(peer), LOG_MEMPOOL, LOG_LEVEL_INFO,
			    "%s may not subscribe to %zu addresses and %zu outpoints: %s", peer_ip_text(peer),
			    wanted->addresses.len, wanted->outpoints.len,
			    r == SUBSCRIPTIONS_E_PEER  ? "too many for one peer"
			    : r == SUBSCRIPTIONS_E_ALL ? "too many for all peers together"
						       : "out of memory");
	else
		log_debug(LOG_MEMPOOL, "%s has subscribed to %zu addresses and %zu outpoints", peer_ip_text(peer),
			  wanted->addresses.len, wanted->outpoints.len);
	return MESSAGE_USELESS; /* so many a minute */
}

enum message_verdict notifier_unsubscribe(struct notifier *n, struct peer *peer, const struct wire_str *id)
{
	if (subscriptions_remove(n->subscriptions, peer, id))
		log_debug(LOG_MEMPOOL, "%s has ended a subscription", peer_ip_text(peer));
	return MESSAGE_USELESS;
}

void notifier_peer_gone(struct notifier *n, struct peer *peer)
{
	subscriptions_drop(n->subscriptions, peer);
}

static bool is_being_spent(const struct wire_utxo_state *state)
{
	return state->tag == WIRE_UTXO_LOCKED || state->tag == WIRE_UTXO_SPENT_PENDING;
}

enum message_verdict notifier_claim(struct notifier *n, struct peer *from, const struct wire_outpoint *outpoint,
				    const struct wire_utxo_state *state)
{
	struct wire_utxo_state now = {.tag = WIRE_UTXO_STATE_COUNT}; /* unknown */
	struct subscribers to;

	if (!is_being_spent(state))
		return MESSAGE_USELESS;
	subscriptions_match(n->subscriptions, &to, outpoint, NULL);
	if (to.count > 0 && find_state(n, &now, outpoint) && now.tag == WIRE_UTXO_UNSPENT) {
		log_debug(LOG_MEMPOOL, "%s says that an output is being spent which peers have subscribed to",
			  peer_ip_text(from));
		send_to(n, &to, outpoint, state, clock_real_s());
	}
	subscribers_free(&to);
	return MESSAGE_USELESS;
}

/* ---- life ---- */

int notifier_new(struct notifier **out, struct node *node)
{
	const struct subscriptions_params params = {node->config->limits.subscribed_per_peer,
						    node->config->limits.subscribed};
	struct notifier *n = calloc(1, sizeof(*n));
	const struct chain_point *tip;
	struct chain_view *view;

	if (!n)
		return -ENOMEM;
	n->node = node;
	if (subscriptions_new(&n->subscriptions, &params)) {
		free(n);
		return -ENOMEM;
	}
	view = chain_thread_take_view(node->chain);
	tip = &chain_view_summary(view)->tip;
	n->told[tip->height % TOLD_BLOCKS] = tip->hash;
	chain_view_unref(view);
	*out = n;
	return 0;
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	subscriptions_free(n->subscriptions);
	free(n);
}
