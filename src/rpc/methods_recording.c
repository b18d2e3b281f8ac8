// SPDX-License-Identifier: MIT
/* recordwire: what goes by between this node and one peer, for reports and tests; timed/net/wire_record.h does it. */
#include <stdio.h>
#include <string.h>

#include "timed/net/wire_record.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/network_call.h"

/* How long a call may hold up its thread for the disk; then it waits without one, for this long in all. */
#define WAIT_HERE_MS 100
#define WAIT_MS 10000

static json_t *record_on(struct rpc_call *call, const struct net_ip *ip)
{
	uint64_t max_bytes = (uint64_t)rpc_arg_integer(call, 2) * 1000000;
	char directory[WIRE_RECORD_PATH_SIZE], path[WIRE_RECORD_PATH_SIZE], text[NET_IP_TEXT_SIZE];
	struct builder b;
	int r = snprintf(directory, sizeof(directory), "%s/recordings", node_data_dir(call->user));

	if (r < 0 || (size_t)r >= sizeof(directory))
		return rpc_fail(call, RPC_MISC_ERROR, "the path of the data directory is too long");
	net_ip_text(text, ip);
	r = net_record_on(node_net(call->user), ip, directory, max_bytes, path);
	if (r == WIRE_RECORD_E_EXISTS)
		return rpc_fail(call, RPC_MISC_ERROR, "%s is being recorded to %s", text, path);
	if (r == WIRE_RECORD_E_MANY)
		return rpc_fail(call, RPC_MISC_ERROR, "%d recordings have not been switched off", WIRE_RECORD_MAX);
	if (r)
		return rpc_fail(call, RPC_MISC_ERROR, "no file in %s: %s", directory, strerror(-r));
	builder_init(&b);
	builder_add_text(&b, "ip", text);
	builder_add_bool(&b, "recording", true);
	builder_add_text(&b, "file", path);
	builder_add_u64(&b, "max_bytes", max_bytes);
	return builder_take(&b);
}

static json_t *record_off(struct rpc_call *call, const struct net_ip *ip)
{
	struct wire_record_result result;
	char text[NET_IP_TEXT_SIZE];
	struct builder b;
	int r = net_record_off(node_net(call->user), ip, WAIT_HERE_MS, &result);

	net_ip_text(text, ip);
	if (r == WIRE_RECORD_E_NONE)
		return rpc_fail(call, RPC_MISC_ERROR, "%s is not being recorded", text);
	if (r && call->waited_ms != RPC_NO_WAIT && call->waited_ms < WAIT_MS)
		return rpc_later(call);
	if (r)
		return rpc_fail(call, RPC_MISC_ERROR, "the recording has ended, its file is still being written");
	builder_init(&b);
	builder_add_text(&b, "ip", text);
	builder_add_bool(&b, "recording", false);
	builder_add_text(&b, "file", result.path);
	builder_add_text(&b, "reason", wire_record_end_name(result.end));
	builder_add_u64(&b, "lines", result.lines);
	builder_add_u64(&b, "bytes", result.bytes);
	builder_add_u64(&b, "lost_bytes", result.lost);
	return builder_take(&b);
}

static json_t *recordwire(struct rpc_call *call)
{
	const char *command = rpc_arg_string(call, 1);
	struct net_ip ip;

	if (!network_arg_ip(call, &ip, 0))
		return NULL;
	if (strcmp(command, "on") == 0)
		return record_on(call, &ip);
	if (strcmp(command, "off") == 0)
		return record_off(call, &ip);
	return rpc_fail(call, RPC_INVALID_PARAMETER, "command must be on or off, not %.40s", command);
}

static const struct rpc_param record_params[] = {
	{.name = "ip", .types = RPC_TYPE_STRING, .required = true, .about = "of the peer, connected or not"},
	{.name = "command", .types = RPC_TYPE_STRING, .required = true, .about = "on or off"},
	{.name = "megabytes",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "64",
	 .min = 1,
	 .max = 100000,
	 .about = "the file gets no longer than that, and the recording ends there"},
};

static const struct rpc_method methods[] = {
	{
		.name = "recordwire",
		.about = "Writes every line that goes by between this node and a peer, in both directions, with its "
			 "time, to a file that only its owner may read, in the directory recordings of the data "
			 "directory.  It goes on when the peer reconnects, until it is switched off or the daemon "
			 "stops.  `timed-inspect replay` plays such a file against a node.  What the disk is too slow "
			 "for is left out and counted.",
		.params = record_params,
		.param_count = sizeof(record_params) / sizeof(record_params[0]),
		.result = "{\n"
			  "  \"ip\": text,                  of the peer\n"
			  "  \"recording\": boolean,        it is being recorded now\n"
			  "  \"file\": text,                path of the file\n"
			  "  \"max_bytes\": n,              on: its greatest length\n"
			  "  \"reason\": text,              off: stopped, or why it had ended before: full, memory, failed\n"
			  "  \"lines\": n,                  off: lines that went by and are in it\n"
			  "  \"bytes\": n,                  off: its length\n"
			  "  \"lost_bytes\": n              off: what went by and is not in it\n"
			  "}",
		.example = "[\"203.0.113.7\", \"on\"]",
		RPC_ERRORS({RPC_CLIENT_INVALID_IP_OR_SUBNET, "ip is no IP"},
			   {RPC_INVALID_PARAMETER, "there is no such command"},
			   {RPC_MISC_ERROR, "on: it is being recorded already, too many are, or the file cannot be made; "
					    "off: it is not being recorded, or the disk hangs"}),
		.run = recordwire,
	},
};

const struct rpc_group methods_recording = {
	.name = "Recording",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
