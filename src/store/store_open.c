// SPDX-License-Identifier: MIT
/* Opening and closing the database: see store.h.  What must hold before and after is asked of store_files.c and
 * store_meta.c. */
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timed/util/log.h"
#include "timed/util/sanitizer.h"
#include "timed/util/thread.h"

#define STORE_MIB ((size_t)1 << 20)
/* Free space without which nothing is opened: text log, MANIFEST and the tables of a small log to recover. */
#define STORE_OPEN_ROOM ((off_t)2 << 20)
/* Closing leaves fewer entries than these in the log: what is read in a few milliseconds at the next start. */
#define STORE_CLOSE_ENTRIES 5000

enum store_size store_family_size(enum store_family family)
{
	switch (family) {
	case STORE_BLOCKS:
	case STORE_UNDO:
	case STORE_COMMITS:
	case STORE_BRANCH:
		return STORE_SIZE_BLOCKS;
	case STORE_BLOCK_INDEX:
	case STORE_UTXO:
	case STORE_TX_INDEX:
	case STORE_SCRIPT_INDEX:
		return STORE_SIZE_HASHES;
	case STORE_MASTERNODES:
	case STORE_ADDRESSES:
	case STORE_BANS:
	case STORE_META:
	case STORE_FAMILY_COUNT:
		break;
	}
	return STORE_SIZE_SMALL;
}

/* What a bulk load fills.  All families are flushed when the memory table of one is full, and random keys make each
 * flush meet all tables of its family when these are merged: so the memory tables are not small, and many flushes are
 * merged at once.  Most questions are for transactions that are not there: a filter stands in front of the memory
 * tables too. */
static void store_tune_for_chain(rocksdb_options_t *options, enum store_size size)
{
	rocksdb_options_set_write_buffer_size(options, 16 * STORE_MIB);
	rocksdb_options_set_max_write_buffer_number(options, 4);
	rocksdb_options_set_level0_file_num_compaction_trigger(options, 8);
	rocksdb_options_set_level0_slowdown_writes_trigger(options, 24);
	if (size != STORE_SIZE_HASHES)
		return;
	rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.05);
	rocksdb_options_set_memtable_whole_key_filtering(options, 1);
	/* Hashes do not get shorter, and are written several times. */
	rocksdb_options_set_compression(options, rocksdb_no_compression);
}

static rocksdb_options_t *store_make_family_options(rocksdb_cache_t *cache, enum store_size size)
{
	rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
	rocksdb_options_t *options = rocksdb_options_create();

	if (THREAD_SANITIZED) {
		/* What one thread has read into the cache is read by others from there: RocksDB sees to the order, and
		 * ThreadSanitizer does not see RocksDB. */
		rocksdb_block_based_options_set_no_block_cache(table, 1);
	} else {
		rocksdb_block_based_options_set_block_cache(table, cache);
		/* Indexes and filters count against the cache instead of growing beside it. */
		rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
		rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
	}
	rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10));
	rocksdb_options_set_block_based_table_factory(options, table);
	rocksdb_options_set_write_buffer_size(options, STORE_MIB / 4);
	rocksdb_options_set_max_write_buffer_number(options, 2);
	rocksdb_block_based_options_destroy(table);
	if (size != STORE_SIZE_SMALL)
		store_tune_for_chain(options, size);
	return options;
}

static rocksdb_options_t *store_make_database_options(rocksdb_env_t *env)
{
	rocksdb_options_t *options = rocksdb_options_create();

	if (env)
		rocksdb_options_set_env(options, env);
	rocksdb_options_set_create_if_missing(options, 1);
	rocksdb_options_set_create_missing_column_families(options, 1);
	rocksdb_options_set_paranoid_checks(options, 1);
	rocksdb_options_set_max_open_files(options, 256);
	rocksdb_options_set_max_file_opening_threads(options, 1);
	rocksdb_options_set_max_background_jobs(options, 2);
	/* All families are flushed together, so no table is ever ahead of a log that had to be cut off. */
	rocksdb_options_set_atomic_flush(options, 1);
	rocksdb_options_set_db_write_buffer_size(options, 64 * STORE_MIB);
	rocksdb_options_set_max_total_wal_size(options, 64 * STORE_MIB);
	rocksdb_options_set_max_manifest_file_size(options, 4 * STORE_MIB);
	/* RocksDB's text log: on a full disk its second write meets an assertion, and the process aborts.  It cannot be
	 * turned off, so it says as little as it can: its settings while opening, for which store_check_room() has seen
	 * that there is room, and then nothing.  Errors come as statuses too. */
	rocksdb_options_set_info_log_level(options, 4); /* fatal errors */
	rocksdb_options_set_keep_log_file_num(options, 1);
	/* No statistics thread that wakes an idle node. */
	rocksdb_options_set_stats_dump_period_sec(options, 0);
	rocksdb_options_set_stats_persist_period_sec(options, 0);
	return options;
}

static struct store *store_prepare(const struct store_params *params)
{
	size_t cache_bytes = params->cache_bytes < STORE_MIB ? STORE_MIB : params->cache_bytes;
	struct store *store = calloc(1, sizeof(*store));

	CHECK(store != NULL);
	store->dir = strdup(params->dir);
	CHECK(store->dir != NULL);
	store->env = params->memory ? rocksdb_create_mem_env() : NULL;
	store->cache = rocksdb_cache_create_lru(cache_bytes);
	store->database_options = store_make_database_options(store->env);
	for (enum store_size size = 0; size < STORE_SIZE_COUNT; size++)
		store->family_options[size] = store_make_family_options(store->cache, size);
	store->read_options = rocksdb_readoptions_create();
	store->write_options = rocksdb_writeoptions_create();
	store->sync_options = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(store->sync_options, 1);
	return store;
}

/* Takes over one of RocksDB's error texts.  0 when there is none. */
static int store_open_error(struct store_failure *failure, const struct store_params *params, char *status)
{
	if (!status)
		return 0;
	store_failure_set(failure, store_error_from_status(status), params->dir, status);
	rocksdb_free(status);
	return (int)failure->error;
}

static bool store_knows_family(const char *name)
{
	for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++) {
		if (strcmp(store_family_name(family), name) == 0)
			return true;
	}
	return strcmp(name, "default") == 0;
}

/* A family that we do not know can only be of a newer version; RocksDB would refuse to open without naming it. */
static int store_check_families(const struct store *store, struct store_failure *failure,
				const struct store_params *params)
{
	char *status = NULL, detail[200];
	size_t count = 0;
	char **names = rocksdb_list_column_families(store->database_options, params->dir, &count, &status);
	int r = store_open_error(failure, params, status);

	if (r)
		return r;
	for (size_t i = 0; i < count && !r; i++) {
		if (store_knows_family(names[i]))
			continue;
		snprintf(detail, sizeof(detail), "it holds the unknown column family \"%.100s\"", names[i]);
		store_failure_set(failure, STORE_E_SCHEMA, params->dir, detail);
		r = STORE_E_SCHEMA;
	}
	rocksdb_list_column_families_destroy(names, count);
	return r;
}

static int store_open_database(struct store *store, struct store_failure *failure, const struct store_params *params)
{
	const char *names[STORE_FAMILY_COUNT + 1];
	const rocksdb_options_t *options[STORE_FAMILY_COUNT + 1];
	rocksdb_column_family_handle_t *handles[STORE_FAMILY_COUNT + 1];
	char *status = NULL;
	int r;

	for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++) {
		names[family] = store_family_name(family);
		options[family] = store->family_options[store_family_size(family)];
	}
	names[STORE_FAMILY_COUNT] = "default";
	options[STORE_FAMILY_COUNT] = store->family_options[STORE_SIZE_SMALL];
	store->db = rocksdb_open_column_families(store->database_options, params->dir, STORE_FAMILY_COUNT + 1, names,
						 options, handles, &status);
	r = store_open_error(failure, params, status);
	if (r)
		return r;
	memcpy(store->family, handles, sizeof(store->family));
	store->unused = handles[STORE_FAMILY_COUNT];
	return 0;
}

/* Makes the directory itself; its parent is the caller's. */
static int store_make_directory(struct store_failure *failure, const struct store_params *params)
{
	if (params->memory || mkdir(params->dir, 0700) == 0 || errno == EEXIST)
		return 0;
	store_failure_set_errno(failure, errno, params->dir, params->dir);
	return (int)failure->error;
}

/* What an opening needs in any case must be there before RocksDB begins; asked of the file system by taking it. */
static int store_check_room(struct store_failure *failure, const struct store_params *params)
{
	char path[WAL_PATH_SIZE];
	int fd, r;

	if (params->memory)
		return 0;
	if (snprintf(path, sizeof(path), "%s/room.XXXXXX", params->dir) >= (int)sizeof(path)) {
		store_failure_set_errno(failure, ENAMETOOLONG, params->dir, params->dir);
		return (int)failure->error;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		store_failure_set_errno(failure, errno, params->dir, path);
		return (int)failure->error;
	}
	r = posix_fallocate(fd, 0, STORE_OPEN_ROOM);
	close(fd);
	unlink(path);
	if (!r)
		return 0;
	store_failure_set_errno(failure, r, params->dir, path);
	return (int)failure->error;
}

static void store_log_recovery(const struct wal_report *wal)
{
	if (wal->verdict == WAL_TORN)
		log_warn(LOG_CHAIN,
			 "%s ends in an incomplete record at byte %" PRIu64 ": cut off (a crash while writing)",
			 wal->path, wal->offset);
	if (wal->verdict == WAL_DAMAGED)
		log_warn(LOG_CHAIN, "%s is damaged at byte %" PRIu64 ": it and what was written later are dropped",
			 wal->path, wal->offset);
}

int store_open(struct store **out, struct store_failure *failure, const struct store_params *params)
{
	struct store_files files = {.exists = false};
	struct store *store;
	int r;

	*failure = (struct store_failure){.error = STORE_E_IO};
	r = store_make_directory(failure, params);
	if (r)
		return r;
	if (!params->memory)
		r = store_check_files(&files, failure, params);
	if (!r)
		r = store_check_room(failure, params);
	if (r)
		return r;

	store = store_prepare(params);
	rocksdb_options_set_wal_recovery_mode(store->database_options, files.recovery_mode);
	if (files.exists)
		r = store_check_families(store, failure, params);
	if (!r)
		r = store_open_database(store, failure, params);
	if (!r)
		r = store_check_meta(store, failure, params);
	if (r) {
		store_close(store);
		return r;
	}
	store_log_recovery(&files.wal);
	/* Only now: a failure of the opening is the caller's to report. */
	store->on_failure = params->on_failure;
	store->user = params->user;
	*out = store;
	return 0;
}

int store_destroy(const char *dir, struct store_failure *failure)
{
	rocksdb_options_t *options;
	char *status = NULL;

	if (access(dir, F_OK) != 0 && errno == ENOENT)
		return 0;
	options = rocksdb_options_create();
	rocksdb_destroy_db(options, dir, &status);
	rocksdb_options_destroy(options);
	if (!status)
		return 0;
	store_failure_set(failure, store_error_from_status(status), dir, status);
	rocksdb_free(status);
	return (int)failure->error;
}

/* Entries that are in memory and in the log only. */
static uint64_t store_unflushed_entries(const struct store *store)
{
	uint64_t sum = 0, entries;

	for (int i = 0; i < STORE_FAMILY_COUNT; i++) {
		if (rocksdb_property_int_cf(store->db, store->family[i], "rocksdb.num-entries-active-mem-table",
					    &entries) == 0)
			sum += entries;
	}
	return sum;
}

/* A long log makes the next start slow: it becomes tables.  One family after the other, so the log must be on the disk
 * first: no table may be ahead of a log that is cut off later.  Whatever fails here, the log has everything. */
static void store_flush_tables(struct store *store)
{
	rocksdb_flushoptions_t *options;
	char *status = NULL;

	if (store_failed(store, NULL) || store_unflushed_entries(store) < STORE_CLOSE_ENTRIES || store_sync(store))
		return;
	options = rocksdb_flushoptions_create();
	rocksdb_flushoptions_set_wait(options, 1);
	for (int i = 0; i < STORE_FAMILY_COUNT && !status; i++)
		rocksdb_flush_cf(store->db, options, store->family[i], &status);
	rocksdb_flushoptions_destroy(options);
	if (status)
		log_warn(LOG_CHAIN, "database %s: closing: %s; the next start reads the log", store->dir, status);
	rocksdb_free(status);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->unused)
		store_flush_tables(store);
	if (store->db)
		rocksdb_cancel_all_background_work(store->db, 1);
	for (int i = 0; i < STORE_FAMILY_COUNT; i++) {
		if (store->family[i])
			rocksdb_column_family_handle_destroy(store->family[i]);
	}
	if (store->unused)
		rocksdb_column_family_handle_destroy(store->unused);
	if (store->db)
		rocksdb_close(store->db);
	for (int i = 0; i < STORE_SIZE_COUNT; i++)
		rocksdb_options_destroy(store->family_options[i]);
	rocksdb_options_destroy(store->database_options);
	rocksdb_readoptions_destroy(store->read_options);
	rocksdb_writeoptions_destroy(store->write_options);
	rocksdb_writeoptions_destroy(store->sync_options);
	rocksdb_cache_destroy(store->cache);
	if (store->env)
		rocksdb_env_destroy(store->env);
	free(store->dir);
	free(store);
}
