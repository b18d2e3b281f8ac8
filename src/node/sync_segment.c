/* SPDX-License-Identifier: MIT
 *
 * Segments of blocks above our tip (or above the ancestor of a branch): which heights, the vote about the hash at their
 * upper end, and what becomes of them when our tip moves; see sync_impl.h.
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

/* ---- Who is asked, who counts ---- */

static bool is_heard(const struct sync *s, const struct sync_peer *p)
{
	return !sync_is_liar(s, p) && !p->suspected;
}

/* A voice about blocks on top of our tip. */
static bool is_connect_voter(const struct sync *s, const struct sync_question *q, const struct sync_peer *p)
{
	return is_heard(s, p) && s->now_ms >= p->distrust_until_ms && p->has_claim && p->claim >= q->height &&
	       p->stand == SYNC_STAND_AGREES && !sync_bad_forbids(s, p, p->claim);
}

/* A voice about blocks of a branch that won: those that voted for it. */
static bool is_keep_voter(const struct sync *s, const struct sync_question *q, const struct sync_peer *p)
{
	(void)q;
	return is_heard(s, p) && sync_voice_is(p, SYNC_FORK_SLOT, &s->fork.question.winner);
}

static sync_voter_fn voter_of(const struct sync_segment *seg)
{
	return seg->sink == SYNC_WORK_KEEP ? is_keep_voter : is_connect_voter;
}

bool sync_segment_supports(const struct sync *s, const struct sync_segment *seg, const struct sync_peer *p)
{
	return is_heard(s, p) && sync_voice_is(p, seg->slot, &seg->anchor.winner) &&
	       (seg->sink == SYNC_WORK_KEEP || p->stand != SYNC_STAND_DIFFERS);
}

/* Once it is decided, an answer only says whether the peer can deliver the blocks. */
static bool may_support(const struct sync *s, const struct sync_segment *seg, const struct sync_peer *p)
{
	if (sync_segment_complete(seg))
		return false;
	if (seg->sink == SYNC_WORK_KEEP)
		return is_heard(s, p) && p->has_claim && p->claim >= seg->anchor.height;
	return is_connect_voter(s, &seg->anchor, p);
}

bool sync_segment_wants(const struct sync *s, const struct sync_peer *p, uint64_t *height)
{
	for (uint32_t i = 0; i < s->segment_count; i++) {
		const struct sync_segment *seg = sync_segment_at_const(s, i);
		const struct sync_question *q = &seg->anchor;

		if (p->voices[seg->slot].state != SYNC_VOICE_NONE)
			continue;
		if (q->decided ? may_support(s, seg, p) : voter_of(seg)(s, q, p)) {
			*height = q->height;
			return true;
		}
	}
	return false;
}

/* ---- The anchor ---- */

static void set_dissent(struct sync *s, const struct sync_segment *seg, struct sync_peer *p)
{
	if (seg->sink != SYNC_WORK_CONNECT)
		return;
	p->stand = SYNC_STAND_DIFFERS;
	p->stand_height = seg->anchor.height;
	p->next_probe_ms = s->now_ms + s->params.poll_ms;
}

static void decide(struct sync *s, struct sync_segment *seg, const struct wire_hash *winner)
{
	seg->anchor.decided = true;
	seg->anchor.resting = false;
	seg->anchor.winner = *winner;
	for (size_t i = 0; i < s->peer_count; i++) {
		struct sync_peer *p = &s->peers[i];

		if (p->voices[seg->slot].state == SYNC_VOICE_HASH && !sync_voice_is(p, seg->slot, winner))
			set_dissent(s, seg, p);
	}
	s->poke = true;
}

static void begin_wait(const struct sync *s, struct sync_question *q, uint64_t height)
{
	if (q->height != height || q->asked)
		return;
	q->asked = true;
	q->opened_ms = s->now_ms;
}

void sync_question_asked(struct sync *s, uint64_t height)
{
	for (uint32_t i = 0; i < s->segment_count; i++)
		begin_wait(s, &sync_segment_at(s, i)->anchor, height);
	if (s->fork.phase == SYNC_FORK_ASKING)
		begin_wait(s, &s->fork.question, height);
}

void sync_segment_voice(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *theirs)
{
	for (uint32_t i = 0; i < s->segment_count; i++) {
		struct sync_segment *seg = sync_segment_at(s, i);
		struct sync_voice *voice = &p->voices[seg->slot];

		if (seg->anchor.height != height)
			continue;
		voice->state = theirs ? SYNC_VOICE_HASH : SYNC_VOICE_NULL;
		if (!theirs)
			continue;
		voice->hash = *theirs;
		if (seg->anchor.decided && !sync_voice_is(p, seg->slot, &seg->anchor.winner))
			set_dissent(s, seg, p);
	}
}

/* One answer alone is believed for a few blocks, or when others have had the time to speak. */
static bool sole_is_enough(const struct sync *s, const struct sync_question *q, const struct sync_tally *t)
{
	return q->height <= s->tip.height || q->height - s->tip.height <= s->params.small_gap_blocks ||
	       s->now_ms - t->sole->ready_ms >= s->params.settle_ms;
}

static void mark_tardy(struct sync *s, const struct sync_segment *seg)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		struct sync_peer *p = &s->peers[i];
		const struct sync_asked *ask = &p->asks[SYNC_ASK_HASH];

		if (ask->outstanding && ask->first == seg->anchor.height &&
		    p->voices[seg->slot].state == SYNC_VOICE_NONE)
			p->tardy = true;
	}
}

/* The voices are as complete as they get. */
static void close_round(struct sync *s, struct sync_segment *seg, const struct sync_tally *t)
{
	struct sync_question *q = &seg->anchor;

	if (t->answers == 1 && !sole_is_enough(s, q, t))
		return;
	if (t->answers == 1 || t->best * 3 > t->answers * 2) {
		mark_tardy(s, seg);
		decide(s, seg, &t->best_hash);
		return;
	}
	/* Peers that are just becoming ready may yet decide it. */
	if (s->now_ms - q->opened_ms < s->params.settle_ms)
		return;
	mark_tardy(s, seg);
	if (++q->round >= s->params.fork_rounds) {
		decide(s, seg, &t->best_hash);
		return;
	}
	q->resting = true;
	q->again_ms = s->now_ms + s->params.fork_interval_ms;
}

/* False: nobody is left to ask. */
static bool advance_anchor(struct sync *s, struct sync_segment *seg)
{
	struct sync_question *q = &seg->anchor;
	struct sync_tally t;
	uint32_t awaited;

	if (q->decided)
		return true;
	if (q->resting && s->now_ms >= q->again_ms) {
		q->resting = false;
		q->opened_ms = s->now_ms;
		q->asked = false;
		sync_clear_voices(s, seg->slot);
		s->poke = true;
	}
	sync_tally(s, &t, q, seg->slot, voter_of(seg));
	if (t.voters == 0)
		return false;
	awaited = t.pending - t.tardy;
	if (t.answers >= 2 && t.best * 3 > (t.answers + awaited) * 2)
		decide(s, seg, &t.best_hash);
	else if (!q->resting && t.answers > 0 && (awaited == 0 || s->now_ms - q->opened_ms >= s->params.voice_wait_ms))
		close_round(s, seg, &t);
	return true;
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

/* Who was of another opinion than the anchor may have been right. */
static void forget_dissent(struct sync *s, const struct sync_segment *seg)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		struct sync_peer *p = &s->peers[i];

		if (p->stand == SYNC_STAND_DIFFERS && p->stand_height == seg->anchor.height &&
		    p->stand_height > s->tip.height)
			sync_reprobe(s, p);
	}
}

void sync_segments_drop(struct sync *s, uint32_t index)
{
	while (s->segment_count > index) {
		struct sync_segment *seg = sync_segment_at(s, --s->segment_count);

		forget_dissent(s, seg);
		clear_segment(s, seg);
		s->poke = true;
	}
}

static void finish_front(struct sync *s)
{
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

/* The announcement of one more block is on its way into the chain: no need to ask for it yet. */
static bool is_just_announced(const struct sync *s, const struct sync_peer *p)
{
	return s->tip.height < UINT64_MAX && p->claim == s->tip.height + 1 &&
	       s->now_ms - p->claim_ms < s->params.voice_wait_ms;
}

static bool may_answer(const struct sync *s, const struct sync_question *q, const struct sync_peer *p)
{
	return is_connect_voter(s, q, p) && !sync_is_paused(s, p, SYNC_ASK_HASH) && !is_just_announced(s, p);
}

/* The greatest height that more than two thirds of those claim who claim more than `base`; `base` when nobody does.  So
 * one great claim among others moves nothing. */
static uint64_t claimed_height(const struct sync *s, uint64_t base)
{
	struct sync_question above = {.height = base + 1};
	uint32_t voters = 0, claims;
	uint64_t best = base;

	if (base == UINT64_MAX)
		return base;
	for (size_t i = 0; i < s->peer_count; i++)
		voters += may_answer(s, &above, &s->peers[i]);
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_peer *p = &s->peers[i];

		if (p->claim <= best || !may_answer(s, &above, p))
			continue;
		claims = 0;
		for (size_t k = 0; k < s->peer_count; k++)
			claims += s->peers[k].claim >= p->claim && may_answer(s, &above, &s->peers[k]);
		if (claims * 3 > voters * 2)
			best = p->claim;
	}
	return best;
}

static bool open_next(struct sync *s)
{
	const struct sync_segment *last = s->segment_count > 0 ? sync_segment_at(s, s->segment_count - 1) : NULL;
	uint64_t base = last ? last->anchor.height : s->tip.height, length = sync_segment_length(s), height;

	if (sync_fork_is_taking(s) || s->segment_count == SYNC_MAX_SEGMENTS ||
	    (last && (!last->anchor.decided || !sync_has_room(s))))
		return false;
	height = claimed_height(s, base);
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
	decide(s, seg, &f->question.winner);
}

void sync_segment_shorten(struct sync *s, struct sync_segment *seg)
{
	uint64_t length = seg->anchor.height - seg->base, fit = sync_segment_length(s);

	if (length == 1)
		return;
	if (fit >= length)
		fit = length - 1;
	forget_dissent(s, seg);
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
		p->stand = SYNC_STAND_DIFFERS;
		p->stand_height = height;
		p->next_probe_ms = s->now_ms + s->params.poll_ms;
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
		if (sync_segment_supports(s, seg, p) && s->now_ms >= p->aside_until_ms)
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

		if (!advance_anchor(s, seg)) {
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
