/* SPDX-License-Identifier: MIT
 *
 * gettransaction: a transaction of the pool or of the chain, and what it does to the wallet.
 *
 * Thread safety: any thread; the call belongs to the calling one.
 */
#ifndef TIMED_RPC_WALLET_TRANSACTION_H
#define TIMED_RPC_WALLET_TRANSACTION_H

#include "timed/rpc/method.h"

json_t *wallet_transaction_get(struct rpc_call *call);

#endif
