/* SPDX-License-Identifier: MIT
 *
 * A chain that grows by blocks of the generator's own making, each of them checked by every rule of
 * timeproto/chain/rules.h before it is given out: what the tools and tests of the floors above compare themselves with.
 *
 * What a block holds follows from the parameters and the blocks before it: two chains of the same parameters are equal,
 * and a longer one begins with the shorter one.
 *
 * Memory: running out of it ends the program.
 * Thread safety: one owner.
 */
#ifndef TESTS_TOOLS_GEN_CHAIN_H
#define TESTS_TOOLS_GEN_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen_coins.h"
#include "gen_keys.h"
#include "gen_random.h"
#include "timeproto/base/arena.h"
#include "timeproto/chain/genesis.h"
#include "timeproto/chain/params.h"
#include "timeproto/chain/rules.h"
#include "timeproto/chain/validators.h"

struct gen_chain_params {
	const struct chain_params *chain; /* of the network */
	uint64_t seed;			  /* another one makes another chain */
	uint64_t fork_seed;		  /* makes what gen_chain_fork() branches off another branch */
	uint64_t interval_s;		  /* between timestamps */
	size_t transactions;		  /* of a block, beside the coinbase, once there are coins for so many */
	size_t max_inputs;		  /* of a transaction */
	size_t wallets;			  /* that coins are sent to; the masternodes are wallets too */
	const enum wire_tier *tiers;	  /* of the masternodes, which share the rewards */
	size_t masternodes;		  /* at least 1 */
	const struct validator_list
		*validators; /* the masternodes, in this order; NULL: blocks carry no certificates */
};

/* The keys of the masternodes of a chain: what validators sign with, and are paid at. */
void gen_masternode_keys(struct gen_key *out, const struct gen_chain_params *params);

struct gen_chain {
	const struct gen_chain_params *params; /* the caller's */
	const struct genesis *genesis;	       /* likewise */
	struct gen_key *keys;	  /* of masternodes, masternodes of a fork, wallets; shared by all forks of a chain */
	bool is_fork;		  /* the keys are another chain's */
	size_t first_masternode;  /* index of the key that the first one of this branch is rewarded at */
	struct gen_random random; /* what the next block will hold */
	struct gen_coins coins;	  /* up to the tip */
	struct gen_coin *purse;	  /* the unspent outputs that a key owns, in an order of no meaning */
	size_t purse_count;	  /* of them */
	size_t purse_room;	  /* allocated */
	struct chain_point tip;	  /* the newest block */
	uint64_t transactions;	  /* in the whole chain, coinbases included */
	struct arena arena;	  /* of the newest block */
	struct wire_block block;  /* the newest one */
};

/* A chain of the genesis block alone.  What the pointers in `params` lead to, and `genesis`, must outlive it. */
void gen_chain_init(struct gen_chain *chain, const struct gen_chain_params *params, const struct genesis *genesis);
/* Another branch that begins at the tip of `chain`, of other blocks: their rewards go to other masternodes, or, where
 * there are validators, their transactions are others.  `chain` must outlive it. */
void gen_chain_fork(struct gen_chain *out, const struct gen_chain *chain);
/* A chain, or a fork of one. */
void gen_chain_free(struct gen_chain *chain);

/* Puts one more block on the tip: chain->block, valid until the next call.  0; or an enum chain_error and `fault`: with
 * these parameters no valid block can be made, and the chain cannot be used any more. */
int gen_chain_next(struct gen_chain *chain, struct chain_fault *fault) __attribute__((warn_unused_result));

#endif
