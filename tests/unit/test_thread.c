// SPDX-License-Identifier: MIT
/* util/thread and util/clock: the lock-order check aborts naming both locks, threads get what the header promises. */
#include "timed/util/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/clock.h"
#include "timed/util/sanitizer.h"

static struct mutex outer = MUTEX_INITIALIZER("outer", MUTEX_RANK_PEER_TABLE);
static struct mutex inner = MUTEX_INITIALIZER("inner", MUTEX_RANK_LEAF);

/* Runs `run` in a child and returns what it wrote to stderr; *status as waitpid gives it. */
static const char *child_stderr(void (*run)(void), int *status)
{
	static char text[4096];
	size_t used = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		run();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, status, 0), pid);
	return text;
}

static void assert_aborts(void (*run)(void), const char *a, const char *b)
{
	int status;
	const char *text = child_stderr(run, &status);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "no abort; stderr: %s", text);
	ck_assert_msg(strstr(text, a) && strstr(text, b), "'%s' or '%s' not in: %s", a, b, text);
}

static void do_in_order(void)
{
	mutex_lock(&outer);
	mutex_lock(&inner);
	mutex_assert_held(&outer);
	mutex_unlock(&outer); /* not the last taken: allowed */
	mutex_unlock(&inner);
}

START_TEST(locks_in_order_pass)
{
	int status;

	ck_assert_str_eq(child_stderr(do_in_order, &status), "");
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

#ifndef NDEBUG
static struct mutex inner_too = MUTEX_INITIALIZER("inner too", MUTEX_RANK_LEAF);

NO_THREAD_SAFETY_ANALYSIS static void do_wrong_order(void)
{
	mutex_lock(&inner);
	mutex_lock(&outer);
}

START_TEST(lower_rank_under_higher_aborts_naming_both)
{
	assert_aborts(do_wrong_order, "'outer' (rank 2)", "'inner' (rank 4)");
}
END_TEST

NO_THREAD_SAFETY_ANALYSIS static void do_two_leaves(void)
{
	mutex_lock(&inner);
	mutex_lock(&inner_too);
}

START_TEST(leaf_under_leaf_aborts)
{
	assert_aborts(do_two_leaves, "'inner'", "'inner too'");
}
END_TEST

NO_THREAD_SAFETY_ANALYSIS static void do_twice(void)
{
	mutex_lock(&inner);
	mutex_lock(&inner);
}

START_TEST(same_lock_twice_aborts_and_does_not_hang)
{
	assert_aborts(do_twice, "'inner'", "lock order");
}
END_TEST

NO_THREAD_SAFETY_ANALYSIS static void do_unlock_not_held(void)
{
	mutex_unlock(&inner);
}

START_TEST(unlock_of_a_lock_not_held_aborts)
{
	assert_aborts(do_unlock_not_held, "check failed", "thread.c");
}
END_TEST

static void do_assert_held(void)
{
	mutex_assert_held(&inner);
}

START_TEST(assert_held_of_a_lock_not_held_aborts)
{
	assert_aborts(do_assert_held, "check failed", "thread.c");
}
END_TEST

NO_THREAD_SAFETY_ANALYSIS static void do_wait_under_leaf(void)
{
	struct cond c;

	cond_init(&c);
	mutex_lock(&outer);
	mutex_lock(&inner);
	cond_wait(&c, &outer); /* waking would take outer under inner */
}

START_TEST(waiting_on_an_outer_lock_under_an_inner_one_aborts)
{
	assert_aborts(do_wait_under_leaf, "'outer'", "'inner'");
}
END_TEST
#endif

static void do_failed_check(void)
{
	CHECK(1 + 1 == 3);
}

START_TEST(check_aborts_with_place_and_expression)
{
	assert_aborts(do_failed_check, "test_thread.c:", "1 + 1 == 3");
}
END_TEST

static void say_hook(const char *message)
{
	fprintf(stderr, "hook: %s", message);
	CHECK(false); /* must not come back here */
}

static void do_failed_check_with_hook(void)
{
	check_set_hook(say_hook);
	CHECK(1 + 1 == 3);
}

START_TEST(check_calls_its_hook_once)
{
	int status;
	const char *text = child_stderr(do_failed_check_with_hook, &status);
	const char *hook = strstr(text, "hook: ");

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(hook);
	ck_assert_ptr_null(strstr(hook + 1, "hook: "));
}
END_TEST

struct seen {
	char name[16];
	size_t stack_bytes;
	size_t guard_bytes;
	bool term_blocked;
	bool usr1_blocked;
	bool segv_blocked;
};

static void *look_around(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;
	sigset_t mask;

	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &seen->stack_bytes);
	pthread_attr_getguardsize(&attr, &seen->guard_bytes);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	seen->term_blocked = sigismember(&mask, SIGTERM);
	seen->usr1_blocked = sigismember(&mask, SIGUSR1);
	seen->segv_blocked = sigismember(&mask, SIGSEGV);
	return NULL;
}

START_TEST(thread_has_name_stack_guard_and_mask)
{
	struct thread t = {0};
	struct seen seen = {0};
	sigset_t mask;

	ck_assert_int_eq(thread_start(&t, "p:203.0.113.250x", look_around, &seen), 0);
	ck_assert(t.started);
	thread_join(&t);
	ck_assert(!t.started);
	ck_assert_str_eq(seen.name, "p:203.0.113.250");
	ck_assert_uint_ge(seen.stack_bytes, 120 * 1024);
	/* a sanitizer may add what it needs to what we ask for */
	ck_assert_uint_le(seen.stack_bytes, SANITIZED ? 2048 * 1024 : 136 * 1024);
	ck_assert_uint_gt(seen.guard_bytes, 0);
	ck_assert(seen.term_blocked && seen.usr1_blocked && !seen.segv_blocked);

	/* the starter's own mask is as it was */
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGTERM));
}
END_TEST

struct box {
	struct mutex m;
	struct cond c;
	int value;
};

static void *put_one(void *arg)
{
	struct box *box = arg;

	mutex_lock(&box->m);
	box->value = 1;
	cond_signal(&box->c);
	mutex_unlock(&box->m);
	return NULL;
}

START_TEST(cond_hands_a_value_over)
{
	struct thread t = {0};
	struct box box = {0};

	mutex_init(&box.m, "box", MUTEX_RANK_LEAF);
	cond_init(&box.c);
	mutex_lock(&box.m);
	ck_assert_int_eq(thread_start(&t, "put", put_one, &box), 0);
	while (box.value == 0)
		cond_wait(&box.c, &box.m);
	mutex_assert_held(&box.m);
	mutex_unlock(&box.m);
	thread_join(&t);
	ck_assert_int_eq(box.value, 1);
	cond_destroy(&box.c);
	mutex_destroy(&box.m);
}
END_TEST

START_TEST(cond_wait_until_ends_at_its_deadline_and_not_before)
{
	int64_t deadline = clock_mono_ms() + 30;
	struct box box = {0};

	mutex_init(&box.m, "box", MUTEX_RANK_LEAF);
	cond_init(&box.c);
	mutex_lock(&box.m);
	while (!cond_wait_until(&box.c, &box.m, deadline))
		;
	ck_assert_int_ge(clock_mono_ms(), deadline);
	/* one long gone, even one that never was, ends at once */
	ck_assert(cond_wait_until(&box.c, &box.m, deadline - 1000));
	ck_assert(cond_wait_until(&box.c, &box.m, -5));
	mutex_unlock(&box.m);
	cond_destroy(&box.c);
	mutex_destroy(&box.m);
}
END_TEST

START_TEST(clock_offsets_shift_what_is_read)
{
	int64_t mono = clock_mono_ms(), us = clock_mono_us(), real = clock_real_s();

	clock_set_offset_ms(3600000, -86400000);
	ck_assert_int_ge(clock_mono_ms(), mono + 3600000);
	ck_assert_int_lt(clock_mono_ms(), mono + 3660000);
	ck_assert_int_ge(clock_mono_us(), us + INT64_C(3600000000));
	ck_assert_int_ge(clock_real_s(), real - 86400);
	ck_assert_int_lt(clock_real_s(), real - 86340);
	ck_assert_int_le(clock_real_ms() / 1000, clock_real_s());
	/* an offset replaces the one before */
	clock_set_offset_ms(0, 0);
	ck_assert_int_lt(clock_mono_ms(), mono + 60000);
	ck_assert_int_gt(clock_real_s(), 1700000000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("thread");
	TCase *tcase = tcase_create("thread");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, locks_in_order_pass);
#ifndef NDEBUG
	tcase_add_test(tcase, lower_rank_under_higher_aborts_naming_both);
	tcase_add_test(tcase, leaf_under_leaf_aborts);
	tcase_add_test(tcase, same_lock_twice_aborts_and_does_not_hang);
	tcase_add_test(tcase, unlock_of_a_lock_not_held_aborts);
	tcase_add_test(tcase, assert_held_of_a_lock_not_held_aborts);
	tcase_add_test(tcase, waiting_on_an_outer_lock_under_an_inner_one_aborts);
#endif
	tcase_add_test(tcase, check_aborts_with_place_and_expression);
	tcase_add_test(tcase, check_calls_its_hook_once);
	tcase_add_test(tcase, thread_has_name_stack_guard_and_mask);
	tcase_add_test(tcase, cond_hands_a_value_over);
	tcase_add_test(tcase, cond_wait_until_ends_at_its_deadline_and_not_before);
	tcase_add_test(tcase, clock_offsets_shift_what_is_read);
	return run_suite(suite);
}
