// SPDX-License-Identifier: MIT
/* siphash: the vectors of its authors. */
#include "run_suite.h"
#include "timed/util/siphash.h"

#include <stdlib.h>

#include <check.h>

START_TEST(vectors_of_the_authors)
{
	/* key 00 01 ... 0f, message 00 01 ... of the length that is the index */
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
		{7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
		{15, UINT64_C(0xa129ca6149be45e5)},
	};
	const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	uint8_t message[16];

	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		ck_assert_uint_eq(siphash(&key, message, vectors[i].len), vectors[i].hash);
}
END_TEST

START_TEST(random_keys_differ)
{
	struct siphash_key a, b;

	siphash_key_random(&a);
	siphash_key_random(&b);
	ck_assert(a.k0 != b.k0 && a.k1 != b.k1);
	ck_assert_uint_ne(siphash(&a, "x", 1), siphash(&b, "x", 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("siphash");
	TCase *c = tcase_create("siphash");

	tcase_add_test(c, vectors_of_the_authors);
	tcase_add_test(c, random_keys_differ);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
