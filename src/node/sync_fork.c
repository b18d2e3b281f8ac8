/* SPDX-License-Identifier: MIT
 *
 * Which chain is right, when a peer has another hash than we at a height that both have: PROTOCOL.md §6 "Fork"; see
 * sync_impl.h.
 *
 *	asking		the hash at the height of all peers, in rounds
 *	searching	the ancestor of the winner and ours; or which of two chains with equally many voices has the
 *			lower hash where they part
 *	fetching	the blocks from the ancestor to the height: segments for the sink KEEP (sync_segment.c)
 *	ready, out	the chain is to reorganise, does it
 *
 * While it only asks, blocks on top of our tip are fetched as ever.
 *
 * A chain with a certified block wins whatever peers answer, and at any depth (PROTOCOL.md §9).  Then the question is
 * about that block, which lies above our tip: one voice that has it is enough, since its blocks are fetched up to it
 *and so are authentic, and nothing of ours is undone before they are all here.
 */
#include "sync_impl.h"

#include "timed/util/thread.h"

/* So many answers are enough, however many peers there are; and so many are needed, however few. */
#define ENOUGH_ANSWERS 5
#define LEAST_ANSWERS 2

bool sync_fork_is_taking(const struct sync *s)
{
	switch (s->fork.phase) {
	case SYNC_FORK_NONE:
	case SYNC_FORK_ASKING:
		return false;
	case SYNC_FORK_SEARCHING:
		return !s->fork.duel;
	case SYNC_FORK_FETCHING:
	case SYNC_FORK_READY:
	case SYNC_FORK_OUT:
		return true;
	}
	return false;
}

/* ---- The question ---- */

/* Whoever may know: a claim may be old, and who has no such block says so and does not count.  The certified block lies
 * above us, where the claims are what it was found by. */
static bool is_voter(const struct sync *s, const struct sync_question *q, const struct sync_peer *p)
{
	if (sync_is_liar(s, p) || p->suspected || !p->has_claim)
		return false;
	return s->fork.certified ? p->claim >= q->height : !sync_bad_forbids(s, p, q->height);
}

/* A certified block is known above our tip, and somebody who may have it is not on our chain. */
static bool certified_wants(const struct sync *s)
{
	if (!s->has_certified || s->certified_height <= s->tip.height || s->now_ms < s->certified_again_ms)
		return false;
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_peer *p = &s->peers[i];

		if (!sync_is_liar(s, p) && !p->suspected && p->stand == SYNC_STAND_DIFFERS && p->has_claim &&
		    p->claim >= s->certified_height)
			return true;
	}
	return false;
}

/* It differs from us where we have a block, and that is to be decided. */
static bool is_trigger(const struct sync *s, const struct sync_peer *p)
{
	return !sync_is_liar(s, p) && !p->suspected && p->stand == SYNC_STAND_DIFFERS &&
	       p->stand_height <= s->tip.height && s->now_ms >= p->judged_until_ms &&
	       !sync_bad_forbids(s, p, p->stand_height);
}

/* The lowest height from `least` on at which somebody differs. */
static bool lowest_difference(const struct sync *s, uint64_t *height, uint64_t least)
{
	bool found = false;

	for (size_t i = 0; s->differing > 0 && i < s->peer_count; i++) {
		const struct sync_peer *p = &s->peers[i];

		if (is_trigger(s, p) && p->stand_height >= least && (!found || p->stand_height < *height)) {
			*height = p->stand_height;
			found = true;
		}
	}
	return found;
}

bool sync_fork_wants(const struct sync *s, const struct sync_peer *p, uint64_t *height)
{
	const struct sync_question *q = &s->fork.question;

	if (s->fork.phase != SYNC_FORK_ASKING || q->resting || p->voices[SYNC_FORK_SLOT].state != SYNC_VOICE_NONE ||
	    !is_voter(s, q, p))
		return false;
	*height = q->height;
	return true;
}

void sync_fork_voice(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *theirs,
		     const struct wire_hash *own)
{
	struct sync_fork *f = &s->fork;
	struct sync_voice *voice = &p->voices[SYNC_FORK_SLOT];

	if (f->phase != SYNC_FORK_ASKING || f->question.resting || height != f->question.height)
		return;
	voice->state = theirs ? SYNC_VOICE_HASH : SYNC_VOICE_NULL;
	if (theirs)
		voice->hash = *theirs;
	if (own) {
		f->has_own = true;
		f->own = *own;
	}
}

static void begin_round(struct sync *s, uint64_t height)
{
	struct sync_fork *f = &s->fork;

	f->phase = SYNC_FORK_ASKING;
	f->has_own = false;
	f->duel = false;
	f->question = (struct sync_question){
		.height = height,
		.opened_ms = s->now_ms,
		.round = f->question.round,
	};
	sync_clear_voices(s, SYNC_FORK_SLOT);
	s->poke = true;
}

/* ---- Its end ---- */

static void note(struct sync *s, enum sync_note kind, const struct wire_hash *hash, uint64_t depth)
{
	struct sync_action *a = sync_note(s, kind, s->fork.question.height, hash);

	a->depth = depth;
	a->voices = s->fork.voices;
	a->of = s->fork.of;
}

/* No question is open any more. */
static void close_question(struct sync *s, int64_t next_ms)
{
	if (sync_fork_is_taking(s))
		sync_segments_drop(s, 0);
	if (s->fork.certified && s->certified_again_ms < s->now_ms + s->params.fork_interval_ms)
		s->certified_again_ms = s->now_ms + s->params.fork_interval_ms;
	sync_clear_voices(s, SYNC_FORK_SLOT);
	s->fork = (struct sync_fork){.next_ms = next_ms};
	s->poke = true;
}

void sync_fork_abort(struct sync *s)
{
	if (s->fork.phase != SYNC_FORK_NONE)
		close_question(s, s->now_ms + s->params.fork_interval_ms);
}

/* It differs from us at the question's height, or below; whether it said so again or nothing at all. */
static bool is_overruled(const struct sync_fork *f, const struct sync_peer *p)
{
	if (sync_voice_is(p, SYNC_FORK_SLOT, &f->own))
		return false;
	return p->voices[SYNC_FORK_SLOT].state == SYNC_VOICE_HASH ||
	       (p->stand == SYNC_STAND_DIFFERS && p->stand_height <= f->question.height);
}

/* Those who were of another opinion open no question for a while; one about a greater height may follow at once. */
static void own_chain_stays(struct sync *s)
{
	struct sync_fork *f = &s->fork;

	note(s, SYNC_NOTE_FORK_STAYS, &f->own, 0);
	for (size_t i = 0; i < s->peer_count; i++) {
		struct sync_peer *p = &s->peers[i];

		if (is_overruled(f, p))
			p->judged_until_ms = s->now_ms + s->params.fork_interval_ms;
	}
	sync_all_changed(s);
	close_question(s, f->next_ms);
}

static void own_chain_lost(struct sync *s, const struct wire_hash *winner)
{
	sync_segments_drop(s, 0);
	s->fork.duel = false;
	s->fork.question.decided = true;
	s->fork.question.winner = *winner;
	sync_search_start(s, winner, &s->fork.own, true);
}

static void chain_won(struct sync *s, const struct wire_hash *winner)
{
	if (sync_hash_compare(winner, &s->fork.own) == 0)
		own_chain_stays(s);
	else
		own_chain_lost(s, winner);
}

/* The next two chains with equally many voices, or the winner of all. */
static void next_duel(struct sync *s)
{
	struct sync_fork *f = &s->fork;
	struct wire_hash champion = f->champion, challenger;

	if (f->next_candidate == f->candidate_count) {
		chain_won(s, &champion);
		return;
	}
	f->duel = true;
	challenger = f->candidates[f->next_candidate++];
	/* Our own chain is the first candidate, if it is one. */
	if (sync_hash_compare(&champion, &f->own) == 0)
		sync_search_start(s, &challenger, &champion, true);
	else
		sync_search_start(s, &champion, &challenger, false);
}

static uint32_t votes_with_ours(const struct sync *s, const struct wire_hash *hash)
{
	const struct sync_fork *f = &s->fork;

	return sync_count_voices(s, hash, &f->question, SYNC_FORK_SLOT, is_voter) +
	       (sync_hash_compare(hash, &f->own) == 0);
}

static void add_candidate(struct sync *s, const struct wire_hash *hash)
{
	struct sync_fork *f = &s->fork;

	for (uint32_t i = 0; i < f->candidate_count; i++) {
		if (sync_hash_compare(&f->candidates[i], hash) == 0)
			return;
	}
	if (f->candidate_count < SYNC_MAX_CANDIDATES)
		f->candidates[f->candidate_count++] = *hash;
}

/* Enough rounds gave no winner: our own answer counts too, most answers win, and among equals the lower hash at the
 * first height that differs. */
static void decide_by_most(struct sync *s)
{
	struct sync_fork *f = &s->fork;
	uint32_t most = votes_with_ours(s, &f->own);

	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_voice *voice = &s->peers[i].voices[SYNC_FORK_SLOT];

		if (voice->state == SYNC_VOICE_HASH && votes_with_ours(s, &voice->hash) > most)
			most = votes_with_ours(s, &voice->hash);
	}
	f->candidate_count = 0;
	if (votes_with_ours(s, &f->own) == most)
		add_candidate(s, &f->own);
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_voice *voice = &s->peers[i].voices[SYNC_FORK_SLOT];

		if (voice->state == SYNC_VOICE_HASH && votes_with_ours(s, &voice->hash) == most)
			add_candidate(s, &voice->hash);
	}
	f->voices = most;
	f->of++;
	f->champion = f->candidates[0];
	f->next_candidate = 1;
	next_duel(s);
}

static void advance_round(struct sync *s)
{
	struct sync_fork *f = &s->fork;
	struct sync_question *q = &f->question;
	uint32_t round = q->round, need;
	struct sync_tally t;
	bool clear;

	sync_tally(s, &t, q, SYNC_FORK_SLOT, is_voter);
	f->voices = t.best;
	f->of = t.answers;
	if (f->certified) {
		f->voices = sync_count_voices(s, &s->certified_hash, q, SYNC_FORK_SLOT, is_voter);
		if (f->voices > 0)
			own_chain_lost(s, &s->certified_hash);
		else if (t.pending == 0 || s->now_ms - q->opened_ms >= SYNC_PATIENCE * s->params.voice_wait_ms)
			sync_fork_abort(s);
		return;
	}
	if (t.pending > 0 && s->now_ms - q->opened_ms < SYNC_PATIENCE * s->params.voice_wait_ms)
		return;
	if (t.answers == 0 || !f->has_own) {
		sync_fork_abort(s);
		f->question.round = round;
		return;
	}
	need = t.voters < ENOUGH_ANSWERS ? t.voters : ENOUGH_ANSWERS;
	if (need < LEAST_ANSWERS)
		need = LEAST_ANSWERS;
	clear = t.answers >= need && t.best * 3 > t.answers * 2;
	/* Peers that are just becoming ready are heard too, unless there are enough without them. */
	if (!(clear && t.answers >= ENOUGH_ANSWERS) && s->now_ms - q->opened_ms < s->params.settle_ms)
		return;
	if (clear) {
		chain_won(s, &t.best_hash);
	} else if (++q->round >= s->params.fork_rounds) {
		decide_by_most(s);
	} else {
		note(s, SYNC_NOTE_FORK_UNDECIDED, NULL, 0);
		q->resting = true;
		q->again_ms = s->now_ms + s->params.fork_interval_ms;
	}
}

/* ---- The ancestor ---- */

static void fetch_branch(struct sync *s)
{
	struct sync_fork *f = &s->fork;

	f->base = f->search.lo;
	f->base_hash = f->search.lo_value;
	f->phase = SYNC_FORK_FETCHING;
	note(s, SYNC_NOTE_FORK_LOST, &f->question.winner, s->tip.height - f->base);
}

/* It won, but may not be taken: not asked for again for long. */
static void refuse_winner(struct sync *s, uint64_t depth)
{
	struct sync_fork *f = &s->fork;

	note(s, SYNC_NOTE_TOO_DEEP, &f->question.winner, depth);
	(void)sync_bad_add(s, f->question.height, &f->question.winner, SYNC_FORK_SLOT, &f->question.winner);
	if (f->certified)
		s->certified_again_ms = s->now_ms + s->params.bad_ms;
	sync_fork_abort(s);
}

void sync_fork_searched(struct sync *s)
{
	struct sync_fork *f = &s->fork;
	const struct sync_search *q = &f->search;

	if (f->duel) {
		f->champion = sync_hash_compare(&q->hi_value[0], &q->hi_value[1]) < 0 ? q->side[0] : q->side[1];
		next_duel(s);
	} else if (f->certified && q->has_lo && q->lo == s->tip.height) {
		sync_fork_abort(s); /* it extends our chain: fetched as ever */
	} else if (!q->has_lo) {
		if (!sync_search_again(s))
			refuse_winner(s, s->tip.height - q->floor + 1);
	} else if (!f->certified && s->tip.height - q->lo > s->params.max_reorg_depth) {
		refuse_winner(s, s->tip.height - q->lo); /* our tip went on meanwhile */
	} else {
		fetch_branch(s);
	}
}

/* ---- The result ---- */

void sync_fork_result(struct sync *s, const struct sync_result *result)
{
	struct sync_fork *f = &s->fork;

	/* It is about a question that is not open any more. */
	if (f->phase != SYNC_FORK_OUT) {
		sync_set_tip(s, &result->tip);
		return;
	}
	switch (result->outcome) {
	case SYNC_DONE:
		sync_new_chain(s, &result->tip);
		(void)sync_note(s, SYNC_NOTE_REORGANISED, result->tip.height, &result->tip.hash);
		return;
	case SYNC_RULE:
		if (sync_bad_add(s, result->fault_height, &result->fault_hash, SYNC_FORK_SLOT, &f->question.winner))
			(void)sync_note(s, SYNC_NOTE_REFUSED, result->fault_height, &result->fault_hash);
		if (f->certified)
			s->certified_again_ms = s->now_ms + s->params.bad_ms;
		break;
	case SYNC_TOO_DEEP:
		refuse_winner(s, s->tip.height - f->search.lo);
		break;
	case SYNC_TIME_AHEAD:
	case SYNC_STALE:
	case SYNC_FAILED:
		break;
	}
	sync_fork_abort(s);
	sync_set_tip(s, &result->tip);
}

/* ---- Time ---- */

/* Our chain does not reach the question, or not its ancestor, any more. */
static bool is_void(const struct sync *s)
{
	const struct sync_fork *f = &s->fork;

	if (f->phase == SYNC_FORK_NONE || f->phase == SYNC_FORK_OUT)
		return false;
	return f->certified ? f->question.height <= s->tip.height : f->question.height > s->tip.height;
}

static void open_question(struct sync *s)
{
	uint64_t height;

	if (certified_wants(s)) {
		begin_round(s, s->certified_height);
		s->fork.certified = true;
		(void)sync_note(s, SYNC_NOTE_FORK, s->certified_height, &s->certified_hash);
		return;
	}
	if (s->now_ms < s->fork.next_ms || !lowest_difference(s, &height, 0))
		return;
	begin_round(s, height);
	(void)sync_note(s, SYNC_NOTE_FORK, height, NULL);
}

static void advance_asking(struct sync *s)
{
	struct sync_question *q = &s->fork.question;
	uint64_t height;

	if (!q->resting) {
		advance_round(s);
		return;
	}
	if (s->now_ms < q->again_ms)
		return;
	/* The same question again: the rounds of one that gave way to a lower difference would never be enough. */
	if (lowest_difference(s, &height, q->height))
		begin_round(s, q->height);
	else
		close_question(s, INT64_MIN);
}

void sync_fork_advance(struct sync *s)
{
	struct sync_fork *f = &s->fork;

	if (is_void(s))
		sync_fork_abort(s);
	if (f->phase == SYNC_FORK_ASKING && !f->certified && certified_wants(s))
		close_question(s, f->next_ms);
	switch (f->phase) {
	case SYNC_FORK_NONE:
		open_question(s);
		break;
	case SYNC_FORK_ASKING:
		advance_asking(s);
		break;
	case SYNC_FORK_SEARCHING:
		sync_search_advance(s);
		break;
	case SYNC_FORK_FETCHING:
		if (s->segment_count > 0)
			break;
		if (f->base == f->question.height) {
			f->phase = SYNC_FORK_READY;
			s->poke = true;
		} else {
			sync_segment_open_keep(s);
		}
		break;
	case SYNC_FORK_READY:
	case SYNC_FORK_OUT:
		break;
	}
}

void sync_certified(struct sync *s, uint64_t height, const struct wire_hash *hash, int64_t now_ms)
{
	sync_set_now(s, now_ms);
	/* The lowest is the least to fetch.  One that led nowhere gives way to the next. */
	if (height > s->tip.height && (!s->has_certified || s->certified_height <= s->tip.height ||
				       height < s->certified_height || s->now_ms < s->certified_again_ms)) {
		s->has_certified = true;
		s->certified_height = height;
		s->certified_hash = *hash;
	}
	sync_advance(s);
}
