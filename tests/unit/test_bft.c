// SPDX-License-Identifier: MIT
/* consensus/bft, rule by rule, named after the lines of arXiv:1807.04938; what liars do (adversarial 46 to 48); what is
 * restored after a crash; and the message log's bounds.  Four validators unless a test says otherwise: f is 1, a quorum
 * 3.  We are number 1, and the leader of round r is number r modulo 4. */
#include "timed/consensus/bft.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define HEIGHT 10
#define US 1
#define TIMEOUT ((int64_t)1000)
#define DELTA ((int64_t)500)
#define START ((int64_t)50000)

static struct bft *bft;
static struct bft_actions actions;
static struct bft_params params;
static int64_t now;
static struct wire_hash nil, A = {{0xa}}, B = {{0xb}}, C = {{0xc}};

/* A signature that says who signed, and what. */
static void sign(void *user, struct wire_sig *out, const struct bft_record *record)
{
	(void)user;
	memset(out, 0, sizeof(*out));
	out->bytes[0] = (uint8_t)(100 + record->kind);
	out->bytes[1] = (uint8_t)record->round;
	memcpy(out->bytes + 2, record->hash.bytes, 32);
}

static struct bft_height terms(uint64_t height, int own)
{
	return (struct bft_height){.height = height, .validators = 4, .leader = 0, .own = own};
}

static void start(uint64_t height, int own, int64_t earliest_ms)
{
	struct bft_height this = terms(height, own), next = terms(height + 1, own);

	ck_assert_int_eq(bft_start_height(bft, &actions, &this, &next, earliest_ms, now), 0);
}

static void create(bool observing)
{
	bft_free(bft);
	params = (struct bft_params){.timeout_ms = TIMEOUT,
				     .timeout_delta_ms = DELTA,
				     .repeat_ms = 100000,
				     .observing = observing,
				     .sign = sign};
	ck_assert_int_eq(bft_new(&bft, &params, now), 0);
}

static void setup(void)
{
	now = START;
	create(false);
	start(HEIGHT, US, 0);
}

static void teardown(void)
{
	bft_free(bft);
	bft = NULL;
}

/* Actions of one kind that the last event gave. */
static int count(enum bft_action_kind kind)
{
	int found = 0;

	for (size_t i = 0; i < actions.count; i++)
		found += actions.items[i].kind == kind;
	return found;
}

static const struct bft_action *the(enum bft_action_kind kind)
{
	ck_assert_int_eq(count(kind), 1);
	for (size_t i = 0; i < actions.count; i++) {
		if (actions.items[i].kind == kind)
			return &actions.items[i];
	}
	return NULL;
}

static struct bft_vote make_vote(uint32_t voter, uint64_t round, enum wire_phase phase, struct wire_hash hash)
{
	struct bft_vote vote = {.height = HEIGHT, .round = round, .phase = phase, .voter = voter, .hash = hash};

	vote.signature.bytes[0] = (uint8_t)(1 + voter);
	vote.signature.bytes[1] = (uint8_t)round;
	memcpy(vote.signature.bytes + 2, hash.bytes, 32);
	return vote;
}

static int prevote(uint32_t voter, uint64_t round, struct wire_hash hash)
{
	struct bft_vote vote = make_vote(voter, round, WIRE_PHASE_PREVOTE, hash);

	return bft_vote(bft, &actions, &vote, now);
}

static int precommit(uint32_t voter, uint64_t round, struct wire_hash hash)
{
	struct bft_vote vote = make_vote(voter, round, WIRE_PHASE_PRECOMMIT, hash);

	return bft_vote(bft, &actions, &vote, now);
}

static int proposal_by(uint32_t proposer, uint64_t height, uint64_t round, int64_t valid_round, struct wire_hash hash)
{
	struct bft_proposal proposal = {
		.height = height, .round = round, .valid_round = valid_round, .proposer = proposer, .hash = hash};

	return bft_proposal(bft, &actions, &proposal, now);
}

static int proposal(uint64_t round, int64_t valid_round, struct wire_hash hash)
{
	return proposal_by((uint32_t)(round % 4), HEIGHT, round, valid_round, hash);
}

static void block(struct wire_hash hash, enum bft_validity validity)
{
	bft_block(bft, &actions, HEIGHT, &hash, validity, now);
}

static void tick(int64_t at)
{
	now = at;
	bft_tick(bft, &actions, now);
}

static bool same(const struct wire_hash *a, const struct wire_hash *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The last event made us vote this, and nothing else. */
static const struct bft_action *voted(enum wire_phase phase, uint64_t round, struct wire_hash hash)
{
	const struct bft_action *action = the(BFT_SEND_VOTE);
	const struct bft_vote *vote = &action->message.u.vote;

	ck_assert_int_eq(action->message.kind, BFT_MESSAGE_VOTE);
	ck_assert_uint_eq(vote->height, HEIGHT);
	ck_assert_uint_eq(vote->round, round);
	ck_assert_int_eq(vote->phase, phase);
	ck_assert_uint_eq(vote->voter, US);
	ck_assert(same(&vote->hash, &hash));
	ck_assert_int_eq(action->u.record.kind,
			 phase == WIRE_PHASE_PREVOTE ? BFT_RECORD_PREVOTE : BFT_RECORD_PRECOMMIT);
	ck_assert_uint_eq(action->u.record.height, HEIGHT);
	ck_assert_uint_eq(action->u.record.round, round);
	ck_assert(same(&action->u.record.hash, &hash));
	return action;
}

static struct bft_status status(void)
{
	struct bft_status out;

	bft_status(bft, &out);
	return out;
}

/* Round 0: everybody prevotes the block, and we have locked it. */
static void lock_in_round_0(struct wire_hash hash)
{
	ck_assert_int_eq(proposal(0, -1, hash), 0);
	block(hash, BFT_VALID);
	ck_assert_int_eq(prevote(0, 0, hash), 0);
	ck_assert_int_eq(prevote(2, 0, hash), 0);
	voted(WIRE_PHASE_PRECOMMIT, 0, hash);
	ck_assert_int_eq(status().locked_round, 0);
}

/* From round `round`, whatever the step, to the next, by precommits for nothing and the timeout. */
static void next_round(uint64_t round)
{
	(void)precommit(0, round, nil);
	(void)precommit(2, round, nil);
	(void)precommit(3, round, nil);
	tick(now + TIMEOUT + DELTA * (int64_t)round);
	if (status().round == round)
		tick(now + TIMEOUT + DELTA * (int64_t)round);
	ck_assert_uint_eq(status().round, round + 1);
}

/* ---- the lines of the paper */

START_TEST(line_14_a_leader_asks_for_a_block_and_proposes_it)
{
	const struct bft_action *action;

	create(false);
	start(HEIGHT, 0, 0);
	ck_assert_uint_eq(the(BFT_PROPOSE_VALUE)->round, 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &A, now), 0);
	action = the(BFT_SEND_PROPOSAL);
	ck_assert_int_eq(action->message.kind, BFT_MESSAGE_PROPOSAL);
	ck_assert_uint_eq(action->message.u.proposal.proposer, 0);
	ck_assert_int_eq(action->message.u.proposal.valid_round, -1);
	ck_assert_int_eq(action->u.record.kind, BFT_RECORD_PROPOSAL);
	ck_assert_int_eq(action->u.record.proposal_round, -1);
	ck_assert(same(&action->message.u.proposal.hash, &A));
	/* its own block needs no judgement: the prevote comes behind it */
	ck_assert_ptr_eq(&actions.items[0], action);
	ck_assert_int_eq(the(BFT_SEND_VOTE)->message.u.vote.phase, WIRE_PHASE_PREVOTE);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 0);
	/* and once only */
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &B, now), BFT_E_STEP);
	ck_assert_uint_eq(actions.count, 0);
}
END_TEST

START_TEST(line_14_a_block_that_comes_late_is_not_proposed)
{
	create(false);
	start(HEIGHT, 0, 0);
	tick(START + TIMEOUT);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &A, now), BFT_E_STEP);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT + 1, 0, &A, now), BFT_E_STEP);
	/* nor by one who does not lead */
	create(false);
	start(HEIGHT, US, 0);
	ck_assert_int_eq(count(BFT_PROPOSE_VALUE), 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &A, now), BFT_E_STEP);
}
END_TEST

START_TEST(line_16_a_leader_proposes_its_valid_block_again)
{
	const struct bft_action *action;

	lock_in_round_0(A);
	next_round(0);
	action = the(BFT_SEND_PROPOSAL);
	ck_assert_uint_eq(action->message.u.proposal.round, 1);
	ck_assert_int_eq(action->message.u.proposal.valid_round, 0);
	ck_assert(same(&action->message.u.proposal.hash, &A));
	ck_assert_int_eq(action->u.record.proposal_round, 0);
	ck_assert_int_eq(count(BFT_PROPOSE_VALUE), 0);
	/* and prevotes it, by line 28 */
	voted(WIRE_PHASE_PREVOTE, 1, A);
}
END_TEST

START_TEST(line_22_a_valid_block_is_prevoted)
{
	ck_assert_int_eq(proposal(0, -1, A), 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	block(A, BFT_VALID);
	ck_assert_int_eq(voted(WIRE_PHASE_PREVOTE, 0, A)->u.record.locked_round, -1);
	ck_assert_int_eq(status().step, BFT_STEP_PREVOTE);
}
END_TEST

START_TEST(line_26_an_invalid_block_gets_a_vote_for_nil)
{
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_INVALID);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
}
END_TEST

START_TEST(line_22_waits_for_what_is_not_known_yet)
{
	static const enum bft_validity not_yet[] = {BFT_UNKNOWN, BFT_EARLY, BFT_UNSETTLED};

	ck_assert_int_eq(proposal(0, -1, A), 0);
	for (int i = 0; i < 3; i++) {
		block(A, not_yet[i]);
		ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
		ck_assert_int_eq(status().step, BFT_STEP_PROPOSE);
	}
	block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 0, A);
}
END_TEST

START_TEST(line_57_prevotes_nil_when_no_proposal_comes)
{
	ck_assert_int_eq(bft_deadline_ms(bft), START + TIMEOUT);
	tick(START + TIMEOUT - 1);
	ck_assert_uint_eq(actions.count, 0);
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
	/* and not again */
	tick(START + 2 * TIMEOUT);
	ck_assert_uint_eq(actions.count, 0);
}
END_TEST

START_TEST(line_57_prevotes_nil_when_transactions_are_not_seen_finalised)
{
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_UNSETTLED);
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
	/* word that comes later changes nothing in this round */
	block(A, BFT_VALID);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
}
END_TEST

START_TEST(line_23_a_lock_refuses_another_block)
{
	lock_in_round_0(A);
	next_round(0);
	next_round(1);
	ck_assert_int_eq(proposal(2, -1, B), 0);
	/* before anything is known of it */
	voted(WIRE_PHASE_PREVOTE, 2, nil);
}
END_TEST

START_TEST(line_23_a_lock_takes_its_own_block)
{
	lock_in_round_0(A);
	next_round(0);
	next_round(1);
	ck_assert_int_eq(proposal(2, -1, A), 0);
	voted(WIRE_PHASE_PREVOTE, 2, A);
}
END_TEST

START_TEST(line_28_needs_the_polka)
{
	next_round(0);
	next_round(1);
	ck_assert_int_eq(proposal(2, 0, A), 0);
	block(A, BFT_VALID);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	/* the polka comes first, then the question about the block */
	if (count(BFT_NEED_BLOCK))
		block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 2, A);
}
END_TEST

START_TEST(line_29_a_newer_polka_opens_a_lock)
{
	lock_in_round_0(A);
	next_round(0);
	for (uint32_t i = 0; i < 4; i++) {
		if (i != US)
			(void)prevote(i, 1, B);
	}
	next_round(1);
	ck_assert_int_eq(proposal(2, 1, B), 0);
	block(B, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 2, B);
	/* still locked: only a polka in our own round changes that */
	ck_assert_int_eq(status().locked_round, 0);
}
END_TEST

START_TEST(line_29_an_older_polka_does_not)
{
	/* a polka for A in round 0, which we do not see in time; we lock B in round 1 */
	tick(START + TIMEOUT);
	next_round(0);
	ck_assert_int_eq(count(BFT_PROPOSE_VALUE), 1);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 1, &B, now), 0);
	ck_assert_int_eq(prevote(0, 1, B), 0);
	ck_assert_int_eq(prevote(2, 1, B), 0);
	ck_assert_int_eq(status().locked_round, 1);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	next_round(1);
	ck_assert_int_eq(proposal(2, 0, A), 0);
	voted(WIRE_PHASE_PREVOTE, 2, nil);
}
END_TEST

START_TEST(line_28_does_not_ask_for_finality)
{
	/* a quorum has prevoted it: honest ones have seen the transactions finalised */
	next_round(0);
	next_round(1);
	for (uint32_t i = 0; i < 4; i++) {
		if (i != US)
			(void)prevote(i, 0, A);
	}
	ck_assert_int_eq(proposal(2, 0, A), 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	block(A, BFT_EARLY);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	block(A, BFT_UNSETTLED);
	voted(WIRE_PHASE_PREVOTE, 2, A);
}
END_TEST

START_TEST(line_32_an_invalid_block_stays_invalid)
{
	next_round(0);
	next_round(1);
	for (uint32_t i = 0; i < 4; i++) {
		if (i != US)
			(void)prevote(i, 0, A);
	}
	ck_assert_int_eq(proposal(2, 0, A), 0);
	block(A, BFT_INVALID);
	voted(WIRE_PHASE_PREVOTE, 2, nil);
}
END_TEST

START_TEST(line_34_waits_a_while_when_prevotes_differ)
{
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	now += 100;
	ck_assert_int_eq(prevote(2, 0, nil), 0);
	ck_assert_int_eq(bft_deadline_ms(bft), now + TIMEOUT);
	/* only the first time */
	now += 100;
	ck_assert_int_eq(prevote(3, 0, B), 0);
	ck_assert_int_eq(bft_deadline_ms(bft), now - 100 + TIMEOUT);
	tick(now - 100 + TIMEOUT);
	voted(WIRE_PHASE_PRECOMMIT, 0, nil);
	ck_assert_int_eq(status().locked_round, -1);
}
END_TEST

START_TEST(line_36_a_polka_locks_and_is_precommitted)
{
	const struct bft_action *action;
	const struct bft_certificate *polka;

	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	action = voted(WIRE_PHASE_PRECOMMIT, 0, A);
	ck_assert_int_eq(action->u.record.locked_round, 0);
	ck_assert_int_eq(action->u.record.valid_round, 0);
	ck_assert(same(&action->u.record.locked, &A) && same(&action->u.record.valid, &A));
	/* the prevotes behind it go to disk as well, our own among them */
	polka = action->polka;
	ck_assert_ptr_nonnull(polka);
	ck_assert_int_eq(polka->phase, WIRE_PHASE_PREVOTE);
	ck_assert_uint_eq(polka->height, HEIGHT);
	ck_assert_uint_eq(polka->round, 0);
	ck_assert(same(&polka->hash, &A));
	ck_assert_uint_eq(polka->count, 3);
	ck_assert_uint_eq(polka->entries[0].voter, 1);
	ck_assert_uint_eq(polka->entries[0].signature.bytes[0], 100 + BFT_RECORD_PREVOTE);
	ck_assert_uint_eq(polka->entries[1].voter, 2);
	ck_assert_uint_eq(polka->entries[2].voter, 3);
	ck_assert_uint_eq(polka->entries[2].signature.bytes[0], 4);
}
END_TEST

START_TEST(line_36_needs_the_block_not_the_proposal)
{
	/* the leader has shown us nothing, but the others were content */
	tick(START + TIMEOUT);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	block(A, BFT_UNSETTLED);
	voted(WIRE_PHASE_PRECOMMIT, 0, A);
	ck_assert_int_eq(status().locked_round, 0);
}
END_TEST

START_TEST(line_36_not_for_an_invalid_block)
{
	tick(START + TIMEOUT);
	for (uint32_t i = 0; i < 4; i++) {
		if (i != US)
			(void)prevote(i, 0, A);
	}
	block(A, BFT_INVALID);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	tick(now + TIMEOUT);
	voted(WIRE_PHASE_PRECOMMIT, 0, nil);
}
END_TEST

START_TEST(line_42_a_polka_that_comes_late_makes_the_block_valid)
{
	const struct bft_action *action;

	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, nil), 0);
	tick(now + TIMEOUT);
	voted(WIRE_PHASE_PRECOMMIT, 0, nil);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	action = the(BFT_PERSIST);
	ck_assert_int_eq(action->u.record.kind, BFT_RECORD_STATE);
	ck_assert_int_eq(action->u.record.valid_round, 0);
	ck_assert_int_eq(action->u.record.locked_round, -1);
	ck_assert_uint_eq(action->polka->count, 3);
	ck_assert_int_eq(status().valid_round, 0);
	ck_assert_int_eq(status().locked_round, -1);
	/* so it is what we propose when our turn comes */
	next_round(0);
	ck_assert(same(&the(BFT_SEND_PROPOSAL)->message.u.proposal.hash, &A));
	ck_assert_int_eq(the(BFT_SEND_PROPOSAL)->message.u.proposal.valid_round, 0);
	/* and what we keep, however long it takes */
	for (uint64_t round = 1; round < 4; round++)
		next_round(round);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
}
END_TEST

START_TEST(line_44_a_polka_for_nil_is_precommitted_at_once)
{
	tick(START + TIMEOUT);
	ck_assert_int_eq(prevote(0, 0, nil), 0);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(prevote(2, 0, nil), 0);
	voted(WIRE_PHASE_PRECOMMIT, 0, nil);
}
END_TEST

START_TEST(line_47_the_next_round_begins_a_while_after_a_quorum_of_precommits)
{
	/* in whatever step we are */
	ck_assert_int_eq(precommit(0, 0, nil), 0);
	ck_assert_int_eq(precommit(2, 0, A), 0);
	now += 300;
	ck_assert_int_eq(precommit(3, 0, nil), 0);
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
	ck_assert_int_eq(bft_deadline_ms(bft), START + 300 + TIMEOUT);
	tick(START + 300 + TIMEOUT);
	ck_assert_uint_eq(the(BFT_NEW_ROUND)->round, 1);
	ck_assert_int_eq(status().step, BFT_STEP_PROPOSE);
	/* rounds get longer */
	ck_assert_int_eq(bft_deadline_ms(bft), now + TIMEOUT + DELTA);
}
END_TEST

START_TEST(line_49_a_quorum_of_precommits_commits)
{
	const struct bft_action *action;

	lock_in_round_0(A);
	ck_assert_int_eq(precommit(0, 0, A), 0);
	ck_assert_int_eq(count(BFT_COMMIT), 0);
	ck_assert_int_eq(precommit(3, 0, A), 0);
	action = the(BFT_COMMIT);
	ck_assert_uint_eq(action->height, HEIGHT);
	ck_assert_uint_eq(action->round, 0);
	ck_assert(same(&action->hash, &A));
	ck_assert_int_eq(action->certificate->phase, WIRE_PHASE_PRECOMMIT);
	ck_assert_uint_eq(action->certificate->round, 0);
	ck_assert_uint_eq(action->certificate->count, 3);
	ck_assert_uint_eq(action->certificate->entries[0].voter, 0);
	ck_assert_uint_eq(action->certificate->entries[1].voter, US);
	ck_assert_uint_eq(action->certificate->entries[1].signature.bytes[0], 100 + BFT_RECORD_PRECOMMIT);
	ck_assert_uint_eq(action->certificate->entries[2].voter, 3);
	ck_assert_int_eq(status().step, BFT_STEP_DECIDED);
	/* and that is all of this height, but for messages that others may lack */
	tick(now + 50 * TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(precommit(2, 0, A), 0);
	ck_assert_uint_eq(actions.count, 0);
}
END_TEST

START_TEST(line_49_in_an_older_round_and_without_its_proposal)
{
	next_round(0);
	next_round(1);
	for (uint32_t i = 0; i < 4; i++) {
		if (i != US)
			(void)precommit(i, 1, nil);
	}
	/* they all said nil in round 0 as well, but two lied: 4 validators cannot tell that */
	ck_assert_int_eq(precommit(0, 0, A), 0);
	ck_assert_int_eq(count(BFT_EVIDENCE), 1);
	ck_assert_int_eq(precommit(2, 0, A), 0);
	ck_assert_int_eq(precommit(3, 0, A), 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	block(A, BFT_VALID);
	ck_assert_uint_eq(the(BFT_COMMIT)->round, 0);
}
END_TEST

START_TEST(line_49_takes_what_the_quorum_took)
{
	/* neither the clock nor what we see of finality stands against it */
	static const enum bft_validity enough[] = {BFT_EARLY, BFT_UNSETTLED, BFT_VALID};

	for (int i = 0; i < 3; i++) {
		setup();
		for (uint32_t k = 0; k < 4; k++) {
			if (k != US)
				(void)precommit(k, 0, A);
		}
		ck_assert_int_eq(count(BFT_COMMIT), 0);
		block(A, enough[i]);
		ck_assert_int_eq(count(BFT_COMMIT), 1);
	}
}
END_TEST

START_TEST(line_50_an_invalid_block_is_not_committed)
{
	for (uint32_t i = 0; i < 4; i++) {
		if (i != US)
			(void)precommit(i, 0, A);
	}
	block(A, BFT_INVALID);
	ck_assert(same(&the(BFT_INVALID_QUORUM)->hash, &A));
	ck_assert_int_eq(count(BFT_COMMIT), 0);
	/* said once */
	block(A, BFT_INVALID);
	ck_assert_int_eq(count(BFT_INVALID_QUORUM), 0);
}
END_TEST

START_TEST(line_55_skips_when_one_honest_validator_is_further)
{
	ck_assert_int_eq(prevote(0, 7, A), 0);
	ck_assert_uint_eq(status().round, 0);
	ck_assert_int_eq(precommit(3, 7, nil), 0);
	ck_assert_uint_eq(the(BFT_NEW_ROUND)->round, 7);
	ck_assert_int_eq(status().step, BFT_STEP_PROPOSE);
	ck_assert_int_eq(bft_deadline_ms(bft), now + TIMEOUT + 7 * DELTA);
	/* what was heard of it has been kept */
	ck_assert_uint_eq(status().prevotes, 1);
	ck_assert_uint_eq(status().precommits, 1);
}
END_TEST

START_TEST(line_55_rounds_may_differ_and_the_lower_one_counts)
{
	ck_assert_int_eq(prevote(0, 1000000, A), 0);
	ck_assert_uint_eq(status().round, 0);
	ck_assert_int_eq(prevote(2, 5, A), 0);
	ck_assert_uint_eq(status().round, 5);
	ck_assert_int_eq(prevote(3, 9, A), 0);
	ck_assert_uint_eq(status().round, 9);
}
END_TEST

START_TEST(line_55_one_liar_moves_nobody)
{
	for (uint64_t round = 1; round < 50; round++) {
		(void)prevote(3, round, A);
		(void)precommit(3, round * 1000, A);
		(void)proposal_by(3, HEIGHT, 4 * round + 3, -1, A);
	}
	ck_assert_uint_eq(status().round, 0);
}
END_TEST

START_TEST(line_55_a_proposal_is_a_message_too)
{
	ck_assert_int_eq(prevote(0, 6, nil), 0);
	/* it belongs to the round that it starts: kept */
	ck_assert_int_eq(proposal(6, -1, A), 0);
	ck_assert_uint_eq(status().round, 6);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
}
END_TEST

/* ---- what comes before round 0, and after */

START_TEST(nothing_happens_before_the_time_of_the_block)
{
	create(false);
	start(HEIGHT, US, START + 700);
	ck_assert_int_eq(status().step, BFT_STEP_WAIT);
	ck_assert_int_eq(bft_deadline_ms(bft), START + 700);
	ck_assert_int_eq(proposal(0, -1, A), 0);
	ck_assert_int_eq(prevote(0, 3, A), 0);
	ck_assert_int_eq(prevote(2, 3, A), 0);
	tick(START + 699);
	ck_assert_uint_eq(actions.count, 0);
	ck_assert_uint_eq(status().round, 0);
	/* then all of it counts */
	tick(START + 700);
	ck_assert_int_eq(count(BFT_NEW_ROUND), 2);
	ck_assert_uint_eq(status().round, 3);
}
END_TEST

START_TEST(a_certificate_does_not_wait)
{
	create(false);
	start(HEIGHT, US, START + 700);
	for (uint32_t i = 0; i < 4; i++) {
		if (i != US)
			(void)precommit(i, 0, A);
	}
	block(A, BFT_EARLY);
	ck_assert_int_eq(count(BFT_COMMIT), 1);
}
END_TEST

START_TEST(messages_of_the_next_height_are_kept)
{
	struct bft_vote vote = make_vote(0, 0, WIRE_PHASE_PREVOTE, A);

	vote.height++;
	ck_assert_int_eq(proposal_by(0, HEIGHT + 1, 0, -1, A), 0);
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	vote.voter = 2;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_KNOWN);
	ck_assert_uint_eq(actions.count, 0);
	ck_assert(bft_needs_block(bft, HEIGHT + 1, &A));
	ck_assert(!bft_needs_block(bft, HEIGHT, &A));
	start(HEIGHT + 1, US, 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	ck_assert_uint_eq(status().prevotes, 2);
	bft_block(bft, &actions, HEIGHT + 1, &A, BFT_VALID, now);
	/* prevote, polka, precommit in one */
	ck_assert_int_eq(count(BFT_SEND_VOTE), 2);
}
END_TEST

START_TEST(a_height_starts_with_no_lock)
{
	lock_in_round_0(A);
	start(HEIGHT + 1, US, 0);
	ck_assert_int_eq(status().locked_round, -1);
	ck_assert_int_eq(status().valid_round, -1);
	ck_assert_uint_eq(status().height, HEIGHT + 1);
	ck_assert_uint_eq(status().prevotes, 0);
}
END_TEST

START_TEST(validators_may_change_between_heights)
{
	struct bft_height this = {HEIGHT + 1, 7, 3, 6}, next = {HEIGHT + 2, 10, 0, -1};

	ck_assert_int_eq(bft_start_height(bft, &actions, &this, &next, 0, now), 0);
	ck_assert_uint_eq(status().validators, 7);
	ck_assert_uint_eq(status().quorum, 5);
	ck_assert_int_eq(proposal_by(0, HEIGHT + 1, 0, -1, A), BFT_E_LEADER);
	ck_assert_int_eq(proposal_by(3, HEIGHT + 1, 0, -1, A), 0);
	bft_block(bft, &actions, HEIGHT + 1, &A, BFT_VALID, now);
	ck_assert_uint_eq(the(BFT_SEND_VOTE)->message.u.vote.voter, 6);
	this = next;
	next = terms(HEIGHT + 3, US);
	ck_assert_int_eq(bft_start_height(bft, &actions, &this, &next, 0, now), 0);
	ck_assert(!status().validator);
	ck_assert_uint_eq(status().quorum, 7);
}
END_TEST

START_TEST(a_certified_block_from_elsewhere_ends_the_height)
{
	struct bft_certificate certificate = {.height = HEIGHT, .phase = WIRE_PHASE_PRECOMMIT, .hash = A};

	bft_certified(bft, &actions, &certificate, now);
	ck_assert_uint_eq(actions.count, 0);
	ck_assert_int_eq(status().step, BFT_STEP_DECIDED);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* and heights may be left out */
	start(HEIGHT + 5, US, 0);
	ck_assert_uint_eq(status().height, HEIGHT + 5);
	ck_assert_int_eq(prevote(0, 0, A), BFT_E_HEIGHT_OLD);
}
END_TEST

START_TEST(two_certificates_at_one_height_are_a_fork)
{
	struct bft_certificate certificate = {.height = HEIGHT, .phase = WIRE_PHASE_PRECOMMIT, .hash = A};

	bft_certified(bft, &actions, &certificate, now);
	certificate.hash = B;
	bft_certified(bft, &actions, &certificate, now);
	ck_assert(same(&the(BFT_FORK)->hash, &B));
	/* said once */
	bft_certified(bft, &actions, &certificate, now);
	ck_assert_uint_eq(actions.count, 0);
}
END_TEST

START_TEST(votes_that_contradict_what_was_decided_are_a_fork)
{
	const struct bft_action *action;

	lock_in_round_0(A);
	(void)precommit(0, 0, A);
	(void)precommit(3, 0, A);
	ck_assert_int_eq(precommit(0, 1, B), 0);
	ck_assert_int_eq(precommit(2, 1, B), 0);
	ck_assert_int_eq(count(BFT_FORK), 0);
	ck_assert_int_eq(precommit(3, 1, B), 0);
	action = the(BFT_FORK);
	ck_assert(same(&action->hash, &B));
	ck_assert_uint_eq(action->certificate->count, 3);
	ck_assert_uint_eq(action->certificate->round, 1);
}
END_TEST

/* ---- liars */

START_TEST(adversarial_46_strangers_and_nonsense_do_not_count)
{
	struct bft_vote vote = make_vote(4, 0, WIRE_PHASE_PREVOTE, A);

	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_STRANGER);
	vote.voter = UINT32_MAX;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_STRANGER);
	vote = make_vote(0, 0, (enum wire_phase)3, A);
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_FORM);
	vote = make_vote(0, 0, (enum wire_phase)0, A);
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_FORM);
	vote = make_vote(0, BFT_ROUND_MAX + 1, WIRE_PHASE_PREVOTE, A);
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_FORM);
	vote.round = UINT64_MAX;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_FORM);
	ck_assert_uint_eq(actions.count, 0);
	ck_assert_uint_eq(status().prevotes, 0);
}
END_TEST

START_TEST(adversarial_46_votes_for_other_heights_do_not_count)
{
	struct bft_vote vote = make_vote(0, 0, WIRE_PHASE_PREVOTE, A);

	vote.height = HEIGHT - 1;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_HEIGHT_OLD);
	vote.height = HEIGHT + 2;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_HEIGHT_NEW);
	vote.height = UINT64_MAX;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), BFT_E_HEIGHT_NEW);
	vote.height = HEIGHT + 1;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	ck_assert_uint_eq(status().prevotes, 0);
}
END_TEST

START_TEST(adversarial_46_a_voter_counts_once)
{
	const struct bft_action *action;

	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(0, 0, A), BFT_E_KNOWN);
	ck_assert_uint_eq(actions.count, 0);
	ck_assert_int_eq(prevote(0, 0, B), 0);
	action = the(BFT_EVIDENCE);
	ck_assert(same(&action->message.u.vote.hash, &B));
	ck_assert(same(&action->u.other.u.vote.hash, &A));
	ck_assert_uint_eq(action->u.other.u.vote.voter, 0);
	ck_assert_uint_eq(action->u.other.u.vote.signature.bytes[2], 0xa);
	ck_assert_uint_eq(action->message.u.vote.signature.bytes[2], 0xb);
	ck_assert_uint_eq(status().prevotes, 1);
	/* once reported is enough, and no more is kept */
	ck_assert_int_eq(prevote(0, 0, C), BFT_E_EQUIVOCATION);
	ck_assert_uint_eq(actions.count, 0);
	ck_assert_int_eq(prevote(0, 0, nil), BFT_E_EQUIVOCATION);
	ck_assert_uint_eq(status().prevotes, 1);
}
END_TEST

START_TEST(adversarial_46_two_votes_of_one_make_no_quorum)
{
	ck_assert_int_eq(precommit(0, 0, A), 0);
	ck_assert_int_eq(precommit(2, 0, A), 0);
	ck_assert_int_eq(precommit(2, 0, B), 0);
	ck_assert_int_eq(precommit(0, 0, B), 0);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 0);
	/* nor do they start a timeout */
	ck_assert_int_eq(bft_deadline_ms(bft), START + TIMEOUT);
}
END_TEST

START_TEST(an_equivocator_cannot_hide_a_polka)
{
	/* 3 told us nil and the others A: they locked A, and we must be able to follow */
	ck_assert_int_eq(prevote(3, 0, nil), 0);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	next_round(0);
	next_round(1);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	ck_assert_int_eq(proposal(2, 0, A), 0);
	block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 2, A);
}
END_TEST

START_TEST(an_equivocator_cannot_fill_up_its_place)
{
	/* nil, B, and only then A: taken in exchange for B once it matters */
	ck_assert_int_eq(prevote(3, 0, nil), 0);
	ck_assert_int_eq(prevote(3, 0, B), 0);
	ck_assert_int_eq(prevote(3, 0, A), BFT_E_EQUIVOCATION);
	next_round(0);
	next_round(1);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	ck_assert_int_eq(proposal(2, 0, A), 0);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(prevote(3, 0, C), BFT_E_EQUIVOCATION);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 2, A);
}
END_TEST

START_TEST(adversarial_47_of_two_proposals_the_first_counts)
{
	const struct bft_action *action;

	ck_assert_int_eq(proposal(0, -1, A), 0);
	ck_assert_int_eq(proposal(0, -1, B), BFT_E_EQUIVOCATION);
	action = the(BFT_EVIDENCE);
	ck_assert_int_eq(action->message.kind, BFT_MESSAGE_PROPOSAL);
	ck_assert(same(&action->message.u.proposal.hash, &B));
	ck_assert(same(&action->u.other.u.proposal.hash, &A));
	ck_assert_int_eq(proposal(0, -1, C), BFT_E_EQUIVOCATION);
	ck_assert_uint_eq(actions.count, 0);
	ck_assert_int_eq(proposal(0, -1, A), BFT_E_KNOWN);
	ck_assert(!bft_needs_block(bft, HEIGHT, &B));
	block(B, BFT_VALID);
	ck_assert_uint_eq(actions.count, 0);
	block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 0, A);
}
END_TEST

START_TEST(adversarial_47_the_second_one_brings_the_block_that_the_others_took)
{
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 0, A);
	ck_assert_int_eq(prevote(0, 0, B), 0);
	ck_assert_int_eq(prevote(2, 0, B), 0);
	ck_assert_int_eq(prevote(3, 0, B), 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &B));
	/* we do not have it; then it comes */
	ck_assert_int_eq(proposal(0, -1, B), BFT_E_EQUIVOCATION);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &B));
	ck_assert(bft_needs_block(bft, HEIGHT, &B));
	block(B, BFT_VALID);
	voted(WIRE_PHASE_PRECOMMIT, 0, B);
}
END_TEST

START_TEST(adversarial_48_only_the_leader_proposes)
{
	for (uint32_t i = 1; i < 4; i++)
		ck_assert_int_eq(proposal_by(i, HEIGHT, 0, -1, A), BFT_E_LEADER);
	ck_assert_int_eq(proposal_by(4, HEIGHT, 0, -1, A), BFT_E_STRANGER);
	ck_assert_int_eq(proposal_by(0, HEIGHT, 1, -1, A), BFT_E_LEADER);
	ck_assert_int_eq(proposal_by(2, HEIGHT, 2, -2, A), BFT_E_FORM);
	ck_assert_int_eq(proposal_by(2, HEIGHT, 2, 2, A), BFT_E_FORM);
	ck_assert_int_eq(proposal_by(0, HEIGHT, 0, 0, A), BFT_E_FORM);
	ck_assert_int_eq(proposal_by(0, HEIGHT, 0, -1, nil), BFT_E_FORM);
	ck_assert_int_eq(proposal_by(0, HEIGHT, UINT64_MAX, -1, A), BFT_E_FORM);
	ck_assert_int_eq(proposal_by(0, HEIGHT - 1, 0, -1, A), BFT_E_HEIGHT_OLD);
	ck_assert_int_eq(proposal_by(0, HEIGHT + 2, 0, -1, A), BFT_E_HEIGHT_NEW);
	ck_assert_uint_eq(actions.count, 0);
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
}
END_TEST

START_TEST(of_a_voter_far_ahead_only_the_highest_round_is_kept)
{
	ck_assert_int_eq(prevote(3, 10, A), 0);
	ck_assert_int_eq(precommit(3, 10, B), 0);
	ck_assert_int_eq(prevote(3, 10, A), BFT_E_KNOWN);
	ck_assert_int_eq(prevote(3, 10, B), BFT_E_EQUIVOCATION);
	ck_assert_int_eq(prevote(3, 9, A), BFT_E_ROUND);
	ck_assert_int_eq(prevote(3, 11, A), 0);
	ck_assert_int_eq(precommit(3, 10, B), BFT_E_ROUND);
	/* what is near is kept all the same */
	ck_assert_int_eq(prevote(3, 1, A), 0);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	/* and the far one counts when we get there */
	ck_assert_int_eq(prevote(0, 11, A), 0);
	ck_assert_uint_eq(status().round, 11);
	ck_assert_uint_eq(status().prevotes, 2);
}
END_TEST

START_TEST(old_rounds_are_given_up_but_for_those_that_matter)
{
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;
	uint64_t lowest = UINT64_MAX, second = UINT64_MAX;

	lock_in_round_0(A);
	for (uint64_t round = 0; round < 100; round++)
		next_round(round);
	while (bft_repeat_next(bft, &cursor, &message)) {
		uint64_t round = message.kind == BFT_MESSAGE_VOTE ? message.u.vote.round : UINT64_MAX;

		if (round < lowest)
			lowest = round;
		if (round > 0 && round < second)
			second = round;
	}
	/* round 0 holds the polka of our lock */
	ck_assert_uint_eq(lowest, 0);
	ck_assert_uint_ge(second, 100 - 32);
	ck_assert_uint_le(second, 100 - 29);
	ck_assert_int_eq(prevote(3, 0, A), 0);
	ck_assert_int_eq(prevote(3, 5, A), BFT_E_ROUND);
	/* a proposal that refers to it opens it again */
	ck_assert_int_eq(proposal(100, 5, B), 0);
	ck_assert_int_eq(prevote(3, 5, B), 0);
	ck_assert_int_eq(prevote(3, 5, C), 0);
	ck_assert_int_eq(prevote(3, 6, B), BFT_E_ROUND);
}
END_TEST

/* ---- blocks */

START_TEST(blocks_are_needed_as_long_as_a_rule_may_refer_to_them)
{
	ck_assert(!bft_needs_block(bft, HEIGHT, &A));
	ck_assert_int_eq(proposal(0, -1, A), 0);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	ck_assert(!bft_needs_block(bft, HEIGHT, &B));
	ck_assert(!bft_needs_block(bft, HEIGHT + 1, &A));
	ck_assert(!bft_needs_block(bft, HEIGHT + 2, &A));
	ck_assert(!bft_needs_block(bft, HEIGHT, &nil));
	next_round(0);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	next_round(1);
	ck_assert(!bft_needs_block(bft, HEIGHT, &A));
	/* the locked one for ever */
	setup();
	lock_in_round_0(A);
	for (uint64_t round = 0; round < 5; round++)
		next_round(round);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
}
END_TEST

START_TEST(what_may_have_been_dropped_is_asked_for_again)
{
	/* regression: a block was judged, then dropped by the caller, and then committed by a quorum of an old round */
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	next_round(0);
	next_round(1);
	ck_assert(!bft_needs_block(bft, HEIGHT, &A));
	/* a judgement that comes now is of no use */
	block(A, BFT_VALID);
	(void)precommit(0, 0, A);
	(void)precommit(2, 0, A);
	ck_assert_int_eq(precommit(3, 0, A), 0);
	ck_assert_int_eq(count(BFT_COMMIT), 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	block(A, BFT_VALID);
	ck_assert_int_eq(count(BFT_COMMIT), 1);
}
END_TEST

START_TEST(a_block_is_asked_for_once_and_with_each_repetition)
{
	params.repeat_ms = 300;
	bft_free(bft);
	ck_assert_int_eq(bft_new(&bft, &params, now), 0);
	start(HEIGHT, US, 0);
	ck_assert_int_eq(proposal(0, -1, A), 0);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 1);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 0);
	tick(START + 300);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 1);
	block(A, BFT_UNSETTLED);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 0);
	tick(START + 600);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 1);
	block(A, BFT_VALID);
	tick(START + 900);
	ck_assert_int_eq(count(BFT_NEED_BLOCK), 0);
}
END_TEST

/* ---- repetition */

START_TEST(what_is_repeated)
{
	/* valid round 0, our round 2, and a precommit of round 1 */
	static const struct {
		uint64_t round;
		int phase; /* 0: a proposal */
		uint32_t voter;
	} expected[] = {{2, 0, 2}, {0, 1, 0}, {0, 1, 1},  {0, 1, 2}, {0, 2, 1}, {0, 2, 2},
			{0, 2, 3}, {0, 2, 0}, {1, 1, US}, {1, 2, 3}, {2, 1, 3}, {2, 1, 1}};
	size_t found[sizeof(expected) / sizeof(expected[0])] = {0}, total = 0;
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;

	lock_in_round_0(A);
	next_round(0);
	ck_assert_int_eq(prevote(0, 1, nil), 0);
	ck_assert_int_eq(precommit(3, 1, nil), 0);
	(void)prevote(3, 2, nil);
	(void)prevote(0, 2, nil);
	ck_assert_uint_eq(status().round, 2);
	ck_assert_int_eq(proposal(2, -1, B), 0);
	while (bft_repeat_next(bft, &cursor, &message)) {
		bool vote = message.kind == BFT_MESSAGE_VOTE;

		for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
			if (vote ? expected[i].phase == (int)message.u.vote.phase &&
					    expected[i].round == message.u.vote.round &&
					    expected[i].voter == message.u.vote.voter
				 : expected[i].phase == 0 && expected[i].round == message.u.proposal.round)
				found[i]++;
		}
		/* nothing of round 1 but precommits and what we said */
		ck_assert(!vote || message.u.vote.round != 1 || message.u.vote.phase == WIRE_PHASE_PRECOMMIT ||
			  message.u.vote.voter == US);
		total++;
	}
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_msg(found[i] == 1, "message %zu: %zu times", i, found[i]);
	/* and of round 2 the prevote of 0, and our precommit */
	ck_assert_uint_eq(total, sizeof(expected) / sizeof(expected[0]) + 2);
	ck_assert(!bft_repeat_next(bft, &cursor, &message));
}
END_TEST

START_TEST(both_votes_of_an_equivocator_are_repeated)
{
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;
	int votes = 0;

	ck_assert_int_eq(prevote(3, 0, A), 0);
	ck_assert_int_eq(prevote(3, 0, B), 0);
	while (bft_repeat_next(bft, &cursor, &message))
		votes++;
	ck_assert_int_eq(votes, 2);
}
END_TEST

START_TEST(validators_repeat_on_time_and_observers_do_not)
{
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;

	params.repeat_ms = 400;
	for (int own = -1; own <= US; own += US + 1) {
		bft_free(bft);
		now = START;
		ck_assert_int_eq(bft_new(&bft, &params, now), 0);
		ck_assert_int_eq(bft_deadline_ms(bft), INT64_MAX);
		ck_assert(!bft_repeat_next(bft, &cursor, &message));
		tick(now);
		ck_assert_uint_eq(actions.count, 0);
		start(HEIGHT, own, 0);
		ck_assert_int_eq(bft_deadline_ms(bft), START + 400);
		tick(START + 399);
		ck_assert_int_eq(count(BFT_REPEAT), 0);
		tick(START + 400);
		ck_assert_int_eq(count(BFT_REPEAT), own >= 0);
		tick(START + 401);
		ck_assert_int_eq(count(BFT_REPEAT), 0);
		ck_assert_int_eq(bft_deadline_ms(bft), START + 800);
	}
}
END_TEST

START_TEST(what_is_signed_comes_before_it_is_repeated)
{
	/* the timeout and the repetition at once: the precommit follows from the prevote, and both are repeated */
	params.repeat_ms = TIMEOUT;
	bft_free(bft);
	ck_assert_int_eq(bft_new(&bft, &params, now), 0);
	start(HEIGHT, US, 0);
	ck_assert_int_eq(prevote(0, 0, nil), 0);
	ck_assert_int_eq(prevote(2, 0, nil), 0);
	tick(START + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 2);
	ck_assert_int_eq(count(BFT_REPEAT), 1);
	ck_assert_int_eq(actions.items[actions.count - 1].kind, BFT_REPEAT);
}
END_TEST

START_TEST(observers_follow_without_a_word)
{
	create(false);
	start(HEIGHT, -1, 0);
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(prevote(i, 0, A), 0);
	ck_assert_int_eq(count(BFT_SEND_VOTE) + count(BFT_PERSIST), 0);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(precommit(i, 0, A), 0);
	ck_assert_uint_eq(the(BFT_COMMIT)->certificate->count, 3);
}
END_TEST

/* ---- after a crash */

/* What the last event would have written. */
static struct bft_record written(enum bft_action_kind kind)
{
	return the(kind)->u.record;
}

static void restore(const struct bft_record *record, const struct bft_certificate *polka)
{
	ck_assert_int_eq(bft_restore(bft, record, polka), 0);
}

START_TEST(a_prevote_is_not_forgotten)
{
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;
	struct bft_record record;
	struct wire_sig signature;

	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	record = written(BFT_SEND_VOTE);
	signature = the(BFT_SEND_VOTE)->message.u.vote.signature;
	create(false);
	restore(&record, NULL);
	start(HEIGHT, US, 0);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(status().step, BFT_STEP_PREVOTE);
	/* neither another proposal nor the timeout brings another one */
	ck_assert_int_eq(proposal(0, -1, B), 0);
	block(B, BFT_VALID);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	tick(now + 10 * TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* it is repeated as it was */
	ck_assert(bft_repeat_next(bft, &cursor, &message));
	ck_assert_int_eq(message.kind, BFT_MESSAGE_PROPOSAL);
	ck_assert(bft_repeat_next(bft, &cursor, &message));
	ck_assert(same(&message.u.vote.hash, &A));
	ck_assert_mem_eq(&message.u.vote.signature, &signature, sizeof(signature));
	/* and known when it comes back */
	ck_assert_int_eq(prevote(US, 0, A), BFT_E_KNOWN);
}
END_TEST

START_TEST(a_prevote_of_a_round_that_we_have_left_is_repeated_after_a_crash)
{
	/* Number 2 is gone, 0 and 3 are in round 0 and 3 lacks our prevote there: nobody else has it any more. */
	const struct bft_record records[] = {
		{.kind = BFT_RECORD_PREVOTE, .height = HEIGHT, .locked_round = -1, .valid_round = -1},
		{.kind = BFT_RECORD_PRECOMMIT, .height = HEIGHT, .locked_round = -1, .valid_round = -1},
		{.kind = BFT_RECORD_PREVOTE, .height = HEIGHT, .round = 1, .locked_round = -1, .valid_round = -1},
	};
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;

	create(false);
	for (size_t i = 0; i < 3; i++)
		restore(&records[i], NULL);
	start(HEIGHT, US, 0);
	ck_assert_uint_eq(status().round, 1);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(bft_repeat_next(bft, &cursor, &message));
		ck_assert_int_eq(message.kind, BFT_MESSAGE_VOTE);
		ck_assert_uint_eq(message.u.vote.round, records[i].round);
		ck_assert_int_eq(message.u.vote.phase,
				 records[i].kind == BFT_RECORD_PREVOTE ? WIRE_PHASE_PREVOTE : WIRE_PHASE_PRECOMMIT);
	}
	ck_assert(!bft_repeat_next(bft, &cursor, &message));
}
END_TEST

START_TEST(a_lock_is_not_forgotten_nor_its_polka)
{
	struct bft_record records[2];
	struct bft_certificate polka;
	struct bft_signature entries[4];

	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	records[0] = written(BFT_SEND_VOTE);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	records[1] = written(BFT_SEND_VOTE);
	polka = *the(BFT_SEND_VOTE)->polka;
	memcpy(entries, polka.entries, polka.count * sizeof(entries[0]));
	polka.entries = entries;

	create(false);
	restore(&records[0], NULL);
	restore(&records[1], &polka);
	memset(entries, 0, sizeof(entries));
	start(HEIGHT, US, 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	ck_assert_int_eq(status().step, BFT_STEP_PRECOMMIT);
	ck_assert_int_eq(status().locked_round, 0);
	ck_assert_int_eq(status().valid_round, 0);
	ck_assert_uint_eq(status().prevotes, 3);
	ck_assert_uint_eq(status().precommits, 1);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	/* our turn: we propose it again, with the polka that nobody else may hold */
	next_round(0);
	ck_assert(same(&the(BFT_SEND_PROPOSAL)->message.u.proposal.hash, &A));
	ck_assert_int_eq(the(BFT_SEND_PROPOSAL)->message.u.proposal.valid_round, 0);
	block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 1, A);
	/* and refuse another */
	next_round(1);
	ck_assert_int_eq(proposal(2, -1, B), 0);
	voted(WIRE_PHASE_PREVOTE, 2, nil);
}
END_TEST

START_TEST(a_proposal_is_not_forgotten)
{
	struct bft_record record;

	create(false);
	start(HEIGHT, 0, 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &A, now), 0);
	record = written(BFT_SEND_PROPOSAL);
	create(false);
	restore(&record, NULL);
	start(HEIGHT, 0, 0);
	/* no other block is asked for */
	ck_assert_int_eq(count(BFT_PROPOSE_VALUE), 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &B, now), BFT_E_STEP);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	block(A, BFT_VALID);
	ck_assert(same(&the(BFT_SEND_VOTE)->message.u.vote.hash, &A));
}
END_TEST

START_TEST(the_last_round_goes_on)
{
	struct bft_record record = {.kind = BFT_RECORD_PRECOMMIT,
				    .height = HEIGHT,
				    .round = 41,
				    .proposal_round = -1,
				    .locked_round = -1,
				    .valid_round = -1};

	create(false);
	restore(&record, NULL);
	start(HEIGHT, US, 0);
	ck_assert_uint_eq(the(BFT_NEW_ROUND)->round, 41);
	ck_assert_int_eq(status().step, BFT_STEP_PRECOMMIT);
	ck_assert_uint_eq(status().precommits, 1);
	ck_assert_int_eq(precommit(0, 41, nil), 0);
	ck_assert_int_eq(precommit(2, 41, nil), 0);
	ck_assert_int_eq(bft_deadline_ms(bft), now + TIMEOUT + 41 * DELTA);
}
END_TEST

START_TEST(a_chain_that_is_behind_its_votes_is_not_voted_on)
{
	struct bft_record record = {.kind = BFT_RECORD_PREVOTE,
				    .height = HEIGHT + 2,
				    .hash = A,
				    .proposal_round = -1,
				    .locked_round = -1,
				    .valid_round = -1};

	create(false);
	restore(&record, NULL);
	start(HEIGHT, US, 0);
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* what we once said there is no surprise */
	ck_assert_int_eq(prevote(US, 0, B), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	start(HEIGHT + 1, US, 0);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* where the file knows what we said, we go on */
	start(HEIGHT + 2, US, 0);
	ck_assert_int_eq(status().step, BFT_STEP_PREVOTE);
	start(HEIGHT + 3, US, 0);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 1);
}
END_TEST

START_TEST(records_that_nobody_wrote_are_refused)
{
	const struct bft_record good = {.kind = BFT_RECORD_PREVOTE,
					.height = HEIGHT,
					.round = 3,
					.proposal_round = -1,
					.locked_round = 1,
					.locked = A,
					.valid_round = 2,
					.valid = B};
	struct bft_record bad[8];

	for (int i = 0; i < 8; i++)
		bad[i] = good;
	bad[0].height = 0;
	bad[1].round = BFT_ROUND_MAX + 1;
	bad[2].locked_round = 3;
	bad[3].valid_round = 4;
	bad[4].locked_round = -1;
	bad[5].valid = nil;
	bad[6].locked_round = -2;
	bad[7].kind = BFT_RECORD_PROPOSAL;
	create(false);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(bft_restore(bft, &bad[i], NULL), BFT_E_FORM);
	restore(&good, NULL);
	bad[0] = good;
	bad[0].height--;
	ck_assert_int_eq(bft_restore(bft, &bad[0], NULL), BFT_E_FORM);
}
END_TEST

START_TEST(without_its_file_a_validator_waits_for_two_new_heights)
{
	create(true);
	/* heights whose time had come before it started: whatever it said there it has forgotten */
	for (uint64_t height = HEIGHT; height < HEIGHT + 5; height++) {
		start(height, US, START - 1);
		tick(now + TIMEOUT);
		ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	}
	start(HEIGHT + 5, US, START);
	start(HEIGHT + 6, US, START + 1);
	start(HEIGHT + 7, US, START + 2);
	ck_assert(status().observing);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(count(BFT_REPEAT), 0);
	/* now two of them have committed */
	start(HEIGHT + 8, US, START + 3);
	ck_assert(!status().observing);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 1);
}
END_TEST

START_TEST(without_its_file_a_leader_is_silent)
{
	create(true);
	start(HEIGHT, 0, 0);
	ck_assert_int_eq(count(BFT_PROPOSE_VALUE), 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &A, now), BFT_E_STEP);
}
END_TEST

START_TEST(our_key_elsewhere_silences_us)
{
	ck_assert_int_eq(prevote(US, 0, A), 0);
	ck_assert_int_eq(the(BFT_OWN_KEY)->message.u.vote.voter, US);
	ck_assert(status().observing);
	tick(START + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* said once */
	ck_assert_int_eq(precommit(US, 0, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	/* until two heights from now on have committed */
	start(HEIGHT + 1, US, now + 1);
	start(HEIGHT + 2, US, now + 2);
	ck_assert(status().observing);
	start(HEIGHT + 3, US, now + 3);
	ck_assert(!status().observing);
}
END_TEST

START_TEST(our_key_elsewhere_is_seen_in_all_kinds_of_messages)
{
	struct bft_vote vote = make_vote(US, 0, WIRE_PHASE_PREVOTE, A);

	/* against a vote of ours */
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
	ck_assert_int_eq(prevote(US, 0, nil), BFT_E_KNOWN);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	ck_assert_int_eq(prevote(US, 0, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
	ck_assert_int_eq(count(BFT_EVIDENCE), 1);
	/* a proposal */
	setup();
	ck_assert_int_eq(proposal_by(US, HEIGHT, 1, -1, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
	/* far ahead */
	setup();
	ck_assert_int_eq(prevote(US, 77, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
	/* at the next height */
	setup();
	vote.height++;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
}
END_TEST

START_TEST(our_own_old_votes_are_no_surprise)
{
	/* given up with their round, and then heard again */
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
	for (uint64_t round = 0; round < 60; round++)
		next_round(round);
	ck_assert_int_eq(prevote(US, 0, nil), BFT_E_ROUND);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	ck_assert_int_eq(proposal(60, 0, A), 0);
	(void)prevote(US, 0, A);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
}
END_TEST

/* ---- the stored form */

START_TEST(records_are_read_as_they_were_written)
{
	const struct bft_record record = {.kind = BFT_RECORD_PROPOSAL,
					  .height = UINT64_MAX,
					  .round = 77,
					  .hash = A,
					  .proposal_round = 5,
					  .locked_round = -1,
					  .valid_round = 5,
					  .valid = A};
	struct bft_signature entries[3] = {{0, {{1}}}, {2, {{2}}}, {999, {{3}}}};
	struct bft_certificate polka = {UINT64_MAX, 5, WIRE_PHASE_PREVOTE, A, 3, entries}, other;
	struct bft_record read;
	struct buf buf = BUF_INIT;

	for (int with = 0; with < 2; with++) {
		buf_reset(&buf);
		bft_record_encode(&buf, &record, with ? &polka : NULL);
		ck_assert_int_eq(buf.error, 0);
		ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 0);
		ck_assert_int_eq(read.kind, record.kind);
		ck_assert_uint_eq(read.height, record.height);
		ck_assert_uint_eq(read.round, record.round);
		ck_assert(same(&read.hash, &A) && same(&read.locked, &nil) && same(&read.valid, &A));
		ck_assert_int_eq(read.proposal_round, 5);
		ck_assert_int_eq(read.locked_round, -1);
		ck_assert_int_eq(read.valid_round, 5);
		ck_assert_uint_eq(other.count, with ? 3 : 0);
		if (with) {
			ck_assert_uint_eq(other.height, UINT64_MAX);
			ck_assert_uint_eq(other.round, 5);
			ck_assert_int_eq(other.phase, WIRE_PHASE_PREVOTE);
			ck_assert(same(&other.hash, &A));
			ck_assert_uint_eq(other.entries[2].voter, 999);
			ck_assert_mem_eq(&other.entries[2].signature, &entries[2].signature, 64);
			free(other.entries);
		}
	}
	buf_free(&buf);
}
END_TEST

START_TEST(damaged_records_are_refused)
{
	const struct bft_record record = {.kind = BFT_RECORD_STATE, .height = 1, .locked_round = -1, .valid_round = -1};
	struct bft_signature entries[2] = {{0, {{1}}}, {2, {{2}}}};
	struct bft_certificate polka = {1, 0, WIRE_PHASE_PREVOTE, A, 2, entries}, other;
	struct bft_record read;
	struct buf buf = BUF_INIT;

	bft_record_encode(&buf, &record, &polka);
	for (size_t len = 0; len < buf.len; len++)
		ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, len), 1);
	buf_append_byte(&buf, 0);
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf.len--;
	buf.data[0] = 2; /* version */
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf.data[0] = 1;
	buf.data[1] = 5; /* kind */
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf.data[1] = 0;
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf_free(&buf);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(bft_error_name(BFT_E_KNOWN), "BFT_E_KNOWN");
	ck_assert_str_eq(bft_error_name(BFT_E_STEP), "BFT_E_STEP");
	ck_assert_str_eq(bft_error_name(0), "?");
	ck_assert_str_eq(bft_error_name(BFT_E_STEP + 1), "?");
	ck_assert_str_eq(bft_step_name(BFT_STEP_WAIT), "wait");
	ck_assert_str_eq(bft_step_name(BFT_STEP_DECIDED), "decided");
}
END_TEST

static void add_rules(TCase *c)
{
	tcase_add_test(c, line_14_a_leader_asks_for_a_block_and_proposes_it);
	tcase_add_test(c, line_14_a_block_that_comes_late_is_not_proposed);
	tcase_add_test(c, line_16_a_leader_proposes_its_valid_block_again);
	tcase_add_test(c, line_22_a_valid_block_is_prevoted);
	tcase_add_test(c, line_22_waits_for_what_is_not_known_yet);
	tcase_add_test(c, line_23_a_lock_refuses_another_block);
	tcase_add_test(c, line_23_a_lock_takes_its_own_block);
	tcase_add_test(c, line_26_an_invalid_block_gets_a_vote_for_nil);
	tcase_add_test(c, line_28_needs_the_polka);
	tcase_add_test(c, line_28_does_not_ask_for_finality);
	tcase_add_test(c, line_29_a_newer_polka_opens_a_lock);
	tcase_add_test(c, line_29_an_older_polka_does_not);
	tcase_add_test(c, line_32_an_invalid_block_stays_invalid);
	tcase_add_test(c, line_34_waits_a_while_when_prevotes_differ);
	tcase_add_test(c, line_36_a_polka_locks_and_is_precommitted);
	tcase_add_test(c, line_36_needs_the_block_not_the_proposal);
	tcase_add_test(c, line_36_not_for_an_invalid_block);
	tcase_add_test(c, line_42_a_polka_that_comes_late_makes_the_block_valid);
	tcase_add_test(c, line_44_a_polka_for_nil_is_precommitted_at_once);
	tcase_add_test(c, line_47_the_next_round_begins_a_while_after_a_quorum_of_precommits);
	tcase_add_test(c, line_49_a_quorum_of_precommits_commits);
	tcase_add_test(c, line_49_in_an_older_round_and_without_its_proposal);
	tcase_add_test(c, line_49_takes_what_the_quorum_took);
	tcase_add_test(c, line_50_an_invalid_block_is_not_committed);
	tcase_add_test(c, line_55_skips_when_one_honest_validator_is_further);
	tcase_add_test(c, line_55_rounds_may_differ_and_the_lower_one_counts);
	tcase_add_test(c, line_55_one_liar_moves_nobody);
	tcase_add_test(c, line_55_a_proposal_is_a_message_too);
	tcase_add_test(c, line_57_prevotes_nil_when_no_proposal_comes);
	tcase_add_test(c, line_57_prevotes_nil_when_transactions_are_not_seen_finalised);
}

static void add_heights(TCase *c)
{
	tcase_add_test(c, nothing_happens_before_the_time_of_the_block);
	tcase_add_test(c, a_certificate_does_not_wait);
	tcase_add_test(c, messages_of_the_next_height_are_kept);
	tcase_add_test(c, a_height_starts_with_no_lock);
	tcase_add_test(c, validators_may_change_between_heights);
	tcase_add_test(c, a_certified_block_from_elsewhere_ends_the_height);
	tcase_add_test(c, two_certificates_at_one_height_are_a_fork);
	tcase_add_test(c, votes_that_contradict_what_was_decided_are_a_fork);
	tcase_add_test(c, blocks_are_needed_as_long_as_a_rule_may_refer_to_them);
	tcase_add_test(c, what_may_have_been_dropped_is_asked_for_again);
	tcase_add_test(c, a_block_is_asked_for_once_and_with_each_repetition);
	tcase_add_test(c, what_is_repeated);
	tcase_add_test(c, both_votes_of_an_equivocator_are_repeated);
	tcase_add_test(c, validators_repeat_on_time_and_observers_do_not);
	tcase_add_test(c, what_is_signed_comes_before_it_is_repeated);
	tcase_add_test(c, observers_follow_without_a_word);
	tcase_add_test(c, names);
}

static void add_liars(TCase *c)
{
	tcase_add_test(c, adversarial_46_strangers_and_nonsense_do_not_count);
	tcase_add_test(c, adversarial_46_votes_for_other_heights_do_not_count);
	tcase_add_test(c, adversarial_46_a_voter_counts_once);
	tcase_add_test(c, adversarial_46_two_votes_of_one_make_no_quorum);
	tcase_add_test(c, an_equivocator_cannot_hide_a_polka);
	tcase_add_test(c, an_equivocator_cannot_fill_up_its_place);
	tcase_add_test(c, adversarial_47_of_two_proposals_the_first_counts);
	tcase_add_test(c, adversarial_47_the_second_one_brings_the_block_that_the_others_took);
	tcase_add_test(c, adversarial_48_only_the_leader_proposes);
	tcase_add_test(c, of_a_voter_far_ahead_only_the_highest_round_is_kept);
	tcase_add_test(c, old_rounds_are_given_up_but_for_those_that_matter);
}

static void add_crashes(TCase *c)
{
	tcase_add_test(c, a_prevote_is_not_forgotten);
	tcase_add_test(c, a_prevote_of_a_round_that_we_have_left_is_repeated_after_a_crash);
	tcase_add_test(c, a_lock_is_not_forgotten_nor_its_polka);
	tcase_add_test(c, a_proposal_is_not_forgotten);
	tcase_add_test(c, the_last_round_goes_on);
	tcase_add_test(c, a_chain_that_is_behind_its_votes_is_not_voted_on);
	tcase_add_test(c, records_that_nobody_wrote_are_refused);
	tcase_add_test(c, without_its_file_a_validator_waits_for_two_new_heights);
	tcase_add_test(c, without_its_file_a_leader_is_silent);
	tcase_add_test(c, our_key_elsewhere_silences_us);
	tcase_add_test(c, our_key_elsewhere_is_seen_in_all_kinds_of_messages);
	tcase_add_test(c, our_own_old_votes_are_no_surprise);
	tcase_add_test(c, records_are_read_as_they_were_written);
	tcase_add_test(c, damaged_records_are_refused);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *c);
	} cases[] = {{"rules", add_rules}, {"heights", add_heights}, {"liars", add_liars}, {"crashes", add_crashes}};
	Suite *suite = suite_create("bft");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		TCase *c = tcase_create(cases[i].name);

		tcase_add_checked_fixture(c, setup, teardown);
		cases[i].add(c);
		suite_add_tcase(suite, c);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
