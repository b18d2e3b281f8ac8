// SPDX-License-Identifier: MIT
/* See status.h. */
#include "timed/rpc/status.h"

#include <stdlib.h>
#include <string.h>

#include "timed/net/net.h"
#include "timed/node/config.h"
#include "timed/node/consensus.h"
#include "timed/node/health.h"
#include "timed/node/node.h"
#include "timed/node/pool_query.h"
#include "timed/node/stats.h"
#include "timed/node/version.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/value.h"
#include "timed/rpc/warnings.h"
#include "timed/store/chain_store.h"
#include "timed/util/clock.h"
#include "timeproto/wire/schema.h"

/* Appends a new reference; on failure the list goes and is NULL. */
static void append(json_t **list, json_t *value)
{
	if (!*list) {
		json_decref(value);
	} else if (json_array_append_new(*list, value)) {
		json_decref(*list);
		*list = NULL;
	}
}

static json_t *describe_sync(struct node *node, const struct health_facts *facts)
{
	struct node_sync sync;
	struct builder b;

	node_sync_status(node, &sync);
	builder_init(&b);
	builder_add_bool(&b, "active", sync.syncing);
	builder_add_text(&b, "phase", sync.phase);
	builder_add_u64(&b, "target", facts->target);
	builder_add(&b, "blocks_per_s", value_decimal((int64_t)(sync.blocks_per_s * 10), 1));
	builder_add(&b, "seconds_left", sync.seconds_left >= 0 ? json_integer(sync.seconds_left) : json_null());
	builder_add_u64(&b, "peers", sync.peers_used);
	return builder_take(&b);
}

static json_t *describe_consensus(struct node *node)
{
	struct consensus_status now;
	struct builder b;

	consensus_get_status(node_consensus(node), &now);
	builder_init(&b);
	builder_add_bool(&b, "validators", now.with_validators);
	if (now.with_validators) {
		builder_add_u64(&b, "height", now.bft.height);
		builder_add_u64(&b, "round", now.bft.round);
		builder_add_text(&b, "step", bft_step_name(now.bft.step));
		builder_add_u64(&b, "count", now.bft.validators);
		builder_add_u64(&b, "prevotes", now.bft.prevotes);
		builder_add_u64(&b, "precommits", now.bft.precommits);
		builder_add_bool(&b, "own", now.bft.validator);
	}
	builder_add_u64(&b, "final_height", now.final_height);
	builder_add_u64(&b, "voters", now.voters);
	builder_add_u64(&b, "proposed", now.proposed);
	return builder_take(&b);
}

/* [[bound in ms, how many], ...]; the last bound is null. */
static json_t *describe_histogram(const struct histogram_counts *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i <= h->bound_count; i++) {
		json_t *pair = json_array();

		append(&pair, i < h->bound_count ? value_decimal(h->bounds_us[i], 3) : json_null());
		append(&pair, value_u64(h->counts[i]));
		append(&list, pair);
	}
	return list;
}

static json_t *describe_pool(struct node *node)
{
	struct pool_summary pool;
	struct node_stats stats;
	struct builder b;

	pool_summarize(node_pool(node), &pool, clock_real_s());
	node_stats(node, &stats);
	builder_init(&b);
	builder_add_u64(&b, "count", pool.count);
	builder_add_u64(&b, "finalized", pool.finalized);
	builder_add_u64(&b, "bytes", pool.bytes);
	builder_add_u64(&b, "usage", pool.usage_bytes);
	builder_add_u64(&b, "max", pool.max_bytes);
	builder_add_u64(&b, "orphans", pool.orphans);
	builder_add_u64(&b, "added", stats.pool_events[POOL_ADDED]);
	builder_add_u64(&b, "final", stats.pool_events[POOL_NOW_FINAL]);
	builder_add(&b, "finality_ms", describe_histogram(&stats.finality));
	return builder_take(&b);
}

static json_t *describe_blocks(struct node *node)
{
	struct node_block blocks[NODE_RECENT_BLOCKS];
	size_t count = node_recent_blocks(node, blocks);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct node_block *block = &blocks[i];
		int64_t delay_ms = block->connected_ms - block->timestamp * 1000;
		struct builder b;

		builder_init(&b);
		builder_add_u64(&b, "height", block->height);
		builder_add_hash(&b, "hash", &block->hash);
		builder_add_integer(&b, "time", block->timestamp);
		builder_add_u64(&b, "transactions", block->transactions);
		builder_add_bool(&b, "certified", block->certified);
		builder_add_u64(&b, "round", block->round);
		builder_add_u64(&b, "signatures", block->signatures);
		builder_add(&b, "delay_ms",
			    block->connected_ms ? json_integer(delay_ms > 0 ? delay_ms : 0) : json_null());
		append(&list, builder_take(&b));
	}
	return list;
}

/* Ours first, then the active ones, by address. */
static int compare_masternodes(const void *a, const void *b)
{
	const struct masternode_info *x = a, *y = b;

	if (x->own != y->own)
		return x->own ? -1 : 1;
	if (x->active != y->active)
		return x->active ? -1 : 1;
	return strcmp(x->address, y->address);
}

static json_t *describe_masternode(const struct masternode_info *info)
{
	struct builder b;

	builder_init(&b);
	builder_add_text(&b, "address", info->address);
	builder_add_text(&b, "tier", wire_tier_name(info->tier));
	builder_add_bool(&b, "active", info->active);
	builder_add_bool(&b, "own", info->own);
	builder_add_integer(&b, "heard", info->last_heard_s);
	builder_add_text(&b, "reward", info->reward_address);
	return builder_take(&b);
}

static json_t *describe_masternodes(struct masternode_info *infos, size_t count)
{
	json_t *list = json_array();
	size_t active = 0;
	struct builder b;

	if (count > 0)
		qsort(infos, count, sizeof(infos[0]), compare_masternodes);
	for (size_t i = 0; i < count; i++) {
		active += infos[i].active;
		if (i < STATUS_MAX_ROWS)
			append(&list, describe_masternode(&infos[i]));
	}
	builder_init(&b);
	builder_add_u64(&b, "known", count);
	builder_add_u64(&b, "active", active);
	builder_add(&b, "list", list);
	return builder_take(&b);
}

/* In milliseconds; null: unknown, or no pong came in time. */
static json_t *describe_ping(int64_t us)
{
	return us >= 0 ? value_decimal(us, 3) : json_null();
}

static json_t *describe_pings(const struct peer_info *info)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < info->ping_history_count; i++) {
		uint32_t us = info->ping_history_us[i];

		append(&list, describe_ping(us == PEER_PING_MISSED ? -1 : (int64_t)us));
	}
	return list;
}

static json_t *describe_peer(const struct peer_info *info, const char *tier)
{
	char addr[NET_ADDR_TEXT_SIZE];
	struct builder b;

	net_addr_text(addr, &info->addr);
	builder_init(&b);
	builder_add_u64(&b, "id", info->id);
	builder_add_text(&b, "addr", addr);
	builder_add_bool(&b, "inbound", info->direction == PEER_INBOUND);
	builder_add_bool(&b, "manual", info->manual);
	builder_add_text(&b, "subver", info->subver);
	builder_add(&b, "height", info->has_height ? value_u64(info->height) : json_null());
	builder_add(&b, "ping", describe_ping(info->ping_us));
	builder_add(&b, "minping", describe_ping(info->min_ping_us));
	builder_add(&b, "pings", describe_pings(info));
	builder_add_u64(&b, "missed", info->missed_pongs);
	builder_add_integer(&b, "since", info->connected_s);
	builder_add_integer(&b, "sent_at", info->last_send_s);
	builder_add_integer(&b, "received_at", info->last_recv_s);
	builder_add_u64(&b, "sent", info->bytes_sent);
	builder_add_u64(&b, "received", info->bytes_received);
	builder_add_u64(&b, "queue", info->send_queue_bytes);
	builder_add_u64(&b, "violations", info->violations);
	builder_add(&b, "tier", tier ? value_text(tier) : json_null());
	return builder_take(&b);
}

/* What the registry says of the peer; NULL: it is no masternode. */
static const char *tier_of(const struct peer_info *info, const struct masternode_info *masternodes, size_t count)
{
	for (size_t i = 0; i < count && !info->key_disputed; i++) {
		if (strcmp(masternodes[i].address, info->ip) == 0)
			return wire_tier_name(masternodes[i].tier);
	}
	return NULL;
}

static json_t *describe_peers(struct node *node, const struct masternode_info *masternodes, size_t masternode_count)
{
	struct peer_info *infos = NULL;
	size_t count = net_peer_infos(node_net(node), &infos);
	json_t *list = json_array();
	uint64_t inbound = 0;
	struct builder b;

	for (size_t i = 0; i < count; i++) {
		inbound += infos[i].direction == PEER_INBOUND;
		if (i < STATUS_MAX_ROWS)
			append(&list, describe_peer(&infos[i], tier_of(&infos[i], masternodes, masternode_count)));
	}
	free(infos);
	builder_init(&b);
	builder_add_u64(&b, "inbound", inbound);
	builder_add_u64(&b, "outbound", count - inbound);
	builder_add_u64(&b, "max", net_params(node_net(node))->max_peers);
	builder_add(&b, "list", list);
	return builder_take(&b);
}

static void add_node(struct builder *b, struct node *node)
{
	builder_add_text(b, "name", node_config(node)->node.name);
	builder_add_text(b, "network", node_chain_params(node)->name);
	builder_add_text(b, "version", TIMED_VERSION);
	builder_add_text(b, "commit", TIMED_COMMIT_COUNT " of " TIMED_COMMIT_DATE);
	builder_add(b, "now", value_decimal(clock_real_ms(), 3));
	builder_add_integer(b, "uptime", node_uptime_ms(node) / 1000);
}

static void add_chain(struct builder *b, struct node *node, const struct health_facts *facts)
{
	struct chain_summary chain;

	node_chain_summary(node, &chain);
	builder_add_u64(b, "height", chain.tip.height);
	builder_add_hash(b, "tip", &chain.tip.hash);
	builder_add_integer(b, "tip_time", chain.tip.timestamp);
	builder_add_integer(b, "tip_max_age", facts->tip_max_age_s);
	builder_add_u64(b, "block_time", node_chain_params(node)->block_time_s);
	builder_add_u64(b, "expected_height", node_expected_height(node));
	builder_add_u64(b, "transactions", chain.transactions);
	builder_add(b, "sync", describe_sync(node, facts));
}

json_t *status_describe(struct node *node)
{
	struct masternode_info *masternodes = NULL;
	size_t masternode_count = node_masternodes(node, &masternodes);
	struct health_facts facts;
	struct health health;
	struct builder b;

	node_health_facts(node, &facts);
	health_judge(&health, &facts);
	builder_init(&b);
	add_node(&b, node);
	builder_add_bool(&b, "healthy", health.ok);
	builder_add(&b, "findings", warnings_describe(&health));
	add_chain(&b, node, &facts);
	builder_add(&b, "blocks", describe_blocks(node));
	builder_add(&b, "consensus", describe_consensus(node));
	builder_add(&b, "pool", describe_pool(node));
	builder_add(&b, "masternodes", describe_masternodes(masternodes, masternode_count));
	builder_add(&b, "peers", describe_peers(node, masternodes, masternode_count));
	free(masternodes);
	return builder_take(&b);
}
