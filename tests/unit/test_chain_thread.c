// SPDX-License-Identifier: MIT
/* The chain thread: what it says of its jobs. */
#include "chain_test.h"
#include "run_suite.h"

#include <signal.h>
#include <sys/resource.h>

#include "chain_thread.h"
#include "timed/util/thread.h"

#define NEVER_MS (24 * 3600 * 1000)

static struct chain_thread *thread;
static struct mutex lock;
static struct cond changed;
static bool done;
static uint64_t tip_height;
static int tips, asked, failures;
static bool more;

static void on_tip(void *user, const struct chain_summary *summary, bool bulk)
{
	(void)user;
	(void)bulk;
	mutex_lock(&lock);
	tip_height = summary->tip.height;
	tips++;
	cond_signal(&changed);
	mutex_unlock(&lock);
}

static bool on_expects_more(void *user)
{
	bool expected;

	(void)user;
	mutex_lock(&lock);
	expected = more;
	asked++;
	cond_signal(&changed);
	mutex_unlock(&lock);
	return expected;
}

static void on_ran(void *user, const struct chain_job *job)
{
	(void)user;
	(void)job;
}

static void on_failed(void *user, const char *reason)
{
	(void)user;
	(void)reason;
	failures++;
}

static void on_done(struct chain_job *job)
{
	(void)job;
	mutex_lock(&lock);
	done = true;
	cond_signal(&changed);
	mutex_unlock(&lock);
}

static void thread_setup(void)
{
	const struct chain_ops ops = {
		.tip = on_tip, .ran = on_ran, .expects_more = on_expects_more, .failed = on_failed};
	const struct chain_thread_params thread_params = {.gather_bytes = 1 << 20, .sync_ms = NEVER_MS};

	chain_setup();
	must_open();
	mutex_init(&lock, "test", MUTEX_RANK_LEAF);
	cond_init(&changed);
	ck_assert_int_eq(chain_thread_open(&thread, &failure, store, &chain_params, &thread_params, &ops), 0);
	ck_assert_int_eq(chain_thread_start(thread), 0);
}

static void thread_teardown(void)
{
	chain_thread_stop(thread);
	chain_thread_close(thread);
	cond_destroy(&changed);
	mutex_destroy(&lock);
	chain_teardown();
}

static void connect_one(struct chain_job *job, const struct fixture_block *block, bool bulk)
{
	*job = (struct chain_job){.kind = CHAIN_CONNECT,
				  .bulk = bulk,
				  .blocks = &block->block,
				  .ids = &block->ids,
				  .count = 1,
				  .done = on_done};
	done = false;
	chain_thread_push(thread, job);
	mutex_lock(&lock);
	while (!done)
		cond_wait(&changed, &lock);
	mutex_unlock(&lock);
}

START_TEST(a_block_that_is_not_written_is_not_connected)
{
	const struct fixture_block *tip = fixture_extend(f, f->root, 2, 0);
	struct rlimit limit = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	struct chain_job job;

	connect_one(&job, tip->parent, false);
	ck_assert_int_eq(job.error, 0);
	ck_assert_uint_eq(job.connected, 1);
	ck_assert_uint_eq(tip_height, 1);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	connect_one(&job, tip, false);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(failures, 1);
	ck_assert_int_ne(job.error, 0);
	ck_assert_uint_eq(job.connected, 0);
	ck_assert_uint_eq(tip_height, 1);
}
END_TEST

START_TEST(what_has_gathered_waits_only_while_more_is_expected)
{
	const struct fixture_block *tip = fixture_extend(f, f->root, 2, 0);
	struct chain_job job;

	more = true;
	connect_one(&job, tip->parent, true);
	ck_assert_uint_eq(job.connected, 1);
	mutex_lock(&lock);
	while (asked < 1)
		cond_wait(&changed, &lock);
	more = false;
	mutex_unlock(&lock);
	connect_one(&job, tip, true);
	ck_assert_uint_eq(job.connected, 1);
	mutex_lock(&lock);
	while (tip_height < 2)
		cond_wait(&changed, &lock);
	ck_assert_int_eq(tips, 1);
	ck_assert_int_eq(asked, 2);
	mutex_unlock(&lock);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_thread");
	TCase *c = tcase_create("chain_thread");

	tcase_add_checked_fixture(c, thread_setup, thread_teardown);
	tcase_add_test(c, a_block_that_is_not_written_is_not_connected);
	tcase_add_test(c, what_has_gathered_waits_only_while_more_is_expected);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
