/* SPDX-License-Identifier: MIT
 *
 * The sync state machine: peers, what each is asked next, and what its answers change; see sync.h for the whole and
 * sync_impl.h for the parts.
 */
#include "sync_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/util/thread.h"

/* Before anything was received: bytes of a block. */
#define FIRST_JSON_PER_BLOCK 2048
#define FIRST_HELD_PER_BLOCK 4096
/* One of our nodes answers everything: left unanswered it was busy, not mute. */
#define OURS_PAUSE_PART 6
/* Beyond so many peers the questions for their heights get rarer, for all together to stay as frequent. */
#define POLLED_PEERS 256
/* Our own hash was not at hand: the stand is looked at again after this. */
#define NO_OWN_HASH_MS 1000

void sync_params_default(struct sync_params *params)
{
	*params = (struct sync_params){
		.max_reorg_depth = 1000,
		.max_segment_blocks = 1000,
		.max_range_blocks = 101,
		.max_range_bytes = (size_t)2 << 20,
		.window_bytes = (size_t)64 << 20,
		.small_gap_blocks = 10,
		.settle_ms = 5000,
		.voice_wait_ms = 2000,
		.fork_interval_ms = 60000,
		.fork_rounds = 3,
		.stall_ms = 5000,
		.max_stall_ms = 60000,
		.poll_ms = 30000,
		.mute_pause_ms = 30000,
		.aside_ms = 60000,
		.bad_ms = 3600000,
		.retry_ms = 30000,
	};
}

struct sync *sync_new(const struct sync_params *params, const struct chain_point *tip, int64_t now_ms)
{
	struct sync *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->params = *params;
	s->tip = *tip;
	s->now_ms = now_ms;
	s->json_per_block = FIRST_JSON_PER_BLOCK;
	s->held_per_block = FIRST_HELD_PER_BLOCK;
	s->range_limit = params->max_range_blocks;
	s->stall_ms = params->stall_ms;
	s->stall_grown_ms = now_ms - params->max_stall_ms;
	s->fork.next_ms = INT64_MIN;
	s->certified_again_ms = INT64_MIN;
	return s;
}

void sync_free(struct sync *s)
{
	if (!s)
		return;
	sync_segments_drop(s, 0);
	free(s->peers);
	free(s->peer_ids);
	free(s->peer_due_ms);
	free(s);
}

/* ---- Actions ---- */

static struct sync_action *add_action(struct sync *s)
{
	if (s->action_count == SYNC_MAX_ACTIONS) {
		s->action_first = (s->action_first + 1) % SYNC_MAX_ACTIONS;
		s->action_count--;
	}
	return &s->actions[(s->action_first + s->action_count++) % SYNC_MAX_ACTIONS];
}

void sync_blame(struct sync *s, uint64_t peer, enum sync_verdict verdict, uint64_t height)
{
	*add_action(s) =
		(struct sync_action){.kind = SYNC_ACTION_BLAME, .peer = peer, .verdict = verdict, .height = height};
}

struct sync_action *sync_note(struct sync *s, enum sync_note note, uint64_t height, const struct wire_hash *hash)
{
	struct sync_action *a = add_action(s);

	*a = (struct sync_action){.kind = SYNC_ACTION_NOTE, .note = note, .height = height};
	if (hash)
		a->hash = *hash;
	return a;
}

bool sync_take_action(struct sync *s, struct sync_action *out)
{
	if (s->action_count > 0) {
		*out = s->actions[s->action_first];
		s->action_first = (s->action_first + 1) % SYNC_MAX_ACTIONS;
		s->action_count--;
		return true;
	}
	*out = (struct sync_action){.kind = s->work ? SYNC_ACTION_WORK : SYNC_ACTION_POKE};
	if (s->work)
		s->work = false;
	else if (s->poke)
		s->poke = false;
	else
		return false;
	return true;
}

/* ---- Peers ---- */

struct sync_peer *sync_find_peer(struct sync *s, uint64_t id)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		if (s->peer_ids[i] == id) {
			sync_peer_changed(s, &s->peers[i]);
			return &s->peers[i];
		}
	}
	return NULL;
}

struct sync_peer *sync_begin(struct sync *s, uint64_t id, int64_t now_ms)
{
	sync_set_now(s, now_ms);
	return sync_find_peer(s, id);
}

void sync_peer_changed(struct sync *s, const struct sync_peer *p)
{
	s->peer_due_ms[p - s->peers] = INT64_MIN;
}

void sync_all_changed(struct sync *s)
{
	for (size_t i = 0; i < s->peer_count; i++)
		s->peer_due_ms[i] = INT64_MIN;
}

void sync_set_stand(struct sync *s, struct sync_peer *p, enum sync_stand stand)
{
	s->differing += stand == SYNC_STAND_DIFFERS;
	s->differing -= p->stand == SYNC_STAND_DIFFERS;
	p->stand = stand;
}

static void set_claim(struct sync *s, struct sync_peer *p, uint64_t height)
{
	bool falls = p->claim == s->highest_claim && height < p->claim;

	p->claim = height;
	if (falls || height > s->highest_claim)
		s->highest_claim = height;
	for (size_t i = 0; falls && i < s->peer_count; i++) {
		if (s->peers[i].claim > s->highest_claim)
			s->highest_claim = s->peers[i].claim;
	}
}

int64_t sync_poll_ms(const struct sync *s)
{
	return s->params.poll_ms * (int64_t)(1 + s->peer_count / POLLED_PEERS);
}

bool sync_is_liar(const struct sync *s, const struct sync_peer *p)
{
	return s->now_ms < p->liar_until_ms;
}

bool sync_is_paused(const struct sync *s, const struct sync_peer *p, enum sync_kind kind)
{
	return s->now_ms < p->asks[kind].mute_until_ms;
}

void sync_reprobe(struct sync *s, struct sync_peer *p)
{
	sync_set_stand(s, p, SYNC_STAND_UNKNOWN);
	p->next_probe_ms = INT64_MIN;
	s->poke = true;
}

void sync_suspect(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *hash, uint64_t about)
{
	if (p->suspected || sync_is_liar(s, p))
		return;
	p->suspected = true;
	p->suspect_height = height;
	p->suspect_hash = *hash;
	p->suspect_about = about;
	s->poke = true;
}

void sync_set_liar(struct sync *s, struct sync_peer *p)
{
	p->suspected = false;
	p->liar_until_ms = s->now_ms + s->params.bad_ms;
	s->poke = true;
}

static bool grow_peers(struct sync *s)
{
	size_t capacity = s->peer_capacity ? s->peer_capacity * 2 : 16;
	struct sync_peer *grown;
	uint64_t *ids;
	int64_t *dues;

	if (s->peer_count < s->peer_capacity)
		return true;
	ids = realloc(s->peer_ids, capacity * sizeof(*ids));
	if (!ids)
		return false;
	s->peer_ids = ids;
	dues = realloc(s->peer_due_ms, capacity * sizeof(*dues));
	if (!dues)
		return false;
	s->peer_due_ms = dues;
	grown = realloc(s->peers, capacity * sizeof(*grown));
	if (!grown)
		return false;
	s->peers = grown;
	s->peer_capacity = capacity;
	return true;
}

int sync_peer_ready(struct sync *s, uint64_t id, bool ours, int64_t now_ms)
{
	struct sync_peer *p = sync_find_peer(s, id);

	if (p) {
		p->ours = ours;
		return 0;
	}
	sync_set_now(s, now_ms);
	if (!grow_peers(s))
		return -ENOMEM;
	s->peer_ids[s->peer_count] = id;
	s->peer_due_ms[s->peer_count] = INT64_MIN;
	p = &s->peers[s->peer_count++];
	*p = (struct sync_peer){
		.id = id,
		.ours = ours,
		.ready_ms = now_ms,
		.next_height_ms = INT64_MIN,
		.next_probe_ms = INT64_MIN,
		.judged_until_ms = INT64_MIN,
		.liar_until_ms = INT64_MIN,
		.distrust_until_ms = INT64_MIN,
		.no_search_until_ms = INT64_MIN,
		.lacks_until_ms = INT64_MIN,
		.aside_until_ms = INT64_MIN,
	};
	for (int kind = 0; kind < SYNC_KIND_COUNT; kind++)
		p->asks[kind].again_ms = p->asks[kind].mute_until_ms = INT64_MIN;
	sync_advance(s);
	return 0;
}

void sync_free_ask(struct sync *s, struct sync_peer *p, enum sync_kind kind)
{
	struct sync_asked *ask = &p->asks[kind];

	if (!ask->outstanding)
		return;
	s->reserved_bytes -= ask->reserved;
	s->delivering -= kind == SYNC_ASK_BLOCKS;
	*ask = (struct sync_asked){.again_ms = ask->again_ms, .mute_until_ms = ask->mute_until_ms};
	if (kind == SYNC_ASK_BLOCKS && s->starved) {
		s->starved = false;
		s->poke = true;
	}
}

void sync_peer_gone(struct sync *s, uint64_t id, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);

	if (p) {
		for (int kind = 0; kind < SYNC_KIND_COUNT; kind++)
			sync_free_ask(s, p, (enum sync_kind)kind);
		sync_search_lost(s, id);
		sync_set_stand(s, p, SYNC_STAND_UNKNOWN);
		set_claim(s, p, 0);
		*p = s->peers[--s->peer_count];
		s->peer_ids[p - s->peers] = p->id;
		sync_peer_changed(s, p);
		s->poke = true;
	}
	sync_advance(s);
}

/* ---- Asking ---- */

static uint64_t common_height(const struct sync *s, const struct sync_peer *p)
{
	return p->claim < s->tip.height ? p->claim : s->tip.height;
}

/* A height that is far beyond what is asked for now: whether it is true is seen only by asking for it. */
static bool has_far_claim(const struct sync *s, const struct sync_peer *p)
{
	return p->has_claim && p->stand == SYNC_STAND_AGREES && p->claim != p->claim_asked && p->claim > p->shown &&
	       p->claim > s->tip.height && p->claim - s->tip.height > s->params.max_segment_blocks;
}

/* The hash that the peer is to be asked for, most urgent first. */
static bool choose_hash(struct sync *s, struct sync_peer *p, struct sync_asked *ask)
{
	uint32_t side;

	ask->goal = common_height(s, p);
	if (p->suspected) {
		ask->first = p->suspect_height;
		return true;
	}
	if (sync_search_wants(s, p, &ask->first, &side)) {
		s->fork.search.asked[side] = p->id;
		s->fork.search.asked_ms[side] = s->now_ms;
		return true;
	}
	if (sync_fork_wants(s, p, &ask->first))
		return true;
	if (p->has_claim && p->next_probe_ms == INT64_MIN) {
		ask->first = common_height(s, p);
		return true;
	}
	if (p->has_claim && sync_bad_wants(s, p, &ask->first))
		return true;
	if (sync_anchor_wants(s, p, &ask->first))
		return true;
	if (has_far_claim(s, p)) {
		p->claim_asked = p->claim;
		ask->first = p->claim;
		return true;
	}
	/* A second look at where it stands comes last: a slow peer has time for little more than these. */
	if (p->has_claim && s->now_ms >= p->next_probe_ms) {
		ask->first = common_height(s, p);
		return true;
	}
	return false;
}

static bool choose(struct sync *s, struct sync_peer *p, enum sync_kind kind, struct sync_asked *ask)
{
	switch (kind) {
	case SYNC_ASK_HEIGHT:
		if (s->now_ms < p->next_height_ms)
			return false;
		p->next_height_ms = s->now_ms + sync_poll_ms(s);
		return true;
	case SYNC_ASK_HASH:
		return choose_hash(s, p, ask);
	case SYNC_ASK_BLOCKS:
		return sync_range_choose(s, p, ask);
	case SYNC_KIND_COUNT:
		break;
	}
	return false;
}

bool sync_next(struct sync *s, struct sync_ask *out, uint64_t id, int64_t now_ms)
{
	struct sync_peer *p;

	/* Most who come have nothing to ask, and nothing has changed since the one before. */
	if (now_ms >= sync_deadline_ms(s)) {
		sync_set_now(s, now_ms);
		sync_advance(s);
	} else if (now_ms > s->now_ms) {
		s->now_ms = now_ms;
	}
	p = sync_find_peer(s, id);
	if (!p || sync_is_liar(s, p))
		return false;
	for (int kind = 0; kind < SYNC_KIND_COUNT; kind++) {
		struct sync_asked *ask = &p->asks[kind], chosen = {.outstanding = true, .sent_ms = s->now_ms};

		chosen.again_ms = ask->again_ms;
		chosen.mute_until_ms = ask->mute_until_ms;
		if (ask->outstanding || s->now_ms < ask->again_ms || s->now_ms < ask->mute_until_ms ||
		    !choose(s, p, (enum sync_kind)kind, &chosen))
			continue;
		if (kind == SYNC_ASK_HASH)
			sync_question_asked(s, chosen.first);
		s->delivering += kind == SYNC_ASK_BLOCKS;
		*ask = chosen;
		*out = (struct sync_ask){(enum sync_kind)kind, chosen.first, chosen.last};
		s->deadline_known = false;
		return true;
	}
	return false;
}

/* Nothing comes of what was asked. */
static void give_back(struct sync *s, struct sync_peer *p, enum sync_kind kind)
{
	if (kind == SYNC_ASK_HEIGHT)
		p->next_height_ms = INT64_MIN;
	if (kind == SYNC_ASK_HASH && p->asks[kind].first == p->claim_asked)
		p->claim_asked = 0;
	if (kind == SYNC_ASK_HASH)
		sync_search_lost(s, p->id);
	sync_free_ask(s, p, kind);
	s->poke = true;
}

void sync_ask_failed(struct sync *s, uint64_t id, enum sync_kind kind, int64_t again_ms, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);

	if (p && p->asks[kind].outstanding) {
		p->asks[kind].again_ms = again_ms > s->now_ms ? again_ms : s->now_ms + 1;
		give_back(s, p, kind);
	}
	sync_advance(s);
}

void sync_unanswered(struct sync *s, uint64_t id, enum sync_kind kind, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);

	if (p && p->asks[kind].outstanding) {
		if (kind == SYNC_ASK_BLOCKS)
			sync_note_empty(s, p, false);
		if (kind == SYNC_ASK_HASH)
			sync_search_unanswered(s, p, p->asks[kind].first);
		if (kind == SYNC_ASK_HASH && p->suspected && p->asks[kind].first == p->suspect_height) {
			p->suspected = false;
			p->distrust_until_ms = s->now_ms + s->params.fork_interval_ms;
			sync_blame(s, p->id, SYNC_VERDICT_TURNED, p->suspect_about);
		}
		p->asks[kind].mute_until_ms = s->now_ms + s->params.mute_pause_ms / (p->ours ? OURS_PAUSE_PART : 1);
		give_back(s, p, kind);
	}
	sync_advance(s);
}

/* ---- Answers ---- */

/* It claims less than before: what it showed above is not its chain any more. */
static void shrink(struct sync *s, struct sync_peer *p, uint64_t height)
{
	if (p->claim - height > s->params.small_gap_blocks)
		sync_blame(s, p->id, SYNC_VERDICT_SHRUNK, height);
	if (p->shown > height)
		p->shown = height;
	if (p->stand_height > height)
		sync_reprobe(s, p);
}

/* The second look at a claim.  False: it is not believed. */
static bool resolve_doubt(struct sync *s, struct sync_peer *p, uint64_t height)
{
	p->doubted = false;
	if (height >= p->doubted_height) {
		sync_blame(s, p->id, SYNC_VERDICT_FALSE_CLAIM, height);
		return false;
	}
	if (p->doubted_height - height > s->params.small_gap_blocks)
		sync_blame(s, p->id, SYNC_VERDICT_SHRUNK, height);
	return true;
}

/* It says that this is its height. */
static void take_claim(struct sync *s, struct sync_peer *p, uint64_t height)
{
	if (!p->has_claim || height > p->claim)
		p->claim_ms = s->now_ms;
	/* It was behind us and is not any more: is it with us? */
	if (p->has_claim && p->claim < s->tip.height && height >= s->tip.height)
		p->next_probe_ms = INT64_MIN;
	if (p->has_claim && height < p->claim)
		shrink(s, p, height);
	p->has_claim = true;
	set_claim(s, p, height);
}

void sync_height(struct sync *s, uint64_t id, uint64_t height, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);
	bool asked = p && p->asks[SYNC_ASK_HEIGHT].outstanding;

	/* A block that it announces need not be its highest. */
	if (!p || (p->has_claim && height < p->claim && !asked)) {
		sync_advance(s);
		return;
	}
	sync_free_ask(s, p, SYNC_ASK_HEIGHT);
	p->next_height_ms = s->now_ms + sync_poll_ms(s);
	p->tainted = 0; /* asked again whether it is still on that chain */
	if (!(asked && p->doubted) || resolve_doubt(s, p, height))
		take_claim(s, p, height);
	sync_advance(s);
}

void sync_at_least(struct sync *s, uint64_t id, uint64_t height, int64_t now_ms)
{
	const struct sync_peer *p = sync_find_peer(s, id);

	/* Less than that is no answer to a question that happens to be open. */
	if (p && (!p->has_claim || height > p->claim)) {
		sync_height(s, id, height, now_ms);
		return;
	}
	sync_set_now(s, now_ms);
	sync_advance(s);
}

void sync_strange_block(struct sync *s, uint64_t id, uint64_t height, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);

	/* Far behind, we do not know many a parent; who is on another chain shows when the stands are asked. */
	if (p && height > s->tip.height && height - s->tip.height <= s->params.small_gap_blocks) {
		p->next_probe_ms = INT64_MIN;
		s->poke = true;
	}
	if (p && (!p->has_claim || height > p->claim))
		sync_height(s, id, height, now_ms);
	else
		sync_advance(s);
}

/* It has no block at a height that it claims: either its chain has become shorter, or it says so again. */
static void doubt_claim(struct sync *s, struct sync_peer *p, uint64_t height)
{
	p->doubted = true;
	p->doubted_height = height;
	p->has_claim = false;
	set_claim(s, p, 0);
	p->claim_asked = 0;
	if (p->shown >= height)
		p->shown = 0;
	p->next_height_ms = INT64_MIN;
	sync_reprobe(s, p);
}

/* The second look at a suspect: it stands by its hash, so what it delivered was a lie; or its chain has changed. */
static void resolve_suspicion(struct sync *s, struct sync_peer *p, const struct wire_hash *theirs)
{
	if (theirs && sync_hash_compare(theirs, &p->suspect_hash) == 0) {
		sync_set_liar(s, p);
		sync_blame(s, p->id, SYNC_VERDICT_LIED, p->suspect_about);
		return;
	}
	p->suspected = false;
	sync_blame(s, p->id, SYNC_VERDICT_TURNED, p->suspect_about);
	sync_reprobe(s, p);
	s->poke = true;
}

static void update_stand(struct sync *s, struct sync_peer *p, const struct sync_asked *ask,
			 const struct wire_hash *theirs, const struct wire_hash *own)
{
	enum sync_stand before = p->stand;
	bool probe = ask->first == ask->goal;

	if (!theirs || ask->first > s->tip.height)
		return;
	if (!own) {
		if (probe)
			p->next_probe_ms = s->now_ms + NO_OWN_HASH_MS;
		return;
	}
	if (sync_hash_compare(theirs, own) != 0) {
		sync_set_stand(s, p, SYNC_STAND_DIFFERS);
	} else if (ask->first >= ask->goal) {
		sync_set_stand(s, p, SYNC_STAND_AGREES);
	} else {
		/* Where it differed it does not any more: it would open the same question at once. */
		if (p->stand == SYNC_STAND_DIFFERS && p->stand_height <= ask->first)
			sync_reprobe(s, p);
		return;
	}
	p->stand_height = ask->first;
	p->next_probe_ms = s->now_ms + sync_poll_ms(s);
	/* What it was asked for counts again, or is to be asked of others. */
	if (p->stand != before && (p->stand == SYNC_STAND_DIFFERS || before == SYNC_STAND_DIFFERS))
		s->poke = true;
}

void sync_hash(struct sync *s, uint64_t id, uint64_t height, const struct wire_hash *theirs,
	       const struct wire_hash *own, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);
	struct sync_asked ask;

	if (!p || !p->asks[SYNC_ASK_HASH].outstanding || p->asks[SYNC_ASK_HASH].first != height) {
		sync_advance(s);
		return;
	}
	ask = p->asks[SYNC_ASK_HASH];
	sync_free_ask(s, p, SYNC_ASK_HASH);
	p->tardy = s->now_ms - ask.sent_ms >= s->params.voice_wait_ms;
	if (theirs) {
		if (height > p->shown)
			p->shown = height;
		sync_bad_answer(s, p, height, theirs);
	} else if (p->has_claim && height <= p->claim) {
		doubt_claim(s, p, height);
	}
	if (p->suspected && height == p->suspect_height)
		resolve_suspicion(s, p, theirs);
	update_stand(s, p, &ask, theirs, own);
	sync_anchor_voice(s, p, height, theirs);
	sync_fork_voice(s, p, height, theirs, own);
	sync_search_voice(s, p, height, theirs, own);
	sync_advance(s);
}

/* ---- Time ---- */

void sync_tip(struct sync *s, const struct chain_point *tip, int64_t now_ms)
{
	sync_set_now(s, now_ms);
	sync_set_tip(s, tip);
	sync_advance(s);
}

void sync_tick(struct sync *s, int64_t now_ms)
{
	sync_set_now(s, now_ms);
	sync_advance(s);
}

void sync_set_now(struct sync *s, int64_t now_ms)
{
	if (now_ms > s->now_ms)
		s->now_ms = now_ms;
	s->deadline_known = false;
}

void sync_advance(struct sync *s)
{
	sync_bad_expire(s);
	sync_find_stalls(s);
	sync_fork_advance(s);
	sync_segments_advance(s);
	/* A branch may be complete, or given up, by now. */
	if (s->segment_count == 0)
		sync_fork_advance(s);
	if (!s->work_told && sync_has_work(s)) {
		s->work = true;
		s->work_told = true;
	}
}
