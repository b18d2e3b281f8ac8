// SPDX-License-Identifier: MIT
/* Methods about the chain. */
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"

/* As the existing daemon and Bitcoin name them. */
static const char *chain_name(enum chain_network network)
{
	switch (network) {
	case CHAIN_MAINNET:
		return "main";
	case CHAIN_TESTNET:
		return "test";
	case CHAIN_DEVNET:
		return "dev";
	case CHAIN_NETWORK_COUNT:
		break;
	}
	return NULL;
}

/* Millionths of the chain that we have, by the clock. */
static int64_t progress_millionths(uint64_t height, uint64_t expected)
{
	if (height >= expected)
		return 1000000;
	return (int64_t)(((double)height + 1) * 1e6 / ((double)expected + 1));
}

static json_t *getblockchaininfo(struct rpc_call *call)
{
	struct node *node = call->user;
	uint64_t expected = node_expected_height(node);
	struct wire_hash genesis;
	struct chain_tip tip;
	struct builder b;

	node_chain_tip(node, &tip);
	node_genesis_hash(node, &genesis);
	builder_init(&b);
	builder_add_text(&b, "chain", chain_name(node_chain_params(node)->network));
	builder_add_u64(&b, "blocks", tip.height);
	builder_add_u64(&b, "headers", tip.height);
	builder_add_hex(&b, "bestblockhash", tip.hash.bytes, sizeof(tip.hash.bytes));
	builder_add_integer(&b, "time", tip.timestamp);
	builder_add(&b, "verificationprogress", value_decimal(progress_millionths(tip.height, expected), 6));
	builder_add_bool(&b, "pruned", false);
	builder_add_u64(&b, "expected_height", expected);
	builder_add_hex(&b, "genesis_hash", genesis.bytes, sizeof(genesis.bytes));
	return builder_take(&b);
}

static const struct rpc_method methods[] = {
	{
		.name = "getblockchaininfo",
		.about = "Tells which chain this node follows and how far it has got.",
		.result = "{\n"
			  "  \"chain\": text,                 main, test or dev\n"
			  "  \"blocks\": n,                   height of the best block\n"
			  "  \"headers\": n,                  the same: headers are kept with their blocks only\n"
			  "  \"bestblockhash\": hex,          its hash\n"
			  "  \"time\": n,                     its timestamp, Unix seconds\n"
			  "  \"verificationprogress\": n,     part of the blocks due that we have, 0 to 1\n"
			  "  \"pruned\": false,               every block is kept\n"
			  "  \"expected_height\": n,          height that is due by the clock\n"
			  "  \"genesis_hash\": hex            hash of block 0\n"
			  "}",
		.run = getblockchaininfo,
	},
};

const struct rpc_group methods_chain = {
	.name = "Chain",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
