// SPDX-License-Identifier: MIT
/* chain/utxo_hash: the state hashes that the Rust node made, of lists and of its chain of 900 blocks after all of our
 * rules have passed it. */
#include "timeproto/chain/utxo_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "ledger.h"
#include "run_suite.h"
#include "timeproto/base/sha256.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/schema.h"
#include "vectors.h"

START_TEST(hashes_of_the_vectors)
{
	json_t *root = vectors_load("utxo_state_hash.json"), *entry, *utxo;
	size_t index, k;

	ck_assert_uint_eq(json_array_size(root), 4);
	json_array_foreach(root, index, entry)
	{
		struct wire_hash expected, hash;
		struct ledger ledger;
		uint64_t total;

		ledger_init(&ledger);
		json_array_foreach(json_object_get(entry, "utxos"), k, utxo)
		{
			const json_t *from = json_object_get(utxo, "outpoint");
			struct wire_outpoint outpoint = {.vout = (uint32_t)vectors_number(from, "vout")};
			size_t len, script_len;
			uint8_t *txid = vectors_array(from, "txid", &len);
			uint8_t *script = vectors_array(utxo, "script_pubkey", &script_len);

			ck_assert_uint_eq(len, 32);
			memcpy(outpoint.txid.bytes, txid, 32);
			ledger_add_coin(&ledger, &outpoint, vectors_number(utxo, "value"), script, script_len);
			free(script);
			free(txid);
		}
		vectors_fixed(expected.bytes, 32, entry, "hash");
		ck_assert_uint_eq(ledger_state_hash(&ledger, &hash, &total), k);
		ck_assert(hash_equal(&hash, &expected));
		ledger_free(&ledger);
	}
	json_decref(root);
}
END_TEST

START_TEST(what_is_fed)
{
	/* txid, vout LE, value LE, script; of two outputs */
	struct wire_outpoint first = {{{0xaa}}, 0x01020304}, second = {{{0xbb}}, 0};
	struct wire_bytes script = {(const uint8_t *)"abc", 3}, none = {NULL, 0};
	uint8_t bytes[44 + 3 + 44] = {[0] = 0xaa, [32] = 4, 3,	  2,	1,   0x18, 0x17, 0x16,	      0x15,
				      0x14,	  0x13,	    0x12, 0x11, 'a', 'b',  'c',	 [47] = 0xbb, [47 + 36] = 0xff};
	struct utxo_hash hash;
	struct wire_hash out;
	uint8_t expected[32];

	utxo_hash_init(&hash);
	ck_assert_uint_eq(hash.count, 0);
	utxo_hash_add(&hash, &first, UINT64_C(0x1112131415161718), &script);
	utxo_hash_add(&hash, &second, 255, &none);
	ck_assert_uint_eq(hash.count, 2);
	utxo_hash_final(&hash, &out);
	sha256_digest(expected, bytes, sizeof(bytes));
	ck_assert_mem_eq(out.bytes, expected, 32);
}
END_TEST

/* Connects the block by all rules, at the time at which it was due. */
static void replay_block(struct ledger *ledger, const struct chain_params *params, struct arena *arena,
			 const struct wire_block *block)
{
	const struct wire_transaction_list *transactions = &block->transactions;
	struct block_effects effects;
	struct chain_fault fault = {.text = ""};
	struct block_ids ids;
	int r;

	ck_assert_int_eq(block_identify(&ids, arena, block), 0);
	r = block_check_form(&fault, arena, block, &ids);
	if (!r)
		r = block_check_place(&fault, &block->header, &ledger->tip, block->header.timestamp);
	for (size_t i = 0; i < transactions->len && !r; i++)
		r = transaction_check_signatures(&fault, &transactions->items[i], &ids.txids[i], (int64_t)i);
	if (!r)
		r = block_check_spends(&effects, &fault, arena, params, block, &ids, &ledger->source);
	ck_assert_msg(r == 0, "block %llu: %s", (unsigned long long)block->header.height, fault.text);
	ledger_connect(ledger, block, &ids, &effects);
}

/* The genesis block is not for the rules: it is the one of the network. */
static void replay_genesis(struct ledger *ledger, const struct chain_params *params, const struct wire_block *block,
			   struct arena *arena)
{
	struct created_coin created = {0, 0};
	struct block_effects effects = {.created = &created, .created_count = 1};
	struct block_ids ids;

	ck_assert_int_eq(block_identify(&ids, arena, block), 0);
	ck_assert(hash_equal(&ids.hash, &params->genesis_hash));
	ledger_connect(ledger, block, &ids, &effects);
}

START_TEST(the_chain_of_the_rust_node_passes_all_rules)
{
	/* chain.jsonl, replayed: tip, number of unspent outputs and state hash of chain.json */
	json_t *end = vectors_load("chain.json");
	char path[4096], *line = NULL;
	struct wire_hash expected, hash;
	struct chain_params params;
	struct ledger ledger;
	struct arena arena;
	uint64_t total;
	size_t room = 0;
	ssize_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/chain.jsonl", getenv("TIMED_VECTORS"));
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	chain_params_init(&params, CHAIN_TESTNET);
	ledger_init(&ledger);
	arena_init(&arena, SIZE_MAX, NULL);
	for (bool first = true; (len = getline(&line, &room, file)) > 0; first = false) {
		struct wire_block block;

		ck_assert_int_eq(wire_json_decode_value(&block, &wire_desc_block, &arena, (const uint8_t *)line,
							(size_t)len - 1, NULL),
				 0);
		if (first)
			replay_genesis(&ledger, &params, &block, &arena);
		else
			replay_block(&ledger, &params, &arena, &block);
		arena_reset(&arena);
	}
	ck_assert_uint_eq(ledger.tip.height, 900);
	ck_assert_uint_eq(ledger.tip.height, vectors_number(end, "height"));
	vectors_fixed(expected.bytes, 32, end, "tip_hash");
	ck_assert(hash_equal(&ledger.tip.hash, &expected));
	ck_assert_uint_eq(ledger_state_hash(&ledger, &hash, &total), vectors_number(end, "utxo_count"));
	vectors_fixed(expected.bytes, 32, end, "utxo_state_hash");
	ck_assert(hash_equal(&hash, &expected));
	/* a genesis and 900 subsidies, less the rounding */
	ck_assert_uint_le(total, 901 * CHAIN_BLOCK_SUBSIDY);
	ck_assert_uint_gt(total, 901 * CHAIN_BLOCK_SUBSIDY - 2000);
	arena_free(&arena);
	ledger_free(&ledger);
	free(line);
	fclose(file);
	json_decref(end);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("utxo_hash");
	TCase *c = tcase_create("utxo_hash");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, hashes_of_the_vectors);
	tcase_add_test(c, what_is_fed);
	tcase_add_test(c, the_chain_of_the_rust_node_passes_all_rules);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
