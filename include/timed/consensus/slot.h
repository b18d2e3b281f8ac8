/* SPDX-License-Identifier: MIT
 *
 * Whose turn it is where there are no validators (PROTOCOL.md §9 "As on the existing network"): each height has a slot,
 * and in it the active masternodes come one after the other until one of them makes the block.
 *
 * The slot of height h begins at genesis + block time * h, whatever has become of the heights before: where slots were
 * missed the chain lags behind the clock, and the next block belongs to the first missed one.  It is due at once, then
 * the one after it, and so the chain catches up, a block as soon as the one before it is there.
 *
 * A block has the timestamp of the beginning of its slot, so at most now, except where the block before it has that
 * time or a later one (existing chains hold such): then a second more than that block, and it is due no earlier.
 *
 * Round 0 begins when the block is due, and every `patience_ms` the next one does.  The leader of round 0 is that of
 * chain/leader.h, and each round belongs to the next in the list.  So the clock alone says whose turn it is: nodes that
 * agree on the time, the tip and the active masternodes agree on it, also in the middle of catching up, and a leader
 * that is silent delays every block that would be its own by `patience_ms` at most.  Where they do not agree, two
 * blocks at a height are decided between like any fork (§6).
 *
 * Thread safety: pure functions.
 */
#ifndef TIMED_CONSENSUS_SLOT_H
#define TIMED_CONSENSUS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

struct slot_params {
	int64_t genesis_s;	/* Unix seconds */
	uint32_t block_time_s;	/* at least 1 */
	int64_t patience_ms;	/* of a round: 30,000 */
	size_t min_masternodes; /* with fewer active ones no block is made: 3 */
};

struct slot {
	bool due;	   /* its time has come */
	bool ours;	   /* it is due, and our turn */
	int64_t timestamp; /* of its block, Unix seconds */
	uint64_t round;	   /* when it is due and there is a leader */
	size_t leader;	   /* its index then */
	int64_t again_ms;  /* when that changes by itself, Unix milliseconds; INT64_MAX: never */
};

/* What holds for the block of `height` on a tip of that timestamp.  `addresses`: of the active masternodes, ascending
 * (leader_compare()); `own`: our index among them, -1 when we are none.  `now_ms`: Unix milliseconds. */
void slot_at(struct slot *out, const struct slot_params *params, uint64_t height, int64_t tip_timestamp,
	     const struct wire_str *addresses, size_t count, int own, int64_t now_ms);

#endif
