// SPDX-License-Identifier: MIT
/* node/payment: which coins are chosen, against what must hold of any choice and against trying all. */
#include <stdlib.h>

#include "payment_fixture.h"
#include "run_suite.h"
#include "timed/util/clock.h"

#define ROUNDS (SANITIZED ? 5000 : 20000)

static void setup(void)
{
	arena_init(&arena, SIZE_MAX, NULL);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* What must hold of any choice; NULL, or what does not. */
static const char *judge(const struct payment_plan *plan, uint64_t amount)
{
	static bool taken[MAX_COINS];
	uint64_t sum = 0;

	memset(taken, 0, coin_count * sizeof(taken[0]));
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->coins[i] >= coin_count || taken[plan->coins[i]])
			return "a coin twice, or none";
		taken[plan->coins[i]] = true;
		sum += coins[plan->coins[i]].value;
	}
	if (sum != plan->inputs || sum != amount + plan->change + plan->fee)
		return "sums";
	if (plan->change > 0 && plan->change < 546)
		return "dust";
	if (plan->fee < fee_for_outputs(amount + plan->change))
		return "too low a fee";
	if (plan->change > 0 && amount + plan->change != fee_outputs_of(sum))
		return "change that could be more";
	if (plan->change == 0 && fee_outputs_of(sum) - amount > 545)
		return "change that is none";
	return NULL;
}

START_TEST(any_coins_and_any_amount)
{
	size_t paid = 0, exact = 0, refused = 0;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t amount, seed = payment_random(&random_state), need;
		struct payment_plan plan, again;
		const char *wrong;
		int r;

		random_coins(i % 100 == 0 ? 3000 : 30);
		amount = random_amount();
		arena_reset(&arena);
		r = payment_choose(&plan, &fault, &arena, coins, coin_count, amount, 6000, seed);
		if (r) {
			ck_assert_int_eq(r, PAYMENT_E_FUNDS);
			ck_assert(fee_inputs_for(&need, amount) && need > coins_sum());
			refused++;
			continue;
		}
		wrong = judge(&plan, amount);
		ck_assert_msg(wrong == NULL, "round %d: %s", i, wrong);
		paid++;
		exact += plan.change == 0;
		ck_assert_int_eq(payment_choose(&again, &fault, &arena, coins, coin_count, amount, 6000, seed), 0);
		ck_assert_uint_eq(again.count, plan.count);
		ck_assert(memcmp(again.coins, plan.coins, plan.count * sizeof(plan.coins[0])) == 0);
	}
	ck_assert_uint_gt(paid, ROUNDS / 2);
	ck_assert_uint_gt(exact, ROUNDS / 20);
	ck_assert_uint_gt(refused, ROUNDS / 100);
}
END_TEST

/* Of all subsets: the fewest coins that match exactly, that leave useful change, and that pay at all. */
struct best {
	unsigned exact, useful, enough;
};

static void consider(unsigned *best, bool fits, unsigned count)
{
	if (fits && (*best == 0 || count < *best))
		*best = count;
}

static struct best best_of_all(uint64_t amount)
{
	uint64_t need, useful, most;
	struct best best = {0};

	ck_assert(fee_inputs_for(&need, amount) && fee_inputs_for(&useful, amount + 100000) &&
		  fee_inputs_for(&most, amount + 546));
	for (unsigned set = 1; set < 1U << coin_count; set++) {
		unsigned count = (unsigned)__builtin_popcount(set);
		uint64_t sum = 0;

		for (size_t i = 0; i < coin_count; i++)
			sum += set >> i & 1 ? coins[i].value : 0;
		consider(&best.exact, sum >= need && sum < most, count);
		consider(&best.useful, sum >= useful, count);
		consider(&best.enough, sum >= need, count);
	}
	return best;
}

/* Against trying all subsets. */
START_TEST(few_coins_are_chosen_best)
{
	size_t exact = 0, useful = 0, poor = 0;

	for (int i = 0; i < 3000; i++) {
		struct payment_plan plan;
		struct best best;
		uint64_t amount;

		random_coins(10);
		amount = random_amount();
		best = best_of_all(amount);
		arena_reset(&arena);
		if (payment_choose(&plan, &fault, &arena, coins, coin_count, amount, 6000, (uint64_t)i)) {
			ck_assert_uint_eq(best.enough, 0);
			continue;
		}
		if (best.exact > 0 && best.exact <= best.enough + 4) {
			ck_assert_uint_eq(plan.change, 0);
			ck_assert_uint_eq(plan.count, best.exact);
			exact++;
		} else if (best.useful > 0) {
			ck_assert_uint_ge(plan.change, 100000);
			ck_assert_uint_eq(plan.count, best.useful);
			useful++;
		} else {
			ck_assert_uint_eq(plan.count, best.enough);
			poor++;
		}
	}
	ck_assert_uint_gt(exact, 300);
	ck_assert_uint_gt(useful, 300);
	ck_assert_uint_gt(poor, 100);
}
END_TEST

/* Of the coins that would do alone, the smallest goes. */
START_TEST(big_coins_are_kept)
{
	struct payment_plan plan;

	for (uint64_t i = 1; i <= 100; i++)
		add_coin(i * TIME, 0);
	ck_assert_int_eq(payment_choose(&plan, &fault, &arena, coins, coin_count, 41 * TIME + 50, 100, 7), 0);
	ck_assert_uint_eq(plan.count, 1);
	ck_assert_uint_eq(plan.coins[0], 41); /* 42 TIME */
}
END_TEST

/* Which of equal coins, and in which order, is the seed's affair. */
START_TEST(seeds_make_other_choices)
{
	struct payment_plan plans[2];

	for (int i = 0; i < 100; i++)
		add_coin(TIME, 0);
	for (uint64_t seed = 0; seed < 2; seed++)
		ck_assert_int_eq(payment_choose(&plans[seed], &fault, &arena, coins, coin_count, 20 * TIME, 100, seed),
				 0);
	ck_assert_uint_eq(plans[0].count, 21);
	ck_assert_uint_eq(plans[1].count, 21);
	ck_assert(memcmp(plans[0].coins, plans[1].coins, 21 * sizeof(size_t)) != 0);
}
END_TEST

/* Whatever the values are, the search for a match ends soon. */
START_TEST(hopeless_searches_end)
{
	struct payment_plan plan;
	int64_t begin_ms = clock_mono_ms();

	for (size_t i = 0; i < MAX_COINS; i++)
		add_coin(UINT64_C(2) * (1000000000 + i * 3571 % 100000), 0); /* no sum of even ones is odd enough */
	for (uint64_t seed = 0; seed < 10; seed++) {
		arena_reset(&arena);
		ck_assert_int_eq(payment_choose(&plan, &fault, &arena, coins, coin_count,
						UINT64_C(1000000000001) + 7000 * seed, 6000, seed),
				 0);
		ck_assert_ptr_null(judge(&plan, UINT64_C(1000000000001) + 7000 * seed));
	}
	ck_assert_int_lt(clock_mono_ms() - begin_ms, 20000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("payment_choose");
	TCase *c = tcase_create("payment_choose");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 110);
	tcase_add_test(c, any_coins_and_any_amount);
	tcase_add_test(c, few_coins_are_chosen_best);
	tcase_add_test(c, big_coins_are_kept);
	tcase_add_test(c, seeds_make_other_choices);
	tcase_add_test(c, hopeless_searches_end);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
