// SPDX-License-Identifier: MIT
/* consensus/bft by the lines of the paper's pseudocode. */
#include "bft_fixture.h"

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

int main(void)
{
	return bft_tests("bft", add_rules);
}
