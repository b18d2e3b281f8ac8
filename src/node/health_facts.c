/* SPDX-License-Identifier: MIT
 *
 * What the verdict on the node is made from; see health.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "node_impl.h"
#include "timed/net/net_stats.h"
#include "timed/node/consensus.h"
#include "timed/node/health.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* A tip is current for so many block times, and for this long at least. */
#define TIP_BLOCK_TIMES 3
#define TIP_MIN_AGE_S 60

static void add_disk(struct health_facts *out, const struct node *node)
{
	struct statvfs fs;

	/* The memory backend has only the wallet there. */
	if (node->config->storage.backend == CONFIG_BACKEND_MEMORY || statvfs(node->config->storage.data_dir, &fs) != 0)
		return;
	out->disk_known = true;
	out->disk_free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	out->disk_size_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
}

static void add_tip(struct health_facts *out, struct node *node)
{
	int64_t age_s, max_s = (int64_t)node->config->metrics.tip_max_age_seconds;
	struct chain_summary chain;
	struct node_sync sync;

	node_sync_status(node, &sync);
	node_chain_summary(node, &chain);
	age_s = clock_real_s() - chain.tip.timestamp;
	out->tip_age_s = age_s > 0 ? age_s : 0;
	if (max_s == 0)
		max_s = TIP_BLOCK_TIMES * (int64_t)node->chain_params.block_time_s;
	if (node->config->metrics.tip_max_age_seconds == 0 && max_s < TIP_MIN_AGE_S)
		max_s = TIP_MIN_AGE_S;
	out->tip_max_age_s = max_s;
	out->syncing = sync.syncing;
	out->height = chain.tip.height;
	out->target = sync.target > chain.tip.height ? sync.target : chain.tip.height;
}

static void add_own_masternode(struct health_facts *out, struct node *node)
{
	struct masternode_info *infos = NULL;
	size_t count;

	if (!node->is_masternode)
		return;
	out->is_masternode = true;
	count = node_masternodes(node, &infos);
	for (size_t i = 0; i < count; i++)
		out->masternode_active |= infos[i].own && infos[i].active;
	free(infos);
}

static void add_consensus(struct health_facts *out, struct node *node)
{
	struct consensus_status now;

	consensus_get_status(node->consensus, &now);
	out->equivocations = now.equivocations;
	out->observing = now.silent;
	if (!now.with_validators)
		return;
	out->round = now.bft.round;
}

void node_health_facts(struct node *node, struct health_facts *out)
{
	struct store_failure failure;
	struct net_stats stats;

	*out = (struct health_facts){
		.halted = atomic_load(&node->halted),
		.stopping = atomic_load(&node->stop_asked),
		.peers = net_ready_count(node->net),
		.clock_max_offset_s = node->config->limits.clock_skew_warn_s,
		.memory_limit_bytes = node->config->limits.memory_budget_bytes,
		.log_dropped = log_dropped(),
	};
	if (store_failed(node->store, &failure))
		snprintf(out->store_failure, sizeof(out->store_failure), "%.191s", failure.text);
	node_watchdog(node, &out->watchdog);
	net_get_stats(node->net, &stats);
	out->network_off = !net_is_active(node->net);
	out->memory_used_bytes = stats.memory_used;
	out->clock_known = node_clock_offset_s(node, &out->clock_offset_s);
	add_disk(out, node);
	add_tip(out, node);
	add_own_masternode(out, node);
	add_consensus(out, node);
}

void node_health(struct node *node, struct health *out)
{
	struct health_facts facts;

	node_health_facts(node, &facts);
	health_judge(out, &facts);
}
