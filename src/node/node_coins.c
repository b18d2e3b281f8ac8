/* SPDX-License-Identifier: MIT
 *
 * The wallet's money as a part of the node: over its chain and its pool, with payments that go out through
 * transactions.h; see coins.h.  Up to which block the use of its keys was looked at is kept in the database.
 */
#include <stdio.h>
#include <string.h>

#include "node_impl.h"
#include "timed/node/coins.h"
#include "timed/node/transactions.h"
#include "timed/util/log.h"
#include "timeproto/base/le.h"
#include "timeproto/chain/hash.h"

/* What the keeper looks at in one go; it has other work too. */
#define FOLLOW_MS 100

#define KEY_PREFIX "wallet_followed:"
#define KEY_SIZE (sizeof(KEY_PREFIX) + ADDRESS_TEXT_SIZE)
/* The height, LE, and the block's hash. */
#define VALUE_BYTES (8 + sizeof(((struct wire_hash *)NULL)->bytes))

/* Of this wallet, whose file may be exchanged. */
static size_t record_key(const struct node *node, char key[KEY_SIZE])
{
	return (size_t)snprintf(key, KEY_SIZE, KEY_PREFIX "%s", wallet_address(node->wallet));
}

/* Zeros when this database does not know the wallet: then the whole chain is looked at. */
static struct chain_point load_followed(struct node *node)
{
	struct chain_point point = {.height = 0};
	struct store_value value;
	char key[KEY_SIZE];
	size_t len = record_key(node, key);

	if (store_get(node->store, &value, STORE_META, key, len))
		return point; /* the store has said it, if it is a failure */
	if (value.len == VALUE_BYTES) {
		point.height = le_get_u64(value.data);
		memcpy(point.hash.bytes, value.data + 8, sizeof(point.hash.bytes));
	}
	store_value_free(&value);
	return point;
}

static int write_followed(struct node *node, const struct chain_point *point)
{
	uint8_t value[VALUE_BYTES];
	char key[KEY_SIZE];
	size_t len = record_key(node, key);

	memcpy(le_put_u64(value, point->height), point->hash.bytes, sizeof(point->hash.bytes));
	return store_put(node->store, STORE_META, key, len, value, sizeof(value), false);
}

/* The keys that were found to be used come first: a block that is said to be done is not looked at again. */
static void save_followed(struct node *node)
{
	struct chain_point point = coins_followed(node->coins);

	if (hash_equal(&point.hash, &node->wallet_followed))
		return;
	if (node_wallet_save_keys(node) || write_followed(node, &point))
		log_debug(LOG_NODE, "How far the wallet has followed the chain is not saved");
	else
		node->wallet_followed = point.hash;
}

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
		.followed = load_followed(node),
		.ops = {take_view, save_keys, submit, node},
	};

	node->wallet_followed = params.followed.hash;
	if (coins_new(&node->coins, &params) == 0)
		return 0;
	snprintf(error, NODE_ERROR_SIZE, "Out of memory");
	return EXIT_RUN_TIME;
}

void node_coins_tick(struct node *node)
{
	struct coins_fault fault;
	int r = coins_follow(node->coins, &fault, FOLLOW_MS);

	if (r)
		log_debug(LOG_NODE, "The wallet does not follow the chain: %s", r < 0 ? "out of memory" : fault.text);
	save_followed(node);
}
