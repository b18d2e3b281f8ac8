// SPDX-License-Identifier: MIT
/* The pool: what it takes and what it refuses, orphans, expiry, lookups. */
#include "pool_fixture.h"
#include "run_suite.h"

/* ---- taken ---- */

START_TEST(a_good_one_is_taken)
{
	struct wire_transaction tx = pay();
	struct wire_hash txid = txid_of(&tx);
	struct pool_info info;

	must_insert(&tx);
	ck_assert_uint_eq(result.fee, COIN_FEE);
	ck_assert_uint_eq(result.size, wire_bincode_size_value(&wire_desc_transaction, &tx));
	EXPECT_EVENTS({POOL_ADDED, &tx});
	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	ck_assert(hash_equal(&info.tx->txid, &txid));
	ck_assert_uint_eq(info.tx->fee, COIN_FEE);
	ck_assert_uint_eq(info.tx->size, result.size);
	ck_assert_uint_eq(info.tx->coins[0].value, COIN_VALUE);
	ck_assert(!info.finalized);
	ck_assert_int_eq(info.inserted_s, now_s);
	ck_assert_uint_eq(info.ancestors.count, 1);
	ck_assert_uint_eq(info.descendants.count, 1);
	pool_info_free(&info);
}
END_TEST

START_TEST(what_was_handed_out_outlives_the_pool)
{
	struct wire_transaction tx = pay();
	struct wire_hash txid = txid_of(&tx), again;
	struct pool_info info;

	must_insert(&tx);
	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	pool_free(pool);
	pool = NULL;
	hash_txid(&again, &info.tx->transaction);
	expect_hash(&again, &txid);
	ck_assert_int_eq((int)events.first->kind, POOL_ADDED);
	expect_hash(&events.first->tx->txid, &txid);
	pool_info_free(&info);
}
END_TEST

START_TEST(the_sums_are_kept)
{
	struct wire_transaction a = pay(), b = pay();
	struct pool_summary empty = summary(), s;
	size_t bytes;

	must_insert(&a);
	bytes = result.size;
	must_insert(&b);
	s = summary();
	ck_assert_uint_eq(s.count, 2);
	ck_assert_uint_eq(s.finalized, 0);
	ck_assert_uint_eq(s.bytes, bytes + result.size);
	ck_assert_uint_eq(s.fees, 2 * COIN_FEE);
	ck_assert_uint_gt(s.usage_bytes, empty.usage_bytes + s.bytes);
	expect_hash(&s.tip.hash, &tip->ids.hash);
	ck_assert_int_eq(reject(&a), 0);
	ck_assert_int_eq(reject(&b), 0);
	s = summary();
	ck_assert_uint_eq(s.count, 0);
	ck_assert_uint_eq(s.bytes, 0);
	ck_assert_uint_eq(s.fees, 0);
}
END_TEST

START_TEST(a_chain_of_unconfirmed_ones)
{
	/* and totals over relatives, where one is an ancestor by two ways */
	struct fixture_coin coin = take_coin(), both[2];
	struct wire_transaction a = split(&coin, 2, COIN_FEE), b = spend(&a, 0), c = spend(&a, 1), d;
	struct wire_hash txid_a = txid_of(&a), txid_d;
	struct pool_info info;

	both[0] = output_of(&b, 0);
	both[1] = output_of(&c, 0);
	d = fixture_pay(f, both, 2, 4, COIN_FEE);
	txid_d = txid_of(&d);
	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_insert(&d);
	EXPECT_EVENTS({POOL_ADDED, &a}, {POOL_ADDED, &b}, {POOL_ADDED, &c}, {POOL_ADDED, &d});
	ck_assert_int_eq(pool_find(pool, &info, &txid_a), 0);
	ck_assert_uint_eq(info.descendants.count, 4);
	ck_assert_uint_eq(info.descendants.fees, 4 * COIN_FEE);
	ck_assert_uint_eq(info.descendants.bytes, summary().bytes);
	ck_assert_uint_eq(info.ancestors.count, 1);
	pool_info_free(&info);
	ck_assert_int_eq(pool_find(pool, &info, &txid_d), 0);
	ck_assert_uint_eq(info.ancestors.count, 4);
	ck_assert_uint_eq(info.descendants.count, 1);
	pool_info_free(&info);
}
END_TEST

START_TEST(trying_changes_nothing)
{
	struct wire_transaction tx = pay(), poor = pay_fee(999);

	ck_assert_int_eq(try_insert(&tx), 0);
	ck_assert_uint_eq(result.fee, COIN_FEE);
	ck_assert_int_eq(try_insert(&poor), POOL_E_FEE);
	expect_count(0);
	expect_no_events();
	must_insert(&tx);
	ck_assert_int_eq(try_insert(&tx), POOL_E_KNOWN);
}
END_TEST

/* ---- refused ---- */

START_TEST(no_inputs)
{
	struct wire_transaction tx = pay();

	tx.inputs.len = 0;
	expect_refused(&tx, POOL_E_COINBASE);
}
END_TEST

START_TEST(sizes)
{
	/* 1,000,000 bytes are the limit */
	static uint8_t script[WIRE_MAX_SCRIPT_BYTES];
	struct fixture_coin coin = take_coin();
	struct wire_tx_output outputs[101];
	struct wire_transaction tx = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	size_t over;

	for (size_t i = 0; i < 100; i++)
		outputs[i] = (struct wire_tx_output){.value = 1000, .script_pubkey = {script, sizeof(script)}};
	tx.outputs = (struct wire_tx_output_list){outputs, 100};
	over = wire_bincode_size_value(&wire_desc_transaction, &tx) - 1000000;
	outputs[0].script_pubkey.len -= over - 1;
	fixture_sign(f, &tx, &coin);
	expect_rule(&tx, CHAIN_E_TRANSACTION_SIZE);
	ck_assert_uint_eq(result.size, 1000001);
	outputs[0].script_pubkey.len--;
	fixture_sign(f, &tx, &coin);
	must_insert(&tx);
	ck_assert_uint_eq(result.size, 1000000);
}
END_TEST

START_TEST(an_input_twice)
{
	struct fixture_coin coins[3] = {take_coin(), take_coin()};
	struct wire_transaction tx;

	coins[2] = coins[0];
	tx = fixture_pay(f, coins, 3, 1, 10 * COIN_FEE);
	expect_rule(&tx, CHAIN_E_INPUT_TWICE);
}
END_TEST

START_TEST(form_of_the_script_sig)
{
	struct wire_transaction tx = pay();

	tx.inputs.items[0].script_sig.len--;
	expect_rule(&tx, CHAIN_E_SCRIPT_SIG);
}
END_TEST

START_TEST(another_owner)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction tx;

	coin.owner = (coin.owner + 1) % FIXTURE_OWNERS;
	tx = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	expect_rule(&tx, CHAIN_E_OWNER);
}
END_TEST

START_TEST(another_owner_of_an_unconfirmed_coin)
{
	struct wire_transaction a = pay(), b;
	struct fixture_coin coin = output_of(&a, 0);

	coin.owner = 2; /* it is 1's */
	b = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	must_insert(&a);
	expect_rule(&b, CHAIN_E_OWNER);
}
END_TEST

START_TEST(more_out_than_in)
{
	struct fixture_coin coin = take_coin();
	uint64_t value = coin.value + 1;
	int to = 1;
	struct wire_transaction tx = fixture_transaction(f, &coin, 1, &to, &value, 1);

	expect_rule(&tx, CHAIN_E_OUTPUTS_EXCEED);
}
END_TEST

START_TEST(sums_beyond_64_bits)
{
	struct fixture_coin coin = take_coin();
	uint64_t values[2] = {UINT64_MAX, 1000};
	int to[2] = {1, 1};
	struct wire_transaction tx = fixture_transaction(f, &coin, 1, to, values, 2);

	expect_rule(&tx, CHAIN_E_OVERFLOW);
}
END_TEST

START_TEST(an_output_that_its_transaction_does_not_have)
{
	struct wire_transaction a = pay(), b;
	struct fixture_coin coin = output_of(&a, 0);

	coin.outpoint.vout = 1;
	b = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	must_insert(&a);
	expect_rule(&b, CHAIN_E_INPUT_UNKNOWN);
}
END_TEST

START_TEST(dust)
{
	static const struct {
		uint64_t value;
		bool dust;
	} cases[] = {{0, false}, {1, true}, {545, true}, {546, false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture_coin coin = take_coin();
		uint64_t values[2] = {1000000, cases[i].value};
		int to[2] = {1, 2};
		struct wire_transaction tx = fixture_transaction(f, &coin, 1, to, values, 2);

		ck_assert(pool_is_dust(cases[i].value) == cases[i].dust);
		if (cases[i].dust)
			expect_refused(&tx, POOL_E_DUST);
		else
			must_insert(&tx);
	}
}
END_TEST

START_TEST(fees)
{
	/* max(1000, outputs / 1000), rounded down */
	static const struct {
		uint64_t outputs, needed;
	} cases[] = {{0, 1000},	      {1000, 1000},    {1000999, 1000},
		     {1001000, 1001}, {2000999, 2000}, {UINT64_MAX, UINT64_MAX / 1000}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(pool_policy_fee(cases[i].outputs), cases[i].needed);
}
END_TEST

START_TEST(a_fee_just_too_small)
{
	struct fixture_coin coin = take_coin(), other = take_coin();
	struct wire_transaction first = split(&coin, 1, coin.value - 2001000), tx;
	struct fixture_coin small = output_of(&first, 0); /* 2,001,000 satoshis */
	struct fixture_coin tiny;
	struct wire_transaction second = split(&other, 1, other.value - 10000);

	must_insert(&first);
	tx = fixture_pay(f, &small, 1, 1, 1998); /* outputs 1,999,002 need 1999 */
	expect_refused(&tx, POOL_E_FEE);
	ck_assert_uint_eq(result.fee, 1998);
	tx = fixture_pay(f, &small, 1, 1, 1999); /* outputs 1,999,001 need 1999 */
	must_insert(&tx);
	must_insert(&second);
	tiny = output_of(&second, 0);
	tx = fixture_pay(f, &tiny, 1, 1, 999);
	expect_refused(&tx, POOL_E_FEE);
	tx = fixture_pay(f, &tiny, 1, 1, 1000);
	must_insert(&tx);
}
END_TEST

START_TEST(known)
{
	struct wire_transaction tx = pay();

	must_insert(&tx);
	expect_refused(&tx, POOL_E_KNOWN);
	expect_count(1);
}
END_TEST

START_TEST(in_the_chain)
{
	struct wire_transaction tx = pay();

	mine_one(&tx);
	expect_refused(&tx, POOL_E_IN_CHAIN);
}
END_TEST

START_TEST(conflicts)
{
	struct fixture_coin coin = take_coin(), other = take_coin(), coins[2] = {other, coin};
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				b = fixture_pay(f, coins, 2, 2, 20 * COIN_FEE);
	struct wire_hash txid = txid_of(&a);

	must_insert(&a);
	forget_events();
	expect_refused(&b, POOL_E_CONFLICT); /* however much it pays */
	expect_hash(&result.other, &txid);
	expect_hash(&result.outpoint.txid, &coin.outpoint.txid);
	ck_assert_uint_eq(result.outpoint.vout, coin.outpoint.vout);
	expect_no_events();
	ck_assert(has(&a));
	/* of an unconfirmed coin */
	b = spend(&a, 0);
	must_insert(&b);
	b = spend_fee(&a, 0, 2 * COIN_FEE);
	expect_refused(&b, POOL_E_CONFLICT);
}
END_TEST

START_TEST(spent_in_the_chain)
{
	struct fixture_coin coin = take_coin(), never = take_coin();
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE), b = fixture_pay(f, &coin, 1, 2, COIN_FEE);

	mine_one(&a);
	expect_refused(&b, POOL_E_SPENT);
	expect_hash(&result.outpoint.txid, &coin.outpoint.txid);
	ck_assert_uint_eq(result.outpoint.vout, coin.outpoint.vout);
	never.outpoint.vout = FIXTURE_REWARDS;
	b = fixture_pay(f, &never, 1, 2, COIN_FEE);
	expect_refused(&b, POOL_E_SPENT);
	ck_assert_uint_eq(summary().orphans, 0);
}
END_TEST

START_TEST(rejected_by_votes)
{
	struct wire_transaction tx = pay(), other;
	struct fixture_coin coin;

	must_insert(&tx);
	ck_assert_int_eq(reject(&tx), 0);
	forget_events();
	expect_refused(&tx, POOL_E_WAS_REJECTED);
	/* its inputs are free */
	coin = fixture_reward(f, fixture_ancestor(tip, 1), 0);
	other = fixture_pay(f, &coin, 1, 5, COIN_FEE);
	must_insert(&other);
	ck_assert_int_eq(reject(&other), 0);
	/* and votes are forgotten with time */
	now_s += 72 * 3600;
	must_insert(&tx);
}
END_TEST

/* ---- orphans ---- */

START_TEST(an_orphan_waits_for_its_parent)
{
	struct wire_transaction a = pay(), b = spend(&a, 0), c = spend(&b, 0);
	struct wire_hash txid = txid_of(&b);

	expect_refused(&c, POOL_E_ORPHAN);
	expect_hash(&result.outpoint.txid, &txid);
	expect_refused(&b, POOL_E_ORPHAN);
	expect_refused(&b, POOL_E_ORPHAN); /* once */
	ck_assert_uint_eq(summary().orphans, 2);
	expect_no_events();
	must_insert(&a);
	EXPECT_EVENTS({POOL_ADDED, &a}, {POOL_ADDED, &b}, {POOL_ADDED, &c});
	ck_assert_uint_eq(summary().orphans, 0);
	ck_assert_uint_eq(summary().orphan_bytes, 0);
}
END_TEST

START_TEST(an_orphan_of_two_unknown_parents)
{
	struct wire_transaction a = pay(), b = pay(), c;
	struct fixture_coin coins[2];

	coins[0] = output_of(&a, 0);
	coins[1] = output_of(&b, 0);
	c = fixture_pay(f, coins, 2, 3, 3 * COIN_FEE);
	expect_refused(&c, POOL_E_ORPHAN);
	must_insert(&a);
	ck_assert(!has(&c));
	ck_assert_uint_eq(summary().orphans, 1);
	must_insert(&b);
	ck_assert(has(&c));
}
END_TEST

START_TEST(an_orphan_whose_parent_comes_in_a_block)
{
	struct wire_transaction a = pay(), b = spend(&a, 0);

	expect_refused(&b, POOL_E_ORPHAN);
	mine_one(&a);
	EXPECT_EVENTS({POOL_ADDED, &b});
}
END_TEST

START_TEST(an_orphan_that_proves_bad_is_dropped)
{
	struct wire_transaction a = pay(), b;
	struct fixture_coin coin = output_of(&a, 0);

	coin.owner = 2;
	b = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	expect_refused(&b, POOL_E_ORPHAN);
	must_insert(&a);
	EXPECT_EVENTS({POOL_ADDED, &a});
	ck_assert_uint_eq(summary().orphans, 0);
}
END_TEST

START_TEST(our_own_orphans_are_not_kept)
{
	struct wire_transaction a = pay(), b = spend(&a, 0);

	ck_assert_int_eq(insert_from(&b, NULL), POOL_E_ORPHAN);
	ck_assert_uint_eq(summary().orphans, 0);
	ck_assert_int_eq(try_insert(&b), POOL_E_ORPHAN);
	ck_assert_uint_eq(summary().orphans, 0);
}
END_TEST

START_TEST(orphans_are_bounded_and_the_greedy_peer_loses)
{
	static const struct net_ip modest = {{2}};
	struct fixture_coin coin = take_coin();
	struct wire_transaction maker = split(&coin, 64, COIN_FEE), kids[8];

	pool_free(pool);
	pool_params.max_orphans = 5;
	must_create();
	for (uint32_t i = 0; i < 8; i++)
		kids[i] = spend_fee(&maker, i, 100000);
	ck_assert_int_eq(insert_from(&kids[0], &modest), POOL_E_ORPHAN);
	for (int i = 1; i < 8; i++)
		expect_refused(&kids[i], POOL_E_ORPHAN);
	ck_assert_uint_eq(summary().orphans, 5);
	must_insert(&maker);
	ck_assert(has(&kids[0]));
	for (int i = 1; i < 8; i++)
		ck_assert(has(&kids[i]) == (i >= 4)); /* its oldest went */
}
END_TEST

START_TEST(orphans_are_bounded_in_bytes)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction maker = split(&coin, 64, COIN_FEE),
				kids[2] = {spend_fee(&maker, 0, 100000), spend_fee(&maker, 1, 100000)};
	size_t size = wire_bincode_size_value(&wire_desc_transaction, &kids[0]);

	pool_free(pool);
	pool_params.max_orphan_bytes = 10 * size - 1;
	must_create();
	expect_refused(&kids[0], POOL_E_ORPHAN);
	ck_assert_uint_eq(summary().orphans, 0); /* over a tenth of the room */
	pool_free(pool);
	pool_params.max_orphan_bytes = 10 * size;
	must_create();
	for (uint32_t i = 0; i < 12; i++) {
		struct wire_transaction kid = spend_fee(&maker, i, 100000);

		expect_refused(&kid, POOL_E_ORPHAN);
		ck_assert_uint_le(summary().orphan_bytes, 10 * size);
	}
	ck_assert_uint_ge(summary().orphans, 9);
}
END_TEST

START_TEST(orphans_go_with_their_peer)
{
	static const struct net_ip other = {{2}};
	struct wire_transaction a = pay(), b = spend(&a, 0), c = pay(), d = spend(&c, 0);

	expect_refused(&b, POOL_E_ORPHAN);
	ck_assert_int_eq(insert_from(&d, &other), POOL_E_ORPHAN);
	pool_forget_peer(pool, &some_peer);
	ck_assert_uint_eq(summary().orphans, 1);
	must_insert(&a);
	must_insert(&c);
	ck_assert(!has(&b));
	ck_assert(has(&d));
}
END_TEST

START_TEST(orphans_go_with_time)
{
	struct wire_transaction a = pay(), b = spend(&a, 0);

	expect_refused(&b, POOL_E_ORPHAN);
	pool_expire(pool, &events, now_s + 20 * 60 - 1);
	ck_assert_uint_eq(summary().orphans, 1);
	pool_expire(pool, &events, now_s + 20 * 60);
	ck_assert_uint_eq(summary().orphans, 0);
}
END_TEST

/* ---- expiry ---- */

START_TEST(pending_ones_go_after_72_hours)
{
	struct wire_transaction a = pay(), b = spend(&a, 0), c = pay();
	int64_t begun = now_s;

	must_insert(&a);
	now_s += 10;
	must_insert(&b);
	must_insert(&c);
	forget_events();
	pool_expire(pool, &events, begun + 72 * 3600 - 1);
	expect_no_events();
	pool_expire(pool, &events, begun + 72 * 3600);
	ck_assert_int_eq(events.first->kind, POOL_EXPIRED);
	EXPECT_EVENTS({POOL_EXPIRED, &a}, {POOL_EXPIRED, &b}); /* what stands on it goes along */
	pool_expire(pool, &events, begun + 10 + 72 * 3600);
	EXPECT_EVENTS({POOL_EXPIRED, &c});
	expect_count(0);
}
END_TEST

START_TEST(what_a_finalized_one_stands_on_does_not_expire)
{
	struct wire_transaction a = pay(), b = spend(&a, 0);

	must_insert(&a);
	must_insert(&b);
	must_finalize(&b);
	forget_events();
	pool_expire(pool, &events, now_s + 100 * 3600);
	expect_no_events();
	expect_count(2);
}
END_TEST

/* ---- lookups ---- */

START_TEST(by_spender_and_output)
{
	struct wire_transaction a = pay();
	struct wire_outpoint out = {txid_of(&a), 0}, none = {txid_of(&a), 1};
	struct pool_info info;
	struct arena arena;
	struct coin coin;

	arena_init(&arena, 4096, NULL);
	must_insert(&a);
	ck_assert_int_eq(pool_find_spender(pool, &info, &a.inputs.items[0].previous_output), 0);
	expect_hash(&info.tx->txid, &out.txid);
	pool_info_free(&info);
	ck_assert_int_eq(pool_find_spender(pool, &info, &out), POOL_E_UNKNOWN);
	ck_assert_int_eq(pool_find_output(pool, &coin, &arena, &out), 0);
	ck_assert_uint_eq(coin.value, a.outputs.items[0].value);
	ck_assert_mem_eq(coin.script.ptr, f->owners[1].address, coin.script.len);
	ck_assert_int_eq(pool_find_output(pool, &coin, &arena, &none), POOL_E_UNKNOWN);
	arena_free(&arena);
}
END_TEST

static size_t count_script(int owner)
{
	const char *address = f->owners[owner].address;
	struct wire_bytes script = {(const uint8_t *)address, strlen(address)};
	struct pool_list list;
	size_t count;

	ck_assert_int_eq(pool_list_script(pool, &list, &script), 0);
	count = list.count;
	for (size_t i = 1; i < count; i++)
		ck_assert_uint_lt(list.items[i - 1].order, list.items[i].order);
	pool_list_free(&list);
	return count;
}

START_TEST(by_script)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction a = split(&coin, 2, COIN_FEE), b = spend(&a, 0); /* to 3; from 3 to 2 */

	ck_assert_uint_eq(count_script(3), 0);
	must_insert(&a);
	ck_assert_uint_eq(count_script(3), 1); /* though two outputs are his */
	ck_assert_uint_eq(count_script(coin.owner), 1);
	must_insert(&b);
	ck_assert_uint_eq(count_script(3), 2); /* he spends */
	ck_assert_uint_eq(count_script(2), coin.owner == 2 ? 2 : 1);
	ck_assert_int_eq(reject(&a), 0);
	for (int owner = 0; owner < FIXTURE_OWNERS; owner++)
		ck_assert_uint_eq(count_script(owner), 0);
}
END_TEST

START_TEST(lists)
{
	struct wire_transaction a = pay(), b = pay(), c = pay();
	struct wire_hash txid = txid_of(&b);
	struct pool_list list;

	ck_assert_int_eq(pool_list(pool, &list, POOL_ALL), 0);
	ck_assert_uint_eq(list.count, 0);
	pool_list_free(&list);
	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_finalize(&b);
	ck_assert_int_eq(pool_list(pool, &list, POOL_ALL), 0);
	ck_assert_uint_eq(list.count, 3);
	expect_hash(&list.items[1].tx->txid, &txid);
	pool_list_free(&list);
	ck_assert_int_eq(pool_list(pool, &list, POOL_ONLY_FINALIZED), 0);
	ck_assert_uint_eq(list.count, 1);
	expect_hash(&list.items[0].tx->txid, &txid);
	pool_list_free(&list);
	ck_assert_int_eq(pool_list(pool, &list, POOL_ONLY_PENDING), 0);
	ck_assert_uint_eq(list.count, 2);
	pool_list_free(&list);
}
END_TEST

START_TEST(states_of_outpoints)
{
	struct wire_transaction a = pay(), b = spend(&a, 0);
	struct wire_outpoint outpoints[3] = {a.inputs.items[0].previous_output, {txid_of(&a), 0}, {txid_of(&b), 0}};
	struct wire_hash txid_a = txid_of(&a);
	struct pool_outpoint_state states[3];

	pool_outpoint_states(pool, states, outpoints, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(states[i].known, POOL_OUTPOINT_UNKNOWN);
	must_insert(&a);
	pool_note_votes(pool, &txid_a, 2, 4);
	pool_outpoint_states(pool, states, outpoints, 3);
	ck_assert_int_eq(states[0].known, POOL_OUTPOINT_SPENT);
	ck_assert_int_eq(states[0].state.tag, WIRE_UTXO_SPENT_PENDING);
	expect_hash(&states[0].state.u.spent_pending.txid, &txid_a);
	ck_assert_uint_eq(states[0].state.u.spent_pending.votes, 2);
	ck_assert_uint_eq(states[0].state.u.spent_pending.total_nodes, 4);
	ck_assert_int_eq(states[0].state.u.spent_pending.spent_at, now_s);
	ck_assert_int_eq(states[1].known, POOL_OUTPOINT_CREATED);
	ck_assert(!states[1].finalized);
	must_insert(&b);
	now_s++;
	must_finalize(&a);
	pool_note_votes(pool, &txid_a, 1, 4); /* too late to matter */
	pool_outpoint_states(pool, states, outpoints, 3);
	ck_assert_int_eq(states[0].state.tag, WIRE_UTXO_SPENT_FINALIZED);
	ck_assert_uint_eq(states[0].state.u.spent_finalized.votes, 3);
	ck_assert_int_eq(states[0].state.u.spent_finalized.finalized_at, now_s);
	ck_assert_int_eq(states[1].state.tag, WIRE_UTXO_SPENT_PENDING);
	ck_assert_int_eq(states[2].known, POOL_OUTPOINT_CREATED);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(pool_outcome_name(POOL_E_RULE), "POOL_E_RULE");
	ck_assert_str_eq(pool_outcome_name(POOL_E_TIP), "POOL_E_TIP");
	for (int i = POOL_E_RULE; i <= POOL_E_TIP; i++)
		ck_assert_ptr_nonnull(pool_outcome_name(i));
	ck_assert_str_eq(pool_outcome_name(POOL_E_RULE - 1), "?");
	ck_assert_str_eq(pool_outcome_name(POOL_E_TIP + 1), "?");
	ck_assert_str_eq(pool_event_name(POOL_CONFLICTED), "conflicted");
}
END_TEST

static void add_insertion(Suite *suite)
{
	TCase *c = tcase_create("insertion");

	tcase_add_checked_fixture(c, pool_setup, pool_teardown);
	tcase_add_test(c, a_good_one_is_taken);
	tcase_add_test(c, what_was_handed_out_outlives_the_pool);
	tcase_add_test(c, the_sums_are_kept);
	tcase_add_test(c, a_chain_of_unconfirmed_ones);
	tcase_add_test(c, trying_changes_nothing);
	tcase_add_test(c, no_inputs);
	tcase_add_test(c, sizes);
	tcase_add_test(c, an_input_twice);
	tcase_add_test(c, form_of_the_script_sig);
	tcase_add_test(c, another_owner);
	tcase_add_test(c, another_owner_of_an_unconfirmed_coin);
	tcase_add_test(c, more_out_than_in);
	tcase_add_test(c, sums_beyond_64_bits);
	tcase_add_test(c, an_output_that_its_transaction_does_not_have);
	tcase_add_test(c, dust);
	tcase_add_test(c, fees);
	tcase_add_test(c, a_fee_just_too_small);
	tcase_add_test(c, known);
	tcase_add_test(c, in_the_chain);
	tcase_add_test(c, conflicts);
	tcase_add_test(c, spent_in_the_chain);
	tcase_add_test(c, rejected_by_votes);
	suite_add_tcase(suite, c);
}

static void add_orphans(Suite *suite)
{
	TCase *c = tcase_create("orphans and expiry");

	tcase_add_checked_fixture(c, pool_setup, pool_teardown);
	tcase_add_test(c, an_orphan_waits_for_its_parent);
	tcase_add_test(c, an_orphan_of_two_unknown_parents);
	tcase_add_test(c, an_orphan_whose_parent_comes_in_a_block);
	tcase_add_test(c, an_orphan_that_proves_bad_is_dropped);
	tcase_add_test(c, our_own_orphans_are_not_kept);
	tcase_add_test(c, orphans_are_bounded_and_the_greedy_peer_loses);
	tcase_add_test(c, orphans_are_bounded_in_bytes);
	tcase_add_test(c, orphans_go_with_their_peer);
	tcase_add_test(c, orphans_go_with_time);
	tcase_add_test(c, pending_ones_go_after_72_hours);
	tcase_add_test(c, what_a_finalized_one_stands_on_does_not_expire);
	suite_add_tcase(suite, c);
}

static void add_lookups(Suite *suite)
{
	TCase *c = tcase_create("lookups");

	tcase_add_checked_fixture(c, pool_setup, pool_teardown);
	tcase_add_test(c, by_spender_and_output);
	tcase_add_test(c, by_script);
	tcase_add_test(c, lists);
	tcase_add_test(c, states_of_outpoints);
	tcase_add_test(c, names);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("pool");

	add_insertion(suite);
	add_orphans(suite);
	add_lookups(suite);
	return run_suite(suite);
}
