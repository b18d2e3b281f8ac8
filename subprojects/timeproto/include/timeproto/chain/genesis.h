/* SPDX-License-Identifier: MIT
 *
 * The genesis block of a network (PROTOCOL.md §6), made from the constants of params.h.
 *
 * Ownership: the block points into the struct that holds it, so nothing is allocated, and the struct must stay where
 * it was made.
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_GENESIS_H
#define TIMEPROTO_CHAIN_GENESIS_H

#include <stdint.h>

#include "timeproto/chain/params.h"
#include "timeproto/wire/types.h"

/* Not to be copied: `block` points to the other members. */
struct genesis {
	struct wire_block block;
	struct wire_transaction coinbase;
	struct wire_tx_output output;
	struct wire_hash hash; /* of the block */
};

/* The block with that timestamp whose only output holds `value` satoshis. */
void genesis_make(struct genesis *out, int64_t timestamp, uint64_t value);
/* The genesis block of a network. */
void genesis_make_for(struct genesis *out, const struct chain_params *params);

#endif
