/* SPDX-License-Identifier: MIT
 *
 * Tests of the verdict on watched threads; the time is the test's, the marks are put by hand.
 */
#include "timed/node/watchdog.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "timed/util/clock.h"

#define ALLOWANCE_MS 60000
#define NOW_MS 1000000

static struct watchdog watchdog;
static struct watchdog_verdict verdict;

/* All threads run; their last marks are as old as this. */
static void marked_ago(int64_t ago_ms)
{
	for (int i = 0; i < WATCHED_COUNT; i++) {
		atomic_store(&watchdog.progress[i].marked_ms, NOW_MS - ago_ms);
		atomic_store(&watchdog.progress[i].doing, "waiting for work");
	}
}

static void judge(void)
{
	watchdog_judge(&verdict, &watchdog, NOW_MS);
}

static void setup(void)
{
	watchdog_init(&watchdog, ALLOWANCE_MS);
}

/* Before the start, and at the stop: nobody is missed, but the node does not run. */
START_TEST(threads_that_do_not_run_are_not_hung)
{
	judge();
	ck_assert(verdict.alive && !verdict.running);
	ck_assert_str_eq(verdict.text, "");
	for (int i = 0; i < WATCHED_COUNT; i++)
		ck_assert(!verdict.thread[i].running && verdict.thread[i].silent_ms == 0);
}
END_TEST

/* Up to and with the allowance, whatever the thread is doing. */
START_TEST(silence_within_the_allowance_is_life)
{
	marked_ago(ALLOWANCE_MS);
	judge();
	ck_assert(verdict.alive && verdict.running);
	ck_assert_str_eq(verdict.text, "");
	ck_assert_int_eq(verdict.thread[WATCHED_CHAIN].silent_ms, ALLOWANCE_MS);
}
END_TEST

/* The one that is silent is named, with what it began and for how long. */
START_TEST(one_hung_thread_is_named)
{
	marked_ago(10);
	atomic_store(&watchdog.progress[WATCHED_CHAIN].marked_ms, NOW_MS - ALLOWANCE_MS - 15000);
	atomic_store(&watchdog.progress[WATCHED_CHAIN].doing, "writing blocks");
	judge();
	ck_assert(!verdict.alive && verdict.running);
	ck_assert(verdict.thread[WATCHED_CHAIN].hung && !verdict.thread[WATCHED_ACCEPTOR].hung);
	ck_assert_str_eq(verdict.text, "thread chain has made no progress for 75 s (writing blocks)");
}
END_TEST

START_TEST(one_millisecond_too_long_is_hung)
{
	marked_ago(0);
	atomic_store(&watchdog.progress[WATCHED_ACCEPTOR].marked_ms, NOW_MS - ALLOWANCE_MS - 1);
	judge();
	ck_assert(!verdict.alive && verdict.thread[WATCHED_ACCEPTOR].hung);
}
END_TEST

START_TEST(all_hung_threads_are_in_the_text)
{
	marked_ago(2 * ALLOWANCE_MS);
	judge();
	for (int i = 0; i < WATCHED_COUNT; i++)
		ck_assert_ptr_nonnull(strstr(verdict.text, verdict.thread[i].name));
}
END_TEST

/* A mark newer than the caller's clock, made meanwhile. */
START_TEST(mark_after_the_time_of_the_question_is_life)
{
	marked_ago(-5);
	judge();
	ck_assert(verdict.alive);
	ck_assert_int_eq(verdict.thread[WATCHED_KEEPER].silent_ms, 0);
}
END_TEST

START_TEST(thread_that_has_ended_is_not_hung)
{
	marked_ago(2 * ALLOWANCE_MS);
	for (int i = 0; i < WATCHED_COUNT; i++)
		progress_end(&watchdog.progress[i]);
	judge();
	ck_assert(verdict.alive && !verdict.running);
}
END_TEST

/* Waiting is proved: a thread comes round four times in its allowance, and at least every five seconds. */
START_TEST(waiting_threads_come_round_well_within_the_allowance)
{
	struct progress *progress = &watchdog.progress[WATCHED_CONSENSUS];
	int64_t before_ms = clock_mono_ms(), wait_ms = progress_due_ms(progress) - before_ms;

	ck_assert(wait_ms >= 5000 && wait_ms < 6000);
	watchdog_init(&watchdog, 2000);
	before_ms = clock_mono_ms();
	ck_assert(progress_due_ms(progress) - before_ms <= 600);
}
END_TEST

START_TEST(mark_is_the_time_and_what_begins)
{
	struct progress *progress = &watchdog.progress[WATCHED_CHAIN];
	int64_t before_ms = clock_mono_ms();

	progress_mark(progress, "connecting blocks");
	watchdog_judge(&verdict, &watchdog, before_ms + ALLOWANCE_MS);
	ck_assert(verdict.alive && verdict.thread[WATCHED_CHAIN].running);
	ck_assert_str_eq(verdict.thread[WATCHED_CHAIN].doing, "connecting blocks");
	watchdog_judge(&verdict, &watchdog, clock_mono_ms() + ALLOWANCE_MS + 1);
	ck_assert(!verdict.alive);
}
END_TEST

START_TEST(progress_of_nobody_is_not_marked_and_waits_for_ever)
{
	struct progress unwatched = {.wait_ms = 0};

	progress_mark(NULL, "nothing");
	progress_end(NULL);
	ck_assert_int_eq(progress_due_ms(NULL), INT64_MAX);
	ck_assert_int_eq(progress_due_ms(&unwatched), INT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watchdog");
	TCase *c = tcase_create("watchdog");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, threads_that_do_not_run_are_not_hung);
	tcase_add_test(c, silence_within_the_allowance_is_life);
	tcase_add_test(c, one_hung_thread_is_named);
	tcase_add_test(c, one_millisecond_too_long_is_hung);
	tcase_add_test(c, all_hung_threads_are_in_the_text);
	tcase_add_test(c, mark_after_the_time_of_the_question_is_life);
	tcase_add_test(c, thread_that_has_ended_is_not_hung);
	tcase_add_test(c, waiting_threads_come_round_well_within_the_allowance);
	tcase_add_test(c, mark_is_the_time_and_what_begins);
	tcase_add_test(c, progress_of_nobody_is_not_marked_and_waits_for_ever);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
