// SPDX-License-Identifier: MIT
/* node/wallet: the keys that follow from a secret (wallet_keys.json), which scripts are ours, and handing out. */
#include "run_suite.h"
#include "wallet_fixture.h"

#include <jansson.h>

#include "timed/util/thread.h"
#include "timeproto/base/hex.h"

static json_t *load_vectors(void)
{
	char file[4096];
	json_t *root;

	ck_assert_ptr_nonnull(getenv("TIMED_VECTORS"));
	snprintf(file, sizeof(file), "%s/wallet_keys.json", getenv("TIMED_VECTORS"));
	root = json_load_file(file, 0, NULL);
	ck_assert_uint_eq(json_array_size(root), 3);
	return root;
}

static void bytes_of(uint8_t out[32], const json_t *object, const char *key)
{
	const char *hex = json_string_value(json_object_get(object, key));

	ck_assert_int_eq(hex_decode(out, 32, hex, strlen(hex)), 0);
}

static bool is_ours(const char *script, uint32_t *index)
{
	return wallet_find(wallet, index, (const uint8_t *)script, strlen(script));
}

static void expect_address(uint32_t index, const char *address)
{
	char ours[ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(wallet_key_address(wallet, ours, index), 0);
	ck_assert_str_eq(ours, address);
}

START_TEST(keys_of_the_vectors)
{
	json_t *root = load_vectors(), *entry, *derived;
	uint8_t secret[32], seed[32], expected[32];
	size_t i, k;

	json_array_foreach(root, i, entry)
	{
		bytes_of(secret, entry, "secret");
		make_wallet(secret, CHAIN_TESTNET, NULL);
		json_array_foreach(json_object_get(entry, "derived"), k, derived)
		{
			uint32_t index = (uint32_t)json_integer_value(json_object_get(derived, "index")), found = 0;
			const char *address = json_string_value(json_object_get(derived, "address"));

			bytes_of(expected, derived, "seed");
			wallet_keys_seed(seed, secret, index);
			ck_assert_mem_eq(seed, expected, 32);
			expect_address(index, address);
			ck_assert(is_ours(address, &found));
			ck_assert_uint_eq(found, index);
		}
		ck_assert_uint_eq(k, 3);
	}
	json_decref(root);
}
END_TEST

START_TEST(key_0_is_that_of_the_file)
{
	uint8_t seed[32];
	uint32_t index = 9;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	wallet_keys_seed(seed, secret_one, 0);
	ck_assert_mem_eq(seed, secret_one, 32);
	expect_address(0, wallet_address(wallet));
	ck_assert(is_ours(wallet_address(wallet), &index));
	ck_assert_uint_eq(index, 0);
}
END_TEST

/* The secret keys that sign are those of the addresses. */
START_TEST(pairs_belong_to_addresses)
{
	char expected[ADDRESS_TEXT_SIZE];
	uint8_t pair[64];
	struct wire_key key;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(wallet_signing_begin(wallet), 0);
	for (uint32_t i = 0; i <= WALLET_GAP; i++) {
		wallet_signing_pair(wallet, pair, i);
		memcpy(key.bytes, pair + 32, 32);
		address_from_key(expected, &key, CHAIN_TESTNET);
		expect_address(i, expected);
	}
	wallet_signing_end(wallet);
}
END_TEST

START_TEST(addresses_are_of_the_network)
{
	char testnet[ADDRESS_TEXT_SIZE], mainnet[ADDRESS_TEXT_SIZE];
	uint32_t index;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(wallet_key_address(wallet, testnet, 7), 0);
	make_wallet(secret_one, CHAIN_MAINNET, NULL);
	ck_assert_int_eq(wallet_key_address(wallet, mainnet, 7), 0);
	ck_assert_int_eq(strncmp(mainnet, "TIME1", 5), 0);
	testnet[4] = '1';
	ck_assert_str_eq(testnet, mainnet);
	testnet[4] = '0';
	ck_assert(!is_ours(testnet, &index));
	ck_assert(is_ours(mainnet, &index));
}
END_TEST

START_TEST(scripts_of_others_are_not_ours)
{
	static uint8_t huge[20000];
	char script[ADDRESS_TEXT_SIZE + 1];
	uint32_t index = 77;
	size_t len;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(wallet_key_address(wallet, script, 3), 0);
	len = strlen(script);
	ck_assert(!wallet_find(wallet, &index, NULL, 0));
	ck_assert(!wallet_find(wallet, &index, huge, sizeof(huge)));
	for (size_t n = 0; n < len; n++) {
		ck_assert(!wallet_find(wallet, &index, (uint8_t *)script, n));
		script[n] ^= 1;
		ck_assert(!is_ours(script, &index));
		script[n] ^= 1;
	}
	strcat(script, "1");
	ck_assert(!is_ours(script, &index));
	/* with its terminating zero it is another script */
	script[len] = '\0';
	ck_assert(!wallet_find(wallet, &index, (uint8_t *)script, len + 1));
	ck_assert_uint_eq(index, 77);
	ck_assert(is_ours(script, &index));
}
END_TEST

START_TEST(the_gap_is_20_keys)
{
	char address[ADDRESS_TEXT_SIZE];
	uint8_t pair[64];
	struct wire_key key;
	uint32_t index;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_uint_eq(state_of().next, 1);
	ck_assert_uint_eq(state_of().watched, 21);
	ck_assert_int_eq(wallet_key_address(wallet, address, 20), 0);
	ck_assert_int_eq(wallet_key_address(wallet, address, 21), WALLET_E_KEYS);
	wallet_keys_pair(pair, secret_one, 40);
	memcpy(key.bytes, pair + 32, 32);
	address_from_key(address, &key, CHAIN_TESTNET);
	ck_assert(!is_ours(address, &index));
	wallet_use_key(wallet, 19);
	ck_assert(!is_ours(address, &index));
	wallet_use_key(wallet, 20);
	ck_assert(is_ours(address, &index));
	ck_assert_uint_eq(index, 40);
	ck_assert_uint_eq(state_of().next, 21);
	/* what was seen before changes nothing */
	wallet_use_key(wallet, 2);
	ck_assert_uint_eq(state_of().next, 21);
	wallet_use_key(wallet, UINT32_MAX);
	ck_assert_uint_eq(state_of().next, 21);
}
END_TEST

START_TEST(new_keys_come_in_order_and_are_looked_for)
{
	char address[ADDRESS_TEXT_SIZE];
	uint32_t index, found;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	for (uint32_t i = 1; i < 100; i++) {
		ck_assert_int_eq(wallet_new_key(wallet, &index), 0);
		ck_assert_uint_eq(index, i);
		ck_assert_uint_eq(state_of().watched, i + 1 + WALLET_GAP);
		ck_assert_int_eq(wallet_key_address(wallet, address, index), 0);
		ck_assert(is_ours(address, &found));
		ck_assert_uint_eq(found, i);
	}
	wallet_use_key(wallet, 500);
	ck_assert_int_eq(wallet_new_key(wallet, &index), 0);
	ck_assert_uint_eq(index, 501);
}
END_TEST

START_TEST(handed_out_keys_are_remembered_for_it)
{
	uint32_t index;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	wallet_set_next_key(wallet, 42);
	ck_assert_uint_eq(state_of().watched, 42 + WALLET_GAP);
	wallet_set_next_key(wallet, 0);
	ck_assert_int_eq(wallet_new_key(wallet, &index), 0);
	ck_assert_uint_eq(index, 42);
}
END_TEST

START_TEST(keys_end)
{
	uint32_t index;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt(); /* locked: nothing is derived */
	wallet_set_next_key(wallet, UINT32_MAX);
	ck_assert_int_eq(wallet_new_key(wallet, &index), WALLET_E_KEYS);
	wallet_set_next_key(wallet, WALLET_MAX_KEYS - 1);
	ck_assert_int_eq(wallet_new_key(wallet, &index), WALLET_E_KEYS);
}
END_TEST

START_TEST(a_big_table_finds_each_and_no_other)
{
	enum { KEYS = 20000 };
	char address[ADDRESS_TEXT_SIZE];
	struct wallet_keys keys;
	struct wire_key key;
	uint32_t index;

	wallet_keys_init(&keys, CHAIN_TESTNET);
	ck_assert(!wallet_keys_find(&keys, &index, (const uint8_t *)"TIME0", 5));
	for (uint32_t i = 0; i < 2 * KEYS; i++) {
		crypto_generichash(key.bytes, sizeof(key.bytes), (uint8_t *)&i, sizeof(i), NULL, 0);
		if (i < KEYS)
			ck_assert_int_eq(wallet_keys_add(&keys, &key), 0);
	}
	for (uint32_t i = 0; i < 2 * KEYS; i++) {
		bool found;

		crypto_generichash(key.bytes, sizeof(key.bytes), (uint8_t *)&i, sizeof(i), NULL, 0);
		address_from_key(address, &key, CHAIN_TESTNET);
		found = wallet_keys_find(&keys, &index, (uint8_t *)address, strlen(address));
		ck_assert_int_eq(found, i < KEYS);
		ck_assert(!found || index == i);
	}
	wallet_keys_clear(&keys);
}
END_TEST

#define THREADS 4
#define ROUNDS 200
static uint32_t taken[THREADS * ROUNDS + 1];
static struct mutex taken_lock = MUTEX_INITIALIZER("taken", MUTEX_RANK_LEAF);

static void *take_keys(void *arg)
{
	char address[ADDRESS_TEXT_SIZE];
	struct wire_sig sig;
	uint32_t index, found;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(wallet_new_key(wallet, &index) == 0);
		CHECK(wallet_key_address(wallet, address, index) == 0);
		CHECK(is_ours(address, &found) && found == index);
		wallet_sign(wallet, &sig, &index, sizeof(index));
		mutex_lock(&taken_lock);
		taken[index]++;
		mutex_unlock(&taken_lock);
	}
	return NULL;
}

START_TEST(no_two_threads_get_the_same_key)
{
	struct thread threads[THREADS];

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "take", take_keys, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	for (uint32_t i = 1; i <= THREADS * ROUNDS; i++)
		ck_assert_uint_eq(taken[i], 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wallet_keys");
	TCase *c = tcase_create("wallet_keys");

	tcase_add_checked_fixture(c, wallet_setup, wallet_teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, keys_of_the_vectors);
	tcase_add_test(c, key_0_is_that_of_the_file);
	tcase_add_test(c, pairs_belong_to_addresses);
	tcase_add_test(c, addresses_are_of_the_network);
	tcase_add_test(c, scripts_of_others_are_not_ours);
	tcase_add_test(c, the_gap_is_20_keys);
	tcase_add_test(c, new_keys_come_in_order_and_are_looked_for);
	tcase_add_test(c, handed_out_keys_are_remembered_for_it);
	tcase_add_test(c, keys_end);
	tcase_add_test(c, a_big_table_finds_each_and_no_other);
	tcase_add_test(c, no_two_threads_get_the_same_key);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
