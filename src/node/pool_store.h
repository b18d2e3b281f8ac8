/* SPDX-License-Identifier: MIT
 *
 * pool.dat: what the rooms of the pool say to it (pool_store.c), and what writing and reading (pool_load.c) share.
 */
#ifndef TIMED_NODE_POOL_STORE_H
#define TIMED_NODE_POOL_STORE_H

#include "pool_impl.h"

/* The file is behind with this entry. */
void pool_dirty_locked(struct pool *pool, struct pool_entry *entry) REQUIRES(pool->lock);
/* Writes what is behind, and brings it to the disk.  0 or a negative errno. */
int pool_flush(struct pool *pool) __attribute__((warn_unused_result));
void pool_file_close(struct pool *pool);
/* Writes the whole file, and appends to it from now on; the caller has the right to write.  0 or a negative errno. */
int pool_write_anew(struct pool *pool) __attribute__((warn_unused_result));
/* The file holds everything, or there is none: nothing is behind. */
void pool_clean_locked(struct pool *pool) REQUIRES(pool->lock);

#endif
