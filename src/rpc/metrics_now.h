/* SPDX-License-Identifier: MIT
 *
 * The picture of the node that the table of metrics reads.
 *
 * Thread safety: as node.h.
 */
#ifndef TIMED_RPC_METRICS_NOW_H
#define TIMED_RPC_METRICS_NOW_H

#include "timed/net/net.h"
#include "timed/net/net_stats.h"
#include "timed/node/consensus.h"
#include "timed/node/health.h"
#include "timed/node/node.h"
#include "timed/node/pool_query.h"
#include "timed/node/stats.h"
#include "timed/store/chain_store.h"
#include "timed/util/process.h"

struct rpc_stats;

struct metrics_now {
	uint64_t one;		  /* 1 */
	double start_s, uptime_s; /* Unix time of the start; since then */
	struct process_usage process;
	struct node_memory memory;
	uint64_t log_dropped;
	double silent_s[WATCHED_COUNT]; /* the watched threads, since their last turn */

	struct health_facts facts;
	bool healthy;
	bool found[HEALTH_CODE_COUNT]; /* by code */

	struct chain_summary chain;
	double tip_age_s;
	uint64_t expected_height;
	struct node_sync sync;
	double sync_left_s;   /* NaN: unknown */
	uint64_t sync_behind; /* blocks */
	struct node_stats stats;
	struct store_stats store;

	struct consensus_status consensus;
	struct node_heartbeat_stats heartbeats;
	uint64_t masternodes[2]; /* active, inactive */
	struct pool_summary pool;

	struct net_stats net;
	uint64_t sent[WIRE_TYPE_COUNT], sent_bytes[WIRE_TYPE_COUNT]; /* messages, and their bytes, by type */
	uint64_t received[WIRE_TYPE_COUNT], received_bytes[WIRE_TYPE_COUNT];
	struct histogram_counts rtt;
	uint64_t peers[2];						    /* by direction */
	uint64_t peers_manual, queue_bytes, queue_max_bytes, peers_missing; /* with a missed pong */
	uint64_t max_peers, addresses, bans;
	double clock_offset_s; /* NaN: unknown */

	uint64_t rpc_calls, rpc_errors, rpc_refused_logins;
};

/* `stats` may be NULL. */
void metrics_now(struct metrics_now *out, struct node *node, const struct rpc_stats *stats);

#endif
