// SPDX-License-Identifier: MIT
/* base/base58: known pairs, both directions, and every refusal. */
#include "run_suite.h"
#include "timeproto/base/base58.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

/* From Bitcoin Core's base58 test data. */
static const struct {
	const char *bytes;
	size_t len;
	const char *text;
} base58_pairs[] = {
	{"", 0, ""},
	{"\x61", 1, "2g"},
	{"\x62\x62\x62", 3, "a3gV"},
	{"\x63\x63\x63", 3, "aPEr"},
	{"\x57\x2e\x47\x94", 4, "3EFU7m"},
	{"\x00\xeb\x15\x23\x1d\xfc\xeb\x60\x92\x58\x86\xb6\x7d\x06\x52\x99\x92\x59\x15\xae\xb1\x72\xc0\x66\x47", 25,
	 "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"},
	{"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 10, "1111111111"},
};
#define BASE58_PAIRS ((int)(sizeof(base58_pairs) / sizeof(base58_pairs[0])))

START_TEST(encode_known_pairs)
{
	char text[64];

	ck_assert_int_eq(
		base58_encode(text, sizeof(text), (const uint8_t *)base58_pairs[_i].bytes, base58_pairs[_i].len), 0);
	ck_assert_str_eq(text, base58_pairs[_i].text);
}
END_TEST

START_TEST(decode_known_pairs)
{
	const char *text = base58_pairs[_i].text;
	uint8_t out[32];
	size_t len;

	ck_assert_int_eq(base58_decode(out, &len, sizeof(out), text, strlen(text)), 0);
	ck_assert_uint_eq(len, base58_pairs[_i].len);
	if (len > 0)
		ck_assert_mem_eq(out, base58_pairs[_i].bytes, len);
}
END_TEST

START_TEST(round_trip_of_every_length)
{
	uint8_t data[BASE58_MAX_BYTES], back[BASE58_MAX_BYTES];
	char text[BASE58_TEXT_SIZE(BASE58_MAX_BYTES)];
	size_t back_len;

	/* largest values need most characters; leading zeros are counted apart */
	for (size_t len = 0; len <= sizeof(data); len++) {
		for (size_t zeros = 0; zeros <= len; zeros += 1 + len / 4) {
			memset(data, 0xff, sizeof(data));
			memset(data, 0, zeros);
			ck_assert_int_eq(base58_encode(text, BASE58_TEXT_SIZE(len), data, len), 0);
			ck_assert_int_eq(base58_decode(back, &back_len, sizeof(back), text, strlen(text)), 0);
			ck_assert_uint_eq(back_len, len);
			if (len > 0)
				ck_assert_mem_eq(back, data, len);
		}
	}
}
END_TEST

START_TEST(decode_refuses_characters_outside_the_alphabet)
{
	static const char bad[] = {'0', 'O', 'I', 'l', ' ', '\0', '\n', '+', '/', (char)0x80, (char)0xff};
	char text[4] = "2g2";
	uint8_t out[8];
	size_t len;

	for (size_t i = 0; i < sizeof(bad); i++) {
		text[1] = bad[i];
		ck_assert_int_eq(base58_decode(out, &len, sizeof(out), text, 3), BASE58_E_CHARACTER);
	}
}
END_TEST

START_TEST(decode_refuses_what_does_not_fit)
{
	uint8_t out[25];
	char longest[1000];
	size_t len;

	ck_assert_int_eq(base58_decode(out, &len, 24, "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L", 34), BASE58_E_SIZE);
	ck_assert_int_eq(base58_decode(out, &len, 3, "1111", 4), BASE58_E_SIZE);
	memset(longest, 'z', sizeof(longest));
	ck_assert_int_eq(base58_decode(out, &len, sizeof(out), longest, sizeof(longest)), BASE58_E_SIZE);
}
END_TEST

START_TEST(encode_refuses_what_does_not_fit)
{
	static const uint8_t data[BASE58_MAX_BYTES + 1] = {0x61};
	char text[400];

	ck_assert_int_eq(base58_encode(text, 2, data, 1), BASE58_E_SIZE);
	ck_assert_int_eq(base58_encode(text, 3, data, 1), 0);
	ck_assert_int_eq(base58_encode(text, sizeof(text), data, sizeof(data)), BASE58_E_SIZE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base58");
	TCase *c = tcase_create("base58");

	tcase_add_loop_test(c, encode_known_pairs, 0, BASE58_PAIRS);
	tcase_add_loop_test(c, decode_known_pairs, 0, BASE58_PAIRS);
	tcase_add_test(c, round_trip_of_every_length);
	tcase_add_test(c, decode_refuses_characters_outside_the_alphabet);
	tcase_add_test(c, decode_refuses_what_does_not_fit);
	tcase_add_test(c, encode_refuses_what_does_not_fit);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
