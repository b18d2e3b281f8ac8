// SPDX-License-Identifier: MIT
/* A block announced to a thousand peers: time until the last healthy one has all of it, once while all of them read,
 * and once while one of them never does.  The net floor runs in this process, without a node; the peers are sockets
 * here.
 *
 * The two cases take turns on the same connections: the stuck peer is made stuck by filling its buffers until bytes
 * stay in our queue, and healthy again by reading everything.
 *
 * Usage: bench_broadcast [--json] */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench_common.h"
#include "timed/net/frame.h"
#include "timed/net/handlers.h"
#include "timed/net/net.h"
#include "timed/util/log.h"

#define OUR_IP "127.73.0.1"
#define PEERS 1000
#define TURNS 10
#define ROUNDS_PER_TURN 3
#define SAMPLES ((size_t)TURNS * ROUNDS_PER_TURN)
#define TRANSACTIONS 64
/* Which of the peers is the one that gets stuck. */
#define STUCK 500
#define HOUR_MS 3600000

static int fds[PEERS];
static size_t wanted[PEERS]; /* bytes that are still to come */
static int epoll_fd;
static struct peer *stuck_peer;

/* ---- the net floor by itself */

static void on_ready(void *user, struct peer *peer)
{
	(void)user;
	(void)peer;
}

static void on_version(void *user, struct wire_version *version)
{
	(void)user;
	(void)version;
}

static bool on_is_masternode(void *user, const struct net_ip *ip)
{
	(void)user;
	(void)ip;
	return false;
}

static struct net *start_net(void)
{
	static const struct message_rule rules[WIRE_TYPE_COUNT] = {
		[WIRE_VERSION] = {peer_on_version, RATE_OTHER, false, REQUEST_NONE, NULL},
		[WIRE_PING] = {peer_on_ping, RATE_NONE, false, REQUEST_NONE, NULL},
		[WIRE_PONG] = {peer_on_pong, RATE_NONE, false, REQUEST_NONE, NULL},
	};
	struct net_ops ops = {
		.rules = rules,
		.ready = on_ready,
		.announce = on_ready,
		.poked = on_ready,
		.gone = on_ready,
		.version = on_version,
		.is_masternode = on_is_masternode,
	};
	/* Nothing happens by time: what the peers read is the block and nothing else. */
	struct net_params params = {
		.network = CHAIN_DEVNET,
		.network_name = "devnet",
		.heartbeat = {.interval_ms = HOUR_MS, .timeout_ms = HOUR_MS, .check_ms = HOUR_MS, .max_missed = 3},
		.addresses = {.network = CHAIN_DEVNET,
			      .default_port = BENCH_PORT,
			      .max_addresses = 1000,
			      .grace_ms = HOUR_MS,
			      .back_off_min_ms = HOUR_MS,
			      .back_off_max_ms = HOUR_MS},
		.bans = {3, 5, 10, HOUR_MS, HOUR_MS, HOUR_MS, 1000, 10000},
		.max_peers = PEERS + 30, /* so many at most are kept for masternodes */
		.max_handshakes = PEERS + 1,
		.max_unparsable_lines = 10,
		.max_frame_bytes = 16 << 20,
		.memory_budget_bytes = 256 << 20,
		.output_soft_bytes = 4 << 20,
		.output_hard_bytes = 32 << 20,
		.connect_timeout_ms = 10000,
		.handshake_timeout_ms = 60000,
		.tie_break_wait_ms = 1000,
		.crossed_dial_window_ms = 10000,
		.probe_timeout_ms = 5000,
		.turnaround_after_ms = HOUR_MS,
		.turnaround_redial_ms = HOUR_MS,
		.announce_delay_ms = HOUR_MS,
		.announce_interval_ms = HOUR_MS,
		.request_timeout_ms = HOUR_MS,
		.no_progress_ms = HOUR_MS,
		.accept_wait_ms = 100,
		.wrong_chain_ms = HOUR_MS,
		.tcp_keepalive_idle_s = 30,
		.tcp_keepalive_interval_s = 10,
	};
	struct net *net;
	int r;

	if (net_addr_parse(&params.listen, OUR_IP, strlen(OUR_IP), 0))
		bench_die("net_addr_parse");
	r = net_create(&net, &params, &ops);
	if (!r)
		r = net_start(net);
	if (r)
		bench_die("the net floor does not start: %s", strerror(-r));
	return net;
}

/* A block of some tens of KiB as JSON. */
static struct frame *make_frame(struct mem_budget *budget)
{
	static struct wire_transaction transactions[TRANSACTIONS];
	static struct wire_tx_input inputs[TRANSACTIONS];
	static struct wire_tx_output outputs[TRANSACTIONS];
	static uint8_t script[96];
	struct wire_message m = {.type = WIRE_BLOCK_ANNOUNCEMENT};
	struct frame *frame;

	memset(script, 0xab, sizeof(script));
	for (size_t i = 0; i < TRANSACTIONS; i++) {
		memset(inputs[i].previous_output.txid.bytes, (int)i + 100, 32);
		inputs[i].script_sig = (struct wire_bytes){script, sizeof(script)};
		outputs[i].script_pubkey = (struct wire_bytes){script, 38};
		outputs[i].value = 100000000;
		transactions[i].inputs = (struct wire_tx_input_list){&inputs[i], 1};
		transactions[i].outputs = (struct wire_tx_output_list){&outputs[i], 1};
	}
	m.u.block_announcement.transactions = (struct wire_transaction_list){transactions, TRANSACTIONS};
	if (frame_encode(&frame, budget, &m))
		bench_die("the block cannot be encoded");
	return frame;
}

/* ---- the peers */

static void dial_peers(uint16_t port)
{
	static struct bench_lines lines;
	char source[16];

	for (unsigned i = 0; i < PEERS; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

		snprintf(source, sizeof(source), "127.74.%u.%u", i / 250, i % 250 + 1);
		lines = (struct bench_lines){.fd = bench_connect(source, OUR_IP, port)};
		bench_handshake(&lines, i + 1);
		for (const char *line = ""; strncmp(line, "{\"Ping\":", 8) != 0;) {
			line = bench_line(&lines); /* the last line of a greeting */
			if (!line)
				bench_die("peer %u was sent away", i);
		}
		if (lines.start != lines.end)
			bench_die("peer %u got more than a greeting", i);
		fds[i] = lines.fd;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, lines.fd, &event))
			bench_die("epoll_ctl: %s", strerror(errno));
	}
}

/* Reads what has come for one peer.  True: all that it waits for is there. */
static bool read_peer(unsigned i)
{
	static char data[262144];
	ssize_t n;

	while (wanted[i] > 0 && (n = recv(fds[i], data, sizeof(data), MSG_DONTWAIT)) != 0) {
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0 || (size_t)n > wanted[i])
			bench_die("peer %u: more than the block, or an error", i);
		wanted[i] -= (size_t)n;
	}
	if (wanted[i] > 0)
		bench_die("peer %u was disconnected", i);
	return true;
}

/* Reads until `waiting` peers have all that they wait for. */
static void read_all(unsigned waiting)
{
	struct epoll_event events[256];

	while (waiting > 0) {
		int n = epoll_wait(epoll_fd, events, 256, 30000);

		if (n <= 0)
			bench_die("nothing comes any more: %u peers wait", waiting);
		for (int e = 0; e < n; e++) {
			unsigned i = events[e].data.u32;

			waiting -= wanted[i] > 0 && read_peer(i);
		}
	}
}

static void watch_stuck(bool watch)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = STUCK};

	if (epoll_ctl(epoll_fd, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fds[STUCK], &event))
		bench_die("epoll_ctl: %s", strerror(errno));
}

/* One broadcast.  Nanoseconds until the last healthy peer has it. */
static int64_t broadcast(struct net *net, struct frame *frame, bool stuck)
{
	int64_t begin;

	for (unsigned i = 0; i < PEERS; i++)
		wanted[i] += frame->len;
	begin = bench_ns();
	if (net_broadcast(net, frame, SEND_GOSSIP, NULL) != PEERS)
		bench_die("the broadcast did not reach everybody's queue");
	read_all(stuck ? PEERS - 1 : PEERS);
	return bench_ns() - begin;
}

/* ---- the stuck one */

static void find_stuck(struct peer *peer, void *user)
{
	if (strcmp(peer_ip_text(peer), user) == 0)
		stuck_peer = peer_ref(peer);
}

static size_t stuck_queue(struct net *net)
{
	struct peer_info *infos;
	size_t count = net_peer_infos(net, &infos), bytes = 0;

	for (size_t i = 0; i < count; i++) {
		if (infos[i].id == peer_id(stuck_peer))
			bytes = infos[i].send_queue_bytes;
	}
	free(infos);
	return bytes;
}

/* Sends to it alone until what is queued does not get less any more. */
static void make_stuck(struct net *net, struct frame *frame)
{
	struct timespec wait = {.tv_nsec = 20000000};
	size_t before, after;

	watch_stuck(false);
	do {
		for (int i = 0; i < 4 && stuck_queue(net) < frame->len; i++) {
			if (!peer_send(stuck_peer, frame, SEND_ANSWER))
				bench_die("the stuck peer is gone");
			wanted[STUCK] += frame->len;
		}
		before = stuck_queue(net);
		nanosleep(&wait, NULL);
		after = stuck_queue(net);
	} while (after == 0 || after != before);
}

static void make_healthy(void)
{
	watch_stuck(true);
	read_all(1);
}

static void report(bool json, size_t frame_len, double without_ms, double with_ms)
{
	if (json)
		printf("{\"bench\":\"broadcast\",\"peers\":%d,\"bytes\":%zu,\"ms\":%.2f,\"rival\":\"all "
		       "healthy\",\"rival_ms\":%.2f,"
		       "\"ratio\":%.3f}\n",
		       PEERS, frame_len, with_ms, without_ms, with_ms / without_ms);
	else
		printf("broadcast of %zu bytes to %d peers, one never reads: last delivery after %.2f ms; all read "
		       "%.2f ms; "
		       "ratio %.2f\n",
		       frame_len, PEERS, with_ms, without_ms, with_ms / without_ms);
}

int main(int argc, char *argv[])
{
	static int64_t without[SAMPLES], with[SAMPLES];
	static char stuck_ip[] = "127.74.2.1"; /* of number STUCK */
	bool json = bench_take_json(&argc, argv);
	struct mem_budget budget;
	struct frame *frame;
	struct net *net;

	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
	if (bench_raise_descriptors(4 * PEERS + 100) < 4 * PEERS + 100)
		bench_die("%d files cannot be opened (ulimit -n)", 4 * PEERS + 100);
	mem_budget_init(&budget, 256 << 20);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	net = start_net();
	dial_peers(net_listen_port(net));
	net_each_peer(net, find_stuck, stuck_ip);
	if (!stuck_peer)
		bench_die("there is no peer %s", stuck_ip);
	frame = make_frame(&budget);
	(void)broadcast(net, frame, false); /* not counted: it warms up */
	for (size_t turn = 0; turn < TURNS; turn++) {
		for (size_t i = 0; i < ROUNDS_PER_TURN; i++)
			without[turn * ROUNDS_PER_TURN + i] = broadcast(net, frame, false);
		make_stuck(net, frame);
		for (size_t i = 0; i < ROUNDS_PER_TURN; i++)
			with[turn * ROUNDS_PER_TURN + i] = broadcast(net, frame, true);
		make_healthy();
	}
	report(json, frame->len, (double)bench_percentile(without, SAMPLES, 0.5) / 1e6,
	       (double)bench_percentile(with, SAMPLES, 0.5) / 1e6);
	frame_unref(frame);
	peer_unref(stuck_peer);
	net_stop(net);
	net_free(net);
	return EXIT_SUCCESS;
}
