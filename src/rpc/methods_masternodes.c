// SPDX-License-Identifier: MIT
/* Methods about masternodes. */
#include <stdlib.h>

#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"
#include "timeproto/wire/schema.h"

static json_t *describe(const struct masternode_info *info)
{
	struct builder b;

	builder_init(&b);
	builder_add_text(&b, "address", info->address);
	builder_add_text(&b, "wallet_address", info->reward_address);
	builder_add_text(&b, "tier", wire_tier_name(info->tier));
	builder_add_hex(&b, "public_key", info->public_key.bytes, sizeof(info->public_key.bytes));
	builder_add_bool(&b, "is_active", info->active);
	builder_add_bool(&b, "is_own", info->own);
	builder_add_integer(&b, "last_heartbeat", info->last_heard_s);
	return builder_take(&b);
}

static json_t *masternodelist(struct rpc_call *call)
{
	struct masternode_info *infos = NULL;
	size_t count = node_masternodes(call->user, &infos), active = 0;
	json_t *list = json_array();
	struct builder b;

	for (size_t i = 0; i < count; i++) {
		active += infos[i].active;
		if (json_array_append_new(list, describe(&infos[i]))) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	free(infos);
	builder_init(&b);
	builder_add(&b, "masternodes", list);
	builder_add_u64(&b, "total", count);
	builder_add_u64(&b, "active", active);
	return builder_take(&b);
}

static const struct rpc_method methods[] = {
	{
		.name = "masternodelist",
		.about = "Lists the masternodes that this node knows, itself included when it is one.",
		.result = "{\n"
			  "  \"masternodes\": [               by address\n"
			  "    {\n"
			  "      \"address\": text,           its IP\n"
			  "      \"wallet_address\": text,    where its rewards go, as it says\n"
			  "      \"tier\": text,              Free, Bronze, Silver or Gold, as it says\n"
			  "      \"public_key\": hex,         the key that it signs with\n"
			  "      \"is_active\": boolean,      it was heard lately\n"
			  "      \"is_own\": boolean,         it is this node\n"
			  "      \"last_heartbeat\": n        when it was heard last, Unix seconds\n"
			  "    }, ...\n"
			  "  ],\n"
			  "  \"total\": n,                    how many there are\n"
			  "  \"active\": n                    how many of them are active\n"
			  "}",
		.run = masternodelist,
	},
};

const struct rpc_group methods_masternodes = {
	.name = "Masternodes",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
