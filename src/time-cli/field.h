/* SPDX-License-Identifier: MIT
 *
 * Fields of what the daemon answers, any of which may be missing or of another type: it may be older or newer than we.
 *
 * Ownership: texts are borrowed from the object.
 * Thread safety: pure.
 */
#ifndef TIME_CLI_FIELD_H
#define TIME_CLI_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* NULL when there is no such string. */
const char *field_text(const json_t *object, const char *key);
/* Any number.  False when there is none. */
bool field_number(double *out, const json_t *object, const char *key);
/* A number without its fraction; `otherwise` when there is none. */
int64_t field_integer(const json_t *object, const char *key, int64_t otherwise);
/* False when it is false, or not there. */
bool field_true(const json_t *object, const char *key);
/* A number as a value by itself. */
bool field_value(double *out, const json_t *value);

#endif
