// SPDX-License-Identifier: MIT
/* The events of the machine of bft.h: each one is noted where it belongs, and then the rules (bft_rules.c) are applied.
 */
#include "timed/consensus/bft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bft_impl.h"
#include "timeproto/chain/hash.h"

static const struct wire_hash bft_nil;

static void bft_begin(struct bft *bft, struct bft_actions *actions, int64_t now_ms)
{
	actions->count = 0;
	bft->actions = actions;
	bft->now_ms = now_ms;
}

int bft_new(struct bft **out, const struct bft_params *params, int64_t now_ms)
{
	struct bft *bft = calloc(1, sizeof(*bft));

	if (!bft)
		return -ENOMEM;
	bft->params = *params;
	bft->start_ms = bft->repeat_ms = INT64_MAX;
	bft_clear_round(bft);
	bft->locked_round = bft->valid_round = -1;
	bft->observing = params->observing;
	bft->observing_ms = now_ms;
	*out = bft;
	return 0;
}

void bft_free(struct bft *bft)
{
	if (!bft)
		return;
	bft_log_free(&bft->logs[0]);
	bft_log_free(&bft->logs[1]);
	bft_restored_free(&bft->restored);
	free(bft->polka.entries);
	free(bft->certificate.entries);
	free(bft);
}

/* Room for certificates of so many.  0 or -ENOMEM. */
static int bft_reserve(struct bft *bft, uint32_t validators)
{
	struct bft_signature *polka, *certificate;

	if (validators <= bft->entries)
		return 0;
	polka = calloc(validators, sizeof(polka[0]));
	certificate = calloc(validators, sizeof(certificate[0]));
	if (!polka || !certificate) {
		free(polka);
		free(certificate);
		return -ENOMEM;
	}
	free(bft->polka.entries);
	free(bft->certificate.entries);
	bft->polka.entries = polka;
	bft->certificate.entries = certificate;
	bft->entries = validators;
	return 0;
}

/* The height that we leave has committed: whether a validator without its file may sign from now on. */
static void bft_observe(struct bft *bft)
{
	if (!bft->observing || bft->earliest_ms <= bft->observing_ms)
		return;
	bft->observed++;
	if (bft->observed >= BFT_OBSERVED_HEIGHTS)
		bft->observing = false;
}

/* A height begins from nothing, but for the messages in its log. */
static void bft_clear_height(struct bft *bft)
{
	bft->step = BFT_STEP_WAIT;
	bft->round = 0;
	bft->locked_round = bft->valid_round = -1;
	bft->locked = bft->valid = bft->decided = bft_nil;
	bft->fork_reported = bft->invalid_reported = false;
	memset(bft->blocks, 0, sizeof(bft->blocks));
	bft_clear_round(bft);
}

static bool bft_same_terms(const struct bft_height *a, const struct bft_height *b)
{
	return a->height == b->height && a->validators == b->validators && a->leader == b->leader && a->own == b->own;
}

int bft_start_height(struct bft *bft, struct bft_actions *actions, const struct bft_height *height,
		     const struct bft_height *next, int64_t earliest_ms, int64_t now_ms)
{
	struct bft_log *log = bft->log ? bft->next : &bft->logs[0];
	struct bft_log *spare = bft->log ? bft->log : &bft->logs[1];
	bool kept = bft->log && bft_same_terms(&log->terms, height);
	uint32_t most = height->validators > next->validators ? height->validators : next->validators;

	bft_begin(bft, actions, now_ms);
	if (bft_reserve(bft, most) || (!kept && bft_log_reset(log, height)) || bft_log_reset(spare, next))
		return -ENOMEM;
	if (bft->log)
		bft_observe(bft);
	if (!kept)
		bft_restore_log(bft, log);
	bft_restore_log(bft, spare);
	bft->log = log;
	bft->next = spare;
	bft->earliest_ms = earliest_ms;
	bft_clear_height(bft);
	bft->start_ms = earliest_ms > now_ms ? earliest_ms : now_ms;
	bft->repeat_ms = now_ms + bft->params.repeat_ms;
	if (bft->start_ms <= now_ms)
		bft_enter(bft);
	bft_apply(bft);
	return 0;
}

/* Two certificates at one height: looks for a second one. */
static void bft_check_fork(struct bft *bft)
{
	if (bft->step != BFT_STEP_DECIDED || bft->fork_reported)
		return;
	for (size_t i = 0; i < BFT_LOG_ROUNDS; i++) {
		const struct bft_round *round = &bft->log->rounds[i];
		const struct bft_tally *tally = &round->tallies[1];
		struct bft_action *action;

		if (round->round < 0 || !tally->quorum || hash_is_zero(&tally->hash) ||
		    hash_equal(&tally->hash, &bft->decided))
			continue;
		bft->fork_reported = true;
		bft_log_certificate(bft->log, &bft->polka, round, WIRE_PHASE_PRECOMMIT, &tally->hash);
		action = bft_act(bft, BFT_FORK);
		action->hash = tally->hash;
		action->u.decided = bft->decided;
		action->certificate = &bft->polka;
		return;
	}
}

/* The log for messages of that height; NULL and *error when none is kept. */
static struct bft_log *bft_log_for(const struct bft *bft, uint64_t height, int *error)
{
	if (bft->log && height == bft->log->terms.height)
		return bft->log;
	if (bft->log && height == bft->next->terms.height)
		return bft->next;
	*error = bft->log && height < bft->log->terms.height ? BFT_E_HEIGHT_OLD : BFT_E_HEIGHT_NEW;
	return NULL;
}

/* What an added message means for our height. */
static void bft_added(struct bft *bft, const struct bft_log *log, const struct bft_finding *finding,
		      const struct bft_message *message)
{
	if (finding->evidence) {
		struct bft_action *action = bft_act(bft, BFT_EVIDENCE);

		bft_about(action, message);
		action->u.other = finding->earlier;
	}
	if (log == bft->log) {
		bft_apply(bft);
		bft_check_fork(bft);
	}
}

/* Whether a vote is one that a rule waits for now, which counts even of an equivocator. */
static bool bft_wants_vote(const struct bft *bft, const struct bft_vote *vote)
{
	const struct bft_proposal *current = bft_current(bft);
	int64_t round = (int64_t)vote->round;

	if (vote->phase == WIRE_PHASE_PRECOMMIT)
		return bft_log_quorum(bft_log_find(bft->log, round), WIRE_PHASE_PREVOTE, &vote->hash);
	return current && hash_equal(&current->hash, &vote->hash) &&
	       (round == bft->round || round == current->valid_round);
}

/* A message by our own key that we cannot have forgotten: is it new to us? */
static bool bft_is_foreign(const struct bft *bft, const struct bft_log *log, uint32_t sender, uint64_t round)
{
	return (int64_t)sender == log->terms.own && (int64_t)round > log->forgotten &&
	       log->terms.height >= bft->restored.height;
}

int bft_vote(struct bft *bft, struct bft_actions *actions, const struct bft_vote *vote, int64_t now_ms)
{
	struct bft_message message = {.kind = BFT_MESSAGE_VOTE, .u.vote = *vote};
	struct bft_finding finding;
	struct bft_log *log;
	int r;

	bft_begin(bft, actions, now_ms);
	log = bft_log_for(bft, vote->height, &r);
	if (!log)
		return r;
	if (vote->round > BFT_ROUND_MAX || (vote->phase != WIRE_PHASE_PREVOTE && vote->phase != WIRE_PHASE_PRECOMMIT))
		return BFT_E_FORM;
	if (vote->voter >= log->terms.validators)
		return BFT_E_STRANGER;
	r = bft_log_vote(log, &finding, vote, log == bft->log && bft_wants_vote(bft, vote));
	if (r != BFT_E_KNOWN && bft_is_foreign(bft, log, vote->voter, vote->round))
		bft_foreign(bft, &message);
	bft_added(bft, log, &finding, &message);
	return r;
}

int bft_proposal(struct bft *bft, struct bft_actions *actions, const struct bft_proposal *proposal, int64_t now_ms)
{
	struct bft_message message = {.kind = BFT_MESSAGE_PROPOSAL, .u.proposal = *proposal};
	struct bft_finding finding;
	struct bft_log *log;
	int r;

	bft_begin(bft, actions, now_ms);
	log = bft_log_for(bft, proposal->height, &r);
	if (!log)
		return r;
	if (proposal->round > BFT_ROUND_MAX || proposal->valid_round < -1 ||
	    proposal->valid_round >= (int64_t)proposal->round || hash_is_zero(&proposal->hash))
		return BFT_E_FORM;
	if (proposal->proposer >= log->terms.validators)
		return BFT_E_STRANGER;
	if (!bft_leads(log, proposal->proposer, proposal->round))
		return BFT_E_LEADER;
	r = bft_log_proposal(log, &finding, proposal);
	if (r == BFT_E_ROUND && log == bft->log && bft->step != BFT_STEP_WAIT && bft->step != BFT_STEP_DECIDED &&
	    bft_rule_skip(bft))
		r = bft_log_proposal(log, &finding, proposal);
	if (r != BFT_E_KNOWN && bft_is_foreign(bft, log, proposal->proposer, proposal->round))
		bft_foreign(bft, &message);
	if (log == bft->log) {
		bft_protect(bft);
		bft_block_arrived(bft, &proposal->hash);
	}
	bft_added(bft, log, &finding, &message);
	return r;
}

int bft_propose(struct bft *bft, struct bft_actions *actions, uint64_t height, uint64_t round,
		const struct wire_hash *hash, int64_t now_ms)
{
	bft_begin(bft, actions, now_ms);
	if (!bft->log || height != bft->log->terms.height || (int64_t)round != bft->round ||
	    bft->step != BFT_STEP_PROPOSE || bft->valid_round >= 0 || !bft_we_lead(bft) || !bft_may_sign(bft) ||
	    bft_current(bft))
		return BFT_E_STEP;
	bft_block_find(bft, hash)->validity = BFT_VALID;
	bft_send_proposal(bft, hash, -1);
	bft_apply(bft);
	return 0;
}

void bft_block(struct bft *bft, struct bft_actions *actions, uint64_t height, const struct wire_hash *hash,
	       enum bft_validity validity, int64_t now_ms)
{
	bft_begin(bft, actions, now_ms);
	/* What is not needed may be dropped at any moment, so nothing may be made of it. */
	if (!bft_needs_block(bft, height, hash) || height != bft->log->terms.height)
		return;
	bft_block_find(bft, hash)->validity = validity;
	bft_apply(bft);
	bft_check_fork(bft);
}

void bft_certified(struct bft *bft, struct bft_actions *actions, const struct bft_certificate *certificate,
		   int64_t now_ms)
{
	bft_begin(bft, actions, now_ms);
	if (!bft->log || certificate->height != bft->log->terms.height)
		return;
	if (bft->step != BFT_STEP_DECIDED) {
		bft->step = BFT_STEP_DECIDED;
		bft->decided = certificate->hash;
		bft_clear_round(bft);
		bft_check_fork(bft);
	} else if (!hash_equal(&certificate->hash, &bft->decided) && !bft->fork_reported) {
		struct bft_action *action = bft_act(bft, BFT_FORK);

		bft->fork_reported = true;
		action->hash = certificate->hash;
		action->u.decided = bft->decided;
		action->certificate = certificate;
	}
}

/* The deadline of the step that we are in. */
static int64_t bft_step_deadline(const struct bft *bft)
{
	switch (bft->step) {
	case BFT_STEP_WAIT:
		return bft->start_ms;
	case BFT_STEP_PROPOSE:
		return bft->timeout_propose_ms;
	case BFT_STEP_PREVOTE:
		return bft->timeout_prevote_ms;
	case BFT_STEP_PRECOMMIT:
	case BFT_STEP_DECIDED:
		break;
	}
	return INT64_MAX;
}

int64_t bft_deadline_ms(const struct bft *bft)
{
	int64_t deadline = bft_step_deadline(bft);

	if (bft->timeout_precommit_ms < deadline)
		deadline = bft->timeout_precommit_ms;
	return bft->repeat_ms < deadline ? bft->repeat_ms : deadline;
}

void bft_tick(struct bft *bft, struct bft_actions *actions, int64_t now_ms)
{
	bool repeat;

	bft_begin(bft, actions, now_ms);
	if (!bft->log)
		return;
	bft_timeouts(bft);
	repeat = now_ms >= bft->repeat_ms;
	if (repeat) {
		bft->repeat_ms = now_ms + bft->params.repeat_ms;
		for (size_t i = 0; i < BFT_BLOCKS; i++)
			bft->blocks[i].asked = false;
	}
	bft_apply(bft);
	bft_check_fork(bft);
	/* After whatever was signed now: that is in the log, and what is repeated must be on disk. */
	if (repeat && bft->log->terms.own >= 0)
		(void)bft_act(bft, BFT_REPEAT);
}
