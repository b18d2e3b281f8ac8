// SPDX-License-Identifier: MIT
/* timed-inspect block: blocks by themselves: hashes, and the rules that need no chain. */
#include "inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/genesis.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rules.h"
#include "timeproto/wire/bincode.h"

struct block_job {
	bool bincode;	    /* hexadecimal instead of a description */
	bool failed;	    /* some line was refused, or breaks a rule */
	const char *config; /* file; NULL: none was given, and nothing is asked about validators */
	struct chain_params params;
	struct arena config_arena; /* of params */
	struct arena arena;	   /* of the line at hand */
};

/* A genesis block breaks the rules of the others: it is right when it is one of those there are.  A devnet's may have
 * any timestamp. */
static bool is_genesis(const struct wire_block *block, const struct block_ids *ids)
{
	struct chain_params params;
	struct genesis genesis;
	struct wire_hash txid;

	chain_params_init(&params, CHAIN_MAINNET);
	if (block->header.timestamp != params.genesis_timestamp)
		chain_params_init_devnet(&params, block->header.timestamp, 1);
	genesis_make_for(&genesis, &params);
	hash_txid(&txid, &genesis.coinbase);
	return hash_equal(&ids->hash, &genesis.hash) && block->transactions.len == 1 &&
	       hash_equal(&ids->txids[0], &txid) && block->masternode_rewards.len == 0;
}

/* 0, an enum chain_error and `fault`, or -ENOMEM. */
static int check_block(struct chain_fault *fault, struct block_job *job, const struct wire_block *block,
		       const struct block_ids *ids)
{
	int r;

	if (block->header.height == 0 && is_genesis(block, ids))
		return 0;
	r = block_check_form(fault, &job->arena, block, ids);
	for (size_t i = 0; !r && i < block->transactions.len; i++)
		r = transaction_check_signatures(fault, &block->transactions.items[i], &ids->txids[i], (int64_t)i);
	if (!r && job->config)
		r = block_check_validators(fault, &job->arena, &job->params, block);
	if (!r && job->config)
		r = block_check_certificate(fault, &job->params, block, ids);
	return r;
}

static void print_header(const struct wire_block_header *header, const struct wire_hash *hash)
{
	char text[HASH_TEXT_SIZE], previous[HASH_TEXT_SIZE], merkle[HASH_TEXT_SIZE];

	printf("{\"hash\": \"%s\", \"version\": %" PRIu32 ", \"height\": %" PRIu64
	       ", \"previous_hash\": \"%s\", \"merkle_root\": \"%s\", \"timestamp\": %" PRId64 ", \"time\": ",
	       hash_text(text, hash), header->version, header->height, hash_text(previous, &header->previous_hash),
	       hash_text(merkle, &header->merkle_root), header->timestamp);
	inspect_print_time(header->timestamp);
	printf(", \"block_reward\": %" PRIu64, header->block_reward);
}

static void print_body(const struct wire_block *block, const struct block_ids *ids)
{
	char text[HASH_TEXT_SIZE];
	struct wire_hash root;

	hash_merkle_root(&root, ids->txids, block->transactions.len);
	printf(", \"bincode_bytes\": %zu, \"merkle_root_of_transactions\": \"%s\", \"transactions\": [",
	       wire_bincode_size_value(&wire_desc_block, block), hash_text(text, &root));
	for (size_t i = 0; i < block->transactions.len; i++)
		printf("%s\"%s\"", i > 0 ? ", " : "", hash_text(text, &ids->txids[i]));
	fputs("], \"masternode_rewards\": [", stdout);
	for (size_t i = 0; i < block->masternode_rewards.len; i++) {
		const struct wire_reward *reward = &block->masternode_rewards.items[i];

		fputs(i > 0 ? ", [" : "[", stdout);
		inspect_print_string(reward->address.ptr, reward->address.len);
		printf(", %" PRIu64 "]", reward->amount);
	}
	fputs("], \"commit\": ", stdout);
	if (block->commit)
		printf("{\"round\": %" PRIu64 ", \"signatures\": %zu}", block->commit->round,
		       block->commit->signatures.len);
	else
		fputs("null", stdout);
}

static int print_block(struct block_job *job, const struct wire_block *block)
{
	struct chain_fault fault;
	struct block_ids ids;
	int r;

	if (block_identify(&ids, &job->arena, block))
		return -ENOMEM;
	r = check_block(&fault, job, block, &ids);
	if (r < 0)
		return r;
	print_header(&block->header, &ids.hash);
	print_body(block, &ids);
	if (r) {
		job->failed = true;
		printf(", \"valid\": false, \"rule\": \"%s\", \"error\": ", chain_error_name(r));
		inspect_print_string(fault.text, strlen(fault.text));
		puts("}");
	} else {
		puts(", \"valid\": true}");
	}
	return 0;
}

static int inspect_one_block(void *user, const uint8_t *line, size_t len)
{
	struct block_job *job = user;
	struct wire_block block;
	int r;

	arena_reset(&job->arena);
	r = inspect_decode(&block, &wire_desc_block, &job->arena, line, len);
	if (r < 0)
		return r;
	if (r > 0) {
		job->failed = true;
		return 0;
	}
	return job->bincode ? inspect_print_bincode(&wire_desc_block, &block) : print_block(job, &block);
}

static int inspect_block(int argc, char *argv[])
{
	struct block_job job = {.bincode = false};
	struct inspect_options options;
	const char *option;
	int code;

	inspect_options_init(&options, argc, argv);
	while ((option = inspect_options_next(&options))) {
		if (inspect_option_is(&options, "--bincode"))
			job.bincode = true;
		else if (!inspect_option_value(&options, "--config", &job.config))
			return inspect_usage_error("unknown option: ", option);
	}
	arena_init(&job.config_arena, SIZE_MAX, NULL);
	arena_init(&job.arena, SIZE_MAX, NULL);
	code = job.config ? inspect_read_config(&job.params, &job.config_arena, job.config) : EXIT_SUCCESS;
	if (code == EXIT_SUCCESS)
		code = inspect_each_line(argv, options.operands, inspect_one_block, &job);
	arena_free(&job.arena);
	arena_free(&job.config_arena);
	return job.failed ? EXIT_FAILURE : code;
}

const struct inspect_command inspect_block_command = {
	.name = "block",
	.run = inspect_block,
	.summary = "describe blocks and check what needs no chain",
	.help = "Usage: timed-inspect block [--bincode] [--config FILE] [FILE]...\n"
		"\n"
		"Reads blocks, one a line, as JSON or as bincode in hexadecimal, and prints for each\n"
		"a JSON object in one line: hash, header, size, txids, rewards, and whether it is\n"
		"valid as far as it shows by itself (\"valid\"): form, merkle root, signatures; if\n"
		"not, the rule that it breaks.  Whether its place in the chain and its inputs are\n"
		"right only the chain knows.  A line that is no block gets \"error: \" and the byte\n"
		"and field where it went wrong.\n"
		"\n"
		"  --bincode       print only the binary form in hexadecimal (without certificate)\n"
		"  --config FILE   a node's configuration: then the times, rewards and certificates that\n"
		"                  its validators demand are checked as well\n"
		"  --help          print this\n"
		"\n"
		"Without FILE, or where FILE is \"-\", standard input is read.\n"
		"\n"
		"Exit code: 0, 1 if a line was refused or a block breaks a rule, 2 for wrong usage.\n",
};
