// SPDX-License-Identifier: MIT
/* store: reading and writing, what a directory must be to be opened, crashes, damage, failed writes, threads. */
#include "timed/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <rocksdb/c.h>

#include "timed/util/file.h"
#include "timed/util/thread.h"

static char parent[64]; /* holds everything of a test; removed after it */
static char dir[80];	/* the database */
static struct store *store;
static struct store_failure failure;
static struct store_params params;

static void remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command) != 0)
		fprintf(stderr, "%s is left behind\n", path);
}

static void setup(void)
{
	/* in memory where that can be: the tests are about the database, not about waiting for a disk */
	strcpy(parent, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_store.XXXXXX" : "/tmp/test_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(parent));
	snprintf(dir, sizeof(dir), "%s/db", parent);
	params = (struct store_params){.dir = dir, .network = "testnet", .genesis_hash = {{1, 2, 3}}};
	store = NULL;
}

static void teardown(void)
{
	store_close(store);
	remove_tree(parent);
}

/* Opens the database of the test; on failure `failure` says why. */
static int open_store(void)
{
	return store_open(&store, &failure, &params);
}

static void must_open(void)
{
	int r = open_store();

	ck_assert_msg(r == 0, "%s", failure.text);
}

static void close_store(void)
{
	store_close(store);
	store = NULL;
}

static void must_put(enum store_family family, const char *key, const char *value)
{
	ck_assert_int_eq(store_put(store, family, key, strlen(key), value, strlen(value), true), 0);
}

static void expect_value(enum store_family family, const char *key, const char *expected)
{
	struct store_value value;

	ck_assert_int_eq(store_get(store, &value, family, key, strlen(key)), 0);
	ck_assert_uint_eq(value.len, strlen(expected));
	ck_assert_mem_eq(value.data, expected, value.len);
	store_value_free(&value);
}

static void expect_nothing(enum store_family family, const char *key)
{
	struct store_value value;

	ck_assert_int_eq(store_get(store, &value, family, key, strlen(key)), STORE_E_NOT_FOUND);
}

static bool count_visit(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
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
static int count_entries(enum store_family family)
{
	int count = 0, r = store_scan(store, family, NULL, 0, count_visit, &count);

	if (r) {
		ck_assert_int_eq(r, STORE_E_CORRUPT);
		return -1;
	}
	return count;
}

/* ---- reading and writing ---- */

START_TEST(what_is_written_is_there_after_reopening)
{
	must_open();
	must_put(STORE_BANS, "a", "one");
	must_put(STORE_BANS, "b", "");
	must_put(STORE_ADDRESSES, "a", "other family");
	expect_value(STORE_BANS, "a", "one");
	close_store();
	must_open();
	expect_value(STORE_BANS, "a", "one");
	expect_value(STORE_BANS, "b", "");
	expect_value(STORE_ADDRESSES, "a", "other family");
	expect_nothing(STORE_BANS, "c");
	expect_nothing(STORE_MASTERNODES, "a");
	ck_assert_int_eq(store_delete(store, STORE_BANS, "a", 1, true), 0);
	ck_assert_int_eq(store_delete(store, STORE_BANS, "never there", 11, true), 0);
	close_store();
	must_open();
	expect_nothing(STORE_BANS, "a");
	expect_value(STORE_BANS, "b", "");
}
END_TEST

START_TEST(every_family_keeps_its_own)
{
	must_open();
	for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++)
		must_put(family, "key", store_family_name(family));
	close_store();
	must_open();
	for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++)
		expect_value(family, "key", store_family_name(family));
}
END_TEST

START_TEST(batch_happens_at_commit)
{
	struct store_batch *batch;

	must_open();
	must_put(STORE_UTXO, "old", "x");
	batch = store_batch_new();
	store_batch_put(store, batch, STORE_UTXO, "new", 3, "y", 1);
	store_batch_delete(store, batch, STORE_UTXO, "old", 3);
	store_batch_put(store, batch, STORE_META, "tip", 3, "1", 1);
	ck_assert_uint_eq(store_batch_count(batch), 3);
	expect_value(STORE_UTXO, "old", "x");
	expect_nothing(STORE_UTXO, "new");
	ck_assert_int_eq(store_batch_commit(store, batch, true), 0);
	expect_nothing(STORE_UTXO, "old");
	expect_value(STORE_UTXO, "new", "y");
	expect_value(STORE_META, "tip", "1");
	/* empty again, and usable */
	ck_assert_uint_eq(store_batch_count(batch), 0);
	ck_assert_int_eq(store_batch_commit(store, batch, false), 0);
	store_batch_free(batch);
	store_batch_free(NULL);
}
END_TEST

struct collected {
	char text[64]; /* "key=value " of each */
	int stop_after;
};

static bool collect(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	struct collected *c = user;
	size_t used = strlen(c->text);

	snprintf(c->text + used, sizeof(c->text) - used, "%.*s=%.*s ", (int)key_len, (const char *)key, (int)value_len,
		 (const char *)value);
	/* a visitor may write: the scan does not see it */
	must_put(STORE_BANS, "b3", "late");
	return --c->stop_after != 0;
}

START_TEST(scan_visits_a_prefix_in_order)
{
	struct collected all = {.stop_after = 0}, some = {.stop_after = 0}, first = {.stop_after = 1};

	must_open();
	must_put(STORE_BANS, "b2", "2");
	must_put(STORE_BANS, "a", "0");
	must_put(STORE_BANS, "b1", "1");
	must_put(STORE_BANS, "c", "3");
	ck_assert_int_eq(store_scan(store, STORE_BANS, "b", 1, collect, &some), 0);
	ck_assert_str_eq(some.text, "b1=1 b2=2 ");
	ck_assert_int_eq(store_delete(store, STORE_BANS, "b3", 2, false), 0);
	ck_assert_int_eq(store_scan(store, STORE_BANS, NULL, 0, collect, &all), 0);
	ck_assert_str_eq(all.text, "a=0 b1=1 b2=2 c=3 ");
	ck_assert_int_eq(store_scan(store, STORE_BANS, "b", 1, collect, &first), 0);
	ck_assert_str_eq(first.text, "b1=1 ");
}
END_TEST

START_TEST(memory_backend_touches_no_disk)
{
	params.memory = true;
	params.dir = "/nonexistent/db";
	must_open();
	must_put(STORE_BANS, "a", "one");
	expect_value(STORE_BANS, "a", "one");
	ck_assert_int_eq(count_entries(STORE_BANS), 1);
	ck_assert_int_eq(store_clear(store, STORE_BANS), 0);
	ck_assert_int_eq(count_entries(STORE_BANS), 0);
	close_store();
	ck_assert_int_ne(access("/nonexistent", F_OK), 0);
	/* each opening is a new database */
	must_open();
	expect_nothing(STORE_BANS, "a");
}
END_TEST

START_TEST(clear_empties_one_family)
{
	must_open();
	must_put(STORE_BANS, "a", "one");
	must_put(STORE_ADDRESSES, "a", "two");
	ck_assert_int_eq(store_clear(store, STORE_BANS), 0);
	expect_nothing(STORE_BANS, "a");
	must_put(STORE_BANS, "b", "three");
	close_store();
	must_open();
	expect_nothing(STORE_BANS, "a");
	expect_value(STORE_BANS, "b", "three");
	expect_value(STORE_ADDRESSES, "a", "two");
}
END_TEST

/* ---- what is opened ---- */

START_TEST(directory_of_another_network_is_refused)
{
	must_open();
	close_store();
	params.network = "mainnet";
	ck_assert_int_eq(open_store(), STORE_E_NETWORK);
	ck_assert_int_eq(failure.error, STORE_E_NETWORK);
	ck_assert_ptr_nonnull(strstr(failure.text, "it belongs to network testnet, not mainnet"));
	ck_assert_ptr_nonnull(strstr(failure.text, dir));
	ck_assert_ptr_nonnull(strstr(failure.text, "use another data directory"));
	params.network = "test";
	ck_assert_int_eq(open_store(), STORE_E_NETWORK);
	params.network = "testnet";
	must_open();
}
END_TEST

START_TEST(directory_of_another_genesis_is_refused)
{
	must_open();
	close_store();
	params.genesis_hash.bytes[31] = 1;
	ck_assert_int_eq(open_store(), STORE_E_GENESIS);
	ck_assert_ptr_nonnull(strstr(failure.text, "its chain begins with 010203"));
	params.genesis_hash.bytes[31] = 0;
	must_open();
}
END_TEST

START_TEST(directory_of_a_newer_schema_is_refused)
{
	static const uint8_t newer[4] = {STORE_SCHEMA_VERSION + 1};

	must_open();
	ck_assert_int_eq(store_put(store, STORE_META, "schema", 6, newer, 4, true), 0);
	close_store();
	ck_assert_int_eq(open_store(), STORE_E_SCHEMA);
	ck_assert_ptr_nonnull(strstr(failure.text, "schema 2, this one knows 1"));
	ck_assert_ptr_nonnull(strstr(failure.text, "run the newer version"));
}
END_TEST

/* Opens with RocksDB itself, every family of ours and more, and does nothing; `extra` is made. */
static void open_raw(const char *extra)
{
	rocksdb_options_t *options = rocksdb_options_create();
	rocksdb_column_family_handle_t *handles[STORE_FAMILY_COUNT + 2];
	const rocksdb_options_t *family_options[STORE_FAMILY_COUNT + 2];
	const char *names[STORE_FAMILY_COUNT + 2] = {"default"};
	char *status = NULL;
	rocksdb_t *db;
	int count = 1;

	if (extra) {
		for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++)
			names[count++] = store_family_name(family);
		names[count++] = extra;
	}
	for (int i = 0; i < count; i++)
		family_options[i] = options;
	rocksdb_options_set_create_if_missing(options, 1);
	rocksdb_options_set_create_missing_column_families(options, 1);
	db = rocksdb_open_column_families(options, dir, count, names, family_options, handles, &status);
	ck_assert_ptr_null(status);
	for (int i = 0; i < count; i++)
		rocksdb_column_family_handle_destroy(handles[i]);
	rocksdb_close(db);
	rocksdb_options_destroy(options);
}

START_TEST(unknown_column_family_is_a_newer_schema)
{
	must_open();
	close_store();
	open_raw("invented_later");
	ck_assert_int_eq(open_store(), STORE_E_SCHEMA);
	ck_assert_ptr_nonnull(strstr(failure.text, "invented_later"));
}
END_TEST

START_TEST(crash_while_being_made_is_mended)
{
	/* RocksDB has made its database, our first batch has not come */
	open_raw(NULL);
	must_open();
	must_put(STORE_BANS, "a", "one");
}
END_TEST

START_TEST(lost_meta_entries_are_noticed)
{
	must_open();
	ck_assert_int_eq(store_delete(store, STORE_META, "network", 7, true), 0);
	close_store();
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(failure.text, "\"network\""));
	remove_tree(dir);
	must_open();
	ck_assert_int_eq(store_delete(store, STORE_META, "schema", 6, true), 0);
	close_store();
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(failure.text, "\"schema\""));
	remove_tree(dir);
	must_open();
	ck_assert_int_eq(store_put(store, STORE_META, "schema", 6, "x", 1, true), 0);
	close_store();
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
}
END_TEST

START_TEST(directory_in_use_is_refused)
{
	int ready[2], done[2];
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(done), 0);
	child = fork();
	if (child == 0) {
		close(done[1]);
		if (open_store() != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		_exit((int)read(done[0], &byte, 1));
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(open_store(), STORE_E_LOCKED);
	ck_assert_ptr_nonnull(strstr(failure.text, "stop the other process"));
	close(done[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	must_open();
}
END_TEST

START_TEST(directory_that_may_not_be_written_is_refused)
{
	must_open();
	close_store();
	ck_assert_int_eq(chmod(parent, 0711), 0);
	ck_assert_int_eq(chmod(dir, 0), 0);
	/* root may do everything: become nobody for this */
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(open_store(), STORE_E_PERMISSION);
	ck_assert_ptr_nonnull(strstr(failure.text, "user that runs timed"));
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(dir, 0700), 0);
	must_open();
}
END_TEST

START_TEST(missing_parent_is_an_error)
{
	params.dir = "/nonexistent/db";
	ck_assert_int_eq(open_store(), STORE_E_IO);
	ck_assert_ptr_nonnull(strstr(failure.text, "No such file"));
}
END_TEST

/* ---- crashes and damage ---- */

/* Makes the database in a process of its own, which then dies without closing it: `count` synced entries "k000" ... in
 * STORE_BANS stay in the write-ahead log. */
static void make_and_crash(int count)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		char key[16], value[80];

		if (open_store())
			_exit(1);
		memset(value, 'v', sizeof(value));
		for (int i = 0; i < count; i++) {
			snprintf(key, sizeof(key), "k%03d", i);
			if (store_put(store, STORE_BANS, key, 4, value, sizeof(value), i == count - 1))
				_exit(1);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

/* The biggest file of the directory whose name ends or begins so. */
static void find_file(char path[256], const char *part)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	off_t biggest = 0;

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)) != NULL) {
		size_t len = strlen(entry->d_name), end = strlen(part);
		char candidate[256];
		struct stat st;

		if (len < end || (strcmp(entry->d_name + len - end, part) != 0 && strncmp(entry->d_name, part, end) != 0))
			continue;
		snprintf(candidate, sizeof(candidate), "%s/%.100s", dir, entry->d_name);
		if (stat(candidate, &st) == 0 && st.st_size > biggest) {
			biggest = st.st_size;
			memcpy(path, candidate, sizeof(candidate));
		}
	}
	closedir(d);
	ck_assert_msg(biggest > 0, "no file with %s", part);
}

static void flip(const char *path, size_t at, uint8_t bits)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= bits;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static size_t file_size(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (size_t)st.st_size;
}

START_TEST(crash_loses_nothing_synced)
{
	make_and_crash(100);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 100);
}
END_TEST

START_TEST(torn_end_of_the_log_is_cut_off)
{
	/* the last record loses _i bytes: only its entry is gone */
	char path[256];

	make_and_crash(100);
	find_file(path, ".log");
	ck_assert_int_eq(truncate(path, (off_t)file_size(path) - _i), 0);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 99);
	close_store();
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 99);
}
END_TEST

START_TEST(log_that_ends_in_zeros_is_cut_off)
{
	char path[256];

	make_and_crash(100);
	find_file(path, ".log");
	ck_assert_int_eq(truncate(path, (off_t)file_size(path) + 70000), 0);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 100);
}
END_TEST

START_TEST(flipped_byte_in_the_log_is_a_named_error)
{
	/* every byte of the first and last records; the failed opening changes nothing, so one database does */
	static const uint8_t bits[] = {0x01, 0x80, 0xff};
	char path[256];
	size_t size;

	make_and_crash(50);
	find_file(path, ".log");
	size = file_size(path);
	for (size_t at = 0; at < size; at = at == 300 ? size - 300 : at + 1) {
		for (size_t b = 0; b < sizeof(bits); b++) {
			int r;

			flip(path, at, bits[b]);
			r = open_store();
			ck_assert_msg(r == STORE_E_WAL, "byte %zu: %s", at, store_error_name(r));
			flip(path, at, bits[b]);
		}
	}
	flip(path, 100, 1);
	ck_assert_int_eq(open_store(), STORE_E_WAL);
	ck_assert_ptr_nonnull(strstr(failure.text, path));
	ck_assert_ptr_nonnull(strstr(failure.text, "--recover-wal"));
	flip(path, 100, 1);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 50);
}
END_TEST

START_TEST(recover_wal_keeps_what_precedes_the_damage)
{
	char path[256];
	int count;

	make_and_crash(100);
	find_file(path, ".log");
	flip(path, file_size(path) / 2, 0xff);
	params.recover_wal = true;
	must_open();
	count = count_entries(STORE_BANS);
	ck_assert_int_gt(count, 40);
	ck_assert_int_lt(count, 60);
	close_store();
	params.recover_wal = false;
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), count);
}
END_TEST

START_TEST(flipped_byte_in_the_manifest_is_a_named_error)
{
	char path[256];
	size_t size;

	make_and_crash(5);
	find_file(path, "MANIFEST-");
	size = file_size(path);
	for (size_t at = 0; at < size; at++) {
		flip(path, at, 0x80);
		ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
		ck_assert_ptr_nonnull(strstr(failure.text, path));
		flip(path, at, 0x80);
	}
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 5);
}
END_TEST

/* As make_and_crash, and then opened and closed: the entries are in a table. */
static void make_table(int count)
{
	make_and_crash(count);
	must_open();
	close_store();
}

START_TEST(flipped_byte_in_a_table_is_a_named_error)
{
	char path[256], copy[80], command[256];
	int damaged = 0;
	size_t size;

	make_table(300);
	find_file(path, ".sst");
	size = file_size(path);
	snprintf(copy, sizeof(copy), "%s/copy", parent);
	snprintf(command, sizeof(command), "rm -rf %s; cp -a %s %s", copy, dir, copy);
	ck_assert_int_eq(system(command), 0);
	for (size_t at = 0; at < size; at += 1 + size / 60) {
		int r;

		snprintf(command, sizeof(command), "rm -rf %s; cp -a %s %s", dir, copy, dir);
		ck_assert_int_eq(system(command), 0);
		flip(path, at, 0x10);
		r = open_store();
		if (r) {
			ck_assert_int_eq(r, STORE_E_CORRUPT);
			damaged++;
			continue;
		}
		/* either it is noticed, or the byte did not matter: never other data */
		r = count_entries(STORE_BANS);
		ck_assert(r == -1 || r == 300);
		damaged += r == -1;
		close_store();
	}
	ck_assert_int_gt(damaged, 10);
}
END_TEST

START_TEST(table_cut_off_is_a_named_error)
{
	char path[256];

	make_table(300);
	find_file(path, ".sst");
	ck_assert_int_eq(truncate(path, (off_t)file_size(path) - 1), 0);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(failure.text, "move it away"));
}
END_TEST

START_TEST(missing_files_are_named_errors)
{
	static const char *const parts[] = {".sst", "MANIFEST-", "CURRENT"};
	char path[256];

	make_table(300);
	find_file(path, parts[_i]);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
}
END_TEST

START_TEST(damaged_current_is_a_named_error)
{
	char path[256];

	make_table(10);
	find_file(path, "CURRENT");
	flip(path, 0, 0xff);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
}
END_TEST

START_TEST(clear_gets_rid_of_a_damaged_family)
{
	/* adversarial.md 36: what can be learnt again is rebuilt */
	char path[256];

	make_table(300);
	must_open();
	must_put(STORE_MASTERNODES, "10.0.0.1", "kept");
	close_store();
	find_file(path, ".sst");
	flip(path, 50, 0xff);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), -1);
	ck_assert_int_eq(store_clear(store, STORE_BANS), 0);
	ck_assert_int_eq(count_entries(STORE_BANS), 0);
	must_put(STORE_BANS, "a", "one");
	close_store();
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 1);
	expect_value(STORE_MASTERNODES, "10.0.0.1", "kept");
}
END_TEST

/* Writes pairs, one entry in each of two families per batch, until killed; a byte to `progress` after each. */
static void write_pairs(int progress)
{
	struct store_batch *batch;
	char value[200];

	if (open_store())
		_exit(1);
	memset(value, 'p', sizeof(value));
	batch = store_batch_new();
	for (uint32_t i = 0;; i++) {
		uint8_t key[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		store_batch_put(store, batch, STORE_BLOCKS, key, 4, value, sizeof(value));
		store_batch_put(store, batch, STORE_UNDO, key, 4, value, sizeof(value));
		if (store_batch_commit(store, batch, i % 64 == 0))
			_exit(1);
		if (write(progress, "x", 1) != 1)
			_exit(1);
	}
}

START_TEST(kill_in_the_middle_of_writes_leaves_whole_batches)
{
	int progress[2], committed = 0;
	char bytes[64];
	pid_t child;
	ssize_t n;

	ck_assert_int_eq(pipe(progress), 0);
	child = fork();
	if (child == 0)
		write_pairs(progress[1]);
	close(progress[1]);
	while (committed < 100 + 170 * _i && (n = read(progress[0], bytes, sizeof(bytes))) > 0)
		committed += (int)n;
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	while ((n = read(progress[0], bytes, sizeof(bytes))) > 0)
		committed += (int)n;
	close(progress[0]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_ge(committed, 100);

	must_open();
	ck_assert_int_ge(count_entries(STORE_BLOCKS), committed);
	ck_assert_int_le(count_entries(STORE_BLOCKS), committed + 1);
	ck_assert_int_eq(count_entries(STORE_UNDO), count_entries(STORE_BLOCKS));
}
END_TEST

/* ---- failed writes ---- */

static atomic_int reports;
static enum store_error reported;

static void report(void *user, const struct store_failure *what)
{
	ck_assert_ptr_eq(user, &reports);
	reported = what->error;
	atomic_fetch_add(&reports, 1);
}

/* Writes 4 KiB values until one fails; returns its error, and how many went well. */
static int write_until_failure(int *written)
{
	uint8_t value[4096];
	uint32_t random = 1;
	int r = 0;

	for (*written = 0; *written < 10000; (*written)++) {
		/* nothing that could be compressed */
		for (size_t i = 0; i < sizeof(value); i++)
			value[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		r = store_put(store, STORE_BLOCKS, written, sizeof(*written), value, sizeof(value), false);
		if (r)
			return r;
	}
	return 0;
}

START_TEST(first_failed_write_is_reported_and_the_last)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	int written;

	params.on_failure = report;
	params.user = &reports;
	must_open();
	ck_assert(!store_failed(store, &failure));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(write_until_failure(&written), STORE_E_IO);
	ck_assert_int_eq(atomic_load(&reports), 1);
	ck_assert_int_eq(reported, STORE_E_IO);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	/* from now on every write fails the same way, and nobody is told again */
	ck_assert_int_eq(store_put(store, STORE_BANS, "a", 1, "b", 1, false), STORE_E_IO);
	ck_assert_int_eq(store_delete(store, STORE_BANS, "a", 1, false), STORE_E_IO);
	ck_assert_int_eq(store_clear(store, STORE_BANS), STORE_E_IO);
	ck_assert_int_eq(atomic_load(&reports), 1);
	ck_assert(store_failed(store, &failure));
	ck_assert_int_eq(failure.error, STORE_E_IO);
	ck_assert_ptr_nonnull(strstr(failure.text, "File too large"));
	/* reading goes on, and so does the next start */
	ck_assert_int_eq(count_entries(STORE_BLOCKS), written);
	close_store();
	must_open();
	ck_assert_int_eq(count_entries(STORE_BLOCKS), written);
}
END_TEST

static void *run_failing_writer(void *arg)
{
	int written;

	(void)arg;
	ck_assert_int_eq(write_until_failure(&written), STORE_E_IO);
	return NULL;
}

START_TEST(writers_that_fail_together_report_once)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	struct thread writers[4];

	params.on_failure = report;
	params.user = &reports;
	must_open();
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(thread_start(&writers[i], "writer", run_failing_writer, NULL), 0);
	for (int i = 0; i < 4; i++)
		thread_join(&writers[i]);
	ck_assert_int_eq(atomic_load(&reports), 1);
}
END_TEST

START_TEST(disk_full_is_a_named_error_and_reopens_when_there_is_room)
{
	static const uint8_t zeros[4096];
	off_t full = 16 << 20;
	char ballast[100];
	int fd, written;
	ssize_t n;

	/* a small disk of our own: needs root and namespaces */
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mkdir(dir, 0700) != 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=24m") != 0) {
		fprintf(stderr, "disk_full...: skipped, no tmpfs can be mounted here\n");
		return;
	}
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fd = open(ballast, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(posix_fallocate(fd, 0, 16 << 20), 0);
	must_open();
	ck_assert_int_eq(write_until_failure(&written), STORE_E_DISK_FULL);
	ck_assert(store_failed(store, &failure));
	ck_assert_ptr_nonnull(strstr(failure.text, "make room"));
	close_store();
	/* no room at all, then room for the opening but not for the table that the log becomes */
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 16 << 20);
	while ((n = write(fd, zeros, sizeof(zeros))) > 0)
		full += n;
	ck_assert_int_eq(open_store(), STORE_E_DISK_FULL);
	ck_assert_int_eq(ftruncate(fd, full - (3 << 20)), 0);
	ck_assert_int_eq(open_store(), STORE_E_DISK_FULL);
	close(fd);
	ck_assert_int_eq(unlink(ballast), 0);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BLOCKS), written);
	close_store();
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

/* ---- threads ---- */

#define READERS 3
#define PAIRS 2000

static atomic_bool writer_done;
static atomic_int torn_pairs;

/* Both entries of a pair are always equal, whenever one looks: a batch is atomic for readers too. */
static bool read_pair(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	char *first = user;

	(void)key;
	(void)key_len;
	if (value_len != 8)
		atomic_fetch_add(&torn_pairs, 1);
	else if (first[0] == '\0')
		memcpy(first, value, 8);
	else if (memcmp(first, value, 8) != 0)
		atomic_fetch_add(&torn_pairs, 1);
	return true;
}

static void *run_reader(void *arg)
{
	struct store_value value;

	(void)arg;
	while (!atomic_load(&writer_done)) {
		char first[9] = "";

		if (store_scan(store, STORE_MASTERNODES, "pair", 4, read_pair, first))
			atomic_fetch_add(&torn_pairs, 1);
		if (store_get(store, &value, STORE_MASTERNODES, "pair1", 5))
			atomic_fetch_add(&torn_pairs, 1);
		store_value_free(&value);
	}
	return NULL;
}

static int write_pair(struct store_batch *batch, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%08d", number);
	store_batch_put(store, batch, STORE_MASTERNODES, "pair1", 5, text, 8);
	store_batch_put(store, batch, STORE_MASTERNODES, "pair2", 5, text, 8);
	return store_batch_commit(store, batch, false);
}

START_TEST(readers_beside_a_writer_see_whole_batches)
{
	struct store_batch *batch = store_batch_new();
	struct thread readers[READERS];

	must_open();
	ck_assert_int_eq(write_pair(batch, 0), 0);
	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(thread_start(&readers[i], "reader", run_reader, NULL), 0);
	for (int i = 1; i <= PAIRS; i++)
		ck_assert_int_eq(write_pair(batch, i), 0);
	atomic_store(&writer_done, true);
	for (int i = 0; i < READERS; i++)
		thread_join(&readers[i]);
	ck_assert_int_eq(atomic_load(&torn_pairs), 0);
	expect_value(STORE_MASTERNODES, "pair2", "00002000");
	store_batch_free(batch);
}
END_TEST

START_TEST(close_of_nothing)
{
	store_close(NULL);
}
END_TEST

static TCase *use_case(Suite *suite)
{
	TCase *c = tcase_create("use");

	tcase_add_test(c, what_is_written_is_there_after_reopening);
	tcase_add_test(c, every_family_keeps_its_own);
	tcase_add_test(c, batch_happens_at_commit);
	tcase_add_test(c, scan_visits_a_prefix_in_order);
	tcase_add_test(c, memory_backend_touches_no_disk);
	tcase_add_test(c, clear_empties_one_family);
	tcase_add_test(c, readers_beside_a_writer_see_whole_batches);
	tcase_add_test(c, close_of_nothing);
	suite_add_tcase(suite, c);
	return c;
}

static TCase *open_case(Suite *suite)
{
	TCase *c = tcase_create("open");

	tcase_add_test(c, directory_of_another_network_is_refused);
	tcase_add_test(c, directory_of_another_genesis_is_refused);
	tcase_add_test(c, directory_of_a_newer_schema_is_refused);
	tcase_add_test(c, unknown_column_family_is_a_newer_schema);
	tcase_add_test(c, crash_while_being_made_is_mended);
	tcase_add_test(c, lost_meta_entries_are_noticed);
	tcase_add_test(c, directory_in_use_is_refused);
	tcase_add_test(c, directory_that_may_not_be_written_is_refused);
	tcase_add_test(c, missing_parent_is_an_error);
	suite_add_tcase(suite, c);
	return c;
}

static TCase *damage_case(Suite *suite)
{
	TCase *c = tcase_create("damage");

	tcase_add_test(c, crash_loses_nothing_synced);
	tcase_add_loop_test(c, torn_end_of_the_log_is_cut_off, 1, 8);
	tcase_add_test(c, log_that_ends_in_zeros_is_cut_off);
	tcase_add_test(c, flipped_byte_in_the_log_is_a_named_error);
	tcase_add_test(c, recover_wal_keeps_what_precedes_the_damage);
	tcase_add_test(c, flipped_byte_in_the_manifest_is_a_named_error);
	tcase_add_test(c, flipped_byte_in_a_table_is_a_named_error);
	tcase_add_test(c, table_cut_off_is_a_named_error);
	tcase_add_loop_test(c, missing_files_are_named_errors, 0, 3);
	tcase_add_test(c, damaged_current_is_a_named_error);
	tcase_add_test(c, clear_gets_rid_of_a_damaged_family);
	tcase_add_loop_test(c, kill_in_the_middle_of_writes_leaves_whole_batches, 0, 5);
	tcase_add_test(c, first_failed_write_is_reported_and_the_last);
	tcase_add_test(c, writers_that_fail_together_report_once);
	tcase_add_test(c, disk_full_is_a_named_error_and_reopens_when_there_is_room);
	suite_add_tcase(suite, c);
	return c;
}

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *cases[3] = {use_case(suite), open_case(suite), damage_case(suite)};
	SRunner *runner;
	int failed;

	for (int i = 0; i < 3; i++) {
		tcase_set_timeout(cases[i], 120);
		tcase_add_checked_fixture(cases[i], setup, teardown);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
