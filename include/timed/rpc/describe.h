/* SPDX-License-Identifier: MIT
 *
 * What is in the chain as JSON, with Bitcoin's names where it has them.
 *
 * Scripts and reward addresses are whatever bytes a block holds: they come out as hex, and as an address only where
 * they are one of this network.
 *
 * Ownership: new references; NULL: out of memory.
 * Thread safety: pure.
 */
#ifndef TIMED_RPC_DESCRIBE_H
#define TIMED_RPC_DESCRIBE_H

#include <jansson.h>

#include "timeproto/chain/params.h"
#include "timeproto/wire/types.h"

/* A script_pubkey: {hex, address}. */
json_t *describe_script(const struct wire_bytes *script, enum chain_network network)
	__attribute__((warn_unused_result));
/* {txid, version, size, timestamp, locktime, vin, vout}; `txid` is the transaction's. */
json_t *describe_transaction(const struct wire_transaction *transaction, const struct wire_hash *txid,
			     enum chain_network network) __attribute__((warn_unused_result));
/* [{script, address, amount}, ...]: what the block's reward address bytes say. */
json_t *describe_rewards(const struct wire_reward_list *rewards, enum chain_network network)
	__attribute__((warn_unused_result));
/* {round, signatures: [{voter, signature}, ...]}. */
json_t *describe_commit(const struct wire_commit *commit) __attribute__((warn_unused_result));

#endif
