/* SPDX-License-Identifier: MIT
 *
 * The one source of time.  Protocol timers run on `clock_mono_ms`, timestamps that go over the wire or into a
 * log on `clock_real_s` / `clock_real_ms`; nothing else asks the system for the time.  Pure modules take `now`
 * as an argument and never include this header.
 *
 * Tests may shift both clocks with `clock_set_offset_ms` without sleeping; threads that wait do so on the real
 * CLOCK_MONOTONIC, so an offset changes what a woken thread sees, not when it wakes.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_UTIL_CLOCK_H
#define TIMED_UTIL_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC plus the test offset.  Never goes back. */
int64_t clock_mono_ms(void);
/* Microseconds of CLOCK_MONOTONIC plus the test offset: for round-trip times. */
int64_t clock_mono_us(void);
/* Unix time.  May jump either way; only for timestamps. */
int64_t clock_real_s(void);
int64_t clock_real_ms(void);
/* Adds to what the two clocks report from now on (replaces an earlier offset). */
void clock_set_offset_ms(int64_t mono_offset_ms, int64_t real_offset_ms);

#endif
