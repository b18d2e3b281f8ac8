/* SPDX-License-Identifier: MIT
 *
 * Small file helpers: whole-file reading and atomic writing for the node's few own files (wallet, cookie, bans, votes),
 * the lock of a data directory, directories, and the limit of open descriptors.
 *
 * Every descriptor opened here is close-on-exec.  All functions block on the disk and return 0 or a negative errno
 * unless they say otherwise.
 *
 * Thread safety: any thread; two writers of one path must agree among themselves.
 */
#ifndef TIMED_UTIL_FILE_H
#define TIMED_UTIL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads the whole file into fresh memory (the caller frees `*out`), with a NUL after it that `*len` does not count.
 * -EFBIG when it holds more than `limit` bytes, -EISDIR for a directory. */
int file_read(char **out, size_t *len, const char *path, size_t limit) __attribute__((warn_unused_result));

/* Replaces or creates `path`, mode `mode` whatever the umask: a temporary file beside it is written, synced and
 * renamed, then the directory is synced.  After a crash the old or the new contents are there, whole. */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode) __attribute__((warn_unused_result));

/* The parts of it, for files that are not written at once: all of the bytes to a descriptor, and the sync of the
 * directory that `path` lies in, without which a new name may be gone after a crash. */
int file_write_all(int fd, const void *bytes, size_t len) __attribute__((warn_unused_result));
int file_sync_parent(const char *path) __attribute__((warn_unused_result));

/* Creates `path` and the missing directories above it, each with `mode`.  0 also when it exists; -ENOTDIR when
 * something else stands there. */
int file_make_directories(const char *path, mode_t mode) __attribute__((warn_unused_result));
/* The same for the directory that `path` lies in. */
int file_make_parent(const char *path, mode_t mode) __attribute__((warn_unused_result));

/* Takes the lock file `path` for this process until the descriptor is closed and writes the process id into it.
 * Returns the descriptor, or -EWOULDBLOCK when another process holds it: `*holder` (may be NULL) is then its id, 0 when
 * unknown. */
int file_lock(const char *path, pid_t *holder) __attribute__((warn_unused_result));

/* Raises the soft limit of open descriptors towards `wanted`, within the hard limit (which root raises too).  Returns
 * the limit now in force. */
uint64_t file_raise_descriptor_limit(uint64_t wanted);

#endif
