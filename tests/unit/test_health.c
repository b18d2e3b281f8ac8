// SPDX-License-Identifier: MIT
/* node/health: which facts make a node unwell, and which only a warning. */
#include "run_suite.h"
#include "timed/node/health.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define GIB ((uint64_t)1 << 30)

/* A node that is well. */
static struct health_facts well(void)
{
	return (struct health_facts){
		.disk_known = true,
		.disk_free_bytes = 100 * GIB,
		.disk_size_bytes = 200 * GIB,
		.peers = 3,
		.tip_age_s = 60,
		.tip_max_age_s = 60,
		.height = 10,
		.target = 10,
		.clock_known = true,
		.clock_offset_s = 10,
		.clock_max_offset_s = 10,
		.is_masternode = true,
		.masternode_active = true,
		.memory_used_bytes = 90,
		.memory_limit_bytes = 100,
	};
}

/* The one finding of these facts. */
static void assert_only(const struct health_facts *facts, enum health_code code, const char *text)
{
	struct health health;

	health_judge(&health, facts);
	ck_assert_uint_eq(health.count, 1);
	ck_assert_str_eq(health_code_name(health.items[0].code), health_code_name(code));
	ck_assert_str_eq(health.items[0].text, text);
	ck_assert_int_eq(health.ok, !health_code_is_failure(code));
}

START_TEST(nothing_to_find)
{
	struct health_facts facts = well();
	struct health health;

	health_judge(&health, &facts);
	ck_assert(health.ok);
	ck_assert_uint_eq(health.count, 0);
	ck_assert_ptr_null(health_find(&health, HEALTH_NO_PEERS));
}
END_TEST

START_TEST(the_network)
{
	struct health_facts facts = well();
	struct health health;

	facts.peers = 0;
	assert_only(&facts, HEALTH_NO_PEERS, "No peer is connected");
	facts = well();
	facts.tip_age_s = 61;
	assert_only(&facts, HEALTH_TIP_OLD, "The best block, 10, is 61 s old: more than 60 s");
	/* somebody says there is more, but nothing of it has been shown yet */
	facts.syncing = true;
	assert_only(&facts, HEALTH_TIP_OLD, "The best block, 10, is 61 s old: more than 60 s");
	facts.target = 90;
	assert_only(&facts, HEALTH_SYNCING, "Fetching blocks: 10 of 90");
	/* one block behind is no illness */
	facts.tip_age_s = 5;
	facts.target = 11;
	health_judge(&health, &facts);
	ck_assert_uint_eq(health.count, 0);
}
END_TEST

START_TEST(the_process)
{
	struct health_facts facts = well();
	struct health health;

	facts.stopping = true;
	assert_only(&facts, HEALTH_STOPPING, "The node is stopping");
	facts = well();
	strcpy(facts.store_failure, "No space");
	assert_only(&facts, HEALTH_STORE_FAILED, "The database has failed: No space");
	facts = well();
	facts.watchdog.thread[WATCHED_CHAIN] = (struct watchdog_thread){"chain", "writing blocks", true, true, 75999};
	assert_only(&facts, HEALTH_CHAIN_STUCK, "The thread chain has made no progress for 75 s (writing blocks)");
	facts = well();
	facts.watchdog.thread[WATCHED_ACCEPTOR] = (struct watchdog_thread){"acceptor", "waiting", true, true, 1000};
	assert_only(&facts, HEALTH_ACCEPTOR_STUCK, "The thread acceptor has made no progress for 1 s (waiting)");
	facts = well();
	facts.watchdog.thread[WATCHED_CONSENSUS] = (struct watchdog_thread){"consensus", "voting", true, true, 1000};
	assert_only(&facts, HEALTH_CONSENSUS_STUCK, "The thread consensus has made no progress for 1 s (voting)");
	facts = well();
	facts.watchdog.thread[WATCHED_KEEPER] = (struct watchdog_thread){"keeper", "saving", true, true, 1000};
	assert_only(&facts, HEALTH_KEEPER_STUCK, "The thread keeper has made no progress for 1 s (saving)");
	/* silent, but not for too long */
	facts.watchdog.thread[WATCHED_KEEPER].hung = false;
	health_judge(&health, &facts);
	ck_assert_uint_eq(health.count, 0);
}
END_TEST

START_TEST(the_disk)
{
	struct health_facts facts = well();
	struct health health;

	facts.disk_free_bytes = GIB / 2 - 1;
	assert_only(&facts, HEALTH_DISK_NEARLY_FULL, "Only 511 MiB are free where the data directory is");
	facts.disk_free_bytes = GIB / 2;
	assert_only(&facts, HEALTH_DISK_LOW, "512 MiB are free where the data directory is");
	facts.disk_free_bytes = 4 * GIB;
	health_judge(&health, &facts);
	ck_assert_uint_eq(health.count, 0);
	/* the memory backend has none */
	facts.disk_free_bytes = 0;
	facts.disk_known = false;
	health_judge(&health, &facts);
	ck_assert_uint_eq(health.count, 0);
}
END_TEST

START_TEST(what_is_only_a_warning)
{
	struct health_facts facts = well();

	facts.clock_offset_s = -11;
	assert_only(&facts, HEALTH_CLOCK_SKEW, "The clock of this machine is 11 s ahead of that of its peers");
	facts.clock_offset_s = 11;
	assert_only(&facts, HEALTH_CLOCK_SKEW, "The clock of this machine is 11 s behind that of its peers");
	facts = well();
	facts.network_off = true;
	assert_only(&facts, HEALTH_NETWORK_OFF, "The network was switched off (setnetworkactive)");
	facts = well();
	facts.observing = true;
	assert_only(&facts, HEALTH_OBSERVING, "This masternode signs nothing yet, since its file votes is missing");
	facts = well();
	facts.round = 5;
	assert_only(&facts, HEALTH_MANY_ROUNDS, "Agreement on the next block is in round 5");
	facts = well();
	facts.equivocations = 2;
	assert_only(&facts, HEALTH_EQUIVOCATION,
		    "Validators have contradicted themselves 2 times since the start: see getconsensusinfo");
	facts = well();
	facts.masternode_active = false;
	assert_only(&facts, HEALTH_MASTERNODE_OFFLINE, "Our masternode is not active");
	facts = well();
	facts.memory_limit_bytes = 256 << 20;
	facts.memory_used_bytes = 250 << 20;
	assert_only(&facts, HEALTH_MEMORY_HIGH, "Peers use 250 of 256 MiB of their memory");
	facts = well();
	facts.log_dropped = 7;
	assert_only(&facts, HEALTH_LOG_DROPPED, "7 lines of the log were lost: its disk is full or too slow");
}
END_TEST

/* The worst case fits, failures come first, and each code has a name of its own. */
START_TEST(everything_at_once)
{
	struct health_facts facts = {
		.halted = true,
		.stopping = true,
		.store_failure = "x",
		.disk_known = true,
		.tip_age_s = 100,
		.network_off = true,
		.clock_known = true,
		.clock_offset_s = 99,
		.observing = true,
		.round = 9,
		.equivocations = 1,
		.is_masternode = true,
		.memory_used_bytes = 100,
		.memory_limit_bytes = 100,
		.log_dropped = 1,
	};
	struct health health;

	for (int i = 0; i < WATCHED_COUNT; i++)
		facts.watchdog.thread[i] = (struct watchdog_thread){"x", "y", true, true, 0};
	health_judge(&health, &facts);
	ck_assert(!health.ok);
	/* a disk is full or low, a tip is old or being fetched */
	ck_assert_uint_eq(health.count, HEALTH_CODE_COUNT - 2);
	for (size_t i = 1; i < health.count; i++)
		ck_assert_int_lt((int)health.items[i - 1].code, (int)health.items[i].code);
	ck_assert_ptr_eq(health_find(&health, HEALTH_HALTED), &health.items[0]);
	for (int i = 0; i < HEALTH_CODE_COUNT; i++) {
		ck_assert_ptr_nonnull(health_code_name((enum health_code)i));
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(health_code_name((enum health_code)i), health_code_name((enum health_code)k));
	}
	ck_assert_ptr_null(health_code_name(HEALTH_CODE_COUNT));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *c = tcase_create("health");

	tcase_add_test(c, nothing_to_find);
	tcase_add_test(c, the_network);
	tcase_add_test(c, the_process);
	tcase_add_test(c, the_disk);
	tcase_add_test(c, what_is_only_a_warning);
	tcase_add_test(c, everything_at_once);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
