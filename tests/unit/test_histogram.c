// SPDX-License-Identifier: MIT
/* util/histogram: which bound a duration counts for. */
#include "run_suite.h"
#include "timed/util/histogram.h"

#include <stdlib.h>

#include <check.h>

static const int64_t bounds[] = {1000, 5000, 20000};

START_TEST(a_bound_holds_what_equals_it)
{
	struct histogram h;
	struct histogram_counts now;

	histogram_init(&h, bounds, 3);
	histogram_add(&h, 1000);
	histogram_add(&h, 1001);
	histogram_add(&h, 20000);
	histogram_add(&h, 20001);
	histogram_add(&h, INT64_C(1) << 50);
	histogram_read(&h, &now);
	ck_assert_uint_eq(now.bound_count, 3);
	ck_assert_int_eq(now.bounds_us[2], 20000);
	ck_assert_uint_eq(now.counts[0], 1);
	ck_assert_uint_eq(now.counts[1], 1);
	ck_assert_uint_eq(now.counts[2], 1);
	ck_assert_uint_eq(now.counts[3], 2);
	ck_assert_uint_eq(now.sum_us, 42002 + (UINT64_C(1) << 50));
}
END_TEST

/* A clock that was set back must not make the sum huge. */
START_TEST(a_negative_duration_counts_as_none)
{
	struct histogram h;
	struct histogram_counts now;

	histogram_init(&h, bounds, 3);
	histogram_add(&h, -5);
	histogram_read(&h, &now);
	ck_assert_uint_eq(now.counts[0], 1);
	ck_assert_uint_eq(now.sum_us, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("histogram");
	TCase *c = tcase_create("histogram");

	tcase_add_test(c, a_bound_holds_what_equals_it);
	tcase_add_test(c, a_negative_duration_counts_as_none);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
