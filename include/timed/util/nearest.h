/* SPDX-License-Identifier: MIT
 *
 * The nearest known name to a misspelt one, for "did you mean ...?".
 *
 *	struct nearest n = {.wanted = name};
 *	for each candidate: nearest_offer(&n, candidate);
 *	if (nearest_result(&n)) ...
 *
 * Thread safety: pure.
 */
#ifndef TIMED_UTIL_NEAREST_H
#define TIMED_UTIL_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *wanted; /* what was written */
	const char *best;   /* the nearest candidate so far */
	size_t distance;    /* its edit distance */
};

void nearest_offer(struct nearest *n, const char *candidate);
/* The nearest candidate, NULL when none is near enough to be meant: at most a third of the letters differ (two in short
 * words). */
const char *nearest_result(const struct nearest *n);
/* Letters to insert, remove, change or swap with their neighbour; words beyond 64 bytes are infinitely far. */
size_t nearest_distance(const char *a, const char *b);

#endif
