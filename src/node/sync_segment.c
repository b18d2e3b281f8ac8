/* SPDX-License-Identifier: MIT
 *
 * Segments of blocks above our tip (or above the ancestor of a branch): their beginning and end, and what becomes of
 * them when our tip moves; see sync_impl.h.
 *
 * A later segment stands on the anchor of the one before it.  So they end from the front, and are dropped from the
 * back.
 */
#include "sync_impl.h"

#include <stdlib.h>
#include <string.h>

#include "timed/util/thread.h"

/* How long somebody who spoiled a search is not asked in another one, in fork intervals. */
#define NO_SEARCH_INTERVALS 5
/* The same for who was outvoted about blocks that turned out good. */
#define OUTVOTED_INTERVALS 5

struct sync_segment *sync_segment_at(struct sync *s, uint32_t index)
{
	return &s->segments[s->order[index]];
}

const struct sync_segment *sync_segment_at_const(const struct sync *s, uint32_t index)
{
	return &s->segments[s->order[index]];
}

struct sync_segment *sync_segment_find(struct sync *s, uint64_t serial)
{
	for (uint32_t i = 0; i < s->segment_count; i++) {
		if (sync_segment_at(s, i)->serial == serial)
			return sync_segment_at(s, i);
	}
	return NULL;
}

static uint32_t index_of(const struct sync *s, const struct sync_segment *seg)
{
	uint32_t i = 0;

	while (i < s->segment_count && s->order[i] != seg->slot)
		i++;
	CHECK(i < s->segment_count);
	return i;
}

/* ---- Beginning and end ---- */

/* Forgets what refers to the segment, which must then leave the order. */
static void clear_segment(struct sync *s, struct sync_segment *seg)
{
	while (seg->count > 0)
		sync_piece_remove(s, seg, seg->count - 1);
	free(seg->pieces);
	for (size_t i = 0; i < s->peer_count; i++) {
		struct sync_asked *ask = &s->peers[i].asks[SYNC_ASK_BLOCKS];

		if (ask->outstanding && ask->serial == seg->serial) {
			s->reserved_bytes -= ask->reserved;
			ask->reserved = 0;
			ask->serial = 0;
		}
	}
	sync_clear_voices(s, seg->slot);
	*seg = (struct sync_segment){0};
}

void sync_segments_drop(struct sync *s, uint32_t index)
{
	while (s->segment_count > index) {
		clear_segment(s, sync_segment_at(s, --s->segment_count));
		s->poke = true;
	}
}

/* Blocks up to the anchor are ours now: who answered another hash there has no voice about the next ones for a while,
 * whatever it says of our tip. */
static void distrust_outvoted(struct sync *s, const struct sync_segment *seg)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		struct sync_peer *p = &s->peers[i];

		if (p->voices[seg->slot].state == SYNC_VOICE_HASH && !sync_voice_is(p, seg->slot, &seg->anchor.winner))
			p->distrust_until_ms = s->now_ms + OUTVOTED_INTERVALS * s->params.fork_interval_ms;
	}
	sync_all_changed(s);
}

static void finish_front(struct sync *s)
{
	const struct sync_segment *front = sync_segment_at(s, 0);

	if (front->anchor.decided && front->anchor.height <= s->tip.height)
		distrust_outvoted(s, front);
	clear_segment(s, sync_segment_at(s, 0));
	s->segment_count--;
	memmove(&s->order[0], &s->order[1], s->segment_count * sizeof(s->order[0]));
	s->poke = true;
}

static struct sync_segment *open_segment(struct sync *s, enum sync_work_kind sink, uint64_t base,
					 const struct wire_hash *base_hash, uint64_t height)
{
	struct sync_segment *seg;
	uint32_t slot = 0;

	while (s->segments[slot].serial != 0)
		slot++;
	CHECK(slot < SYNC_MAX_SEGMENTS);
	s->order[s->segment_count++] = slot;
	seg = &s->segments[slot];
	*seg = (struct sync_segment){
		.serial = ++s->last_serial,
		.slot = slot,
		.sink = sink,
		.base = base,
		.base_hash = *base_hash,
		.anchor = {.height = height, .opened_ms = s->now_ms},
	};
	s->poke = true;
	return seg;
}

static bool open_next(struct sync *s)
{
	const struct sync_segment *last = s->segment_count > 0 ? sync_segment_at(s, s->segment_count - 1) : NULL;
	uint64_t base = last ? last->anchor.height : s->tip.height, length = sync_segment_length(s), height;

	if (sync_fork_is_taking(s) || s->segment_count == SYNC_MAX_SEGMENTS ||
	    (last && (!last->anchor.decided || !sync_has_room(s))))
		return false;
	height = sync_claimed_height(s, base);
	if (s->has_ceiling && height > s->ceiling)
		height = s->ceiling;
	if (height <= base)
		return false;
	if (height - base > length)
		height = base + length;
	(void)open_segment(s, SYNC_WORK_CONNECT, base, last ? &last->anchor.winner : &s->tip.hash, height);
	return true;
}

void sync_segment_open_keep(struct sync *s)
{
	struct sync_fork *f = &s->fork;
	uint64_t length = sync_segment_length(s), height = f->question.height;
	struct sync_segment *seg;

	CHECK(s->segment_count == 0 && height > f->base);
	if (height - f->base > length)
		height = f->base + length;
	seg = open_segment(s, SYNC_WORK_KEEP, f->base, &f->base_hash, height);
	if (height != f->question.height)
		return;
	for (size_t i = 0; i < s->peer_count; i++)
		s->peers[i].voices[seg->slot] = s->peers[i].voices[SYNC_FORK_SLOT];
	sync_anchor_decide(s, seg, &f->question.winner);
}

void sync_segment_shorten(struct sync *s, struct sync_segment *seg)
{
	uint64_t length = seg->anchor.height - seg->base, fit = sync_segment_length(s);

	if (length == 1)
		return;
	if (fit >= length)
		fit = length - 1;
	sync_clear_voices(s, seg->slot);
	sync_pieces_trim_above(s, seg, seg->base + fit);
	for (size_t i = 0; i < seg->count; i++)
		seg->pieces[i].authentic = false;
	seg->linked = false;
	seg->anchor = (struct sync_question){.height = seg->base + fit, .opened_ms = s->now_ms};
}

/* ---- Disappointments ---- */

/* Those who answered for the anchor have no voice for a while. */
static void distrust_supporters(struct sync *s, const struct sync_segment *seg)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		if (sync_voice_is(&s->peers[i], seg->slot, &seg->anchor.winner))
			s->peers[i].distrust_until_ms = s->now_ms + s->params.fork_interval_ms;
	}
	sync_all_changed(s);
}

static void drop_from(struct sync *s, const struct sync_segment *seg)
{
	if (seg->sink == SYNC_WORK_KEEP)
		sync_fork_abort(s);
	else
		sync_segments_drop(s, index_of(s, seg));
}

void sync_segment_refuse(struct sync *s, struct sync_segment *seg, uint64_t height, const struct wire_hash *hash)
{
	if (sync_bad_add(s, height, hash, seg->slot, &seg->anchor.winner))
		(void)sync_note(s, SYNC_NOTE_REFUSED, height, hash);
	drop_from(s, seg);
}

/* The chain of the front segment has another block than we at `height`. */
static void front_diverges(struct sync *s, uint64_t height)
{
	const struct sync_segment *seg = sync_segment_at(s, 0);

	for (size_t i = 0; i < s->peer_count; i++) {
		struct sync_peer *p = &s->peers[i];

		if (!sync_voice_is(p, seg->slot, &seg->anchor.winner))
			continue;
		sync_set_stand(s, p, SYNC_STAND_DIFFERS);
		p->stand_height = height;
		p->next_probe_ms = s->now_ms + sync_poll_ms(s);
	}
	sync_segments_drop(s, 0);
}

void sync_segment_unlinked(struct sync *s, struct sync_segment *seg)
{
	struct sync_peer *p;

	if (seg->sink == SYNC_WORK_KEEP) {
		/* Who said that the ancestor is common has the winner, and the winner does not have the ancestor. */
		p = sync_find_peer(s, s->fork.search.lo_by);
		if (p && seg->base == s->fork.search.lo) {
			p->no_search_until_ms = s->now_ms + NO_SEARCH_INTERVALS * s->params.fork_interval_ms;
			sync_suspect(s, p, s->fork.question.height, &s->fork.question.winner, seg->base);
		}
		sync_fork_abort(s);
		return;
	}
	/* Whatever they answer about our tip, asking for the same anchor at once would end as before. */
	distrust_supporters(s, seg);
	if (index_of(s, seg) == 0)
		front_diverges(s, seg->base);
	else
		drop_from(s, seg);
}

/* Blocks are missing, and nobody who answered for the anchor delivers them.  True: it was dropped. */
static bool drop_undelivered(struct sync *s, struct sync_segment *seg)
{
	if (!seg->anchor.decided || sync_segment_complete(seg))
		return false;
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_peer *p = &s->peers[i];

		/* A suspect may yet show that its chain has changed. */
		if (sync_voice_is(p, seg->slot, &seg->anchor.winner) && p->suspected)
			return false;
		if (sync_anchor_supports(s, seg, p) && s->now_ms >= p->aside_until_ms)
			return false;
	}
	distrust_supporters(s, seg);
	drop_from(s, seg);
	return true;
}

void sync_segments_advance(struct sync *s)
{
	if (s->has_ceiling && s->now_ms >= s->ceiling_until_ms) {
		s->has_ceiling = false;
		s->poke = true;
	}
	for (uint32_t i = 0; i < s->segment_count; i++) {
		struct sync_segment *seg = sync_segment_at(s, i);

		if (!sync_anchor_advance(s, seg)) {
			drop_from(s, seg);
			break;
		}
		if (!sync_segment_authenticate(s, seg) || drop_undelivered(s, seg))
			break;
	}
	sync_make_room(s);
	while (open_next(s))
		;
}

/* ---- Our tip ---- */

void sync_set_ceiling(struct sync *s, uint64_t height)
{
	s->has_ceiling = true;
	s->ceiling = height;
	s->ceiling_until_ms = s->now_ms + s->params.retry_ms;
	sync_segments_drop(s, 0);
}

void sync_new_chain(struct sync *s, const struct chain_point *tip)
{
	sync_segments_drop(s, 0);
	sync_clear_voices(s, SYNC_FORK_SLOT);
	s->fork = (struct sync_fork){.next_ms = s->fork.next_ms};
	s->tip = *tip;
	for (size_t i = 0; i < s->peer_count; i++) {
		sync_reprobe(s, &s->peers[i]);
		s->peers[i].judged_until_ms = INT64_MIN;
		s->peers[i].distrust_until_ms = INT64_MIN;
	}
	sync_all_changed(s);
}

/* The tip lies at or above the base of the front segment.  True: look again, it was finished. */
static bool rebase_front(struct sync *s)
{
	struct sync_segment *seg = sync_segment_at(s, 0);
	struct wire_hash hash;
	bool known = sync_segment_hash_at(seg, s->tip.height, &hash);

	if (known && sync_hash_compare(&hash, &s->tip.hash) != 0) {
		front_diverges(s, s->tip.height);
		return false;
	}
	if (s->tip.height >= seg->anchor.height) {
		finish_front(s);
		return true;
	}
	if (!known)
		seg->linked = false;
	sync_pieces_trim_below(s, seg, s->tip.height);
	seg->base = s->tip.height;
	seg->base_hash = s->tip.hash;
	return false;
}

void sync_set_tip(struct sync *s, const struct chain_point *tip)
{
	bool same = sync_hash_compare(&tip->hash, &s->tip.hash) == 0;

	if (same && tip->height == s->tip.height)
		return;
	if (tip->height <= s->tip.height) {
		sync_new_chain(s, tip);
		return;
	}
	sync_count_connected(s, tip->height - s->tip.height);
	s->tip = *tip;
	while (s->segment_count > 0 && sync_segment_at(s, 0)->sink == SYNC_WORK_CONNECT && rebase_front(s))
		;
}
