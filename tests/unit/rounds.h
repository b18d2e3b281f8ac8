/* SPDX-License-Identifier: MIT
 *
 * How much of a long test runs: TIMED_TEST_ROUNDS is "few" under sanitizers in CI, "all" for full counts, else the
 * rounds that fit into CI. */
#ifndef TIMED_TESTS_ROUNDS_H
#define TIMED_TESTS_ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static inline bool rounds_are(const char *which)
{
	const char *text = getenv("TIMED_TEST_ROUNDS");

	return text && strcmp(text, which) == 0;
}

/* From one byte to the next where each is damaged in turn. */
static inline size_t rounds_step(void)
{
	return rounds_are("few") ? 13 : 1;
}

/* Of a loop over many cases, all or every `step`th. */
static inline bool rounds_skip(int i, int step)
{
	return rounds_are("few") && i % step != 0;
}

#endif
