/* SPDX-License-Identifier: MIT
 *
 * Whose turn it is to make the block of a height (PROTOCOL.md §9 "Leader").
 *
 * The masternodes stand in the order of their address strings.  SHA-256 of the height (u64 LE) and of all addresses in
 * that order picks the leader of round 0; each further round belongs to the next in the list.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_LEADER_H
#define TIMEPROTO_CHAIN_LEADER_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

/* The order of addresses: by bytes, a prefix before what continues it.  Below, at or above 0 as of strcmp(). */
int leader_compare(const struct wire_str *a, const struct wire_str *b);

/* The index of the leader of round 0 in `addresses`, which are sorted and at least one. */
size_t leader_first(uint64_t height, const struct wire_str *addresses, size_t count);

/* The index of the leader of `round`, when that of round 0 is `first`. */
size_t leader_of_round(size_t first, uint64_t round, size_t count);

#endif
