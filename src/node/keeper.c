/* SPDX-License-Identifier: MIT
 *
 * The housekeeping thread: joins ended workers, writes what changed, sweeps the masternode registry, relieves memory, reports
 * status and clock skew.  One loop, woken by the next deadline only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "heartbeats.h"
#include "node_impl.h"
#include "syncer.h"
#include "timed/node/service.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* Changes are written and memory is looked at this often; ended workers are joined at once. */
#define TICK_MS 1000
/* Traffic of masternodes is looked at this often, or four times in the time that makes one inactive. */
#define HEARD_MS 5000
/* Transactions whose time is over are looked for this often. */
#define EXPIRE_MS 60000
#define SWEEP_EVENTS 32

struct keeper {
	struct node *node;
	struct thread thread;
	atomic_bool quit;
	/* keeper thread only */
	int64_t tick_due_ms, sync_due_ms, heard_due_ms, times_due_ms, status_due_ms, skew_due_ms, expire_due_ms;
};

/* The traffic of a masternode's own connection keeps it active. */
static void hear(struct peer *peer, void *user)
{
	struct node *node = user;
	struct registry_event event;
	int64_t last_ms;

	if (peer_is_key_disputed(peer))
		return;
	last_ms = peer_last_received_ms(peer);
	if (clock_mono_ms() - last_ms >= node->config->timers.masternode_active_ms)
		return;
	mutex_lock(&node->registry_lock);
	registry_heard(node->registry, &event, peer_ip_text(peer), last_ms);
	mutex_unlock(&node->registry_lock);
	node_masternode_event(node, &event);
}

static void sweep(struct node *node, int64_t now_ms)
{
	struct registry_event events[SWEEP_EVENTS];
	size_t n;

	do {
		mutex_lock(&node->registry_lock);
		n = now_ms >= registry_sweep_due_ms(node->registry)
			    ? registry_sweep(node->registry, events, SWEEP_EVENTS, now_ms)
			    : 0;
		mutex_unlock(&node->registry_lock);
		for (size_t i = 0; i < n; i++)
			node_masternode_event(node, &events[i]);
	} while (n == SWEEP_EVENTS);
}

static void check_clock(struct node *node)
{
	int64_t offset, limit = node->config->limits.clock_skew_warn_s;

	if (node_clock_offset_s(node, &offset) && (offset > limit || offset < -limit))
		log_error(LOG_NODE,
			  "THE CLOCK OF THIS MACHINE IS %" PRId64 " s %s that of its peers: set it (NTP), or blocks and "
			  "votes of this node will be refused",
			  offset > 0 ? offset : -offset, offset > 0 ? "behind" : "ahead of");
}

static void status_line(struct node *node)
{
	size_t known, active;
	struct chain_summary chain;

	node_chain_summary(node, &chain);
	node_masternode_count(node, &known, &active);
	log_info(LOG_NODE, "📊 Status: Height=%" PRIu64 ", Connected Peers=%" PRIu32 ", Active Masternodes=%zu", chain.tip.height,
		 net_ready_count(node->net), active);
	log_info(LOG_NET, "🔍 Peer check: %" PRIu32 " connected, %zu active masternodes, %" PRIu32 " total slots",
		 net_ready_count(node->net), active, net_params(node->net)->max_peers);
}

static void tick(struct keeper *k, int64_t now_ms)
{
	struct node *node = k->node;
	int64_t active_ms = node->config->timers.masternode_active_ms;

	net_relieve_memory(node->net);
	persist_save(node);
	node_coins_tick(node);
	node_wallet_tick(node);
	if (now_ms >= k->heard_due_ms) {
		net_each_peer(node->net, hear, node);
		k->heard_due_ms = now_ms + (active_ms / 4 < HEARD_MS ? active_ms / 4 : HEARD_MS);
	}
	sweep(node, now_ms);
	/* Their traffic changes nothing but the time at which they were heard: after a crash it must not be too old. */
	if (now_ms >= k->times_due_ms) {
		persist_masternodes(node);
		k->times_due_ms = now_ms + node->config->timers.masternode_forget_ms / 4;
	}
	if (now_ms >= k->expire_due_ms) {
		node_pool_expire(node);
		k->expire_due_ms = now_ms + EXPIRE_MS;
	}
	heartbeats_tick(node->heartbeats, now_ms);
	if (now_ms >= k->skew_due_ms) {
		check_clock(node);
		k->skew_due_ms = now_ms + node->config->timers.clock_check_ms;
	}
	if (now_ms >= k->status_due_ms) {
		status_line(node);
		k->status_due_ms = now_ms + node->config->timers.status_interval_ms;
	}
}

static void *keeper_run(void *arg)
{
	struct keeper *k = arg;
	struct progress *progress = &k->node->watchdog.progress[WATCHED_KEEPER];
	int64_t tick_ms = k->node->config->timers.masternode_active_ms / 4;

	if (tick_ms > TICK_MS)
		tick_ms = TICK_MS;
	while (!atomic_load(&k->quit)) {
		progress_mark(progress, "waiting for its next round");
		net_wait_ended(k->node->net, k->sync_due_ms < k->tick_due_ms ? k->sync_due_ms : k->tick_due_ms);
		progress_mark(progress, "housekeeping");
		service_tick(k->node, clock_mono_ms());
		net_reap(k->node->net);
		k->sync_due_ms = syncer_tick(k->node->syncer, clock_mono_ms());
		if (clock_mono_ms() < k->tick_due_ms)
			continue;
		tick(k, clock_mono_ms());
		k->tick_due_ms = clock_mono_ms() + tick_ms;
	}
	progress_end(progress);
	return NULL;
}

int keeper_start(struct keeper **out, struct node *node)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int64_t now_ms = clock_mono_ms();
	int r;

	if (!k)
		return -ENOMEM;
	k->node = node;
	k->skew_due_ms = now_ms + node->config->timers.clock_check_ms;
	k->expire_due_ms = now_ms; /* what was loaded may be old */
	k->status_due_ms = now_ms + node->config->timers.status_interval_ms;
	*out = k;
	r = thread_start(&k->thread, "keeper", keeper_run, k);
	if (r) {
		*out = NULL;
		keeper_stop(k);
	}
	return r;
}

void keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	atomic_store(&k->quit, true);
	net_wake_keeper(k->node->net);
	if (k->thread.started)
		thread_join(&k->thread);
	free(k);
}
