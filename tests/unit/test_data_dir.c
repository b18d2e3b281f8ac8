/* SPDX-License-Identifier: MIT
 *
 * Tests of where the database lies in a data directory, beside what may be there already.
 */
#include "timed/node/data_dir.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "run_suite.h"
#include "scratch.h"

static void make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(scratch_path(name), 0700), 0);
}

static void make_file(const char *name)
{
	scratch_write(scratch_path(name), "x");
}

static void assert_lies_in(const char *name)
{
	char path[256];

	ck_assert_int_eq(data_dir_database(path, sizeof(path), scratch_dir), 0);
	ck_assert_str_eq(path, scratch_path(name));
}

START_TEST(new_directory)
{
	assert_lies_in("db");
	make_directory("db");
	assert_lies_in("db");
}
END_TEST

START_TEST(own_database_whatever_lies_in_it)
{
	make_directory("db");
	make_file("db/CURRENT");
	make_file("db/blocks");
	assert_lies_in("db");
}
END_TEST

/* A crash has come before the file CURRENT. */
START_TEST(own_database_that_is_being_made)
{
	make_directory("db");
	make_file("db/MANIFEST-000001");
	make_file("db/LOCK");
	make_file("db/LOG");
	make_file("db/000004.log");
	make_file("db/room.abc123");
	assert_lies_in("db");
}
END_TEST

/* Trees of another daemon below it. */
START_TEST(database_of_another_daemon)
{
	make_directory("db");
	make_directory("db/blocks");
	assert_lies_in("db-timed");
	make_directory("db-timed");
	make_file("db-timed/CURRENT");
	assert_lies_in("db-timed");
}
END_TEST

/* sled calls one of its own files so. */
START_TEST(file_of_this_name)
{
	make_file("db");
	assert_lies_in("db-timed");
}
END_TEST

START_TEST(path_that_does_not_fit)
{
	char path[8];

	ck_assert_int_eq(data_dir_database(path, sizeof(path), scratch_dir), -ENAMETOOLONG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_dir");
	TCase *c = tcase_create("data_dir");

	suite_add_tcase(suite, c);
	tcase_add_checked_fixture(c, scratch_make, scratch_remove);
	tcase_add_test(c, new_directory);
	tcase_add_test(c, own_database_whatever_lies_in_it);
	tcase_add_test(c, own_database_that_is_being_made);
	tcase_add_test(c, database_of_another_daemon);
	tcase_add_test(c, file_of_this_name);
	tcase_add_test(c, path_that_does_not_fit);
	return run_suite(suite);
}
