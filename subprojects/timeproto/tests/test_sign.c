// SPDX-License-Identifier: MIT
/* chain/sign: signatures of inputs against those of an independent implementation (signed_inputs.json), and that
 * nothing of a signed transaction can be changed. */
#include "timeproto/chain/sign.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sodium.h>

#include "run_suite.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rules.h"
#include "timeproto/wire/bincode.h"
#include "vectors.h"

/* A transaction of the file, decoded. */
struct vector {
	struct arena arena;
	struct wire_transaction transaction;
	struct wire_hash txid;
	uint8_t *bytes; /* its bincode */
	size_t len;
};

static void vector_open(struct vector *vector, const json_t *entry)
{
	struct wire_hash expected;
	struct wire_error error;

	arena_init(&vector->arena, SIZE_MAX, NULL);
	vector->bytes = vectors_bytes(entry, "bincode", &vector->len);
	ck_assert_int_eq(wire_bincode_decode_value(&vector->transaction, &wire_desc_transaction, &vector->arena,
						   vector->bytes, vector->len, &error),
			 0);
	hash_txid(&vector->txid, &vector->transaction);
	vectors_fixed(expected.bytes, 32, entry, "txid");
	ck_assert(hash_equal(&vector->txid, &expected));
}

static void vector_close(struct vector *vector)
{
	arena_free(&vector->arena);
	free(vector->bytes);
}

START_TEST(messages_and_signatures_of_the_vectors)
{
	json_t *root = vectors_load("signed_inputs.json"), *entry;
	size_t index;

	ck_assert_uint_eq(json_array_size(root), 3);
	json_array_foreach(root, index, entry)
	{
		const json_t *messages = json_object_get(entry, "signed_messages");
		const json_t *secrets = json_object_get(entry, "secrets");
		struct vector vector;
		struct sign_base base;

		vector_open(&vector, entry);
		sign_base_make(&base, &vector.transaction);
		ck_assert_uint_eq(json_array_size(messages), vector.transaction.inputs.len);
		for (size_t i = 0; i < vector.transaction.inputs.len; i++) {
			const struct wire_bytes *script_sig = &vector.transaction.inputs.items[i].script_sig;
			uint8_t expected[SIGN_MESSAGE_BYTES], message[SIGN_MESSAGE_BYTES];
			uint8_t seed[32], public[32], secret[64], made[SIGN_SCRIPT_SIG_BYTES];

			vectors_hex(expected, sizeof(expected), json_string_value(json_array_get(messages, i)));
			sign_message(message, &base, (uint32_t)i);
			ck_assert_mem_eq(message, expected, sizeof(expected));
			ck_assert(sign_verify(&base, (uint32_t)i, script_sig));

			/* Ed25519 is deterministic: the same signature is made again */
			vectors_hex(seed, sizeof(seed), json_string_value(json_array_get(secrets, i)));
			crypto_sign_seed_keypair(public, secret, seed);
			sign_input(made, &base, (uint32_t)i, secret);
			ck_assert_uint_eq(script_sig->len, sizeof(made));
			ck_assert_mem_eq(made, script_sig->ptr, sizeof(made));
		}
		vector_close(&vector);
	}
	json_decref(root);
}
END_TEST

START_TEST(owners_and_amounts_of_the_vectors)
{
	json_t *root = vectors_load("signed_inputs.json"), *entry;
	struct chain_params params;
	size_t index;

	chain_params_init(&params, CHAIN_TESTNET);
	json_array_foreach(root, index, entry)
	{
		const json_t *outputs = json_object_get(entry, "spent_outputs");
		struct coin coins[8] = {{.value = 0}};
		struct chain_fault fault;
		struct vector vector;
		uint64_t fee, total = 0;

		vector_open(&vector, entry);
		ck_assert_uint_eq(json_array_size(outputs), vector.transaction.inputs.len);
		for (size_t i = 0; i < json_array_size(outputs); i++) {
			const json_t *output = json_array_get(outputs, i);

			coins[i].value = vectors_number(output, "value");
			coins[i].script.ptr = vectors_array(output, "script_pubkey", &coins[i].script.len);
			total += coins[i].value;
		}
		for (size_t i = 0; i < vector.transaction.outputs.len; i++)
			total -= vector.transaction.outputs.items[i].value;
		ck_assert_int_eq(transaction_check_signatures(&fault, &vector.transaction, &vector.txid, -1), 0);
		ck_assert_int_eq(
			transaction_check_amounts(&fault, &fee, &params, &vector.transaction, &vector.txid, -1, coins),
			0);
		ck_assert_uint_eq(fee, total);
		for (size_t i = 0; i < json_array_size(outputs); i++)
			free((void *)(uintptr_t)coins[i].script.ptr);
		vector_close(&vector);
	}
	json_decref(root);
}
END_TEST

/* Inputs of the transaction whose signature verifies. */
static size_t verified(const struct wire_transaction *transaction)
{
	struct sign_base base;
	size_t count = 0;

	sign_base_make(&base, transaction);
	for (size_t i = 0; i < transaction->inputs.len; i++)
		count += sign_verify(&base, (uint32_t)i, &transaction->inputs.items[i].script_sig);
	return count;
}

/* True when byte `at` of the binary form belongs to the script_sig of an input (not to its length). */
static bool in_script_sig(const struct wire_transaction *transaction, size_t at)
{
	size_t start = 4 + 8;

	for (size_t i = 0; i < transaction->inputs.len; i++) {
		start += 36 + 8;
		if (at >= start && at < start + SIGN_SCRIPT_SIG_BYTES)
			return true;
		start += SIGN_SCRIPT_SIG_BYTES + 4;
	}
	return false;
}

START_TEST(every_changed_bit_is_seen)
{
	/* of every byte of the binary form: a bit of a script_sig makes its own input fail, any other all of them */
	json_t *root = vectors_load("signed_inputs.json"), *entry;
	size_t index, decoded = 0;

	json_array_foreach(root, index, entry)
	{
		struct vector vector;
		struct arena arena;

		vector_open(&vector, entry);
		arena_init(&arena, SIZE_MAX, NULL);
		for (size_t bit = 0; bit < 8 * vector.len; bit++) {
			struct wire_transaction altered;
			struct chain_fault fault;
			int r;

			vector.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			r = wire_bincode_decode_value(&altered, &wire_desc_transaction, &arena, vector.bytes,
						      vector.len, NULL);
			vector.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			/* Some lengths do not fit any more. */
			if (r)
				continue;
			decoded++;
			ck_assert_uint_eq(verified(&altered), in_script_sig(&vector.transaction, bit / 8)
								      ? vector.transaction.inputs.len - 1
								      : 0);
			ck_assert_int_eq(transaction_check_signatures(&fault, &altered, &vector.txid, 0),
					 CHAIN_E_SIGNATURE);
			arena_reset(&arena);
		}
		arena_free(&arena);
		vector_close(&vector);
	}
	ck_assert_uint_gt(decoded, 8000);
	json_decref(root);
}
END_TEST

/* A transaction of one input and one output, unsigned. */
static struct wire_transaction plain(struct wire_tx_input *input, struct wire_tx_output *output)
{
	*input = (struct wire_tx_input){.previous_output = {{{1}}, 2}, .sequence = 3};
	*output = (struct wire_tx_output){.value = 4, .script_pubkey = {(const uint8_t *)"x", 1}};
	return (struct wire_transaction){.version = 1, .inputs = {input, 1}, .outputs = {output, 1}, .timestamp = 5};
}

START_TEST(a_signature_is_for_one_input_only)
{
	struct wire_tx_output output;
	struct wire_tx_input input;
	struct wire_transaction transaction = plain(&input, &output);
	uint8_t seed[32] = {1}, public[32], secret[64], script_sig[SIGN_SCRIPT_SIG_BYTES];
	struct wire_bytes bytes = {script_sig, sizeof(script_sig)};
	struct sign_base base;

	crypto_sign_seed_keypair(public, secret, seed);
	sign_base_make(&base, &transaction);
	sign_input(script_sig, &base, 7, secret);
	ck_assert_mem_eq(script_sig, public, 32);
	ck_assert(sign_verify(&base, 7, &bytes));
	ck_assert(!sign_verify(&base, 6, &bytes));
	ck_assert(!sign_verify(&base, 7 + 256, &bytes));
	ck_assert(!sign_verify(&base, 7 + (1 << 24), &bytes));
}
END_TEST

START_TEST(other_lengths_do_not_verify)
{
	struct wire_tx_output output;
	struct wire_tx_input input;
	struct wire_transaction transaction = plain(&input, &output);
	uint8_t seed[32] = {1}, public[32], secret[64], script_sig[SIGN_SCRIPT_SIG_BYTES + 1] = {0};
	struct sign_base base;

	crypto_sign_seed_keypair(public, secret, seed);
	sign_base_make(&base, &transaction);
	sign_input(script_sig, &base, 0, secret);
	for (size_t len = 0; len <= sizeof(script_sig); len++) {
		struct wire_bytes bytes = {len ? script_sig : NULL, len};

		ck_assert(sign_verify(&base, 0, &bytes) == (len == SIGN_SCRIPT_SIG_BYTES));
	}
}
END_TEST

START_TEST(the_script_sigs_do_not_enter_the_base)
{
	/* so inputs can be signed in any order */
	struct wire_tx_output output;
	struct wire_tx_input input;
	struct wire_transaction transaction = plain(&input, &output);
	struct wire_hash txid;
	struct sign_base empty, filled;

	sign_base_make(&empty, &transaction);
	hash_txid(&txid, &transaction);
	ck_assert(hash_equal(&txid, &empty.bare_txid));
	input.script_sig = (struct wire_bytes){(const uint8_t *)"0123456789", 10};
	sign_base_make(&filled, &transaction);
	ck_assert_mem_eq(&empty, &filled, sizeof(empty));
}
END_TEST

START_TEST(a_signature_has_one_form)
{
	/* S + L verifies by the equation alone: refused, or anybody could change a txid on its way */
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,	0xd6,
					  0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
	struct wire_tx_output output;
	struct wire_tx_input input;
	struct wire_transaction transaction = plain(&input, &output);
	uint8_t seed[32] = {1}, public[32], secret[64], script_sig[SIGN_SCRIPT_SIG_BYTES];
	struct wire_bytes bytes = {script_sig, sizeof(script_sig)};
	struct sign_base base;
	unsigned carry = 0;

	crypto_sign_seed_keypair(public, secret, seed);
	sign_base_make(&base, &transaction);
	sign_input(script_sig, &base, 0, secret);
	ck_assert(sign_verify(&base, 0, &bytes));
	for (int i = 0; i < 32; i++) {
		carry += (unsigned)script_sig[64 + i] + order[i];
		script_sig[64 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	ck_assert_uint_eq(carry, 0);
	ck_assert(!sign_verify(&base, 0, &bytes));
}
END_TEST

START_TEST(a_key_that_signs_everything_is_refused)
{
	/* the neutral element as key and R, S = 0: the equation holds for every message */
	struct wire_tx_output output;
	struct wire_tx_input input;
	struct wire_transaction transaction = plain(&input, &output);
	uint8_t script_sig[SIGN_SCRIPT_SIG_BYTES] = {[0] = 1, [32] = 1};
	struct wire_bytes bytes = {script_sig, sizeof(script_sig)};
	struct sign_base base;

	sign_base_make(&base, &transaction);
	ck_assert(!sign_verify(&base, 0, &bytes));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sign");
	TCase *c = tcase_create("sign");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, messages_and_signatures_of_the_vectors);
	tcase_add_test(c, owners_and_amounts_of_the_vectors);
	tcase_add_test(c, every_changed_bit_is_seen);
	tcase_add_test(c, a_signature_is_for_one_input_only);
	tcase_add_test(c, other_lengths_do_not_verify);
	tcase_add_test(c, the_script_sigs_do_not_enter_the_base);
	tcase_add_test(c, a_signature_has_one_form);
	tcase_add_test(c, a_key_that_signs_everything_is_refused);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
