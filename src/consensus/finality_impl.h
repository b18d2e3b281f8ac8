/* SPDX-License-Identifier: MIT
 *
 * The state of finality.h: transactions and the votes on them (finality.c), our own votes and their locks
 * (finality_own.c).
 *
 * Thread safety: one owner.
 */
#ifndef TIMED_CONSENSUS_FINALITY_IMPL_H
#define TIMED_CONSENSUS_FINALITY_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyed_map.h"
#include "timed/consensus/finality.h"

/* A place in a ring of things; the head is one as well. */
struct finality_link {
	struct finality_link *prev, *next; /* NULL: in no ring */
};

/* One vote as it is kept. */
struct finality_cast {
	uint32_t voter;
	bool approve;
	int64_t timestamp;
	struct wire_sig signature;
};

struct finality_tx {
	struct keyed_node node;	   /* by txid */
	struct finality_link all;  /* in order of arrival */
	struct finality_link todo; /* something is to be done about it */
	struct wire_hash txid;
	bool added;   /* it is in the pool; else only votes have come */
	bool told;    /* that it is no longer pending */
	bool blocked; /* a lock, or want of room, kept us from voting */
	bool reject;  /* not added, and to be rejected for a conflict */
	enum finality_state state;
	uint32_t first_voter; /* not added: whose early vote it is */
	int64_t since_s;      /* when it was added, or first heard of */
	uint32_t approvals, rejections;
	struct finality_cast *casts;
	uint32_t cast_count, cast_capacity;
	struct wire_outpoint *outpoints; /* what it spends; once added */
	size_t outpoint_count;
};

struct finality_own;

struct finality_lock {
	struct keyed_node node; /* by outpoint */
	struct wire_outpoint outpoint;
	struct finality_own *own; /* the approval that it belongs to; NULL: it is free */
};

/* A vote of ours that binds us. */
struct finality_own {
	struct keyed_node node;	  /* by txid */
	struct finality_link all; /* in one of the two rings */
	struct finality_record record;
	bool included;	  /* a block that may be undone holds its transaction */
	uint32_t rejects; /* votes against those that conflict with it */
	struct finality_lock *locks;
	size_t lock_count;
};

struct finality {
	struct finality_params params;
	bool signing;
	int32_t own;	 /* our index among the voters; -1: none */
	uint32_t voters; /* how many */
	uint32_t quorum;
	struct wire_key *keys;
	size_t *early; /* by voter: transactions that it has voted on first */

	struct keyed_map txs;
	struct finality_link all;  /* of them */
	struct finality_link todo; /* of them */
	size_t added;
	size_t blocked;
	bool room;		      /* since the blocked ones were looked at, something has become free */
	struct finality_link *repeat; /* where finality_repeat() goes on; in `all` */

	struct keyed_map owns;
	struct finality_link own_all;	   /* of them, but for those in ... */
	struct finality_link own_included; /* ... this one: they give way when there is no room */
	struct keyed_map locks;
};

void finality_link_init(struct finality_link *head);
void finality_link_append(struct finality_link *head, struct finality_link *link);
/* Nothing when it is in no ring. */
void finality_link_remove(struct finality_link *link);

struct finality_tx *finality_find(const struct finality *finality, const struct wire_hash *txid);
void finality_want(struct finality *finality, struct finality_tx *tx);
/* Takes a vote into the list of its transaction.  0 or -ENOMEM. */
int finality_cast(struct finality *finality, struct finality_tx *tx, const struct finality_vote *vote);
struct finality_vote finality_vote_of(const struct finality_tx *tx, const struct finality_cast *cast);
const struct finality_cast *finality_cast_of(const struct finality_tx *tx, uint32_t voter);

struct finality_own *finality_own_find(const struct finality *finality, const struct wire_hash *txid);
/* Our vote, from now on; of an approval the outpoints are locked that no later one locks.  0, FINALITY_E_FULL or
 * -ENOMEM. */
int finality_own_add(struct finality *finality, const struct finality_record *record,
		     const struct wire_outpoint *outpoints, size_t count);
/* Locks the outpoints of an approval that was known without them.  The same outcomes. */
int finality_own_lock(struct finality *finality, struct finality_own *own, const struct wire_outpoint *outpoints,
		      size_t count);
/* The lock on an outpoint; NULL: none. */
struct finality_lock *finality_lock_find(const struct finality *finality, const struct wire_outpoint *outpoint);
void finality_own_unlock(struct finality *finality, struct finality_own *own);
void finality_own_remove(struct finality *finality, struct finality_own *own);
/* Whether a block that may be undone holds its transaction. */
void finality_own_include(struct finality *finality, struct finality_own *own, bool included);
/* Drops what binds us no more. */
void finality_own_expire(struct finality *finality, int64_t now_s);
/* Our vote on a transaction is due: makes it, if we may.  True: `out` is to be sent. */
bool finality_own_vote(struct finality *finality, struct finality_action *out, struct finality_tx *tx, int64_t now_s);

#endif
