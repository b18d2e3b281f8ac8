/* SPDX-License-Identifier: MIT
 *
 * The findings of node/health.h as JSON.
 *
 * Ownership: new references; NULL: out of memory.
 * Thread safety: as node_health().
 */
#ifndef TIMED_RPC_WARNINGS_H
#define TIMED_RPC_WARNINGS_H

#include <jansson.h>

struct health;
struct node;

/* The field `warnings` of methods: ["no-peers: No peer is connected", ...], failures first. */
json_t *warnings_of(struct node *node) __attribute__((warn_unused_result));
/* [{code, failure, text}, ...]. */
json_t *warnings_describe(const struct health *health) __attribute__((warn_unused_result));

#endif
