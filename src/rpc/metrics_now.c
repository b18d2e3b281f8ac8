// SPDX-License-Identifier: MIT
/* Takes the picture of the node for metrics: one lock after the other, each for a copy. */
#include "metrics_now.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "timed/node/config.h"
#include "timed/rpc/method.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

static void add_traffic(struct metrics_now *out, struct net *net)
{
	const struct net_stats *stats = &out->net;
	uint64_t in_bounds = 0;

	net_get_stats(net, &out->net);
	for (int i = 0; i < WIRE_TYPE_COUNT; i++) {
		out->sent[i] = stats->sent[i].messages;
		out->sent_bytes[i] = stats->sent[i].bytes;
		out->received[i] = stats->received[i].messages;
		out->received_bytes[i] = stats->received[i].bytes;
	}
	_Static_assert(NET_RTT_BUCKETS <= HISTOGRAM_BOUNDS_MAX, "a histogram holds the round trips");
	out->rtt.bounds_us = net_rtt_bounds_us;
	out->rtt.bound_count = NET_RTT_BUCKETS;
	for (int i = 0; i < NET_RTT_BUCKETS; i++) {
		out->rtt.counts[i] = stats->rtt_buckets[i];
		in_bounds += stats->rtt_buckets[i];
	}
	/* a pong that is just being counted may be in one of them only */
	out->rtt.counts[NET_RTT_BUCKETS] = stats->rtt_count > in_bounds ? stats->rtt_count - in_bounds : 0;
	out->rtt.sum_us = stats->rtt_sum_us;
}

static void add_peers(struct metrics_now *out, struct node *node)
{
	struct net *net = node_net(node);
	struct peer_info *infos = NULL;
	size_t count = net_peer_infos(net, &infos);

	for (size_t i = 0; i < count; i++) {
		out->peers[infos[i].direction]++;
		out->peers_manual += infos[i].manual;
		out->peers_missing += infos[i].missed_pongs > 0;
		out->queue_bytes += infos[i].send_queue_bytes;
		if (infos[i].send_queue_bytes > out->queue_max_bytes)
			out->queue_max_bytes = infos[i].send_queue_bytes;
	}
	free(infos);
	out->max_peers = net_params(net)->max_peers;
	out->addresses = address_book_size(net_addresses(net));
	out->bans = ban_list_count(net_bans(net), clock_real_s());
}

static void add_chain(struct metrics_now *out, struct node *node)
{
	node_chain_summary(node, &out->chain);
	node_sync_status(node, &out->sync);
	out->expected_height = node_expected_height(node);
	out->tip_age_s = (double)out->facts.tip_age_s;
	if (out->sync.target < out->chain.tip.height)
		out->sync.target = out->chain.tip.height;
	out->sync_behind = out->sync.target - out->chain.tip.height;
	out->sync_left_s = out->sync.seconds_left >= 0 ? (double)out->sync.seconds_left : NAN;
	node_stats(node, &out->stats);
	node_store_stats(node, &out->store);
}

static void add_agreement(struct metrics_now *out, struct node *node)
{
	size_t known, active;

	consensus_get_status(node_consensus(node), &out->consensus);
	if (!out->consensus.with_validators)
		memset(&out->consensus.bft, 0, sizeof(out->consensus.bft));
	node_heartbeat_stats(node, &out->heartbeats);
	node_masternode_count(node, &known, &active);
	out->masternodes[0] = active;
	out->masternodes[1] = known - active;
	pool_summarize(node_pool(node), &out->pool, clock_real_s());
}

static void add_health(struct metrics_now *out, struct node *node)
{
	struct health health;

	node_health_facts(node, &out->facts);
	health_judge(&health, &out->facts);
	out->healthy = health.ok;
	for (int i = 0; i < WATCHED_COUNT; i++)
		out->silent_s[i] = (double)out->facts.watchdog.thread[i].silent_ms / 1000;
	for (size_t i = 0; i < health.count; i++)
		out->found[health.items[i].code] = true;
	out->clock_offset_s = out->facts.clock_known ? (double)out->facts.clock_offset_s : NAN;
}

void metrics_now(struct metrics_now *out, struct node *node, const struct rpc_stats *stats)
{
	memset(out, 0, sizeof(*out));
	out->one = 1;
	out->uptime_s = (double)node_uptime_ms(node) / 1000;
	out->start_s = (double)clock_real_ms() / 1000 - out->uptime_s;
	process_usage(&out->process);
	node_get_memory(node, &out->memory);
	out->log_dropped = log_dropped();
	add_health(out, node);
	add_chain(out, node);
	add_agreement(out, node);
	add_traffic(out, node_net(node));
	add_peers(out, node);
	if (!stats)
		return;
	out->rpc_calls = atomic_load_explicit(&stats->calls, memory_order_relaxed);
	out->rpc_errors = atomic_load_explicit(&stats->errors, memory_order_relaxed);
	out->rpc_refused_logins = atomic_load_explicit(&stats->refused_logins, memory_order_relaxed);
}
