// SPDX-License-Identifier: MIT
/* chain/rules: what a block spends and pays: double spends, owners, sums, fees and rewards. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "sample.h"
#include "timeproto/chain/hash.h"

static struct sample s;

static void setup(void)
{
	sample_init(&s);
}

static void teardown(void)
{
	sample_free(&s);
}

/* Appends a transaction that spends this output and pays `value` to key 0, signed by the owner; seals. */
static struct wire_transaction *append_spend(const struct wire_outpoint *outpoint, uint64_t value)
{
	struct wire_transaction *tx = sample_append(&s, 1, 1);

	tx->inputs.items[0].previous_output = *outpoint;
	tx->outputs.items[0].value = value;
	sample_sign(&s, tx, -1);
	sample_seal(&s);
	return tx;
}

/* Output `vout` of a transaction of the block. */
static struct wire_outpoint output_of(size_t position, uint32_t vout)
{
	struct wire_outpoint outpoint = {.vout = vout};

	hash_txid(&outpoint.txid, sample_tx(&s, position));
	return outpoint;
}

START_TEST(an_output_of_the_chain_spent_twice_in_the_block)
{
	/* 45 */
	struct wire_outpoint coin = sample_coin(3);

	append_spend(&coin, CHAIN_COIN);
	sample_expect_text(&s, CHAIN_E_INPUT_TWICE, "transaction 4 (");
	sample_expect_text(&s, CHAIN_E_INPUT_TWICE,
			   "), input 0: the block spends the output c0030000000000000000000000000000"
			   "00000000000000000000000000000000:3 a second time");
}
END_TEST

START_TEST(an_output_spent_twice_by_one_transaction)
{
	/* 45 */
	sample_add_input(&s, sample_tx(&s, 3));
	sample_tx(&s, 3)->outputs.items[0].value = 18 * CHAIN_COIN;
	sample_sign_all(&s);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_INPUT_TWICE, "), input 1: ");
}
END_TEST

START_TEST(an_output_of_the_block_spent_twice)
{
	/* 45 */
	struct wire_outpoint made = output_of(1, 0);

	append_spend(&made, CHAIN_COIN);
	sample_expect(&s, CHAIN_E_INPUT_TWICE);
}
END_TEST

START_TEST(an_output_spent_in_an_earlier_block)
{
	/* 45 */
	struct wire_outpoint coin = sample_coin(3);

	ledger_find(&s.ledger, &coin)->unspent = false;
	sample_expect_text(&s, CHAIN_E_INPUT_UNKNOWN, "transaction 3 (");
	sample_expect_text(&s, CHAIN_E_INPUT_UNKNOWN, "), input 0: there is no unspent output c003000");
}
END_TEST

START_TEST(an_output_that_never_was)
{
	sample_tx(&s, 1)->inputs.items[1].previous_output.vout = 77;
	sample_sign_all(&s);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_INPUT_UNKNOWN, "), input 1: ");
	sample_expect_text(&s, CHAIN_E_INPUT_UNKNOWN, ":77");
}
END_TEST

START_TEST(an_output_that_an_earlier_transaction_does_not_have)
{
	struct wire_outpoint none = output_of(1, 2), last = {.txid = none.txid, .vout = UINT32_MAX};

	append_spend(&none, 0);
	sample_expect(&s, CHAIN_E_INPUT_UNKNOWN);
	sample_remove(&s, 4);
	append_spend(&last, 0);
	sample_expect(&s, CHAIN_E_INPUT_UNKNOWN);
}
END_TEST

START_TEST(an_output_of_a_later_transaction)
{
	struct wire_transaction first = *sample_tx(&s, 1);

	*sample_tx(&s, 1) = *sample_tx(&s, 2);
	*sample_tx(&s, 2) = first;
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_INPUT_UNKNOWN, "transaction 1 (");
}
END_TEST

START_TEST(a_chain_of_spends_in_one_block)
{
	/* what is made and spent inside appears in no effect */
	struct wire_outpoint next = output_of(3, 0);

	for (int i = 0; i < 50; i++) {
		append_spend(&next, 9 * CHAIN_COIN);
		next = output_of(s.block.transactions.len - 1, 0);
	}
	sample_expect(&s, 0);
	ck_assert_uint_eq(s.effects.spent_count, 4);
	ck_assert_uint_eq(s.effects.created_count, 7);
	ck_assert_uint_eq(s.effects.created[6].transaction, 53);
}
END_TEST

START_TEST(the_coinbase_can_be_spent_at_once)
{
	struct wire_outpoint reward;
	uint64_t amounts[3] = {CHAIN_BLOCK_SUBSIDY + SAMPLE_FEES, 0, 0};

	s.block.masternode_rewards.items[0].address = (struct wire_str){s.addresses[1], strlen(s.addresses[1])};
	sample_reward(&s, amounts);
	reward = output_of(0, 0);
	append_spend(&reward, amounts[0]);
	sample_expect(&s, 0);
	ck_assert_uint_eq(s.effects.created[0].vout, 1);
	ck_assert_uint_eq(s.effects.created_count, 7);
}
END_TEST

START_TEST(a_transaction_of_the_chain_again)
{
	/* known by its txid, whatever became of its outputs */
	struct wire_outpoint known = output_of(3, 0);

	ledger_add_txid(&s.ledger, &known.txid);
	sample_expect_text(&s, CHAIN_E_TXID_KNOWN, "transaction 3 (");
	sample_expect_text(&s, CHAIN_E_TXID_KNOWN, ") is in the chain already");
}
END_TEST

START_TEST(a_coinbase_of_the_chain_again)
{
	struct wire_outpoint known = output_of(0, 0);

	ledger_add_txid(&s.ledger, &known.txid);
	sample_expect_text(&s, CHAIN_E_TXID_KNOWN, "transaction 0 (");
}
END_TEST

START_TEST(signed_by_somebody_else)
{
	sample_sign(&s, sample_tx(&s, 3), 1);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_OWNER, "transaction 3 (");
	sample_expect_text(&s, CHAIN_E_OWNER, s.addresses[1]);
	sample_expect_text(&s, CHAIN_E_OWNER, " does not own the output c003");
	sample_expect_text(&s, CHAIN_E_OWNER, ":3, which belongs to TIME0");
	sample_expect_text(&s, CHAIN_E_OWNER, s.addresses[3]);
}
END_TEST

START_TEST(nobody_owns_what_is_no_address)
{
	/* and what stands there is not repeated */
	static const char *const scripts[] = {"", "genesis", "TIME0\n\x1b[31m%n%s", "TIME0"};
	struct wire_outpoint coin = sample_coin(3);
	struct wire_bytes *script = &ledger_find(&s.ledger, &coin)->coin.script;
	char longer[ADDRESS_TEXT_SIZE + 1];

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		*script = (struct wire_bytes){(const uint8_t *)scripts[i], strlen(scripts[i])};
		sample_expect_text(&s, CHAIN_E_OWNER, "bytes is no address");
	}
	/* an address and a byte more, and one less */
	memcpy(longer, s.addresses[3], sizeof(s.addresses[3]));
	*script = (struct wire_bytes){(const uint8_t *)longer, strlen(longer) + 1};
	sample_expect(&s, CHAIN_E_OWNER);
	script->len -= 2;
	sample_expect(&s, CHAIN_E_OWNER);
	script->len++;
	sample_expect(&s, 0);
}
END_TEST

START_TEST(outputs_above_inputs)
{
	/* 45: one satoshi out of nothing */
	sample_tx(&s, 3)->outputs.items[0].value++;
	sample_sign_all(&s);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_OUTPUTS_EXCEED, "transaction 3 (");
	sample_expect_text(&s, CHAIN_E_OUTPUTS_EXCEED, "): the outputs are 900000001 satoshis, the inputs 900000000");
}
END_TEST

START_TEST(block_reward_is_subsidy_and_fees)
{
	s.block.header.block_reward++;
	sample_expect_text(&s, CHAIN_E_BLOCK_REWARD,
			   "block_reward 10100005001 satoshis, not 10000000000 and 100005000 of fees");
	s.block.header.block_reward -= 2;
	sample_expect(&s, CHAIN_E_BLOCK_REWARD);
	s.block.header.block_reward = CHAIN_BLOCK_SUBSIDY;
	sample_expect(&s, CHAIN_E_BLOCK_REWARD);
}
END_TEST

START_TEST(rewards_within_the_rounding)
{
	uint64_t total = CHAIN_BLOCK_SUBSIDY + SAMPLE_FEES;
	uint64_t amounts[3] = {total, 0, 0};

	sample_reward(&s, amounts);
	sample_expect(&s, 0);
	amounts[0] = total - 3;
	sample_reward(&s, amounts);
	sample_expect(&s, 0);
	amounts[0] = total - 4;
	sample_reward(&s, amounts);
	sample_expect_text(
		&s, CHAIN_E_REWARD_SUM,
		"masternode_rewards are 10100004996 satoshis, below the block's 10100005000 by more than one "
		"for each of 3");
	/* 45: the coinbase pays too much */
	amounts[0] = total + 1;
	sample_reward(&s, amounts);
	sample_expect_text(&s, CHAIN_E_REWARD_SUM,
			   "masternode_rewards are 10100005001 satoshis, above the block's 10100005000");
	amounts[0] = total;
	amounts[2] = 1;
	sample_reward(&s, amounts);
	sample_expect(&s, CHAIN_E_REWARD_SUM);
}
END_TEST

START_TEST(no_rewards_at_all)
{
	s.block.masternode_rewards.len = 0;
	sample_reward(&s, NULL);
	sample_expect_text(&s, CHAIN_E_REWARD_SUM, "for each of 0");
}
END_TEST

START_TEST(within_the_tolerance_of_existing_nodes_only)
{
	/* 0.01 % of 100 TIME is a million satoshis */
	uint64_t amounts[3] = {CHAIN_BLOCK_SUBSIDY + SAMPLE_FEES - 1000000, 0, 0};

	sample_reward(&s, amounts);
	sample_expect(&s, CHAIN_E_REWARD_SUM);
}
END_TEST

/* Transaction 3 alone, its coin as given. */
static int amounts_of(uint64_t in0, uint64_t in1, uint64_t out0, uint64_t out1, uint64_t *fee)
{
	struct wire_transaction *tx = sample_tx(&s, 3);
	const char *address = s.addresses[3];
	struct coin coins[2] = {{in0, {(const uint8_t *)address, strlen(address)}},
				{in1, {(const uint8_t *)address, strlen(address)}}};
	struct wire_hash txid;

	if (tx->inputs.len == 1) {
		sample_add_input(&s, tx);
		sample_add_output(&s, tx);
	}
	tx->outputs.items[0].value = out0;
	tx->outputs.items[1].value = out1;
	hash_txid(&txid, tx);
	s.fault = (struct chain_fault){.text = ""};
	return transaction_check_amounts(&s.fault, fee, &s.params, tx, &txid, -1, coins);
}

START_TEST(sums_of_one_transaction)
{
	uint64_t fee = 0;

	ck_assert_int_eq(amounts_of(5, 6, 7, 3, &fee), 0);
	ck_assert_uint_eq(fee, 1);
	ck_assert_int_eq(amounts_of(5, 6, 7, 4, &fee), 0);
	ck_assert_uint_eq(fee, 0);
	ck_assert_int_eq(amounts_of(5, 6, 7, 5, &fee), CHAIN_E_OUTPUTS_EXCEED);
	ck_assert_int_eq(amounts_of(UINT64_MAX, 0, 0, 0, &fee), 0);
	ck_assert_uint_eq(fee, UINT64_MAX);
	ck_assert_int_eq(amounts_of(UINT64_MAX, 0, UINT64_MAX - 1, 1, &fee), 0);
	ck_assert_uint_eq(fee, 0);
	ck_assert_int_eq(amounts_of(UINT64_MAX, 1, 0, 0, &fee), CHAIN_E_OVERFLOW);
	ck_assert_ptr_nonnull(strstr(s.fault.text, "the sum of the inputs leaves 64 bits"));
	/* in 64 bits the outputs would be 0 */
	ck_assert_int_eq(amounts_of(5, 6, UINT64_MAX, 1, &fee), CHAIN_E_OVERFLOW);
	ck_assert_ptr_nonnull(strstr(s.fault.text, "the sum of the outputs leaves 64 bits"));
	ck_assert_int_eq(amounts_of(0, 0, UINT64_MAX, 0, &fee), CHAIN_E_OUTPUTS_EXCEED);
}
END_TEST

START_TEST(script_sigs_are_not_taken_for_granted)
{
	struct wire_transaction *tx = sample_tx(&s, 3);
	uint64_t fee;

	tx->inputs.items[0].script_sig.len = 31;
	ck_assert_int_eq(amounts_of(5, 6, 0, 0, &fee), CHAIN_E_SCRIPT_SIG);
	tx->inputs.items[0].script_sig = (struct wire_bytes){NULL, 0};
	ck_assert_int_eq(amounts_of(5, 6, 0, 0, &fee), CHAIN_E_SCRIPT_SIG);
}
END_TEST

/* Adds a coin of key 0 to the chain. */
static struct wire_outpoint rich(uint8_t number, uint64_t value)
{
	struct wire_outpoint outpoint = {.txid = {{0xd0, number}}};

	ledger_add_coin(&s.ledger, &outpoint, value, s.addresses[0], strlen(s.addresses[0]));
	return outpoint;
}

START_TEST(fees_that_leave_64_bits)
{
	/* 45: in 64 bits block_reward would be as claimed */
	struct wire_outpoint coin = rich(1, UINT64_MAX);

	append_spend(&coin, 0);
	s.block.header.block_reward += UINT64_MAX;
	sample_expect_text(&s, CHAIN_E_OVERFLOW, "the fees leave 64 bits");
	/* the greatest that do not: block_reward is 2^64 - 1, and what is spent leaves 64 bits instead */
	sample_tx(&s, 4)->outputs.items[0].value = CHAIN_BLOCK_SUBSIDY + SAMPLE_FEES;
	sample_sign_all(&s);
	s.block.header.block_reward = UINT64_MAX;
	sample_reward(&s, (uint64_t[3]){UINT64_MAX, 0, 0});
	sample_expect_text(&s, CHAIN_E_OVERFLOW, "the sum of what the block spends or makes");
	sample_tx(&s, 4)->outputs.items[0].value--;
	sample_sign_all(&s);
	sample_seal(&s);
	sample_expect_text(&s, CHAIN_E_OVERFLOW, "the fees leave 64 bits");
}
END_TEST

START_TEST(what_is_made_leaves_64_bits)
{
	/* 86 TIME are spent beside this coin, and the subsidy is made on top of what is spent */
	struct wire_outpoint most = rich(1, UINT64_MAX - 86 * CHAIN_COIN - CHAIN_BLOCK_SUBSIDY);
	struct wire_outpoint one = rich(2, 1);

	append_spend(&most, UINT64_MAX - 86 * CHAIN_COIN - CHAIN_BLOCK_SUBSIDY);
	sample_reward(&s, (uint64_t[3]){CHAIN_BLOCK_SUBSIDY + SAMPLE_FEES, 0, 0});
	sample_expect(&s, 0);
	ck_assert_uint_eq(s.effects.created_value, UINT64_MAX);
	append_spend(&one, 1);
	sample_expect_text(&s, CHAIN_E_OVERFLOW, "the sum of what the block spends or makes leaves 64 bits");
}
END_TEST

START_TEST(what_is_spent_leaves_64_bits)
{
	/* the fees do not, and nothing is made of them: as without the rule that the coinbase repeats the rewards */
	struct wire_outpoint most = rich(1, UINT64_MAX - CHAIN_BLOCK_SUBSIDY - SAMPLE_FEES),
			     more = rich(2, 50 * CHAIN_COIN);

	append_spend(&most, 0);
	s.block.header.block_reward = UINT64_MAX;
	sample_reward(&s, (uint64_t[3]){UINT64_MAX, 0, 0});
	sample_tx(&s, 0)->outputs.len = 0;
	ck_assert_int_eq(block_identify(&s.ids, &s.scratch, &s.block), 0);
	ck_assert_int_eq(
		block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &s.ids, &s.ledger.source), 0);
	ck_assert_uint_eq(s.effects.spent_value, UINT64_MAX - CHAIN_BLOCK_SUBSIDY - SAMPLE_FEES + 86 * CHAIN_COIN);
	append_spend(&more, 50 * CHAIN_COIN);
	ck_assert_int_eq(block_identify(&s.ids, &s.scratch, &s.block), 0);
	ck_assert_int_eq(
		block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &s.ids, &s.ledger.source),
		CHAIN_E_OVERFLOW);
}
END_TEST

START_TEST(rewards_that_leave_64_bits)
{
	/* the sum is looked at even where the form was not */
	struct wire_reward *rewards = s.block.masternode_rewards.items;

	sample_expect(&s, 0);
	rewards[0].amount = UINT64_MAX;
	rewards[1].amount = 1;
	rewards[2].amount = s.block.header.block_reward;
	ck_assert_int_eq(
		block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &s.ids, &s.ledger.source),
		CHAIN_E_OVERFLOW);
}
END_TEST

START_TEST(ten_thousand_inputs)
{
	struct wire_transaction *tx = sample_append(&s, 10000, 1);

	for (uint32_t i = 0; i < 10000; i++) {
		struct wire_outpoint outpoint = {.txid = {{0xdd}}, .vout = i};

		ledger_add_coin(&s.ledger, &outpoint, 1, s.addresses[0], strlen(s.addresses[0]));
		tx->inputs.items[i].previous_output = outpoint;
	}
	tx->outputs.items[0].value = 10000;
	/* a million bytes hold no more than 6944 of them: spends alone */
	sample_sign(&s, tx, 0);
	ck_assert_int_eq(block_identify(&s.ids, &s.scratch, &s.block), 0);
	ck_assert_int_eq(
		block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &s.ids, &s.ledger.source), 0);
	ck_assert_uint_eq(s.effects.spent_count, 10004);
	tx->inputs.items[9999].previous_output.vout = 0;
	ck_assert_int_eq(
		block_check_spends(&s.effects, &s.fault, &s.scratch, &s.params, &s.block, &s.ids, &s.ledger.source),
		CHAIN_E_INPUT_TWICE);
	ck_assert_ptr_nonnull(strstr(s.fault.text, "input 9999"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules_spends");
	TCase *c = tcase_create("rules_spends");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_output_of_the_chain_spent_twice_in_the_block);
	tcase_add_test(c, an_output_spent_twice_by_one_transaction);
	tcase_add_test(c, an_output_of_the_block_spent_twice);
	tcase_add_test(c, an_output_spent_in_an_earlier_block);
	tcase_add_test(c, an_output_that_never_was);
	tcase_add_test(c, an_output_that_an_earlier_transaction_does_not_have);
	tcase_add_test(c, an_output_of_a_later_transaction);
	tcase_add_test(c, a_chain_of_spends_in_one_block);
	tcase_add_test(c, the_coinbase_can_be_spent_at_once);
	tcase_add_test(c, a_transaction_of_the_chain_again);
	tcase_add_test(c, a_coinbase_of_the_chain_again);
	tcase_add_test(c, signed_by_somebody_else);
	tcase_add_test(c, nobody_owns_what_is_no_address);
	tcase_add_test(c, outputs_above_inputs);
	tcase_add_test(c, block_reward_is_subsidy_and_fees);
	tcase_add_test(c, rewards_within_the_rounding);
	tcase_add_test(c, no_rewards_at_all);
	tcase_add_test(c, within_the_tolerance_of_existing_nodes_only);
	tcase_add_test(c, sums_of_one_transaction);
	tcase_add_test(c, script_sigs_are_not_taken_for_granted);
	tcase_add_test(c, fees_that_leave_64_bits);
	tcase_add_test(c, what_is_made_leaves_64_bits);
	tcase_add_test(c, what_is_spent_leaves_64_bits);
	tcase_add_test(c, rewards_that_leave_64_bits);
	tcase_add_test(c, ten_thousand_inputs);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
