// SPDX-License-Identifier: MIT
/* chain/certificate: what makes a block final, and everything that voids it (each byte altered in turn). */
#include "timeproto/chain/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sodium.h>

#include "run_suite.h"
#include "timeproto/chain/digest.h"

#define COUNT 7
#define HEIGHT 51000
#define ROUND 3

static struct arena arena;
static struct validators validators;
static struct certificate_fault fault;
static struct wire_hash genesis = {{1}}, block_hash = {{2}};
static uint8_t secrets[COUNT][64]; /* in address order */
static struct wire_sig signatures[COUNT];
static struct wire_commit_signature entries[COUNT + 1];
static struct wire_commit commit;

static struct validator_list *list(void)
{
	return &validators.lists[0];
}

/* Precommits of all validators, of which the certificate holds a quorum. */
static void setup(void)
{
	static char names[COUNT][16];
	struct validator items[COUNT];
	struct validator_list configured = {.items = items, .count = COUNT};
	struct validators_fault ignored;
	struct wire_hash digest;

	arena_init(&arena, SIZE_MAX, NULL);
	for (int i = 0; i < COUNT; i++) {
		uint8_t seed[32] = {(uint8_t)(i + 1)};

		snprintf(names[i], sizeof(names[i]), "10.0.0.%d", i + 1);
		items[i] = (struct validator){.address = {names[i], strlen(names[i])}};
		crypto_sign_seed_keypair(items[i].public_key.bytes, secrets[i], seed);
	}
	ck_assert_int_eq(validators_make(&validators, &ignored, &arena, &configured, 1), 0);
	digest_vote(&digest, &genesis, HEIGHT, ROUND, WIRE_PHASE_PRECOMMIT, &block_hash);
	for (int i = 0; i < COUNT; i++) {
		digest_sign(&signatures[i], &digest, secrets[i]);
		entries[i].voter = list()->addresses[i];
		entries[i].signature = (struct wire_bytes){signatures[i].bytes, 64};
	}
	commit = (struct wire_commit){.round = ROUND, .signatures = {entries, 5}};
}

static void teardown(void)
{
	arena_free(&arena);
}

static int check(void)
{
	int r;

	memset(&fault, 0, sizeof(fault));
	r = certificate_check(&fault, &commit, HEIGHT, &block_hash, &genesis, list());
	ck_assert_int_eq((int)fault.error, r);
	return r;
}

START_TEST(a_quorum_certifies)
{
	ck_assert_int_eq(check(), 0);
	commit.signatures.len = COUNT;
	ck_assert_int_eq(check(), 0);
	/* in any order, and by any of them */
	entries[0] = entries[5];
	entries[1] = entries[6];
	commit.signatures.len = 5;
	ck_assert_int_eq(check(), 0);
}
END_TEST

START_TEST(one_fewer_than_a_quorum_does_not)
{
	commit.signatures.len = 4;
	ck_assert_int_eq(check(), CERTIFICATE_E_QUORUM);
	ck_assert_str_eq(fault.text, "4 signatures, fewer than 5 of 7");
	commit.signatures = (struct wire_commit_signature_list){NULL, 0};
	ck_assert_int_eq(check(), CERTIFICATE_E_QUORUM);
}
END_TEST

START_TEST(nil_is_not_certified)
{
	struct wire_hash digest;

	memset(&block_hash, 0, sizeof(block_hash));
	digest_vote(&digest, &genesis, HEIGHT, ROUND, WIRE_PHASE_PRECOMMIT, &block_hash);
	for (int i = 0; i < COUNT; i++)
		digest_sign(&signatures[i], &digest, secrets[i]);
	ck_assert_int_eq(check(), CERTIFICATE_E_NIL);
	ck_assert_str_eq(fault.text, "a certificate for no block at height 51000");
}
END_TEST

START_TEST(one_of_a_stranger_voids_it)
{
	commit.signatures.len = COUNT;
	entries[6].voter = (struct wire_str){"10.0.0.8", 8};
	ck_assert_int_eq(check(), CERTIFICATE_E_STRANGER);
	ck_assert_str_eq(fault.text, "signature 6 is of no validator");
	entries[6].voter = (struct wire_str){NULL, 0};
	ck_assert_int_eq(check(), CERTIFICATE_E_STRANGER);
}
END_TEST

START_TEST(one_twice_voids_it)
{
	/* though five distinct ones are there */
	entries[5] = entries[2];
	commit.signatures.len = 6;
	ck_assert_int_eq(check(), CERTIFICATE_E_TWICE);
	ck_assert_str_eq(fault.text, "signature 5 is the second of 10.0.0.3");
	/* more entries than validators */
	entries[5].voter = list()->addresses[5];
	entries[7] = entries[0];
	commit.signatures.len = COUNT + 1;
	ck_assert_int_eq(check(), CERTIFICATE_E_TWICE);
}
END_TEST

START_TEST(other_lengths_void_it)
{
	entries[1].signature.len = 63;
	ck_assert_int_eq(check(), CERTIFICATE_E_LENGTH);
	ck_assert_str_eq(fault.text, "signature 1 has 63 bytes, not 64");
	entries[1].signature = (struct wire_bytes){NULL, 0};
	ck_assert_int_eq(check(), CERTIFICATE_E_LENGTH);
}
END_TEST

START_TEST(each_altered_byte_voids_it)
{
	commit.signatures.len = COUNT;
	for (int i = 0; i < COUNT; i++) {
		for (int k = 0; k < 64; k++) {
			signatures[i].bytes[k] ^= 4;
			ck_assert_int_eq(check(), CERTIFICATE_E_SIGNATURE);
			signatures[i].bytes[k] ^= 4;
		}
	}
	ck_assert_int_eq(check(), 0);
	signatures[4].bytes[0] ^= 1;
	ck_assert_int_eq(check(), CERTIFICATE_E_SIGNATURE);
	ck_assert_str_eq(fault.text, "signature 4, of 10.0.0.5, does not verify at height 51000, round 3");
}
END_TEST

START_TEST(it_is_for_one_height_round_hash_and_chain)
{
	struct wire_hash other = {{9}};

	commit.round++;
	ck_assert_int_eq(check(), CERTIFICATE_E_SIGNATURE);
	commit.round--;
	ck_assert_int_eq(certificate_check(&fault, &commit, HEIGHT + 1, &block_hash, &genesis, list()),
			 CERTIFICATE_E_SIGNATURE);
	ck_assert_int_eq(certificate_check(&fault, &commit, HEIGHT, &other, &genesis, list()), CERTIFICATE_E_SIGNATURE);
	ck_assert_int_eq(certificate_check(&fault, &commit, HEIGHT, &block_hash, &other, list()),
			 CERTIFICATE_E_SIGNATURE);
	ck_assert_int_eq(check(), 0);
}
END_TEST

START_TEST(prevotes_do_not_certify)
{
	struct wire_hash digest;

	digest_vote(&digest, &genesis, HEIGHT, ROUND, WIRE_PHASE_PREVOTE, &block_hash);
	digest_sign(&signatures[0], &digest, secrets[0]);
	ck_assert_int_eq(check(), CERTIFICATE_E_SIGNATURE);
}
END_TEST

START_TEST(precommits_of_two_rounds_do_not_add_up)
{
	struct wire_hash digest;

	digest_vote(&digest, &genesis, HEIGHT, ROUND + 1, WIRE_PHASE_PRECOMMIT, &block_hash);
	digest_sign(&signatures[4], &digest, secrets[4]);
	ck_assert_int_eq(check(), CERTIFICATE_E_SIGNATURE);
}
END_TEST

START_TEST(signatures_do_not_change_hands)
{
	entries[0].voter = list()->addresses[1];
	entries[1].voter = list()->addresses[0];
	ck_assert_int_eq(check(), CERTIFICATE_E_SIGNATURE);
}
END_TEST

START_TEST(a_message_of_the_old_form_certifies_nothing)
{
	uint64_t round = ROUND;
	struct wire_block_commit message = {.signatures = commit.signatures};
	struct wire_commit out;

	ck_assert_int_eq(certificate_of_message(&out, &fault, &message), CERTIFICATE_E_OLD_FORM);
	ck_assert_str_eq(fault.text, "a BlockCommit without a round");
	message.round = &round;
	ck_assert_int_eq(certificate_of_message(&out, &fault, &message), 0);
	ck_assert_int_eq(certificate_check(&fault, &out, HEIGHT, &block_hash, &genesis, list()), 0);
}
END_TEST

START_TEST(names_of_the_errors)
{
	ck_assert_str_eq(certificate_error_name(CERTIFICATE_E_TWICE), "CERTIFICATE_E_TWICE");
	for (int i = 1; i < CERTIFICATE_E_END; i++)
		ck_assert_int_eq(strncmp(certificate_error_name(i), "CERTIFICATE_E_", 14), 0);
	ck_assert_str_eq(certificate_error_name(0), "?");
	ck_assert_str_eq(certificate_error_name(CERTIFICATE_E_END), "?");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certificate");
	TCase *c = tcase_create("certificate");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_quorum_certifies);
	tcase_add_test(c, one_fewer_than_a_quorum_does_not);
	tcase_add_test(c, nil_is_not_certified);
	tcase_add_test(c, one_of_a_stranger_voids_it);
	tcase_add_test(c, one_twice_voids_it);
	tcase_add_test(c, other_lengths_void_it);
	tcase_add_test(c, each_altered_byte_voids_it);
	tcase_add_test(c, it_is_for_one_height_round_hash_and_chain);
	tcase_add_test(c, prevotes_do_not_certify);
	tcase_add_test(c, precommits_of_two_rounds_do_not_add_up);
	tcase_add_test(c, signatures_do_not_change_hands);
	tcase_add_test(c, a_message_of_the_old_form_certifies_nothing);
	tcase_add_test(c, names_of_the_errors);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
