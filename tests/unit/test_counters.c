// SPDX-License-Identifier: MIT
/* src/node/counters: what jobs of the chain thread and events of the pool count for, and which blocks are remembered.
 */
#include "counters.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/clock.h"

#define BLOCKS 40

static struct counters counters;
static struct wire_block blocks[BLOCKS];
static struct block_ids ids[BLOCKS];
static struct wire_commit commit = {.round = 2, .signatures = {.len = 3}};

static void setup(void)
{
	memset(&counters, 0, sizeof(counters));
	counters_init(&counters);
	for (unsigned i = 0; i < BLOCKS; i++) {
		blocks[i] = (struct wire_block){.header = {.height = 100 + i, .timestamp = 1000 + i}};
		memset(&ids[i].hash, (int)i, sizeof(ids[i].hash));
	}
}

static void teardown(void)
{
	counters_destroy(&counters);
}

/* `known` of `count` blocks from `first` on were there already. */
static void ran(unsigned first, size_t count, size_t known, bool bulk)
{
	const struct chain_job job = {.kind = CHAIN_CONNECT,
				      .bulk = bulk,
				      .blocks = &blocks[first],
				      .ids = &ids[first],
				      .count = count,
				      .connected = count,
				      .known = known,
				      .connect_us = 900};

	counters_ran(&counters, &job);
}

START_TEST(nothing_yet)
{
	struct node_block recent[NODE_RECENT_BLOCKS];

	ck_assert_uint_eq(counters_recent(&counters, recent), 0);
}
END_TEST

/* At the tip: when it came is known, and how long after its time. */
START_TEST(a_block_at_the_tip)
{
	struct node_block recent[NODE_RECENT_BLOCKS];
	struct node_stats now;

	blocks[0].commit = &commit;
	clock_set_offset_ms(0, 1002500 - clock_real_ms());
	ran(0, 1, 0, false);
	clock_set_offset_ms(0, 0);
	ck_assert_uint_eq(counters_recent(&counters, recent), 1);
	ck_assert_uint_eq(recent[0].height, 100);
	ck_assert(recent[0].certified);
	ck_assert_uint_eq(recent[0].round, 2);
	ck_assert_uint_eq(recent[0].signatures, 3);
	ck_assert_int_ge(recent[0].connected_ms, 1002500);
	ck_assert_int_lt(recent[0].connected_ms, 1003500);
	counters_read(&counters, &now);
	ck_assert_uint_eq(now.blocks_connected, 1);
	ck_assert_uint_eq(now.blocks_synced, 0);
	ck_assert_uint_eq(now.failed_rounds, 2);
	ck_assert_uint_eq(now.block_connect.sum_us, 900);
	ck_assert_uint_ge(now.block_delay.sum_us, 2500000);
	ck_assert_uint_lt(now.block_delay.sum_us, 3500000);
}
END_TEST

/* More than are remembered: the newest are, and nobody says when they came. */
START_TEST(many_blocks_at_once)
{
	struct node_block recent[NODE_RECENT_BLOCKS];
	struct node_stats now;

	ran(0, BLOCKS, 4, true);
	ck_assert_uint_eq(counters_recent(&counters, recent), NODE_RECENT_BLOCKS);
	for (unsigned i = 0; i < NODE_RECENT_BLOCKS; i++) {
		ck_assert_uint_eq(recent[i].height, 100 + BLOCKS - 1 - i);
		ck_assert_int_eq(recent[i].hash.bytes[0], (int)(BLOCKS - 1 - i));
		ck_assert_int_eq(recent[i].connected_ms, 0);
	}
	counters_read(&counters, &now);
	ck_assert_uint_eq(now.blocks_synced, BLOCKS - 4);
	ck_assert_uint_eq(now.blocks_connected, 0);
	ck_assert_uint_eq(now.block_connect.counts[0], BLOCKS - 4);
	ck_assert_uint_eq(now.block_delay.sum_us, 0);
}
END_TEST

/* What somebody else had connected before counts once. */
START_TEST(blocks_that_were_there)
{
	struct node_block recent[NODE_RECENT_BLOCKS];
	struct node_stats now;

	ran(0, 3, 0, false);
	ran(0, 3, 3, false);
	ran(1, 4, 2, false);
	ck_assert_uint_eq(counters_recent(&counters, recent), 5);
	counters_read(&counters, &now);
	ck_assert_uint_eq(now.blocks_connected, 5);
}
END_TEST

START_TEST(refused_and_undone)
{
	struct chain_job job = {.kind = CHAIN_CONNECT, .blocks = blocks, .ids = ids, .error = CHAIN_STORE_E_RULE};
	struct node_stats now;

	counters_ran(&counters, &job);
	job = (struct chain_job){.kind = CHAIN_REORGANISE, .reorg = {.undone = 3, .connected = 5}};
	counters_ran(&counters, &job);
	job.error = CHAIN_STORE_E_TOO_DEEP;
	counters_ran(&counters, &job);
	counters_read(&counters, &now);
	ck_assert_uint_eq(now.blocks_refused, 1);
	ck_assert_uint_eq(now.reorgs, 1);
	ck_assert_uint_eq(now.blocks_undone, 3);
	ck_assert_uint_eq(now.blocks_synced, 5);
}
END_TEST

/* Only what came in as new has a time that it took to be final. */
START_TEST(finality)
{
	struct pool_event event = {.kind = POOL_ADDED, .inserted_us = clock_mono_us() - 30000};
	struct node_stats now;

	counters_pool_event(&counters, &event);
	event.kind = POOL_NOW_FINAL;
	counters_pool_event(&counters, &event);
	event.inserted_us = 0;
	counters_pool_event(&counters, &event);
	counters_read(&counters, &now);
	ck_assert_uint_eq(now.pool_events[POOL_ADDED], 1);
	ck_assert_uint_eq(now.pool_events[POOL_NOW_FINAL], 2);
	ck_assert_uint_ge(now.finality.sum_us, 30000);
	ck_assert_uint_lt(now.finality.sum_us, 10000000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("counters");
	TCase *c = tcase_create("counters");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, nothing_yet);
	tcase_add_test(c, a_block_at_the_tip);
	tcase_add_test(c, many_blocks_at_once);
	tcase_add_test(c, blocks_that_were_there);
	tcase_add_test(c, refused_and_undone);
	tcase_add_test(c, finality);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
