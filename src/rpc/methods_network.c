// SPDX-License-Identifier: MIT
/* Methods that tell about the network: its connections, its traffic, its settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/net/net.h"
#include "timed/net/net_stats.h"
#include "timed/node/node.h"
#include "timed/node/version.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/stream.h"
#include "timed/rpc/value.h"
#include "timed/rpc/warnings.h"
#include "timed/util/clock.h"
#include "timeproto/chain/fee.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/schema.h"

/* The whole chain, as Bitcoin numbers what nodes offer: the protocol knows no other. */
#define SERVICES "0000000000000001"

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
	builder_add_bool(&b, "active", info->state == PEER_READY);
	builder_add_text(&b, "services", SERVICES);
	builder_add_integer(&b, "lastseen", info->last_recv_s);
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

/* What getpeerinfo tells of. */
struct told_peers {
	struct peer_info *peers;
	struct masternode_info *masternodes; /* by address */
	size_t masternode_count;
};

static void told_peers_free(void *user)
{
	struct told_peers *told = user;

	free(told->peers);
	free(told->masternodes);
	free(told);
}

static json_t *describe_told_peer(void *user, size_t index, char name[STREAM_KEY_SIZE])
{
	const struct told_peers *told = user;
	const struct peer_info *peer = &told->peers[index];
	const struct masternode_info *masternode = NULL;
	struct masternode_info key;

	(void)name;
	memcpy(key.address, peer->ip, sizeof(peer->ip));
	if (told->masternode_count > 0 && !peer->key_disputed)
		masternode = bsearch(&key, told->masternodes, told->masternode_count, sizeof(key), compare_address);
	return describe(peer, masternode);
}

static json_t *getpeerinfo(struct rpc_call *call)
{
	struct told_peers *told = calloc(1, sizeof(*told));
	struct stream_list list = {.user = told, .item = describe_told_peer, .free_user = told_peers_free};

	if (!told)
		return NULL;
	told->masternode_count = node_masternodes(call->user, &told->masternodes);
	list.count = net_peer_infos(node_net(call->user), &told->peers);
	if (told->masternode_count > 0)
		qsort(told->masternodes, told->masternode_count, sizeof(told->masternodes[0]), compare_address);
	return stream_answer(call, &list);
}

/* ---- getnetworkinfo ---- */

/* 1.2.3 is 1020300, as Bitcoin counts. */
static int64_t version_number(void)
{
	unsigned major = 0, minor = 0, patch = 0;

	(void)sscanf(TIMED_VERSION, "%u.%u.%u", &major, &minor, &patch);
	return (int64_t)major * 1000000 + (int64_t)minor * 10000 + (int64_t)patch * 100;
}

/* `probe`: any public address of that kind; nothing is sent to it. */
static json_t *describe_network(const char *name, const char *probe)
{
	struct net_addr far;
	struct net_ip own;
	struct builder b;

	builder_init(&b);
	builder_add_text(&b, "name", name);
	builder_add_bool(&b, "limited", false);
	builder_add_bool(&b, "reachable", net_addr_parse(&far, probe, strlen(probe), 1) == 0 &&
						  net_ip_local_for(&own, &far.ip) == 0);
	builder_add_text(&b, "proxy", "");
	builder_add_bool(&b, "proxy_randomize_credentials", false);
	return builder_take(&b);
}

static json_t *networks(void)
{
	json_t *list = json_array();

	if (json_array_append_new(list, describe_network("ipv4", "192.0.2.1")) ||
	    json_array_append_new(list, describe_network("ipv6", "2001:db8::1"))) {
		json_decref(list);
		return NULL;
	}
	return list;
}

/* Where others can dial us: what is configured. */
static json_t *local_addresses(struct net *net)
{
	const struct net_params *p = net_params(net);
	const struct net_ip *ip = p->has_external ? &p->external : &p->listen.ip;
	json_t *list = json_array();
	char text[NET_IP_TEXT_SIZE];
	struct builder b;

	if (net_ip_is_unspecified(ip))
		return list;
	net_ip_text(text, ip);
	builder_init(&b);
	builder_add_text(&b, "address", text);
	builder_add_u64(&b, "port", net_listen_port(net));
	builder_add_u64(&b, "score", 1);
	if (json_array_append_new(list, builder_take(&b))) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *getnetworkinfo(struct rpc_call *call)
{
	struct net *net = node_net(call->user);
	struct net_stats stats;
	struct builder b;
	int64_t offset_s;

	net_get_stats(net, &stats);
	if (!node_clock_offset_s(call->user, &offset_s))
		offset_s = 0;
	builder_init(&b);
	builder_add_integer(&b, "version", version_number());
	builder_add_text(&b, "subversion", "/timed:" TIMED_VERSION "/");
	builder_add_u64(&b, "protocolversion", NET_PROTOCOL_VERSION);
	builder_add_text(&b, "localservices", SERVICES);
	builder_add(&b, "localservicesnames", json_pack("[s]", "NETWORK"));
	builder_add_bool(&b, "localrelay", true);
	builder_add_integer(&b, "timeoffset", offset_s);
	builder_add_bool(&b, "networkactive", net_is_active(net));
	builder_add_u64(&b, "connections", stats.inbound + stats.outbound);
	builder_add_u64(&b, "connections_in", stats.inbound);
	builder_add_u64(&b, "connections_out", stats.outbound);
	builder_add_u64(&b, "maxconnections", net_params(net)->max_peers);
	builder_add(&b, "networks", networks());
	builder_add_amount(&b, "relayfee", FEE_FLOOR);
	builder_add_amount(&b, "incrementalfee", FEE_FLOOR);
	builder_add(&b, "localaddresses", local_addresses(net));
	builder_add(&b, "warnings", warnings_of(call->user));
	return builder_take(&b);
}

/* ---- getconnectioncount, getnettotals, ping ---- */

static json_t *getconnectioncount(struct rpc_call *call)
{
	return json_integer(net_ready_count(node_net(call->user)));
}

/* Messages and their bytes by kind, those that there were. */
static json_t *by_type(const struct net_traffic traffic[WIRE_TYPE_COUNT])
{
	struct builder b, one;

	builder_init(&b);
	for (int type = 0; type < WIRE_TYPE_COUNT; type++) {
		if (traffic[type].messages == 0)
			continue;
		builder_init(&one);
		builder_add_u64(&one, "messages", traffic[type].messages);
		builder_add_u64(&one, "bytes", traffic[type].bytes);
		builder_add(&b, wire_type_name((enum wire_type)type), builder_take(&one));
	}
	return builder_take(&b);
}

static json_t *getnettotals(struct rpc_call *call)
{
	struct net_stats stats;
	struct builder b;

	net_get_stats(node_net(call->user), &stats);
	builder_init(&b);
	builder_add_u64(&b, "totalbytesrecv", stats.bytes_received);
	builder_add_u64(&b, "totalbytessent", stats.bytes_sent);
	builder_add_integer(&b, "timemillis", clock_real_ms());
	builder_add(&b, "recv_per_msg", by_type(stats.received));
	builder_add(&b, "sent_per_msg", by_type(stats.sent));
	return builder_take(&b);
}

static json_t *ping(struct rpc_call *call)
{
	net_ping_all(node_net(call->user));
	return json_null();
}

/* ---- the table ---- */

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
			  "    \"connection_type\": text,     inbound, outbound, or manual (configured, addnode)\n"
			  "    \"state\": text,               state of the connection\n"
			  "    \"active\": boolean,           it is ready\n"
			  "    \"services\": hex,             always the whole chain\n"
			  "    \"lastseen\": n,               the same as lastrecv\n"
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
	{
		.name = "getnetworkinfo",
		.about = "Describes the state of the network.",
		.result = "{\n"
			  "  \"version\": n,                 of this software: 10000 is 0.1.0\n"
			  "  \"subversion\": text,           the same as text\n"
			  "  \"protocolversion\": n,         of the peer protocol\n"
			  "  \"localservices\": hex,         always the whole chain: the protocol knows no other\n"
			  "  \"localservicesnames\": [text],\n"
			  "  \"localrelay\": boolean,        transactions are passed on\n"
			  "  \"timeoffset\": n,              median of the peers' clocks minus ours in seconds; 0 while\n"
			  "                                 fewer than three have told theirs\n"
			  "  \"networkactive\": boolean,     see setnetworkactive\n"
			  "  \"connections\": n,             ready ones\n"
			  "  \"connections_in\": n,          of them those that dialled us\n"
			  "  \"connections_out\": n,         and those that we dialled\n"
			  "  \"maxconnections\": n,          how many there may be\n"
			  "  \"networks\": [\n"
			  "    {\n"
			  "      \"name\": text,             ipv4 or ipv6\n"
			  "      \"limited\": boolean,       never: both are used\n"
			  "      \"reachable\": boolean,     this machine has a route there\n"
			  "      \"proxy\": text,            never one\n"
			  "      \"proxy_randomize_credentials\": boolean\n"
			  "    }, ...\n"
			  "  ],\n"
			  "  \"relayfee\": amount,           least fee of a transaction\n"
			  "  \"incrementalfee\": amount,     the same: nothing is replaced for a higher fee\n"
			  "  \"localaddresses\": [           where others can dial this node, as far as configured\n"
			  "    { \"address\": text, \"port\": n, \"score\": n }\n"
			  "  ],\n"
			  "  \"warnings\": [text, ...]        what an operator should know, each as \"code: sentence\"\n"
			  "}",
		.run = getnetworkinfo,
	},
	{
		.name = "getconnectioncount",
		.about = "Counts the connections to peers.",
		.result = "n",
		.run = getconnectioncount,
	},
	{
		.name = "getnettotals",
		.about = "Tells how much has been sent and received since the start.",
		.result = "{\n"
			  "  \"totalbytesrecv\": n,          bytes received\n"
			  "  \"totalbytessent\": n,          bytes sent\n"
			  "  \"timemillis\": n,              Unix time in milliseconds\n"
			  "  \"recv_per_msg\": {             by kind of message\n"
			  "    kind: { \"messages\": n, \"bytes\": n }, ...\n"
			  "  },\n"
			  "  \"sent_per_msg\": {}            the same\n"
			  "}",
		.run = getnettotals,
	},
	{
		.name = "ping",
		.about = "Pings every peer now; getpeerinfo shows the round trips.  A peer that leaves five pings "
			 "unanswered gets no sixth.",
		.result = "null",
		.run = ping,
	},
};

const struct rpc_group methods_network = {
	.name = "Network",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
