// SPDX-License-Identifier: MIT
/* node/coins: the wallet's money over a chain and a pool: what there is, which keys are used, and payments. */
#include <errno.h>

#include "coins_fixture.h"
#include "run_suite.h"

static struct coins_list list;

/* ---- helpers */

static void look_at(const char *address)
{
	struct wire_str one = address ? text_of(address) : (struct wire_str){NULL, 0};

	coins_list_free(&list);
	ck_assert_msg(coins_list(coins, &list, &coins_fault, &one, address ? 1 : 0) == 0, "%s", coins_fault.text);
}

static void look(void)
{
	look_at(NULL);
}

static void coins_and_list_setup(void)
{
	coins_setup();
	list = (struct coins_list){.count = 0};
}

static void coins_and_list_teardown(void)
{
	coins_list_free(&list);
	coins_teardown();
}

/* Sums of the list that was looked at last. */
static void expect_sums(uint64_t confirmed, uint64_t finalised, uint64_t incoming, uint64_t outgoing)
{
	uint64_t sums[BALANCE_STATE_COUNT] = {0};

	for (size_t i = 0; i < list.count; i++)
		sums[list.items[i].state] += list.items[i].value;
	ck_assert_uint_eq(sums[BALANCE_CONFIRMED], confirmed);
	ck_assert_uint_eq(sums[BALANCE_FINALISED], finalised);
	ck_assert_uint_eq(sums[BALANCE_INCOMING], incoming);
	ck_assert_uint_eq(sums[BALANCE_OUTGOING], outgoing);
	ck_assert_mem_eq(sums, list.balance.sums, sizeof(sums));
	ck_assert_uint_eq(list.balance.spendable, confirmed + finalised);
}

static void expect_now(uint64_t confirmed, uint64_t finalised, uint64_t incoming, uint64_t outgoing)
{
	look();
	expect_sums(confirmed, finalised, incoming, outgoing);
}

static void expect_confirmed(uint64_t confirmed)
{
	expect_now(confirmed, 0, 0, 0);
}

static uint32_t watched(void)
{
	struct wallet_state state;

	ck_assert_int_eq(coins_follow(coins, &coins_fault, 0), 0);
	wallet_get_state(wallet, &state);
	return state.watched;
}

static struct coins_sent sent;

static int send_to(const char *address, uint64_t amount)
{
	const struct payment_target target = {text_of(address), amount};

	memset(&sent, 0, sizeof(sent));
	return coins_send(coins, &sent, &coins_fault, &target, 1);
}

static void must_send(uint64_t amount)
{
	ck_assert_msg(send_to(f->owners[7].address, amount) == 0, "%s", coins_fault.text);
}

static void expect_failed(int r, enum coins_error kind, int error, const char *what)
{
	ck_assert_int_eq(r, kind);
	ck_assert_int_eq(coins_fault.error, error);
	ck_assert_msg(strstr(coins_fault.text, what) != NULL, "%s", coins_fault.text);
}

static void must_finalize_sent(void)
{
	struct pool_mark mark = {.txid = sent.txid, .votes = 3, .at_s = now_s};

	ck_assert_int_eq(pool_finalize(pool, &events, &mark, 1), 0);
	ck_assert_int_eq(mark.outcome, 0);
}

/* ---- what there is */

START_TEST(nothing)
{
	expect_confirmed(0);
	ck_assert_uint_eq(list.owner_count, 1 + WALLET_GAP); /* key 0 is handed out by nobody, but is there */
	ck_assert_str_eq(list.owners[0].address, address_of(0));
	ck_assert_str_eq(list.owners[20].address, address_of(20));
	ck_assert_uint_eq(list.owners[20].key, 20);
}
END_TEST

START_TEST(confirmed_coins_of_several_keys)
{
	struct wire_transaction first = mine_key(0, 2 * TIME), third = mine_key(3, 3 * TIME);
	struct wire_hash txid = txid_of(&first);

	expect_confirmed(5 * TIME);
	ck_assert_uint_eq(list.count, 2);
	ck_assert(hash_equal(&list.items[0].outpoint.txid, &txid));
	ck_assert_uint_eq(list.items[0].outpoint.vout, 0);
	ck_assert_str_eq(list.owners[list.items[0].owner].address, address_of(0));
	txid = txid_of(&third);
	ck_assert(hash_equal(&list.items[1].outpoint.txid, &txid));
	ck_assert_str_eq(list.owners[list.items[1].owner].address, address_of(3));
	/* the same again, from memory; then another block */
	expect_confirmed(5 * TIME);
	mine_key(3, TIME);
	expect_confirmed(6 * TIME);
}
END_TEST

START_TEST(incoming_finalised_confirmed)
{
	struct wire_transaction tx = pay_key(1, 2 * TIME);

	must_insert(&tx);
	expect_now(0, 0, 2 * TIME, 0);
	must_finalize(&tx);
	expect_now(0, 2 * TIME, 0, 0);
	mine_one(&tx);
	expect_now(2 * TIME, 0, 0, 0);
}
END_TEST

START_TEST(outgoing_and_its_change)
{
	uint64_t change;

	mine_key(1, 10 * TIME);
	expect_confirmed(10 * TIME);
	must_send(4 * TIME);
	change = 10 * TIME - 4 * TIME - sent.fee;
	expect_now(0, 0, change, 10 * TIME);
	must_finalize_sent();
	expect_now(0, change, 0, 0);
	/* what is final may be spent again; pending, it takes the change along */
	must_send(TIME);
	change -= TIME + sent.fee;
	expect_now(0, 0, change, change + TIME + sent.fee);
}
END_TEST

/* A coin that is not final, and is spent already, is neither to come nor to go. */
START_TEST(an_incoming_coin_that_is_spent)
{
	struct wire_transaction tx = pay_key(0, 2 * TIME), on;
	uint8_t pair[WALLET_PAIR_BYTES], script_sig[SIGN_SCRIPT_SIG_BYTES];
	struct sign_base base;
	struct fixture_coin coin;

	must_insert(&tx);
	coin = output_of(&tx, 0);
	coin.owner = 3;
	on = fixture_pay(f, &coin, 1, 2, OWNERS_FEE);
	crypto_sign_seed_keypair(pair + 32, pair, coins_secret);
	sign_base_make(&base, &on);
	sign_input(script_sig, &base, 0, pair);
	on.inputs.items[0].script_sig = (struct wire_bytes){script_sig, sizeof(script_sig)};
	must_insert(&on);
	expect_now(0, 0, 0, 0);
	must_finalize(&tx);
	expect_now(0, 0, 0, 2 * TIME);
}
END_TEST

START_TEST(a_reorganisation_takes_coins_away)
{
	const struct fixture_block *fork = tip, *other;

	mine_key(1, 2 * TIME);
	expect_confirmed(2 * TIME);
	other = fixture_extend(f, fork, 2, 7);
	reorganise_pool(fork, other);
	/* the payment is back in the pool */
	expect_now(0, 0, 2 * TIME, 0);
}
END_TEST

/* The chain is ahead of the pool: what is in both counts once. */
START_TEST(the_pool_lags_behind)
{
	struct wire_transaction in = pay_key(1, 2 * TIME), out;

	must_insert(&in);
	tip = fixture_block(f, tip, &in, 1, 0);
	must_connect_up_to(tip);
	expect_now(2 * TIME, 0, 0, 0);
	must_update();
	expect_now(2 * TIME, 0, 0, 0);
	must_send(TIME);
	out = pooled(&sent.txid);
	tip = fixture_block(f, tip, &out, 1, 0);
	must_connect_up_to(tip);
	expect_now(TIME - sent.fee, 0, 0, 0);
	must_update();
	expect_now(TIME - sent.fee, 0, 0, 0);
}
END_TEST

START_TEST(by_addresses)
{
	const char *stranger = f->owners[6].address;
	struct wire_str three[3] = {text_of(address_of(3)), text_of(stranger), text_of(address_of(3))};
	struct wire_transaction tx = pay_key(3, TIME);
	uint64_t theirs;

	mine_key(0, 2 * TIME);
	mine_key(3, 3 * TIME);
	must_insert(&tx);
	look_at(address_of(3));
	expect_sums(3 * TIME, 0, TIME, 0);
	ck_assert_uint_eq(list.owner_count, 1);
	ck_assert_uint_eq(list.owners[0].key, 3);
	look_at(stranger);
	theirs = list.balance.spendable;
	ck_assert_uint_ge(theirs, COIN_VALUE);
	ck_assert_uint_eq(list.owners[0].key, COINS_NOT_OURS);
	coins_list_free(&list);
	ck_assert_int_eq(coins_list(coins, &list, &coins_fault, three, 3), 0);
	ck_assert_uint_eq(list.owner_count, 2);
	expect_sums(3 * TIME + theirs, 0, TIME, 0);
	look_at(address_of(100));
	expect_sums(0, 0, 0, 0);
	/* what was asked for some addresses is not taken for all */
	expect_now(5 * TIME, 0, TIME, 0);
}
END_TEST

/* More coins than a list holds: the sums are right, and what is listed can be spent. */
START_TEST(more_coins_than_are_listed)
{
	max_listed = 2;
	reopen_wallet();
	for (uint32_t key = 1; key <= 4; key++)
		mine_key(key, key * TIME);
	look();
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.left_out, 2);
	ck_assert_uint_eq(list.balance.spendable, 10 * TIME);
	expect_failed(send_to(f->owners[7].address, 4 * TIME), COINS_E_PAYMENT, PAYMENT_E_FUNDS, "insufficient");
	must_send(2 * TIME);
}
END_TEST

/* ---- use of keys */

START_TEST(coins_of_the_chain_move_the_gap_at_start)
{
	mine_key(15, TIME);
	mine_key(35, TIME);
	mine_key(60, TIME);
	reopen_wallet();
	/* key 15 is within the gap, and key 35 is within that of key 15; key 60 is beyond that of 35 */
	expect_confirmed(2 * TIME);
	ck_assert_uint_eq(watched(), 36 + WALLET_GAP);
	mine_key(40, TIME);
	expect_confirmed(4 * TIME);
}
END_TEST

START_TEST(coins_of_the_pool_move_the_gap)
{
	struct wire_transaction first = pay_key(15, TIME), second = pay_key(30, TIME);

	must_insert(&first);
	expect_now(0, 0, TIME, 0);
	ck_assert_uint_eq(watched(), 16 + WALLET_GAP);
	must_insert(&second);
	ck_assert_uint_eq(watched(), 16 + WALLET_GAP);
	coins_note(coins, &second);
	ck_assert_uint_eq(watched(), 31 + WALLET_GAP);
}
END_TEST

/* Paid to and spent between two looks. */
START_TEST(a_key_that_is_empty_again_is_used)
{
	struct wire_transaction txs[2];

	ck_assert_uint_eq(watched(), 1 + WALLET_GAP);
	txs[0] = pay_key(12, 2 * TIME);
	must_insert(&txs[0]);
	must_finalize(&txs[0]);
	reopen_wallet();
	must_send(TIME);
	txs[1] = pooled(&sent.txid);
	reopen_wallet();
	pool_free(pool);
	must_create();
	reopen_wallet();
	ck_assert_uint_eq(watched(), 1 + WALLET_GAP);
	mine(txs, 2);
	ck_assert_uint_gt(watched(), 12 + WALLET_GAP);
}
END_TEST

/* Thirty payments in a row: all keys but the last one are empty, and the gap is twenty. */
START_TEST(a_restored_wallet_finds_its_last_change)
{
	uint64_t left;

	mine_key(1, 20 * TIME);
	for (int i = 0; i < 30; i++) {
		struct wire_transaction tx;

		must_send(TIME / 4);
		tx = pooled(&sent.txid);
		mine_one(&tx);
	}
	look();
	left = list.balance.sums[BALANCE_CONFIRMED];
	ck_assert_uint_gt(left, TIME);
	reopen_wallet();
	expect_confirmed(left);
	ck_assert_uint_eq(watched(), 32 + WALLET_GAP);
	/* what is remembered is not looked at again, so the number of keys has to be remembered with it */
	followed = coins_followed(coins);
	ck_assert(hash_equal(&followed.hash, &tip->ids.hash));
	ck_assert_uint_eq(followed.height, tip->block.header.height);
	reopen_wallet();
	expect_confirmed(0);
}
END_TEST

START_TEST(blocks_of_another_branch_are_looked_at)
{
	const struct fixture_block *fork = tip, *other;
	struct wire_transaction tx = pay_key(18, TIME);

	ck_assert_uint_eq(watched(), 1 + WALLET_GAP);
	mine_key(5, TIME);
	mine_key(6, TIME);
	ck_assert_uint_eq(watched(), 7 + WALLET_GAP);
	other = fixture_block(f, fork, &tx, 1, 7);
	other = fixture_extend(f, other, 3, 7);
	reorganise_pool(fork, other);
	ck_assert_uint_eq(watched(), 19 + WALLET_GAP);
}
END_TEST

/* ---- payments */

START_TEST(a_payment)
{
	struct wire_transaction tx;
	uint64_t ours = 0, theirs = 0;

	mine_key(1, 10 * TIME);
	must_send(4 * TIME);
	ck_assert_uint_eq(sent.inputs, 10 * TIME);
	ck_assert_uint_eq(sent.input_count, 1);
	/* the least, or one satoshi more: there are sums that nothing else fits */
	ck_assert_uint_ge(sent.fee, fee_for_outputs(10 * TIME - sent.fee));
	ck_assert_uint_le(sent.fee, fee_for_outputs(10 * TIME - sent.fee) + 1);
	ck_assert_int_eq(saved, 1);
	ck_assert_int_eq(submitted, 1);
	tx = pooled(&sent.txid);
	ck_assert_uint_eq(tx.outputs.len, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct wire_tx_output *output = &tx.outputs.items[i];
		uint32_t key;

		if (wallet_find(wallet, &key, output->script_pubkey.ptr, output->script_pubkey.len)) {
			ck_assert_uint_eq(key, 2); /* the next one that nobody was given */
			ours = output->value;
		} else {
			theirs = output->value;
		}
	}
	ck_assert_uint_eq(theirs, 4 * TIME);
	ck_assert_uint_eq(ours + sent.fee, 6 * TIME);
	mine_one(&tx);
	expect_confirmed(ours);
}
END_TEST

START_TEST(a_coin_is_not_spent_twice)
{
	mine_key(1, 10 * TIME);
	must_send(4 * TIME);
	expect_failed(send_to(f->owners[7].address, TIME), COINS_E_PAYMENT, PAYMENT_E_FUNDS, "insufficient funds");
	ck_assert_int_eq(submitted, 1);
}
END_TEST

START_TEST(what_the_pool_refuses_keeps_no_coin)
{
	mine_key(1, 10 * TIME);
	refuse_with = POOL_E_FULL;
	expect_failed(send_to(f->owners[7].address, TIME), COINS_E_REFUSED, POOL_E_FULL, "");
	ck_assert_int_eq(submitted, 1);
	refuse_with = 0;
	must_send(9 * TIME);
}
END_TEST

static uint32_t next_key(void)
{
	struct wallet_state state;

	wallet_get_state(wallet, &state);
	return state.next;
}

/* Or the change of the next payment would lie where a restored wallet does not look. */
START_TEST(what_is_refused_uses_up_no_key)
{
	uint32_t before;

	mine_key(1, 10 * TIME);
	look();
	before = next_key();
	refuse_with = POOL_E_CONFLICT;
	expect_failed(send_to(f->owners[7].address, TIME), COINS_E_REFUSED, POOL_E_CONFLICT, "");
	ck_assert_uint_eq(next_key(), before);
	refuse_with = 0;
	saving_fails = -EIO;
	ck_assert_int_eq(send_to(f->owners[7].address, TIME), COINS_E_KEYS);
	ck_assert_uint_eq(next_key(), before);
	saving_fails = 0;
	must_send(TIME);
	ck_assert_uint_eq(next_key(), before + 1);
}
END_TEST

/* Another holder of the keys was faster: chosen anew, but not for ever. */
START_TEST(a_conflict_is_tried_again)
{
	mine_key(1, 10 * TIME);
	refuse_with = POOL_E_CONFLICT;
	expect_failed(send_to(f->owners[7].address, TIME), COINS_E_REFUSED, POOL_E_CONFLICT, "");
	ck_assert_int_eq(submitted, 3);
}
END_TEST

START_TEST(nothing_is_sent_when_the_keys_cannot_be_saved)
{
	mine_key(1, 10 * TIME);
	saving_fails = -EIO;
	ck_assert_int_eq(send_to(f->owners[7].address, TIME), COINS_E_KEYS);
	ck_assert_int_eq(submitted, 0);
}
END_TEST

START_TEST(what_cannot_be_paid)
{
	mine_key(1, 10 * TIME);
	expect_failed(send_to("TIME0x", TIME), COINS_E_PAYMENT, PAYMENT_E_ADDRESS, "TIME0x");
	expect_failed(send_to(f->owners[7].address, 545), COINS_E_PAYMENT, PAYMENT_E_DUST, "dust");
	expect_failed(send_to(f->owners[7].address, 0), COINS_E_PAYMENT, PAYMENT_E_AMOUNT, "nothing");
	expect_failed(send_to(f->owners[7].address, 10 * TIME), COINS_E_PAYMENT, PAYMENT_E_FUNDS, "insufficient");
	ck_assert_int_eq(submitted, 0);
}
END_TEST

/* Only confirmed coins, as long as they suffice. */
START_TEST(finalised_coins_come_second)
{
	struct wire_transaction tx = pay_key(1, 3 * TIME);

	mine_key(2, 5 * TIME);
	must_insert(&tx);
	must_finalize(&tx);
	must_send(2 * TIME);
	ck_assert_uint_eq(sent.inputs, 5 * TIME);
	must_send(2 * TIME);
	ck_assert_uint_eq(sent.inputs, 3 * TIME);
	expect_failed(send_to(f->owners[7].address, TIME), COINS_E_PAYMENT, PAYMENT_E_FUNDS, "insufficient");
}
END_TEST

/* A payment that is not final yet is not built upon. */
START_TEST(incoming_coins_are_not_spent)
{
	struct wire_transaction tx = pay_key(1, 3 * TIME);

	must_insert(&tx);
	expect_failed(send_to(f->owners[7].address, TIME), COINS_E_PAYMENT, PAYMENT_E_FUNDS, "insufficient");
}
END_TEST

START_TEST(merging)
{
	for (uint32_t key = 1; key <= 4; key++)
		mine_key(key, key * TIME);
	mine_key(4, TIME / 2);
	expect_failed(coins_merge(coins, &sent, &coins_fault, 6, 10, text_of("")), COINS_E_PAYMENT, PAYMENT_E_FEW,
		      "nothing to merge");
	/* the three smallest */
	ck_assert_int_eq(coins_merge(coins, &sent, &coins_fault, 2, 3, text_of("")), 0);
	ck_assert_uint_eq(sent.input_count, 3);
	ck_assert_uint_eq(sent.inputs, 7 * TIME / 2);
	expect_now(7 * TIME, 0, sent.inputs - sent.fee, sent.inputs);
	must_finalize_sent();
	/* of one address, for it again */
	mine_key(3, TIME);
	ck_assert_int_eq(coins_merge(coins, &sent, &coins_fault, 2, 10, text_of(address_of(3))), 0);
	ck_assert_uint_eq(sent.inputs, 4 * TIME);
	look_at(address_of(3));
	expect_sums(0, 0, 4 * TIME - sent.fee, 4 * TIME);
	/* of an address that is not ours there is nothing to merge */
	expect_failed(coins_merge(coins, &sent, &coins_fault, 2, 10, text_of(f->owners[1].address)), COINS_E_PAYMENT,
		      PAYMENT_E_FEW, "0 coins");
}
END_TEST

#define SENDERS 3
#define EACH 6

static void *send_some(void *arg)
{
	const struct payment_target target = {text_of(f->owners[7].address), TIME};
	int *done = arg;

	for (int i = 0; i < EACH; i++) {
		struct coins_fault why;
		struct coins_sent out;

		*done += coins_send(coins, &out, &why, &target, 1) == 0;
	}
	return NULL;
}

/* As many payments as there are coins, at once: the pool has nothing to refuse. */
START_TEST(payments_at_once)
{
	struct thread threads[SENDERS];
	int done[SENDERS] = {0}, all = 0;

	for (uint32_t i = 0; i < SENDERS * EACH; i++)
		mine_key(i % 4, TIME + TIME / 2);
	for (int i = 0; i < SENDERS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "rpc", send_some, &done[i]), 0);
	for (int i = 0; i < SENDERS; i++) {
		thread_join(&threads[i]);
		all += done[i];
	}
	ck_assert_int_eq(all, SENDERS * EACH);
	ck_assert_int_eq(refused, 0);
	expect_count(SENDERS * EACH);
}
END_TEST

/* ---- signatures */

static struct coins_signed result_of_sign;
static struct arena sign_arena;

static int sign(struct wire_transaction *tx)
{
	return coins_sign(coins, &result_of_sign, &coins_fault, &sign_arena, tx);
}

/* The first coin of the list and a coin of the fixture, unsigned. */
static struct wire_transaction unsigned_of(const struct fixture_coin *theirs)
{
	struct fixture_coin two[2] = {{list.items[0].outpoint, list.items[0].value, theirs->owner}, *theirs};
	struct wire_transaction tx = fixture_pay(f, two, 2, 1, OWNERS_FEE);

	tx.inputs.items[0].script_sig = (struct wire_bytes){NULL, 0};
	return tx;
}

START_TEST(signing_what_others_have_built)
{
	struct fixture_coin theirs;
	struct wire_transaction tx;
	struct wire_bytes kept;

	arena_init(&sign_arena, (size_t)1 << 20, NULL);
	mine_key(1, 10 * TIME);
	look();
	theirs = take_coin();
	tx = unsigned_of(&theirs);
	kept = tx.inputs.items[1].script_sig;
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert(result_of_sign.complete);
	ck_assert_ptr_null(result_of_sign.errors[0]);
	ck_assert_ptr_eq(tx.inputs.items[1].script_sig.ptr, kept.ptr);
	must_insert(&tx);
	/* spent by one in the pool: the coin is there still, it is for the pool to refuse */
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert(result_of_sign.complete);

	tx.inputs.items[1].script_sig.len = 0;
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert(!result_of_sign.complete);
	ck_assert_str_eq(result_of_sign.errors[1], "its owner has not signed it");
	tx.inputs.items[1].script_sig = tx.inputs.items[0].script_sig;
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert_str_eq(result_of_sign.errors[1], "it is signed by another key than its owner's");
	tx.inputs.items[1].script_sig = kept;
	tx.outputs.items[0].value--;
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert_ptr_null(result_of_sign.errors[0]);
	ck_assert_str_eq(result_of_sign.errors[1], "its signature does not verify");
	tx.inputs.items[1].previous_output.vout = 77;
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert_str_eq(result_of_sign.errors[1], "it spends no output that is unspent");
	tx.inputs.len = 0;
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert(!result_of_sign.complete);
	arena_free(&sign_arena);
}
END_TEST

START_TEST(a_locked_wallet)
{
	static const struct wallet_kdf cheap = {1, 8192};
	struct wire_transaction tx;
	char why[WALLET_TEXT_SIZE];
	struct fixture_coin theirs;

	arena_init(&sign_arena, (size_t)1 << 20, NULL);
	mine_key(1, 10 * TIME);
	ck_assert_int_eq(wallet_encrypt(wallet, why, "open", 4, &cheap), 0);
	expect_confirmed(10 * TIME);
	expect_failed(send_to(f->owners[7].address, TIME), COINS_E_PAYMENT, PAYMENT_E_LOCKED, "walletpassphrase");
	theirs = take_coin();
	tx = unsigned_of(&theirs);
	expect_failed(sign(&tx), COINS_E_PAYMENT, PAYMENT_E_LOCKED, "walletpassphrase");
	/* of which nothing is ours: that needs no secret */
	tx.inputs.items++;
	tx.inputs.len--;
	ck_assert_int_eq(sign(&tx), 0);
	ck_assert_int_eq(wallet_unlock(wallet, why, "open", 4, WALLET_FOR_EVER), 0);
	must_send(TIME);
	arena_free(&sign_arena);
}
END_TEST

/* Locked, it cannot know whom the blocks pay once its keys known in advance are used up: it looks at them later. */
START_TEST(a_locked_wallet_without_keys_waits)
{
	static const struct wallet_kdf cheap = {1, 8192};
	struct wallet_state state;
	char why[WALLET_TEXT_SIZE];

	ck_assert_int_eq(wallet_encrypt(wallet, why, "open", 4, &cheap), 0);
	mine_key(1, TIME);
	(void)watched();
	ck_assert_uint_eq(coins_followed(coins).height, tip->block.header.height);
	wallet_get_state(wallet, &state);
	wallet_use_key(wallet, state.known - WALLET_GAP / 2);
	mine_key(2, TIME);
	(void)watched();
	ck_assert_uint_eq(coins_followed(coins).height, tip->block.header.height - 1);
	ck_assert_int_eq(wallet_unlock(wallet, why, "open", 4, WALLET_FOR_EVER), 0);
	wallet_tick(wallet);
	(void)watched();
	ck_assert_uint_eq(coins_followed(coins).height, tip->block.header.height);
}
END_TEST

/* The wallet is as if it knew so many keys only; 0: all. */
static uint32_t known_keys;
/* Unlocked after so many answers by which it does not know enough. */
static int unlock_after;
/* A key of which it has said that it is its own. */
static uint32_t found_key;

void __real_wallet_get_state(struct wallet *w, struct wallet_state *out);
void __wrap_wallet_get_state(struct wallet *w, struct wallet_state *out);
bool __real_wallet_find(struct wallet *w, uint32_t *index, const uint8_t *script, size_t len);
bool __wrap_wallet_find(struct wallet *w, uint32_t *index, const uint8_t *script, size_t len);
int __real_chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height);
int __wrap_chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height);

void __wrap_wallet_get_state(struct wallet *w, struct wallet_state *out)
{
	__real_wallet_get_state(w, out);
	if (known_keys == 0 || out->watched <= known_keys)
		return;
	out->watched = known_keys;
	if (--unlock_after == 0)
		known_keys = 0;
}

bool __wrap_wallet_find(struct wallet *w, uint32_t *index, const uint8_t *script, size_t len)
{
	if (!__real_wallet_find(w, index, script, len) || (known_keys > 0 && *index >= known_keys))
		return false;
	if (*index > found_key)
		found_key = *index;
	return true;
}

static bool in_order;

int __wrap_chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height)
{
	if (in_order)
		ck_assert_uint_eq(height, coins_followed(coins).height + 1);
	return __real_chain_view_block(view, out, arena, height);
}

/* Whenever it is unlocked, no block is passed over that pays to keys which it did not know. */
START_TEST(a_wallet_that_is_unlocked_meanwhile)
{
	struct wire_transaction txs[2] = {pay_key(28, TIME), pay_key(10, TIME)};

	found_key = 0;
	mine(txs, 2);
	mine_key(2, TIME);
	known_keys = 25;
	unlock_after = _i;
	in_order = true;
	(void)watched();
	(void)watched();
	in_order = false;
	ck_assert_uint_eq(known_keys, 0);
	ck_assert_uint_eq(coins_followed(coins).height, tip->block.header.height);
	ck_assert_uint_eq(found_key, 28);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("coins");
	TCase *c = tcase_create("coins");

	tcase_add_checked_fixture(c, coins_and_list_setup, coins_and_list_teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, nothing);
	tcase_add_test(c, confirmed_coins_of_several_keys);
	tcase_add_test(c, incoming_finalised_confirmed);
	tcase_add_test(c, outgoing_and_its_change);
	tcase_add_test(c, an_incoming_coin_that_is_spent);
	tcase_add_test(c, a_reorganisation_takes_coins_away);
	tcase_add_test(c, the_pool_lags_behind);
	tcase_add_test(c, by_addresses);
	tcase_add_test(c, more_coins_than_are_listed);
	tcase_add_test(c, coins_of_the_chain_move_the_gap_at_start);
	tcase_add_test(c, coins_of_the_pool_move_the_gap);
	tcase_add_test(c, a_key_that_is_empty_again_is_used);
	tcase_add_test(c, a_restored_wallet_finds_its_last_change);
	tcase_add_test(c, blocks_of_another_branch_are_looked_at);
	tcase_add_test(c, a_payment);
	tcase_add_test(c, a_coin_is_not_spent_twice);
	tcase_add_test(c, what_the_pool_refuses_keeps_no_coin);
	tcase_add_test(c, what_is_refused_uses_up_no_key);
	tcase_add_test(c, a_conflict_is_tried_again);
	tcase_add_test(c, nothing_is_sent_when_the_keys_cannot_be_saved);
	tcase_add_test(c, what_cannot_be_paid);
	tcase_add_test(c, finalised_coins_come_second);
	tcase_add_test(c, incoming_coins_are_not_spent);
	tcase_add_test(c, merging);
	tcase_add_test(c, payments_at_once);
	tcase_add_test(c, signing_what_others_have_built);
	tcase_add_test(c, a_locked_wallet);
	tcase_add_test(c, a_locked_wallet_without_keys_waits);
	tcase_add_loop_test(c, a_wallet_that_is_unlocked_meanwhile, 1, 8);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
