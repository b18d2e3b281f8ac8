/* SPDX-License-Identifier: MIT
 *
 * Counters of everything that goes through the network, for net_stats.h.  A worker counts into the part that its
 * connection's number chooses, so that two of them seldom write the same cache line.
 *
 * Thread safety: relaxed atomics; any thread.
 */
#ifndef TIMED_NET_TRAFFIC_H
#define TIMED_NET_TRAFFIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/net_stats.h"
#include "timeproto/wire/message.h"

#define TRAFFIC_PARTS 8

enum traffic_direction { TRAFFIC_SENT, TRAFFIC_RECEIVED };

struct traffic_part {
	atomic_uint_fast64_t messages[2][WIRE_TYPE_COUNT]; /* by enum traffic_direction */
	atomic_uint_fast64_t bytes[2][WIRE_TYPE_COUNT];
	atomic_uint_fast64_t socket_bytes[2];
};

/* Zeroed is empty. */
struct traffic {
	struct traffic_part parts[TRAFFIC_PARTS];
	atomic_uint_fast64_t rtt_buckets[NET_RTT_BUCKETS + 1]; /* the last one is of those beyond the last bound */
	atomic_uint_fast64_t rtt_sum_us;
};

/* A message of `bytes`, its newline included. */
static inline void traffic_message(struct traffic *t, uint64_t peer_id, enum traffic_direction direction,
				   enum wire_type type, size_t bytes)
{
	struct traffic_part *part = &t->parts[peer_id % TRAFFIC_PARTS];

	atomic_fetch_add_explicit(&part->messages[direction][type], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&part->bytes[direction][type], bytes, memory_order_relaxed);
}

/* Bytes that a socket took or gave. */
static inline void traffic_bytes(struct traffic *t, uint64_t peer_id, enum traffic_direction direction, size_t bytes)
{
	atomic_fetch_add_explicit(&t->parts[peer_id % TRAFFIC_PARTS].socket_bytes[direction], bytes,
				  memory_order_relaxed);
}

/* A pong came back. */
void traffic_round_trip(struct traffic *t, int64_t rtt_us);
/* Fills in what is counted here. */
void traffic_sum(const struct traffic *t, struct net_stats *out);

#endif
