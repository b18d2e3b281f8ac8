// SPDX-License-Identifier: MIT
/* Idle connections: what each costs in resident memory, over the daemon without them, and beside a bare thread that
 * waits for nothing (the floor of one thread per peer); how much processor all of them cost over a whole ping interval;
 * and how soon a new peer gets in.
 *
 * The peers come from as many loopback addresses and behave like nodes of ours: they greet, answer what they are asked,
 * and answer pings.
 *
 * Where the limit of open files is too low for that many (and cannot be raised), there are as many as fit.
 *
 * Usage: bench_idle [--json] TIMED PEERS */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_common.h"

#define DAEMON_IP "127.75.0.1"
#define NEW_IP "127.75.0.2"
#define MAX_PEERS 20000
#define FLOOR_THREADS 1000
#define FLOOR_STACK ((size_t)128 * 1024)
/* The last greetings are answered by then. */
#define SETTLE_NS ((int64_t)3000000000)
/* One ping interval of the protocol. */
#define WINDOW_NS ((int64_t)30000000000)
#define LINE_SIZE 640
/* Slots beyond those for anybody: kept for masternodes (at most 30), and for the newcomer. */
#define KEPT_SLOTS 40
/* So many shake hands at once: where descriptors are short, the daemon has room for 32 at least. */
#define HANDSHAKES 16
#define ROOM_FOR_HANDSHAKES 32
/* Files of the daemon that are no connections. */
#define DAEMON_FILES 512

struct idle_peer {
	int fd;
	size_t len; /* of the line that is coming in */
	char line[LINE_SIZE];
};

static struct idle_peer peers[MAX_PEERS];
static int epoll_fd;
static char hash_answer[LINE_SIZE]; /* to GetBlockHash(0): what the daemon itself says */
static size_t acks;		    /* greetings that were answered */

/* ---- the floor */

static void *wait_for_nothing(void *arg)
{
	struct pollfd never = {.fd = *(int *)arg, .events = POLLIN};

	(void)poll(&never, 1, -1);
	return NULL;
}

/* Resident bytes of a thread that waits in poll. */
static double bare_thread_bytes(void)
{
	double bytes = 0;
	pthread_attr_t attr;
	pthread_t thread;
	int never, fds[2];
	size_t before;
	pid_t pid;

	if (pipe(fds))
		bench_die("pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		never = eventfd(0, 0);
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, FLOOR_STACK);
		before = bench_rss(getpid());
		for (int i = 0; i < FLOOR_THREADS; i++) {
			if (pthread_create(&thread, &attr, wait_for_nothing, &never))
				_exit(1);
		}
		sleep(1);
		bytes = (double)(bench_rss(getpid()) - before) / FLOOR_THREADS;
		_exit(write(fds[1], &bytes, sizeof(bytes)) == sizeof(bytes) ? 0 : 1);
	}
	if (read(fds[0], &bytes, sizeof(bytes)) != sizeof(bytes))
		bench_die("the bare threads failed");
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	return bytes;
}

/* ---- the peers */

static void answer(struct idle_peer *p)
{
	static const char hash[] = "{\"GetBlockHash\":0}", ping[] = "{\"Ping\":";
	char out[LINE_SIZE];
	int len = 0;

	if (strncmp(p->line, ping, sizeof(ping) - 1) == 0)
		len = snprintf(out, sizeof(out), "{\"Pong\":%s\n", p->line + sizeof(ping) - 1);
	else if (strcmp(p->line, hash) == 0)
		len = snprintf(out, sizeof(out), "%s\n", hash_answer);
	else if (strcmp(p->line, "\"GetPeers\"") == 0)
		len = snprintf(out, sizeof(out), "{\"PeersResponse\":[]}\n");
	else if (strcmp(p->line, "\"GetMasternodes\"") == 0)
		len = snprintf(out, sizeof(out), "{\"MasternodesResponse\":[]}\n");
	else if (strcmp(p->line, "\"GetBlockHeight\"") == 0)
		len = snprintf(out, sizeof(out), "{\"BlockHeightResponse\":0}\n");
	else if (strncmp(p->line, "{\"Ack\":", 7) == 0)
		acks++;
	if (len > 0)
		bench_send(p->fd, out, (size_t)len);
}

static void take(struct idle_peer *p, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			if (p->len + 1 == LINE_SIZE)
				bench_die("a line of more than %d bytes", LINE_SIZE);
			p->line[p->len++] = data[i];
			continue;
		}
		p->line[p->len] = 0;
		answer(p);
		p->len = 0;
	}
}

/* Answers what comes until then, or until `count` greetings are answered. */
static void serve(int64_t until_ns, size_t count)
{
	static char data[65536];
	struct epoll_event events[256];
	int64_t left;

	while (acks < count && (left = until_ns - bench_ns()) > 0) {
		int n = epoll_wait(epoll_fd, events, 256, (int)(left / 1000000) + 1);

		for (int e = 0; e < n; e++) {
			struct idle_peer *p = events[e].data.ptr;
			ssize_t got = recv(p->fd, data, sizeof(data), MSG_DONTWAIT);

			if (got > 0)
				take(p, data, (size_t)got);
			else if (got == 0 || errno != EAGAIN)
				bench_die("peer %td was disconnected", p - peers);
		}
	}
}

static void dial(unsigned i)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peers[i]};
	char source[16], greeting[640];

	snprintf(source, sizeof(source), "127.76.%u.%u", i / 250, i % 250 + 1);
	peers[i].fd = bench_connect(source, DAEMON_IP, BENCH_PORT);
	bench_send(peers[i].fd, greeting, bench_greeting(greeting, sizeof(greeting), i + 10));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, peers[i].fd, &event))
		bench_die("epoll_ctl: %s", strerror(errno));
}

/* ---- one more */

static void request(struct bench_lines *lines, const char *line)
{
	bench_send(lines->fd, line, strlen(line));
	bench_send(lines->fd, "\n", 1);
}

/* Waits for a line that begins so. */
static const char *expect(struct bench_lines *lines, const char *prefix)
{
	const char *line;

	do {
		line = bench_line(lines);
		if (!line)
			bench_die("the connection ended before %s", prefix);
	} while (strncmp(line, prefix, strlen(prefix)) != 0);
	return line;
}

/* Milliseconds from dialling until a ping is answered.  Learns hash_answer. */
static double newcomer_ms(unsigned number)
{
	static struct bench_lines lines;
	int64_t begin = bench_ns();
	double ms;

	lines = (struct bench_lines){.fd = bench_connect(NEW_IP, DAEMON_IP, BENCH_PORT)};
	bench_handshake(&lines, number);
	request(&lines, "{\"Ping\":{\"nonce\":1,\"timestamp\":0}}");
	expect(&lines, "{\"Pong\":{\"nonce\":1,");
	ms = (double)(bench_ns() - begin) / 1e6;
	request(&lines, "{\"GetBlockHash\":0}");
	snprintf(hash_answer, sizeof(hash_answer), "%s", expect(&lines, "{\"BlockHashResponse\":"));
	close(lines.fd);
	return ms;
}

/* As many peers as the limit of open files lets the daemon have: it takes two for each, and keeps some for itself. */
static unsigned fit(unsigned count)
{
	unsigned long wanted = 2 * ((unsigned long)count + KEPT_SLOTS + ROOM_FOR_HANDSHAKES) + DAEMON_FILES,
		      limit = bench_raise_descriptors(wanted);

	if (limit >= wanted)
		return count;
	if (limit < 1000)
		bench_die("%lu open files are too few (ulimit -n)", limit);
	return (unsigned)((limit - DAEMON_FILES) / 2) - KEPT_SLOTS - ROOM_FOR_HANDSHAKES;
}

struct figures {
	double peer_bytes, bare_bytes; /* resident, per peer and per bare thread */
	double cpu_percent;	       /* of one core */
	double new_ms;		       /* until a new peer's ping was answered */
};

static void measure(struct figures *f, const struct bench_daemon *daemon, unsigned count)
{
	size_t base;
	double cpu;
	int64_t begin;

	(void)newcomer_ms(1);
	base = bench_rss(daemon->pid);
	for (unsigned i = 0; i < count; i++) {
		dial(i);
		if (i % HANDSHAKES == HANDSHAKES - 1)
			serve(bench_ns() + 10000000000, i + 1); /* as fast as it lets us in */
	}
	serve(bench_ns() + 30000000000, count);
	if (acks < count)
		bench_die("only %zu of %u got in", acks, count);
	serve(bench_ns() + SETTLE_NS, SIZE_MAX);
	cpu = bench_cpu_seconds(daemon->pid);
	begin = bench_ns();
	serve(begin + WINDOW_NS, SIZE_MAX);
	f->cpu_percent = 100e9 * (bench_cpu_seconds(daemon->pid) - cpu) / (double)(bench_ns() - begin);
	f->peer_bytes = (double)(bench_rss(daemon->pid) - base) / count;
	f->new_ms = newcomer_ms(2);
}

static void report(bool json, unsigned count, const struct figures *f)
{
	double kib = f->peer_bytes / 1024, bare = f->bare_bytes / 1024;

	if (json)
		printf("{\"bench\":\"idle\",\"peers\":%u,\"rss_kib_per_peer\":%.2f,\"rival\":\"bare "
		       "thread\",\"rival_kib\":%.2f,"
		       "\"ratio\":%.3f,\"cpu_percent\":%.2f,\"new_peer_ms\":%.2f}\n",
		       count, kib, bare, kib / bare, f->cpu_percent, f->new_ms);
	else
		printf("%u idle peers: %.1f KiB resident each, a bare thread %.1f KiB, ratio %.2f; %.1f %% of a core; "
		       "a new "
		       "peer's first ping answered after %.1f ms\n",
		       count, kib, bare, kib / bare, f->cpu_percent, f->new_ms);
}

int main(int argc, char *argv[])
{
	bool json = bench_take_json(&argc, argv);
	unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	struct bench_daemon daemon;
	struct figures f;
	char config[512];

	if (count == 0 || count > MAX_PEERS)
		bench_die("Usage: bench_idle [--json] TIMED PEERS");
	count = fit(count);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	f.bare_bytes = bare_thread_bytes();
	snprintf(config, sizeof(config),
		 "[network]\nlisten_address = \"" DAEMON_IP "\"\nenable_peer_discovery = false\nmax_peers = %u\n",
		 count + KEPT_SLOTS);
	bench_daemon_start(&daemon, argv[1], DAEMON_IP, config, -1);
	measure(&f, &daemon, count);
	for (unsigned i = 0; i < count; i++)
		close(peers[i].fd);
	bench_daemon_stop(&daemon);
	report(json, count, &f);
	return EXIT_SUCCESS;
}
