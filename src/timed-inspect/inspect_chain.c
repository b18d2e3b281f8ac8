// SPDX-License-Identifier: MIT
/* timed-inspect chain: the chain in a data directory: what it comes to, whether it is whole, its blocks. */
#include "inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timed/node/offline.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/json.h"

#define CACHE_BYTES ((size_t)64 << 20)
#define PROGRESS_INTERVAL_MS 200

struct chain_options {
	const char *dir;
	const char *config;		/* file; NULL: none was given */
	struct chain_params configured; /* by that file */
	enum chain_network network;	/* CHAIN_NETWORK_COUNT: not given */
	int64_t genesis_timestamp;	/* of a devnet */
	bool timestamp_given;
	bool verify;
	bool export;
	const char *export_path; /* NULL: standard output */
	uint64_t from, to;	 /* heights to export */
};

/* A progress line on a terminal. */
struct progress {
	bool terminal;
	int64_t shown_ms;
};

static bool show_progress(void *user, uint64_t height, uint64_t of)
{
	struct progress *progress = user;
	int64_t now_ms = clock_mono_ms();

	if (progress->terminal && now_ms - progress->shown_ms >= PROGRESS_INTERVAL_MS) {
		progress->shown_ms = now_ms;
		fprintf(stderr, "\rblock %" PRIu64 " of %" PRIu64 " (%" PRIu64 " %%)\x1b[K", height, of,
			of ? 100 * height / of : 100);
	}
	return true;
}

static int store_error(const char *what, int r)
{
	fprintf(stderr, "timed-inspect: %s: %s\n", what, store_error_name(r));
	return EXIT_FAILURE;
}

static int print_summary(const struct chain_params *params, struct chain_store *chain)
{
	char genesis[HASH_TEXT_SIZE], tip[HASH_TEXT_SIZE], state[HASH_TEXT_SIZE];
	struct chain_view *view = chain_store_view(chain);
	const struct chain_summary *summary = chain_view_summary(view);
	struct wire_hash hash;
	int r = chain_view_state_hash(view, &hash);

	if (!r) {
		printf("{\n  \"network\": \"%s\",\n  \"genesis_hash\": \"%s\",\n", params->name,
		       hash_text(genesis, &params->genesis_hash));
		printf("  \"height\": %" PRIu64 ",\n  \"tip_hash\": \"%s\",\n  \"timestamp\": %" PRId64
		       ",\n  \"time\": ",
		       summary->tip.height, hash_text(tip, &summary->tip.hash), summary->tip.timestamp);
		inspect_print_time(summary->tip.timestamp);
		printf(",\n  \"transactions\": %" PRIu64 ",\n  \"block_bytes\": %" PRIu64
		       ",\n  \"utxo_count\": %" PRIu64 ",\n  \"utxo_value\": %" PRIu64
		       ",\n  \"utxo_state_hash\": \"%s\"\n}\n",
		       summary->transactions, summary->block_bytes, summary->unspent_count, summary->unspent_value,
		       hash_text(state, &hash));
	}
	chain_view_unref(view);
	return r ? store_error("the unspent outputs cannot be read", r) : EXIT_SUCCESS;
}

static void print_finding(void *user, const char *line)
{
	const struct progress *progress = user;

	if (progress->terminal)
		fputs("\r\x1b[K", stderr);
	puts(line);
	fflush(stdout);
}

static int verify(struct chain_store *chain)
{
	struct progress progress = {.terminal = isatty(STDERR_FILENO)};
	uint64_t height = chain_store_tip(chain)->height;
	struct chain_verified verified;
	int r = chain_store_verify(chain, &verified, print_finding, show_progress, &progress);

	if (progress.terminal)
		fputs("\r\x1b[K", stderr);
	if (r)
		return store_error("the chain cannot be read to its end", r);
	if (verified.findings > 0)
		printf("%" PRIu64 " findings: `timed --reindex` makes everything anew from the blocks\n",
		       verified.findings);
	if (verified.unchecked > 0)
		printf("%" PRIu64 " certificates not checked: give --config, which names the validators\n",
		       verified.unchecked);
	if (verified.findings > 0 || verified.unchecked > 0)
		return EXIT_FAILURE;
	printf("blocks 0 to %" PRIu64 " and all that is kept of them are right\n", height);
	return EXIT_SUCCESS;
}

static int write_block(FILE *file, struct buf *line, struct arena *arena, struct chain_view *view, uint64_t height)
{
	struct wire_block block;
	int r;

	arena_reset(arena);
	buf_reset(line);
	r = chain_view_block(view, &block, arena, height);
	if (r)
		return store_error("a block cannot be read", r);
	if (wire_json_encode_value(line, &wire_desc_block, &block))
		return inspect_out_of_memory();
	buf_append_byte(line, '\n');
	if (line->error)
		return inspect_out_of_memory();
	/* A failure stays with the stream, and is found at its end. */
	return fwrite(line->data, 1, line->len, file) == line->len ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int export_to(FILE *file, struct chain_store *chain, const struct chain_options *o)
{
	struct progress progress = {.terminal = isatty(STDERR_FILENO) && !isatty(fileno(file))};
	struct chain_view *view = chain_store_view(chain);
	uint64_t tip = chain_view_summary(view)->tip.height, to = o->to < tip ? o->to : tip;
	struct buf line = BUF_INIT;
	struct arena arena;
	int code = EXIT_SUCCESS;

	arena_init(&arena, SIZE_MAX, NULL);
	for (uint64_t height = o->from; height <= to && code == EXIT_SUCCESS; height++) {
		code = write_block(file, &line, &arena, view, height);
		show_progress(&progress, height, to);
	}
	if (progress.terminal)
		fputs("\r\x1b[K", stderr);
	arena_free(&arena);
	buf_free(&line);
	chain_view_unref(view);
	return code;
}

static int export_blocks(struct chain_store *chain, const struct chain_options *o)
{
	uint64_t tip = chain_store_tip(chain)->height;
	FILE *file;
	bool failed;
	int code;

	if (o->from > tip) {
		fprintf(stderr, "timed-inspect: --from: the tip has height %" PRIu64 "\n", tip);
		return EXIT_FAILURE;
	}
	file = o->export_path ? fopen(o->export_path, "we") : stdout;
	if (!file)
		return inspect_file_error(o->export_path, errno);
	code = export_to(file, chain, o);
	/* Of standard output main takes care. */
	if (file == stdout)
		return code;
	failed = ferror(file) != 0;
	if (fclose(file) || failed)
		return inspect_file_error(o->export_path, errno);
	return code;
}

static int inspect_opened(struct offline *offline, const struct chain_params *params, const struct chain_options *o)
{
	struct chain_store *chain = offline_chain(offline);

	if (o->verify)
		return verify(chain);
	if (o->export)
		return export_blocks(chain, o);
	return print_summary(params, chain);
}

/* 0 and the opened chain; STORE_E_NETWORK: try another one; any other error is final. */
static int try_open(struct offline **out, char text[OFFLINE_TEXT_SIZE], struct chain_params *params,
		    const struct chain_options *o, enum chain_network network)
{
	struct offline_params open = {.data_dir = o->dir, .chain = params, .cache_bytes = CACHE_BYTES};
	int r;

	chain_params_init(params, network);
	if (o->config)
		*params = o->configured;
	else if (network == CHAIN_DEVNET && o->timestamp_given)
		chain_params_init_devnet(params, o->genesis_timestamp, params->block_time_s);
	r = offline_open(out, text, &open);
	if (r == STORE_E_GENESIS && network == CHAIN_DEVNET)
		snprintf(text + strlen(text), OFFLINE_TEXT_SIZE - strlen(text),
			 " (a devnet with a genesis time of its own: give --config or --genesis-timestamp)");
	return r;
}

static int inspect_directory(const struct chain_options *o)
{
	char text[OFFLINE_TEXT_SIZE];
	struct offline *offline = NULL;
	struct chain_params params;
	int r = STORE_E_NETWORK, code;

	if (o->network != CHAIN_NETWORK_COUNT)
		r = try_open(&offline, text, &params, o, o->network);
	for (int network = 0;
	     o->network == CHAIN_NETWORK_COUNT && r == STORE_E_NETWORK && network < CHAIN_NETWORK_COUNT; network++)
		r = try_open(&offline, text, &params, o, (enum chain_network)network);
	if (r) {
		fprintf(stderr, "timed-inspect: %s\n", text);
		return EXIT_FAILURE;
	}
	code = inspect_opened(offline, &params, o);
	offline_close(offline);
	return code;
}

static int parse_number(uint64_t *out, const char *name, const char *text)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno)
		return 0;
	fprintf(stderr, "timed-inspect: %s: expected a number, not: %s\n", name, text);
	return INSPECT_USAGE;
}

/* One option.  0, or the exit code of a mistake that was printed. */
static int take_option(struct chain_options *o, struct inspect_options *options, const char *option)
{
	const char *value;
	uint64_t number;
	int r = 0;

	if (inspect_option_is(options, "--verify")) {
		o->verify = true;
	} else if (inspect_option_is(options, "--export")) {
		o->export = true;
	} else if (strncmp(option, "--export=", strlen("--export=")) == 0) {
		o->export = true;
		o->export_path = option + strlen("--export=");
	} else if (inspect_option_value(options, "--from", &value)) {
		r = parse_number(&o->from, "--from", value);
	} else if (inspect_option_value(options, "--to", &value)) {
		r = parse_number(&o->to, "--to", value);
	} else if (inspect_option_value(options, "--config", &value)) {
		o->config = value;
	} else if (inspect_option_value(options, "--genesis-timestamp", &value)) {
		r = parse_number(&number, "--genesis-timestamp", value);
		o->genesis_timestamp = (int64_t)number;
		o->timestamp_given = true;
	} else if (!inspect_option_network(options, &o->network, &r)) {
		r = inspect_usage_error("unknown option: ", option);
	}
	return r;
}

static int inspect_chain(int argc, char *argv[])
{
	struct chain_options o = {.network = CHAIN_NETWORK_COUNT, .to = UINT64_MAX};
	struct inspect_options options;
	const char *option;
	struct arena arena;
	int r = 0;

	inspect_options_init(&options, argc, argv);
	while (!r && (option = inspect_options_next(&options)))
		r = take_option(&o, &options, option);
	if (r)
		return r;
	if (options.operands == 2 && o.export && !o.export_path) {
		o.export_path = argv[2];
		options.operands = 1;
	}
	if (options.operands != 1)
		return inspect_usage_error("chain: expected one data directory", "");
	if (o.verify && o.export)
		return inspect_usage_error("chain: either --verify or --export", "");
	if (!o.export && (o.from > 0 || o.to != UINT64_MAX))
		return inspect_usage_error("chain: --from and --to belong to --export", "");
	if (o.from > o.to)
		return inspect_usage_error("chain: --from is above --to", "");
	o.dir = argv[1];
	if (o.config && (o.network != CHAIN_NETWORK_COUNT || o.timestamp_given))
		return inspect_usage_error("chain: --config says network and genesis time", "");
	arena_init(&arena, SIZE_MAX, NULL);
	if (o.config)
		r = inspect_read_config(&o.configured, &arena, o.config);
	if (o.config && !r)
		o.network = o.configured.network;
	if (!r)
		r = inspect_directory(&o);
	arena_free(&arena);
	return r;
}

const struct inspect_command inspect_chain_command = {
	.name = "chain",
	.run = inspect_chain,
	.summary = "show, verify or export the chain in a data directory",
	.help = "Usage: timed-inspect chain [OPTION]... DATADIR\n"
		"       timed-inspect chain DATADIR --export [FILE] [--from H] [--to H]\n"
		"\n"
		"Opens the chain in the data directory of a node that does not run, and prints tip,\n"
		"transactions, unspent outputs and their state hash as a JSON object.  The node's lock\n"
		"is held meanwhile.  What a crash left unfinished is finished first, as the node\n"
		"itself would do it.\n"
		"\n"
		"  --verify                read everything and compare it with what the blocks say;\n"
		"                          prints a line for each thing that is wrong\n"
		"  --export, --export=FILE\n"
		"                          write the blocks, one a line, as timed --load-blocks reads\n"
		"                          them, to FILE or standard output\n"
		"  --from H, --to H        heights to export (all)\n"
		"  --config FILE           the node's configuration: says which network it is, and who its\n"
		"                          validators are, without whom no certificate can be checked\n"
		"  --network NAME          testnet, mainnet or devnet (whatever is in the directory)\n"
		"  --genesis-timestamp S   of a devnet that has not testnet's\n"
		"  --help                  print this\n"
		"\n"
		"Exit code: 0, 1 if it cannot be opened or read, or --verify found something or could\n"
		"not check a certificate, 2 for wrong usage.\n",
};
