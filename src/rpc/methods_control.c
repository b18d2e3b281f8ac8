// SPDX-License-Identifier: MIT
/* Methods that concern the daemon itself. */
#include "timed/node/node.h"
#include "timed/rpc/help.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"

static json_t *help(struct rpc_call *call)
{
	struct buf text = BUF_INIT;
	json_t *result = NULL;

	if (rpc_arg_given(call, 0)) {
		const char *name = rpc_arg_string(call, 0);
		const struct rpc_method *method = rpc_table_find(call->table, name);

		if (!method)
			return rpc_fail(call, RPC_INVALID_PARAMETER, "there is no method %.64s", name);
		help_method(&text, method);
	} else {
		help_list(&text, call->table);
	}
	if (!text.error)
		result = json_stringn((const char *)text.data, text.len);
	buf_free(&text);
	return result;
}

static void stop_node(void *node)
{
	node_request_stop(node, 0, "RPC stop");
}

static json_t *stop(struct rpc_call *call)
{
	call->after = stop_node;
	return json_string("timed stopping");
}

static json_t *uptime(struct rpc_call *call)
{
	return json_integer(node_uptime_ms(call->user) / 1000);
}

static const struct rpc_param help_params[] = {
	{.name = "method", .types = RPC_TYPE_STRING, .about = "the method to explain; without it all are listed"},
};

static const struct rpc_method methods[] = {
	{
		.name = "help",
		.about = "Lists the methods, or explains one of them.",
		.params = help_params,
		.param_count = sizeof(help_params) / sizeof(help_params[0]),
		.result = "text",
		.example = "[\"getpeerinfo\"]",
		.run = help,
	},
	{
		.name = "stop",
		.about = "Stops the daemon in order, once this answer has been sent.",
		.result = "\"timed stopping\"",
		.run = stop,
	},
	{
		.name = "uptime",
		.about = "Tells how long the node has been running.",
		.result = "n                                seconds",
		.run = uptime,
	},
};

const struct rpc_group methods_control = {
	.name = "Control",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
