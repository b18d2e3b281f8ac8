/* SPDX-License-Identifier: MIT
 *
 * The wallet's money as a part of the node: over its chain and its pool, with payments that go out through
 * transactions.h; see coins.h.
 */
#include <stdio.h>

#include "node_impl.h"
#include "timed/node/coins.h"
#include "timed/node/transactions.h"
#include "timed/util/log.h"

/* What the keeper looks at in one go; it has other work too. */
#define FOLLOW_MS 100

static struct chain_view *take_view(void *user)
{
	return node_chain_view(user);
}

static int save_keys(void *user)
{
	return node_wallet_save_keys(user);
}

static int submit(void *user, struct pool_result *result, const struct wire_transaction *transaction,
		  const struct wire_hash *txid)
{
	struct node *node = user;

	return transactions_submit(node->transactions, result, transaction, txid, NULL);
}

int node_coins_open(struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct coins_params params = {
		.wallet = node->wallet,
		.pool = node->pool,
		.network = node->config->node.network,
		.max_listed = COINS_MAX_LISTED,
		.max_reorg_depth = node->config->limits.reorg_depth,
		.ops = {take_view, save_keys, submit, node},
	};
	struct coins_fault fault;
	int r = coins_new(&node->coins, &params);

	if (!r)
		r = coins_follow(node->coins, &fault, 0);
	if (!r)
		return 0;
	snprintf(error, NODE_ERROR_SIZE, "The money of the wallet cannot be looked for: %s",
		 r < 0 ? "out of memory" : fault.text);
	return EXIT_RUN_TIME;
}

void node_coins_tick(struct node *node)
{
	struct coins_fault fault;
	int r = coins_follow(node->coins, &fault, FOLLOW_MS);

	if (r)
		log_debug(LOG_NODE, "The wallet does not follow the chain: %s", r < 0 ? "out of memory" : fault.text);
}
