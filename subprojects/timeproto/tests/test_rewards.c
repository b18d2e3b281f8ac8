// SPDX-License-Identifier: MIT
/* chain/rewards: weights of the tiers and the sharing of what a block pays. */
#include "run_suite.h"
#include "timeproto/chain/rewards.h"

#include <stdlib.h>

#include <check.h>

START_TEST(weights_of_the_tiers)
{
	ck_assert_uint_eq(chain_tier_weight(WIRE_TIER_FREE), 100);
	ck_assert_uint_eq(chain_tier_weight(WIRE_TIER_BRONZE), 1000);
	ck_assert_uint_eq(chain_tier_weight(WIRE_TIER_SILVER), 10000);
	ck_assert_uint_eq(chain_tier_weight(WIRE_TIER_GOLD), 100000);
}
END_TEST

START_TEST(a_block_pays_100_time)
{
	ck_assert_uint_eq(CHAIN_BLOCK_SUBSIDY, UINT64_C(10000000000));
}
END_TEST

START_TEST(one_of_each_tier)
{
	/* 111 100 parts */
	static const enum wire_tier tiers[] = {WIRE_TIER_SILVER, WIRE_TIER_FREE, WIRE_TIER_GOLD, WIRE_TIER_BRONZE};
	uint64_t amounts[4];

	rewards_share(amounts, tiers, 4, CHAIN_BLOCK_SUBSIDY);
	ck_assert_uint_eq(amounts[0], UINT64_C(900090009));
	ck_assert_uint_eq(amounts[1], UINT64_C(9000900));
	ck_assert_uint_eq(amounts[2], UINT64_C(9000900090));
	ck_assert_uint_eq(amounts[3], UINT64_C(90009000));
}
END_TEST

START_TEST(alone_gets_all)
{
	static const enum wire_tier tiers[] = {WIRE_TIER_FREE};
	uint64_t amount;

	rewards_share(&amount, tiers, 1, CHAIN_BLOCK_SUBSIDY + 12345);
	ck_assert_uint_eq(amount, CHAIN_BLOCK_SUBSIDY + 12345);
	/* 128 bits are needed on the way */
	rewards_share(&amount, tiers, 1, UINT64_MAX);
	ck_assert_uint_eq(amount, UINT64_MAX);
}
END_TEST

START_TEST(the_greatest_total_is_shared)
{
	static const enum wire_tier tiers[] = {WIRE_TIER_GOLD, WIRE_TIER_GOLD, WIRE_TIER_GOLD};
	uint64_t amounts[3];

	rewards_share(amounts, tiers, 3, UINT64_MAX);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(amounts[i], UINT64_MAX / 3);
}
END_TEST

START_TEST(rounding_loses_less_than_one_each)
{
	static enum wire_tier tiers[1000];
	static uint64_t amounts[1000];

	for (size_t count = 1; count <= 1000; count++) {
		uint64_t total = CHAIN_BLOCK_SUBSIDY + count * 7919, sum = 0;

		tiers[count - 1] = (enum wire_tier)(count * count % WIRE_TIER_COUNT);
		rewards_share(amounts, tiers, count, total);
		for (size_t i = 0; i < count; i++)
			sum += amounts[i];
		ck_assert_uint_le(sum, total);
		ck_assert_uint_lt(total - sum, count);
	}
}
END_TEST

START_TEST(nobody_gets_nothing)
{
	uint64_t untouched = 5;

	rewards_share(&untouched, NULL, 0, CHAIN_BLOCK_SUBSIDY);
	ck_assert_uint_eq(untouched, 5);
}
END_TEST

START_TEST(no_total_is_shared_too)
{
	static const enum wire_tier tiers[] = {WIRE_TIER_GOLD, WIRE_TIER_FREE};
	uint64_t amounts[2] = {1, 1};

	rewards_share(amounts, tiers, 2, 0);
	ck_assert_uint_eq(amounts[0] + amounts[1], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rewards");
	TCase *c = tcase_create("rewards");

	tcase_add_test(c, weights_of_the_tiers);
	tcase_add_test(c, a_block_pays_100_time);
	tcase_add_test(c, one_of_each_tier);
	tcase_add_test(c, alone_gets_all);
	tcase_add_test(c, the_greatest_total_is_shared);
	tcase_add_test(c, rounding_loses_less_than_one_each);
	tcase_add_test(c, nobody_gets_nothing);
	tcase_add_test(c, no_total_is_shared_too);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
