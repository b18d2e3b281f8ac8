/* SPDX-License-Identifier: MIT
 *
 * What the methods of the wallet share: addresses as parameters, and failures of coins.h as Bitcoin's codes.
 *
 * Thread safety: any thread; the call belongs to the calling one.
 */
#ifndef TIMED_RPC_WALLET_CALL_H
#define TIMED_RPC_WALLET_CALL_H

#include <jansson.h>
#include <stdbool.h>

#include "timed/node/coins.h"
#include "timed/rpc/method.h"

/* A value that came in as an address of our network; `out` lives as long as the value.  False after rpc_fail(). */
bool wallet_call_address(struct rpc_call *call, struct wire_str *out, const json_t *value)
	__attribute__((warn_unused_result));
/* Argument `index`, if it is given, as the one address that is meant; `*count` 0 or 1.  False after rpc_fail(). */
bool wallet_call_optional_address(struct rpc_call *call, struct wire_str *out, size_t *count, size_t index)
	__attribute__((warn_unused_result));
/* Fails the call because a function of coins.h returned `error` (not 0).  Returns NULL. */
json_t *wallet_call_fail(struct rpc_call *call, int error, const struct coins_fault *fault);

#endif
