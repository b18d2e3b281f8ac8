/* SPDX-License-Identifier: MIT
 *
 * Chains for tests: makes valid blocks on top of any other, with rewards and signed transactions, in a tree of
 * branches; and a model of the unspent outputs that is as simple as can be, to compare the real one with.
 *
 *	struct chain_fixture *f = chain_fixture_new();
 *	struct fixture_block *a = fixture_block(f, f->root, NULL, 0, 1);	a block of rewards
 *	struct fixture_coin coin = fixture_reward(f, a, 0);
 *	struct wire_transaction tx = fixture_pay(f, &coin, 1, 1, 1000);		all to owner 1, but a fee of 1000
 *	struct fixture_block *b = fixture_block(f, a, &tx, 1, 1);
 *
 * Everything is determined by its arguments (salts tell siblings apart) and lives as long as the fixture.  Blocks may
 * be altered by hand; fixture_seal() then makes merkle root and hashes fit again.  No memory is a reason to abort.
 *
 * With fixture_validators() blocks from a height on have the validators' time, rewards and certificate.
 *
 * Thread safety: one owner; what has been made may be read by any thread.
 */
#ifndef TIMED_TESTS_CHAIN_FIXTURE_H
#define TIMED_TESTS_CHAIN_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/chain/address.h"
#include "timeproto/chain/genesis.h"
#include "timeproto/chain/rules.h"
#include "timeproto/chain/validators.h"

#define FIXTURE_OWNERS 8
/* Owners that share a block's reward. */
#define FIXTURE_REWARDS 4
/* Owners 0 to 3 are the validators, at 10.0.0.1 to 10.0.0.4; three of them are a quorum. */
#define FIXTURE_VALIDATORS 4
/* The round of every certificate. */
#define FIXTURE_ROUND 5

/* Somebody with a key. */
struct fixture_owner {
	uint8_t secret[64];
	struct wire_key key;
	char address[ADDRESS_TEXT_SIZE];
};

struct fixture_block {
	const struct fixture_block *parent; /* NULL: genesis */
	struct wire_block block;
	struct block_ids ids;
};

struct chain_fixture {
	struct chain_params params; /* testnet's */
	struct genesis genesis;
	struct validators validators; /* of params, after fixture_validators() */
	struct fixture_owner owners[FIXTURE_OWNERS];
	struct fixture_block *root; /* the genesis block */
	struct arena arena;	    /* everything that is made */
	uint64_t random;	    /* state of fixture_random() */
};

/* An output that may be spent. */
struct fixture_coin {
	struct wire_outpoint outpoint;
	uint64_t value;
	int owner; /* index; -1: none of ours (genesis) */
};

struct chain_fixture *chain_fixture_new(void);
void chain_fixture_free(struct chain_fixture *f);

/* From the height `from` on blocks need certificates; to be called before such blocks are made.  They then have one,
 * and those with different salts differ no more. */
void fixture_validators(struct chain_fixture *f, uint64_t from);
/* Precommits of a quorum for the block: its certificate. */
void fixture_certify(struct chain_fixture *f, struct fixture_block *block);

/* A time at which every block of the fixture may be connected. */
int64_t fixture_now(void);
/* A number below `bound`; the sequence depends on f->random alone. */
uint64_t fixture_random(struct chain_fixture *f, uint64_t bound);

/* A signed transaction: `count` coins to `outs` outputs of `values[i]` satoshis for owner `to[i]`. */
struct wire_transaction fixture_transaction(struct chain_fixture *f, const struct fixture_coin *coins, size_t count,
					    const int *to, const uint64_t *values, size_t outs);
/* All of the coins but `fee` to one owner. */
struct wire_transaction fixture_pay(struct chain_fixture *f, const struct fixture_coin *coins, size_t count, int to,
				    uint64_t fee);
/* Signs all inputs anew, after the transaction was altered. */
void fixture_sign(struct chain_fixture *f, struct wire_transaction *transaction, const struct fixture_coin *coins);

/* A valid block on `parent` with these transactions (copied) after its coinbase, paying 100 TIME and the given fees to
 * FIXTURE_REWARDS owners.  Blocks with different salts (0 to 500) differ. */
struct fixture_block *fixture_block_with_fees(struct chain_fixture *f, const struct fixture_block *parent,
					      const struct wire_transaction *transactions, size_t count, uint64_t fees,
					      uint32_t salt);
/* The same; the fees are found by looking at what the transactions spend, in the chain of `parent` and in the block. */
struct fixture_block *fixture_block(struct chain_fixture *f, const struct fixture_block *parent,
				    const struct wire_transaction *transactions, size_t count, uint32_t salt);
/* A block with up to `most` random transactions that spend coins of the chain and of each other. */
struct fixture_block *fixture_random_block(struct chain_fixture *f, const struct fixture_block *parent, size_t most,
					   uint32_t salt);
/* `count` blocks of rewards alone; the last one. */
struct fixture_block *fixture_extend(struct chain_fixture *f, const struct fixture_block *parent, size_t count,
				     uint32_t salt);
/* A copy of a block, to be altered and sealed: nothing in it is shared but scripts. */
struct fixture_block *fixture_copy(struct chain_fixture *f, const struct fixture_block *block);
/* Makes merkle root, txids, hash and the certificate, where one is needed, fit the contents. */
void fixture_seal(struct chain_fixture *f, struct fixture_block *block);
/* Makes the coinbase pay masternode_rewards again; then the block is to be sealed. */
void fixture_repay(struct chain_fixture *f, struct fixture_block *block);

/* The coin of an output of a block: its i-th reward, or any. */
struct fixture_coin fixture_reward(const struct chain_fixture *f, const struct fixture_block *block, uint32_t i);
struct fixture_coin fixture_output(const struct chain_fixture *f, const struct fixture_block *block, size_t transaction,
				   uint32_t vout);

/* The way from genesis (without it) to `block`; `*count` blocks; free(). */
const struct fixture_block **fixture_path(const struct fixture_block *block, size_t *count);
/* The block's ancestor at that height. */
const struct fixture_block *fixture_ancestor(const struct fixture_block *block, uint64_t height);

/* The model: unspent outputs at a block, in the order of the state hash; free(). */
struct fixture_coin *fixture_unspent(const struct chain_fixture *f, const struct fixture_block *block, size_t *count);
/* The UTXO state hash at a block, from the model. */
void fixture_state_hash(const struct chain_fixture *f, const struct fixture_block *block, struct wire_hash *out);

#endif
