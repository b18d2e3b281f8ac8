/* SPDX-License-Identifier: MIT
 *
 * How the decoders (json.h, bincode.h) report what is wrong with their input: what, where and why.
 */
#ifndef TIMEPROTO_WIRE_ERROR_H
#define TIMEPROTO_WIRE_ERROR_H

#include <stddef.h>

/* Positive results of the decoders; PROTOCOL.md §1 to §3.  A negative result is -ENOMEM: the input may be fine. */
enum wire_error_code {
	WIRE_E_SYNTAX = 1,	/* not JSON at all, or the input ends early */
	WIRE_E_TYPE,		/* another kind of value, or an array of another length, is expected here */
	WIRE_E_UNKNOWN_MESSAGE, /* no message has this name (or bincode index) */
	WIRE_E_UNKNOWN_VARIANT, /* the same for an enum inside a message */
	WIRE_E_MISSING,		/* a required key is not there */
	WIRE_E_DUPLICATE,	/* a key of the schema stands twice */
	WIRE_E_RANGE,		/* a number that its field cannot hold, or that is no integer */
	WIRE_E_LIMIT,		/* a list or string over its limit: a violation, PROTOCOL.md §3 */
	WIRE_E_DEPTH,		/* nested deeper than 128 levels */
	WIRE_E_UTF8,		/* invalid UTF-8, or an escape that names a lone surrogate */
	WIRE_E_TRAILING,	/* something stands after the value */
	WIRE_E_CODE_END
};

#define WIRE_ERROR_PATH_MAX 160

struct wire_error {
	int code;			/* what the decoder returned */
	size_t offset;			/* byte of the input where it was noticed */
	char path[WIRE_ERROR_PATH_MAX]; /* e.g. "BlocksResponse[3].header.height"; "" at the top; cut when too long */
	const char *text;		/* why, for people: a static string, never NULL */
};

/* "WIRE_E_SYNTAX" …, for logs and tests; "?" for a number that is no code. */
const char *wire_error_name(int code);

#endif
