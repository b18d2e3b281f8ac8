/* SPDX-License-Identifier: MIT
 *
 * Makes the block that goes on the tip: finalised transactions of the pool, the coinbase and the rewards (PROTOCOL.md
 * §6, §9).  Both kinds of production use it: with validators (agreement.h) and without (production.h).
 *
 * Thread safety: any thread, no lock held; reads the pool.
 */
#ifndef TIMED_NODE_BLOCK_MAKER_H
#define TIMED_NODE_BLOCK_MAKER_H

#include <stdint.h>

#include "timed/net/message_arena.h"
#include "timeproto/chain/rules.h"
#include "timeproto/chain/validators.h"

struct node;

struct made_block {
	struct message_arena *memory; /* one reference, the taker's: everything lives in it */
	struct wire_block block;
	struct block_ids ids;
	uint64_t fees; /* satoshis */
};

/* A block on `tip` with this timestamp (Unix seconds) that pays `payees` (by ascending address: PROTOCOL.md §6
 * "Rewards"). 0; POOL_E_TIP: the tip has moved, try again at the next one; -ENOMEM. */
int block_make(struct made_block *out, struct node *node, const struct chain_point *tip, int64_t timestamp,
	       const struct validator_list *payees) __attribute__((warn_unused_result));

#endif
