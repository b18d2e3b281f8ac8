// SPDX-License-Identifier: MIT
/* The peers of the simulated network: what they answer, each in its manner, how they come and go; see sync_sim.h. */
#include <stdlib.h>

#include "sync_sim_impl.h"

#define MAX_LINE ((size_t)16 << 20)	 /* a longer answer ends the connection */
#define OUR_MAX_ANSWER ((size_t)4 << 20) /* of our own nodes */
#define DRIVER_TIMEOUT_MS (60 * SIM_SECOND)
#define FENCE_MS 50 /* the pong that says that no answer comes */

static size_t json_bytes(const struct sim_chain *chain, uint64_t height)
{
	return height >= chain->heavy_from && height <= chain->heavy_to ? chain->heavy_bytes : chain->light_bytes;
}

uint64_t sim_peer_claim(struct sim *sim, struct sim_peer *p)
{
	p->claims++;
	switch (p->manner) {
	case SIM_MAX:
		return UINT64_MAX;
	case SIM_SHRINK:
		return p->claims % 2 ? p->height / 2 : p->height + 1 + sim_random(sim, 5000);
	case SIM_HONEST:
	case SIM_RUST:
	case SIM_SLOW:
	case SIM_MUTE:
	case SIM_STALL:
	case SIM_WITHHOLD:
	case SIM_ALTER:
	case SIM_REWRITE:
	case SIM_BODY:
	case SIM_ANCHOR:
	case SIM_TWO_FACED:
	case SIM_SILENT:
	case SIM_GRAFT:
	case SIM_MANNER_COUNT:
		break;
	}
	return p->height;
}

bool sim_peer_id_at(const struct sim *sim, struct sim_peer *p, uint64_t height, uint64_t *id)
{
	if (height > p->height)
		return false;
	*id = p->manner == SIM_GRAFT && height <= p->base ? p->graft->ids[height] : p->chain->ids[height];
	if ((p->manner == SIM_ANCHOR && height > p->base) || (p->manner == SIM_TWO_FACED && height > sim->height)) {
		*id = sim_mix(sim_mix(height, 1234567), p->salt);
		p->lies_told++;
	}
	return true;
}

static struct sim_block block_at(const struct sim_chain *chain, uint64_t height)
{
	return (struct sim_block){
		.height = height,
		.id = chain->ids[height],
		.parent = chain->ids[height - 1],
		.bad_signature = chain->sign_height == height,
		.breaks_rule = chain->rule_height == height,
		.ahead_until_ms = chain->ahead_height == height ? chain->ahead_until_ms : 0,
	};
}

/* How many of the blocks asked for it delivers, and their size. */
static size_t blocks_delivered(const struct sim_peer *p, const struct sync_ask *ask, size_t *bytes)
{
	size_t n = 0;

	*bytes = 20;
	for (uint64_t h = ask->first; h <= ask->last && h <= p->height; h++, n++) {
		size_t size = json_bytes(p->chain, h);

		if (p->manner == SIM_WITHHOLD && h == p->withheld)
			break;
		if (p->manner != SIM_RUST && n > 0 && *bytes + size > OUR_MAX_ANSWER)
			break;
		*bytes += size;
	}
	return n;
}

static void falsify(struct sim *sim, struct sim_peer *p, struct sim_payload *payload)
{
	size_t at;

	if (payload->count == 0 || sim_random(sim, 4) == 0)
		return; /* now and then the truth */
	at = sim_random(sim, payload->count);
	if (p->manner == SIM_ALTER)
		payload->blocks[at].id = sim_mix(payload->blocks[at].id, p->salt + 5);
	if (p->manner == SIM_BODY)
		payload->blocks[at].bad_body = true;
	if (p->manner == SIM_REWRITE) {
		for (size_t i = at; i < payload->count; i++) {
			payload->blocks[i].id = sim_mix(payload->blocks[i].id, p->salt + 6);
			if (i > at)
				payload->blocks[i].parent = payload->blocks[i - 1].id;
		}
	}
	p->lies_told += p->manner == SIM_ALTER || p->manner == SIM_BODY || p->manner == SIM_REWRITE;
}

static void answer_blocks(struct sim *sim, struct sim_peer *p, const struct sync_ask *ask, struct sim_event *e)
{
	size_t bytes, n = blocks_delivered(p, ask, &bytes);

	if (bytes > MAX_LINE) {
		e->kind = SIM_EV_OVERLONG;
		return;
	}
	e->payload = sim_payload_new(n, bytes);
	for (size_t i = 0; i < n; i++)
		e->payload->blocks[i] = block_at(p->chain, ask->first + i);
	falsify(sim, p, e->payload);
}

/* Blocks come too late, or never. */
static bool stalls(struct sim *sim, const struct sim_peer *p, enum sync_kind kind, int64_t *after_ms)
{
	if (kind != SYNC_ASK_BLOCKS)
		return false;
	if (p->manner == SIM_STALL) {
		*after_ms = 4 * SIM_SECOND + (int64_t)sim_random(sim, 100 * SIM_SECOND);
		return true;
	}
	return false;
}

static bool never_answers(const struct sim_peer *p, enum sync_kind kind)
{
	return p->manner == SIM_MUTE || (p->manner == SIM_SILENT && kind == SYNC_ASK_BLOCKS);
}

void sim_peer_asked(struct sim *sim, struct sim_peer *p, const struct sync_ask *ask)
{
	struct sim_event e = {
		.kind = SIM_EV_ANSWER,
		.peer = p->id,
		.ask = ask->kind,
		.serial_of_ask = p->ask_serial[ask->kind],
		.height = ask->first,
	};
	int64_t after_ms = p->latency_ms + (int64_t)sim_random(sim, (uint64_t)p->latency_ms + 1);

	if (never_answers(p, ask->kind)) {
		e.kind = SIM_EV_UNANSWERED;
		sim_schedule(sim, after_ms + FENCE_MS, e);
		return;
	}
	if (stalls(sim, p, ask->kind, &after_ms)) {
		struct sim_event timeout = e;

		/* The answer may come after the driver has given it up. */
		timeout.kind = SIM_EV_UNANSWERED;
		sim_schedule(sim, DRIVER_TIMEOUT_MS, timeout);
	}
	switch (ask->kind) {
	case SYNC_ASK_HEIGHT:
	case SYNC_ASK_HASH:
		break; /* said when it leaves: answers and announcements do not overtake each other */
	case SYNC_ASK_BLOCKS:
		answer_blocks(sim, p, ask, &e);
		break;
	case SYNC_KIND_COUNT:
		return;
	}
	sim_schedule(sim, after_ms, e);
}

/* ---- Peers come, go, change ---- */

struct sim_peer *sim_add(struct sim *sim, enum sim_manner manner, struct sim_chain *chain, uint64_t height,
			 int64_t after_ms)
{
	struct sim_peer *p = &sim->peers[sim->peer_count++];

	ck_assert_uint_le(sim->peer_count, SIM_MAX_PEERS);
	*p = (struct sim_peer){
		.id = ++sim->last_peer_id,
		.manner = manner,
		.chain = chain,
		.height = height,
		.latency_ms = 1 + (int64_t)sim_random(sim, 80),
		.salt = sim->last_peer_id,
		.withheld = height / 2,
	};
	if (manner == SIM_SLOW)
		p->latency_ms = 1000 + (int64_t)sim_random(sim, 5000);
	sim_schedule(sim, after_ms, (struct sim_event){.kind = SIM_EV_READY, .peer = p->id});
	return p;
}

void sim_drop(struct sim *sim, struct sim_peer *peer)
{
	peer->ready = false;
	for (int kind = 0; kind < SYNC_KIND_COUNT; kind++) {
		peer->outstanding[kind] = false;
		peer->ask_serial[kind] = 0;
	}
	sync_peer_gone(sim->sync, peer->id, sim->now_ms);
	sim_drain(sim);
}

void sim_move(struct sim *sim, struct sim_peer *peer, struct sim_chain *chain, uint64_t height)
{
	(void)sim;
	peer->chain = chain;
	peer->height = height;
	peer->moved = true;
}

void sim_announce(struct sim *sim, struct sim_peer *p)
{
	uint64_t height = p->height;
	struct chain_point tip;

	if (!p->ready)
		return;
	sync_height(sim->sync, p->id, height, sim->now_ms);
	if (height == sim->height + 1 && p->chain->ids[height - 1] == sim->own[sim->height] &&
	    p->chain->rule_height != height) {
		sim->own[++sim->height] = p->chain->ids[height];
		tip = sim_tip(sim);
		sync_tip(sim->sync, &tip, sim->now_ms);
	} else if (height > sim->height) {
		sync_strange_block(sim->sync, p->id, height, sim->now_ms);
	}
	sim_drain(sim);
}
