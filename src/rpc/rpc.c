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
#include "timed/rpc/value.h"
#include "timed/util/log.h"

/* Exit codes of the daemon. */
#define EXIT_RUNTIME 1
#define EXIT_CONFIGURATION 2

struct rpc {
	struct auth *auth;
	struct http *http;
	struct rpc_table table;
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

static int start(struct rpc *rpc, struct node *node, char error[RPC_ERROR_SIZE])
{
	const struct config *config = node_config(node);
	struct http_params params = HTTP_PARAMS_DEFAULT;
	char addr[NET_ADDR_TEXT_SIZE];
	int r = auth_create(&rpc->auth, config->rpc.user, config->rpc.password);

	if (r)
		return refuse(error, EXIT_RUNTIME, "cannot make the RPC cookie: %s", strerror(-r));
	methods_table(&rpc->table, node);
	params.listen = (struct net_addr){.ip = config->rpc.listen_address.ip, .port = config->rpc.port};
	params.origins = (const char *const *)config->rpc.allow_origins.items;
	params.origin_count = config->rpc.allow_origins.count;
	if (config->security.enable_rate_limiting)
		params.requests_per_second = config->security.max_requests_per_second;
	net_addr_text(addr, &params.listen);
	/* What a killed daemon left behind opens nothing: without a cookie, clients know that we are not up yet. */
	auth_forget(node_data_dir(node));
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

int rpc_start(struct rpc **out, struct node *node, char error[RPC_ERROR_SIZE])
{
	const struct config *config = node_config(node);
	struct rpc *rpc;
	int r;

	*out = NULL;
	if (!config->rpc.enabled)
		return 0;
	r = check_config(config, error);
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
	return http_port(rpc->http);
}

void rpc_stop(struct rpc *rpc)
{
	if (!rpc)
		return;
	http_stop(rpc->http);
	auth_free(rpc->auth);
	free(rpc);
}
