/* SPDX-License-Identifier: MIT
 *
 * Logging.  Callers format a line and put it into a bounded ring (1 MiB); the `log` thread writes it out, so a slow
 * disk never holds up a worker.  When the ring is full the line is dropped and counted, and the count is logged once
 * there is room.
 *
 * A line is `YYYY-MM-DD HH:MM:SS.mmm [host] LEVEL text` (local time), or `<N>LEVEL text` for journald, or one JSON
 * object with "ts" (RFC 3339, UTC), "level", "category" and "text".
 *
 * Thread safety: everything may be called from any thread, log_open() and log_close() by one at a time.  Before
 * log_open() and after log_close() lines go to stderr at once.
 */
#ifndef TIMED_UTIL_LOG_H
#define TIMED_UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_TRACE, LOG_LEVEL_COUNT };

/* One bit of silence each: a level can be set per category at run time. */
enum log_category {
	LOG_NODE,	/* start, stop, configuration, status */
	LOG_NET,	/* connections, address book, bans, discovery */
	LOG_HEARTBEAT,	/* ping and pong lines */
	LOG_WIRE,	/* messages in and out, malformed lines */
	LOG_MASTERNODE, /* registry */
	LOG_CHAIN,	/* blocks, sync, store */
	LOG_CONSENSUS,	/* rounds, votes */
	LOG_MEMPOOL,	/* transactions */
	LOG_RPC,	/* HTTP and methods */
	LOG_CATEGORY_COUNT
};

enum log_format { LOG_FORMAT_PRETTY, LOG_FORMAT_JSON };

struct log_config {
	enum log_level level[LOG_CATEGORY_COUNT]; /* the least severe level written, per category */
	enum log_format format;
	const char *file_path; /* NULL: standard output.  Copied. */
	bool journald;	       /* pretty lines to standard output: priority prefix, no time and host */
};

/* True when JOURNAL_STREAM names our standard output: what `journald` is set from. */
bool log_stdout_is_journal(void);

/* Names as in the configuration ("error" ... "trace"; "net" ...); NULL when out of range / -1 when unknown. */
const char *log_level_name(enum log_level level);
int log_level_from_name(const char *name);
const char *log_category_name(enum log_category category);
int log_category_from_name(const char *name);

/* Opens the output (missing directories of file_path are made) and starts the `log` thread.  0 or a negative errno:
 * nothing is changed; -EBUSY when it is open already. */
int log_open(const struct log_config *config) __attribute__((warn_unused_result));
/* Writes what is queued, joins the thread, closes the file.  Lines are given up only when the output takes not one
 * byte for 5 s (a pipe nobody reads). */
void log_close(void);
/* SIGHUP: opens file_path anew and swaps it in; on failure the old file is kept and a negative errno returned.
 * Nothing to do (0) on standard output. */
int log_reopen(void) __attribute__((warn_unused_result));
void log_set_level(enum log_category category, enum log_level level);
enum log_level log_get_level(enum log_category category);
/* Lines lost since log_open(): the ring was full, or writing failed (disk full). */
uint64_t log_dropped(void);
/* Waits until everything queued before the call is written: blocks as long as the output does. */
void log_flush(void);
/* For the report of a crash (crash.h), all async-signal-safe.  Gives the log thread half a second to write what is
 * queued, unless the caller is that thread or holds the log's lock; then returns the descriptor that the log writes to,
 * or -1 when it is not open. */
int log_crash_begin(void);
/* Makes a line of `text` (ASCII, no control characters) in the form of the log, as an error of category node; `out` has
 * LOG_CRASH_LINE_MAX bytes, and what does not fit is left out.  Returns its length, with the newline. */
#define LOG_CRASH_LINE_MAX ((size_t)768)
size_t log_crash_line(char *out, const char *text);

/* True when a line of this kind would be written: guards expensive formatting. Cheap (one relaxed atomic load). */
bool log_enabled(enum log_category category, enum log_level level);

/* Formats and queues one line, without a trailing newline; never blocks on the output.  Control characters (those of
 * Unicode too) and invalid UTF-8 in the formatted text are escaped byte by byte as \xNN, so peer-made text cannot forge
 * lines; lines are cut at 1 KiB. */
void log_write(enum log_category category, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(category, ...) log_write(category, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(category, ...) log_write(category, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(category, ...) log_write(category, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(category, ...)                                                                                       \
	do {                                                                                                           \
		if (log_enabled(category, LOG_LEVEL_DEBUG))                                                            \
			log_write(category, LOG_LEVEL_DEBUG, __VA_ARGS__);                                             \
	} while (0)

/* Limits repeated lines of one source (one peer): zero-initialise one per peer.  A source with more different lines
 * than slots would push the counts of its own lines out. */
#define LOG_LIMIT_SLOTS 16
struct log_limit {
	struct {
		const char *key;     /* identity of the line: its format string; NULL: free */
		int64_t window_ms;   /* start of the current window, clock_mono_ms */
		uint32_t written;    /* lines written in it */
		uint32_t suppressed; /* lines held back in it */
	} slot[LOG_LIMIT_SLOTS];
};
/* As log_write, but at most 5 lines of one format string per 10 s pass; the next window's first line says how many
 * were held back.  `format` must be a literal: its address is the line's identity.  Without `limit` all pass. */
void log_limited(struct log_limit *limit, enum log_category category, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Says what is still held back, when the source goes away; leaves `limit` as new. */
void log_limit_finish(struct log_limit *limit, enum log_category category);

#endif
