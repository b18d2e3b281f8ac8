// SPDX-License-Identifier: MIT
/* Marks of watched threads; see progress.h.  The two fields of a mark are not one: a reader may see the new time with
 * the old text, which costs a wrong word in a message and nothing else. */
#include "timed/util/progress.h"

#include "timed/util/clock.h"

void progress_init(struct progress *progress, int64_t wait_ms)
{
	atomic_init(&progress->marked_ms, 0);
	atomic_init(&progress->doing, "");
	progress->wait_ms = wait_ms;
}

void progress_mark(struct progress *progress, const char *doing)
{
	if (!progress)
		return;
	atomic_store_explicit(&progress->doing, doing, memory_order_relaxed);
	atomic_store_explicit(&progress->marked_ms, clock_mono_ms(), memory_order_release);
}

void progress_end(struct progress *progress)
{
	if (progress)
		atomic_store_explicit(&progress->marked_ms, 0, memory_order_release);
}

int64_t progress_due_ms(const struct progress *progress)
{
	return progress && progress->wait_ms ? clock_mono_ms() + progress->wait_ms : INT64_MAX;
}
