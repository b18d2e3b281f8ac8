/* SPDX-License-Identifier: MIT
 *
 * The generator's randomness: numbers that follow from a seed and a label alone, the same on every machine.  Not for
 * secrets of anybody (the keys made from it are known to whoever knows the seed).
 *
 * Thread safety: one owner.
 */
#ifndef TESTS_TOOLS_GEN_RANDOM_H
#define TESTS_TOOLS_GEN_RANDOM_H

#include <stdint.h>

struct gen_random {
	uint64_t state[4]; /* xoshiro256** (Blackman, Vigna); never all zero */
};

/* A stream of its own for each seed and label. */
void gen_random_init(struct gen_random *random, uint64_t seed, const char *label);
uint64_t gen_random_next(struct gen_random *random);
/* 0 to `bound` - 1; `bound` > 0.  Not perfectly even, which does not matter here. */
uint64_t gen_random_below(struct gen_random *random, uint64_t bound);

#endif
