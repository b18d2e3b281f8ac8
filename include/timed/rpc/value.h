/* SPDX-License-Identifier: MIT
 *
 * JSON text in and out of jansson's values, with what jansson leaves open:
 * - depth and number of values are bounded before anything is built, so a request can cost neither stack nor memory
 *   out of proportion;
 * - numbers are exact.  jansson knows signed 64-bit integers and doubles; any other number is kept as its text (a
 *   "number text"), is printed as that text, and never passes through floating point.
 *
 * A number text is a JSON string that begins with U+0000, which value_parse() refuses in every string it reads and
 * value_text() cannot hold: nothing that comes from outside can pass for one.
 *
 * Ownership: values are jansson's, counted by reference.
 * Thread safety: pure; a value belongs to one thread at a time.
 */
#ifndef TIMED_RPC_VALUE_H
#define TIMED_RPC_VALUE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/buf.h"

#define VALUE_MAX_DEPTH 64
#define VALUE_MAX_COUNT 200000
#define VALUE_WHY_SIZE 256

enum value_error {
	VALUE_E_INVALID = 1, /* no JSON text */
	VALUE_E_LIMIT = 2,   /* too deep, or too many values */
};

/* From now on jansson overwrites memory before it frees it: requests may hold a passphrase.  Once, before threads. */
void value_wipe_freed(void);
/* Parses one JSON text of any type.  0 and *out; an enum value_error with the reason in `why`; or -ENOMEM. */
int value_parse(json_t **out, char why[VALUE_WHY_SIZE], const char *text, size_t len)
	__attribute__((warn_unused_result));
/* The same for at most `max_count` values instead of VALUE_MAX_COUNT. */
int value_parse_counted(json_t **out, char why[VALUE_WHY_SIZE], const char *text, size_t len, size_t max_count)
	__attribute__((warn_unused_result));
/* Appends the value as compact JSON (buf's sticky error: out of memory).  Objects keep their order. */
void value_print(struct buf *out, json_t *value);

/* A string from bytes that nobody has checked: what is not UTF-8 becomes U+FFFD.  NULL: out of memory. */
json_t *value_text(const char *text) __attribute__((warn_unused_result));
/* The number `units` / 10^decimals, printed with all its decimals (at most 18).  NULL: out of memory. */
json_t *value_decimal(int64_t units, unsigned decimals) __attribute__((warn_unused_result));
/* An amount in satoshis as TIME, with 8 decimals.  NULL: out of memory. */
json_t *value_amount(uint64_t satoshis) __attribute__((warn_unused_result));
/* Lower-case hex, as long as it gets.  NULL: out of memory. */
json_t *value_hex(const uint8_t *bytes, size_t len) __attribute__((warn_unused_result));
/* Any unsigned number.  NULL: out of memory. */
json_t *value_u64(uint64_t number) __attribute__((warn_unused_result));
/* The amount in TIME that a value says, a number or a string that reads like one ("1.5", 5e-8), as satoshis, exactly.
 * 0; VALUE_E_INVALID: no number, a negative one, or one with more than 8 decimals; VALUE_E_LIMIT: more satoshis than 64
 * bits hold. */
int value_read_amount(uint64_t *satoshis, const json_t *value) __attribute__((warn_unused_result));
/* The text of a number that is kept as text; NULL when `value` is anything else. */
const char *value_number_text(const json_t *value);

#endif
