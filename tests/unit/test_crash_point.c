// SPDX-License-Identifier: MIT
/* crash_point: what TIMED_CRASH may say, and that it happens at that passage. */
#include "timed/util/crash_point.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/log.h"

static int load(const char *text)
{
	setenv("TIMED_CRASH", text, 1);
	return crash_point_load();
}

/* How many passages a child survives; -1: all. */
static int passages_survived(const char *text)
{
	int done[2], status;
	char bytes[16];
	ssize_t count;
	pid_t child;

	ck_assert_int_eq(pipe(done), 0);
	child = fork();
	if (child == 0) {
		if (load(text))
			_exit(1);
		for (int i = 0; i < 10; i++) {
			crash_point(FLUSH_BEFORE_WRITE);
			crash_point(FLUSH_AFTER_WRITE);
			if (write(done[1], "x", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(done[1]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	count = read(done[0], bytes, sizeof(bytes));
	close(done[0]);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGKILL);
		return (int)count;
	}
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(count, 10);
	return -1;
}

START_TEST(the_process_dies_at_that_passage)
{
	ck_assert_int_eq(passages_survived("flush-before-write"), 0);
	ck_assert_int_eq(passages_survived("flush-after-write@1"), 0);
	ck_assert_int_eq(passages_survived("flush-after-write@4"), 3);
	ck_assert_int_eq(passages_survived("flush-after-write@11"), -1);
	ck_assert_int_eq(passages_survived("trim-after-write"), -1);
	ck_assert_int_eq(passages_survived(""), -1);
}
END_TEST

START_TEST(what_cannot_be_obeyed_is_refused)
{
	static const char *const texts[] = {"flush",
					    "flush-before-write2",
					    "@1",
					    "flush-before-write@",
					    "flush-before-write@0",
					    "flush-before-write@-1",
					    "flush-before-write@1x",
					    "flush-before-write@99999999999999999999"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(load(texts[i]) == -EINVAL, "%s", texts[i]);
	/* and then none is armed */
	crash_point(FLUSH_BEFORE_WRITE);
	ck_assert_int_eq(load(""), 0);
	unsetenv("TIMED_CRASH");
	ck_assert_int_eq(crash_point_load(), 0);
}
END_TEST

START_TEST(an_unknown_name_is_answered_with_the_known_ones)
{
	char path[] = "/tmp/test_crash_point.XXXXXX", text[4096];
	int fd = mkstemp(path), saved = dup(STDERR_FILENO);
	ssize_t len;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	ck_assert_int_eq(load("flush-befor-write"), -EINVAL);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	len = pread(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	close(fd);
	close(saved);
	unlink(path);
	for (int i = 0; i < CRASH_POINT_COUNT; i++)
		ck_assert_msg(strstr(text, crash_point_name((enum crash_point)i)) != NULL, "%s is not named",
			      crash_point_name((enum crash_point)i));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crash point");
	TCase *c = tcase_create("crash point");

	tcase_add_test(c, the_process_dies_at_that_passage);
	tcase_add_test(c, what_cannot_be_obeyed_is_refused);
	tcase_add_test(c, an_unknown_name_is_answered_with_the_known_ones);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
