// SPDX-License-Identifier: MIT
/* node/balance: sums by state, and sums that leave 64 bits. */
#include "run_suite.h"
#include "timed/node/balance.h"

#include <stdlib.h>

#include <check.h>

START_TEST(sums_by_state)
{
	static const struct balance_coin coins[] = {
		{1, BALANCE_CONFIRMED},	     {20, BALANCE_FINALISED},	 {300, BALANCE_INCOMING},
		{4000, BALANCE_OUTGOING},    {50000, BALANCE_CONFIRMED}, {600000, BALANCE_FINALISED},
		{7000000, BALANCE_INCOMING}, {0, BALANCE_CONFIRMED},
	};
	struct balance balance = {.spendable = 99};

	ck_assert_int_eq(balance_of(&balance, coins, sizeof(coins) / sizeof(coins[0])), 0);
	ck_assert_uint_eq(balance.sums[BALANCE_CONFIRMED], 50001);
	ck_assert_uint_eq(balance.sums[BALANCE_FINALISED], 600020);
	ck_assert_uint_eq(balance.sums[BALANCE_INCOMING], 7000300);
	ck_assert_uint_eq(balance.sums[BALANCE_OUTGOING], 4000);
	ck_assert_uint_eq(balance.spendable, 650021);
	ck_assert_int_eq(balance_of(&balance, NULL, 0), 0);
	ck_assert_uint_eq(balance.spendable, 0);
}
END_TEST

START_TEST(sums_that_leave_64_bits)
{
	struct balance balance = {0};

	for (int state = 0; state < BALANCE_STATE_COUNT; state++) {
		balance = (struct balance){0};
		ck_assert_int_eq(balance_add(&balance, (enum balance_state)state, UINT64_MAX), 0);
		ck_assert_int_eq(balance_add(&balance, (enum balance_state)state, 0), 0);
		ck_assert_int_eq(balance_add(&balance, (enum balance_state)state, 1), BALANCE_E_OVERFLOW);
		ck_assert_uint_eq(balance.sums[state], UINT64_MAX);
	}
	/* each fits, but not together */
	balance = (struct balance){0};
	ck_assert_int_eq(balance_add(&balance, BALANCE_CONFIRMED, UINT64_MAX), 0);
	ck_assert_int_eq(balance_add(&balance, BALANCE_INCOMING, UINT64_MAX), 0);
	ck_assert_int_eq(balance_add(&balance, BALANCE_FINALISED, 1), BALANCE_E_OVERFLOW);
	ck_assert_uint_eq(balance.sums[BALANCE_FINALISED], 0);
	ck_assert_uint_eq(balance.spendable, UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("balance");
	TCase *c = tcase_create("balance");

	tcase_add_test(c, sums_by_state);
	tcase_add_test(c, sums_that_leave_64_bits);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
