// SPDX-License-Identifier: MIT
/* See network_call.h. */
#include "timed/rpc/network_call.h"

#include <string.h>

bool network_arg_addr(struct rpc_call *call, struct net_addr *out, uint16_t default_port, size_t index)
{
	const char *text = rpc_arg_string(call, index);

	if (net_addr_parse(out, text, strlen(text), default_port) == 0)
		return true;
	rpc_fail(call, RPC_INVALID_PARAMETER, "%s must be IP or IP:PORT, not %.80s", call->method->params[index].name,
		 text);
	return false;
}

bool network_arg_ip(struct rpc_call *call, struct net_ip *out, size_t index)
{
	const char *text = rpc_arg_string(call, index), *slash = strchr(text, '/');
	struct net_addr addr;
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	if (net_addr_parse(&addr, text, len, 0) || addr.port != 0 || net_ip_is_unspecified(&addr.ip)) {
		rpc_fail(call, RPC_CLIENT_INVALID_IP_OR_SUBNET, "%s must be an IP, not %.80s",
			 call->method->params[index].name, text);
		return false;
	}
	if (slash && strcmp(slash, net_ip_is_v4(&addr.ip) ? "/32" : "/128") != 0) {
		rpc_fail(call, RPC_CLIENT_INVALID_IP_OR_SUBNET, "%s must be one IP: subnets are not supported (%.80s)",
			 call->method->params[index].name, text);
		return false;
	}
	*out = addr.ip;
	return true;
}
