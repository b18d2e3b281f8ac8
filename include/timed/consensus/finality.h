/* SPDX-License-Identifier: MIT
 *
 * Instant finality: the masternodes' votes on transactions (PROTOCOL.md §7).
 *
 * A quorum of approvals finalises a transaction; rejections reject it once so many are counted that the liars alone
 * cannot be behind a majority of them.  Of a voter's votes on one transaction the first counts, for `vote_s` from its
 * timestamp.  We approve one spender of an outpoint until that one is rejected, or a block that cannot be undone
 * settles it, or the lock ends, `lock_s` after its vote has ceased to count; so two transactions that spend the same
 * never both become final while less than a third of the voters lie, and no clock is off by more than that.
 *
 * The caller keeps the transactions themselves (the pool), verifies signatures, knows a voter by its index in the list
 * in force, and says what comes and goes.  What is to be done is fetched with finality_next(); a vote of ours must be
 * on disk (the record and its outpoints in the file `votes`, synced) before it is sent, many at once if he likes, and
 * goes to finality_restore() after a start.  Where the file is lost the votes that we hear of ourselves are taken for
 * ours, so that we contradict none that is still about.
 *
 * Pure: `now_s` are Unix seconds, as in the votes.
 * Thread safety: none; one owner (the thread `consensus`).
 * Memory: for each transaction that was added, its outpoints and at most a vote of each voter; votes that come before
 * their transaction are bounded for each voter; our own votes and locks by `max_own` and `max_locks`: where there is no
 * room, those on what has been in a block for longest are forgotten.  What cannot be had is -ENOMEM, and nothing has
 * changed.
 */
#ifndef TIMED_CONSENSUS_FINALITY_H
#define TIMED_CONSENSUS_FINALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

enum finality_error {
	FINALITY_E_KNOWN = 1,	/* had that before */
	FINALITY_E_FULL,	/* no room for more transactions, or for more early votes of this voter */
	FINALITY_E_STRANGER,	/* no such voter */
	FINALITY_E_EXPIRED,	/* the vote counts no more */
	FINALITY_E_AHEAD,	/* the vote is from the future, by more than `ahead_s` */
	FINALITY_E_CONTRADICTS, /* the voter has voted the other way before, and that counts */
	FINALITY_E_UNKNOWN,	/* no such transaction */
};

/* "FINALITY_E_KNOWN" ..., "?" for a number that is none. */
const char *finality_error_name(int error);

/* A vote whose signature is verified. */
struct finality_vote {
	struct wire_hash txid;
	uint32_t voter; /* index in the list of voters */
	bool approve;
	int64_t timestamp; /* Unix seconds */
	struct wire_sig signature;
};

/* What is stored of a vote of ours, with the outpoints that it locks. */
struct finality_record {
	struct wire_hash txid;
	bool approve;
	int64_t timestamp;
};

struct finality_params {
	size_t max_transactions; /* that were added: 10,000 */
	size_t max_early;	 /* transactions that one voter has voted on first, before they were added: 1,000 */
	size_t max_own;		 /* votes of ours that bind us: 1,000,000; beyond, none are made */
	size_t max_locks;	 /* outpoints locked by them: 4,000,000 */
	uint32_t max_rejects;	 /* of transactions that conflict with one that we approve: 8 */
	int64_t vote_s;		 /* a vote counts: 72 h */
	int64_t lock_s;		 /* and binds its voter longer by: 1 h */
	int64_t early_s;	 /* votes without their transaction are kept: 10 min */
	int64_t ahead_s;	 /* how far in the future a timestamp may lie: 600 s */
	uint64_t seed[2];	 /* random: so that nobody can aim at the hash tables */
	/* Our signature over the vote's other fields; shown to nobody before the record is on disk. */
	void (*sign)(void *user, struct finality_vote *vote);
	void *user;
};
/* The values above, without `seed`, `sign` and `user`. */
void finality_params_init(struct finality_params *out);

enum finality_state { FINALITY_PENDING, FINALITY_FINALIZED, FINALITY_REJECTED };

struct finality;

/* 0 or -ENOMEM. */
int finality_new(struct finality **out, const struct finality_params *params) __attribute__((warn_unused_result));
void finality_free(struct finality *finality);

/* The voters in force from now on: their keys, in any order, without repetition; `own` is our index or -1.  Votes of
 * those who stay are kept under their new index, those of others go.  What has been decided stays so.  0 or -ENOMEM. */
int finality_set_voters(struct finality *finality, const struct wire_key *keys, uint32_t count, int32_t own)
	__attribute__((warn_unused_result));
/* Whether we vote at all: off at first, and while a validator without its file observes (bft.h).  Turned on, it votes
 * on all that is pending. */
void finality_set_signing(struct finality *finality, bool on);

/* Before anything else: a vote of ours from the file, with the outpoints that it locks (none of a rejection).  Those
 * whose time is over are left out.  0, FINALITY_E_KNOWN, FINALITY_E_FULL or -ENOMEM. */
int finality_restore(struct finality *finality, const struct finality_record *record,
		     const struct wire_outpoint *outpoints, size_t count, int64_t now_s)
	__attribute__((warn_unused_result));

/* Whether a vote of ours on it binds us, so that its record must be kept. */
bool finality_bound(const struct finality *finality, const struct wire_hash *txid);

/* A valid transaction is in the pool now; it spends these outpoints (copied).  0, FINALITY_E_KNOWN, FINALITY_E_FULL or
 * -ENOMEM. */
int finality_add(struct finality *finality, const struct wire_hash *txid, const struct wire_outpoint *outpoints,
		 size_t count, int64_t now_s) __attribute__((warn_unused_result));
/* One that the pool has refused since it spends `outpoint`, which another one spends: we reject it if that is the one
 * that we approve, and have not rejected too many for it.  0, FINALITY_E_KNOWN (we voted on it before, or it was
 * added), FINALITY_E_UNKNOWN (we approve no other spender), FINALITY_E_FULL or -ENOMEM. */
int finality_conflict(struct finality *finality, const struct wire_hash *txid, const struct wire_outpoint *outpoint,
		      int64_t now_s) __attribute__((warn_unused_result));

/* Whether a vote of that time counts now: 0, FINALITY_E_AHEAD or FINALITY_E_EXPIRED. */
int finality_check_time(const struct finality_params *params, int64_t timestamp, int64_t now_s)
	__attribute__((warn_unused_result));
/* A vote came in.  0: it is new, and to be relayed once; another enum finality_error but UNKNOWN; or -ENOMEM. */
int finality_vote(struct finality *finality, const struct finality_vote *vote, int64_t now_s)
	__attribute__((warn_unused_result));

/* A block that cannot be undone holds the transaction: everything about it is settled. */
void finality_settled(struct finality *finality, const struct wire_hash *txid);
/* A block that cannot be undone spends the outpoint: no lock of ours is on it any more. */
void finality_spent(struct finality *finality, const struct wire_outpoint *outpoint);
/* A block that may be undone holds it.  Our vote on it and its locks stay, and are the first to give way to others. */
void finality_included(struct finality *finality, const struct wire_hash *txid);
/* It has left the pool otherwise.  Our vote on it and its locks stay until their time is over. */
void finality_dropped(struct finality *finality, const struct wire_hash *txid);
/* It has left the pool and can never be valid again: a block that cannot be undone, or the votes on what it spends,
 * have seen to that.  Our vote on it stays, and locks nothing any more. */
void finality_voided(struct finality *finality, const struct wire_hash *txid);
/* Drops what has had its time; every minute is often enough. */
void finality_expire(struct finality *finality, int64_t now_s);

enum finality_action_kind {
	FINALITY_SEND_VOTE, /* write the record and its outpoints, then send `vote` */
	FINALITY_FINAL,	    /* a quorum approves */
	FINALITY_REJECT,    /* rejected: its inputs are free again */
};

struct finality_action {
	enum finality_action_kind kind;
	struct wire_hash txid;
	uint32_t approvals;
	uint32_t rejections;
	struct finality_vote vote;	       /* SEND_VOTE */
	struct finality_record record;	       /* SEND_VOTE */
	const struct wire_outpoint *outpoints; /* SEND_VOTE: locked by an approval; valid until the next call */
	size_t outpoint_count;
};
/* What is to be done next; false: nothing. */
bool finality_next(struct finality *finality, struct finality_action *out, int64_t now_s);

/* Votes on what is still pending `age_s` after it came, by all voters, to be repeated: up to `max` of them, going on
 * where the last call ended.  Returns how many. */
size_t finality_repeat(struct finality *finality, struct finality_vote *out, size_t max, int64_t age_s, int64_t now_s);
/* The votes on one transaction (an answer to TransactionVoteRequest): 0 <= index; false: no more. */
bool finality_vote_at(const struct finality *finality, struct finality_vote *out, const struct wire_hash *txid,
		      size_t index);

struct finality_status {
	enum finality_state state;
	uint32_t approvals; /* that count */
	uint32_t rejections;
	uint32_t voters;
	uint32_t quorum;
	bool added;   /* false: only votes have come so far */
	bool voted;   /* we have */
	bool approve; /* and how */
};
/* 0 or FINALITY_E_UNKNOWN. */
int finality_status(const struct finality *finality, struct finality_status *out, const struct wire_hash *txid)
	__attribute__((warn_unused_result));

struct finality_counts {
	size_t transactions; /* added */
	size_t early;	     /* with votes alone */
	size_t own;	     /* votes of ours that bind us */
	size_t locks;
};
void finality_count(const struct finality *finality, struct finality_counts *out);

#endif
