/* SPDX-License-Identifier: MIT
 *
 * The signals that stop the process in order, SIGTERM and SIGINT.  They are blocked before any thread exists and wait
 * until somebody takes one; from the first on a second one kills.
 *
 * Thread safety: any thread while they are blocked.
 */
#ifndef TIMED_UTIL_STOP_SIGNAL_H
#define TIMED_UTIL_STOP_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

void stop_signal_set(sigset_t *set);
/* One has come, and is taken.  Does not wait. */
bool stop_signal_taken(void);
/* The next one kills at once. */
void stop_signal_restore(void);

#endif
