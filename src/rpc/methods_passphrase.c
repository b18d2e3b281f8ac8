// SPDX-License-Identifier: MIT
/* Methods about the passphrase of the wallet. */
#include <errno.h>
#include <string.h>

#include "timed/node/config.h"
#include "timed/node/node.h"
#include "timed/node/wallet.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"

/* Some years. */
#define MAX_UNLOCK_S 100000000
#define MS_PER_S 1000

/* The passphrase is in memory no longer than it is needed. */
static void wipe_argument(struct rpc_call *call, size_t index)
{
	char *text = (char *)(uintptr_t)json_string_value(call->args[index]);

	explicit_bzero(text, json_string_length(call->args[index]));
}

static json_t *encrypt_fail(struct rpc_call *call, int error, const char *text)
{
	if (error == WALLET_E_ENCRYPTED)
		return rpc_fail(call, RPC_WALLET_WRONG_ENC_STATE, "%s", text);
	if (error == WALLET_E_PASSPHRASE)
		return rpc_fail(call, RPC_INVALID_PARAMETER, "%s", text);
	return rpc_fail(call, RPC_WALLET_ENCRYPTION_FAILED, "%s", text);
}

static json_t *encryptwallet(struct rpc_call *call)
{
	char text[WALLET_TEXT_SIZE];
	int r = wallet_encrypt(node_wallet(call->user), text, rpc_arg_string(call, 0),
			       json_string_length(call->args[0]), NULL);

	wipe_argument(call, 0);
	if (r)
		return encrypt_fail(call, r, text);
	if (node_config(call->user)->masternode.enabled)
		return json_string("the wallet is encrypted, and locked; as a masternode, this node will not start "
				   "again before wallet.passphrase_file is set");
	return json_string("the wallet is encrypted, and locked until walletpassphrase unlocks it; copies made before "
			   "are not encrypted");
}

static json_t *unlock_fail(struct rpc_call *call, int error, const char *text)
{
	if (error == WALLET_E_PLAIN)
		return rpc_fail(call, RPC_WALLET_WRONG_ENC_STATE, "%s", text);
	if (error == WALLET_E_PASSPHRASE)
		return rpc_fail(call, RPC_WALLET_PASSPHRASE_INCORRECT, "%s", text);
	return error == -ENOMEM ? NULL : rpc_fail(call, RPC_WALLET_ERROR, "%s", text);
}

static json_t *walletpassphrase(struct rpc_call *call)
{
	char text[WALLET_TEXT_SIZE];
	int r = wallet_unlock(node_wallet(call->user), text, rpc_arg_string(call, 0), json_string_length(call->args[0]),
			      rpc_arg_integer(call, 1) * MS_PER_S);

	wipe_argument(call, 0);
	return r ? unlock_fail(call, r, text) : json_null();
}

static json_t *walletlock(struct rpc_call *call)
{
	if (wallet_lock(node_wallet(call->user)))
		return rpc_fail(call, RPC_WALLET_WRONG_ENC_STATE, "the wallet has no passphrase: see encryptwallet");
	return json_null();
}

static const struct rpc_param encrypt_params[] = {
	{.name = "passphrase", .types = RPC_TYPE_STRING, .required = true, .about = "which will open the wallet"},
};

static const struct rpc_param unlock_params[] = {
	{.name = "passphrase", .types = RPC_TYPE_STRING, .required = true, .about = "of the wallet"},
	{.name = "timeout",
	 .types = RPC_TYPE_INTEGER,
	 .required = true,
	 .min = 1,
	 .max = MAX_UNLOCK_S,
	 .about = "seconds from now on, after which it is locked again"},
};

static const struct rpc_method methods[] = {
	{
		.name = "encryptwallet",
		.about = "Encrypts the wallet, which has no passphrase yet, and locks it.  Takes a second or so.",
		.params = encrypt_params,
		.param_count = sizeof(encrypt_params) / sizeof(encrypt_params[0]),
		.result = "text                               what has happened",
		.example = "[\"a passphrase\"]",
		RPC_ERRORS({RPC_WALLET_WRONG_ENC_STATE, "the wallet has a passphrase already"},
			   {RPC_INVALID_PARAMETER, "the passphrase is empty or too long"},
			   {RPC_WALLET_ENCRYPTION_FAILED, "the disk does not take it"}),
		.run = encryptwallet,
	},
	{
		.name = "walletpassphrase",
		.about = "Unlocks the wallet for a time, whatever held before.  Takes a second or so.",
		.params = unlock_params,
		.param_count = sizeof(unlock_params) / sizeof(unlock_params[0]),
		.result = "null",
		.example = "[\"a passphrase\",60]",
		RPC_ERRORS({RPC_WALLET_WRONG_ENC_STATE, "the wallet has no passphrase"},
			   {RPC_WALLET_PASSPHRASE_INCORRECT, "the passphrase is wrong"},
			   {RPC_WALLET_ERROR, "the wallet cannot be unlocked"}),
		.run = walletpassphrase,
	},
	{
		.name = "walletlock",
		.about = "Locks the wallet: nothing can be paid until walletpassphrase unlocks it.",
		.result = "null",
		RPC_ERRORS({RPC_WALLET_WRONG_ENC_STATE, "the wallet has no passphrase"}),
		.run = walletlock,
	},
};

const struct rpc_group methods_passphrase = {
	.name = "Passphrase",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
