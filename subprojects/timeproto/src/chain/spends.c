// SPDX-License-Identifier: MIT
/* What a block does to the unspent outputs, and whether it may: block_check_spends() and transaction_check_amounts() of
 * rules.h.
 *
 * The transactions are gone through in order.  Each input is looked for among the outputs of the transactions before
 * its own, then in the chain. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "keyed_set.h"
#include "rules_fault.h"
#include "timeproto/base/sha256.h"
#include "timeproto/chain/address.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "wide.h"

#define OUTPOINT_BYTES sizeof(struct wire_outpoint)
_Static_assert(OUTPOINT_BYTES == 36, "no padding: outpoints are compared and hashed as bytes");
/* txid:vout */
#define OUTPOINT_TEXT_SIZE (HASH_TEXT_SIZE + 11)

/* A walk through a block. */
struct spends {
	struct chain_fault *fault;
	struct arena *arena;
	const struct chain_params *params;
	const struct wire_block *block;
	const struct block_ids *ids;
	const struct coin_source *source;
	struct keyed_set earlier; /* txids of the transactions before this one */
	struct keyed_set spent;	  /* outpoints of the inputs before this one */
	struct coin *coins;	  /* what the inputs of this transaction spend */
	size_t *first_output;	  /* of each transaction: index of its first output among all of the block */
	size_t output_count;	  /* of all of them */
	bool *spent_inside;	  /* of each output of the block: an input of the block spends it */
	size_t spent_inside_count;
	wide_uint fees;
	wide_uint spent_value; /* of the outputs of the chain */
	struct block_effects *out;
};

static const char *outpoint_text(char out[OUTPOINT_TEXT_SIZE], const struct wire_outpoint *outpoint)
{
	char txid[HASH_TEXT_SIZE];

	snprintf(out, OUTPOINT_TEXT_SIZE, "%s:%" PRIu32, hash_text(txid, &outpoint->txid), outpoint->vout);
	return out;
}

/* CHAIN_E_OWNER */
static int check_owner(struct chain_fault *fault, const struct chain_params *params,
		       const struct wire_transaction *transaction, size_t input, const struct wire_hash *txid,
		       int64_t position, const struct wire_bytes *script)
{
	const struct wire_tx_input *in = &transaction->inputs.items[input];
	char where[RULES_WHERE_SIZE], outpoint[OUTPOINT_TEXT_SIZE], address[ADDRESS_TEXT_SIZE];
	struct wire_key key;

	memcpy(key.bytes, in->script_sig.ptr, sizeof(key.bytes));
	address_from_key(address, &key, params->network);
	if (script->len == strlen(address) && memcmp(script->ptr, address, script->len) == 0)
		return 0;
	rules_where(where, position, txid);
	outpoint_text(outpoint, &in->previous_output);
	/* Only what is an address is fit to be printed. */
	if (address_decode(NULL, (const char *)script->ptr, script->len, params->network))
		return rules_fault(
			fault, CHAIN_E_OWNER,
			"%s, input %zu: the key's address %s does not own the output %s, whose script of %zu "
			"bytes is no address",
			where, input, address, outpoint, script->len);
	return rules_fault(fault, CHAIN_E_OWNER,
			   "%s, input %zu: the key's address %s does not own the output %s, which belongs to %.*s",
			   where, input, address, outpoint, (int)script->len, (const char *)script->ptr);
}

/* CHAIN_E_OVERFLOW, CHAIN_E_OUTPUTS_EXCEED */
static int check_sums(struct chain_fault *fault, uint64_t *fee, const struct wire_transaction *transaction,
		      const struct wire_hash *txid, int64_t position, const struct coin *coins)
{
	char where[RULES_WHERE_SIZE];
	wide_uint in = 0, out = 0;

	for (size_t i = 0; i < transaction->inputs.len; i++)
		in += coins[i].value;
	for (size_t i = 0; i < transaction->outputs.len; i++)
		out += transaction->outputs.items[i].value;
	if (in > UINT64_MAX || out > UINT64_MAX)
		return rules_fault(fault, CHAIN_E_OVERFLOW, "%s: the sum of the %s leaves 64 bits",
				   rules_where(where, position, txid), in > UINT64_MAX ? "inputs" : "outputs");
	if (out > in)
		return rules_fault(fault, CHAIN_E_OUTPUTS_EXCEED,
				   "%s: the outputs are %" PRIu64 " satoshis, the inputs %" PRIu64,
				   rules_where(where, position, txid), (uint64_t)out, (uint64_t)in);
	*fee = (uint64_t)(in - out);
	return 0;
}

int transaction_check_amounts(struct chain_fault *fault, uint64_t *fee, const struct chain_params *params,
			      const struct wire_transaction *transaction, const struct wire_hash *txid,
			      int64_t position, const struct coin *coins)
{
	for (size_t i = 0; i < transaction->inputs.len; i++) {
		int r = rules_script_sig(fault, transaction, i, txid, position);

		if (!r)
			r = check_owner(fault, params, transaction, i, txid, position, &coins[i].script);
		if (r)
			return r;
	}
	return check_sums(fault, fee, transaction, txid, position, coins);
}

/* Memory for the walk.  The sets are keyed with a digest of the txids, which depend on all else. */
static int spends_begin(struct spends *s)
{
	const struct wire_transaction_list *transactions = &s->block->transactions;
	size_t inputs = 0, most_inputs = 0;
	struct wire_hash digest;

	s->first_output = arena_alloc(s->arena, transactions->len * sizeof(s->first_output[0]));
	if (!s->first_output)
		return -ENOMEM;
	for (size_t i = 0; i < transactions->len; i++) {
		size_t len = transactions->items[i].inputs.len;

		s->first_output[i] = s->output_count;
		inputs += len;
		s->output_count += transactions->items[i].outputs.len;
		most_inputs = len > most_inputs ? len : most_inputs;
	}
	s->spent_inside = arena_alloc(s->arena, s->output_count * sizeof(s->spent_inside[0]));
	s->coins = arena_alloc(s->arena, most_inputs * sizeof(s->coins[0]));
	s->out->spent = arena_alloc(s->arena, inputs * sizeof(s->out->spent[0]));
	if (!s->spent_inside || !s->coins || !s->out->spent)
		return -ENOMEM;
	memset(s->spent_inside, 0, s->output_count * sizeof(s->spent_inside[0]));

	sha256_digest(digest.bytes, s->ids->txids, transactions->len * sizeof(s->ids->txids[0]));
	if (keyed_set_init(&s->earlier, s->arena, transactions->len, sizeof(s->ids->txids[0]), &digest) ||
	    keyed_set_init(&s->spent, s->arena, inputs, OUTPOINT_BYTES, &digest))
		return -ENOMEM;
	return 0;
}

/* CHAIN_E_TXID_KNOWN */
static int spends_txid_is_new(struct spends *s, size_t position)
{
	const struct wire_hash *txid = &s->ids->txids[position];
	char where[RULES_WHERE_SIZE];
	int r = s->source->has_transaction(s->source->user, txid);

	if (r > 0)
		return rules_fault(s->fault, CHAIN_E_TXID_KNOWN, "%s is in the chain already",
				   rules_where(where, (int64_t)position, txid));
	return r;
}

/* Takes the output of a transaction of this block.  1: it has no such output. */
static int spends_take_inside(struct spends *s, struct coin *out, size_t maker, uint32_t vout)
{
	const struct wire_tx_output_list *outputs = &s->block->transactions.items[maker].outputs;

	if (vout >= outputs->len)
		return 1;
	s->spent_inside[s->first_output[maker] + vout] = true;
	s->spent_inside_count++;
	*out = (struct coin){.value = outputs->items[vout].value, .script = outputs->items[vout].script_pubkey};
	return 0;
}

/* Takes the output from the chain.  1: there is none; negative: the source failed. */
static int spends_take_from_chain(struct spends *s, struct coin *out, const struct wire_outpoint *outpoint)
{
	int r = s->source->find(s->source->user, out, s->arena, outpoint);

	if (r)
		return r;
	s->out->spent[s->out->spent_count++] = (struct spent_coin){.outpoint = *outpoint, .coin = *out};
	s->spent_value += out->value;
	return 0;
}

/* CHAIN_E_INPUT_TWICE, CHAIN_E_INPUT_UNKNOWN */
static int spends_input(struct spends *s, size_t position, size_t input)
{
	const struct wire_outpoint *outpoint =
		&s->block->transactions.items[position].inputs.items[input].previous_output;
	const struct wire_hash *txid = &s->ids->txids[position], *maker;
	char where[RULES_WHERE_SIZE], text[OUTPOINT_TEXT_SIZE];
	int r;

	if (keyed_set_add(&s->spent, outpoint))
		return rules_fault(s->fault, CHAIN_E_INPUT_TWICE,
				   "%s, input %zu: the block spends the output %s a second time",
				   rules_where(where, (int64_t)position, txid), input, outpoint_text(text, outpoint));
	maker = keyed_set_find(&s->earlier, &outpoint->txid);
	if (maker)
		r = spends_take_inside(s, &s->coins[input], (size_t)(maker - s->ids->txids), outpoint->vout);
	else
		r = spends_take_from_chain(s, &s->coins[input], outpoint);
	if (r > 0)
		return rules_fault(s->fault, CHAIN_E_INPUT_UNKNOWN, "%s, input %zu: there is no unspent output %s",
				   rules_where(where, (int64_t)position, txid), input, outpoint_text(text, outpoint));
	return r;
}

static int spends_transaction(struct spends *s, size_t position)
{
	const struct wire_transaction *transaction = &s->block->transactions.items[position];
	const struct wire_hash *txid = &s->ids->txids[position];
	uint64_t fee;
	int r = spends_txid_is_new(s, position);

	for (size_t i = 0; i < transaction->inputs.len && !r; i++)
		r = spends_input(s, position, i);
	/* The first is the coinbase (form.c): its outputs are limited by the rewards. */
	if (!r && position > 0) {
		r = transaction_check_amounts(s->fault, &fee, s->params, transaction, txid, (int64_t)position,
					      s->coins);
		if (!r)
			s->fees += fee;
	}
	keyed_set_add(&s->earlier, txid);
	return r;
}

/* CHAIN_E_OVERFLOW of the fees, CHAIN_E_BLOCK_REWARD */
static int spends_block_reward(const struct spends *s)
{
	uint64_t claimed = s->block->header.block_reward;
	uint64_t fees = (uint64_t)s->fees;

	if (s->fees > UINT64_MAX - CHAIN_BLOCK_SUBSIDY)
		return rules_fault(s->fault, CHAIN_E_OVERFLOW, "the fees leave 64 bits");
	s->out->fees = fees;
	if (claimed == CHAIN_BLOCK_SUBSIDY + fees)
		return 0;
	return rules_fault(s->fault, CHAIN_E_BLOCK_REWARD,
			   "block_reward %" PRIu64 " satoshis, not %" PRIu64 " and %" PRIu64 " of fees", claimed,
			   CHAIN_BLOCK_SUBSIDY, fees);
}

/* CHAIN_E_OVERFLOW of the rewards, CHAIN_E_REWARD_SUM: each share may have been rounded down. */
static int spends_reward_sum(const struct spends *s)
{
	const struct wire_reward_list *rewards = &s->block->masternode_rewards;
	uint64_t total = s->block->header.block_reward;
	wide_uint sum = 0;

	for (size_t i = 0; i < rewards->len; i++)
		sum += rewards->items[i].amount;
	if (sum > UINT64_MAX)
		return rules_fault(s->fault, CHAIN_E_OVERFLOW, "the sum of masternode_rewards leaves 64 bits");
	if (sum > total)
		return rules_fault(s->fault, CHAIN_E_REWARD_SUM,
				   "masternode_rewards are %" PRIu64 " satoshis, above the block's %" PRIu64,
				   (uint64_t)sum, total);
	if (sum + rewards->len < total)
		return rules_fault(s->fault, CHAIN_E_REWARD_SUM,
				   "masternode_rewards are %" PRIu64 " satoshis, below the block's %" PRIu64
				   " by more than one for each of %zu",
				   (uint64_t)sum, total, rewards->len);
	return 0;
}

/* CHAIN_E_OVERFLOW of what is spent and made; fills in `created`. */
static int spends_effects(const struct spends *s)
{
	const struct wire_transaction_list *transactions = &s->block->transactions;
	struct block_effects *out = s->out;
	wide_uint created_value = 0;

	out->created = arena_alloc(s->arena, (s->output_count - s->spent_inside_count) * sizeof(out->created[0]));
	if (!out->created)
		return -ENOMEM;
	for (size_t i = 0; i < transactions->len; i++) {
		const struct wire_tx_output_list *list = &transactions->items[i].outputs;

		for (size_t k = 0; k < list->len; k++) {
			if (s->spent_inside[s->first_output[i] + k])
				continue;
			out->created[out->created_count++] =
				(struct created_coin){.transaction = (uint32_t)i, .vout = (uint32_t)k};
			created_value += list->items[k].value;
		}
	}
	if (s->spent_value > UINT64_MAX || created_value > UINT64_MAX)
		return rules_fault(s->fault, CHAIN_E_OVERFLOW,
				   "the sum of what the block spends or makes leaves 64 bits");
	out->spent_value = (uint64_t)s->spent_value;
	out->created_value = (uint64_t)created_value;
	return 0;
}

int block_check_spends(struct block_effects *out, struct chain_fault *fault, struct arena *arena,
		       const struct chain_params *params, const struct wire_block *block, const struct block_ids *ids,
		       const struct coin_source *source)
{
	struct spends s = {.fault = fault,
			   .arena = arena,
			   .params = params,
			   .block = block,
			   .ids = ids,
			   .source = source,
			   .out = out};
	int r;

	*out = (struct block_effects){0};
	r = spends_begin(&s);
	for (size_t i = 0; i < block->transactions.len && !r; i++)
		r = spends_transaction(&s, i);
	if (!r)
		r = spends_block_reward(&s);
	if (!r)
		r = spends_reward_sum(&s);
	if (!r)
		r = spends_effects(&s);
	return r;
}
