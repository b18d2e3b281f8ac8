// SPDX-License-Identifier: MIT
/* finalizer: what a vote of ours binds us to, across restarts too. */
#include "finalizer_fixture.h"

START_TEST(no_double_spend_is_approved_twice)
{
	struct wire_transaction a = pay(), b = a;

	b.lock_time++;
	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	/* the pool forgets a; we must not */
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	turn();
	for (int i = 0; i < 3; i++) {
		restart(true);
		ck_assert_uint_eq(restored, 1);
		if (i == 0) {
			must_insert(&b);
			turn();
		}
		turn();
		ck_assert_uint_eq(sent_count, 0);
		ck_assert_uint_eq(counts().transactions, 1);
	}
	/* until our vote is over, and an hour more */
	pass((int64_t)(73 * HOUR_S - 5) * 1000);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	for (size_t i = 0; i < sent_count; i++)
		ck_assert_int_ne(sent[i].voter, 0);
	pass(65000);
	finalizer_tick(fin, clock_mono_ms());
	forget_sent();
	turn();
	ck_assert_uint_ge(sent_count, 1);
	expect_sent(0, 0, &b, true, SEND_CONSENSUS);
}
END_TEST

/* How long a vote counts, and binds us beyond that, is what the configuration says. */
START_TEST(a_short_vote_and_a_short_lock)
{
	struct wire_transaction a = pay(), b = a;

	config.timers.tx_vote_ms = 100000;
	config.timers.tx_lock_ms = 50000;
	restart(true);
	b.lock_time++;
	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	must_insert(&b);
	turn();
	forget_sent();
	/* the vote is over, its lock is not */
	pass(140000);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_eq(sent_count, 0);
	pass(60000);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_ge(sent_count, 1);
	expect_sent(0, 0, &b, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(what_a_certified_block_holds_binds_no_more)
{
	struct wire_transaction a = pay(), b = pay();

	certify();
	must_insert(&a);
	must_insert(&b);
	turn();
	mine_one(&a);
	/* it dies before it hears of the block */
	restart(true);
	ck_assert_uint_eq(restored, 2);
	ck_assert(!binds(&a));
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().own, 1);
}
END_TEST

/* One more block of another branch instead of the last one. */
static void undo_last_block(void)
{
	const struct fixture_block *fork = fixture_ancestor(tip, tip->block.header.height - 1);

	reorganise_pool(fork, fixture_extend(f, fork, 2, 7));
	hear();
	finalizer_on_block(fin, &tip->block, &tip->ids);
}

/* Without certificates: the vote on what a block holds still counts for others when the block is undone. */
START_TEST(what_a_block_holds_that_is_undone_binds)
{
	struct wire_transaction a = pay(), b = a, filler = pay();

	pool_free(pool);
	pool_params.max_count = 1;
	must_create();
	node.pool = pool;
	b.lock_time++;
	must_insert(&a);
	turn();
	mine_one(&a);
	for (int again = 0; again < 2; again++) {
		hear();
		finalizer_on_block(fin, &tip->block, &tip->ids);
		ck_assert_uint_eq(counts().transactions, 0);
		ck_assert(binds(&a));
		ck_assert_uint_eq(counts().locks, 1);
		/* nor does a restart forget it */
		restart(true);
	}
	must_insert(&filler);
	turn();
	undo_last_block();
	ck_assert(!has(&a));
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	must_insert(&b);
	forget_sent();
	turn();
	ck_assert_uint_eq(counts().transactions, 1);
	ck_assert_uint_eq(sent_count, 0);
}
END_TEST

/* Nor does a block with its rival set us free that may be undone. */
START_TEST(what_conflicts_with_a_block_that_is_undone_binds)
{
	struct wire_transaction a = pay(), b = a;

	b.lock_time++;
	must_insert(&a);
	turn();
	mine_one(&b);
	hear();
	finalizer_on_block(fin, &tip->block, &tip->ids);
	turn();
	ck_assert(!has(&a));
	forget_sent();
	undo_last_block();
	ck_assert(has(&b));
	turn();
	ck_assert_uint_eq(counts().transactions, 1);
	ck_assert_uint_eq(sent_count, 0);
}
END_TEST

START_TEST(the_rival_of_what_we_approve_is_rejected)
{
	struct wire_transaction a = pay(), b = a;
	struct wire_hash txid;

	b.lock_time++;
	txid = txid_of(&b);
	must_insert(&a);
	turn();
	forget_sent();
	finalizer_on_conflict(fin, &txid, &a.inputs.items[0].previous_output);
	finalizer_on_conflict(fin, &txid, &a.inputs.items[0].previous_output);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &b, false, SEND_CONSENSUS);
	restart(true);
	ck_assert_uint_eq(restored, 2);
	ck_assert_uint_eq(counts().locks, 1);
	/* and it stays rejected, whatever becomes of a */
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(a_restart_repeats_what_was_said)
{
	struct wire_transaction a = pay();
	struct wire_transaction_vote first;

	must_insert(&a);
	turn();
	first = sent[0].vote;
	pass(100000);
	restart(true);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
	ck_assert_int_eq(sent[0].vote.timestamp, first.timestamp);
	ck_assert_mem_eq(&sent[0].vote.signature, &first.signature, sizeof(first.signature));
}
END_TEST

START_TEST(a_lost_file_comes_back_from_others)
{
	struct wire_transaction a = pay(), b = a, other = pay();

	b.lock_time++;
	/* we have voted, and forgotten it */
	restart(false);
	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 0);
	vote(0, &a, true);
	turn();
	ck_assert_uint_eq(sent_count, 1); /* relayed */
	ck_assert(binds(&a));
	/* while we observe there is no file, so that the next start observes as well */
	ck_assert(!restart(false));
	ck_assert(!binds(&a));
	vote(0, &a, true);
	finalizer_set_signing(fin, true);
	must_insert(&other);
	turn();
	ck_assert(restart(true));
	ck_assert_uint_eq(restored, 2);
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	turn();
	must_insert(&b);
	forget_sent();
	turn();
	ck_assert_uint_eq(sent_count, 0);
	ck_assert_uint_eq(counts().transactions, 1);
}
END_TEST

START_TEST(one_that_is_no_voter)
{
	struct wire_transaction a = pay();

	own = -1;
	set_voters();
	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 0);
	for (int i = 0; i < 3; i++)
		vote(i, &a, true);
	turn();
	ck_assert(is_final(&a));
	ck_assert_uint_eq(sent_count, 3);
	ck_assert_uint_eq(votes_size(votes), 0);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, no_double_spend_is_approved_twice);
	tcase_add_test(c, a_short_vote_and_a_short_lock);
	tcase_add_test(c, what_a_certified_block_holds_binds_no_more);
	tcase_add_test(c, what_a_block_holds_that_is_undone_binds);
	tcase_add_test(c, what_conflicts_with_a_block_that_is_undone_binds);
	tcase_add_test(c, the_rival_of_what_we_approve_is_rejected);
	tcase_add_test(c, a_restart_repeats_what_was_said);
	tcase_add_test(c, a_lost_file_comes_back_from_others);
	tcase_add_test(c, one_that_is_no_voter);
}

int main(void)
{
	return finalizer_tests("finalizer_binds", add_tests);
}
