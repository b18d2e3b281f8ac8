// SPDX-License-Identifier: MIT
/* See wallet_transaction.h.
 *
 * What an input of a block spent is not kept with it.  Its signature tells whose it was; if it was ours, the
 * transaction that it spends is looked up. */
#include "wallet_transaction.h"

#include <string.h>

#include "timed/node/node.h"
#include "timed/node/pool_query.h"
#include "timed/node/wallet.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/raw_transaction.h"
#include "timed/rpc/value.h"
#include "timed/rpc/view_call.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/sign.h"

/* A block decodes to a few times its 2 MB. */
#define BLOCK_ARENA_BYTES ((size_t)64 << 20)
#define DECIMALS 8

/* A block of the chain, decoded. */
struct read_block {
	struct arena arena;
	struct wire_block block;
	uint64_t height;
	bool held;
};

/* A transaction and what is known of it. */
struct subject {
	struct node *node;
	struct chain_view *view;
	const struct wire_transaction *transaction;
	struct wire_hash txid;
	const struct coin *coins; /* what its inputs spend; NULL: in the chain */
	struct read_block own;	  /* the block that holds it */
	uint32_t position;	  /* there */
	struct read_block other;  /* the one that was looked into last */

	uint64_t received; /* paid to us */
	uint64_t spent;	   /* of ours */
	size_t own_inputs; /* how many of its inputs are ours */
};

static int read_block(struct read_block *out, struct chain_view *view, uint64_t height)
{
	int r;

	if (out->held && out->height == height)
		return 0;
	out->held = false;
	arena_reset(&out->arena);
	r = chain_view_block(view, &out->block, &out->arena, height);
	out->height = height;
	out->held = !r;
	return r;
}

/* The value of an output of the chain, spent or not. */
static int find_value(struct subject *s, uint64_t *value, const struct wire_outpoint *outpoint)
{
	const struct wire_transaction *made;
	uint32_t position;
	uint64_t height;
	int r = chain_view_transaction(s->view, &height, &position, &outpoint->txid);

	if (!r)
		r = read_block(&s->other, s->view, height);
	if (r)
		return r;
	if (position >= s->other.block.transactions.len)
		return STORE_E_CHAIN;
	made = &s->other.block.transactions.items[position];
	if (outpoint->vout >= made->outputs.len)
		return STORE_E_CHAIN;
	*value = made->outputs.items[outpoint->vout].value;
	return 0;
}

static bool is_ours(const struct subject *s, const struct wire_bytes *script)
{
	uint32_t key;

	return wallet_find(node_wallet(s->node), &key, script->ptr, script->len);
}

/* Whoever has signed an input owns what it spends. */
static bool is_signed_by_us(const struct subject *s, const struct wire_tx_input *input)
{
	char address[ADDRESS_TEXT_SIZE];
	struct wire_bytes script;
	struct wire_key key;

	if (input->script_sig.len != SIGN_SCRIPT_SIG_BYTES)
		return false;
	memcpy(key.bytes, input->script_sig.ptr, sizeof(key.bytes));
	address_from_key(address, &key, node_chain_params(s->node)->network);
	script = (struct wire_bytes){(const uint8_t *)address, strlen(address)};
	return is_ours(s, &script);
}

/* What comes and goes.  Sums of valid transactions do not overflow.  0 or what a chain_view_* function returned. */
static int weigh(struct subject *s)
{
	const struct wire_tx_input_list *inputs = &s->transaction->inputs;
	const struct wire_tx_output_list *outputs = &s->transaction->outputs;
	int r = 0;

	for (size_t i = 0; i < outputs->len; i++) {
		if (is_ours(s, &outputs->items[i].script_pubkey))
			s->received += outputs->items[i].value;
	}
	for (size_t i = 0; i < inputs->len && !r; i++) {
		uint64_t value = s->coins ? s->coins[i].value : 0;

		if (!is_signed_by_us(s, &inputs->items[i]))
			continue;
		if (!s->coins)
			r = find_value(s, &value, &inputs->items[i].previous_output);
		s->spent += value;
		s->own_inputs++;
	}
	return r;
}

/* The fee is known when all inputs are ours. */
static uint64_t fee_of(const struct subject *s)
{
	uint64_t fee = s->spent;

	if (s->own_inputs == 0 || s->own_inputs < s->transaction->inputs.len)
		return 0;
	for (size_t i = 0; i < s->transaction->outputs.len; i++)
		fee -= s->transaction->outputs.items[i].value;
	return fee;
}

static json_t *describe_detail(const struct subject *s, uint32_t vout, bool ours)
{
	const struct wire_tx_output *output = &s->transaction->outputs.items[vout];
	const struct wire_bytes *script = &output->script_pubkey;
	int64_t value = (int64_t)output->value;
	struct builder b;

	builder_init(&b);
	if (address_decode(NULL, (const char *)script->ptr, script->len, node_chain_params(s->node)->network) == 0)
		builder_add(&b, "address", json_stringn((const char *)script->ptr, script->len));
	builder_add_text(&b, "category", !ours ? "send" : s->transaction->inputs.len > 0 ? "receive" : "generate");
	builder_add(&b, "amount", value_decimal(ours ? value : -value, DECIMALS));
	builder_add_u64(&b, "vout", vout);
	return builder_take(&b);
}

/* What is paid to us; and, if we pay, what is paid to others. */
static json_t *describe_details(const struct subject *s)
{
	const struct wire_tx_output_list *outputs = &s->transaction->outputs;
	json_t *list = json_array();

	for (uint32_t i = 0; i < outputs->len && list; i++) {
		bool ours = is_ours(s, &outputs->items[i].script_pubkey);

		if (!ours && s->own_inputs == 0)
			continue;
		if (json_array_append_new(list, describe_detail(s, i, ours))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static void add_place(struct builder *b, const struct subject *s)
{
	struct wire_hash hash;

	hash_block(&hash, &s->own.block.header);
	builder_add_hash(b, "blockhash", &hash);
	builder_add_u64(b, "blockheight", s->own.height);
	builder_add_u64(b, "blockindex", s->position);
	builder_add_integer(b, "blocktime", s->own.block.header.timestamp);
}

static json_t *describe(struct rpc_call *call, struct subject *s, const struct pool_info *info)
{
	struct builder b;
	uint64_t fee;
	int r = weigh(s);

	if (r)
		return view_call_fail(call, r, "what the transaction spends");
	fee = fee_of(s);
	builder_init(&b);
	builder_add(&b, "amount", value_decimal((int64_t)(s->received - s->spent + fee), DECIMALS));
	if (fee > 0)
		builder_add(&b, "fee", value_decimal(-(int64_t)fee, DECIMALS));
	builder_add_u64(&b, "confirmations", info ? 0 : view_call_confirmations(s->view, s->own.height));
	builder_add_bool(&b, "finalized", !info || info->finalized);
	if (!info)
		add_place(&b, s);
	builder_add_hash(&b, "txid", &s->txid);
	builder_add_integer(&b, "time", s->transaction->timestamp);
	if (info)
		builder_add_integer(&b, "timereceived", info->inserted_s);
	builder_add(&b, "details", describe_details(s));
	builder_add(&b, "hex", raw_transaction_encode(s->transaction));
	return builder_take(&b);
}

static json_t *get_pooled(struct rpc_call *call, struct subject *s, const struct pool_info *info)
{
	s->transaction = &info->tx->transaction;
	s->coins = info->tx->coins;
	return describe(call, s, info);
}

static json_t *get_confirmed(struct rpc_call *call, struct subject *s)
{
	char text[HASH_TEXT_SIZE];
	uint64_t height;
	int r = chain_view_transaction(s->view, &height, &s->position, &s->txid);

	if (r == STORE_E_NOT_FOUND)
		return rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY,
				"there is no transaction %s in the pool or in the chain", hash_text(text, &s->txid));
	if (!r)
		r = read_block(&s->own, s->view, height);
	if (!r && s->position >= s->own.block.transactions.len)
		r = STORE_E_CHAIN;
	if (r)
		return view_call_fail(call, r, "the transaction");
	s->transaction = &s->own.block.transactions.items[s->position];
	return describe(call, s, NULL);
}

/* The pool before the chain: what leaves it for a block in between is found there. */
json_t *wallet_transaction_get(struct rpc_call *call)
{
	struct subject s = {.node = call->user};
	struct pool_info info;
	json_t *result;

	if (!rpc_arg_hash(call, &s.txid, 0))
		return NULL;
	arena_init(&s.own.arena, BLOCK_ARENA_BYTES, NULL);
	arena_init(&s.other.arena, BLOCK_ARENA_BYTES, NULL);
	if (pool_find(node_pool(s.node), &info, &s.txid) == 0) {
		result = get_pooled(call, &s, &info);
		pool_info_free(&info);
	} else {
		s.view = node_chain_view(s.node);
		result = get_confirmed(call, &s);
		chain_view_unref(s.view);
	}
	arena_free(&s.own.arena);
	arena_free(&s.other.arena);
	return result;
}
