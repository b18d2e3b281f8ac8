/* SPDX-License-Identifier: MIT
 *
 * Help, made from the table that the requests are checked against: as text for people, as JSON for programs.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_RPC_HELP_H
#define TIMED_RPC_HELP_H

#include <jansson.h>

#include "timed/rpc/method.h"
#include "timeproto/base/buf.h"

/* Appends every method with its parameters, by group. */
void help_list(struct buf *out, const struct rpc_table *table);
/* Appends all about one method. */
void help_method(struct buf *out, const struct rpc_method *method);
/* The same of every method, or of one (`method` not NULL), for programs:
 * [{group, name, about, params: [{name, types, required, default, min, max, about}], result, example: [...],
 *   errors: [{code, when}]}, ...]; `default`, `min` and `max` only where there are any.  A new reference; NULL: out of
 * memory. */
json_t *help_json(const struct rpc_table *table, const struct rpc_method *method) __attribute__((warn_unused_result));

#endif
