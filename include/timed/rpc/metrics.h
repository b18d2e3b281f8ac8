/* SPDX-License-Identifier: MIT
 *
 * Metrics in the text format of Prometheus, made from one table (src/rpc/metrics.c): a row is a name, a type, a help
 * text and where its value stands in a picture of the node that is taken first.
 *
 * Thread safety: any thread between node_start() and node_stop().  The picture takes each lock for a copy only, one
 * after the other; nothing of it is held while the text is made.
 */
#ifndef TIMED_RPC_METRICS_H
#define TIMED_RPC_METRICS_H

#include "timeproto/base/buf.h"

struct node;
struct rpc_stats;

/* The Content-Type of the text. */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends all metrics (buf's sticky error: out of memory).  `stats` may be NULL. */
void metrics_print(struct buf *out, struct node *node, const struct rpc_stats *stats);

#endif
