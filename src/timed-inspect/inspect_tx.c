// SPDX-License-Identifier: MIT
/* timed-inspect tx: transactions by themselves, without the chain that their inputs come from. */
#include "inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/address.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/sign.h"
#include "timeproto/wire/bincode.h"

struct tx_job {
	bool bincode;		    /* hexadecimal instead of a description */
	bool failed;		    /* some line was refused, or some signature */
	enum chain_network network; /* whose addresses the keys of inputs have */
	struct arena arena;	    /* of the line at hand */
};

/* False when the input is not signed as it should be. */
static bool print_input(const struct tx_job *job, const struct wire_tx_input *input, const struct sign_base *base,
			uint32_t index)
{
	bool form = input->script_sig.len == SIGN_SCRIPT_SIG_BYTES;
	bool valid = sign_verify(base, index, &input->script_sig);
	char txid[HASH_TEXT_SIZE], address[ADDRESS_TEXT_SIZE];
	struct wire_key key;

	printf("{\"txid\": \"%s\", \"vout\": %" PRIu32 ", \"sequence\": %" PRIu32 ", \"script_sig\": \"",
	       hash_text(txid, &input->previous_output.txid), input->previous_output.vout, input->sequence);
	inspect_print_hex(input->script_sig.ptr, input->script_sig.len);
	putchar('"');
	if (form) {
		memcpy(key.bytes, input->script_sig.ptr, sizeof(key.bytes));
		address_from_key(address, &key, job->network);
		fputs(", \"public_key\": \"", stdout);
		inspect_print_hex(key.bytes, sizeof(key.bytes));
		printf("\", \"address\": \"%s\"", address);
	}
	printf(", \"signature\": \"%s\"}", valid ? "valid" : form ? "invalid" : "malformed");
	return valid;
}

static void print_output(const struct wire_tx_output *output)
{
	printf("{\"value\": %" PRIu64 ", \"script_pubkey\": \"", output->value);
	inspect_print_hex(output->script_pubkey.ptr, output->script_pubkey.len);
	fputs("\", \"address\": ", stdout);
	inspect_print_script_address(&output->script_pubkey);
	putchar('}');
}

static void print_transaction(struct tx_job *job, const struct wire_transaction *tx)
{
	char txid[HASH_TEXT_SIZE];
	struct sign_base base;
	struct wire_hash hash;

	hash_txid(&hash, tx);
	sign_base_make(&base, tx);
	printf("{\"txid\": \"%s\", \"bincode_bytes\": %zu, \"version\": %" PRIu32 ", \"lock_time\": %" PRIu32
	       ", \"timestamp\": %" PRId64 ", \"time\": ",
	       hash_text(txid, &hash), wire_bincode_size_value(&wire_desc_transaction, tx), tx->version, tx->lock_time,
	       tx->timestamp);
	inspect_print_time(tx->timestamp);
	printf(", \"coinbase\": %s, \"inputs\": [", tx->inputs.len == 0 ? "true" : "false");
	for (size_t i = 0; i < tx->inputs.len; i++) {
		if (i > 0)
			fputs(", ", stdout);
		if (!print_input(job, &tx->inputs.items[i], &base, (uint32_t)i))
			job->failed = true;
	}
	fputs("], \"outputs\": [", stdout);
	for (size_t i = 0; i < tx->outputs.len; i++) {
		if (i > 0)
			fputs(", ", stdout);
		print_output(&tx->outputs.items[i]);
	}
	puts("], \"fee\": null}");
}

static int inspect_transaction(void *user, const uint8_t *line, size_t len)
{
	struct tx_job *job = user;
	struct wire_transaction tx;
	int r;

	arena_reset(&job->arena);
	r = inspect_decode(&tx, &wire_desc_transaction, &job->arena, line, len);
	if (r < 0)
		return r;
	if (r > 0)
		job->failed = true;
	else if (job->bincode)
		return inspect_print_bincode(&wire_desc_transaction, &tx);
	else
		print_transaction(job, &tx);
	return 0;
}

static int inspect_tx(int argc, char *argv[])
{
	struct tx_job job = {.network = CHAIN_TESTNET};
	struct inspect_options options;
	const char *option;
	int mistake = 0, code;

	inspect_options_init(&options, argc, argv);
	while ((option = inspect_options_next(&options))) {
		if (inspect_option_is(&options, "--bincode"))
			job.bincode = true;
		else if (!inspect_option_network(&options, &job.network, &mistake))
			return inspect_usage_error("unknown option: ", option);
		if (mistake)
			return mistake;
	}
	arena_init(&job.arena, SIZE_MAX, NULL);
	code = inspect_each_line(argv, options.operands, inspect_transaction, &job);
	arena_free(&job.arena);
	return job.failed ? EXIT_FAILURE : code;
}

const struct inspect_command inspect_tx_command = {
	.name = "tx",
	.run = inspect_tx,
	.summary = "describe transactions and check their signatures",
	.help = "Usage: timed-inspect tx [--bincode] [--network NAME] [FILE]...\n"
		"\n"
		"Reads transactions, one a line, as JSON or as bincode in hexadecimal, and prints\n"
		"for each a JSON object in one line: txid, size, inputs, each with the check of its\n"
		"signature (\"valid\", \"invalid\", \"malformed\"), and outputs, values in satoshis.\n"
		"What the inputs spend, and so the fee, only the chain knows.  A line that is no\n"
		"transaction gets \"error: \" and the byte and field where it went wrong.\n"
		"\n"
		"  --bincode        print only the binary form in hexadecimal\n"
		"  --network NAME   whose addresses the keys have: testnet (default), mainnet, devnet\n"
		"  --help           print this\n"
		"\n"
		"Without FILE, or where FILE is \"-\", standard input is read.\n"
		"\n"
		"Exit code: 0, 1 if a line was refused or a signature does not hold, 2 for wrong\n"
		"usage.\n",
};
