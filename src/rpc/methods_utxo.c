// SPDX-License-Identifier: MIT
/* Methods about unspent outputs. */
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/describe.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/view_call.h"
#include "timed/store/chain_store.h"
#include "timeproto/chain/hash.h"

/* A script is no longer than a block. */
#define COIN_ARENA_BYTES ((size_t)3 << 20)
/* What an unspent output takes in the database beside its script: txid, vout, value; and its entry by script. */
#define COIN_ENTRY_BYTES (32 + 4 + 8)
#define SCRIPT_ENTRY_BYTES (32 + 32 + 4)

static json_t *describe_coin(struct chain_view *view, const struct coin *coin, uint64_t height, bool coinbase,
			     enum chain_network network)
{
	struct builder b;

	builder_init(&b);
	builder_add_hash(&b, "bestblock", &chain_view_summary(view)->tip.hash);
	builder_add_u64(&b, "confirmations", view_call_confirmations(view, height));
	builder_add_u64(&b, "height", height);
	builder_add_amount(&b, "value", coin->value);
	builder_add(&b, "scriptPubKey", describe_script(&coin->script, network));
	builder_add_bool(&b, "coinbase", coinbase);
	return builder_take(&b);
}

static json_t *find_coin(struct rpc_call *call, struct chain_view *view, struct arena *arena,
			 const struct wire_outpoint *outpoint)
{
	uint32_t position;
	uint64_t height;
	struct coin coin;
	int r = chain_view_coin(view, &coin, arena, outpoint);

	if (r == STORE_E_NOT_FOUND)
		return json_null();
	if (r)
		return view_call_fail(call, r, "the unspent output");
	r = chain_view_transaction(view, &height, &position, &outpoint->txid);
	if (r)
		return view_call_fail(call, r, "the place of its transaction");
	return describe_coin(view, &coin, height, position == 0, node_chain_params(call->user)->network);
}

static json_t *coin_of(struct rpc_call *call, struct chain_view *view)
{
	struct wire_outpoint outpoint = {.vout = (uint32_t)rpc_arg_integer(call, 1)};
	struct arena arena;
	json_t *result;

	if (!rpc_arg_hash(call, &outpoint.txid, 0))
		return NULL;
	arena_init(&arena, COIN_ARENA_BYTES, NULL);
	result = find_coin(call, view, &arena, &outpoint);
	arena_free(&arena);
	return result;
}

static json_t *gettxout(struct rpc_call *call)
{
	return view_call_run(call, coin_of);
}

/* What a walk over all unspent outputs adds up. */
struct tally {
	uint64_t transactions; /* that have any */
	uint64_t bytes;	       /* that they take in the database */
	struct wire_hash txid; /* of the last one seen */
};

static bool count_coin(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	struct tally *tally = user;

	if (tally->transactions == 0 || !hash_equal(&tally->txid, &outpoint->txid))
		tally->transactions++;
	tally->txid = outpoint->txid;
	tally->bytes += COIN_ENTRY_BYTES + coin->script.len + SCRIPT_ENTRY_BYTES;
	return true;
}

static json_t *all_coins(struct rpc_call *call, struct chain_view *view)
{
	const struct chain_summary *now = chain_view_summary(view);
	struct tally tally = {.transactions = 0};
	struct wire_hash hash;
	struct builder b;
	int r = chain_view_state_hash(view, &hash);

	if (!r)
		r = chain_view_coins(view, count_coin, &tally);
	if (r)
		return view_call_fail(call, r, "the unspent outputs");
	builder_init(&b);
	builder_add_u64(&b, "height", now->tip.height);
	builder_add_hash(&b, "bestblock", &now->tip.hash);
	builder_add_u64(&b, "transactions", tally.transactions);
	builder_add_u64(&b, "txouts", now->unspent_count);
	builder_add_hash(&b, "utxo_state_hash", &hash);
	builder_add_u64(&b, "disk_size", tally.bytes);
	builder_add_amount(&b, "total_amount", now->unspent_value);
	return builder_take(&b);
}

static json_t *gettxoutsetinfo(struct rpc_call *call)
{
	return view_call_run(call, all_coins);
}

static const struct rpc_param gettxout_params[] = {
	{.name = "txid",
	 .types = RPC_TYPE_STRING,
	 .required = true,
	 .about = "transaction that made the output, in hex"},
	{.name = "n",
	 .types = RPC_TYPE_INTEGER,
	 .required = true,
	 .max = UINT32_MAX,
	 .about = "index of the output there"},
};

static const struct rpc_method methods[] = {
	{
		.name = "gettxout",
		.about = "Tells an unspent output of the chain; null when it is spent, or there has never been one.",
		.params = gettxout_params,
		.param_count = sizeof(gettxout_params) / sizeof(gettxout_params[0]),
		.result = "{\n"
			  "  \"bestblock\": hex,              hash of the block at which it is unspent\n"
			  "  \"confirmations\": n,            blocks from its own on to that one, both counted\n"
			  "  \"height\": n,                   of its block\n"
			  "  \"value\": amount,               in TIME\n"
			  "  \"scriptPubKey\": {\n"
			  "    \"hex\": hex,\n"
			  "    \"address\": text              the same, if it is an address\n"
			  "  },\n"
			  "  \"coinbase\": boolean            it is paid by a coinbase\n"
			  "}",
		.example = "[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",0]",
		RPC_ERRORS(RPC_ERROR_HASH, RPC_ERROR_DATABASE),
		.run = gettxout,
	},
	{
		.name = "gettxoutsetinfo",
		.about = "Tells about all unspent outputs, as of one block.  Reads every one of them.",
		.result = "{\n"
			  "  \"height\": n,                   of the best block\n"
			  "  \"bestblock\": hex,              its hash; what follows is as of this block\n"
			  "  \"transactions\": n,             transactions with unspent outputs\n"
			  "  \"txouts\": n,                   unspent outputs\n"
			  "  \"utxo_state_hash\": hex,        over all of them, as nodes compare it with each other\n"
			  "  \"disk_size\": n,                bytes of their entries, before compression\n"
			  "  \"total_amount\": amount         in TIME\n"
			  "}",
		RPC_ERRORS(RPC_ERROR_DATABASE),
		.run = gettxoutsetinfo,
	},
};

const struct rpc_group methods_utxo = {
	.name = "Unspent outputs",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
