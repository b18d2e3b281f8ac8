/* SPDX-License-Identifier: MIT
 *
 * Signature checks of blocks on all cores, those of their certificates included: a pool of threads, one per core, that
 * take transactions of the oldest job in small portions.  Nobody waits for it: who submits is told by a callback.  A
 * worker so goes on reading while the blocks it received are checked.
 *
 * What has been checked once is remembered, in a table of fixed size: a transaction's id covers its signatures, so the
 * id (under a random key, so that nobody can choose where it falls) is enough.
 *
 * Thread safety: any thread, between verify_start and verify_free.
 */
#ifndef TIMED_NODE_VERIFY_H
#define TIMED_NODE_VERIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "timeproto/chain/rules.h"

struct verify;

/* The caller's, and untouched by him from verify_submit() until `done`. */
struct verify_job {
	const struct wire_block *blocks;
	const struct block_ids *ids; /* one per block */
	size_t count;
	bool proposed; /* the block is a proposal, and comes without its certificate */
	/* All is checked.  By a thread of the pool, or by the submitter when there is nothing to check; no lock held. */
	void (*done)(struct verify_job *job);

	/* The outcome, in `done`: 0; an enum chain_error and its fault; or -ECANCELED. */
	int error;
	struct chain_fault fault;
	size_t bad_block; /* index of the block with it */

	/* The pool's. */
	struct verify_job *next;
	size_t block, transaction; /* where the next portion begins */
	size_t open;		   /* portions that are being checked */
	bool taken;		   /* all of it is handed out */
};

/* `params` say which blocks need certificates, and must outlive the pool.  `threads` 0: one per core.  0 or a negative
 * errno. */
int verify_start(struct verify **out, const struct chain_params *params, unsigned threads)
	__attribute__((warn_unused_result));
/* Returns when all jobs are done.  What is submitted from now on is done at once, with -ECANCELED.  NULL is fine. */
void verify_stop(struct verify *verify);
/* Stops it if need be.  NULL is fine. */
void verify_free(struct verify *verify);
/* The signatures of this transaction were checked elsewhere, and are right: they are not checked again while that is
 * remembered. */
void verify_remember(struct verify *verify, const struct wire_hash *txid);
bool verify_is_known(struct verify *verify, const struct wire_hash *txid);
/* Never blocks. */
void verify_submit(struct verify *verify, struct verify_job *job);

#endif
