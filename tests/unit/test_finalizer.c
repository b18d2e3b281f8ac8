// SPDX-License-Identifier: MIT
/* finalizer: votes decide, and the pool and the chain have their say. */
#include "finalizer_fixture.h"

/* ---- deciding ---- */

START_TEST(votes_finalise)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
	ck_assert_ptr_null(sent[0].to);
	ck_assert_uint_eq(find(&a).votes, 1);
	ck_assert_uint_eq(find(&a).total_nodes, VOTERS);

	ck_assert_int_eq(vote_from(1, &a, true, PEER(1)), 0);
	ck_assert_uint_eq(find(&a).votes, 2);
	turn();
	ck_assert(!is_final(&a));
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(1, 1, &a, true, SEND_GOSSIP);
	ck_assert_ptr_eq(sent[1].except, PEER(1));
	/* it is not relayed twice */
	ck_assert_int_eq(vote_from(1, &a, true, PEER(2)), FINALITY_E_KNOWN);
	ck_assert_int_eq(vote_from(1, &a, false, PEER(2)), FINALITY_E_CONTRADICTS);
	turn();
	ck_assert_uint_eq(sent_count, 2);

	vote(2, &a, true);
	turn();
	ck_assert(is_final(&a));
	ck_assert_uint_eq(find(&a).votes, 3);
	ck_assert_uint_eq(told_count, 1);
}
END_TEST

START_TEST(votes_reject)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	turn();
	vote(1, &a, false);
	vote(2, &a, false);
	turn();
	ck_assert(has(&a));
	vote(3, &a, false);
	turn();
	ck_assert(!has(&a));
	ck_assert_uint_eq(counts().transactions, 0);
	expect_refused(&a, POOL_E_WAS_REJECTED);
	/* our vote still binds us */
	ck_assert(binds(&a));
}
END_TEST

START_TEST(nothing_leaves_before_the_sync)
{
	struct wire_transaction txs[20];
	struct wire_hash first;
	uint64_t size = votes_size(votes);

	for (int i = 0; i < 20; i++) {
		txs[i] = pay();
		must_insert(&txs[i]);
	}
	hear();
	for (int i = 0; i < 20; i++) {
		vote(1, &txs[i], true);
		vote(2, &txs[i], true);
	}
	first = txid_of(&txs[0]);
	finalizer_on_request(fin, &first, PEER(0));
	finalizer_on_ready(fin, PEER(1));
	must_decide();
	/* our own vote makes the quorum: nobody may know, not even the pool */
	ck_assert_uint_eq(sent_count, 0);
	ck_assert_uint_eq(votes_size(votes), size);
	ck_assert(!is_final(&txs[0]));
	must_sync();
	ck_assert_uint_gt(votes_size(votes), size + 20 * 64);
	must_send();
	ck_assert_uint_eq(sent_count, 3 * 20 + 3 + 3 * 20);
	for (int i = 0; i < 20; i++)
		ck_assert(is_final(&txs[i]));
	/* all with one write */
	ck_assert_int_eq(finalize_calls, 1);
	ck_assert_uint_eq(told_count, 1);
	hear();
	restart(true);
	ck_assert_uint_eq(restored, 20);
}
END_TEST

START_TEST(votes_come_before_their_transaction)
{
	struct wire_transaction a = pay();

	vote(1, &a, true);
	vote(3, &a, true);
	turn();
	ck_assert_uint_eq(sent_count, 2);
	ck_assert_uint_eq(counts().early, 1);
	must_insert(&a);
	hear();
	ck_assert_uint_eq(find(&a).votes, 2);
	turn();
	ck_assert(is_final(&a));
}
END_TEST

START_TEST(what_cannot_be_written_stops_it)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	hear();
	vote(1, &a, true);
	vote(2, &a, true);
	must_decide();
	must_sync();
	finalize_failure = -EIO;
	ck_assert_int_eq(finalizer_send(fin), -EIO);
	ck_assert_uint_eq(told_count, 0);
}
END_TEST

/* ---- the pool ---- */

START_TEST(decided_while_the_pool_does_not_have_it)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	hear();
	vote(1, &a, true);
	vote(2, &a, true);
	/* it goes, and nobody has told us yet */
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	take_events(&events);
	forget_events();
	must_decide();
	must_sync();
	must_send();
	ck_assert(!has(&a));
	/* it comes back, and that is heard first */
	must_insert(&a);
	take_events(&events);
	forget_events();
	ck_assert_uint_eq(waiting_count, 2);
	hear_one(1);
	ck_assert_int_eq(waiting[0].kind, POOL_EXPIRED);
	hear_one(0);
	ck_assert_uint_eq(counts().transactions, 1);
	turn();
	ck_assert(is_final(&a));
}
END_TEST

START_TEST(events_in_another_order)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	mine_one(&a);
	take_events(&events);
	forget_events();
	ck_assert_uint_eq(waiting_count, 2);
	ck_assert_int_eq(waiting[1].kind, POOL_CONFIRMED);
	hear_one(1);
	hear_one(0);
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	ck_assert_uint_eq(sent_count, 0);
}
END_TEST

START_TEST(a_block_settles)
{
	struct wire_transaction a = pay(), b = pay(), rival = b, stays = pay();
	struct wire_hash txid;
	struct wire_block block = {.header = {.height = 9}, .transactions = {&rival, 1}};
	struct block_ids ids = {.txids = &txid};

	certify();
	rival.lock_time++;
	txid = txid_of(&rival);
	must_insert(&a);
	must_insert(&b);
	must_insert(&stays);
	turn();
	ck_assert_uint_eq(counts().own, 3);
	ck_assert_uint_eq(counts().locks, 3);
	tip = fixture_block(f, tip, &a, 1, 0);
	must_connect_up_to(tip);
	must_update();
	finalizer_on_block(fin, &tip->block, &tip->ids);
	turn();
	ck_assert(!binds(&a));
	/* a vote that comes late takes no place */
	ck_assert_int_eq(vote_from(1, &a, true, NULL), FINALITY_E_KNOWN);
	ck_assert_uint_eq(counts().early, 0);
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().transactions, 2);
	ck_assert_uint_eq(counts().locks, 2);
	/* a block that holds a rival of what we approve */
	finalizer_on_block(fin, &block, &ids);
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().locks, 1);
}
END_TEST

START_TEST(the_pool_says_what_is_settled)
{
	struct wire_transaction a = pay(), b = pay();
	struct wire_hash txid = txid_of(&b);
	struct wire_block block = {.header = {.height = 9}, .transactions = {&b, 1}};
	struct block_ids ids = {.txids = &txid};

	certify();
	must_insert(&a);
	must_insert(&b);
	turn();
	mine_one(&a);
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	ck_assert(!binds(&a));
	/* it has gone, but others may still have it, and put it into a block */
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().locks, 1);
	finalizer_on_block(fin, &block, &ids);
	ck_assert(!binds(&b));
	ck_assert_uint_eq(counts().locks, 0);
}
END_TEST

START_TEST(what_can_never_be_valid_locks_nothing)
{
	/* a child of what is rejected, and a rival of what a block holds, each with a coin beside */
	struct fixture_coin coins[4] = {take_coin(), take_coin(), take_coin(), take_coin()};
	struct wire_transaction base = fixture_pay(f, coins, 1, 1, COIN_FEE), child, rival, mined, other;

	certify();
	coins[0] = output_of(&base, 0);
	child = fixture_pay(f, coins, 2, 1, 2 * COIN_FEE);
	rival = fixture_pay(f, &coins[2], 2, 1, 2 * COIN_FEE);
	mined = fixture_pay(f, &coins[2], 1, 1, COIN_FEE);
	must_insert(&base);
	must_insert(&child);
	must_insert(&rival);
	turn();
	ck_assert_uint_eq(counts().locks, 5);
	for (int i = 1; i < VOTERS; i++)
		vote(i, &base, false);
	turn();
	ck_assert(!has(&child));
	ck_assert_uint_eq(counts().locks, 2);
	mine_one(&mined);
	turn();
	ck_assert(!has(&rival));
	ck_assert_uint_eq(counts().locks, 0);
	/* but what we have said stays said */
	ck_assert(binds(&base) && binds(&child) && binds(&rival));
	forget_sent();
	other = fixture_pay(f, &coins[3], 1, 1, COIN_FEE);
	must_insert(&other);
	turn();
	expect_sent(0, 0, &other, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(a_block_is_undone)
{
	struct wire_transaction a = pay();
	const struct fixture_block *fork = tip, *other;

	must_insert(&a);
	turn();
	mine_one(&a);
	finalizer_on_block(fin, &tip->block, &tip->ids);
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	forget_sent();
	other = fixture_extend(f, fork, 2, 7);
	reorganise_pool(fork, other);
	turn();
	ck_assert_uint_eq(counts().transactions, 1);
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(the_pool_is_gone_through_again)
{
	struct wire_transaction a = pay();

	/* its event was lost, or could not be taken */
	must_insert(&a);
	forget_events();
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	pass(60000);
	ck_assert_int_le(finalizer_deadline_ms(fin), clock_mono_ms());
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_eq(counts().transactions, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, votes_finalise);
	tcase_add_test(c, votes_reject);
	tcase_add_test(c, nothing_leaves_before_the_sync);
	tcase_add_test(c, votes_come_before_their_transaction);
	tcase_add_test(c, what_cannot_be_written_stops_it);
	tcase_add_test(c, decided_while_the_pool_does_not_have_it);
	tcase_add_test(c, events_in_another_order);
	tcase_add_test(c, a_block_settles);
	tcase_add_test(c, the_pool_says_what_is_settled);
	tcase_add_test(c, what_can_never_be_valid_locks_nothing);
	tcase_add_test(c, a_block_is_undone);
	tcase_add_test(c, the_pool_is_gone_through_again);
}

int main(void)
{
	return finalizer_tests("finalizer", add_tests);
}
