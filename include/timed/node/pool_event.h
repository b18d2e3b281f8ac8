/* SPDX-License-Identifier: MIT
 *
 * Transactions of the pool as others see them, and what happens to them; see pool.h.
 *
 * Thread safety: a transaction is immutable and counted; a list of events belongs to one thread at a time.
 */
#ifndef TIMED_NODE_POOL_EVENT_H
#define TIMED_NODE_POOL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/rules.h"

/* Immutable. */
struct pool_tx {
	struct wire_hash txid;
	struct wire_transaction transaction; /* points into the same memory, as do the coins */
	const struct coin *coins;	     /* what its inputs spend, one each; NULL: it never was in the pool */
	size_t size;			     /* bytes in bincode */
	uint64_t fee;			     /* satoshis */
};

struct pool_tx *pool_tx_ref(struct pool_tx *tx);
void pool_tx_unref(struct pool_tx *tx); /* NULL is fine */

/* The comments say what becomes of the inputs: PROTOCOL.md §3, UTXOState. */
enum pool_event_kind {
	POOL_ADDED,	 /* SpentPending: it is to be passed on and voted on */
	POOL_RETURNED,	 /* the block that held it is undone: SpentPending, or SpentFinalized if `finalized` */
	POOL_NOW_FINAL,	 /* SpentFinalized */
	POOL_CONFIRMED,	 /* Confirmed: the block at `height` holds it */
	POOL_REJECTED,	 /* Unspent: votes rejected it, or the ancestor `cause` */
	POOL_EVICTED,	 /* Unspent: it, or the ancestor `cause`, paid too little for a full pool */
	POOL_EXPIRED,	 /* Unspent: its time was over, or that of the ancestor `cause` */
	POOL_CONFLICTED, /* ask the chain: `cause`, of the block at `height`, spends an input of it or of an ancestor;
			  * `height` 0: the outputs of `cause`, which it or an ancestor spends, are gone with their
			  * block */
};
#define POOL_EVENT_KIND_COUNT (POOL_CONFLICTED + 1)

/* Of one transaction; the memory is the transaction's. */
struct pool_event {
	enum pool_event_kind kind;
	bool finalized;		 /* it was, or is */
	struct pool_tx *tx;	 /* counted as long as the list lives */
	uint64_t sequence;	 /* grows with each event of the pool */
	uint32_t votes;		 /* approvals, as far as they were told */
	int64_t at_s;		 /* Unix seconds: inserted, finalized, or gone */
	int64_t inserted_us;	 /* monotonic: when it came in; 0: unknown */
	uint64_t height;	 /* of a block: see the kind; else 0 */
	struct wire_hash cause;	 /* see the kind; its own txid where there is no other cause */
	struct pool_event *next; /* in the order of happening; NULL: the last */
};

/* pool_events_init() before, pool_events_free() after; what happens is added at the end. */
struct pool_events {
	struct pool_event *first, **last;
};
void pool_events_init(struct pool_events *events);
void pool_events_free(struct pool_events *events);

/* "added" ..., for logs. */
const char *pool_event_name(enum pool_event_kind kind);

#endif
