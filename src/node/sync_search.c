/* SPDX-License-Identifier: MIT
 *
 * The highest height at which two chains are the same: a gallop down from the fork's height, then a binary search, by
 * the hashes that a peer of each side answers (PROTOCOL.md §6 "Fork"); see sync_impl.h.  One side is mostly our own
 * chain, whose hash comes along with the peer's answer.
 *
 * A peer that says something false here spoils the search and no more: the blocks that are fetched on its word do not
 * fit the ancestor, and it is known who gave it.
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

void sync_search_start(struct sync *s, const struct wire_hash *a, const struct wire_hash *b, bool own)
{
	struct sync_search *q = &s->fork.search;

	*q = (struct sync_search){
		.side = {*a, *b},
		.own = own,
		.hi = s->fork.question.height,
		.hi_value = {*a, *b},
		.step = 1,
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
			p->voices[SYNC_FORK_SLOT].state = SYNC_VOICE_NULL;
			s->poke = true;
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
	bool possible[2] = {false, q->own};

	for (uint32_t i = 0; i < 2; i++) {
		/* A slow one does not hold it up: another may be asked as well. */
		if (q->asked[i] != 0 && s->now_ms - q->asked_ms[i] >= s->params.voice_wait_ms) {
			q->asked[i] = 0;
			s->poke = true;
		}
		for (size_t k = 0; k < s->peer_count && !possible[i]; k++)
			possible[i] = q->got[i] || speaks_for(s, &s->peers[k], i);
	}
	if (!possible[0] || !possible[1])
		sync_fork_abort(s);
}
