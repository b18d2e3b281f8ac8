/* SPDX-License-Identifier: MIT
 *
 * Transactions as the RPC passes them around: the hex of their bincode (PROTOCOL.md §5).
 *
 * Only the form is read: whether a transaction is valid is for the pool to say.
 *
 * Thread safety: pure; the call belongs to one thread.
 */
#ifndef TIMED_RPC_RAW_TRANSACTION_H
#define TIMED_RPC_RAW_TRANSACTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "timed/rpc/method.h"
#include "timeproto/base/arena.h"
#include "timeproto/wire/types.h"

/* Limit for the arena that a transaction is read into: it has room for the largest. */
#define RAW_TRANSACTION_ARENA_BYTES ((size_t)16 << 20)
#define RAW_TRANSACTION_WHY_SIZE 320

enum raw_transaction_error {
	RAW_TRANSACTION_E_HEX = 1, /* no hex, or an odd number of digits */
	RAW_TRANSACTION_E_SIZE,	   /* more bytes than a transaction may have */
	RAW_TRANSACTION_E_FORM,	   /* not exactly one transaction */
};

/* Reads `len` characters of hex; everything of `out` is in the arena.  0; an enum raw_transaction_error and `why`;
 * -ENOMEM: the arena refused. */
int raw_transaction_decode(struct wire_transaction *out, char why[RAW_TRANSACTION_WHY_SIZE], struct arena *arena,
			   const char *hex, size_t len) __attribute__((warn_unused_result));
/* An argument, which is a string, as the transaction that it is to be.  False after rpc_fail() with
 * RPC_DESERIALIZATION_ERROR, or for want of memory. */
bool raw_transaction_arg(struct rpc_call *call, struct wire_transaction *out, struct arena *arena, size_t index)
	__attribute__((warn_unused_result));
/* Its hex.  A new reference; NULL: out of memory. */
json_t *raw_transaction_encode(const struct wire_transaction *transaction) __attribute__((warn_unused_result));

#endif
