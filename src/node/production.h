/* SPDX-License-Identifier: MIT
 *
 * Making blocks as on the existing network, where no validators decide (PROTOCOL.md §9): when consensus/slot.h says
 * that it is our turn among the active masternodes, a block is made, connected by the chain thread, and announced.
 *
 * Nothing is made while blocks are being fetched, nor before we have been connected to the masternodes that are needed
 * for long enough to have heard of a better chain: a node that has just started, or is cut off, would make a chain of
 * its own.
 *
 * Thread safety: the thread `consensus` alone, between production_new() and the end of the chain thread.
 */
#ifndef TIMED_NODE_PRODUCTION_H
#define TIMED_NODE_PRODUCTION_H

#include <stdint.h>

struct node;
struct production;

/* 0 or -ENOMEM. */
int production_new(struct production **out, struct node *node) __attribute__((warn_unused_result));
/* The chain thread has stopped.  NULL is fine. */
void production_free(struct production *production);

/* When production_tick() has something to do next, monotonic; INT64_MAX when we make no blocks.  A new tip is a reason
 * to call it as well: nothing else says that one has come. */
int64_t production_deadline_ms(const struct production *production);
/* Makes a block if it is our turn.  Does not wait for it to be connected.  May read the disk. */
void production_tick(struct production *production, int64_t now_ms);

#endif
