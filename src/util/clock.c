// SPDX-License-Identifier: MIT
/* The one source of time: clock_gettime plus the offsets that tests inject.  Everything else that needs the time, from
 * protocol timers to log lines, comes here; waiting is done on the real clock by util/thread.c. */
#include "timed/util/clock.h"

#include <stdatomic.h>
#include <time.h>

#include "timed/util/thread.h"

static _Atomic int64_t mono_offset;
static _Atomic int64_t real_offset;

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	CHECK(clock_gettime(id, &t) == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC) + atomic_load_explicit(&mono_offset, memory_order_relaxed) * 1000;
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_real_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000 + atomic_load_explicit(&real_offset, memory_order_relaxed);
}

int64_t clock_real_s(void)
{
	return clock_real_ms() / 1000;
}

void clock_set_offset_ms(int64_t mono_offset_ms, int64_t real_offset_ms)
{
	atomic_store_explicit(&mono_offset, mono_offset_ms, memory_order_relaxed);
	atomic_store_explicit(&real_offset, real_offset_ms, memory_order_relaxed);
}
