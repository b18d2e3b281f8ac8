// SPDX-License-Identifier: MIT
/* SipHash-2-4 as its authors (Aumasson, Bernstein) define it: two rounds a word, four at the end. */
#include "timed/util/siphash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

#include "timed/util/thread.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32) + s->v3;
	s->v2 += s->v1;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

void siphash_key_random(struct siphash_key *out)
{
	/* at most 256 bytes are never delivered in part */
	CHECK(getrandom(out, sizeof(*out), 0) == (ssize_t)sizeof(*out));
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
	struct state s = {key->k0 ^ UINT64_C(0x736f6d6570736575), key->k1 ^ UINT64_C(0x646f72616e646f6d),
			  key->k0 ^ UINT64_C(0x6c7967656e657261), key->k1 ^ UINT64_C(0x7465646279746573)};
	const uint8_t *at = data;
	uint64_t word, last = (uint64_t)len << 56;

	for (size_t left = len; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sip_word(&s, le64toh(word));
	}
	for (size_t i = 0; i < len % sizeof(word); i++)
		last |= (uint64_t)at[i] << (8 * i);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
