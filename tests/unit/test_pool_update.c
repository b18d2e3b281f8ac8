// SPDX-License-Identifier: MIT
/* The pool: following the chain, through blocks and reorganisations. */
#include "pool_fixture.h"
#include "run_suite.h"

/* Totals, indexes and lists are right again: everything in the pool can be confirmed by a block. */
static void expect_valid(void)
{
	struct wire_transaction *txs;
	struct pool_list list;
	size_t count = 0;

	ck_assert_int_eq(pool_list(pool, &list, POOL_ALL), 0);
	txs = calloc(list.count + 1, sizeof(txs[0]));
	ck_assert_ptr_nonnull(txs);
	for (size_t length = 1; count < list.count; length++) {
		size_t before = count;

		for (size_t i = 0; i < list.count; i++) {
			if (list.items[i].ancestors.count == length)
				txs[count++] = list.items[i].tx->transaction;
		}
		ck_assert(count > before || length < list.count);
	}
	mine(txs, count);
	expect_count(0);
	pool_list_free(&list);
	free(txs);
}

static void expect_family(const struct wire_transaction *tx, size_t ancestors, size_t descendants)
{
	struct wire_hash txid = txid_of(tx);
	struct pool_info info;

	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	ck_assert_uint_eq(info.ancestors.count, ancestors);
	ck_assert_uint_eq(info.descendants.count, descendants);
	pool_info_free(&info);
}

/* ---- blocks ---- */

START_TEST(what_a_block_holds_leaves)
{
	struct wire_transaction a = pay(), b = spend(&a, 0), c = spend(&b, 0), other = pay();
	struct pool_summary now;
	struct pool_event *e;

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_insert(&other);
	must_finalize(&a);
	forget_events();
	mine((struct wire_transaction[]){a, b}, 2);
	e = events.first;
	ck_assert(e->finalized && !e->next->finalized);
	ck_assert_uint_eq(e->height, POOL_BLOCKS + 1);
	ck_assert_int_eq(e->at_s, tip->block.header.timestamp);
	EXPECT_EVENTS({POOL_CONFIRMED, &a}, {POOL_CONFIRMED, &b});
	expect_count(2);
	ck_assert_uint_eq(summary().finalized, 0);
	expect_family(&c, 1, 1);
	now = summary();
	expect_hash(&now.tip.hash, &tip->ids.hash);
	must_update(); /* nothing new */
	expect_no_events();
	expect_valid();
}
END_TEST

START_TEST(what_conflicts_with_a_block_goes)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	struct wire_transaction b = spend(&a, 0), other = pay();
	struct wire_hash cause = txid_of(&rival);

	must_insert(&a);
	must_insert(&b);
	must_insert(&other);
	must_finalize(&a);
	forget_events();
	mine_one(&rival);
	for (const struct pool_event *e = events.first; e; e = e->next) {
		expect_hash(&e->cause, &cause);
		ck_assert_uint_eq(e->height, POOL_BLOCKS + 1);
	}
	ck_assert(events.first->finalized);
	EXPECT_EVENTS({POOL_CONFLICTED, &a}, {POOL_CONFLICTED, &b});
	expect_count(1);
	expect_valid();
}
END_TEST

START_TEST(who_outlives_a_finalized_child_may_go_again)
{
	struct fixture_coin coin = take_coin(), both[2];
	struct wire_transaction a = pay(), b, rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);

	both[0] = output_of(&a, 0);
	both[1] = coin;
	b = fixture_pay(f, both, 2, 4, 2 * COIN_FEE);
	must_insert(&a);
	must_insert(&b);
	must_finalize(&b);
	mine_one(&rival);
	forget_events();
	expect_count(1);
	pool_expire(pool, &events, now_s + 72 * 3600);
	EXPECT_EVENTS({POOL_EXPIRED, &a});
}
END_TEST

START_TEST(many_blocks_at_once)
{
	struct wire_transaction a = pay(), b = spend(&a, 0), c = spend(&b, 0), d = spend(&c, 0);

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_insert(&d);
	forget_events();
	tip = fixture_block(f, tip, &a, 1, 0);
	tip = fixture_block(f, tip, &b, 1, 0);
	tip = fixture_block(f, tip, &c, 1, 0);
	must_connect_up_to(tip);
	/* the pool has not heard of them: what it takes now is valid at its own tip */
	ck_assert_int_eq(insert(&a), POOL_E_KNOWN);
	must_update();
	EXPECT_EVENTS({POOL_CONFIRMED, &a}, {POOL_CONFIRMED, &b}, {POOL_CONFIRMED, &c});
	expect_family(&d, 1, 1);
	expect_valid();
}
END_TEST

START_TEST(a_transaction_taken_before_the_pool_hears_of_a_block)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);

	tip = fixture_block(f, tip, &rival, 1, 0);
	must_connect_up_to(tip);
	must_insert(&a);
	must_update();
	EXPECT_EVENTS({POOL_ADDED, &a}, {POOL_CONFLICTED, &a});
	expect_refused(&a, POOL_E_SPENT);
}
END_TEST

/* ---- reorganisations ---- */

/* A branch of empty blocks, one longer than the chain above `fork`. */
static const struct fixture_block *empty_branch(const struct fixture_block *fork)
{
	size_t length = (size_t)(tip->block.header.height - fork->block.header.height);

	return fixture_extend(f, fork, length + 1, 7);
}

START_TEST(what_was_in_undone_blocks_comes_back)
{
	const struct fixture_block *fork = tip;
	struct wire_transaction a = pay(), b = spend(&a, 0), c = spend(&b, 0), d = spend(&c, 0), other = pay();

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_finalize(&b);
	mine_one(&a);
	mine((struct wire_transaction[]){b, other}, 2); /* other is new to us */
	must_insert(&d);
	forget_events();
	reorganise_pool(fork, empty_branch(fork));
	ck_assert(!events.first->finalized && events.first->next->finalized);
	EXPECT_EVENTS({POOL_RETURNED, &a}, {POOL_RETURNED, &b}, {POOL_RETURNED, &other});
	expect_count(5);
	ck_assert(is_final(&b) && !is_final(&a) && !is_final(&c));
	ck_assert_uint_eq(summary().finalized, 1);
	expect_family(&a, 1, 4);
	expect_family(&b, 2, 3);
	expect_family(&c, 3, 2);
	expect_family(&d, 4, 1);
	expect_family(&other, 1, 1);
	expect_valid();
}
END_TEST

START_TEST(what_both_branches_hold_stays_out)
{
	const struct fixture_block *fork = tip, *theirs;
	struct wire_transaction a = pay(), kid = spend(&a, 0);
	struct wire_hash txid = txid_of(&a);
	struct pool_past past;

	must_insert(&a);
	must_finalize(&a);
	mine_one(&a);
	must_insert(&kid);
	forget_events();
	theirs = fixture_extend(f, fixture_block(f, fixture_extend(f, fork, 1, 7), &a, 1, 7), 1, 7);
	reorganise_pool(fork, theirs);
	expect_no_events();
	expect_count(1);
	expect_family(&kid, 1, 1);
	pool_find_past(pool, &past, &txid);
	ck_assert_int_eq(past.fate, POOL_FATE_SETTLED);
	ck_assert_uint_eq(past.height, fork->block.header.height + 2);
	expect_valid();
}
END_TEST

START_TEST(what_the_new_branch_contradicts_is_lost)
{
	const struct fixture_block *fork = tip, *theirs;
	struct fixture_coin coin = take_coin();
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	struct wire_transaction b = spend(&a, 0), c = spend(&b, 0);
	struct wire_hash cause = txid_of(&a);

	must_insert(&a);
	must_finalize(&a);
	mine_one(&a);
	must_insert(&b);
	must_insert(&c);
	must_finalize(&c);
	forget_events();
	theirs = fixture_extend(f, fixture_block(f, fork, &rival, 1, 7), 1, 7);
	reorganise_pool(fork, theirs);
	ck_assert(events.first->finalized);
	ck_assert_uint_eq(events.first->votes, 3);
	ck_assert_ptr_null(events.first->tx->coins); /* it was not in the pool */
	expect_hash(&events.first->next->cause, &cause);
	ck_assert_uint_eq(events.first->next->height, 0);
	ck_assert(!events.first->next->finalized && events.first->next->next->finalized);
	EXPECT_EVENTS({POOL_CONFLICTED, &a}, {POOL_CONFLICTED, &b}, {POOL_CONFLICTED, &c});
	expect_count(0);
}
END_TEST

START_TEST(what_spends_an_undone_reward_goes)
{
	const struct fixture_block *fork = tip;
	struct fixture_coin reward;
	struct wire_transaction a, b;

	mine(NULL, 0);
	reward = fixture_reward(f, tip, 0);
	a = fixture_pay(f, &reward, 1, 1, COIN_FEE);
	b = spend(&a, 0);
	must_insert(&a);
	must_insert(&b);
	forget_events();
	reorganise_pool(fork, empty_branch(fork));
	EXPECT_EVENTS({POOL_CONFLICTED, &a}, {POOL_CONFLICTED, &b});
	expect_count(0);
	expect_refused(&a, POOL_E_ORPHAN);
}
END_TEST

START_TEST(what_spends_a_reward_of_both_branches_stays)
{
	/* blocks of one slot and one sum of fees have the same coinbase */
	const struct fixture_block *fork = tip, *theirs;
	struct wire_transaction a = pay(), b = pay(), kid;
	struct fixture_coin reward;

	tip = fixture_block(f, fork, &a, 1, 0);
	theirs = fixture_block(f, fork, &b, 1, 0);
	expect_hash(&tip->ids.txids[0], &theirs->ids.txids[0]);
	theirs = fixture_extend(f, theirs, 1, 7);
	must_connect_up_to(tip);
	must_update();
	reward = fixture_reward(f, tip, 0);
	kid = fixture_pay(f, &reward, 1, 1, COIN_FEE);
	must_insert(&kid);
	forget_events();
	reorganise_pool(fork, theirs);
	EXPECT_EVENTS({POOL_RETURNED, &a});
	expect_count(2);
	expect_valid();
}
END_TEST

START_TEST(what_comes_back_need_not_pay)
{
	/* policy is not asked of what a block held */
	const struct fixture_block *fork = tip;
	struct wire_transaction cheap = pay_fee(1);

	expect_refused(&cheap, POOL_E_FEE);
	mine_one(&cheap);
	reorganise_pool(fork, empty_branch(fork));
	ck_assert(has(&cheap));
	expect_valid();
}
END_TEST

START_TEST(a_long_chain_comes_back_whole)
{
	const struct fixture_block *fork = tip;
	struct wire_transaction txs[30], more;

	txs[0] = pay();
	for (int i = 1; i < 30; i++)
		txs[i] = spend(&txs[i - 1], 0);
	more = spend(&txs[29], 0);
	mine(txs, 30);
	reorganise_pool(fork, empty_branch(fork));
	expect_count(30);
	expect_family(&txs[0], 1, 30);
	expect_family(&txs[29], 30, 1);
	expect_refused(&more, POOL_E_TOO_LONG);
	expect_valid();
}
END_TEST

START_TEST(pending_ones_come_back_only_into_free_room)
{
	const struct fixture_block *fork = tip;
	struct wire_transaction a = pay(), b = pay(), c = pay_fee(2 * COIN_FEE), d = pay_fee(3 * COIN_FEE);

	pool_free(pool);
	pool_params.max_count = 3;
	must_create();
	must_insert(&a);
	must_insert(&b);
	must_finalize(&b);
	mine((struct wire_transaction[]){a, b}, 2);
	must_insert(&c);
	must_insert(&d);
	forget_events();
	reorganise_pool(fork, empty_branch(fork));
	EXPECT_EVENTS({POOL_RETURNED, &a}, {POOL_RETURNED, &b}, {POOL_EVICTED, &a});
	expect_count(3);
	ck_assert(is_final(&b));
	/* the other way round: no room for the pending one */
	fork = tip;
	mine_one(&c);
	a = pay_fee(9 * COIN_FEE);
	must_insert(&a);
	forget_events();
	reorganise_pool(fork, empty_branch(fork));
	expect_no_events();
	ck_assert(!has(&c));
	expect_valid();
}
END_TEST

START_TEST(back_and_forth)
{
	const struct fixture_block *fork = tip, *ours, *theirs;
	struct wire_transaction a = pay(), b = spend(&a, 0);

	must_insert(&a);
	must_insert(&b);
	must_finalize(&b);
	mine_one(&a);
	mine_one(&b);
	ours = tip;
	theirs = empty_branch(fork);
	reorganise_pool(fork, theirs);
	expect_count(2);
	forget_events();
	for (int i = 0; i < 3; i++) {
		/* the blocks undone are kept by the store */
		ck_assert_int_eq(reorganise(ours), 0);
		tip = ours;
		must_update();
		EXPECT_EVENTS({POOL_CONFIRMED, &a}, {POOL_CONFIRMED, &b});
		expect_count(0);
		ck_assert_int_eq(reorganise(theirs), 0);
		tip = theirs;
		must_update();
		EXPECT_EVENTS({POOL_RETURNED, &a}, {POOL_RETURNED, &b});
		ck_assert(is_final(&b));
	}
	expect_valid();
}
END_TEST

static void add_tests(Suite *suite)
{
	TCase *c = tcase_create("update");

	tcase_add_checked_fixture(c, pool_setup, pool_teardown);
	tcase_add_test(c, what_a_block_holds_leaves);
	tcase_add_test(c, what_conflicts_with_a_block_goes);
	tcase_add_test(c, who_outlives_a_finalized_child_may_go_again);
	tcase_add_test(c, many_blocks_at_once);
	tcase_add_test(c, a_transaction_taken_before_the_pool_hears_of_a_block);
	tcase_add_test(c, what_was_in_undone_blocks_comes_back);
	tcase_add_test(c, what_both_branches_hold_stays_out);
	tcase_add_test(c, what_the_new_branch_contradicts_is_lost);
	tcase_add_test(c, what_spends_an_undone_reward_goes);
	tcase_add_test(c, what_spends_a_reward_of_both_branches_stays);
	tcase_add_test(c, what_comes_back_need_not_pay);
	tcase_add_test(c, a_long_chain_comes_back_whole);
	tcase_add_test(c, pending_ones_come_back_only_into_free_room);
	tcase_add_test(c, back_and_forth);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("pool update");

	add_tests(suite);
	return run_suite(suite);
}
