// SPDX-License-Identifier: MIT
/* See histogram.h. */
#include "timed/util/histogram.h"

#include "timed/util/thread.h"

void histogram_init(struct histogram *h, const int64_t *bounds_us, size_t bound_count)
{
	CHECK(bound_count <= HISTOGRAM_BOUNDS_MAX);
	h->bounds_us = bounds_us;
	h->bound_count = bound_count;
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
		atomic_init(&h->counts[i], 0);
	atomic_init(&h->sum_us, 0);
}

void histogram_add(struct histogram *h, int64_t us)
{
	size_t i = 0;

	if (us < 0)
		us = 0;
	while (i < h->bound_count && us > h->bounds_us[i])
		i++;
	atomic_fetch_add_explicit(&h->counts[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, (uint64_t)us, memory_order_relaxed);
}

void histogram_read(const struct histogram *h, struct histogram_counts *out)
{
	*out = (struct histogram_counts){.bounds_us = h->bounds_us, .bound_count = h->bound_count};
	for (size_t i = 0; i <= h->bound_count; i++)
		out->counts[i] = atomic_load_explicit(&h->counts[i], memory_order_relaxed);
	out->sum_us = atomic_load_explicit(&h->sum_us, memory_order_relaxed);
}
