/* SPDX-License-Identifier: MIT
 *
 * The parts of the machine of bft.h: its state (here), the events (bft.c), the rules (bft_rules.c), what goes out
 * (bft_send.c), what comes back from the disk (bft_restore.c), the messages by round (bft_log.h).
 *
 * Thread safety: one owner.
 */
#ifndef TIMED_CONSENSUS_BFT_IMPL_H
#define TIMED_CONSENSUS_BFT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bft_log.h"
#include "timed/consensus/bft.h"

/* Blocks that are talked about: of the rounds around ours, locked, valid, decisive.  One that falls out is asked for
 * again. */
#define BFT_BLOCKS 16

/* Heights that must commit before a validator without its file signs again. */
#define BFT_OBSERVED_HEIGHTS 2

/* What is known of a block of our height. */
struct bft_block_state {
	bool used;
	bool asked; /* BFT_NEED_BLOCK was given and not answered yet */
	struct wire_hash hash;
	enum bft_validity validity;
};

/* What bft_restore() took in: all of one height. */
struct bft_restored {
	uint64_t height; /* 0: nothing */
	struct bft_record *records;
	size_t count;
	size_t capacity;
	struct bft_certificate polka; /* count 0: none */
};

struct bft {
	struct bft_params params;
	struct bft_actions *actions; /* of the event in hand */
	int64_t now_ms;		     /* of the event in hand */

	struct bft_log logs[2];
	struct bft_log *log;  /* messages of our height; NULL before the first */
	struct bft_log *next; /* those of the height after it */

	/* The state of the paper's process; `round` is log->ours. */
	enum bft_step step;
	int64_t round;
	int64_t locked_round; /* -1: none, then `locked` is zero */
	struct wire_hash locked;
	int64_t valid_round;
	struct wire_hash valid;
	bool polka_done;      /* line 36, "for the first time" of this round */
	bool prevotes_done;   /* line 34 */
	bool precommits_done; /* line 47 */

	/* INT64_MAX: not scheduled. */
	int64_t start_ms; /* begin of round 0, while step is WAIT */
	int64_t timeout_propose_ms;
	int64_t timeout_prevote_ms;
	int64_t timeout_precommit_ms;
	int64_t repeat_ms;
	int64_t earliest_ms; /* when the time of our height's block comes */

	struct wire_hash decided; /* in step DECIDED */
	bool fork_reported;
	bool invalid_reported;

	struct bft_block_state blocks[BFT_BLOCKS];
	size_t next_block; /* the next to fall out */

	bool observing;
	int64_t observing_ms; /* since then */
	int observed;	      /* heights that committed and count */
	struct bft_restored restored;

	struct bft_certificate polka; /* buffers of actions, with room for every validator */
	struct bft_certificate certificate;
	uint32_t entries; /* that room */
};

/* Applies the rules until none does. */
void bft_apply(struct bft *bft);
/* Lines 55-56 of the paper; true: a round has begun. */
bool bft_rule_skip(struct bft *bft);
/* Lines 57-67, and the begin of round 0: what the time has brought. */
void bft_timeouts(struct bft *bft);
/* The time of round 0 has come, or that of the round in which we stopped. */
void bft_enter(struct bft *bft);
/* A round begins with no marks and no timeouts. */
void bft_clear_round(struct bft *bft);
/* Our round, lock or valid block has changed: which old votes may still be needed, and which blocks the caller may have
 * dropped. */
void bft_protect(struct bft *bft);
/* Whether that validator leads the round. */
bool bft_leads(const struct bft_log *log, uint32_t validator, uint64_t round);
bool bft_we_lead(const struct bft *bft);
/* The proposal of our round; NULL: none yet. */
const struct bft_proposal *bft_current(const struct bft *bft);

/* The vote or proposal of ours in this round: signed, kept in the log, and put into an action with its record; nothing
 * when we must not sign.  `new_polka`: valid_round has changed. */
void bft_send_vote(struct bft *bft, enum wire_phase phase, const struct wire_hash *hash, bool new_polka);
void bft_send_proposal(struct bft *bft, const struct wire_hash *hash, int64_t valid_round);
/* locked or valid has changed, and nothing is sent that would say so. */
void bft_send_state(struct bft *bft);
/* The message of a record of ours, signed. */
void bft_make_message(const struct bft *bft, struct bft_message *out, const struct bft_record *record, uint32_t own);
/* Appends an action of our height and round. */
struct bft_action *bft_act(struct bft *bft, enum bft_action_kind kind);
/* It is about a message of somebody: of the height and round of that. */
void bft_about(struct bft_action *action, const struct bft_message *message);
/* Whether we may sign at our height. */
bool bft_may_sign(const struct bft *bft);

/* Puts our own messages that were restored into a log that has just been made, if it is of their height. */
void bft_restore_log(struct bft *bft, struct bft_log *log);
/* The state that the restored records leave behind; the log is that of our height. */
void bft_restore_state(struct bft *bft);
void bft_restored_free(struct bft_restored *restored);

/* A message by our own key that is new to us. */
void bft_foreign(struct bft *bft, const struct bft_message *message);

/* What is known of a block, made when there is nothing. */
struct bft_block_state *bft_block_find(struct bft *bft, const struct wire_hash *hash);
enum bft_validity bft_block_validity(const struct bft *bft, const struct wire_hash *hash);
/* Asks the caller about a block; again after it has come in once more, and with every repetition. */
void bft_block_need(struct bft *bft, const struct wire_hash *hash);
/* Nothing is known any more of blocks that are not needed. */
void bft_block_forget(struct bft *bft);
/* A proposal has brought the block. */
void bft_block_arrived(struct bft *bft, const struct wire_hash *hash);

#endif
