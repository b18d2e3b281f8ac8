/* SPDX-License-Identifier: MIT
 *
 * The database: RocksDB, which nothing outside src/store/ sees.  One directory holds column families of keys and
 * values; the modules that own them serialise their own values.
 *
 * What is damaged is found and named, never skipped: a torn end of the write-ahead log (a crash in the middle of a
 * write) is cut off, any other damage is an error whose text names the file and says what to do.  A directory of
 * another network, another chain or another schema is refused.  The first failed write is remembered and reported, so
 * that the node stops in order; every later write then fails with the same error.
 *
 * All functions may block on the disk, so no lock may be held across a call.  Failures are logged here, with their
 * text, in the category `chain`.
 *
 * Thread safety: everything between store_open() and store_close() may be called from any thread at any time, except
 * where a function says otherwise; a batch belongs to one thread.
 */
#ifndef TIMED_STORE_STORE_H
#define TIMED_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

/* The column families.  The chain's are written by the chain thread alone. */
enum store_family {
	STORE_BLOCKS,	    /* height BE -> bincode block */
	STORE_BLOCK_INDEX,  /* block hash -> height */
	STORE_UTXO,	    /* txid, vout BE -> value, script */
	STORE_UNDO,	    /* height BE -> spent outputs */
	STORE_TX_INDEX,	    /* txid -> height, position */
	STORE_SCRIPT_INDEX, /* SHA-256(script), outpoint -> nothing */
	STORE_COMMITS,	    /* height BE -> certificate */
	STORE_BRANCH,	    /* block hash -> block of a fork */
	STORE_MASTERNODES,  /* IP -> registry entry (consensus/registry.h) */
	STORE_ADDRESSES,    /* IP -> address book entry */
	STORE_BANS,	    /* IP -> violations and ban */
	STORE_META,	    /* name -> value: schema, network, genesis (written here), tip ... */
	STORE_FAMILY_COUNT
};

enum store_error {
	STORE_E_NOT_FOUND = 1, /* store_get: there is no such key; not a failure, not logged */
	STORE_E_CORRUPT,       /* a table or manifest file is damaged or missing */
	STORE_E_WAL,	       /* the write-ahead log is damaged before its end */
	STORE_E_LOCKED,	       /* another process has the directory open */
	STORE_E_DISK_FULL,     /* no space, or quota used up */
	STORE_E_PERMISSION,    /* not ours to read or write, or a read-only file system */
	STORE_E_NETWORK,       /* the directory belongs to another network */
	STORE_E_GENESIS,       /* the directory holds a chain with another genesis block */
	STORE_E_SCHEMA,	       /* the directory was written by a version with another schema */
	STORE_E_CHAIN,	       /* entries of the chain are missing or contradict each other; a rebuild mends them */
	STORE_E_IO,	       /* anything else that the disk or the database says */
};

/* What went wrong, for people: the file, the reason, and what to do. */
#define STORE_TEXT_SIZE 1024
struct store_failure {
	enum store_error error;
	char text[STORE_TEXT_SIZE];
};

/* The layout that this version writes. */
#define STORE_SCHEMA_VERSION 1

struct store_params {
	const char *dir;	       /* the database's own directory, made when missing; its parent must exist */
	bool memory;		       /* nothing touches the disk; `dir` only names it in messages */
	bool recover_wal;	       /* --recover-wal: keep what precedes damage in the write-ahead log */
	const char *network;	       /* "testnet" ... */
	struct wire_hash genesis_hash; /* of the chain that is, or will be, in it */
	size_t cache_bytes;	       /* for blocks of tables; 0 for the smallest that works */
	/* Called once, by the thread whose write failed first, while no lock of the store is held; may be NULL. */
	void (*on_failure)(void *user, const struct store_failure *failure);
	void *user; /* for on_failure */
};

struct store;

/* Opens the directory, making the database when there is none.  0 and `*out`, or an enum store_error and `failure`. */
int store_open(struct store **out, struct store_failure *failure, const struct store_params *params)
	__attribute__((warn_unused_result));
/* Deletes the database of a directory that nobody has open, and the directory if nothing else is in it; not being there
 * is fine.  For scratch databases.  0 or an enum store_error and `failure`. */
int store_destroy(const char *dir, struct store_failure *failure) __attribute__((warn_unused_result));
/* Waits for background work and closes.  No other call may be running, no value may be unfreed. */
void store_close(struct store *store);
/* True when a write has failed; `failure` (may be NULL) is then filled. */
bool store_failed(const struct store *store, struct store_failure *failure);

/* What the database holds in memory, in bytes. */
struct store_memory {
	uint64_t cache, cache_limit; /* blocks of tables */
	uint64_t pinned;	     /* of them, in use and so not to be given up */
	uint64_t memtables;	     /* writes that are in no table yet */
	uint64_t readers;	     /* indexes and filters of open tables */
};
void store_get_memory(const struct store *store, struct store_memory *out);

/* What the database tells about itself. */
struct store_stats {
	uint64_t table_bytes;		    /* of its table files on the disk */
	uint64_t live_bytes;		    /* of them in use, as it guesses */
	uint64_t pending_compaction_bytes;  /* to be rewritten */
	uint64_t compactions, flushes;	    /* running now */
	uint64_t snapshots;		    /* held */
	uint64_t background_errors;	    /* since the opening */
	uint64_t delayed_write_bytes_per_s; /* to which writers are slowed down; 0: they are not */
	bool write_stopped;		    /* writers wait for a compaction */
};
void store_get_stats(struct store *store, struct store_stats *out);

/* The name of a family in the database: "blocks" ... */
const char *store_family_name(enum store_family family);
/* "STORE_E_CORRUPT" ..., "?" for a number that is none. */
const char *store_error_name(int error);

/* A value read from the database.  store_value_free() before store_close(). */
struct store_value {
	const uint8_t *data;
	size_t len;
	void *pin; /* what keeps `data` in memory */
};

/* 0 and `*out`; STORE_E_NOT_FOUND, STORE_E_CORRUPT, STORE_E_IO: then there is nothing to free. */
int store_get(struct store *store, struct store_value *out, enum store_family family, const void *key, size_t key_len)
	__attribute__((warn_unused_result));
void store_value_free(struct store_value *value);

/* The database as it was at one moment.  It keeps what is overwritten later on the disk, so it should not live long.
 * store_snapshot_free() before store_close(). */
struct store_snapshot;
struct store_snapshot *store_snapshot_new(struct store *store);
void store_snapshot_free(struct store *store, struct store_snapshot *snapshot); /* NULL is fine */
/* As store_get(), of a snapshot (NULL: now). */
int store_snapshot_get(struct store *store, const struct store_snapshot *snapshot, struct store_value *out,
		       enum store_family family, const void *key, size_t key_len) __attribute__((warn_unused_result));

/* Single writes; `sync`: on the disk when the call returns, else in the log at the system's leisure (lost by a crash of
 * the machine, not by one of the process).  0 or an enum store_error. */
int store_put(struct store *store, enum store_family family, const void *key, size_t key_len, const void *value,
	      size_t value_len, bool sync) __attribute__((warn_unused_result));
int store_delete(struct store *store, enum store_family family, const void *key, size_t key_len, bool sync)
	__attribute__((warn_unused_result));

/* Several writes that happen all or not at all.  Keys and values are copied. */
struct store_batch;
struct store_batch *store_batch_new(void);
void store_batch_free(struct store_batch *batch);
void store_batch_put(struct store *store, struct store_batch *batch, enum store_family family, const void *key,
		     size_t key_len, const void *value, size_t value_len);
void store_batch_delete(struct store *store, struct store_batch *batch, enum store_family family, const void *key,
			size_t key_len);
/* Deletes all keys from `begin` up to, without, `end`. */
void store_batch_delete_range(struct store *store, struct store_batch *batch, enum store_family family,
			      const void *begin, size_t begin_len, const void *end, size_t end_len);
/* How many writes it holds, and how many bytes they take in the log. */
size_t store_batch_count(struct store_batch *batch);
size_t store_batch_bytes(struct store_batch *batch);
/* Writes the batch and empties it, also on failure.  0 or an enum store_error. */
int store_batch_commit(struct store *store, struct store_batch *batch, bool sync) __attribute__((warn_unused_result));
/* Brings to the disk what was written without `sync`.  0 or an enum store_error. */
int store_sync(struct store *store) __attribute__((warn_unused_result));

/* A walk through a family in byte order, as of a snapshot (NULL: the moment of the opening).  Belongs to one thread;
 * closed before the store and before the snapshot. */
struct store_cursor;
struct store_slice {
	const uint8_t *data;
	size_t len;
};
/* Stands on the first key that is not less than `from` (on the first of all when `from_len` is 0). */
struct store_cursor *store_cursor_open(struct store *store, const struct store_snapshot *snapshot,
				       enum store_family family, const void *from, size_t from_len);
/* False at the end, and where damage was met; else key and value, valid until the next move.  Both may be NULL. */
bool store_cursor_at(struct store_cursor *cursor, struct store_slice *key, struct store_slice *value);
void store_cursor_next(struct store_cursor *cursor);
void store_cursor_last(struct store_cursor *cursor); /* to the last key */
/* 0; STORE_E_CORRUPT or STORE_E_IO: what the cursor showed was incomplete.  NULL is fine. */
int store_cursor_close(struct store_cursor *cursor) __attribute__((warn_unused_result));

/* Calls `visit` for each key that begins with `prefix` (all when `prefix_len` is 0), in byte order, as of the moment of
 * the call, until it returns false.  `visit` may read and write the store.  0, STORE_E_CORRUPT or STORE_E_IO: the scan
 * is then incomplete. */
int store_scan(struct store *store, enum store_family family, const void *prefix, size_t prefix_len,
	       bool (*visit)(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len),
	       void *user) __attribute__((warn_unused_result));

/* The same of a snapshot (NULL: now). */
int store_snapshot_scan(struct store *store, const struct store_snapshot *snapshot, enum store_family family,
			const void *prefix, size_t prefix_len,
			bool (*visit)(void *user, const uint8_t *key, size_t key_len, const uint8_t *value,
				      size_t value_len),
			void *user) __attribute__((warn_unused_result));

/* Empties a family without reading it, damaged tables included: for contents that can be learnt again.  No other call
 * may use the family meanwhile.  0 or an enum store_error. */
int store_clear(struct store *store, enum store_family family) __attribute__((warn_unused_result));

#endif
