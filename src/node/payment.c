// SPDX-License-Identifier: MIT
/* Building payments: see payment.h. */
#include "payment_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/util/thread.h"
#include "timeproto/chain/address.h"
#include "timeproto/chain/fee.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/chain/rules.h"
#include "timeproto/chain/sign.h"

/* Sizes in bincode: a transaction without inputs and outputs; an input that is signed; an output to the longest
 * address. */
#define TRANSACTION_BYTES ((size_t)(4 + 8 + 8 + 4 + 8))
#define INPUT_BYTES ((size_t)(32 + 4 + 8 + SIGN_SCRIPT_SIG_BYTES + 4))
#define OUTPUT_BYTES ((size_t)(8 + 8 + ADDRESS_TEXT_SIZE))

/* How much of what should be an address is repeated in an error. */
#define ADDRESS_SHOWN 64

#define TRANSACTION_VERSION 1
#define SEQUENCE UINT32_MAX

const char *payment_amount(char out[PAYMENT_AMOUNT_SIZE], uint64_t satoshis)
{
	snprintf(out, PAYMENT_AMOUNT_SIZE, "%" PRIu64 ".%08" PRIu64, satoshis / CHAIN_COIN, satoshis % CHAIN_COIN);
	return out;
}

int payment_fault_set(struct payment_fault *fault, enum payment_error error, const char *format, ...)
{
	va_list args;

	fault->error = error;
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	return (int)error;
}

int payment_locked(struct payment_fault *fault)
{
	return payment_fault_set(fault, PAYMENT_E_LOCKED,
				 "the wallet is locked: unlock it with walletpassphrase first");
}

size_t payment_max_inputs(size_t output_bytes)
{
	size_t others = TRANSACTION_BYTES + output_bytes + OUTPUT_BYTES, most;

	if (others > CHAIN_MAX_TRANSACTION_BYTES)
		return 0;
	most = (CHAIN_MAX_TRANSACTION_BYTES - others) / INPUT_BYTES;
	return most < WIRE_MAX_INPUTS ? most : WIRE_MAX_INPUTS;
}

/* The script that pays to an address: its text. */
static int make_script(struct wire_bytes *out, struct payment_fault *fault, struct arena *arena,
		       const struct wire_str *address, enum chain_network network)
{
	int r = address_decode(NULL, address->ptr, address->len, network);
	int shown = address->len < ADDRESS_SHOWN ? (int)address->len : ADDRESS_SHOWN;
	uint8_t *copy;

	if (r)
		return payment_fault_set(fault, r == ADDRESS_E_NETWORK ? PAYMENT_E_NETWORK : PAYMENT_E_ADDRESS,
					 "\"%.*s\" is no address of %s: %s", shown, shown > 0 ? address->ptr : "",
					 chain_network_name(network), address_error_text(r));
	copy = arena_alloc(arena, address->len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, address->ptr, address->len);
	*out = (struct wire_bytes){copy, address->len};
	return 0;
}

static int make_output(struct wire_tx_output *out, struct payment_fault *fault, struct arena *arena,
		       const struct payment_target *target, enum chain_network network)
{
	char amount[PAYMENT_AMOUNT_SIZE], least[PAYMENT_AMOUNT_SIZE];

	out->value = target->amount;
	if (target->amount == 0)
		return payment_fault_set(fault, PAYMENT_E_AMOUNT, "the amount to pay is nothing");
	if (fee_is_dust(target->amount))
		return payment_fault_set(fault, PAYMENT_E_DUST, "%s is dust: the least that can be paid is %s",
					 payment_amount(amount, target->amount),
					 payment_amount(least, FEE_DUST_MAX + 1));
	return make_script(&out->script_pubkey, fault, arena, &target->address, network);
}

int payment_outputs(struct wire_tx_output_list *out, uint64_t *sum, struct payment_fault *fault, struct arena *arena,
		    const struct payment_target *targets, size_t count, enum chain_network network)
{
	int r = 0;

	/* One more: the change. */
	if (count == 0 || count >= WIRE_MAX_INPUTS)
		return payment_fault_set(fault, PAYMENT_E_AMOUNT, "%zu are to be paid, expected 1 to %d", count,
					 WIRE_MAX_INPUTS - 1);
	*sum = 0;
	out->len = count;
	out->items = arena_alloc(arena, count * sizeof(out->items[0]));
	if (!out->items)
		return -ENOMEM;
	for (size_t i = 0; i < count && !r; i++) {
		r = make_output(&out->items[i], fault, arena, &targets[i], network);
		if (!r && __builtin_add_overflow(*sum, targets[i].amount, sum))
			r = payment_fault_set(fault, PAYMENT_E_OVERFLOW, "the sum of all amounts leaves 64 bits");
	}
	return r;
}

/* A new key's output.  0, PAYMENT_E_LOCKED or -ENOMEM. */
static int own_output(struct wire_tx_output *out, uint32_t *key, struct payment_fault *fault, struct arena *arena,
		      struct wallet *wallet, uint64_t value)
{
	char *address = arena_alloc(arena, ADDRESS_TEXT_SIZE);
	int r;

	if (!address)
		return -ENOMEM;
	r = wallet_new_key(wallet, key);
	if (r == WALLET_E_LOCKED)
		return payment_locked(fault);
	if (r < 0)
		return r;
	/* When all keys are used up, the first one goes on. */
	if (r)
		*key = 0;
	CHECK(wallet_key_address(wallet, address, *key) == 0);
	*out = (struct wire_tx_output){value, {(const uint8_t *)address, strlen(address)}};
	return 0;
}

/* Puts change among the outputs, anywhere. */
static int add_change(struct payment *out, struct payment_fault *fault, struct arena *arena, struct wallet *wallet,
		      uint64_t change, uint64_t seed)
{
	struct wire_tx_output_list *list = &out->transaction.outputs;
	struct wire_tx_output *items;
	size_t at = (size_t)(payment_random(&seed) % (list->len + 1));
	int r;

	out->change_output = PAYMENT_NO_CHANGE;
	if (change == 0)
		return 0;
	items = arena_alloc(arena, (list->len + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	r = own_output(&items[at], &out->change_key, fault, arena, wallet, change);
	if (r)
		return r;
	memcpy(items, list->items, at * sizeof(*items));
	memcpy(items + at + 1, list->items + at, (list->len - at) * sizeof(*items));
	list->items = items;
	list->len++;
	out->change_output = (uint32_t)at;
	return 0;
}

/* Inputs that spend the coins of the plan, signed. */
static int spend(struct payment *out, struct payment_fault *fault, struct arena *arena, struct wallet *wallet,
		 const struct payment_coin *coins, const struct payment_plan *plan, unsigned threads)
{
	struct wire_tx_input_list *list = &out->transaction.inputs;
	uint32_t *keys = arena_alloc(arena, plan->count * sizeof(*keys));
	int r;

	list->items = arena_alloc(arena, plan->count * sizeof(list->items[0]));
	if (!keys || !list->items)
		return -ENOMEM;
	list->len = plan->count;
	for (size_t i = 0; i < plan->count; i++) {
		const struct payment_coin *coin = &coins[plan->coins[i]];

		list->items[i] = (struct wire_tx_input){.previous_output = coin->outpoint, .sequence = SEQUENCE};
		keys[i] = coin->key;
	}
	r = payment_sign(fault, arena, &out->transaction, keys, wallet, threads);
	if (r)
		return r;
	hash_txid(&out->txid, &out->transaction);
	out->coins = plan->coins;
	out->fee = plan->fee;
	return 0;
}

static size_t outputs_bytes(const struct wire_tx_output_list *list)
{
	size_t bytes = 0;

	for (size_t i = 0; i < list->len; i++)
		bytes += 8 + 8 + list->items[i].script_pubkey.len;
	return bytes;
}

/* So that no key is handed out for a payment that cannot be signed. */
static int check_unlocked(struct payment_fault *fault, struct wallet *wallet)
{
	if (wallet_signing_begin(wallet))
		return payment_locked(fault);
	wallet_signing_end(wallet);
	return 0;
}

int payment_pay(struct payment *out, struct payment_fault *fault, struct arena *arena, struct wallet *wallet,
		const struct payment_request *request)
{
	struct payment_plan plan;
	uint64_t amount, seed = request->seed;
	int r;

	*out = (struct payment){.transaction = {.version = TRANSACTION_VERSION, .timestamp = request->timestamp}};
	r = payment_outputs(&out->transaction.outputs, &amount, fault, arena, request->targets, request->target_count,
			    request->network);
	if (!r)
		r = check_unlocked(fault, wallet);
	if (!r)
		r = payment_choose(&plan, fault, arena, request->coins, request->coin_count, amount,
				   payment_max_inputs(outputs_bytes(&out->transaction.outputs)), payment_random(&seed));
	if (!r)
		r = add_change(out, fault, arena, wallet, plan.change, payment_random(&seed));
	return r ? r : spend(out, fault, arena, wallet, request->coins, &plan, request->threads);
}

struct small {
	uint64_t value;
	size_t index;
};

static int by_smallness(const void *a, const void *b)
{
	const struct small *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* The `max` smallest coins, all of them going to outputs and fee. */
static int choose_smallest(struct payment_plan *plan, struct payment_fault *fault, struct arena *arena,
			   const struct payment_merge_request *request, size_t max)
{
	size_t count = request->coin_count;
	struct small *list = arena_alloc(arena, count * sizeof(*list));
	uint64_t outputs, seed = request->seed;
	char sum[PAYMENT_AMOUNT_SIZE];

	*plan = (struct payment_plan){.count = count < max ? count : max};
	plan->coins = arena_alloc(arena, plan->count * sizeof(plan->coins[0]));
	if (!list || !plan->coins)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		list[i] = (struct small){request->coins[i].value, i};
	qsort(list, count, sizeof(*list), by_smallness);
	for (size_t i = 0; i < plan->count; i++) {
		plan->coins[i] = list[i].index;
		if (__builtin_add_overflow(plan->inputs, list[i].value, &plan->inputs))
			return payment_fault_set(fault, PAYMENT_E_OVERFLOW, "the sum of all coins leaves 64 bits");
	}
	outputs = fee_outputs_of(plan->inputs);
	if (outputs <= FEE_DUST_MAX)
		return payment_fault_set(fault, PAYMENT_E_FUNDS,
					 "insufficient funds: the %zu smallest coins are %s together, and nothing but "
					 "dust is left of it after the fee",
					 plan->count, payment_amount(sum, plan->inputs));
	plan->change = outputs;
	plan->fee = plan->inputs - outputs;
	payment_shuffle(plan->coins, plan->count, &seed);
	return 0;
}

/* The one output of a merge. */
static int merged_output(struct payment *out, struct payment_fault *fault, struct arena *arena, struct wallet *wallet,
			 const struct payment_merge_request *request, uint64_t value)
{
	struct wire_tx_output *output = arena_alloc(arena, sizeof(*output));

	if (!output)
		return -ENOMEM;
	out->transaction.outputs = (struct wire_tx_output_list){output, 1};
	out->change_output = PAYMENT_NO_CHANGE;
	output->value = value;
	if (request->address.len > 0)
		return make_script(&output->script_pubkey, fault, arena, &request->address, request->network);
	out->change_output = 0;
	return own_output(output, &out->change_key, fault, arena, wallet, value);
}

int payment_merge(struct payment *out, struct payment_fault *fault, struct arena *arena, struct wallet *wallet,
		  const struct payment_merge_request *request)
{
	size_t min = request->min > 2 ? request->min : 2, most = payment_max_inputs(0);
	size_t max = request->max > 0 && request->max < most ? request->max : most;
	struct payment_plan plan;
	int r;

	*out = (struct payment){.transaction = {.version = TRANSACTION_VERSION, .timestamp = request->timestamp}};
	if (request->coin_count < min || max < 2)
		return payment_fault_set(fault, PAYMENT_E_FEW,
					 "nothing to merge: %zu coins, of which at most %zu may be merged, expected at "
					 "least %zu",
					 request->coin_count, max, min);
	r = check_unlocked(fault, wallet);
	if (!r)
		r = choose_smallest(&plan, fault, arena, request, max);
	if (!r)
		r = merged_output(out, fault, arena, wallet, request, plan.change);
	return r ? r : spend(out, fault, arena, wallet, request->coins, &plan, request->threads);
}
