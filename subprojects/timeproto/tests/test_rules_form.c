// SPDX-License-Identifier: MIT
/* chain/rules: what a block shows by itself. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "sample.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

static struct sample s;

static void setup(void)
{
	sample_init(&s);
}

static void teardown(void)
{
	sample_free(&s);
}

START_TEST(version_is_1)
{
	static const uint32_t wrong[] = {0, 2, UINT32_MAX};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		s.block.header.version = wrong[i];
		sample_expect(&s, CHAIN_E_VERSION);
	}
	sample_expect_text(&s, CHAIN_E_VERSION, "block version 4294967295, not 1");
}
END_TEST

/* Appends transactions that spend coins of no value and make nothing, until there are `count`, and signs them. */
static void fill_up(size_t count)
{
	static const uint8_t txid[32] = {0xee};

	for (uint32_t i = 0; s.block.transactions.len < count; i++) {
		struct wire_transaction *tx = sample_append(&s, 1, 0);
		struct wire_outpoint *outpoint = &tx->inputs.items[0].previous_output;

		memcpy(outpoint->txid.bytes, txid, 32);
		outpoint->vout = i;
		if (!ledger_find(&s.ledger, outpoint))
			ledger_add_coin(&s.ledger, outpoint, 0, s.addresses[i % SAMPLE_KEYS],
					strlen(s.addresses[i % SAMPLE_KEYS]));
		sample_sign(&s, tx, (int)(i % SAMPLE_KEYS));
	}
	sample_seal(&s);
}

START_TEST(ten_thousand_transactions)
{
	fill_up(10000);
	sample_expect(&s, 0);
	ck_assert_uint_eq(s.effects.spent_count, 4 + 9996);
	fill_up(10001);
	sample_expect_text(&s, CHAIN_E_TRANSACTION_COUNT, "10001 transactions, over 10000");
}
END_TEST

/* Makes the script of output 0 of that transaction so long that the transaction has `size` bytes. */
static void stretch(size_t position, size_t size)
{
	struct wire_bytes *script = &sample_tx(&s, position)->outputs.items[0].script_pubkey;
	size_t now = wire_bincode_size_value(&wire_desc_transaction, sample_tx(&s, position));
	uint8_t *bytes = arena_alloc(&s.arena, size);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'x', size);
	*script = (struct wire_bytes){bytes, size - (now - script->len)};
	ck_assert_uint_eq(wire_bincode_size_value(&wire_desc_transaction, sample_tx(&s, position)), size);
	sample_sign_all(&s);
	sample_seal(&s);
}

START_TEST(a_transaction_of_a_million_bytes)
{
	stretch(3, 1000000);
	sample_expect(&s, 0);
	stretch(3, 1000001);
	sample_expect_text(&s, CHAIN_E_TRANSACTION_SIZE, "transaction 3 (");
	sample_expect_text(&s, CHAIN_E_TRANSACTION_SIZE, "has 1000001 bytes, over 1000000");
}
END_TEST

START_TEST(a_block_of_two_million_bytes)
{
	size_t size;

	stretch(3, 1000000);
	stretch(2, 900000);
	size = wire_bincode_size_value(&wire_desc_block, &s.block);
	stretch(2, 900000 + 2000000 - size);
	ck_assert_uint_eq(wire_bincode_size_value(&wire_desc_block, &s.block), 2000000);
	sample_expect(&s, 0);
	stretch(2, 900000 + 2000000 - size + 1);
	sample_expect_text(&s, CHAIN_E_BLOCK_SIZE, "the block has 2000001 bytes, over 2000000");
}
END_TEST

/* A body that is too large only by what its header does not vouch for is not called so: the header may have another. */
START_TEST(a_size_that_the_header_does_not_vouch_for)
{
	struct wire_reward *reward;
	char *text;

	s.block.transactions.len = 3;
	stretch(2, 1000000);
	sample_expect(&s, 0);
	s.block.transactions.items[s.block.transactions.len++] = *sample_tx(&s, 2);
	sample_expect(&s, CHAIN_E_TXID_TWICE);
	s.block.transactions.len--;
	sample_add_reward(&s);
	reward = &s.block.masternode_rewards.items[s.block.masternode_rewards.len - 1];
	text = arena_alloc(&s.arena, 2000000);
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 2000000);
	reward->address = (struct wire_str){text, 2000000};
	sample_expect(&s, CHAIN_E_COINBASE_OUTPUTS);
}
END_TEST

START_TEST(a_certificate_does_not_count_for_the_size)
{
	static struct wire_commit_signature signatures[1000];
	static uint8_t script[10000];
	struct wire_commit commit = {.signatures = {signatures, 1000}};

	for (size_t i = 0; i < 1000; i++)
		signatures[i].signature = (struct wire_bytes){script, sizeof(script)};
	s.block.commit = &commit;
	sample_expect(&s, 0);
}
END_TEST

START_TEST(merkle_root_fits_the_transactions)
{
	for (size_t i = 0; i < 32; i++) {
		s.block.header.merkle_root.bytes[i] ^= 0x80;
		sample_expect(&s, CHAIN_E_MERKLE_ROOT);
		s.block.header.merkle_root.bytes[i] ^= 0x80;
	}
	memset(&s.block.header.merkle_root, 0xab, 32);
	sample_expect_text(&s, CHAIN_E_MERKLE_ROOT, "the header abababab");
}
END_TEST

START_TEST(there_is_a_coinbase)
{
	s.block.transactions.len = 0;
	sample_seal(&s);
	ck_assert(hash_is_zero(&s.block.header.merkle_root));
	sample_expect_text(&s, CHAIN_E_NO_COINBASE, "no transactions");
}
END_TEST

START_TEST(the_coinbase_has_no_inputs)
{
	sample_add_input(&s, sample_tx(&s, 0));
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_NO_COINBASE, "is no coinbase: it has 1 inputs");
}
END_TEST

START_TEST(the_coinbase_is_the_first)
{
	struct wire_transaction coinbase = *sample_tx(&s, 0);

	sample_remove(&s, 0);
	*sample_append(&s, 0, 0) = coinbase;
	sample_seal(&s);
	sample_expect(&s, CHAIN_E_NO_COINBASE);
}
END_TEST

START_TEST(two_coinbases)
{
	/* 45: the second pays nothing, or as much as the first */
	sample_append(&s, 0, 0);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_SECOND_COINBASE, "transaction 4 (");
	*sample_tx(&s, 4) = *sample_tx(&s, 0);
	sample_tx(&s, 4)->timestamp++;
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_SECOND_COINBASE, "has no inputs: a second coinbase");
	*sample_tx(&s, 1) = *sample_tx(&s, 4);
	sample_remove(&s, 4);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_SECOND_COINBASE, "transaction 1 (");
}
END_TEST

START_TEST(the_coinbase_has_one_form)
{
	struct wire_transaction *coinbase = sample_tx(&s, 0);

	coinbase->version = 2;
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_COINBASE_FORM, "has version 2, lock_time 0");
	coinbase->version = 1;
	coinbase->lock_time = 1;
	sample_seal(&s);
	sample_expect(&s, CHAIN_E_COINBASE_FORM);
	coinbase->lock_time = 0;
	coinbase->timestamp--;
	sample_seal(&s);
	sample_expect(&s, CHAIN_E_COINBASE_FORM);
	coinbase->timestamp++;
	sample_seal(&s);
	sample_expect(&s, 0);
}
END_TEST

START_TEST(the_coinbase_repeats_the_rewards)
{
	struct wire_tx_output_list *outputs = &sample_tx(&s, 0)->outputs;
	struct wire_reward *rewards = s.block.masternode_rewards.items;
	struct wire_reward first = rewards[0];

	rewards[0].amount--;
	sample_expect_text(&s, CHAIN_E_COINBASE_OUTPUTS, "output 0 of the coinbase pays ");
	rewards[0].amount++;
	rewards[1].address.len--;
	sample_expect_text(&s, CHAIN_E_COINBASE_OUTPUTS, "output 1 of the coinbase pays to another script");
	rewards[1].address.len++;
	rewards[1].address.ptr = "no address\n\x1b[31M";
	sample_expect(&s, CHAIN_E_COINBASE_OUTPUTS);
	rewards[1].address.ptr = "no address\n\x1b[31m";
	sample_expect(&s, 0);

	rewards[0] = rewards[1];
	rewards[1] = first;
	sample_expect(&s, CHAIN_E_COINBASE_OUTPUTS);
	rewards[1] = rewards[0];
	rewards[0] = first;

	outputs->len--;
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_COINBASE_OUTPUTS, "2 outputs for 3 masternode_rewards");
	outputs->len++;
	sample_add_output(&s, sample_tx(&s, 0));
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_COINBASE_OUTPUTS, "4 outputs for 3 masternode_rewards");
}
END_TEST

START_TEST(a_txid_twice)
{
	/* 45: the last of three transactions repeated has the same merkle root and the same block hash */
	struct wire_hash before;

	sample_remove(&s, 3);
	sample_seal(&s);
	before = s.block.header.merkle_root;
	*sample_append(&s, 0, 0) = *sample_tx(&s, 2);
	sample_seal(&s);
	ck_assert(hash_equal(&before, &s.block.header.merkle_root));
	sample_expect_text(&s, CHAIN_E_TXID_TWICE, "transactions 2 and 3 have the same txid ");
}
END_TEST

START_TEST(a_txid_twice_far_apart)
{
	*sample_append(&s, 0, 0) = *sample_tx(&s, 1);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_TXID_TWICE, "transactions 1 and 4 ");
}
END_TEST

START_TEST(outputs_that_leave_64_bits)
{
	/* 45 */
	struct wire_tx_output *outputs = sample_tx(&s, 2)->outputs.items;

	outputs[0].value = UINT64_MAX;
	outputs[1].value = 1;
	sample_sign_all(&s);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_OVERFLOW, "transaction 2 (");
	sample_expect_text(&s, CHAIN_E_OVERFLOW, "), output 1: the sum of the outputs leaves 64 bits");
	/* one less is a sum, of more than there is */
	outputs[1].value = 0;
	sample_sign_all(&s);
	sample_seal(&s);
	sample_expect(&s, CHAIN_E_OUTPUTS_EXCEED);
}
END_TEST

START_TEST(rewards_that_leave_64_bits)
{
	/* 45: in 64 bits they would be exactly right */
	uint64_t amounts[3] = {UINT64_MAX, 1, CHAIN_BLOCK_SUBSIDY + SAMPLE_FEES};

	sample_reward(&s, amounts);
	sample_expect_text(&s, CHAIN_E_OVERFLOW, "transaction 0 (");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules_form");
	TCase *c = tcase_create("rules_form");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, version_is_1);
	tcase_add_test(c, ten_thousand_transactions);
	tcase_add_test(c, a_transaction_of_a_million_bytes);
	tcase_add_test(c, a_block_of_two_million_bytes);
	tcase_add_test(c, a_size_that_the_header_does_not_vouch_for);
	tcase_add_test(c, a_certificate_does_not_count_for_the_size);
	tcase_add_test(c, merkle_root_fits_the_transactions);
	tcase_add_test(c, there_is_a_coinbase);
	tcase_add_test(c, the_coinbase_has_no_inputs);
	tcase_add_test(c, the_coinbase_is_the_first);
	tcase_add_test(c, two_coinbases);
	tcase_add_test(c, the_coinbase_has_one_form);
	tcase_add_test(c, the_coinbase_repeats_the_rewards);
	tcase_add_test(c, a_txid_twice);
	tcase_add_test(c, a_txid_twice_far_apart);
	tcase_add_test(c, outputs_that_leave_64_bits);
	tcase_add_test(c, rewards_that_leave_64_bits);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
