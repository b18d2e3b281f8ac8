// SPDX-License-Identifier: MIT
/* node/payment: transactions that the rules of the chain and the policy of pools accept, whatever the coins are. */
#include <errno.h>

#include <jansson.h>

#include "payment_fixture.h"
#include "timeproto/base/hex.h"
#include "timeproto/chain/fee.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rules.h"
#include "timeproto/chain/sign.h"
#include "timeproto/wire/bincode.h"
#include "run_suite.h"
#include "wallet_fixture.h"

#define OTHER "TIME03HkdRV86d87ijTXEgND1wN4N7iwNgubDg"
#define OTHER_MAINNET "TIME1Jq7uaj3mMtJUuQ876qhJ8WN1LEvR4ksBc"

static struct payment payment;

static void setup(void)
{
	wallet_setup();
	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	arena_init(&arena, SIZE_MAX, NULL);
}

static void teardown(void)
{
	arena_free(&arena);
	wallet_teardown();
}

static struct payment_target target_of(const char *address, uint64_t amount)
{
	return (struct payment_target){{address, strlen(address)}, amount};
}

static int pay_all(const struct payment_target *targets, size_t count, uint64_t seed, unsigned threads)
{
	const struct payment_request request = {.network = CHAIN_TESTNET,
						.coins = coins,
						.coin_count = coin_count,
						.targets = targets,
						.target_count = count,
						.seed = seed,
						.timestamp = 1766102400,
						.threads = threads};

	return payment_pay(&payment, &fault, &arena, wallet, &request);
}

static int pay(const char *address, uint64_t amount)
{
	const struct payment_target target = target_of(address, amount);

	return pay_all(&target, 1, 1, 0);
}

static int merge(size_t min, size_t max, const char *address)
{
	const struct payment_merge_request request = {.network = CHAIN_TESTNET,
						      .coins = coins,
						      .coin_count = coin_count,
						      .min = min,
						      .max = max,
						      .address = {address, strlen(address)},
						      .seed = 5,
						      .timestamp = 1766102400};

	return payment_merge(&payment, &fault, &arena, wallet, &request);
}

static void expect_fault(int r, enum payment_error error, const char *what)
{
	ck_assert_int_eq(r, error);
	ck_assert_int_eq(fault.error, error);
	ck_assert_msg(strstr(fault.text, what) != NULL, "%s", fault.text);
}

static uint64_t outputs_sum(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < payment.transaction.outputs.len; i++)
		sum += payment.transaction.outputs.items[i].value;
	return sum;
}

/* What a pool will say of the payment: signed by the owners, sums and fee right, no dust, small enough. */
static void expect_valid(void)
{
	const struct wire_transaction *tx = &payment.transaction;
	struct coin *spent = calloc(tx->inputs.len, sizeof(*spent));
	char(*scripts)[ADDRESS_TEXT_SIZE] = calloc(tx->inputs.len, sizeof(*scripts));
	struct chain_params params;
	struct chain_fault why;
	struct wire_hash txid;
	uint64_t fee;

	chain_params_init(&params, CHAIN_TESTNET);
	hash_txid(&txid, tx);
	ck_assert(hash_equal(&txid, &payment.txid));
	for (size_t i = 0; i < tx->inputs.len; i++) {
		const struct payment_coin *coin = &coins[payment.coins[i]];

		ck_assert_mem_eq(&tx->inputs.items[i].previous_output, &coin->outpoint, sizeof(coin->outpoint));
		ck_assert_int_eq(wallet_key_address(wallet, scripts[i], coin->key), 0);
		spent[i] = (struct coin){coin->value, {(const uint8_t *)scripts[i], strlen(scripts[i])}};
	}
	ck_assert_msg(transaction_check_signatures(&why, tx, &txid, -1) == 0, "%s", why.text);
	ck_assert_msg(transaction_check_amounts(&why, &fee, &params, tx, &txid, -1, spent) == 0, "%s", why.text);
	ck_assert_uint_eq(fee, payment.fee);
	ck_assert_uint_ge(fee, fee_for_outputs(outputs_sum()));
	for (size_t i = 0; i < tx->outputs.len; i++)
		ck_assert(tx->outputs.items[i].value > FEE_DUST_MAX);
	ck_assert_uint_le(wire_bincode_size_value(&wire_desc_transaction, tx), CHAIN_MAX_TRANSACTION_BYTES);
	free(spent);
	free(scripts);
}

static bool pays_to(size_t output, const char *address, uint64_t amount)
{
	const struct wire_tx_output *out = &payment.transaction.outputs.items[output];

	return out->value == amount && out->script_pubkey.len == strlen(address) &&
	       memcmp(out->script_pubkey.ptr, address, out->script_pubkey.len) == 0;
}

START_TEST(a_payment_with_change)
{
	char change[ADDRESS_TEXT_SIZE];
	uint32_t next = state_of().next;

	add_coin(5 * TIME, 3);
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	expect_valid();
	ck_assert_uint_eq(payment.transaction.version, 1);
	ck_assert_uint_eq(payment.transaction.lock_time, 0);
	ck_assert_int_eq(payment.transaction.timestamp, 1766102400);
	ck_assert_uint_eq(payment.transaction.inputs.len, 1);
	ck_assert_uint_eq(payment.transaction.inputs.items[0].sequence, UINT32_MAX);
	ck_assert_uint_eq(payment.transaction.outputs.len, 2);
	/* 1001 parts of a coin in 1000 for outputs: 499500499.5 of 500000000 */
	ck_assert_uint_eq(payment.fee, 499500);
	ck_assert_uint_le(payment.change_output, 1);
	ck_assert(pays_to(1 - payment.change_output, OTHER, TIME));
	ck_assert_uint_eq(payment.change_key, next);
	ck_assert_int_eq(wallet_key_address(wallet, change, next), 0);
	ck_assert(pays_to(payment.change_output, change, 4 * TIME - 499500));
	ck_assert_uint_eq(state_of().next, next + 1);
}
END_TEST

START_TEST(an_exact_payment_has_no_change)
{
	uint32_t next = state_of().next;

	add_coin(TIME + TIME / 1000, 0);
	add_coin(9 * TIME, 0);
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	expect_valid();
	ck_assert_uint_eq(payment.coins[0], 0);
	ck_assert_uint_eq(payment.transaction.outputs.len, 1);
	ck_assert_uint_eq(payment.change_output, PAYMENT_NO_CHANGE);
	ck_assert_uint_eq(payment.fee, 100000);
	ck_assert_uint_eq(state_of().next, next); /* no key was handed out */
}
END_TEST

/* Change of 545 is left to the fee, of 546 is not. */
START_TEST(dust_is_never_change)
{
	uint64_t with_dust, without;

	ck_assert(fee_inputs_for(&with_dust, TIME + 545) && fee_inputs_for(&without, TIME + 546));
	add_coin(with_dust, 0);
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	expect_valid();
	ck_assert_uint_eq(payment.change_output, PAYMENT_NO_CHANGE);
	ck_assert_uint_eq(payment.fee, 100000 + 545);
	coins[0].value = without;
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	expect_valid();
	ck_assert_uint_ne(payment.change_output, PAYMENT_NO_CHANGE);
	ck_assert_uint_eq(payment.transaction.outputs.items[payment.change_output].value, 546);
	ck_assert_uint_eq(payment.fee, 100000);
}
END_TEST

/* Left over, 545 are an exact match, and 546 poor change that a bigger coin avoids. */
START_TEST(an_exact_match_leaves_less_than_change)
{
	uint64_t with_dust, without;

	ck_assert(fee_inputs_for(&with_dust, TIME + 545) && fee_inputs_for(&without, TIME + 546));
	add_coin(with_dust, 0);
	add_coin(9 * TIME, 0);
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	ck_assert_uint_eq(payment.coins[0], 0);
	coins[0].value = without;
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	ck_assert_uint_eq(payment.transaction.inputs.len, 1);
	ck_assert_uint_eq(payment.coins[0], 1);
}
END_TEST

START_TEST(several_are_paid)
{
	struct payment_target targets[50];
	char addresses[50][ADDRESS_TEXT_SIZE];
	size_t places = 0;

	add_coin(100 * TIME, 1);
	for (uint32_t i = 0; i < 50; i++) {
		struct wire_key key = {{(uint8_t)i}};

		address_from_key(addresses[i], &key, CHAIN_TESTNET);
		targets[i] = target_of(addresses[i], TIME + i);
	}
	for (uint64_t seed = 0; seed < 200; seed++) {
		size_t output = 0;

		ck_assert_int_eq(pay_all(targets, 50, seed, 0), 0);
		ck_assert_uint_eq(payment.transaction.outputs.len, 51);
		/* in their order, the change anywhere between */
		for (uint32_t i = 0; i < 50; i++, output++) {
			output += output == payment.change_output;
			ck_assert(pays_to(output, addresses[i], TIME + i));
		}
		places |= (size_t)1 << payment.change_output;
	}
	expect_valid();
	ck_assert_int_gt(__builtin_popcountll(places), 40);
}
END_TEST

START_TEST(insufficient_funds)
{
	expect_fault(
		pay(OTHER, TIME), PAYMENT_E_FUNDS,
		"insufficient funds: 1.00100000 needed (1.00000000 and a fee of 0.00100000), 0.00000000 available");
	add_coin(TIME, 0);
	add_coin(99999, 0);
	expect_fault(pay(OTHER, TIME), PAYMENT_E_FUNDS, "1.00099999 available");
	add_coin(1, 0);
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	expect_valid();
	ck_assert_uint_eq(payment.transaction.inputs.len, 3);
	add_coin(0, 0); /* of no use */
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	ck_assert_uint_eq(payment.transaction.inputs.len, 3);
}
END_TEST

START_TEST(addresses_and_amounts_that_are_none)
{
	static struct payment_target many[WIRE_MAX_INPUTS];

	add_coin(UINT64_MAX / 2, 0);
	expect_fault(pay("x", TIME), PAYMENT_E_ADDRESS, "\"x\" is no address of testnet");
	expect_fault(pay("", TIME), PAYMENT_E_ADDRESS, "\"\" is no address");
	expect_fault(pay("TIME03HkdRV86d87ijTXEgND1wN4N7iwNgubDh", TIME), PAYMENT_E_ADDRESS, "checksum");
	expect_fault(pay(OTHER_MAINNET, TIME), PAYMENT_E_NETWORK, OTHER_MAINNET);
	expect_fault(pay(OTHER, 0), PAYMENT_E_AMOUNT, "nothing");
	expect_fault(pay(OTHER, 1), PAYMENT_E_DUST, "0.00000001 is dust");
	expect_fault(pay(OTHER, 545), PAYMENT_E_DUST, "the least that can be paid is 0.00000546");
	ck_assert_int_eq(pay(OTHER, 546), 0);
	expect_valid();
	expect_fault(pay(OTHER, UINT64_MAX), PAYMENT_E_OVERFLOW, "leave 64 bits");
	many[0] = target_of(OTHER, UINT64_MAX);
	many[1] = target_of(OTHER, 1000);
	expect_fault(pay_all(many, 2, 1, 0), PAYMENT_E_OVERFLOW, "the sum of all amounts");
	expect_fault(pay_all(many, 0, 1, 0), PAYMENT_E_AMOUNT, "0 are to be paid");
	expect_fault(pay_all(many, WIRE_MAX_INPUTS, 1, 0), PAYMENT_E_AMOUNT, "1 to 9999");
	/* one of several */
	many[0] = target_of(OTHER, TIME);
	many[1] = target_of(OTHER, 100);
	expect_fault(pay_all(many, 2, 1, 0), PAYMENT_E_DUST, "dust");
	add_coin(UINT64_MAX / 2, 0);
	add_coin(2, 0);
	expect_fault(pay(OTHER, TIME), PAYMENT_E_OVERFLOW, "all coins");
}
END_TEST

START_TEST(the_most_that_64_bits_hold)
{
	uint64_t most = fee_outputs_of(UINT64_MAX);

	add_coin(UINT64_MAX, 0);
	ck_assert_int_eq(pay(OTHER, most), 0);
	expect_valid();
	ck_assert_uint_eq(payment.change_output, PAYMENT_NO_CHANGE);
	expect_fault(pay(OTHER, most + 1), PAYMENT_E_OVERFLOW, "amount and fee leave 64 bits");
	ck_assert_int_eq(pay(OTHER, most - 546), 0);
	expect_valid();
	ck_assert_int_eq(pay(OTHER, most - 50), 0);
	expect_valid();
}
END_TEST

START_TEST(a_locked_wallet_pays_nothing)
{
	uint32_t keys[] = {0}, next = state_of().next;
	struct wire_tx_input input = {.sequence = 1};
	struct wire_transaction tx = {.inputs = {&input, 1}};

	add_coin(5 * TIME, 0);
	add_coin(5 * TIME, 0);
	encrypt();
	expect_fault(pay(OTHER, TIME), PAYMENT_E_LOCKED, "walletpassphrase");
	expect_fault(merge(0, 0, ""), PAYMENT_E_LOCKED, "walletpassphrase");
	expect_fault(payment_sign(&fault, &arena, &tx, keys, wallet, 1), PAYMENT_E_LOCKED, "walletpassphrase");
	ck_assert_uint_eq(input.script_sig.len, 0);
	ck_assert_uint_eq(state_of().next, next); /* no key was handed out */
	ck_assert_int_eq(unlock_with(PASSPHRASE, 60000), 0);
	ck_assert_int_eq(pay(OTHER, TIME), 0);
	expect_valid();
}
END_TEST

/* The byte limit of a transaction is reached before that of its inputs. */
START_TEST(as_many_inputs_as_there_may_be)
{
	size_t most = payment_max_inputs(16 + strlen(OTHER));
	uint64_t amount;

	ck_assert_uint_gt(most, 6900);
	ck_assert_uint_lt(most, WIRE_MAX_INPUTS);
	for (size_t i = 0; i < most + 10; i++)
		add_coin(10000, (uint32_t)i % 20);
	amount = fee_outputs_of(most * 10000);
	ck_assert_int_eq(pay(OTHER, amount), 0);
	expect_valid();
	ck_assert_uint_eq(payment.transaction.inputs.len, most);
	ck_assert_uint_gt(wire_bincode_size_value(&wire_desc_transaction, &payment.transaction),
			  CHAIN_MAX_TRANSACTION_BYTES - 300);
	expect_fault(pay(OTHER, amount + 1000), PAYMENT_E_INPUTS, "merge coins first");
	ck_assert_ptr_nonnull(strstr(fault.text, "at most 0.69"));
	/* the same at its limit, with change */
	ck_assert_int_eq(pay(OTHER, amount - 600), 0);
	expect_valid();
	ck_assert_uint_ne(payment.change_output, PAYMENT_NO_CHANGE);
}
END_TEST

START_TEST(limits_of_inputs)
{
	ck_assert_uint_eq(payment_max_inputs(2000000), 0);
	ck_assert_uint_eq(payment_max_inputs(SIZE_MAX / 2), 0);
	ck_assert_uint_ge(payment_max_inputs(9999 * 54), 3000);
}
END_TEST

/* Many threads sign what one would. */
START_TEST(threads_sign_the_same)
{
	struct payment_target target = target_of(OTHER, 990000);
	struct wire_hash first;

	for (size_t i = 0; i < 1000; i++)
		add_coin(1000, (uint32_t)i % 7);
	ck_assert_int_eq(pay_all(&target, 1, 1, 1), 0);
	expect_valid();
	ck_assert_uint_gt(payment.transaction.inputs.len, 900);
	ck_assert_uint_eq(payment.change_output, PAYMENT_NO_CHANGE); /* which would be another key each time */
	first = payment.txid;
	for (unsigned threads = 0; threads < 100; threads = threads * 3 + 2) {
		ck_assert_int_eq(pay_all(&target, 1, 1, threads), 0);
		ck_assert(hash_equal(&payment.txid, &first));
	}
}
END_TEST

/* Signatures against those of an independent implementation, one input after the other. */
START_TEST(signatures_of_the_vectors)
{
	char file[4096];
	json_t *root, *entry, *secrets;
	size_t index;

	ck_assert_ptr_nonnull(getenv("TIMED_VECTORS"));
	snprintf(file, sizeof(file), "%s/signed_inputs.json", getenv("TIMED_VECTORS"));
	root = json_load_file(file, 0, NULL);
	json_array_foreach(root, index, entry)
	{
		const char *hex = json_string_value(json_object_get(entry, "bincode"));
		size_t len = strlen(hex) / 2;
		uint8_t *bytes = malloc(len), secret[32];
		struct wire_transaction tx;

		ck_assert_int_eq(hex_decode(bytes, len, hex, strlen(hex)), 0);
		ck_assert_int_eq(wire_bincode_decode_value(&tx, &wire_desc_transaction, &arena, bytes, len, NULL), 0);
		secrets = json_object_get(entry, "secrets");
		ck_assert_uint_eq(json_array_size(secrets), tx.inputs.len);
		for (size_t i = 0; i < tx.inputs.len; i++) {
			struct wire_bytes *script = &tx.inputs.items[i].script_sig, expected = *script;
			uint32_t keys[16];

			memset(keys, 0xff, sizeof(keys)); /* PAYMENT_NOT_OURS */
			keys[i] = 0;
			hex = json_string_value(json_array_get(secrets, i));
			ck_assert_int_eq(hex_decode(secret, 32, hex, strlen(hex)), 0);
			make_wallet(secret, CHAIN_TESTNET, NULL);
			ck_assert_int_eq(payment_sign(&fault, &arena, &tx, keys, wallet, 0), 0);
			ck_assert_ptr_ne(script->ptr, expected.ptr);
			ck_assert_uint_eq(script->len, expected.len);
			ck_assert_mem_eq(script->ptr, expected.ptr, expected.len);
		}
		free(bytes);
	}
	ck_assert_uint_eq(index, 3);
	json_decref(root);
}
END_TEST

START_TEST(inputs_of_others_are_left_alone)
{
	static const uint8_t theirs[] = "what somebody else has signed";
	uint32_t keys[] = {PAYMENT_NOT_OURS, 4, PAYMENT_NOT_OURS};
	struct wire_tx_input inputs[3] = {{.script_sig = {theirs, sizeof(theirs)}}, {.sequence = 1}, {.sequence = 2}};
	struct wire_transaction tx = {.version = 1, .inputs = {inputs, 3}};
	char address[ADDRESS_TEXT_SIZE], signer[ADDRESS_TEXT_SIZE];
	struct sign_base base;
	struct wire_key key;

	ck_assert_int_eq(payment_sign(&fault, &arena, &tx, keys, wallet, 0), 0);
	ck_assert_ptr_eq(inputs[0].script_sig.ptr, theirs);
	ck_assert_uint_eq(inputs[2].script_sig.len, 0);
	sign_base_make(&base, &tx);
	ck_assert(sign_verify(&base, 1, &inputs[1].script_sig));
	memcpy(key.bytes, inputs[1].script_sig.ptr, 32);
	address_from_key(signer, &key, CHAIN_TESTNET);
	ck_assert_int_eq(wallet_key_address(wallet, address, 4), 0);
	ck_assert_str_eq(signer, address);
}
END_TEST

START_TEST(merging_takes_the_smallest)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 20; i++)
		add_coin(50000 * ((i * 7) % 20 + 1), (uint32_t)i);
	ck_assert_int_eq(merge(2, 5, ""), 0);
	expect_valid();
	ck_assert_uint_eq(payment.transaction.inputs.len, 5);
	for (size_t i = 0; i < 5; i++)
		sum += coins[payment.coins[i]].value;
	ck_assert_uint_eq(sum, 50000 * (1 + 2 + 3 + 4 + 5));
	ck_assert_uint_eq(payment.transaction.outputs.len, 1);
	ck_assert_uint_eq(payment.transaction.outputs.items[0].value, fee_outputs_of(sum));
	ck_assert_uint_eq(payment.change_output, 0);
	ck_assert_uint_eq(payment.change_key, 1);
	/* all of them, to a given address */
	ck_assert_int_eq(merge(20, 0, OTHER), 0);
	expect_valid();
	ck_assert_uint_eq(payment.transaction.inputs.len, 20);
	ck_assert_uint_eq(payment.change_output, PAYMENT_NO_CHANGE);
	ck_assert(pays_to(0, OTHER, fee_outputs_of(50000 * 210)));
	ck_assert_uint_eq(state_of().next, 2);
}
END_TEST

START_TEST(merges_that_are_refused)
{
	expect_fault(merge(0, 0, ""), PAYMENT_E_FEW, "0 coins");
	add_coin(1500, 0);
	expect_fault(merge(0, 0, ""), PAYMENT_E_FEW, "1 coins, of which");
	add_coin(45, 0);
	expect_fault(merge(3, 0, ""), PAYMENT_E_FEW, "expected at least 3");
	expect_fault(merge(2, 1, ""), PAYMENT_E_FEW, "at most 1 may be merged");
	expect_fault(merge(2, 0, ""), PAYMENT_E_FUNDS, "the 2 smallest coins are 0.00001545 together");
	coins[1].value = 46;
	ck_assert_int_eq(merge(2, 0, ""), 0);
	expect_valid();
	ck_assert_uint_eq(outputs_sum(), 546);
	expect_fault(merge(2, 0, "x"), PAYMENT_E_ADDRESS, "\"x\"");
	expect_fault(merge(2, 0, OTHER_MAINNET), PAYMENT_E_NETWORK, "testnet");
	add_coin(UINT64_MAX, 0);
	expect_fault(merge(2, 0, ""), PAYMENT_E_OVERFLOW, "all coins");
}
END_TEST

START_TEST(merging_keeps_to_the_limit)
{
	size_t most = payment_max_inputs(0);

	for (size_t i = 0; i < most + 100; i++)
		add_coin(1000 + i, (uint32_t)i % 20);
	ck_assert_int_eq(merge(2, 0, ""), 0);
	expect_valid();
	ck_assert_uint_eq(payment.transaction.inputs.len, most);
}
END_TEST

/* Signed and judged by the rules of the chain. */
START_TEST(any_payment_is_valid)
{
	size_t paid = 0;

	for (int i = 0; i < 1500; i++) {
		struct payment_target target;
		int r;

		random_coins(12);
		target = target_of(OTHER, random_amount());
		arena_reset(&arena);
		r = pay_all(&target, 1, payment_random(&random_state), 1 + (unsigned)i % 2);
		if (r) {
			ck_assert_int_eq(r, PAYMENT_E_FUNDS);
			continue;
		}
		expect_valid();
		paid++;
	}
	ck_assert_uint_gt(paid, 1000);
}
END_TEST

START_TEST(any_merge_is_valid)
{
	size_t merged = 0;

	for (int i = 0; i < 500; i++) {
		int r;

		random_coins(12);
		arena_reset(&arena);
		r = merge(2, payment_random(&random_state) % 10, "");
		if (r) {
			ck_assert(r == PAYMENT_E_FEW || r == PAYMENT_E_FUNDS);
			continue;
		}
		expect_valid();
		merged++;
	}
	ck_assert_uint_gt(merged, 300);
}
END_TEST

/* Every refusal of memory is survived. */
START_TEST(without_memory)
{
	size_t limit = 0;
	int r;

	for (int i = 0; i < 3000; i++)
		add_coin(TIME, (uint32_t)i % 20);
	do {
		arena_free(&arena);
		arena_init(&arena, limit, NULL);
		r = pay(OTHER, 2000 * TIME);
		ck_assert(r == 0 || r == -ENOMEM);
		limit += 16384;
	} while (r);
	expect_valid();
	ck_assert_uint_gt(limit, 100000);
	limit = 0;
	do {
		arena_free(&arena);
		arena_init(&arena, limit, NULL);
		r = merge(2, 0, OTHER);
		ck_assert(r == 0 || r == -ENOMEM);
		limit += 16384;
	} while (r);
	expect_valid();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("payment");
	TCase *c = tcase_create("payment");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 110);
	tcase_add_test(c, a_payment_with_change);
	tcase_add_test(c, an_exact_payment_has_no_change);
	tcase_add_test(c, dust_is_never_change);
	tcase_add_test(c, an_exact_match_leaves_less_than_change);
	tcase_add_test(c, several_are_paid);
	tcase_add_test(c, insufficient_funds);
	tcase_add_test(c, addresses_and_amounts_that_are_none);
	tcase_add_test(c, the_most_that_64_bits_hold);
	tcase_add_test(c, a_locked_wallet_pays_nothing);
	tcase_add_test(c, as_many_inputs_as_there_may_be);
	tcase_add_test(c, limits_of_inputs);
	tcase_add_test(c, threads_sign_the_same);
	tcase_add_test(c, signatures_of_the_vectors);
	tcase_add_test(c, inputs_of_others_are_left_alone);
	tcase_add_test(c, merging_takes_the_smallest);
	tcase_add_test(c, merges_that_are_refused);
	tcase_add_test(c, merging_keeps_to_the_limit);
	tcase_add_test(c, any_payment_is_valid);
	tcase_add_test(c, any_merge_is_valid);
	tcase_add_test(c, without_memory);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
