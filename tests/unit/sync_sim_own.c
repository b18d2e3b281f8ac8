// SPDX-License-Identifier: MIT
/* Our own chain in the simulated network: connects, keeps and reorganises what sync hands out; see sync_sim.h. */
#include <stdlib.h>

#include "sync_sim_impl.h"

static uint64_t hash_id(const struct wire_hash *hash)
{
	uint64_t id = 0;

	for (size_t i = 0; i < 8; i++)
		id = id << 8 | ((const uint8_t *)hash)[i];
	return id;
}

void sim_own_hash(const struct sim *sim, struct wire_hash *out, uint64_t height)
{
	sim_hash(out, sim->own[height]);
}

struct chain_point sim_tip(const struct sim *sim)
{
	struct chain_point tip = {.height = sim->height};

	sim_own_hash(sim, &tip.hash, sim->height);
	return tip;
}

static const struct sim_kept *find_kept(const struct sim *sim, uint64_t id)
{
	for (size_t i = 0; i < sim->kept_count; i++) {
		if (sim->kept[i].id == id)
			return &sim->kept[i];
	}
	return NULL;
}

static enum sync_outcome connect_blocks(struct sim *sim, struct sync_result *result)
{
	const struct sim_payload *p = sim->work.payload;

	for (uint32_t i = 0; i < sim->work.count; i++) {
		const struct sim_block *b = &p->blocks[sim->work.skip + i];

		sim_assert(sim, b->height == sim->work.first + i);
		sim_assert(sim, !b->bad_body && !b->bad_signature);
		result->fault_height = b->height;
		sim_hash(&result->fault_hash, b->id);
		if (b->height != sim->height + 1 || b->parent != sim->own[sim->height])
			return SYNC_STALE;
		if (sim->only)
			sim_assert(sim, b->height <= sim->only->height && sim->only->ids[b->height] == b->id);
		if (b->breaks_rule) {
			sim->chain_faults++;
			return SYNC_RULE;
		}
		if (sim->now_ms < b->ahead_until_ms)
			return SYNC_TIME_AHEAD;
		sim->own[++sim->height] = b->id;
		sim->connected++;
	}
	return SYNC_DONE;
}

static enum sync_outcome keep_blocks(struct sim *sim)
{
	const struct sim_payload *p = sim->work.payload;

	for (uint32_t i = 0; i < sim->work.count; i++) {
		const struct sim_block *b = &p->blocks[sim->work.skip + i];

		sim_assert(sim, b->height == sim->work.first + i);
		sim_assert(sim, !b->bad_body && !b->bad_signature);
		if (sim->only)
			sim_assert(sim, b->height <= sim->only->height && sim->only->ids[b->height] == b->id);
		sim->kept_total++;
		if (find_kept(sim, b->id))
			continue;
		if (sim->kept_count == sim->kept_capacity) {
			sim->kept_capacity = sim->kept_capacity * 2 + 64;
			sim->kept = realloc(sim->kept, sim->kept_capacity * sizeof(sim->kept[0]));
			ck_assert_ptr_nonnull(sim->kept);
		}
		sim->kept[sim->kept_count++] = (struct sim_kept){b->height, b->id, b->parent, b->breaks_rule};
	}
	return SYNC_DONE;
}

static enum sync_outcome reorganise(struct sim *sim, struct sync_result *result)
{
	const struct sim_kept *to = find_kept(sim, hash_id(&sim->work.hash)), *k = to;
	uint64_t height;

	sim_assert(sim, to && to->height == sim->work.first);
	result->fault_height = to->height;
	result->fault_hash = sim->work.hash;
	/* All of it was kept, down to our chain. */
	while (!(k->height - 1 <= sim->height && sim->own[k->height - 1] == k->parent)) {
		k = find_kept(sim, k->parent);
		sim_assert(sim, k);
	}
	height = k->height - 1;
	if (sim->height - height > sim->params.max_reorg_depth && hash_id(&sim->work.hash) != sim->certified)
		return SYNC_TOO_DEEP;
	if (sim->fail_reorganise) {
		sim->refusals++;
		return SYNC_RULE;
	}
	sim->undone = sim->height - height;
	for (k = to; k->height > height; k = find_kept(sim, k->parent)) {
		sim->own[k->height] = k->id;
		if (k->height == height + 1)
			break;
	}
	sim->height = to->height;
	sim->reorganisations++;
	return SYNC_DONE;
}

void sim_chain_done(struct sim *sim)
{
	struct sync_result result = {0};
	uint64_t id = sim->work.id;

	switch (sim->work.kind) {
	case SYNC_WORK_CONNECT:
		result.outcome = connect_blocks(sim, &result);
		break;
	case SYNC_WORK_KEEP:
		result.outcome = keep_blocks(sim);
		break;
	case SYNC_WORK_REORGANISE:
		result.outcome = reorganise(sim, &result);
		break;
	}
	result.tip = sim_tip(sim);
	if (sim->work.payload)
		sim_release(sim, sim->work.payload);
	sim->chain_busy = false;
	sync_work_done(sim->sync, id, &result, sim->now_ms);
	sim_schedule(sim, 0, (struct sim_event){.kind = SIM_EV_CHAIN});
}

void sim_chain_take(struct sim *sim)
{
	if (sim->chain_busy || !sync_take_work(sim->sync, &sim->work, sim->now_ms))
		return;
	sim->chain_busy = true;
	sim_schedule(sim, (int64_t)sim_random(sim, (uint64_t)sim->chain_delay_ms + 1),
		     (struct sim_event){.kind = SIM_EV_CHAIN_DONE});
}
