// SPDX-License-Identifier: MIT
/* See view_call.h. */
#include "timed/rpc/view_call.h"

#include <errno.h>
#include <inttypes.h>

#include "timed/node/node.h"
#include "timed/store/chain_store.h"
#include "timeproto/chain/hash.h"

json_t *view_call_run(struct rpc_call *call, json_t *(*run)(struct rpc_call *call, struct chain_view *view))
{
	struct chain_view *view = node_chain_view(call->user);
	json_t *result = run(call, view);

	chain_view_unref(view);
	return result;
}

json_t *view_call_fail(struct rpc_call *call, int error, const char *what)
{
	if (error == -ENOMEM)
		return NULL; /* which says just that */
	return rpc_fail(call, RPC_MISC_ERROR, "cannot read %s from the database (%s): the log tells more", what,
			store_error_name(error));
}

static bool find_height(struct rpc_call *call, const struct chain_view *view, uint64_t *height, size_t index)
{
	uint64_t tip = chain_view_summary(view)->tip.height;
	int64_t wanted = rpc_arg_integer(call, index);

	if (wanted < 0 || (uint64_t)wanted > tip) {
		rpc_fail(call, RPC_INVALID_PARAMETER,
			 "there is no block at height %" PRId64 ": the heights are 0 to %" PRIu64, wanted, tip);
		return false;
	}
	*height = (uint64_t)wanted;
	return true;
}

static bool find_hash(struct rpc_call *call, struct chain_view *view, uint64_t *height, size_t index)
{
	char text[HASH_TEXT_SIZE];
	struct wire_hash hash;
	int r;

	if (!rpc_arg_hash(call, &hash, index))
		return false;
	r = chain_view_height(view, height, &hash);
	if (r == STORE_E_NOT_FOUND)
		rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY, "there is no block %s in the chain", hash_text(text, &hash));
	else if (r)
		view_call_fail(call, r, "the index of blocks");
	return !r;
}

bool view_call_height(struct rpc_call *call, struct chain_view *view, uint64_t *height, size_t index)
{
	return json_is_integer(call->args[index]) ? find_height(call, view, height, index)
						  : find_hash(call, view, height, index);
}

uint64_t view_call_confirmations(const struct chain_view *view, uint64_t height)
{
	return chain_view_summary(view)->tip.height - height + 1;
}
