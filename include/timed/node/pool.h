/* SPDX-License-Identifier: MIT
 *
 * The pool: valid transactions that no block holds yet (PROTOCOL.md §6, §7).
 *
 * What is in it could be put into a block on the pool's tip: its inputs are unspent outputs of the chain, or outputs of
 * other transactions of the pool, and no two spend the same.  A transaction comes in pending; the masternodes' votes
 * make it finalized, or have it rejected.  Finalized ones fill the next block, survive fees and a crash, and go only
 * for a block that holds them or conflicts with them.  Pending ones go as well when their time is over or a full pool is
 * offered better fees.
 *
 * Who calls what, once they exist:
 *	handlers, RPC	pool_insert() after the signatures are checked (verify.h), pool_forget_peer(), lookups
 *	chain thread	pool_update() after each publication of a view, before anybody else hears of the tip
 *	consensus	pool_finalize(), pool_reject(), pool_note_votes() as votes say; pool_assemble() to
 *			propose, pool_judge() before it prevotes
 *	keeper		pool_expire(), every minute
 *	main		pool_create() and pool_load() after the chain is open, before the threads; when these
 *			have ended pool_save() and pool_free(), before the chain is closed (a view is held)
 *
 * What changes is told by events: lists that the caller works off when he likes, no lock held (gossip, subscribers,
 * votes, wallet).  Two threads may work off theirs in another order than things happened; `sequence` says which came
 * first.
 *
 * Memory: all that peers can make grow is bounded and counted.  Any function may return -ENOMEM; unless it says
 * otherwise nothing has changed then.
 *
 * Thread safety: any thread, but for pool_create, pool_load, pool_free and pool_update, as stated.  Inside there is
 * one mutex, `pool`, a leaf, never held while the chain or a file is read or written.
 */
#ifndef TIMED_NODE_POOL_H
#define TIMED_NODE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/node/pool_event.h"
#include "timed/net/ip.h"
#include "timed/store/chain_store.h"

struct pool;

enum pool_outcome {
	/* A transaction is not taken.  The first two prove its sender wrong; the rest may happen to anybody. */
	POOL_E_RULE = 200,   /* no block may hold it, ever: see the fault */
	POOL_E_COINBASE,     /* it has no inputs */
	POOL_E_DUST,	     /* an output of 1 to 545 satoshis */
	POOL_E_FEE,	     /* below pool_policy_fee() */
	POOL_E_MIN_RATE,     /* below what a full pool asks for now */
	POOL_E_FULL,	     /* the pool is full of what pays better, or is finalized */
	POOL_E_KNOWN,	     /* it is in the pool */
	POOL_E_IN_CHAIN,     /* a block holds it */
	POOL_E_WAS_REJECTED, /* by votes, not long ago */
	POOL_E_CONFLICT,     /* spends `outpoint`, which `other` in the pool spends */
	POOL_E_SPENT,	     /* spends `outpoint` of the chain, which is spent, or never was */
	POOL_E_ORPHAN,	     /* spends `outpoint` of an unknown transaction; kept for a while if there is room */
	POOL_E_TOO_LONG,     /* more unconfirmed ancestors, or descendants of one, than the limits say */
	/* Of other functions. */
	POOL_E_UNKNOWN,	  /* not in the pool */
	POOL_E_PENDING,	  /* in the pool, not finalized */
	POOL_E_FINALIZED, /* finalized: votes cannot reject it any more */
	POOL_E_TIP,	  /* the pool does not stand at this tip, or is on its way to it */
};

/* "POOL_E_RULE" ..., "?" for a number that is none. */
const char *pool_outcome_name(int outcome);

struct pool_params {
	const struct chain_params *chain; /* must outlive the pool */
	const char *dir;		  /* where pool.dat is; copied; NULL: nothing is kept on the disk */
	size_t max_count;		  /* transactions: 10,000 */
	size_t max_bytes;		  /* of memory, all told: 300 MB */
	uint32_t max_ancestors;		  /* unconfirmed, itself included: 25 */
	uint32_t max_descendants;	  /* the same: 25 */
	int64_t expiry_s;		  /* of pending ones, from their insertion: 72 h */
	uint64_t rate_step; /* by how much the minimum fee rate rises above what was evicted; per 1000 bytes: 1000 */
	int64_t rate_half_life_s; /* in which it falls by half: 12 h; 3 h in a pool that is half empty */
	size_t max_orphans;	  /* transactions: 100 */
	size_t max_orphan_bytes;  /* of them, in bincode: 1 MB */
	int64_t orphan_expiry_s;  /* 20 min */
	size_t max_remembered;	  /* fates of transactions that left, of each kind: 65,536 */
	size_t log_bytes;	  /* pool.dat is written anew when it has grown by so much: 16 MiB */
};
/* The values above. */
void pool_params_init(struct pool_params *out, const struct chain_params *chain, const char *dir);

/* An empty pool at the chain's newest view.  `chain` must outlive it.  0 or -ENOMEM. */
int pool_create(struct pool **out, const struct pool_params *params, struct chain_store *chain)
	__attribute__((warn_unused_result));
/* No other call may be running; events and transactions that were handed out may live on.  NULL is fine. */
void pool_free(struct pool *pool);

/* ---- Policy (PROTOCOL.md §6) ---- */

/* What a transaction with outputs of this sum pays at least: max(1000, sum / 1000) satoshis. */
uint64_t pool_policy_fee(uint64_t outputs);
bool pool_is_dust(uint64_t value);
/* What the pool asks for now, satoshis per 1000 bytes; 0 unless it was full lately. */
uint64_t pool_min_rate(struct pool *pool, int64_t now_s);

/* ---- Insertion ---- */

struct pool_submission {
	const struct wire_transaction *transaction; /* copied */
	const struct wire_hash *txid;		    /* of it */
	const struct net_ip *peer;		    /* who sent it; NULL: ourselves, and an orphan is not kept */
	int64_t now_s;				    /* Unix seconds */
};

struct pool_result {
	struct chain_fault fault;      /* its text says why of every refusal; its error is set by POOL_E_RULE alone */
	struct wire_hash other;	       /* POOL_E_CONFLICT: who spends it */
	struct wire_outpoint outpoint; /* POOL_E_CONFLICT, POOL_E_ORPHAN, POOL_E_SPENT: the first such input */
	size_t size;		       /* bytes in bincode */
	uint64_t fee;		       /* satoshis; 0 while the coins are not known */
};

/* Takes a transaction whose signatures have been checked; then the orphans that waited for it.  May read the disk.  0
 * and events (of what came and what went for it); an enum pool_outcome; an enum store_error: the chain cannot be read.
 */
int pool_insert(struct pool *pool, struct pool_result *result, struct pool_events *events,
		const struct pool_submission *submission) __attribute__((warn_unused_result));
/* What pool_insert() would say, but for POOL_E_FULL; changes nothing.  For testmempoolaccept. */
int pool_try(struct pool *pool, struct pool_result *result, const struct pool_submission *submission)
	__attribute__((warn_unused_result));
/* Its connection has ended: drops the orphans that it sent. */
void pool_forget_peer(struct pool *pool, const struct net_ip *peer);
/* Drops pending transactions and orphans whose time is over.  One on which a finalized one stands stays. */
void pool_expire(struct pool *pool, struct pool_events *events, int64_t now_s);

/* ---- Finality (PROTOCOL.md §7) ---- */

/* A quorum approved it. */
struct pool_mark {
	struct wire_hash txid;
	uint32_t votes; /* approvals */
	int64_t at_s;	/* Unix seconds */
	int outcome;	/* out: 0, also when it was finalized before; POOL_E_UNKNOWN: say it again when it comes in */
};
/* Marks transactions as finalized, all with one write to the disk: when it returns 0, no crash makes the pool forget
 * them. 0; -ENOMEM or another negative errno: they are marked, but not on the disk, and the node has to stop. */
int pool_finalize(struct pool *pool, struct pool_events *events, struct pool_mark *marks, size_t count)
	__attribute__((warn_unused_result));
/* Votes reject it: it goes, and what spends it; its inputs are free.  It is not taken again while that is remembered.
 * Finalized ones that spend it go loudly.  0, POOL_E_UNKNOWN (remembered too), or POOL_E_FINALIZED. */
int pool_reject(struct pool *pool, struct pool_events *events, const struct wire_hash *txid, int64_t now_s)
	__attribute__((warn_unused_result));
/* How the vote on it stands, for SpentPending and RPC.  Nothing when it is not pending. */
void pool_note_votes(struct pool *pool, const struct wire_hash *txid, uint32_t votes, uint32_t total_nodes);

/* ---- Chain ---- */

/* Follows the chain to its newest view: what its blocks hold leaves the pool, what conflicts with them is evicted with
 * its descendants, finalized ones too (loudly).  What was in blocks that are undone, and is not in the new ones, comes
 * back as finalized as it was, and is checked again; what spends undone outputs goes.  Fees are not asked of what comes
 * back, but pending ones only take the room that there is.  By one thread at a time (the chain's), no lock held.  0;
 * -ENOMEM, a negative errno or an enum store_error: the pool no longer follows the chain, and the node has to stop. */
int pool_update(struct pool *pool, struct pool_events *events, int64_t now_s) __attribute__((warn_unused_result));

/* What a block may hold: counted. */
struct pool_selection {
	struct pool_tx **items; /* in order: nobody before what he spends */
	size_t count;
	size_t bytes;  /* in bincode, without the list's length */
	uint64_t fees; /* satoshis */
};
/* The finalized transactions, those first that were finalized first, as far as they fit: `max_bytes` is what block,
 * coinbase and rewards leave of 2 000 000.  0, or POOL_E_TIP when the pool does not stand at `tip`. */
int pool_assemble(struct pool *pool, struct pool_selection *out, const struct wire_hash *tip, size_t max_bytes,
		  size_t max_count) __attribute__((warn_unused_result));
void pool_selection_free(struct pool_selection *selection);
/* Whether all transactions of a block on `tip`, but its coinbase, are finalized here.  0, POOL_E_TIP; POOL_E_UNKNOWN,
 * POOL_E_PENDING, or POOL_E_CONFLICT with another finalized one, and in `*txid` (may be NULL) the block's transaction.
 */
int pool_judge(struct pool *pool, struct wire_hash *txid, const struct wire_hash *tip, const struct wire_block *block,
	       const struct block_ids *ids) __attribute__((warn_unused_result));

/* ---- Disk ---- */

struct pool_loaded {
	size_t finalized, pending; /* taken */
	size_t settled;		   /* finalized ones that a block holds */
	size_t dropped;		   /* not valid any more */
};
/* Reads pool.dat and checks all that is in it against the chain, but for signatures and fees.  Damage is a warning that
 * names the place: transactions that can be read are kept, and the file is put aside as pool.dat.damaged.  Once, after
 * pool_create(), before other threads use the pool.  0, a negative errno or an enum store_error: the node cannot run.
 */
int pool_load(struct pool *pool, struct pool_loaded *out, int64_t now_s) __attribute__((warn_unused_result));
/* Writes everything into pool.dat, atomically.  0 or a negative errno: the file is the old one. */
int pool_save(struct pool *pool) __attribute__((warn_unused_result));

/* ---- Lookups: counted copies; pool_query.h has the rest ---- */

#endif
