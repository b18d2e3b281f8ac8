/* SPDX-License-Identifier: MIT
 *
 * What the status page shows, as one JSON object: /status.json.  For people and that page; programs read metrics and
 * call methods, whose fields do not change.
 *
 * Thread safety: any thread between node_start() and node_stop().  Locks are taken one after the other, each for a
 * copy.
 */
#ifndef TIMED_RPC_STATUS_H
#define TIMED_RPC_STATUS_H

#include <jansson.h>

struct node;

/* Peers and masternodes that are listed at most; their counts are of all. */
#define STATUS_MAX_ROWS 250

/* A new reference; NULL: out of memory. */
json_t *status_describe(struct node *node) __attribute__((warn_unused_result));

#endif
