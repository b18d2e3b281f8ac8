// SPDX-License-Identifier: MIT
/* Chance, blocks, signatures and the network of the simulation of sim_bft.h, and what a seed picks. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_bft_impl.h"
#include "timeproto/chain/leader.h"
#include "timeproto/chain/validators.h"

uint64_t sim_random(struct sim *sim)
{
	uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t sim_below(struct sim *sim, uint32_t below)
{
	return (uint32_t)((sim_random(sim) >> 32) * below >> 32);
}

bool sim_chance(struct sim *sim, uint32_t per_mille)
{
	return per_mille > 0 && sim_below(sim, 1000) < per_mille;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (sim->report->failure[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(sim->report->failure, sizeof(sim->report->failure), format, arguments);
	va_end(arguments);
}

void sim_say(const struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (!sim->trace)
		return;
	printf("%6" PRId64 " ", sim->now_ms);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

int sim_block_new(struct sim *sim, uint64_t height, uint64_t round, int parent)
{
	if (sim->block_count == SIM_BLOCKS) {
		sim_fail(sim, "more than %d blocks", SIM_BLOCKS);
		return 0;
	}
	sim->blocks[sim->block_count] = (struct sim_block){.height = height, .round = round, .parent = parent};
	return sim->block_count++;
}

void sim_hash(const struct sim *sim, struct wire_hash *out, int block)
{
	memset(out, 0, sizeof(*out));
	if (block == SIM_NONE)
		return;
	for (int i = 0; i < 4; i++)
		out->bytes[i] = (uint8_t)((uint32_t)(block + 1) >> (8 * i));
	out->bytes[31] = (uint8_t)sim->blocks[block].height;
}

int sim_index(const struct sim *sim, const struct wire_hash *hash)
{
	uint32_t number = 0;

	for (int i = 3; i >= 0; i--)
		number = number << 8 | hash->bytes[i];
	return number == 0 || number > (uint32_t)sim->block_count ? SIM_NONE : (int)number - 1;
}

void sim_sign_vote(struct bft_vote *vote)
{
	uint64_t parts[4] = {vote->voter, vote->height, vote->round, (uint64_t)vote->phase};

	memset(&vote->signature, 0, sizeof(vote->signature));
	memcpy(vote->signature.bytes, parts, sizeof(parts));
	memcpy(vote->signature.bytes + 32, vote->hash.bytes, 32);
}

void sim_sign_proposal(struct bft_proposal *proposal)
{
	uint64_t parts[4] = {proposal->proposer, proposal->height, proposal->round,
			     (uint64_t)proposal->valid_round + 1000};

	memcpy(proposal->signature.bytes, parts, sizeof(parts));
	memcpy(proposal->signature.bytes + 32, proposal->hash.bytes, 32);
}

uint32_t sim_leader(const struct sim *sim, uint64_t height, uint64_t round)
{
	return (uint32_t)leader_of_round((size_t)(height * 7 % (uint64_t)sim->validators), round,
					 (size_t)sim->validators);
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void sim_schedule(struct sim *sim, const struct sim_event *event, int64_t at_ms)
{
	struct sim_event copy = *event;
	size_t i;

	if (sim->heap_count == sim->heap_capacity) {
		sim->heap_capacity = sim->heap_capacity ? 2 * sim->heap_capacity : 1024;
		sim->heap = realloc(sim->heap, sim->heap_capacity * sizeof(sim->heap[0]));
		if (!sim->heap)
			abort();
	}
	copy.at_ms = at_ms;
	copy.order = sim->order++;
	for (i = sim->heap_count++; i > 0 && before(&copy, &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
		sim->heap[i] = sim->heap[(i - 1) / 2];
	sim->heap[i] = copy;
}

struct sim_event sim_take_first(struct sim *sim)
{
	struct sim_event first = sim->heap[0], *last = &sim->heap[--sim->heap_count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= sim->heap_count)
			break;
		if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child]))
			child++;
		if (!before(&sim->heap[child], last))
			break;
		sim->heap[i] = sim->heap[child];
		i = child;
	}
	sim->heap[i] = *last;
	return first;
}

struct sim_plot sim_plot_of(const struct sim *sim, uint64_t height)
{
	uint64_t z = (sim->plot ^ height) * UINT64_C(0x9e3779b97f4a7c15);
	struct sim_plot plot = {.on = false};

	z = (z ^ z >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	z ^= z >> 32;
	plot.on = sim->plots > 0 && z % 1000 < sim->plots;
	plot.dark = (z >> 12 & 15) < 6;
	plot.late = (z >> 16 & 15) < 12 && sim->node[sim_leader(sim, height, 2)].liar == SIM_FICKLE;
	plot.round = plot.late;
	plot.deaf = (int)sim_leader(sim, height, plot.round + 1);
	plot.thief = (int)(z >> 24 & 255) % sim->validators;
	/* One that does not lie, nor leads round 1: it might know the block of round 0. */
	for (int i = 0; i < sim->validators; i++) {
		if (plot.thief != plot.deaf && sim->node[plot.thief].liar == SIM_HONEST &&
		    (!plot.late || plot.thief != (int)sim_leader(sim, height, 1)))
			break;
		plot.thief = (plot.thief + 1) % sim->validators;
	}
	return plot;
}

/* Whether a validator is one of the f. */
static bool in_plot(const struct sim *sim, const struct sim_plot *plot, int validator)
{
	int behind = (validator - plot->thief + sim->validators) % sim->validators;
	int deaf = (plot->deaf - plot->thief + sim->validators) % sim->validators;

	return validator != plot->deaf && behind < sim->faulty + (deaf < sim->faulty);
}

/* How much later a message comes: 0, or -1 for never. */
static int64_t plotted_ms(const struct sim *sim, const struct sim_event *message, int to)
{
	bool vote = message->kind == SIM_VOTE;
	uint64_t round = vote ? message->u.vote.round : message->u.proposal.round;
	struct sim_plot plot;

	if (sim->plots == 0 || (!vote && message->kind != SIM_PROPOSAL))
		return 0;
	plot = sim_plot_of(sim, vote ? message->u.vote.height : message->u.proposal.height);
	if (!plot.on)
		return 0;
	if (!vote) {
		if (round == plot.round && to == plot.deaf)
			return -1;
		return plot.late && round == 0 && to == plot.deaf ? -1 : 0;
	}
	/* Liars are in every plot, and tell the others that they are for nothing. */
	if (sim->node[message->u.vote.voter].liar != SIM_HONEST && round == plot.round &&
	    message->u.vote.phase == WIRE_PHASE_PRECOMMIT && sim_index(sim, &message->u.vote.hash) != SIM_NONE)
		return to == plot.thief ? 0 : -1;
	if (!in_plot(sim, &plot, (int)message->u.vote.voter))
		return 0;
	if (plot.late && round == 0)
		return message->u.vote.phase == WIRE_PHASE_PREVOTE ? 4 * sim->params.timeout_ms : 0;
	if (round != plot.round)
		return 0;
	if (message->u.vote.phase == WIRE_PHASE_PREVOTE)
		return to == plot.deaf ? -1 : 0;
	return to == plot.thief ? 0 : -1;
}

bool sim_is_cut_off(const struct sim *sim, int from, int to)
{
	return !sim->healed && (sim->lost[from][to] == 1000 || sim->cut_off_ms[from] > sim->now_ms ||
				sim->cut_off_ms[to] > sim->now_ms);
}

void sim_post(struct sim *sim, const struct sim_event *message, int from, int to)
{
	struct sim_event event = *message;
	int64_t late = 0;
	int copies = 1;

	if (!sim->node[to].bft || from == to)
		return;
	if (!sim->healed) {
		late = plotted_ms(sim, message, to);
		if (late < 0 || sim_chance(sim, sim->lost[from][to]) ||
		    (message->kind == SIM_VOTE && message->u.vote.phase == sim->lost_phase && sim_chance(sim, 800)))
			return;
		copies += sim_chance(sim, sim->duplicates);
	}
	event.node = to;
	event.from = from;
	for (int i = 0; i < copies; i++) {
		int64_t delay = late + 1 + sim_below(sim, (uint32_t)sim->delay_ms);

		if (!sim->healed && !sim->calm && sim_chance(sim, 50))
			delay += sim_below(sim, (uint32_t)sim->chaos_delay_ms);
		sim_schedule(sim, &event, sim->now_ms + delay);
	}
}

void sim_post_all(struct sim *sim, const struct sim_event *message, int from, int but)
{
	for (int to = 0; to < sim->nodes; to++) {
		if (to != but && sim->links[from] >> to & 1)
			sim_post(sim, message, from, to);
	}
}

/* Two or three parts that do not hear each other. */
void sim_part(struct sim *sim)
{
	uint32_t side[SIM_NODES], parts = 2 + sim_below(sim, 2);

	for (int i = 0; i < sim->nodes; i++)
		side[i] = sim_below(sim, parts);
	for (int i = 0; i < sim->nodes; i++) {
		for (int k = 0; k < sim->nodes; k++) {
			if (side[i] != side[k])
				sim->lost[i][k] = 1000;
		}
	}
}

/* Every direction of every link has its own fate. */
void sim_fray(struct sim *sim)
{
	for (int i = 0; i < sim->nodes; i++) {
		for (int k = 0; k < sim->nodes; k++) {
			uint32_t how = sim_below(sim, 100);

			if (how < 50)
				sim->lost[i][k] = how < 30 ? 1000 : 500;
		}
	}
}

/* One or two that are deaf, dumb or both. */
void sim_isolate(struct sim *sim)
{
	for (uint32_t count = 1 + sim_below(sim, 2); count > 0; count--) {
		uint32_t node = sim_below(sim, (uint32_t)sim->nodes), how = sim_below(sim, 3);

		for (int i = 0; i < sim->nodes; i++) {
			if (how != 0)
				sim->lost[node][i] = 1000;
			if (how != 1)
				sim->lost[i][node] = 1000;
		}
	}
}

static void pick_liars(struct sim *sim)
{
	sim->liars = sim_chance(sim, 700) ? (int)sim_below(sim, (uint32_t)sim->faulty + 1) : 0;
	if (sim->calm && sim_chance(sim, 500))
		sim->liars = sim->faulty;
	for (int i = 0; i < sim->liars;) {
		struct sim_node *n = &sim->node[sim_below(sim, (uint32_t)sim->validators)];

		if (n->liar != SIM_HONEST)
			continue;
		n->liar = (enum sim_liar)(1 + sim_below(sim, SIM_LIARS - 1));
		if (sim->calm && sim_chance(sim, 600))
			n->liar = SIM_FICKLE;
		i++;
	}
}

static void pick_links(struct sim *sim)
{
	bool sparse = sim_chance(sim, 250);

	sim->relay = sparse || sim_chance(sim, 250);
	for (int i = 0; i < sim->nodes; i++) {
		for (int k = 0; k < i; k++) {
			if (sparse && k != i - 1 && sim_chance(sim, 500))
				continue;
			sim->links[i] |= UINT32_C(1) << k;
			sim->links[k] |= UINT32_C(1) << i;
		}
	}
}

void sim_pick(struct sim *sim)
{
	static const uint8_t sizes[] = {4, 4, 4, 4, 4, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 10};

	sim->validators = sizes[sim_below(sim, sizeof(sizes))];
	sim->nodes = sim->validators + sim_chance(sim, 100);
	sim->faulty = sim->validators - (int)validators_quorum((size_t)sim->validators);
	sim->calm = sim_chance(sim, 400);
	pick_liars(sim);
	pick_links(sim);
	sim->grouped = sim_chance(sim, 500);
	sim->block_ms = 150 + sim_below(sim, 350);
	sim->delay_ms = 1 + sim_below(sim, 30);
	sim->chaos_delay_ms = 100 + sim_below(sim, 900);
	sim->heal_at_ms = 500 + sim_below(sim, 2500);
	sim->loss = sim_chance(sim, sim->calm ? 200 : 700) ? sim_below(sim, sim->calm ? 50 : 300) : 0;
	sim->plots = sim->calm ? 800 : sim_chance(sim, 400) ? sim_below(sim, 1000) : 0;
	sim->plot = sim_random(sim);
	sim->duplicates = sim_chance(sim, 500) ? sim_below(sim, 200) : 0;
	sim->crash_rate = sim_chance(sim, 600) ? sim_below(sim, 2500) : 0;
	sim->lost_files = sim_chance(sim, 200);
	sim->params = (struct bft_params){.timeout_ms = 40 + sim_below(sim, 250),
					  .timeout_delta_ms = 20 + sim_below(sim, 100),
					  .repeat_ms = 100 + sim_below(sim, 300)};
	for (int i = 0; i < sim->nodes; i++) {
		struct sim_event start = {.kind = SIM_RESTART, .node = i};

		sim->node[i].skew_ms = (int64_t)sim_below(sim, 200) - 100;
		sim_schedule(sim, &start, sim_below(sim, 100));
	}
}
