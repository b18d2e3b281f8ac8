/* SPDX-License-Identifier: MIT
 *
 * What a block pays, and how it is shared over the masternodes (PROTOCOL.md §6 "Rewards").
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_REWARDS_H
#define TIMEPROTO_CHAIN_REWARDS_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/message.h"

/* Satoshis of one TIME. */
#define CHAIN_COIN UINT64_C(100000000)
/* A block pays this much, and its fees. */
#define CHAIN_BLOCK_SUBSIDY (100 * CHAIN_COIN)

/* Free 100, Bronze 1000, Silver 10000, Gold 100000. */
uint64_t chain_tier_weight(enum wire_tier tier);

/* amounts[i] = total * weight of tiers[i] / sum of weights, rounded down, in 128 bits.  Nothing when `count` is 0. */
void rewards_share(uint64_t *amounts, const enum wire_tier *tiers, size_t count, uint64_t total);

#endif
