// SPDX-License-Identifier: MIT
/* node/config: defaults, every kind of value, the messages with their places, what the network decides. */
#include "timed/node/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "scratch.h"
#include "timed/util/nearest.h"
#include "timeproto/base/arena.h"
#include "timeproto/chain/validators.h"

static struct config *config;
static struct config_messages messages;

static void reset(void)
{
	config_free(config);
	config = NULL;
	config_messages_free(&messages);
}

static int parse(const char *text)
{
	reset();
	return config_parse(&config, text, strlen(text), "f.toml", &messages);
}

/* All messages, one a line, warnings with a "~". */
static const char *said(void)
{
	static char text[8192];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < messages.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s\n",
					 messages.items[i].severity == CONFIG_WARNING ? "~" : "",
					 messages.items[i].text);
	return text;
}

static void assert_parses(const char *text)
{
	int r = parse(text);

	ck_assert_msg(r == 0, "%s", said());
}

static void assert_resolves(void)
{
	int r = config_resolve(config, &messages);

	ck_assert_msg(r == 0, "%s", said());
}

static const char *addr_text(const struct net_addr *addr)
{
	static char text[NET_ADDR_TEXT_SIZE];

	net_addr_text(text, addr);
	return text;
}

START_TEST(defaults_are_the_documented_ones)
{
	ck_assert_int_eq(config_default(&config), 0);
	ck_assert_str_eq(config->node.name, "TIME Coin Node");
	ck_assert_int_eq((int)config->node.network, CHAIN_TESTNET);
	ck_assert_uint_eq(config->network.max_peers, 50);
	ck_assert(config->network.enable_peer_discovery && !config->network.enable_upnp);
	ck_assert_uint_eq(config->network.bootstrap_peers.count, 0);
	ck_assert_uint_eq(config->storage.cache_size_mb, 256);
	ck_assert_int_eq((int)config->storage.backend, CONFIG_BACKEND_ROCKSDB);
	ck_assert_uint_eq(config->consensus.min_masternodes, 3);
	ck_assert_int_eq(config->consensus.quorum_percentage, 67);
	ck_assert_uint_eq(config->block.max_transactions_per_block, 10000);
	ck_assert_int_eq((int)config->logging.level, LOG_LEVEL_INFO);
	ck_assert(!config->masternode.enabled);
	ck_assert_int_eq((int)config->masternode.tier, WIRE_TIER_FREE);
	ck_assert(config->security.enable_rate_limiting);
	ck_assert_uint_eq(config->security.max_requests_per_second, 1000);
	ck_assert_uint_eq(config->metrics.prometheus_port, 9090);
	ck_assert_str_eq(config->rpc.password, "");
	ck_assert_int_eq(config->timers.ping_interval_ms, 30000);
	ck_assert_int_eq(config->timers.masternode_forget_ms, 3600000);
	ck_assert_int_eq(config->timers.tcp_keepalive_idle_s, 30);
	ck_assert_int_eq(config->timers.heartbeat_window_ms, 180000);
	ck_assert_int_eq(config->timers.tx_vote_ms, INT64_C(72) * 3600 * 1000);
	ck_assert_int_eq(config->timers.tx_lock_ms, 3600000);
	ck_assert_int_eq(config->timers.same_range_ms, 10000);
	ck_assert_int_eq(config->timers.clock_check_ms, 60000);
	ck_assert_uint_eq(config->limits.same_range_per_second, 10);
	ck_assert_uint_eq(config->limits.answer_bytes, 4194304);
	ck_assert_uint_eq(config->timers.reconnect_attempts_masternode, 20);
	ck_assert_uint_eq(config->limits.max_frame_bytes, 16777216);
	ck_assert_uint_eq(config->limits.memory_budget_bytes, 268435456);
	ck_assert_uint_eq(config->limits.subscribe_per_minute, 10);
	ck_assert_int_eq(config->limits.clock_skew_warn_s, 120);
	setenv("HOME", "/home/op", 1);
	assert_resolves();
	ck_assert_uint_eq(messages.count, 0);
	ck_assert_str_eq(addr_text(&config->network.listen_address), "0.0.0.0:24100");
	ck_assert_str_eq(addr_text(&config->rpc.listen_address), "127.0.0.1:24101");
	ck_assert_str_eq(config->storage.data_dir, "/home/op/.timecoin/testnet");
	ck_assert_uint_eq(config->block.block_time_seconds, 600);
	ck_assert_int_eq(config->consensus.step_timeout_ms, 10000);
	ck_assert_int_eq(config->consensus.repeat_ms, 5000);
	ck_assert_uint_eq(config->consensus.bft_from, 0);
	ck_assert_int_eq(config->logging.categories[LOG_NET], LOG_LEVEL_INFO);
	reset();
}
END_TEST

static char *printed(enum chain_network network)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	config_print_default(f, network);
	fclose(f);
	return text;
}

/* What a text of defaults parses to must be the defaults: compared through the field's own text. */
START_TEST(generated_file_is_read_without_a_message_and_says_the_defaults)
{
	struct config *defaults;
	char *text = printed(CHAIN_TESTNET);

	assert_parses(text);
	ck_assert_msg(messages.count == 0, "%s", said());
	ck_assert_int_eq(config_default(&defaults), 0);
	ck_assert_mem_eq(&config->timers, &defaults->timers, sizeof(config->timers));
	ck_assert_mem_eq(&config->limits, &defaults->limits, sizeof(config->limits));
	ck_assert_str_eq(config->logging.file_path, defaults->logging.file_path);
	ck_assert_uint_eq(config->block.block_time_seconds, 600);
	ck_assert_ptr_nonnull(strstr(text, "\n[timers]\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nping_interval_ms = 30000\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nbootstrap_peers = []\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n# voting_timeout_ms = 3000\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n[logging.categories]\n"));
	config_free(defaults);
	free(text);
	reset();
}
END_TEST

START_TEST(generated_file_for_a_devnet_has_its_values)
{
	char *text = printed(CHAIN_DEVNET);

	assert_parses(text);
	ck_assert_int_eq((int)config->node.network, CHAIN_DEVNET);
	assert_resolves();
	ck_assert_uint_eq(config->block.block_time_seconds, 2);
	ck_assert_uint_eq(config->network.port, 24200);
	free(text);
	reset();
}
END_TEST

/* The names and values that the existing daemon writes by default, in its order. */
static const char existing[] = "[node]\nname = \"TIME Coin Node\"\nversion = \"0.1.0\"\nnetwork = \"testnet\"\n"
			       "[network]\nlisten_address = \"0.0.0.0\"\nmax_peers = 50\nenable_upnp = true\n"
			       "enable_peer_discovery = true\nbootstrap_peers = []\n"
			       "[rpc]\nenabled = true\nlisten_address = \"127.0.0.1\"\n"
			       "allow_origins = [\"http://localhost:3000\"]\n"
			       "[storage]\nbackend = \"sled\"\ndata_dir = \"\"\ncache_size_mb = 256\n"
			       "[consensus]\nvoting_timeout_ms = 3000\nmin_masternodes = 3\nquorum_percentage = 67\n"
			       "[block]\nblock_time_seconds = 600\nmax_block_size_kb = 1024\n"
			       "max_transactions_per_block = 10000\n"
			       "[logging]\nlevel = \"info\"\nformat = \"pretty\"\noutput = \"stdout\"\n"
			       "file_path = \"./logs/node.log\"\n"
			       "[masternode]\nenabled = false\ncollateral_txid = \"\"\ntier = \"silver\"\n"
			       "[security]\nenable_rate_limiting = true\nmax_requests_per_second = 1000\n"
			       "enable_authentication = false\napi_key = \"sesame\"\nenable_tls = true\n"
			       "enable_message_signing = true\nmessage_max_age_seconds = 300\n"
			       "[metrics]\nenabled = false\nprometheus_port = 9090\n";

START_TEST(file_of_the_existing_daemon_is_read_with_warnings_only)
{
	static const char *const warned[] = {
		"~f.toml:3:1: node.version: has no effect",
		"~f.toml:8:15: network.enable_upnp: true, but this is not supported",
		"storage.backend: \"sled\" is not supported, \"rocksdb\" is used instead",
		"consensus.voting_timeout_ms: has no effect",
		"security.enable_authentication: has no effect",
		"security.api_key: has no effect",
		"security.enable_tls: has no effect",
		"security.enable_message_signing: has no effect",
		"security.message_max_age_seconds: has no effect",
	};

	assert_parses(existing);
	assert_resolves();
	for (size_t i = 0; i < sizeof(warned) / sizeof(warned[0]); i++)
		ck_assert_msg(strstr(said(), warned[i]) != NULL, "'%s' not in:\n%s", warned[i], said());
	ck_assert_uint_eq(messages.count, sizeof(warned) / sizeof(warned[0]));
	ck_assert_uint_eq(messages.errors, 0);
	/* a secret is in no message */
	ck_assert_ptr_null(strstr(said(), "sesame"));
	ck_assert_int_eq((int)config->storage.backend, CONFIG_BACKEND_ROCKSDB);
	ck_assert_int_eq((int)config->masternode.tier, WIRE_TIER_SILVER);
	ck_assert_uint_eq(config->rpc.allow_origins.count, 1);
	ck_assert_str_eq(config->rpc.allow_origins.items[0], "http://localhost:3000");
	reset();
}
END_TEST

START_TEST(every_kind_of_value_is_stored)
{
	assert_parses("[node]\nnetwork = \"devnet\"\nname = \"x\"\n"
		      "[network]\nlisten_address = \"127.0.0.3:5000\"\nexternal_address = \"127.0.0.3\"\n"
		      "bootstrap_peers = [\"127.0.0.4\", \"[fd00::1]:7\"]\nmax_peers = 100000\n"
		      "[storage]\nbackend = \"memory\"\ndata_dir = \"~/d\"\n"
		      "[logging]\nlevel = \"Warn\"\ncategories.net = \"debug\"\n"
		      "[timers]\nping_interval_ms = 100\ntcp_keepalive_idle_s = 5\n"
		      "[limits]\noutput_hard_bytes = 0x200000000\n"
		      "[devnet]\ngenesis_timestamp = 1700000000\n");
	setenv("HOME", "/home/op", 1);
	assert_resolves();
	ck_assert_uint_eq(messages.count, 0);
	ck_assert_str_eq(config->node.name, "x");
	ck_assert_str_eq(addr_text(&config->network.listen_address), "127.0.0.3:5000");
	ck_assert_uint_eq(config->network.port, 5000);
	ck_assert_str_eq(addr_text(&config->network.external_address), "127.0.0.3:5000");
	ck_assert_uint_eq(config->network.bootstrap_peers.count, 2);
	ck_assert_str_eq(addr_text(&config->network.bootstrap_peers.items[0]), "127.0.0.4:24200");
	ck_assert_str_eq(addr_text(&config->network.bootstrap_peers.items[1]), "[fd00::1]:7");
	ck_assert_uint_eq(config->rpc.port, 24201);
	ck_assert_int_eq((int)config->storage.backend, CONFIG_BACKEND_MEMORY);
	ck_assert_str_eq(config->storage.data_dir, "/home/op/d");
	ck_assert_int_eq((int)config->logging.level, LOG_LEVEL_WARN);
	ck_assert_int_eq(config->logging.categories[LOG_NET], LOG_LEVEL_DEBUG);
	ck_assert_int_eq(config->logging.categories[LOG_RPC], LOG_LEVEL_WARN);
	ck_assert_int_eq(config->timers.ping_interval_ms, 100);
	ck_assert_int_eq(config->timers.tcp_keepalive_idle_s, 5);
	ck_assert_uint_eq(config->limits.output_hard_bytes, 8589934592);
	ck_assert_int_eq(config->devnet.genesis_timestamp, 1700000000);
	ck_assert_uint_eq(config->block.block_time_seconds, 2);
	ck_assert_int_eq(config->consensus.step_timeout_ms, 1000);
	ck_assert_int_eq(config->consensus.repeat_ms, 1000);
	reset();
}
END_TEST

static const struct {
	const char *in;
	const char *said;
} complaints[] = {
	{"[node]\nnetwork = \n", "f.toml:2:11: end of line, expected a value\n"},
	{"[node]\nnetwork = \"tesnet\"",
	 "f.toml:2:11: node.network: \"tesnet\", expected one of \"testnet\" \"mainnet\" \"devnet\"\n"},
	{"[storage]\nbackend = 1",
	 "f.toml:2:11: storage.backend: an integer, expected one of \"rocksdb\" \"memory\"\n"},
	{"[network]\n  max_peers = \"50\"",
	 "f.toml:2:15: network.max_peers: a string, expected a whole number from 1 to 100000\n"},
	{"[network]\nmax_peers = 0", "f.toml:2:13: network.max_peers: 0, expected a whole number from 1 to 100000\n"},
	{"[network]\nport = 65536", "f.toml:2:8: network.port: 65536, expected a whole number from 0 to 65535\n"},
	{"[timers]\nping_interval_ms = 30.0", "f.toml:2:20: timers.ping_interval_ms: a number with a fraction, "
					      "expected a whole number from 1 to 31622400000 "
					      "(ms)\n"},
	{"[consensus]\nquorum_percentage = 66",
	 "f.toml:2:21: consensus.quorum_percentage: 66, expected 67: the quorum is always floor(2n/3) + 1\n"},
	{"[rpc]\nenabled = 1", "f.toml:2:11: rpc.enabled: an integer, expected true or false\n"},
	{"[rpc]\npassword = 12345678", "f.toml:2:12: rpc.password: an integer, expected a string in quotes\n"},
	{"[rpc]\nallow_origins = \"x\"", "f.toml:2:17: rpc.allow_origins: a string, expected a list of strings\n"},
	{"[rpc]\nallow_origins = [\"x\", 1]",
	 "f.toml:2:23: rpc.allow_origins: an integer, expected a list of strings\n"},
	{"[network]\nlisten_address = \"localhost\"",
	 "f.toml:2:18: network.listen_address: \"localhost\", expected an address like \"203.0.113.7\" or "
	 "\"203.0.113.7:24100\"\n"},
	{"[rpc]\nlisten_address = \"\"",
	 "f.toml:2:18: rpc.listen_address: \"\", expected an address like \"203.0.113.7\" or \"203.0.113.7:24100\"\n"},
	{"[network]\nbootstrap_peers = [\"1.2.3.4\", \"1.2.3\", true]",
	 "f.toml:2:31: network.bootstrap_peers: \"1.2.3\", expected a list of addresses like \"203.0.113.7\" or "
	 "\"203.0.113.7:24100\"\n"
	 "f.toml:2:40: network.bootstrap_peers: true or false, expected a list of addresses like \"203.0.113.7\" or "
	 "\"203.0.113.7:24100\"\n"},
	{"logging = \"info\"", "f.toml:1:11: logging: a string, expected a table\n"},
	{"[logging]\ncategories = 1", "f.toml:2:14: logging.categories: an integer, expected a table\n"},
	{"[logging.categories]\nnet = \"loud\"", "f.toml:2:7: logging.categories.net: \"loud\", expected one of "
						 "\"error\" \"warn\" \"info\" \"debug\" \"trace\"\n"},
	{"[consensus]\nvalidators = {}",
	 "f.toml:2:14: consensus.validators: a table, expected a list of { from_height, validators }\n"},
};

START_TEST(wrong_values_are_errors_with_their_place)
{
	ck_assert_int_eq(parse(complaints[_i].in), CONFIG_E_INVALID);
	ck_assert_ptr_null(config);
	ck_assert_str_eq(said(), complaints[_i].said);
	reset();
}
END_TEST

static const struct {
	const char *in;
	const char *said;
} suggestions[] = {
	{"[network]\nmax_peer = 5", "~f.toml:2:1: network.max_peer: unknown key, did you mean network.max_peers?\n"},
	{"[netwrok]\nmax_peers = 5", "~f.toml:1:2: netwrok: unknown section, did you mean [network]?\n"},
	{"[node]\nmax_peers = 5", "~f.toml:2:1: node.max_peers: unknown key, did you mean network.max_peers?\n"},
	{"max_peers = 5", "~f.toml:1:1: max_peers: unknown key, did you mean network.max_peers?\n"},
	{"[rpc]\nxyzzy = 5", "~f.toml:2:1: rpc.xyzzy: unknown key\n"},
	{"[quux]\nxyzzy = 5", "~f.toml:1:2: quux: unknown section\n"},
	{"[logging]\ncategories.nett = \"info\"",
	 "~f.toml:2:12: logging.categories.nett: unknown key, did you mean logging.categories.net?\n"},
	{"[timers]\nping_intervall_ms = 5",
	 "~f.toml:2:1: timers.ping_intervall_ms: unknown key, did you mean timers.ping_interval_ms?\n"},
};

START_TEST(unknown_keys_are_warnings_with_the_nearest_name)
{
	assert_parses(suggestions[_i].in);
	ck_assert_str_eq(said(), suggestions[_i].said);
	reset();
}
END_TEST

#define KEY_A "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define KEY_B "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""
#define KEY_C "\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\""
#define REWARD "\"TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG\""
#define ONE(ip, key, tier)                                                                                             \
	"{ address = \"" ip "\", public_key = " key ", tier = \"" tier "\", reward_address = " REWARD " }"
#define THREE ONE("10.0.0.1", KEY_A, "free") ",\n" ONE("10.0.0.2", KEY_B, "Gold") ",\n" ONE("10.0.0.3", KEY_C, "silver")

START_TEST(validators_are_typed)
{
	const struct config_validators *all;

	assert_parses("[consensus]\nbft_from = 100\nvalidators = [\n{ from_height = 100, validators = [\n" THREE
		      "] },\n"
		      "{ from_height = 200, validators = [\n" THREE ",\n" ONE("10.0.0.4",
									      "\""
									      "00ff00ff00ff00ff00ff00ff00ff00ff"
									      "00ff00ff00ff00ff00ff00ff00ff00ff"
									      "\"",
									      "bronze") "] } ]\n");
	ck_assert_msg(messages.count == 0, "%s", said());
	all = &config->consensus.validators;
	ck_assert_uint_eq(all->count, 2);
	ck_assert_uint_eq(all->lists[0].from_height, 100);
	ck_assert_uint_eq(all->lists[0].count, 3);
	ck_assert_uint_eq(all->lists[1].count, 4);
	ck_assert_str_eq(addr_text(&all->lists[0].items[1].address), "10.0.0.2:0");
	ck_assert_int_eq((int)all->lists[0].items[1].tier, WIRE_TIER_GOLD);
	ck_assert_uint_eq(all->lists[0].items[0].public_key.bytes[31], 0xaa);
	ck_assert_uint_eq(all->lists[1].items[3].public_key.bytes[1], 0xff);
	ck_assert_str_eq(all->lists[0].items[2].reward_address, "TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG");
	assert_resolves();
	config->node.network = CHAIN_MAINNET;
	ck_assert_int_eq(config_resolve(config, &messages), CONFIG_E_INVALID);
	ck_assert_ptr_nonnull(strstr(said(), "is of another network than mainnet"));
	reset();
}
END_TEST

#define LIST(items) "[consensus]\nvalidators = [ { from_height = 1, validators = [\n" items "] } ]\n"

static const struct {
	const char *in;
	const char *said;
} bad_validators[] = {
	{"[consensus]\nvalidators = [ 1 ]",
	 "2:16: consensus.validators: an integer, expected { from_height, validators }"},
	{"[consensus]\nvalidators = [ { validators = [] } ]", "2:16: consensus.validators: 'from_height' is missing"},
	{"[consensus]\nvalidators = [ { from_height = 1 } ]", "2:16: consensus.validators: 'validators' is missing"},
	{"[consensus]\nvalidators = [ { from_height = 0, validators = [] } ]",
	 "2:32: consensus.validators.from_height: 0, expected a height from 1 on"},
	{LIST(ONE("10.0.0.1", KEY_A, "free") "," ONE("10.0.0.2", KEY_B, "free")),
	 "2:48: consensus.validators: 2 validators, expected 3 to 1000"},
	{LIST("1, 2, 3"), "3:1: consensus.validators: an integer, expected { address"},
	{LIST(ONE("10.0.0", KEY_A, "free") "," THREE),
	 "3:13: consensus.validators.address: \"10.0.0\", expected an IP"},
	{LIST(ONE("10.0.0.9", "\"aa\"", "free") "," THREE),
	 "3:38: consensus.validators.public_key: \"aa\", expected 64 hex digits"},
	{LIST(ONE("10.0.0.9", KEY_A, "tin") "," THREE), "consensus.validators.tier: \"tin\", expected one of"},
	{LIST(ONE("10.0.0.1", "\"ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd0\"",
		  "free") "," THREE),
	 "consensus.validators.address: the same as of validator 1 of this list"},
	{LIST(ONE("10.0.0.9", KEY_A, "free") "," THREE),
	 "consensus.validators.public_key: the same as of validator 1 of this list"},
	{LIST("{ address = \"10.0.0.1\", public_key = " KEY_A
	      ", tier = \"free\", reward_address = \"TIME0x\" }," THREE),
	 "consensus.validators.reward_address: \"TIME0x\": "},
	{LIST("{ address = \"10.0.0.1\", public_key = " KEY_A ", tier = 1, reward_address = " REWARD " }," THREE),
	 "consensus.validators: tier: an integer, expected a string"},
	{LIST("{ adress = \"10.0.0.1\" }," THREE),
	 "~f.toml:3:3: consensus.validators: unknown key 'adress', did you mean "
	 "'address'?"},
	{"[consensus]\nvalidators = [ { from_height = 5, validators = [" THREE
	 "] },\n{ from_height = 5, validators = [" THREE "] } ]",
	 "5:17: consensus.validators.from_height: 5, expected more than the list before it has"},
};

START_TEST(validators_of_wrong_shape_are_errors)
{
	ck_assert_int_eq(parse(bad_validators[_i].in), CONFIG_E_INVALID);
	ck_assert_msg(strstr(said(), bad_validators[_i].said) != NULL, "'%s' not in:\n%s", bad_validators[_i].said,
		      said());
	reset();
}
END_TEST

static const struct {
	const char *in;
	int result;
	const char *said;
} conflicts[] = {
	{"[network]\nlisten_address = \"1.2.3.4:5\"\nport = 6", CONFIG_E_INVALID,
	 "network.listen_address: port 5, but network.port is 6: expected one of them, or the same\n"},
	{"[network]\nlisten_address = \"1.2.3.4:5\"\nport = 5", 0, ""},
	{"[rpc]\nuser = \"me\"", CONFIG_E_INVALID,
	 "rpc.password: missing, expected both rpc.user and rpc.password or neither\n"},
	{"[rpc]\npassword = \"sesame\"", CONFIG_E_INVALID,
	 "rpc.user: missing, expected both rpc.user and rpc.password or neither\n"},
	{"[logging]\noutput = \"file\"\nfile_path = \"\"", CONFIG_E_INVALID,
	 "logging.file_path: \"\", expected a path, since logging.output is \"file\"\n"},
	{"[timers]\nreconnect_min_ms = 400000", CONFIG_E_INVALID,
	 "timers.reconnect_min_ms: 400000, expected at most timers.reconnect_max_ms (300000)\n"},
	{"[limits]\noutput_soft_bytes = 40000000", CONFIG_E_INVALID,
	 "limits.output_soft_bytes: 40000000, expected at most limits.output_hard_bytes (33554432)\n"},
	{"[network]\ndiscovery_url = \"ftp://x\"", CONFIG_E_INVALID,
	 "network.discovery_url: \"ftp://x\", expected https://... or http://...\n"},
	{"[consensus]\nbft_from = 7", CONFIG_E_INVALID, "consensus.bft_from: set, but consensus.validators is empty\n"},
	{LIST(THREE), CONFIG_E_INVALID,
	 "consensus.bft_from: expected the first height that needs a certificate, since there are "
	 "consensus.validators\n"},
	{"[node]\nnetwork = \"devnet\"\n[consensus]\nbft_from = 7", CONFIG_E_INVALID,
	 "consensus.bft_from: set, but consensus.validators is empty\n"},
	{"[node]\nnetwork = \"devnet\"\n" LIST(THREE), 0, ""},
	{"[metrics]\nenabled = true\nlisten_address = \"127.0.0.1:9090\"\n[rpc]\npublic_status = true", 0, ""},
	{"[metrics]\nlisten_address = \"127.0.0.1:9091\"", CONFIG_E_INVALID,
	 "metrics.listen_address: port 9091, but metrics.prometheus_port is 9090: expected an IP alone\n"},
	{"[block]\nblock_time_seconds = 2", 0,
	 "~block.block_time_seconds: 2 is not what the other nodes of testnet keep to (600)\n"},
	{"[block]\nmax_block_size_kb = 4096", 0,
	 "~block.max_block_size_kb: 4096 is more than a valid block holds, 1953 is used\n"},
	{"[devnet]\ngenesis_timestamp = 5", 0, "~devnet.genesis_timestamp: has no effect on testnet\n"},
};

START_TEST(keys_that_contradict_each_other)
{
	assert_parses(conflicts[_i].in);
	ck_assert_int_eq(config_resolve(config, &messages), conflicts[_i].result);
	ck_assert_str_eq(said(), conflicts[_i].said);
	reset();
}
END_TEST

START_TEST(chain_params_hold_validators_as_votes_name_them)
{
	char text[CONFIG_CHAIN_TEXT_SIZE];
	const struct validator_list *list;
	struct chain_params params;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	assert_parses("[node]\nnetwork = \"devnet\"\n[block]\nblock_time_seconds = 3\n"
		      "[devnet]\ngenesis_timestamp = 1700000000\n" LIST(ONE("10.0.0.3", KEY_C, "gold") "," ONE(
			      "::ffff:10.0.0.2", KEY_B, "free") "," ONE("10.0.0.10", KEY_A, "silver")));
	assert_resolves();
	ck_assert_int_eq(config_chain_params(&params, text, &arena, config), 0);
	reset();
	ck_assert_int_eq((int)params.network, CHAIN_DEVNET);
	ck_assert_int_eq(params.genesis_timestamp, 1700000000);
	ck_assert_uint_eq(params.block_time_s, 3);
	ck_assert_uint_eq(params.bft_from, 1);
	ck_assert_uint_eq(params.validators->count, 1);
	list = validators_at(params.validators, 1);
	ck_assert_uint_eq(list->count, 3);
	ck_assert_str_eq(list->addresses[0].ptr, "10.0.0.10");
	ck_assert_str_eq(list->addresses[1].ptr, "10.0.0.2");
	ck_assert_str_eq(list->addresses[2].ptr, "10.0.0.3");
	ck_assert_int_eq((int)list->items[2].tier, WIRE_TIER_GOLD);
	ck_assert_uint_eq(list->items[2].public_key.bytes[0], 0xcc);
	ck_assert_str_eq(list->items[2].reward_address.ptr, "TIME0MUV2nkGxeDrYz6DqLdYZJCu8BPJffpdUG");
	arena_free(&arena);
}
END_TEST

/* Of a network without validators nothing is asked, a devnet's included. */
START_TEST(chain_params_without_validators)
{
	static const char *const networks[] = {"testnet", "mainnet", "devnet"};

	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		char text[CONFIG_CHAIN_TEXT_SIZE];
		struct chain_params params;
		struct arena arena;

		arena_init(&arena, SIZE_MAX, NULL);
		snprintf(text, sizeof(text), "[node]\nnetwork = \"%s\"", networks[i]);
		assert_parses(text);
		assert_resolves();
		ck_assert_int_eq(config_chain_params(&params, text, &arena, config), 0);
		ck_assert_str_eq(params.name, networks[i]);
		ck_assert_ptr_null(params.validators);
		ck_assert_uint_eq(params.bft_from, 0);
		arena_free(&arena);
		reset();
	}
}
END_TEST

START_TEST(data_directory_and_ports_follow_the_network)
{
	static const struct {
		const char *network, *dir;
		unsigned int port, rpc_port;
	} cases[] = {
		{"testnet", "/h/.timecoin/testnet", 24100, 24101},
		{"mainnet", "/h/.timecoin", 24000, 24001},
		{"devnet", "/h/.timecoin/devnet", 24200, 24201},
	};

	setenv("HOME", "/h", 1);
	for (size_t i = 0; i < 3; i++) {
		char text[64];

		snprintf(text, sizeof(text), "[node]\nnetwork = \"%s\"", cases[i].network);
		assert_parses(text);
		assert_resolves();
		ck_assert_str_eq(config->storage.data_dir, cases[i].dir);
		ck_assert_uint_eq(config->network.port, cases[i].port);
		ck_assert_uint_eq(config->rpc.port, cases[i].rpc_port);
	}
	reset();
}
END_TEST

START_TEST(file_is_created_readable_by_its_owner_alone)
{
	const char *path = scratch_path("etc/timed/config.toml");
	struct stat st;

	ck_assert_int_eq(config_load(&config, path, &messages), -ENOENT);
	ck_assert_uint_eq(messages.count, 0);
	ck_assert_int_eq(config_create(path, CHAIN_TESTNET), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(config_load(&config, path, &messages), 0);
	ck_assert_uint_eq(messages.count, 0);
	reset();
	ck_assert_int_eq(config_load(&config, scratch_dir, &messages), -EISDIR);
	reset();
}
END_TEST

START_TEST(log_settings_for_log_open)
{
	struct log_config log;

	assert_parses(
		"[logging]\nlevel = \"error\"\nformat = \"json\"\ncategories.wire = \"trace\"\nfile_path = \"/x\"");
	assert_resolves();
	config_log(config, &log);
	ck_assert_int_eq((int)log.format, LOG_FORMAT_JSON);
	ck_assert_ptr_null(log.file_path);
	ck_assert_int_eq((int)log.level[LOG_WIRE], LOG_LEVEL_TRACE);
	ck_assert_int_eq((int)log.level[LOG_NODE], LOG_LEVEL_ERROR);
	config->logging.output = CONFIG_LOG_FILE;
	config_log(config, &log);
	ck_assert_str_eq(log.file_path, "/x");
	reset();
}
END_TEST

START_TEST(a_file_of_nonsense_has_bounded_messages)
{
	static char text[40000];
	size_t used = 0;

	for (int i = 0; i < 2000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "k%d = 1\n", i);
	ck_assert_int_eq(config_parse(&config, text, used, "f", &messages), 0);
	ck_assert_uint_eq(messages.count, 200);
	reset();
}
END_TEST

START_TEST(edit_distance)
{
	struct nearest n = {.wanted = "portt"};

	ck_assert_uint_eq(nearest_distance("", ""), 0);
	ck_assert_uint_eq(nearest_distance("abc", ""), 3);
	ck_assert_uint_eq(nearest_distance("abc", "abd"), 1);
	ck_assert_uint_eq(nearest_distance("abc", "acb"), 1);
	ck_assert_uint_eq(nearest_distance("kitten", "sitting"), 3);
	ck_assert_ptr_null(nearest_result(&n));
	nearest_offer(&n, "sport");
	nearest_offer(&n, "port");
	nearest_offer(&n, "pot");
	ck_assert_str_eq(nearest_result(&n), "port");
	n = (struct nearest){.wanted = "ab"};
	nearest_offer(&n, "xy");
	ck_assert_ptr_null(nearest_result(&n));
}
END_TEST

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, scratch_make, scratch_remove);
	tcase_add_test(tcase, defaults_are_the_documented_ones);
	tcase_add_test(tcase, generated_file_is_read_without_a_message_and_says_the_defaults);
	tcase_add_test(tcase, generated_file_for_a_devnet_has_its_values);
	tcase_add_test(tcase, file_of_the_existing_daemon_is_read_with_warnings_only);
	tcase_add_test(tcase, every_kind_of_value_is_stored);
	tcase_add_loop_test(tcase, wrong_values_are_errors_with_their_place, 0, COUNT_OF(complaints));
	tcase_add_loop_test(tcase, unknown_keys_are_warnings_with_the_nearest_name, 0, COUNT_OF(suggestions));
	tcase_add_test(tcase, validators_are_typed);
	tcase_add_loop_test(tcase, validators_of_wrong_shape_are_errors, 0, COUNT_OF(bad_validators));
	tcase_add_loop_test(tcase, keys_that_contradict_each_other, 0, COUNT_OF(conflicts));
	tcase_add_test(tcase, chain_params_hold_validators_as_votes_name_them);
	tcase_add_test(tcase, chain_params_without_validators);
	tcase_add_test(tcase, data_directory_and_ports_follow_the_network);
	tcase_add_test(tcase, file_is_created_readable_by_its_owner_alone);
	tcase_add_test(tcase, log_settings_for_log_open);
	tcase_add_test(tcase, a_file_of_nonsense_has_bounded_messages);
	tcase_add_test(tcase, edit_distance);
	return run_suite(suite);
}
