/* SPDX-License-Identifier: MIT
 *
 * How a log line looks: escaping of the text, the pretty, journald and JSON forms.  Private to src/util; used by log.c
 * only.
 *
 * Thread safety: no shared state; a style belongs to one thread.
 */
#ifndef TIMED_UTIL_LOG_FORMAT_H
#define TIMED_UTIL_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/util/log.h"

#define LOG_TEXT_MAX ((size_t)1024)		      /* of one escaped text */
#define LOG_LINE_MAX (2 * LOG_TEXT_MAX + (size_t)256) /* of one finished line with its newline, in any form */
#define LOG_HOST_MAX ((size_t)64)

/* What the ring holds in front of each text. */
struct log_record {
	int64_t ms;	     /* Unix time */
	uint16_t text_bytes; /* escaped text that follows */
	uint8_t level;	     /* enum log_level */
	uint8_t category;    /* enum log_category */
};

struct log_style {
	enum log_format format;
	bool journald;		 /* of the pretty form */
	char host[LOG_HOST_MAX]; /* short host name */
	int64_t second;		 /* what `date` stands for */
	char date[32];		 /* local time to the second, made once a second */
	int64_t utc_offset_s;	 /* of local time then */
};

void log_style_init(struct log_style *style, enum log_format format, bool journald);

/* True when log_escape would leave the text (of at most LOG_TEXT_MAX bytes) as it is. */
bool log_is_clean(const char *text, size_t len);
/* Escapes `len` bytes of `text` into `out` (LOG_TEXT_MAX bytes, not terminated) and returns the length.  `cut` says
 * that the text goes on after `len`: an incomplete last character is then left out, and the result ends in an ellipsis,
 * as it does when it does not fit. */
size_t log_escape(char *out, const char *text, size_t len, bool cut);

/* Makes the line of an escaped text, newline included, in `out` (LOG_LINE_MAX bytes); returns its length. */
size_t log_format_line(char *out, struct log_style *style, const struct log_record *record, const char *text);

/* An error of category node that is safe to make in the handler of a signal, with the offset of local time that the
 * style knows: `text` of ASCII without control characters, cut so that the line fits into `size` bytes. */
size_t log_format_crash(char *out, size_t size, const struct log_style *style, int64_t ms, const char *text);

#endif
