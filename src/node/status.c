// SPDX-License-Identifier: MIT
/* The full status in the log, for SIGUSR1: what a person wants to know first of a node that he has only the log of. The
 * same facts as in the RPC, in lines that each say what they are about. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "node_impl.h"
#include "timed/net/net_stats.h"
#include "timed/node/consensus.h"
#include "timed/node/health.h"
#include "timed/node/pool_query.h"
#include "timed/node/version.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/process.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/schema.h"

#define MIB(bytes) ((double)(bytes) / 1048576.0)

static void log_health(struct node *node)
{
	struct health health;

	node_health(node, &health);
	for (size_t i = 0; i < health.count; i++)
		log_info(LOG_NODE, "  %s %s: %s", health_code_is_failure(health.items[i].code) ? "FAILURE" : "warning",
			 health_code_name(health.items[i].code), health.items[i].text);
}

static void log_chain(struct node *node)
{
	char hash[HASH_TEXT_SIZE], left[32] = "";
	struct chain_summary chain;
	struct node_sync sync;

	node_chain_summary(node, &chain);
	node_sync_status(node, &sync);
	if (sync.seconds_left >= 0)
		snprintf(left, sizeof(left), ", %" PRId64 "s left", sync.seconds_left);
	log_info(LOG_NODE,
		 "  chain: height %" PRIu64 " %s, tip %" PRId64 "s old, %" PRIu64 " transactions, %" PRIu64
		 " unspent outputs",
		 chain.tip.height, hash_text(hash, &chain.tip.hash), clock_real_s() - chain.tip.timestamp,
		 chain.transactions, chain.unspent_count);
	log_info(LOG_NODE, "  sync: %s, target %" PRIu64 ", %.1f blocks/s from %" PRIu32 " peers%s", sync.phase,
		 sync.target, sync.blocks_per_s, sync.peers_used, left);
}

static void log_consensus(struct node *node)
{
	struct consensus_status now;

	consensus_get_status(node->consensus, &now);
	if (now.with_validators)
		log_info(LOG_NODE,
			 "  consensus: height %" PRIu64 ", round %" PRIu64 ", step %s, prevotes %" PRIu32
			 " and precommits %" PRIu32 " of %" PRIu32 " validators (quorum %" PRIu32
			 ")%s, final height %" PRIu64 ", %" PRIu64 " blocks of ours",
			 now.bft.height, now.bft.round, bft_step_name(now.bft.step), now.bft.prevotes,
			 now.bft.precommits, now.bft.validators, now.bft.quorum,
			 now.bft.observing   ? ", observing"
			 : now.bft.validator ? ""
					     : ", not a validator",
			 now.final_height, now.proposed);
	else
		log_info(LOG_NODE, "  consensus: no validators, %" PRIu64 " blocks of ours", now.proposed);
	log_info(LOG_NODE,
		 "  votes on transactions: %" PRIu32 " voters, %zu transactions open, %zu votes of ours, %" PRIu64
		 " contradictions of validators",
		 now.voters, now.finality.transactions, now.finality.own, now.equivocations);
}

static void log_pool(struct node *node)
{
	struct pool_summary pool;

	pool_summarize(node->pool, &pool, clock_real_s());
	log_info(LOG_NODE, "  pool: %zu transactions (%zu final), %zu B, %.1f of %.1f MiB, %zu orphans", pool.count,
		 pool.finalized, pool.bytes, MIB(pool.usage_bytes), MIB(pool.max_bytes), pool.orphans);
}

static void log_process(struct node *node)
{
	struct node_memory memory;
	struct process_usage usage;

	node_get_memory(node, &memory);
	process_usage(&usage);
	log_info(LOG_NODE, "  memory: %.1f MiB resident (at most %.1f), heap %.1f, peers %.1f of %.1f",
		 MIB(memory.resident), MIB(memory.resident_peak), MIB(memory.heap_used), MIB(memory.budget_used),
		 MIB(memory.budget_limit));
	log_info(LOG_NODE,
		 "  process: %" PRIu64 " threads, %" PRIu64 " of %" PRIu64
		 " open files, %.1fs of processor time, %" PRIu64 " log lines lost",
		 usage.threads, usage.open_files, usage.max_files, usage.cpu_s, log_dropped());
}

static void log_peer(const struct peer_info *p)
{
	char addr[NET_ADDR_TEXT_SIZE], ping[32] = "none", height[48] = "unknown";

	net_addr_text(addr, &p->addr);
	if (p->ping_us >= 0)
		snprintf(ping, sizeof(ping), "%.1f ms", (double)p->ping_us / 1000.0);
	if (p->has_height && p->has_synced)
		snprintf(height, sizeof(height), "%" PRIu64 " (ours up to %" PRIu64 ")", p->height, p->synced_blocks);
	else if (p->has_height)
		snprintf(height, sizeof(height), "%" PRIu64, p->height);
	log_info(LOG_NODE,
		 "  peer %" PRIu64 ": %s %s, %s, since %" PRId64 "s, ping %s, missed %" PRIu32
		 ", height %s, sent %" PRIu64 " B, received %" PRIu64 " B, queue %zu B, version \"%s\"",
		 p->id, addr, peer_direction_name(p->direction), peer_state_name(p->state),
		 clock_real_s() - p->connected_s, ping, p->missed_pongs, height, p->bytes_sent, p->bytes_received,
		 p->send_queue_bytes, p->subver);
}

static void log_network(struct node *node)
{
	struct net_stats totals;
	char offset[32] = "unknown";
	int64_t offset_s;

	if (node_clock_offset_s(node, &offset_s))
		snprintf(offset, sizeof(offset), "%" PRId64 "s", offset_s);
	net_get_stats(node->net, &totals);
	log_info(LOG_NODE, "  network: %zu addresses, %zu bans, clock offset %s",
		 address_book_size(net_addresses(node->net)), ban_list_count(net_bans(node->net), clock_real_s()),
		 offset);
	for (int i = PEER_CLOSE_NONE + 1; i < PEER_CLOSE_COUNT; i++) {
		if (totals.closed[i] > 0)
			log_info(LOG_NODE, "  connections ended by %s: %" PRIu64,
				 peer_close_reason_name((enum peer_close_reason)i), totals.closed[i]);
	}
}

/* All of them, by address. */
static void log_masternodes(struct node *node)
{
	struct masternode_info *infos;
	size_t n = node_masternodes(node, &infos);
	int64_t now_s = clock_real_s();

	for (size_t i = 0; i < n; i++)
		log_info(LOG_NODE, "  masternode %s: %s, %s%s, heard %" PRId64 "s ago", infos[i].address,
			 wire_tier_name(infos[i].tier), infos[i].active ? "active" : "inactive",
			 infos[i].own ? ", ourselves" : "", now_s - infos[i].last_heard_s);
	free(infos);
}

void node_log_status(struct node *node)
{
	struct peer_info *infos;
	struct chain_summary chain;
	size_t known, active, n = net_peer_infos(node->net, &infos);

	node_chain_summary(node, &chain);
	node_masternode_count(node, &known, &active);
	log_info(LOG_NODE, "📊 Status: Height=%" PRIu64 ", Connected Peers=%zu, Active Masternodes=%zu",
		 chain.tip.height, n, active);
	log_info(LOG_NODE, "  timed %s (%s, commit %s), network %s, up %" PRId64 "s, %zu masternodes known",
		 TIMED_VERSION, TIMED_COMMIT_DATE, TIMED_COMMIT_COUNT, node->chain_params.name,
		 node_uptime_ms(node) / 1000, known);
	log_health(node);
	log_chain(node);
	log_consensus(node);
	log_pool(node);
	log_process(node);
	log_network(node);
	log_masternodes(node);
	for (size_t i = 0; i < n; i++)
		log_peer(&infos[i]);
	free(infos);
}
