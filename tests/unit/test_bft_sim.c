// SPDX-License-Identifier: MIT
/* consensus/bft in a simulated world (sim_bft.h): 10,000 seeds (60,000 with TIMED_TEST_ROUNDS=all), safety in all of
 *them, progress where it can be asked.
 *
 *	BFT_SIM_SEED=n		run that seed alone and print what happens
 *	BFT_SIM_SEEDS=n		run so many
 *	BFT_SIM_FIRST=n		from this one on (1)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "sim_bft.h"

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* A build with sanitizers takes ten times as long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 500
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEEDS 500
#endif
#endif
#ifndef SEEDS
#define SEEDS 10000
#endif

static void add(struct sim_report *sum, const struct sim_report *report)
{
	sum->liars += report->liars > 0;
	sum->crashes += report->crashes;
	sum->lost_files += report->lost_files;
	sum->evidence += report->evidence;
	sum->heights += report->heights;
	sum->rounds += report->rounds;
	sum->events += report->events;
	if (sum->heal_ms < report->heal_ms)
		sum->heal_ms = report->heal_ms;
}

/* Without a word about it. */
static uint64_t usual(void)
{
	const char *rounds = getenv("TIMED_TEST_ROUNDS");

	return SEEDS * (rounds && strcmp(rounds, "all") == 0 ? 6 : 1);
}

START_TEST(safe_and_live)
{
	uint64_t seed = number("BFT_SIM_SEED", 0), count = number("BFT_SIM_SEEDS", usual());
	uint64_t first = seed ? seed : number("BFT_SIM_FIRST", 1);
	struct sim_report sum = {.validators = 0}, report;

	for (uint64_t i = first; i < first + (seed ? 1 : count); i++) {
		ck_assert_msg(sim_bft_run(i, seed != 0, &report), "BFT_SIM_SEED=%" PRIu64 ": %s", i, report.failure);
		add(&sum, &report);
	}
	printf("%" PRIu64 " seeds, %d with liars: %" PRIu64 " events, %" PRIu64 " heights, %" PRIu64
	       " rounds beyond the first, %d crashes, %d files lost, %d contradictions found, healed within %" PRId64
	       " ms\n",
	       seed ? 1 : count, sum.liars, sum.events, sum.heights, sum.rounds, sum.crashes, sum.lost_files,
	       sum.evidence, sum.heal_ms);
	/* what the seeds are meant to bring about does come about */
	if (!seed && count >= 500) {
		ck_assert_uint_gt(sum.heights, count);
		ck_assert_uint_gt(sum.rounds, count);
		ck_assert_int_gt(sum.crashes, (int)count / 10);
		ck_assert_int_gt(sum.lost_files, 0);
		ck_assert_int_gt(sum.evidence, (int)count / 10);
	}
}
END_TEST

START_TEST(a_seed_is_a_run)
{
	/* the same in every detail that is counted */
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct sim_report first, second;

		ck_assert(sim_bft_run(seed, false, &first));
		ck_assert(sim_bft_run(seed, false, &second));
		ck_assert_mem_eq(&first, &second, sizeof(first));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bft_sim");
	TCase *c = tcase_create("bft_sim");

	tcase_set_timeout(c, 1200);
	tcase_add_test(c, a_seed_is_a_run);
	tcase_add_test(c, safe_and_live);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
