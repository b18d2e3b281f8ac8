// SPDX-License-Identifier: MIT
/* Methods about masternodes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "timed/net/ip.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/stream.h"
#include "timed/rpc/value.h"
#include "timeproto/wire/schema.h"

/* As many as are kept of one masternode. */
#define HISTORY_MAX 60

/* PROTOCOL.md §9: what a tier stands for, in TIME. */
static const uint64_t collaterals[WIRE_TIER_COUNT] = {
	[WIRE_TIER_BRONZE] = 1000,
	[WIRE_TIER_SILVER] = 10000,
	[WIRE_TIER_GOLD] = 100000,
};

static json_t *describe(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct masternode_info *info = (const struct masternode_info *)user + index;
	struct builder b;

	(void)key;
	builder_init(&b);
	builder_add_text(&b, "address", info->address);
	builder_add_text(&b, "wallet_address", info->reward_address);
	builder_add_text(&b, "tier", wire_tier_name(info->tier));
	builder_add_hex(&b, "public_key", info->public_key.bytes, sizeof(info->public_key.bytes));
	builder_add_bool(&b, "is_active", info->active);
	builder_add_bool(&b, "is_own", info->own);
	builder_add_integer(&b, "last_heartbeat", info->last_heard_s);
	builder_add_u64(&b, "collateral", collaterals[info->tier]);
	builder_add_integer(&b, "registered_at", info->registered_s);
	builder_add_integer(&b, "uptime_start", info->up_since_s);
	builder_add_integer(&b, "total_uptime", info->uptime_s);
	return builder_take(&b);
}

static json_t *masternodelist(struct rpc_call *call)
{
	struct masternode_info *infos = NULL;
	size_t count = node_masternodes(call->user, &infos), active = 0;
	struct stream_list list = {.user = infos, .count = count, .item = describe, .free_user = free};
	struct builder b;

	for (size_t i = 0; i < count; i++)
		active += infos[i].active;
	builder_init(&b);
	builder_add_u64(&b, "total", count);
	builder_add_u64(&b, "active", active);
	list.around = builder_take(&b);
	list.member = "masternodes";
	return stream_answer(call, &list);
}

static json_t *describe_heartbeat(const struct attestation_past *heartbeat)
{
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, "sequence", heartbeat->sequence);
	builder_add_integer(&b, "timestamp", heartbeat->timestamp);
	builder_add_u64(&b, "witnesses", heartbeat->witnesses);
	builder_add_bool(&b, "verified", heartbeat->verified);
	return builder_take(&b);
}

/* Ourselves among the masternodes; false: we are none. */
static bool find_own(struct node *node, struct masternode_info *out)
{
	struct masternode_info *infos = NULL;
	size_t count = node_masternodes(node, &infos);
	bool found = false;

	for (size_t i = 0; i < count && !found; i++) {
		found = infos[i].own;
		if (found)
			*out = infos[i];
	}
	free(infos);
	return found;
}

static json_t *masternodestatus(struct rpc_call *call)
{
	struct attestation_status last;
	struct attestation_past past;
	struct masternode_info own;
	struct builder b;
	size_t heartbeats;

	builder_init(&b);
	if (!find_own(call->user, &own)) {
		builder_add_text(&b, "status", "not a masternode");
		builder_add_bool(&b, "is_active", false);
		return builder_take(&b);
	}
	heartbeats = node_heartbeat_history(call->user, &last, &past, 1, own.address);
	builder_add_text(&b, "status", own.active ? "active" : "inactive");
	builder_add_bool(&b, "is_active", own.active);
	builder_add_text(&b, "address", own.address);
	builder_add_text(&b, "reward_address", own.reward_address);
	builder_add_text(&b, "tier", wire_tier_name(own.tier));
	builder_add_hex(&b, "public_key", own.public_key.bytes, sizeof(own.public_key.bytes));
	builder_add_integer(&b, "total_uptime", node_uptime_ms(call->user) / 1000);
	builder_add(&b, "last_heartbeat", heartbeats > 0 ? describe_heartbeat(&past) : json_null());
	return builder_take(&b);
}

/* "ATTESTATION_E_WINDOW" counts as "window". */
static json_t *describe_refused(const struct node_heartbeat_stats *stats)
{
	struct builder b;

	builder_init(&b);
	for (int i = 1; i < ATTESTATION_E_END; i++) {
		char name[32] = {0};
		const char *from = attestation_error_name(i) + strlen("ATTESTATION_E_");

		for (size_t at = 0; from[at] && at < sizeof(name) - 1; at++)
			name[at] = (char)tolower((unsigned char)from[at]);
		builder_add_u64(&b, name, stats->of_all.refused[i]);
	}
	builder_add_u64(&b, "signature", stats->bad_signatures);
	return builder_take(&b);
}

/* A share in percent, with two decimals. */
static json_t *percent(uint64_t part, uint64_t whole)
{
	return value_decimal(whole > 0 ? (int64_t)(part * 10000 / whole) : 0, 2);
}

static json_t *getattestationstats(struct rpc_call *call)
{
	struct node_heartbeat_stats stats;
	const struct attestation_stats *all = &stats.of_all;
	struct builder b;

	node_heartbeat_stats(call->user, &stats);
	builder_init(&b);
	builder_add_u64(&b, "unique_masternodes", all->masternodes);
	builder_add_u64(&b, "verified_heartbeats", all->verified);
	builder_add_u64(&b, "pending_heartbeats", all->masternodes - all->verified);
	builder_add_u64(&b, "total_heartbeats", all->heartbeats);
	builder_add_u64(&b, "total_verified_count", all->heartbeats_verified);
	builder_add(&b, "verification_rate", percent(all->heartbeats_verified, all->heartbeats));
	builder_add_u64(&b, "attestations", all->attestations);
	builder_add_u64(&b, "own_heartbeats", stats.made);
	builder_add_u64(&b, "own_attestations", stats.attested);
	builder_add(&b, "refused", describe_refused(&stats));
	return builder_take(&b);
}

static json_t *getheartbeathistory(struct rpc_call *call)
{
	const char *address = rpc_arg_string(call, 0);
	struct attestation_past past[HISTORY_MAX];
	struct attestation_status last;
	json_t *list;
	struct net_addr addr;
	char ip[NET_IP_TEXT_SIZE];
	struct builder b;
	size_t count;

	if (net_addr_parse(&addr, address, strlen(address), 0))
		return rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY, "A masternode's address is its IP");
	net_ip_text(ip, &addr.ip);
	count = node_heartbeat_history(call->user, &last, past, (size_t)rpc_arg_integer(call, 1), ip);
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(list, describe_heartbeat(&past[i]))) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	builder_init(&b);
	builder_add_text(&b, "address", ip);
	builder_add(&b, "latest_sequence", count > 0 ? value_u64(last.sequence) : json_null());
	builder_add_u64(&b, "total_verified_heartbeats", last.heartbeats_verified);
	builder_add(&b, "recent_heartbeats", list);
	return builder_take(&b);
}

static const struct rpc_param history_params[] = {
	{.name = "address", .types = RPC_TYPE_STRING, .required = true, .about = "the masternode's IP"},
	{.name = "limit",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "10",
	 .min = 1,
	 .max = HISTORY_MAX,
	 .about = "so many of its last heartbeats, at most"},
};

#define HEARTBEAT_HELP                                                                                                 \
	"{ \"sequence\": n, \"timestamp\": n (Unix seconds), \"witnesses\": n (that are kept), \"verified\": boolean " \
	"}"

static const struct rpc_method methods[] = {
	{
		.name = "masternodelist",
		.about = "Lists the masternodes that this node knows, itself included when it is one.",
		.result = "{\n"
			  "  \"total\": n,                    how many there are\n"
			  "  \"active\": n,                   how many of them are active\n"
			  "  \"masternodes\": [               by address\n"
			  "    {\n"
			  "      \"address\": text,           its IP\n"
			  "      \"wallet_address\": text,    where its rewards go, as it says\n"
			  "      \"tier\": text,              Free, Bronze, Silver or Gold, as it says\n"
			  "      \"public_key\": hex,         the key that it signs with\n"
			  "      \"is_active\": boolean,      it was heard lately\n"
			  "      \"is_own\": boolean,         it is this node\n"
			  "      \"last_heartbeat\": n,       when it was heard last, Unix seconds\n"
			  "      \"collateral\": n,           of its tier, in TIME\n"
			  "      \"registered_at\": n,        since when this daemon knows it, Unix seconds\n"
			  "      \"uptime_start\": n,         when it became active last, Unix seconds\n"
			  "      \"total_uptime\": n          seconds for which it has been active since it is known\n"
			  "    }, ...\n"
			  "  ]\n"
			  "}",
		.run = masternodelist,
	},
	{
		.name = "masternodestatus",
		.about = "Says how this node fares as a masternode.",
		.result = "{\n"
			  "  \"status\": text,              active, inactive, or not a masternode: then without the "
			  "rest\n"
			  "  \"is_active\": boolean,\n"
			  "  \"address\": text,             our IP, as others know it\n"
			  "  \"reward_address\": text,      where our rewards go\n"
			  "  \"tier\": text,                Free, Bronze, Silver or Gold\n"
			  "  \"public_key\": hex,           the key that we sign with\n"
			  "  \"total_uptime\": n,           seconds since the start\n"
			  "  \"last_heartbeat\":            null, or our last heartbeat and what others attest of it\n"
			  "    " HEARTBEAT_HELP "\n"
			  "}",
		.run = masternodestatus,
	},
	{
		.name = "getattestationstats",
		.about = "Counts the heartbeats of masternodes, and who attests them.",
		.result = "{\n"
			  "  \"unique_masternodes\": n,     whose last heartbeat is known\n"
			  "  \"verified_heartbeats\": n,    of these last ones, those that enough others attest\n"
			  "  \"pending_heartbeats\": n,     and those that they do not\n"
			  "  \"total_heartbeats\": n,       taken since the start, ours too\n"
			  "  \"total_verified_count\": n,   verified since the start\n"
			  "  \"verification_rate\": n,      the share of these, in percent, two decimals\n"
			  "  \"attestations\": n,           taken since the start, ours too\n"
			  "  \"own_heartbeats\": n,         heartbeats that we made\n"
			  "  \"own_attestations\": n,       attestations that we made\n"
			  "  \"refused\": { \"window\": n, \"key\": n, \"sequence\": n, \"signature\": n, ... }\n"
			  "                               heartbeats and attestations refused, by reason\n"
			  "}",
		.run = getattestationstats,
	},
	{
		.name = "getheartbeathistory",
		.about = "Lists the last heartbeats of a masternode, at most an hour of them.",
		.params = history_params,
		.param_count = sizeof(history_params) / sizeof(history_params[0]),
		.result = "{\n"
			  "  \"address\": text,             its IP\n"
			  "  \"latest_sequence\": n,        null: no heartbeat is known\n"
			  "  \"total_verified_heartbeats\": n, since it is known\n"
			  "  \"recent_heartbeats\": [       the newest first\n"
			  "    " HEARTBEAT_HELP ", ...\n"
			  "  ]\n"
			  "}",
		.example = "[\"203.0.113.7\", 5]",
		RPC_ERRORS({RPC_INVALID_ADDRESS_OR_KEY, "the address is no IP"}),
		.run = getheartbeathistory,
	},
};

const struct rpc_group methods_masternodes = {
	.name = "Masternodes",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
