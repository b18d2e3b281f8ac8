// SPDX-License-Identifier: MIT
/* Methods by which the operator governs the network: which nodes are dialled, who is banned, and whether there is any
 * network at all. */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "timed/net/net.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/network_call.h"
#include "timed/rpc/stream.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* A ban of the operator lasts a day unless told. */
#define BAN_DEFAULT_S 86400
/* Longer than anybody lives; a Unix time may be no greater either. */
#define BAN_MAX_S INT64_C(10000000000)

/* ---- addnode, getaddednodeinfo ---- */

static json_t *add_node(struct rpc_call *call, struct net *net, const struct net_addr *addr, const char *text)
{
	if (address_book_is_configured(net_addresses(net), &addr->ip))
		return rpc_fail(call, RPC_CLIENT_NODE_ALREADY_ADDED, "%s is added already", text);
	switch (address_book_add(net_addresses(net), addr, ADDR_SOURCE_CONFIGURED, clock_mono_ms())) {
	case ADDRESS_ADDED:
	case ADDRESS_KNOWN:
		break;
	case ADDRESS_REFUSED:
		return rpc_fail(call, RPC_INVALID_PARAMETER,
				"%s is this node itself, or no address that can be dialled", text);
	case ADDRESS_BOOK_FULL:
		return rpc_fail(call, RPC_OUT_OF_MEMORY, "out of memory");
	}
	net_wake_dialer(net);
	return json_null();
}

static json_t *try_node(struct rpc_call *call, struct net *net, const struct net_addr *addr, const char *text)
{
	if (!net_is_active(net))
		return rpc_fail(call, RPC_MISC_ERROR, "the network is switched off (setnetworkactive)");
	if (ban_list_is_banned(net_bans(net), &addr->ip, clock_real_s()))
		return rpc_fail(call, RPC_MISC_ERROR, "%s is banned (setban)", text);
	switch (address_book_try(net_addresses(net), addr, clock_mono_ms())) {
	case ADDRESS_ADDED:
	case ADDRESS_KNOWN:
		break;
	case ADDRESS_REFUSED:
		return rpc_fail(call, RPC_INVALID_PARAMETER,
				"%s is this node itself, or no address that can be dialled", text);
	case ADDRESS_BOOK_FULL:
		return rpc_fail(call, RPC_MISC_ERROR, "there is no room for another address");
	}
	net_wake_dialer(net);
	return json_null();
}

static json_t *addnode(struct rpc_call *call)
{
	struct net *net = node_net(call->user);
	const char *text = rpc_arg_string(call, 0), *command = rpc_arg_string(call, 1);
	struct net_addr addr;

	if (!network_arg_addr(call, &addr, net_params(net)->addresses.default_port, 0))
		return NULL;
	if (strcmp(command, "add") == 0)
		return add_node(call, net, &addr, text);
	if (strcmp(command, "onetry") == 0)
		return try_node(call, net, &addr, text);
	if (strcmp(command, "remove") != 0)
		return rpc_fail(call, RPC_INVALID_PARAMETER, "command must be add, remove or onetry, not %.40s",
				command);
	if (!address_book_remove_configured(net_addresses(net), &addr.ip))
		return rpc_fail(call, RPC_CLIENT_NODE_NOT_ADDED, "%s has not been added", text);
	return json_null();
}

static const struct peer_info *find_peer(const struct peer_info *peers, size_t count, const struct net_ip *ip)
{
	for (size_t i = 0; i < count; i++) {
		if (net_ip_equal(&peers[i].addr.ip, ip))
			return &peers[i];
	}
	return NULL;
}

/* The connection to it, in a list; none when `peer` is NULL. */
static json_t *describe_connection(const struct peer_info *peer)
{
	char text[NET_ADDR_TEXT_SIZE];
	json_t *list = json_array();
	struct builder b;

	if (!peer)
		return list;
	net_addr_text(text, &peer->addr);
	builder_init(&b);
	builder_add_text(&b, "address", text);
	builder_add_text(&b, "connected", peer->direction == PEER_INBOUND ? "inbound" : "outbound");
	if (json_array_append_new(list, builder_take(&b)) == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* What getaddednodeinfo tells of. */
struct told_nodes {
	struct address_info *infos;
	struct peer_info *peers;
	size_t peer_count;
	int64_t now_ms;
};

static void told_nodes_free(void *user)
{
	struct told_nodes *told = user;

	free(told->infos);
	free(told->peers);
	free(told);
}

static json_t *describe_added(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct told_nodes *told = user;
	const struct address_info *info = &told->infos[index];
	const struct peer_info *peer = find_peer(told->peers, told->peer_count, &info->addr.ip);
	char text[NET_ADDR_TEXT_SIZE];
	struct builder b;

	(void)key;

	net_addr_text(text, &info->addr);
	builder_init(&b);
	builder_add_text(&b, "addednode", text);
	builder_add_bool(&b, "connected", peer != NULL);
	builder_add(&b, "addresses", describe_connection(peer));
	builder_add_u64(&b, "failures", info->failures);
	if (!info->busy && info->dialable && info->next_dial_ms != INT64_MAX)
		builder_add_integer(&b, "nextdial",
				    info->next_dial_ms > told->now_ms ? (info->next_dial_ms - told->now_ms + 999) / 1000
								      : 0);
	return builder_take(&b);
}

static json_t *getaddednodeinfo(struct rpc_call *call)
{
	struct net *net = node_net(call->user);
	struct stream_list list = {.item = describe_added, .free_user = told_nodes_free};
	bool one = rpc_arg_given(call, 0);
	struct told_nodes *told;
	struct net_addr wanted;
	size_t known;

	if (one) {
		if (!network_arg_addr(call, &wanted, net_params(net)->addresses.default_port, 0))
			return NULL;
		if (!address_book_is_configured(net_addresses(net), &wanted.ip))
			return rpc_fail(call, RPC_CLIENT_NODE_NOT_ADDED, "%s has not been added",
					rpc_arg_string(call, 0));
	}
	told = calloc(1, sizeof(*told));
	if (!told)
		return NULL;
	known = address_book_infos(net_addresses(net), &told->infos);
	told->peer_count = net_peer_infos(net, &told->peers);
	told->now_ms = clock_mono_ms();
	for (size_t i = 0; i < known; i++) {
		const struct address_info *info = &told->infos[i];

		if (info->source == ADDR_SOURCE_CONFIGURED && (!one || net_ip_equal(&info->addr.ip, &wanted.ip)))
			told->infos[list.count++] = *info;
	}
	list.user = told;
	return stream_answer(call, &list);
}

/* ---- disconnectnode ---- */

static json_t *disconnectnode(struct rpc_call *call)
{
	struct net *net = node_net(call->user);
	bool by_address = rpc_arg_given(call, 0) && *rpc_arg_string(call, 0), by_id = rpc_arg_given(call, 1);
	const struct peer_info *peer = NULL;
	struct net_addr addr = {.port = 0};
	struct peer_info *peers;
	bool closed = false;
	size_t count;

	if (by_address == by_id)
		return rpc_fail(call, RPC_INVALID_PARAMS, "either address or nodeid must be given, and not both");
	if (by_address && !network_arg_addr(call, &addr, 0, 0))
		return NULL;
	count = net_peer_infos(net, &peers);
	for (size_t i = 0; i < count && !peer; i++) {
		if (by_id ? peers[i].id == (uint64_t)rpc_arg_integer(call, 1)
			  : net_ip_equal(&peers[i].addr.ip, &addr.ip) &&
				    (addr.port == 0 || addr.port == peers[i].addr.port))
			peer = &peers[i];
	}
	if (peer)
		closed = net_disconnect(net, &peer->addr.ip, PEER_CLOSE_OPERATOR);
	free(peers);
	if (!closed)
		return rpc_fail(call, RPC_CLIENT_NODE_NOT_CONNECTED, "there is no such connection");
	return json_null();
}

/* ---- setban, listbanned, clearbanned ---- */

static json_t *ban(struct rpc_call *call, struct net *net, const struct net_ip *ip)
{
	int64_t now_s = clock_real_s(), time_s = rpc_arg_integer(call, 2);
	bool absolute = rpc_arg_bool(call, 3);
	int64_t until_s = absolute ? time_s : now_s + (time_s ? time_s : BAN_DEFAULT_S);
	char text[NET_IP_TEXT_SIZE];
	int r;

	if (until_s <= now_s)
		return rpc_fail(call, RPC_INVALID_PARAMETER, "seconds is a time in the past");
	net_ip_text(text, ip);
	r = ban_list_set(net_bans(net), ip, until_s, now_s);
	if (r == BAN_E_EXISTS)
		return rpc_fail(call, RPC_CLIENT_NODE_ALREADY_ADDED, "%s is banned already", text);
	if (r)
		return rpc_fail(call, RPC_OUT_OF_MEMORY, "out of memory");
	log_warn(LOG_NET, "🚫 Banned %s for %" PRId64 " s, by the operator", text, until_s - now_s);
	(void)net_disconnect(net, ip, PEER_CLOSE_BANNED);
	return json_null();
}

static json_t *setban(struct rpc_call *call)
{
	struct net *net = node_net(call->user);
	const char *command = rpc_arg_string(call, 1);
	char text[NET_IP_TEXT_SIZE];
	struct net_ip ip;

	if (!network_arg_ip(call, &ip, 0))
		return NULL;
	if (strcmp(command, "add") == 0)
		return ban(call, net, &ip);
	if (strcmp(command, "remove") != 0)
		return rpc_fail(call, RPC_INVALID_PARAMETER, "command must be add or remove, not %.40s", command);
	net_ip_text(text, &ip);
	if (!ban_list_lift(net_bans(net), &ip))
		return rpc_fail(call, RPC_CLIENT_INVALID_IP_OR_SUBNET, "%s is not banned", text);
	log_info(LOG_NET, "The ban of %s is lifted, by the operator", text);
	return json_null();
}

static int compare_bans(const void *a, const void *b)
{
	const struct ban_record *x = a, *y = b;

	return memcmp(x->ip.bytes, y->ip.bytes, sizeof(x->ip.bytes));
}

/* What listbanned tells of. */
struct told_bans {
	struct ban_record *records;
	int64_t now_s;
};

static void told_bans_free(void *user)
{
	struct told_bans *told = user;

	free(told->records);
	free(told);
}

static json_t *describe_ban(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct told_bans *told = user;
	const struct ban_record *record = &told->records[index];
	char text[NET_IP_TEXT_SIZE];
	struct builder b;

	(void)key;
	net_ip_text(text, &record->ip);
	builder_init(&b);
	builder_add_text(&b, "address", text);
	builder_add_text(&b, "reason", record->level == BAN_MANUAL ? "manual" : "violations");
	builder_add_u64(&b, "violations", record->violations);
	builder_add_integer(&b, "ban_created", record->created_s);
	builder_add_bool(&b, "permanent", record->until_s == INT64_MAX);
	if (record->until_s != INT64_MAX) {
		builder_add_integer(&b, "banned_until", record->until_s);
		builder_add_integer(&b, "ban_duration", record->until_s - record->created_s);
		builder_add_integer(&b, "time_remaining", record->until_s - told->now_s);
	}
	return builder_take(&b);
}

static json_t *listbanned(struct rpc_call *call)
{
	struct told_bans *told = calloc(1, sizeof(*told));
	struct stream_list list = {.user = told, .item = describe_ban, .free_user = told_bans_free};

	if (!told)
		return NULL;
	told->now_s = clock_real_s();
	list.count = ban_list_in_force(net_bans(node_net(call->user)), &told->records, told->now_s);
	if (list.count > 0)
		qsort(told->records, list.count, sizeof(told->records[0]), compare_bans);
	return stream_answer(call, &list);
}

static json_t *clearbanned(struct rpc_call *call)
{
	size_t count = ban_list_clear(net_bans(node_net(call->user)), clock_real_s());

	log_info(LOG_NET, "All bans (%zu) are lifted, by the operator", count);
	return json_null();
}

/* ---- setnetworkactive, getnodeaddresses ---- */

static json_t *setnetworkactive(struct rpc_call *call)
{
	struct net *net = node_net(call->user);

	net_set_active(net, rpc_arg_bool(call, 0));
	return json_boolean(net_is_active(net));
}

static json_t *describe_address(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct address_info *info = (const struct address_info *)user + index;
	char text[NET_IP_TEXT_SIZE];
	struct builder b;

	(void)key;
	net_ip_text(text, &info->addr.ip);
	builder_init(&b);
	if (info->last_ready_s > 0)
		builder_add_integer(&b, "time", info->last_ready_s);
	builder_add_text(&b, "address", text);
	builder_add_u64(&b, "port", info->addr.port);
	builder_add_text(&b, "network", net_ip_is_v4(&info->addr.ip) ? "ipv4" : "ipv6");
	return builder_take(&b);
}

static json_t *getnodeaddresses(struct rpc_call *call)
{
	struct address_info *infos;
	size_t known = address_book_infos(net_addresses(node_net(call->user)), &infos), usable = 0;
	size_t wanted = (size_t)rpc_arg_integer(call, 0);
	struct stream_list list = {.user = infos, .item = describe_address, .free_user = free};

	for (size_t i = 0; i < known; i++) {
		if (infos[i].dialable)
			infos[usable++] = infos[i];
	}
	if (wanted == 0 || wanted > usable)
		wanted = usable;
	/* So many of them, drawn without putting back. */
	for (size_t i = 0; i < wanted; i++) {
		size_t drawn = i + randombytes_uniform((uint32_t)(usable - i));
		struct address_info one = infos[drawn];

		infos[drawn] = infos[i];
		infos[i] = one;
	}
	list.count = wanted;
	return stream_answer(call, &list);
}

/* ---- the table ---- */

static const struct rpc_param addnode_params[] = {
	{.name = "node",
	 .types = RPC_TYPE_STRING,
	 .required = true,
	 .about = "IP or IP:PORT; without a port that of the network.  Names are not resolved"},
	{.name = "command", .types = RPC_TYPE_STRING, .required = true, .about = "add, remove or onetry"},
};

static const struct rpc_param added_params[] = {
	{.name = "node", .types = RPC_TYPE_STRING, .about = "only this one, IP or IP:PORT"},
};

static const struct rpc_param disconnect_params[] = {
	{.name = "address", .types = RPC_TYPE_STRING, .about = "IP or IP:PORT of the peer"},
	{.name = "nodeid",
	 .types = RPC_TYPE_INTEGER,
	 .min = 1,
	 .max = INT64_MAX,
	 .about = "number of the connection, from getpeerinfo"},
};

static const struct rpc_param setban_params[] = {
	{.name = "ip",
	 .types = RPC_TYPE_STRING,
	 .required = true,
	 .about = "whom; the peer is known by its IP, so whole subnets cannot be banned"},
	{.name = "command", .types = RPC_TYPE_STRING, .required = true, .about = "add or remove"},
	{.name = "seconds",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "0",
	 .min = 0,
	 .max = BAN_MAX_S,
	 .about = "for how long, or with absolute until when; 0: a day"},
	{.name = "absolute",
	 .types = RPC_TYPE_BOOL,
	 .default_text = "false",
	 .about = "seconds is a time in Unix seconds"},
};

static const struct rpc_param active_params[] = {
	{.name = "state", .types = RPC_TYPE_BOOL, .required = true, .about = "true: on, false: off"},
};

static const struct rpc_param addresses_params[] = {
	{.name = "count",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "1",
	 .min = 0,
	 .max = INT32_MAX,
	 .about = "so many, at most, drawn at random; 0: all"},
};

static const struct rpc_method methods[] = {
	{
		.name = "addnode",
		.about = "Governs which nodes are dialled because the operator says so.\n"
			 "add: it is dialled now and whenever it is not connected, uses a slot kept for such nodes, "
			 "and is never given up.\n"
			 "remove: that ends; its connection stays, as that of a node that was learnt.\n"
			 "onetry: it is dialled once.\n"
			 "What is added here lasts until the daemon stops; network.bootstrap_peers and --connect name "
			 "nodes for every start.",
		.params = addnode_params,
		.param_count = sizeof(addnode_params) / sizeof(addnode_params[0]),
		.result = "null",
		.example = "[\"203.0.113.7\", \"add\"]",
		RPC_ERRORS(
			{RPC_INVALID_PARAMETER, "node is no address that can be dialled, or there is no such command"},
			{RPC_CLIENT_NODE_ALREADY_ADDED, "it is added already"},
			{RPC_CLIENT_NODE_NOT_ADDED, "it is to be removed, and has not been added"},
			{RPC_MISC_ERROR, "onetry: the network is off, the node is banned, or there is no room"}),
		.run = addnode,
	},
	{
		.name = "getaddednodeinfo",
		.about = "Lists the nodes that were added: by the configuration, on the command line, or by addnode.",
		.params = added_params,
		.param_count = sizeof(added_params) / sizeof(added_params[0]),
		.result = "[\n"
			  "  {\n"
			  "    \"addednode\": text,           address and port that are dialled\n"
			  "    \"connected\": boolean,        there is a connection\n"
			  "    \"addresses\": [               that connection\n"
			  "      { \"address\": text, \"connected\": \"inbound\" or \"outbound\" }\n"
			  "    ],\n"
			  "    \"failures\": n,               dials that failed in a row\n"
			  "    \"nextdial\": n                seconds until it is dialled next\n"
			  "  }, ...\n"
			  "]",
		RPC_ERRORS({RPC_INVALID_PARAMETER, "node is no IP or IP:PORT"},
			   {RPC_CLIENT_NODE_NOT_ADDED, "it has not been added"}),
		.run = getaddednodeinfo,
	},
	{
		.name = "disconnectnode",
		.about = "Ends a connection, named by its address or by its number.  It is not dialled for five "
			 "minutes; it may dial us (setban is against that).",
		.params = disconnect_params,
		.param_count = sizeof(disconnect_params) / sizeof(disconnect_params[0]),
		.result = "null",
		.example = "[\"203.0.113.7\"]",
		RPC_ERRORS({RPC_INVALID_PARAMETER, "address is no IP or IP:PORT"},
			   {RPC_CLIENT_NODE_NOT_CONNECTED, "there is no such connection"}),
		.run = disconnectnode,
	},
	{
		.name = "setban",
		.about = "Bans an address, or ends a ban, whoever made it.  A connection with a banned address ends at "
			 "once, and it is neither dialled nor accepted.  Bans outlast a restart.  A ban of the "
			 "operator takes the place of one for violations, and further violations do not change it.",
		.params = setban_params,
		.param_count = sizeof(setban_params) / sizeof(setban_params[0]),
		.result = "null",
		.example = "[\"203.0.113.7\", \"add\", 86400]",
		RPC_ERRORS(
			{RPC_CLIENT_INVALID_IP_OR_SUBNET, "ip is no IP, or its ban is to be removed and there is none"},
			{RPC_INVALID_PARAMETER, "there is no such command, or the ban would end in the past"},
			{RPC_CLIENT_NODE_ALREADY_ADDED, "the operator has banned it already"}),
		.run = setban,
	},
	{
		.name = "listbanned",
		.about = "Lists the bans in force.",
		.result = "[                                by address\n"
			  "  {\n"
			  "    \"address\": text,             the IP\n"
			  "    \"reason\": text,              manual, or violations\n"
			  "    \"violations\": n,             counted against it\n"
			  "    \"ban_created\": n,            when it began, Unix seconds\n"
			  "    \"permanent\": boolean,        it does not end by itself: then without the rest\n"
			  "    \"banned_until\": n,           when it ends, Unix seconds\n"
			  "    \"ban_duration\": n,           seconds in all\n"
			  "    \"time_remaining\": n          seconds from now\n"
			  "  }, ...\n"
			  "]",
		.run = listbanned,
	},
	{
		.name = "clearbanned",
		.about = "Ends all bans, those for violations too.",
		.result = "null",
		.run = clearbanned,
	},
	{
		.name = "setnetworkactive",
		.about = "Switches the network off or on.  While it is off every connection is closed, and none is "
			 "dialled or accepted.  A start begins with it on.",
		.params = active_params,
		.param_count = sizeof(active_params) / sizeof(active_params[0]),
		.result = "boolean                          what holds now",
		.example = "[false]",
		.run = setnetworkactive,
	},
	{
		.name = "getnodeaddresses",
		.about = "Tells addresses of other nodes that this one knows and would dial.",
		.params = addresses_params,
		.param_count = sizeof(addresses_params) / sizeof(addresses_params[0]),
		.result =
			"[\n"
			"  {\n"
			"    \"time\": n,                   when it was last connected, Unix seconds; left out: never\n"
			"    \"address\": text,             its IP\n"
			"    \"port\": n,\n"
			"    \"network\": text              ipv4 or ipv6\n"
			"  }, ...\n"
			"]",
		.example = "[8]",
		.run = getnodeaddresses,
	},
};

const struct rpc_group methods_network_control = {
	.name = "Network control",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
