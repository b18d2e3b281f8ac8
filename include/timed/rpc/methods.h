/* SPDX-License-Identifier: MIT
 *
 * The methods, one file per subject (methods_chain.c, ...), gathered in one table.
 *
 * Thread safety: any thread; the methods run between node_start() and node_stop() only.
 */
#ifndef TIMED_RPC_METHODS_H
#define TIMED_RPC_METHODS_H

#include "timed/rpc/method.h"

struct node;

/* The table over this node, which must outlive it. */
void methods_table(struct rpc_table *out, struct node *node);

/* The groups, each in the file of its subject. */
extern const struct rpc_group methods_blocks;
extern const struct rpc_group methods_chain;
extern const struct rpc_group methods_control;
extern const struct rpc_group methods_masternodes;
extern const struct rpc_group methods_consensus;
extern const struct rpc_group methods_mempool;
extern const struct rpc_group methods_network;
extern const struct rpc_group methods_network_control;
extern const struct rpc_group methods_passphrase;
extern const struct rpc_group methods_recording;
extern const struct rpc_group methods_payment;
extern const struct rpc_group methods_transactions;
extern const struct rpc_group methods_utxo;
extern const struct rpc_group methods_wallet;

#endif
