/* SPDX-License-Identifier: MIT
 *
 * Transactions on their way: from a peer or from ourselves into the pool, from there to peers, to those who vote, and
 *to everybody who wants to hear what becomes of them (PROTOCOL.md §3, §7).
 *
 *	transactions_submit()	signatures, pool, and then transactions_tell()
 *	transactions_tell()	works off events of the pool, whoever caused them: gossip, votes, subscribers, wallet
 *
 * A transaction is passed on once, by whoever inserted it.  A copy that was seen lately costs a look into a table: it
 *is neither decoded further nor verified again.
 *
 * Thread safety: any thread, between transactions_new() and transactions_free(), unless a function says otherwise.  No
 * lock of the caller may be held: both read the disk, and send.
 */
#ifndef TIMED_NODE_TRANSACTIONS_H
#define TIMED_NODE_TRANSACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/node/pool.h"

struct node;
struct notifier;
struct peer;
struct transactions;

/* 0 or -ENOMEM. */
int transactions_new(struct transactions **out, struct node *node) __attribute__((warn_unused_result));
void transactions_free(struct transactions *transactions);

/* Takes a transaction with everything that belongs to it.  `from`: who sent it, NULL for ourselves (RPC, wallet).
 * Returns what pool_insert() returns, POOL_E_RULE for a bad signature or form included; the result's text is for
 * people. What the chain or the pool cannot do (an enum store_error, -ENOMEM) is the caller's to report. */
int transactions_submit(struct transactions *transactions, struct pool_result *result,
			const struct wire_transaction *transaction, const struct wire_hash *txid, struct peer *from)
	__attribute__((warn_unused_result));
/* What transactions_submit() would say, but for POOL_E_FULL; changes nothing.  For testmempoolaccept. */
int transactions_try(struct transactions *transactions, struct pool_result *result,
		     const struct wire_transaction *transaction, const struct wire_hash *txid)
	__attribute__((warn_unused_result));
/* Tells the world what has happened in the pool, and empties nothing: the caller frees the events.  `except` (may be
 * NULL) is not sent the first that came in: it has sent it. */
void transactions_tell(struct transactions *transactions, const struct pool_events *events, const struct peer *except);

/* The chain has a new tip, and the pool follows it: `events` are those of its way, which were told.  Chain thread. */
void transactions_tip(struct transactions *transactions, const struct pool_events *events);

/* A new peer: is asked for its pool while we have few others to hear from.  Worker of the peer only, as the next. */
void transactions_greet(struct transactions *transactions, struct peer *peer);
/* It knows a transaction that we should know: is asked for its pool, unless it was a moment ago. */
void transactions_ask(struct transactions *transactions, struct peer *peer);

/* Who tells subscribed peers (src/node/notifier.h). */
struct notifier *transactions_notifier(struct transactions *transactions);
/* The subscriptions of a peer, and the orphans that it sent, end with its connection. */
void transactions_peer_gone(struct transactions *transactions, struct peer *peer);

#endif
