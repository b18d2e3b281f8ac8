// SPDX-License-Identifier: MIT
/* consensus/finality: our own votes, what they lock and for how long, and what a restart keeps of them. */
#include "finality_fixture.h"

START_TEST(one_spender_of_an_outpoint_is_approved)
{
	approve_a();
	finality_dropped(finality, &A);
	/* A has left the pool, and B spends the same: we wait */
	ck_assert_int_eq(add(B, &coin), 0);
	nothing();
	ck_assert(!status(B).voted);
	/* another output of the same transaction is another matter */
	ck_assert_int_eq(add(C, &other_coin), 0);
	next(FINALITY_SEND_VOTE, C);
	ck_assert(action.vote.approve);
	nothing();
}
END_TEST

START_TEST(a_lock_ends_an_hour_after_its_vote)
{
	approve_a();
	finality_dropped(finality, &A);
	ck_assert_int_eq(add(B, &coin), 0);
	now = START + 73 * HOUR - 1;
	finality_expire(finality, now);
	nothing();
	ck_assert_uint_eq(counts().own, 1);
	now++;
	finality_expire(finality, now);
	next(FINALITY_SEND_VOTE, B);
	ck_assert(action.vote.approve);
	ck_assert_int_eq(action.vote.timestamp, now);
	ck_assert_uint_eq(counts().own, 1);
	ck_assert_uint_eq(counts().locks, 1);
}
END_TEST

START_TEST(a_lock_ends_when_its_transaction_is_rejected)
{
	approve_a();
	ck_assert_int_eq(vote(1, A, false), 0);
	ck_assert_int_eq(vote(2, A, false), 0);
	nothing();
	ck_assert_int_eq(vote(3, A, false), 0);
	next(FINALITY_REJECT, A);
	nothing();
	finality_dropped(finality, &A);
	ck_assert_int_eq(add(B, &coin), 0);
	next(FINALITY_SEND_VOTE, B);
	ck_assert(action.vote.approve);
	/* we have voted on A, though, and do not do so again in another way */
	ck_assert_int_eq(finality_conflict(finality, &A, &coin, now), FINALITY_E_KNOWN);
}
END_TEST

START_TEST(a_lock_ends_when_a_block_settles_it)
{
	approve_a();
	finality_settled(finality, &A);
	ck_assert_uint_eq(counts().own, 0);
	ck_assert_uint_eq(counts().locks, 0);
	ck_assert_uint_eq(counts().transactions, 0);
	setup();
	approve_a();
	finality_spent(finality, &coin);
	finality_spent(finality, &coin);
	finality_dropped(finality, &A);
	ck_assert_uint_eq(counts().locks, 0);
	ck_assert_uint_eq(counts().own, 1);
	ck_assert_int_eq(add(B, &coin), 0);
	next(FINALITY_SEND_VOTE, B);
	/* the vote for A goes without taking B's lock along */
	now += 73 * HOUR;
	now -= 1;
	finality_settled(finality, &A);
	ck_assert_uint_eq(counts().locks, 1);
}
END_TEST

START_TEST(a_block_that_may_be_undone_ends_no_lock)
{
	approve_a();
	finality_included(finality, &A);
	ck_assert_uint_eq(counts().transactions, 0);
	ck_assert(finality_bound(finality, &A));
	ck_assert_int_eq(add(B, &coin), 0);
	nothing();
	finality_included(finality, &A);
	finality_included(finality, &C); /* unknown */
	/* it comes back, and goes into a block again */
	now += HOUR;
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_SEND_VOTE, A);
	ck_assert_int_eq(action.vote.timestamp, START);
	finality_included(finality, &A);
	nothing();
	/* the lock ends when any does */
	now = START + 73 * HOUR - 1;
	finality_expire(finality, now);
	nothing();
	now++;
	finality_expire(finality, now);
	next(FINALITY_SEND_VOTE, B);
	ck_assert_uint_eq(counts().own, 1);
	ck_assert_uint_eq(counts().locks, 1);
	/* a certificate that follows settles it after all */
	finality_included(finality, &B);
	finality_settled(finality, &B);
	ck_assert_uint_eq(counts().own, 0);
	ck_assert_uint_eq(counts().locks, 0);
}
END_TEST

START_TEST(a_restart_keeps_the_lock_that_ends_last)
{
	struct finality_record a = {.txid = A, .approve = true, .timestamp = now},
			       b = {.txid = B, .approve = true, .timestamp = now + HOUR};

	/* A was rejected, and then B approved */
	for (int order = 0; order < 2; order++) {
		create();
		now = START + HOUR;
		ck_assert_int_eq(finality_restore(finality, order ? &b : &a, &coin, 1, now), 0);
		ck_assert_int_eq(finality_restore(finality, order ? &a : &b, &coin, 1, now), 0);
		ck_assert_uint_eq(counts().locks, 1);
		ck_assert_int_eq(add(C, &coin), 0);
		now = START + 74 * HOUR - 1;
		finality_expire(finality, now);
		nothing();
		ck_assert_uint_eq(counts().own, 1);
		now++;
		finality_expire(finality, now);
		next(FINALITY_SEND_VOTE, C);
	}
}
END_TEST

START_TEST(what_blocks_hold_gives_way)
{
	static const struct wire_outpoint many[3] = {{{{7}}, 0}, {{{7}}, 1}, {{{7}}, 2}};
	static const struct wire_outpoint four[4] = {{{{8}}, 0}, {{{8}}, 1}, {{{8}}, 2}, {{{8}}, 3}};
	static const struct wire_hash D = {{0xd}};

	params.max_own = 2;
	params.max_locks = 3;
	create();
	approve_a();
	ck_assert_int_eq(add(B, &other_coin), 0);
	next(FINALITY_SEND_VOTE, B);
	finality_included(finality, &B);
	finality_included(finality, &A);
	/* A is back, and no longer the second one to go */
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_SEND_VOTE, A);
	ck_assert_int_eq(finality_add(finality, &C, many, 1, now), 0);
	next(FINALITY_SEND_VOTE, C);
	ck_assert(!finality_bound(finality, &B));
	ck_assert(finality_bound(finality, &A));
	ck_assert_uint_eq(counts().locks, 2);
	ck_assert_int_eq(finality_add(finality, &D, &many[1], 2, now), 0);
	nothing();
	finality_included(finality, &C);
	next(FINALITY_SEND_VOTE, D);
	nothing();
	ck_assert(!finality_bound(finality, &C));
	ck_assert_uint_eq(counts().own, 2);
	ck_assert_uint_eq(counts().locks, 3);
	/* what will never fit makes nobody go */
	finality_included(finality, &A);
	finality_included(finality, &D);
	ck_assert_int_eq(finality_add(finality, &B, four, 4, now), 0);
	nothing();
	ck_assert_uint_eq(counts().own, 2);
}
END_TEST

START_TEST(what_comes_back_gets_the_same_vote)
{
	approve_a();
	finality_dropped(finality, &A);
	now += HOUR;
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_SEND_VOTE, A);
	ck_assert(action.vote.approve);
	ck_assert_int_eq(action.vote.timestamp, START);
	nothing();
	ck_assert_uint_eq(counts().own, 1);
	/* but not once it counts no more */
	finality_dropped(finality, &A);
	now = START + 72 * HOUR;
	ck_assert_int_eq(add(A, &coin), 0);
	nothing();
	ck_assert_uint_eq(counts().own, 1);
}
END_TEST

START_TEST(what_conflicts_with_our_choice_is_rejected)
{
	ck_assert_int_eq(finality_conflict(finality, &B, &coin, now), FINALITY_E_UNKNOWN);
	approve_a();
	ck_assert_int_eq(finality_conflict(finality, &B, &coin, now), 0);
	ck_assert_int_eq(finality_conflict(finality, &B, &coin, now), FINALITY_E_KNOWN);
	next(FINALITY_SEND_VOTE, B);
	ck_assert(!action.vote.approve);
	ck_assert(!action.record.approve);
	ck_assert_uint_eq(action.outpoint_count, 0);
	nothing();
	ck_assert_int_eq(finality_conflict(finality, &B, &coin, now), FINALITY_E_KNOWN);
	ck_assert_int_eq(finality_conflict(finality, &A, &coin, now), FINALITY_E_KNOWN);
	ck_assert_int_eq(finality_conflict(finality, &C, &other_coin, now), FINALITY_E_UNKNOWN);
	/* others' votes on it do not decide what is not in the pool */
	ck_assert_int_eq(vote(1, B, false), 0);
	ck_assert_int_eq(vote(2, B, false), 0);
	nothing();
}
END_TEST

START_TEST(no_more_than_eight_are_rejected_for_one)
{
	struct wire_hash txid = {{0}};

	approve_a();
	for (uint8_t i = 0; i < 8; i++) {
		txid.bytes[1] = (uint8_t)(i + 1);
		ck_assert_int_eq(finality_conflict(finality, &txid, &coin, now), 0);
		next(FINALITY_SEND_VOTE, txid);
	}
	ck_assert_int_eq(finality_conflict(finality, &B, &coin, now), FINALITY_E_FULL);
	nothing();
}
END_TEST

START_TEST(without_room_for_our_votes_we_make_none)
{
	static const struct wire_outpoint many[3] = {{{{7}}, 0}, {{{7}}, 1}, {{{7}}, 2}};

	params.max_own = 1;
	create();
	approve_a();
	ck_assert_int_eq(add(B, &other_coin), 0);
	nothing();
	finality_settled(finality, &A);
	next(FINALITY_SEND_VOTE, B);
	nothing();

	params.max_own = 10;
	params.max_locks = 2;
	create();
	ck_assert_int_eq(finality_add(finality, &A, many, 3, now), 0);
	nothing();
	ck_assert_uint_eq(counts().own, 0);
	ck_assert_int_eq(finality_add(finality, &B, many, 2, now), 0);
	next(FINALITY_SEND_VOTE, B);
	nothing();
	ck_assert_int_eq(add(C, &coin), 0);
	nothing();
	finality_settled(finality, &B);
	next(FINALITY_SEND_VOTE, C);
	nothing();
}
END_TEST

START_TEST(a_restart_keeps_votes_and_locks)
{
	struct finality_record record;

	approve_a();
	record = (struct finality_record){.txid = A, .approve = true, .timestamp = START};
	create();
	now += HOUR;
	ck_assert_int_eq(finality_restore(finality, &record, &coin, 1, now), 0);
	ck_assert_int_eq(finality_restore(finality, &record, &coin, 1, now), FINALITY_E_KNOWN);
	ck_assert_uint_eq(counts().own, 1);
	ck_assert_uint_eq(counts().locks, 1);
	ck_assert_int_eq(add(B, &coin), 0);
	nothing();
	finality_dropped(finality, &B);
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_SEND_VOTE, A);
	ck_assert_int_eq(action.vote.timestamp, START);
	/* what is over is left out */
	create();
	now = START + 73 * HOUR;
	ck_assert_int_eq(finality_restore(finality, &record, &coin, 1, now), 0);
	ck_assert_uint_eq(counts().own, 0);
}
END_TEST

START_TEST(a_rejection_is_restored_as_one)
{
	struct finality_record record = {.txid = B, .approve = false, .timestamp = START};

	ck_assert_int_eq(finality_restore(finality, &record, NULL, 0, now), 0);
	ck_assert_int_eq(add(B, &coin), 0);
	next(FINALITY_SEND_VOTE, B);
	ck_assert(!action.vote.approve);
	ck_assert_uint_eq(counts().locks, 0);
}
END_TEST

START_TEST(while_observing_nothing_is_voted_on)
{
	finality_set_signing(finality, false);
	ck_assert_int_eq(add(A, &coin), 0);
	nothing();
	ck_assert_int_eq(finality_conflict(finality, &B, &coin, now), FINALITY_E_UNKNOWN);
	finality_set_signing(finality, true);
	next(FINALITY_SEND_VOTE, A);
	nothing();
	finality_set_signing(finality, true);
	nothing();
}
END_TEST

START_TEST(a_lost_vote_of_ours_is_learnt_from_others)
{
	finality_set_signing(finality, false);
	/* before its transaction, or without it ... */
	ck_assert_int_eq(vote_at(0, A, true, START - 100), 0);
	/* ... or after it */
	ck_assert_int_eq(add(C, &other_coin), 0);
	ck_assert_int_eq(vote_at(0, C, false, START - 100), 0);
	ck_assert_uint_eq(counts().own, 2);
	ck_assert_int_eq(add(A, &coin), 0);
	ck_assert_uint_eq(counts().locks, 1);
	finality_set_signing(finality, true);
	nothing();
	finality_dropped(finality, &A);
	ck_assert_int_eq(add(B, &coin), 0);
	nothing();
	ck_assert(status(C).voted && !status(C).approve);
}
END_TEST

START_TEST(old_votes_of_ours_that_are_replayed_cost_nothing)
{
	approve_a();
	finality_settled(finality, &A);
	ck_assert_int_eq(vote_at(0, A, true, START), 0);
	ck_assert_uint_eq(counts().own, 0);
	ck_assert_uint_eq(counts().early, 1);
	/* but bind us if the transaction does come again */
	ck_assert_int_eq(add(A, &coin), 0);
	nothing();
	ck_assert_uint_eq(counts().own, 1);
	ck_assert_uint_eq(counts().locks, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("finality, our own votes");
	TCase *c = tcase_create("own");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, one_spender_of_an_outpoint_is_approved);
	tcase_add_test(c, a_lock_ends_an_hour_after_its_vote);
	tcase_add_test(c, a_lock_ends_when_its_transaction_is_rejected);
	tcase_add_test(c, a_lock_ends_when_a_block_settles_it);
	tcase_add_test(c, a_block_that_may_be_undone_ends_no_lock);
	tcase_add_test(c, a_restart_keeps_the_lock_that_ends_last);
	tcase_add_test(c, what_blocks_hold_gives_way);
	tcase_add_test(c, what_comes_back_gets_the_same_vote);
	tcase_add_test(c, what_conflicts_with_our_choice_is_rejected);
	tcase_add_test(c, no_more_than_eight_are_rejected_for_one);
	tcase_add_test(c, without_room_for_our_votes_we_make_none);
	tcase_add_test(c, a_restart_keeps_votes_and_locks);
	tcase_add_test(c, a_rejection_is_restored_as_one);
	tcase_add_test(c, while_observing_nothing_is_voted_on);
	tcase_add_test(c, a_lost_vote_of_ours_is_learnt_from_others);
	tcase_add_test(c, old_votes_of_ours_that_are_replayed_cost_nothing);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
