/* SPDX-License-Identifier: MIT
 *
 * The network as a whole: what acceptor, dialer and workers share, and how it starts and stops; see net.h.
 */
#include "timed/net/net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acceptor.h"
#include "dialer.h"
#include "faults.h"
#include "net_impl.h"
#include "peer_impl.h"
#include "peer_table.h"
#include "peer_record.h"
#include "peer_worker.h"
#include "recorder.h"
#include "traffic.h"
#include "timed/net/frame.h"
#include "timed/net/net_stats.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* A connection that waits for memory longer than this is relieved. */
#define STARVED_MS 2000

struct net {
	struct net_params params; /* immutable */
	struct net_ops ops;	  /* immutable */
	struct mem_budget budget;
	struct address_book *addresses;
	struct ban_list *bans;
	struct peer_table *table;
	struct dialer *dialer;
	struct acceptor *acceptor; /* NULL until started; kept while stopped, workers that end may still ask it */
	atomic_uint_fast64_t next_peer_id;
	atomic_uint_fast64_t missed_pongs;
	struct traffic traffic;
	struct recorder *recorder;
	atomic_bool stopping;
	atomic_bool inactive; /* switched off by the operator */
};

int net_create(struct net **out, const struct net_params *params, const struct net_ops *ops)
{
	struct peer_table_params table = {
		.max_peers = params->max_peers,
		.kept_percent = params->kept_slots_percent,
		.max_handshakes = params->max_handshakes,
		.pair = {params->tie_break_wait_ms, params->crossed_dial_window_ms, params->probe_timeout_ms},
	};
	struct net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return -ENOMEM;
	net->params = *params;
	net->ops = *ops;
	mem_budget_init(&net->budget, params->memory_budget_bytes);
	memcpy(table.node_id, params->node_id, sizeof(table.node_id));
	r = faults_load();
	if (!r)
		r = address_book_create(&net->addresses, &params->addresses);
	if (!r)
		r = ban_list_create(&net->bans, &params->bans);
	if (!r)
		r = peer_table_create(&net->table, &table);
	if (!r)
		r = dialer_create(&net->dialer, net);
	if (!r)
		r = recorder_create(&net->recorder, params->network_name, params->max_frame_bytes);
	if (r) {
		net_free(net);
		return r;
	}
	if (params->has_external)
		address_book_set_own(net->addresses, &params->external);
	else if (!net_ip_is_unspecified(&params->listen.ip))
		address_book_set_own(net->addresses, &params->listen.ip);
	*out = net;
	return 0;
}

void net_free(struct net *net)
{
	if (!net)
		return;
	acceptor_free(net->acceptor);
	dialer_free(net->dialer);
	recorder_free(net->recorder);
	peer_table_free(net->table);
	ban_list_free(net->bans);
	address_book_free(net->addresses);
	free(net);
}

int net_start(struct net *net)
{
	int r = acceptor_start(&net->acceptor, net);

	if (!r)
		r = dialer_start(net->dialer);
	if (r)
		net_stop(net);
	return r;
}

void net_stop(struct net *net)
{
	atomic_store(&net->stopping, true);
	acceptor_stop(net->acceptor);
	dialer_stop(net->dialer);
	peer_table_shut(net->table);
	peer_table_reap(net->table, true);
}

void *net_user(const struct net *net)
{
	return net->ops.user;
}

const struct net_params *net_params(const struct net *net)
{
	return &net->params;
}

struct address_book *net_addresses(struct net *net)
{
	return net->addresses;
}

struct ban_list *net_bans(struct net *net)
{
	return net->bans;
}

uint16_t net_listen_port(const struct net *net)
{
	return acceptor_port(net->acceptor);
}

struct mem_budget *net_budget(struct net *net)
{
	return &net->budget;
}

struct peer_table *net_table(const struct net *net)
{
	return net->table;
}

const struct net_ops *net_get_ops(const struct net *net)
{
	return &net->ops;
}

struct recorder *net_recorder(const struct net *net)
{
	return net->recorder;
}

struct traffic *net_traffic(struct net *net)
{
	return &net->traffic;
}

uint64_t net_next_peer_id(struct net *net)
{
	return atomic_fetch_add(&net->next_peer_id, 1) + 1;
}

void net_count_missed_pong(struct net *net)
{
	atomic_fetch_add(&net->missed_pongs, 1);
}

bool net_is_stopping(const struct net *net)
{
	return atomic_load(&net->stopping);
}

void net_reap(struct net *net)
{
	peer_table_reap(net->table, false);
}

void net_wake_dialer(struct net *net)
{
	dialer_wake(net->dialer);
}

bool net_violation(struct net *net, const struct net_ip *ip, const char *what)
{
	char text[NET_IP_TEXT_SIZE];
	enum ban_level level;
	uint32_t count;

	level = ban_list_violation(net->bans, &count, ip, clock_real_s());
	net_ip_text(text, ip);
	log_warn(LOG_NET, "⚠️ Violation #%" PRIu32 " from %s: %s", count, text, what);
	switch (level) {
	case BAN_NONE:
	case BAN_MANUAL: /* violations cause none */
		return false;
	case BAN_SHORT:
		log_warn(LOG_NET, "🚫 Auto-banned %s for %" PRId64 " minutes (%" PRIu32 " violations)", text,
			 (net->params.bans.short_ms + 59999) / 60000, count);
		return true;
	case BAN_LONG:
		log_warn(LOG_NET, "🚫 Auto-banned %s for %" PRId64 " hour (%" PRIu32 " violations)", text,
			 (net->params.bans.long_ms + 3599999) / 3600000, count);
		return true;
	case BAN_PERMANENT:
		log_warn(LOG_NET, "🚫 PERMANENTLY BANNED %s (%" PRIu32 " violations)", text, count);
		return true;
	}
	return false;
}

void net_own_ip(struct net *net, struct net_ip *out, const struct net_addr *bound)
{
	*out = net->params.has_external ? net->params.external : bound->ip;
}

void net_listen_text(struct net *net, char out[NET_ADDR_TEXT_SIZE], const struct net_addr *bound)
{
	struct net_addr listen = net->params.listen;

	listen.port = net->acceptor ? acceptor_port(net->acceptor) : listen.port;
	if (net->params.has_external)
		listen.ip = net->params.external;
	else if (net_ip_is_unspecified(&listen.ip))
		listen.ip = bound->ip;
	net_addr_text(out, &listen);
}

/* The connect is only begun; the worker waits for its end. */
static int begin_connect(int fd, const struct net_addr *addr)
{
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(&sa, addr);
	char text[NET_ADDR_TEXT_SIZE];

	net_addr_text(text, addr);
	log_info(LOG_NET, "🔗 [Outbound] Connecting to %s", text);
	return connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS ? -errno : 0;
}

/* What the operator has said since the connection was dialled or accepted: who says it closes what is registered, and who
 * registers asks, so that nothing slips through between. */
static enum peer_close_reason why_unwanted(struct net *net, const struct net_addr *addr)
{
	if (!net_is_active(net))
		return PEER_CLOSE_NETWORK_OFF;
	return ban_list_is_banned(net->bans, &addr->ip, clock_real_s()) ? PEER_CLOSE_BANNED : PEER_CLOSE_NONE;
}

int net_start_peer(struct net *net, const struct net_addr *addr, enum peer_direction direction, int fd, bool manual)
{
	struct peer *peer = peer_new(net, addr, direction, fd, manual);
	enum peer_close_reason unwanted;
	char name[2 + NET_IP_TEXT_SIZE];
	int r = 0;

	if (!peer)
		return -ENOMEM;
	if (!peer_table_register(net->table, peer)) {
		r = -ESHUTDOWN;
	} else if ((unwanted = why_unwanted(net, addr)) != PEER_CLOSE_NONE) {
		peer_ask_close(peer, unwanted);
		r = -EACCES;
	} else if (direction == PEER_OUTBOUND && !peer_table_claim(net->table, peer)) {
		peer_ask_close(peer, PEER_CLOSE_DUPLICATE);
		r = -EEXIST;
	} else if (direction == PEER_OUTBOUND) {
		r = begin_connect(fd, addr);
		if (r)
			peer_ask_close(peer, PEER_CLOSE_CONNECT_FAILED);
	}
	if (!r) {
		peer_record_open(peer);
		snprintf(name, sizeof(name), "p:%s", peer->ip_text);
		/* The worker begins by taking this lock: what is written here is written before it looks. */
		mutex_lock(&peer->out);
		r = thread_start(&peer->thread, name, peer_worker, peer);
		mutex_unlock(&peer->out);
		if (r) {
			peer_ask_close(peer, PEER_CLOSE_MEMORY);
			peer_record_close(peer);
		}
	}
	if (r)
		peer_close_fds(peer);
	if (r && r != -ESHUTDOWN)
		peer_table_finished(net->table, peer);
	peer_unref(peer);
	return r;
}

size_t net_broadcast(struct net *net, struct frame *frame, enum send_class class, const struct peer *except)
{
	struct peer **peers;
	size_t n = peer_table_list(net->table, &peers, false), sent = 0;

	for (size_t i = 0; i < n; i++) {
		if (peers[i] != except)
			sent += peer_send(peers[i], frame, class);
		peer_unref(peers[i]);
	}
	free(peers);
	return sent;
}

bool net_disconnect(struct net *net, const struct net_ip *ip, enum peer_close_reason reason)
{
	return peer_table_close_matching(net->table, ip, reason) > 0;
}

void net_set_active(struct net *net, bool active)
{
	if (atomic_exchange(&net->inactive, !active) == !active)
		return;
	log_warn(LOG_NET, "The network is switched %s", active ? "on" : "off: nobody is dialled or accepted");
	if (!active)
		(void)peer_table_close_matching(net->table, NULL, PEER_CLOSE_NETWORK_OFF);
	net_wake_dialer(net);
}

bool net_is_active(const struct net *net)
{
	return !atomic_load(&net->inactive);
}

size_t net_peer_infos(struct net *net, struct peer_info **out)
{
	struct peer **peers;
	size_t n = peer_table_list(net->table, &peers, false);
	struct peer_info *infos = n ? calloc(n, sizeof(*infos)) : NULL;

	for (size_t i = 0; i < n; i++) {
		if (infos)
			peer_get_info(peers[i], &infos[i]);
		peer_unref(peers[i]);
	}
	free(peers);
	*out = infos;
	return infos ? n : 0;
}

void net_each_peer(struct net *net, void (*each)(struct peer *peer, void *user), void *user)
{
	struct peer **peers;
	size_t n = peer_table_list(net->table, &peers, false);

	for (size_t i = 0; i < n; i++) {
		each(peers[i], user);
		peer_unref(peers[i]);
	}
	free(peers);
}

static void poke(struct peer *peer, void *user)
{
	(void)user;
	peer_poke(peer);
}

static void probe(struct peer *peer, void *user)
{
	(void)user;
	atomic_store(&peer->probe, true);
	peer_wake(peer);
}

void net_ping_all(struct net *net)
{
	net_each_peer(net, probe, NULL);
}

void net_poke_all(struct net *net)
{
	net_each_peer(net, poke, NULL);
}

uint32_t net_ready_count(struct net *net)
{
	return peer_table_ready_count(net->table);
}

/* What a connection keeps of the memory that others wait for. */
static size_t memory_of(struct peer *peer)
{
	return atomic_load_explicit(&peer->incomplete, memory_order_relaxed) + peer_queue_bytes(peer);
}

/* The living connection that holds most, counted; *starved: somebody has been waiting for memory for too long. */
static struct peer *largest_holder(struct net *net, bool *starved, int64_t now_ms)
{
	struct peer **peers, *largest = NULL;
	size_t n = peer_table_list(net->table, &peers, true), most = 0;

	*starved = false;
	for (size_t i = 0; i < n; i++) {
		size_t bytes = memory_of(peers[i]);

		*starved |= atomic_load_explicit(&peers[i]->starved, memory_order_relaxed) &&
			    now_ms - atomic_load_explicit(&peers[i]->starved_since_ms, memory_order_relaxed) >=
				    STARVED_MS;
		if (bytes > most && peer_get_state(peers[i]) != PEER_CLOSING) {
			peer_unref(largest);
			largest = peers[i];
			most = bytes;
		} else {
			peer_unref(peers[i]);
		}
	}
	free(peers);
	return largest;
}

void net_relieve_memory(struct net *net)
{
	struct peer *largest;
	/* What could not be sent, or handed on, is lost: there is nobody to be patient with. */
	bool lost = atomic_exchange(&net->budget.refused, false), starved;

	/* Nobody waits while half of the budget is free. */
	if (atomic_load_explicit(&net->budget.used, memory_order_relaxed) < net->budget.limit / 2)
		return;
	largest = largest_holder(net, &starved, clock_mono_ms());
	if ((lost || starved) && largest) {
		log_warn(LOG_NET, "The memory budget is used up: closing %s, which holds most of it",
			 peer_ip_text(largest));
		peer_ask_close(largest, PEER_CLOSE_MEMORY);
	}
	peer_unref(largest);
}

void net_wait_ended(struct net *net, int64_t deadline_ms)
{
	peer_table_wait(net->table, deadline_ms);
}

void net_wake_keeper(struct net *net)
{
	peer_table_wake(net->table);
}

void net_get_stats(struct net *net, struct net_stats *out)
{
	memset(out, 0, sizeof(*out));
	traffic_sum(&net->traffic, out);
	peer_table_count(net->table, out);
	if (net->acceptor) {
		out->refused_banned = acceptor_refused_banned(net->acceptor);
		out->refused_rate = acceptor_refused_rate(net->acceptor);
		out->accept_exhausted = acceptor_exhausted(net->acceptor);
	}
	out->missed_pongs = atomic_load(&net->missed_pongs);
	out->memory_used = atomic_load(&net->budget.used);
}

static void add_queue(struct peer *peer, void *user)
{
	uint64_t *bytes = user;

	*bytes += peer_queue_bytes(peer);
}

uint64_t net_send_queue_bytes(struct net *net)
{
	uint64_t bytes = 0;

	net_each_peer(net, add_queue, &bytes);
	return bytes;
}
