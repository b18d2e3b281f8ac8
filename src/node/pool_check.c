/* SPDX-License-Identifier: MIT
 *
 * What a transaction must fulfil to come into the pool (PROTOCOL.md §6, §7), in three steps: what it shows by itself,
 * what the pool says, what the chain says.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool_impl.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

#define MIN_FEE 1000   /* satoshis */
#define FEE_PART 1000  /* of the outputs, that the fee is */
#define DUST_BELOW 546 /* satoshis */
#define OUTPOINT_TEXT_SIZE (HASH_TEXT_SIZE + 11)

uint64_t pool_policy_fee(uint64_t outputs)
{
	return outputs / FEE_PART > MIN_FEE ? outputs / FEE_PART : MIN_FEE;
}

bool pool_is_dust(uint64_t value)
{
	return value > 0 && value < DUST_BELOW;
}

int pool_refuse(struct pool_result *result, int outcome, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(result->fault.text, sizeof(result->fault.text), format, list);
	va_end(list);
	return outcome;
}

static int break_rule(struct pool_result *result, enum chain_error error)
{
	result->fault.error = error;
	return POOL_E_RULE;
}

static const char *outpoint_text(char out[OUTPOINT_TEXT_SIZE], const struct wire_outpoint *outpoint)
{
	char txid[HASH_TEXT_SIZE];

	snprintf(out, OUTPOINT_TEXT_SIZE, "%s:%" PRIu32, hash_text(txid, &outpoint->txid), outpoint->vout);
	return out;
}

static const struct wire_outpoint *outpoint_at(const struct pool_attempt *a, size_t input)
{
	return &a->tx->inputs.items[input].previous_output;
}

/* ---- by itself ---- */

static int compare_outpoints(const void *a, const void *b)
{
	const struct wire_outpoint *const *x = a, *const *y = b;

	return memcmp(*x, *y, sizeof(**x));
}

static int check_inputs_differ(struct pool_attempt *a)
{
	size_t count = a->tx->inputs.len;
	const struct wire_outpoint **sorted = arena_alloc(&a->arena, count * sizeof(sorted[0]));
	char text[OUTPOINT_TEXT_SIZE];

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = outpoint_at(a, i);
	qsort(sorted, count, sizeof(sorted[0]), compare_outpoints);
	for (size_t i = 1; i < count; i++) {
		if (compare_outpoints(&sorted[i - 1], &sorted[i]) == 0) {
			pool_refuse(a->result, 0, "it spends the output %s twice", outpoint_text(text, sorted[i]));
			return break_rule(a->result, CHAIN_E_INPUT_TWICE);
		}
	}
	return 0;
}

static int check_dust(struct pool_attempt *a)
{
	for (size_t i = 0; i < a->tx->outputs.len; i++) {
		uint64_t value = a->tx->outputs.items[i].value;

		if (pool_is_dust(value))
			return pool_refuse(a->result, POOL_E_DUST, "output %zu, of %" PRIu64 " satoshis, is dust", i,
					   value);
	}
	return 0;
}

int pool_check_form(struct pool_attempt *a)
{
	size_t size = wire_bincode_size_value(&wire_desc_transaction, a->tx);
	int r;

	a->result->size = size;
	if (a->tx->inputs.len == 0)
		return pool_refuse(a->result, POOL_E_COINBASE, "it has no inputs: only a block makes coins");
	if (size > CHAIN_MAX_TRANSACTION_BYTES) {
		pool_refuse(a->result, 0, "it has %zu bytes, over %zu", size, CHAIN_MAX_TRANSACTION_BYTES);
		return break_rule(a->result, CHAIN_E_TRANSACTION_SIZE);
	}
	r = check_inputs_differ(a);
	if (!r && (a->mode == POOL_NEW || a->mode == POOL_TRY))
		r = check_dust(a);
	return r;
}

/* ---- the pool ---- */

static int check_presence_locked(struct pool_attempt *a) REQUIRES(a->pool->lock)
{
	const struct pool_past *past;

	if (pool_find_locked(a->pool, a->txid))
		return pool_refuse(a->result, POOL_E_KNOWN, "it is in the pool already");
	if (a->mode != POOL_NEW && a->mode != POOL_TRY)
		return 0;
	past = pool_recall_locked(a->pool, &a->pool->rejected, a->txid);
	if (past && a->now_s - past->at_s < a->pool->params.expiry_s)
		return pool_refuse(a->result, POOL_E_WAS_REJECTED, "the masternodes rejected it");
	return 0;
}

static int check_conflicts_locked(struct pool_attempt *a) REQUIRES(a->pool->lock)
{
	char text[OUTPOINT_TEXT_SIZE], other[HASH_TEXT_SIZE];

	for (size_t i = 0; i < a->tx->inputs.len; i++) {
		const struct pool_spend *spend = pool_find_spend_locked(a->pool, outpoint_at(a, i));

		if (!spend)
			continue;
		a->result->other = spend->entry->tx.txid;
		a->result->outpoint = *outpoint_at(a, i);
		return pool_refuse(a->result, POOL_E_CONFLICT, "input %zu: %s, in the pool, spends the output %s", i,
				   hash_text(other, &a->result->other), outpoint_text(text, outpoint_at(a, i)));
	}
	return 0;
}

/* Copies the coin that an entry made: the entry may go while the lock is not held. */
static int take_inside_locked(struct pool_attempt *a, size_t input, const struct pool_entry *maker)
	REQUIRES(a->pool->lock)
{
	const struct wire_tx_output_list *outputs = &maker->tx.transaction.outputs;
	const struct wire_outpoint *outpoint = outpoint_at(a, input);
	const struct wire_tx_output *output;
	char text[OUTPOINT_TEXT_SIZE];
	uint8_t *script;

	if (outpoint->vout >= outputs->len) {
		pool_refuse(a->result, 0, "input %zu: there is no output %s", input, outpoint_text(text, outpoint));
		return break_rule(a->result, CHAIN_E_INPUT_UNKNOWN);
	}
	output = &outputs->items[outpoint->vout];
	script = arena_alloc(&a->arena, output->script_pubkey.len);
	if (!script)
		return -ENOMEM;
	memcpy(script, output->script_pubkey.ptr, output->script_pubkey.len);
	a->coins[input] = (struct coin){output->value, {script, output->script_pubkey.len}};
	a->inside[input] = true;
	return 0;
}

/* -EAGAIN: a coin of the pool has come or gone since it was looked at. */
static int check_coins_locked(struct pool_attempt *a, bool first) REQUIRES(a->pool->lock)
{
	for (size_t i = 0; i < a->tx->inputs.len; i++) {
		const struct pool_entry *maker = pool_find_locked(a->pool, &outpoint_at(a, i)->txid);
		int r = 0;

		if (first)
			r = maker ? take_inside_locked(a, i, maker) : 0;
		else if (a->inside[i] && !maker)
			r = -EAGAIN;
		if (r)
			return r;
	}
	return 0;
}

int pool_check_inside_locked(struct pool_attempt *a, bool first)
{
	int r = check_presence_locked(a);

	/* one that is finalized is made way for, once all else about it is right */
	if (!r && !(first && a->final))
		r = check_conflicts_locked(a);
	if (!r)
		r = check_coins_locked(a, first);
	return r;
}

/* ---- the chain ---- */

/* The coin is not there: its transaction is unknown, or it is spent. */
static int miss_coin(struct pool_attempt *a, size_t input)
{
	const struct wire_outpoint *outpoint = outpoint_at(a, input);
	char text[OUTPOINT_TEXT_SIZE];
	uint32_t position;
	uint64_t height;
	int r = chain_view_transaction(a->view, &height, &position, &outpoint->txid);

	a->result->outpoint = *outpoint;
	outpoint_text(text, outpoint);
	if (!r)
		return pool_refuse(a->result, POOL_E_SPENT, "input %zu: the output %s is spent, or never was", input,
				   text);
	if (r == STORE_E_NOT_FOUND)
		return pool_refuse(a->result, POOL_E_ORPHAN, "input %zu: nothing is known of the output %s", input,
				   text);
	return r;
}

static int find_coins(struct pool_attempt *a)
{
	for (size_t i = 0; i < a->tx->inputs.len; i++) {
		int r;

		if (a->inside[i])
			continue;
		r = chain_view_coin(a->view, &a->coins[i], &a->arena, outpoint_at(a, i));
		if (r == STORE_E_NOT_FOUND)
			r = miss_coin(a, i);
		if (r)
			return r;
	}
	return 0;
}

static int check_not_in_chain(struct pool_attempt *a)
{
	uint32_t position;
	uint64_t height;
	int r = chain_view_transaction(a->view, &height, &position, a->txid);

	if (r == STORE_E_NOT_FOUND)
		return 0;
	return r ? r : pool_refuse(a->result, POOL_E_IN_CHAIN, "the block at height %" PRIu64 " holds it", height);
}

static int check_fee(struct pool_attempt *a)
{
	uint64_t outputs = 0, needed;

	/* the sum was found to fit */
	for (size_t i = 0; i < a->tx->outputs.len; i++)
		outputs += a->tx->outputs.items[i].value;
	needed = pool_policy_fee(outputs);
	if (a->result->fee >= needed)
		return 0;
	return pool_refuse(a->result, POOL_E_FEE, "it pays a fee of %" PRIu64 " satoshis, %" PRIu64 " are needed",
			   a->result->fee, needed);
}

int pool_check_chain(struct pool_attempt *a)
{
	int r = check_not_in_chain(a);

	if (!r)
		r = find_coins(a);
	if (r)
		return r;
	r = transaction_check_amounts(&a->result->fault, &a->result->fee, a->pool->params.chain, a->tx, a->txid, -1,
				      a->coins);
	if (r)
		return POOL_E_RULE; /* the fault is filled in */
	return a->mode == POOL_NEW || a->mode == POOL_TRY ? check_fee(a) : 0;
}
