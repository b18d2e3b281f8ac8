/* SPDX-License-Identifier: MIT
 *
 * The pool as a part of the node: made from the configuration, filled from the disk, led behind the chain, swept and
 * saved; see pool.h for who calls what.
 */
#include <stdio.h>
#include <string.h>

#include "node_impl.h"
#include "timed/node/pool.h"
#include "timed/node/transactions.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

static void fill_params(struct pool_params *out, const struct node *node)
{
	const struct config *c = node->config;

	/* The memory backend forgets the chain, and what is valid on it. */
	pool_params_init(out, &node->chain_params,
			 c->storage.backend == CONFIG_BACKEND_MEMORY ? NULL : c->storage.data_dir);
	out->max_count = c->limits.pool_count;
	out->max_bytes = c->limits.pool_bytes;
	out->max_ancestors = c->limits.pool_ancestors;
	out->max_descendants = c->limits.pool_descendants;
	out->expiry_s = (c->timers.pool_expiry_ms + 999) / 1000;
	out->max_orphans = c->limits.pool_orphans;
	out->max_orphan_bytes = c->limits.pool_orphan_bytes;
	out->orphan_expiry_s = (c->timers.pool_orphan_expiry_ms + 999) / 1000;
}

/* What the pool returns beside 0 is an errno or the store's. */
static const char *reason_of(int error)
{
	return error < 0 ? strerror(-error) : store_error_name(error);
}

int node_pool_open(struct node *node, char error[NODE_ERROR_SIZE])
{
	struct pool_params params;
	struct pool_loaded loaded;
	int r;

	fill_params(&params, node);
	r = pool_create(&node->pool, &params, chain_thread_get_store(node->chain));
	if (!r)
		r = pool_load(node->pool, &loaded, clock_real_s());
	if (!r)
		r = transactions_new(&node->transactions, node);
	if (!r)
		return 0;
	snprintf(error, NODE_ERROR_SIZE, "The pool of transactions cannot be opened: %s", reason_of(r));
	return EXIT_RUN_TIME;
}

void node_pool_follow(struct node *node)
{
	struct pool_events events;
	char text[NODE_ERROR_SIZE];
	int r;

	pool_events_init(&events);
	r = pool_update(node->pool, &events, clock_real_s());
	transactions_tell(node->transactions, &events, NULL);
	transactions_tip(node->transactions, &events);
	pool_events_free(&events);
	if (!r)
		return;
	snprintf(text, sizeof(text), "The pool of transactions cannot follow the chain: %s", reason_of(r));
	node_request_stop(node, EXIT_RUN_TIME, text);
}

void node_pool_expire(struct node *node)
{
	struct pool_events events;

	pool_events_init(&events);
	pool_expire(node->pool, &events, clock_real_s());
	transactions_tell(node->transactions, &events, NULL);
	pool_events_free(&events);
}

void node_pool_save(struct node *node)
{
	int r = pool_save(node->pool);

	if (r)
		log_error(LOG_MEMPOOL, "The pool of transactions cannot be saved: %s", strerror(-r));
}

void node_pool_close(struct node *node)
{
	transactions_free(node->transactions);
	pool_free(node->pool);
}
