// SPDX-License-Identifier: MIT
/* store: reading and writing, what a directory must be to be opened, threads.  Crashes, damage and failed writes are in
 * test_store_damage.c. */
#include "timed/store/store.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <rocksdb/c.h>

#include "run_suite.h"
#include "store_fixture.h"
#include "timed/util/thread.h"

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

/* Opens with RocksDB itself, as little as it needs, or every family of ours and more; then writes the entry "schema" if
 * there is one. */
static void open_raw(const char *extra, const uint8_t schema[4])
{
	rocksdb_options_t *options = rocksdb_options_create();
	rocksdb_writeoptions_t *write_options = rocksdb_writeoptions_create();
	rocksdb_column_family_handle_t *handles[STORE_FAMILY_COUNT + 2];
	const rocksdb_options_t *family_options[STORE_FAMILY_COUNT + 2];
	const char *names[STORE_FAMILY_COUNT + 2] = {"default"};
	char *status = NULL;
	rocksdb_t *db;
	int count = 1;

	for (enum store_family family = 0; (extra || schema) && family < STORE_FAMILY_COUNT; family++)
		names[count++] = store_family_name(family);
	if (extra)
		names[count++] = extra;
	for (int i = 0; i < count; i++)
		family_options[i] = options;
	rocksdb_options_set_create_if_missing(options, 1);
	rocksdb_options_set_create_missing_column_families(options, 1);
	db = rocksdb_open_column_families(options, dir, count, names, family_options, handles, &status);
	ck_assert_ptr_null(status);
	if (schema)
		rocksdb_put_cf(db, write_options, handles[1 + STORE_META], "schema", 6, (const char *)schema, 4,
			       &status);
	ck_assert_ptr_null(status);
	for (int i = 0; i < count; i++)
		rocksdb_column_family_handle_destroy(handles[i]);
	rocksdb_close(db);
	rocksdb_writeoptions_destroy(write_options);
	rocksdb_options_destroy(options);
}

/* Refused, and left as it is: with its own version's number it opens again, with all that it held. */
static void schema_is_refused(uint8_t schema, const char *text)
{
	static const uint8_t right[4] = {STORE_SCHEMA_VERSION};
	const uint8_t other[4] = {schema};

	must_open();
	must_put(STORE_BANS, "a", "one");
	ck_assert_int_eq(store_put(store, STORE_META, "schema", 6, other, 4, true), 0);
	close_store();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(open_store(), STORE_E_SCHEMA);
		ck_assert_ptr_nonnull(strstr(failure.text, text));
		ck_assert_ptr_nonnull(strstr(failure.text, "run that version"));
	}
	open_raw(NULL, right);
	must_open();
	expect_value(STORE_BANS, "a", "one");
}

START_TEST(directory_of_a_newer_schema_is_refused)
{
	schema_is_refused(STORE_SCHEMA_VERSION + 1, "a newer version (schema 2, this one knows 1)");
}
END_TEST

START_TEST(directory_of_an_older_schema_is_refused)
{
	schema_is_refused(STORE_SCHEMA_VERSION - 1, "an older version (schema 0, this one knows 1)");
}
END_TEST

START_TEST(unknown_column_family_is_a_newer_schema)
{
	must_open();
	close_store();
	open_raw("invented_later", NULL);
	ck_assert_int_eq(open_store(), STORE_E_SCHEMA);
	ck_assert_ptr_nonnull(strstr(failure.text, "invented_later"));
}
END_TEST

START_TEST(crash_while_being_made_is_mended)
{
	/* RocksDB has made its database, our first batch has not come */
	open_raw(NULL, NULL);
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

static void use_case(Suite *suite)
{
	TCase *c = tcase_create("use");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_is_written_is_there_after_reopening);
	tcase_add_test(c, every_family_keeps_its_own);
	tcase_add_test(c, batch_happens_at_commit);
	tcase_add_test(c, scan_visits_a_prefix_in_order);
	tcase_add_test(c, memory_backend_touches_no_disk);
	tcase_add_test(c, clear_empties_one_family);
	tcase_add_test(c, readers_beside_a_writer_see_whole_batches);
	tcase_add_test(c, close_of_nothing);
	suite_add_tcase(suite, c);
}

static void open_case(Suite *suite)
{
	TCase *c = tcase_create("open");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, directory_of_another_network_is_refused);
	tcase_add_test(c, directory_of_another_genesis_is_refused);
	tcase_add_test(c, directory_of_a_newer_schema_is_refused);
	tcase_add_test(c, directory_of_an_older_schema_is_refused);
	tcase_add_test(c, unknown_column_family_is_a_newer_schema);
	tcase_add_test(c, crash_while_being_made_is_mended);
	tcase_add_test(c, lost_meta_entries_are_noticed);
	tcase_add_test(c, directory_in_use_is_refused);
	tcase_add_test(c, directory_that_may_not_be_written_is_refused);
	tcase_add_test(c, missing_parent_is_an_error);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("store");

	use_case(suite);
	open_case(suite);
	return run_suite(suite);
}
