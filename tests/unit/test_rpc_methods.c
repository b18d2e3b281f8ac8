// SPDX-License-Identifier: MIT
/* The methods about masternodes, the network and the daemon itself, and starting the RPC by configuration, over a
 * made-up node.  The methods of the chain are in test_rpc_chain.c. */
#include "timed/rpc/rpc.h"

#include "rpc_call.h"
#include "run_suite.h"
#include "timed/rpc/value.h"
#include "timed/util/log.h"

static char user[] = "user";
static char colon[] = "us:er";
static char password[] = "password";

/* ---- methods */

static const struct masternode_info masternodes[] = {
    {.address = "10.0.0.10", .reward_address = "TIME0a", .tier = WIRE_TIER_FREE, .active = true, .last_heard_s = 7},
    {.address = "10.0.0.9",
     .reward_address = "\x1b[31m\"\\\xff\xc3\xed\xa0\x80\xe2\x82",
     .tier = WIRE_TIER_GOLD,
     .own = true,
     .last_heard_s = 8},
};

/* Addresses that a peer made up come out as valid JSON, whatever bytes they hold. */
START_TEST(masternodelist)
{
	json_t *list, *one;

	node.masternodes = masternodes;
	node.masternode_count = 2;
	list = call("masternodelist");
	expect_keys(list, "masternodes total active");
	expect_integer(list, "total", 2);
	expect_integer(list, "active", 1);
	one = json_array_get(json_object_get(list, "masternodes"), 0);
	expect_keys(one, "address wallet_address tier public_key is_active is_own last_heartbeat collateral "
			 "registered_at uptime_start total_uptime");
	expect_integer(one, "collateral", 0);
	expect_text(one, "address", "10.0.0.10");
	expect_text(one, "tier", "Free");
	expect_integer(one, "last_heartbeat", 7);
	ck_assert(json_is_true(json_object_get(one, "is_active")));
	ck_assert(json_is_false(json_object_get(one, "is_own")));
	one = json_array_get(json_object_get(list, "masternodes"), 1);
	expect_text(one, "tier", "Gold");
	expect_integer(one, "collateral", 100000);
	expect_text(one, "wallet_address",
		    "\x1b[31m\"\\\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	ck_assert(json_is_true(json_object_get(one, "is_own")));
	json_decref(list);
	node.masternode_count = 0;
	list = call("masternodelist");
	ck_assert_uint_eq(json_array_size(json_object_get(list, "masternodes")), 0);
	json_decref(list);
}
END_TEST

static const struct attestation_past heartbeats[] = {
    {.sequence = UINT64_MAX, .timestamp = 1764547300, .witnesses = 1},
    {.sequence = 41, .timestamp = 1764547240, .witnesses = 3, .verified = true},
    {.sequence = 40, .timestamp = 1764547180},
};
static const struct attestation_status last_heartbeat = {.sequence = UINT64_MAX, .heartbeats_verified = 17};
static const struct attestation_status earlier_heartbeat = {.sequence = 41, .heartbeats_verified = 17};

START_TEST(masternodestatus)
{
	json_t *status;

	status = call("masternodestatus");
	expect_keys(status, "status is_active");
	expect_text(status, "status", "not a masternode");
	json_decref(status);

	node.masternodes = masternodes;
	node.masternode_count = 1;
	status = call("masternodestatus");
	expect_text(status, "status", "not a masternode");
	json_decref(status);

	node.masternode_count = 2;
	node.uptime_ms = 566999;
	status = call("masternodestatus");
	expect_keys(status, "status is_active address reward_address tier public_key total_uptime last_heartbeat");
	expect_text(status, "status", "inactive");
	expect_text(status, "address", "10.0.0.9");
	expect_text(status, "tier", "Gold");
	expect_integer(status, "total_uptime", 566);
	ck_assert(json_is_null(json_object_get(status, "last_heartbeat")));
	json_decref(status);

	node.heartbeat = &last_heartbeat;
	node.heartbeats = heartbeats + 1;
	node.heartbeat_count = 2;
	status = call("masternodestatus");
	expect_integer(json_object_get(status, "last_heartbeat"), "timestamp", 1764547240);
	json_decref(status);
}
END_TEST

START_TEST(getattestationstats)
{
	struct node_heartbeat_stats stats = {.made = 5, .attested = 6, .bad_signatures = 7};
	json_t *answer, *refused;
	char *text;

	node.heartbeat_stats = &stats;
	answer = call("getattestationstats");
	ck_assert(json_number_value(json_object_get(answer, "verification_rate")) == 0.0);
	json_decref(answer);

	stats.of_all = (struct attestation_stats){
	    .masternodes = 4, .verified = 3, .heartbeats = 40, .heartbeats_verified = 10, .attestations = 90};
	stats.of_all.refused[ATTESTATION_E_SOON] = 2;
	answer = call("getattestationstats");
	expect_keys(answer, "unique_masternodes verified_heartbeats pending_heartbeats total_heartbeats "
			    "total_verified_count verification_rate attestations own_heartbeats own_attestations refused");
	expect_integer(answer, "unique_masternodes", 4);
	expect_integer(answer, "verified_heartbeats", 3);
	expect_integer(answer, "pending_heartbeats", 1);
	expect_integer(answer, "total_heartbeats", 40);
	expect_integer(answer, "total_verified_count", 10);
	ck_assert(json_number_value(json_object_get(answer, "verification_rate")) == 25.0);
	stats.of_all.heartbeats = 3;
	stats.of_all.heartbeats_verified = 2;
	text = call_text("getattestationstats", "[]");
	ck_assert_ptr_nonnull(strstr(text, "\"verification_rate\":66.66,"));
	free(text);
	expect_integer(answer, "attestations", 90);
	expect_integer(answer, "own_heartbeats", 5);
	expect_integer(answer, "own_attestations", 6);
	refused = json_object_get(answer, "refused");
	expect_keys(refused, "address window key sequence soon full unknown self known signature");
	expect_integer(refused, "soon", 2);
	expect_integer(refused, "signature", 7);
	json_decref(answer);
}
END_TEST

START_TEST(getheartbeathistory)
{
	json_t *answer, *list, *one;
	char *text;

	answer = call_with("getheartbeathistory", "[\"10.0.0.9\"]");
	expect_keys(answer, "address latest_sequence total_verified_heartbeats recent_heartbeats");
	ck_assert(json_is_null(json_object_get(answer, "latest_sequence")));
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "recent_heartbeats")), 0);
	json_decref(answer);

	node.heartbeat = &last_heartbeat;
	node.heartbeats = heartbeats;
	node.heartbeat_count = 3;
	text = call_text("getheartbeathistory", "[\"10.0.0.9\", 1]");
	ck_assert_ptr_nonnull(strstr(text, "\"latest_sequence\":18446744073709551615"));
	ck_assert_ptr_nonnull(strstr(text, "\"sequence\":18446744073709551615"));
	free(text);
	node.heartbeat = &earlier_heartbeat;
	node.heartbeats++;
	node.heartbeat_count = 2;
	answer = call_with("getheartbeathistory", "[\"::ffff:10.0.0.9\", 60]");
	expect_text(answer, "address", "10.0.0.9");
	expect_integer(answer, "latest_sequence", 41);
	expect_integer(answer, "total_verified_heartbeats", 17);
	list = json_object_get(answer, "recent_heartbeats");
	ck_assert_uint_eq(json_array_size(list), 2);
	one = json_array_get(list, 0);
	expect_keys(one, "sequence timestamp witnesses verified");
	expect_integer(one, "sequence", 41);
	expect_integer(one, "timestamp", 1764547240);
	expect_integer(one, "witnesses", 3);
	ck_assert(json_is_true(json_object_get(one, "verified")));
	ck_assert(json_is_false(json_object_get(json_array_get(list, 1), "verified")));
	json_decref(answer);
	expect_error("getheartbeathistory", "[\"nobody\"]", RPC_INVALID_ADDRESS_OR_KEY,
		     "A masternode's address is its IP");
}
END_TEST

/* Evidence is told as it was signed: no number of it changes. */
START_TEST(getconsensusinfo)
{
	static char first[] = "{\"BlockVote\":{\"height\":9007199254740993,\"round\":18446744073709551615}}",
		    second[] = "no JSON, and no UTF-8: \xff";
	static const struct consensus_evidence evidence = {.at_s = 7, .first = first, .second = second};
	char *text, expected[256];

	node.evidence = &evidence;
	node.evidence_count = 1;
	text = call_text("getconsensusinfo", "[]");
	snprintf(expected, sizeof(expected),
		 "\"evidence\":[{\"time\":7,\"first\":%s,\"second\":\"no JSON, and no UTF-8: \xef\xbf\xbd\"}]", first);
	ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
	free(text);
}
END_TEST

/* A peer of which all is known, and one of which nothing is. */
START_TEST(getpeerinfo)
{
	static struct peer_info peers[2];
	char *text;
	json_t *list, *peer;

	peers[0] = (struct peer_info){.id = 3,
				      .ip = "10.0.0.9",
				      .direction = PEER_OUTBOUND,
				      .manual = true,
				      .node_id = "0123456789abcdef0123456789abcdef",
				      .subver = "0.1.0\x07",
				      .version = 1,
				      .state = PEER_READY,
				      .connected_s = 1000,
				      .last_send_s = 1001,
				      .last_recv_s = 1002,
				      .bytes_sent = UINT64_MAX,
				      .bytes_received = 6,
				      .ping_us = 1500,
				      .min_ping_us = 999,
				      .ping_wait_ms = 1250,
				      .time_offset_s = -3,
				      .has_time_offset = true,
				      .starting_height = 10,
				      .height = UINT64_MAX,
				      .has_height = true,
				      .best_hash = {{0xbe, [31] = 0x57}},
				      .missed_pongs = 1,
				      .violations = 2,
				      .addresses_processed = 4,
				      .addresses_limited = 5,
				      .send_queue_bytes = 77};
	peers[0].sent_per_type[WIRE_PING] = 60;
	ck_assert_int_eq(net_addr_parse(&peers[0].addr, "10.0.0.9:24100", 14, 0), 0);
	ck_assert_int_eq(net_addr_parse(&peers[0].bound, "[2001:db8::1]:5", 15, 0), 0);
	peers[1] = (struct peer_info){.id = 4,
				      .ip = "10.0.0.8",
				      .direction = PEER_INBOUND,
				      .state = PEER_READY,
				      .ping_us = -1,
				      .min_ping_us = -1,
				      .ping_wait_ms = -1};
	node.peers = peers;
	node.peer_count = 2;
	node.masternodes = masternodes;
	node.masternode_count = 2;
	text = call_text("getpeerinfo", "[]");
	ck_assert_ptr_nonnull(strstr(text, "\"pingtime\":0.001500,\"minping\":0.000999,\"pingwait\":1.250,"));
	ck_assert_ptr_nonnull(strstr(text, "\"bytessent\":18446744073709551615,"));
	ck_assert_ptr_nonnull(strstr(text, "\"height\":18446744073709551615,"));
	free(text);
	peers[0].bytes_sent = 5;
	peers[0].height = 12;
	list = call("getpeerinfo");
	ck_assert_uint_eq(json_array_size(list), 2);
	peer = json_array_get(list, 0);
	expect_keys(peer, "id addr ip addrbind inbound connection_type state active services lastseen conntime version "
			  "subver node_id startingheight "
			  "height bestblockhash timeoffset pingtime minping pingwait missed_pongs lastsend lastrecv "
			  "bytessent bytesrecv "
			  "bytessent_per_msg bytesrecv_per_msg sendqueue_bytes addr_processed addr_rate_limited "
			  "is_masternode tier violations");
	expect_text(peer, "addr", "10.0.0.9:24100");
	expect_text(peer, "addrbind", "[2001:db8::1]:5");
	expect_text(peer, "connection_type", "manual");
	expect_text(peer, "state", "ready");
	expect_text(peer, "subver", "0.1.0\x07");
	expect_text(peer, "tier", "Gold");
	expect_text(peer, "bestblockhash", "be00000000000000000000000000000000000000000000000000000000000057");
	expect_integer(peer, "timeoffset", -3);
	expect_integer(peer, "startingheight", 10);
	expect_integer(peer, "sendqueue_bytes", 77);
	expect_integer(json_object_get(peer, "bytessent_per_msg"), "Ping", 60);
	ck_assert_uint_eq(json_object_size(json_object_get(peer, "bytessent_per_msg")), 1);
	peer = json_array_get(list, 1);
	expect_keys(peer,
		    "id addr ip addrbind inbound connection_type state active services lastseen conntime missed_pongs "
		    "lastsend lastrecv bytessent "
		    "bytesrecv bytessent_per_msg bytesrecv_per_msg sendqueue_bytes addr_processed addr_rate_limited "
		    "is_masternode violations");
	expect_text(peer, "connection_type", "inbound");
	ck_assert(json_is_true(json_object_get(peer, "inbound")));
	ck_assert(json_is_false(json_object_get(peer, "is_masternode")));
	json_decref(list);
}
END_TEST

/* Who announces another key than the one known for its IP is not that masternode. */
START_TEST(getpeerinfo_of_a_disputed_key)
{
	static struct peer_info one = {.ip = "10.0.0.9", .state = PEER_READY, .key_disputed = true};
	json_t *list;

	node.peers = &one;
	node.peer_count = 1;
	node.masternodes = masternodes;
	node.masternode_count = 2;
	list = call("getpeerinfo");
	ck_assert(json_is_false(json_object_get(json_array_get(list, 0), "is_masternode")));
	ck_assert_ptr_null(json_object_get(json_array_get(list, 0), "tier"));
	json_decref(list);
}
END_TEST

START_TEST(uptime)
{
	char *text;

	node.uptime_ms = 566999;
	text = call_text("uptime", "[]");
	ck_assert_str_eq(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":566}");
	free(text);
}
END_TEST

/* `stop` only answers; the stopping is what is to be done afterwards. */
START_TEST(stop)
{
	static const char request[] = "{\"id\":1,\"method\":\"stop\"}";
	struct dispatch_answer answer;

	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), RPC_NO_WAIT), 0);
	buf_append_byte(&answer.body, 0);
	ck_assert_str_eq((char *)answer.body.data, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"timed stopping\"}");
	ck_assert_int_eq(node.stops, 0);
	answer.after(table.user);
	ck_assert_int_eq(node.stops, 1);
	ck_assert_int_eq(node.exit_code, 0);
	dispatch_answer_free(&answer);
}
END_TEST

START_TEST(help)
{
	char *text = call_text("help", "[]");

	ck_assert_ptr_nonnull(strstr(text, "== Control ==\\nhelp ( method json )\\nlogging ( include exclude )\\ngetmemoryinfo\\nstop\\nuptime\\n"));
	free(text);
	text = call_text("help", "[\"getpeerinfo\"]");
	ck_assert_ptr_nonnull(strstr(text, "\"addr_rate_limited\\\": n"));
	free(text);
	text = call_text("help", "[\"help\",true]");
	ck_assert_ptr_nonnull(strstr(text, "\"result\":[{\"group\":\"Control\",\"name\":\"help\""));
	free(text);
	text = call_text("help", "[\"nosuch\"]");
	ck_assert_ptr_nonnull(strstr(text, "\"code\":-8,\"message\":\"there is no method nosuch\""));
	free(text);
}
END_TEST

/* Categories are named, with a level or without; all at once; and nothing changes when anything is wrong. */
START_TEST(logging)
{
	json_t *levels = call("logging");

	expect_keys(levels, "node net heartbeat wire masternode chain consensus mempool rpc");
	expect_text(levels, "net", "info");
	json_decref(levels);
	levels = call_with("logging", "[[\"net\",\"wire=trace\"],[\"heartbeat\",\"chain=error\"]]");
	expect_text(levels, "net", "debug");
	expect_text(levels, "wire", "trace");
	expect_text(levels, "heartbeat", "warn");
	expect_text(levels, "chain", "error");
	expect_text(levels, "rpc", "info");
	json_decref(levels);
	ck_assert(log_enabled(LOG_NET, LOG_LEVEL_DEBUG) && !log_enabled(LOG_HEARTBEAT, LOG_LEVEL_INFO));
	expect_error("logging", "[[\"all\",\"nets\"]]", -8, "there is no category of the log in \"nets\"");
	expect_error("logging", "[[\"all=loud\"]]", -8, "there is no level in \"all=loud\"");
	expect_error("logging", "[[],[\"net\",7]]", -3, "a category must be of type string");
	expect_error("logging", "[[7.5]]", -3, "a category must be of type string");
	expect_error("logging", "[[\"\"]]", -8, "there is no category of the log in \"\"");
	levels = call_with("logging", "{\"exclude\":[\"all=info\"]}");
	expect_text(levels, "net", "info");
	expect_text(levels, "chain", "info");
	json_decref(levels);
}
END_TEST

START_TEST(getmemoryinfo)
{
	json_t *memory, *part;

	node.memory = (struct node_memory){.resident = 10,
					   .resident_peak = 11,
					   .locked = 12,
					   .locked_limit = 20,
					   .budget_used = 6,
					   .budget_limit = 100,
					   .budget_users = {1, 2, 3},
					   .pool_used = 7,
					   .store = {.cache = 5, .memtables = 9}};
	memory = call("getmemoryinfo");
	expect_keys(memory, "locked resident heap budget pool database");
	part = json_object_get(memory, "locked");
	expect_keys(part, "used free total locked");
	expect_integer(part, "free", 8);
	expect_integer(json_object_get(memory, "resident"), "peak", 11);
	part = json_object_get(memory, "budget");
	expect_keys(part, "used limit connections messages frames");
	expect_integer(part, "connections", 1);
	expect_integer(part, "frames", 3);
	expect_integer(json_object_get(memory, "pool"), "used", 7);
	expect_integer(json_object_get(memory, "database"), "cache", 5);
	json_decref(memory);
	node.memory.locked_limit = UINT64_MAX;
	memory = call("getmemoryinfo");
	expect_keys(json_object_get(memory, "locked"), "used locked");
	json_decref(memory);
}
END_TEST

static void check_method(const struct rpc_method *method)
{
	struct rpc_error errors[RPC_MAX_ERRORS];
	char why[VALUE_WHY_SIZE];
	bool optional = false;
	json_t *value;

	ck_assert_ptr_nonnull(method->about);
	ck_assert_ptr_nonnull(method->result);
	ck_assert_uint_le(method->param_count, RPC_MAX_PARAMS);
	ck_assert_ptr_eq(rpc_table_find(&table, method->name), method); /* so no name is there twice */
	for (size_t i = 0; i < method->param_count; i++) {
		const struct rpc_param *param = &method->params[i];

		ck_assert_uint_ne(param->types, 0);
		ck_assert_ptr_nonnull(param->about);
		ck_assert(!param->required || !optional);
		optional |= !param->required;
		if (param->default_text) {
			ck_assert_int_eq(value_parse(&value, why, param->default_text, strlen(param->default_text)), 0);
			json_decref(value);
		}
	}
	if (method->example) {
		ck_assert_int_eq(value_parse(&value, why, method->example, strlen(method->example)), 0);
		ck_assert(json_is_array(value));
		ck_assert_uint_le(json_array_size(value), method->param_count);
		json_decref(value);
	}
	for (size_t i = 0; i < method->error_count; i++) {
		ck_assert_ptr_nonnull(method->errors[i].when);
		ck_assert_int_lt(method->errors[i].code, 0);
	}
	ck_assert_uint_gt(rpc_method_errors(errors, method), method->error_count);
}

/* What the code relies on in every entry of the table. */
START_TEST(table_is_consistent)
{
	for (size_t g = 0; g < table.group_count; g++) {
		for (size_t m = 0; m < table.groups[g]->method_count; m++)
			check_method(&table.groups[g]->methods[m]);
	}
}
END_TEST

/* ---- starting */

/* While the node starts no method runs, known or not, and each says how far the start is. */
START_TEST(a_node_that_starts)
{
	static const char step[] = "Rebuilding the indexes: block 7 of 9";

	node.starting = step;
	expect_error("getblockcount", "[]", RPC_IN_WARMUP, step);
	expect_error("stop", "[]", RPC_IN_WARMUP, step);
	expect_error("nothing", "[]", RPC_IN_WARMUP, step);
	ck_assert_int_eq(node.stops, 0);
	node.starting = NULL;
	json_decref(call("getblockcount"));
}
END_TEST

static void expect_refused(int code, const char *why)
{
	char error[RPC_ERROR_SIZE];
	struct rpc *rpc;

	ck_assert_int_eq(rpc_start(&rpc, &node, error), code);
	ck_assert_ptr_null(rpc);
	ck_assert_msg(strstr(error, why) != NULL, "%s", error);
}

START_TEST(configurations_that_are_refused)
{
	struct net_addr *listen = &node.config.rpc.listen_address;

	ck_assert_int_eq(net_addr_parse(listen, "0.0.0.0", 7, 0), 0);
	expect_refused(2, "rpc.listen_address 0.0.0.0 can be reached from other machines");
	ck_assert_int_eq(net_addr_parse(listen, "[::]", 4, 0), 0);
	expect_refused(2, "rpc.listen_address :: can be reached");
	ck_assert_int_eq(net_addr_parse(listen, "127.0.0.1", 9, 0), 0);
	node.config.rpc.user = user;
	expect_refused(2, "rpc.user and rpc.password: set both or neither");
	node.config.rpc.password = password;
	node.config.rpc.user = colon;
	expect_refused(2, "rpc.user must not contain a colon");
	node.config.rpc.user = user;
	rmdir(node.dir);
	expect_refused(1, "/.cookie: No such file or directory");
	ck_assert_ptr_nonnull(mkdtemp(strcpy(node.dir, "/tmp/test_rpc_m.XXXXXX")));
	ck_assert_int_eq(net_addr_parse(listen, "192.0.2.1", 9, 0), 0);
	expect_refused(1, "cannot listen for RPC on 192.0.2.1:0: Cannot assign requested address");
}
END_TEST

/* Any loopback address, and every address once there is a password. */
START_TEST(configurations_that_are_accepted)
{
	char error[RPC_ERROR_SIZE], cookie[64];
	struct rpc *rpc;

	snprintf(cookie, sizeof(cookie), "%s/.cookie", node.dir);
	node.config.rpc.enabled = false;
	ck_assert_int_eq(rpc_start(&rpc, &node, error), 0);
	ck_assert_ptr_null(rpc);
	rpc_stop(rpc);
	node.config.rpc.enabled = true;
	ck_assert_int_eq(net_addr_parse(&node.config.rpc.listen_address, "127.0.0.2", 9, 0), 0);
	ck_assert_int_eq(rpc_start(&rpc, &node, error), 0);
	ck_assert_uint_ne(rpc_port(rpc), 0);
	ck_assert_int_eq(access(cookie, R_OK), 0);
	rpc_stop(rpc);
	ck_assert_int_eq(access(cookie, F_OK), -1);
	node.config.rpc.user = user;
	node.config.rpc.password = password;
	ck_assert_int_eq(net_addr_parse(&node.config.rpc.listen_address, "0.0.0.0", 7, 0), 0);
	ck_assert_int_eq(rpc_start(&rpc, &node, error), 0);
	rpc_stop(rpc);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_methods");
	TCase *methods = tcase_create("methods"), *starting = tcase_create("starting");

	tcase_add_checked_fixture(methods, node_setup, node_teardown);
	tcase_add_test(methods, masternodelist);
	tcase_add_test(methods, masternodestatus);
	tcase_add_test(methods, getattestationstats);
	tcase_add_test(methods, getheartbeathistory);
	tcase_add_test(methods, getconsensusinfo);
	tcase_add_test(methods, getpeerinfo);
	tcase_add_test(methods, getpeerinfo_of_a_disputed_key);
	tcase_add_test(methods, uptime);
	tcase_add_test(methods, stop);
	tcase_add_test(methods, help);
	tcase_add_test(methods, logging);
	tcase_add_test(methods, getmemoryinfo);
	tcase_add_test(methods, table_is_consistent);
	tcase_add_checked_fixture(starting, node_setup, node_teardown);
	tcase_add_test(starting, a_node_that_starts);
	tcase_add_test(starting, configurations_that_are_refused);
	tcase_add_test(starting, configurations_that_are_accepted);
	suite_add_tcase(suite, methods);
	suite_add_tcase(suite, starting);
	return run_suite(suite);
}
