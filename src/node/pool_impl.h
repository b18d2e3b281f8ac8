/* SPDX-License-Identifier: MIT
 *
 * The inside of the pool, shared by its rooms:
 *
 *	pool.c		life, insertion, expiry
 *	pool_check.c	what a transaction must fulfil; its coins from a view and from the pool
 *	pool_entry.c	transactions as objects; events
 *	pool_graph.c	who spends whom, totals over relatives, the indexes
 *	pool_limits.c	order of eviction, limits, the minimum fee rate
 *	pool_orphans.c	transactions whose inputs are unknown
 *	pool_final.c	finality, fates of those that left
 *	pool_update.c	following the chain
 *	pool_block.c	assembling and judging blocks
 *	pool_query.c	lookups
 *	pool_store.c, pool_load.c	pool.dat
 *
 * Names that end in `_locked` want pool->lock to be held.
 */
#ifndef TIMED_NODE_POOL_IMPL_H
#define TIMED_NODE_POOL_IMPL_H

#include <stdatomic.h>

#include "timed/node/pool.h"
#include "timed/node/pool_query.h"
#include "pool_table.h"
#include "timed/util/siphash.h"
#include "timed/util/thread.h"

struct pool_entry;

/* An input. */
struct pool_spend {
	struct pool_node by_outpoint; /* pool->spends */
	struct pool_node by_script;   /* pool->payers: the script of the coin that it spends */
	struct pool_entry *entry;     /* whose input it is */
	/* Who made that coin, if he is in the pool; the first input that spends outputs of one entry stands for all of
	 * them, and the others have NULL as those that spend from the chain do. */
	struct pool_entry *parent;
	struct pool_spend *next_parent;		   /* of entry->parents */
	struct pool_spend *next_child, **child_at; /* of parent->children; `child_at`: what points to it */
};

/* An output. */
struct pool_paid {
	struct pool_node by_script; /* pool->payees */
	struct pool_entry *entry;   /* whose output it is */
};

/* A transaction, and all that its being in the pool needs: one allocation.  It outlives its stay while events and
 * others refer to it. */
struct pool_entry {
	struct pool_tx tx; /* first: pool_tx_ref() and others get it */
	atomic_uint refs;
	size_t memory; /* bytes of the whole */
	/* It comes once, is finalized once and goes once, each told by its own event: needs no memory when it happens.
	 */
	struct pool_event came, final, gone;

	/* All below is the pool's, under its lock. */
	bool present; /* in the pool now */
	bool finalized;
	bool in_file; /* pool.dat holds the transaction ... */
	bool dirty;   /* ... and is behind: it stands in pool->dirty */
	uint32_t votes, total_nodes;
	int64_t inserted_s, finalized_s;
	int64_t inserted_us; /* monotonic: when it came in as a new one; 0: it did not */
	uint64_t order; /* of arrival */

	struct pool_node by_txid;  /* pool->txids */
	struct pool_spend *spends; /* one per input */
	struct pool_paid *paid;	   /* one per output */
	struct pool_spend *parents, *children;
	struct pool_sum ancestors, descendants; /* itself included */
	size_t final_descendants;		/* finalized ones, itself included: it must stay while there are any */

	struct pool_entry *before, *after;	       /* pool->first: in order of arrival */
	struct pool_entry *final_before, *final_after; /* pool->first_final: in order of finalization */
	struct pool_entry *next_dirty;		       /* pool->dirty */
	size_t heap_at;				       /* index in pool->heap plus one; 0: may not be evicted */

	uint64_t chosen;	  /* the last selection that holds it */
	uint64_t mark;		  /* of the last walk that met it */
	struct pool_entry *walk;  /* the next one of that walk */
	struct pool_entry *other; /* the next one of a list that is gone through while others are walked */
};

/* Entries that a walk has met, in that order, each once; linked through `walk`. */
struct pool_walk {
	struct pool_entry *first, **last;
	uint64_t mark;
	size_t count;
};

/* Fates of transactions that left; the oldest gives way. */
struct pool_memory {
	struct pool_table table;
	struct pool_memo *first, **last; /* in order of coming */
	size_t max;
};
struct pool_memo {
	struct pool_node node;
	struct pool_memo *next, **at;
	struct wire_hash txid;
	struct pool_past past;
};

/* A transaction whose inputs are unknown. */
struct pool_orphan {
	struct pool_entry *entry; /* without coins; NULL: the place is free */
	struct net_ip peer;
	struct wire_hash awaits; /* the unknown transaction; zero: it has come */
	int64_t since_s;
	uint64_t order;
};

/* pool.dat.  `busy` is the right to write, handed on under the lock and held while it is not. */
struct pool_file {
	char *dir, *path; /* NULL: there is none */
	int fd;		  /* -1: not loaded yet */
	bool busy;
	struct cond idle;
	int error;	    /* a write failed: sticky */
	size_t bytes;	    /* of the file */
	size_t fresh_bytes; /* when it was written anew */
};

struct pool {
	struct pool_params params;   /* immutable */
	struct chain_store *chain;   /* immutable */
	struct siphash_key hash_key; /* immutable */

	struct mutex lock;	 /* guards all below; leaf */
	struct chain_view *view; /* at the pool's tip; counted */
	bool updating;		 /* on the way to that tip */
	struct pool_table txids, spends, payers, payees;
	struct pool_entry *first, **last;
	struct pool_entry *first_final, **last_final;
	size_t count, final_count;
	size_t bytes;  /* in bincode */
	size_t memory; /* of entries and memos */
	uint64_t fees;
	uint64_t order;	   /* of the next arrival */
	uint64_t sequence; /* of the next event */
	uint64_t mark;	   /* of the latest walk */

	struct pool_entry **heap; /* those that may be evicted, the worst first; room for all entries */
	size_t heap_count, heap_capacity;

	/* The minimum fee rate, in thousandths of a satoshi per 1000 bytes, as it was at rate_since_s. */
	uint64_t rate;
	int64_t rate_since_s;
	bool rate_falls; /* a block has come since it rose */

	struct pool_orphan *orphans; /* params.max_orphans places */
	size_t orphan_count, orphan_bytes;

	struct pool_memory settled, rejected;
	struct pool_entry *dirty, **last_dirty; /* to be written by pool_flush() */
	struct pool_file file;
};

/* ---- pool_entry.c ---- */

/* A copy of the transaction; `coins` (may be NULL) are copied too.  NULL: no memory. */
struct pool_entry *pool_entry_new(const struct wire_transaction *transaction, const struct wire_hash *txid, size_t size,
				  const struct coin *coins);
struct pool_entry *pool_entry_ref(struct pool_entry *entry);
void pool_entry_unref(struct pool_entry *entry); /* NULL is fine */
/* Tells of it; refers to the entry.  `event` is one of its own. */
void pool_tell_locked(struct pool *pool, struct pool_events *events, struct pool_entry *entry, struct pool_event *event,
		      enum pool_event_kind kind, int64_t at_s) REQUIRES(pool->lock);
/* Takes it out of the list again. */
void pool_untell(struct pool_events *events, struct pool_event *event);

/* ---- pool_graph.c ---- */

uint64_t pool_hash(const struct pool *pool, const void *data, size_t len);
struct pool_entry *pool_find_locked(struct pool *pool, const struct wire_hash *txid) REQUIRES(pool->lock);
struct pool_spend *pool_find_spend_locked(struct pool *pool, const struct wire_outpoint *outpoint) REQUIRES(pool->lock);
void pool_walk_begin_locked(struct pool *pool, struct pool_walk *out) REQUIRES(pool->lock);
void pool_walk_meet(struct pool_walk *walk, struct pool_entry *entry);
/* Relatives in the pool, without `entry`. */
void pool_ancestors_locked(struct pool *pool, struct pool_walk *out, struct pool_entry *entry) REQUIRES(pool->lock);
void pool_descendants_locked(struct pool *pool, struct pool_walk *out, struct pool_entry *entry) REQUIRES(pool->lock);
/* Links it to its parents, if the limits of ancestors and of their descendants are kept: 0, or POOL_E_TOO_LONG and no
 * link.  It is to be added or unlinked before the lock is released. */
int pool_link_locked(struct pool *pool, struct pool_entry *entry, size_t max_ancestors, size_t max_descendants)
	REQUIRES(pool->lock) __attribute__((warn_unused_result));
void pool_unlink_locked(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock);
/* Puts it in: it is linked, its inputs are there and free, and the heap has room for it. */
void pool_add_locked(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock);
/* Why entries go. */
struct pool_cause {
	enum pool_event_kind kind;
	const struct wire_hash *txid; /* NULL: the first of them */
	uint64_t height;
	int64_t at_s;
};
/* Takes `entry` and its descendants out, and tells of it; events refer to them then. */
void pool_remove_locked(struct pool *pool, struct pool_events *events, struct pool_entry *entry,
			const struct pool_cause *cause) REQUIRES(pool->lock);
/* Takes out what a block holds: it has no ancestors in the pool, and its descendants stay. */
void pool_confirm_locked(struct pool *pool, struct pool_events *events, struct pool_entry *entry,
			 const struct pool_cause *cause) REQUIRES(pool->lock);
/* It is finalized now: stays, and so do its ancestors. */
void pool_make_final_locked(struct pool *pool, struct pool_entry *entry, uint32_t votes, int64_t at_s)
	REQUIRES(pool->lock);

/* ---- pool_limits.c ---- */

/* Room for one more entry.  0 or -ENOMEM. */
int pool_heap_reserve_locked(struct pool *pool) REQUIRES(pool->lock) __attribute__((warn_unused_result));
/* Its totals have changed: it finds its place in the order of eviction, or leaves it. */
void pool_rank_locked(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock);
size_t pool_usage_locked(const struct pool *pool) REQUIRES(pool->lock);
bool pool_is_over_locked(const struct pool *pool) REQUIRES(pool->lock);
/* Evicts until the limits are kept, or nothing may go. */
void pool_trim_locked(struct pool *pool, struct pool_events *events, int64_t now_s) REQUIRES(pool->lock);
/* Satoshis per 1000 bytes. */
uint64_t pool_min_rate_locked(struct pool *pool, int64_t now_s) REQUIRES(pool->lock);

/* ---- pool_check.c, pool.c: one attempt to take a transaction ---- */

enum pool_mode {
	POOL_NEW,  /* all rules */
	POOL_TRY,  /* all rules, and then it is not taken */
	POOL_BACK, /* it was in a block: valid, and room for it unless it is finalized */
	POOL_OLD,  /* it was in pool.dat: valid */
};

struct pool_attempt {
	struct pool *pool;
	enum pool_mode mode;
	const struct wire_transaction *tx;
	const struct wire_hash *txid;
	const struct net_ip *peer; /* NULL: none */
	int64_t now_s, inserted_s;
	const struct pool_past *final; /* BACK, OLD: it is finalized so; NULL: it is not */

	/* Found out on the way. */
	struct pool_result *result;
	struct arena arena;
	struct chain_view *view; /* counted */
	struct coin *coins;	 /* one per input; scripts in the arena */
	bool *inside;		 /* of each input: the coin is of the pool */
};

/* Everything about one transaction; takes it if it may.  0, an enum pool_outcome, an enum store_error, -ENOMEM. */
int pool_attempt(struct pool_attempt *attempt, struct pool_events *events) __attribute__((warn_unused_result));
/* Takes what has waited for transactions that came. */
int pool_adopt(struct pool *pool, struct pool_events *events, int64_t now_s) __attribute__((warn_unused_result));

/* What the transaction shows by itself. */
int pool_check_form(struct pool_attempt *attempt) __attribute__((warn_unused_result));
/* Whether the pool has room for it beside what is in it; coins of the pool.  `first`: before those of the chain are
 * known. */
int pool_check_inside_locked(struct pool_attempt *attempt, bool first) REQUIRES(attempt->pool->lock)
	__attribute__((warn_unused_result));
/* Coins of the chain, owners, amounts, fee. */
int pool_check_chain(struct pool_attempt *attempt) __attribute__((warn_unused_result));
/* Fills in the text; returns `outcome`. */
int pool_refuse(struct pool_result *result, int outcome, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

/* ---- pool_orphans.c ---- */

bool pool_has_orphan_locked(struct pool *pool, const struct wire_hash *txid) REQUIRES(pool->lock);
/* Keeps it, if there is room; refers to it. */
void pool_keep_orphan_locked(struct pool *pool, struct pool_entry *entry, const struct net_ip *peer,
			     const struct wire_hash *awaits, int64_t now_s) REQUIRES(pool->lock);
/* The transaction has come: who waits for it may be taken. */
void pool_wake_orphans_locked(struct pool *pool, const struct wire_hash *txid) REQUIRES(pool->lock);
/* Takes one out that waits no more; false: there is none.  The entry is the caller's. */
bool pool_take_orphan_locked(struct pool *pool, struct pool_orphan *out) REQUIRES(pool->lock);
void pool_expire_orphans_locked(struct pool *pool, int64_t now_s) REQUIRES(pool->lock);
/* Wakes those whose missing transaction is in the chain at `view`.  0 or an enum store_error. */
int pool_wake_by_chain(struct pool *pool, struct chain_view *view) __attribute__((warn_unused_result));
void pool_free_orphans(struct pool *pool);

/* ---- pool_final.c ---- */

int pool_memory_init(struct pool_memory *memory, size_t max) __attribute__((warn_unused_result));
void pool_memory_free(struct pool_memory *memory);
/* Remembers it, if there is memory. */
void pool_remember_locked(struct pool *pool, struct pool_memory *memory, const struct wire_hash *txid,
			  const struct pool_past *past) REQUIRES(pool->lock);
const struct pool_past *pool_recall_locked(struct pool *pool, struct pool_memory *memory, const struct wire_hash *txid)
	REQUIRES(pool->lock);
/* True: it was remembered, and is no more. */
bool pool_forget_locked(struct pool *pool, struct pool_memory *memory, struct pool_past *past,
			const struct wire_hash *txid) REQUIRES(pool->lock);
/* Says to the log which finalized transactions the events after `from` (NULL: all) take out against the votes. */
void pool_log_losses(const struct pool_events *events, const struct pool_event *from);

#endif
