/* SPDX-License-Identifier: MIT
 *
 * What the chain is given to do, in order, and what its results mean; see sync_impl.h.
 */
#include "sync_impl.h"

#include <string.h>

/* The lowest piece of the segment that the chain does not have, when it may have it.  `*behind`: everything of the
 * segment is with the chain, so the next one may go on. */
static struct sync_piece *next_piece(struct sync_segment *seg, bool *behind)
{
	uint64_t height = seg->base;

	*behind = false;
	for (size_t i = 0; i < seg->count; i++) {
		struct sync_piece *piece = &seg->pieces[i];

		if (piece->first != height + 1)
			return NULL;
		if (!piece->handed)
			return seg->linked && piece->authentic && piece->checked && piece->check == SYNC_CHECK_GOOD
				       ? piece
				       : NULL;
		height = piece->last;
	}
	*behind = height == seg->anchor.height;
	return NULL;
}

static struct sync_piece *find_work(struct sync *s, struct sync_segment **seg)
{
	bool behind = true;

	for (uint32_t i = 0; behind && i < s->segment_count; i++) {
		struct sync_piece *piece;

		*seg = sync_segment_at(s, i);
		piece = next_piece(*seg, &behind);
		if (piece)
			return piece;
	}
	return NULL;
}

bool sync_has_work(struct sync *s)
{
	struct sync_segment *seg;

	if (s->out_count == SYNC_MAX_OUT)
		return false;
	return s->fork.phase == SYNC_FORK_READY || find_work(s, &seg);
}

static void add_out(struct sync *s, const struct sync_work *work, uint64_t serial, size_t bytes)
{
	s->out[s->out_count++] = (struct sync_out){
		.id = work->id,
		.kind = work->kind,
		.serial = serial,
		.first = work->first,
		.last = work->kind == SYNC_WORK_REORGANISE ? work->first : work->first + work->count - 1,
		.bytes = bytes,
	};
	s->out_bytes += bytes;
}

bool sync_take_work(struct sync *s, struct sync_work *out, int64_t now_ms)
{
	struct sync_segment *seg;
	struct sync_piece *piece;

	*out = (struct sync_work){0};
	sync_set_now(s, now_ms);
	sync_advance(s);
	s->work_told = false;
	if (s->out_count == SYNC_MAX_OUT)
		return false;
	out->id = ++s->last_id;
	if (s->fork.phase == SYNC_FORK_READY) {
		out->kind = SYNC_WORK_REORGANISE;
		out->first = s->fork.question.height;
		out->hash = s->fork.question.winner;
		add_out(s, out, 0, 0);
		s->fork.phase = SYNC_FORK_OUT;
		return true;
	}
	piece = find_work(s, &seg);
	if (!piece)
		return false;
	out->kind = seg->sink;
	out->payload = piece->payload;
	out->skip = piece->skip;
	out->count = (uint32_t)(piece->last - piece->first + 1);
	out->first = piece->first;
	add_out(s, out, seg->serial, piece->bytes);
	s->held_bytes -= piece->bytes;
	piece->bytes = 0;
	piece->payload = NULL;
	piece->handed = true;
	return true;
}

/* The branch grows by the piece at its lower end. */
static void keep_done(struct sync *s, struct sync_segment *seg, const struct sync_out *out)
{
	struct sync_fork *f = &s->fork;

	if (!sync_segment_hash_at(seg, out->last, &f->base_hash)) {
		sync_fork_abort(s);
		return;
	}
	f->base = out->last;
	seg->base = out->last;
	seg->base_hash = f->base_hash;
	sync_pieces_trim_below(s, seg, out->last);
	if (seg->base == seg->anchor.height)
		sync_segments_drop(s, 0);
}

static void work_ok(struct sync *s, const struct sync_out *out, struct sync_segment *seg)
{
	if (out->kind == SYNC_WORK_KEEP) {
		if (seg)
			keep_done(s, seg, out);
	} else if (s->tip.height < out->last) {
		/* Against the promise that the result's tip tells of the blocks: they are asked for again. */
		sync_segments_drop(s, 0);
	}
}

/* The blocks do not fit, or could not be taken for a reason of our own. */
static void work_off(struct sync *s, const struct sync_out *out, struct sync_segment *seg, bool retry_later)
{
	if (out->kind == SYNC_WORK_KEEP)
		sync_fork_abort(s);
	else if (retry_later)
		sync_set_ceiling(s, s->tip.height);
	else if (seg)
		sync_segments_drop(s, 0);
}

static void work_breaks_rule(struct sync *s, const struct sync_result *result, struct sync_segment *seg)
{
	if (seg) {
		sync_segment_refuse(s, seg, result->fault_height, &result->fault_hash);
		return;
	}
	/* Its voices are gone, but the chain is as bad: the zero hash is nobody's. */
	if (sync_bad_add(s, result->fault_height, &result->fault_hash, 0, &(struct wire_hash){0}))
		(void)sync_note(s, SYNC_NOTE_REFUSED, result->fault_height, &result->fault_hash);
}

static void apply_result(struct sync *s, const struct sync_out *out, const struct sync_result *result)
{
	struct sync_segment *seg;

	if (out->kind == SYNC_WORK_REORGANISE) {
		sync_fork_result(s, result);
		return;
	}
	sync_set_tip(s, &result->tip);
	seg = sync_segment_find(s, out->serial);
	switch (result->outcome) {
	case SYNC_DONE:
		work_ok(s, out, seg);
		break;
	case SYNC_RULE:
		work_breaks_rule(s, result, seg);
		break;
	case SYNC_TIME_AHEAD:
		if (out->kind == SYNC_WORK_CONNECT && result->fault_height > 0)
			sync_set_ceiling(s, result->fault_height - 1);
		else
			work_off(s, out, seg, true);
		break;
	case SYNC_STALE:
	case SYNC_TOO_DEEP:
		work_off(s, out, seg, false);
		break;
	case SYNC_FAILED:
		work_off(s, out, seg, true);
		break;
	}
}

void sync_work_done(struct sync *s, uint64_t work_id, const struct sync_result *result, int64_t now_ms)
{
	struct sync_out out;
	uint32_t i = 0;

	sync_set_now(s, now_ms);
	while (i < s->out_count && s->out[i].id != work_id)
		i++;
	if (i < s->out_count) {
		out = s->out[i];
		s->out_bytes -= out.bytes;
		s->out_count--;
		memmove(&s->out[i], &s->out[i + 1], (s->out_count - i) * sizeof(s->out[0]));
		if (s->starved)
			s->poke = true;
		s->starved = false;
		apply_result(s, &out, result);
	}
	sync_advance(s);
}
