/* SPDX-License-Identifier: MIT
 *
 * Filling in struct wire_error while a decoder unwinds: the place where something is wrong calls
 * wire_fault_set(), each level on the way out puts its own step in front of the path.  Nothing of this runs while the
 * input is fine.
 */
#ifndef TIMEPROTO_WIRE_FAULT_H
#define TIMEPROTO_WIRE_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/error.h"

struct wire_fault {
	struct wire_error *error; /* the caller's, or NULL: then all calls here do nothing */
	size_t path_at;		  /* the path so far is error->path[path_at ...], NUL-terminated */
};

/* Starts an error with an empty path. */
void wire_fault_set(struct wire_fault *fault, int code, size_t offset, const char *text) __attribute__((cold));
/* Puts ".name" or "[index]" in front; a step that finds no room is left out. */
void wire_fault_name(struct wire_fault *fault, const char *name, size_t len);
void wire_fault_index(struct wire_fault *fault, size_t index);
/* Moves the finished path to the front of its array. */
void wire_fault_finish(struct wire_fault *fault);

#endif
