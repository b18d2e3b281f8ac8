/* SPDX-License-Identifier: MIT
 *
 * Counting what peers answered to a question, one voice a peer, and the list of chains that are not to be asked for;
 * see sync_impl.h.  A refused chain is known by one block of it: who has that block is on the chain.
 */
#include "sync_impl.h"

#include <string.h>

int sync_hash_compare(const struct wire_hash *a, const struct wire_hash *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool sync_voice_is(const struct sync_peer *p, uint32_t slot, const struct wire_hash *hash)
{
	return p->voices[slot].state == SYNC_VOICE_HASH && sync_hash_compare(&p->voices[slot].hash, hash) == 0;
}

void sync_clear_voices(struct sync *s, uint32_t slot)
{
	for (size_t i = 0; i < s->peer_count; i++)
		s->peers[i].voices[slot].state = SYNC_VOICE_NONE;
}

uint32_t sync_count_voices(const struct sync *s, const struct wire_hash *hash, const struct sync_question *q,
			   uint32_t slot, sync_voter_fn is_voter)
{
	uint32_t count = 0;

	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_peer *p = &s->peers[i];

		if (sync_voice_is(p, slot, hash) && is_voter(s, q, p))
			count++;
	}
	return count;
}

/* A voter that has said nothing: is it worth waiting for? */
static void count_silent(const struct sync *s, struct sync_tally *out, const struct sync_question *q,
			 const struct sync_peer *p)
{
	const struct sync_asked *ask = &p->asks[SYNC_ASK_HASH];
	bool asked = ask->outstanding && ask->first == q->height;

	if (!asked && sync_is_paused(s, p, SYNC_ASK_HASH))
		return;
	out->voters++;
	out->pending++;
	out->tardy += p->tardy;
}

void sync_tally(const struct sync *s, struct sync_tally *out, const struct sync_question *q, uint32_t slot,
		sync_voter_fn is_voter)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_peer *p = &s->peers[i];
		const struct sync_voice *voice = &p->voices[slot];
		uint32_t count;

		if (voice->state == SYNC_VOICE_NULL || !is_voter(s, q, p))
			continue;
		if (voice->state == SYNC_VOICE_NONE) {
			count_silent(s, out, q, p);
			continue;
		}
		out->voters++;
		out->answers++;
		out->sole = p;
		if (out->best > 0 && sync_hash_compare(&voice->hash, &out->best_hash) == 0)
			continue;
		count = sync_count_voices(s, &voice->hash, q, slot, is_voter);
		if (count > out->best || (count == out->best && sync_hash_compare(&voice->hash, &out->best_hash) < 0)) {
			out->best = count;
			out->best_hash = voice->hash;
		}
	}
}

static uint32_t bad_slot(const struct sync *s)
{
	uint32_t oldest = 0;

	for (uint32_t i = 0; i < SYNC_MAX_BAD; i++) {
		if (!s->bad[i].used)
			return i;
		if (s->bad[i].until_ms < s->bad[oldest].until_ms)
			oldest = i;
	}
	return oldest;
}

static void forget_bad(struct sync *s, uint32_t index)
{
	s->bad[index].used = false;
	for (size_t i = 0; i < s->peer_count; i++) {
		s->peers[i].tainted &= ~(UINT32_C(1) << index);
		s->peers[i].cleared &= ~(UINT32_C(1) << index);
	}
}

bool sync_bad_add(struct sync *s, uint64_t height, const struct wire_hash *hash, uint32_t slot,
		  const struct wire_hash *voice)
{
	const struct sync_bad *known = sync_bad_find(s, height, hash);
	uint32_t index = known ? (uint32_t)(known - s->bad) : bad_slot(s);

	if (!known)
		forget_bad(s, index);
	s->bad[index] = (struct sync_bad){
		.used = true,
		.height = height,
		.hash = *hash,
		.until_ms = s->now_ms + s->params.bad_ms,
	};
	for (size_t i = 0; i < s->peer_count; i++) {
		if (sync_voice_is(&s->peers[i], slot, voice))
			s->peers[i].tainted |= UINT32_C(1) << index;
	}
	s->poke = true;
	return !known;
}

void sync_bad_expire(struct sync *s)
{
	for (uint32_t i = 0; i < SYNC_MAX_BAD; i++) {
		if (s->bad[i].used && s->now_ms >= s->bad[i].until_ms) {
			forget_bad(s, i);
			s->poke = true;
		}
	}
}

void sync_bad_answer(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *hash)
{
	for (uint32_t i = 0; i < SYNC_MAX_BAD; i++) {
		const struct sync_bad *bad = &s->bad[i];
		uint32_t bit = UINT32_C(1) << i;

		if (!bad->used || bad->height != height)
			continue;
		if (sync_hash_compare(hash, &bad->hash) == 0) {
			p->tainted |= bit;
			p->cleared &= ~bit;
		} else {
			p->cleared |= bit;
			p->tainted &= ~bit;
		}
	}
}

/* Who agrees with us above a block has ours there. */
static bool agrees_at(const struct sync_peer *p, uint64_t height)
{
	return p->stand == SYNC_STAND_AGREES && p->stand_height >= height;
}

bool sync_bad_forbids(const struct sync *s, const struct sync_peer *p, uint64_t upto)
{
	for (uint32_t i = 0; i < SYNC_MAX_BAD; i++) {
		const struct sync_bad *bad = &s->bad[i];

		if (bad->used && bad->height <= upto && !(p->cleared & UINT32_C(1) << i) && !agrees_at(p, bad->height))
			return true;
	}
	return false;
}

bool sync_bad_wants(const struct sync *s, const struct sync_peer *p, uint64_t *height)
{
	for (uint32_t i = 0; i < SYNC_MAX_BAD; i++) {
		const struct sync_bad *bad = &s->bad[i];

		if (!bad->used || ((p->cleared | p->tainted) & UINT32_C(1) << i) || bad->height > p->claim ||
		    agrees_at(p, bad->height))
			continue;
		*height = bad->height;
		return true;
	}
	return false;
}

const struct sync_bad *sync_bad_find(const struct sync *s, uint64_t height, const struct wire_hash *hash)
{
	for (uint32_t i = 0; i < SYNC_MAX_BAD; i++) {
		const struct sync_bad *bad = &s->bad[i];

		if (bad->used && bad->height == height && sync_hash_compare(hash, &bad->hash) == 0)
			return bad;
	}
	return NULL;
}
