/* SPDX-License-Identifier: MIT
 *
 * The parameters of a network for tests: the protocol's values, on a devnet, listening on an ephemeral port.
 */
#ifndef TESTS_UNIT_NET_FIXTURE_H
#define TESTS_UNIT_NET_FIXTURE_H

#include "net_util.h"
#include "timed/net/net.h"
#include "timed/util/log.h"

static inline struct net_params net_fixture_params(const char *listen_ip)
{
	return (struct net_params){
		.network = CHAIN_DEVNET,
		.network_name = "devnet",
		.listen = {.ip = ip_of(listen_ip), .port = 0},
		.heartbeat = {30000, 90000, 10000, 3, 10000, 4096},
		.addresses = {.network = CHAIN_DEVNET,
			      .default_port = 24200,
			      .max_addresses = 1000,
			      .grace_ms = 30000,
			      .back_off_min_ms = 5000,
			      .back_off_max_ms = 300000,
			      .give_up_after = 10,
			      .give_up_after_masternode = 20,
			      .turnaround_dial_ms = 2000,
			      .turnaround_interval_ms = 600000},
		.bans = {3, 5, 10, 300000, 3600000, 3600000, 1000000, 1000},
		.rates = {.enabled = true,
			  .per_minute = {[RATE_TRANSACTION] = 60000,
					 [RATE_VOTE] = 30000,
					 [RATE_BLOCK_VOTE] = 30000,
					 [RATE_BLOCK] = 6000,
					 [RATE_UTXO_QUERY] = 6000,
					 [RATE_SUBSCRIBE] = 10,
					 [RATE_OTHER] = 600}},
		.max_peers = 50,
		.kept_slots_percent = 40,
		.max_handshakes = 64,
		.max_unparsable_lines = 10,
		.requests_per_second_existing = 8,
		.max_frame_bytes = 16 << 20,
		.memory_budget_bytes = (size_t)256 << 20,
		.output_soft_bytes = 4 << 20,
		.output_hard_bytes = 32 << 20,
		.connect_timeout_ms = 10000,
		.handshake_timeout_ms = 10000,
		.tie_break_wait_ms = 1000,
		.crossed_dial_window_ms = 10000,
		.probe_timeout_ms = 5000,
		.turnaround_after_ms = 30000,
		.turnaround_redial_ms = 7000,
		.announce_delay_ms = 5000,
		.announce_interval_ms = 60000,
		.request_timeout_ms = 60000,
		.no_progress_ms = 60000,
		.accept_wait_ms = 100,
		.wrong_chain_ms = 3600000,
		.tcp_keepalive_idle_s = 30,
		.tcp_keepalive_interval_s = 10,
	};
}

/* The log is not what is tested. */
static inline void net_fixture_silence(void)
{
	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
}

#endif
