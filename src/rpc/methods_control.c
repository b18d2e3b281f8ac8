// SPDX-License-Identifier: MIT
/* Methods that concern the daemon itself. */
#include <string.h>

#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/help.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"
#include "timed/util/log.h"

static json_t *help(struct rpc_call *call)
{
	const char *name = rpc_arg_given(call, 0) ? rpc_arg_string(call, 0) : NULL;
	const struct rpc_method *method = name ? rpc_table_find(call->table, name) : NULL;
	struct buf text = BUF_INIT;
	json_t *result = NULL;

	if (name && !method)
		return rpc_fail(call, RPC_INVALID_PARAMETER, "there is no method %.64s", name);
	if (rpc_arg_bool(call, 1))
		return help_json(call->table, method);
	if (method)
		help_method(&text, method);
	else
		help_list(&text, call->table);
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

/* ---- logging */

/* What "heartbeat" or "net=trace" asks for; *category: LOG_CATEGORY_COUNT for all. */
struct log_wish {
	int category;
	enum log_level level;
};

/* False after rpc_fail(). */
static bool read_wish(struct rpc_call *call, struct log_wish *out, const json_t *value, enum log_level level)
{
	const char *text = json_string_value(value);
	const char *equals = text ? strchr(text, '=') : NULL;
	size_t len = equals ? (size_t)(equals - text) : text ? strlen(text) : 0;
	char name[32] = {0};
	int wanted = (int)level;

	if (!text || value_number_text(value)) {
		rpc_fail(call, RPC_TYPE_ERROR, "a category must be of type string");
		return false;
	}
	memcpy(name, text, len < sizeof(name) ? len : sizeof(name) - 1);
	out->category = strcmp(name, "all") == 0 ? LOG_CATEGORY_COUNT : log_category_from_name(name);
	if (equals)
		wanted = log_level_from_name(equals + 1);
	out->level = (enum log_level)wanted;
	if (out->category >= 0 && wanted >= 0)
		return true;
	rpc_fail(call, RPC_INVALID_PARAMETER, "there is no %s in \"%.64s\"",
		 out->category < 0 ? "category of the log" : "level", text);
	return false;
}

static void apply_wish(const struct log_wish *wish)
{
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (wish->category == i || wish->category == LOG_CATEGORY_COUNT)
			log_set_level((enum log_category)i, wish->level);
	}
}

/* Reads the wishes of one argument, and with `apply` fulfils them.  False after rpc_fail(). */
static bool each_wish(struct rpc_call *call, size_t index, enum log_level level, bool apply)
{
	struct log_wish wish;
	json_t *value;
	size_t i;

	json_array_foreach(call->args[index], i, value)
	{
		if (!read_wish(call, &wish, value, level))
			return false;
		if (apply)
			apply_wish(&wish);
	}
	return true;
}

/* Nothing changes unless all of it can be read. */
static json_t *logging(struct rpc_call *call)
{
	struct builder b;

	for (int apply = 0; apply < 2; apply++) {
		if (!each_wish(call, 0, LOG_LEVEL_DEBUG, apply) || !each_wish(call, 1, LOG_LEVEL_WARN, apply))
			return NULL;
	}
	builder_init(&b);
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
		builder_add_text(&b, log_category_name((enum log_category)i),
				 log_level_name(log_get_level((enum log_category)i)));
	return builder_take(&b);
}

/* ---- memory */

static json_t *describe_locked(const struct node_memory *now)
{
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, "used", now->locked);
	if (now->locked_limit != UINT64_MAX) {
		builder_add_u64(&b, "free", now->locked_limit > now->locked ? now->locked_limit - now->locked : 0);
		builder_add_u64(&b, "total", now->locked_limit);
	}
	builder_add_u64(&b, "locked", now->locked);
	return builder_take(&b);
}

/* Two sums that belong together. */
static json_t *describe_pair(const char *first, uint64_t first_bytes, const char *second, uint64_t second_bytes)
{
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, first, first_bytes);
	builder_add_u64(&b, second, second_bytes);
	return builder_take(&b);
}

static json_t *describe_budget(const struct node_memory *now)
{
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, "used", now->budget_used);
	builder_add_u64(&b, "limit", now->budget_limit);
	builder_add_u64(&b, "connections", now->budget_users[MEM_CONNECTIONS]);
	builder_add_u64(&b, "messages", now->budget_users[MEM_MESSAGES]);
	builder_add_u64(&b, "frames", now->budget_users[MEM_FRAMES]);
	return builder_take(&b);
}

static json_t *describe_database(const struct store_memory *now)
{
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, "cache", now->cache);
	builder_add_u64(&b, "cache_limit", now->cache_limit);
	builder_add_u64(&b, "pinned", now->pinned);
	builder_add_u64(&b, "memtables", now->memtables);
	builder_add_u64(&b, "readers", now->readers);
	return builder_take(&b);
}

static json_t *getmemoryinfo(struct rpc_call *call)
{
	struct node_memory now;
	struct builder b;

	node_get_memory(call->user, &now);
	builder_init(&b);
	builder_add(&b, "locked", describe_locked(&now));
	builder_add(&b, "resident", describe_pair("now", now.resident, "peak", now.resident_peak));
	builder_add(&b, "heap", describe_pair("used", now.heap_used, "free", now.heap_free));
	builder_add(&b, "budget", describe_budget(&now));
	builder_add(&b, "pool", describe_pair("used", now.pool_used, "limit", now.pool_limit));
	builder_add(&b, "database", describe_database(&now.store));
	return builder_take(&b);
}

/* ---- the table */

static const struct rpc_param help_params[] = {
	{.name = "method", .types = RPC_TYPE_STRING, .about = "the method to explain; without it all are listed"},
	{.name = "json",
	 .types = RPC_TYPE_BOOL,
	 .default_text = "false",
	 .about = "answer the same as JSON, for programs"},
};

static const struct rpc_param logging_params[] = {
	{.name = "include",
	 .types = RPC_TYPE_ARRAY,
	 .default_text = "[]",
	 .about = "categories to log at level debug, or at another: \"net=trace\", \"rpc=info\""},
	{.name = "exclude",
	 .types = RPC_TYPE_ARRAY,
	 .default_text = "[]",
	 .about = "categories to silence: of them only warnings and errors are written; done after include"},
};

static const struct rpc_method methods[] = {
	{
		.name = "help",
		.about = "Lists the methods, or explains one of them.",
		.params = help_params,
		.param_count = sizeof(help_params) / sizeof(help_params[0]),
		.result = "text; or, with json,\n"
			  "[\n"
			  "  {\n"
			  "    \"group\": text,               heading under which it is listed\n"
			  "    \"name\": text,\n"
			  "    \"about\": text,               what it does\n"
			  "    \"params\": [                  in order; required ones come first\n"
			  "      {\n"
			  "        \"name\": text,            for parameters by name\n"
			  "        \"types\": [text, ...],    any of boolean, integer, number, string, array, object\n"
			  "        \"required\": boolean,\n"
			  "        \"default\": value,        what stands for a missing one, if anything\n"
			  "        \"min\": n, \"max\": n,    of an integer, if it is bounded\n"
			  "        \"about\": text\n"
			  "      }, ...\n"
			  "    ],\n"
			  "    \"result\": text,              what is answered\n"
			  "    \"example\": [value, ...],     parameters of a call\n"
			  "    \"errors\": [                  how it may fail\n"
			  "      {\"code\": n, \"when\": text}, ...\n"
			  "    ]\n"
			  "  }, ...\n"
			  "]",
		.example = "[\"getpeerinfo\"]",
		RPC_ERRORS({RPC_INVALID_PARAMETER, "there is no such method"}),
		.run = help,
	},
	{
		.name = "logging",
		.about = "Tells what is logged, and changes it until the next start or SIGHUP.  The categories are "
			 "node, "
			 "net, heartbeat, wire, masternode, chain, consensus, mempool, rpc, and all.",
		.params = logging_params,
		.param_count = sizeof(logging_params) / sizeof(logging_params[0]),
		.result = "{ category: level, ... }           error, warn, info, debug or trace",
		.example = "[[\"net\",\"chain=trace\"],[\"heartbeat\"]]",
		RPC_ERRORS({RPC_INVALID_PARAMETER, "there is no such category or level"},
			   {RPC_TYPE_ERROR, "a category is no text"}),
		.run = logging,
	},
	{
		.name = "getmemoryinfo",
		.about = "Tells what the daemon holds in memory.",
		.result = "{                                  bytes\n"
			  "  \"locked\": {                    secrets, which are never swapped out\n"
			  "    \"used\": n, \"locked\": n,\n"
			  "    \"total\": n, \"free\": n      that the system allows; left out when it has no limit\n"
			  "  },\n"
			  "  \"resident\": {\"now\": n, \"peak\": n},   of the process\n"
			  "  \"heap\": {\"used\": n, \"free\": n},      of malloc; free: not given back\n"
			  "  \"budget\": {                    what peers can make grow\n"
			  "    \"used\": n, \"limit\": n,\n"
			  "    \"connections\": n,            lines that come in, messages that are read\n"
			  "    \"messages\": n,               messages that wait for the chain or for agreement\n"
			  "    \"frames\": n                  messages that wait to be sent\n"
			  "  },\n"
			  "  \"pool\": {\"used\": n, \"limit\": n},     transactions\n"
			  "  \"database\": {\n"
			  "    \"cache\": n, \"cache_limit\": n,      blocks of tables\n"
			  "    \"pinned\": n,                 of them in use\n"
			  "    \"memtables\": n,              writes that are in no table yet\n"
			  "    \"readers\": n                 indexes and filters of tables\n"
			  "  }\n"
			  "}",
		.run = getmemoryinfo,
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
