// SPDX-License-Identifier: MIT
/* node/wallet: the container of an encrypted wallet, from an independent implementation (wallet_containers.json),
 * damaged, and forged. */
#include "run_suite.h"
#include "wallet_fixture.h"

#include <jansson.h>

#include "timeproto/base/hex.h"
#include "timeproto/base/sha256.h"

static json_t *load_vectors(void)
{
	char file[4096];
	json_t *root;

	ck_assert_ptr_nonnull(getenv("TIMED_VECTORS"));
	snprintf(file, sizeof(file), "%s/wallet_containers.json", getenv("TIMED_VECTORS"));
	root = json_load_file(file, 0, NULL);
	ck_assert_uint_eq(json_array_size(root), 2);
	return root;
}

/* How many. */
static size_t bytes_of(uint8_t *out, size_t size, const json_t *hex)
{
	const char *digits = json_string_value(hex);
	size_t len = strlen(digits) / 2;

	ck_assert_uint_le(len, size);
	ck_assert_int_eq(hex_decode(out, len, digits, strlen(digits)), 0);
	return len;
}

/* So that something else than the hash finds what was altered. */
static void rehash(uint8_t *file, size_t len)
{
	sha256_digest(file + len - SHA256_BYTES, file, len - SHA256_BYTES);
}

/* Containers that an independent implementation made: what is written once can be read for ever. */
START_TEST(containers_of_the_vectors)
{
	json_t *root = load_vectors(), *entry = json_array_get(root, (size_t)_i);
	const char *label = json_string_value(json_object_get(entry, "label"));
	json_t *keys = json_object_get(entry, "public_keys");
	struct wallet_container *container;
	uint8_t file[4096], secret[64], *again;
	size_t len = bytes_of(file, sizeof(file), json_object_get(entry, "file")), again_len;
	const char *why;
	uint32_t version;

	put_file(file, len);
	open_wallet(strcmp(json_string_value(json_object_get(entry, "network")), "mainnet") ? CHAIN_TESTNET
											    : CHAIN_MAINNET);
	ck_assert_str_eq(wallet_address(wallet), json_string_value(json_object_get(entry, "address")));
	ck_assert_int_eq(wallet_created_at(wallet), json_integer_value(json_object_get(entry, "created_at")));
	if (label)
		ck_assert_str_eq(wallet_label(wallet), label);
	else
		ck_assert_ptr_null(wallet_label(wallet));
	ck_assert_uint_eq(state_of().known, json_array_size(keys));
	ck_assert(state_of().locked);
	ck_assert_int_eq(unlock_with(json_string_value(json_object_get(entry, "passphrase")), 1000), 0);
	ck_assert_uint_eq(bytes_of(secret, sizeof(secret), json_object_get(entry, "secret")), 32);
	ck_assert_int_eq(wallet_signing_begin(wallet), 0);
	ck_assert_mem_eq(wallet->secret, secret, 32);
	wallet_signing_end(wallet);
	expect_signs(wallet_public_key(wallet));

	ck_assert_int_eq(wallet_container_decode(&container, &why, &version, file, len), 0);
	ck_assert_int_eq(wallet_container_encode(&again, &again_len, container), 0);
	ck_assert_uint_eq(again_len, len);
	ck_assert_mem_eq(again, file, len);
	wallet_container_free(container);
	free(again);
	json_decref(root);
}
END_TEST

START_TEST(a_container_cut_off_is_refused)
{
	size_t len;
	uint8_t *file = small_container(&len, secret_one, secret_one, 3);

	for (size_t n = 0; n < len; n++) {
		put_file(file, n);
		ck_assert_int_eq(wallet_open_or_create(&wallet, text, path, CHAIN_TESTNET), WALLET_E_DAMAGED);
		ck_assert_ptr_nonnull(strstr(text, "restore it from a copy"));
		expect_file(file, n);
	}
	file = realloc(file, len + 1);
	file[len] = 0;
	put_file(file, len + 1);
	ck_assert_int_eq(wallet_open_or_create(&wallet, text, path, CHAIN_TESTNET), WALLET_E_DAMAGED);
	free(file);
}
END_TEST

START_TEST(every_altered_byte_is_found)
{
	size_t len;
	uint8_t *file = small_container(&len, secret_one, secret_one, 3);

	for (size_t at = 0; at < len; at++) {
		for (unsigned bits = 1; bits < 256; bits = bits * 2 + 1) {
			int r;

			file[at] = (uint8_t)(file[at] ^ bits);
			put_file(file, len);
			r = wallet_open_or_create(&wallet, text, path, CHAIN_TESTNET);
			/* Without its magic it is no container, and its first byte no version of the plain form. */
			ck_assert_int_eq(r, at < 12 ? WALLET_E_VERSION : WALLET_E_DAMAGED);
			ck_assert_ptr_nonnull(strstr(text, path));
			file[at] = (uint8_t)(file[at] ^ bits);
		}
	}
	free(file);
}
END_TEST

/* Altered by somebody who knows how to make the hash right. */
START_TEST(every_forged_byte_is_found)
{
	size_t len, opened = 0;
	uint8_t *file = small_container(&len, secret_one, secret_one, 3);

	for (size_t at = 12; at < len - SHA256_BYTES; at++) {
		int r;

		file[at] ^= 1;
		rehash(file, len);
		put_file(file, len);
		r = wallet_open_or_create(&wallet, text, path, CHAIN_TESTNET);
		if (r == 0) {
			opened++;
			r = unlock_with(PASSPHRASE, 1000);
			ck_assert_msg(r == WALLET_E_PASSPHRASE || r == WALLET_E_DAMAGED, "byte %zu: %d", at, r);
			ck_assert(state_of().locked);
			ck_assert_ptr_nonnull(strstr(text, path));
			close_wallet();
		} else {
			ck_assert_msg(r == WALLET_E_DAMAGED || r == WALLET_E_NETWORK, "byte %zu: %d", at, r);
		}
		file[at] ^= 1;
	}
	ck_assert_uint_gt(opened, 200);
	free(file);
}
END_TEST

/* Public keys that belong to somebody else would send him what is paid to us. */
START_TEST(foreign_keys_are_found)
{
	size_t len;
	uint8_t *file = small_container(&len, secret_one, secret_two, 3);

	put_file(file, len);
	open_wallet(CHAIN_TESTNET);
	ck_assert_int_eq(unlock_with(PASSPHRASE, 1000), WALLET_E_DAMAGED);
	ck_assert_ptr_nonnull(strstr(text, "its public keys do not belong to its secret"));
	ck_assert(state_of().locked);
	free(file);
}
END_TEST

START_TEST(a_container_of_another_network_or_version)
{
	size_t len;
	uint8_t *file = small_container(&len, secret_one, secret_one, 1);

	put_file(file, len);
	ck_assert_int_eq(wallet_open_or_create(&wallet, text, path, CHAIN_MAINNET), WALLET_E_NETWORK);
	ck_assert_ptr_nonnull(strstr(text, "is one of testnet, and this node runs mainnet"));
	open_wallet(CHAIN_DEVNET);
	close_wallet();
	file[8] = 2;
	put_file(file, len);
	ck_assert_int_eq(wallet_open_or_create(&wallet, text, path, CHAIN_TESTNET), WALLET_E_VERSION);
	ck_assert_ptr_nonnull(strstr(text, "unknown format 2"));
	expect_file(file, len);
	free(file);
}
END_TEST

/* Costs that would stop the node for hours, or ask for all memory. */
START_TEST(unreasonable_costs_are_refused)
{
	static const struct {
		uint64_t operations, memory_bytes;
	} costs[] = {{0, 8192},
		     {17, 8192},
		     {UINT64_MAX, 8192},
		     {1, 0},
		     {1, 7168},
		     {1, 8193},
		     {1, (UINT64_C(4) << 30) + 1024},
		     {1, UINT64_MAX}};
	size_t len, at = 8 + 4 + 4 + 8 + 1 + 8 + 5 + 4;
	uint8_t *file = small_container(&len, secret_one, secret_one, 1);

	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		wallet_put_number(wallet_put_number(file + at, costs[i].operations, 8), costs[i].memory_bytes, 8);
		rehash(file, len);
		put_file(file, len);
		ck_assert_int_eq(wallet_open_or_create(&wallet, text, path, CHAIN_TESTNET), WALLET_E_DAMAGED);
		ck_assert_ptr_nonnull(strstr(text, "key derivation"));
	}
	wallet_put_number(wallet_put_number(file + at, 1, 8), 8192, 8);
	rehash(file, len);
	put_file(file, len);
	open_wallet(CHAIN_TESTNET);
	ck_assert_int_eq(unlock_with(PASSPHRASE, 1000), 0);
	free(file);
}
END_TEST

/* Lengths that the file does not have. */
START_TEST(unreasonable_lengths_are_refused)
{
	size_t label = 8 + 4 + 4 + 8, box = label + 1 + 8 + 5 + 4 + 8 + 8 + 16 + 24, len;
	uint8_t *file = small_container(&len, secret_one, secret_one, 1);
	size_t keys = len - SHA256_BYTES - 32 - 4;
	const struct {
		size_t at, bytes;
		uint64_t value;
	} lengths[] = {
		{label, 1, 2},	       {label + 1, 8, UINT64_MAX}, {label + 1, 8, 4}, {label + 1, 8, len}, {box, 4, 0},
		{box, 4, 16},	       {box, 4, UINT32_MAX},	   {box, 4, len},     {keys, 4, 0},	   {keys, 4, 2},
		{keys, 4, UINT32_MAX}, {keys, 4, WALLET_MAX_KEYS}, {keys, 4, 1 << 27}};
	uint8_t was[8];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memcpy(was, file + lengths[i].at, sizeof(was));
		wallet_put_number(file + lengths[i].at, lengths[i].value, lengths[i].bytes);
		rehash(file, len);
		put_file(file, len);
		ck_assert_int_eq(wallet_open_or_create(&wallet, text, path, CHAIN_TESTNET), WALLET_E_DAMAGED);
		memcpy(file + lengths[i].at, was, sizeof(was));
	}
	free(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wallet_container");
	TCase *c = tcase_create("wallet_container");

	tcase_add_checked_fixture(c, wallet_setup, wallet_teardown);
	tcase_set_timeout(c, 100);
	tcase_add_loop_test(c, containers_of_the_vectors, 0, 2);
	tcase_add_test(c, a_container_cut_off_is_refused);
	tcase_add_test(c, every_altered_byte_is_found);
	tcase_add_test(c, every_forged_byte_is_found);
	tcase_add_test(c, foreign_keys_are_found);
	tcase_add_test(c, a_container_of_another_network_or_version);
	tcase_add_test(c, unreasonable_costs_are_refused);
	tcase_add_test(c, unreasonable_lengths_are_refused);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
