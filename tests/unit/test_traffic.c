/* SPDX-License-Identifier: MIT
 *
 * Counters of the network: sums over their parts, and the histogram of round trips.
 */
#include "run_suite.h"
#include "traffic.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

static struct traffic traffic;
static struct net_stats stats;

static void setup(void)
{
	memset(&traffic, 0, sizeof(traffic));
	memset(&stats, 0, sizeof(stats));
}

/* Whoever counted, the answer has it once, in its direction and type. */
START_TEST(messages_of_all_peers_are_summed)
{
	for (uint64_t peer = 1; peer <= 20; peer++)
		traffic_message(&traffic, peer, TRAFFIC_SENT, WIRE_PING, 10);
	traffic_message(&traffic, 3, TRAFFIC_RECEIVED, WIRE_PONG, 7);
	traffic_sum(&traffic, &stats);
	ck_assert_uint_eq(stats.sent[WIRE_PING].messages, 20);
	ck_assert_uint_eq(stats.sent[WIRE_PING].bytes, 200);
	ck_assert_uint_eq(stats.received[WIRE_PONG].messages, 1);
	ck_assert_uint_eq(stats.received[WIRE_PONG].bytes, 7);
	ck_assert_uint_eq(stats.received[WIRE_PING].messages + stats.sent[WIRE_PONG].messages, 0);
}
END_TEST

START_TEST(socket_bytes_of_all_peers_are_summed)
{
	for (uint64_t peer = 1; peer <= 20; peer++) {
		traffic_bytes(&traffic, peer, TRAFFIC_SENT, 100);
		traffic_bytes(&traffic, peer, TRAFFIC_RECEIVED, 1);
	}
	traffic_sum(&traffic, &stats);
	ck_assert_uint_eq(stats.bytes_sent, 2000);
	ck_assert_uint_eq(stats.bytes_received, 20);
}
END_TEST

/* A bound belongs to its bucket; what is beyond the last one is counted and in no bucket. */
START_TEST(round_trips_fall_into_their_buckets)
{
	for (int i = 0; i < NET_RTT_BUCKETS; i++) {
		traffic_round_trip(&traffic, net_rtt_bounds_us[i]);
		ck_assert(i == 0 || net_rtt_bounds_us[i] > net_rtt_bounds_us[i - 1]);
	}
	traffic_round_trip(&traffic, 0);
	traffic_round_trip(&traffic, net_rtt_bounds_us[0] + 1);
	traffic_round_trip(&traffic, net_rtt_bounds_us[NET_RTT_BUCKETS - 1] + 1);
	traffic_sum(&traffic, &stats);
	ck_assert_uint_eq(stats.rtt_buckets[0], 2);
	ck_assert_uint_eq(stats.rtt_buckets[1], 2);
	for (int i = 2; i < NET_RTT_BUCKETS; i++)
		ck_assert_uint_eq(stats.rtt_buckets[i], 1);
	ck_assert_uint_eq(stats.rtt_count, NET_RTT_BUCKETS + 3);
	for (int i = 0; i < NET_RTT_BUCKETS; i++)
		stats.rtt_sum_us -= (uint64_t)net_rtt_bounds_us[i];
	ck_assert_uint_eq(stats.rtt_sum_us,
			  (uint64_t)(net_rtt_bounds_us[0] + net_rtt_bounds_us[NET_RTT_BUCKETS - 1] + 2));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("traffic");
	TCase *c = tcase_create("traffic");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, messages_of_all_peers_are_summed);
	tcase_add_test(c, socket_bytes_of_all_peers_are_summed);
	tcase_add_test(c, round_trips_fall_into_their_buckets);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
