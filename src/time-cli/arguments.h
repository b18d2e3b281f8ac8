/* SPDX-License-Identifier: MIT
 *
 * What was typed after a method, as JSON.  The method's table decides: where only a string is taken the argument is
 * that string as it stands, where no string is taken it must be JSON, and where both are it is JSON if it can be read
 * as something that is taken, else a string.  An argument of a method or of a name that the table does not know is JSON
 * if it can be read as such.
 *
 * Thread safety: pure.
 */
#ifndef TIME_CLI_ARGUMENTS_H
#define TIME_CLI_ARGUMENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "timed/rpc/method.h"

#define ARGUMENTS_E_INVALID 1
#define ARGUMENTS_WHY_SIZE 384

/* The params of a request: an array, or with `named` an object, in which an argument without "NAME=" has the name of
 * its place.  `method` NULL: one that the table does not know.  0 and *out (a new reference); ARGUMENTS_E_INVALID and
 * `why`; or -ENOMEM. */
int arguments_to_json(json_t **out, char why[ARGUMENTS_WHY_SIZE], const struct rpc_method *method,
		      char *const *arguments, size_t count, bool named) __attribute__((warn_unused_result));

#endif
