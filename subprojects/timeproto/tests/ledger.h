/* SPDX-License-Identifier: MIT
 *
 * An in-memory chain for the tests of the rules: its unspent outputs, txids and tip, as plainly as they can be written.
 * What goes wrong here fails the test.
 */
#ifndef TIMEPROTO_TESTS_LEDGER_H
#define TIMEPROTO_TESTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/rules.h"

/* An output, spent or not; and with vout LEDGER_TXID the mark that the transaction is in the chain. */
struct ledger_entry {
	struct wire_outpoint outpoint;
	struct coin coin;
	bool used; /* of the table */
	bool unspent;
};

#define LEDGER_TXID UINT32_MAX

struct ledger {
	struct arena arena; /* holds the scripts */
	struct ledger_entry *entries;
	size_t capacity; /* a power of two */
	size_t used;
	struct chain_point tip;
	struct coin_source source; /* of this ledger */
	int find_error;		   /* when not 0 the source fails with it */
	int has_transaction_error;
};

void ledger_init(struct ledger *ledger);
void ledger_free(struct ledger *ledger);
void ledger_add_coin(struct ledger *ledger, const struct wire_outpoint *outpoint, uint64_t value, const void *script,
		     size_t len);
/* NULL when it never existed. */
struct ledger_entry *ledger_find(struct ledger *ledger, const struct wire_outpoint *outpoint);
/* Marks a transaction as one of the chain. */
void ledger_add_txid(struct ledger *ledger, const struct wire_hash *txid);
/* Does what the effects of a valid block say; the block becomes the tip. */
void ledger_connect(struct ledger *ledger, const struct wire_block *block, const struct block_ids *ids,
		    const struct block_effects *effects);
/* The number of unspent outputs, their UTXO state hash, and their sum. */
uint64_t ledger_state_hash(struct ledger *ledger, struct wire_hash *out, uint64_t *total);

#endif
