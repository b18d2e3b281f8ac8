// SPDX-License-Identifier: MIT
/* chain/hash: transaction ids, block hashes and merkle roots that the Rust node made, and that the hand-written binary
 * form is the one of the schema. */
#include "timeproto/chain/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timeproto/base/arena.h"
#include "timeproto/base/sha256.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/schema.h"
#include "vectors.h"

START_TEST(txid_vectors)
{
	/* transactions.json: the bincode form decoded, then hashed */
	json_t *root = vectors_load("transactions.json"), *entry;
	struct arena arena;
	size_t index;

	ck_assert_uint_gt(json_array_size(root), 10);
	arena_init(&arena, (size_t)64 << 20, NULL);
	json_array_foreach(root, index, entry)
	{
		struct wire_transaction transaction;
		struct wire_hash expected, txid;
		struct wire_error error;
		size_t len;
		uint8_t *bytes = vectors_bytes(entry, "bincode", &len);

		vectors_fixed(expected.bytes, 32, entry, "txid");
		ck_assert_int_eq(
			wire_bincode_decode_value(&transaction, &wire_desc_transaction, &arena, bytes, len, &error), 0);
		hash_txid(&txid, &transaction);
		ck_assert_mem_eq(txid.bytes, expected.bytes, 32);
		free(bytes);
		arena_reset(&arena);
	}
	arena_free(&arena);
	json_decref(root);
}
END_TEST

START_TEST(block_vectors)
{
	/* blocks.json: the bincode form decoded, then its header hashed */
	json_t *root = vectors_load("blocks.json"), *entry;
	struct arena arena;
	size_t index;

	ck_assert_uint_gt(json_array_size(root), 10);
	arena_init(&arena, (size_t)64 << 20, NULL);
	json_array_foreach(root, index, entry)
	{
		struct wire_hash expected, hash;
		struct wire_error error;
		struct wire_block block;
		size_t len;
		uint8_t *bytes = vectors_bytes(entry, "bincode", &len);

		vectors_fixed(expected.bytes, 32, entry, "hash");
		ck_assert_int_eq(wire_bincode_decode_value(&block, &wire_desc_block, &arena, bytes, len, &error), 0);
		hash_block(&hash, &block.header);
		ck_assert_mem_eq(hash.bytes, expected.bytes, 32);
		free(bytes);
		arena_reset(&arena);
	}
	arena_free(&arena);
	json_decref(root);
}
END_TEST

START_TEST(merkle_vectors)
{
	json_t *root = vectors_load("merkle.json"), *entry;
	size_t index;

	ck_assert_uint_eq(json_array_size(root), 10);
	json_array_foreach(root, index, entry)
	{
		json_t *list = json_object_get(entry, "txids");
		struct wire_hash txids[16], expected, out;
		size_t count = json_array_size(list);

		ck_assert_uint_le(count, 16);
		for (size_t i = 0; i < count; i++)
			vectors_hex(txids[i].bytes, 32, json_string_value(json_array_get(list, i)));
		vectors_fixed(expected.bytes, 32, entry, "root");
		hash_merkle_root(&out, txids, count);
		ck_assert_mem_eq(out.bytes, expected.bytes, 32);
	}
	json_decref(root);
}
END_TEST

/* The root over the block's own transactions is the header's. */
static void expect_merkle_root(const struct wire_block *block)
{
	struct wire_hash txids[64], root;

	ck_assert_uint_le(block->transactions.len, 64);
	for (size_t i = 0; i < block->transactions.len; i++)
		hash_txid(&txids[i], &block->transactions.items[i]);
	hash_merkle_root(&root, txids, block->transactions.len);
	ck_assert(hash_equal(&root, &block->header.merkle_root));
}

START_TEST(chain_of_the_rust_node_hangs_together)
{
	/* chain.jsonl: 901 blocks; each names the hash of the one before, the last is the tip */
	char path[4096], *line = NULL;
	struct wire_hash previous = {{0}}, tip;
	json_t *end = vectors_load("chain.json");
	struct arena arena;
	size_t room = 0;
	uint64_t height = 0;
	ssize_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/chain.jsonl", getenv("TIMED_VECTORS"));
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	arena_init(&arena, (size_t)16 << 20, NULL);
	while ((len = getline(&line, &room, file)) > 0) {
		struct wire_error error;
		struct wire_block block;

		ck_assert_int_eq(wire_json_decode_value(&block, &wire_desc_block, &arena, (const uint8_t *)line,
							(size_t)len - 1, &error),
				 0);
		ck_assert_uint_eq(block.header.height, height++);
		ck_assert(hash_equal(&block.header.previous_hash, &previous));
		expect_merkle_root(&block);
		hash_block(&previous, &block.header);
		arena_reset(&arena);
	}
	ck_assert_uint_eq(height, 901);
	vectors_fixed(tip.bytes, 32, end, "tip_hash");
	ck_assert(hash_equal(&previous, &tip));
	arena_free(&arena);
	free(line);
	fclose(file);
	json_decref(end);
}
END_TEST

/* The rule of PROTOCOL.md §5 as it is written: level by level, in place. */
static void merkle_by_levels(struct wire_hash *out, struct wire_hash *nodes, size_t count)
{
	while (count > 1) {
		size_t half = (count + 1) / 2;

		for (size_t i = 0; i < half; i++) {
			const struct wire_hash *right = 2 * i + 1 < count ? &nodes[2 * i + 1] : &nodes[2 * i];
			uint8_t both[64];

			memcpy(both, nodes[2 * i].bytes, 32);
			memcpy(both + 32, right->bytes, 32);
			sha256_digest(nodes[i].bytes, both, sizeof(both));
		}
		count = half;
	}
	*out = nodes[0];
}

START_TEST(merkle_equals_the_rule_for_every_count)
{
	static struct wire_hash txids[600], copy[600];
	struct wire_hash expected, out;

	for (size_t i = 0; i < 600; i++)
		sha256_digest(txids[i].bytes, &i, sizeof(i));
	for (size_t count = 1; count <= 600; count++) {
		memcpy(copy, txids, count * sizeof(copy[0]));
		merkle_by_levels(&expected, copy, count);
		hash_merkle_root(&out, txids, count);
		ck_assert_msg(hash_equal(&out, &expected), "%zu transactions", count);
	}
}
END_TEST

START_TEST(merkle_of_a_repeated_tail_equals_the_shorter_list)
{
	/* why blocks with a txid twice are refused */
	struct wire_hash txids[4] = {{{1}}, {{2}}, {{3}}, {{3}}}, three, four;

	hash_merkle_root(&three, txids, 3);
	hash_merkle_root(&four, txids, 4);
	ck_assert(hash_equal(&three, &four));
}
END_TEST

START_TEST(binary_form_is_the_schemas)
{
	/* scripts around the size of the internal buffer, all fields at odd values */
	static uint8_t script[1000];
	struct wire_tx_input inputs[3] = {
		{.previous_output = {{{9, 8}}, 0xfffffffe}, .script_sig = {script, 96}, .sequence = 0xffffffff},
		{.previous_output = {{{7}}, 1}, .script_sig = {NULL, 0}},
		{.previous_output = {{{6}}, 2}, .script_sig = {script, 1}, .sequence = 5},
	};
	struct wire_tx_output outputs[2] = {{.value = UINT64_MAX, .script_pubkey = {script, 0}}, {.value = 12345}};
	struct wire_transaction transaction = {.version = 0x01020304,
					       .inputs = {inputs, 3},
					       .outputs = {outputs, 2},
					       .lock_time = 77,
					       .timestamp = -5};
	struct wire_hash txid;
	uint8_t expected[32];

	for (size_t i = 0; i < sizeof(script); i++)
		script[i] = (uint8_t)(i * 31);
	for (size_t len = 0; len < sizeof(script); len++) {
		struct buf buf = BUF_INIT;

		outputs[1].script_pubkey = (struct wire_bytes){script, len};
		ck_assert_int_eq(wire_bincode_encode_value(&buf, &wire_desc_transaction, &transaction), 0);
		sha256_digest(expected, buf.data, buf.len);
		hash_txid(&txid, &transaction);
		ck_assert_mem_eq(txid.bytes, expected, 32);
		buf_free(&buf);
	}
}
END_TEST

START_TEST(text_is_lower_case_and_in_order)
{
	struct wire_hash hash = {{0x0a, 0xbc, 0xde, [31] = 0xf1}};
	char text[HASH_TEXT_SIZE];

	ck_assert_str_eq(hash_text(text, &hash), "0abcde00000000000000000000000000000000000000000000000000000000f1");
}
END_TEST

START_TEST(zero_and_equal)
{
	struct wire_hash zero = {{0}}, last = {{[31] = 1}};

	ck_assert(hash_is_zero(&zero));
	ck_assert(!hash_is_zero(&last));
	ck_assert(!hash_equal(&zero, &last));
	zero.bytes[31] = 1;
	ck_assert(hash_equal(&zero, &last));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *c = tcase_create("hash");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, txid_vectors);
	tcase_add_test(c, block_vectors);
	tcase_add_test(c, merkle_vectors);
	tcase_add_test(c, chain_of_the_rust_node_hangs_together);
	tcase_add_test(c, merkle_equals_the_rule_for_every_count);
	tcase_add_test(c, merkle_of_a_repeated_tail_equals_the_shorter_list);
	tcase_add_test(c, binary_form_is_the_schemas);
	tcase_add_test(c, text_is_lower_case_and_in_order);
	tcase_add_test(c, zero_and_equal);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
