/* SPDX-License-Identifier: MIT
 *
 * The generator's own picture of a chain, in memory: every unspent output and every transaction id.  It shares no code
 * with the chain store, so the two can be compared.
 *
 * Memory: running out of it ends the program.
 * Thread safety: one owner.
 */
#ifndef TESTS_TOOLS_GEN_COINS_H
#define TESTS_TOOLS_GEN_COINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen_keys.h"
#include "timeproto/wire/types.h"

/* The genesis output, which no key can spend. */
#define GEN_OWNER_GENESIS (UINT32_MAX - 1)

struct gen_coin {
	struct wire_outpoint outpoint; /* where it was made */
	uint32_t owner;		       /* index of its key, or GEN_OWNER_GENESIS */
	uint64_t value;		       /* satoshis */
};

struct gen_coins {
	struct gen_coin *slots;	 /* open addressing; owner UINT32_MAX: empty */
	size_t slot_count;	 /* a power of two, at least half of them empty */
	size_t count;		 /* unspent outputs */
	struct wire_hash *txids; /* of all transactions, open addressing; zero: empty */
	size_t txid_slots;	 /* a power of two, at least half of them empty */
	size_t txid_count;	 /* transactions */
};

void gen_coins_init(struct gen_coins *coins);
void gen_coins_copy(struct gen_coins *out, const struct gen_coins *coins);
void gen_coins_free(struct gen_coins *coins);

/* NULL when it is not unspent.  Valid until the next change. */
const struct gen_coin *gen_coins_find(const struct gen_coins *coins, const struct wire_outpoint *outpoint);
/* The outpoint must not be there. */
void gen_coins_add(struct gen_coins *coins, const struct gen_coin *coin);
/* False: it was not there. */
bool gen_coins_remove(struct gen_coins *coins, const struct wire_outpoint *outpoint);

void gen_coins_add_txid(struct gen_coins *coins, const struct wire_hash *txid);
bool gen_coins_has_txid(const struct gen_coins *coins, const struct wire_hash *txid);

/* The UTXO state hash (PROTOCOL.md §6) and the sum of all values. */
void gen_coins_state(const struct gen_coins *coins, const struct gen_key *keys, struct wire_hash *hash,
		     uint64_t *value);

#endif
