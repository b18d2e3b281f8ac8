// SPDX-License-Identifier: MIT
/* See wallet_call.h. */
#include "timed/rpc/wallet_call.h"

#include "timed/node/node.h"
#include "timed/rpc/value.h"

bool wallet_call_address(struct rpc_call *call, struct wire_str *out, const json_t *value)
{
	enum chain_network network = node_chain_params(call->user)->network;
	int r;

	if (!json_is_string(value) || value_number_text(value)) {
		rpc_fail(call, RPC_TYPE_ERROR, "an address must be of type string");
		return false;
	}
	*out = (struct wire_str){json_string_value(value), json_string_length(value)};
	r = address_decode(NULL, out->ptr, out->len, network);
	if (r)
		rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY, "\"%.64s\" is no address of %s: %s", out->ptr,
			 chain_network_name(network), address_error_text(r));
	return !r;
}

bool wallet_call_optional_address(struct rpc_call *call, struct wire_str *out, size_t *count, size_t index)
{
	*out = (struct wire_str){NULL, 0};
	*count = rpc_arg_given(call, index);
	return *count == 0 || wallet_call_address(call, out, call->args[index]);
}

static enum rpc_code payment_code(enum payment_error error)
{
	switch (error) {
	case PAYMENT_E_ADDRESS:
	case PAYMENT_E_NETWORK:
		return RPC_INVALID_ADDRESS_OR_KEY;
	case PAYMENT_E_AMOUNT:
	case PAYMENT_E_DUST:
	case PAYMENT_E_OVERFLOW:
	case PAYMENT_E_FEW:
		return RPC_INVALID_PARAMETER;
	case PAYMENT_E_FUNDS:
		return RPC_WALLET_INSUFFICIENT_FUNDS;
	case PAYMENT_E_INPUTS:
		return RPC_WALLET_ERROR;
	case PAYMENT_E_LOCKED:
		return RPC_WALLET_UNLOCK_NEEDED;
	}
	return RPC_WALLET_ERROR;
}

json_t *wallet_call_fail(struct rpc_call *call, int error, const struct coins_fault *fault)
{
	if (error < 0)
		return NULL; /* out of memory, which says just that */
	switch ((enum coins_error)error) {
	case COINS_E_PAYMENT:
		return rpc_fail(call, payment_code((enum payment_error)fault->error), "%s", fault->text);
	case COINS_E_REFUSED:
		return rpc_fail(call, RPC_VERIFY_REJECTED, "the pool does not take the transaction: %s", fault->text);
	case COINS_E_STORE:
		return rpc_fail(call, RPC_MISC_ERROR, "%s", fault->text);
	case COINS_E_KEYS:
	case COINS_E_OVERFLOW:
		return rpc_fail(call, RPC_WALLET_ERROR, "%s", fault->text);
	}
	return rpc_fail(call, RPC_WALLET_ERROR, "%s", fault->text);
}
