// SPDX-License-Identifier: MIT
/* The simulated network of sync_sim.h: events in a heap, the driver, the chain.  What peers answer is in
 * sync_sim_peer.c. */
#include "sync_sim.h"

#include <stdlib.h>
#include <string.h>

#include "sync_sim_impl.h"

/* ---- Chance and chains ---- */

uint64_t sim_mix(uint64_t a, uint64_t b)
{
	uint64_t z = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t sim_random(struct sim *sim, uint64_t below)
{
	sim->random = sim_mix(sim->random, 1);
	return below ? (sim->random >> 11) % below : 0;
}

void sim_hash(struct wire_hash *out, uint64_t id)
{
	for (size_t i = 0; i < sizeof(*out); i++)
		((uint8_t *)out)[i] = (uint8_t)(i < 8 ? id >> (56 - 8 * i) : sim_mix(id, i / 8) >> (8 * (i % 8)));
}

void sim_chain_grow(struct sim_chain *chain, uint64_t blocks)
{
	while (blocks-- > 0) {
		if (chain->height + 1 >= chain->capacity) {
			chain->capacity = chain->capacity * 2 + 64;
			chain->ids = realloc(chain->ids, chain->capacity * sizeof(chain->ids[0]));
			ck_assert_ptr_nonnull(chain->ids);
		}
		chain->height++;
		chain->ids[chain->height] = sim_mix(chain->ids[chain->height - 1], chain->salt);
	}
}

void sim_chain_init(struct sim_chain *chain, uint64_t salt, uint64_t height)
{
	*chain = (struct sim_chain){.salt = salt, .light_bytes = 800, .heavy_from = UINT64_MAX};
	chain->capacity = height + 64;
	chain->ids = calloc(chain->capacity, sizeof(chain->ids[0]));
	ck_assert_ptr_nonnull(chain->ids);
	chain->ids[0] = 42; /* all chains have one genesis */
	sim_chain_grow(chain, height);
}

void sim_chain_fork(struct sim_chain *chain, const struct sim_chain *from, uint64_t at, uint64_t salt, uint64_t height)
{
	sim_chain_init(chain, salt, 0);
	free(chain->ids);
	chain->capacity = height + 64;
	chain->ids = calloc(chain->capacity, sizeof(chain->ids[0]));
	ck_assert_ptr_nonnull(chain->ids);
	memcpy(chain->ids, from->ids, (at + 1) * sizeof(chain->ids[0]));
	chain->height = at;
	chain->light_bytes = from->light_bytes;
	sim_chain_grow(chain, height - at);
}

void sim_chain_free(struct sim_chain *chain)
{
	free(chain->ids);
}

/* ---- Events ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->serial < b->serial;
}

void sim_schedule(struct sim *sim, int64_t after_ms, struct sim_event event)
{
	size_t i = sim->event_count;

	if (sim->event_count == sim->event_capacity) {
		sim->event_capacity = sim->event_capacity * 2 + 64;
		sim->events = realloc(sim->events, sim->event_capacity * sizeof(event));
		ck_assert_ptr_nonnull(sim->events);
	}
	event.at_ms = sim->now_ms + after_ms;
	event.serial = ++sim->event_serial;
	sim->event_count++;
	while (i > 0 && is_before(&event, &sim->events[(i - 1) / 2])) {
		sim->events[i] = sim->events[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	sim->events[i] = event;
}

static struct sim_event pop(struct sim *sim)
{
	struct sim_event first = sim->events[0], last = sim->events[--sim->event_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < sim->event_count) {
		if (child + 1 < sim->event_count && is_before(&sim->events[child + 1], &sim->events[child]))
			child++;
		if (!is_before(&sim->events[child], &last))
			break;
		sim->events[i] = sim->events[child];
		i = child;
	}
	if (sim->event_count > 0)
		sim->events[i] = last;
	return first;
}

/* ---- Payloads ---- */

struct sim_payload *sim_payload_new(size_t count, size_t json_bytes)
{
	struct sim_payload *p = calloc(1, sizeof(*p) + count * sizeof(p->blocks[0]));

	ck_assert_ptr_nonnull(p);
	p->count = count;
	p->json_bytes = json_bytes;
	p->held_bytes = json_bytes / 2 + 256;
	return p;
}

static void hold(struct sim *sim, struct sim_payload *p)
{
	sim->payloads_alive++;
	sim->payload_bytes += p->held_bytes;
	if (sim->payload_bytes > sim->payload_peak)
		sim->payload_peak = sim->payload_bytes;
	if (p->held_bytes > sim->answer_peak)
		sim->answer_peak = p->held_bytes;
}

void sim_release(void *user, void *payload)
{
	struct sim *sim = user;
	struct sim_payload *p = payload;

	sim->payloads_alive--;
	sim->payload_bytes -= p->held_bytes;
	free(p);
}

/* ---- The driver ---- */

struct sim_peer *sim_peer_by_id(struct sim *sim, uint64_t id)
{
	for (size_t i = 0; i < sim->peer_count; i++) {
		if (sim->peers[i].id == id)
			return &sim->peers[i];
	}
	return NULL;
}

/* Every ask is within the bounds, and the only one of its kind. */
static void check_ask(struct sim *sim, struct sim_peer *p, const struct sync_ask *ask)
{
	sim_assert(sim, p->ready);
	sim_assert(sim, !p->outstanding[ask->kind]);
	p->outstanding[ask->kind] = true;
	p->ask_serial[ask->kind] = ++sim->event_serial;
	p->asked[ask->kind] = ask->first;
	switch (ask->kind) {
	case SYNC_ASK_HEIGHT:
		p->height_asks++;
		break;
	case SYNC_ASK_HASH:
		p->hash_asks++;
		sim->hash_asks++;
		break;
	case SYNC_ASK_BLOCKS:
		sim_assert(sim, ask->first > 0 && ask->last >= ask->first);
		sim_assert(sim, ask->last - ask->first < sim->params.max_range_blocks);
		if (ask->last - ask->first + 1 > sim->highest_ask)
			sim->highest_ask = ask->last - ask->first + 1;
		p->blocks_asked++;
		sim->block_asks++;
		break;
	case SYNC_KIND_COUNT:
		ck_abort_msg("no such kind");
	}
}

/* The driver paces what it asks of existing nodes: 8 of a kind a second.  And a queue may be full. */
static bool is_refused(struct sim *sim, struct sim_peer *p, enum sync_kind kind)
{
	if (sim->refuse_sends && sim_random(sim, 20) == 0)
		return true;
	if (p->manner != SIM_RUST)
		return false;
	if (sim->now_ms < p->paced_ms[kind])
		return true;
	p->paced_ms[kind] = sim->now_ms + 125;
	return false;
}

static void pump(struct sim *sim, struct sim_peer *p)
{
	struct sync_ask ask;
	int rounds = 0;

	while (p->ready && sync_next(sim->sync, &ask, p->id, sim->now_ms)) {
		sim_assert(sim, ++rounds < 10);
		check_ask(sim, p, &ask);
		if (sim->trace)
			printf("%lld: peer %llu asked %d %llu..%llu\n", (long long)sim->now_ms,
			       (unsigned long long)p->id, ask.kind, (unsigned long long)ask.first,
			       (unsigned long long)ask.last);
		if (is_refused(sim, p, ask.kind)) {
			p->outstanding[ask.kind] = false;
			sync_ask_failed(sim->sync, p->id, ask.kind, sim->now_ms + 125, sim->now_ms);
			continue;
		}
		sim_peer_asked(sim, p, &ask);
	}
	p->due_ms = sync_peer_deadline_ms(sim->sync, p->id);
	sim_assert(sim, p->due_ms > sim->now_ms);
	if (p->due_ms != INT64_MAX)
		sim_schedule(sim, p->due_ms - sim->now_ms, (struct sim_event){.kind = SIM_EV_DUE, .peer = p->id});
}

static void check_blame(struct sim *sim, const struct sync_action *action)
{
	struct sim_peer *p = sim_peer_by_id(sim, action->peer);

	if (!p)
		return; /* gone since */
	p->blamed[action->verdict]++;
	if (sim->trace)
		printf("%lld: peer %llu (%d) blamed: %s\n", (long long)sim->now_ms, (unsigned long long)p->id,
		       p->manner, sync_verdict_name(action->verdict));
	switch (p->manner) {
	case SIM_HONEST:
	case SIM_RUST:
	case SIM_SLOW:
	case SIM_MUTE:
	case SIM_STALL:
	case SIM_SILENT:
		/* A chain that changed under an answer costs a good name; one that became shorter, a single violation:
		 * nobody can tell that from a lie. */
		sim_assert(sim, p->moved && action->verdict != SYNC_VERDICT_LIED &&
					action->verdict != SYNC_VERDICT_FALSE_CLAIM &&
					p->blamed[SYNC_VERDICT_SHRUNK] <= 1);
		break;
	case SIM_WITHHOLD:
		sim_assert(sim, action->verdict == SYNC_VERDICT_WITHHOLDS);
		break;
	case SIM_MAX:
	case SIM_SHRINK:
		sim_assert(sim, action->verdict == SYNC_VERDICT_FALSE_CLAIM || action->verdict == SYNC_VERDICT_SHRUNK);
		break;
	case SIM_ALTER:
	case SIM_REWRITE:
	case SIM_BODY:
	case SIM_ANCHOR:
	case SIM_TWO_FACED:
	case SIM_GRAFT:
	case SIM_MANNER_COUNT:
		break;
	}
}

void sim_drain(struct sim *sim)
{
	struct sync_action action;
	struct sync_status status;

	while (sync_take_action(sim->sync, &action)) {
		switch (action.kind) {
		case SYNC_ACTION_POKE:
			sim->pokes++;
			for (size_t i = 0; i < sim->peer_count; i++)
				sim_schedule(sim, (int64_t)sim_random(sim, 3),
					     (struct sim_event){.kind = SIM_EV_PUMP, .peer = sim->peers[i].id});
			break;
		case SYNC_ACTION_WORK:
			sim_schedule(sim, 0, (struct sim_event){.kind = SIM_EV_CHAIN});
			break;
		case SYNC_ACTION_BLAME:
			check_blame(sim, &action);
			break;
		case SYNC_ACTION_NOTE:
			if (sim->trace)
				printf("%lld: note %d height %llu\n", (long long)sim->now_ms, action.note,
				       (unsigned long long)action.height);
			sim->notes[action.note]++;
			sim->last_note[action.note] = action;
			break;
		}
	}
	sync_get_status(sim->sync, &status, sim->now_ms);
	sim_assert(sim, status.height == sim->height);
	sim_assert(sim, status.target >= status.height);
	/* What is expected may turn out greater, by one answer of each peer. */
	sim_assert(sim, sim->payload_bytes <= status.window_bytes);
	sim_assert(sim, sim->payload_bytes <= sim->params.window_bytes + sim->peer_count * sim->answer_peak);
}

/* ---- The run ---- */

static void grow(struct sim *sim)
{
	sim_chain_grow(sim->growing, 1);
	for (size_t i = 0; i < sim->peer_count; i++) {
		if (sim->peers[i].chain == sim->growing)
			sim_schedule(sim, (int64_t)sim_random(sim, 2000),
				     (struct sim_event){.kind = SIM_EV_NEW_BLOCK, .peer = sim->peers[i].id});
	}
	sim_schedule(sim, sim->grow_ms, (struct sim_event){.kind = SIM_EV_GROW});
}

static void become_ready(struct sim *sim, struct sim_peer *p)
{
	p->ready = true;
	ck_assert_int_eq(sync_peer_ready(sim->sync, p->id, p->manner != SIM_RUST, sim->now_ms), 0);
	pump(sim, p);
}

static void answer_blocks(struct sim *sim, struct sim_peer *p, const struct sim_event *e)
{
	struct sim_payload *payload = e->payload;
	struct sync_blocks answer = {.json_bytes = payload->json_bytes, .held_bytes = payload->held_bytes};
	struct sync_block *blocks = calloc(payload->count + 1, sizeof(*blocks));
	struct sync_held held;

	ck_assert_ptr_nonnull(blocks);
	for (size_t i = 0; i < payload->count; i++) {
		blocks[i].height = payload->blocks[i].height;
		sim_hash(&blocks[i].hash, payload->blocks[i].id);
		sim_hash(&blocks[i].previous, payload->blocks[i].parent);
	}
	answer.blocks = blocks;
	answer.count = payload->count;
	answer.payload = payload;
	hold(sim, payload);
	sim->blocks_received += answer.count;
	/* What the check will say, before the payload may be gone. */
	struct sim_event check = {.kind = SIM_EV_CHECKED, .check = SYNC_CHECK_GOOD};

	for (size_t i = 0; i < payload->count && check.check == SYNC_CHECK_GOOD; i++) {
		check.height = payload->blocks[i].height;
		if (payload->blocks[i].bad_body)
			check.check = SYNC_CHECK_BODY;
		else if (payload->blocks[i].bad_signature)
			check.check = SYNC_CHECK_CHAIN;
	}
	if (sync_blocks(sim->sync, &held, p->id, &answer, sim->now_ms)) {
		sim_assert(sim, held.id != 0 && held.count > 0 && held.skip + held.count <= answer.count);
		check.held = held.id;
		sim_schedule(sim, (int64_t)sim_random(sim, sim->lossy_checks ? 3000 : 20), check);
	} else {
		sim->duplicate_blocks += answer.count > 0;
	}
	free(blocks);
}

/* Requests have no ids: an answer is matched by its kind and height. */
static bool matches(const struct sim_peer *p, const struct sim_event *e)
{
	if (!p->outstanding[e->ask])
		return false;
	if (e->ask == SYNC_ASK_HASH)
		return e->height == p->asked[e->ask];
	if (e->ask == SYNC_ASK_BLOCKS)
		return e->payload->count == 0 || e->payload->blocks[0].height == p->asked[e->ask];
	return true;
}

static void answered(struct sim *sim, struct sim_peer *p, const struct sim_event *e)
{
	struct wire_hash theirs, own;
	bool has_own = e->height <= sim->height, has_id;
	uint64_t id = 0;

	if (!matches(p, e)) {
		/* What was given up comes after all; the node drops it, and sync would ignore it when nothing is asked.
		 */
		if (p->outstanding[e->ask] || sim_random(sim, 2)) {
			free(e->payload);
			return;
		}
	}
	p->outstanding[e->ask] = false;
	p->ask_serial[e->ask] = 0;
	switch (e->ask) {
	case SYNC_ASK_HEIGHT:
		sync_height(sim->sync, p->id, sim_peer_claim(sim, p), sim->now_ms);
		break;
	case SYNC_ASK_HASH:
		has_id = sim_peer_id_at(sim, p, e->height, &id);
		sim_hash(&theirs, id);
		if (has_own)
			sim_own_hash(sim, &own, e->height);
		sync_hash(sim->sync, p->id, e->height, has_id ? &theirs : NULL, has_own ? &own : NULL, sim->now_ms);
		break;
	case SYNC_ASK_BLOCKS:
		answer_blocks(sim, p, e);
		break;
	case SYNC_KIND_COUNT:
		break;
	}
	pump(sim, p);
}

static void peer_event(struct sim *sim, const struct sim_event *e)
{
	struct sim_peer *p = sim_peer_by_id(sim, e->peer);

	if (!p || (!p->ready && e->kind != SIM_EV_READY)) {
		free(e->payload);
		return;
	}
	switch (e->kind) {
	case SIM_EV_READY:
		become_ready(sim, p);
		break;
	case SIM_EV_DUE:
		if (p->due_ms != sim->now_ms)
			break; /* another time is in its place */
		p->due_ms = INT64_MAX;
		pump(sim, p);
		break;
	case SIM_EV_PUMP:
		pump(sim, p);
		break;
	case SIM_EV_ANSWER:
		answered(sim, p, e);
		break;
	case SIM_EV_UNANSWERED:
		if (p->ask_serial[e->ask] != e->serial_of_ask)
			break;
		p->outstanding[e->ask] = false;
		p->ask_serial[e->ask] = 0;
		sync_unanswered(sim->sync, p->id, e->ask, sim->now_ms);
		pump(sim, p);
		break;
	case SIM_EV_OVERLONG:
		sync_overlong(sim->sync, p->id, sim->now_ms);
		sim_drop(sim, p);
		p->id = ++sim->last_peer_id; /* it connects again */
		sim_schedule(sim, 2000, (struct sim_event){.kind = SIM_EV_READY, .peer = p->id});
		break;
	case SIM_EV_NEW_BLOCK:
		p->height = p->chain->height;
		sim_announce(sim, p);
		break;
	case SIM_EV_CHAIN:
	case SIM_EV_CHAIN_DONE:
	case SIM_EV_CHECKED:
	case SIM_EV_GROW:
		break;
	}
}

static void run_event(struct sim *sim, const struct sim_event *e)
{
	switch (e->kind) {
	case SIM_EV_CHAIN:
		sim_chain_take(sim);
		break;
	case SIM_EV_CHAIN_DONE:
		sim_chain_done(sim);
		break;
	case SIM_EV_CHECKED:
		sync_range_checked(sim->sync, e->held, e->check, e->height, sim->now_ms);
		break;
	case SIM_EV_GROW:
		grow(sim);
		break;
	case SIM_EV_READY:
	case SIM_EV_PUMP:
	case SIM_EV_DUE:
	case SIM_EV_ANSWER:
	case SIM_EV_UNANSWERED:
	case SIM_EV_OVERLONG:
	case SIM_EV_NEW_BLOCK:
		peer_event(sim, e);
		break;
	}
	sim_drain(sim);
}

bool sim_run(struct sim *sim, int64_t for_ms, bool (*done)(struct sim *sim))
{
	int64_t end_ms = sim->now_ms + for_ms, due_ms;
	uint64_t steps = 0;

	while (!done || !done(sim)) {
		due_ms = sync_deadline_ms(sim->sync);
		if (due_ms < sim->now_ms)
			due_ms = sim->now_ms;
		/* Something spins. */
		sim_assert(sim, ++steps < 3000000);
		if (sim->event_count > 0 && sim->events[0].at_ms <= due_ms) {
			struct sim_event e;

			if (sim->events[0].at_ms > end_ms)
				break;
			e = pop(sim);
			sim->now_ms = e.at_ms;
			run_event(sim, &e);
			continue;
		}
		if (due_ms > end_ms)
			break;
		sim->now_ms = due_ms;
		sync_tick(sim->sync, sim->now_ms);
		sim_assert(sim, sync_deadline_ms(sim->sync) > sim->now_ms);
		sim_drain(sim);
	}
	if (done && done(sim))
		return true;
	sim->now_ms = end_ms;
	return false;
}

void sim_init(struct sim *sim, uint64_t seed, struct sim_chain *own, uint64_t height)
{
	memset(sim, 0, sizeof(*sim));
	sim->seed = seed;
	sim->random = sim_mix(seed, 77);
	sim->now_ms = 1000000;
	sim->chain_delay_ms = 20;
	sim->height = height;
	memcpy(sim->own, own->ids, (height + 1) * sizeof(sim->own[0]));
	sync_params_default(&sim->params);
	sim->params.release = sim_release;
	sim->params.user = sim;
	sim->trace = getenv("SYNC_SIM_TRACE") != NULL;
}

void sim_start(struct sim *sim)
{
	struct chain_point tip = sim_tip(sim);

	sim->sync = sync_new(&sim->params, &tip, sim->now_ms);
	ck_assert_ptr_nonnull(sim->sync);
	if (sim->growing)
		sim_schedule(sim, sim->grow_ms, (struct sim_event){.kind = SIM_EV_GROW});
}

void sim_end(struct sim *sim)
{
	sync_free(sim->sync);
	if (sim->chain_busy && sim->work.payload)
		sim_release(sim, sim->work.payload);
	for (size_t i = 0; i < sim->event_count; i++)
		free(sim->events[i].payload);
	free(sim->events);
	free(sim->kept);
	/* Every payload was handed out or released, once. */
	sim_assert(sim, sim->payloads_alive == 0 && sim->payload_bytes == 0);
}

bool sim_is_on(const struct sim *sim, const struct sim_chain *chain, uint64_t height)
{
	return sim->height == height && sim->own[height] == chain->ids[height];
}

uint32_t sim_blames(const struct sim *sim, const struct sim_peer *peer)
{
	uint32_t sum = 0;

	(void)sim;
	for (size_t i = 0; i < sizeof(peer->blamed) / sizeof(peer->blamed[0]); i++)
		sum += peer->blamed[i];
	return sum;
}
