// SPDX-License-Identifier: MIT
/* util/file: limits, atomic replacement, the lock of a data directory. */
#include "timed/util/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "scratch.h"

START_TEST(read_stops_at_its_limit)
{
	const char *path = scratch_path("f");
	char *text = NULL;
	size_t len = 0;

	scratch_write(path, "0123456789");
	ck_assert_int_eq(file_read(&text, &len, path, 10), 0);
	ck_assert_uint_eq(len, 10);
	ck_assert_str_eq(text, "0123456789");
	free(text);
	ck_assert_int_eq(file_read(&text, &len, path, 9), -EFBIG);
	ck_assert_int_eq(file_read(&text, &len, scratch_path("none"), 9), -ENOENT);
	ck_assert_int_eq(file_read(&text, &len, scratch_dir, 9), -EISDIR);
	scratch_write(path, "");
	ck_assert_int_eq(file_read(&text, &len, path, 0), 0);
	ck_assert_uint_eq(len, 0);
	ck_assert_str_eq(text, "");
	free(text);
}
END_TEST

START_TEST(read_takes_files_larger_than_its_first_buffer)
{
	const char *path = scratch_path("f");
	size_t size = 300000, len = 0;
	char *data = malloc(size), *text = NULL;

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i % 251);
	ck_assert_int_eq(file_write_atomic(path, data, size, 0600), 0);
	ck_assert_int_eq(file_read(&text, &len, path, size), 0);
	ck_assert_uint_eq(len, size);
	ck_assert_mem_eq(text, data, size);
	free(text);
	ck_assert_int_eq(file_read(&text, &len, path, size - 1), -EFBIG);
	free(data);
}
END_TEST

START_TEST(write_replaces_and_sets_the_mode)
{
	const char *path = scratch_path("f");
	struct stat st;
	char *text;

	umask(0077);
	scratch_write(path, "old contents");
	ck_assert_int_eq(file_write_atomic(path, "new", 3, 0644), 0);
	text = scratch_read(path);
	ck_assert_str_eq(text, "new");
	free(text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
}
END_TEST

START_TEST(write_that_fails_leaves_the_old_file_and_nothing_else)
{
	const char *path = scratch_path("d");
	char inner[128];

	/* a directory that is not empty cannot be replaced by a file */
	snprintf(inner, sizeof(inner), "%s/inner", path);
	ck_assert_int_eq(file_make_directories(inner, 0700), 0);
	ck_assert_int_eq(file_write_atomic(path, "new", 3, 0600), -EISDIR);
	ck_assert_int_eq(rmdir(inner), 0);
	ck_assert_int_eq(rmdir(path), 0);
	/* no temporary file stays behind: the scratch directory itself can go */
	ck_assert_int_eq(rmdir(scratch_dir), 0);
	ck_assert_int_eq(file_write_atomic(path, "new", 3, 0600), -ENOENT);
}
END_TEST

START_TEST(directories_are_made_with_their_parents)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b//c/", scratch_dir);
	umask(0);
	ck_assert_int_eq(file_make_directories(path, 0700), 0);
	ck_assert_int_eq(file_make_directories(path, 0700), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	scratch_write(scratch_path("file"), "");
	ck_assert_int_eq(file_make_directories(scratch_path("file"), 0700), -ENOTDIR);
	ck_assert_int_eq(file_make_directories(scratch_path("file/under"), 0700), -ENOTDIR);
	ck_assert_int_eq(file_make_directories("", 0700), -ENOENT);
	ck_assert_int_eq(file_make_parent(scratch_path("x/y/name"), 0700), 0);
	ck_assert_int_eq(stat(scratch_path("x/y"), &st), 0);
	ck_assert_int_ne(stat(scratch_path("x/y/name"), &st), 0);
	ck_assert_int_eq(file_make_parent("name", 0700), 0);
	ck_assert_int_eq(file_make_parent("/name", 0700), 0);
}
END_TEST

START_TEST(lock_is_refused_to_a_second_process_with_the_holder)
{
	const char *path = scratch_path(".lock");
	int fd = file_lock(path, NULL);
	int status;
	pid_t child;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	child = fork();
	if (child == 0) {
		pid_t holder = 0;
		int r = file_lock(path, &holder);

		_exit(r == -EWOULDBLOCK && holder == getppid() ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);

	/* reading the file elsewhere in this process gives nothing away */
	free(scratch_read(path));
	ck_assert_int_eq(file_lock(path, NULL), -EWOULDBLOCK);
	close(fd);
	fd = file_lock(path, NULL);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(file_lock(scratch_path("none/.lock"), NULL), -ENOENT);
}
END_TEST

START_TEST(lock_ends_with_its_process)
{
	const char *path = scratch_path(".lock");
	pid_t child = fork();
	int fd;

	if (child == 0)
		_exit(file_lock(path, NULL) >= 0 ? 0 : 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	fd = file_lock(path, NULL);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(descriptor_limit_is_raised_and_never_lowered)
{
	struct rlimit limit;
	uint64_t got;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	got = file_raise_descriptor_limit(128);
	ck_assert_uint_eq(got, 128);
	ck_assert_uint_eq(file_raise_descriptor_limit(100), 128);
	getrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_uint_eq(limit.rlim_cur, 128);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *tcase = tcase_create("file");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, scratch_make, scratch_remove);
	tcase_add_test(tcase, read_stops_at_its_limit);
	tcase_add_test(tcase, read_takes_files_larger_than_its_first_buffer);
	tcase_add_test(tcase, write_replaces_and_sets_the_mode);
	tcase_add_test(tcase, write_that_fails_leaves_the_old_file_and_nothing_else);
	tcase_add_test(tcase, directories_are_made_with_their_parents);
	tcase_add_test(tcase, lock_is_refused_to_a_second_process_with_the_holder);
	tcase_add_test(tcase, lock_ends_with_its_process);
	tcase_add_test(tcase, descriptor_limit_is_raised_and_never_lowered);
	return run_suite(suite);
}
