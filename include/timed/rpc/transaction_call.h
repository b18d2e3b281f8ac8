/* SPDX-License-Identifier: MIT
 *
 * What methods about transactions share: handing one to the pool, and what its answer means to a caller.
 *
 * Thread safety: any thread; the call belongs to the calling one.
 */
#ifndef TIMED_RPC_TRANSACTION_CALL_H
#define TIMED_RPC_TRANSACTION_CALL_H

#include <jansson.h>
#include <stdbool.h>

#include "timed/node/pool.h"
#include "timed/rpc/method.h"

/* The word for an enum pool_outcome that scripts look for, Bitcoin's where it has one: "txn-mempool-conflict". */
const char *transaction_call_word(int outcome);
/* Fails the call because transactions_submit() or transactions_try() returned `outcome` (not 0).  Returns NULL. */
json_t *transaction_call_fail(struct rpc_call *call, int outcome, const struct pool_result *result);
/* Hands a transaction to the pool and to the network: its txid as hex.  One that is in the pool already is no failure.
 * NULL after rpc_fail(). */
json_t *transaction_call_send(struct rpc_call *call, const struct wire_transaction *transaction);

#endif
