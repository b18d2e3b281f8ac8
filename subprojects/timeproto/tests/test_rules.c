// SPDX-License-Identifier: MIT
/* chain/rules: a valid block and what it does, its place in the chain, what refused memory and a failing source give.
 * The rules about form and spends have test programs of their own. */
#include "timeproto/chain/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "sample.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/sign.h"

static struct sample s;

static void setup(void)
{
	sample_init(&s);
}

static void teardown(void)
{
	sample_free(&s);
}

START_TEST(every_code_has_its_name)
{
	for (int error = 1; error < CHAIN_E_COUNT; error++) {
		ck_assert_int_eq(strncmp(chain_error_name(error), "CHAIN_E_", 8), 0);
		for (int other = 1; other < error; other++)
			ck_assert_str_ne(chain_error_name(error), chain_error_name(other));
	}
	ck_assert_str_eq(chain_error_name(CHAIN_E_VERSION), "CHAIN_E_VERSION");
	ck_assert_str_eq(chain_error_name(CHAIN_E_REWARD_SUM), "CHAIN_E_REWARD_SUM");
	ck_assert_str_eq(chain_error_name(0), "?");
	ck_assert_str_eq(chain_error_name(-1), "?");
	ck_assert_str_eq(chain_error_name(CHAIN_E_COUNT), "?");
}
END_TEST

START_TEST(hashes_of_a_block)
{
	struct wire_hash expected;

	sample_expect(&s, 0);
	hash_block(&expected, &s.block.header);
	ck_assert(hash_equal(&s.ids.hash, &expected));
	for (size_t i = 0; i < s.block.transactions.len; i++) {
		hash_txid(&expected, sample_tx(&s, i));
		ck_assert(hash_equal(&s.ids.txids[i], &expected));
	}
}
END_TEST

START_TEST(effects_of_a_valid_block)
{
	static const struct created_coin created[] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {2, 0}, {2, 1}, {3, 0}};
	uint64_t rewards = 0;

	sample_expect(&s, 0);
	ck_assert_uint_eq(s.effects.fees, SAMPLE_FEES);
	ck_assert_uint_eq(s.effects.spent_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		struct wire_outpoint expected = sample_coin(i);

		ck_assert_mem_eq(&s.effects.spent[i].outpoint, &expected, sizeof(expected));
	}
	ck_assert_uint_eq(s.effects.spent[2].coin.value, 7 * CHAIN_COIN);
	ck_assert_uint_eq(s.effects.spent[2].coin.script.len, strlen(s.addresses[0]));
	ck_assert_mem_eq(s.effects.spent[2].coin.script.ptr, s.addresses[0], strlen(s.addresses[0]));
	ck_assert_uint_eq(s.effects.spent_value, 86 * CHAIN_COIN);
	ck_assert_uint_eq(s.effects.created_count, 7);
	ck_assert_mem_eq(s.effects.created, created, sizeof(created));
	for (size_t i = 0; i < s.block.masternode_rewards.len; i++)
		rewards += s.block.masternode_rewards.items[i].amount;
	ck_assert_uint_eq(s.effects.created_value, 86 * CHAIN_COIN - SAMPLE_FEES + rewards);
}
END_TEST

START_TEST(a_block_cannot_be_connected_twice)
{
	sample_expect(&s, 0);
	ledger_connect(&s.ledger, &s.block, &s.ids, &s.effects);
	sample_expect(&s, CHAIN_E_HEIGHT);
}
END_TEST

START_TEST(height_is_the_next)
{
	static const uint64_t wrong[] = {0, 41, 43, UINT64_MAX};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		s.block.header.height = wrong[i];
		sample_expect(&s, CHAIN_E_HEIGHT);
	}
	/* no height follows the greatest one */
	s.ledger.tip.height = UINT64_MAX;
	s.block.header.height = 0;
	sample_expect_text(&s, CHAIN_E_HEIGHT, "height 0 does not follow the tip's 18446744073709551615");
}
END_TEST

START_TEST(previous_hash_is_the_tips)
{
	for (size_t i = 0; i < 32; i++) {
		s.block.header.previous_hash.bytes[i] ^= 1;
		sample_expect(&s, CHAIN_E_PREVIOUS);
		s.block.header.previous_hash.bytes[i] ^= 1;
	}
	s.block.header.previous_hash.bytes[0] = 0xab;
	sample_expect_text(&s, CHAIN_E_PREVIOUS, "previous hash ab07070000");
	sample_expect_text(&s, CHAIN_E_PREVIOUS, "block 41 has 0707070000");
}
END_TEST

/* The header alone, at that timestamp and time. */
static int place(int64_t timestamp, int64_t now_s)
{
	struct wire_block_header header = s.block.header;

	header.timestamp = timestamp;
	s.fault = (struct chain_fault){.text = ""};
	return block_check_place(&s.fault, &header, &s.ledger.tip, now_s);
}

START_TEST(timestamp_is_after_the_tips)
{
	int64_t tip = s.ledger.tip.timestamp;

	ck_assert_int_eq(place(tip + 1, tip), 0);
	ck_assert_int_eq(place(tip, tip), CHAIN_E_TIME_OLD);
	ck_assert_int_eq(place(tip - 1, tip), CHAIN_E_TIME_OLD);
	ck_assert_int_eq(place(INT64_MIN, tip), CHAIN_E_TIME_OLD);
	/* a tip ahead of our clock makes no exception */
	ck_assert_int_eq(place(tip - 1, tip - 100), CHAIN_E_TIME_OLD);
}
END_TEST

START_TEST(timestamp_is_at_most_600_s_ahead)
{
	int64_t now_s = s.now_s;

	ck_assert_int_eq(place(now_s + 600, now_s), 0);
	ck_assert_int_eq(place(now_s + 601, now_s), CHAIN_E_TIME_AHEAD);
	ck_assert_ptr_nonnull(strstr(s.fault.text, "is 601 s ahead of the clock, over 600"));
	ck_assert_int_eq(place(INT64_MAX, now_s), CHAIN_E_TIME_AHEAD);
	ck_assert_int_eq(place(INT64_MAX, INT64_MIN), CHAIN_E_TIME_AHEAD);
	ck_assert_int_eq(place(INT64_MAX, INT64_MAX - 600), 0);
	ck_assert_int_eq(place(INT64_MAX, INT64_MAX - 601), CHAIN_E_TIME_AHEAD);
	/* long past, and a clock at the end of its range */
	ck_assert_int_eq(place(now_s, INT64_MAX), 0);
	s.ledger.tip.timestamp = INT64_MIN;
	ck_assert_int_eq(place(INT64_MIN + 1, INT64_MAX), 0);
	ck_assert_int_eq(place(INT64_MIN + 601, INT64_MIN), CHAIN_E_TIME_AHEAD);
}
END_TEST

START_TEST(script_sigs_of_another_length)
{
	struct wire_bytes *script_sig = &sample_tx(&s, 2)->inputs.items[1].script_sig;
	const uint8_t *bytes = script_sig->ptr;
	uint8_t longer[SIGN_SCRIPT_SIG_BYTES + 1] = {0};

	memcpy(longer, bytes, SIGN_SCRIPT_SIG_BYTES);
	script_sig->len = SIGN_SCRIPT_SIG_BYTES - 1;
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_SCRIPT_SIG, "transaction 2 (");
	sample_expect_text(&s, CHAIN_E_SCRIPT_SIG, "), input 1: script_sig has 95 bytes, not the 96");
	*script_sig = (struct wire_bytes){longer, sizeof(longer)};
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_SCRIPT_SIG, "has 97 bytes");
	*script_sig = (struct wire_bytes){NULL, 0};
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_SCRIPT_SIG, "has 0 bytes");
}
END_TEST

START_TEST(bad_signature_names_its_input)
{
	struct wire_hash txid;

	sample_flip(&s, &sample_tx(&s, 1)->inputs.items[1].script_sig, 40);
	hash_txid(&txid, sample_tx(&s, 1));
	ck_assert_int_eq(transaction_check_signatures(&s.fault, sample_tx(&s, 1), &txid, 1), CHAIN_E_SIGNATURE);
	ck_assert_ptr_nonnull(strstr(s.fault.text, "), input 1: the signature does not verify"));
	/* outside of a block */
	ck_assert_int_eq(transaction_check_signatures(&s.fault, sample_tx(&s, 1), &txid, -1), CHAIN_E_SIGNATURE);
	ck_assert_int_eq(strncmp(s.fault.text, "transaction ", 12), 0);
	ck_assert_uint_eq(strcspn(s.fault.text + 12, ","), 64);
}
END_TEST

START_TEST(a_coinbase_has_no_signatures)
{
	ck_assert_int_eq(transaction_check_signatures(&s.fault, sample_tx(&s, 0), &s.block.header.merkle_root, 0), 0);
}
END_TEST

START_TEST(an_address_of_another_network_does_not_own)
{
	chain_params_init(&s.params, CHAIN_MAINNET);
	sample_expect_text(&s, CHAIN_E_OWNER, "the key's address TIME1");
}
END_TEST

START_TEST(a_source_that_fails_is_no_fault_of_the_block)
{
	s.ledger.find_error = -EIO;
	sample_expect(&s, -EIO);
	s.ledger.find_error = 0;
	s.ledger.has_transaction_error = -EIO;
	sample_expect(&s, -EIO);
	s.ledger.has_transaction_error = 0;
	sample_expect(&s, 0);
}
END_TEST

START_TEST(refused_memory)
{
	/* at every limit from none to enough */
	int r = -ENOMEM;

	for (size_t limit = 0; r == -ENOMEM; limit += 64) {
		struct arena arena;
		struct block_ids ids;

		ck_assert_uint_lt(limit, 65536);
		arena_init(&arena, limit, NULL);
		r = block_identify(&ids, &arena, &s.block);
		if (!r)
			r = block_check_form(&s.fault, &arena, &s.block, &ids);
		if (!r)
			r = block_check_spends(&s.effects, &s.fault, &arena, &s.params, &s.block, &ids,
					       &s.ledger.source);
		ck_assert(r == 0 || r == -ENOMEM);
		arena_free(&arena);
	}
	ck_assert_int_eq(r, 0);
}
END_TEST

START_TEST(rules_hold_in_any_order)
{
	/* what needs the chain makes no use of what the form was found to be: an empty block, and one without coinbase
	 */
	struct block_ids ids;
	int r;

	sample_remove(&s, 0);
	ck_assert_int_eq(block_identify(&ids, &s.scratch, &s.block), 0);
	r = block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &ids, &s.ledger.source);
	ck_assert_int_ge(r, 0);
	s.block.transactions.len = 0;
	ck_assert_int_eq(block_identify(&ids, &s.scratch, &s.block), 0);
	r = block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &ids, &s.ledger.source);
	ck_assert_int_eq(r, CHAIN_E_BLOCK_REWARD);
	s.block.header.block_reward = CHAIN_BLOCK_SUBSIDY;
	s.block.masternode_rewards.items[0].amount = CHAIN_BLOCK_SUBSIDY;
	s.block.masternode_rewards.len = 1;
	r = block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &ids, &s.ledger.source);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(s.effects.created_count + s.effects.spent_count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules");
	TCase *c = tcase_create("rules");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, every_code_has_its_name);
	tcase_add_test(c, hashes_of_a_block);
	tcase_add_test(c, effects_of_a_valid_block);
	tcase_add_test(c, a_block_cannot_be_connected_twice);
	tcase_add_test(c, height_is_the_next);
	tcase_add_test(c, previous_hash_is_the_tips);
	tcase_add_test(c, timestamp_is_after_the_tips);
	tcase_add_test(c, timestamp_is_at_most_600_s_ahead);
	tcase_add_test(c, script_sigs_of_another_length);
	tcase_add_test(c, bad_signature_names_its_input);
	tcase_add_test(c, a_coinbase_has_no_signatures);
	tcase_add_test(c, an_address_of_another_network_does_not_own);
	tcase_add_test(c, a_source_that_fails_is_no_fault_of_the_block);
	tcase_add_test(c, refused_memory);
	tcase_add_test(c, rules_hold_in_any_order);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
