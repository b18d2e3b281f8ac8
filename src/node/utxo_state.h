/* SPDX-License-Identifier: MIT
 *
 * The state of an output as this node knows it, by chain and pool together (PROTOCOL.md §3, UTXOState).
 *
 * An output that a pending transaction makes is not there yet; one that a finalized transaction makes is.  What is
 * spent in the chain is unknown, as is what never was: who spent an output of the chain is not indexed.
 *
 * Thread safety: any thread; reads the disk.
 */
#ifndef TIMED_NODE_UTXO_STATE_H
#define TIMED_NODE_UTXO_STATE_H

#include "timeproto/base/arena.h"
#include "timeproto/wire/message.h"

struct node;

/* Those of the outpoints that are known, in their order; in the arena.  Out of memory, or a chain that cannot be read:
 * those before. */
void utxo_states(struct node *node, struct wire_outpoint_state_list *out, struct arena *arena,
		 const struct wire_outpoint_list *asked);

#endif
