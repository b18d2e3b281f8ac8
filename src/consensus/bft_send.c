// SPDX-License-Identifier: MIT
/* What goes out of the machine of bft.h: our votes and proposals with their records, questions about blocks, and the
 * list that is repeated. */
#include <stdlib.h>
#include <string.h>

#include "bft_impl.h"
#include "timeproto/chain/hash.h"

struct bft_action *bft_act(struct bft *bft, enum bft_action_kind kind)
{
	struct bft_actions *actions = bft->actions;
	struct bft_action *action;

	/* An event changes a step thrice and a round twice at most. */
	if (actions->count == BFT_ACTIONS_MAX)
		abort();
	action = &actions->items[actions->count++];
	memset(action, 0, sizeof(*action));
	action->kind = kind;
	action->height = bft->log->terms.height;
	action->round = (uint64_t)bft->round;
	return action;
}

void bft_about(struct bft_action *action, const struct bft_message *message)
{
	bool vote = message->kind == BFT_MESSAGE_VOTE;

	action->height = vote ? message->u.vote.height : message->u.proposal.height;
	action->round = vote ? message->u.vote.round : message->u.proposal.round;
	action->message = *message;
}

bool bft_may_sign(const struct bft *bft)
{
	const struct bft_height *terms = &bft->log->terms;

	return terms->own >= 0 && !bft->observing && terms->height >= bft->restored.height;
}

static void bft_make_record(const struct bft *bft, struct bft_record *record, enum bft_record_kind kind,
			    const struct wire_hash *hash, int64_t proposal_round)
{
	*record = (struct bft_record){.kind = kind,
				      .height = bft->log->terms.height,
				      .round = (uint64_t)bft->round,
				      .hash = *hash,
				      .proposal_round = proposal_round,
				      .locked_round = bft->locked_round,
				      .locked = bft->locked,
				      .valid_round = bft->valid_round,
				      .valid = bft->valid};
}

void bft_make_message(const struct bft *bft, struct bft_message *out, const struct bft_record *record, uint32_t own)
{
	if (record->kind == BFT_RECORD_PROPOSAL) {
		out->kind = BFT_MESSAGE_PROPOSAL;
		out->u.proposal = (struct bft_proposal){.height = record->height,
							.round = record->round,
							.valid_round = record->proposal_round,
							.proposer = own,
							.hash = record->hash};
		bft->params.sign(bft->params.user, &out->u.proposal.signature, record);
		return;
	}
	out->kind = BFT_MESSAGE_VOTE;
	out->u.vote = (struct bft_vote){.height = record->height,
					.round = record->round,
					.phase = record->kind == BFT_RECORD_PREVOTE ? WIRE_PHASE_PREVOTE
										    : WIRE_PHASE_PRECOMMIT,
					.voter = own,
					.hash = record->hash};
	bft->params.sign(bft->params.user, &out->u.vote.signature, record);
}

/* The prevotes behind valid_round, in the buffer. */
static const struct bft_certificate *bft_make_polka(struct bft *bft)
{
	bft_log_certificate(bft->log, &bft->polka, bft_log_find(bft->log, bft->valid_round), WIRE_PHASE_PREVOTE,
			    &bft->valid);
	return &bft->polka;
}

void bft_send_vote(struct bft *bft, enum wire_phase phase, const struct wire_hash *hash, bool new_polka)
{
	const struct bft_round *round = bft_log_find(bft->log, bft->round);
	uint32_t own = (uint32_t)bft->log->terms.own;
	struct bft_finding ignored;
	struct bft_record record;
	struct bft_action *action;

	/* Whatever else goes wrong: never a second vote. */
	if (!bft_may_sign(bft) || bft_log_ballot(bft->log, round, phase, own)->votes[0].present)
		return;
	bft_make_record(bft, &record, phase == WIRE_PHASE_PREVOTE ? BFT_RECORD_PREVOTE : BFT_RECORD_PRECOMMIT, hash,
			-1);
	action = bft_act(bft, BFT_SEND_VOTE);
	action->hash = *hash;
	bft_make_message(bft, &action->message, &record, own);
	action->u.record = record;
	action->polka = new_polka ? bft_make_polka(bft) : NULL;
	if (bft_log_vote(bft->log, &ignored, &action->message.u.vote, true))
		abort();
}

void bft_send_proposal(struct bft *bft, const struct wire_hash *hash, int64_t valid_round)
{
	struct bft_finding ignored;
	struct bft_record record;
	struct bft_action *action;

	bft_make_record(bft, &record, BFT_RECORD_PROPOSAL, hash, valid_round);
	action = bft_act(bft, BFT_SEND_PROPOSAL);
	action->hash = *hash;
	bft_make_message(bft, &action->message, &record, (uint32_t)bft->log->terms.own);
	action->u.record = record;
	if (bft_log_proposal(bft->log, &ignored, &action->message.u.proposal))
		abort();
}

void bft_send_state(struct bft *bft)
{
	static const struct wire_hash none;
	struct bft_action *action;

	if (!bft_may_sign(bft))
		return;
	action = bft_act(bft, BFT_PERSIST);
	bft_make_record(bft, &action->u.record, BFT_RECORD_STATE, &none, -1);
	action->polka = bft_make_polka(bft);
}

void bft_foreign(struct bft *bft, const struct bft_message *message)
{
	if (!bft->observing) {
		bft_about(bft_act(bft, BFT_OWN_KEY), message);
	}
	bft->observing = true;
	bft->observing_ms = bft->now_ms;
	bft->observed = 0;
}

bool bft_needs_block(const struct bft *bft, uint64_t height, const struct wire_hash *hash)
{
	const struct bft_log *log = bft->log;
	const struct bft_round *round;

	if (!log || hash_is_zero(hash))
		return false;
	if (height == log->terms.height) {
		round = bft_log_find(log, bft->round);
		if (hash_equal(hash, &bft->locked) || hash_equal(hash, &bft->valid) ||
		    hash_equal(hash, &bft->decided) || bft_log_quorum(round, WIRE_PHASE_PREVOTE, hash) ||
		    bft_log_quorum(log->decisive, WIRE_PHASE_PRECOMMIT, hash))
			return true;
	} else if (height == bft->next->terms.height) {
		log = bft->next;
	} else {
		return false;
	}
	for (int64_t i = log->ours - 1; i <= log->ours + 1; i++) {
		round = bft_log_find(log, i);
		if (round && round->proposed && hash_equal(&round->proposal.hash, hash))
			return true;
	}
	return false;
}

struct bft_block_state *bft_block_find(struct bft *bft, const struct wire_hash *hash)
{
	struct bft_block_state *state = NULL;

	for (size_t i = 0; i < BFT_BLOCKS; i++) {
		if (bft->blocks[i].used && hash_equal(&bft->blocks[i].hash, hash))
			return &bft->blocks[i];
	}
	for (size_t i = 0; i < BFT_BLOCKS; i++) {
		state = &bft->blocks[bft->next_block++ % BFT_BLOCKS];
		if (!state->used || !bft_needs_block(bft, bft->log->terms.height, &state->hash))
			break;
	}
	*state = (struct bft_block_state){.used = true, .hash = *hash};
	return state;
}

enum bft_validity bft_block_validity(const struct bft *bft, const struct wire_hash *hash)
{
	for (size_t i = 0; i < BFT_BLOCKS; i++) {
		if (bft->blocks[i].used && hash_equal(&bft->blocks[i].hash, hash))
			return bft->blocks[i].validity;
	}
	return BFT_UNKNOWN;
}

void bft_block_need(struct bft *bft, const struct wire_hash *hash)
{
	struct bft_block_state *state = bft_block_find(bft, hash);

	if (state->asked)
		return;
	state->asked = true;
	bft_act(bft, BFT_NEED_BLOCK)->hash = *hash;
}

void bft_block_forget(struct bft *bft)
{
	for (size_t i = 0; i < BFT_BLOCKS; i++) {
		struct bft_block_state *state = &bft->blocks[i];

		if (state->used && !bft_needs_block(bft, bft->log->terms.height, &state->hash))
			state->used = false;
	}
}

void bft_block_arrived(struct bft *bft, const struct wire_hash *hash)
{
	for (size_t i = 0; i < BFT_BLOCKS; i++) {
		struct bft_block_state *state = &bft->blocks[i];

		if (state->used && state->validity == BFT_UNKNOWN && hash_equal(&state->hash, hash))
			state->asked = false;
	}
}

/* The lowest round from `from` on; NULL: none. */
static const struct bft_round *bft_round_from(const struct bft_log *log, int64_t from)
{
	const struct bft_round *lowest = NULL;

	for (size_t i = 0; i < BFT_LOG_ROUNDS; i++) {
		const struct bft_round *round = &log->rounds[i];

		if (round->round >= from && (!lowest || round->round < lowest->round))
			lowest = round;
	}
	return lowest;
}

/* Votes of one round from the cursor on. */
static bool bft_repeat_round(const struct bft *bft, const struct bft_round *round, struct bft_cursor *cursor,
			     struct bft_message *out)
{
	uint32_t n = bft->log->terms.validators;
	uint32_t own = (uint32_t)bft->log->terms.own;
	bool prevotes = round->round == bft->round || round->round == bft->valid_round;

	/* Two votes of each in both phases. */
	for (; cursor->place < 4 * n; cursor->place++) {
		uint32_t ballot = cursor->place / 2;
		const struct bft_slot *slot = &round->ballots[ballot].votes[cursor->place % 2];

		/* Our own always: nobody else may hold them, and one that is still in that round may need them. */
		if (!slot->present || (ballot < n && !prevotes && ballot != own))
			continue;
		out->kind = BFT_MESSAGE_VOTE;
		out->u.vote = (struct bft_vote){.height = bft->log->terms.height,
						.round = (uint64_t)round->round,
						.phase = ballot < n ? WIRE_PHASE_PREVOTE : WIRE_PHASE_PRECOMMIT,
						.voter = ballot % n,
						.hash = slot->hash,
						.signature = slot->signature};
		cursor->place++;
		return true;
	}
	return false;
}

bool bft_repeat_next(const struct bft *bft, struct bft_cursor *cursor, struct bft_message *out)
{
	const struct bft_round *round;

	if (!bft->log)
		return false;
	round = bft_log_find(bft->log, bft->round);
	if (!cursor->proposed) {
		cursor->proposed = true;
		if (round && round->proposed) {
			out->kind = BFT_MESSAGE_PROPOSAL;
			out->u.proposal = round->proposal;
			return true;
		}
	}
	while ((round = bft_round_from(bft->log, cursor->round)) != NULL) {
		if (bft_repeat_round(bft, round, cursor, out))
			return true;
		cursor->round = round->round + 1;
		cursor->place = 0;
	}
	return false;
}

void bft_status(const struct bft *bft, struct bft_status *out)
{
	const struct bft_round *round;

	*out = (struct bft_status){
		.locked_round = bft->locked_round, .valid_round = bft->valid_round, .observing = bft->observing};
	if (!bft->log)
		return;
	round = bft_log_find(bft->log, bft->round);
	out->height = bft->log->terms.height;
	out->round = (uint64_t)bft->round;
	out->step = bft->step;
	out->validators = bft->log->terms.validators;
	out->quorum = bft->log->quorum;
	out->prevotes = round ? round->tallies[0].voters : 0;
	out->precommits = round ? round->tallies[1].voters : 0;
	out->validator = bft->log->terms.own >= 0;
}

const char *bft_step_name(enum bft_step step)
{
	switch (step) {
	case BFT_STEP_WAIT:
		return "wait";
	case BFT_STEP_PROPOSE:
		return "propose";
	case BFT_STEP_PREVOTE:
		return "prevote";
	case BFT_STEP_PRECOMMIT:
		return "precommit";
	case BFT_STEP_DECIDED:
		return "decided";
	}
	return "?";
}

const char *bft_error_name(int error)
{
	static const char *const names[] = {
		[BFT_E_KNOWN] = "BFT_E_KNOWN",
		[BFT_E_HEIGHT_OLD] = "BFT_E_HEIGHT_OLD",
		[BFT_E_HEIGHT_NEW] = "BFT_E_HEIGHT_NEW",
		[BFT_E_ROUND] = "BFT_E_ROUND",
		[BFT_E_STRANGER] = "BFT_E_STRANGER",
		[BFT_E_FORM] = "BFT_E_FORM",
		[BFT_E_LEADER] = "BFT_E_LEADER",
		[BFT_E_EQUIVOCATION] = "BFT_E_EQUIVOCATION",
		[BFT_E_STEP] = "BFT_E_STEP",
	};

	return error > 0 && error <= BFT_E_STEP ? names[error] : "?";
}
