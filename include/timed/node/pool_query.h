/* SPDX-License-Identifier: MIT
 *
 * Questions to the pool (pool.h): for RPC, subscriptions, the wallet and message handlers.
 *
 * Ownership: transactions that are handed out are counted, and must be given back.
 * Thread safety: any thread; nothing here reads the disk.
 */
#ifndef TIMED_NODE_POOL_QUERY_H
#define TIMED_NODE_POOL_QUERY_H

#include "timed/node/pool.h"

/* Totals over a transaction and its relatives in the pool, itself included. */
struct pool_sum {
	size_t count;
	size_t bytes;  /* in bincode */
	uint64_t fees; /* satoshis */
};

struct pool_info {
	struct pool_tx *tx; /* counted: pool_info_free() */
	uint64_t order;	    /* of arrival */
	bool finalized;
	uint32_t votes;		   /* approvals, as far as they were told ... */
	uint32_t total_nodes;	   /* ... of so many; 0: not told */
	int64_t inserted_s;	   /* Unix seconds */
	int64_t finalized_s;	   /* Unix seconds; 0: it is not */
	struct pool_sum ancestors; /* unconfirmed, itself included */
	struct pool_sum descendants;
};
void pool_info_free(struct pool_info *info);

/* 0 or POOL_E_UNKNOWN. */
int pool_find(struct pool *pool, struct pool_info *out, const struct wire_hash *txid)
	__attribute__((warn_unused_result));
/* Who spends this outpoint.  0 or POOL_E_UNKNOWN. */
int pool_find_spender(struct pool *pool, struct pool_info *out, const struct wire_outpoint *outpoint)
	__attribute__((warn_unused_result));
/* An output of a transaction in the pool, spent by another one there or not.  Its script in `arena`.  0, POOL_E_UNKNOWN
 * or -ENOMEM. */
int pool_find_output(struct pool *pool, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint)
	__attribute__((warn_unused_result));

struct pool_list {
	struct pool_info *items; /* in order of arrival */
	size_t count;
};
void pool_list_free(struct pool_list *list);

enum pool_which { POOL_ALL, POOL_ONLY_PENDING, POOL_ONLY_FINALIZED };
/* A snapshot; what one of them spends in the pool is found by the txids of its inputs.  0 or -ENOMEM. */
int pool_list(struct pool *pool, struct pool_list *out, enum pool_which which) __attribute__((warn_unused_result));
/* Those that pay to this script or spend what it owns, each once, in order of arrival.  0 or -ENOMEM. */
int pool_list_script(struct pool *pool, struct pool_list *out, const struct wire_bytes *script)
	__attribute__((warn_unused_result));

enum pool_outpoint {
	POOL_OUTPOINT_UNKNOWN, /* the pool knows nothing of it: ask the chain */
	POOL_OUTPOINT_CREATED, /* an output of a transaction in the pool, unspent */
	POOL_OUTPOINT_SPENT,   /* by one in the pool: `state` is SpentPending or SpentFinalized */
};
struct pool_outpoint_state {
	enum pool_outpoint known;
	bool finalized;		      /* CREATED: the transaction that made it is */
	struct wire_utxo_state state; /* SPENT */
};
/* For UTXOStateQuery: `count` answers, all of one moment. */
void pool_outpoint_states(struct pool *pool, struct pool_outpoint_state *out, const struct wire_outpoint *outpoints,
			  size_t count);

/* What the pool remembers of a transaction that left it. */
enum pool_fate {
	POOL_FATE_UNKNOWN,
	POOL_FATE_SETTLED,  /* finalized, and then held by the block at `height` */
	POOL_FATE_REJECTED, /* by votes */
};
struct pool_past {
	enum pool_fate fate;
	uint32_t votes;	 /* SETTLED: approvals */
	int64_t at_s;	 /* SETTLED: finalized; REJECTED: rejected */
	uint64_t height; /* SETTLED */
};
void pool_find_past(struct pool *pool, struct pool_past *out, const struct wire_hash *txid);

struct pool_summary {
	struct chain_point tip;	      /* that the pool stands at */
	size_t count, finalized;      /* transactions; of them finalized ones */
	size_t bytes;		      /* in bincode */
	size_t usage_bytes;	      /* of memory */
	size_t max_bytes;	      /* that it may take */
	uint64_t fees;		      /* satoshis */
	uint64_t min_rate;	      /* satoshis per 1000 bytes; 0: policy alone asks */
	size_t orphans, orphan_bytes; /* kept for a while; bytes in bincode */
	uint64_t sequence;	      /* events so far */
};
void pool_summarize(struct pool *pool, struct pool_summary *out, int64_t now_s);

#endif
