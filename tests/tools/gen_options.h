/* SPDX-License-Identifier: MIT
 *
 * The command line of chaingen.
 *
 * Thread safety: one owner.
 */
#ifndef TESTS_TOOLS_GEN_OPTIONS_H
#define TESTS_TOOLS_GEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/params.h"
#include "timeproto/wire/message.h"

struct gen_options {
	struct chain_params chain; /* of the network, or devnet, that is asked for */
	uint64_t seed;		   /* as in gen_chain.h, and so all down to the masternodes */
	uint64_t fork_seed;
	uint64_t interval_s;
	uint64_t blocks; /* beside genesis */
	size_t transactions;
	size_t max_inputs;
	size_t wallets;
	enum wire_tier *tiers; /* of the masternodes; owned */
	size_t masternodes;
	const char *validators;	  /* the file of their list; NULL: there are none */
	bool fork;		  /* a second chain is to be made, with the next three */
	uint64_t fork_at;	  /* height of the last common block */
	uint64_t fork_blocks;	  /* above that */
	const char *fork_out;	  /* its file */
	const char *out;	  /* "-": standard output */
	bool summary;		  /* is to be printed */
	const char *summary_path; /* NULL: standard error */
};

/* 0; 1: --help was printed; -1: the mistake was printed. */
int gen_options_parse(struct gen_options *out, int argc, char *argv[]) __attribute__((warn_unused_result));
void gen_options_free(struct gen_options *options);

#endif
