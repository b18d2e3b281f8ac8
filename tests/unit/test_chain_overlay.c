// SPDX-License-Identifier: MIT
/* chain_overlay: what is known of outputs before and after a write, with and without room for a cache. */
#include "chain_overlay.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "chain_format.h"
#include "run_suite.h"

static struct chain_overlay overlay;
static const struct coin coin = {.value = 7, .script = {(const uint8_t *)"script", 6}};

static void setup_with(size_t bound)
{
	chain_overlay_init(&overlay, bound);
}

static void setup(void)
{
	setup_with(0);
}

static void teardown(void)
{
	chain_overlay_free(&overlay);
}

static struct wire_outpoint outpoint(uint32_t n)
{
	struct wire_outpoint out = {.vout = n};

	out.txid.bytes[n % 32] = (uint8_t)n;
	return out;
}

static void add(uint32_t n)
{
	struct wire_outpoint o = outpoint(n);

	ck_assert_int_eq(chain_overlay_reserve(&overlay, 1, coin.script.len), 0);
	chain_overlay_add(&overlay, &o, &coin);
}

static void spend(uint32_t n)
{
	struct wire_outpoint o = outpoint(n);

	ck_assert_int_eq(chain_overlay_reserve(&overlay, 1, coin.script.len), 0);
	chain_overlay_spend(&overlay, &o, &coin);
}

/* What is known of an output: its flags, or -1. */
static int known(uint32_t n)
{
	struct wire_outpoint o = outpoint(n);
	const struct chain_coin *found = chain_overlay_find(&overlay, &o);
	struct coin read;

	if (!found)
		return -1;
	ck_assert_int_eq(chain_coin_read(&read, found->stored, found->stored_len), 0);
	ck_assert_uint_eq(read.value, coin.value);
	ck_assert_uint_eq(read.script.len, coin.script.len);
	return found->flags;
}

/* The dirty ones that the database has otherwise. */
static size_t to_write(void)
{
	size_t count = 0;

	for (const struct chain_coin *c = overlay.dirty; c; c = c->next_dirty)
		count += (c->flags & CHAIN_COIN_DIRTY) != 0;
	return count;
}

START_TEST(made_and_spent_needs_no_write)
{
	add(1);
	ck_assert_int_eq(known(1), CHAIN_COIN_DIRTY | CHAIN_COIN_ABSENT);
	ck_assert_uint_eq(to_write(), 1);
	spend(1);
	ck_assert_int_eq(known(1), CHAIN_COIN_SPENT | CHAIN_COIN_ABSENT);
	ck_assert_uint_eq(to_write(), 0);
	/* and made again, by a walk back */
	add(1);
	ck_assert_int_eq(known(1), CHAIN_COIN_DIRTY | CHAIN_COIN_ABSENT);
	ck_assert_uint_eq(to_write(), 1);
	ck_assert_uint_eq(overlay.dirty_count, 1);
}
END_TEST

START_TEST(spent_and_made_again_is_as_in_the_database)
{
	spend(1);
	ck_assert_int_eq(known(1), CHAIN_COIN_SPENT | CHAIN_COIN_DIRTY);
	add(1);
	/* writing it once more does no harm; it must not be taken for absent */
	ck_assert_int_eq(known(1), CHAIN_COIN_DIRTY);
	spend(1);
	ck_assert_int_eq(known(1), CHAIN_COIN_SPENT | CHAIN_COIN_DIRTY);
	ck_assert_uint_eq(to_write(), 1);
}
END_TEST

START_TEST(without_room_nothing_is_known_after_a_write)
{
	add(1);
	spend(2);
	chain_overlay_written(&overlay);
	ck_assert_int_eq(known(1), -1);
	ck_assert_int_eq(known(2), -1);
	ck_assert_ptr_null(overlay.dirty);
	ck_assert_uint_eq(overlay.dirty_bytes, 0);
}
END_TEST

START_TEST(with_room_what_is_written_stays_known)
{
	overlay.bound = (size_t)1 << 20;
	add(1);
	spend(2);
	chain_overlay_written(&overlay);
	ck_assert_int_eq(known(1), 0);
	ck_assert_int_eq(known(2), CHAIN_COIN_SPENT | CHAIN_COIN_ABSENT);
	/* what the database has must be deleted there */
	spend(1);
	ck_assert_int_eq(known(1), CHAIN_COIN_SPENT | CHAIN_COIN_DIRTY);
	add(2);
	ck_assert_int_eq(known(2), CHAIN_COIN_DIRTY | CHAIN_COIN_ABSENT);
	ck_assert_uint_eq(to_write(), 2);
}
END_TEST

/* Fills the young generation until it becomes the old one. */
static void rotate(uint32_t from)
{
	const struct chain_coin_slot *slots;

	for (uint32_t n = from;; n++) {
		add(n);
		slots = overlay.young.slots;
		chain_overlay_written(&overlay);
		if (slots && overlay.old.slots == slots)
			return;
	}
}

START_TEST(the_young_generation_hides_the_old)
{
	overlay.bound = (size_t)256 << 10;
	add(1);
	rotate(1000);
	ck_assert_uint_eq(overlay.young.count, 0);
	ck_assert_int_eq(known(1), 0);
	spend(1);
	ck_assert_int_eq(known(1), CHAIN_COIN_SPENT | CHAIN_COIN_DIRTY);
	chain_overlay_written(&overlay);
	ck_assert_int_eq(known(1), CHAIN_COIN_SPENT | CHAIN_COIN_ABSENT);
	/* and becomes the old one itself; then both are forgotten */
	rotate(100000);
	ck_assert_int_eq(known(1), CHAIN_COIN_SPENT | CHAIN_COIN_ABSENT);
	rotate(200000);
	ck_assert_int_eq(known(1), -1);
}
END_TEST

START_TEST(memory_is_bounded_after_each_write)
{
	overlay.bound = (size_t)512 << 10;
	for (uint32_t n = 1; n < 100000; n++) {
		add(n);
		if (n % 3 == 0)
			spend(n - 1);
		if (n % 500 == 0) {
			size_t bytes;

			chain_overlay_written(&overlay);
			bytes = overlay.young.arena.reserved + overlay.old.arena.reserved +
				(overlay.young.capacity + overlay.old.capacity) * sizeof(overlay.young.slots[0]);
			ck_assert_uint_le(bytes, overlay.bound + overlay.bound / 2);
		}
	}
}
END_TEST

START_TEST(a_block_as_big_as_can_be_is_forgotten_whole)
{
	overlay.bound = (size_t)64 << 10;
	for (uint32_t n = 1; n < 20000; n++)
		add(n);
	ck_assert_int_eq(known(19999), CHAIN_COIN_DIRTY | CHAIN_COIN_ABSENT);
	ck_assert_uint_eq(to_write(), 19999);
	chain_overlay_written(&overlay);
	ck_assert_int_eq(known(19999), -1);
}
END_TEST

START_TEST(transactions_are_known_until_they_are_written)
{
	struct chain_txs txs;

	chain_txs_init(&txs);
	for (uint32_t n = 1; n < 5000; n++) {
		struct chain_tx tx = {.txid = {{(uint8_t)n, (uint8_t)(n >> 8), 1}}, .position = n, .height = 9};

		ck_assert_int_eq(chain_txs_reserve(&txs, 1), 0);
		ck_assert(!chain_txs_has(&txs, &tx.txid));
		chain_txs_add(&txs, &tx);
		ck_assert(chain_txs_has(&txs, &tx.txid));
	}
	ck_assert(chain_txs_has(&txs, &(struct wire_hash){{1, 0, 1}}));
	ck_assert_uint_eq(txs.count, 4999);
	chain_txs_clear(&txs);
	ck_assert(!chain_txs_has(&txs, &(struct wire_hash){{1, 0, 1}}));
	chain_txs_free(&txs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain overlay");
	TCase *c = tcase_create("overlay");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, made_and_spent_needs_no_write);
	tcase_add_test(c, spent_and_made_again_is_as_in_the_database);
	tcase_add_test(c, without_room_nothing_is_known_after_a_write);
	tcase_add_test(c, with_room_what_is_written_stays_known);
	tcase_add_test(c, the_young_generation_hides_the_old);
	tcase_add_test(c, memory_is_bounded_after_each_write);
	tcase_add_test(c, a_block_as_big_as_can_be_is_forgotten_whole);
	tcase_add_test(c, transactions_are_known_until_they_are_written);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
