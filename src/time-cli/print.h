/* SPDX-License-Identifier: MIT
 *
 * JSON for a person: indented by two, numbers as they came, and nothing in it that a terminal would obey.
 *
 * Thread safety: pure.
 */
#ifndef TIME_CLI_PRINT_H
#define TIME_CLI_PRINT_H

#include <jansson.h>

#include "timeproto/base/buf.h"

/* Appends a result and its newline: a string without quotes, nothing for null, else JSON.  (buf's sticky error: out of
 * memory.) */
void print_result(struct buf *out, json_t *value);
/* Appends the value as indented JSON, without a newline at its end. */
void print_json(struct buf *out, json_t *value);
/* Appends text in which newlines and tabs are meant and other control characters are not: these become \uXXXX. */
void print_text(struct buf *out, const char *text, size_t len);
/* Appends text for a cell of a table, at most `max` characters, each one column wide: what is no printable ASCII
 * becomes a question mark. */
void print_cell(struct buf *out, const char *text, size_t max);

/* Appends text of our own making, at most 255 bytes of it. */
void print_add(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
