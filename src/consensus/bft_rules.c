// SPDX-License-Identifier: MIT
/* The rules of Tendermint, for the machine of bft.h.
 *
 * Every rule below names the lines of algorithm 1 of arXiv:1807.04938 that it is, and the table bft_rules is tried from
 * its top until none applies.  With n validators f is n - quorum, and 2f + 1 is the quorum.  Different from the paper:
 *
 *  - a block is judged outside, so "valid(v)" may be not known yet: a rule that needs it waits;
 *  - lines 36 and 49 need the block, not its proposal: a quorum proves that one was made, and an equivocating leader
 * may have shown us another;
 *  - line 55 takes f + 1 messages of any rounds beyond ours, and skips to the lowest of the f + 1 highest: of a voter's
 *    rounds only its highest is kept;
 *  - round 0 waits for the time of the block, and a leader has a propose timeout as well, as it may fail to make one.
 */
#include "bft_impl.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/leader.h"

static const struct wire_hash bft_nil;

/* "timeoutPropose(round)" and the others, from now. */
static int64_t bft_timeout(const struct bft *bft)
{
	return bft->now_ms + bft->params.timeout_ms + bft->params.timeout_delta_ms * bft->round;
}

bool bft_leads(const struct bft_log *log, uint32_t validator, uint64_t round)
{
	return leader_of_round(log->terms.leader, round, log->terms.validators) == validator;
}

bool bft_we_lead(const struct bft *bft)
{
	return bft->log->terms.own >= 0 && bft_leads(bft->log, (uint32_t)bft->log->terms.own, (uint64_t)bft->round);
}

const struct bft_proposal *bft_current(const struct bft *bft)
{
	const struct bft_round *round = bft_log_find(bft->log, bft->round);

	return round && round->proposed ? &round->proposal : NULL;
}

/* A quorum of votes of any kind in our round. */
static bool bft_heard_quorum(const struct bft *bft, enum wire_phase phase)
{
	const struct bft_round *round = bft_log_find(bft->log, bft->round);

	return round && round->tallies[phase == WIRE_PHASE_PRECOMMIT].voters >= bft->log->quorum;
}

void bft_protect(struct bft *bft)
{
	const struct bft_proposal *current = bft_current(bft);

	bft->log->protected[0] = bft->locked_round;
	bft->log->protected[1] = bft->valid_round;
	bft->log->protected[2] = current ? current->valid_round : -1;
	bft_block_forget(bft);
}

/* Lines 14-19: what a leader does when its round begins. */
static void bft_lead(struct bft *bft)
{
	if (!bft_we_lead(bft) || !bft_may_sign(bft) || bft_current(bft))
		return;
	if (bft->valid_round >= 0)
		bft_send_proposal(bft, &bft->valid, bft->valid_round);
	else
		(void)bft_act(bft, BFT_PROPOSE_VALUE);
}

void bft_clear_round(struct bft *bft)
{
	bft->polka_done = bft->prevotes_done = bft->precommits_done = false;
	bft->timeout_propose_ms = bft->timeout_prevote_ms = bft->timeout_precommit_ms = INT64_MAX;
}

/* Lines 11-21: StartRound(round). */
static void bft_start_round(struct bft *bft, int64_t round)
{
	bft->round = round;
	bft->step = BFT_STEP_PROPOSE;
	bft_clear_round(bft);
	bft_log_advance(bft->log, round);
	bft_protect(bft);
	(void)bft_act(bft, BFT_NEW_ROUND);
	bft->timeout_propose_ms = bft_timeout(bft);
	bft_lead(bft);
}

static void bft_prevote(struct bft *bft, const struct wire_hash *hash)
{
	bft_send_vote(bft, WIRE_PHASE_PREVOTE, hash, false);
	bft->step = BFT_STEP_PREVOTE;
}

static void bft_precommit(struct bft *bft, const struct wire_hash *hash, bool new_polka)
{
	bft_send_vote(bft, WIRE_PHASE_PRECOMMIT, hash, new_polka);
	bft->step = BFT_STEP_PRECOMMIT;
}

/* Lines 49-54: a quorum of precommits for a block, in whatever round. */
static bool bft_rule_commit(struct bft *bft)
{
	const struct bft_round *round = bft->log->decisive;
	const struct wire_hash *hash;
	struct bft_action *action;

	if (!round || bft->step == BFT_STEP_DECIDED)
		return false;
	hash = &round->tallies[1].hash;
	switch (bft_block_validity(bft, hash)) {
	case BFT_UNKNOWN:
		bft_block_need(bft, hash);
		return false;
	case BFT_INVALID:
		if (!bft->invalid_reported)
			bft_act(bft, BFT_INVALID_QUORUM)->hash = *hash;
		bft->invalid_reported = true;
		return false;
	case BFT_EARLY:
	case BFT_UNSETTLED:
	case BFT_VALID:
		break;
	}
	bft->step = BFT_STEP_DECIDED;
	bft->decided = *hash;
	bft_clear_round(bft);
	bft_log_certificate(bft->log, &bft->certificate, round, WIRE_PHASE_PRECOMMIT, hash);
	action = bft_act(bft, BFT_COMMIT);
	action->round = (uint64_t)round->round;
	action->hash = *hash;
	action->certificate = &bft->certificate;
	return true;
}

/* Lines 55-56: f + 1 validators are further than we are. */
bool bft_rule_skip(struct bft *bft)
{
	int64_t round = bft_log_skip(bft->log);

	if (round < 0)
		return false;
	bft_start_round(bft, round);
	return true;
}

/* Lines 22-27: a fresh proposal. */
static bool bft_rule_propose_new(struct bft *bft)
{
	const struct bft_proposal *current = bft_current(bft);
	enum bft_validity validity;

	if (bft->step != BFT_STEP_PROPOSE || !current || current->valid_round != -1)
		return false;
	validity = bft_block_validity(bft, &current->hash);
	if (validity == BFT_INVALID || (bft->locked_round != -1 && !hash_equal(&bft->locked, &current->hash))) {
		bft_prevote(bft, &bft_nil);
		return true;
	}
	if (validity != BFT_VALID) {
		bft_block_need(bft, &current->hash);
		return false;
	}
	bft_prevote(bft, &current->hash);
	return true;
}

/* Lines 28-33: a proposal that had a polka in an earlier round.  That f + 1 honest ones have prevoted it there is word
 * enough of its transactions. */
static bool bft_rule_propose_valid(struct bft *bft)
{
	const struct bft_proposal *current = bft_current(bft);
	enum bft_validity validity;

	if (bft->step != BFT_STEP_PROPOSE || !current || current->valid_round < 0 ||
	    !bft_log_quorum(bft_log_find(bft->log, current->valid_round), WIRE_PHASE_PREVOTE, &current->hash))
		return false;
	validity = bft_block_validity(bft, &current->hash);
	if (validity == BFT_INVALID ||
	    (bft->locked_round > current->valid_round && !hash_equal(&bft->locked, &current->hash))) {
		bft_prevote(bft, &bft_nil);
		return true;
	}
	if (validity != BFT_VALID && validity != BFT_UNSETTLED) {
		bft_block_need(bft, &current->hash);
		return false;
	}
	bft_prevote(bft, &current->hash);
	return true;
}

/* Lines 34-35: a quorum has prevoted, but not for the same. */
static bool bft_rule_prevotes(struct bft *bft)
{
	if (bft->step != BFT_STEP_PREVOTE || bft->prevotes_done || !bft_heard_quorum(bft, WIRE_PHASE_PREVOTE))
		return false;
	bft->prevotes_done = true;
	bft->timeout_prevote_ms = bft_timeout(bft);
	return true;
}

/* Lines 36-43: a polka for a block in our round. */
static bool bft_rule_polka(struct bft *bft)
{
	const struct bft_round *round = bft_log_find(bft->log, bft->round);
	const struct bft_tally *prevotes = round ? &round->tallies[0] : NULL;
	enum bft_validity validity;

	if ((bft->step != BFT_STEP_PREVOTE && bft->step != BFT_STEP_PRECOMMIT) || bft->polka_done || !prevotes ||
	    !prevotes->quorum || hash_is_zero(&prevotes->hash))
		return false;
	validity = bft_block_validity(bft, &prevotes->hash);
	if (validity == BFT_UNKNOWN)
		bft_block_need(bft, &prevotes->hash);
	if (validity == BFT_INVALID || validity == BFT_UNKNOWN)
		return false;
	bft->polka_done = true;
	bft->valid = prevotes->hash;
	bft->valid_round = bft->round;
	if (bft->step == BFT_STEP_PREVOTE) {
		bft->locked = bft->valid;
		bft->locked_round = bft->round;
		bft_protect(bft);
		bft_precommit(bft, &bft->valid, true);
	} else {
		bft_protect(bft);
		bft_send_state(bft);
	}
	return true;
}

/* Lines 44-46: a polka for nil. */
static bool bft_rule_nil(struct bft *bft)
{
	if (bft->step != BFT_STEP_PREVOTE ||
	    !bft_log_quorum(bft_log_find(bft->log, bft->round), WIRE_PHASE_PREVOTE, &bft_nil))
		return false;
	bft_precommit(bft, &bft_nil, false);
	return true;
}

/* Lines 47-48: a quorum has precommitted, but not for the same. */
static bool bft_rule_precommits(struct bft *bft)
{
	if (bft->precommits_done || !bft_heard_quorum(bft, WIRE_PHASE_PRECOMMIT))
		return false;
	bft->precommits_done = true;
	bft->timeout_precommit_ms = bft_timeout(bft);
	return true;
}

/* Tried in this order; `waiting`: also before round 0. */
static const struct {
	const char *lines; /* of the paper */
	bool waiting;
	bool (*apply)(struct bft *bft); /* false: does not apply now */
} bft_rules[] = {
	{"49-54", true, bft_rule_commit},	{"55-56", false, bft_rule_skip},
	{"22-27", false, bft_rule_propose_new}, {"28-33", false, bft_rule_propose_valid},
	{"36-43", false, bft_rule_polka},	{"44-46", false, bft_rule_nil},
	{"34-35", false, bft_rule_prevotes},	{"47-48", false, bft_rule_precommits},
};

/* Applies the rules until none does: each changes a step, a round or a mark for good. */
void bft_apply(struct bft *bft)
{
	size_t i = 0;

	while (i < sizeof(bft_rules) / sizeof(bft_rules[0]) && bft->step != BFT_STEP_DECIDED) {
		if ((bft->step != BFT_STEP_WAIT || bft_rules[i].waiting) && bft_rules[i].apply(bft))
			i = 0;
		else
			i++;
	}
}

void bft_enter(struct bft *bft)
{
	bft->start_ms = INT64_MAX;
	if (bft->restored.height != bft->log->terms.height) {
		bft_start_round(bft, 0);
		return;
	}
	bft_restore_state(bft);
	bft_log_advance(bft->log, bft->round);
	bft_clear_round(bft);
	bft_protect(bft);
	(void)bft_act(bft, BFT_NEW_ROUND);
	if (bft->step == BFT_STEP_PROPOSE) {
		bft->timeout_propose_ms = bft_timeout(bft);
		bft_lead(bft);
	}
}

/* Lines 57-67: OnTimeoutPropose, OnTimeoutPrevote, OnTimeoutPrecommit; and the begin of round 0. */
void bft_timeouts(struct bft *bft)
{
	if (bft->step == BFT_STEP_WAIT && bft->now_ms >= bft->start_ms)
		bft_enter(bft);
	else if (bft->step == BFT_STEP_PROPOSE && bft->now_ms >= bft->timeout_propose_ms)
		bft_prevote(bft, &bft_nil);
	else if (bft->step == BFT_STEP_PREVOTE && bft->now_ms >= bft->timeout_prevote_ms)
		bft_precommit(bft, &bft_nil, false);
	else if (bft->now_ms >= bft->timeout_precommit_ms)
		bft_start_round(bft, bft->round + 1);
}
