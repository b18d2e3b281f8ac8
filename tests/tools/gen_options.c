// SPDX-License-Identifier: MIT
/* The command line of chaingen: see gen_options.h. */
#include "gen_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/rules.h"
#include "timeproto/chain/validators.h"
#include "timeproto/wire/schema.h"

#define YEAR_BLOCKS 51000
#define HEAVY_BLOCKS 2000
#define HEAVY_TRANSACTIONS 500
#define MAX_WALLETS 10000

static const char help[] =
	"Usage: chaingen [OPTION]...\n"
	"Makes a valid chain and writes it as JSON, one block a line from genesis: what timed --load-blocks reads.  "
	"Every\n"
	"block is checked by all rules before it is written.  The same options give the same chain; more --blocks make "
	"it\n"
	"longer and change nothing before.\n"
	"\n"
	"  --network NAME           testnet (default), mainnet or devnet\n"
	"  --genesis-timestamp S    of a devnet, Unix seconds (default: testnet's)\n"
	"  --block-time S           seconds between the slots of a devnet (2)\n"
	"  --interval S             seconds between timestamps (the block time)\n"
	"  --seed N                 another number makes another chain (1)\n"
	"  --blocks N               blocks beside genesis (100)\n"
	"  --transactions T         signed transactions of a block, once there are coins for so many (2)\n"
	"  --inputs K               each spends 1 to K outputs (2) and makes 2\n"
	"  --wallets W              owners of coins beside the masternodes (16)\n"
	"  --masternodes LIST       who shares the rewards: N or N:TIER, joined by commas; TIER is free, bronze, "
	"silver\n"
	"                           or gold (3:free,1:bronze)\n"
	"  --validators FILE        the masternodes are validators: every block has their certificate, and FILE gets "
	"their "
	"list,\n"
	"                           a section [consensus] for the configuration, with their keys as comments\n"
	"  --fork-at H              with the next two: a second chain that shares the blocks up to height H ...\n"
	"  --fork-blocks K          ... and has K others above it\n"
	"  --fork-out FILE          where it is written, from genesis\n"
	"  --fork-seed N            another number makes another fork of the same chain (1)\n"
	"  --out FILE               where the chain is written; \"-\" (default) is standard output\n"
	"  --summary[=FILE]         tip, number of transactions and unspent outputs and their state hash as one JSON\n"
	"                           object, on standard error or in FILE\n"
	"  --year                   a year of testnet: --blocks 51000 --transactions 1 --inputs 1\n"
	"  --heavy                  --blocks 2000 --transactions 500\n"
	"  --help                   print this\n"
	"\n"
	"What stands after --year or --heavy changes them.  Exit code: 0, 1 when no valid block could be made or "
	"written, 2\n"
	"for wrong usage.\n";

enum option_id {
	OPTION_NETWORK = 1,
	OPTION_GENESIS_TIMESTAMP,
	OPTION_BLOCK_TIME,
	OPTION_INTERVAL,
	OPTION_SEED,
	OPTION_BLOCKS,
	OPTION_TRANSACTIONS,
	OPTION_INPUTS,
	OPTION_WALLETS,
	OPTION_MASTERNODES,
	OPTION_VALIDATORS,
	OPTION_FORK_AT,
	OPTION_FORK_BLOCKS,
	OPTION_FORK_OUT,
	OPTION_FORK_SEED,
	OPTION_OUT,
	OPTION_SUMMARY,
	OPTION_YEAR,
	OPTION_HEAVY,
	OPTION_HELP,
};

static const struct option table[] = {
	{"network", required_argument, NULL, OPTION_NETWORK},
	{"genesis-timestamp", required_argument, NULL, OPTION_GENESIS_TIMESTAMP},
	{"block-time", required_argument, NULL, OPTION_BLOCK_TIME},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"blocks", required_argument, NULL, OPTION_BLOCKS},
	{"transactions", required_argument, NULL, OPTION_TRANSACTIONS},
	{"inputs", required_argument, NULL, OPTION_INPUTS},
	{"wallets", required_argument, NULL, OPTION_WALLETS},
	{"masternodes", required_argument, NULL, OPTION_MASTERNODES},
	{"validators", required_argument, NULL, OPTION_VALIDATORS},
	{"fork-at", required_argument, NULL, OPTION_FORK_AT},
	{"fork-blocks", required_argument, NULL, OPTION_FORK_BLOCKS},
	{"fork-out", required_argument, NULL, OPTION_FORK_OUT},
	{"fork-seed", required_argument, NULL, OPTION_FORK_SEED},
	{"out", required_argument, NULL, OPTION_OUT},
	{"summary", optional_argument, NULL, OPTION_SUMMARY},
	{"year", no_argument, NULL, OPTION_YEAR},
	{"heavy", no_argument, NULL, OPTION_HEAVY},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

/* What is checked or resolved only when all options are known. */
struct parse {
	struct gen_options *out;
	enum chain_network network;
	uint64_t genesis_timestamp;
	bool timestamp_given;
	uint64_t block_time_s;
	bool block_time_given;
	const char *masternodes;
	bool fork_at_given;
	bool fork_blocks_given;
	bool fork_seed_given;
};

__attribute__((format(printf, 1, 2))) static int mistake(const char *format, ...)
{
	va_list arguments;

	fputs("chaingen: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("\nTry 'chaingen --help'.\n", stderr);
	return -1;
}

/* The name of an option as it is typed. */
static const char *option_name(enum option_id id)
{
	return table[id - OPTION_NETWORK].name;
}

static int take_number(uint64_t *out, enum option_id id, const char *text, uint64_t min, uint64_t max)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *out < min || *out > max)
		return mistake("--%s: \"%s\", expected a number from %" PRIu64 " to %" PRIu64, option_name(id), text,
			       min, max);
	return 0;
}

static int take_size(size_t *out, enum option_id id, const char *text, size_t min, size_t max)
{
	uint64_t value;
	int r = take_number(&value, id, text, min, max);

	*out = (size_t)value;
	return r;
}

static int take_network(enum chain_network *out, const char *text)
{
	int network = chain_network_from_name(text);

	if (network < 0)
		return mistake("--network: \"%s\", expected testnet, mainnet or devnet", text);
	*out = (enum chain_network)network;
	return 0;
}

static int tier_from_name(const char *name, size_t len)
{
	for (int tier = 0; tier < WIRE_TIER_COUNT; tier++) {
		const char *known = wire_tier_name((enum wire_tier)tier);

		if (strlen(known) == len && strncasecmp(known, name, len) == 0)
			return tier;
	}
	return -1;
}

/* "3:free,1:bronze" */
static int take_masternodes(struct gen_options *options, const char *list)
{
	const char *at = list;

	options->tiers = calloc(WIRE_MAX_MASTERNODES, sizeof(*options->tiers));
	if (!options->tiers)
		return mistake("out of memory");
	for (;;) {
		size_t len = strcspn(at, ","), digits = strspn(at, "0123456789");
		int tier = WIRE_TIER_FREE;
		unsigned long count = digits > 0 && digits < 6 ? strtoul(at, NULL, 10) : 0;

		if (digits < len)
			tier = at[digits] == ':' ? tier_from_name(at + digits + 1, len - digits - 1) : -1;
		if (tier < 0 || count == 0)
			return mistake("--masternodes: \"%s\", expected N or N:TIER, joined by commas", list);
		if (count > WIRE_MAX_MASTERNODES - options->masternodes)
			return mistake("--masternodes: \"%s\", expected at most %d of them", list,
				       WIRE_MAX_MASTERNODES);
		while (count-- > 0)
			options->tiers[options->masternodes++] = (enum wire_tier)tier;
		if (!at[len])
			return 0;
		at += len + 1;
	}
}

static int take_option(struct parse *p, enum option_id id, const char *value)
{
	struct gen_options *o = p->out;

	switch (id) {
	case OPTION_NETWORK:
		return take_network(&p->network, value);
	case OPTION_GENESIS_TIMESTAMP:
		p->timestamp_given = true;
		return take_number(&p->genesis_timestamp, id, value, 0, INT64_MAX);
	case OPTION_BLOCK_TIME:
		p->block_time_given = true;
		return take_number(&p->block_time_s, id, value, 1, UINT32_MAX);
	case OPTION_INTERVAL:
		return take_number(&o->interval_s, id, value, 1, UINT32_MAX);
	case OPTION_SEED:
		return take_number(&o->seed, id, value, 0, UINT64_MAX);
	case OPTION_BLOCKS:
		return take_number(&o->blocks, id, value, 0, UINT32_MAX);
	case OPTION_TRANSACTIONS:
		return take_size(&o->transactions, id, value, 0, CHAIN_MAX_TRANSACTIONS - 1);
	case OPTION_INPUTS:
		return take_size(&o->max_inputs, id, value, 1, 1000);
	case OPTION_WALLETS:
		return take_size(&o->wallets, id, value, 0, MAX_WALLETS);
	case OPTION_MASTERNODES:
		p->masternodes = value;
		return 0;
	case OPTION_VALIDATORS:
		o->validators = value;
		return 0;
	case OPTION_FORK_AT:
		p->fork_at_given = true;
		return take_number(&o->fork_at, id, value, 0, UINT32_MAX);
	case OPTION_FORK_BLOCKS:
		p->fork_blocks_given = true;
		return take_number(&o->fork_blocks, id, value, 1, UINT32_MAX);
	case OPTION_FORK_OUT:
		o->fork_out = value;
		return 0;
	case OPTION_FORK_SEED:
		p->fork_seed_given = true;
		return take_number(&o->fork_seed, id, value, 0, UINT64_MAX);
	case OPTION_OUT:
		o->out = value;
		return 0;
	case OPTION_SUMMARY:
		o->summary = true;
		o->summary_path = value;
		return 0;
	case OPTION_YEAR:
		o->blocks = YEAR_BLOCKS;
		o->transactions = 1;
		o->max_inputs = 1;
		return 0;
	case OPTION_HEAVY:
		o->blocks = HEAVY_BLOCKS;
		o->transactions = HEAVY_TRANSACTIONS;
		return 0;
	case OPTION_HELP:
		fputs(help, stdout);
		return 1;
	}
	return -1;
}

static int resolve_fork(const struct parse *p)
{
	struct gen_options *o = p->out;
	int given = p->fork_at_given + p->fork_blocks_given + (o->fork_out != NULL);

	if (given == 0 && p->fork_seed_given)
		return mistake("--fork-seed needs --fork-at, --fork-blocks and --fork-out");
	if (given > 0 && given < 3)
		return mistake("--fork-at, --fork-blocks and --fork-out belong together");
	o->fork = given == 3;
	if (!o->fork)
		return 0;
	if (o->fork_at > o->blocks)
		return mistake("--fork-at: %" PRIu64 " is above the tip at %" PRIu64, o->fork_at, o->blocks);
	if (strcmp(o->fork_out, o->out) == 0)
		return mistake("--fork-out: \"%s\" is where the chain itself is written", o->fork_out);
	return 0;
}

static int resolve(const struct parse *p)
{
	struct gen_options *o = p->out;
	uint64_t longest = o->blocks;

	chain_params_init(&o->chain, p->network);
	if (p->network != CHAIN_DEVNET && (p->timestamp_given || p->block_time_given))
		return mistake("--%s is for a devnet: that of %s is fixed",
			       p->timestamp_given ? "genesis-timestamp" : "block-time", o->chain.name);
	if (p->network == CHAIN_DEVNET)
		chain_params_init_devnet(
			&o->chain, p->timestamp_given ? (int64_t)p->genesis_timestamp : o->chain.genesis_timestamp,
			p->block_time_given ? (uint32_t)p->block_time_s : o->chain.block_time_s);
	if (o->interval_s == 0)
		o->interval_s = o->chain.block_time_s;
	if (resolve_fork(p))
		return -1;
	if (o->fork && o->fork_at + o->fork_blocks > longest)
		longest = o->fork_at + o->fork_blocks;
	/* Both factors have 32 bits, but for one bit that the sum above may have added. */
	if (o->chain.genesis_timestamp > INT64_MAX - 600 ||
	    longest * o->interval_s > (uint64_t)(INT64_MAX - o->chain.genesis_timestamp))
		return mistake("the timestamps leave 64 bits");
	if (o->validators && o->interval_s != o->chain.block_time_s)
		return mistake("--interval: with --validators every block has the time of its slot");
	if (take_masternodes(o, p->masternodes))
		return -1;
	if (o->validators && (o->masternodes < VALIDATORS_MIN || o->masternodes > VALIDATORS_MAX))
		return mistake("--validators: %zu masternodes, expected %d to %d", o->masternodes, VALIDATORS_MIN,
			       VALIDATORS_MAX);
	return 0;
}

int gen_options_parse(struct gen_options *out, int argc, char *argv[])
{
	struct parse p = {.out = out, .network = CHAIN_TESTNET, .masternodes = "3:free,1:bronze"};
	int id, r = 0;

	*out = (struct gen_options){
		.seed = 1,
		.fork_seed = 1,
		.blocks = 100,
		.transactions = 2,
		.max_inputs = 2,
		.wallets = 16,
		.out = "-",
	};
	opterr = 0;
	while (!r && (id = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (id == '?')
			r = mistake("unknown option, or one that takes no value: %s", argv[optind - 1]);
		else if (id == ':')
			r = mistake("%s needs a value", argv[optind - 1]);
		else
			r = take_option(&p, (enum option_id)id, optarg);
	}
	if (!r && optind < argc)
		r = mistake("\"%s\", expected an option", argv[optind]);
	return r ? r : resolve(&p);
}

void gen_options_free(struct gen_options *options)
{
	free(options->tiers);
	options->tiers = NULL;
}
