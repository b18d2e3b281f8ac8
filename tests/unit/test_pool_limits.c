// SPDX-License-Identifier: MIT
/* The pool: limits on chains of unconfirmed transactions, eviction, the minimum fee rate; and the table beneath. */
#include "pool_fixture.h"
#include "pool_table.h"
#include "run_suite.h"

/* ---- chains ---- */

START_TEST(twenty_five_in_a_row)
{
	struct wire_transaction txs[26];

	txs[0] = pay();
	for (int i = 1; i < 26; i++)
		txs[i] = spend(&txs[i - 1], 0);
	for (int i = 0; i < 25; i++)
		must_insert(&txs[i]);
	ck_assert_int_eq(try_insert(&txs[25]), POOL_E_TOO_LONG);
	expect_refused(&txs[25], POOL_E_TOO_LONG);
	expect_count(25);
	/* confirmed ones do not count */
	mine_one(&txs[0]);
	must_insert(&txs[25]);
}
END_TEST

START_TEST(twenty_five_of_one)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction top = split(&coin, 30, COIN_FEE), kid;

	must_insert(&top);
	for (uint32_t i = 0; i < 24; i++) {
		kid = spend_fee(&top, i, 100000);
		must_insert(&kid);
	}
	kid = spend_fee(&top, 24, 100000);
	expect_refused(&kid, POOL_E_TOO_LONG);
	expect_count(25);
}
END_TEST

START_TEST(the_limits_count_each_relative_once)
{
	/* by many ways: each spends both outputs of the one before */
	struct fixture_coin coin = take_coin(), both[2];
	struct wire_transaction tx = split(&coin, 2, COIN_FEE);

	for (int i = 0; i < 25; i++) {
		uint64_t values[2];
		int to[2] = {3, 3};

		must_insert(&tx);
		both[0] = output_of(&tx, 0);
		both[1] = output_of(&tx, 1);
		values[0] = both[0].value - COIN_FEE;
		values[1] = both[1].value;
		tx = fixture_transaction(f, both, 2, to, values, 2);
	}
	expect_refused(&tx, POOL_E_TOO_LONG);
}
END_TEST

START_TEST(a_rejected_ancestor_takes_its_descendants_along_and_makes_room)
{
	struct wire_transaction txs[25], again;
	struct fixture_coin coin = take_coin();

	txs[0] = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	must_insert(&txs[0]);
	for (int i = 1; i < 25; i++) {
		txs[i] = spend(&txs[i - 1], 0);
		must_insert(&txs[i]);
	}
	forget_events();
	ck_assert_int_eq(reject(&txs[10]), 0);
	expect_count(10);
	for (const struct pool_event *e = events.first; e; e = e->next) {
		struct wire_hash cause = txid_of(&txs[10]);

		ck_assert_int_eq(e->kind, POOL_REJECTED);
		expect_hash(&e->cause, &cause);
	}
	again = spend_fee(&txs[9], 0, 2 * COIN_FEE);
	must_insert(&again);
}
END_TEST

/* ---- eviction ---- */

static void recreate(void)
{
	pool_free(pool);
	must_create();
}

START_TEST(the_worst_goes_first)
{
	struct wire_transaction txs[4];

	pool_params.max_count = 3;
	recreate();
	txs[0] = pay_fee(3 * COIN_FEE);
	txs[1] = pay_fee(COIN_FEE);
	txs[2] = pay_fee(2 * COIN_FEE);
	txs[3] = pay_fee(4 * COIN_FEE);
	for (int i = 0; i < 3; i++)
		must_insert(&txs[i]);
	forget_events();
	must_insert(&txs[3]);
	EXPECT_EVENTS({POOL_EVICTED, &txs[1]}, {POOL_ADDED, &txs[3]});
	expect_count(3);
}
END_TEST

START_TEST(who_pays_least_does_not_come_in)
{
	struct wire_transaction txs[3];

	pool_params.max_count = 2;
	recreate();
	txs[0] = pay_fee(2 * COIN_FEE);
	txs[1] = pay_fee(2 * COIN_FEE);
	txs[2] = pay_fee(2 * COIN_FEE); /* as much is not more */
	must_insert(&txs[0]);
	must_insert(&txs[1]);
	forget_events();
	expect_refused(&txs[2], POOL_E_FULL);
	expect_no_events();
	expect_count(2);
	ck_assert(has(&txs[0]) && has(&txs[1]));
	/* from now on the rate says so before it is tried */
	expect_refused(&txs[2], POOL_E_MIN_RATE);
	ck_assert_int_eq(try_insert(&txs[2]), POOL_E_MIN_RATE);
}
END_TEST

START_TEST(a_child_pays_for_its_parent)
{
	struct wire_transaction a = pay_fee(COIN_FEE), b = spend_fee(&a, 0, 9 * COIN_FEE), c = pay_fee(3 * COIN_FEE),
				d = pay_fee(4 * COIN_FEE);

	pool_params.max_count = 3;
	recreate();
	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	forget_events();
	must_insert(&d);
	/* a alone pays least, but with b, 5 a transaction */
	EXPECT_EVENTS({POOL_EVICTED, &c}, {POOL_ADDED, &d});
}
END_TEST

START_TEST(a_parent_takes_its_children_along)
{
	struct wire_transaction a = pay_fee(COIN_FEE), b = spend_fee(&a, 0, 2 * COIN_FEE), c = pay_fee(3 * COIN_FEE),
				d = pay_fee(4 * COIN_FEE);

	pool_params.max_count = 3;
	recreate();
	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	forget_events();
	must_insert(&d);
	EXPECT_EVENTS({POOL_EVICTED, &a}, {POOL_EVICTED, &b}, {POOL_ADDED, &d});
}
END_TEST

START_TEST(finalized_ones_and_their_ancestors_stay)
{
	struct wire_transaction a = pay_fee(COIN_FEE), b = spend_fee(&a, 0, COIN_FEE), c = pay_fee(2 * COIN_FEE),
				d = pay_fee(9 * COIN_FEE), e = pay_fee(20 * COIN_FEE);
	uint64_t rate;

	pool_params.max_count = 3;
	recreate();
	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_finalize(&b);
	forget_events();
	must_insert(&d);
	EXPECT_EVENTS({POOL_EVICTED, &c}, {POOL_ADDED, &d});
	must_finalize(&d);
	rate = pool_min_rate(pool, now_s);
	expect_refused(&e, POOL_E_FULL);
	/* what it offered is no measure: nobody could go for it */
	ck_assert_uint_eq(pool_min_rate(pool, now_s), rate);
	mine((struct wire_transaction[]){a, b}, 2);
	must_insert(&e);
}
END_TEST

START_TEST(bytes_are_bounded)
{
	struct wire_transaction txs[40];
	size_t empty = summary().usage_bytes, taken = 0;

	pool_params.max_bytes = empty + 20000;
	recreate();
	for (int i = 0; i < 40; i++) {
		txs[i] = pay_fee(COIN_FEE + (uint64_t)i * COIN_FEE / 10);
		must_insert(&txs[i]);
		ck_assert_uint_le(summary().usage_bytes, pool_params.max_bytes);
		taken += has(&txs[i]);
	}
	ck_assert_uint_eq(taken, 40); /* each paid more than those before */
	ck_assert_uint_lt(summary().count, 40);
	for (int i = 0; i < 40; i++)
		ck_assert(has(&txs[i]) == (i >= 40 - (int)summary().count));
}
END_TEST

/* ---- the rate ---- */

/* A pool of four from which something is evicted that pays `fee`, and which is empty then. */
static uint64_t raise_rate(uint64_t fee)
{
	struct wire_transaction txs[5];
	size_t size;

	pool_params.max_count = 4;
	recreate();
	for (int i = 0; i < 5; i++) {
		txs[i] = pay_fee(fee + (uint64_t)i * COIN_FEE);
		must_insert(&txs[i]);
	}
	size = wire_bincode_size_value(&wire_desc_transaction, &txs[0]);
	ck_assert(!has(&txs[0]));
	for (int i = 1; i < 5; i++)
		ck_assert_int_eq(reject(&txs[i]), 0);
	return fee * 1000 / size + pool_params.rate_step;
}

START_TEST(the_rate_rises_above_what_was_evicted)
{
	struct wire_transaction tx;
	uint64_t rate, least;
	size_t size;

	ck_assert_uint_eq(pool_min_rate(pool, now_s), 0);
	rate = raise_rate(3 * COIN_FEE);
	ck_assert_uint_eq(pool_min_rate(pool, now_s), rate);
	ck_assert_uint_eq(summary().min_rate, rate);
	tx = pay();
	size = wire_bincode_size_value(&wire_desc_transaction, &tx);
	least = rate * size / 1000;
	tx = pay_fee(least - 1);
	expect_refused(&tx, POOL_E_MIN_RATE);
	tx = pay_fee(least);
	must_insert(&tx);
}
END_TEST

START_TEST(the_rate_falls_by_half_once_a_block_has_come)
{
	uint64_t rate, full;

	rate = raise_rate(3 * COIN_FEE);
	now_s += 100 * 3600;
	ck_assert_uint_eq(pool_min_rate(pool, now_s), rate); /* no block: no room was made */
	mine(NULL, 0);
	/* an empty pool: a quarter of 12 hours */
	now_s += 3 * 3600;
	full = pool_min_rate(pool, now_s);
	ck_assert_uint_ge(full, rate / 2 - 1);
	ck_assert_uint_le(full, rate / 2 + 1);
	/* in small steps as in great ones, and never more than by time */
	for (int i = 0; i < 180; i++) {
		uint64_t before = pool_min_rate(pool, now_s);

		now_s += 60;
		ck_assert_uint_lt(pool_min_rate(pool, now_s), before);
	}
	ck_assert_uint_ge(pool_min_rate(pool, now_s), rate / 4 - rate / 20);
	ck_assert_uint_le(pool_min_rate(pool, now_s), rate / 4 + rate / 20);
	/* a clock that goes back changes nothing */
	full = pool_min_rate(pool, now_s);
	ck_assert_uint_eq(pool_min_rate(pool, now_s - 3600), full);
	now_s += 1000 * 3600;
	ck_assert_uint_eq(pool_min_rate(pool, now_s), 0);
	ck_assert_uint_eq(pool_min_rate(pool, INT64_MAX), 0);
}
END_TEST

START_TEST(a_rate_below_half_a_step_is_none)
{
	pool_params.rate_step = 100000000;
	(void)raise_rate(COIN_FEE);
	mine(NULL, 0);
	ck_assert_uint_gt(pool_min_rate(pool, now_s), pool_params.rate_step);
	now_s += 3 * 3600;
	ck_assert_uint_gt(pool_min_rate(pool, now_s), 0);
	now_s += 3 * 3600;
	ck_assert_uint_eq(pool_min_rate(pool, now_s), 0);
}
END_TEST

/* ---- the table ---- */

struct item {
	int value;
	struct pool_node node;
};

START_TEST(nodes_are_found_and_leave)
{
	enum { COUNT = 1000 };
	static struct item items[COUNT];
	struct pool_table table;
	size_t found;

	ck_assert_int_eq(pool_table_init(&table), 0);
	for (int i = 0; i < COUNT; i++) {
		items[i].value = i;
		/* hashes that collide, in full and in their bucket alone */
		pool_table_add(&table, &items[i].node, (uint64_t)(i % 10) << 20 | (uint64_t)(i % 2));
	}
	ck_assert_uint_eq(table.count, COUNT);
	ck_assert_uint_ge(pool_table_bytes(&table), COUNT * sizeof(void *));
	for (int i = 0; i < COUNT; i += 3)
		pool_table_remove(&table, &items[i].node);
	for (uint64_t h = 0; h < 10; h++) {
		int last = COUNT;

		found = 0;
		for (struct pool_node *n = pool_table_find(&table, h << 20 | h % 2); n; n = pool_table_next(n)) {
			const struct item *item = POOL_CONTAINER(n, struct item, node);

			ck_assert_int_eq(item->value % 10, (int)h);
			ck_assert_int_ne(item->value % 3, 0);
			ck_assert_int_lt(item->value, last); /* the last one first, through growing too */
			last = item->value;
			found++;
		}
		ck_assert_uint_ge(found, 66);
	}
	ck_assert_ptr_null(pool_table_find(&table, 10 << 20));
	pool_table_free(&table);
}
END_TEST

static void add_limits(Suite *suite)
{
	TCase *c = tcase_create("limits");

	tcase_add_checked_fixture(c, pool_setup, pool_teardown);
	tcase_add_test(c, twenty_five_in_a_row);
	tcase_add_test(c, twenty_five_of_one);
	tcase_add_test(c, the_limits_count_each_relative_once);
	tcase_add_test(c, a_rejected_ancestor_takes_its_descendants_along_and_makes_room);
	tcase_add_test(c, the_worst_goes_first);
	tcase_add_test(c, who_pays_least_does_not_come_in);
	tcase_add_test(c, a_child_pays_for_its_parent);
	tcase_add_test(c, a_parent_takes_its_children_along);
	tcase_add_test(c, finalized_ones_and_their_ancestors_stay);
	tcase_add_test(c, bytes_are_bounded);
	tcase_add_test(c, the_rate_rises_above_what_was_evicted);
	tcase_add_test(c, the_rate_falls_by_half_once_a_block_has_come);
	tcase_add_test(c, a_rate_below_half_a_step_is_none);
	suite_add_tcase(suite, c);
}

static void add_table(Suite *suite)
{
	TCase *c = tcase_create("table");

	tcase_add_test(c, nodes_are_found_and_leave);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("pool limits");

	add_limits(suite);
	add_table(suite);
	return run_suite(suite);
}
