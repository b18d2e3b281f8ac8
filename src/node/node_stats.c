/* SPDX-License-Identifier: MIT
 *
 * What the node has counted, as others read it; see node/stats.h.
 */
#include "timed/node/stats.h"

#include "counters.h"
#include "node_impl.h"

void node_load_recent_blocks(struct node *node)
{
	struct chain_view *view = chain_thread_take_view(node->chain);

	counters_load(&node->counters, view);
	chain_view_unref(view);
}

void node_count_job(void *user, const struct chain_job *job)
{
	struct node *node = user;

	counters_ran(&node->counters, job);
	if (job->kind == CHAIN_REORGANISE && job->error == 0)
		node_load_recent_blocks(node);
}

void node_stats(struct node *node, struct node_stats *out)
{
	counters_read(&node->counters, out);
}

void node_store_stats(struct node *node, struct store_stats *out)
{
	store_get_stats(node->store, out);
}

size_t node_recent_blocks(struct node *node, struct node_block out[NODE_RECENT_BLOCKS])
{
	return counters_recent(&node->counters, out);
}
