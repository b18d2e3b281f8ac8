/* SPDX-License-Identifier: MIT
 *
 * Whether a proposed block breaks a rule: its signatures by the verify pool, then all that needs the chain, on the view
 * that is newest then.  Nothing is connected.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_NODE_JUDGE_H
#define TIMED_NODE_JUDGE_H

#include "proposals.h"
#include "timed/store/chain_store.h"

struct node;

enum judge_verdict {
	JUDGE_VALID,
	JUDGE_INVALID,	  /* `fault` says why */
	JUDGE_UNKNOWABLE, /* it is not on our tip, or we have no memory: nothing is said of the block */
};

struct judge {
	struct proposal *proposal; /* counted */
	enum judge_verdict verdict;
	struct chain_fault fault;
};

/* Judges a block whose form has been checked.  `done` runs on a thread of the pool, and frees the judge with
 * judge_free(). -ENOMEM: it will not run. */
int judge_submit(struct node *node, struct proposal *proposal, void (*done)(void *user, struct judge *judge),
		 void *user) __attribute__((warn_unused_result));
void judge_free(struct judge *judge); /* NULL is fine */

#endif
