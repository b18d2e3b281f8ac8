/* SPDX-License-Identifier: MIT
 *
 * Networks for tests: their parameters (the protocol's values, on a devnet, listening on an ephemeral port), and a node
 * of few words above them.  Raw sockets that speak to them are in net_raw.h.
 */
#ifndef TESTS_UNIT_NET_FIXTURE_H
#define TESTS_UNIT_NET_FIXTURE_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <check.h>
#include <sodium.h>

#include "net_impl.h"
#include "net_util.h"
#include "timed/net/frame.h"
#include "timed/net/handlers.h"
#include "timed/net/net.h"
#include "timed/net/net_stats.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* Nothing that a test waits for takes so long. */
#define NET_FIXTURE_PATIENCE_MS 20000

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
		.same_range_ms = 10000,
		.same_range_per_minute = 600,
		.no_progress_ms = 60000,
		.accept_wait_ms = 100,
		.wrong_chain_ms = 3600000,
		.tcp_keepalive_idle_s = 30,
		.tcp_keepalive_interval_s = 10,
	};
}

/* --- a node of few words --- */

struct fixture_node {
	struct net *net;
	struct net_addr addr;	      /* where it listens */
	void (*on_ready)(struct peer *peer); /* may be NULL */
	enum message_verdict (*on_request)(struct peer *peer, const struct wire_message *message); /* GetBlockHash */
	atomic_uint ready;	      /* times a peer became ready */
	atomic_uint announced;	      /* times it was time to announce */
	atomic_uint poked;	      /* times somebody poked a peer */
	atomic_uint gone;	      /* ready connections that ended */
	atomic_uint unanswered[REQUEST_KIND_COUNT]; /* requests given up, by kind */
	atomic_uint received[WIRE_TYPE_COUNT]; /* messages handled, by type */
	atomic_uint expected;	      /* answers that had been asked for */
	atomic_uint_fast64_t key;     /* of the last of those */
};

static inline enum message_verdict fixture_count(struct peer *peer, const struct wire_message *message)
{
	struct fixture_node *node = peer_user(peer);
	uint64_t key;

	if (peer_answer_expected(peer, &key)) {
		atomic_store(&node->key, key);
		atomic_fetch_add(&node->expected, 1);
	}
	atomic_fetch_add(&node->received[message->type], 1);
	return MESSAGE_USEFUL;
}

static inline enum message_verdict fixture_useless(struct peer *peer, const struct wire_message *message)
{
	(void)fixture_count(peer, message);
	return MESSAGE_USELESS;
}

static inline enum message_verdict fixture_get_peers(struct peer *peer, const struct wire_message *message)
{
	struct wire_str one = {"10.9.8.7:6", 10};
	struct wire_message m = {.type = WIRE_PEERS_RESPONSE, .u.peers_response = {&one, 1}};

	(void)fixture_count(peer, message);
	(void)peer_reply(peer, &m);
	return MESSAGE_USEFUL;
}

static inline enum message_verdict fixture_request(struct peer *peer, const struct wire_message *message)
{
	struct fixture_node *node = peer_user(peer);

	return node->on_request ? node->on_request(peer, message) : fixture_count(peer, message);
}

static inline bool fixture_height(const struct wire_message *message, uint64_t height)
{
	return message->u.block_hash_response.height == height;
}

static const struct message_rule fixture_rules[WIRE_TYPE_COUNT] = {
	[WIRE_HANDSHAKE] = {peer_on_handshake, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_ACK] = {peer_on_ack, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_VERSION] = {peer_on_version, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_PING] = {peer_on_ping, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_PONG] = {peer_on_pong, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_GET_PEERS] = {fixture_get_peers, RATE_OTHER, true, REQUEST_NONE, NULL},
	[WIRE_PEERS_RESPONSE] = {fixture_count, RATE_NONE, false, REQUEST_PEERS, NULL},
	[WIRE_GET_BLOCK_HASH] = {fixture_request, RATE_NONE, true, REQUEST_NONE, NULL},
	[WIRE_BLOCK_HASH_RESPONSE] = {fixture_count, RATE_NONE, false, REQUEST_BLOCK_HASH, fixture_height},
	[WIRE_GET_BLOCK_HEIGHT] = {fixture_useless, RATE_OTHER, true, REQUEST_NONE, NULL},
	[WIRE_BLOCK_HEIGHT_RESPONSE] = {fixture_count, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_TRANSACTION_REJECTED] = {fixture_count, RATE_TRANSACTION, false, REQUEST_NONE, NULL},
	[WIRE_TRANSACTION_BROADCAST] = {fixture_count, RATE_TRANSACTION, false, REQUEST_NONE, NULL},
};

static inline void fixture_ready(void *user, struct peer *peer)
{
	struct fixture_node *node = user;

	if (node->on_ready)
		node->on_ready(peer);
	atomic_fetch_add(&node->ready, 1);
}

static inline void fixture_announce(void *user, struct peer *peer)
{
	struct fixture_node *node = user;

	(void)peer;
	atomic_fetch_add(&node->announced, 1);
}

static inline void fixture_poked(void *user, struct peer *peer)
{
	struct fixture_node *node = user;

	(void)peer;
	atomic_fetch_add(&node->poked, 1);
}

static inline void fixture_unanswered(void *user, struct peer *peer, enum request_kind kind, uint64_t key)
{
	struct fixture_node *node = user;

	(void)peer;
	(void)key;
	atomic_fetch_add(&node->unanswered[kind], 1);
}

static inline void fixture_gone(void *user, struct peer *peer)
{
	struct fixture_node *node = user;

	(void)peer;
	atomic_fetch_add(&node->gone, 1);
}

static inline void fixture_version(void *user, struct wire_version *version)
{
	(void)user;
	version->version = (struct wire_str){"test", 4};
}

static inline bool fixture_is_masternode(void *user, const struct net_ip *ip)
{
	(void)user;
	(void)ip;
	return false;
}

static inline void fixture_start(struct fixture_node *node, const struct net_params *params)
{
	const struct net_ops ops = {
		.rules = fixture_rules,
		.ready = fixture_ready,
		.announce = fixture_announce,
		.poked = fixture_poked,
		.unanswered = fixture_unanswered,
		.gone = fixture_gone,
		.version = fixture_version,
		.is_masternode = fixture_is_masternode,
		.user = node,
	};
	struct net_params p = *params;

	/* The log is not what is tested. */
	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
	ck_assert_int_ge(sodium_init(), 0);
	randombytes_buf(p.node_id, sizeof(p.node_id));
	ck_assert_int_eq(net_create(&node->net, &p, &ops), 0);
	ck_assert_int_eq(net_start(node->net), 0);
	node->addr = (struct net_addr){p.listen.ip, net_listen_port(node->net)};
}

/* Stopped, freed, and nothing is left of the memory that its peers had reserved. */
static inline void fixture_stop(struct fixture_node *node)
{
	struct net_stats totals;

	net_stop(node->net);
	net_get_stats(node->net, &totals);
	ck_assert_uint_eq(totals.memory_used, 0);
	ck_assert_uint_eq(net_ready_count(node->net), 0);
	net_free(node->net);
}

static inline void fixture_dial(struct fixture_node *node, const struct net_addr *to)
{
	(void)address_book_add(net_addresses(node->net), to, ADDR_SOURCE_CONFIGURED, clock_mono_ms());
	net_wake_dialer(node->net);
}

static inline uint64_t fixture_closed(struct fixture_node *node, enum peer_close_reason reason)
{
	struct net_stats totals;

	net_get_stats(node->net, &totals);
	return totals.closed[reason];
}

/* The only ready connection. */
static inline struct peer_info fixture_only_peer(struct fixture_node *node)
{
	struct peer_info *infos, info;

	ck_assert_uint_eq(net_peer_infos(node->net, &infos), 1);
	info = infos[0];
	free(infos);
	return info;
}

/* A frame of gossip with so much text in it. */
static inline struct frame *fixture_news(struct fixture_node *node, size_t bytes)
{
	struct wire_message m = {.type = WIRE_TRANSACTION_REJECTED};
	struct frame *frame;
	char *text = malloc(bytes);

	ck_assert_ptr_nonnull(text);
	memset(text, 'n', bytes);
	m.u.transaction_rejected.reason = (struct wire_str){text, bytes};
	ck_assert_int_eq(frame_encode(&frame, net_budget(node->net), &m), 0);
	free(text);
	return frame;
}

static inline int64_t fixture_real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void fixture_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

/* Waits until it is so. */
#define FIXTURE_AWAIT(condition)                                                                                       \
	do {                                                                                                           \
		int64_t until_ms = fixture_real_ms() + NET_FIXTURE_PATIENCE_MS;                                        \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(fixture_real_ms() < until_ms, "waited in vain for: %s", #condition);             \
			fixture_pause();                                                                               \
		}                                                                                                      \
	} while (0)

#endif
