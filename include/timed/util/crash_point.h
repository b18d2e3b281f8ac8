/* SPDX-License-Identifier: MIT
 *
 * Crash points, for tests: places at which the process kills itself with SIGKILL when the environment variable
 * TIMED_CRASH says so.  Only builds with the meson option `faults` have any of it; in others crash_point() is nothing,
 * and a set TIMED_CRASH is refused at start, since nothing that is asked for is silently ignored.
 *
 *	TIMED_CRASH = name[@n]		at the n-th passage (the first) since crash_point_load()
 *
 * Thread safety: crash_point_load() before other threads pass a point; crash_point() from any thread.
 */
#ifndef TIMED_UTIL_CRASH_POINT_H
#define TIMED_UTIL_CRASH_POINT_H

#ifdef TIMED_FAULTS

/* Every point: its constant and its name. */
#define CRASH_POINTS(X)                                                                                                \
	X(GENESIS_BEFORE_WRITE, "genesis-before-write")                                                                \
	X(GENESIS_AFTER_WRITE, "genesis-after-write")                                                                  \
	X(CONNECT_BEFORE_GATHER, "connect-before-gather")                                                              \
	X(CONNECT_AFTER_GATHER, "connect-after-gather")                                                                \
	X(FLUSH_BEFORE_WRITE, "flush-before-write")                                                                    \
	X(FLUSH_AFTER_WRITE, "flush-after-write")                                                                      \
	X(KEEP_BEFORE_WRITE, "keep-before-write")                                                                      \
	X(KEEP_AFTER_WRITE, "keep-after-write")                                                                        \
	X(REORG_BEFORE_MARK, "reorg-before-mark")                                                                      \
	X(REORG_AFTER_MARK, "reorg-after-mark")                                                                        \
	X(REORG_BEFORE_DISCONNECT, "reorg-before-disconnect")                                                          \
	X(REORG_AFTER_DISCONNECT, "reorg-after-disconnect")                                                            \
	X(REORG_BEFORE_CONNECT, "reorg-before-connect")                                                                \
	X(REORG_AFTER_CONNECT, "reorg-after-connect")                                                                  \
	X(REORG_BEFORE_UNMARK, "reorg-before-unmark")                                                                  \
	X(REORG_AFTER_UNMARK, "reorg-after-unmark")                                                                    \
	X(BACK_BEGIN, "back-begin")                                                                                    \
	X(BACK_BEFORE_DISCONNECT, "back-before-disconnect")                                                            \
	X(BACK_AFTER_DISCONNECT, "back-after-disconnect")                                                              \
	X(BACK_BEFORE_CONNECT, "back-before-connect")                                                                  \
	X(BACK_AFTER_CONNECT, "back-after-connect")                                                                    \
	X(BACK_BEFORE_UNMARK, "back-before-unmark")                                                                    \
	X(BACK_AFTER_UNMARK, "back-after-unmark")                                                                      \
	X(TRIM_BEFORE_WRITE, "trim-before-write")                                                                      \
	X(TRIM_AFTER_WRITE, "trim-after-write")                                                                        \
	X(REINDEX_BEFORE_MARK, "reindex-before-mark")                                                                  \
	X(REINDEX_AFTER_MARK, "reindex-after-mark")                                                                    \
	X(REINDEX_AFTER_CLEAR, "reindex-after-clear")                                                                  \
	X(REINDEX_CLEARED, "reindex-cleared")                                                                          \
	X(REINDEX_BEFORE_WRITE, "reindex-before-write")                                                                \
	X(REINDEX_AFTER_WRITE, "reindex-after-write")                                                                  \
	X(REINDEX_BEFORE_UNMARK, "reindex-before-unmark")                                                              \
	X(REINDEX_AFTER_UNMARK, "reindex-after-unmark")                                                                \
	X(VOTES_BEFORE_WRITE, "votes-before-write")                                                                    \
	X(VOTES_BEFORE_SYNC, "votes-before-sync")                                                                      \
	X(VOTES_AFTER_SYNC, "votes-after-sync")                                                                        \
	X(VOTES_BEFORE_RENAME, "votes-before-rename")                                                                  \
	X(VOTES_AFTER_RENAME, "votes-after-rename")                                                                    \
	X(SEND_BEFORE, "send-before")                                                                                  \
	X(SEND_BETWEEN, "send-between")                                                                                \
	X(SEND_AFTER, "send-after")

#define CRASH_POINT_CONSTANT(constant, name) CRASH_##constant,
enum crash_point { CRASH_POINTS(CRASH_POINT_CONSTANT) CRASH_POINT_COUNT };
#undef CRASH_POINT_CONSTANT

/* Reads TIMED_CRASH and counts passages anew.  0, or -EINVAL: it cannot be obeyed, the log says why. */
int crash_point_load(void) __attribute__((warn_unused_result));
const char *crash_point_name(enum crash_point point);
/* Ends the process when its time has come. */
void crash_point_pass(enum crash_point point);
#define crash_point(constant) crash_point_pass(CRASH_##constant)

#else

#include <errno.h>
#include <stdlib.h>

#include "timed/util/log.h"

static inline int crash_point_load(void)
{
	const char *text = getenv("TIMED_CRASH");

	if (!text || !*text)
		return 0;
	log_error(LOG_NODE, "TIMED_CRASH is set, and this timed was built without crash points");
	return -EINVAL;
}

#define crash_point(constant) ((void)0)

#endif

#endif
