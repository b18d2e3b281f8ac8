// SPDX-License-Identifier: MIT
/* consensus/finality: counting, times, bounds, and races that must never make two spenders of one outpoint final.  Our
 * own votes are test_finality_own.c's. */
#include "finality_fixture.h"

#include <stdio.h>
#include <stdlib.h>

START_TEST(a_void_one_locks_nothing_and_binds)
{
	ck_assert(!finality_bound(finality, &A));
	approve_a();
	ck_assert(finality_bound(finality, &A));
	ck_assert_uint_eq(counts().locks, 1);
	ck_assert_int_eq(add(B, &coin), 0);
	nothing();
	finality_voided(finality, &A);
	ck_assert_uint_eq(counts().locks, 0);
	ck_assert_uint_eq(counts().transactions, 1);
	ck_assert(finality_bound(finality, &A));
	/* what waited for the outpoint is approved, and the vote on the other one is still the same */
	next(FINALITY_SEND_VOTE, B);
	ck_assert(action.vote.approve);
	nothing();
	ck_assert_int_eq(vote(0, A, false), 0);
	ck_assert_uint_eq(counts().own, 2);
	finality_settled(finality, &B);
	ck_assert(!finality_bound(finality, &B));
	finality_voided(finality, &B); /* unknown */
}
END_TEST

START_TEST(a_quorum_of_approvals_finalises)
{
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_SEND_VOTE, A);
	ck_assert(action.vote.approve);
	ck_assert_uint_eq(action.vote.voter, 0);
	ck_assert_int_eq(action.vote.timestamp, START);
	ck_assert_uint_eq(action.vote.signature.bytes[0], 1);
	ck_assert_mem_eq(&action.record.txid, &A, sizeof(A));
	ck_assert(action.record.approve);
	ck_assert_int_eq(action.record.timestamp, START);
	ck_assert_uint_eq(action.outpoint_count, 1);
	ck_assert_mem_eq(&action.outpoints[0], &coin, sizeof(coin));
	nothing();
	ck_assert_int_eq(vote(1, A, true), 0);
	nothing();
	ck_assert_int_eq(status(A).state, FINALITY_PENDING);
	ck_assert_int_eq(vote(2, A, true), 0);
	next(FINALITY_FINAL, A);
	ck_assert_uint_eq(action.approvals, 3);
	nothing();
	ck_assert_int_eq(status(A).state, FINALITY_FINALIZED);
	/* said once, whatever comes */
	ck_assert_int_eq(vote(3, A, false), 0);
	nothing();
	ck_assert_int_eq(status(A).state, FINALITY_FINALIZED);
}
END_TEST

START_TEST(our_vote_may_be_the_one_that_decides)
{
	ck_assert_int_eq(vote(1, A, true), 0);
	ck_assert_int_eq(vote(2, A, true), 0);
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_SEND_VOTE, A);
	next(FINALITY_FINAL, A);
	nothing();
}
END_TEST

START_TEST(quorums_and_rejections_by_number_of_voters)
{
	/* n, approvals that finalise, rejections that reject */
	static const uint32_t numbers[][3] = {{1, 1, 1}, {2, 2, 1}, {3, 3, 1}, {4, 3, 3},  {5, 4, 3},
					      {6, 5, 3}, {7, 5, 5}, {9, 7, 5}, {10, 7, 7}, {13, 9, 9}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (int approve = 0; approve < 2; approve++) {
			uint32_t needed = numbers[i][approve ? 1 : 2];

			create();
			voters(numbers[i][0], -1);
			ck_assert_int_eq(add(A, &coin), 0);
			for (uint32_t k = 0; k < needed; k++) {
				nothing();
				ck_assert_int_eq(vote(k, A, approve), 0);
			}
			next(approve ? FINALITY_FINAL : FINALITY_REJECT, A);
			ck_assert_uint_eq(approve ? action.approvals : action.rejections, needed);
			ck_assert_uint_eq(status(A).quorum, numbers[i][1]);
		}
	}
}
END_TEST

START_TEST(the_first_vote_of_a_voter_counts)
{
	approve_a();
	ck_assert_int_eq(vote(1, A, true), 0);
	ck_assert_int_eq(vote(1, A, true), FINALITY_E_KNOWN);
	ck_assert_int_eq(vote_at(1, A, true, now - 5), FINALITY_E_KNOWN);
	ck_assert_int_eq(vote(1, A, false), FINALITY_E_CONTRADICTS);
	ck_assert_uint_eq(status(A).approvals, 2);
	ck_assert_uint_eq(status(A).rejections, 0);
	ck_assert_int_eq(vote(2, A, false), 0);
	ck_assert_int_eq(vote(2, A, true), FINALITY_E_CONTRADICTS);
	ck_assert_uint_eq(status(A).approvals, 2);
	nothing();
	ck_assert_int_eq(vote(4, A, true), FINALITY_E_STRANGER);
	ck_assert_int_eq(vote(UINT32_MAX, A, true), FINALITY_E_STRANGER);
}
END_TEST

START_TEST(a_vote_counts_for_72_hours)
{
	ck_assert_int_eq(add(A, &coin), 0);
	ck_assert_int_eq(vote_at(1, A, true, now - 72 * HOUR), FINALITY_E_EXPIRED);
	ck_assert_int_eq(vote_at(1, A, true, INT64_MIN), FINALITY_E_EXPIRED);
	ck_assert_int_eq(vote_at(1, A, true, now + 601), FINALITY_E_AHEAD);
	ck_assert_int_eq(vote_at(1, A, true, INT64_MAX), FINALITY_E_AHEAD);
	ck_assert_uint_eq(status(A).approvals, 0);
	ck_assert_int_eq(vote_at(1, A, true, now - 72 * HOUR + 1), 0);
	ck_assert_int_eq(vote_at(2, A, true, now + 600), 0);
	ck_assert_uint_eq(status(A).approvals, 2);
	now++;
	finality_expire(finality, now);
	ck_assert_uint_eq(status(A).approvals, 1);
	/* then it may be cast anew */
	ck_assert_int_eq(vote(1, A, false), 0);
	ck_assert_uint_eq(status(A).rejections, 1);
}
END_TEST

START_TEST(votes_may_come_before_their_transaction)
{
	ck_assert_int_eq(vote(1, A, true), 0);
	ck_assert_int_eq(vote(2, A, true), 0);
	ck_assert_int_eq(vote(3, A, true), 0);
	nothing();
	ck_assert(!status(A).added);
	ck_assert_uint_eq(counts().early, 1);
	ck_assert_int_eq(add(A, &coin), 0);
	ck_assert_uint_eq(counts().early, 0);
	ck_assert_int_eq(add(A, &coin), FINALITY_E_KNOWN);
	/* our vote is still of use to others */
	next(FINALITY_SEND_VOTE, A);
	next(FINALITY_FINAL, A);
	ck_assert_uint_eq(action.approvals, 4);
	nothing();
}
END_TEST

START_TEST(what_others_have_rejected_we_do_not_approve)
{
	ck_assert_int_eq(vote(1, A, false), 0);
	ck_assert_int_eq(vote(2, A, false), 0);
	ck_assert_int_eq(vote(3, A, false), 0);
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_REJECT, A);
	nothing();
	ck_assert_uint_eq(counts().locks, 0);
}
END_TEST

START_TEST(early_votes_are_bounded_for_each_voter)
{
	struct wire_hash txid = {{0}};

	for (int i = 0; i < 1000; i++) {
		txid.bytes[1] = (uint8_t)(i + 1);
		txid.bytes[2] = (uint8_t)(i >> 8);
		ck_assert_int_eq(vote(3, txid, true), 0);
	}
	ck_assert_int_eq(vote(3, A, true), FINALITY_E_FULL);
	ck_assert_uint_eq(counts().early, 1000);
	/* which is nobody else's trouble, and joining in costs nothing */
	ck_assert_int_eq(vote(2, A, true), 0);
	ck_assert_int_eq(vote(3, A, true), 0);
	/* a place is free again when the transaction comes, or when nobody brings it for ten minutes */
	ck_assert_int_eq(vote(3, B, true), FINALITY_E_FULL);
	ck_assert_int_eq(add(txid, &coin), 0);
	ck_assert_int_eq(vote(3, B, true), 0);
	now += 601;
	finality_expire(finality, now);
	ck_assert_uint_eq(counts().early, 0);
	ck_assert_uint_eq(counts().transactions, 1);
	ck_assert_int_eq(vote(3, B, true), 0);
}
END_TEST

START_TEST(transactions_are_bounded)
{
	struct finality_params few = params;

	few.max_transactions = 2;
	finality_free(finality);
	ck_assert_int_eq(finality_new(&finality, &few), 0);
	ck_assert_int_eq(add(A, &coin), 0);
	ck_assert_int_eq(add(B, &other_coin), 0);
	ck_assert_int_eq(add(C, &other_coin), FINALITY_E_FULL);
	finality_dropped(finality, &A);
	finality_dropped(finality, &A);
	ck_assert_int_eq(add(C, &other_coin), 0);
}
END_TEST

START_TEST(voters_keep_their_votes_when_the_list_changes)
{
	static const struct wire_key keys[] = {{{9}}, {{3}}, {{1}}, {{0}}};

	approve_a();
	ck_assert_int_eq(vote(1, A, true), 0);
	ck_assert_int_eq(vote(2, A, false), 0);
	/* number 2 leaves, 9 is new, the others have other numbers */
	ck_assert_int_eq(finality_set_voters(finality, keys, 4, 3), 0);
	nothing();
	ck_assert_uint_eq(status(A).approvals, 2);
	ck_assert_uint_eq(status(A).rejections, 0);
	ck_assert_int_eq(vote(2, A, true), FINALITY_E_KNOWN);
	ck_assert_int_eq(vote(3, A, true), FINALITY_E_KNOWN);
	ck_assert_int_eq(vote(0, A, true), 0);
	next(FINALITY_FINAL, A);
}
END_TEST

START_TEST(a_smaller_list_may_decide)
{
	approve_a();
	ck_assert_int_eq(vote(1, A, true), 0);
	ck_assert_int_eq(vote(3, B, true), 0);
	voters(2, 0);
	next(FINALITY_FINAL, A);
	nothing();
	/* the early votes of who is gone are nobody's */
	ck_assert_int_eq(add(B, &other_coin), 0);
	next(FINALITY_SEND_VOTE, B);
	ck_assert_uint_eq(action.approvals, 1);
	/* and one that is not decided stays so without voters */
	voters(0, -1);
	nothing();
	ck_assert_int_eq(vote(0, A, true), FINALITY_E_STRANGER);
}
END_TEST

START_TEST(who_becomes_a_voter_votes_on_what_is_there)
{
	voters(4, -1);
	ck_assert_int_eq(add(A, &coin), 0);
	nothing();
	voters(4, 2);
	next(FINALITY_SEND_VOTE, A);
	ck_assert_uint_eq(action.vote.voter, 2);
}
END_TEST

START_TEST(votes_on_a_transaction_are_handed_out)
{
	struct finality_vote out;

	approve_a();
	ck_assert_int_eq(vote(2, A, false), 0);
	ck_assert(finality_vote_at(finality, &out, &A, 0));
	ck_assert_uint_eq(out.voter, 0);
	ck_assert(out.approve);
	ck_assert_uint_eq(out.signature.bytes[0], 1);
	ck_assert(finality_vote_at(finality, &out, &A, 1));
	ck_assert_uint_eq(out.voter, 2);
	ck_assert(!out.approve);
	ck_assert(!finality_vote_at(finality, &out, &A, 2));
	ck_assert(!finality_vote_at(finality, &out, &B, 0));
}
END_TEST

START_TEST(repetition_goes_round)
{
	struct finality_vote out[8];

	params.max_own = 0;
	create();
	ck_assert_uint_eq(finality_repeat(finality, out, 8, 0, now), 0);
	for (uint8_t i = 0; i < 3; i++) {
		struct wire_hash txid = {{(uint8_t)(i + 1)}};
		struct wire_outpoint outpoint = {.vout = i};

		ck_assert_int_eq(add(txid, &outpoint), 0);
		ck_assert_int_eq(vote(1, txid, true), 0);
		ck_assert_int_eq(vote(2, txid, true), 0);
	}
	ck_assert_int_eq(vote(1, A, true), 0);
	nothing();
	/* not those that are young, nor those that are not in the pool */
	ck_assert_uint_eq(finality_repeat(finality, out, 8, 1, now), 0);
	now++;
	ck_assert_uint_eq(finality_repeat(finality, out, 8, 1, now), 6);
	/* whole transactions, as far as they fit, and on from there */
	ck_assert_uint_eq(finality_repeat(finality, out, 5, 1, now), 4);
	ck_assert_uint_eq(out[0].txid.bytes[0], 1);
	ck_assert_uint_eq(out[3].txid.bytes[0], 2);
	ck_assert_uint_eq(finality_repeat(finality, out, 5, 1, now), 4);
	ck_assert_uint_eq(out[0].txid.bytes[0], 3);
	ck_assert_uint_eq(out[2].txid.bytes[0], 1);
	/* what it points to may go */
	finality_dropped(finality, &out[0].txid);
	finality_dropped(finality, &(struct wire_hash){{2}});
	ck_assert_uint_eq(finality_repeat(finality, out, 8, 1, now), 2);
	ck_assert_uint_eq(out[0].txid.bytes[0], 1);
	/* more votes than are asked for at once */
	ck_assert_uint_eq(finality_repeat(finality, out, 1, 1, now), 1);
}
END_TEST

START_TEST(final_ones_are_repeated_until_settled_rejected_ones_are_not)
{
	struct finality_vote out[8];

	approve_a();
	ck_assert_int_eq(vote(1, A, true), 0);
	ck_assert_int_eq(vote(2, A, true), 0);
	next(FINALITY_FINAL, A);
	ck_assert_uint_eq(finality_repeat(finality, out, 8, 0, now), 3);
	finality_settled(finality, &A);
	ck_assert_int_eq(add(B, &coin), 0);
	for (uint32_t i = 1; i < 4; i++)
		ck_assert_int_eq(vote(i, B, false), 0);
	ck_assert_uint_eq(finality_repeat(finality, out, 8, 0, now), 0);
}
END_TEST

START_TEST(many_transactions)
{
	/* the tables grow, and nothing is lost */
	for (uint32_t i = 0; i < 10000; i++) {
		struct wire_hash txid = {{(uint8_t)i, (uint8_t)(i >> 8), 1}};
		struct wire_outpoint outpoint = {.vout = i};

		ck_assert_int_eq(add(txid, &outpoint), 0);
		next(FINALITY_SEND_VOTE, txid);
	}
	ck_assert_int_eq(add(A, &coin), FINALITY_E_FULL);
	ck_assert_uint_eq(counts().locks, 10000);
	for (uint32_t i = 0; i < 10000; i++) {
		struct wire_hash txid = {{(uint8_t)i, (uint8_t)(i >> 8), 1}};

		ck_assert_uint_eq(status(txid).approvals, 1);
		finality_settled(finality, &txid);
	}
	ck_assert_uint_eq(counts().locks + counts().own + counts().transactions, 0);
}
END_TEST

START_TEST(names_of_the_errors)
{
	ck_assert_str_eq(finality_error_name(FINALITY_E_KNOWN), "FINALITY_E_KNOWN");
	ck_assert_str_eq(finality_error_name(FINALITY_E_UNKNOWN), "FINALITY_E_UNKNOWN");
	ck_assert_str_eq(finality_error_name(0), "?");
	ck_assert_str_eq(finality_error_name(FINALITY_E_UNKNOWN + 1), "?");
}
END_TEST

/* ---- races: some voters, up to a third of them liars, and two transactions that spend one outpoint */

#define RACERS 7

struct race {
	uint64_t random;
	uint32_t count, liars; /* the liars are the first ones */
	struct finality *node[RACERS];
	struct finality_vote votes[RACERS * 4]; /* of everybody on both, liars twice */
	size_t vote_count;
	enum finality_state state[RACERS][2];
};

static uint32_t below(struct race *race, uint32_t n)
{
	race->random = race->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(race->random >> 33) % n;
}

/* The action's vote: the first of its voter on that transaction, or the same again. */
static void race_vote(struct race *race)
{
	for (size_t i = 0; i < race->vote_count; i++) {
		const struct finality_vote *earlier = &race->votes[i];

		if (earlier->voter != action.vote.voter || memcmp(&earlier->txid, &action.vote.txid, 32) != 0)
			continue;
		ck_assert(earlier->approve == action.vote.approve);
		return;
	}
	race->votes[race->vote_count++] = action.vote;
}

static void race_act(struct race *race, uint32_t i)
{
	while (finality_next(race->node[i], &action, START)) {
		int which = action.txid.bytes[0] == B.bytes[0];

		if (action.kind == FINALITY_SEND_VOTE) {
			race_vote(race);
			continue;
		}
		race->state[i][which] = action.kind == FINALITY_FINAL ? FINALITY_FINALIZED : FINALITY_REJECTED;
		if (action.kind == FINALITY_REJECT) {
			/* the pool drops it and takes the other one */
			finality_dropped(race->node[i], which ? &B : &A);
			(void)!finality_add(race->node[i], which ? &A : &B, &coin, 1, START);
		}
	}
}

static void race_start(struct race *race, uint64_t seed)
{
	memset(race, 0, sizeof(*race));
	race->random = seed;
	race->count = 3 + below(race, RACERS - 2);
	race->liars = below(race, race->count - (2 * race->count / 3 + 1) + 1);
	for (uint32_t i = 0; i < race->liars; i++) {
		for (int k = 0; k < 4; k++) {
			struct finality_vote lie = {
				.txid = k & 1 ? A : B, .voter = i, .approve = k & 2, .timestamp = START};

			race->votes[race->vote_count++] = lie;
		}
	}
	for (uint32_t i = race->liars; i < race->count; i++) {
		ck_assert_int_eq(finality_new(&race->node[i], &params), 0);
		finality = race->node[i];
		voters(race->count, (int32_t)i);
		finality_set_signing(finality, true);
	}
	finality = NULL;
}

/* Something happens somewhere. */
static void race_step(struct race *race)
{
	uint32_t i = race->liars + below(race, race->count - race->liars);

	if (below(race, 10) == 0) {
		/* one of the two arrives; the pool takes the first, and hears of the other */
		struct wire_hash txid = below(race, 2) ? A : B, other = txid.bytes[0] == A.bytes[0] ? B : A;
		struct finality_status out;

		if (!finality_status(race->node[i], &out, &other) && out.added)
			(void)!finality_conflict(race->node[i], &txid, &coin, START);
		else
			(void)!finality_add(race->node[i], &txid, &coin, 1, START);
	} else if (below(race, 20) == 0) {
		/* a full pool drops one, and has room for the other */
		struct wire_hash txid = below(race, 2) ? A : B;
		struct finality_status out;

		if (!finality_status(race->node[i], &out, &txid) && out.state == FINALITY_PENDING)
			finality_dropped(race->node[i], &txid);
	} else if (race->vote_count > 0) {
		(void)!finality_vote(race->node[i], &race->votes[below(race, (uint32_t)race->vote_count)], START);
	}
	race_act(race, i);
}

START_TEST(two_spenders_of_one_outpoint_are_never_both_final)
{
	int final[2] = {0}, rejected = 0, undecided = 0;

	teardown();
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		static struct race race;
		bool any[2][3] = {{false}};

		race_start(&race, seed);
		for (int i = 0; i < 400; i++)
			race_step(&race);
		for (uint32_t i = race.liars; i < race.count; i++) {
			any[0][race.state[i][0]] = true;
			any[1][race.state[i][1]] = true;
			finality_free(race.node[i]);
		}
		ck_assert_msg(!any[0][FINALITY_FINALIZED] || !any[1][FINALITY_FINALIZED], "seed %d: both final",
			      (int)seed);
		for (int k = 0; k < 2; k++)
			ck_assert_msg(!any[k][FINALITY_FINALIZED] || !any[k][FINALITY_REJECTED],
				      "seed %d: final here and rejected there", (int)seed);
		final[0] += any[0][FINALITY_FINALIZED];
		final[1] += any[1][FINALITY_FINALIZED];
		rejected += any[0][FINALITY_REJECTED] || any[1][FINALITY_REJECTED];
		undecided += !any[0][FINALITY_FINALIZED] && !any[1][FINALITY_FINALIZED];
	}
	/* all of it does happen */
	ck_assert_int_gt(final[0], 100);
	ck_assert_int_gt(final[1], 100);
	ck_assert_int_gt(rejected, 100);
	ck_assert_int_gt(undecided, 100);
}
END_TEST

static void add_counting(TCase *c)
{
	tcase_add_test(c, a_void_one_locks_nothing_and_binds);
	tcase_add_test(c, a_quorum_of_approvals_finalises);
	tcase_add_test(c, our_vote_may_be_the_one_that_decides);
	tcase_add_test(c, quorums_and_rejections_by_number_of_voters);
	tcase_add_test(c, the_first_vote_of_a_voter_counts);
	tcase_add_test(c, a_vote_counts_for_72_hours);
	tcase_add_test(c, votes_may_come_before_their_transaction);
	tcase_add_test(c, what_others_have_rejected_we_do_not_approve);
	tcase_add_test(c, early_votes_are_bounded_for_each_voter);
	tcase_add_test(c, transactions_are_bounded);
	tcase_add_test(c, voters_keep_their_votes_when_the_list_changes);
	tcase_add_test(c, a_smaller_list_may_decide);
	tcase_add_test(c, who_becomes_a_voter_votes_on_what_is_there);
	tcase_add_test(c, votes_on_a_transaction_are_handed_out);
	tcase_add_test(c, repetition_goes_round);
	tcase_add_test(c, final_ones_are_repeated_until_settled_rejected_ones_are_not);
	tcase_add_test(c, many_transactions);
	tcase_add_test(c, names_of_the_errors);
}

int main(void)
{
	Suite *suite = suite_create("finality");
	TCase *counting = tcase_create("counting"), *races = tcase_create("races");

	tcase_add_checked_fixture(counting, setup, teardown);
	tcase_add_checked_fixture(races, setup, teardown);
	tcase_set_timeout(races, 100);
	add_counting(counting);
	tcase_add_test(races, two_spenders_of_one_outpoint_are_never_both_final);
	suite_add_tcase(suite, counting);
	suite_add_tcase(suite, races);
	return run_suite(suite);
}
