// SPDX-License-Identifier: MIT
/* Sums of the counters; see traffic.h. */
#include "traffic.h"

/* A heartbeat is judged by milliseconds on one machine, and by seconds across the world. */
const int64_t net_rtt_bounds_us[NET_RTT_BUCKETS] = {
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000,
};

void traffic_round_trip(struct traffic *t, int64_t rtt_us)
{
	int bucket = 0;

	while (bucket < NET_RTT_BUCKETS && rtt_us > net_rtt_bounds_us[bucket])
		bucket++;
	atomic_fetch_add_explicit(&t->rtt_buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&t->rtt_sum_us, (uint64_t)rtt_us, memory_order_relaxed);
}

static uint64_t load(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_types(struct net_traffic out[WIRE_TYPE_COUNT], const struct traffic_part *part,
		      enum traffic_direction direction)
{
	for (int type = 0; type < WIRE_TYPE_COUNT; type++) {
		out[type].messages += load(&part->messages[direction][type]);
		out[type].bytes += load(&part->bytes[direction][type]);
	}
}

void traffic_sum(const struct traffic *t, struct net_stats *out)
{
	for (int i = 0; i < TRAFFIC_PARTS; i++) {
		add_types(out->sent, &t->parts[i], TRAFFIC_SENT);
		add_types(out->received, &t->parts[i], TRAFFIC_RECEIVED);
		out->bytes_sent += load(&t->parts[i].socket_bytes[TRAFFIC_SENT]);
		out->bytes_received += load(&t->parts[i].socket_bytes[TRAFFIC_RECEIVED]);
	}
	/* Counted from the buckets: an answer never says that there are more in them than there are in all. */
	out->rtt_count = load(&t->rtt_buckets[NET_RTT_BUCKETS]);
	for (int i = 0; i < NET_RTT_BUCKETS; i++) {
		out->rtt_buckets[i] = load(&t->rtt_buckets[i]);
		out->rtt_count += out->rtt_buckets[i];
	}
	out->rtt_sum_us = load(&t->rtt_sum_us);
}
