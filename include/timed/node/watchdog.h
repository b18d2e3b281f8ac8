/* SPDX-License-Identifier: MIT
 *
 * Whether the threads without which the node is dead make progress: chain, acceptor, consensus and keeper.  Each marks
 * its turns (util/progress.h), also while it waits and within long work; one whose last mark is older than the
 * allowance (timers.thread_stall_ms) is hung.  A thread that does not run is none.
 *
 * The verdict is what /health shows and what decides whether the keeper feeds the service manager's watchdog
 * (service.h).
 *
 * Thread safety: watchdog_judge() and node_watchdog() from any thread, also while one of the watched ones is hung: they
 * take no lock.
 */
#ifndef TIMED_NODE_WATCHDOG_H
#define TIMED_NODE_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/util/progress.h"

struct node;

enum watched { WATCHED_CHAIN, WATCHED_ACCEPTOR, WATCHED_CONSENSUS, WATCHED_KEEPER, WATCHED_COUNT };

struct watchdog {
	struct progress progress[WATCHED_COUNT];
	int64_t allowance_ms;
};

#define WATCHDOG_TEXT_SIZE 400

struct watchdog_verdict {
	bool alive;   /* no thread is hung */
	bool running; /* all of them run: false while the node starts and stops */
	struct watchdog_thread {
		const char *name;  /* static */
		const char *doing; /* static: what it began with its last mark */
		bool running;
		bool hung;
		int64_t silent_ms; /* since its last mark; 0 when it does not run */
	} thread[WATCHED_COUNT];
	char text[WATCHDOG_TEXT_SIZE]; /* "", or "thread chain has made no progress for 75 s (writing blocks), ..." */
};

/* `allowance_ms`: a thread that is silent for longer is hung. */
void watchdog_init(struct watchdog *watchdog, int64_t allowance_ms);
/* `now_ms` is clock_mono_ms(). */
void watchdog_judge(struct watchdog_verdict *out, const struct watchdog *watchdog, int64_t now_ms);
/* The verdict on the threads of this node, now. */
void node_watchdog(struct node *node, struct watchdog_verdict *out);

#endif
