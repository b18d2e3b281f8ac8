// SPDX-License-Identifier: MIT
/* The simulated validators, what happens to them, and the checks: see sim_bft.h. */
#include "sim_bft_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/validators.h"

#define MAX_HEAL_MS 60000

static const char *const liar_names[SIM_LIARS] = {"honest", "silent", "split", "noise", "covert", "fickle"};

static bool bit(const uint8_t *set, int i)
{
	return set[i / 8] >> (i % 8) & 1;
}

static void set_bit(uint8_t *set, int i)
{
	set[i / 8] |= (uint8_t)(1 << (i % 8));
}

static void clear_bit(uint8_t *set, int i)
{
	set[i / 8] &= (uint8_t) ~(1 << (i % 8));
}

/* What bft.h asks of the one who signs; its `user` is a node's number. */
static void sign(void *user, struct wire_sig *out, const struct bft_record *record)
{
	uint32_t own = (uint32_t)(uintptr_t)user;

	if (record->kind == BFT_RECORD_PROPOSAL) {
		struct bft_proposal proposal = {record->height, record->round, record->proposal_round, own,
						record->hash,	{{0}}};

		sim_sign_proposal(&proposal);
		*out = proposal.signature;
	} else {
		struct bft_vote vote = {record->height,
					record->round,
					record->kind == BFT_RECORD_PREVOTE ? WIRE_PHASE_PREVOTE : WIRE_PHASE_PRECOMMIT,
					own,
					record->hash,
					{{0}}};

		sim_sign_vote(&vote);
		*out = vote.signature;
	}
}

static void check_certificate(struct sim *sim, const struct bft_certificate *certificate, enum wire_phase phase)
{
	if (certificate->phase != phase || certificate->count < validators_quorum((size_t)sim->validators))
		sim_fail(sim, "a certificate of %u votes in phase %d", certificate->count, (int)certificate->phase);
	for (uint32_t i = 0; i < certificate->count; i++) {
		struct bft_vote vote = {certificate->height,	       certificate->round, phase,
					certificate->entries[i].voter, certificate->hash,  {{0}}};

		sim_sign_vote(&vote);
		if (vote.voter >= (uint32_t)sim->validators ||
		    (i > 0 && vote.voter <= certificate->entries[i - 1].voter) ||
		    memcmp(&vote.signature, &certificate->entries[i].signature, sizeof(vote.signature)) != 0)
			sim_fail(sim, "entry %u of a certificate is wrong", i);
	}
}

static struct bft_height terms(const struct sim *sim, int node, uint64_t height)
{
	return (struct bft_height){.height = height,
				   .validators = (uint32_t)sim->validators,
				   .leader = sim_leader(sim, height, 0),
				   .own = node < sim->validators ? node : -1};
}

/* When the time of a block comes by the clock of a node. */
static int64_t block_time(const struct sim *sim, int node, uint64_t height)
{
	return (int64_t)height * sim->block_ms - sim->node[node].skew_ms;
}

static void act(struct sim *sim, int node, const struct bft_actions *actions);

static void start_height(struct sim *sim, int node)
{
	struct sim_node *n = &sim->node[node];
	struct bft_height now = terms(sim, node, n->tip + 1), next = terms(sim, node, n->tip + 2);
	struct bft_actions actions;

	n->there_ms = sim->now_ms;
	if (bft_start_height(n->bft, &actions, &now, &next, block_time(sim, node, now.height), sim->now_ms))
		abort();
	act(sim, node, &actions);
}

static void crash_at(struct sim *sim, int node, int64_t at_ms)
{
	struct sim_event event = {.kind = SIM_CRASH, .node = node, .life = sim->node[node].life};

	if (sim->node[node].liar == SIM_HONEST)
		sim_schedule(sim, &event, at_ms);
}

/* A block is connected, by our own decision or with a certificate from elsewhere. */
static void connect(struct sim *sim, int node, int block)
{
	struct sim_node *n = &sim->node[node];
	const struct sim_block *b = &sim->blocks[block];
	uint64_t height = n->tip + 1;

	if (height >= SIM_HEIGHTS)
		return;
	n->chain[height] = block;
	n->tip = height;
	if (n->liar != SIM_HONEST)
		return;
	sim_say(sim, "%d commits block %d at height %" PRIu64, node, block, height);
	if (b->invalid || b->height != height || (height > 1 && b->parent != sim->committed[height - 1]))
		sim_fail(sim, "node %d committed the bad block %d at height %" PRIu64, node, block, height);
	if (sim->committed[height] == SIM_NONE) {
		sim->committed[height] = block;
		if (sim_plot_of(sim, height).on)
			sim_say(sim, "a plot against height %" PRIu64 " by %d against %d%s", height,
				sim_plot_of(sim, height).thief, sim_plot_of(sim, height).deaf,
				sim_plot_of(sim, height).late ? ", late" : "");
		/* It keeps that to itself for a while. */
		if (sim_plot_of(sim, height).on)
			sim->cut_off_ms[node] = sim->now_ms + 100 + sim_below(sim, 1500);
		/* And for others the lights go out. */
		for (int i = 0; i < sim->nodes && sim_plot_of(sim, height).on && sim_plot_of(sim, height).dark; i++) {
			if (i != node && sim_chance(sim, 800))
				crash_at(sim, i, sim->now_ms + sim_below(sim, 30));
		}
	} else if (sim->committed[height] != block)
		sim_fail(sim, "two blocks at height %" PRIu64 ": %d, and %d at node %d", height, sim->committed[height],
			 block, node);
	if (sim->report->heights < height)
		sim->report->heights = height;
}

static enum bft_validity judge(const struct sim *sim, int node, int block)
{
	const struct sim_node *n = &sim->node[node];
	const struct sim_block *b = &sim->blocks[block];

	if (b->invalid || b->height != n->tip + 1 || (n->tip > 0 && b->parent != n->chain[n->tip]))
		return BFT_INVALID;
	if (block_time(sim, node, b->height) > sim->now_ms)
		return BFT_EARLY;
	if (b->unsettled >> node & 1 && sim->now_ms < b->settled_ms)
		return BFT_UNSETTLED;
	return BFT_VALID;
}

/* The caller's store of blocks: what is not needed goes. */
static void prune_blocks(struct sim *sim, int node)
{
	struct sim_node *n = &sim->node[node];

	for (int i = 0; i < sim->block_count; i++) {
		struct wire_hash hash;

		if (!bit(n->blocks, i) || bit(n->disk_blocks, i))
			continue;
		sim_hash(sim, &hash, i);
		if (!bft_needs_block(n->bft, sim->blocks[i].height, &hash))
			clear_bit(n->blocks, i);
	}
}

static bool crash(struct sim *sim, int node)
{
	struct sim_node *n = &sim->node[node];
	struct sim_event event = {.kind = SIM_RESTART, .node = node};

	bft_free(n->bft);
	n->bft = NULL;
	n->life++;
	memcpy(n->blocks, n->disk_blocks, sizeof(n->blocks));
	sim->report->crashes++;
	if (sim->lost_files && sim_chance(sim, 250)) {
		n->amnesiac = true;
		n->voted_height = 0;
		n->votes.len = 0;
		memset(n->disk_blocks, 0, sizeof(n->disk_blocks));
		memset(n->blocks, 0, sizeof(n->blocks));
		if (sim_chance(sim, 500))
			n->tip = 0;
		sim->report->lost_files++;
	} else if (sim->lost_files && n->tip > 0 && sim_chance(sim, 150)) {
		/* The file is there, but the last blocks of the chain are gone. */
		n->amnesiac = true;
		n->tip -= n->tip > 1 && sim_chance(sim, 500) ? 2 : 1;
	}
	sim_say(sim, "%d crashes%s", node, n->votes.len == 0 ? " without a file" : "");
	sim_schedule(sim, &event, sim->now_ms + 1 + sim_below(sim, sim_chance(sim, 600) ? 20 : 1500));
	return true;
}

static bool may_crash(struct sim *sim, int node)
{
	return !sim->healed && sim->node[node].liar == SIM_HONEST && sim_below(sim, 100000) < sim->crash_rate;
}

static void restart(struct sim *sim, int node)
{
	struct sim_node *n = &sim->node[node];
	struct bft_params params = sim->params;

	if (n->bft)
		return;
	params.user = (void *)(uintptr_t)node;
	params.observing = n->amnesiac && n->votes.len == 0;
	if (bft_new(&n->bft, &params, sim->now_ms))
		abort();
	for (size_t at = 0; at < n->votes.len;) {
		struct bft_certificate polka;
		struct bft_record record;
		uint32_t len;

		memcpy(&len, n->votes.data + at, sizeof(len));
		at += sizeof(len);
		if (bft_record_decode(&record, &polka, n->votes.data + at, len))
			sim_fail(sim, "a record cannot be read");
		else if (bft_restore(n->bft, &record, &polka))
			sim_fail(sim, "a record is refused");
		else
			free(polka.entries);
		at += len;
	}
	sim_say(sim, "%d starts at height %" PRIu64 "%s", node, n->tip + 1, params.observing ? ", observing" : "");
	start_height(sim, node);
}

static void persist(struct sim *sim, int node, const struct bft_action *action)
{
	struct sim_node *n = &sim->node[node];
	const struct wire_hash *blocks[] = {&action->u.record.hash, &action->u.record.locked, &action->u.record.valid};
	size_t start = n->votes.len;
	uint32_t len = 0;

	buf_append(&n->votes, &len, sizeof(len));
	bft_record_encode(&n->votes, &action->u.record, action->polka);
	len = (uint32_t)(n->votes.len - start - sizeof(len));
	memcpy(n->votes.data + start, &len, sizeof(len));
	if (action->polka)
		check_certificate(sim, action->polka, WIRE_PHASE_PREVOTE);
	for (int i = 0; i < 3; i++) {
		int block = sim_index(sim, blocks[i]);

		if (block != SIM_NONE && bit(n->blocks, block))
			set_bit(n->disk_blocks, block);
	}
}

static void check_once(struct sim *sim, int node, int32_t *shown, int32_t value, const char *what, uint64_t height,
		       uint64_t round)
{
	if (*shown == 0)
		*shown = value;
	else if (*shown != value)
		sim_fail(sim, "node %d shows two %s at height %" PRIu64 ", round %" PRIu64, node, what, height, round);
}

/* A message of an honest node leaves: it must never contradict one that left before. */
static void check_shown(struct sim *sim, int node, const struct sim_event *message)
{
	bool vote = message->kind == SIM_VOTE;
	uint64_t height = vote ? message->u.vote.height : message->u.proposal.height;
	uint64_t round = vote ? message->u.vote.round : message->u.proposal.round;
	int block = sim_index(sim, vote ? &message->u.vote.hash : &message->u.proposal.hash);
	struct sim_shown *shown;

	if (round >= SIM_ROUNDS) {
		sim_fail(sim, "node %d is in round %" PRIu64, node, round);
		return;
	}
	shown = &sim->shown[node][height][round];
	if (vote) {
		check_once(sim, node, &shown->votes[message->u.vote.phase == WIRE_PHASE_PRECOMMIT], block + 2,
			   message->u.vote.phase == WIRE_PHASE_PREVOTE ? "prevotes" : "precommits", height, round);
		return;
	}
	check_once(sim, node, &shown->proposal, block + 2, "proposals", height, round);
	check_once(sim, node, &shown->proposal_round, (int32_t)message->u.proposal.valid_round + 2,
		   "valid rounds of a proposal", height, round);
	if (!bit(sim->node[node].blocks, block))
		sim_fail(sim, "node %d proposes block %d, which it does not hold", node, block);
}

static void note_vote(struct sim *sim, int node, const struct bft_message *message)
{
	struct sim_node *n = &sim->node[node];

	if (message->kind != BFT_MESSAGE_VOTE ||
	    (message->u.vote.height == n->voted_height && message->u.vote.round == n->voted_round))
		return;
	n->voted_height = message->u.vote.height;
	n->voted_round = message->u.vote.round;
	n->voted_ms = sim->now_ms;
}

/* Whether an honest validator has repeated since that time a vote of its own for its round, and one beyond `round` of
 * `height`.  What it voted for before says nothing of that: one that has lost its last blocks, or is past this height,
 * repeats nothing of it, and one that has left the round in which it voted repeats its prevote no more. */
static bool repeats_beyond(const struct sim_node *n, uint64_t height, uint64_t round, int64_t since_ms)
{
	struct bft_status status;

	if (n->liar != SIM_HONEST || n->there_ms > since_ms || n->voted_ms > since_ms || n->voted_height != height)
		return false;
	bft_status(n->bft, &status);
	return status.height == height && status.round == n->voted_round && status.round > round;
}

/* Once the network has healed, a round that f + 1 honest validators have voted in for a while is known to all. */
static void check_rounds(struct sim *sim)
{
	int64_t past_ms = sim->now_ms - sim->params.repeat_ms - 2 * sim->delay_ms - 20;

	if (past_ms < sim->heal_at_ms)
		return;
	for (int i = 0; i < sim->validators; i++) {
		const struct sim_node *n = &sim->node[i];
		struct bft_status status;
		int ahead = 0;

		if (n->liar != SIM_HONEST || n->there_ms > past_ms)
			continue;
		bft_status(n->bft, &status);
		for (int k = 0; k < sim->validators; k++)
			ahead += repeats_beyond(&sim->node[k], status.height, status.round, past_ms);
		if (ahead > sim->faulty)
			sim_fail(sim, "node %d stays in round %" PRIu64 " while %d are further", i, status.round,
				 ahead);
	}
}

static void send(struct sim *sim, int node, const struct bft_message *message)
{
	struct sim_event event = {.kind = message->kind == BFT_MESSAGE_VOTE ? SIM_VOTE : SIM_PROPOSAL};

	if (message->kind == BFT_MESSAGE_VOTE) {
		event.u.vote = message->u.vote;
		sim_say(sim, "%d votes: height %" PRIu64 " round %" PRIu64 " phase %d block %d", node,
			message->u.vote.height, message->u.vote.round, (int)message->u.vote.phase,
			sim_index(sim, &message->u.vote.hash));
	} else {
		event.u.proposal = message->u.proposal;
		sim_say(sim, "%d proposes: height %" PRIu64 " round %" PRIu64 " valid round %" PRId64 " block %d", node,
			message->u.proposal.height, message->u.proposal.round, message->u.proposal.valid_round,
			sim_index(sim, &message->u.proposal.hash));
	}
	if (sim->node[node].liar != SIM_HONEST) {
		sim_liar_send(sim, node, &event);
		return;
	}
	check_shown(sim, node, &event);
	note_vote(sim, node, message);
	sim_post_all(sim, &event, node, SIM_NONE);
}

static void repeat(struct sim *sim, int node)
{
	struct bft_cursor cursor = {.proposed = false};
	struct sim_event ask = {.kind = SIM_ASK, .u.plain.height = sim->node[node].tip + 1};
	struct bft_message message;

	while ((sim->healed || !sim->quiet) && bft_repeat_next(sim->node[node].bft, &cursor, &message)) {
		struct sim_event event = {.kind = message.kind == BFT_MESSAGE_VOTE ? SIM_VOTE : SIM_PROPOSAL};

		if (message.kind == BFT_MESSAGE_VOTE)
			event.u.vote = message.u.vote;
		else
			event.u.proposal = message.u.proposal;
		/* A block that we do not hold cannot be sent. */
		if (message.kind == BFT_MESSAGE_PROPOSAL &&
		    !bit(sim->node[node].blocks, sim_index(sim, &message.u.proposal.hash)))
			continue;
		if (sim->node[node].liar == SIM_HONEST &&
		    (message.kind == BFT_MESSAGE_VOTE ? message.u.vote.voter : message.u.proposal.proposer) ==
			    (uint32_t)node)
			check_shown(sim, node, &event);
		sim_post_all(sim, &event, node, SIM_NONE);
	}
	sim_post(sim, &ask, node, (int)sim_below(sim, (uint32_t)sim->nodes));
}

static void need_block(struct sim *sim, int node, const struct bft_action *action)
{
	struct sim_event event = {.kind = SIM_JUDGED, .node = node, .life = sim->node[node].life};
	int block = sim_index(sim, &action->hash);

	event.u.plain.height = action->height;
	event.u.plain.block = block;
	if (block != SIM_NONE && bit(sim->node[node].blocks, block))
		sim_schedule(sim, &event, sim->now_ms + sim_below(sim, 5));
}

static void propose_value(struct sim *sim, int node, const struct bft_action *action)
{
	struct sim_event event = {.kind = SIM_BUILT, .node = node, .life = sim->node[node].life};

	event.u.plain.height = action->height;
	event.u.plain.round = action->round;
	sim_schedule(sim, &event, sim->now_ms + sim_below(sim, 5));
}

static bool sends(const struct bft_action *action)
{
	return action->kind == BFT_SEND_PROPOSAL || action->kind == BFT_SEND_VOTE || action->kind == BFT_PERSIST;
}

/* True: the node goes on to the next height, or is down. */
static bool act_one(struct sim *sim, int node, const struct bft_action *action, bool written)
{
	struct sim_node *n = &sim->node[node];
	int block;

	switch (action->kind) {
	case BFT_NEW_ROUND:
		sim->report->rounds += n->liar == SIM_HONEST && action->round > 0;
		break;
	case BFT_PROPOSE_VALUE:
		propose_value(sim, node, action);
		break;
	case BFT_NEED_BLOCK:
		need_block(sim, node, action);
		break;
	case BFT_SEND_PROPOSAL:
	case BFT_SEND_VOTE:
	case BFT_PERSIST:
		if (!written)
			persist(sim, node, action);
		if (may_crash(sim, node))
			return crash(sim, node);
		if (action->kind != BFT_PERSIST)
			send(sim, node, &action->message);
		break;
	case BFT_COMMIT:
		block = sim_index(sim, &action->hash);
		check_certificate(sim, action->certificate, WIRE_PHASE_PRECOMMIT);
		if (!bit(n->blocks, block))
			sim_fail(sim, "node %d commits block %d, which it does not hold", node, block);
		connect(sim, node, block);
		if (may_crash(sim, node))
			return crash(sim, node);
		start_height(sim, node);
		return true;
	case BFT_REPEAT:
		repeat(sim, node);
		break;
	case BFT_EVIDENCE:
		sim->report->evidence++;
		break;
	case BFT_OWN_KEY:
		if (!n->amnesiac)
			sim_fail(sim, "node %d does not know its own vote", node);
		break;
	case BFT_INVALID_QUORUM:
		sim_fail(sim, "a quorum for the invalid block %d", sim_index(sim, &action->hash));
		break;
	case BFT_FORK:
		sim_fail(sim, "node %d sees a fork at height %" PRIu64, node, action->height);
		break;
	}
	return false;
}

static void act(struct sim *sim, int node, const struct bft_actions *actions)
{
	if (sim->grouped) {
		for (size_t i = 0; i < actions->count; i++) {
			if (sends(&actions->items[i]))
				persist(sim, node, &actions->items[i]);
		}
	}
	for (size_t i = 0; i < actions->count; i++) {
		if (may_crash(sim, node)) {
			(void)crash(sim, node);
			return;
		}
		if (act_one(sim, node, &actions->items[i], sim->grouped))
			return;
	}
	prune_blocks(sim, node);
}

/* A certified block: taken when it is the next. */
static void hear_certified(struct sim *sim, int node, const struct sim_event *event)
{
	struct sim_event ask = {.kind = SIM_ASK};
	struct sim_node *n = &sim->node[node];

	if (event->u.plain.height != n->tip + 1)
		return;
	connect(sim, node, event->u.plain.block);
	if (may_crash(sim, node)) {
		(void)crash(sim, node);
		return;
	}
	start_height(sim, node);
	ask.u.plain.height = n->tip + 1;
	sim_post(sim, &ask, node, event->from);
}

static void answer_certified(struct sim *sim, int node, int to, uint64_t height)
{
	struct sim_event answer = {.kind = SIM_CERTIFIED};
	const struct sim_node *n = &sim->node[node];

	if (height > n->tip || height == 0 || (n->liar != SIM_HONEST && sim_chance(sim, 500)))
		return;
	answer.u.plain.height = height;
	answer.u.plain.block = n->chain[height];
	sim_post(sim, &answer, node, to);
}

static void hear_message(struct sim *sim, int node, const struct sim_event *event)
{
	struct sim_node *n = &sim->node[node];
	struct bft_actions actions = {.count = 0};
	uint64_t height;
	int r;

	/* A liar's machine hears nothing of its lies. */
	if (n->liar != SIM_HONEST &&
	    (event->kind == SIM_VOTE ? event->u.vote.voter : event->u.proposal.proposer) == (uint32_t)node)
		return;
	if (event->kind == SIM_VOTE) {
		height = event->u.vote.height;
		r = bft_vote(n->bft, &actions, &event->u.vote, sim->now_ms);
	} else {
		int block = sim_index(sim, &event->u.proposal.hash);

		height = event->u.proposal.height;
		set_bit(n->blocks, block);
		r = bft_proposal(n->bft, &actions, &event->u.proposal, sim->now_ms);
	}
	if (r == 0 && sim->relay)
		sim_post_all(sim, event, node, event->from);
	if (r == BFT_E_HEIGHT_OLD)
		answer_certified(sim, node, event->from, height);
	act(sim, node, &actions);
	if (n->liar != SIM_HONEST)
		sim_liar_hear(sim, node, event);
}

static void built(struct sim *sim, int node, const struct sim_event *event)
{
	struct sim_node *n = &sim->node[node];
	struct bft_actions actions;
	struct wire_hash hash;
	int block;

	if (event->u.plain.height != n->tip + 1)
		return;
	block = sim_block_new(sim, n->tip + 1, event->u.plain.round, n->tip > 0 ? n->chain[n->tip] : SIM_NONE);
	if (sim_chance(sim, 100)) {
		sim->blocks[block].unsettled = (uint32_t)sim_random(sim) & ~(UINT32_C(1) << node);
		sim->blocks[block].settled_ms = sim->now_ms + sim_below(sim, 300);
	}
	set_bit(n->blocks, block);
	sim_hash(sim, &hash, block);
	if (!bft_propose(n->bft, &actions, event->u.plain.height, event->u.plain.round, &hash, sim->now_ms))
		act(sim, node, &actions);
}

static void judged(struct sim *sim, int node, const struct sim_event *event)
{
	struct bft_actions actions;
	struct wire_hash hash;

	if (event->u.plain.height != sim->node[node].tip + 1)
		return;
	sim_hash(sim, &hash, event->u.plain.block);
	bft_block(sim->node[node].bft, &actions, event->u.plain.height, &hash, judge(sim, node, event->u.plain.block),
		  sim->now_ms);
	act(sim, node, &actions);
}

static void happen(struct sim *sim, const struct sim_event *event)
{
	int node = event->node;

	if (event->kind == SIM_RESTART) {
		restart(sim, node);
		return;
	}
	if (!sim->node[node].bft)
		return;
	/* What was on its way when a link broke is lost. */
	if (event->kind <= SIM_ASK && sim_is_cut_off(sim, event->from, node))
		return;
	switch (event->kind) {
	case SIM_PROPOSAL:
	case SIM_VOTE:
		hear_message(sim, node, event);
		break;
	case SIM_CERTIFIED:
		hear_certified(sim, node, event);
		break;
	case SIM_ASK:
		answer_certified(sim, node, event->from, event->u.plain.height);
		break;
	case SIM_JUDGED:
		if (event->life == sim->node[node].life)
			judged(sim, node, event);
		break;
	case SIM_BUILT:
		if (event->life == sim->node[node].life)
			built(sim, node, event);
		break;
	case SIM_CRASH:
		if (event->life == sim->node[node].life && !sim->healed)
			(void)crash(sim, node);
		break;
	case SIM_RESTART:
		break;
	}
}

/* From time to time, until the network heals: it gets worse or better, and somebody crashes. */
static void disturb(struct sim *sim)
{
	uint32_t how = sim_below(sim, 100);

	for (int i = 0; i < sim->nodes; i++) {
		for (int k = 0; k < sim->nodes; k++)
			sim->lost[i][k] = (uint16_t)sim->loss;
	}
	if (sim->calm)
		return;
	sim->lost_phase = sim_chance(sim, 250) ? (enum wire_phase)(1 + sim_below(sim, 2)) : 0;
	sim->quiet = sim_chance(sim, 400);
	if (how < 20)
		sim_part(sim);
	else if (how < 45)
		sim_fray(sim);
	else if (how < 65)
		sim_isolate(sim);
	if (sim->crash_rate == 0 || !sim_chance(sim, 150))
		return;
	for (int i = 0; i < sim->nodes; i++) {
		/* at times all of them at once */
		if (sim->node[i].bft && sim->node[i].liar == SIM_HONEST && (how >= 85 || sim_chance(sim, 300)))
			(void)crash(sim, i);
	}
}

static void heal(struct sim *sim)
{
	sim->healed = true;
	sim->heal_at_ms = sim->now_ms;
	sim_say(sim, "the network heals");
	for (int i = 0; i < sim->nodes; i++) {
		sim->links[i] = (UINT32_C(1) << sim->nodes) - 1;
		restart(sim, i);
		if (sim->node[i].liar == SIM_HONEST && sim->node[i].tip > sim->target)
			sim->target = sim->node[i].tip;
	}
	sim->target += 3;
	if (sim->target >= SIM_HEIGHTS)
		sim->target = SIM_HEIGHTS - 1;
}

/* Whether progress can be asked for: no more than f lie, or have lost their file. */
static bool must_go_on(const struct sim *sim)
{
	int bad = 0;

	for (int i = 0; i < sim->validators; i++)
		bad += sim->node[i].liar != SIM_HONEST || sim->node[i].amnesiac;
	return bad <= sim->faulty;
}

static bool all_there(const struct sim *sim)
{
	for (int i = 0; i < sim->nodes; i++) {
		if (sim->node[i].liar == SIM_HONEST && sim->node[i].tip < sim->target)
			return false;
	}
	return true;
}

/* The node whose timer is next; SIM_NONE: none before `until_ms`. */
static int next_timer(const struct sim *sim, int64_t *until_ms)
{
	int next = SIM_NONE;

	for (int i = 0; i < sim->nodes; i++) {
		int64_t deadline = sim->node[i].bft ? bft_deadline_ms(sim->node[i].bft) : INT64_MAX;

		if (deadline < *until_ms) {
			*until_ms = deadline;
			next = i;
		}
	}
	return next;
}

static void step(struct sim *sim)
{
	int64_t at_ms = sim->heap_count > 0 ? sim->heap[0].at_ms : INT64_MAX;
	int timer = next_timer(sim, &at_ms);
	struct bft_actions actions;
	struct sim_event event;

	sim->report->events++;
	if (at_ms > sim->now_ms)
		sim->now_ms = at_ms;
	if (timer != SIM_NONE) {
		bft_tick(sim->node[timer].bft, &actions, sim->now_ms);
		act(sim, timer, &actions);
		return;
	}
	event = sim_take_first(sim);
	happen(sim, &event);
}

static void run(struct sim *sim)
{
	int64_t disturb_ms = 100, check_ms = 0;

	while (sim->report->failure[0] == '\0') {
		if (!sim->healed && sim->now_ms >= disturb_ms) {
			disturb(sim);
			disturb_ms = sim->now_ms + 20 + sim_below(sim, 400);
		}
		if (!sim->healed && sim->now_ms >= sim->heal_at_ms)
			heal(sim);
		if (sim->healed && sim->now_ms >= check_ms) {
			check_rounds(sim);
			check_ms = sim->now_ms + 100;
		}
		if ((sim->healed && all_there(sim)) || sim->report->heights >= SIM_HEIGHTS - 1)
			return;
		if (sim->healed && sim->now_ms > sim->heal_at_ms + (must_go_on(sim) ? MAX_HEAL_MS : 1000)) {
			if (must_go_on(sim))
				sim_fail(sim, "no progress to height %" PRIu64 " in %d ms after healing", sim->target,
					 MAX_HEAL_MS);
			return;
		}
		step(sim);
	}
}

bool sim_bft_run(uint64_t seed, bool trace, struct sim_report *report)
{
	static struct sim world; /* too big for a stack; one at a time */
	struct sim *sim = &world;
	struct sim_event *heap = sim->heap;
	size_t capacity = sim->heap_capacity;

	memset(report, 0, sizeof(*report));
	memset(sim, 0, sizeof(*sim));
	sim->heap = heap;
	sim->heap_capacity = capacity;
	sim->random = seed;
	sim->trace = trace;
	sim->report = report;
	for (int i = 0; i < SIM_HEIGHTS + 2; i++)
		sim->committed[i] = SIM_NONE;
	sim_pick(sim);
	sim->params.sign = sign;
	for (int i = 0; i < sim->nodes; i++)
		sim_say(sim, "%d: %s", i, liar_names[sim->node[i].liar]);
	run(sim);
	report->validators = sim->validators;
	report->liars = sim->liars;
	report->heal_ms = sim->now_ms - sim->heal_at_ms;
	for (int i = 0; i < sim->nodes; i++) {
		bft_free(sim->node[i].bft);
		buf_free(&sim->node[i].votes);
	}
	return report->failure[0] == '\0';
}
