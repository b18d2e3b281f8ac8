/* SPDX-License-Identifier: MIT
 *
 * Counts of durations by size, as Prometheus shows them: how many were at most each of a few bounds, and their sum.
 *
 * Thread safety: histogram_add() and histogram_read() from any thread at any time; nothing is locked.  What is read
 * while others add may lack what they are just adding.
 */
#ifndef TIMED_UTIL_HISTOGRAM_H
#define TIMED_UTIL_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 16

struct histogram {
	const int64_t *bounds_us;			       /* ascending; static */
	size_t bound_count;				       /* at most HISTOGRAM_BOUNDS_MAX */
	atomic_uint_fast64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* each beyond the bound before; the last: beyond all */
	atomic_uint_fast64_t sum_us;
};

/* A copy of the counts. */
struct histogram_counts {
	const int64_t *bounds_us;
	size_t bound_count;
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* as above: not cumulated */
	uint64_t sum_us;
};

/* `bounds` outlives the histogram (static const). */
void histogram_init(struct histogram *h, const int64_t *bounds_us, size_t bound_count);
/* Counts one duration in microseconds; a negative one as 0. */
void histogram_add(struct histogram *h, int64_t us);
void histogram_read(const struct histogram *h, struct histogram_counts *out);

#endif
