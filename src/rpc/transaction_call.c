// SPDX-License-Identifier: MIT
/* See transaction_call.h. */
#include "timed/rpc/transaction_call.h"

#include <errno.h>

#include "timed/node/node.h"
#include "timed/node/transactions.h"
#include "timed/rpc/value.h"
#include "timed/rpc/view_call.h"
#include "timeproto/chain/hash.h"

static const struct {
	enum pool_outcome outcome;
	enum rpc_code code;
	const char *word;
} meanings[] = {
	{POOL_E_RULE, RPC_VERIFY_REJECTED, "bad-txns"},
	{POOL_E_COINBASE, RPC_VERIFY_REJECTED, "coinbase"},
	{POOL_E_DUST, RPC_VERIFY_REJECTED, "dust"},
	{POOL_E_FEE, RPC_VERIFY_REJECTED, "min relay fee not met"},
	{POOL_E_MIN_RATE, RPC_VERIFY_REJECTED, "mempool min fee not met"},
	{POOL_E_FULL, RPC_VERIFY_REJECTED, "mempool full"},
	{POOL_E_KNOWN, RPC_VERIFY_REJECTED, "txn-already-in-mempool"},
	{POOL_E_IN_CHAIN, RPC_VERIFY_ALREADY_IN_CHAIN, "txn-already-known"},
	{POOL_E_WAS_REJECTED, RPC_VERIFY_REJECTED, "rejected-by-votes"},
	{POOL_E_CONFLICT, RPC_VERIFY_REJECTED, "txn-mempool-conflict"},
	{POOL_E_SPENT, RPC_VERIFY_ERROR, "bad-txns-inputs-missingorspent"},
	{POOL_E_ORPHAN, RPC_VERIFY_ERROR, "missing-inputs"},
	{POOL_E_TOO_LONG, RPC_VERIFY_REJECTED, "too-long-mempool-chain"},
};

#define MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

const char *transaction_call_word(int outcome)
{
	for (size_t i = 0; i < MEANINGS; i++) {
		if ((int)meanings[i].outcome == outcome)
			return meanings[i].word;
	}
	return "?";
}

static enum rpc_code code_of(int outcome)
{
	for (size_t i = 0; i < MEANINGS; i++) {
		if ((int)meanings[i].outcome == outcome)
			return meanings[i].code;
	}
	return RPC_VERIFY_ERROR;
}

json_t *transaction_call_fail(struct rpc_call *call, int outcome, const struct pool_result *result)
{
	if (outcome < POOL_E_RULE)
		return view_call_fail(call, outcome, "what the transaction spends");
	return rpc_fail(call, code_of(outcome), "%s: %s", transaction_call_word(outcome), result->fault.text);
}

json_t *transaction_call_send(struct rpc_call *call, const struct wire_transaction *transaction)
{
	struct pool_result result;
	struct wire_hash txid;
	int r;

	hash_txid(&txid, transaction);
	r = transactions_submit(node_transactions(call->user), &result, transaction, &txid, NULL);
	if (r && r != POOL_E_KNOWN)
		return transaction_call_fail(call, r, &result);
	return value_hex(txid.bytes, sizeof(txid.bytes));
}
