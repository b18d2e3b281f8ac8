// SPDX-License-Identifier: MIT
/* The verdict on the watched threads; see watchdog.h. */
#include "timed/node/watchdog.h"

#include <inttypes.h>
#include <stdio.h>

#include "node_impl.h"
#include "timed/util/clock.h"

/* A thread that waits comes round so often, or four times in its allowance. */
#define WAIT_MS 5000

static const char *const names[WATCHED_COUNT] = {
	[WATCHED_CHAIN] = "chain",
	[WATCHED_ACCEPTOR] = "acceptor",
	[WATCHED_CONSENSUS] = "consensus",
	[WATCHED_KEEPER] = "keeper",
};

void watchdog_init(struct watchdog *watchdog, int64_t allowance_ms)
{
	int64_t wait_ms = allowance_ms / 4 < WAIT_MS ? allowance_ms / 4 : WAIT_MS;

	watchdog->allowance_ms = allowance_ms;
	for (int i = 0; i < WATCHED_COUNT; i++)
		progress_init(&watchdog->progress[i], wait_ms);
}

static void judge_thread(struct watchdog_thread *out, const struct watchdog *watchdog, enum watched i, int64_t now_ms)
{
	const struct progress *progress = &watchdog->progress[i];
	int64_t marked_ms = atomic_load_explicit(&progress->marked_ms, memory_order_acquire);

	*out = (struct watchdog_thread){.name = names[i], .running = marked_ms != 0};
	out->doing = atomic_load_explicit(&progress->doing, memory_order_relaxed);
	/* A mark may be newer than the caller's clock. */
	if (out->running && now_ms > marked_ms)
		out->silent_ms = now_ms - marked_ms;
	out->hung = out->silent_ms > watchdog->allowance_ms;
}

void watchdog_judge(struct watchdog_verdict *out, const struct watchdog *watchdog, int64_t now_ms)
{
	size_t len = 0;

	out->alive = out->running = true;
	out->text[0] = '\0';
	for (int i = 0; i < WATCHED_COUNT; i++) {
		struct watchdog_thread *thread = &out->thread[i];

		judge_thread(thread, watchdog, (enum watched)i, now_ms);
		out->running = out->running && thread->running;
		if (!thread->hung)
			continue;
		out->alive = false;
		if (len < sizeof(out->text))
			len += (size_t)snprintf(out->text + len, sizeof(out->text) - len,
						"%sthread %s has made no progress for %" PRId64 " s (%s)",
						len ? ", " : "", thread->name, thread->silent_ms / 1000, thread->doing);
	}
}

void node_watchdog(struct node *node, struct watchdog_verdict *out)
{
	watchdog_judge(out, &node->watchdog, clock_mono_ms());
}
