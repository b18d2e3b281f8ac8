/* SPDX-License-Identifier: MIT
 *
 * Payments: which coins are spent, what the transaction looks like, and its signatures.  The coins come from the
 *caller, who knows the chain and the pool; nothing here asks them, and nothing is sent.
 *
 *	payment_choose		coins for an amount: an exact match if there is one, else the fewest	(pure)
 *	payment_pay		chooses, adds the change, builds and signs
 *	payment_merge		many small coins into one
 *	payment_sign		signatures for what somebody else has built
 *
 * The fee is exactly what policy asks for (timeproto/chain/fee.h): it depends on the outputs alone, so inputs cost
 * nothing.  Change that would be dust is left to the fee.  With the same seed the same is chosen, in the same order;
 *the seed should be random, so that neither the order of the inputs nor the place of the change says anything.
 *
 * Amounts are in satoshis.  Ownership: what is handed out lives in the caller's arena.
 * Thread safety: any thread; payment_choose() is pure, the others use the wallet, and threads of their own to sign many
 * inputs.
 */
#ifndef TIMED_NODE_PAYMENT_H
#define TIMED_NODE_PAYMENT_H

#include <stddef.h>
#include <stdint.h>

#include "timed/node/wallet.h"
#include "timeproto/base/arena.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/types.h"

enum payment_error {
	PAYMENT_E_ADDRESS = 1, /* no address at all, or mistyped */
	PAYMENT_E_NETWORK,     /* an address of another network */
	PAYMENT_E_AMOUNT,      /* nothing is to be paid, or to too many */
	PAYMENT_E_DUST,	       /* an amount that pools hold for dust */
	PAYMENT_E_OVERFLOW,    /* a sum leaves 64 bits */
	PAYMENT_E_FUNDS,       /* all coins together do not pay amount and fee */
	PAYMENT_E_INPUTS,      /* they would, but not as many as one transaction may spend */
	PAYMENT_E_FEW,	       /* too few coins to merge */
	PAYMENT_E_LOCKED,      /* the wallet is locked */
};

#define PAYMENT_TEXT_SIZE 256
/* What is wrong, for people, with the amounts. */
struct payment_fault {
	enum payment_error error;
	char text[PAYMENT_TEXT_SIZE];
};

/* An unspent output of ours, which no other transaction spends. */
struct payment_coin {
	struct wire_outpoint outpoint; /* each once in a list */
	uint64_t value;
	uint32_t key; /* of the wallet */
};

/* To whom, how much. */
struct payment_target {
	struct wire_str address; /* checked here */
	uint64_t amount;
};

/* Which coins; the sums are inputs = amount + change + fee. */
struct payment_plan {
	size_t *coins; /* indexes into the list, in the order in which they are spent */
	size_t count;
	uint64_t inputs;
	uint64_t change; /* 0: none; never dust */
	uint64_t fee;
};

/* Inputs that a transaction may have beside outputs of so many bytes of bincode, with room for change. */
size_t payment_max_inputs(size_t output_bytes);

/* Coins that pay `amount` and its fee, at most `max_inputs`.  0; PAYMENT_E_OVERFLOW, PAYMENT_E_FUNDS or
 * PAYMENT_E_INPUTS and `fault`; -ENOMEM (the arena refused). */
int payment_choose(struct payment_plan *out, struct payment_fault *fault, struct arena *arena,
		   const struct payment_coin *coins, size_t count, uint64_t amount, size_t max_inputs, uint64_t seed)
	__attribute__((warn_unused_result));

/* The outputs that pay the targets, in their order, and `*sum` of them.  0; PAYMENT_E_ADDRESS, PAYMENT_E_NETWORK,
 * PAYMENT_E_AMOUNT, PAYMENT_E_DUST or PAYMENT_E_OVERFLOW and `fault`; -ENOMEM. */
int payment_outputs(struct wire_tx_output_list *out, uint64_t *sum, struct payment_fault *fault, struct arena *arena,
		    const struct payment_target *targets, size_t count, enum chain_network network)
	__attribute__((warn_unused_result));

struct payment_request {
	enum chain_network network;
	const struct payment_coin *coins; /* what may be spent */
	size_t coin_count;
	const struct payment_target *targets;
	size_t target_count;
	uint64_t seed;
	int64_t timestamp; /* of the transaction, Unix seconds */
	unsigned threads;  /* for signing; 0: one per core */
};

/* No output is change. */
#define PAYMENT_NO_CHANGE UINT32_MAX

struct payment {
	struct wire_transaction transaction; /* signed */
	struct wire_hash txid;
	uint64_t fee;
	const size_t *coins;	/* of each input: index into the list of the request */
	uint32_t change_output; /* index, or PAYMENT_NO_CHANGE */
	uint32_t change_key;	/* the new key it is paid to */
};

/* 0; any enum payment_error and `fault`; -ENOMEM. */
int payment_pay(struct payment *out, struct payment_fault *fault, struct arena *arena, struct wallet *wallet,
		const struct payment_request *request) __attribute__((warn_unused_result));

struct payment_merge_request {
	enum chain_network network;
	const struct payment_coin *coins; /* of which the smallest are merged */
	size_t coin_count;
	size_t min;		 /* with fewer coins than this (and than 2) nothing is done */
	size_t max;		 /* and no more are merged; 0: as many as a transaction may spend */
	struct wire_str address; /* that gets the sum; empty: a new key */
	uint64_t seed;
	int64_t timestamp;
	unsigned threads;
};

/* One output gets all but the fee: in `out` it counts as change if it goes to a new key.  0; PAYMENT_E_FEW,
 * PAYMENT_E_FUNDS (the sum would be dust), PAYMENT_E_ADDRESS, PAYMENT_E_NETWORK, PAYMENT_E_OVERFLOW or PAYMENT_E_LOCKED
 * and `fault`; -ENOMEM. */
int payment_merge(struct payment *out, struct payment_fault *fault, struct arena *arena, struct wallet *wallet,
		  const struct payment_merge_request *request) __attribute__((warn_unused_result));

/* An input that is to be left as it is. */
#define PAYMENT_NOT_OURS UINT32_MAX

/* Signs input i by key `keys[i]` of the wallet: its script_sig is replaced.  0; PAYMENT_E_LOCKED and `fault`; -ENOMEM:
 * then nothing is changed. */
int payment_sign(struct payment_fault *fault, struct arena *arena, struct wire_transaction *transaction,
		 const uint32_t *keys, struct wallet *wallet, unsigned threads) __attribute__((warn_unused_result));

#endif
