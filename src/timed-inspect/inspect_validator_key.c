// SPDX-License-Identifier: MIT
/* timed-inspect validator-key: what an operator adds to consensus.validators for a node, from its wallet. */
#include "inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "timed/net/ip.h"
#include "timed/node/wallet.h"

#define PATH_SIZE 4096

static const char *const tier_names[WIRE_TIER_COUNT] = {"free", "bronze", "silver", "gold"};

struct validator_options {
	const char *path;	    /* of a wallet or a data directory */
	const char *address;	    /* NULL: this machine's */
	const char *tier;	    /* one of tier_names */
	enum chain_network network; /* CHAIN_NETWORK_COUNT: whatever the wallet is of */
};

static int take_tier(struct validator_options *o, const char *value)
{
	for (int i = 0; i < WIRE_TIER_COUNT; i++) {
		if (strcasecmp(tier_names[i], value) == 0) {
			o->tier = tier_names[i];
			return 0;
		}
	}
	return inspect_usage_error("--tier: expected free, bronze, silver or gold, not: ", value);
}

/* The IP as the node writes it: the one given, or the one that routes lead out from.  0, or an exit code and the reason
 * is printed. */
static int find_address(char out[NET_IP_TEXT_SIZE], const struct validator_options *o)
{
	static const struct net_ip anywhere = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 41, 0, 4}};
	struct net_addr addr;

	if (o->address) {
		if (net_addr_parse(&addr, o->address, strlen(o->address), 0) || addr.port)
			return inspect_usage_error("--address: expected an IP address, not: ", o->address);
	} else if (net_ip_local_for(&addr.ip, &anywhere)) {
		return inspect_usage_error("validator-key: this machine has no route: give its IP by --address", "");
	}
	net_ip_text(out, &addr.ip);
	if (!o->address)
		fprintf(stderr, "timed-inspect: the address is this machine's, %s: give another by --address\n", out);
	return 0;
}

/* The file in a data directory, or the one given.  True: it is to be made where there is none. */
static bool wallet_path(char out[PATH_SIZE], const char *path)
{
	struct stat found;
	bool is_directory = stat(path, &found) == 0 && S_ISDIR(found.st_mode);

	snprintf(out, PATH_SIZE, "%s%s", path, is_directory ? "/time-wallet.dat" : "");
	return is_directory;
}

/* 0, or an exit code and the reason is printed. */
static int open_wallet(struct wallet **out, const struct validator_options *o)
{
	enum chain_network network = o->network == CHAIN_NETWORK_COUNT ? CHAIN_TESTNET : o->network;
	char path[PATH_SIZE], text[WALLET_TEXT_SIZE];
	bool may_make = wallet_path(path, o->path);
	struct stat found;
	int r = stat(path, &found) == 0 ? 0 : errno;

	/* A wallet that is made is told on standard error by the one who makes it. */
	if (r && (r != ENOENT || !may_make))
		return inspect_file_error(path, r);
	r = wallet_open_or_create(out, text, path, network);
	if (r == WALLET_E_NETWORK && o->network == CHAIN_NETWORK_COUNT)
		r = wallet_open_or_create(out, text, path, CHAIN_MAINNET);
	if (r)
		fprintf(stderr, "timed-inspect: %s\n", text);
	return r ? EXIT_FAILURE : 0;
}

static int inspect_validator_key(int argc, char *argv[])
{
	struct validator_options o = {.tier = tier_names[WIRE_TIER_FREE], .network = CHAIN_NETWORK_COUNT};
	struct inspect_options options;
	char address[NET_IP_TEXT_SIZE];
	const char *option, *value;
	struct wallet *wallet;
	int r = 0;

	inspect_options_init(&options, argc, argv);
	while (!r && (option = inspect_options_next(&options))) {
		if (inspect_option_value(&options, "--address", &value))
			o.address = value;
		else if (inspect_option_value(&options, "--tier", &value))
			r = take_tier(&o, value);
		else if (!inspect_option_network(&options, &o.network, &r))
			r = inspect_usage_error("unknown option: ", option);
	}
	if (r)
		return r;
	if (options.operands != 1)
		return inspect_usage_error("validator-key: expected a wallet file or a data directory", "");
	o.path = argv[1];
	r = find_address(address, &o);
	if (!r)
		r = open_wallet(&wallet, &o);
	if (r)
		return r;
	printf("{ address = \"%s\", public_key = \"", address);
	inspect_print_hex(wallet_public_key(wallet)->bytes, sizeof(wallet_public_key(wallet)->bytes));
	printf("\", tier = \"%s\", reward_address = \"%s\" }\n", o.tier, wallet_address(wallet));
	wallet_close(wallet);
	return EXIT_SUCCESS;
}

const struct inspect_command inspect_validator_key_command = {
	.name = "validator-key",
	.run = inspect_validator_key,
	.summary = "print what makes a node a validator, for the configuration",
	.help = "Usage: timed-inspect validator-key [OPTION]... WALLET|DATADIR\n"
		"\n"
		"Prints the entry of a node for the list consensus.validators, which is the same in\n"
		"the configuration of all nodes:\n"
		"\n"
		"  [consensus]\n"
		"  bft_from = 1\n"
		"  validators = [ { from_height = 1, validators = [\n"
		"    ENTRY,\n"
		"    ENTRY,\n"
		"    ENTRY,\n"
		"  ] } ]\n"
		"\n"
		"The key is that of the node's wallet, and rewards go to the wallet's own address.\n"
		"A data directory that has no wallet yet gets one, which standard error tells.\n"
		"\n"
		"  --address IP     by which the network knows the node (this machine's)\n"
		"  --tier TIER      free, bronze, silver or gold: its share of the rewards (free)\n"
		"  --network NAME   testnet, mainnet or devnet: that of a new wallet (testnet); a\n"
		"                   wallet of another one is refused\n"
		"  --help           print this\n"
		"\n"
		"Exit code: 0, 1 if the wallet cannot be read or made, 2 for wrong usage.\n",
};
