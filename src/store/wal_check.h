/* SPDX-License-Identifier: MIT
 *
 * Tells a torn end of a RocksDB log file (write-ahead log, MANIFEST) from damage, before RocksDB reads it.
 *
 * RocksDB's tolerant recovery takes a record whose length runs past the end of the file for one that was being written
 * when the machine stopped, and drops it with all that follows.  One flipped bit in a length so silently costs synced
 * writes (measured: for 8 of 450 positions, flipping bit 7).  Here such a record counts as torn only if it is no whole
 * record under any other length, and no whole record follows it.
 *
 * Private to the store.  Thread safety: pure functions over files; nobody may write them meanwhile.
 */
#ifndef TIMED_STORE_WAL_CHECK_H
#define TIMED_STORE_WAL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

enum wal_verdict {
	WAL_WHOLE,   /* every byte belongs to a whole record */
	WAL_TORN,    /* the last record is incomplete: what a crash leaves */
	WAL_DAMAGED, /* anything else */
};

#define WAL_PATH_SIZE 512

struct wal_report {
	enum wal_verdict verdict;
	uint64_t offset;	  /* where the whole records end */
	char path[WAL_PATH_SIZE]; /* the file that this is about */
};

/* Checks one file.  0, or a negative errno: it could not be read. */
int wal_check_file(struct wal_report *out, const char *path) __attribute__((warn_unused_result));
/* Checks the write-ahead logs (NNNNNN.log) of a database directory: tells of the first damaged one, else of the first
 * torn one in their order; `*torn_early`: a later one holds records, which must not be replayed over the gap.  0, or a
 * negative errno. */
int wal_check_directory(struct wal_report *out, bool *torn_early, const char *dir) __attribute__((warn_unused_result));

#endif
