/* SPDX-License-Identifier: MIT
 *
 * Transactions on their way; see transactions.h.
 */
#include "timed/node/transactions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node_impl.h"
#include "notifier.h"
#include "seen.h"
#include "timed/net/frame.h"
#include "timed/node/consensus.h"
#include "timed/node/coins.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/schema.h"
#include "verify.h"

/* Transactions that workers have in hand, or have put into the pool lately. */
#define SEEN_COUNT 65536
#define SEEN_MS 60000
/* A peer is asked for its pool this often at most. */
#define ASKED_COUNT 4096
#define ASKED_MS 10000
/* With more peers than this, a new one's pool is no news. */
#define FEW_PEERS 3

struct transactions {
	struct node *node;
	struct seen *seen;  /* txids */
	struct seen *asked; /* ids of peers */
	struct notifier *notifier;
	struct log_limit limit; /* of lines that any peer's transactions may cause */
};

/* ---- telling ---- */

static void send_all(struct transactions *t, const struct wire_message *m, const struct peer *except)
{
	struct net *net = t->node->net;
	struct frame *frame;

	if (frame_encode(&frame, net_budget(net), m)) {
		log_limited(&t->limit, LOG_MEMPOOL, LOG_LEVEL_WARN, "No memory to pass on a %s",
			    wire_type_name(m->type));
		return;
	}
	(void)net_broadcast(net, frame, SEND_GOSSIP, except);
	frame_unref(frame);
}

static void send_rejected(struct transactions *t, const struct pool_event *event)
{
	char text[HASH_TEXT_SIZE], cause[HASH_TEXT_SIZE], reason[160];
	struct wire_message m = {.type = WIRE_TRANSACTION_REJECTED};
	int len;

	hash_text(cause, &event->cause);
	if (hash_equal(&event->cause, &event->tx->txid))
		len = snprintf(reason, sizeof(reason), "the masternodes rejected it");
	else
		len = snprintf(reason, sizeof(reason), "the masternodes rejected %s, on which it stands", cause);
	log_info(LOG_MEMPOOL, "Transaction %s is rejected: %s", hash_text(text, &event->tx->txid), reason);
	m.u.transaction_rejected = (struct wire_transaction_rejected){event->tx->txid, {reason, (size_t)len}};
	send_all(t, &m, NULL);
}

static void send_finalized(struct transactions *t, const struct pool_event *event)
{
	struct wire_message m = {.type = WIRE_TRANSACTION_FINALIZED,
				 .u.transaction_finalized = {event->tx->txid, event->votes}};
	char text[HASH_TEXT_SIZE];

	log_info(LOG_MEMPOOL, "Transaction %s is final: %" PRIu32 " votes", hash_text(text, &event->tx->txid),
		 event->votes);
	send_all(t, &m, NULL);
}

static void tell_peers(struct transactions *t, const struct pool_event *event, const struct peer *except)
{
	struct wire_message m = {.type = WIRE_TRANSACTION_BROADCAST, .u.transaction_broadcast = event->tx->transaction};

	switch (event->kind) {
	case POOL_ADDED:
		send_all(t, &m, except);
		return;
	case POOL_NOW_FINAL:
		send_finalized(t, event);
		return;
	case POOL_REJECTED:
		send_rejected(t, event);
		return;
	case POOL_RETURNED:
	case POOL_CONFIRMED:
	case POOL_EVICTED:
	case POOL_EXPIRED:
	case POOL_CONFLICTED:
		return;
	}
}

/* Everybody who lives on events of the pool is told here, and nowhere else. */
void transactions_tell(struct transactions *t, const struct pool_events *events, const struct peer *except)
{
	for (const struct pool_event *e = events->first; e; e = e->next) {
		char text[HASH_TEXT_SIZE];

		log_debug(LOG_MEMPOOL, "Transaction %s: %s", hash_text(text, &e->tx->txid), pool_event_name(e->kind));
		counters_pool_event(&t->node->counters, e);
		tell_peers(t, e, except);
		notifier_event(t->notifier, e);
		/* The first that came is the one that `except` sent; those that waited for it came from anybody. */
		if (e->kind == POOL_ADDED) {
			except = NULL;
			coins_note(t->node->coins, &e->tx->transaction);
		}
	}
	if (t->node->consensus)
		consensus_pool_events(t->node->consensus, events);
}

void transactions_tip(struct transactions *t, const struct pool_events *events)
{
	notifier_blocks(t->notifier, events);
}

/* ---- asking ---- */

void transactions_ask(struct transactions *t, struct peer *peer)
{
	static const struct wire_message m = {.type = WIRE_GET_PENDING_TRANSACTIONS};
	uint64_t id = peer_id(peer);

	if (seen_add(t->asked, seen_hash(t->asked, &id, sizeof(id)), clock_mono_ms()) &&
	    peer_request(peer, REQUEST_TRANSACTIONS, 0, &m))
		peer_fence(peer);
}

void transactions_greet(struct transactions *t, struct peer *peer)
{
	if (net_ready_count(t->node->net) <= FEW_PEERS)
		transactions_ask(t, peer);
}

/* ---- taking ---- */

static int check_signatures(struct transactions *t, struct pool_result *result,
			    const struct pool_submission *submission)
{
	struct verify *verify = t->node->verify;

	if (verify_is_known(verify, submission->txid))
		return 0;
	if (transaction_check_signatures(&result->fault, submission->transaction, submission->txid, -1))
		return POOL_E_RULE;
	verify_remember(verify, submission->txid);
	return 0;
}

/* What is cheap to find out comes first: signatures are the dearest. */
static int examine(struct transactions *t, struct pool_result *result, const struct pool_submission *submission)
{
	int r, signatures;

	*result = (struct pool_result){.size = 0};
	r = pool_try(t->node->pool, result, submission);
	if (r != 0 && r != POOL_E_ORPHAN && r != POOL_E_CONFLICT)
		return r;
	signatures = check_signatures(t, result, submission);
	return signatures ? signatures : r;
}

static int insert(struct transactions *t, struct pool_result *result, const struct pool_submission *submission,
		  const struct peer *from)
{
	struct pool_events events;
	int r;

	pool_events_init(&events);
	r = pool_insert(t->node->pool, result, &events, submission);
	/* Even one that is refused may have moved others. */
	transactions_tell(t, &events, r ? NULL : from);
	pool_events_free(&events);
	return r;
}

static void log_outcome(struct transactions *t, int outcome, const struct pool_result *result,
			const struct wire_hash *txid, const struct peer *from)
{
	const char *source = from ? peer_ip_text(from) : "ourselves";
	char text[HASH_TEXT_SIZE];

	hash_text(text, txid);
	if (!outcome)
		log_write(LOG_MEMPOOL, from ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			  "Transaction %s from %s is in the pool: %zu bytes, fee %" PRIu64, text, source, result->size,
			  result->fee);
	else if (outcome >= POOL_E_RULE)
		log_debug(LOG_MEMPOOL, "Transaction %s from %s is not taken: %s: %s", text, source,
			  pool_outcome_name(outcome), result->fault.text);
	else
		log_limited(&t->limit, LOG_MEMPOOL, LOG_LEVEL_ERROR, "Transaction %s from %s cannot be looked at: %s",
			    text, source, outcome < 0 ? strerror(-outcome) : store_error_name(outcome));
}

int transactions_submit(struct transactions *t, struct pool_result *result, const struct wire_transaction *transaction,
			const struct wire_hash *txid, struct peer *from)
{
	const struct pool_submission submission = {
		.transaction = transaction,
		.txid = txid,
		.peer = from ? peer_ip(from) : NULL,
		.now_s = clock_real_s(),
	};
	uint64_t hash = seen_hash(t->seen, txid, sizeof(*txid));
	int r;

	if (from && !seen_add(t->seen, hash, clock_mono_ms())) {
		*result = (struct pool_result){.fault.text = "it was seen a moment ago"};
		return POOL_E_KNOWN;
	}
	r = examine(t, result, &submission);
	if (!r || r == POOL_E_ORPHAN)
		r = insert(t, result, &submission, from);
	/* Its signatures are right: two spenders are really at odds. */
	if (r == POOL_E_CONFLICT && t->node->consensus)
		consensus_conflict(t->node->consensus, txid, &result->outpoint);
	/* What is refused now may be right later. */
	if (r && from)
		seen_forget(t->seen, hash);
	log_outcome(t, r, result, txid, from);
	if (from && (r == POOL_E_RULE || r == POOL_E_COINBASE))
		peer_violation(from, result->fault.text);
	return r;
}

int transactions_try(struct transactions *t, struct pool_result *result, const struct wire_transaction *transaction,
		     const struct wire_hash *txid)
{
	const struct pool_submission submission = {.transaction = transaction, .txid = txid, .now_s = clock_real_s()};

	return examine(t, result, &submission);
}

void transactions_peer_gone(struct transactions *t, struct peer *peer)
{
	notifier_peer_gone(t->notifier, peer);
	pool_forget_peer(t->node->pool, peer_ip(peer));
}

struct notifier *transactions_notifier(struct transactions *t)
{
	return t->notifier;
}

int transactions_new(struct transactions **out, struct node *node)
{
	struct transactions *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->node = node;
	if (seen_new(&t->seen, SEEN_COUNT, SEEN_MS) || seen_new(&t->asked, ASKED_COUNT, ASKED_MS) ||
	    notifier_new(&t->notifier, node)) {
		transactions_free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void transactions_free(struct transactions *t)
{
	if (!t)
		return;
	notifier_free(t->notifier);
	seen_free(t->asked);
	seen_free(t->seen);
	free(t);
}
