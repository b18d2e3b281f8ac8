// SPDX-License-Identifier: MIT
/* consensus/bft among liars. */
#include "bft_fixture.h"

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

START_TEST(evidence_tells_its_own_height_and_round)
{
	struct bft_height this = {HEIGHT + 1, 4, 0, US}, next = {HEIGHT + 2, 5, 0, US};
	struct bft_vote vote = make_vote(4, 1, WIRE_PHASE_PREVOTE, A);

	ck_assert_int_eq(bft_start_height(bft, &actions, &this, &next, 0, now), 0);
	vote.height = HEIGHT + 2;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	vote.hash = B;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	ck_assert_uint_eq(the(BFT_EVIDENCE)->height, HEIGHT + 2);
	ck_assert_uint_eq(the(BFT_EVIDENCE)->round, 1);
	vote = make_vote(US, 1, WIRE_PHASE_PREVOTE, A);
	vote.height = HEIGHT + 2;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	ck_assert_uint_eq(the(BFT_OWN_KEY)->height, HEIGHT + 2);
	ck_assert_uint_eq(the(BFT_OWN_KEY)->round, 1);
}
END_TEST

START_TEST(votes_far_ahead_are_evidence_once)
{
	ck_assert_int_eq(precommit(0, 7, A), 0);
	ck_assert_int_eq(precommit(0, 7, A), BFT_E_KNOWN);
	ck_assert_int_eq(precommit(0, 7, B), BFT_E_EQUIVOCATION);
	ck_assert_uint_eq(the(BFT_EVIDENCE)->round, 7);
	ck_assert(same(&the(BFT_EVIDENCE)->message.u.vote.hash, &B));
	ck_assert(same(&the(BFT_EVIDENCE)->u.other.u.vote.hash, &A));
	/* there is no end to rounds */
	ck_assert_int_eq(precommit(0, 8, A), 0);
	ck_assert_int_eq(precommit(0, 8, B), BFT_E_EQUIVOCATION);
	ck_assert_int_eq(count(BFT_EVIDENCE), 0);
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

static void add_liars(TCase *c)
{
	tcase_add_test(c, adversarial_46_strangers_and_nonsense_do_not_count);
	tcase_add_test(c, adversarial_46_votes_for_other_heights_do_not_count);
	tcase_add_test(c, adversarial_46_a_voter_counts_once);
	tcase_add_test(c, adversarial_46_two_votes_of_one_make_no_quorum);
	tcase_add_test(c, an_equivocator_cannot_hide_a_polka);
	tcase_add_test(c, an_equivocator_cannot_fill_up_its_place);
	tcase_add_test(c, evidence_tells_its_own_height_and_round);
	tcase_add_test(c, votes_far_ahead_are_evidence_once);
	tcase_add_test(c, adversarial_47_of_two_proposals_the_first_counts);
	tcase_add_test(c, adversarial_47_the_second_one_brings_the_block_that_the_others_took);
	tcase_add_test(c, adversarial_48_only_the_leader_proposes);
	tcase_add_test(c, of_a_voter_far_ahead_only_the_highest_round_is_kept);
	tcase_add_test(c, old_rounds_are_given_up_but_for_those_that_matter);
}

int main(void)
{
	return bft_tests("bft_liars", add_liars);
}
