// SPDX-License-Identifier: MIT
/* The pool: finality by votes, and what blocks may hold. */
#include "pool_fixture.h"
#include "run_suite.h"

/* ---- finality ---- */

START_TEST(finalized_once)
{
	struct wire_transaction tx = pay(), other = pay();
	struct wire_hash txid = txid_of(&tx);
	struct pool_info info;

	ck_assert_int_eq(finalize(&tx), POOL_E_UNKNOWN);
	must_insert(&tx);
	must_insert(&other);
	forget_events();
	must_finalize(&tx);
	ck_assert(events.first->finalized);
	ck_assert_uint_eq(events.first->votes, 3);
	EXPECT_EVENTS({POOL_NOW_FINAL, &tx});
	must_finalize(&tx);
	expect_no_events();
	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	ck_assert(info.finalized);
	ck_assert_uint_eq(info.votes, 3);
	ck_assert_int_eq(info.finalized_s, now_s);
	pool_info_free(&info);
	ck_assert_uint_eq(summary().finalized, 1);
	ck_assert(!is_final(&other));
}
END_TEST

START_TEST(several_at_once)
{
	struct wire_transaction txs[3] = {pay(), pay(), pay()};
	struct pool_mark marks[3];

	for (int i = 0; i < 3; i++)
		marks[i] = (struct pool_mark){.txid = txid_of(&txs[i]), .votes = 7, .at_s = now_s, .outcome = 99};
	must_insert(&txs[0]);
	must_insert(&txs[2]);
	ck_assert_int_eq(pool_finalize(pool, &events, marks, 3), 0);
	ck_assert_int_eq(marks[0].outcome, 0);
	ck_assert_int_eq(marks[1].outcome, POOL_E_UNKNOWN);
	ck_assert_int_eq(marks[2].outcome, 0);
	ck_assert_uint_eq(summary().finalized, 2);
}
END_TEST

START_TEST(a_finalized_one_is_not_rejected)
{
	struct wire_transaction tx = pay();

	ck_assert_int_eq(reject(&tx), POOL_E_UNKNOWN);
	expect_refused(&tx, POOL_E_WAS_REJECTED); /* votes came first */
	tx = pay();
	must_insert(&tx);
	must_finalize(&tx);
	ck_assert_int_eq(reject(&tx), POOL_E_FINALIZED);
	ck_assert(is_final(&tx));
	ck_assert_int_eq(insert(&tx), POOL_E_KNOWN);
}
END_TEST

START_TEST(a_rejected_parent_of_a_finalized_one)
{
	/* votes contradict each other: the loss is told */
	struct wire_transaction a = pay(), b = spend(&a, 0);
	struct wire_hash cause = txid_of(&a);

	must_insert(&a);
	must_insert(&b);
	must_finalize(&b);
	forget_events();
	ck_assert_int_eq(reject(&a), 0);
	ck_assert(!events.first->finalized);
	ck_assert(events.first->next->finalized);
	expect_hash(&events.first->next->cause, &cause);
	EXPECT_EVENTS({POOL_REJECTED, &a}, {POOL_REJECTED, &b});
	expect_count(0);
	ck_assert_uint_eq(summary().finalized, 0);
}
END_TEST

START_TEST(fates_are_remembered)
{
	struct wire_transaction a = pay(), b = pay(), c = pay();
	struct wire_hash txid_a = txid_of(&a), txid_b = txid_of(&b), txid_c = txid_of(&c);
	struct pool_past past;

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_finalize(&a);
	ck_assert_int_eq(reject(&b), 0);
	pool_find_past(pool, &past, &txid_a);
	ck_assert_int_eq(past.fate, POOL_FATE_UNKNOWN);
	mine((struct wire_transaction[]){a, c}, 2);
	pool_find_past(pool, &past, &txid_a);
	ck_assert_int_eq(past.fate, POOL_FATE_SETTLED);
	ck_assert_uint_eq(past.height, tip->block.header.height);
	ck_assert_uint_eq(past.votes, 3);
	pool_find_past(pool, &past, &txid_b);
	ck_assert_int_eq(past.fate, POOL_FATE_REJECTED);
	ck_assert_int_eq(past.at_s, now_s);
	pool_find_past(pool, &past, &txid_c);
	ck_assert_int_eq(past.fate, POOL_FATE_UNKNOWN);
}
END_TEST

START_TEST(memory_of_fates_is_bounded)
{
	struct wire_transaction txs[4] = {pay(), pay(), pay(), pay()};

	pool_free(pool);
	pool_params.max_remembered = 3;
	must_create();
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(reject(&txs[i]), POOL_E_UNKNOWN);
	must_insert(&txs[0]); /* the oldest is forgotten */
	for (int i = 1; i < 4; i++)
		expect_refused(&txs[i], POOL_E_WAS_REJECTED);
}
END_TEST

/* ---- assembling ---- */

static struct pool_selection assemble(size_t max_bytes, size_t max_count)
{
	struct pool_selection s;

	ck_assert_int_eq(pool_assemble(pool, &s, &tip->ids.hash, max_bytes, max_count), 0);
	return s;
}

/* The selection is these, in this order. */
static void expect_selection(size_t max_bytes, size_t max_count, const struct wire_transaction *const *expected,
			     size_t count)
{
	struct pool_selection s = assemble(max_bytes, max_count);
	size_t bytes = 0;
	uint64_t fees = 0;

	ck_assert_uint_eq(s.count, count);
	for (size_t i = 0; i < count; i++) {
		struct wire_hash txid = txid_of(expected[i]);

		expect_hash(&s.items[i]->txid, &txid);
		bytes += s.items[i]->size;
		fees += s.items[i]->fee;
	}
	ck_assert_uint_eq(s.bytes, bytes);
	ck_assert_uint_eq(s.fees, fees);
	pool_selection_free(&s);
}

#define EXPECT_SELECTION(bytes, count, ...)                                                                            \
	expect_selection(bytes, count, (const struct wire_transaction *const[]){__VA_ARGS__},                          \
			 sizeof((const struct wire_transaction *const[]){__VA_ARGS__}) / sizeof(void *))

START_TEST(all_finalized_in_order_of_finality)
{
	struct wire_transaction a = pay(), b = pay(), c = pay();

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	expect_selection(SIZE_MAX, SIZE_MAX, NULL, 0);
	must_finalize(&c);
	must_finalize(&a);
	EXPECT_SELECTION(SIZE_MAX, SIZE_MAX, &c, &a);
	EXPECT_SELECTION(SIZE_MAX, 1, &c);
	EXPECT_SELECTION(SIZE_MAX, SIZE_MAX, &c, &a); /* asking changes nothing */
	must_finalize(&b);
	EXPECT_SELECTION(SIZE_MAX, SIZE_MAX, &c, &a, &b);
}
END_TEST

START_TEST(nobody_before_what_he_spends)
{
	struct wire_transaction a = pay(), b = spend(&a, 0), c = spend(&b, 0), other = pay();

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_insert(&other);
	must_finalize(&c);
	must_finalize(&a);
	EXPECT_SELECTION(SIZE_MAX, SIZE_MAX, &a); /* c waits for b */
	must_finalize(&other);
	must_finalize(&b);
	EXPECT_SELECTION(SIZE_MAX, SIZE_MAX, &a, &b, &c, &other);
	EXPECT_SELECTION(SIZE_MAX, 2, &a, &other); /* c would be the third, and b comes after other */
}
END_TEST

START_TEST(what_does_not_fit_waits)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction big = split(&coin, 30, COIN_FEE), small = pay(), kid = spend_fee(&big, 0, 100000);
	size_t size;

	must_insert(&big);
	must_insert(&small);
	size = result.size;
	must_insert(&kid);
	must_finalize(&big);
	must_finalize(&kid);
	must_finalize(&small);
	EXPECT_SELECTION(size, SIZE_MAX, &small);
	expect_selection(size - 1, SIZE_MAX, NULL, 0);
	EXPECT_SELECTION(summary().bytes, SIZE_MAX, &big, &kid, &small);
	EXPECT_SELECTION(summary().bytes - 1, SIZE_MAX, &big, &kid);
}
END_TEST

START_TEST(the_selection_makes_a_valid_block)
{
	struct wire_transaction txs[10], picked[10];
	struct pool_selection s;

	txs[0] = pay();
	for (int i = 1; i < 10; i++)
		txs[i] = i % 3 ? spend(&txs[i - 1], 0) : pay();
	for (int i = 0; i < 10; i++)
		must_insert(&txs[i]);
	for (int i = 9; i >= 0; i--)
		must_finalize(&txs[i]);
	s = assemble(2000000, 10000);
	ck_assert_uint_eq(s.count, 10);
	for (size_t i = 0; i < s.count; i++)
		picked[i] = s.items[i]->transaction;
	mine(picked, s.count); /* the chain takes it */
	pool_selection_free(&s);
	expect_count(0);
}
END_TEST

START_TEST(another_tip)
{
	struct pool_selection s;

	ck_assert_int_eq(pool_assemble(pool, &s, &f->root->ids.hash, SIZE_MAX, SIZE_MAX), POOL_E_TIP);
	ck_assert_uint_eq(s.count, 0);
	/* the chain has gone on, the pool has not */
	tip = fixture_extend(f, tip, 1, 0);
	must_connect_up_to(tip);
	ck_assert_int_eq(pool_assemble(pool, &s, &tip->ids.hash, SIZE_MAX, SIZE_MAX), POOL_E_TIP);
	must_update();
	ck_assert_int_eq(pool_assemble(pool, &s, &tip->ids.hash, SIZE_MAX, SIZE_MAX), 0);
	pool_selection_free(&s);
}
END_TEST

/* ---- judging ---- */

static int judge(const struct wire_transaction *txs, size_t count, struct wire_hash *txid)
{
	const struct fixture_block *block = fixture_block(f, tip, txs, count, 0);

	return pool_judge(pool, txid, &tip->ids.hash, &block->block, &block->ids);
}

START_TEST(a_block_of_finalized_ones)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	struct wire_transaction b = pay(), txs[2] = {a, b};
	struct wire_hash txid, expected;

	ck_assert_int_eq(judge(NULL, 0, NULL), 0);
	ck_assert_int_eq(judge(txs, 2, &txid), POOL_E_UNKNOWN);
	expected = txid_of(&a);
	expect_hash(&txid, &expected);
	must_insert(&a);
	must_insert(&b);
	ck_assert_int_eq(judge(txs, 2, &txid), POOL_E_PENDING);
	expect_hash(&txid, &expected);
	ck_assert_int_eq(judge(&rival, 1, NULL), POOL_E_UNKNOWN); /* no more so than a itself */
	must_finalize(&a);
	ck_assert_int_eq(judge(txs, 2, &txid), POOL_E_PENDING);
	expected = txid_of(&b);
	expect_hash(&txid, &expected);
	must_finalize(&b);
	ck_assert_int_eq(judge(txs, 2, &txid), 0);
	ck_assert_int_eq(judge(&rival, 1, &txid), POOL_E_CONFLICT);
	expected = txid_of(&rival);
	expect_hash(&txid, &expected);
	tip = tip->parent;
	ck_assert_int_eq(judge(txs, 2, NULL), POOL_E_TIP);
}
END_TEST

static void add_final(Suite *suite)
{
	TCase *c = tcase_create("finality");

	tcase_add_checked_fixture(c, pool_setup, pool_teardown);
	tcase_add_test(c, finalized_once);
	tcase_add_test(c, several_at_once);
	tcase_add_test(c, a_finalized_one_is_not_rejected);
	tcase_add_test(c, a_rejected_parent_of_a_finalized_one);
	tcase_add_test(c, fates_are_remembered);
	tcase_add_test(c, memory_of_fates_is_bounded);
	suite_add_tcase(suite, c);
}

static void add_blocks(Suite *suite)
{
	TCase *c = tcase_create("blocks");

	tcase_add_checked_fixture(c, pool_setup, pool_teardown);
	tcase_add_test(c, all_finalized_in_order_of_finality);
	tcase_add_test(c, nobody_before_what_he_spends);
	tcase_add_test(c, what_does_not_fit_waits);
	tcase_add_test(c, the_selection_makes_a_valid_block);
	tcase_add_test(c, another_tip);
	tcase_add_test(c, a_block_of_finalized_ones);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("pool finality");

	add_final(suite);
	add_blocks(suite);
	return run_suite(suite);
}
