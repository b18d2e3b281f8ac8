// SPDX-License-Identifier: MIT
/* rpc/raw_transaction and rpc/value: what comes in as hex or as an amount, read exactly or refused. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "timed/rpc/raw_transaction.h"
#include "timed/rpc/value.h"
#include "timeproto/chain/hash.h"

static struct arena arena;
static struct wire_transaction transaction;
static char why[RAW_TRANSACTION_WHY_SIZE];

static void setup(void)
{
	arena_init(&arena, RAW_TRANSACTION_ARENA_BYTES, NULL);
}

static void teardown(void)
{
	arena_free(&arena);
}

static int decode(const char *hex)
{
	return raw_transaction_decode(&transaction, why, &arena, hex, strlen(hex));
}

static json_t *load_vectors(void)
{
	char path[4096];
	json_t *root;

	ck_assert_ptr_nonnull(getenv("TIMED_VECTORS"));
	snprintf(path, sizeof(path), "%s/transactions.json", getenv("TIMED_VECTORS"));
	root = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL);
	ck_assert_uint_gt(json_array_size(root), 10);
	return root;
}

/* Every transaction of the existing node comes out as it went in, with its txid. */
START_TEST(vectors_come_back)
{
	json_t *root = load_vectors(), *entry, *hex;
	char text[HASH_TEXT_SIZE];
	struct wire_hash txid;
	size_t i;

	json_array_foreach(root, i, entry)
	{
		const char *bincode = json_string_value(json_object_get(entry, "bincode"));

		ck_assert_msg(decode(bincode) == 0, "%s", why);
		hash_txid(&txid, &transaction);
		ck_assert_str_eq(hash_text(text, &txid), json_string_value(json_object_get(entry, "txid")));
		hex = raw_transaction_encode(&transaction);
		ck_assert_str_eq(json_string_value(hex), bincode);
		json_decref(hex);
		arena_reset(&arena);
	}
	json_decref(root);
}
END_TEST

#define EMPTY "0000000000000000000000000000000000000000000000000000000000000000"

START_TEST(what_is_no_transaction)
{
	char *much = malloc(2 * 1000001 + 1);

	ck_assert_int_eq(decode(EMPTY), 0);
	ck_assert_int_eq(decode(""), RAW_TRANSACTION_E_FORM);
	ck_assert_int_eq(decode("00"), RAW_TRANSACTION_E_FORM);
	ck_assert_int_eq(decode(EMPTY "00"), RAW_TRANSACTION_E_FORM);
	ck_assert_str_ne(why, "");
	ck_assert_int_eq(decode(EMPTY "0"), RAW_TRANSACTION_E_HEX);
	ck_assert_int_eq(decode("0x" EMPTY), RAW_TRANSACTION_E_HEX);
	memset(much, '0', 2 * 1000001);
	much[2 * 1000001] = 0;
	ck_assert_int_eq(decode(much), RAW_TRANSACTION_E_SIZE);
	free(much);
}
END_TEST

START_TEST(the_arena_refuses)
{
	arena_init(&arena, 16, NULL);
	ck_assert_int_eq(decode(EMPTY), -ENOMEM);
}
END_TEST

static int amount(uint64_t *out, const char *json)
{
	char reason[VALUE_WHY_SIZE];
	json_t *value;
	int r;

	ck_assert_int_eq(value_parse(&value, reason, json, strlen(json)), 0);
	r = value_read_amount(out, value);
	json_decref(value);
	return r;
}

START_TEST(amounts_are_exact)
{
	static const struct {
		const char *json;
		uint64_t satoshis;
	} rows[] = {
		{"0", 0},
		{"1", 100000000},
		{"\"1\"", 100000000},
		{"0.1", 10000000},
		{"0.29", 29000000}, /* by floating point: 28999999 */
		{"\"0.29\"", 29000000},
		{"1.00000001", 100000001},
		{"0.000000010000", 1},
		{"1e-8", 1},
		{"5.46E-6", 546},
		{"100e-10", 1},
		{"0e99999999999999999999", 0},
		{"0.0e-99999999999999999999", 0},
		{"1.5e+1", 1500000000},
		{"184467440737.09551615", UINT64_MAX},
		{"1.8446744073709551615e11", UINT64_MAX},
		{"0.00000000000000000000000000018446744073709551615e39", UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t satoshis = 77;

		ck_assert_msg(amount(&satoshis, rows[i].json) == 0, "%s", rows[i].json);
		ck_assert_msg(satoshis == rows[i].satoshis, "%s", rows[i].json);
	}
}
END_TEST

START_TEST(what_is_no_amount)
{
	static const char *const invalid[] = {
		"null",	       "true",	 "[]",	    "{}",     "\"\"",
		"\"x\"",       "-1",	 "-0.1",    "\"-1\"", "0.000000001",
		"1.123456789", "1e-9",	 "\"1,5\"", "\" 1\"", "\"1 \"",
		"\"0x1\"",     "\".5\"", "\"5.\"",  "\"01\"", "1e-99999999999999999999",
	};
	static const char *const large[] = {"184467440737.09551616", "184467440738", "1e12", "1e99999999999999999999",
					    "99999999999999999999"};
	uint64_t satoshis;

	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		ck_assert_msg(amount(&satoshis, invalid[i]) == VALUE_E_INVALID, "%s", invalid[i]);
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		ck_assert_msg(amount(&satoshis, large[i]) == VALUE_E_LIMIT, "%s", large[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_raw");
	TCase *c = tcase_create("rpc_raw");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, vectors_come_back);
	tcase_add_test(c, what_is_no_transaction);
	tcase_add_test(c, the_arena_refuses);
	tcase_add_test(c, amounts_are_exact);
	tcase_add_test(c, what_is_no_amount);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
