/* SPDX-License-Identifier: MIT
 *
 * The highest height at which two chains are the same: a gallop down from the fork's height, then a binary search, by
 * the hashes that a peer of each side answers (PROTOCOL.md §6 "Fork"); see sync_impl.h.  One side is mostly our own
 * chain, whose hash comes along with the peer's answer.
 *
 * A peer that says something false here spoils the search and no more: the blocks that are fetched on its word do not
 * fit the ancestor, and it is known who gave it.  That there is none within reach is believed when all say so.
 */
#include "sync_impl.h"

static void ask_at(struct sync_search *q, uint64_t height)
{
	q->at = height;
	for (int i = 0; i < 2; i++) {
		q->got[i] = false;
		q->asked[i] = 0;
	}
}

/* The next height to compare; false: there is none. */
static bool next_step(struct sync_search *q)
{
	uint64_t step = q->step;

	if (q->has_lo) {
		if (q->hi - q->lo <= 1)
			return false;
		ask_at(q, q->lo + (q->hi - q->lo) / 2);
		return true;
	}
	if (q->hi <= q->floor)
		return false;
	if (step > q->hi - q->floor)
		step = q->hi - q->floor;
	q->step *= 2;
	ask_at(q, q->hi - step);
	return true;
}

static void start(struct sync *s, const struct wire_hash *a, const struct wire_hash *b, bool own, uint64_t step)
{
	struct sync_search *q = &s->fork.search;

	*q = (struct sync_search){
		.side = {*a, *b},
		.own = own,
		.hi = s->fork.question.height,
		.hi_value = {*a, *b},
		.step = step,
	};
	if (!s->fork.certified && s->tip.height > s->params.max_reorg_depth)
		q->floor = s->tip.height - s->params.max_reorg_depth;
	/* Above our tip they differ. */
	if (s->fork.certified)
		q->hi = s->tip.height + 1;
	s->fork.phase = SYNC_FORK_SEARCHING;
	s->poke = true;
	if (!next_step(q))
		sync_fork_searched(s);
}

void sync_search_start(struct sync *s, const struct wire_hash *a, const struct wire_hash *b, bool own)
{
	start(s, a, b, own, 1);
}

static bool speaks_for(const struct sync *s, const struct sync_peer *p, uint32_t side)
{
	return !(side == 1 && s->fork.search.own) && !sync_is_liar(s, p) && !p->suspected &&
	       s->now_ms >= p->no_search_until_ms && sync_voice_is(p, SYNC_FORK_SLOT, &s->fork.search.side[side]);
}

bool sync_search_wants(struct sync *s, const struct sync_peer *p, uint64_t *height, uint32_t *side)
{
	const struct sync_search *q = &s->fork.search;

	if (s->fork.phase != SYNC_FORK_SEARCHING)
		return false;
	for (uint32_t i = 0; i < 2; i++) {
		if (!q->got[i] && q->asked[i] == 0 && speaks_for(s, p, i)) {
			*height = q->at;
			*side = i;
			return true;
		}
	}
	return false;
}

static bool has_speaker(const struct sync *s, uint32_t side)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		if (speaks_for(s, &s->peers[i], side))
			return true;
	}
	return false;
}

/* It is not heard in this search any more. */
static void silence(struct sync *s, struct sync_peer *p)
{
	p->voices[SYNC_FORK_SLOT].state = SYNC_VOICE_NULL;
	s->poke = true;
}

bool sync_search_again(struct sync *s)
{
	struct sync_search *q = &s->fork.search;
	struct sync_peer *p = sync_find_peer(s, q->told_by);

	if (p)
		silence(s, p);
	/* Without a peer's word their voices alone say it: the question is no higher than the floor. */
	if (!p || !has_speaker(s, 0))
		return false;
	start(s, &q->side[0], &q->side[1], q->own, UINT64_MAX);
	return true;
}

void sync_search_unanswered(struct sync *s, struct sync_peer *p, uint64_t height)
{
	if (s->fork.phase == SYNC_FORK_SEARCHING && height == s->fork.search.at)
		silence(s, p);
}

/* Both hashes are here. */
static void compare(struct sync *s)
{
	struct sync_search *q = &s->fork.search;

	if (sync_hash_compare(&q->value[0], &q->value[1]) == 0) {
		q->lo = q->at;
		q->has_lo = true;
		q->lo_value = q->value[0];
		q->lo_by = q->told_by;
	} else {
		q->hi = q->at;
		q->hi_value[0] = q->value[0];
		q->hi_value[1] = q->value[1];
	}
	s->poke = true;
	if (!next_step(q))
		sync_fork_searched(s);
}

void sync_search_voice(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *theirs,
		       const struct wire_hash *own)
{
	struct sync_search *q = &s->fork.search;

	if (s->fork.phase != SYNC_FORK_SEARCHING || height != q->at)
		return;
	for (uint32_t i = 0; i < 2; i++) {
		if (q->asked[i] == p->id)
			q->asked[i] = 0;
		if (q->got[i] || !speaks_for(s, p, i))
			continue;
		if (!theirs) {
			silence(s, p);
			return;
		}
		if (q->own && !own) {
			sync_fork_abort(s);
			return;
		}
		q->got[i] = true;
		q->value[i] = *theirs;
		if (i == 0)
			q->told_by = p->id;
	}
	if (q->own && q->got[0]) {
		q->got[1] = true;
		q->value[1] = *own;
	}
	if (q->got[0] && q->got[1])
		compare(s);
}

void sync_search_lost(struct sync *s, uint64_t peer)
{
	for (int i = 0; i < 2; i++) {
		if (s->fork.search.asked[i] == peer) {
			s->fork.search.asked[i] = 0;
			s->poke = true;
		}
	}
}

void sync_search_advance(struct sync *s)
{
	struct sync_search *q = &s->fork.search;
	bool possible = true;

	for (uint32_t i = 0; i < 2; i++) {
		/* A slow one does not hold it up: another may be asked as well. */
		if (q->asked[i] != 0 && s->now_ms - q->asked_ms[i] >= s->params.voice_wait_ms) {
			q->asked[i] = 0;
			s->poke = true;
		}
		possible = possible && ((i == 1 && q->own) || q->got[i] || has_speaker(s, i));
	}
	if (!possible)
		sync_fork_abort(s);
}
