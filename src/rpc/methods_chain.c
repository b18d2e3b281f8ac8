// SPDX-License-Identifier: MIT
/* Methods about the chain as a whole; its blocks are in methods_blocks.c, its unspent outputs in methods_utxo.c. */
#include <inttypes.h>
#include <stdio.h>

#include "timed/node/consensus.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"
#include "timed/rpc/view_call.h"
#include "timed/rpc/warnings.h"
#include "timed/store/chain_store.h"

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

/* Millionths of the chain that we have: of what peers have shown while that is more, else of what is due by the clock,
 * since who knows of nothing more may just not have found anybody. */
static int64_t progress_millionths(uint64_t height, uint64_t target, uint64_t expected)
{
	uint64_t whole = target > height ? target : expected;

	if (height >= whole)
		return 1000000;
	return (int64_t)(((double)height + 1) * 1e6 / ((double)whole + 1));
}

/* How the fetching of blocks goes on. */
static void add_sync(struct builder *b, const struct node_sync *sync)
{
	builder_add_bool(b, "initialblockdownload", sync->syncing);
	builder_add_bool(b, "syncing", sync->syncing);
	builder_add_text(b, "sync_phase", sync->phase);
	builder_add_u64(b, "target_height", sync->target);
	builder_add(b, "blocks_per_second", value_decimal((int64_t)(sync->blocks_per_s * 10), 1));
	if (sync->seconds_left >= 0)
		builder_add_integer(b, "seconds_left", sync->seconds_left);
	builder_add_u64(b, "peers_used", sync->peers_used);
}

/* How blocks and payments become final, and what stands in the place of work. */
static void add_agreement(struct builder *b, const struct consensus_status *now, uint64_t height)
{
	char work[65];

	snprintf(work, sizeof(work), "%064" PRIx64, height);
	builder_add_text(b, "chainwork", work);
	builder_add(b, "difficulty", value_decimal(10, 1));
	builder_add_text(b, "consensus", now->with_validators ? "BFT" : "slots");
	builder_add_bool(b, "instant_finality", now->voters > 0);
	builder_add_text(b, "finality_time", now->voters > 0 ? "<3 seconds" : "no votes");
}

static json_t *getblockchaininfo(struct rpc_call *call)
{
	struct node *node = call->user;
	uint64_t expected = node_expected_height(node);
	struct chain_summary now;
	struct wire_hash genesis;
	struct consensus_status agreement;
	struct node_sync sync;
	struct builder b;
	int64_t median;
	int r;

	node_sync_status(node, &sync);
	node_chain_summary(node, &now);
	node_genesis_hash(node, &genesis);
	/* The tip may have moved since. */
	if (sync.target < now.tip.height)
		sync.target = now.tip.height;
	r = node_median_time(node, &median);
	if (r)
		return view_call_fail(call, r, "the last blocks");
	consensus_get_status(node_consensus(node), &agreement);
	builder_init(&b);
	builder_add_text(&b, "chain", chain_name(node_chain_params(node)->network));
	builder_add_u64(&b, "blocks", now.tip.height);
	builder_add_u64(&b, "headers", sync.target);
	builder_add_hash(&b, "bestblockhash", &now.tip.hash);
	builder_add_integer(&b, "time", now.tip.timestamp);
	builder_add(&b, "verificationprogress",
		    value_decimal(progress_millionths(now.tip.height, sync.target, expected), 6));
	add_sync(&b, &sync);
	builder_add_u64(&b, "size_on_disk", now.block_bytes);
	builder_add_bool(&b, "pruned", false);
	builder_add_u64(&b, "expected_height", expected);
	builder_add_hash(&b, "genesis_hash", &genesis);
	builder_add_integer(&b, "mediantime", median);
	add_agreement(&b, &agreement, now.tip.height);
	builder_add(&b, "warnings", warnings_of(node));
	return builder_take(&b);
}

static const struct rpc_method methods[] = {
	{
		.name = "getblockchaininfo",
		.about = "Tells which chain this node follows, how far it has got, and how the fetching of blocks goes on.",
		.result = "{\n"
			  "  \"chain\": text,                 main, test or dev\n"
			  "  \"blocks\": n,                   height of the best block\n"
			  "  \"headers\": n,                  the same as target_height\n"
			  "  \"bestblockhash\": hex,          hash of the best block\n"
			  "  \"time\": n,                     its timestamp, Unix seconds\n"
			  "  \"verificationprogress\": n,     0 to 1: the part that we have of target_height while that\n"
			  "                                 is more than we have, else of expected_height\n"
			  "  \"initialblockdownload\": bool,  the same as syncing\n"
			  "  \"syncing\": boolean,            blocks are being fetched\n"
			  "  \"sync_phase\": text,            what is done for it; idle: nothing is known to be missing\n"
			  "  \"target_height\": n,            highest height for which enough peers have shown a hash\n"
			  "  \"blocks_per_second\": n,        over the last seconds\n"
			  "  \"seconds_left\": n,             until target_height; left out when unknown\n"
			  "  \"peers_used\": n,               peers that are being asked for blocks\n"
			  "  \"size_on_disk\": n,             bytes of all blocks, before compression\n"
			  "  \"pruned\": false,               every block is kept\n"
			  "  \"expected_height\": n,          height that is due by the clock\n"
			  "  \"genesis_hash\": hex,           hash of block 0\n"
			  "  \"mediantime\": n,               median of the timestamps of the last 11 blocks\n"
			  "  \"chainwork\": hex,              there is no work: the height, as a number of 32 bytes\n"
			  "  \"difficulty\": 1.0,             the same: every block counts as one\n"
			  "  \"consensus\": text,             BFT: validators certify blocks; slots: as on the existing\n"
			  "                                 network\n"
			  "  \"instant_finality\": boolean,   masternodes vote on payments\n"
			  "  \"finality_time\": text,         within which their votes are to decide; or: no votes\n"
			  "  \"warnings\": [text, ...]        what an operator should know, each as \"code: sentence\"\n"
			  "}",
		RPC_ERRORS(RPC_ERROR_DATABASE),
		.run = getblockchaininfo,
	},
};

const struct rpc_group methods_chain = {
	.name = "Chain",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
