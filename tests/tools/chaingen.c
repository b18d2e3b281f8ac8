// SPDX-License-Identifier: MIT
/* chaingen: valid chains for tests, benchmarks and a devnet, in the import format.  gen_chain.c makes the blocks,
 * gen_options.c reads the command line; here they are written. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "gen_chain.h"
#include "gen_options.h"
#include "timeproto/base/buf.h"
#include "timeproto/base/hex.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/validators.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/schema.h"

#define EXIT_USAGE 2
#define OUTPUT_BUFFER_BYTES ((size_t)1 << 20)
#define NAME_SIZE 64

/* A file being written. */
struct output {
	FILE *file;
	const char *path;
};

static int output_failed(const char *path)
{
	fprintf(stderr, "chaingen: %s: %s\n", strcmp(path, "-") == 0 ? "standard output" : path, strerror(errno));
	return -1;
}

static int output_open(struct output *output, const char *path)
{
	output->path = path;
	output->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (!output->file)
		return output_failed(path);
	(void)setvbuf(output->file, NULL, _IOFBF, OUTPUT_BUFFER_BYTES);
	return 0;
}

/* What could not be written is an error here, whenever it happened. */
static int output_close(struct output *output)
{
	bool failed;

	if (!output->file)
		return 0;
	failed = fflush(output->file) != 0 || ferror(output->file);
	if (output->file != stdout && fclose(output->file) != 0)
		failed = true;
	output->file = NULL;
	return failed ? output_failed(output->path) : 0;
}

static int write_block(struct output *output, struct buf *line, const struct wire_block *block)
{
	buf_reset(line);
	if (wire_json_encode_value(line, &wire_desc_block, block)) {
		fputs("chaingen: out of memory\n", stderr);
		return -1;
	}
	buf_append_byte(line, '\n');
	if (line->error || fwrite(line->data, 1, line->len, output->file) != line->len)
		return output_failed(output->path);
	return 0;
}

static int next_block(struct gen_chain *chain)
{
	struct chain_fault fault;
	int r = gen_chain_next(chain, &fault);

	if (!r)
		return 0;
	fprintf(stderr, "chaingen: block %" PRIu64 ": %s: %s\n", chain->tip.height + 1, chain_error_name(r),
		fault.text);
	return -1;
}

/* The names are those of chain.json among the test vectors. */
static void print_summary(FILE *file, const struct gen_chain *chain)
{
	char tip[HASH_TEXT_SIZE], genesis[HASH_TEXT_SIZE], state[HASH_TEXT_SIZE];
	struct wire_hash hash;
	uint64_t value;

	gen_coins_state(&chain->coins, chain->keys, &hash, &value);
	fprintf(file,
		"{\"network\": \"%s\", \"genesis_hash\": \"%s\", \"height\": %" PRIu64 ", \"tip_hash\": \"%s\", "
		"\"timestamp\": %" PRId64 ", \"transactions\": %" PRIu64 ", \"utxo_count\": %zu, "
		"\"utxo_value\": %" PRIu64 ", \"utxo_state_hash\": \"%s\"",
		chain->params->chain->name, hash_text(genesis, &chain->genesis->hash), chain->tip.height,
		hash_text(tip, &chain->tip.hash), chain->tip.timestamp, chain->transactions, chain->coins.count, value,
		hash_text(state, &hash));
}

/* A run of the program. */
struct run {
	const struct gen_options *options;
	struct gen_chain chain;
	struct gen_chain fork;
	struct output out;
	struct output fork_out;
	struct buf line;
};

/* The blocks of the fork above the common ones. */
static int make_fork(struct run *run)
{
	gen_chain_fork(&run->fork, &run->chain);
	for (uint64_t i = 0; i < run->options->fork_blocks; i++) {
		if (next_block(&run->fork) || write_block(&run->fork_out, &run->line, &run->fork.block))
			return -1;
	}
	return 0;
}

static int make_chain(struct run *run)
{
	const struct gen_options *o = run->options;

	for (uint64_t height = 0; height <= o->blocks; height++) {
		if (height > 0 && next_block(&run->chain))
			return -1;
		if (write_block(&run->out, &run->line, &run->chain.block))
			return -1;
		if (o->fork && height <= o->fork_at && write_block(&run->fork_out, &run->line, &run->chain.block))
			return -1;
		if (o->fork && height == o->fork_at && make_fork(run))
			return -1;
	}
	return 0;
}

static int summarise(const struct run *run)
{
	struct output output = {stderr, "standard error"};

	if (!run->options->summary)
		return 0;
	if (run->options->summary_path && output_open(&output, run->options->summary_path))
		return -1;
	print_summary(output.file, &run->chain);
	if (run->options->fork) {
		fprintf(output.file, ", \"fork\": ");
		print_summary(output.file, &run->fork);
		fputc('}', output.file);
	}
	fputs("}\n", output.file);
	return run->options->summary_path ? output_close(&output) : 0;
}

/* Nodes take no block whose time lies far ahead: worth knowing before they are fed with it. */
static void warn_of_future(const struct gen_chain *chain)
{
	int64_t now = time(NULL);

	if (chain->tip.timestamp > now && chain->tip.timestamp - now > CHAIN_MAX_AHEAD_S)
		fprintf(stderr,
			"chaingen: warning: the tip lies %" PRId64
			" s in the future: no node takes it yet (--interval)\n",
			chain->tip.timestamp - now);
}

/* The masternodes as validators from height 1 on.  Their addresses sort as they are numbered. */
struct authority {
	struct chain_params chain; /* with them */
	struct validators validators;
	struct gen_key *keys;
	struct arena arena;
};

static int make_validators(struct authority *a, const struct gen_chain_params *params)
{
	struct validator *items = calloc(params->masternodes, sizeof(*items));
	char(*addresses)[NAME_SIZE] = calloc(params->masternodes, sizeof(*addresses));
	struct validator_list list = {.from_height = 1, .items = items, .count = params->masternodes};
	struct validators_fault fault;
	int r = -ENOMEM;

	a->keys = calloc(params->masternodes, sizeof(*a->keys));
	if (items && addresses && a->keys) {
		gen_masternode_keys(a->keys, params);
		for (size_t i = 0; i < list.count; i++) {
			snprintf(addresses[i], sizeof(addresses[i]), "10.1.%zu.%zu", 100 + i / 100, 100 + i % 100);
			items[i] = (struct validator){.address = {addresses[i], strlen(addresses[i])},
						      .tier = params->tiers[i],
						      .reward_address = gen_key_address(&a->keys[i])};
			/* The second half of libsodium's form of a secret key. */
			memcpy(items[i].public_key.bytes, a->keys[i].secret + 32, 32);
		}
		r = validators_make(&a->validators, &fault, &a->arena, &list, 1);
	}
	free(items);
	free(addresses);
	if (r)
		fprintf(stderr, "chaingen: validators: %s\n", r > 0 ? fault.text : strerror(-r));
	return r;
}

static int write_validators(const struct authority *a, const char *path)
{
	const struct validator_list *list = &a->validators.lists[0];
	struct output output = {NULL, path};
	char key[2 * 32 + 1];

	if (output_open(&output, path))
		return -1;
	fprintf(output.file, "[consensus]\nbft_from = 1\nvalidators = [ { from_height = %" PRIu64 ", validators = [\n",
		list->from_height);
	for (size_t i = 0; i < list->count; i++) {
		const struct validator *v = &list->items[i];

		hex_encode(key, a->keys[i].secret, 32);
		fprintf(output.file, "# seed of %s: %s\n", v->address.ptr, key);
		hex_encode(key, v->public_key.bytes, 32);
		fprintf(output.file,
			"{ address = \"%s\", public_key = \"%s\", tier = \"%s\", reward_address = \"%s\" },\n",
			v->address.ptr, key, wire_tier_name(v->tier), v->reward_address.ptr);
	}
	fputs("] } ]\n", output.file);
	return output_close(&output);
}

/* 0, or the mistake was printed.  The list is written, and `params` say that blocks need certificates. */
static int set_validators(struct authority *a, struct gen_chain_params *params, const char *path)
{
	if (make_validators(a, params) || write_validators(a, path))
		return -1;
	a->chain = *params->chain;
	a->chain.validators = &a->validators;
	a->chain.bft_from = 1;
	params->chain = &a->chain;
	params->validators = &a->validators.lists[0];
	return 0;
}

static int generate(const struct gen_options *options)
{
	struct gen_chain_params params = {
		.chain = &options->chain,
		.seed = options->seed,
		.fork_seed = options->fork_seed,
		.interval_s = options->interval_s,
		.transactions = options->transactions,
		.max_inputs = options->max_inputs,
		.wallets = options->wallets,
		.tiers = options->tiers,
		.masternodes = options->masternodes,
	};
	struct run run = {.options = options, .line = BUF_INIT};
	struct authority authority = {.keys = NULL};
	struct genesis genesis;
	int r;

	arena_init(&authority.arena, SIZE_MAX, NULL);
	if (options->validators && set_validators(&authority, &params, options->validators)) {
		free(authority.keys);
		arena_free(&authority.arena);
		return -1;
	}
	genesis_make_for(&genesis, &options->chain);
	gen_chain_init(&run.chain, &params, &genesis);
	r = output_open(&run.out, options->out);
	if (!r && options->fork)
		r = output_open(&run.fork_out, options->fork_out);
	if (!r)
		r = make_chain(&run);
	if (output_close(&run.out) || output_close(&run.fork_out))
		r = -1;
	if (!r) {
		warn_of_future(&run.chain);
		r = summarise(&run);
	}
	gen_chain_free(&run.fork);
	gen_chain_free(&run.chain);
	free(authority.keys);
	arena_free(&authority.arena);
	buf_free(&run.line);
	return r;
}

int main(int argc, char *argv[])
{
	struct gen_options options;
	int r;

	if (sodium_init() < 0) {
		fputs("chaingen: libsodium cannot be used\n", stderr);
		return EXIT_FAILURE;
	}
	r = gen_options_parse(&options, argc, argv);
	if (r == 0)
		r = generate(&options) ? EXIT_FAILURE : EXIT_SUCCESS;
	else
		r = r > 0 ? EXIT_SUCCESS : EXIT_USAGE;
	gen_options_free(&options);
	return r;
}
