// SPDX-License-Identifier: MIT
/* See methods.h. */
#include "timed/rpc/methods.h"

#include "timed/node/node.h"

static const struct rpc_group *const groups[] = {
    &methods_chain,
    &methods_blocks,
    &methods_utxo,
    &methods_transactions,
    &methods_mempool,
    &methods_wallet,
    &methods_payment,
    &methods_passphrase,
    &methods_masternodes,
    &methods_consensus,
    &methods_network,
    &methods_network_control,
    &methods_recording,
    &methods_control,
};

static bool is_starting(void *node, char text[RPC_FAILURE_SIZE])
{
	_Static_assert(RPC_FAILURE_SIZE >= SERVICE_STEP_SIZE, "a step of the start fits");

	return node_is_starting(node, text);
}

void methods_table(struct rpc_table *out, struct node *node)
{
	out->groups = groups;
	out->group_count = sizeof(groups) / sizeof(groups[0]);
	out->user = node;
	out->warming_up = is_starting;
}
