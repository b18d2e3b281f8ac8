/* SPDX-License-Identifier: MIT
 *
 * What can be read from the node with a browser, a monitor or curl: /metrics, /health, the status page / and its
 * /status.json.
 *
 *	path		RPC listener				listener of [metrics]
 *	/metrics	password, none from this machine	everybody
 *	/health		password, none from this machine	everybody
 *	/, /status.json	password, none with rpc.public_status	not there
 *
 * While the node starts, each but / answers 503 with the step that the start has come to.
 *
 * Thread safety: routes_init() from one thread; the rest is http_route.h's.
 */
#ifndef TIMED_RPC_ROUTES_H
#define TIMED_RPC_ROUTES_H

#include <stdbool.h>

#include "timed/rpc/http_route.h"

struct node;
struct rpc_stats;

struct routes {
	struct node *node;
	const struct rpc_stats *stats;
	struct http_route items[4]; /* of the RPC's listener */
};

/* `node` and `stats` must outlive it, as it must the servers. */
void routes_init(struct routes *routes, struct node *node, const struct rpc_stats *stats, bool public_status);
/* For http_params: the RPC's listener, and that of [metrics]. */
struct http_routes routes_of_rpc(struct routes *routes);
struct http_routes routes_of_metrics(struct routes *routes);

#endif
