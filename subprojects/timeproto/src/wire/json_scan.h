/* SPDX-License-Identifier: MIT
 *
 * The JSON grammar below the schema: whitespace, numbers, strings, and values that are skipped.  json_decode.c puts
 * these together by the descriptions.
 *
 * All functions that return int give 0 or a code that was noted with json_fault(), and read only from [at, end).
 */
#ifndef TIMEPROTO_WIRE_JSON_SCAN_H
#define TIMEPROTO_WIRE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "timeproto/base/arena.h"

/* PROTOCOL.md §1: the deepest nesting, the message's own levels included. */
#define JSON_DEPTH_MAX 128

struct json_reader {
	const uint8_t *at;    /* next byte */
	const uint8_t *end;   /* one past the last */
	const uint8_t *begin; /* for offsets */
	unsigned depth;	      /* open objects and arrays */
	struct arena *arena;  /* for what is kept */
	struct wire_fault fault;
};

/* A string that json_scan_string() found valid. */
struct json_string {
	const uint8_t *raw; /* behind the opening quote */
	size_t raw_len;	    /* up to the closing quote */
	size_t len;	    /* after decoding its escapes; equals raw_len exactly when there are none */
};

/* Says that `code` is wrong at byte `where` of the input; gives `code`. */
static inline int json_fault(struct json_reader *r, int code, const uint8_t *where, const char *text)
{
	wire_fault_set(&r->fault, code, (size_t)(where - r->begin), text);
	return code;
}

/* Whether some JSON value can begin with the byte at `r->at`. */
bool json_at_value(const struct json_reader *r) __attribute__((cold));

/* What stands at `r->at` is not what is wanted there. */
static inline int json_fault_kind(struct json_reader *r, const char *text)
{
	if (r->at == r->end)
		return json_fault(r, WIRE_E_SYNTAX, r->at, "the input ends early");
	if (!json_at_value(r))
		return json_fault(r, WIRE_E_SYNTAX, r->at, "expected a value");
	return json_fault(r, WIRE_E_TYPE, r->at, text);
}

static inline bool json_is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline void json_skip_space(struct json_reader *r)
{
	while (r->at < r->end && json_is_space(*r->at))
		r->at++;
}

/* The next byte that is not whitespace, without taking it; 0 at the end (and for a NUL, which fits nowhere). */
static inline uint8_t json_peek(struct json_reader *r)
{
	json_skip_space(r);
	return r->at < r->end ? *r->at : 0;
}

/* The word at `r->at` ("null", "true", "false"), which is taken when it is there. */
bool json_take_word(struct json_reader *r, const char *word, size_t len);

/* Integers, `r->at` standing at the first byte. */
int json_scan_u64(struct json_reader *r, uint64_t *value) __attribute__((warn_unused_result));
int json_scan_i64(struct json_reader *r, int64_t *value) __attribute__((warn_unused_result));

/* A string, `r->at` standing at its opening quote. */
int json_scan_string(struct json_reader *r, struct json_string *string) __attribute__((warn_unused_result));
/* Writes its `len` bytes to `out`. */
void json_copy_string(uint8_t *out, const struct json_string *string);

/* Takes one value of any kind. */
int json_skip_value(struct json_reader *r) __attribute__((warn_unused_result));

#endif
