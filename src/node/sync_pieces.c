/* SPDX-License-Identifier: MIT
 *
 * The blocks of a segment that are here, and their authentication from the anchor down; see sync_impl.h.
 */
#include "sync_impl.h"

#include <stdlib.h>
#include <string.h>

/* ---- Pieces ---- */

void sync_release_payload(struct sync *s, void *payload)
{
	if (payload && s->params.release)
		s->params.release(s->params.user, payload);
}

static void free_piece(struct sync *s, struct sync_piece *piece)
{
	sync_release_payload(s, piece->payload);
	free(piece->hashes);
	s->held_bytes -= piece->bytes;
}

void sync_piece_remove(struct sync *s, struct sync_segment *seg, size_t index)
{
	free_piece(s, &seg->pieces[index]);
	seg->count--;
	memmove(&seg->pieces[index], &seg->pieces[index + 1], (seg->count - index) * sizeof(seg->pieces[0]));
}

struct sync_piece *sync_piece_find(struct sync *s, uint64_t id, struct sync_segment **seg)
{
	for (uint32_t i = 0; i < s->segment_count; i++) {
		*seg = sync_segment_at(s, i);
		for (size_t k = 0; k < (*seg)->count; k++) {
			if ((*seg)->pieces[k].id == id)
				return &(*seg)->pieces[k];
		}
	}
	return NULL;
}

/* A bad block that was cut off does not matter any more. */
static void recheck(struct sync_piece *piece)
{
	if (piece->check == SYNC_CHECK_CHAIN && (piece->bad_height < piece->first || piece->bad_height > piece->last))
		piece->check = SYNC_CHECK_GOOD;
}

void sync_pieces_trim_below(struct sync *s, struct sync_segment *seg, uint64_t height)
{
	struct sync_piece *piece;
	uint64_t cut;

	while (seg->count > 0 && seg->pieces[0].last <= height)
		sync_piece_remove(s, seg, 0);
	if (seg->count == 0 || seg->pieces[0].first > height)
		return;
	piece = &seg->pieces[0];
	cut = height + 1 - piece->first;
	piece->previous = piece->hashes[cut - 1];
	memmove(piece->hashes, piece->hashes + cut, (piece->last - height) * sizeof(piece->hashes[0]));
	piece->skip += (uint32_t)cut;
	piece->first = height + 1;
	recheck(piece);
}

void sync_pieces_trim_above(struct sync *s, struct sync_segment *seg, uint64_t height)
{
	while (seg->count > 0 && seg->pieces[seg->count - 1].first > height)
		sync_piece_remove(s, seg, seg->count - 1);
	if (seg->count > 0 && seg->pieces[seg->count - 1].last > height) {
		seg->pieces[seg->count - 1].last = height;
		recheck(&seg->pieces[seg->count - 1]);
	}
}

bool sync_segment_complete(const struct sync_segment *seg)
{
	uint64_t height = seg->base;

	for (size_t i = 0; i < seg->count; i++) {
		if (seg->pieces[i].first != height + 1)
			return false;
		height = seg->pieces[i].last;
	}
	return height == seg->anchor.height;
}

bool sync_segment_hash_at(const struct sync_segment *seg, uint64_t height, struct wire_hash *out)
{
	if (height == seg->base) {
		*out = seg->base_hash;
		return true;
	}
	if (height == seg->anchor.height && seg->anchor.decided) {
		*out = seg->anchor.winner;
		return true;
	}
	for (size_t i = 0; i < seg->count; i++) {
		const struct sync_piece *piece = &seg->pieces[i];

		if (!piece->authentic)
			continue;
		if (height >= piece->first && height <= piece->last) {
			*out = piece->hashes[height - piece->first];
			return true;
		}
		if (height + 1 == piece->first) {
			*out = piece->previous;
			return true;
		}
	}
	return false;
}

/* ---- Authentication ---- */

/* The piece does not lead to the anchor that its sender had answered. */
static void contradicted(struct sync *s, struct sync_segment *seg, size_t index)
{
	const struct sync_piece *piece = &seg->pieces[index];
	struct sync_peer *p = sync_find_peer(s, piece->peer);

	if (p)
		sync_suspect(s, p, seg->anchor.height, &seg->anchor.winner, piece->last);
	sync_piece_remove(s, seg, index);
	s->poke = true;
}

/* The first of its blocks that may not be taken, if there is one. */
static bool find_bad(const struct sync *s, const struct sync_piece *piece, uint64_t *height, struct wire_hash *hash)
{
	if (piece->checked && piece->check == SYNC_CHECK_CHAIN) {
		*height = piece->bad_height;
		*hash = piece->hashes[piece->bad_height - piece->first];
		return true;
	}
	for (uint64_t h = piece->first; h <= piece->last; h++) {
		if (sync_bad_find(s, h, &piece->hashes[h - piece->first])) {
			*height = h;
			*hash = piece->hashes[h - piece->first];
			return true;
		}
	}
	return false;
}

/* Looks at one piece below authentic ones.  False: nothing below it can be said. */
static bool authenticate_piece(struct sync *s, struct sync_segment *seg, size_t index, const struct wire_hash *expected)
{
	struct sync_piece *piece = &seg->pieces[index];

	if (piece->authentic)
		return true;
	if (sync_hash_compare(&piece->hashes[piece->last - piece->first], expected) != 0) {
		contradicted(s, seg, index);
		return false;
	}
	piece->authentic = true;
	return true;
}

bool sync_segment_authenticate(struct sync *s, struct sync_segment *seg)
{
	struct wire_hash expected = seg->anchor.winner, bad_hash;
	uint64_t height = seg->anchor.height, bad_height;

	if (!seg->anchor.decided)
		return true;
	for (size_t i = seg->count; i-- > 0;) {
		struct sync_piece *piece = &seg->pieces[i];
		bool fresh = !piece->authentic || (piece->checked && piece->check == SYNC_CHECK_CHAIN);

		/* An authentic piece may stand below a hole that was filled before. */
		if (!piece->authentic && piece->last != height)
			break;
		if (!authenticate_piece(s, seg, i, &expected))
			break;
		if (fresh && find_bad(s, piece, &bad_height, &bad_hash)) {
			sync_segment_refuse(s, seg, bad_height, &bad_hash);
			return false;
		}
		expected = piece->previous;
		height = piece->first - 1;
	}
	if (!seg->linked && sync_segment_complete(seg) && height == seg->base) {
		if (sync_hash_compare(&expected, &seg->base_hash) != 0) {
			sync_segment_unlinked(s, seg);
			return false;
		}
		seg->linked = true;
	}
	return true;
}
