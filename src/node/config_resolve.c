// SPDX-License-Identifier: MIT
/* The second half of reading the configuration: values that depend on the network, and checks that concern several
 * keys.  Runs once, after the command line had its say. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timed/node/config.h"
#include "timeproto/chain/params.h"

#define MAX_BLOCK_KIB 1953 /* a block holds at most 2,000,000 bytes */

static const char *home_directory(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home && *home)
		return home;
	user = getpwuid(getuid());
	return user && user->pw_dir ? user->pw_dir : "/";
}

/* "~" and "~/..." mean the home directory, as an operator expects of a path. */
static int expand_home(char **path)
{
	char *expanded;

	if ((*path)[0] != '~' || ((*path)[1] != '/' && (*path)[1] != '\0'))
		return 0;
	if (asprintf(&expanded, "%s%s", home_directory(), *path + 1) < 0)
		return -ENOMEM;
	free(*path);
	*path = expanded;
	return 0;
}

static int resolve_paths(struct config *c)
{
	static const char *const data_dirs[CHAIN_NETWORK_COUNT] = {
		[CHAIN_TESTNET] = "~/.timecoin/testnet",
		[CHAIN_MAINNET] = "~/.timecoin",
		[CHAIN_DEVNET] = "~/.timecoin/devnet",
	};
	int r = 0;

	if (!*c->storage.data_dir)
		r = config_set_string(&c->storage.data_dir, data_dirs[c->node.network]);
	if (!r)
		r = expand_home(&c->storage.data_dir);
	if (!r)
		r = expand_home(&c->logging.file_path);
	return r ? r : expand_home(&c->wallet.passphrase_file);
}

static void resolve_port(struct net_addr *address, uint16_t *port, uint16_t by_network, const char *section,
			 struct config_messages *messages)
{
	if (address->port && *port && address->port != *port)
		config_message_add(messages, CONFIG_ERROR,
				   "%s.listen_address: port %u, but %s.port is %u: expected one of them, or the same",
				   section, address->port, section, *port);
	if (!address->port)
		address->port = *port ? *port : by_network;
	*port = address->port;
}

static void resolve_addrs(struct config_addrs *addrs, uint16_t port)
{
	for (size_t i = 0; i < addrs->count; i++) {
		if (!addrs->items[i].port)
			addrs->items[i].port = port;
	}
}

static void resolve_network(struct config *c, const struct chain_params *params, struct config_messages *messages)
{
	resolve_port(&c->network.listen_address, &c->network.port, params->p2p_port, "network", messages);
	resolve_port(&c->rpc.listen_address, &c->rpc.port, params->rpc_port, "rpc", messages);
	if (c->metrics.listen_address.port && c->metrics.listen_address.port != c->metrics.prometheus_port)
		config_message_add(messages, CONFIG_ERROR,
				   "metrics.listen_address: port %u, but metrics.prometheus_port is %u: expected an IP alone",
				   c->metrics.listen_address.port, c->metrics.prometheus_port);
	c->metrics.listen_address.port = c->metrics.prometheus_port;
	if (!c->network.external_address.port)
		c->network.external_address.port = c->network.port;
	resolve_addrs(&c->network.bootstrap_peers, params->p2p_port);
	resolve_addrs(&c->network.connect, params->p2p_port);
}

static void resolve_chain(struct config *c, const struct chain_params *params, struct config_messages *messages)
{
	bool devnet = c->node.network == CHAIN_DEVNET;

	if (c->devnet.genesis_timestamp && !devnet)
		config_message_add(messages, CONFIG_WARNING, "devnet.genesis_timestamp: has no effect on %s",
				   params->name);
	if (!c->devnet.genesis_timestamp || !devnet)
		c->devnet.genesis_timestamp = params->genesis_timestamp;
	if (!c->block.block_time_seconds)
		c->block.block_time_seconds = params->block_time_s;
	if (!devnet && c->block.block_time_seconds != params->block_time_s)
		config_message_add(messages, CONFIG_WARNING,
				   "block.block_time_seconds: %" PRIu32
				   " is not what the other nodes of %s keep to (%" PRIu32 ")",
				   c->block.block_time_seconds, params->name, params->block_time_s);
	if (c->block.max_block_size_kb > MAX_BLOCK_KIB) {
		config_message_add(messages, CONFIG_WARNING,
				   "block.max_block_size_kb: %" PRIu32 " is more than a valid block holds, %d is used",
				   c->block.max_block_size_kb, MAX_BLOCK_KIB);
		c->block.max_block_size_kb = MAX_BLOCK_KIB;
	}
	if (!c->consensus.step_timeout_ms)
		c->consensus.step_timeout_ms = devnet ? 1000 : 10000;
	if (!c->consensus.step_timeout_delta_ms)
		c->consensus.step_timeout_delta_ms = devnet ? 500 : 5000;
	if (!c->consensus.repeat_ms)
		c->consensus.repeat_ms = devnet ? 1000 : 5000;
	if (!c->consensus.bft_from && devnet && c->consensus.validators.count > 0)
		c->consensus.bft_from = 1;
}

static void check_validators(const struct config *c, struct config_messages *messages)
{
	const struct config_validators *all = &c->consensus.validators;

	if (all->count == 0 && c->consensus.bft_from)
		config_message_add(messages, CONFIG_ERROR,
				   "consensus.bft_from: set, but consensus.validators is empty");
	if (all->count > 0 && !c->consensus.bft_from)
		config_message_add(
			messages, CONFIG_ERROR,
			"consensus.bft_from: expected the first height that needs a certificate, since there are "
			"consensus.validators");
	else if (all->count > 0 && all->lists[0].from_height > c->consensus.bft_from)
		config_message_add(messages, CONFIG_ERROR,
				   "consensus.validators: the first list is in force from %" PRIu64
				   " on, expected consensus.bft_from (%" PRIu64 ") or less",
				   all->lists[0].from_height, c->consensus.bft_from);
	for (size_t i = 0; i < all->count; i++) {
		for (size_t j = 0; j < all->lists[i].count; j++) {
			const char *address = all->lists[i].items[j].reward_address;

			if (address && address[4] != chain_network_digit(c->node.network))
				config_message_add(
					messages, CONFIG_ERROR,
					"consensus.validators.reward_address: \"%.64s\" is of another network than %s",
					address, chain_network_name(c->node.network));
		}
	}
}

/* Two values of which the first must not be the greater. */
static void check_order(int64_t low, const char *low_name, int64_t high, const char *high_name,
			struct config_messages *messages)
{
	if (low > high)
		config_message_add(messages, CONFIG_ERROR, "%s: %" PRId64 ", expected at most %s (%" PRId64 ")",
				   low_name, low, high_name, high);
}

/* Nothing is accepted and silently ignored. */
static void check_ahead(const struct config *c, struct config_messages *messages)
{
	if (*c->masternode.collateral_txid)
		config_message_add(messages, CONFIG_WARNING,
				   "masternode.collateral_txid: set, but this version does nothing with it");
}

static void check_pairs(const struct config *c, struct config_messages *messages)
{
	check_order(c->timers.reconnect_min_ms, "timers.reconnect_min_ms", c->timers.reconnect_max_ms,
		    "timers.reconnect_max_ms", messages);
	check_order(c->timers.ban_short_ms, "timers.ban_short_ms", c->timers.ban_long_ms, "timers.ban_long_ms",
		    messages);
	check_order(c->timers.masternode_active_ms, "timers.masternode_active_ms", c->timers.masternode_forget_ms,
		    "timers.masternode_forget_ms", messages);
	check_order((int64_t)c->limits.output_soft_bytes, "limits.output_soft_bytes",
		    (int64_t)c->limits.output_hard_bytes, "limits.output_hard_bytes", messages);
	check_order((int64_t)c->limits.max_frame_bytes, "limits.max_frame_bytes",
		    (int64_t)c->limits.memory_budget_bytes, "limits.memory_budget_bytes", messages);
	check_order(c->limits.violations_short, "limits.violations_short", c->limits.violations_long,
		    "limits.violations_long", messages);
	check_order(c->limits.violations_long, "limits.violations_long", c->limits.violations_permanent,
		    "limits.violations_permanent", messages);
	if (!*c->rpc.user != !*c->rpc.password)
		config_message_add(messages, CONFIG_ERROR,
				   "rpc.%s: missing, expected both rpc.user and rpc.password or neither",
				   *c->rpc.user ? "password" : "user");
	if (c->logging.output == CONFIG_LOG_FILE && !*c->logging.file_path)
		config_message_add(messages, CONFIG_ERROR,
				   "logging.file_path: \"\", expected a path, since logging.output is \"file\"");
	if (*c->network.discovery_url && strncmp(c->network.discovery_url, "https://", 8) != 0 &&
	    strncmp(c->network.discovery_url, "http://", 7) != 0)
		config_message_add(messages, CONFIG_ERROR,
				   "network.discovery_url: \"%.128s\", expected https://... or http://...",
				   c->network.discovery_url);
}

int config_resolve(struct config *config, struct config_messages *messages)
{
	size_t errors = messages->errors;
	struct chain_params params;
	int r = resolve_paths(config);

	if (r)
		return r;
	chain_params_init(&params, config->node.network);
	resolve_network(config, &params, messages);
	resolve_chain(config, &params, messages);
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (config->logging.categories[i] < 0)
			config->logging.categories[i] = (int)config->logging.level;
	}
	check_validators(config, messages);
	check_pairs(config, messages);
	check_ahead(config, messages);
	return messages->errors == errors ? 0 : CONFIG_E_INVALID;
}

void config_log(const struct config *config, struct log_config *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++) {
		int level = config->logging.categories[i];

		out->level[i] = level < 0 ? config->logging.level : (enum log_level)level;
	}
	out->format = config->logging.format;
	out->file_path = config->logging.output == CONFIG_LOG_FILE ? config->logging.file_path : NULL;
}
