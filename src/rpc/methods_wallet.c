// SPDX-License-Identifier: MIT
/* Methods about the wallet: what it has, and its addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/node/coins.h"
#include "timed/node/node.h"
#include "timed/node/wallet.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/stream.h"
#include "timed/rpc/value.h"
#include "timed/rpc/view_call.h"
#include "timed/rpc/wallet_call.h"
#include "wallet_transaction.h"

static json_t *getbalance(struct rpc_call *call)
{
	struct coins_fault fault;
	struct coins_list list;
	struct wire_str address;
	size_t count;
	json_t *result;
	int r;

	if (!wallet_call_optional_address(call, &address, &count, 0))
		return NULL;
	r = coins_list(node_coins(call->user), &list, &fault, &address, count);
	if (r)
		return wallet_call_fail(call, r, &fault);
	result = value_amount(list.balance.spendable);
	coins_list_free(&list);
	return result;
}

/* ---- listunspent */

static const char *state_name(enum balance_state state)
{
	switch (state) {
	case BALANCE_CONFIRMED:
		return "confirmed";
	case BALANCE_FINALISED:
		return "finalised";
	case BALANCE_INCOMING:
		return "incoming";
	case BALANCE_OUTGOING:
	case BALANCE_STATE_COUNT:
		break;
	}
	return "outgoing";
}

/* Blocks from its own on to the tip; 0: in the pool.  0 or what a chain_view_* function returned. */
static int find_confirmations(uint64_t *out, const struct coins_list *list, const struct coins_coin *coin)
{
	uint32_t position;
	uint64_t height;
	int r;

	*out = 0;
	if (coin->state != BALANCE_CONFIRMED)
		return 0;
	r = chain_view_transaction(list->view, &height, &position, &coin->outpoint.txid);
	if (!r)
		*out = view_call_confirmations(list->view, height);
	return r;
}

/* The coins that are told. */
struct unspent {
	struct coins_list list; /* without its view */
	struct unspent_coin {
		size_t index; /* in the list */
		uint64_t confirmations;
	} * coins;
	size_t count;
};

static void unspent_free(void *user)
{
	struct unspent *unspent = user;

	coins_list_free(&unspent->list);
	free(unspent->coins);
	free(unspent);
}

static json_t *describe_coin(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct unspent *unspent = user;
	const struct coins_coin *coin = &unspent->list.items[unspent->coins[index].index];
	const struct coins_owner *owner = &unspent->list.owners[coin->owner];
	bool safe = coin->state != BALANCE_INCOMING, ours = owner->key != COINS_NOT_OURS;
	struct builder b;

	(void)key;
	builder_init(&b);
	builder_add_hash(&b, "txid", &coin->outpoint.txid);
	builder_add_u64(&b, "vout", coin->outpoint.vout);
	builder_add_text(&b, "address", owner->address);
	builder_add_hex(&b, "scriptPubKey", (const uint8_t *)owner->address, strlen(owner->address));
	builder_add_amount(&b, "amount", coin->value);
	builder_add_u64(&b, "confirmations", unspent->coins[index].confirmations);
	builder_add_text(&b, "state", state_name(coin->state));
	builder_add_bool(&b, "spendable", ours && safe);
	builder_add_bool(&b, "solvable", ours);
	builder_add_bool(&b, "safe", safe);
	return builder_take(&b);
}

/* Picks the coins that are not being spent and have so many confirmations, and lets go of the chain's view: whoever
 * reads the answer may be slow.  False after rpc_fail(), or for want of memory. */
static bool choose_coins(struct rpc_call *call, struct unspent *unspent)
{
	uint64_t min = (uint64_t)rpc_arg_integer(call, 0), max = (uint64_t)rpc_arg_integer(call, 1), confirmations;
	struct coins_list *list = &unspent->list;
	int r = 0;

	unspent->coins = malloc(list->count * sizeof(unspent->coins[0]) + 1);
	for (size_t i = 0; i < list->count && unspent->coins && !r; i++) {
		if (list->items[i].state == BALANCE_OUTGOING)
			continue;
		r = find_confirmations(&confirmations, list, &list->items[i]);
		if (!r && confirmations >= min && confirmations <= max)
			unspent->coins[unspent->count++] = (struct unspent_coin){i, confirmations};
	}
	chain_view_unref(list->view);
	list->view = NULL;
	if (r)
		view_call_fail(call, r, "the place of a transaction");
	return unspent->coins && !r;
}

static bool read_addresses(struct rpc_call *call, struct wire_str *out, size_t *count, size_t index)
{
	*count = json_array_size(call->args[index]);
	if (*count > COINS_MAX_ADDRESSES) {
		rpc_fail(call, RPC_INVALID_PARAMETER, "%zu addresses, expected at most %d", *count,
			 COINS_MAX_ADDRESSES);
		return false;
	}
	for (size_t i = 0; i < *count; i++) {
		if (!wallet_call_address(call, &out[i], json_array_get(call->args[index], i)))
			return false;
	}
	return true;
}

/* False after rpc_fail(), or for want of memory. */
static bool find_unspent(struct rpc_call *call, struct unspent *unspent, struct wire_str *addresses)
{
	struct coins_fault fault;
	size_t count;
	int r;

	if (!read_addresses(call, addresses, &count, 2))
		return false;
	if (rpc_arg_integer(call, 0) > rpc_arg_integer(call, 1)) {
		rpc_fail(call, RPC_INVALID_PARAMETER, "minconf must not be more than maxconf");
		return false;
	}
	r = coins_list(node_coins(call->user), &unspent->list, &fault, addresses, count);
	if (r) {
		wallet_call_fail(call, r, &fault);
		return false;
	}
	if (unspent->list.left_out > 0) {
		rpc_fail(call, RPC_INVALID_PARAMETER, "more than %d coins: ask for some addresses", COINS_MAX_LISTED);
		return false;
	}
	return choose_coins(call, unspent);
}

static json_t *listunspent(struct rpc_call *call)
{
	struct wire_str *addresses = calloc(COINS_MAX_ADDRESSES, sizeof(*addresses));
	struct unspent *unspent = calloc(1, sizeof(*unspent));
	struct stream_list list = {.user = unspent, .item = describe_coin, .free_user = unspent_free};
	bool found = addresses && unspent && find_unspent(call, unspent, addresses);

	free(addresses);
	if (found) {
		list.count = unspent->count;
		return stream_answer(call, &list);
	}
	if (unspent)
		unspent_free(unspent);
	return NULL;
}

/* ---- addresses */

static json_t *getnewaddress(struct rpc_call *call)
{
	char address[ADDRESS_TEXT_SIZE];
	struct coins_fault fault;
	/* A restored wallet may not have looked at all blocks yet, and what was paid to is not handed out. */
	int r = coins_follow(node_coins(call->user), &fault, 0);

	if (r > 0)
		r = -EIO;
	if (!r)
		r = node_new_address(call->user, address);
	switch (r) {
	case 0:
		return json_string(address);
	case -ENOMEM:
		return NULL;
	case WALLET_E_LOCKED:
		return rpc_fail(call, RPC_WALLET_KEYPOOL_RAN_OUT,
				"the wallet is locked and knows no further address in advance: unlock it with "
				"walletpassphrase first");
	case WALLET_E_KEYS:
		return rpc_fail(call, RPC_WALLET_KEYPOOL_RAN_OUT, "the wallet has handed out its last address, of %d",
				WALLET_MAX_KEYS);
	default:
		return rpc_fail(call, RPC_WALLET_ERROR,
				"the database cannot be read or written: the log tells more");
	}
}

static json_t *validateaddress(struct rpc_call *call)
{
	const char *text = rpc_arg_string(call, 0);
	size_t len = json_string_length(call->args[0]);
	int error = address_decode(NULL, text, len, node_chain_params(call->user)->network);
	struct builder b;
	uint32_t key;

	builder_init(&b);
	builder_add_bool(&b, "isvalid", !error);
	builder_add(&b, "address", json_stringn(text, len));
	builder_add_hex(&b, "scriptPubKey", (const uint8_t *)text, error ? 0 : len);
	builder_add_bool(&b, "ismine",
			 !error && wallet_find(node_wallet(call->user), &key, (const uint8_t *)text, len));
	builder_add_bool(&b, "iswatchonly", false);
	builder_add_bool(&b, "isscript", false);
	builder_add_bool(&b, "iswitness", false);
	if (error)
		builder_add_text(&b, "error", address_error_text(error));
	return builder_take(&b);
}

/* ---- the table */

static const struct rpc_param balance_params[] = {
	{.name = "address", .types = RPC_TYPE_STRING, .about = "of this address alone, whoever owns it"},
};

static const struct rpc_param unspent_params[] = {
	{.name = "minconf",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "1",
	 .max = INT64_MAX,
	 .about = "fewest confirmations; 0: those of the pool too"},
	{.name = "maxconf",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "9999999",
	 .max = INT64_MAX,
	 .about = "most confirmations"},
	{.name = "addresses",
	 .types = RPC_TYPE_ARRAY,
	 .default_text = "[]",
	 .about = "of these addresses, whoever owns them; none: of all of the wallet"},
};

static const struct rpc_param address_params[] = {
	{.name = "address", .types = RPC_TYPE_STRING, .required = true, .about = "any text"},
};

static const struct rpc_param transaction_params[] = {
	{.name = "txid", .types = RPC_TYPE_STRING, .required = true, .about = "in hex"},
};

static const struct rpc_method methods[] = {
	{
		.name = "getbalance",
		.about = "Tells what the wallet can spend: its confirmed and its finalised coins, without those that "
			 "are being spent.",
		.params = balance_params,
		.param_count = sizeof(balance_params) / sizeof(balance_params[0]),
		.result = "amount                             in TIME",
		RPC_ERRORS(RPC_ERROR_ADDRESS, RPC_ERROR_DATABASE),
		.run = getbalance,
	},
	{
		.name = "listunspent",
		.about = "Lists coins of the wallet that nothing spends yet.",
		.params = unspent_params,
		.param_count = sizeof(unspent_params) / sizeof(unspent_params[0]),
		.result = "[\n"
			  "  {\n"
			  "    \"txid\": hex,\n"
			  "    \"vout\": n,\n"
			  "    \"address\": text,\n"
			  "    \"scriptPubKey\": hex,\n"
			  "    \"amount\": amount,            in TIME\n"
			  "    \"confirmations\": n,          0: in the pool\n"
			  "    \"state\": text,               confirmed; finalised: by votes; incoming: not yet\n"
			  "    \"spendable\": boolean,        by this wallet, now\n"
			  "    \"solvable\": boolean,         the wallet has its key\n"
			  "    \"safe\": boolean              it is confirmed or finalised\n"
			  "  }, ...\n"
			  "]",
		.example = "[1,9999999,[\"TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7B\"]]",
		RPC_ERRORS(RPC_ERROR_ADDRESS, {RPC_TYPE_ERROR, "an address is no text"},
			   {RPC_INVALID_PARAMETER,
			    "minconf is more than maxconf, there are too many addresses, or too many coins to list"},
			   RPC_ERROR_DATABASE),
		.run = listunspent,
	},
	{
		.name = "getnewaddress",
		.about = "Hands out an address of the wallet that nobody was given before.",
		.result = "text                               the address",
		RPC_ERRORS({RPC_WALLET_KEYPOOL_RAN_OUT,
			    "the wallet is locked and knows no further address, or has handed out its last one"},
			   {RPC_WALLET_ERROR, "the database cannot be read or written"}),
		.run = getnewaddress,
	},
	{
		.name = "validateaddress",
		.about = "Tells whether a text is an address of this network, and whose.",
		.params = address_params,
		.param_count = sizeof(address_params) / sizeof(address_params[0]),
		.result = "{\n"
			  "  \"isvalid\": boolean,\n"
			  "  \"address\": text,               as it was given\n"
			  "  \"scriptPubKey\": hex,           of outputs that pay to it; empty when it is not valid\n"
			  "  \"ismine\": boolean,             the wallet looks for payments to it\n"
			  "  \"iswatchonly\": false,\n"
			  "  \"isscript\": false,\n"
			  "  \"iswitness\": false,\n"
			  "  \"error\": text                  why it is not valid\n"
			  "}",
		.example = "[\"TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7B\"]",
		.run = validateaddress,
	},
	{
		.name = "gettransaction",
		.about = "Tells about a transaction of the pool or of the chain, and what it changes for the wallet.",
		.params = transaction_params,
		.param_count = sizeof(transaction_params) / sizeof(transaction_params[0]),
		.result = "{\n"
			  "  \"amount\": amount,              by which the wallet has more, the fee aside; negative: "
			  "less\n"
			  "  \"fee\": amount,                 negative; if the wallet pays all of it\n"
			  "  \"confirmations\": n,            0: in the pool\n"
			  "  \"finalized\": boolean,          by votes, or in a block\n"
			  "  \"blockhash\": hex,              the block that holds it, if any\n"
			  "  \"blockheight\": n,\n"
			  "  \"blockindex\": n,               its place there\n"
			  "  \"blocktime\": n,                Unix seconds\n"
			  "  \"txid\": hex,\n"
			  "  \"time\": n,                     as it says itself, Unix seconds\n"
			  "  \"timereceived\": n,             when it came into the pool, while it is there\n"
			  "  \"details\": [                   outputs to the wallet; to others too, if it is the "
			  "wallet's\n"
			  "    {\n"
			  "      \"address\": text,           if it is one\n"
			  "      \"category\": text,          send, receive, or generate: of a coinbase\n"
			  "      \"amount\": amount,          negative: sent\n"
			  "      \"vout\": n\n"
			  "    }, ...\n"
			  "  ],\n"
			  "  \"hex\": hex                     the transaction\n"
			  "}",
		.example = "[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]",
		RPC_ERRORS(RPC_ERROR_HASH,
			   {RPC_INVALID_ADDRESS_OR_KEY, "neither the chain nor the pool has the transaction"},
			   RPC_ERROR_DATABASE),
		.run = wallet_transaction_get,
	},
};

const struct rpc_group methods_wallet = {
	.name = "Wallet",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
