/* SPDX-License-Identifier: MIT
 *
 * Where the database lies in a data directory.  A directory may be that of the existing Rust daemon, which keeps a
 * database of its own under `db`: its files are never changed, so that its binary can be put back.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_NODE_DATA_DIR_H
#define TIMED_NODE_DATA_DIR_H

#include <stddef.h>

#define DATA_DIR_DATABASE "db"
#define DATA_DIR_DATABASE_BESIDE "db-timed"

/* Writes the path of the database: `<data_dir>/db`, or `<data_dir>/db-timed` where `db` is somebody else's: no
 * directory, or one that holds what is no file of our database and not our CURRENT.  Every opening of one directory
 * finds the same. 0 or a negative errno (-ENAMETOOLONG, or what reading the directory says).  Blocks on the disk. */
int data_dir_database(char *out, size_t size, const char *data_dir) __attribute__((warn_unused_result));

#endif
