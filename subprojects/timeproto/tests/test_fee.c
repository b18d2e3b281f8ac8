// SPDX-License-Identifier: MIT
/* chain/fee: the fee at its corners, and that the three functions are each other's inverse everywhere. */
#include "run_suite.h"
#include "timeproto/chain/fee.h"

#include <stdlib.h>

#include <check.h>

/* What `outputs` cost, in the words of the protocol. */
static uint64_t policy(uint64_t outputs)
{
	return outputs / 1000 < 1000 ? 1000 : outputs / 1000;
}

/* These outputs are paid, and one satoshi more would not be; nor would one satoshi less do, but for the one that is
 * left over where the next greater output would cost two. */
static bool is_largest(uint64_t inputs)
{
	uint64_t outputs = fee_outputs_of(inputs), least;

	if (inputs <= 1000)
		return outputs == 0;
	return outputs <= inputs && inputs - outputs >= policy(outputs) && inputs - outputs - 1 < policy(outputs + 1) &&
	       inputs - outputs <= policy(outputs) + 1 && fee_inputs_for(&least, outputs) && least <= inputs &&
	       inputs - least <= 1;
}

START_TEST(fee_at_its_corners)
{
	static const uint64_t cases[][2] = {
		{0, 1000},	 {1, 1000},	      {999999, 1000},
		{1000000, 1000}, {1000999, 1000},     {1001000, 1001},
		{1001999, 1001}, {100000000, 100000}, {UINT64_MAX, UINT64_MAX / 1000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(fee_for_outputs(cases[i][0]), cases[i][1]);
}
END_TEST

START_TEST(largest_outputs_of_small_inputs)
{
	uint64_t inputs = 0;

	while (inputs < 3000000 && is_largest(inputs))
		inputs++;
	ck_assert_uint_eq(inputs, 3000000);
}
END_TEST

START_TEST(largest_outputs_of_any_inputs)
{
	uint64_t inputs = 88172645463325252;
	bool good = true;

	for (int i = 0; i < 1000000 && good; i++) {
		/* xorshift64 (Marsaglia), of every magnitude */
		inputs ^= inputs << 13;
		inputs ^= inputs >> 7;
		inputs ^= inputs << 17;
		good = is_largest(inputs >> (i % 60));
	}
	ck_assert_msg(good, "%ju", (uintmax_t)inputs);
	for (uint64_t i = 0; i < 5000; i++)
		ck_assert(is_largest(UINT64_MAX - i));
}
END_TEST

START_TEST(sums_beyond_64_bits)
{
	uint64_t inputs, largest = fee_outputs_of(UINT64_MAX);

	ck_assert(fee_inputs_for(&inputs, largest));
	ck_assert(!fee_inputs_for(&inputs, largest + 1));
	ck_assert(!fee_inputs_for(&inputs, UINT64_MAX));
}
END_TEST

START_TEST(dust)
{
	ck_assert(!fee_is_dust(0));
	ck_assert(fee_is_dust(1));
	ck_assert(fee_is_dust(545));
	ck_assert(!fee_is_dust(546));
	ck_assert(!fee_is_dust(UINT64_MAX));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fee");
	TCase *c = tcase_create("fee");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, fee_at_its_corners);
	tcase_add_test(c, largest_outputs_of_small_inputs);
	tcase_add_test(c, largest_outputs_of_any_inputs);
	tcase_add_test(c, sums_beyond_64_bits);
	tcase_add_test(c, dust);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
