// SPDX-License-Identifier: MIT
/* Methods about blocks. */
#include <stdlib.h>

#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/describe.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/stream.h"
#include "timed/rpc/value.h"
#include "timed/rpc/view_call.h"
#include "timed/store/chain_store.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

/* A block decodes to a few times its 2 MB. */
#define BLOCK_ARENA_BYTES ((size_t)64 << 20)

/* How much getblock tells. */
enum verbosity { VERBOSITY_HEX, VERBOSITY_IDS, VERBOSITY_TRANSACTIONS };

static json_t *getblockcount(struct rpc_call *call)
{
	struct chain_summary now;

	node_chain_summary(call->user, &now);
	return value_u64(now.tip.height);
}

static json_t *getbestblockhash(struct rpc_call *call)
{
	struct chain_summary now;

	node_chain_summary(call->user, &now);
	return value_hex(now.tip.hash.bytes, sizeof(now.tip.hash.bytes));
}

static json_t *hash_at(struct rpc_call *call, struct chain_view *view)
{
	struct wire_hash hash;
	uint64_t height;
	int r;

	if (!view_call_height(call, view, &height, 0))
		return NULL;
	r = chain_view_hash(view, &hash, height);
	return r ? view_call_fail(call, r, "the block") : value_hex(hash.bytes, sizeof(hash.bytes));
}

static json_t *getblockhash(struct rpc_call *call)
{
	return view_call_run(call, hash_at);
}

/* What the header at a height says, and where it stands.  0, or what a chain_view_* function returned. */
static int add_header(struct builder *b, struct chain_view *view, uint64_t height,
		      const struct wire_block_header *header, const struct wire_hash *hash)
{
	struct wire_hash next;
	int r = chain_view_hash(view, &next, height + 1);

	if (r && r != STORE_E_NOT_FOUND)
		return r;
	builder_add_hash(b, "hash", hash);
	builder_add_u64(b, "confirmations", view_call_confirmations(view, height));
	builder_add_u64(b, "height", height);
	builder_add_u64(b, "version", header->version);
	builder_add_hash(b, "merkleroot", &header->merkle_root);
	builder_add_integer(b, "time", header->timestamp);
	builder_add_hash(b, "previousblockhash", &header->previous_hash);
	if (!r)
		builder_add_hash(b, "nextblockhash", &next);
	builder_add_amount(b, "block_reward", header->block_reward);
	return 0;
}

static json_t *header_hex(const struct wire_block_header *header)
{
	struct buf bytes = BUF_INIT;
	json_t *result = NULL;

	if (wire_bincode_encode_value(&bytes, &wire_desc_block_header, header) == 0)
		result = value_hex(bytes.data, bytes.len);
	buf_free(&bytes);
	return result;
}

static json_t *header_of(struct rpc_call *call, struct chain_view *view)
{
	struct wire_block_header header;
	struct wire_hash hash;
	struct builder b;
	uint64_t height;
	int r;

	if (!view_call_height(call, view, &height, 0))
		return NULL;
	r = chain_view_header(view, &header, height);
	if (r)
		return view_call_fail(call, r, "the block");
	if (!rpc_arg_bool(call, 1))
		return header_hex(&header);
	hash_block(&hash, &header);
	builder_init(&b);
	r = add_header(&b, view, height, &header, &hash);
	if (!r)
		return builder_take(&b);
	json_decref(builder_take(&b));
	return view_call_fail(call, r, "the next block");
}

static json_t *getblockheader(struct rpc_call *call)
{
	return view_call_run(call, header_of);
}

static json_t *block_hex(struct rpc_call *call, struct chain_view *view, uint64_t height)
{
	struct store_value bytes;
	json_t *result;
	int r = chain_view_block_bytes(view, &bytes, height);

	if (r)
		return view_call_fail(call, r, "the block");
	result = value_hex(bytes.data, bytes.len);
	store_value_free(&bytes);
	return result;
}

/* A block while it is told. */
struct told_block {
	struct arena arena; /* of the next two */
	struct wire_block block;
	struct block_ids ids;
	enum chain_network network;
};

static void told_block_free(void *user)
{
	struct told_block *told = user;

	arena_free(&told->arena);
	free(told);
}

static json_t *tell_txid(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct told_block *told = user;

	(void)key;
	return value_hex(told->ids.txids[index].bytes, sizeof(told->ids.txids[index].bytes));
}

static json_t *tell_transaction(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct told_block *told = user;

	(void)key;
	return describe_transaction(&told->block.transactions.items[index], &told->ids.txids[index], told->network);
}

/* All but the transactions.  0; -ENOMEM; or what a chain_view_* function returned.  In either case `b` is to be taken.
 */
static int add_block(struct builder *b, struct told_block *told, struct chain_view *view, uint64_t height)
{
	struct wire_block *block = &told->block;
	int r = chain_view_block(view, block, &told->arena, height);

	if (!r)
		r = block_identify(&told->ids, &told->arena, block);
	if (!r)
		r = add_header(b, view, height, &block->header, &told->ids.hash);
	if (r)
		return r;
	builder_add_u64(b, "size", wire_bincode_size_value(&wire_desc_block, block));
	builder_add_u64(b, "nTx", block->transactions.len);
	builder_add(b, "masternode_rewards", describe_rewards(&block->masternode_rewards, told->network));
	if (block->commit)
		builder_add(b, "commit", describe_commit(block->commit));
	return 0;
}

static json_t *tell_block(struct rpc_call *call, struct chain_view *view, uint64_t height, enum verbosity verbosity)
{
	struct told_block *told = calloc(1, sizeof(*told));
	struct stream_list list = {.user = told, .free_user = told_block_free, .member = "tx"};
	struct builder b;
	int r;

	if (!told)
		return NULL;
	told->network = node_chain_params(call->user)->network;
	arena_init(&told->arena, BLOCK_ARENA_BYTES, NULL);
	builder_init(&b);
	r = add_block(&b, told, view, height);
	list.around = builder_take(&b);
	list.count = told->block.transactions.len;
	list.item = verbosity == VERBOSITY_IDS ? tell_txid : tell_transaction;
	if (!r)
		return stream_answer(call, &list);
	json_decref(list.around);
	told_block_free(told);
	return view_call_fail(call, r, "the block");
}

static enum verbosity verbosity_of(const struct rpc_call *call)
{
	if (json_is_boolean(call->args[1]))
		return rpc_arg_bool(call, 1) ? VERBOSITY_IDS : VERBOSITY_HEX;
	return (enum verbosity)rpc_arg_integer(call, 1);
}

static json_t *block_of(struct rpc_call *call, struct chain_view *view)
{
	enum verbosity verbosity = verbosity_of(call);
	uint64_t height;

	if (!view_call_height(call, view, &height, 0))
		return NULL;
	return verbosity == VERBOSITY_HEX ? block_hex(call, view, height) : tell_block(call, view, height, verbosity);
}

static json_t *getblock(struct rpc_call *call)
{
	return view_call_run(call, block_of);
}

static const struct rpc_param getblockhash_params[] = {
	{.name = "height", .types = RPC_TYPE_INTEGER, .required = true, .about = "0 to that of the best block"},
};

static const struct rpc_param getblockheader_params[] = {
	{.name = "blockhash",
	 .types = RPC_TYPE_INTEGER | RPC_TYPE_STRING,
	 .required = true,
	 .about = "the block's hash in hex, or its height"},
	{.name = "verbose",
	 .types = RPC_TYPE_BOOL,
	 .default_text = "true",
	 .about = "false: the header in bincode, as hex"},
};

static const struct rpc_param getblock_params[] = {
	{.name = "blockhash",
	 .types = RPC_TYPE_INTEGER | RPC_TYPE_STRING,
	 .required = true,
	 .about = "the block's hash in hex, or its height"},
	{.name = "verbosity",
	 .types = RPC_TYPE_INTEGER | RPC_TYPE_BOOL,
	 .default_text = "1",
	 .min = VERBOSITY_HEX,
	 .max = VERBOSITY_TRANSACTIONS,
	 .about = "0 or false: the block in bincode, as hex; 1 or true: with the ids of its transactions; 2: with the "
		  "transactions themselves"},
};

#define PARAMS(list) .params = list, .param_count = sizeof(list) / sizeof((list)[0])

#define BLOCK_ERRORS                                                                                                   \
	RPC_ERRORS({RPC_INVALID_PARAMETER, "the chain has no block at that height, or the hash is not 64 hex digits"}, \
		   {RPC_INVALID_ADDRESS_OR_KEY, "the chain has no block with that hash"}, RPC_ERROR_DATABASE)

/* What getblockheader and getblock both answer first. */
#define HEADER_RESULT                                                                                                  \
	"{\n"                                                                                                          \
	"  \"hash\": hex,                   of the block\n"                                                            \
	"  \"confirmations\": n,            blocks from this one on to the best one, both counted\n"                   \
	"  \"height\": n,                   its place in the chain\n"                                                  \
	"  \"version\": n,                  1; 2: genesis\n"                                                           \
	"  \"merkleroot\": hex,             over its transactions\n"                                                   \
	"  \"time\": n,                     its timestamp, Unix seconds\n"                                             \
	"  \"previousblockhash\": hex,      of the block before; zeros: genesis\n"                                     \
	"  \"nextblockhash\": hex,          of the block behind; left out for the best block\n"

static const struct rpc_method methods[] = {
	{
		.name = "getblockcount",
		.about = "Tells the height of the best block.",
		.result = "n                                height; genesis has 0",
		.run = getblockcount,
	},
	{
		.name = "getbestblockhash",
		.about = "Tells the hash of the best block.",
		.result = "hex",
		.run = getbestblockhash,
	},
	{
		.name = "getblockhash",
		.about = "Tells the hash of the block at a height.",
		PARAMS(getblockhash_params),
		.result = "hex",
		.example = "[1000]",
		RPC_ERRORS({RPC_INVALID_PARAMETER, "the chain has no block at that height"}, RPC_ERROR_DATABASE),
		.run = getblockhash,
	},
	{
		.name = "getblockheader",
		.about = "Tells the header of a block of the chain.",
		PARAMS(getblockheader_params),
		.result = HEADER_RESULT
			  "  \"block_reward\": amount         what it pays in TIME, fees included\n"
			  "}",
		.example = "[1000]",
		BLOCK_ERRORS,
		.run = getblockheader,
	},
	{
		.name = "getblock",
		.about = "Tells a block of the chain.",
		PARAMS(getblock_params),
		.result = HEADER_RESULT
			  "  \"block_reward\": amount,        what it pays in TIME, fees included\n"
			  "  \"size\": n,                     bytes in bincode\n"
			  "  \"nTx\": n,                      number of transactions\n"
			  "  \"masternode_rewards\": [        in order\n"
			  "    {\n"
			  "      \"script\": hex,             bytes of the reward address\n"
			  "      \"address\": text,           the same, if it is an address\n"
			  "      \"amount\": amount           in TIME\n"
			  "    }, ...\n"
			  "  ],\n"
			  "  \"commit\": {                    its certificate, if it has one\n"
			  "    \"round\": n,                  round in which it was decided\n"
			  "    \"signatures\": [\n"
			  "      {\n"
			  "        \"voter\": text,           address of the validator\n"
			  "        \"signature\": hex\n"
			  "      }, ...\n"
			  "    ]\n"
			  "  },\n"
			  "  \"tx\": [                        ids in hex, or with verbosity 2:\n"
			  "    {\n"
			  "      \"txid\": hex,\n"
			  "      \"version\": n,\n"
			  "      \"size\": n,                 bytes in bincode\n"
			  "      \"timestamp\": n,            as its maker says, Unix seconds\n"
			  "      \"locktime\": n,             carries no rule\n"
			  "      \"vin\": [                   what it spends; nothing: a coinbase\n"
			  "        {\n"
			  "          \"txid\": hex,           transaction that made the output\n"
			  "          \"vout\": n,             index of the output there\n"
			  "          \"scriptSig\": {\"hex\": hex},\n"
			  "          \"sequence\": n          carries no rule\n"
			  "        }, ...\n"
			  "      ],\n"
			  "      \"vout\": [\n"
			  "        {\n"
			  "          \"value\": amount,       in TIME\n"
			  "          \"n\": n,                index\n"
			  "          \"scriptPubKey\": {\n"
			  "            \"hex\": hex,\n"
			  "            \"address\": text      the same, if it is an address\n"
			  "          }\n"
			  "        }, ...\n"
			  "      ]\n"
			  "    }, ...\n"
			  "  ]\n"
			  "}",
		.example = "[1000,2]",
		BLOCK_ERRORS,
		.run = getblock,
	},
};

const struct rpc_group methods_blocks = {
	.name = "Blocks",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
