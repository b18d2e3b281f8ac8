/* SPDX-License-Identifier: MIT
 *
 * The anchor of a segment: at which height, the vote about the hash there, and who may deliver the blocks below; see
 * sync_impl.h.
 */
#include "sync_impl.h"

/* ---- Who is asked, who counts ---- */

static bool is_heard(const struct sync *s, const struct sync_peer *p)
{
	return !sync_is_liar(s, p) && !p->suspected;
}

/* It answered another hash than the one that won, at an anchor below the blocks that are asked for now. */
static bool is_outvoted(const struct sync *s, const struct sync_peer *p)
{
	for (uint32_t i = 0; i < s->segment_count; i++) {
		const struct sync_segment *seg = sync_segment_at_const(s, i);

		if (seg->anchor.decided && p->voices[seg->slot].state == SYNC_VOICE_HASH &&
		    !sync_voice_is(p, seg->slot, &seg->anchor.winner))
			return true;
	}
	return false;
}

/* A voice about blocks on top of our tip. */
static bool is_connect_voter(const struct sync *s, const struct sync_question *q, const struct sync_peer *p)
{
	return is_heard(s, p) && s->now_ms >= p->distrust_until_ms && p->has_claim && p->claim >= q->height &&
	       p->stand == SYNC_STAND_AGREES && !is_outvoted(s, p) && !sync_bad_forbids(s, p, p->claim);
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

bool sync_anchor_supports(const struct sync *s, const struct sync_segment *seg, const struct sync_peer *p)
{
	return is_heard(s, p) && sync_voice_is(p, seg->slot, &seg->anchor.winner) &&
	       (seg->sink == SYNC_WORK_KEEP || (p->stand != SYNC_STAND_DIFFERS && !is_outvoted(s, p)));
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

bool sync_anchor_wants(const struct sync *s, const struct sync_peer *p, uint64_t *height)
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

void sync_anchor_decide(struct sync *s, struct sync_segment *seg, const struct wire_hash *winner)
{
	seg->anchor.decided = true;
	seg->anchor.resting = false;
	seg->anchor.winner = *winner;
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

void sync_anchor_voice(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *theirs)
{
	for (uint32_t i = 0; i < s->segment_count; i++) {
		struct sync_segment *seg = sync_segment_at(s, i);
		struct sync_voice *voice = &p->voices[seg->slot];

		if (seg->anchor.height != height)
			continue;
		voice->state = theirs ? SYNC_VOICE_HASH : SYNC_VOICE_NULL;
		if (theirs)
			voice->hash = *theirs;
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
		sync_anchor_decide(s, seg, &t->best_hash);
		return;
	}
	/* Peers that are just becoming ready may yet decide it. */
	if (s->now_ms - q->opened_ms < s->params.settle_ms)
		return;
	mark_tardy(s, seg);
	if (++q->round >= s->params.fork_rounds) {
		sync_anchor_decide(s, seg, &t->best_hash);
		return;
	}
	q->resting = true;
	q->again_ms = s->now_ms + s->params.fork_interval_ms;
}

/* ---- Heights ---- */

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

/* One great claim among others moves nothing. */
uint64_t sync_claimed_height(const struct sync *s, uint64_t base)
{
	struct sync_question above = {.height = base + 1};
	uint32_t voters = 0, claims;
	uint64_t best = base;

	if (base >= s->highest_claim)
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

/* It was opened on the word of few, and now more claim less. */
static bool is_too_high(const struct sync *s, const struct sync_segment *seg)
{
	uint64_t height;

	if (seg->sink == SYNC_WORK_KEEP || seg->anchor.round > 0 || seg->anchor.resting)
		return false;
	height = sync_claimed_height(s, seg->base);
	return height > seg->base && height < seg->anchor.height;
}

/* ---- The course of a question ---- */

bool sync_anchor_advance(struct sync *s, struct sync_segment *seg)
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
	if (t.voters == 0 || is_too_high(s, seg))
		return false;
	awaited = t.pending - t.tardy;
	if (t.answers >= 2 && t.best * 3 > (t.answers + awaited) * 2)
		sync_anchor_decide(s, seg, &t.best_hash);
	else if (!q->resting && t.answers > 0 && (awaited == 0 || s->now_ms - q->opened_ms >= s->params.voice_wait_ms))
		close_round(s, seg, &t);
	return true;
}
