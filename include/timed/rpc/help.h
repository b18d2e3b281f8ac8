/* SPDX-License-Identifier: MIT
 *
 * Help texts, made from the table that the requests are checked against.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_RPC_HELP_H
#define TIMED_RPC_HELP_H

#include "timed/rpc/method.h"
#include "timeproto/base/buf.h"

/* Appends every method with its parameters, by group. */
void help_list(struct buf *out, const struct rpc_table *table);
/* Appends all about one method. */
void help_method(struct buf *out, const struct rpc_method *method);

#endif
