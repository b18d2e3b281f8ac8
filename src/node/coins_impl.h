/* SPDX-License-Identifier: MIT
 *
 * The inside of the wallet's money, shared by coins.c (life, use of keys), coins_list.c (what there is) and coins_pay.c
 * (payments).
 */
#ifndef TIMED_NODE_COINS_IMPL_H
#define TIMED_NODE_COINS_IMPL_H

#include "timed/node/coins.h"
#include "timed/util/thread.h"

/* The coins that the chain has for all keys, at one tip; immutable. */
struct coins_confirmed {
	unsigned refs;	      /* guarded by the lock of the coins */
	struct wire_hash tip; /* of the view */
	uint32_t watched;     /* keys that were looked for */
	struct coins_coin *items;
	size_t count, capacity;
	size_t left_out;     /* beyond what a list may hold ... */
	uint64_t left_value; /* ... and their sum */
};

struct coins {
	struct coins_params params; /* immutable */

	struct mutex lock;   /* leaf; guards the rest */
	struct cond changed; /* `following` or `paying` has ended */
	bool following;	     /* a thread looks at blocks and keys: it alone changes the two at the end */
	bool paying;	     /* a payment is being made */
	struct coins_confirmed *confirmed; /* the newest; NULL: none, or too many to be kept */

	struct chain_point followed; /* the last block that was looked at */
	uint32_t scanned;	     /* keys below it were looked up in the indexes */
};

/* The chain cannot be read (`error`: a chain_view_* function's), or memory: the result for the caller. */
int coins_chain_failed(struct coins_fault *fault, int error);
/* The script that pays to a key.  Lives as long as `address`. */
struct wire_bytes coins_script(const char *address);

#endif
