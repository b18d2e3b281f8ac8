/* SPDX-License-Identifier: MIT
 *
 * Arguments of the methods about the network: addresses as operators type them.
 *
 * Thread safety: a call belongs to one thread.
 */
#ifndef TIMED_RPC_NETWORK_CALL_H
#define TIMED_RPC_NETWORK_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/ip.h"
#include "timed/rpc/method.h"

/* A string argument as the "IP" or "IP:PORT" that it is to be.  False after rpc_fail(), with -8. */
bool network_arg_addr(struct rpc_call *call, struct net_addr *out, uint16_t default_port, size_t index)
	__attribute__((warn_unused_result));
/* A string argument as one IP, alone or with the prefix length of a single address.  False after rpc_fail(), with
 * -30. */
bool network_arg_ip(struct rpc_call *call, struct net_ip *out, size_t index) __attribute__((warn_unused_result));

#endif
