/* SPDX-License-Identifier: MIT
 *
 * The chain thread: the only one that changes the chain.  Blocks come to it in jobs, checked for form and signatures; it
 * checks what needs the unspent outputs, connects them in order, writes them (many at a time while they come in bulk, each
 * at once at the tip), and tells what has become of them.
 *
 * Thread safety: chain_thread_push and chain_thread_take_view from any thread; the rest as stated.
 */
#ifndef TIMED_NODE_CHAIN_THREAD_H
#define TIMED_NODE_CHAIN_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/store/chain_store.h"

struct chain_thread;
struct progress;

enum chain_job_kind {
	CHAIN_CONNECT,	  /* blocks that follow each other, onto the tip */
	CHAIN_KEEP,	  /* blocks of a branch that may become the chain */
	CHAIN_REORGANISE, /* make the kept block `to` the tip */
};

struct chain_job {
	enum chain_job_kind kind;
	bool bulk; /* CONNECT: more may follow, so need not be on the disk at once */
	const struct wire_block *blocks;
	const struct block_ids *ids;
	size_t count;
	struct wire_hash to; /* REORGANISE */
	/* By the chain thread, no lock held, after the job's changes are published (bulk: maybe before).  The job is the
	 * caller's again. */
	void (*done)(struct chain_job *job);

	/* The outcome: 0; CHAIN_STORE_E_RULE and `fault`; another outcome or error of chain_store.h. */
	int error;
	struct chain_fault fault;
	size_t connected; /* blocks of the job that hold */
	size_t known;	  /* of them: those that were in the chain already */
	struct chain_reorg reorg; /* REORGANISE */
	int64_t connect_us; /* CONNECT: time it took */

	struct chain_job *next; /* the queue's */
};

struct chain_ops {
	/* A new view is published, by the chain thread, no lock held.  `bulk`: it comes from a bulk load. */
	void (*tip)(void *user, const struct chain_summary *summary, bool bulk);
	/* A job has been done, by the chain thread, no lock held, before job->done(). */
	void (*ran)(void *user, const struct chain_job *job);
	/* Whether more blocks of a bulk load are on their way, so that what has gathered may wait for them; asked by the
	 * chain thread, no lock held, when its queue is empty. */
	bool (*expects_more)(void *user);
	/* The chain cannot go on (the store failed): the process has to stop. */
	void (*failed)(void *user, const char *reason);
	void *user;
};

struct chain_thread_params {
	size_t gather_bytes;	   /* bulk: written when so much has gathered */
	int64_t sync_ms;	   /* bulk: a block is on the disk this long after, at the latest */
	struct progress *progress; /* marked by the thread (util/progress.h); may be NULL */
};

/* Opens the chain in the store; no thread yet.  As chain_store_open, -ECANCELED included. */
int chain_thread_open(struct chain_thread **out, struct store_failure *failure, struct store *store,
	       const struct chain_store_params *params, const struct chain_thread_params *node_params,
	       const struct chain_ops *ops) __attribute__((warn_unused_result));
/* 0 or a negative errno. */
int chain_thread_start(struct chain_thread *chain) __attribute__((warn_unused_result));
/* Ends the thread after the job in hand; the rest of the queue is done with -ECANCELED.  Blocks. */
void chain_thread_stop(struct chain_thread *chain);
/* After chain_thread_stop, or when it was never started; every view must be released.  NULL is fine. */
void chain_thread_close(struct chain_thread *chain);
/* The store of it: for tools that have no thread. */
struct chain_store *chain_thread_get_store(struct chain_thread *chain);

/* Hands a job over; never blocks.  After chain_thread_stop has begun it is done at once, with -ECANCELED. */
void chain_thread_push(struct chain_thread *chain, struct chain_job *job);
/* The newest view; chain_view_unref() it soon. */
struct chain_view *chain_thread_take_view(struct chain_thread *chain);

#endif
