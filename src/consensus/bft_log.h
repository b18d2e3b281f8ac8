/* SPDX-License-Identifier: MIT
 *
 * The message log of one height: proposals and votes by round, counted as they come in (PROTOCOL.md §9 "Gossip").
 * What is made of the counts is decided in bft_rules.c.
 *
 * Kept are the rounds up to ours + 1, and of each voter its highest beyond that.  Of the rounds below ours the lowest
 * are given up when there are more than BFT_LOG_ROUNDS; those that the caller names stay.
 *
 * An equivocator's votes.  The first counts.  One contradicting it is kept as well and counts as well, as in the paper,
 * where every message is delivered: else a liar could let one validator see a quorum that the others never see, and so
 * make it lock a block that nobody else accepts.  Of further ones only the vote that matters now takes the place of one
 * that does not.
 *
 * Thread safety: one owner.  Memory: bft_log_reset() allocates, nothing else.
 */
#ifndef TIMED_CONSENSUS_BFT_LOG_H
#define TIMED_CONSENSUS_BFT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/consensus/bft.h"

#define BFT_LOG_ROUNDS 32
/* Rounds that the caller can protect. */
#define BFT_LOG_PROTECTED 4

struct bft_slot {
	struct wire_hash hash;
	struct wire_sig signature;
	bool present;
};

/* What one voter said in one phase of one round. */
struct bft_ballot {
	struct bft_slot votes[2]; /* the first, and one that contradicts it */
	bool reported;		  /* evidence was given */
};

struct bft_tally {
	uint32_t voters;       /* distinct ones */
	bool quorum;	       /* a quorum voted for `hash` */
	struct wire_hash hash; /* zero: nil */
};

struct bft_round {
	int64_t round; /* -1: unused */
	bool proposed; /* `proposal` is there: the first of its leader */
	bool reported; /* evidence was given of a second one */
	struct bft_proposal proposal;
	struct bft_tally tallies[2]; /* prevotes, precommits */
	struct bft_ballot *ballots;  /* prevotes of all voters, then precommits */
};

/* The highest round of a voter beyond ours + 1. */
struct bft_far {
	int64_t round; /* -1: none */
	bool reported; /* evidence was given, of whatever round: there are so many */
	struct bft_slot votes[2];
};

struct bft_log {
	struct bft_height terms;
	uint32_t quorum;
	uint32_t capacity;		      /* validators that the memory has room for */
	int64_t ours;			      /* our round, 0 before the height starts */
	int64_t forgotten;		      /* the highest round that was given up; -1: none */
	int64_t protected[BFT_LOG_PROTECTED]; /* rounds to keep; -1: none */
	struct bft_round rounds[BFT_LOG_ROUNDS];
	struct bft_ballot *ballots; /* of all rounds */
	struct bft_far *far;	    /* by voter */
	int64_t *heard;		    /* by voter: the highest round of any message; -1: silent */
	struct bft_round *decisive; /* a round with a quorum of precommits for a block; NULL: none yet */
};

/* Makes an empty log for the height; the memory of an earlier one is used again.  0 or -ENOMEM (unchanged). */
int bft_log_reset(struct bft_log *log, const struct bft_height *terms) __attribute__((warn_unused_result));
void bft_log_free(struct bft_log *log);

/* Our round is now this one; what is kept beyond moves in. */
void bft_log_advance(struct bft_log *log, int64_t round);
/* NULL: nothing is kept of that round. */
struct bft_round *bft_log_find(const struct bft_log *log, int64_t round);
/* The same, made when there is none; NULL: too old to be worth it.  `wanted`: it matters, however old. */
struct bft_round *bft_log_open(struct bft_log *log, int64_t round, bool wanted);
/* The round that f + 1 voters have reached beyond ours (one of them does not lie); -1: none. */
int64_t bft_log_skip(const struct bft_log *log);

/* What adding a message brought to light. */
struct bft_finding {
	bool evidence; /* `earlier` contradicts it, for the first time */
	struct bft_message earlier;
};

/* Takes a well-formed vote of this height.  `wanted`: it matters now (see above).  0, BFT_E_KNOWN, BFT_E_ROUND or
 * BFT_E_EQUIVOCATION. */
int bft_log_vote(struct bft_log *log, struct bft_finding *finding, const struct bft_vote *vote, bool wanted);
/* Takes a well-formed proposal of its leader.  The same outcomes. */
int bft_log_proposal(struct bft_log *log, struct bft_finding *finding, const struct bft_proposal *proposal);

/* Whether a quorum voted for `hash` in that phase of that round (NULL: unknown round). */
bool bft_log_quorum(const struct bft_round *round, enum wire_phase phase, const struct wire_hash *hash);
/* The ballot of a voter. */
struct bft_ballot *bft_log_ballot(const struct bft_log *log, const struct bft_round *round, enum wire_phase phase,
				  uint32_t voter);
/* The slot of a vote for `hash`; NULL: none. */
const struct bft_slot *bft_log_slot(const struct bft_ballot *ballot, const struct wire_hash *hash);
/* Fills in a certificate whose `entries` have room for every validator. */
void bft_log_certificate(const struct bft_log *log, struct bft_certificate *out, const struct bft_round *round,
			 enum wire_phase phase, const struct wire_hash *hash);

#endif
