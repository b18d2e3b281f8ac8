/* SPDX-License-Identifier: MIT
 *
 * What a thread that others watch says of itself: that it still comes round.  It marks each turn of its loop, and in
 * long work each step; while it has nothing to do it waits for progress_due_ms() at most and then marks a turn all the
 * same. So waiting counts as life because the thread keeps proving it, and a mark that is old means that the thread
 * stands still, whatever it was doing.  Who judges marks is node/watchdog.h.
 *
 * Thread safety: progress_mark() and progress_end() by the thread concerned, the rest by any thread.  A NULL progress
 * is that of a thread nobody watches.
 */
#ifndef TIMED_UTIL_PROGRESS_H
#define TIMED_UTIL_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
	atomic_int_fast64_t marked_ms; /* clock_mono_ms() of the last mark; 0: the thread does not run */
	_Atomic(const char *) doing;   /* since that mark; static text */
	int64_t wait_ms;	       /* longest wait between two marks; constant; 0: as long as it likes */
};

void progress_init(struct progress *progress, int64_t wait_ms);
/* The thread is alive, and begins what `doing` (a literal) says: "waiting for work", "writing blocks" ... */
void progress_mark(struct progress *progress, const char *doing);
/* The thread ends: nothing more is expected of it. */
void progress_end(struct progress *progress);
/* When a thread that waits must be back to mark its next turn (monotonic); INT64_MAX: nobody watches it. */
int64_t progress_due_ms(const struct progress *progress);

#endif
