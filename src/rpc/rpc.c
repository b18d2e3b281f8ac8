// SPDX-License-Identifier: MIT
/* See rpc.h. */
#include "timed/rpc/rpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/node/config.h"
#include "timed/node/node.h"
#include "timed/rpc/auth.h"
#include "timed/rpc/http.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/routes.h"
#include "timed/rpc/value.h"
#include "timed/util/log.h"

/* Exit codes of the daemon. */
#define EXIT_RUNTIME 1
#define EXIT_CONFIGURATION 2

/* The listener of [metrics]: threads, and connections of each. */
#define METRICS_WORKERS 1
#define METRICS_CONNECTIONS 16

struct rpc {
	struct auth *auth;
	struct http *http;
	struct http *metrics; /* its own listener; NULL: not wanted */
	struct rpc_table table;
	struct rpc_stats stats;
	struct routes routes;
};

__attribute__((format(printf, 3, 4))) static int refuse(char error[RPC_ERROR_SIZE], int exit_code, const char *format,
							...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(error, RPC_ERROR_SIZE, format, list);
	va_end(list);
	return exit_code;
}

/* What the configuration of [rpc] must not be. */
static int check_config(const struct config *config, char error[RPC_ERROR_SIZE])
{
	bool user = config->rpc.user[0] != 0, password = config->rpc.password[0] != 0;
	char ip[NET_IP_TEXT_SIZE];

	if (user != password)
		return refuse(error, EXIT_CONFIGURATION, "rpc.user and rpc.password: set both or neither");
	if (strchr(config->rpc.user, ':'))
		return refuse(error, EXIT_CONFIGURATION, "rpc.user must not contain a colon");
	if (user || net_ip_is_loopback(&config->rpc.listen_address.ip))
		return 0;
	net_ip_text(ip, &config->rpc.listen_address.ip);
	return refuse(error, EXIT_CONFIGURATION,
		      "rpc.listen_address %s can be reached from other machines: set rpc.user and rpc.password, or use "
		      "127.0.0.1",
		      ip);
}

/* The listener of [metrics], if there is to be one. */
static int start_metrics(struct rpc *rpc, struct node *node, char error[RPC_ERROR_SIZE])
{
	const struct config *config = node_config(node);
	struct http_params params = HTTP_PARAMS_DEFAULT;
	char addr[NET_ADDR_TEXT_SIZE];
	int r;

	if (!config->metrics.enabled)
		return 0;
	params.listen = config->metrics.listen_address;
	params.workers = METRICS_WORKERS;
	params.connections = METRICS_CONNECTIONS;
	params.routes = routes_of_metrics(&rpc->routes);
	/* Who lets others in is known by a name, too; on this machine a name is somebody else's trick. */
	params.any_host = !net_ip_is_loopback(&params.listen.ip);
	net_addr_text(addr, &params.listen);
	r = http_start(&rpc->metrics, &params, rpc->auth, &rpc->table);
	if (r)
		return refuse(error, EXIT_RUNTIME, "cannot listen for metrics on %s: %s", addr, strerror(-r));
	log_info(LOG_RPC, "Metrics on http://%s/metrics", addr);
	return 0;
}

static int start_rpc(struct rpc *rpc, struct node *node, char error[RPC_ERROR_SIZE])
{
	const struct config *config = node_config(node);
	struct http_params params = HTTP_PARAMS_DEFAULT;
	char addr[NET_ADDR_TEXT_SIZE];
	int r;

	params.routes = routes_of_rpc(&rpc->routes);
	params.listen = (struct net_addr){.ip = config->rpc.listen_address.ip, .port = config->rpc.port};
	params.origins = (const char *const *)config->rpc.allow_origins.items;
	params.origin_count = config->rpc.allow_origins.count;
	if (config->security.enable_rate_limiting)
		params.requests_per_second = config->security.max_requests_per_second;
	net_addr_text(addr, &params.listen);
	r = http_start(&rpc->http, &params, rpc->auth, &rpc->table);
	if (r)
		return refuse(error, EXIT_RUNTIME, "cannot listen for RPC on %s: %s", addr, strerror(-r));
	/* Whoever sees the cookie finds the server answering. */
	r = auth_publish(rpc->auth, node_data_dir(node));
	if (r)
		return refuse(error, EXIT_RUNTIME, "cannot write %s/.cookie: %s", node_data_dir(node), strerror(-r));
	params.listen.port = http_port(rpc->http);
	net_addr_text(addr, &params.listen);
	log_info(LOG_RPC, "RPC server listening on %s", addr);
	return 0;
}

static int start(struct rpc *rpc, struct node *node, char error[RPC_ERROR_SIZE])
{
	const struct config *config = node_config(node);
	int r = auth_create(&rpc->auth, config->rpc.user, config->rpc.password);

	if (r)
		return refuse(error, EXIT_RUNTIME, "cannot make the RPC cookie: %s", strerror(-r));
	methods_table(&rpc->table, node);
	rpc->table.stats = &rpc->stats;
	routes_init(&rpc->routes, node, &rpc->stats, config->rpc.public_status);
	/* What a killed daemon left behind opens nothing: without a cookie, clients know that we are not up yet. */
	auth_forget(node_data_dir(node));
	r = start_metrics(rpc, node, error);
	return !r && config->rpc.enabled ? start_rpc(rpc, node, error) : r;
}

int rpc_start(struct rpc **out, struct node *node, char error[RPC_ERROR_SIZE])
{
	const struct config *config = node_config(node);
	struct rpc *rpc;
	int r;

	*out = NULL;
	if (!config->rpc.enabled && !config->metrics.enabled)
		return 0;
	r = config->rpc.enabled ? check_config(config, error) : 0;
	if (r)
		return r;
	value_wipe_freed();
	rpc = calloc(1, sizeof(*rpc));
	if (!rpc)
		return refuse(error, EXIT_RUNTIME, "out of memory");
	r = start(rpc, node, error);
	if (r) {
		rpc_stop(rpc);
		return r;
	}
	*out = rpc;
	return 0;
}

uint16_t rpc_port(const struct rpc *rpc)
{
	return rpc->http ? http_port(rpc->http) : 0;
}

void rpc_stop(struct rpc *rpc)
{
	if (!rpc)
		return;
	http_stop(rpc->metrics);
	http_stop(rpc->http);
	auth_free(rpc->auth);
	free(rpc);
}
