/* SPDX-License-Identifier: MIT
 *
 * A valid block with signed transactions for the tests of the rules to damage, on a chain in memory, and the verdict of
 * all rules on it.
 *
 * The chain stands at height 41.  Its coins, as (owner, TIME): c0 (key 0, 50), c1 (key 1, 20), c2 (key 0, 7), c3 (key
 * 3, 9), c4 (key 1, 5); the txid of each begins with 0xc0 and the number, its vout is the number.  The block:
 *
 *	0	coinbase, three rewards
 *	1	c0, c1		-> 30 to key 2, 39 to key 3	fee 1 TIME
 *	2	1:0, c2		-> 36 to key 1, the rest to key 0	fee 5 000 satoshis
 *	3	c3		-> 9 to key 2			no fee
 */
#ifndef TIMEPROTO_TESTS_SAMPLE_H
#define TIMEPROTO_TESTS_SAMPLE_H

#include "ledger.h"
#include "timeproto/chain/address.h"
#include "timeproto/chain/rewards.h"

#define SAMPLE_KEYS 4
#define SAMPLE_FEES (CHAIN_COIN + 5000)

struct sample {
	struct arena arena; /* of the block: everything in it may be written to */
	struct chain_params params;
	struct ledger ledger;
	uint8_t secrets[SAMPLE_KEYS][64];
	char addresses[SAMPLE_KEYS][ADDRESS_TEXT_SIZE];
	struct wire_block block;
	size_t transaction_room;      /* of the block's list */
	struct block_ids ids;	      /* of the last verdict */
	struct block_effects effects; /* of the last verdict, where it was 0 */
	struct arena scratch;	      /* of the last verdict */
	int64_t now_s;		      /* the clock: the timestamp of the block */
	struct chain_fault fault;     /* of the last verdict */
};

void sample_init(struct sample *sample);
void sample_free(struct sample *sample);

/* The outpoint of coin c<number>. */
struct wire_outpoint sample_coin(unsigned number);
/* The transaction of that place. */
struct wire_transaction *sample_tx(struct sample *sample, size_t position);
/* Appends a transaction with so many inputs and outputs, all zero but outputs to key 0; returns it.  Moves those before
 * it in memory. */
struct wire_transaction *sample_append(struct sample *sample, size_t inputs, size_t outputs);
/* Gives a list one item more, a copy of its last one. */
void sample_add_input(struct sample *sample, struct wire_transaction *transaction);
void sample_add_output(struct sample *sample, struct wire_transaction *transaction);
void sample_add_reward(struct sample *sample);
/* Takes the transaction of that place out. */
void sample_remove(struct sample *sample, size_t position);
/* Flips one bit of byte `at`; the bytes may be constant, a copy is altered. */
void sample_flip(struct sample *sample, struct wire_bytes *bytes, size_t at);
/* Makes the script of an output the address of that key. */
void sample_pay(struct sample *sample, struct wire_tx_output *output, int key);

/* Signs every input of the transaction: by the owner of what it spends, or by `key` where that is not negative. */
void sample_sign(struct sample *sample, struct wire_transaction *transaction, int key);
/* Signs all transactions in order, transaction 2 spending output 0 of transaction 1 again. */
void sample_sign_all(struct sample *sample);
/* Makes the merkle root fit. */
void sample_seal(struct sample *sample);
/* Makes rewards and coinbase repeat `amounts`, one for each reward, and seals. */
void sample_reward(struct sample *sample, const uint64_t *amounts);

/* What the rules say, in the order form, place, signatures, spends; checks that the fault fits. */
int sample_verdict(struct sample *sample);
/* Fails the test unless the verdict is that one. */
void sample_expect(struct sample *sample, int verdict);
/* The same, and the text of the fault contains this. */
void sample_expect_text(struct sample *sample, int verdict, const char *part);

#endif
