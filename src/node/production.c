// SPDX-License-Identifier: MIT
/* Making blocks where there are no validators: see production.h. */
#include "production.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "block_maker.h"
#include "gossip.h"
#include "node_impl.h"
#include "syncer.h"
#include "timed/consensus/slot.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"

/* The slot's time has come and it is not our turn: who is active may change, and the clock may be set. */
#define LOOK_MS 1000
/* Before the slot's time. */
#define SLEEP_MS 10000
/* So many times what sync waits before it believes a single peer. */
#define SETTLES 3
/* It is our turn, and something is in the way. */
#define RETRY_MS 200

struct production {
	struct node *node;
	struct slot_params params;
	int64_t deadline_ms;
	atomic_bool in_hand; /* a block of ours is on its way to the chain */

	/* The last attempt: the same is not made twice. */
	struct wire_hash tried_tip;
	uint64_t tried_round;
	bool tried;
};

/* A block of ours on its way to the chain. */
struct production_job {
	struct production *production;
	struct made_block made;
	struct chain_job chain;
};

int production_new(struct production **out, struct node *node)
{
	const struct config *c = node->config;
	struct production *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->node = node;
	p->params = (struct slot_params){.genesis_s = node->chain_params.genesis_timestamp,
					 .block_time_s = node->chain_params.block_time_s,
					 .patience_ms = c->timers.slot_patience_ms,
					 .min_masternodes = c->consensus.min_masternodes};
	atomic_init(&p->in_hand, false);
	*out = p;
	return 0;
}

void production_free(struct production *p)
{
	if (!p)
		return;
	CHECK(!atomic_load(&p->in_hand));
	free(p);
}

int64_t production_deadline_ms(const struct production *p)
{
	return p->deadline_ms;
}

static int copy_text(struct wire_str *out, struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (!copy)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	*out = (struct wire_str){copy, len};
	return 0;
}

/* The active masternodes by ascending address, ourselves among them.  0 or -ENOMEM. */
static int copy_active_locked(struct node *node, struct validator_list *out, struct arena *arena)
	REQUIRES(node->registry_lock)
{
	size_t known = registry_known(node->registry), active = registry_active(node->registry);

	*out = (struct validator_list){.items = arena_alloc(arena, active * sizeof(out->items[0])),
				       .addresses = arena_alloc(arena, active * sizeof(out->addresses[0]))};
	if (!out->items || !out->addresses)
		return -ENOMEM;
	for (size_t i = 0; i < known && out->count < active; i++) {
		const struct registry_entry *e = registry_at(node->registry, i);
		struct validator *v = &out->items[out->count];

		if (!e->active)
			continue;
		v->public_key = e->key;
		v->tier = e->tier;
		if (copy_text(&v->address, arena, e->ip, strlen(e->ip)) ||
		    copy_text(&v->reward_address, arena, e->reward_address.ptr, e->reward_address.len))
			return -ENOMEM;
		out->addresses[out->count++] = v->address;
	}
	return 0;
}

/* Whether so many other active masternodes as are needed have been connected for long enough. */
static bool in_company(struct production *p, int64_t now_ms)
{
	struct node *node = p->node;
	struct peer_info *infos;
	size_t n = net_peer_infos(node->net, &infos), present = 1;

	mutex_lock(&node->registry_lock);
	for (size_t i = 0; i < n; i++) {
		const struct registry_entry *e = registry_find(node->registry, infos[i].ip);

		present += e && e->active && infos[i].state == PEER_READY && !infos[i].key_disputed &&
			   now_ms - infos[i].ready_ms >= SETTLES * node->config->timers.sync_settle_ms;
	}
	mutex_unlock(&node->registry_lock);
	free(infos);
	return present >= p->params.min_masternodes;
}

/* Chain thread. */
static void connected(struct chain_job *job)
{
	struct production_job *j = (struct production_job *)((char *)job - offsetof(struct production_job, chain));
	const struct wire_block *block = &j->made.block;
	struct production *p = j->production;
	size_t count;

	if (job->connected > job->known) {
		log_info(LOG_CONSENSUS, "✅ Block %" PRIu64 " produced: %zu transactions, %zu masternode rewards",
			 block->header.height, block->transactions.len, block->masternode_rewards.len);
		count = gossip_relay(p->node->gossip, block, &j->made.ids.hash, NULL);
		if (count > 0)
			log_info(LOG_CHAIN, "🔄 Gossiped block %" PRIu64 " to %zu other peer(s)", block->header.height,
				 count);
	} else if (job->error == CHAIN_STORE_E_RULE && job->fault.error != CHAIN_E_HEIGHT &&
		   job->fault.error != CHAIN_E_PREVIOUS) {
		log_error(LOG_CONSENSUS, "Our own block %" PRIu64 " is not valid: %s: %s", block->header.height,
			  chain_error_name((int)job->fault.error), job->fault.text);
	} else {
		log_debug(LOG_CONSENSUS, "Our block %" PRIu64 " came too late: another one is the tip",
			  block->header.height);
	}
	message_arena_unref(j->made.memory);
	free(j);
	atomic_store(&p->in_hand, false);
}

/* True: it was tried, whatever came of it. */
static bool make(struct production *p, const struct chain_point *tip, const struct slot *slot,
		 const struct validator_list *payees)
{
	struct production_job *j = calloc(1, sizeof(*j));
	int r = j ? block_make(&j->made, p->node, tip, slot->timestamp, payees) : -ENOMEM;

	if (r) {
		free(j);
		if (r > 0)
			return false; /* the pool is on its way to another tip */
		log_warn(LOG_CONSENSUS, "No block %" PRIu64 " made: %s", tip->height + 1, strerror(-r));
		return true;
	}
	j->production = p;
	j->chain = (struct chain_job){
		.kind = CHAIN_CONNECT, .blocks = &j->made.block, .ids = &j->made.ids, .count = 1, .done = connected};
	atomic_store(&p->in_hand, true);
	chain_thread_push(p->node->chain, &j->chain);
	return true;
}

/* Our turn.  True: all that is to be done in this round is done. */
static bool take_turn(struct production *p, const struct chain_point *tip, const struct slot *slot,
		      const struct validator_list *payees, int64_t now_ms)
{
	if (p->tried && p->tried_round == slot->round && hash_equal(&p->tried_tip, &tip->hash))
		return true;
	if (atomic_load(&p->in_hand) || !syncer_is_idle(p->node->syncer) || !in_company(p, now_ms))
		return false;
	log_info(LOG_CONSENSUS, "🎯 Selected as block producer for height %" PRIu64, tip->height + 1);
	if (!make(p, tip, slot, payees))
		return false;
	p->tried = true;
	p->tried_tip = tip->hash;
	p->tried_round = slot->round;
	return true;
}

/* Until when nothing happens by itself, in milliseconds. */
static int64_t wait_ms(const struct slot *slot, int64_t real_ms)
{
	int64_t most_ms = slot->due ? LOOK_MS : SLEEP_MS;

	return slot->again_ms - real_ms < most_ms ? slot->again_ms - real_ms : most_ms;
}

void production_tick(struct production *p, int64_t now_ms)
{
	struct node *node = p->node;
	int64_t real_ms = clock_real_ms();
	struct validator_list payees;
	struct chain_summary chain;
	struct arena arena;
	struct slot slot;
	int r;

	p->deadline_ms = INT64_MAX;
	node_chain_summary(node, &chain);
	if (!node->is_masternode || block_needs_certificate(&node->chain_params, chain.tip.height + 1))
		return;
	arena_init(&arena, SIZE_MAX, NULL);
	mutex_lock(&node->registry_lock);
	r = copy_active_locked(node, &payees, &arena);
	mutex_unlock(&node->registry_lock);
	if (r) {
		p->deadline_ms = now_ms + LOOK_MS;
	} else {
		struct wire_str own = {node->own_ip, strlen(node->own_ip)};

		slot_at(&slot, &p->params, chain.tip.height + 1, chain.tip.timestamp, payees.addresses, payees.count,
			validators_find(&payees, &own), real_ms);
		p->deadline_ms = now_ms + wait_ms(&slot, real_ms);
		if (slot.ours && !take_turn(p, &chain.tip, &slot, &payees, now_ms) &&
		    p->deadline_ms > now_ms + RETRY_MS)
			p->deadline_ms = now_ms + RETRY_MS;
	}
	arena_free(&arena);
}
