// SPDX-License-Identifier: MIT
/* adversarial 40: a valid block, altered in one place after the other, is refused with the code that belongs to that
 * place; and it is accepted where no rule says anything.
 *
 * Each alteration is judged three times: as it is; with a merkle root that fits again, which is what somebody can do
 * who makes a header; and with new signatures besides, which is what the owners of the coins could do. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "sample.h"
#include "timeproto/base/buf.h"
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

/* The places, short. */
#define HEADER (&s.block.header)
#define TX(position) sample_tx(&s, position)
#define INPUT(position, i) (&TX(position)->inputs.items[i])
#define OUTPUT(position, i) (&TX(position)->outputs.items[i])
#define REWARD(i) (&s.block.masternode_rewards.items[i])

#define SWAP(a, b)                                                                                                     \
	do {                                                                                                           \
		__typeof__(a) swapped = (a);                                                                           \
		(a) = (b);                                                                                             \
		(b) = swapped;                                                                                         \
	} while (0)

#define ALTER(name, statement)                                                                                         \
	static void name(void)                                                                                         \
	{                                                                                                              \
		statement;                                                                                             \
	}

ALTER(header_version, HEADER->version = 2)
ALTER(header_height_above, HEADER->height++)
ALTER(header_height_below, HEADER->height--)
ALTER(header_previous_hash, HEADER->previous_hash.bytes[31] ^= 1)
ALTER(header_merkle_root, HEADER->merkle_root.bytes[0] ^= 1)
ALTER(header_timestamp, HEADER->timestamp++)
ALTER(header_block_reward_above, HEADER->block_reward++)
ALTER(header_block_reward_below, HEADER->block_reward--)
/* with the coinbase, which must have the same timestamp */
ALTER(both_timestamps, TX(0)->timestamp = ++HEADER->timestamp)
ALTER(both_timestamps_old, TX(0)->timestamp = HEADER->timestamp = s.ledger.tip.timestamp)
ALTER(both_timestamps_ahead, TX(0)->timestamp = HEADER->timestamp = s.now_s + 601)

ALTER(coinbase_version, TX(0)->version++)
ALTER(coinbase_lock_time, TX(0)->lock_time++)
ALTER(coinbase_timestamp, TX(0)->timestamp++)
ALTER(coinbase_value, OUTPUT(0, 0)->value++)
ALTER(coinbase_script, sample_flip(&s, &OUTPUT(0, 0)->script_pubkey, 0))
ALTER(coinbase_script_last_byte, sample_flip(&s, &OUTPUT(0, 1)->script_pubkey, 15))
ALTER(coinbase_output_removed, TX(0)->outputs.len--)
ALTER(coinbase_output_added, sample_add_output(&s, TX(0)))
ALTER(coinbase_outputs_swapped, SWAP(*OUTPUT(0, 0), *OUTPUT(0, 1)))
ALTER(coinbase_input_added, sample_add_input(&s, TX(0)))
ALTER(coinbase_removed, sample_remove(&s, 0))
ALTER(coinbase_moved, SWAP(*TX(0), *TX(1)))

ALTER(tx_version, TX(1)->version++)
ALTER(tx_lock_time, TX(1)->lock_time++)
ALTER(tx_timestamp, TX(1)->timestamp++)
ALTER(tx_input_txid, INPUT(1, 0)->previous_output.txid.bytes[31] ^= 1)
ALTER(tx_input_vout, INPUT(1, 0)->previous_output.vout++)
ALTER(tx_input_sequence, INPUT(1, 0)->sequence++)
ALTER(tx_input_removed, TX(1)->inputs.len--)
ALTER(tx_inputs_removed, TX(3)->inputs.len = 0)
ALTER(tx_input_repeated, sample_add_input(&s, TX(1)))
ALTER(tx_input_added, sample_add_input(&s, TX(1)); INPUT(1, 2)->previous_output = sample_coin(4))
ALTER(tx_inputs_swapped, SWAP(*INPUT(1, 0), *INPUT(1, 1)))
ALTER(tx_key, sample_flip(&s, &INPUT(1, 0)->script_sig, 0))
ALTER(tx_signature_r, sample_flip(&s, &INPUT(1, 0)->script_sig, 32))
ALTER(tx_signature_s, sample_flip(&s, &INPUT(1, 1)->script_sig, 64))
ALTER(tx_script_sig_shorter, INPUT(1, 1)->script_sig.len--)
ALTER(tx_script_sig_none, INPUT(1, 0)->script_sig.len = 0)
ALTER(tx_script_sigs_swapped, SWAP(INPUT(1, 0)->script_sig, INPUT(1, 1)->script_sig))
ALTER(tx_value_above, OUTPUT(1, 1)->value++)
ALTER(tx_value_below, OUTPUT(1, 1)->value--)
ALTER(tx_value_above_inputs, OUTPUT(3, 0)->value++)
ALTER(tx_script, sample_flip(&s, &OUTPUT(3, 0)->script_pubkey, 5))
ALTER(tx_script_spent_later, sample_flip(&s, &OUTPUT(1, 0)->script_pubkey, 5))
ALTER(tx_script_shorter, OUTPUT(3, 0)->script_pubkey.len--)
ALTER(tx_output_removed, TX(1)->outputs.len--)
ALTER(tx_output_added, sample_add_output(&s, TX(1)))
ALTER(tx_outputs_swapped, SWAP(*OUTPUT(1, 0), *OUTPUT(1, 1)))
ALTER(tx_removed, sample_remove(&s, 3))
ALTER(tx_removed_with_its_fee, sample_remove(&s, 2))
ALTER(tx_removed_that_another_spends, sample_remove(&s, 1))
ALTER(tx_repeated, *sample_append(&s, 0, 0) = *TX(3))
ALTER(txs_swapped, SWAP(*TX(2), *TX(3)))
ALTER(txs_swapped_spender_first, SWAP(*TX(1), *TX(2)))

ALTER(reward_above, REWARD(0)->amount++)
ALTER(reward_below, REWARD(2)->amount--)
ALTER(reward_address, REWARD(0)->address.ptr = "TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7C")
ALTER(reward_address_shorter, REWARD(0)->address.len--)
ALTER(reward_removed, s.block.masternode_rewards.len--)
ALTER(rewards_removed, s.block.masternode_rewards.len = 0)
ALTER(reward_added, sample_add_reward(&s))
ALTER(rewards_swapped, SWAP(*REWARD(0), *REWARD(1)))
/* with the coinbase, which must repeat them */
ALTER(both_rewards_above, OUTPUT(0, 0)->value = REWARD(0)->amount += 3)
ALTER(both_rewards_below, OUTPUT(0, 0)->value = REWARD(0)->amount -= 4)
ALTER(both_rewards_moved, REWARD(0)->amount--; REWARD(1)->amount++; OUTPUT(0, 0)->value--; OUTPUT(0, 1)->value++)
ALTER(both_rewards_swapped, SWAP(*REWARD(0), *REWARD(1)); SWAP(*OUTPUT(0, 0), *OUTPUT(0, 1)))
ALTER(both_reward_addresses, sample_flip(&s, &OUTPUT(0, 0)->script_pubkey, 0);
      REWARD(0)->address.ptr = (const char *)OUTPUT(0, 0)->script_pubkey.ptr)

/* The verdicts; where sealing or signing undoes the alteration there is none. */
#define UNDONE (-1)
#define V(name) CHAIN_E_##name
static const struct alteration {
	const char *name;
	void (*alter)(void);
	int raw;
	int sealed;
	int signed_again;
} alterations[] = {
#define A(name, raw, sealed, signed_again)                                                                             \
	{                                                                                                              \
#name, name, raw, sealed, signed_again                                                                 \
	}
	A(header_version, V(VERSION), V(VERSION), V(VERSION)),
	A(header_height_above, V(HEIGHT), V(HEIGHT), V(HEIGHT)),
	A(header_height_below, V(HEIGHT), V(HEIGHT), V(HEIGHT)),
	A(header_previous_hash, V(PREVIOUS), V(PREVIOUS), V(PREVIOUS)),
	A(header_merkle_root, V(MERKLE_ROOT), UNDONE, UNDONE),
	A(header_timestamp, V(COINBASE_FORM), V(COINBASE_FORM), V(COINBASE_FORM)),
	A(header_block_reward_above, V(BLOCK_REWARD), V(BLOCK_REWARD), V(BLOCK_REWARD)),
	A(header_block_reward_below, V(BLOCK_REWARD), V(BLOCK_REWARD), V(BLOCK_REWARD)),
	A(both_timestamps, V(MERKLE_ROOT), 0, 0),
	A(both_timestamps_old, V(MERKLE_ROOT), V(TIME_OLD), V(TIME_OLD)),
	A(both_timestamps_ahead, V(MERKLE_ROOT), V(TIME_AHEAD), V(TIME_AHEAD)),

	A(coinbase_version, V(MERKLE_ROOT), V(COINBASE_FORM), V(COINBASE_FORM)),
	A(coinbase_lock_time, V(MERKLE_ROOT), V(COINBASE_FORM), V(COINBASE_FORM)),
	A(coinbase_timestamp, V(MERKLE_ROOT), V(COINBASE_FORM), V(COINBASE_FORM)),
	A(coinbase_value, V(MERKLE_ROOT), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(coinbase_script, V(MERKLE_ROOT), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(coinbase_script_last_byte, V(MERKLE_ROOT), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(coinbase_output_removed, V(MERKLE_ROOT), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(coinbase_output_added, V(MERKLE_ROOT), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(coinbase_outputs_swapped, V(MERKLE_ROOT), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(coinbase_input_added, V(MERKLE_ROOT), V(NO_COINBASE), V(NO_COINBASE)),
	A(coinbase_removed, V(MERKLE_ROOT), V(NO_COINBASE), V(NO_COINBASE)),
	A(coinbase_moved, V(MERKLE_ROOT), V(NO_COINBASE), V(NO_COINBASE)),

	A(tx_version, V(MERKLE_ROOT), V(SIGNATURE), 0),
	A(tx_lock_time, V(MERKLE_ROOT), V(SIGNATURE), 0),
	A(tx_timestamp, V(MERKLE_ROOT), V(SIGNATURE), 0),
	A(tx_input_txid, V(MERKLE_ROOT), V(SIGNATURE), V(INPUT_UNKNOWN)),
	A(tx_input_vout, V(MERKLE_ROOT), V(SIGNATURE), V(INPUT_UNKNOWN)),
	A(tx_input_sequence, V(MERKLE_ROOT), V(SIGNATURE), 0),
	A(tx_input_removed, V(MERKLE_ROOT), V(SIGNATURE), V(OUTPUTS_EXCEED)),
	A(tx_inputs_removed, V(MERKLE_ROOT), V(SECOND_COINBASE), V(SECOND_COINBASE)),
	A(tx_input_repeated, V(MERKLE_ROOT), V(SIGNATURE), V(INPUT_TWICE)),
	A(tx_input_added, V(MERKLE_ROOT), V(SIGNATURE), V(BLOCK_REWARD)),
	A(tx_inputs_swapped, V(MERKLE_ROOT), V(SIGNATURE), 0),
	A(tx_key, V(MERKLE_ROOT), V(SIGNATURE), UNDONE),
	A(tx_signature_r, V(MERKLE_ROOT), V(SIGNATURE), UNDONE),
	A(tx_signature_s, V(MERKLE_ROOT), V(SIGNATURE), UNDONE),
	A(tx_script_sig_shorter, V(MERKLE_ROOT), V(SCRIPT_SIG), UNDONE),
	A(tx_script_sig_none, V(MERKLE_ROOT), V(SCRIPT_SIG), UNDONE),
	A(tx_script_sigs_swapped, V(MERKLE_ROOT), V(SIGNATURE), UNDONE),
	A(tx_value_above, V(MERKLE_ROOT), V(SIGNATURE), V(BLOCK_REWARD)),
	A(tx_value_below, V(MERKLE_ROOT), V(SIGNATURE), V(BLOCK_REWARD)),
	A(tx_value_above_inputs, V(MERKLE_ROOT), V(SIGNATURE), V(OUTPUTS_EXCEED)),
	A(tx_script, V(MERKLE_ROOT), V(SIGNATURE), 0),
	A(tx_script_spent_later, V(MERKLE_ROOT), V(SIGNATURE), V(OWNER)),
	A(tx_script_shorter, V(MERKLE_ROOT), V(SIGNATURE), 0),
	A(tx_output_removed, V(MERKLE_ROOT), V(SIGNATURE), V(BLOCK_REWARD)),
	A(tx_output_added, V(MERKLE_ROOT), V(SIGNATURE), V(OUTPUTS_EXCEED)),
	/* transaction 2 now spends 39 TIME */
	A(tx_outputs_swapped, V(MERKLE_ROOT), V(SIGNATURE), V(BLOCK_REWARD)),
	A(tx_removed, V(MERKLE_ROOT), 0, 0),
	A(tx_removed_with_its_fee, V(MERKLE_ROOT), V(BLOCK_REWARD), UNDONE),
	A(tx_removed_that_another_spends, V(MERKLE_ROOT), V(INPUT_UNKNOWN), UNDONE),
	A(tx_repeated, V(MERKLE_ROOT), V(TXID_TWICE), V(TXID_TWICE)),
	A(txs_swapped, V(MERKLE_ROOT), 0, UNDONE),
	A(txs_swapped_spender_first, V(MERKLE_ROOT), V(INPUT_UNKNOWN), UNDONE),

	A(reward_above, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(reward_below, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(reward_address, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(reward_address_shorter, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(reward_removed, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(rewards_removed, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(reward_added, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(rewards_swapped, V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS), V(COINBASE_OUTPUTS)),
	A(both_rewards_above, V(MERKLE_ROOT), V(REWARD_SUM), V(REWARD_SUM)),
	A(both_rewards_below, V(MERKLE_ROOT), V(REWARD_SUM), V(REWARD_SUM)),
	A(both_rewards_moved, V(MERKLE_ROOT), 0, 0),
	A(both_rewards_swapped, V(MERKLE_ROOT), 0, 0),
	A(both_reward_addresses, V(MERKLE_ROOT), 0, 0),
#undef A
};

/* The hash of the valid block, of which no altered one may be another. */
static void expect(const struct alteration *alteration, const char *how, const struct wire_hash *valid, int verdict)
{
	int r = sample_verdict(&s);

	ck_assert_msg(r == verdict, "%s, %s: %s (%s), not %s", alteration->name, how, chain_error_name(r), s.fault.text,
		      chain_error_name(verdict));
	ck_assert_msg(r != 0 || !hash_equal(valid, &s.ids.hash), "%s, %s: the block hash is the same", alteration->name,
		      how);
}

START_TEST(altered_block)
{
	const struct alteration *alteration = &alterations[_i];
	struct wire_hash valid;

	sample_expect(&s, 0);
	valid = s.ids.hash;
	alteration->alter();
	expect(alteration, "as it is", &valid, alteration->raw);
	if (alteration->sealed != UNDONE) {
		sample_seal(&s);
		expect(alteration, "sealed", &valid, alteration->sealed);
	}
	if (alteration->signed_again != UNDONE) {
		sample_sign_all(&s);
		sample_seal(&s);
		expect(alteration, "signed", &valid, alteration->signed_again);
	}
}
END_TEST

/* What byte `at` of the binary form of a header belongs to, by the code that is due for an altered one. */
static int header_verdict(size_t at)
{
	if (at < 4)
		return CHAIN_E_VERSION;
	if (at < 4 + 8)
		return CHAIN_E_HEIGHT;
	if (at < 4 + 8 + 32)
		return CHAIN_E_PREVIOUS;
	if (at < 4 + 8 + 32 + 32)
		return CHAIN_E_MERKLE_ROOT;
	return at < 4 + 8 + 32 + 32 + 8 ? CHAIN_E_COINBASE_FORM : CHAIN_E_BLOCK_REWARD;
}

START_TEST(every_bit_of_the_binary_form)
{
	/* header, transactions, rewards: each with its own codes; some lengths leave no block at all */
	struct wire_block valid = s.block;
	struct buf buf = BUF_INIT;
	struct arena arena;
	size_t rewards_at, decoded = 0;

	ck_assert_int_eq(wire_bincode_encode_value(&buf, &wire_desc_block, &s.block), 0);
	valid.masternode_rewards.len = 0;
	rewards_at = wire_bincode_size_value(&wire_desc_block, &valid) - 8;
	arena_init(&arena, SIZE_MAX, NULL);
	for (size_t bit = 0; bit < 8 * buf.len; bit++) {
		int r, due = bit / 8 < 92	    ? header_verdict(bit / 8)
			     : bit / 8 < rewards_at ? CHAIN_E_MERKLE_ROOT
						    : CHAIN_E_COINBASE_OUTPUTS;

		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = wire_bincode_decode_value(&s.block, &wire_desc_block, &arena, buf.data, buf.len, NULL);
		if (!r) {
			decoded++;
			r = sample_verdict(&s);
			ck_assert_msg(r == due, "bit %zu of byte %zu: %s (%s), not %s", bit % 8, bit / 8,
				      chain_error_name(r), s.fault.text, chain_error_name(due));
		}
		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		arena_reset(&arena);
	}
	ck_assert_uint_gt(decoded, 9000);
	arena_free(&arena);
	buf_free(&buf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules_altered");
	TCase *c = tcase_create("rules_altered");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, altered_block, 0, sizeof(alterations) / sizeof(alterations[0]));
	tcase_add_test(c, every_bit_of_the_binary_form);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
