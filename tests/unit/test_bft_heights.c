// SPDX-License-Identifier: MIT
/* consensus/bft from height to height: what comes before round 0 and after, blocks, repetition. */
#include "bft_fixture.h"

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
	ck_assert(same(&the(BFT_FORK)->u.decided, &A));
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
	ck_assert(same(&action->u.decided, &A));
	ck_assert_uint_eq(action->certificate->count, 3);
	ck_assert_uint_eq(action->certificate->round, 1);
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

int main(void)
{
	return bft_tests("bft_heights", add_heights);
}
