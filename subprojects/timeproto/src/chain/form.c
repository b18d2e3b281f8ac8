// SPDX-License-Identifier: MIT
/* What a block shows by itself: block_check_form() of rules.h.  One function per rule; the table at the end has them in
 * the order in which they are checked. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "keyed_set.h"
#include "rules_fault.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

/* What the rules look at. */
struct form {
	struct chain_fault *fault;
	struct arena *arena; /* scratch */
	const struct wire_block *block;
	const struct block_ids *ids;
};

/* CHAIN_E_VERSION */
static int form_version(const struct form *form)
{
	uint32_t version = form->block->header.version;

	if (version == CHAIN_BLOCK_VERSION)
		return 0;
	return rules_fault(form->fault, CHAIN_E_VERSION, "block version %" PRIu32 ", not %d", version,
			   CHAIN_BLOCK_VERSION);
}

/* CHAIN_E_TRANSACTION_COUNT */
static int form_count(const struct form *form)
{
	size_t count = form->block->transactions.len;

	if (count <= CHAIN_MAX_TRANSACTIONS)
		return 0;
	return rules_fault(form->fault, CHAIN_E_TRANSACTION_COUNT, "%zu transactions, over %d", count,
			   CHAIN_MAX_TRANSACTIONS);
}

/* CHAIN_E_TRANSACTION_SIZE, CHAIN_E_BLOCK_SIZE */
static int form_size(const struct form *form)
{
	const struct wire_transaction_list *transactions = &form->block->transactions;
	struct wire_block rest = *form->block;
	char where[RULES_WHERE_SIZE];
	size_t total;

	/* Everything but the transactions, so that each of these is measured once. */
	rest.transactions.len = 0;
	total = wire_bincode_size_value(&wire_desc_block, &rest);
	for (size_t i = 0; i < transactions->len; i++) {
		size_t size = wire_bincode_size_value(&wire_desc_transaction, &transactions->items[i]);

		if (size > CHAIN_MAX_TRANSACTION_BYTES)
			return rules_fault(form->fault, CHAIN_E_TRANSACTION_SIZE, "%s has %zu bytes, over %zu",
					   rules_where(where, (int64_t)i, &form->ids->txids[i]), size,
					   CHAIN_MAX_TRANSACTION_BYTES);
		total += size;
	}
	if (total > CHAIN_MAX_BLOCK_BYTES)
		return rules_fault(form->fault, CHAIN_E_BLOCK_SIZE, "the block has %zu bytes, over %zu", total,
				   CHAIN_MAX_BLOCK_BYTES);
	return 0;
}

/* CHAIN_E_MERKLE_ROOT */
static int form_merkle_root(const struct form *form)
{
	char of_transactions[HASH_TEXT_SIZE], of_header[HASH_TEXT_SIZE];
	struct wire_hash root;

	hash_merkle_root(&root, form->ids->txids, form->block->transactions.len);
	if (hash_equal(&root, &form->block->header.merkle_root))
		return 0;
	return rules_fault(form->fault, CHAIN_E_MERKLE_ROOT, "the transactions have the merkle root %s, the header %s",
			   hash_text(of_transactions, &root), hash_text(of_header, &form->block->header.merkle_root));
}

/* CHAIN_E_TXID_TWICE: needed because a repeated tail leaves the merkle root as it is (hash.h). */
static int form_txids(const struct form *form)
{
	const struct wire_hash *txids = form->ids->txids, *first;
	char text[HASH_TEXT_SIZE];
	struct keyed_set set;

	/* The merkle root, found to be right by the rule before this one, depends on every txid. */
	if (keyed_set_init(&set, form->arena, form->block->transactions.len, sizeof(txids[0]),
			   &form->block->header.merkle_root))
		return -ENOMEM;
	for (size_t i = 0; i < form->block->transactions.len; i++) {
		first = keyed_set_add(&set, &txids[i]);
		if (first)
			return rules_fault(form->fault, CHAIN_E_TXID_TWICE,
					   "transactions %zu and %zu have the same txid %s", (size_t)(first - txids), i,
					   hash_text(text, &txids[i]));
	}
	return 0;
}

/* CHAIN_E_NO_COINBASE, CHAIN_E_SECOND_COINBASE */
static int form_one_coinbase(const struct form *form)
{
	const struct wire_transaction_list *transactions = &form->block->transactions;
	char where[RULES_WHERE_SIZE];

	if (transactions->len == 0)
		return rules_fault(form->fault, CHAIN_E_NO_COINBASE, "the block has no transactions");
	if (transactions->items[0].inputs.len > 0)
		return rules_fault(form->fault, CHAIN_E_NO_COINBASE, "%s, the first, is no coinbase: it has %zu inputs",
				   rules_where(where, 0, &form->ids->txids[0]), transactions->items[0].inputs.len);
	for (size_t i = 1; i < transactions->len; i++) {
		if (transactions->items[i].inputs.len == 0)
			return rules_fault(form->fault, CHAIN_E_SECOND_COINBASE, "%s has no inputs: a second coinbase",
					   rules_where(where, (int64_t)i, &form->ids->txids[i]));
	}
	return 0;
}

/* CHAIN_E_COINBASE_FORM */
static int form_coinbase_fields(const struct form *form)
{
	const struct wire_transaction *coinbase = &form->block->transactions.items[0];
	int64_t timestamp = form->block->header.timestamp;

	if (coinbase->version == 1 && coinbase->lock_time == 0 && coinbase->timestamp == timestamp)
		return 0;
	return rules_fault(form->fault, CHAIN_E_COINBASE_FORM,
			   "the coinbase has version %" PRIu32 ", lock_time %" PRIu32 " and timestamp %" PRId64
			   ", not 1, 0 and the header's %" PRId64,
			   coinbase->version, coinbase->lock_time, coinbase->timestamp, timestamp);
}

/* CHAIN_E_COINBASE_OUTPUTS */
static int form_coinbase_outputs(const struct form *form)
{
	const struct wire_tx_output_list *outputs = &form->block->transactions.items[0].outputs;
	const struct wire_reward_list *rewards = &form->block->masternode_rewards;

	if (outputs->len != rewards->len)
		return rules_fault(form->fault, CHAIN_E_COINBASE_OUTPUTS,
				   "the coinbase has %zu outputs for %zu masternode_rewards", outputs->len,
				   rewards->len);
	for (size_t i = 0; i < rewards->len; i++) {
		const struct wire_bytes *script = &outputs->items[i].script_pubkey;
		const struct wire_str *address = &rewards->items[i].address;

		if (outputs->items[i].value != rewards->items[i].amount)
			return rules_fault(form->fault, CHAIN_E_COINBASE_OUTPUTS,
					   "output %zu of the coinbase pays %" PRIu64
					   ", masternode_rewards has %" PRIu64,
					   i, outputs->items[i].value, rewards->items[i].amount);
		if (script->len != address->len || (script->len && memcmp(script->ptr, address->ptr, script->len)))
			return rules_fault(form->fault, CHAIN_E_COINBASE_OUTPUTS,
					   "output %zu of the coinbase pays to another script than masternode_rewards",
					   i);
	}
	return 0;
}

/* CHAIN_E_OVERFLOW: of the outputs of each transaction.  The sum of masternode_rewards is that of the coinbase. */
static int form_output_sums(const struct form *form)
{
	const struct wire_transaction_list *transactions = &form->block->transactions;
	char where[RULES_WHERE_SIZE];

	for (size_t i = 0; i < transactions->len; i++) {
		const struct wire_tx_output_list *outputs = &transactions->items[i].outputs;
		uint64_t sum = 0;

		for (size_t k = 0; k < outputs->len; k++) {
			if (__builtin_add_overflow(sum, outputs->items[k].value, &sum))
				return rules_fault(form->fault, CHAIN_E_OVERFLOW,
						   "%s, output %zu: the sum of the outputs leaves 64 bits",
						   rules_where(where, (int64_t)i, &form->ids->txids[i]), k);
		}
	}
	return 0;
}

/* In this order; each may rely on those above it.  The rewards are under no hash, and a repeated tail leaves the merkle
 * root as it is: the sizes come behind what refuses such a body, so that only one that its header vouches for is too
 * large. */
static int (*const form_rules[])(const struct form *) = {
	form_version,
	form_count,
	form_merkle_root,
	form_txids,
	form_one_coinbase,
	form_coinbase_fields,
	form_coinbase_outputs,
	form_size,
	form_output_sums,
};

int block_check_form(struct chain_fault *fault, struct arena *arena, const struct wire_block *block,
		     const struct block_ids *ids)
{
	struct form form = {.fault = fault, .arena = arena, .block = block, .ids = ids};

	for (size_t i = 0; i < sizeof(form_rules) / sizeof(form_rules[0]); i++) {
		int r = form_rules[i](&form);

		if (r)
			return r;
	}
	return 0;
}
