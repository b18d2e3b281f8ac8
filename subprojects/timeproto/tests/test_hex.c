// SPDX-License-Identifier: MIT
/* base/hex: both directions and what is refused. */
#include "run_suite.h"
#include "timeproto/base/hex.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

START_TEST(encode_is_lower_case)
{
	const uint8_t bytes[] = {0x00, 0x9a, 0xff};
	char text[7];

	hex_encode(text, bytes, sizeof(bytes));
	ck_assert_str_eq(text, "009aff");
	hex_encode(text, bytes, 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(decode_takes_either_case)
{
	const uint8_t expected[] = {0x0a, 0xbc, 0xDE};
	uint8_t out[3];

	ck_assert_int_eq(hex_decode(out, 3, "0aBcdE", 6), 0);
	ck_assert_mem_eq(out, expected, 3);
	ck_assert_int_eq(hex_decode(out, 0, "", 0), 0);
}
END_TEST

START_TEST(decode_refuses_other_lengths_and_characters)
{
	static const char *const bad[] = {"0aBcd",  "0aBcdEf", "0aBcdE0", "0aBcdg",
					  "0aBc d", "+aBcdE",  "/aBcdE",  ":aBcdE"};
	uint8_t out[3];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(hex_decode(out, 3, bad[i], strlen(bad[i])), HEX_E_INVALID);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hex");
	TCase *tc = tcase_create("hex");

	tcase_add_test(tc, encode_is_lower_case);
	tcase_add_test(tc, decode_takes_either_case);
	tcase_add_test(tc, decode_refuses_other_lengths_and_characters);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
