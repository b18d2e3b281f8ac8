/* SPDX-License-Identifier: MIT
 *
 * One height after the other by Tendermint (PROTOCOL.md §9 "With validators"; Buchman, Kwon, Milosevic,
 * arXiv:1807.04938): events and the time go in, actions come out.
 *
 * The machine holds votes and proposals, not blocks: a value is the hash of a block, which the caller keeps while
 * bft_needs_block() says so, and judges when it is asked to (BFT_NEED_BLOCK).  Every message that comes in has a
 * verified signature and names its sender by its index in the list of validators of that height.
 *
 * What is on disk.  An action that sends carries a record.  The caller writes it, with the polka if there is one and
 * the blocks that it names, to the file `votes`, syncs, and only then sends.  Several actions of one event may share
 * one sync, as long as nothing leaves before it.  After a start the records of the file go to bft_restore(), in order.
 * So no crash makes a validator sign two values for one height, round and phase, or forget its lock.  The polka, the
 * prevotes behind valid_round, is stored too, since after a crash nobody else might hold them, and without them nobody
 * would take our valid block.
 *
 * Observing.  A validator that starts without its file signs nothing until two heights have committed whose own time
 * lies after its start: whatever it signed before and forgot was at a height whose time had come then.  (Heights that
 * commit while it catches up prove nothing, and votes for them can be replayed.)  The file appears with the first
 * record and not before, so that a second start in that time observes as well; the first start of a new network, where
 * nobody could ever sign, is for the caller to tell apart.  The same when a message turns up that our key signed and we
 * do not know: another node has our key, or the file is an old copy.
 *
 * Observers (no validator) run the same machine without signing.
 *
 * Pure: `now_ms` and all deadlines are monotonic milliseconds of the caller.
 * Thread safety: none; one owner (the thread `consensus`).
 * Memory: allocated when a height starts, in proportion to its validators; nothing that a peer sends makes it grow.
 */
#ifndef TIMED_CONSENSUS_BFT_H
#define TIMED_CONSENSUS_BFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/consensus/bft_message.h"
#include "timeproto/wire/types.h"

/* No event yields more. */
#define BFT_ACTIONS_MAX 20

/* Why a message was not taken; 0: it is new, and to be relayed once. */
enum bft_error {
	BFT_E_KNOWN = 1,    /* had it already */
	BFT_E_HEIGHT_OLD,   /* of a decided height: its sender is sent the certified block */
	BFT_E_HEIGHT_NEW,   /* beyond the next height: we lag behind */
	BFT_E_ROUND,	    /* of a round that is not kept */
	BFT_E_STRANGER,	    /* no such validator */
	BFT_E_FORM,	    /* a phase, round, valid_round or hash that cannot be */
	BFT_E_LEADER,	    /* a proposal by somebody who does not lead that round */
	BFT_E_EQUIVOCATION, /* contradicts an earlier one of its sender, which counts */
	BFT_E_STEP,	    /* bft_propose: its moment has passed */
};

struct bft_params {
	int64_t timeout_ms;	  /* of a step in round 0 */
	int64_t timeout_delta_ms; /* more per round */
	int64_t repeat_ms;	  /* between repetitions of what we hold */
	bool observing;		  /* we are a validator without its file `votes` */
	/* Our signature over a proposal or vote.  The same record must give the same signature, always; it is called
	 * before the record is on disk, so it must show the signature to nobody. */
	void (*sign)(void *user, struct wire_sig *out, const struct bft_record *record);
	void *user;
};

/* Who votes at a height. */
struct bft_height {
	uint64_t height;
	uint32_t validators; /* 3 to VALIDATORS_MAX */
	uint32_t leader;     /* index of the leader of round 0 */
	int32_t own;	     /* our index; -1: we are none */
};

/* What the caller knows of a block. */
enum bft_validity {
	BFT_UNKNOWN,   /* not seen, or not judged yet */
	BFT_INVALID,   /* by the rules of the chain: never voted for */
	BFT_EARLY,     /* valid but for its time, which has not come: not prevoted before */
	BFT_UNSETTLED, /* valid, but holds what we do not see finalised, or contradicts what we do: prevoted only behind
			* a polka */
	BFT_VALID,
};

enum bft_action_kind {
	BFT_NEW_ROUND,	    /* for the log: `round` has begun */
	BFT_PROPOSE_VALUE,  /* we lead `round` and need a block: make one, keep it, call bft_propose() */
	BFT_NEED_BLOCK,	    /* judge the block `hash`, or get it and judge it: bft_block() */
	BFT_SEND_PROPOSAL,  /* write `record`, send `message` with its block */
	BFT_SEND_VOTE,	    /* write `record`, send `message` */
	BFT_PERSIST,	    /* write `record` with the next that is sent, at the latest */
	BFT_COMMIT,	    /* `certificate` decides the height: connect the block, then bft_start_height() */
	BFT_REPEAT,	    /* send everything of bft_repeat_next() to all */
	BFT_EVIDENCE,	    /* `message` and `other` contradict each other: keep both */
	BFT_OWN_KEY,	    /* `message` is ours and we do not know it; we sign nothing from now on, see above */
	BFT_INVALID_QUORUM, /* a quorum voted for `hash`, which is invalid: it or we run another protocol */
	BFT_FORK,	    /* `certificate` contradicts what was decided at this height: the protocol was broken */
};

struct bft_action {
	enum bft_action_kind kind;
	uint64_t height; /* ours; EVIDENCE, OWN_KEY: that of `message`, which may be the next; its round too */
	uint64_t round;
	struct wire_hash hash;
	struct bft_message message; /* SEND_*, EVIDENCE, OWN_KEY */
	union {
		struct bft_record record; /* SEND_*, PERSIST */
		struct bft_message other; /* EVIDENCE: the earlier one */
		struct wire_hash decided; /* FORK: the block that was decided before */
	} u;
	const struct bft_certificate *polka;	   /* SEND_*, PERSIST: to be written too; NULL: nothing new */
	const struct bft_certificate *certificate; /* COMMIT, FORK */
};

/* What is to be done, in this order.  The certificates stay valid until the next event. */
struct bft_actions {
	size_t count;
	struct bft_action items[BFT_ACTIONS_MAX];
};

struct bft;

/* `now_ms`: our start, which observing counts from.  0 or -ENOMEM. */
int bft_new(struct bft **out, const struct bft_params *params, int64_t now_ms) __attribute__((warn_unused_result));
void bft_free(struct bft *bft);

/* Before the first height: one record of the file `votes`, in the order in which they were written, with its polka or
 * NULL; both are copied.  Heights below the highest of them are never signed at again.  0, -ENOMEM, or BFT_E_FORM (no
 * validator wrote this; it is ignored). */
int bft_restore(struct bft *bft, const struct bft_record *record, const struct bft_certificate *polka)
	__attribute__((warn_unused_result));

/* The block below `height` is connected: after BFT_COMMIT, by a certified block from elsewhere, or at the start.
 * `next` are the terms of the height after it.  `earliest_ms`: when the time of the block at `height` has come by our
 * clock, which may lie in the past; round 0 begins then, or now.  `height` is above the one before.  0, or -ENOMEM:
 * only bft_free() is left to do. */
int bft_start_height(struct bft *bft, struct bft_actions *actions, const struct bft_height *height,
		     const struct bft_height *next, int64_t earliest_ms, int64_t now_ms)
	__attribute__((warn_unused_result));

/* A message whose signature verified.  0: relay it; or an enum bft_error. */
int bft_proposal(struct bft *bft, struct bft_actions *actions, const struct bft_proposal *proposal, int64_t now_ms)
	__attribute__((warn_unused_result));
int bft_vote(struct bft *bft, struct bft_actions *actions, const struct bft_vote *vote, int64_t now_ms)
	__attribute__((warn_unused_result));

/* The block that BFT_PROPOSE_VALUE asked for; valid, since we made it.  0 or BFT_E_STEP. */
int bft_propose(struct bft *bft, struct bft_actions *actions, uint64_t height, uint64_t round,
		const struct wire_hash *hash, int64_t now_ms) __attribute__((warn_unused_result));
/* What is known of a block of our height, whenever that changes.  Ignored when it is not needed. */
void bft_block(struct bft *bft, struct bft_actions *actions, uint64_t height, const struct wire_hash *hash,
	       enum bft_validity validity, int64_t now_ms);
/* A checked certificate of our height came from elsewhere and its block is about to be connected: no more is signed at
 * this height.  BFT_FORK when we have decided otherwise. */
void bft_certified(struct bft *bft, struct bft_actions *actions, const struct bft_certificate *certificate,
		   int64_t now_ms);

/* When bft_tick() has something to do next; INT64_MAX before the first height. */
int64_t bft_deadline_ms(const struct bft *bft);
void bft_tick(struct bft *bft, struct bft_actions *actions, int64_t now_ms);

/* Whether the block may be asked for or referred to again: the caller keeps such blocks of our height and the next (a
 * handful), and drops the others. */
bool bft_needs_block(const struct bft *bft, uint64_t height, const struct wire_hash *hash);

/* What a validator repeats, and sends to each newly ready peer: the proposal and all votes of its round, the prevotes
 * of valid_round, all precommits, and its own prevotes of all rounds: after a crash of many they may be what one that
 * is still in an earlier round lacks.  Start with a zeroed cursor; false: that was all.  No event may come in between.
 */
struct bft_cursor {
	bool proposed;	/* the proposal is done */
	int64_t round;	/* and the rounds below this one */
	uint32_t place; /* and so many places of it */
};
bool bft_repeat_next(const struct bft *bft, struct bft_cursor *cursor, struct bft_message *out);

enum bft_step { BFT_STEP_WAIT, BFT_STEP_PROPOSE, BFT_STEP_PREVOTE, BFT_STEP_PRECOMMIT, BFT_STEP_DECIDED };

/* For people. */
struct bft_status {
	uint64_t height; /* 0: none has started */
	uint64_t round;
	enum bft_step step;
	int64_t locked_round; /* -1: none */
	int64_t valid_round;
	uint32_t validators;
	uint32_t quorum;
	uint32_t prevotes; /* voters of our round */
	uint32_t precommits;
	bool validator; /* we are one at this height */
	bool observing; /* and sign nothing yet */
};
void bft_status(const struct bft *bft, struct bft_status *out);
/* "propose" ...; static. */
const char *bft_step_name(enum bft_step step);
/* "BFT_E_KNOWN" ..., "?" for a number that is none. */
const char *bft_error_name(int error);

#endif
