/* SPDX-License-Identifier: MIT
 *
 * What coins add up to, by how far they are from being ours for good.  The caller knows the state of each.
 *
 * Amounts are in satoshis.  Thread safety: pure.
 */
#ifndef TIMED_NODE_BALANCE_H
#define TIMED_NODE_BALANCE_H

#include <stddef.h>
#include <stdint.h>

enum balance_error {
	BALANCE_E_OVERFLOW = 1, /* a sum leaves 64 bits */
};

/* Of an output that pays to us. */
enum balance_state {
	BALANCE_CONFIRMED,   /* in a block, unspent */
	BALANCE_FINALISED,   /* of a transaction of the pool that is final, unspent */
	BALANCE_INCOMING,    /* of one that is not yet */
	BALANCE_OUTGOING,    /* confirmed or final, and spent by a transaction of the pool that is not final yet */
	BALANCE_STATE_COUNT, /* what a final transaction spends is gone, and none of these */
};

struct balance_coin {
	uint64_t value;
	enum balance_state state;
};

struct balance {
	uint64_t sums[BALANCE_STATE_COUNT];
	uint64_t spendable; /* confirmed and finalised */
};

/* 0 or BALANCE_E_OVERFLOW: then the balance is as before. */
int balance_add(struct balance *balance, enum balance_state state, uint64_t value) __attribute__((warn_unused_result));
/* Of all coins.  0 or BALANCE_E_OVERFLOW. */
int balance_of(struct balance *out, const struct balance_coin *coins, size_t count) __attribute__((warn_unused_result));

#endif
