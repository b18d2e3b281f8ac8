// SPDX-License-Identifier: MIT
/* chain_store: views, what they show and that they stay as they were; certificates. */
#include "chain_test.h"

#include "run_suite.h"
#include "timed/util/thread.h"
#include "timeproto/wire/bincode.h"

/* ---- views ---- */

static bool count_coin(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	size_t *count = user;

	(void)outpoint;
	(void)coin;
	(*count)++;
	return true;
}

START_TEST(a_view_stays_as_it_was)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second;
	struct fixture_coin coin = fixture_reward(f, first, 0);
	struct wire_transaction pay = fixture_pay(f, &coin, 1, 1, 0);
	struct wire_hash hash, expected;
	struct chain_view *view;
	struct arena arena;
	struct coin found;
	size_t count = 0;

	arena_init(&arena, SIZE_MAX, NULL);
	must_open_chain();
	must_connect(first);
	must_flush();
	view = chain_store_view(chain);
	second = fixture_block(f, first, &pay, 1, 0);
	must_connect(second);
	must_flush();
	must_connect_up_to(fixture_extend(f, second, 5, 0));

	ck_assert_uint_eq(chain_view_summary(view)->tip.height, 1);
	ck_assert_int_eq(chain_view_coin(view, &found, &arena, &coin.outpoint), 0);
	ck_assert_uint_eq(found.value, coin.value);
	ck_assert_int_eq(chain_view_hash(view, &hash, 2), STORE_E_NOT_FOUND);
	ck_assert_int_eq(chain_view_coins(view, count_coin, &count), 0);
	ck_assert_uint_eq(count, 1 + FIXTURE_REWARDS);
	ck_assert_int_eq(chain_view_state_hash(view, &hash), 0);
	fixture_state_hash(f, first, &expected);
	expect_hash(&hash, &expected);
	chain_view_unref(view);
	chain_view_unref(NULL);

	view = chain_store_view(chain);
	ck_assert_int_eq(chain_view_coin(view, &found, &arena, &coin.outpoint), STORE_E_NOT_FOUND);
	chain_view_unref(view);
	arena_free(&arena);
}
END_TEST

START_TEST(a_view_shows_what_is_written_and_nothing_else)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0);
	struct chain_view *view;

	must_open_chain();
	must_connect(first);
	view = chain_store_view(chain);
	ck_assert_uint_eq(chain_view_summary(view)->tip.height, 0);
	ck_assert_uint_eq(chain_store_tip(chain)->height, 1);
	chain_view_unref(view);
	must_flush();
	expect_tip(first);
	/* nothing new: the view, and what it has computed, stay */
	view = chain_store_view(chain);
	ck_assert_int_eq(chain_store_flush(chain, true), 0);
	ck_assert_ptr_eq(chain_store_view(chain), view);
	chain_view_unref(view);
	chain_view_unref(view);
}
END_TEST

START_TEST(a_view_answers_by_height_hash_and_txid)
{
	const struct fixture_block *tip = f->root, *block;
	struct wire_block_header header;
	struct wire_hash hash, unknown = {{9}};
	struct store_value bytes;
	struct wire_block read;
	struct chain_view *view;
	struct buf encoded = BUF_INIT;
	struct arena arena;
	uint64_t height;
	uint32_t position;

	arena_init(&arena, SIZE_MAX, NULL);
	must_open_chain();
	for (int i = 0; i < 20; i++)
		tip = fixture_random_block(f, tip, 5, 0);
	must_connect_up_to(tip);
	view = chain_store_view(chain);
	for (uint64_t h = 0; h <= 20; h++) {
		block = fixture_ancestor(tip, h);
		ck_assert_int_eq(chain_view_hash(view, &hash, h), 0);
		expect_hash(&hash, &block->ids.hash);
		ck_assert_int_eq(chain_view_header(view, &header, h), 0);
		expect_hash(&header.merkle_root, &block->block.header.merkle_root);
		ck_assert_int_eq(chain_view_height(view, &height, &hash), 0);
		ck_assert_uint_eq(height, h);
		buf_reset(&encoded);
		ck_assert_int_eq(wire_bincode_encode_value(&encoded, &wire_desc_block, &block->block), 0);
		ck_assert_int_eq(chain_view_block_bytes(view, &bytes, h), 0);
		ck_assert_uint_eq(bytes.len, encoded.len);
		ck_assert_mem_eq(bytes.data, encoded.data, bytes.len);
		store_value_free(&bytes);
		ck_assert_int_eq(chain_view_block(view, &read, &arena, h), 0);
		ck_assert_ptr_null(read.commit);
		for (size_t i = 0; i < block->block.transactions.len; i++) {
			hash_txid(&hash, &read.transactions.items[i]);
			expect_hash(&hash, &block->ids.txids[i]);
			ck_assert_int_eq(chain_view_transaction(view, &height, &position, &hash), 0);
			ck_assert_uint_eq(height, h);
			ck_assert_uint_eq(position, i);
		}
	}
	ck_assert_int_eq(chain_view_hash(view, &hash, 21), STORE_E_NOT_FOUND);
	ck_assert_int_eq(chain_view_header(view, &header, UINT64_MAX), STORE_E_NOT_FOUND);
	ck_assert_int_eq(chain_view_block_bytes(view, &bytes, 21), STORE_E_NOT_FOUND);
	ck_assert_int_eq(chain_view_block(view, &read, &arena, 21), STORE_E_NOT_FOUND);
	ck_assert_int_eq(chain_view_height(view, &height, &unknown), STORE_E_NOT_FOUND);
	ck_assert_int_eq(chain_view_transaction(view, &height, &position, &unknown), STORE_E_NOT_FOUND);
	chain_view_unref(view);
	buf_free(&encoded);
	arena_free(&arena);
}
END_TEST

struct seen_coins {
	const struct wire_bytes *script; /* every coin must have it */
	uint64_t value;
	size_t count, stop_after;
};

static bool see_coin(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	struct seen_coins *seen = user;

	(void)outpoint;
	ck_assert_uint_eq(coin->script.len, seen->script->len);
	ck_assert_mem_eq(coin->script.ptr, seen->script->ptr, coin->script.len);
	seen->value += coin->value;
	return ++seen->count != seen->stop_after;
}

START_TEST(a_view_finds_the_coins_of_a_script)
{
	const struct fixture_block *tip = f->root;
	struct fixture_coin *coins;
	struct chain_view *view;
	size_t count;

	must_open_chain();
	for (int i = 0; i < 30; i++)
		tip = fixture_random_block(f, tip, 8, 0);
	must_connect_up_to(tip);
	coins = fixture_unspent(f, tip, &count);
	view = chain_store_view(chain);
	for (int owner = 0; owner < FIXTURE_OWNERS; owner++) {
		const char *address = f->owners[owner].address;
		struct wire_bytes script = {(const uint8_t *)address, strlen(address)};
		struct seen_coins seen = {.script = &script}, first = {.script = &script, .stop_after = 1};
		uint64_t value = 0;
		size_t expected = 0;

		for (size_t i = 0; i < count; i++) {
			expected += coins[i].owner == owner;
			value += coins[i].owner == owner ? coins[i].value : 0;
		}
		ck_assert_int_eq(chain_view_coins_of(view, &script, see_coin, &seen), 0);
		ck_assert_uint_eq(seen.count, expected);
		ck_assert_uint_eq(seen.value, value);
		ck_assert_int_eq(chain_view_coins_of(view, &script, see_coin, &first), 0);
		ck_assert_uint_eq(first.count, 1);
	}
	count = 0;
	ck_assert_int_eq(
		chain_view_coins_of(view, &(struct wire_bytes){(const uint8_t *)"nobody", 6}, count_coin, &count), 0);
	ck_assert_uint_eq(count, 0);
	chain_view_unref(view);
	free(coins);
}
END_TEST

static struct wire_hash hashes[4];

static void *compute_hash(void *arg)
{
	struct chain_view *view = chain_store_view(chain);

	ck_assert_int_eq(chain_view_state_hash(view, arg), 0);
	chain_view_unref(view);
	return NULL;
}

START_TEST(threads_that_ask_for_the_state_hash_get_the_same)
{
	const struct fixture_block *tip = fixture_extend(f, f->root, 500, 0);
	struct thread threads[4];
	struct wire_hash expected;

	must_open_chain();
	must_connect_up_to(tip);
	fixture_state_hash(f, tip, &expected);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(thread_start(&threads[i], "hash", compute_hash, &hashes[i]), 0);
	/* the chain goes on meanwhile */
	tip = fixture_extend(f, tip, 20, 0);
	must_connect(fixture_ancestor(tip, 501));
	for (int i = 0; i < 4; i++)
		thread_join(&threads[i]);
	for (int i = 0; i < 4; i++)
		expect_hash(&hashes[i], &expected);
}
END_TEST

START_TEST(the_state_hash_is_computed_once_for_a_view)
{
	/* whatever is written behind its back is not seen again */
	struct wire_hash first, second;
	struct chain_view *view;

	must_open_chain();
	must_connect_up_to(fixture_extend(f, f->root, 3, 0));
	view = chain_store_view(chain);
	ck_assert_int_eq(chain_view_state_hash(view, &first), 0);
	/* its snapshot is the only thing that keeps the family's contents alive */
	ck_assert_int_eq(store_clear(store, STORE_UTXO), 0);
	ck_assert_int_eq(chain_view_state_hash(view, &second), 0);
	expect_hash(&second, &first);
	chain_view_unref(view);
}
END_TEST

START_TEST(damage_seen_by_a_view_is_a_named_error)
{
	static const char *const scripts[] = {"genesis"};
	struct wire_bytes script = {(const uint8_t *)scripts[0], 7};
	struct fixture_coin genesis = fixture_output(f, f->root, 0, 0);
	uint8_t key[36] = {0};
	struct wire_hash hash;
	struct chain_view *view;
	size_t count = 0;

	must_open_chain();
	memcpy(key, genesis.outpoint.txid.bytes, 32);
	ck_assert_int_eq(store_put(store, STORE_UTXO, "short", 5, "x", 1, false), 0);
	must_connect_up_to(fixture_extend(f, f->root, 1, 0));
	view = chain_store_view(chain);
	ck_assert_int_eq(chain_view_state_hash(view, &hash), STORE_E_CHAIN);
	ck_assert_int_eq(chain_view_coins(view, count_coin, &count), STORE_E_CHAIN);
	chain_view_unref(view);
	/* the index names what is not there */
	ck_assert_int_eq(store_delete(store, STORE_UTXO, "short", 5, false), 0);
	ck_assert_int_eq(store_delete(store, STORE_UTXO, key, sizeof(key), false), 0);
	must_connect_up_to(fixture_extend(f, fixture_extend(f, f->root, 1, 0), 1, 0));
	view = chain_store_view(chain);
	ck_assert_int_eq(chain_view_coins_of(view, &script, count_coin, &count), STORE_E_CHAIN);
	/* and there is one less than the tip counts */
	ck_assert_int_eq(chain_view_state_hash(view, &hash), STORE_E_CHAIN);
	chain_view_unref(view);
}
END_TEST

/* ---- certificates ---- */

/* Below the first height that needs one it means nothing, and is not kept. */
START_TEST(a_certificate_is_stored_with_its_block)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second;
	struct chain_view *view;
	struct wire_block read;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	fixture_validators(f, 2);
	second = fixture_block(f, first, NULL, 0, 0);
	first->block.commit = second->block.commit;
	must_open_chain();
	must_connect(first);
	must_connect(second);
	must_flush();
	close_chain();
	must_open_chain();
	view = chain_store_view(chain);
	ck_assert_int_eq(chain_view_block(view, &read, &arena, 2), 0);
	ck_assert_ptr_nonnull(read.commit);
	ck_assert_uint_eq(read.commit->round, FIXTURE_ROUND);
	ck_assert_uint_eq(read.commit->signatures.len, 3);
	ck_assert_str_eq(read.commit->signatures.items[1].voter.ptr, "10.0.0.2");
	ck_assert_int_eq(chain_view_block(view, &read, &arena, 1), 0);
	ck_assert_ptr_null(read.commit);
	chain_view_unref(view);
	expect_sound();
	arena_free(&arena);
}
END_TEST

static void add_views(Suite *suite)
{
	TCase *c = tcase_create("views");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_test(c, a_view_stays_as_it_was);
	tcase_add_test(c, a_view_shows_what_is_written_and_nothing_else);
	tcase_add_test(c, a_view_answers_by_height_hash_and_txid);
	tcase_add_test(c, a_view_finds_the_coins_of_a_script);
	tcase_add_test(c, threads_that_ask_for_the_state_hash_get_the_same);
	tcase_add_test(c, the_state_hash_is_computed_once_for_a_view);
	tcase_add_test(c, damage_seen_by_a_view_is_a_named_error);
	tcase_add_test(c, a_certificate_is_stored_with_its_block);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("chain view");

	add_views(suite);
	return run_suite(suite);
}
