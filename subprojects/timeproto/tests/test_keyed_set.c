// SPDX-License-Identifier: MIT
/* chain/keyed_set: a hash set whose order peers cannot choose. */
#include "../src/chain/keyed_set.h"
#include "run_suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#define COUNT 10000

static uint8_t keys[COUNT][36];
static struct arena arena;

/* Keys that agree in all but four bytes in their middle, as a peer might make them who has seen our hash function. */
static void setup(void)
{
	memset(keys, 0xaa, sizeof(keys));
	for (uint32_t i = 0; i < COUNT; i++)
		memcpy(keys[i] + 16, &i, sizeof(i));
	arena_init(&arena, SIZE_MAX, NULL);
}

static void teardown(void)
{
	arena_free(&arena);
}

START_TEST(what_was_added_is_found)
{
	struct keyed_set set;
	struct wire_hash digest = {{1}};
	uint8_t copy[36];

	ck_assert_int_eq(keyed_set_init(&set, &arena, COUNT, 36, &digest), 0);
	for (size_t i = 0; i < COUNT; i++) {
		ck_assert_ptr_null(keyed_set_find(&set, keys[i]));
		ck_assert_ptr_null(keyed_set_add(&set, keys[i]));
	}
	for (size_t i = 0; i < COUNT; i++) {
		memcpy(copy, keys[i], sizeof(copy));
		ck_assert_ptr_eq(keyed_set_find(&set, copy), keys[i]);
		ck_assert_ptr_eq(keyed_set_add(&set, copy), keys[i]);
	}
}
END_TEST

START_TEST(every_byte_of_a_key_counts)
{
	/* so many others that some of them begin their search at the one that is there */
	struct keyed_set set;
	struct wire_hash digest = {{1}};
	uint8_t other[36];

	ck_assert_int_eq(keyed_set_init(&set, &arena, 1, 36, &digest), 0);
	ck_assert_ptr_null(keyed_set_add(&set, keys[0]));
	memcpy(other, keys[0], sizeof(other));
	for (size_t i = 0; i < 36; i++) {
		for (unsigned change = 1; change < 256; change++) {
			other[i] = (uint8_t)(keys[0][i] ^ change);
			ck_assert_ptr_null(keyed_set_find(&set, other));
		}
		other[i] = keys[0][i];
	}
	ck_assert_ptr_eq(keyed_set_find(&set, other), keys[0]);
}
END_TEST

START_TEST(no_capacity_holds_nothing)
{
	struct keyed_set set;
	struct wire_hash digest = {{0}};

	ck_assert_int_eq(keyed_set_init(&set, &arena, 0, 32, &digest), 0);
	ck_assert_ptr_null(keyed_set_find(&set, keys[0]));
}
END_TEST

START_TEST(keys_of_a_pattern_do_not_gather)
{
	/* the longest row of slots in use, which is the longest search, stays short in a table half full */
	struct keyed_set set;
	struct wire_hash digest = {{2}};
	size_t row = 0, longest = 0;

	ck_assert_int_eq(keyed_set_init(&set, &arena, COUNT, 36, &digest), 0);
	for (size_t i = 0; i < COUNT; i++)
		keyed_set_add(&set, keys[i]);
	for (size_t i = 0; i <= set.mask; i++) {
		row = set.slots[i] ? row + 1 : 0;
		longest = row > longest ? row : longest;
	}
	ck_assert_uint_lt(longest, 100);
}
END_TEST

START_TEST(another_digest_is_another_order)
{
	/* one key lands all over the 2048 slots */
	bool taken[2048] = {false};
	size_t places = 0;

	for (uint8_t i = 0; i < 100; i++) {
		struct wire_hash digest = {{i}};
		struct keyed_set set;

		ck_assert_int_eq(keyed_set_init(&set, &arena, 1000, 36, &digest), 0);
		ck_assert_uint_eq(set.mask, 2047);
		keyed_set_add(&set, keys[0]);
		for (size_t slot = 0; slot <= set.mask; slot++) {
			if (set.slots[slot] && !taken[slot]) {
				taken[slot] = true;
				places++;
			}
		}
	}
	ck_assert_uint_gt(places, 90);
}
END_TEST

START_TEST(memory_refused)
{
	struct keyed_set set;
	struct wire_hash digest = {{0}};
	struct arena small;

	arena_init(&small, 4096, NULL);
	ck_assert_int_eq(keyed_set_init(&set, &small, COUNT, 36, &digest), -ENOMEM);
	ck_assert_int_eq(keyed_set_init(&set, &small, SIZE_MAX, 36, &digest), -ENOMEM);
	ck_assert_int_eq(keyed_set_init(&set, &small, SIZE_MAX / 16, 36, &digest), -ENOMEM);
	arena_free(&small);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keyed_set");
	TCase *c = tcase_create("keyed_set");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_was_added_is_found);
	tcase_add_test(c, every_byte_of_a_key_counts);
	tcase_add_test(c, no_capacity_holds_nothing);
	tcase_add_test(c, keys_of_a_pattern_do_not_gather);
	tcase_add_test(c, another_digest_is_another_order);
	tcase_add_test(c, memory_refused);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
