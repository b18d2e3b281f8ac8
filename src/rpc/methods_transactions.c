// SPDX-License-Identifier: MIT
/* Methods about single transactions: finding, reading, making, trying and sending them. */
#include <string.h>

#include "timed/node/node.h"
#include "timed/node/pool_query.h"
#include "timed/node/transactions.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/describe.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/raw_transaction.h"
#include "timed/rpc/transaction_call.h"
#include "timed/rpc/value.h"
#include "timed/rpc/view_call.h"
#include "timed/store/chain_store.h"
#include "timed/util/clock.h"
#include "timeproto/base/hex.h"
#include "timeproto/chain/address.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

/* A block decodes to a few times its 2 MB. */
#define BLOCK_ARENA_BYTES ((size_t)64 << 20)
/* One call of testmempoolaccept. */
#define TRY_MAX 25
#define SEQUENCE_FINAL UINT32_MAX

static enum chain_network network_of(const struct rpc_call *call)
{
	return node_chain_params(call->user)->network;
}

/* Whether argument `index`, a boolean or a number, asks for more than hex. */
static bool is_verbose(const struct rpc_call *call, size_t index)
{
	const json_t *value = call->args[index];

	return json_is_true(value) || json_integer_value(value) > 0;
}

/* ---- getrawtransaction ---- */

static json_t *describe_pooled(struct rpc_call *call, const struct pool_info *info)
{
	const struct wire_transaction *transaction = &info->tx->transaction;
	struct builder b;

	b.object = describe_transaction(transaction, &info->tx->txid, network_of(call));
	builder_add_u64(&b, "confirmations", 0);
	builder_add_amount(&b, "fee", info->tx->fee);
	builder_add_bool(&b, "finalized", info->finalized);
	builder_add(&b, "hex", raw_transaction_encode(transaction));
	return builder_take(&b);
}

/* The transaction at a place of the chain. */
static json_t *tell_placed(struct rpc_call *call, struct chain_view *view, struct arena *arena, uint64_t height,
			   uint32_t position, const struct wire_hash *txid)
{
	const struct wire_transaction *transaction;
	struct wire_block block;
	struct wire_hash hash;
	struct builder b;
	int r = chain_view_block(view, &block, arena, height);

	if (!r && position >= block.transactions.len)
		r = STORE_E_CHAIN;
	if (r)
		return view_call_fail(call, r, "the block that holds it");
	transaction = &block.transactions.items[position];
	if (!is_verbose(call, 1))
		return raw_transaction_encode(transaction);
	hash_block(&hash, &block.header);
	b.object = describe_transaction(transaction, txid, network_of(call));
	builder_add_hash(&b, "blockhash", &hash);
	builder_add_u64(&b, "height", height);
	builder_add_u64(&b, "confirmations", view_call_confirmations(view, height));
	builder_add_integer(&b, "time", block.header.timestamp);
	builder_add_integer(&b, "blocktime", block.header.timestamp);
	builder_add(&b, "hex", raw_transaction_encode(transaction));
	return builder_take(&b);
}

static json_t *find_in_chain(struct rpc_call *call, struct chain_view *view)
{
	struct wire_hash txid;
	struct arena arena;
	uint32_t position;
	uint64_t height;
	json_t *result;
	int r;

	if (!rpc_arg_hash(call, &txid, 0))
		return NULL;
	r = chain_view_transaction(view, &height, &position, &txid);
	if (r == STORE_E_NOT_FOUND)
		return rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY,
				"No information available about transaction: neither the chain nor the pool has it");
	if (r)
		return view_call_fail(call, r, "the place of the transaction");
	arena_init(&arena, BLOCK_ARENA_BYTES, NULL);
	result = tell_placed(call, view, &arena, height, position, &txid);
	arena_free(&arena);
	return result;
}

static json_t *getrawtransaction(struct rpc_call *call)
{
	struct pool_info info;
	struct wire_hash txid;
	json_t *result;

	if (!rpc_arg_hash(call, &txid, 0))
		return NULL;
	if (pool_find(node_pool(call->user), &info, &txid))
		return view_call_run(call, find_in_chain);
	if (is_verbose(call, 1))
		result = describe_pooled(call, &info);
	else
		result = raw_transaction_encode(&info.tx->transaction);
	pool_info_free(&info);
	return result;
}

/* ---- decoderawtransaction, sendrawtransaction ---- */

/* Runs `run` on the transaction that argument 0 is. */
static json_t *with_transaction(struct rpc_call *call,
				json_t *(*run)(struct rpc_call *call, const struct wire_transaction *transaction))
{
	struct wire_transaction transaction;
	json_t *result = NULL;
	struct arena arena;

	arena_init(&arena, RAW_TRANSACTION_ARENA_BYTES, NULL);
	if (raw_transaction_arg(call, &transaction, &arena, 0))
		result = run(call, &transaction);
	arena_free(&arena);
	return result;
}

static json_t *describe(struct rpc_call *call, const struct wire_transaction *transaction)
{
	struct wire_hash txid;

	hash_txid(&txid, transaction);
	return describe_transaction(transaction, &txid, network_of(call));
}

static json_t *decoderawtransaction(struct rpc_call *call)
{
	return with_transaction(call, describe);
}

static json_t *sendrawtransaction(struct rpc_call *call)
{
	return with_transaction(call, transaction_call_send);
}

/* ---- testmempoolaccept ---- */

/* What the pool would say: fields of an answer, or NULL after rpc_fail(). */
static json_t *try_one(struct rpc_call *call, const struct wire_transaction *transaction)
{
	struct pool_result result;
	struct wire_hash txid;
	struct builder b, fees;
	int r;

	hash_txid(&txid, transaction);
	r = transactions_try(node_transactions(call->user), &result, transaction, &txid);
	if (r && r < POOL_E_RULE)
		return transaction_call_fail(call, r, &result);
	builder_init(&b);
	builder_add_hash(&b, "txid", &txid);
	builder_add_bool(&b, "allowed", r == 0);
	if (r) {
		builder_add_text(&b, "reject-reason", transaction_call_word(r));
		builder_add_text(&b, "reject-details", result.fault.text);
	} else {
		builder_init(&fees);
		builder_add_amount(&fees, "base", result.fee);
		builder_add_u64(&b, "size", result.size);
		builder_add(&b, "fees", builder_take(&fees));
	}
	return builder_take(&b);
}

static json_t *try_hex(struct rpc_call *call, json_t *hex, size_t index)
{
	char why[RAW_TRANSACTION_WHY_SIZE];
	struct wire_transaction transaction;
	json_t *result = NULL;
	struct arena arena;
	int r;

	if (!json_is_string(hex))
		return rpc_fail(call, RPC_TYPE_ERROR, "transaction %zu is no text", index);
	arena_init(&arena, RAW_TRANSACTION_ARENA_BYTES, NULL);
	r = raw_transaction_decode(&transaction, why, &arena, json_string_value(hex), json_string_length(hex));
	if (!r)
		result = try_one(call, &transaction);
	else if (r > 0)
		rpc_fail(call, RPC_DESERIALIZATION_ERROR, "transaction %zu is none in hex: %s", index, why);
	arena_free(&arena);
	return result;
}

static json_t *testmempoolaccept(struct rpc_call *call)
{
	size_t count = json_array_size(call->args[0]);
	json_t *list;

	if (count == 0 || count > TRY_MAX)
		return rpc_fail(call, RPC_INVALID_PARAMETER, "1 to %d transactions are tried at once, not %zu", TRY_MAX,
				count);
	list = json_array();
	for (size_t i = 0; i < count && list; i++) {
		if (json_array_append_new(list, try_hex(call, json_array_get(call->args[0], i), i))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

/* ---- createrawtransaction ---- */

/* A number from 0 to 2^32 - 1. */
static bool read_u32(uint32_t *out, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number > UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

static bool read_input(struct rpc_call *call, struct wire_tx_input *out, const json_t *value, size_t index)
{
	const json_t *txid = json_object_get(value, "txid"), *sequence = json_object_get(value, "sequence");
	uint8_t *bytes = out->previous_output.txid.bytes;

	*out = (struct wire_tx_input){.sequence = SEQUENCE_FINAL};
	if (!json_is_string(txid) || hex_decode(bytes, 32, json_string_value(txid), json_string_length(txid)))
		rpc_fail(call, RPC_INVALID_PARAMETER, "input %zu: txid must be 64 hex digits", index);
	else if (!read_u32(&out->previous_output.vout, json_object_get(value, "vout")))
		rpc_fail(call, RPC_INVALID_PARAMETER, "input %zu: vout must be a number from 0 to 4294967295", index);
	else if (sequence && !read_u32(&out->sequence, sequence))
		rpc_fail(call, RPC_INVALID_PARAMETER, "input %zu: sequence must be a number from 0 to 4294967295",
			 index);
	else
		return true;
	return false;
}

static bool read_inputs(struct rpc_call *call, struct wire_tx_input_list *out, struct arena *arena)
{
	out->len = json_array_size(call->args[0]);
	if (out->len > WIRE_MAX_INPUTS) {
		rpc_fail(call, RPC_INVALID_PARAMETER, "%zu inputs, expected at most %d", out->len, WIRE_MAX_INPUTS);
		return false;
	}
	out->items = arena_alloc(arena, out->len * sizeof(out->items[0]));
	for (size_t i = 0; i < out->len && out->items; i++) {
		if (!read_input(call, &out->items[i], json_array_get(call->args[0], i), i))
			return false;
	}
	return out->items;
}

static bool read_output(struct rpc_call *call, struct wire_tx_output *out, struct arena *arena, const char *address,
			const json_t *amount)
{
	size_t len = strlen(address);
	uint8_t *script;

	if (address_decode(NULL, address, len, network_of(call))) {
		rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY, "%.100s is no address of this network", address);
		return false;
	}
	if (value_read_amount(&out->value, amount)) {
		rpc_fail(call, RPC_TYPE_ERROR, "the amount for %.100s must be a number of TIME with at most 8 decimals",
			 address);
		return false;
	}
	script = arena_alloc(arena, len);
	if (!script)
		return false;
	memcpy(script, address, len);
	out->script_pubkey = (struct wire_bytes){script, len};
	return true;
}

/* The outputs of {address: amount, ...}, behind those that are there. */
static bool read_output_object(struct rpc_call *call, struct wire_tx_output_list *out, struct arena *arena,
			       json_t *object)
{
	const char *address;
	json_t *amount;

	json_object_foreach(object, address, amount)
	{
		if (!read_output(call, &out->items[out->len], arena, address, amount))
			return false;
		out->len++;
	}
	return true;
}

static bool read_outputs(struct rpc_call *call, struct wire_tx_output_list *out, struct arena *arena)
{
	json_t *outputs = call->args[1], *item;
	size_t count = json_object_size(outputs), i;

	json_array_foreach(outputs, i, item)
	{
		if (!json_is_object(item)) {
			rpc_fail(call, RPC_TYPE_ERROR, "output %zu must be an object: {address: amount}", i);
			return false;
		}
		count += json_object_size(item);
	}
	if (count > WIRE_MAX_INPUTS) {
		rpc_fail(call, RPC_INVALID_PARAMETER, "%zu outputs, expected at most %d", count, WIRE_MAX_INPUTS);
		return false;
	}
	out->items = arena_alloc(arena, count * sizeof(out->items[0]));
	if (!out->items)
		return false;
	if (json_is_object(outputs))
		return read_output_object(call, out, arena, outputs);
	json_array_foreach(outputs, i, item)
	{
		if (!read_output_object(call, out, arena, item))
			return false;
	}
	return true;
}

static json_t *createrawtransaction(struct rpc_call *call)
{
	struct wire_transaction transaction = {
		.version = 1, .lock_time = (uint32_t)rpc_arg_integer(call, 2), .timestamp = clock_real_s()};
	json_t *result = NULL;
	struct arena arena;

	arena_init(&arena, RAW_TRANSACTION_ARENA_BYTES, NULL);
	if (read_inputs(call, &transaction.inputs, &arena) && read_outputs(call, &transaction.outputs, &arena))
		result = raw_transaction_encode(&transaction);
	arena_free(&arena);
	return result;
}

/* ---- the table ---- */

static const struct rpc_param getrawtransaction_params[] = {
	{.name = "txid", .types = RPC_TYPE_STRING, .required = true, .about = "of the transaction, in hex"},
	{.name = "verbose",
	 .types = RPC_TYPE_BOOL | RPC_TYPE_INTEGER,
	 .default_text = "false",
	 .max = 2,
	 .about = "false or 0: hex; else what it says"},
};

static const struct rpc_param hex_params[] = {
	{.name = "hexstring",
	 .types = RPC_TYPE_STRING,
	 .required = true,
	 .about = "the transaction, in hex of bincode"},
};

static const struct rpc_param create_params[] = {
	{.name = "inputs",
	 .types = RPC_TYPE_ARRAY,
	 .required = true,
	 .about = "[{\"txid\": hex, \"vout\": n, \"sequence\": n}, ...]: what is spent; sequence may be left out"},
	{.name = "outputs",
	 .types = RPC_TYPE_OBJECT | RPC_TYPE_ARRAY,
	 .required = true,
	 .about = "{address: amount, ...} or [{address: amount}, ...]: what is paid, in TIME; the rest is the fee"},
	{.name = "locktime",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "0",
	 .max = UINT32_MAX,
	 .about = "carries no rule"},
};

static const struct rpc_param try_params[] = {
	{.name = "rawtxs", .types = RPC_TYPE_ARRAY, .required = true, .about = "transactions, each in hex of bincode"},
};

#define PARAMS(list) .params = list, .param_count = sizeof(list) / sizeof(list[0])
#define TRANSACTION_FIELDS                                                                                             \
	"  \"txid\": hex,\n"                                                                                           \
	"  \"version\": n,\n"                                                                                          \
	"  \"size\": n,                     bytes in bincode\n"                                                        \
	"  \"timestamp\": n,                Unix time that it names\n"                                                 \
	"  \"locktime\": n,                 carries no rule\n"                                                         \
	"  \"vin\": [{txid, vout, scriptSig, sequence}, ...],\n"                                                       \
	"  \"vout\": [{value, n, scriptPubKey}, ...]"

static const struct rpc_method methods[] = {
	{
		.name = "getrawtransaction",
		.about = "Tells a transaction of the pool or of the chain.",
		PARAMS(getrawtransaction_params),
		.result = "hex; or, verbose,\n"
			  "{\n" TRANSACTION_FIELDS ",\n"
			  "  \"blockhash\": hex,              of the block that holds it; not while it is in the pool\n"
			  "  \"height\": n,                   the same\n"
			  "  \"confirmations\": n,            blocks from that one on to the tip; 0: in the pool\n"
			  "  \"time\": n, \"blocktime\": n,     Unix time of that block\n"
			  "  \"fee\": amount,                 in the pool only, like\n"
			  "  \"finalized\": boolean,          a quorum has approved it\n"
			  "  \"hex\": hex\n"
			  "}",
		.example = "[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",true]",
		RPC_ERRORS(RPC_ERROR_HASH,
			   {RPC_INVALID_ADDRESS_OR_KEY, "neither the chain nor the pool has the transaction"},
			   RPC_ERROR_DATABASE),
		.run = getrawtransaction,
	},
	{
		.name = "decoderawtransaction",
		.about = "Tells what a transaction says, valid or not.",
		PARAMS(hex_params),
		.result = "{\n" TRANSACTION_FIELDS "\n}",
		.example = "[\"01000000...\"]",
		RPC_ERRORS(RPC_ERROR_RAW),
		.run = decoderawtransaction,
	},
	{
		.name = "createrawtransaction",
		.about = "Makes a transaction without signatures.  What it spends is not looked up.",
		PARAMS(create_params),
		.result = "hex",
		.example =
			"[[{\"txid\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"vout\":0}],"
			"{\"TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7B\":1.5}]",
		RPC_ERRORS({RPC_INVALID_PARAMETER, "an input cannot be read, or there are too many inputs or outputs"},
			   {RPC_TYPE_ERROR, "an output is no object, or its amount no amount"}, RPC_ERROR_ADDRESS),
		.run = createrawtransaction,
	},
	{
		.name = "testmempoolaccept",
		.about = "Tells whether the pool would take transactions, each by itself, and takes none.",
		PARAMS(try_params),
		.result = "[{\n"
			  "  \"txid\": hex,\n"
			  "  \"allowed\": boolean,\n"
			  "  \"size\": n,                     bytes in bincode\n"
			  "  \"fees\": {\"base\": amount},      what it pays\n"
			  "  \"reject-reason\": text,         a word, if it is not allowed\n"
			  "  \"reject-details\": text         and a sentence\n"
			  "}, ...]",
		.example = "[[\"01000000...\"]]",
		RPC_ERRORS({RPC_INVALID_PARAMETER, "no transactions, or more than 25"},
			   {RPC_TYPE_ERROR, "one of them is no text"}, RPC_ERROR_RAW, RPC_ERROR_DATABASE),
		.run = testmempoolaccept,
	},
	{
		.name = "sendrawtransaction",
		.about = "Puts a transaction into the pool and sends it to the network.  One that is in the pool "
			 "already "
			 "is no error.",
		PARAMS(hex_params),
		.result = "txid in hex",
		.example = "[\"01000000...\"]",
		RPC_ERRORS(RPC_ERROR_RAW, {RPC_VERIFY_ERROR, "it spends what is unknown or spent"},
			   {RPC_VERIFY_REJECTED,
			    "the pool refuses it: a rule is broken, the fee is too low, it conflicts ..."},
			   {RPC_VERIFY_ALREADY_IN_CHAIN, "a block holds it already"}, RPC_ERROR_DATABASE),
		.run = sendrawtransaction,
	},
};

const struct rpc_group methods_transactions = {
	.name = "Transactions",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
