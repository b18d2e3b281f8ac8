// SPDX-License-Identifier: MIT
/* Validators that lie, of the simulation of sim_bft.h.
 *
 * A liar runs the machine like anybody else, so that it knows what is going on and at times even helps, and sends other
 * things than the machine says: nothing, this to some and that to others, votes for everything that was ever proposed,
 * votes of rounds that nobody has reached, several blocks at once, and what others sent long ago.  It cannot forge: all
 * that it makes up is signed by itself. */
#include <string.h>

#include "sim_bft_impl.h"

/* A block of that height that has been proposed, nil, or one that does not exist. */
static void any_hash(struct sim *sim, struct wire_hash *out, uint64_t height)
{
	uint32_t what = sim_below(sim, 100);

	memset(out, 0, sizeof(*out));
	if (what < 20)
		return;
	if (what < 25) {
		out->bytes[3] = 0xff;
		out->bytes[0] = (uint8_t)what;
		return;
	}
	for (int tries = 0; tries < 4 && sim->block_count > 0; tries++) {
		int recent = sim->block_count < 12 ? sim->block_count : 12;
		int block = sim->block_count - 1 - (int)sim_below(sim, (uint32_t)recent);

		if (sim->blocks[block].height == height) {
			sim_hash(sim, out, block);
			return;
		}
	}
}

/* To everybody, or to some. */
static void show(struct sim *sim, int liar, const struct sim_event *message, uint32_t to)
{
	for (int i = 0; i < sim->nodes; i++) {
		if (to >> i & 1)
			sim_post(sim, message, liar, i);
	}
}

static void show_vote(struct sim *sim, int liar, uint64_t height, uint64_t round, enum wire_phase phase, uint32_t to)
{
	struct sim_event event = {.kind = SIM_VOTE};

	event.u.vote = (struct bft_vote){.height = height, .round = round, .phase = phase, .voter = (uint32_t)liar};
	any_hash(sim, &event.u.vote.hash, height);
	sim_sign_vote(&event.u.vote);
	show(sim, liar, &event, to);
}

/* Whatever is proposed, it is for it, in both phases: no lock binds it. */
static void follow(struct sim *sim, int liar, const struct bft_proposal *proposal)
{
	for (int phase = WIRE_PHASE_PREVOTE; phase <= WIRE_PHASE_PRECOMMIT; phase++) {
		struct sim_event event = {.kind = SIM_VOTE};

		event.u.vote = (struct bft_vote){.height = proposal->height,
						 .round = proposal->round,
						 .phase = (enum wire_phase)phase,
						 .voter = (uint32_t)liar,
						 .hash = proposal->hash};
		sim_sign_vote(&event.u.vote);
		show(sim, liar, &event, ~UINT32_C(0));
	}
}

/* A new block, perhaps bad, perhaps with a transaction that some do not see finalised. */
static int make_block(struct sim *sim, int liar, uint64_t height, uint64_t round)
{
	const struct sim_node *n = &sim->node[liar];
	int block;

	if (sim->block_count >= SIM_BLOCKS / 2)
		return SIM_NONE;
	block = sim_block_new(sim, height, round, n->tip > 0 ? n->chain[n->tip] : SIM_NONE);
	if (n->liar == SIM_FICKLE && sim_chance(sim, 700))
		return block;
	sim->blocks[block].invalid = sim_chance(sim, 200);
	if (sim_chance(sim, 500)) {
		sim->blocks[block].unsettled = sim_chance(sim, 500)
						       ? (uint32_t)sim_random(sim)
						       : UINT32_C(1) << sim_below(sim, (uint32_t)sim->validators);
		sim->blocks[block].settled_ms = INT64_MAX;
	}
	return block;
}

/* A block of its own, or another's, in a round that it leads; perhaps as if it had had a polka before.  Where it was
 * proposed before, that may even be true. */
static void show_proposal(struct sim *sim, int liar, uint64_t height, uint64_t round, uint32_t to)
{
	const struct sim_node *n = &sim->node[liar];
	struct sim_event event = {.kind = SIM_PROPOSAL};
	struct wire_hash *hash = &event.u.proposal.hash;
	int block = SIM_NONE;

	if (height != n->tip + 1)
		return;
	event.u.proposal =
		(struct bft_proposal){.height = height, .round = round, .valid_round = -1, .proposer = (uint32_t)liar};
	if (sim_chance(sim, 500)) {
		any_hash(sim, hash, height);
		block = sim_index(sim, hash);
	}
	if (block == SIM_NONE)
		block = make_block(sim, liar, height, round);
	if (block == SIM_NONE)
		return;
	sim_hash(sim, hash, block);
	if (round > sim->blocks[block].round && sim_chance(sim, 700))
		event.u.proposal.valid_round = (int64_t)sim->blocks[block].round;
	else if (round > 0 && sim_chance(sim, 700))
		event.u.proposal.valid_round = (int64_t)round - 1;
	sim_sign_proposal(&event.u.proposal);
	sim_say(sim, "liar %d proposes: height %d round %d valid round %d block %d", liar, (int)height, (int)round,
		(int)event.u.proposal.valid_round, block);
	show(sim, liar, &event, to);
	if (n->liar == SIM_FICKLE)
		follow(sim, liar, &event.u.proposal);
}

void sim_liar_send(struct sim *sim, int liar, const struct sim_event *message)
{
	struct sim_node *n = &sim->node[liar];
	bool vote = message->kind == SIM_VOTE;
	uint64_t height = vote ? message->u.vote.height : message->u.proposal.height;
	uint64_t round = vote ? message->u.vote.round : message->u.proposal.round;
	uint32_t some = (uint32_t)sim_random(sim);

	switch (n->liar) {
	case SIM_HONEST:
	case SIM_LIARS:
	case SIM_SILENT:
		break;
	case SIM_SPLIT:
		/* The truth to its friends, something else to the others. */
		if (sim_chance(sim, 300))
			n->split = some;
		show(sim, liar, message, n->split);
		if (vote)
			show_vote(sim, liar, height, round, message->u.vote.phase, ~n->split);
		else
			show_proposal(sim, liar, height, round, ~n->split);
		break;
	case SIM_NOISE:
		if (sim_chance(sim, 700))
			show(sim, liar, message, some);
		break;
	case SIM_FICKLE:
		if (vote || round == 0)
			show(sim, liar, message, ~UINT32_C(0));
		else
			show_proposal(sim, liar, height, round, ~UINT32_C(0));
		break;
	case SIM_COVERT:
		/* Honest, but to one or two. */
		show(sim, liar, message, some & (uint32_t)sim_random(sim));
		break;
	}
}

/* A vote or proposal near what was heard. */
static void make_noise(struct sim *sim, int liar, uint64_t height, uint64_t round)
{
	uint32_t to = (uint32_t)sim_random(sim) & (uint32_t)sim_random(sim), how = sim_below(sim, 100);

	if (how < 10)
		round += 1 + sim_below(sim, how < 3 ? 1000000 : 3);
	else if (how < 30 && round > 0)
		round -= 1 + sim_below(sim, (uint32_t)(round < 3 ? round : 3));
	if (how >= 60 && round < SIM_ROUNDS && sim_leader(sim, height, round) == (uint32_t)liar)
		show_proposal(sim, liar, height, round, to);
	else
		show_vote(sim, liar, height, round, how % 2 ? WIRE_PHASE_PREVOTE : WIRE_PHASE_PRECOMMIT, to);
}

static void replay(struct sim *sim, int liar, const struct sim_event *message)
{
	if (sim_chance(sim, 200))
		sim->replays[sim->replay_count++ % SIM_REPLAYS] = *message;
	if (sim->replay_count > 0 && sim_chance(sim, 100)) {
		uint32_t kept = sim->replay_count < SIM_REPLAYS ? sim->replay_count : SIM_REPLAYS;

		show(sim, liar, &sim->replays[sim_below(sim, kept)], (uint32_t)sim_random(sim));
	}
}

void sim_liar_hear(struct sim *sim, int liar, const struct sim_event *message)
{
	bool vote = message->kind == SIM_VOTE;
	uint64_t height = vote ? message->u.vote.height : message->u.proposal.height;
	uint64_t round = vote ? message->u.vote.round : message->u.proposal.round;

	if (sim->node[liar].liar == SIM_FICKLE) {
		if (!vote)
			follow(sim, liar, &message->u.proposal);
		return;
	}
	/* Once healed it keeps a measure, or the simulation takes for ever. */
	if (sim->node[liar].liar == SIM_SILENT || height >= SIM_HEIGHTS ||
	    sim_below(sim, 1000) > (sim->healed ? 20 : 120))
		return;
	replay(sim, liar, message);
	if (sim->node[liar].liar != SIM_COVERT)
		make_noise(sim, liar, height, round);
}
