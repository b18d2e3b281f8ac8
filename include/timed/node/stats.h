/* SPDX-License-Identifier: MIT
 *
 * What the node has counted since its start, and its latest blocks: for metrics and the status page.
 *
 * Thread safety: any thread between node_start() and node_stop(); a lock is held for a copy only.
 */
#ifndef TIMED_NODE_STATS_H
#define TIMED_NODE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/node/pool_event.h"
#include "timed/store/store.h"
#include "timed/util/histogram.h"

struct node;

struct node_stats {
	struct histogram_counts block_connect; /* from the check of a block to its being in the chain */
	struct histogram_counts block_delay;   /* from a block's timestamp to that, at the tip: its finality time */
	struct histogram_counts finality;      /* of transactions: from the pool to final */
	uint64_t blocks_connected;	       /* at the tip, one by one */
	uint64_t blocks_synced;		       /* fetched in ranges */
	uint64_t blocks_refused;	       /* broke a rule */
	uint64_t blocks_undone;		       /* by reorganisations */
	uint64_t reorgs;
	uint64_t failed_rounds; /* before the blocks put on the tip were agreed on */
	uint64_t pool_events[POOL_EVENT_KIND_COUNT];
};
void node_stats(struct node *node, struct node_stats *out);
/* What the database says. */
void node_store_stats(struct node *node, struct store_stats *out);

/* A block of the chain. */
struct node_block {
	uint64_t height;
	struct wire_hash hash;
	int64_t timestamp; /* Unix seconds, as it says */
	size_t transactions;
	bool certified; /* the two below are */
	uint64_t round; /* in which it was agreed on */
	size_t signatures;
	int64_t connected_ms; /* Unix time at which it joined our chain; 0: before the start, or in bulk */
};
#define NODE_RECENT_BLOCKS 16
/* The newest first; how many. */
size_t node_recent_blocks(struct node *node, struct node_block out[NODE_RECENT_BLOCKS]);

#endif
