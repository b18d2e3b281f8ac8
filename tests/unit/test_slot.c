// SPDX-License-Identifier: MIT
/* consensus/slot: which slot the next block belongs to, its timestamp, and whose turn it is when. */
#include "timed/consensus/slot.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timeproto/chain/leader.h"

#define GENESIS ((int64_t)1764547200)
#define BLOCK_TIME 600
#define PATIENCE_MS 30000
#define NODES 4

static const struct slot_params params = {GENESIS, BLOCK_TIME, PATIENCE_MS, 3};
static struct wire_str addresses[NODES];
static struct slot slot;

static void setup(void)
{
	static const char *const texts[NODES] = {"10.0.0.1", "10.0.0.10", "10.0.0.2", "10.0.0.9"};

	for (size_t i = 0; i < NODES; i++)
		addresses[i] = (struct wire_str){texts[i], strlen(texts[i])};
}

static int64_t start_of(uint64_t height)
{
	return GENESIS + BLOCK_TIME * (int64_t)height;
}

/* On a tip that has the time of its own slot. */
static void look(uint64_t height, int own, int64_t now_ms)
{
	slot_at(&slot, &params, height, start_of(height - 1), addresses, NODES, own, now_ms);
}

START_TEST(nothing_is_due_before_the_slot)
{
	int64_t start_ms = start_of(7) * 1000;

	for (int own = -1; own < NODES; own++) {
		look(7, own, start_ms - 1);
		ck_assert(!slot.due);
		ck_assert(!slot.ours);
		ck_assert_int_eq(slot.timestamp, start_of(7));
		ck_assert_int_eq(slot.again_ms, start_ms);
		look(7, own, 0);
		ck_assert_int_eq(slot.again_ms, start_ms);
	}
}
END_TEST

START_TEST(one_after_the_other_has_its_turn)
{
	for (uint64_t height = 1; height < 50; height++) {
		size_t first = leader_first(height, addresses, NODES);
		int64_t start_ms = start_of(height) * 1000;

		for (uint64_t round = 0; round < 2 * NODES; round++) {
			int64_t begin_ms = start_ms + (int64_t)round * PATIENCE_MS;
			const int64_t times[] = {begin_ms, begin_ms + 1, begin_ms + PATIENCE_MS - 1};

			for (size_t t = 0; t < 3; t++) {
				int leaders = 0;

				for (int own = -1; own < NODES; own++) {
					look(height, own, times[t]);
					leaders += slot.ours;
					ck_assert(slot.due);
					ck_assert(slot.ours == (own == (int)((first + round) % NODES)));
					ck_assert_uint_eq(slot.leader, (first + round) % NODES);
					ck_assert_uint_eq(slot.round, round);
					ck_assert_int_eq(slot.timestamp, start_of(height));
					ck_assert_int_eq(slot.again_ms, begin_ms + PATIENCE_MS);
				}
				ck_assert_int_eq(leaders, 1);
			}
		}
	}
}
END_TEST

/* Nobody was there for a day: the missed slots get their blocks, each due at once, with the time of its slot. */
START_TEST(missed_slots_are_made_up_for)
{
	int64_t now_ms = start_of(150) * 1000 + 12345;

	for (uint64_t height = 6; height <= 150; height++) {
		uint64_t round = (uint64_t)(now_ms - start_of(height) * 1000) / PATIENCE_MS;

		look(height, 0, now_ms);
		ck_assert(slot.due);
		ck_assert_int_eq(slot.timestamp, start_of(height));
		ck_assert_int_gt(slot.timestamp, start_of(height - 1));
		ck_assert_int_le(slot.timestamp * 1000, now_ms);
		ck_assert_uint_eq(slot.round, round);
		ck_assert_uint_eq(slot.leader, (leader_first(height, addresses, NODES) + round) % NODES);
		ck_assert_int_gt(slot.again_ms, now_ms);
		ck_assert_int_le(slot.again_ms, now_ms + PATIENCE_MS);
	}
	look(151, 0, now_ms);
	ck_assert(!slot.due);
	ck_assert_int_eq(slot.again_ms, start_of(151) * 1000);
}
END_TEST

START_TEST(a_block_is_later_than_the_one_before_it)
{
	static const struct {
		int64_t tip_after_slot; /* of the tip, seconds after the slot of the next block */
		int64_t timestamp;	/* likewise */
	} cases[] = {{-600, 0}, {-1, 0}, {0, 1}, {1, 2}, {400, 401}, {700, 701}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t due = start_of(9) + cases[i].timestamp;

		slot_at(&slot, &params, 9, start_of(9) + cases[i].tip_after_slot, addresses, NODES, 0, due * 1000 - 1);
		ck_assert(!slot.due);
		ck_assert_int_eq(slot.again_ms, due * 1000);
		slot_at(&slot, &params, 9, start_of(9) + cases[i].tip_after_slot, addresses, NODES, 0, due * 1000);
		ck_assert(slot.due);
		ck_assert_uint_eq(slot.round, 0);
		ck_assert_int_eq(slot.timestamp, due);
	}
}
END_TEST

START_TEST(too_few_masternodes_make_nothing)
{
	int64_t now_ms = start_of(3) * 1000;

	for (size_t count = 0; count <= NODES; count++) {
		int leaders = 0;

		for (int own = -1; own < (int)count; own++) {
			slot_at(&slot, &params, 3, start_of(2), addresses, count, own, now_ms);
			ck_assert(slot.due);
			leaders += slot.ours;
		}
		ck_assert_int_eq(leaders, count >= 3);
		ck_assert(count >= 3 || slot.again_ms == INT64_MAX);
	}
}
END_TEST

START_TEST(the_ends_of_time)
{
	static const struct slot_params extreme[] = {{INT64_MAX - 5, 1, PATIENCE_MS, 1},
						     {INT64_MIN, 1, PATIENCE_MS, 1},
						     {GENESIS, UINT32_MAX, PATIENCE_MS, 1},
						     {GENESIS, 1, INT64_MAX, 1}};
	static const uint64_t heights[] = {1, 1000, UINT64_C(1) << 62, UINT64_MAX};
	static const int64_t times[] = {INT64_MIN, -1, 0, GENESIS * 1000, INT64_MAX};

	for (size_t p = 0; p < 4; p++) {
		for (size_t h = 0; h < 4; h++) {
			for (size_t t = 0; t < 5; t++) {
				for (size_t n = 0; n < 5; n++) {
					slot_at(&slot, &extreme[p], heights[h], times[t], addresses, NODES, 0,
						times[n]);
					ck_assert_int_ge(slot.again_ms, times[n]);
					if (slot.due)
						ck_assert_int_gt(slot.timestamp, times[t]);
				}
			}
		}
	}
	slot_at(&slot, &params, UINT64_MAX, GENESIS, addresses, NODES, 0, INT64_MAX);
	ck_assert(!slot.due);
	ck_assert_int_eq(slot.again_ms, INT64_MAX);
	slot_at(&slot, &params, 5, INT64_MAX, addresses, NODES, 0, INT64_MAX);
	ck_assert(!slot.due);
	ck_assert_int_eq(slot.again_ms, INT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slot");
	TCase *tcase = tcase_create("slot");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, nothing_is_due_before_the_slot);
	tcase_add_test(tcase, one_after_the_other_has_its_turn);
	tcase_add_test(tcase, missed_slots_are_made_up_for);
	tcase_add_test(tcase, a_block_is_later_than_the_one_before_it);
	tcase_add_test(tcase, too_few_masternodes_make_nothing);
	tcase_add_test(tcase, the_ends_of_time);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
