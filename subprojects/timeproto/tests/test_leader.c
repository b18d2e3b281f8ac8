// SPDX-License-Identifier: MIT
/* chain/leader: the leaders that the Rust node names (leaders.json), the order of addresses, further rounds. */
#include "timeproto/chain/leader.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "vectors.h"

static int compare(const void *a, const void *b)
{
	return leader_compare(a, b);
}

static struct wire_str text(const char *string)
{
	return (struct wire_str){string, strlen(string)};
}

START_TEST(leaders_of_the_vectors)
{
	json_t *root = vectors_load("leaders.json"), *entry, *leader;
	size_t index, k, checked = 0;

	json_array_foreach(root, index, entry)
	{
		const json_t *masternodes = json_object_get(entry, "masternodes");
		size_t count = json_array_size(masternodes);
		struct wire_str addresses[64];

		ck_assert_uint_le(count, 64);
		for (size_t i = 0; i < count; i++)
			addresses[i] = text(json_string_value(json_array_get(masternodes, i)));
		qsort(addresses, count, sizeof(addresses[0]), compare);
		json_array_foreach(json_object_get(entry, "leaders"), k, leader)
		{
			size_t first = leader_first(vectors_number(leader, "height"), addresses, count);

			ck_assert_uint_lt(first, count);
			ck_assert_str_eq(addresses[first].ptr, vectors_text(leader, "leader"));
			checked++;
		}
	}
	ck_assert_uint_ge(checked, 42);
	json_decref(root);
}
END_TEST

START_TEST(addresses_are_ordered_by_bytes)
{
	/* not as numbers, and a prefix comes first */
	static const char *const sorted[] = {"", "10.0.0.10", "10.0.0.100", "10.0.0.9", "9.0.0.1"};

	for (size_t i = 0; i < 5; i++) {
		for (size_t k = 0; k < 5; k++) {
			struct wire_str a = text(sorted[i]), b = text(sorted[k]);
			int order = leader_compare(&a, &b);

			ck_assert_int_eq((order > 0) - (order < 0), (i > k) - (i < k));
		}
	}
}
END_TEST

START_TEST(an_empty_address_may_point_nowhere)
{
	struct wire_str none = {NULL, 0}, some = text("1");

	ck_assert_int_eq(leader_compare(&none, &none), 0);
	ck_assert_int_lt(leader_compare(&none, &some), 0);
	ck_assert_int_gt(leader_compare(&some, &none), 0);
}
END_TEST

START_TEST(further_rounds_go_round)
{
	ck_assert_uint_eq(leader_of_round(2, 0, 4), 2);
	ck_assert_uint_eq(leader_of_round(2, 1, 4), 3);
	ck_assert_uint_eq(leader_of_round(2, 2, 4), 0);
	ck_assert_uint_eq(leader_of_round(2, 400000001, 4), 3);
	/* the sum must not wrap: 2^64 - 1 is 1 modulo 7, and 0 modulo 3 */
	ck_assert_uint_eq(leader_of_round(6, UINT64_MAX, 7), 0);
	ck_assert_uint_eq(leader_of_round(2, UINT64_MAX, 3), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("leader");
	TCase *c = tcase_create("leader");

	tcase_add_test(c, leaders_of_the_vectors);
	tcase_add_test(c, addresses_are_ordered_by_bytes);
	tcase_add_test(c, an_empty_address_may_point_nowhere);
	tcase_add_test(c, further_rounds_go_round);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
