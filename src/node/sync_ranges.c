/* SPDX-License-Identifier: MIT
 *
 * The blocks of a segment: who is asked for which, what of an answer is kept, stalls, and the window of bytes; see
 * sync_impl.h.
 *
 * What is missing is not written down anywhere: it is what neither a piece nor an outstanding ask covers.  So a stalled
 * ask, a short answer, a liar and a vanished peer are all the same: a hole, to be asked of somebody.
 */
#include "sync_impl.h"

#include <stdlib.h>
#include <string.h>

/* One block in JSON: the greatest that the rules allow (2 000 000 bytes of bincode), written as lists of numbers. */
#define MAX_BLOCK_JSON ((size_t)8 << 20)
/* An answer of this part of max_range_bytes was short for its size, not for want of a block. */
#define BIG_ANSWER_PART 2

size_t sync_window_used(const struct sync *s)
{
	return s->held_bytes + s->out_bytes + s->reserved_bytes;
}

/* ---- Answers ---- */

static void learn_size(struct sync *s, const struct sync_blocks *answer)
{
	size_t json = answer->json_bytes / answer->count, held = answer->held_bytes / answer->count;

	if (json > MAX_BLOCK_JSON)
		json = MAX_BLOCK_JSON;
	if (held > MAX_BLOCK_JSON)
		held = MAX_BLOCK_JSON;
	s->blocks_grew = s->blocks_grew || held > s->held_per_block;
	s->json_per_block = json > s->json_per_block ? (s->json_per_block + json + 1) / 2
						     : s->json_per_block - (s->json_per_block - json) / 4;
	s->held_per_block = held > s->held_per_block ? (s->held_per_block + held + 1) / 2
						     : s->held_per_block - (s->held_per_block - held) / 4;
	/* Overlong answers are over. */
	if (answer->count >= s->range_limit && answer->json_bytes < s->params.max_range_bytes / 2)
		s->range_limit = s->range_limit * 2 < s->params.max_range_blocks ? s->range_limit * 2
										 : s->params.max_range_blocks;
}

/* The blocks at the beginning of the answer that were asked for and hang together.  `*broken`: one names another block
 * before it than the one that stands there. */
static size_t usable_run(const struct sync_blocks *answer, uint64_t first, uint64_t last, bool *broken)
{
	const struct sync_block *b = answer->blocks;
	size_t n = 0;

	*broken = false;
	while (n < answer->count && b[n].height == first + n && b[n].height <= last) {
		if (n > 0 && sync_hash_compare(&b[n].previous, &b[n - 1].hash) != 0) {
			*broken = true;
			return 0;
		}
		n++;
	}
	return n;
}

/* The first part of [*first, *last] that is missing in the segment. */
static bool missing_part(const struct sync_segment *seg, uint64_t *first, uint64_t *last)
{
	uint64_t from = *first > seg->base ? *first : seg->base + 1;
	uint64_t to = *last < seg->anchor.height ? *last : seg->anchor.height;

	for (size_t i = 0; i < seg->count; i++) {
		if (seg->pieces[i].last < from)
			continue;
		if (seg->pieces[i].first > from) {
			to = to < seg->pieces[i].first ? to : seg->pieces[i].first - 1;
			break;
		}
		from = seg->pieces[i].last + 1;
	}
	*first = from;
	*last = to;
	return from <= to;
}

static bool reserve_piece(struct sync_segment *seg)
{
	size_t capacity = seg->capacity ? seg->capacity * 2 : 16;
	struct sync_piece *grown;

	if (seg->count < seg->capacity)
		return true;
	grown = realloc(seg->pieces, capacity * sizeof(*grown));
	if (!grown)
		return false;
	seg->pieces = grown;
	seg->capacity = capacity;
	return true;
}

/* Keeps the blocks [first, last] of the answer, whose block 0 has height `start`. */
static bool keep_piece(struct sync *s, struct sync_segment *seg, const struct sync_peer *p,
		       const struct sync_blocks *answer, uint64_t start, uint64_t first, uint64_t last)
{
	size_t skip = first - start, count = last - first + 1, at = 0;
	struct wire_hash *hashes;

	if (!reserve_piece(seg))
		return false;
	hashes = malloc(count * sizeof(*hashes));
	if (!hashes)
		return false;
	for (size_t i = 0; i < count; i++)
		hashes[i] = answer->blocks[skip + i].hash;
	while (at < seg->count && seg->pieces[at].first < first)
		at++;
	memmove(&seg->pieces[at + 1], &seg->pieces[at], (seg->count - at) * sizeof(seg->pieces[0]));
	seg->count++;
	seg->pieces[at] = (struct sync_piece){
		.id = ++s->last_id,
		.first = first,
		.last = last,
		.hashes = hashes,
		.previous = answer->blocks[skip].previous,
		.peer = p->id,
		.payload = answer->payload,
		.skip = (uint32_t)skip,
		.bytes = answer->held_bytes,
	};
	s->held_bytes += answer->held_bytes;
	return true;
}

static void note_success(struct sync *s, struct sync_peer *p)
{
	p->empties = 0;
	if (s->stall_ms > s->params.stall_ms) {
		s->stall_ms -= s->stall_ms / 8;
		if (s->stall_ms < s->params.stall_ms)
			s->stall_ms = s->params.stall_ms;
		sync_all_changed(s);
	}
}

/* It did not deliver the block at `height`. */
static void note_lack(struct sync *s, struct sync_peer *p, uint64_t height)
{
	p->lacks = height;
	p->lacks_until_ms = s->now_ms + s->params.aside_ms;
	s->poke = true;
}

void sync_note_empty(struct sync *s, struct sync_peer *p, bool blame)
{
	if (++p->empties < SYNC_MAX_EMPTY)
		return;
	p->empties = 0;
	p->aside_until_ms = s->now_ms + s->params.aside_ms;
	if (blame)
		sync_blame(s, p->id, SYNC_VERDICT_WITHHOLDS, p->lacks);
}

/* Takes what is useful of an answer to `ask`.  True: the payload is kept. */
static bool take_blocks(struct sync *s, struct sync_peer *p, const struct sync_asked *ask,
			const struct sync_blocks *answer)
{
	struct sync_segment *seg = sync_segment_find(s, ask->serial);
	uint64_t first = ask->first, last;
	bool broken;
	size_t n = usable_run(answer, ask->first, ask->last, &broken);

	if (answer->count > 0)
		learn_size(s, answer);
	if (!seg)
		return false; /* its segment is gone: late, no fault */
	if (broken) {
		sync_suspect(s, p, seg->anchor.height, &seg->anchor.winner, ask->first);
		return false;
	}
	if (n == 0) {
		note_lack(s, p, ask->first);
		sync_note_empty(s, p, true);
		return false;
	}
	note_success(s, p);
	last = first + n - 1;
	if (last < ask->last && answer->json_bytes < s->params.max_range_bytes / BIG_ANSWER_PART)
		note_lack(s, p, last + 1);
	else if (p->lacks >= first && p->lacks <= last)
		p->lacks_until_ms = INT64_MIN;
	if (sync_is_liar(s, p) || p->suspected || !missing_part(seg, &first, &last))
		return false;
	return keep_piece(s, seg, p, answer, ask->first, first, last);
}

/* An answer to something else than what is outstanding: what was given up comes after all. */
static bool is_late(const struct sync_asked *ask, const struct sync_blocks *answer)
{
	return answer->count > 0 && (answer->blocks[0].height < ask->first || answer->blocks[0].height > ask->last);
}

bool sync_blocks(struct sync *s, struct sync_held *out, uint64_t id, const struct sync_blocks *answer, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);
	struct sync_asked ask;
	struct sync_piece *piece;
	struct sync_segment *seg;
	bool kept = false;

	*out = (struct sync_held){0};
	if (p && p->asks[SYNC_ASK_BLOCKS].outstanding && !is_late(&p->asks[SYNC_ASK_BLOCKS], answer)) {
		ask = p->asks[SYNC_ASK_BLOCKS];
		sync_free_ask(s, p, SYNC_ASK_BLOCKS);
		kept = take_blocks(s, p, &ask, answer);
	}
	if (!kept) {
		sync_release_payload(s, answer->payload);
		sync_advance(s);
		return false;
	}
	out->id = s->last_id;
	sync_advance(s);
	piece = sync_piece_find(s, out->id, &seg);
	if (!piece)
		return false;
	out->skip = piece->skip;
	out->count = (uint32_t)(piece->last - piece->first + 1);
	return true;
}

void sync_overlong(struct sync *s, uint64_t id, int64_t now_ms)
{
	struct sync_peer *p = sync_begin(s, id, now_ms);
	const struct sync_asked *ask;
	uint64_t count;

	if (p && p->asks[SYNC_ASK_BLOCKS].outstanding) {
		ask = &p->asks[SYNC_ASK_BLOCKS];
		count = ask->last - ask->first + 1;
		s->range_limit = count > 1 ? (uint32_t)(count / 2) : 1;
		sync_free_ask(s, p, SYNC_ASK_BLOCKS);
		s->poke = true;
	}
	sync_advance(s);
}

void sync_range_checked(struct sync *s, uint64_t held_id, enum sync_check result, uint64_t height, int64_t now_ms)
{
	struct sync_segment *seg;
	struct sync_piece *piece = sync_piece_find(s, held_id, &seg);
	struct sync_peer *p;
	bool senders; /* it is the sender's doing */

	sync_set_now(s, now_ms);
	if (piece && !piece->checked) {
		piece->checked = true;
		piece->check = result;
		/* What lies above the part that is still wanted does not matter; what follows the first bad block has
		 * not been checked. */
		if (result != SYNC_CHECK_GOOD && height > piece->last)
			piece->check = SYNC_CHECK_GOOD;
		piece->bad_height = height;
		senders = piece->check == SYNC_CHECK_BODY || piece->check == SYNC_CHECK_BARE;
		p = senders ? sync_find_peer(s, piece->peer) : NULL;
		if (p)
			sync_set_liar(s, p);
		if (p && piece->check == SYNC_CHECK_BARE)
			sync_blame(s, p->id, SYNC_VERDICT_BARE, height);
		if (senders || (piece->check == SYNC_CHECK_CHAIN && height < piece->first)) {
			sync_piece_remove(s, seg, (size_t)(piece - seg->pieces));
			s->poke = true;
		}
	}
	sync_advance(s);
}

/* ---- Asking ---- */

static uint32_t range_blocks(const struct sync *s)
{
	size_t fit = s->params.max_range_bytes / s->json_per_block;

	if (fit < 1)
		return 1;
	return fit < s->range_limit ? (uint32_t)fit : s->range_limit;
}

uint32_t sync_segment_length(const struct sync *s)
{
	size_t fit = s->params.window_bytes / 2 / s->held_per_block;

	if (fit < 1)
		return 1;
	return fit < s->params.max_segment_blocks ? (uint32_t)fit : s->params.max_segment_blocks;
}

static bool can_deliver(const struct sync *s, const struct sync_segment *seg, const struct sync_peer *p)
{
	return sync_anchor_supports(s, seg, p) && s->now_ms >= p->aside_until_ms;
}

/* The block that this peer did not deliver is asked of another one, if there is one. */
static bool has_barrier(const struct sync *s, const struct sync_segment *seg, const struct sync_peer *p)
{
	if (s->now_ms >= p->lacks_until_ms)
		return false;
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_peer *q = &s->peers[i];
		const struct sync_asked *ask = &q->asks[SYNC_ASK_BLOCKS];

		if (q == p || !can_deliver(s, seg, q) || sync_is_paused(s, q, SYNC_ASK_BLOCKS))
			continue;
		if (ask->outstanding && ask->stalled)
			continue;
		if (q->lacks != p->lacks || s->now_ms >= q->lacks_until_ms)
			return true;
	}
	return false;
}

/* Whether outstanding asks of others cover `*height`: then it moves below them.  Else `*lower` rises to the highest one
 * below. */
static bool skip_asks(const struct sync *s, const struct sync_segment *seg, uint64_t *height, uint64_t *lower)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_asked *ask = &s->peers[i].asks[SYNC_ASK_BLOCKS];

		/* What a liar was asked for is not waited for. */
		if (!ask->outstanding || ask->stalled || ask->serial != seg->serial ||
		    !sync_anchor_supports(s, seg, &s->peers[i]))
			continue;
		if (ask->first <= *height && *height <= ask->last) {
			*height = ask->first - 1;
			return true;
		}
		if (ask->last < *height && ask->last > *lower)
			*lower = ask->last;
	}
	return false;
}

/* The highest hole (*lower, *upper] below *upper that `p` (NULL: anybody) may be asked for. */
static bool find_hole(const struct sync *s, const struct sync_segment *seg, const struct sync_peer *p, uint64_t *lower,
		      uint64_t *upper)
{
	bool barrier = p && has_barrier(s, seg, p);
	uint64_t height = *upper;
	size_t i = seg->count;

	while (height > seg->base) {
		while (i > 0 && seg->pieces[i - 1].first > height)
			i--;
		if (i > 0 && seg->pieces[i - 1].last >= height) {
			height = seg->pieces[i - 1].first - 1;
			continue;
		}
		*lower = i > 0 ? seg->pieces[i - 1].last : seg->base;
		if (skip_asks(s, seg, &height, lower))
			continue;
		if (barrier && p->lacks == height) {
			height--;
			continue;
		}
		if (barrier && p->lacks < height && p->lacks > *lower)
			*lower = p->lacks;
		*upper = height;
		return true;
	}
	return false;
}

/* Bytes that the holes of a segment will take. */
static size_t hole_bytes(const struct sync *s, const struct sync_segment *seg)
{
	uint64_t lower, upper = seg->anchor.height, blocks = 0;

	while (find_hole(s, seg, NULL, &lower, &upper)) {
		blocks += upper - lower;
		upper = lower;
	}
	return (size_t)blocks * s->held_per_block;
}

/* How many blocks may be asked for when `ahead` bytes are set aside for lower segments. */
static uint64_t affordable(const struct sync *s, size_t ahead)
{
	size_t used = sync_window_used(s) + ahead;

	if (used == 0)
		return UINT64_MAX;
	return used < s->params.window_bytes ? (s->params.window_bytes - used) / s->held_per_block : 0;
}

static bool choose_in(struct sync *s, const struct sync_segment *seg, const struct sync_peer *p, size_t ahead,
		      struct sync_asked *ask)
{
	uint64_t lower, upper = seg->anchor.height, count = range_blocks(s), afford = affordable(s, ahead);

	if (!find_hole(s, seg, p, &lower, &upper))
		return false;
	if (afford == 0) {
		s->starved = true;
		return false;
	}
	if (count > afford)
		count = afford;
	if (count > upper - lower)
		count = upper - lower;
	ask->first = upper - count + 1;
	ask->last = upper;
	ask->serial = seg->serial;
	ask->reserved = (size_t)count * s->held_per_block;
	return true;
}

bool sync_range_choose(struct sync *s, struct sync_peer *p, struct sync_asked *ask)
{
	size_t ahead = 0;

	for (uint32_t i = 0; i < s->segment_count; i++) {
		const struct sync_segment *seg = sync_segment_at(s, i);

		if (!seg->anchor.decided)
			return false;
		if (can_deliver(s, seg, p) && choose_in(s, seg, p, ahead, ask)) {
			s->reserved_bytes += ask->reserved;
			return true;
		}
		ahead += hole_bytes(s, seg);
	}
	return false;
}

/* ---- Time and room ---- */

void sync_find_stalls(struct sync *s)
{
	uint32_t fresh = 0, stalled = 0;

	for (size_t i = 0; s->delivering > 0 && i < s->peer_count; i++) {
		struct sync_asked *ask = &s->peers[i].asks[SYNC_ASK_BLOCKS];

		if (!ask->outstanding)
			continue;
		if (!ask->stalled && s->now_ms - ask->sent_ms >= s->stall_ms) {
			ask->stalled = true;
			fresh++;
		}
		stalled += ask->stalled;
	}
	if (fresh == 0)
		return;
	s->poke = true;
	sync_all_changed(s);
	/* Several at once: it is the line that is slow. */
	if (stalled > 1 && s->now_ms - s->stall_grown_ms >= s->stall_ms) {
		s->stall_grown_ms = s->now_ms;
		s->stall_ms = s->stall_ms * 2 < s->params.max_stall_ms ? s->stall_ms * 2 : s->params.max_stall_ms;
	}
}

bool sync_has_room(struct sync *s)
{
	size_t ahead = 0;

	for (uint32_t i = 0; i < s->segment_count; i++)
		ahead += hole_bytes(s, sync_segment_at(s, i));
	return affordable(s, ahead) > 0;
}

/* The front segment cannot be completed: the window is full, and nothing is out that would come back and make room. */
static bool is_stuck(struct sync *s)
{
	const struct sync_segment *front;

	if (s->segment_count == 0 || s->reserved_bytes > 0 || s->out_count > 0 || affordable(s, 0) > 0)
		return false;
	front = sync_segment_at(s, 0);
	return front->anchor.decided && !sync_segment_complete(front);
}

/* The segment can never be complete: its blocks are bigger than they seemed when it was opened, and do not fit the
 * window even with nothing else in it. */
static bool outgrows_window(const struct sync *s, const struct sync_segment *seg)
{
	size_t bytes = 0;

	for (size_t i = 0; i < seg->count; i++)
		bytes += seg->pieces[i].bytes;
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_asked *ask = &s->peers[i].asks[SYNC_ASK_BLOCKS];

		/* What was asked for again is a hole, and counted there. */
		if (ask->outstanding && !ask->stalled && ask->serial == seg->serial && ask->first <= seg->anchor.height)
			bytes += ask->reserved;
	}
	return bytes + hole_bytes(s, seg) > s->params.window_bytes;
}

/* Better at once than when the window is full: blocks come from the anchor down, and all above the new one were fetched
 * in vain. */
static void give_up_outgrown(struct sync *s)
{
	s->blocks_grew = false;
	for (uint32_t i = 0; i < s->segment_count; i++) {
		struct sync_segment *seg = sync_segment_at(s, i);

		if (!outgrows_window(s, seg))
			continue;
		if (i == 0)
			sync_segment_shorten(s, seg);
		sync_segments_drop(s, i == 0 ? 1 : i);
		s->poke = true;
	}
}

void sync_make_room(struct sync *s)
{
	if (s->blocks_grew)
		give_up_outgrown(s);
	while (is_stuck(s)) {
		if (s->segment_count > 1)
			sync_segments_drop(s, 1);
		else
			sync_segment_shorten(s, sync_segment_at(s, 0));
		s->poke = true;
	}
}
