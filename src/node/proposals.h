/* SPDX-License-Identifier: MIT
 *
 * Blocks that are proposed: what the machine of bft.h knows by their hashes.  A block is here from its arrival until
 * the machine needs it no more, and of our height and the next alone; so there are but a handful.
 *
 * Thread safety: the list is guarded by a leaf of its own; proposals are counted, and immutable but for what is
 * known of them, which belongs to the thread `consensus`: others may read `valid`.
 */
#ifndef TIMED_NODE_PROPOSALS_H
#define TIMED_NODE_PROPOSALS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "timed/consensus/bft.h"
#include "timed/net/message_arena.h"
#include "timed/util/thread.h"
#include "timeproto/chain/rules.h"

struct proposal {
	atomic_uint refs;
	struct message_arena *memory; /* everything lives in it */
	struct wire_block block;      /* without a certificate */
	struct block_ids ids;
	struct proposal *next;	/* of the list */
	bool judging;		/* by the verify pool, for its form and signatures, and by the chain */
	bool judged;		/* by both */
	atomic_bool valid;	/* then: it breaks no rule */
	enum bft_validity said; /* what the machine was told last */
};

struct proposals {
	struct mutex lock; /* leaf */
	struct proposal *first;
};

void proposals_init(struct proposals *proposals);
void proposals_destroy(struct proposals *proposals);

/* Takes the reference to `memory`, in every case; the block and its ids live in it.  NULL: out of memory. */
struct proposal *proposal_new(struct message_arena *memory, const struct wire_block *block,
			      const struct block_ids *ids);
/* A copy of a block that somebody else owns, in new memory.  NULL: out of memory. */
struct proposal *proposal_copy(struct mem_budget *budget, const struct wire_block *block);
struct proposal *proposal_ref(struct proposal *proposal);
void proposal_unref(struct proposal *proposal); /* NULL is fine */

/* Puts it in, unless one of its hash is there; returns that which is there now, with a reference for the caller. */
struct proposal *proposals_put(struct proposals *proposals, struct proposal *proposal);
/* A reference for the caller, or NULL. */
struct proposal *proposals_find(struct proposals *proposals, const struct wire_hash *hash);
/* Those of a height, up to `max` of them, each with a reference for the caller.  Returns how many. */
size_t proposals_at(struct proposals *proposals, uint64_t height, struct proposal **out, size_t max);
/* Drops those for which `keep` says no. */
void proposals_trim(struct proposals *proposals, bool (*keep)(void *user, const struct proposal *proposal), void *user);

#endif
