/* SPDX-License-Identifier: MIT
 *
 * What the tests of the store share: a database in a directory of its own for each test, and short words for the usual
 * steps.  Included once by each test program.
 */
#ifndef TIMED_TESTS_STORE_FIXTURE_H
#define TIMED_TESTS_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "timed/store/store.h"

static char parent[64]; /* holds everything of a test; removed after it */
static char dir[80];	/* the database */
static struct store *store;
static struct store_failure failure;
static struct store_params params;

static inline void remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command) != 0)
		fprintf(stderr, "%s is left behind\n", path);
}

static inline void setup(void)
{
	/* in memory where that can be: the tests are about the database, not about waiting for a disk */
	strcpy(parent, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_store.XXXXXX" : "/tmp/test_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(parent));
	snprintf(dir, sizeof(dir), "%s/db", parent);
	params = (struct store_params){.dir = dir, .network = "testnet", .genesis_hash = {{1, 2, 3}}};
	store = NULL;
}

static inline void teardown(void)
{
	store_close(store);
	remove_tree(parent);
}

/* Opens the database of the test; on failure `failure` says why. */
static inline int open_store(void)
{
	return store_open(&store, &failure, &params);
}

static inline void must_open(void)
{
	int r = open_store();

	ck_assert_msg(r == 0, "%s", failure.text);
}

static inline void close_store(void)
{
	store_close(store);
	store = NULL;
}

static inline void must_put(enum store_family family, const char *key, const char *value)
{
	ck_assert_int_eq(store_put(store, family, key, strlen(key), value, strlen(value), true), 0);
}

static inline void expect_value(enum store_family family, const char *key, const char *expected)
{
	struct store_value value;

	ck_assert_int_eq(store_get(store, &value, family, key, strlen(key)), 0);
	ck_assert_uint_eq(value.len, strlen(expected));
	ck_assert_mem_eq(value.data, expected, value.len);
	store_value_free(&value);
}

static inline void expect_nothing(enum store_family family, const char *key)
{
	struct store_value value;

	ck_assert_int_eq(store_get(store, &value, family, key, strlen(key)), STORE_E_NOT_FOUND);
}

static inline bool count_visit(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	int *count = user;

	(void)key;
	(void)key_len;
	(void)value;
	(void)value_len;
	(*count)++;
	return true;
}

/* Entries of a family; -1: it is damaged. */
static inline int count_entries(enum store_family family)
{
	int count = 0, r = store_scan(store, family, NULL, 0, count_visit, &count);

	if (r) {
		ck_assert_int_eq(r, STORE_E_CORRUPT);
		return -1;
	}
	return count;
}

#endif
