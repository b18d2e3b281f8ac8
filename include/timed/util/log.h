/* SPDX-License-Identifier: MIT
 *
 * Logging.  Callers format a line and put it into a bounded ring; the `log` thread writes it out, so a slow disk
 * never holds up a worker for long.  When the ring is full the line is dropped and counted, and the count is logged
 * once there is room.
 *
 * Thread safety: everything may be called from any thread once log_open() has returned; before it (and after
 * log_close()) lines go to stderr at once.
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
	bool journald;	       /* priority prefix, no time and host: set when JOURNAL_STREAM names our stdout */
};

/* Names as in the configuration ("error" ... "trace"; "net" ...); NULL when out of range / -1 when unknown. */
const char *log_level_name(enum log_level level);
int log_level_from_name(const char *name);
const char *log_category_name(enum log_category category);
int log_category_from_name(const char *name);

/* Opens the output and starts the `log` thread.  0 or a negative errno (file_path cannot be opened: nothing is changed). */
int log_open(const struct log_config *config) __attribute__((warn_unused_result));
/* Writes what is queued, joins the thread, closes the file. */
void log_close(void);
/* SIGHUP: opens file_path anew and swaps it in; on failure the old file is kept and a negative errno returned. */
int log_reopen(void) __attribute__((warn_unused_result));
void log_set_level(enum log_category category, enum log_level level);
enum log_level log_get_level(enum log_category category);
/* Lines dropped since the start because the ring was full. */
uint64_t log_dropped(void);
/* Waits until everything queued before the call is written. */
void log_flush(void);

/* True when a line of this kind would be written: guards expensive formatting. Cheap (one relaxed atomic load). */
bool log_enabled(enum log_category category, enum log_level level);

/* Formats and queues one line, without a trailing newline.  Control characters (and invalid UTF-8) in the formatted
 * text are escaped as \xNN, so peer-made text cannot forge lines; lines are cut at 1 KiB. */
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

/* Limits repeated lines of one source (one peer): zero-initialise one per peer; not shared between threads. */
#define LOG_LIMIT_SLOTS 4
struct log_limit {
	struct {
		const char *key;	/* identity of the line: its format string */
		int64_t window_ms;	/* start of the current window */
		uint32_t written;	/* lines written in it */
		uint32_t suppressed;	/* lines held back in it */
	} slot[LOG_LIMIT_SLOTS];
};
/* As log_write, but at most 5 lines of one format string per 10 s pass; the next window's first line says how many
 * were held back. */
void log_limited(struct log_limit *limit, enum log_category category, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
