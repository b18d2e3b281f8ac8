/* SPDX-License-Identifier: MIT
 *
 * The rules that make a block valid on top of another one (PROTOCOL.md §6 "A block connects to our tip"), one function
 * per group of rules that needs the same knowledge:
 *
 *	block_identify			the hashes of a block				(the bytes alone)
 *	block_check_form		version, sizes, merkle root, txids, coinbase	(the block alone)
 *	transaction_check_signatures	signatures					(the transaction alone)
 *	block_check_place		height, previous hash, time			(the block before it)
 *	block_check_spends		inputs, owners, amounts, fees, rewards		(the unspent outputs)
 *	block_check_validators		its slot and the validators' shares		(the block alone)
 *	block_check_certificate		their signatures				(the block alone)
 *
 * A block for which all of them return 0, in any order, is valid.  Those that need no chain may run on any thread; the
 * rest belongs to whoever holds the chain.  The genesis block obeys none of this: genesis.h makes it.
 *
 * Everything that can be wrong has its own code and a text that names the transaction, the input and the amounts.
 *
 * Whatever the block is, the work done and the memory taken from the arena are in proportion to its size.
 *
 * Ownership: what the functions hand out lives in the caller's arena and may point into the block.
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_RULES_H
#define TIMEPROTO_CHAIN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/types.h"

#define CHAIN_BLOCK_VERSION 1
#define CHAIN_MAX_BLOCK_BYTES ((size_t)2000000)	      /* of bincode */
#define CHAIN_MAX_TRANSACTION_BYTES ((size_t)1000000) /* of bincode */
#define CHAIN_MAX_TRANSACTIONS 10000		      /* of a block */
#define CHAIN_MAX_AHEAD_S 600			      /* a timestamp ahead of our clock */

enum chain_error {
	CHAIN_E_VERSION = 1,	   /* header version is not 1 */
	CHAIN_E_HEIGHT,		   /* not the tip's plus one */
	CHAIN_E_PREVIOUS,	   /* does not continue the tip */
	CHAIN_E_TIME_OLD,	   /* not after its predecessor */
	CHAIN_E_TIME_AHEAD,	   /* over 600 s ahead of our clock: may become valid */
	CHAIN_E_BLOCK_SIZE,	   /* over 2 000 000 bytes */
	CHAIN_E_TRANSACTION_SIZE,  /* over 1 000 000 bytes */
	CHAIN_E_TRANSACTION_COUNT, /* over 10 000 */
	CHAIN_E_MERKLE_ROOT,	   /* does not fit the transactions */
	CHAIN_E_NO_COINBASE,	   /* the first transaction has inputs, or there is none */
	CHAIN_E_SECOND_COINBASE,   /* another transaction has no inputs */
	CHAIN_E_COINBASE_FORM,	   /* its version, lock_time or timestamp */
	CHAIN_E_COINBASE_OUTPUTS,  /* they are not masternode_rewards */
	CHAIN_E_TXID_TWICE,	   /* in the block */
	CHAIN_E_TXID_KNOWN,	   /* in the chain */
	CHAIN_E_INPUT_UNKNOWN,	   /* spends what is not there, or is spent already */
	CHAIN_E_INPUT_TWICE,	   /* spent twice inside the block */
	CHAIN_E_SCRIPT_SIG,	   /* not 32 bytes of key and 64 of signature */
	CHAIN_E_SIGNATURE,	   /* does not verify */
	CHAIN_E_OWNER,		   /* the key does not hash to the address of the output */
	CHAIN_E_OUTPUTS_EXCEED,	   /* pays out more than comes in */
	CHAIN_E_OVERFLOW,	   /* a sum leaves 64 bits */
	CHAIN_E_BLOCK_REWARD,	   /* block_reward is not 100 TIME + fees */
	CHAIN_E_REWARD_SUM,	   /* masternode_rewards add up to too much or too little */
	CHAIN_E_SLOT_TIME,	   /* with validators: not exactly the time of its height */
	CHAIN_E_REWARD_SHARES,	   /* with validators: not exactly their rewards */
	CHAIN_E_NO_CERTIFICATE,	   /* with validators: it has none, which may still come: nobody's fault */
	CHAIN_E_CERTIFICATE,	   /* with validators: what it has is none; another one may fit */
	CHAIN_E_COUNT
};

/* "CHAIN_E_MERKLE_ROOT" ..., "?" for a number that is none. */
const char *chain_error_name(int error);

#define CHAIN_FAULT_TEXT_SIZE 384
/* What is wrong, where. */
struct chain_fault {
	enum chain_error error;
	char text[CHAIN_FAULT_TEXT_SIZE]; /* for people: the transaction, input and amounts where there are any */
};

/* A block of a chain, by its place in it. */
struct chain_point {
	uint64_t height;
	struct wire_hash hash;
	int64_t timestamp; /* of its header, Unix seconds */
};

/* The hashes of a block and its transactions. */
struct block_ids {
	struct wire_hash hash;
	struct wire_hash *txids; /* one per transaction, in order; in the arena */
};

/* 0 or -ENOMEM (the arena refused). */
int block_identify(struct block_ids *out, struct arena *arena, const struct wire_block *block)
	__attribute__((warn_unused_result));

/* What the block shows by itself; `ids` are what block_identify() gave for it.  `arena` is scratch.  0, an enum
 * chain_error and `fault`, or -ENOMEM. */
int block_check_form(struct chain_fault *fault, struct arena *arena, const struct wire_block *block,
		     const struct block_ids *ids) __attribute__((warn_unused_result));

/* Each input's script_sig: its form, and its signature (sign.h).  `position` in its block is for the text only; -1: in
 * none.  Nothing to check in a coinbase.  0, CHAIN_E_SCRIPT_SIG or CHAIN_E_SIGNATURE. */
int transaction_check_signatures(struct chain_fault *fault, const struct wire_transaction *transaction,
				 const struct wire_hash *txid, int64_t position) __attribute__((warn_unused_result));

/* Whether the header continues `tip`, at the time `now_s` (Unix seconds). */
int block_check_place(struct chain_fault *fault, const struct wire_block_header *header, const struct chain_point *tip,
		      int64_t now_s) __attribute__((warn_unused_result));

/* An unspent output. */
struct coin {
	uint64_t value; /* satoshis */
	struct wire_bytes script;
};

/* The unspent outputs and transactions of the chain up to the tip. */
struct coin_source {
	/* 0 and `*out`, whose script stays valid as long as `arena`; 1: there is no such unspent output; negative: the
	 * source failed. */
	int (*find)(void *user, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint);
	/* 1: a transaction with this id is in the chain; 0: none; negative: the source failed. */
	int (*has_transaction)(void *user, const struct wire_hash *txid);
	void *user;
};

/* An output of the chain that a block spends, as it was: what undoing the block restores. */
struct spent_coin {
	struct wire_outpoint outpoint;
	struct coin coin;
};

/* An output of a block that is still unspent at its end. */
struct created_coin {
	uint32_t transaction; /* index in the block */
	uint32_t vout;
};

/* What connecting a block does to the unspent outputs; lists in the arena. */
struct block_effects {
	struct spent_coin *spent; /* in the order of the inputs; outputs made by the block itself are not among them */
	size_t spent_count;
	struct created_coin *created; /* in order */
	size_t created_count;
	uint64_t fees;		/* satoshis */
	uint64_t spent_value;	/* sum of `spent` */
	uint64_t created_value; /* sum of `created` */
};

/* What needs the unspent outputs; `ids` are what block_identify() gave for it.  0, an enum chain_error and `fault`, or
 * negative (out of memory; what the source returned).  `*out` counts only after 0. */
int block_check_spends(struct block_effects *out, struct chain_fault *fault, struct arena *arena,
		       const struct chain_params *params, const struct wire_block *block, const struct block_ids *ids,
		       const struct coin_source *source) __attribute__((warn_unused_result));

/* One transaction, not a coinbase, against its coins: `coins[i]` is what input i spends.  Form of the script_sigs,
 * owners, sums; `*fee` is what is left over.  0, CHAIN_E_SCRIPT_SIG, CHAIN_E_OWNER, CHAIN_E_OVERFLOW or
 * CHAIN_E_OUTPUTS_EXCEED. */
int transaction_check_amounts(struct chain_fault *fault, uint64_t *fee, const struct chain_params *params,
			      const struct wire_transaction *transaction, const struct wire_hash *txid,
			      int64_t position, const struct coin *coins) __attribute__((warn_unused_result));

/* ---- With validators (PROTOCOL.md §9) ---- */

/* True: the block at this height needs a certificate of the validators, and obeys their time and shares.  Below, a
 * certificate means nothing. */
bool block_needs_certificate(const struct chain_params *params, uint64_t height);
/* Its exact time and rewards; `arena` is scratch.  0 where none are needed; CHAIN_E_SLOT_TIME, CHAIN_E_REWARD_SHARES,
 * or -ENOMEM. */
int block_check_validators(struct chain_fault *fault, struct arena *arena, const struct chain_params *params,
			   const struct wire_block *block) __attribute__((warn_unused_result));
/* 0, or CHAIN_E_NO_CERTIFICATE: it needs a certificate and has none. */
int block_check_certified(struct chain_fault *fault, const struct chain_params *params, const struct wire_block *block)
	__attribute__((warn_unused_result));
/* The same, and what the certificate is worth; `ids` are what block_identify() gave for it.  Costs a verification of
 * Ed25519 per signature.  0, CHAIN_E_NO_CERTIFICATE or CHAIN_E_CERTIFICATE. */
int block_check_certificate(struct chain_fault *fault, const struct chain_params *params,
			    const struct wire_block *block, const struct block_ids *ids)
	__attribute__((warn_unused_result));

#endif
