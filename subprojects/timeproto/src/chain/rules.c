// SPDX-License-Identifier: MIT
/* The rules about a block's place and signatures, and what all rules share: see rules.h.  What a block shows by itself
 * is judged in form.c, what it spends in spends.c. */
#include "timeproto/chain/rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "rules_fault.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/sign.h"

#define NAME(error) [error] = #error
static const char *const rules_names[CHAIN_E_COUNT] = {
	NAME(CHAIN_E_VERSION),		NAME(CHAIN_E_HEIGHT),
	NAME(CHAIN_E_PREVIOUS),		NAME(CHAIN_E_TIME_OLD),
	NAME(CHAIN_E_TIME_AHEAD),	NAME(CHAIN_E_BLOCK_SIZE),
	NAME(CHAIN_E_TRANSACTION_SIZE), NAME(CHAIN_E_TRANSACTION_COUNT),
	NAME(CHAIN_E_MERKLE_ROOT),	NAME(CHAIN_E_NO_COINBASE),
	NAME(CHAIN_E_SECOND_COINBASE),	NAME(CHAIN_E_COINBASE_FORM),
	NAME(CHAIN_E_COINBASE_OUTPUTS), NAME(CHAIN_E_TXID_TWICE),
	NAME(CHAIN_E_TXID_KNOWN),	NAME(CHAIN_E_INPUT_UNKNOWN),
	NAME(CHAIN_E_INPUT_TWICE),	NAME(CHAIN_E_SCRIPT_SIG),
	NAME(CHAIN_E_SIGNATURE),	NAME(CHAIN_E_OWNER),
	NAME(CHAIN_E_OUTPUTS_EXCEED),	NAME(CHAIN_E_OVERFLOW),
	NAME(CHAIN_E_BLOCK_REWARD),	NAME(CHAIN_E_REWARD_SUM),
	NAME(CHAIN_E_SLOT_TIME),	NAME(CHAIN_E_REWARD_SHARES),
	NAME(CHAIN_E_NO_CERTIFICATE),	NAME(CHAIN_E_CERTIFICATE),
};
#undef NAME

const char *chain_error_name(int error)
{
	return error > 0 && error < CHAIN_E_COUNT ? rules_names[error] : "?";
}

int rules_fault(struct chain_fault *fault, enum chain_error error, const char *format, ...)
{
	va_list arguments;

	fault->error = error;
	va_start(arguments, format);
	vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	return (int)error;
}

const char *rules_where(char out[RULES_WHERE_SIZE], int64_t position, const struct wire_hash *txid)
{
	char text[HASH_TEXT_SIZE];

	hash_text(text, txid);
	if (position < 0)
		snprintf(out, RULES_WHERE_SIZE, "transaction %s", text);
	else
		snprintf(out, RULES_WHERE_SIZE, "transaction %" PRId64 " (%s)", position, text);
	return out;
}

int block_identify(struct block_ids *out, struct arena *arena, const struct wire_block *block)
{
	const struct wire_transaction_list *transactions = &block->transactions;

	/* Cannot overflow: a transaction in memory is bigger than its txid. */
	out->txids = arena_alloc(arena, transactions->len * sizeof(out->txids[0]));
	if (!out->txids)
		return -ENOMEM;
	for (size_t i = 0; i < transactions->len; i++)
		hash_txid(&out->txids[i], &transactions->items[i]);
	hash_block(&out->hash, &block->header);
	return 0;
}

/* CHAIN_E_HEIGHT */
static int place_height(struct chain_fault *fault, const struct wire_block_header *header,
			const struct chain_point *tip)
{
	if (header->height > 0 && header->height - 1 == tip->height)
		return 0;
	return rules_fault(fault, CHAIN_E_HEIGHT, "height %" PRIu64 " does not follow the tip's %" PRIu64,
			   header->height, tip->height);
}

/* CHAIN_E_PREVIOUS */
static int place_previous(struct chain_fault *fault, const struct wire_block_header *header,
			  const struct chain_point *tip)
{
	char previous[HASH_TEXT_SIZE], hash[HASH_TEXT_SIZE];

	if (hash_equal(&header->previous_hash, &tip->hash))
		return 0;
	return rules_fault(fault, CHAIN_E_PREVIOUS, "previous hash %s, but block %" PRIu64 " has %s",
			   hash_text(previous, &header->previous_hash), tip->height, hash_text(hash, &tip->hash));
}

/* CHAIN_E_TIME_OLD, CHAIN_E_TIME_AHEAD */
static int place_time(struct chain_fault *fault, const struct wire_block_header *header, const struct chain_point *tip,
		      int64_t now_s)
{
	uint64_t ahead_s = (uint64_t)header->timestamp - (uint64_t)now_s;

	if (header->timestamp <= tip->timestamp)
		return rules_fault(fault, CHAIN_E_TIME_OLD,
				   "timestamp %" PRId64 " is not after %" PRId64 " of block %" PRIu64,
				   header->timestamp, tip->timestamp, tip->height);
	if (header->timestamp > now_s && ahead_s > CHAIN_MAX_AHEAD_S)
		return rules_fault(fault, CHAIN_E_TIME_AHEAD,
				   "timestamp %" PRId64 " is %" PRIu64 " s ahead of the clock, over %d",
				   header->timestamp, ahead_s, CHAIN_MAX_AHEAD_S);
	return 0;
}

int block_check_place(struct chain_fault *fault, const struct wire_block_header *header, const struct chain_point *tip,
		      int64_t now_s)
{
	int r = place_height(fault, header, tip);

	if (!r)
		r = place_previous(fault, header, tip);
	if (!r)
		r = place_time(fault, header, tip, now_s);
	return r;
}

int rules_script_sig(struct chain_fault *fault, const struct wire_transaction *transaction, size_t input,
		     const struct wire_hash *txid, int64_t position)
{
	size_t len = transaction->inputs.items[input].script_sig.len;
	char where[RULES_WHERE_SIZE];

	if (len == SIGN_SCRIPT_SIG_BYTES)
		return 0;
	return rules_fault(fault, CHAIN_E_SCRIPT_SIG,
			   "%s, input %zu: script_sig has %zu bytes, not the %d of a key and a signature",
			   rules_where(where, position, txid), input, len, SIGN_SCRIPT_SIG_BYTES);
}

int transaction_check_signatures(struct chain_fault *fault, const struct wire_transaction *transaction,
				 const struct wire_hash *txid, int64_t position)
{
	const struct wire_tx_input_list *inputs = &transaction->inputs;
	char where[RULES_WHERE_SIZE];
	struct sign_base base;
	int r;

	/* What costs little comes first. */
	for (size_t i = 0; i < inputs->len; i++) {
		r = rules_script_sig(fault, transaction, i, txid, position);
		if (r)
			return r;
	}
	if (inputs->len > 0)
		sign_base_make(&base, transaction);
	for (size_t i = 0; i < inputs->len; i++) {
		if (!sign_verify(&base, (uint32_t)i, &inputs->items[i].script_sig))
			return rules_fault(fault, CHAIN_E_SIGNATURE, "%s, input %zu: the signature does not verify",
					   rules_where(where, position, txid), i);
	}
	return 0;
}
