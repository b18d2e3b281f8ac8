/* SPDX-License-Identifier: MIT
 *
 * Methods that read the chain: each reads one view of it (store/chain_store.h), so that what it answers fits together
 * whatever is connected meanwhile.
 *
 * Thread safety: any thread; the call and its view belong to the calling one.
 */
#ifndef TIMED_RPC_VIEW_CALL_H
#define TIMED_RPC_VIEW_CALL_H

#include <jansson.h>
#include <stdint.h>

#include "timed/rpc/method.h"

struct chain_view;

/* Runs `run` on the newest view, and lets go of it.  What `run` returned. */
json_t *view_call_run(struct rpc_call *call, json_t *(*run)(struct rpc_call *call, struct chain_view *view));
/* Fails the call because a chain_view_* function returned `error` (not 0): a damaged or unreadable database, or out of
 * memory.  `what` could not be read.  Returns NULL. */
json_t *view_call_fail(struct rpc_call *call, int error, const char *what);
/* Argument `index`, a height or a block's hash, as a height that the view has a block at.  False after rpc_fail(). */
bool view_call_height(struct rpc_call *call, struct chain_view *view, uint64_t *height, size_t index)
	__attribute__((warn_unused_result));
/* How many blocks there are from this one on to the tip, both counted. */
uint64_t view_call_confirmations(const struct chain_view *view, uint64_t height);

#endif
