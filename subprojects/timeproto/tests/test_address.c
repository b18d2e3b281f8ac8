// SPDX-License-Identifier: MIT
/* chain/address: the addresses that the Rust node makes of its keys, and each reason to refuse one. */
#include "timeproto/chain/address.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "vectors.h"

static const char *good = "TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG";

static int decode(const char *text)
{
	return address_decode(NULL, text, strlen(text), CHAIN_TESTNET);
}

START_TEST(vectors_both_networks_and_back)
{
	json_t *root = vectors_load("addresses.json"), *entry;
	size_t index;

	ck_assert_uint_gt(json_array_size(root), 10);
	json_array_foreach(root, index, entry)
	{
		const char *testnet = vectors_text(entry, "testnet"), *mainnet = vectors_text(entry, "mainnet");
		uint8_t payload[ADDRESS_PAYLOAD_BYTES];
		char text[ADDRESS_TEXT_SIZE];
		struct wire_key key;

		vectors_fixed(key.bytes, 32, entry, "public_key");
		address_from_key(text, &key, CHAIN_TESTNET);
		ck_assert_str_eq(text, testnet);
		address_from_key(text, &key, CHAIN_DEVNET);
		ck_assert_str_eq(text, testnet);
		address_from_key(text, &key, CHAIN_MAINNET);
		ck_assert_str_eq(text, mainnet);

		ck_assert_int_eq(address_decode(payload, testnet, strlen(testnet), CHAIN_TESTNET), 0);
		address_from_payload(text, payload, CHAIN_TESTNET);
		ck_assert_str_eq(text, testnet);
		ck_assert_int_eq(address_decode(payload, testnet, strlen(testnet), CHAIN_DEVNET), 0);
		ck_assert_int_eq(address_decode(payload, mainnet, strlen(mainnet), CHAIN_MAINNET), 0);
		ck_assert_int_eq(decode(mainnet), ADDRESS_E_NETWORK);
	}
	json_decref(root);
}
END_TEST

START_TEST(payload_of_zeros_round_trips)
{
	/* 20 leading zero bytes: the text is short, and still the only one */
	static const uint8_t zeros[ADDRESS_PAYLOAD_BYTES];
	uint8_t payload[ADDRESS_PAYLOAD_BYTES] = {1};
	char text[ADDRESS_TEXT_SIZE];

	address_from_payload(text, zeros, CHAIN_TESTNET);
	ck_assert_int_eq(address_decode(payload, text, strlen(text), CHAIN_TESTNET), 0);
	ck_assert_mem_eq(payload, zeros, sizeof(zeros));
}
END_TEST

START_TEST(decode_refuses_with_the_reason)
{
	ck_assert_int_eq(decode(good), 0);
	ck_assert_int_eq(decode(""), ADDRESS_E_PREFIX);
	ck_assert_int_eq(decode("TIM"), ADDRESS_E_PREFIX);
	ck_assert_int_eq(decode("time0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG"), ADDRESS_E_PREFIX);
	ck_assert_int_eq(decode(" TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG"), ADDRESS_E_PREFIX);
	ck_assert_int_eq(decode("TIME"), ADDRESS_E_DIGIT);
	ck_assert_int_eq(decode("TIME2MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG"), ADDRESS_E_DIGIT);
	ck_assert_int_eq(decode("TIME0"), ADDRESS_E_LENGTH);
	ck_assert_int_eq(decode("TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpd"), ADDRESS_E_LENGTH);
	ck_assert_int_eq(decode("TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUGG"), ADDRESS_E_LENGTH);
	ck_assert_int_eq(decode("TIME01MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG"), ADDRESS_E_LENGTH);
	ck_assert_int_eq(decode("TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpd0G"), ADDRESS_E_CHARACTER);
	ck_assert_int_eq(decode("TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG\n"), ADDRESS_E_CHARACTER);
	ck_assert_int_eq(decode("TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUH"), ADDRESS_E_CHECKSUM);
}
END_TEST

START_TEST(decode_refuses_an_embedded_zero)
{
	char text[64];
	size_t len = strlen(good);

	memcpy(text, good, len + 1);
	ck_assert_int_eq(address_decode(NULL, text, len + 1, CHAIN_TESTNET), ADDRESS_E_CHARACTER);
}
END_TEST

START_TEST(every_single_typo_is_noticed)
{
	static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	char text[64];

	for (size_t at = 5; at < strlen(good); at++) {
		for (const char *c = alphabet; *c; c++) {
			strcpy(text, good);
			text[at] = *c;
			if (*c == good[at])
				ck_assert_int_eq(decode(text), 0);
			else
				ck_assert_int_ne(decode(text), 0);
		}
	}
}
END_TEST

START_TEST(every_error_has_its_text)
{
	for (int error = ADDRESS_E_PREFIX; error <= ADDRESS_E_CHECKSUM; error++)
		ck_assert_str_ne(address_error_text(error), "unknown error");
	ck_assert_str_eq(address_error_text(0), "unknown error");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address");
	TCase *c = tcase_create("address");

	tcase_add_test(c, vectors_both_networks_and_back);
	tcase_add_test(c, payload_of_zeros_round_trips);
	tcase_add_test(c, decode_refuses_with_the_reason);
	tcase_add_test(c, decode_refuses_an_embedded_zero);
	tcase_add_test(c, every_single_typo_is_noticed);
	tcase_add_test(c, every_error_has_its_text);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
