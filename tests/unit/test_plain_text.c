// SPDX-License-Identifier: MIT
/* plain_text: what printf would make of it, and room that ends. */
#include "plain_text.h"
#include "run_suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

static char bytes[64];
static struct plain_text text;

static void setup(void)
{
	plain_text_init(&text, bytes, sizeof(bytes));
}

START_TEST(numbers_are_those_of_printf)
{
	static const int64_t numbers[] = {0, 1, -1, 9, 10, 1234567890123, INT64_MAX, INT64_MIN};
	char want[64];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		setup();
		plain_text_add_number(&text, numbers[i], 0);
		plain_text_add(&text, " 0x");
		plain_text_add_hex(&text, (uint64_t)numbers[i], 4);
		snprintf(want, sizeof(want), "%" PRId64 " 0x%04" PRIx64, numbers[i], (uint64_t)numbers[i]);
		ck_assert_str_eq(bytes, want);
	}
	setup();
	plain_text_add_number(&text, 7, 3);
	ck_assert_str_eq(bytes, "007");
}
END_TEST

/* Each day and a second of it from 1970 to 2110: with leap years, and 2000 and 2100, which are and are not. */
START_TEST(dates_are_those_of_the_c_library)
{
	for (int64_t day = 0; day < 140 * 366; day++) {
		time_t at = (time_t)(day * 86400 + day * 7919 % 86400);
		char want[64];
		struct tm tm;

		setup();
		plain_text_add_date(&text, at, 'T');
		ck_assert_ptr_nonnull(gmtime_r(&at, &tm));
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		ck_assert_str_eq(bytes, want);
	}
	setup();
	plain_text_add_date(&text, -5, ' ');
	ck_assert_str_eq(bytes, "1970-01-01 00:00:00");
}
END_TEST

START_TEST(what_does_not_fit_is_left_out)
{
	char small[4];

	plain_text_init(&text, small, sizeof(small));
	plain_text_add(&text, "ab");
	plain_text_add_number(&text, 123, 0);
	ck_assert_str_eq(small, "ab1");
	ck_assert_uint_eq(text.len, 3);
	plain_text_init(&text, small, 1);
	plain_text_add(&text, "ab");
	ck_assert_str_eq(small, "");
}
END_TEST

START_TEST(what_is_not_printable_is_replaced)
{
	plain_text_add_clean(&text, "a\n\x1b[\xc3\xa4~ \x7f");
	plain_text_add_clean(&text, NULL);
	ck_assert_str_eq(bytes, "a??[??~ ??");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plain_text");
	TCase *c = tcase_create("plain_text");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, numbers_are_those_of_printf);
	tcase_add_test(c, dates_are_those_of_the_c_library);
	tcase_add_test(c, what_does_not_fit_is_left_out);
	tcase_add_test(c, what_is_not_printable_is_replaced);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
