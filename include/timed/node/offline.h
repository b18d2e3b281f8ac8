/* SPDX-License-Identifier: MIT
 *
 * The chain of a data directory while no node runs on it: for `timed --load-blocks` and for tools.  Takes the lock of
 * the directory, so a daemon that is started meanwhile says so and ends.
 *
 * Thread safety: one owner; what chain_store.h says of the chain.
 */
#ifndef TIMED_NODE_OFFLINE_H
#define TIMED_NODE_OFFLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/store/chain_store.h"
#include "timeproto/chain/params.h"

struct offline;

struct offline_params {
	const char *data_dir;
	const struct chain_params *chain; /* copied, but for its validators, which must stay */
	size_t cache_bytes;		  /* of the database */
	bool create;			  /* make directory and database when they are missing */
	bool memory;			  /* nothing is kept: storage.backend "memory" */
	bool recover_wal;		  /* as of store.h */
	bool reindex;			  /* this and the next two: as of chain_store.h */
	bool (*progress)(void *user, uint64_t height, uint64_t of);
	void *user;
};

#define OFFLINE_TEXT_SIZE 1280

/* 0 and `*out`; or an enum store_error (STORE_E_LOCKED: somebody uses the directory; STORE_E_NOT_FOUND: nothing is
 * there to be opened) and `text`: what went wrong, and what to do.  Blocks on the disk. */
int offline_open(struct offline **out, char text[OFFLINE_TEXT_SIZE], const struct offline_params *params)
	__attribute__((warn_unused_result));
/* Writes what has gathered and gives the lock back; every view must have been released.  NULL is fine. */
void offline_close(struct offline *offline);

struct chain_store *offline_chain(struct offline *offline);
const struct chain_params *offline_chain_params(const struct offline *offline);
const struct genesis *offline_genesis(const struct offline *offline);

#endif
