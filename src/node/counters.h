/* SPDX-License-Identifier: MIT
 *
 * Counts what happens to blocks and transactions, and remembers the latest blocks; read through node/stats.h.
 *
 * Thread safety: counters_ran() and counters_load() belong to the chain thread (or to nobody before it starts), the
 * rest is for any thread.
 */
#ifndef TIMED_NODE_COUNTERS_H
#define TIMED_NODE_COUNTERS_H

#include <stdatomic.h>

#include "chain_thread.h"
#include "timed/node/stats.h"
#include "timed/util/thread.h"

struct counters {
	struct histogram block_connect, block_delay, finality;
	atomic_uint_fast64_t blocks_connected, blocks_synced, blocks_refused, blocks_undone, reorgs, failed_rounds;
	atomic_uint_fast64_t pool_events[POOL_EVENT_KIND_COUNT];

	struct mutex lock;			      /* leaf; guards the two below */
	struct node_block recent[NODE_RECENT_BLOCKS]; /* by height modulo the size */
	uint64_t tip;				      /* height of the newest; UINT64_MAX: none */
};

void counters_init(struct counters *c);
void counters_destroy(struct counters *c);
/* Reads the latest blocks of the chain; what cannot be read is left out. */
void counters_load(struct counters *c, struct chain_view *view);
/* A job of the chain thread has been done. */
void counters_ran(struct counters *c, const struct chain_job *job);
void counters_pool_event(struct counters *c, const struct pool_event *event);

void counters_read(struct counters *c, struct node_stats *out);
size_t counters_recent(struct counters *c, struct node_block out[NODE_RECENT_BLOCKS]);

#endif
