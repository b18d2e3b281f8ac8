// SPDX-License-Identifier: MIT
/* Methods that spend what the wallet has. */
#include "timed/node/coins.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/raw_transaction.h"
#include "timed/rpc/value.h"
#include "timed/rpc/wallet_call.h"
#include "timeproto/chain/hash.h"

/* Beside the transaction itself: the coins that it spends, whose scripts may be long, and the signatures. */
#define SIGN_ARENA_BYTES (RAW_TRANSACTION_ARENA_BYTES + ((size_t)128 << 20))

/* An amount in satoshis.  False after rpc_fail(). */
static bool read_amount(struct rpc_call *call, uint64_t *out, size_t index)
{
	int r = value_read_amount(out, call->args[index]);

	if (r == VALUE_E_LIMIT)
		rpc_fail(call, RPC_TYPE_ERROR, "%s is out of range", call->method->params[index].name);
	else if (r)
		rpc_fail(call, RPC_TYPE_ERROR, "%s must be a number, not negative, with at most 8 decimals",
			 call->method->params[index].name);
	return !r;
}

static json_t *sendtoaddress(struct rpc_call *call)
{
	struct payment_target target;
	struct coins_fault fault;
	struct coins_sent sent;
	int r;

	if (!wallet_call_address(call, &target.address, call->args[0]) || !read_amount(call, &target.amount, 1))
		return NULL;
	r = coins_send(node_coins(call->user), &sent, &fault, &target, 1);
	return r ? wallet_call_fail(call, r, &fault) : value_hex(sent.txid.bytes, sizeof(sent.txid.bytes));
}

static json_t *mergeutxos(struct rpc_call *call)
{
	size_t min = (size_t)rpc_arg_integer(call, 0), max = (size_t)rpc_arg_integer(call, 1), given;
	struct coins_fault fault;
	struct coins_sent sent;
	struct wire_str address;
	struct builder b;
	int r;

	if (!wallet_call_optional_address(call, &address, &given, 2))
		return NULL;
	if (min > max)
		return rpc_fail(call, RPC_INVALID_PARAMETER, "min must not be more than max");
	r = coins_merge(node_coins(call->user), &sent, &fault, min, max, address);
	if (r)
		return wallet_call_fail(call, r, &fault);
	builder_init(&b);
	builder_add_hash(&b, "txid", &sent.txid);
	builder_add_u64(&b, "merged_count", sent.input_count);
	builder_add_amount(&b, "total_value", sent.inputs);
	builder_add_amount(&b, "fee", sent.fee);
	builder_add_amount(&b, "final_value", sent.inputs - sent.fee);
	return builder_take(&b);
}

static json_t *describe_error(const struct wire_tx_input *input, const char *error)
{
	struct builder b;

	builder_init(&b);
	builder_add_hash(&b, "txid", &input->previous_output.txid);
	builder_add_u64(&b, "vout", input->previous_output.vout);
	builder_add_hex(&b, "scriptSig", input->script_sig.ptr, input->script_sig.len);
	builder_add_u64(&b, "sequence", input->sequence);
	builder_add_text(&b, "error", error);
	return builder_take(&b);
}

static json_t *describe_errors(const struct wire_tx_input_list *inputs, const char *const *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < inputs->len && list; i++) {
		if (errors[i] && json_array_append_new(list, describe_error(&inputs->items[i], errors[i]))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *sign_raw(struct rpc_call *call, struct arena *arena)
{
	struct wire_transaction transaction;
	struct coins_signed result;
	struct coins_fault fault;
	struct builder b;
	int r;

	if (!raw_transaction_arg(call, &transaction, arena, 0))
		return NULL;
	r = coins_sign(node_coins(call->user), &result, &fault, arena, &transaction);
	if (r)
		return wallet_call_fail(call, r, &fault);
	builder_init(&b);
	builder_add(&b, "hex", raw_transaction_encode(&transaction));
	builder_add_bool(&b, "complete", result.complete);
	if (!result.complete)
		builder_add(&b, "errors", describe_errors(&transaction.inputs, result.errors));
	return builder_take(&b);
}

static json_t *signrawtransactionwithwallet(struct rpc_call *call)
{
	struct arena arena;
	json_t *result;

	arena_init(&arena, SIGN_ARENA_BYTES, NULL);
	result = sign_raw(call, &arena);
	arena_free(&arena);
	return result;
}

static const struct rpc_param send_params[] = {
	{.name = "address", .types = RPC_TYPE_STRING, .required = true, .about = "who is paid"},
	{.name = "amount",
	 .types = RPC_TYPE_NUMBER | RPC_TYPE_STRING,
	 .required = true,
	 .about = "how much, in TIME, with at most 8 decimals; the fee comes on top"},
};

static const struct rpc_param merge_params[] = {
	{.name = "min",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "2",
	 .min = 2,
	 .max = WIRE_MAX_INPUTS,
	 .about = "with fewer coins than this nothing is done"},
	{.name = "max",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "100",
	 .min = 2,
	 .max = WIRE_MAX_INPUTS,
	 .about = "no more coins than this are merged, the smallest"},
	{.name = "address",
	 .types = RPC_TYPE_STRING,
	 .about = "only coins of this address of the wallet, which then gets the sum; else of all, for a new address"},
};

static const struct rpc_param sign_params[] = {
	{.name = "hexstring", .types = RPC_TYPE_STRING, .required = true, .about = "the transaction"},
};

static const struct rpc_method methods[] = {
	{
		.name = "sendtoaddress",
		.about = "Pays an amount to an address.  Spends confirmed coins if they suffice, else finalised ones "
			 "too; change goes to a new address of the wallet.",
		.params = send_params,
		.param_count = sizeof(send_params) / sizeof(send_params[0]),
		.result = "hex                                the txid",
		.example = "[\"TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7B\",1.5]",
		RPC_ERRORS(RPC_ERROR_ADDRESS,
			   {RPC_TYPE_ERROR, "the amount is none, negative, or has more than 8 decimals"},
			   {RPC_INVALID_PARAMETER, "the amount is too small to be paid, or more than there can be"},
			   {RPC_WALLET_INSUFFICIENT_FUNDS, "the wallet has too little"}, RPC_ERROR_LOCKED,
			   {RPC_WALLET_ERROR, "more coins are needed than a transaction may spend, or the disk does "
					      "not take the use of a new address"},
			   {RPC_VERIFY_REJECTED, "the pool does not take the payment"}, RPC_ERROR_DATABASE),
		.run = sendtoaddress,
	},
	{
		.name = "mergeutxos",
		.about = "Makes one coin out of many small ones.",
		.params = merge_params,
		.param_count = sizeof(merge_params) / sizeof(merge_params[0]),
		.result = "{\n"
			  "  \"txid\": hex,                   the transaction that does it\n"
			  "  \"merged_count\": n,             coins that it spends\n"
			  "  \"total_value\": amount,         their sum, in TIME\n"
			  "  \"fee\": amount,\n"
			  "  \"final_value\": amount          what is left\n"
			  "}",
		.example = "[2,100]",
		RPC_ERRORS(RPC_ERROR_ADDRESS,
			   {RPC_INVALID_PARAMETER, "min is more than max, or the wallet has fewer than min such coins"},
			   {RPC_WALLET_INSUFFICIENT_FUNDS, "nothing but dust would be left"}, RPC_ERROR_LOCKED,
			   {RPC_WALLET_ERROR, "the disk does not take the use of a new address"},
			   {RPC_VERIFY_REJECTED, "the pool does not take the payment"}, RPC_ERROR_DATABASE),
		.run = mergeutxos,
	},
	{
		.name = "signrawtransactionwithwallet",
		.about = "Signs those inputs of a transaction that spend coins of the wallet.",
		.params = sign_params,
		.param_count = sizeof(sign_params) / sizeof(sign_params[0]),
		.result = "{\n"
			  "  \"hex\": hex,                    the transaction with the signatures\n"
			  "  \"complete\": boolean,           every input is signed by its owner\n"
			  "  \"errors\": [                    if it is not: inputs with something wrong\n"
			  "    {\n"
			  "      \"txid\": hex,               the output that is spent\n"
			  "      \"vout\": n,\n"
			  "      \"scriptSig\": hex,\n"
			  "      \"sequence\": n,\n"
			  "      \"error\": text              what is wrong\n"
			  "    }, ...\n"
			  "  ]\n"
			  "}",
		.example = "[\"0100000000\"]",
		RPC_ERRORS(RPC_ERROR_RAW, RPC_ERROR_LOCKED, RPC_ERROR_DATABASE),
		.run = signrawtransactionwithwallet,
	},
};

const struct rpc_group methods_payment = {
	.name = "Payments",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
