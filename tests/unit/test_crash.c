// SPDX-License-Identifier: MIT
/* The report of a crash: of threads that die at once, of a stack that runs over, and what a thread leaves behind.  What
 * the report says is tested with the whole daemon (tests/functional/test_crash.py). */
#include "timed/util/crash.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/sanitizer.h"
#include "timed/util/thread.h"

#if !SANITIZED
#define REPORT_BYTES 16384

static volatile int *volatile nowhere;
#define MANY 8
static atomic_int waiting;
static atomic_int *about_to; /* threads at their fault; shared with the parent */
static struct thread threads[MANY];

/* All of them fault as nearly at once as can be. */
static void *fault(void *arg)
{
	(void)arg;
	atomic_fetch_sub(&waiting, 1);
	while (atomic_load(&waiting) > 0)
		continue;
	atomic_fetch_add(about_to, 1);
	*nowhere = 1;
	return NULL;
}

__attribute__((noinline)) static int run_over(volatile char *above)
{
	volatile char frame[1024];

	frame[0] = above ? *above : 1;
	return frame[0] ? run_over(frame) + frame[0] : 0;
}

static void *overflow(void *arg)
{
	(void)arg;
	crash_set_peer("192.0.2.7");
	crash_set_message("Ping\n", 99);
	return (void *)(intptr_t)run_over(NULL);
}

/* With a pipe that is full, so that the first report takes until somebody reads. */
static void die_together(void)
{
	static const char full[4096];

	ck_assert_int_eq(write(STDERR_FILENO, full, sizeof(full)), sizeof(full));
	atomic_store(&waiting, MANY);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(thread_start(&threads[i], "together", fault, NULL), 0);
	thread_join(&threads[0]);
}

static void die_of_overflow(void)
{
	ck_assert_int_eq(thread_start(&threads[0], "deep", overflow, NULL), 0);
	thread_join(&threads[0]);
}

static void die_of_overflow_unread(void)
{
	static const char full[4096];

	ck_assert_int_eq(write(STDERR_FILENO, full, sizeof(full)), sizeof(full));
	die_of_overflow();
}

/* A process that dies so, with this as its stderr. */
static pid_t start(int err, void (*die)(void))
{
	const struct rlimit no_core = {0, 0};
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	setrlimit(RLIMIT_CORE, &no_core);
	dup2(err, STDERR_FILENO);
	crash_install("test 1.0");
	die();
	_exit(0);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	return info.si_pid == pid;
}

/* What a process that dies so writes to stderr. */
static void report_of(char report[REPORT_BYTES], void (*die)(void), int many)
{
	size_t len = 0;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	about_to = mmap(NULL, sizeof(*about_to), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(about_to, MAP_FAILED);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	pid = start(ends[1], die);
	close(ends[1]);
	while (atomic_load(about_to) < many && !has_ended(pid))
		sched_yield();
	while ((n = read(ends[0], report + len, REPORT_BYTES - 1 - len)) > 0)
		len += (size_t)n;
	report[len] = '\0';
	ck_assert_int_eq(munmap(about_to, sizeof(*about_to)), 0);
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/* The first one tells all of its report; the others wait for the end that it brings. */
START_TEST(one_of_many_reports)
{
	static char report[REPORT_BYTES];

	for (int i = 0; i < 20; i++) {
		report_of(report, die_together, MANY);
		memmove(report, report + 4096, REPORT_BYTES - 4096);
		ck_assert_msg(count_of(report, "CRASH: SIGSEGV at address 0x0 in thread \"together\" (") == 1, "%s",
			      report);
		ck_assert_uint_eq(count_of(report, "CRASH: test 1.0, build id "), 1);
		ck_assert_uint_eq(count_of(report, "CRASH: #0 "), 1);
		ck_assert_uint_ge(count_of(report, "\n"), 5);
		ck_assert_ptr_null(strstr(report, "in hand"));
	}
}
END_TEST

START_TEST(overflow_is_reported_from_both_ends)
{
	static char report[REPORT_BYTES];

	report_of(report, die_of_overflow, 0);
	ck_assert_msg(strstr(report, "in thread \"deep\" (") != NULL, "%s", report);
	/* A name of ours is clean; a mistake there must not break the line. */
	ck_assert_ptr_nonnull(strstr(report, "CRASH: peer 192.0.2.7, message Ping? of 99 bytes in hand\n"));
	ck_assert_ptr_nonnull(strstr(report, "CRASH: #39 "));
	ck_assert_ptr_null(strstr(report, "CRASH: #40 "));
	ck_assert_uint_eq(count_of(report, "CRASH: #"), 40 + 16);
	ck_assert_uint_ge(count_of(report, "libc.so.6+0x"), 1);
}
END_TEST

/* A pipe that is full keeps the core waiting for half a second once, and not for each line. */
START_TEST(an_output_that_nobody_reads_is_given_up)
{
	struct timespec begin, end;
	int ends[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = start(ends[1], die_of_overflow_unread);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	ck_assert_int_lt(end.tv_sec - begin.tv_sec, 10);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* Pages of address space: one mapping joins the next, so their number says nothing. */
static long pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long n;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%ld", &n), 1);
	fclose(file);
	return n;
}

static void *nothing(void *arg)
{
	return arg;
}

START_TEST(threads_give_their_stacks_back)
{
	long before = 0;

	crash_install("test");
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(thread_start(&threads[0], "short", nothing, NULL), 0);
		thread_join(&threads[0]);
		if (i == 10)
			before = pages();
	}
	ck_assert_int_lt(pages() - before, 256);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("crash");
	TCase *c = tcase_create("crash");

#if !SANITIZED
	tcase_add_test(c, one_of_many_reports);
	tcase_add_test(c, overflow_is_reported_from_both_ends);
	tcase_add_test(c, an_output_that_nobody_reads_is_given_up);
	tcase_add_test(c, threads_give_their_stacks_back);
#endif
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
