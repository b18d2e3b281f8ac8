// SPDX-License-Identifier: MIT
/* The message log of one height: see bft_log.h. */
#include "bft_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/hash.h"
#include "timeproto/chain/validators.h"

static unsigned bft_phase_index(enum wire_phase phase)
{
	return phase == WIRE_PHASE_PRECOMMIT;
}

int bft_log_reset(struct bft_log *log, const struct bft_height *terms)
{
	size_t n = terms->validators;

	if (log->capacity < n) {
		struct bft_ballot *ballots = calloc(n * 2 * BFT_LOG_ROUNDS, sizeof(ballots[0]));
		struct bft_far *far = calloc(n, sizeof(far[0]));
		int64_t *heard = calloc(n, sizeof(heard[0]));

		if (!ballots || !far || !heard) {
			free(ballots);
			free(far);
			free(heard);
			return -ENOMEM;
		}
		bft_log_free(log);
		log->ballots = ballots;
		log->far = far;
		log->heard = heard;
		log->capacity = terms->validators;
		for (size_t i = 0; i < BFT_LOG_ROUNDS; i++)
			log->rounds[i].round = -1;
	}
	for (size_t i = 0; i < BFT_LOG_ROUNDS; i++) {
		struct bft_round *round = &log->rounds[i];

		/* Only what was used is cleared: most heights need one round. */
		if (round->round >= 0)
			memset(round->ballots, 0, 2 * (size_t)log->terms.validators * sizeof(round->ballots[0]));
		*round = (struct bft_round){.round = -1, .ballots = log->ballots + i * 2 * log->capacity};
	}
	for (size_t i = 0; i < n; i++) {
		log->far[i] = (struct bft_far){.round = -1};
		log->heard[i] = -1;
	}
	for (size_t i = 0; i < BFT_LOG_PROTECTED; i++)
		log->protected[i] = -1;
	log->terms = *terms;
	log->quorum = (uint32_t)validators_quorum(n);
	log->ours = 0;
	log->forgotten = -1;
	log->decisive = NULL;
	return 0;
}

void bft_log_free(struct bft_log *log)
{
	free(log->ballots);
	free(log->far);
	free(log->heard);
	log->ballots = NULL;
	log->far = NULL;
	log->heard = NULL;
	log->capacity = 0;
}

struct bft_round *bft_log_find(const struct bft_log *log, int64_t round)
{
	for (size_t i = 0; i < BFT_LOG_ROUNDS; i++) {
		if (log->rounds[i].round == round)
			return round < 0 ? NULL : (struct bft_round *)(uintptr_t)&log->rounds[i];
	}
	return NULL;
}

static bool bft_log_protects(const struct bft_log *log, const struct bft_round *round)
{
	for (size_t i = 0; i < BFT_LOG_PROTECTED; i++) {
		if (log->protected[i] == round->round)
			return true;
	}
	return round->round >= log->ours || round == log->decisive;
}

struct bft_round *bft_log_open(struct bft_log *log, int64_t round, bool wanted)
{
	struct bft_round *found = bft_log_find(log, round), *victim = NULL;

	if (found)
		return found;
	for (size_t i = 0; i < BFT_LOG_ROUNDS; i++) {
		struct bft_round *other = &log->rounds[i];

		if (other->round < 0) {
			other->round = round;
			return other;
		}
		if (!bft_log_protects(log, other) && (!victim || other->round < victim->round))
			victim = other;
	}
	/* Two rounds are ours and the next, one is decisive, four are protected: there always is a victim. */
	if (!victim || (round < victim->round && !wanted))
		return NULL;
	if (log->forgotten < victim->round)
		log->forgotten = victim->round;
	memset(victim->ballots, 0, 2 * (size_t)log->terms.validators * sizeof(victim->ballots[0]));
	*victim = (struct bft_round){.round = round, .ballots = victim->ballots};
	return victim;
}

struct bft_ballot *bft_log_ballot(const struct bft_log *log, const struct bft_round *round, enum wire_phase phase,
				  uint32_t voter)
{
	return &round->ballots[bft_phase_index(phase) * log->terms.validators + voter];
}

const struct bft_slot *bft_log_slot(const struct bft_ballot *ballot, const struct wire_hash *hash)
{
	for (int i = 0; i < 2; i++) {
		if (ballot->votes[i].present && hash_equal(&ballot->votes[i].hash, hash))
			return &ballot->votes[i];
	}
	return NULL;
}

bool bft_log_quorum(const struct bft_round *round, enum wire_phase phase, const struct wire_hash *hash)
{
	const struct bft_tally *tally = round ? &round->tallies[bft_phase_index(phase)] : NULL;

	return tally && tally->quorum && hash_equal(&tally->hash, hash);
}

/* A vote for `hash` was added: counts again. */
static void bft_log_count(struct bft_log *log, struct bft_round *round, enum wire_phase phase,
			  const struct wire_hash *hash)
{
	struct bft_tally *tally = &round->tallies[bft_phase_index(phase)];
	uint32_t count = 0;

	if (tally->voters < log->quorum || (tally->quorum && hash_equal(&tally->hash, hash)))
		return;
	for (uint32_t i = 0; i < log->terms.validators; i++)
		count += bft_log_slot(bft_log_ballot(log, round, phase, i), hash) != NULL;
	if (count < log->quorum)
		return;
	/* A second quorum in one phase needs more liars than the protocol bears; the caller sees it as a fork. */
	tally->quorum = true;
	tally->hash = *hash;
	if (phase == WIRE_PHASE_PRECOMMIT && !hash_is_zero(hash) && !log->decisive)
		log->decisive = round;
}

static void bft_log_contradiction(struct bft_finding *finding, bool *reported, const struct bft_vote *vote,
				  const struct bft_slot *earlier)
{
	if (*reported)
		return;
	*reported = true;
	finding->evidence = true;
	finding->earlier = (struct bft_message){.kind = BFT_MESSAGE_VOTE, .u.vote = *vote};
	finding->earlier.u.vote.hash = earlier->hash;
	finding->earlier.u.vote.signature = earlier->signature;
}

static int bft_log_cast(struct bft_log *log, struct bft_finding *finding, struct bft_round *round,
			const struct bft_vote *vote, bool wanted)
{
	struct bft_ballot *ballot = bft_log_ballot(log, round, vote->phase, vote->voter);
	struct bft_slot *slot = &ballot->votes[0];

	if (bft_log_slot(ballot, &vote->hash))
		return BFT_E_KNOWN;
	if (slot->present) {
		bft_log_contradiction(finding, &ballot->reported, vote, slot);
		slot = &ballot->votes[1];
		if (slot->present && (!wanted || bft_log_quorum(round, vote->phase, &slot->hash)))
			return BFT_E_EQUIVOCATION;
	} else {
		round->tallies[bft_phase_index(vote->phase)].voters++;
	}
	*slot = (struct bft_slot){.hash = vote->hash, .signature = vote->signature, .present = true};
	bft_log_count(log, round, vote->phase, &vote->hash);
	return 0;
}

/* A vote beyond ours + 1. */
static int bft_log_cast_far(struct bft_log *log, struct bft_finding *finding, const struct bft_vote *vote)
{
	struct bft_far *far = &log->far[vote->voter];
	struct bft_slot *slot = &far->votes[bft_phase_index(vote->phase)];

	if ((int64_t)vote->round < far->round)
		return BFT_E_ROUND;
	if ((int64_t)vote->round > far->round)
		*far = (struct bft_far){.round = (int64_t)vote->round, .reported = far->reported};
	if (slot->present && hash_equal(&slot->hash, &vote->hash))
		return BFT_E_KNOWN;
	if (slot->present) {
		bft_log_contradiction(finding, &far->reported, vote, slot);
		return BFT_E_EQUIVOCATION;
	}
	*slot = (struct bft_slot){.hash = vote->hash, .signature = vote->signature, .present = true};
	return 0;
}

static void bft_log_hear(struct bft_log *log, uint32_t voter, uint64_t round)
{
	if (log->heard[voter] < (int64_t)round)
		log->heard[voter] = (int64_t)round;
}

int bft_log_vote(struct bft_log *log, struct bft_finding *finding, const struct bft_vote *vote, bool wanted)
{
	struct bft_round *round;

	finding->evidence = false;
	bft_log_hear(log, vote->voter, vote->round);
	if ((int64_t)vote->round > log->ours + 1)
		return bft_log_cast_far(log, finding, vote);
	round = bft_log_open(log, (int64_t)vote->round, wanted);
	return round ? bft_log_cast(log, finding, round, vote, wanted) : BFT_E_ROUND;
}

int bft_log_proposal(struct bft_log *log, struct bft_finding *finding, const struct bft_proposal *proposal)
{
	struct bft_round *round;

	finding->evidence = false;
	bft_log_hear(log, proposal->proposer, proposal->round);
	round = (int64_t)proposal->round > log->ours + 1 ? NULL : bft_log_open(log, (int64_t)proposal->round, false);
	if (!round)
		return BFT_E_ROUND;
	if (!round->proposed) {
		round->proposed = true;
		round->proposal = *proposal;
		return 0;
	}
	if (hash_equal(&round->proposal.hash, &proposal->hash) && round->proposal.valid_round == proposal->valid_round)
		return BFT_E_KNOWN;
	if (!round->reported) {
		round->reported = true;
		finding->evidence = true;
		finding->earlier = (struct bft_message){.kind = BFT_MESSAGE_PROPOSAL, .u.proposal = round->proposal};
	}
	return BFT_E_EQUIVOCATION;
}

void bft_log_advance(struct bft_log *log, int64_t round)
{
	log->ours = round;
	(void)bft_log_open(log, round, true);
	for (uint32_t i = 0; i < log->terms.validators; i++) {
		struct bft_far *far = &log->far[i];
		struct bft_finding ignored;
		struct bft_round *into;

		if (far->round < 0 || far->round > round + 1)
			continue;
		into = bft_log_open(log, far->round, false);
		for (unsigned phase = 0; phase < 2 && into; phase++) {
			struct bft_vote vote = {.height = log->terms.height,
						.round = (uint64_t)far->round,
						.phase = phase ? WIRE_PHASE_PRECOMMIT : WIRE_PHASE_PREVOTE,
						.voter = i,
						.hash = far->votes[phase].hash,
						.signature = far->votes[phase].signature};

			if (far->votes[phase].present)
				(void)bft_log_cast(log, &ignored, into, &vote, false);
		}
		far->round = -1;
	}
}

/* The (f + 1)th highest of the rounds heard: liars alone are f. */
int64_t bft_log_skip(const struct bft_log *log)
{
	uint32_t wanted = log->terms.validators - log->quorum + 1;
	int64_t bound = INT64_MAX;

	for (uint32_t found = 0; found < wanted;) {
		int64_t best = -1;
		uint32_t times = 0;

		for (uint32_t i = 0; i < log->terms.validators; i++) {
			if (log->heard[i] >= bound)
				continue;
			if (log->heard[i] > best) {
				best = log->heard[i];
				times = 0;
			}
			times += log->heard[i] == best;
		}
		if (best <= log->ours)
			return -1;
		bound = best;
		found += times;
	}
	return bound;
}

void bft_log_certificate(const struct bft_log *log, struct bft_certificate *out, const struct bft_round *round,
			 enum wire_phase phase, const struct wire_hash *hash)
{
	out->height = log->terms.height;
	out->round = (uint64_t)round->round;
	out->phase = phase;
	out->hash = *hash;
	out->count = 0;
	for (uint32_t i = 0; i < log->terms.validators; i++) {
		const struct bft_slot *slot = bft_log_slot(bft_log_ballot(log, round, phase, i), hash);

		if (slot)
			out->entries[out->count++] = (struct bft_signature){i, slot->signature};
	}
}
