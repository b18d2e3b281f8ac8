/* SPDX-License-Identifier: MIT
 *
 * Checks the parameters of a request against the table and puts them in its order: by position or by name, defaults
 * filled in.  A method never sees a parameter of another type or range than its table says.
 *
 * Thread safety: pure; the call belongs to one thread.
 */
#ifndef TIMED_RPC_PARAMS_H
#define TIMED_RPC_PARAMS_H

#include <stddef.h>

#include "timed/rpc/method.h"

enum params_error {
	PARAMS_E_REFUSED = 1, /* code and failure of the call say why */
};

/* Fills call->args from `params` (array, object, or NULL for none).  0, PARAMS_E_REFUSED, or -ENOMEM. */
int params_bind(struct rpc_call *call, json_t *params) __attribute__((warn_unused_result));
/* Releases call->args. */
void params_release(struct rpc_call *call);
/* Every type that the value is of, as a mask; 0 for null. */
unsigned params_types_of(const json_t *value);
/* Writes the types of a mask in words: "integer or string". */
void params_types_text(char *out, size_t size, unsigned types);

#endif
