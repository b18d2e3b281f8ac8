/* SPDX-License-Identifier: MIT
 *
 * The path of an error grows from the end of its array to the front: steps are added from the innermost outwards.
 */
#include "fault.h"

#include <string.h>

void wire_fault_set(struct wire_fault *fault, int code, size_t offset, const char *text)
{
	struct wire_error *error = fault->error;

	if (!error)
		return;
	error->code = code;
	error->offset = offset;
	error->text = text;
	fault->path_at = WIRE_ERROR_PATH_MAX - 1;
	error->path[fault->path_at] = '\0';
}

void wire_fault_name(struct wire_fault *fault, const char *name, size_t len)
{
	if (!fault->error || fault->path_at < len + 1)
		return;
	fault->path_at -= len;
	memcpy(fault->error->path + fault->path_at, name, len);
	fault->error->path[--fault->path_at] = '.';
}

void wire_fault_index(struct wire_fault *fault, size_t index)
{
	/* A size_t has at most 20 digits. */
	if (!fault->error || fault->path_at < 22)
		return;
	fault->error->path[--fault->path_at] = ']';
	do {
		fault->error->path[--fault->path_at] = (char)('0' + index % 10);
		index /= 10;
	} while (index);
	fault->error->path[--fault->path_at] = '[';
}

void wire_fault_finish(struct wire_fault *fault)
{
	struct wire_error *error = fault->error;
	size_t from = fault->path_at;

	if (!error)
		return;
	if (error->path[from] == '.')
		from++;
	memmove(error->path, error->path + from, WIRE_ERROR_PATH_MAX - from);
}

const char *wire_error_name(int code)
{
	static const char *const names[WIRE_E_CODE_END] = {
		[WIRE_E_SYNTAX] = "WIRE_E_SYNTAX",
		[WIRE_E_TYPE] = "WIRE_E_TYPE",
		[WIRE_E_UNKNOWN_MESSAGE] = "WIRE_E_UNKNOWN_MESSAGE",
		[WIRE_E_UNKNOWN_VARIANT] = "WIRE_E_UNKNOWN_VARIANT",
		[WIRE_E_MISSING] = "WIRE_E_MISSING",
		[WIRE_E_DUPLICATE] = "WIRE_E_DUPLICATE",
		[WIRE_E_RANGE] = "WIRE_E_RANGE",
		[WIRE_E_LIMIT] = "WIRE_E_LIMIT",
		[WIRE_E_DEPTH] = "WIRE_E_DEPTH",
		[WIRE_E_UTF8] = "WIRE_E_UTF8",
		[WIRE_E_TRAILING] = "WIRE_E_TRAILING",
	};

	return code > 0 && code < WIRE_E_CODE_END && names[code] ? names[code] : "?";
}
