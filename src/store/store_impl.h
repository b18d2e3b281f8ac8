/* SPDX-License-Identifier: MIT
 *
 * What the files of the store share: the open database, and how RocksDB's error texts become named errors.
 *
 * Private to the store.
 */
#ifndef TIMED_STORE_STORE_IMPL_H
#define TIMED_STORE_STORE_IMPL_H

#include <stdatomic.h>

#include <rocksdb/c.h>

#include "timed/store/store.h"
#include "wal_check.h"

/* Of a family: the bytes of blocks and undo data under ascending heights, many small entries under hashes, or little. */
enum store_size { STORE_SIZE_BLOCKS, STORE_SIZE_HASHES, STORE_SIZE_SMALL, STORE_SIZE_COUNT };

/* Whether a write has failed.  The first failing thread goes from NONE to WRITING, fills `failure`, and goes to SET:
 * readers look at `failure` only then. */
enum store_failure_state { STORE_FAILURE_NONE, STORE_FAILURE_WRITING, STORE_FAILURE_SET };

struct store {
	rocksdb_t *db;
	rocksdb_column_family_handle_t *family[STORE_FAMILY_COUNT];
	rocksdb_column_family_handle_t *unused; /* "default": RocksDB insists on it; empty */
	rocksdb_options_t *database_options;
	rocksdb_options_t *family_options[STORE_SIZE_COUNT];
	rocksdb_readoptions_t *read_options;
	rocksdb_writeoptions_t *write_options;
	rocksdb_writeoptions_t *sync_options; /* write_options, with sync */
	rocksdb_cache_t *cache;		      /* blocks of tables, of all families */
	rocksdb_env_t *env;		      /* the memory backend; NULL: the disk */
	char *dir;			      /* for messages */
	void (*on_failure)(void *user, const struct store_failure *failure);
	void *user;
	atomic_int failure_state; /* enum store_failure_state */
	struct store_failure failure;
};

rocksdb_column_family_handle_t *store_handle(const struct store *store, enum store_family family);
/* Takes over RocksDB's text of a failed read: logs it; the error. */
int store_read_failed(struct store *store, enum store_family family, char *status);

/* Which options a family is opened with. */
enum store_size store_family_size(enum store_family family);

/* What kind of error a status text of RocksDB ("IO error: While lock file: ...") is. */
enum store_error store_error_from_status(const char *status);
/* Fills in the error and its text: the directory, `detail`, and what to do. */
void store_failure_set(struct store_failure *out, enum store_error error, const char *dir, const char *detail);
/* The same for a failed system call on `path`. */
void store_failure_set_errno(struct store_failure *out, int error, const char *dir, const char *path);

/* Writes the entries that say what the database is, or compares them.  0 or an enum store_error and `failure`. */
int store_check_meta(struct store *store, struct store_failure *failure, const struct store_params *params)
	__attribute__((warn_unused_result));

/* What the files say before RocksDB reads them. */
struct store_files {
	bool exists;	       /* there is a database */
	int recovery_mode;     /* of RocksDB's WALRecoveryMode: what to open it with */
	struct wal_report wal; /* WAL_TORN or, with recover_wal, WAL_DAMAGED: will be cut off at its offset */
};
/* 0 or an enum store_error and `failure`. */
int store_check_files(struct store_files *out, struct store_failure *failure, const struct store_params *params)
	__attribute__((warn_unused_result));

#endif
