/* SPDX-License-Identifier: MIT
 *
 * What the network has counted since its start, and what it holds now: for metrics, RPC and status.  Workers count into
 * relaxed atomics that several of them share; reading sums them up and takes the peer table's lock for a moment, never
 * a peer's.
 *
 * Thread safety: any thread.  Counters only grow; those of one answer may be a message apart from each other.
 */
#ifndef TIMED_NET_NET_STATS_H
#define TIMED_NET_NET_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "timed/net/peer.h"
#include "timeproto/wire/message.h"

struct net;

#define NET_RTT_BUCKETS 12
/* Upper bounds of the histogram of round trips, rising, inclusive, in microseconds. */
extern const int64_t net_rtt_bounds_us[NET_RTT_BUCKETS];

struct net_traffic {
	uint64_t messages; /* queued to be sent, or received and understood */
	uint64_t bytes;	   /* of them, newlines included */
};

struct net_stats {
	struct net_traffic sent[WIRE_TYPE_COUNT], received[WIRE_TYPE_COUNT]; /* wire_type_name() names the types */
	uint64_t bytes_sent, bytes_received;				     /* through sockets, whatever they were */
	uint64_t rtt_buckets[NET_RTT_BUCKETS]; /* pongs by round trip, each in one bucket */
	uint64_t rtt_count;		       /* all of them, also those beyond the last bound */
	uint64_t rtt_sum_us;
	uint64_t missed_pongs;
	uint64_t closed[PEER_CLOSE_COUNT]; /* connections ended, by reason (peer_close_reason_name()) */
	uint64_t refused_banned;	   /* refused at accept: banned */
	uint64_t refused_rate;		   /* refused at accept: too many connects of one IP */
	uint64_t accept_exhausted;	   /* times that accepting paused for want of descriptors or memory */
	uint64_t memory_used;		   /* bytes reserved of the memory budget, now */
	uint32_t inbound, outbound;	   /* ready connections, now */
};
void net_get_stats(struct net *net, struct net_stats *out);

/* Bytes that wait to be sent to all peers, now.  Takes each peer's lock for a moment, one after the other. */
uint64_t net_send_queue_bytes(struct net *net);

#endif
