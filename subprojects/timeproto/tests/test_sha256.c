// SPDX-License-Identifier: MIT
/* base/sha256: known digests, and that any division into updates gives the same digest. */
#include "timeproto/base/sha256.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "vectors.h"

static void expect(const uint8_t *digest, const char *hex)
{
	uint8_t expected[SHA256_BYTES];

	vectors_hex(expected, sizeof(expected), hex);
	ck_assert_mem_eq(digest, expected, sizeof(expected));
}

START_TEST(digest_known_answers)
{
	/* FIPS 180-4 examples */
	uint8_t out[SHA256_BYTES];

	sha256_digest(out, NULL, 0);
	expect(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_digest(out, "abc", 3);
	expect(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_digest(out, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
	expect(out, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

START_TEST(double_is_digest_of_digest)
{
	uint8_t once[SHA256_BYTES], twice[SHA256_BYTES], out[SHA256_BYTES];

	sha256_digest(once, "hello", 5);
	sha256_digest(twice, once, sizeof(once));
	sha256_double(out, "hello", 5);
	ck_assert_mem_eq(out, twice, sizeof(out));
	expect(out, "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50");
}
END_TEST

START_TEST(update_any_split_is_equal)
{
	uint8_t data[200], whole[SHA256_BYTES], out[SHA256_BYTES];
	struct sha256 hash;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	sha256_digest(whole, data, sizeof(data));
	for (size_t a = 0; a <= sizeof(data); a += 3) {
		for (size_t b = a; b <= sizeof(data); b += 5) {
			sha256_init(&hash);
			sha256_update(&hash, data, a);
			sha256_update(&hash, data + a, b - a);
			sha256_update(&hash, data + b, sizeof(data) - b);
			sha256_final(&hash, out);
			ck_assert_mem_eq(out, whole, sizeof(out));
		}
	}
}
END_TEST

START_TEST(context_can_be_branched_by_copy)
{
	struct sha256 hash, branch;
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES], expected[SHA256_BYTES];

	sha256_init(&hash);
	sha256_update(&hash, "tag:", 4);
	branch = hash;
	sha256_update(&hash, "one", 3);
	sha256_update(&branch, "two", 3);
	sha256_final(&hash, a);
	sha256_final(&branch, b);
	sha256_digest(expected, "tag:one", 7);
	ck_assert_mem_eq(a, expected, sizeof(a));
	sha256_digest(expected, "tag:two", 7);
	ck_assert_mem_eq(b, expected, sizeof(b));
}
END_TEST

START_TEST(final_wipes_the_context)
{
	static const struct sha256 zero;
	struct sha256 hash;
	uint8_t out[SHA256_BYTES];

	sha256_init(&hash);
	sha256_update(&hash, "secret", 6);
	sha256_final(&hash, out);
	ck_assert_mem_eq(&hash, &zero, sizeof(hash));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sha256");
	TCase *c = tcase_create("sha256");

	tcase_add_test(c, digest_known_answers);
	tcase_add_test(c, double_is_digest_of_digest);
	tcase_add_test(c, update_any_split_is_equal);
	tcase_add_test(c, context_can_be_branched_by_copy);
	tcase_add_test(c, final_wipes_the_context);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
