// SPDX-License-Identifier: MIT
/* Methods about the pool, and about what becomes of a transaction. */
#include <stdlib.h>

#include "timed/node/config.h"
#include "timed/node/node.h"
#include "timed/node/pool_query.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/stream.h"
#include "timed/rpc/value.h"
#include "timed/rpc/view_call.h"
#include "timed/store/chain_store.h"
#include "timed/util/clock.h"
#include "timeproto/chain/fee.h"
#include "timeproto/chain/hash.h"

/* waittransactionfinality gives up after this. */
#define MAX_WAIT_S 3600

/* ---- getmempoolinfo, getrawmempool ---- */

static json_t *getmempoolinfo(struct rpc_call *call)
{
	struct pool_summary now;
	struct builder b;

	pool_summarize(node_pool(call->user), &now, clock_real_s());
	builder_init(&b);
	builder_add_bool(&b, "loaded", true);
	builder_add_u64(&b, "size", now.count);
	builder_add_u64(&b, "bytes", now.bytes);
	builder_add_u64(&b, "usage", now.usage_bytes);
	builder_add_amount(&b, "total_fee", now.fees);
	builder_add_u64(&b, "maxmempool", now.max_bytes);
	builder_add_amount(&b, "mempoolminfee", now.min_rate > FEE_FLOOR ? now.min_rate : FEE_FLOOR);
	builder_add_amount(&b, "minrelaytxfee", FEE_FLOOR);
	builder_add_u64(&b, "finalized", now.finalized);
	builder_add_u64(&b, "orphans", now.orphans);
	builder_add_u64(&b, "orphan_bytes", now.orphan_bytes);
	return builder_take(&b);
}

static void add_sum(struct builder *b, const char *count, const char *bytes, const struct pool_sum *sum)
{
	builder_add_u64(b, count, sum->count);
	builder_add_u64(b, bytes, sum->bytes);
}

static json_t *describe_fees(const struct pool_info *info)
{
	struct builder b;

	builder_init(&b);
	builder_add_amount(&b, "base", info->tx->fee);
	builder_add_amount(&b, "ancestor", info->ancestors.fees);
	builder_add_amount(&b, "descendant", info->descendants.fees);
	return builder_take(&b);
}

static bool is_pooled(struct pool *pool, const struct wire_hash *txid)
{
	struct pool_info info;

	if (pool_find(pool, &info, txid))
		return false;
	pool_info_free(&info);
	return true;
}

/* The transactions of the pool whose outputs it spends, each once. */
static json_t *describe_depends(struct pool *pool, const struct pool_info *info)
{
	const struct wire_tx_input_list *inputs = &info->tx->transaction.inputs;
	json_t *seen = json_object(), *list = json_array();
	bool failed = !seen || !list;

	for (size_t i = 0; i < inputs->len && info->ancestors.count > 1 && !failed; i++) {
		const struct wire_hash *txid = &inputs->items[i].previous_output.txid;
		char text[HASH_TEXT_SIZE];

		hash_text(text, txid);
		if (json_object_get(seen, text) || !is_pooled(pool, txid))
			continue;
		failed = json_object_set_new(seen, text, json_true()) || json_array_append_new(list, json_string(text));
	}
	json_decref(seen);
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *describe_entry(struct pool *pool, const struct pool_info *info)
{
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, "size", info->tx->size);
	builder_add_integer(&b, "time", info->inserted_s);
	builder_add(&b, "fees", describe_fees(info));
	add_sum(&b, "ancestorcount", "ancestorsize", &info->ancestors);
	add_sum(&b, "descendantcount", "descendantsize", &info->descendants);
	builder_add(&b, "depends", describe_depends(pool, info));
	builder_add_bool(&b, "finalized", info->finalized);
	builder_add_u64(&b, "votes", info->votes);
	builder_add_u64(&b, "total_nodes", info->total_nodes);
	return builder_take(&b);
}

/* The pool at one moment; its transactions are counted by reference. */
struct pool_picture {
	struct pool *pool;
	struct pool_list list;
};

static json_t *picture_id(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct pool_picture *picture = user;
	const struct wire_hash *txid = &picture->list.items[index].tx->txid;

	(void)key;
	return value_hex(txid->bytes, sizeof(txid->bytes));
}

static json_t *picture_entry(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	const struct pool_picture *picture = user;
	const struct pool_info *info = &picture->list.items[index];

	hash_text(key, &info->tx->txid);
	return describe_entry(picture->pool, info);
}

static void picture_free(void *user)
{
	struct pool_picture *picture = user;

	pool_list_free(&picture->list);
	free(picture);
}

static json_t *getrawmempool(struct rpc_call *call)
{
	struct pool_picture *picture = calloc(1, sizeof(*picture));
	struct stream_list list = {.user = picture, .free_user = picture_free};

	if (!picture)
		return NULL;
	picture->pool = node_pool(call->user);
	if (pool_list(picture->pool, &picture->list, POOL_ALL)) {
		free(picture);
		return NULL;
	}
	list.count = picture->list.count;
	list.keyed = rpc_arg_bool(call, 0);
	list.item = list.keyed ? picture_entry : picture_id;
	return stream_answer(call, &list);
}

/* ---- finality ---- */

enum finality_state { STATE_UNKNOWN, STATE_PENDING, STATE_FINALIZED, STATE_CONFIRMED, STATE_REJECTED };

/* What is known of a transaction. */
struct finality {
	enum finality_state state;
	bool finalized;
	const char *type; /* what makes it final; NULL: nothing */
	uint32_t votes, total_nodes;
	uint64_t height, confirmations; /* of its block; 0: it is in none */
};

static const char *state_name(enum finality_state state)
{
	switch (state) {
	case STATE_UNKNOWN:
		return "unknown";
	case STATE_PENDING:
		return "pending";
	case STATE_FINALIZED:
		return "finalized";
	case STATE_CONFIRMED:
		return "confirmed";
	case STATE_REJECTED:
		return "rejected";
	}
	return "?";
}

static bool find_pooled(struct finality *out, struct pool *pool, const struct wire_hash *txid)
{
	struct pool_info info;

	if (pool_find(pool, &info, txid))
		return false;
	out->state = info.finalized ? STATE_FINALIZED : STATE_PENDING;
	out->finalized = info.finalized;
	out->type = info.finalized ? "bft" : NULL;
	out->votes = info.votes;
	out->total_nodes = info.total_nodes;
	pool_info_free(&info);
	return true;
}

/* The block may be undone as long as no votes, no certificate and no depth forbids it. */
static void judge_confirmed(struct finality *out, const struct node *node, const struct pool_past *past)
{
	const struct chain_params *chain = node_chain_params(node);
	const struct config *config = node_config(node);

	out->state = STATE_CONFIRMED;
	if (past->fate == POOL_FATE_SETTLED || (chain->bft_from > 0 && out->height >= chain->bft_from))
		out->type = "bft";
	else if (out->confirmations > config->limits.reorg_depth)
		out->type = "depth";
	out->finalized = out->type != NULL;
}

/* It is not in the pool.  0, or what a chain_view_* function returned. */
static int find_placed(struct finality *out, struct node *node, struct chain_view *view, const struct wire_hash *txid)
{
	struct pool_past past;
	uint32_t position;
	int r = chain_view_transaction(view, &out->height, &position, txid);

	pool_find_past(node_pool(node), &past, txid);
	if (r == STORE_E_NOT_FOUND) {
		if (past.fate == POOL_FATE_REJECTED)
			out->state = STATE_REJECTED;
		return 0;
	}
	if (r)
		return r;
	out->confirmations = view_call_confirmations(view, out->height);
	out->votes = past.fate == POOL_FATE_SETTLED ? past.votes : 0;
	judge_confirmed(out, node, &past);
	return 0;
}

/* 0, or what a chain_view_* function returned. */
static int find_finality(struct finality *out, struct node *node, const struct wire_hash *txid)
{
	struct chain_view *view;
	int r;

	*out = (struct finality){.state = STATE_UNKNOWN};
	/* The pool first: the block that takes it out there shows in a view that is taken later. */
	if (find_pooled(out, node_pool(node), txid))
		return 0;
	view = node_chain_view(node);
	r = find_placed(out, node, view, txid);
	chain_view_unref(view);
	return r;
}

static void add_finality(struct builder *b, const struct finality *f, const struct wire_hash *txid)
{
	builder_add_hash(b, "txid", txid);
	builder_add_bool(b, "finalized", f->finalized);
	if (f->type)
		builder_add_text(b, "finality_type", f->type);
	builder_add_text(b, "state", state_name(f->state));
	builder_add_u64(b, "confirmations", f->confirmations);
	if (f->confirmations > 0)
		builder_add_u64(b, "height", f->height);
	builder_add_u64(b, "votes", f->votes);
	if (f->total_nodes > 0)
		builder_add_u64(b, "total_nodes", f->total_nodes);
}

static json_t *fail_unknown(struct rpc_call *call)
{
	return rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY,
			"No information available about transaction: neither the chain nor the pool has it");
}

/* What has become of the transaction that is asked about.  False after rpc_fail(). */
static bool find_asked(struct rpc_call *call, struct finality *out, struct wire_hash *txid)
{
	int r;

	if (!rpc_arg_hash(call, txid, 0))
		return false;
	r = find_finality(out, call->user, txid);
	if (r)
		(void)view_call_fail(call, r, "the place of the transaction");
	return r == 0;
}

static json_t *gettransactionfinality(struct rpc_call *call)
{
	struct finality finality;
	struct wire_hash txid;
	struct builder b;

	if (!find_asked(call, &finality, &txid))
		return NULL;
	if (finality.state == STATE_UNKNOWN)
		return fail_unknown(call);
	builder_init(&b);
	add_finality(&b, &finality, &txid);
	return builder_take(&b);
}

static json_t *waittransactionfinality(struct rpc_call *call)
{
	int64_t limit_ms = rpc_arg_integer(call, 1) * 1000;
	struct finality finality;
	struct wire_hash txid;
	struct builder b;

	if (!find_asked(call, &finality, &txid))
		return NULL;
	/* What has gone while somebody waited for it is an answer; what never was is none. */
	if (finality.state == STATE_UNKNOWN && call->waited_ms <= 0)
		return fail_unknown(call);
	if (finality.state == STATE_PENDING && call->waited_ms != RPC_NO_WAIT && call->waited_ms < limit_ms)
		return rpc_later(call);
	builder_init(&b);
	add_finality(&b, &finality, &txid);
	builder_add_integer(&b, "wait_time_ms", call->waited_ms == RPC_NO_WAIT ? 0 : call->waited_ms);
	return builder_take(&b);
}

/* ---- the table ---- */

static const struct rpc_param getrawmempool_params[] = {
	{.name = "verbose", .types = RPC_TYPE_BOOL, .default_text = "false", .about = "tell about each of them"},
};

static const struct rpc_param finality_params[] = {
	{.name = "txid", .types = RPC_TYPE_STRING, .required = true, .about = "of the transaction, in hex"},
};

static const struct rpc_param wait_params[] = {
	{.name = "txid", .types = RPC_TYPE_STRING, .required = true, .about = "of the transaction, in hex"},
	{.name = "seconds",
	 .types = RPC_TYPE_INTEGER,
	 .default_text = "60",
	 .max = MAX_WAIT_S,
	 .about = "how long at most"},
};

#define PARAMS(list) .params = list, .param_count = sizeof(list) / sizeof(list[0])
#define FIN_ERRORS                                                                                                     \
	RPC_ERRORS(RPC_ERROR_HASH, {RPC_INVALID_ADDRESS_OR_KEY, "neither the chain nor the pool has the transaction"}, \
		   RPC_ERROR_DATABASE)
#define FINALITY_FIELDS                                                                                                \
	"  \"txid\": hex,\n"                                                                                           \
	"  \"finalized\": boolean,          nothing can undo it\n"                                                     \
	"  \"finality_type\": text,         why: \"bft\" (votes, or a certificate), \"depth\" of its block\n"          \
	"  \"state\": text,                 \"pending\", \"finalized\", \"confirmed\" (a block holds it), "            \
	"\"rejected\", "                                                                                               \
	"\"unknown\"\n"                                                                                                \
	"  \"confirmations\": n,            blocks from its own on to the tip; 0: no block holds it\n"                 \
	"  \"height\": n,                   of that block\n"                                                           \
	"  \"votes\": n,                    approvals of masternodes, as far as they are known\n"                      \
	"  \"total_nodes\": n               of so many"

static const struct rpc_method methods[] = {
	{
		.name = "getmempoolinfo",
		.about = "Tells about the pool of transactions that no block holds yet.",
		.result = "{\n"
			  "  \"loaded\": true,\n"
			  "  \"size\": n,                     transactions\n"
			  "  \"bytes\": n,                    of them in bincode\n"
			  "  \"usage\": n,                    bytes of memory\n"
			  "  \"total_fee\": amount,           that they pay\n"
			  "  \"maxmempool\": n,               bytes of memory at most\n"
			  "  \"mempoolminfee\": amount,       asked for 1000 bytes now\n"
			  "  \"minrelaytxfee\": amount,       least fee of a transaction\n"
			  "  \"finalized\": n,                transactions that a quorum has approved\n"
			  "  \"orphans\": n,                  kept, since what they spend is not known yet\n"
			  "  \"orphan_bytes\": n\n"
			  "}",
		.run = getmempoolinfo,
	},
	{
		.name = "getrawmempool",
		.about = "Lists the transactions of the pool.",
		PARAMS(getrawmempool_params),
		.result = "[txid, ...]; or, verbose,\n"
			  "{ txid: {\n"
			  "  \"size\": n,                     bytes in bincode\n"
			  "  \"time\": n,                     Unix time at which it came\n"
			  "  \"fees\": {base, ancestor, descendant},   of it; of it and its unconfirmed ancestors; "
			  "descendants\n"
			  "  \"ancestorcount\": n, \"ancestorsize\": n,      unconfirmed, itself included\n"
			  "  \"descendantcount\": n, \"descendantsize\": n,  the same\n"
			  "  \"depends\": [txid, ...],        whose outputs it spends, in the pool\n"
			  "  \"finalized\": boolean,          a quorum has approved it\n"
			  "  \"votes\": n, \"total_nodes\": n   approvals, of so many\n"
			  "}, ... }",
		.run = getrawmempool,
	},
	{
		.name = "gettransactionfinality",
		.about = "Tells what has become of a transaction.",
		PARAMS(finality_params),
		.result = "{\n" FINALITY_FIELDS "\n}",
		.example = "[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]",
		FIN_ERRORS,
		.run = gettransactionfinality,
	},
	{
		.name = "waittransactionfinality",
		.about = "Waits until a transaction is final, in a block, rejected or gone.  In a batch it does not "
			 "wait.",
		PARAMS(wait_params),
		.result = "{\n" FINALITY_FIELDS ",\n"
			  "  \"wait_time_ms\": n\n"
			  "}",
		.example = "[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",10]",
		FIN_ERRORS,
		.run = waittransactionfinality,
	},
};

const struct rpc_group methods_mempool = {
	.name = "Pool",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
