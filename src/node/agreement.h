/* SPDX-License-Identifier: MIT
 *
 * The part of the thread `consensus` that agrees on blocks with the other validators: it steps the machine of
 * consensus/bft.h, gives it blocks, has what we sign written, sends it, and hands certified blocks to the chain
 * (PROTOCOL.md §9 "With validators").
 *
 * Thread safety: the thread `consensus` alone (before it starts, whoever opens the node).
 */
#ifndef TIMED_NODE_AGREEMENT_H
#define TIMED_NODE_AGREEMENT_H

#include "consensus_impl.h"
#include "judge.h"
#include "proposals.h"
#include "timed/consensus/bft.h"

struct agreement;

/* `observing`: there is no file `votes`.  0 or -ENOMEM. */
int agreement_new(struct agreement **out, struct consensus *consensus, bool observing)
	__attribute__((warn_unused_result));
void agreement_free(struct agreement *agreement); /* NULL is fine */
/* Entries of the file, in their order.  0 or -ENOMEM. */
int agreement_restore(struct agreement *agreement, const struct bft_record *record, const struct bft_certificate *polka)
	__attribute__((warn_unused_result));
int agreement_restore_block(struct agreement *agreement, const struct wire_block *block)
	__attribute__((warn_unused_result));

/* The chain stands at this tip. */
void agreement_on_tip(struct agreement *agreement, const struct chain_point *tip);
/* Their signatures are verified.  `from` is not sent them again.  0 or an enum bft_error: they were not taken. */
int agreement_on_proposal(struct agreement *agreement, struct proposal *block, const struct bft_proposal *proposal,
			  struct peer *from);
int agreement_on_vote(struct agreement *agreement, const struct bft_vote *vote, struct peer *from);
/* A checked certificate for a proposed block; `decision` is taken.  False: not ours to connect (yet): whoever has
 * connected the block shows it again. */
bool agreement_on_certificate(struct agreement *agreement, struct decision *decision, struct peer *from);
/* What judge_submit() found; freed here. */
void agreement_on_judged(struct agreement *agreement, struct judge *judge);
/* Transactions were finalised. */
void agreement_on_finalized(struct agreement *agreement);
/* A new peer is sent what we hold of our height. */
void agreement_on_ready(struct agreement *agreement, struct peer *peer);
void agreement_tick(struct agreement *agreement, int64_t now_ms);
int64_t agreement_deadline_ms(const struct agreement *agreement);

/* The next block needs a certificate. */
bool agreement_is_needed(const struct agreement *agreement);
/* We are a validator of the height that is being agreed on, and may sign. */
bool agreement_signs(const struct agreement *agreement);
void agreement_get_status(const struct agreement *agreement, struct consensus_status *out);

#endif
