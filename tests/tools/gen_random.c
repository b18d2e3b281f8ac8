// SPDX-License-Identifier: MIT
/* Randomness of the generator: see gen_random.h. */
#include "gen_random.h"

#include <string.h>

#include "timeproto/base/sha256.h"

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

void gen_random_init(struct gen_random *random, uint64_t seed, const char *label)
{
	struct sha256 hash;
	uint8_t le[8], digest[SHA256_BYTES];

	for (unsigned i = 0; i < sizeof(le); i++)
		le[i] = (uint8_t)(seed >> (8 * i));
	sha256_init(&hash);
	sha256_update(&hash, label, strlen(label));
	sha256_update(&hash, le, sizeof(le));
	sha256_final(&hash, digest);
	for (unsigned i = 0; i < 4; i++) {
		random->state[i] = 0;
		for (unsigned j = 0; j < 8; j++)
			random->state[i] |= (uint64_t)digest[8 * i + j] << (8 * j);
	}
}

uint64_t gen_random_next(struct gen_random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t gen_random_below(struct gen_random *random, uint64_t bound)
{
	return gen_random_next(random) % bound;
}
