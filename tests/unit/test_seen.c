// SPDX-License-Identifier: MIT
/* seen: entries come, end, and give way; many threads at once find one that is first. */
#include "seen.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/thread.h"

#define KEEP_MS 1000
#define CAPACITY 1024

static struct seen *seen;

static void setup(void)
{
	ck_assert_int_eq(seen_new(&seen, CAPACITY, KEEP_MS), 0);
}

static void teardown(void)
{
	seen_free(seen);
	seen_free(NULL);
}

START_TEST(an_entry_is_new_once)
{
	uint64_t hash = seen_hash(seen, "vote", 4);

	ck_assert(!seen_has(seen, hash, 0));
	ck_assert(seen_add(seen, hash, 0));
	ck_assert(seen_has(seen, hash, 0));
	ck_assert(!seen_add(seen, hash, 0));
	ck_assert(!seen_has(seen, seen_hash(seen, "vot", 3), 0));
	/* even this one */
	ck_assert(!seen_has(seen, 0, 0));
	ck_assert(seen_add(seen, 0, 0));
	ck_assert(seen_has(seen, 0, 0));
}
END_TEST

START_TEST(an_entry_ends)
{
	ck_assert(seen_add(seen, 7, 500));
	/* it is not kept longer for being met again */
	ck_assert(!seen_add(seen, 7, 500 + KEEP_MS - 1));
	ck_assert(seen_has(seen, 7, 500 + KEEP_MS - 1));
	ck_assert(!seen_has(seen, 7, 500 + KEEP_MS));
	ck_assert(seen_add(seen, 7, 500 + KEEP_MS));
	ck_assert(seen_has(seen, 7, 500 + KEEP_MS));
	seen_forget(seen, 7);
	seen_forget(seen, 8);
	ck_assert(!seen_has(seen, 7, 500 + KEEP_MS));
	ck_assert(seen_add(seen, 7, 500 + KEEP_MS));
}
END_TEST

START_TEST(hashes_are_of_this_set_alone)
{
	struct seen *other;

	ck_assert_int_eq(seen_new(&other, 1, KEEP_MS), 0);
	ck_assert_uint_eq(seen_hash(seen, "vote", 4), seen_hash(seen, "vote", 4));
	ck_assert_uint_ne(seen_hash(seen, "vote", 4), seen_hash(other, "vote", 4));
	seen_free(other);
}
END_TEST

START_TEST(a_full_bucket_gives_up_the_oldest)
{
	/* all of one bucket */
	for (uint64_t i = 0; i < 9; i++)
		ck_assert(seen_add(seen, i << 32, (int64_t)i));
	ck_assert(!seen_has(seen, 0, 10));
	for (uint64_t i = 1; i < 9; i++)
		ck_assert(seen_has(seen, i << 32, 10));
	/* one that was forgotten gives way first */
	seen_forget(seen, UINT64_C(5) << 32);
	ck_assert(seen_add(seen, 0, 10));
	for (uint64_t i = 0; i < 9; i++)
		ck_assert(seen_has(seen, i << 32, 10) == (i != 5));
}
END_TEST

START_TEST(it_holds_what_it_has_room_for)
{
	size_t held = 0;

	for (uint64_t i = 0; i < CAPACITY / 2; i++)
		(void)seen_add(seen, seen_hash(seen, &i, sizeof(i)), (int64_t)(i / 16));
	for (uint64_t i = 0; i < CAPACITY / 2; i++)
		held += seen_has(seen, seen_hash(seen, &i, sizeof(i)), CAPACITY / 32);
	/* buckets of eight are seldom full when four are expected */
	ck_assert_uint_ge(held, CAPACITY / 2 * 95 / 100);
}
END_TEST

#define THREADS 4
#define ROUNDS 20000

static atomic_uint firsts;

static void *racer(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t hash = i % 64;

		if (seen_add(seen, hash, (int64_t)(i / 64) * KEEP_MS))
			atomic_fetch_add(&firsts, 1);
		(void)seen_has(seen, hash, 0);
	}
	return NULL;
}

START_TEST(one_of_many_threads_is_first)
{
	struct thread threads[THREADS];

	atomic_store(&firsts, 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "racer", racer, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	/* the clocks of the threads differ; each hash was new once in each of its lives, however long one was behind */
	ck_assert_uint_eq(atomic_load(&firsts), ROUNDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seen");
	TCase *c = tcase_create("seen");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_entry_is_new_once);
	tcase_add_test(c, an_entry_ends);
	tcase_add_test(c, hashes_are_of_this_set_alone);
	tcase_add_test(c, a_full_bucket_gives_up_the_oldest);
	tcase_add_test(c, it_holds_what_it_has_room_for);
	tcase_add_test(c, one_of_many_threads_is_first);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
