// SPDX-License-Identifier: MIT
/* Methods about the network. */
#include <stdlib.h>
#include <string.h>

#include "timed/net/net.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/schema.h"

static int compare_address(const void *a, const void *b)
{
	const struct masternode_info *x = a, *y = b;

	return strcmp(x->address, y->address);
}

static void add_addr(struct builder *b, const char *key, const struct net_addr *addr)
{
	char text[NET_ADDR_TEXT_SIZE];

	net_addr_text(text, addr);
	builder_add_text(b, key, text);
}

/* Bytes by kind of message, those that there were. */
static json_t *per_message(const uint64_t bytes[WIRE_TYPE_COUNT])
{
	struct builder b;

	builder_init(&b);
	for (int type = 0; type < WIRE_TYPE_COUNT; type++) {
		if (bytes[type] > 0)
			builder_add_u64(&b, wire_type_name((enum wire_type)type), bytes[type]);
	}
	return builder_take(&b);
}

static void add_traffic(struct builder *b, const struct peer_info *info)
{
	builder_add_integer(b, "lastsend", info->last_send_s);
	builder_add_integer(b, "lastrecv", info->last_recv_s);
	builder_add_u64(b, "bytessent", info->bytes_sent);
	builder_add_u64(b, "bytesrecv", info->bytes_received);
	builder_add(b, "bytessent_per_msg", per_message(info->sent_per_type));
	builder_add(b, "bytesrecv_per_msg", per_message(info->received_per_type));
	builder_add_u64(b, "sendqueue_bytes", info->send_queue_bytes);
	builder_add_u64(b, "addr_processed", info->addresses_processed);
	builder_add_u64(b, "addr_rate_limited", info->addresses_limited);
}

static void add_heartbeat(struct builder *b, const struct peer_info *info)
{
	if (info->ping_us >= 0)
		builder_add(b, "pingtime", value_decimal(info->ping_us, 6));
	if (info->min_ping_us >= 0)
		builder_add(b, "minping", value_decimal(info->min_ping_us, 6));
	if (info->ping_wait_ms >= 0)
		builder_add(b, "pingwait", value_decimal(info->ping_wait_ms, 3));
	builder_add_u64(b, "missed_pongs", info->missed_pongs);
}

/* What the peer has told about itself. */
static void add_claims(struct builder *b, const struct peer_info *info)
{
	if (info->version > 0)
		builder_add_u64(b, "version", info->version);
	if (info->subver[0])
		builder_add_text(b, "subver", info->subver);
	if (info->node_id[0])
		builder_add_text(b, "node_id", info->node_id);
	if (info->has_height) {
		builder_add_u64(b, "startingheight", info->starting_height);
		builder_add_u64(b, "height", info->height);
	}
	if (!hash_is_zero(&info->best_hash))
		builder_add_hash(b, "bestblockhash", &info->best_hash);
	if (info->has_synced)
		builder_add_u64(b, "synced_blocks", info->synced_blocks);
	if (info->has_time_offset)
		builder_add_integer(b, "timeoffset", info->time_offset_s);
}

/* `masternode`: the peer's entry in the registry, NULL when it is none. */
static json_t *describe(const struct peer_info *info, const struct masternode_info *masternode)
{
	const char *direction = info->direction == PEER_INBOUND ? "inbound" : "outbound";
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, "id", info->id);
	add_addr(&b, "addr", &info->addr);
	builder_add_text(&b, "ip", info->ip);
	add_addr(&b, "addrbind", &info->bound);
	builder_add_bool(&b, "inbound", info->direction == PEER_INBOUND);
	builder_add_text(&b, "connection_type", info->manual ? "manual" : direction);
	builder_add_text(&b, "state", peer_state_name(info->state));
	builder_add_integer(&b, "conntime", info->connected_s);
	add_claims(&b, info);
	add_heartbeat(&b, info);
	add_traffic(&b, info);
	builder_add_bool(&b, "is_masternode", masternode != NULL);
	if (masternode)
		builder_add_text(&b, "tier", wire_tier_name(masternode->tier));
	builder_add_u64(&b, "violations", info->violations);
	return builder_take(&b);
}

static json_t *getpeerinfo(struct rpc_call *call)
{
	struct node *node = call->user;
	struct masternode_info *masternodes = NULL, key;
	struct peer_info *peers = NULL;
	size_t masternode_count = node_masternodes(node, &masternodes);
	size_t peer_count = net_peer_infos(node_net(node), &peers);
	json_t *list = json_array();

	if (masternode_count > 0)
		qsort(masternodes, masternode_count, sizeof(masternodes[0]), compare_address);
	for (size_t i = 0; i < peer_count; i++) {
		const struct masternode_info *masternode = NULL;

		memcpy(key.address, peers[i].ip, sizeof(peers[i].ip));
		if (masternode_count > 0 && !peers[i].key_disputed)
			masternode = bsearch(&key, masternodes, masternode_count, sizeof(key), compare_address);
		if (json_array_append_new(list, describe(&peers[i], masternode))) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	free(masternodes);
	free(peers);
	return list;
}

static const struct rpc_method methods[] = {
	{
		.name = "getpeerinfo",
		.about = "Describes each connection to a peer.  What is not known of a peer is left out.",
		.result = "[                                by id\n"
			  "  {\n"
			  "    \"id\": n,                     number of the connection\n"
			  "    \"addr\": text,                address and port of the peer\n"
			  "    \"ip\": text,                  its address alone, by which peers are known\n"
			  "    \"addrbind\": text,            our end of the connection\n"
			  "    \"inbound\": boolean,          the peer dialled\n"
			  "    \"connection_type\": text,     inbound, outbound, or manual (configured)\n"
			  "    \"state\": text,               state of the connection\n"
			  "    \"conntime\": n,               when it was made, Unix seconds\n"
			  "    \"version\": n,                protocol version of the peer\n"
			  "    \"subver\": text,              its software, as it says\n"
			  "    \"node_id\": hex,              its random id, as it says\n"
			  "    \"startingheight\": n,         height it told first\n"
			  "    \"height\": n,                 height it told last\n"
			  "    \"bestblockhash\": hex,       hash of the best block that it has shown\n"
			  "    \"synced_blocks\": n,          height up to which it has shown our chain\n"
			  "    \"timeoffset\": n,             its clock minus ours in seconds\n"
			  "    \"pingtime\": n,               last round trip in seconds\n"
			  "    \"minping\": n,                shortest round trip in seconds\n"
			  "    \"pingwait\": n,               age of the ping that is still out, in seconds\n"
			  "    \"missed_pongs\": n,           pings missed in a row\n"
			  "    \"lastsend\": n,               when we sent last, Unix seconds\n"
			  "    \"lastrecv\": n,               when we received last, Unix seconds\n"
			  "    \"bytessent\": n,              bytes sent\n"
			  "    \"bytesrecv\": n,              bytes received\n"
			  "    \"bytessent_per_msg\": {},     bytes sent by kind of message\n"
			  "    \"bytesrecv_per_msg\": {},     bytes received by kind of message\n"
			  "    \"sendqueue_bytes\": n,        bytes waiting to be sent\n"
			  "    \"addr_processed\": n,         addresses taken from it\n"
			  "    \"addr_rate_limited\": n,      addresses of it that were too many\n"
			  "    \"is_masternode\": boolean,    it is a masternode\n"
			  "    \"tier\": text,                its tier as a masternode\n"
			  "    \"violations\": n              violations counted against its address\n"
			  "  }, ...\n"
			  "]",
		.run = getpeerinfo,
	},
};

const struct rpc_group methods_network = {
	.name = "Network",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
