// SPDX-License-Identifier: MIT
/* The round trip of a ping through the daemon against that of the same bytes through a raw blocking echo (recv, send):
 * this program, the daemon and the echo all on one CPU, in turns.
 *
 * The machine's own timer interrupts about one ping in a hundred, of either, for longer than the ping takes: a p99 over
 * all pings tells on which side of that the two come to lie.  So the p99 that is compared is that of a short turn, the
 * median over all turns; the one over all pings is printed beside it.  The first pings of a turn find the caches full
 * of the other's turn and take twice as long, of either: they are not counted.
 *
 * Usage: bench_ping_rtt [--json] TIMED */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_common.h"

#define DAEMON_IP "127.71.0.1"
#define OUR_IP "127.71.0.2"
#define TURNS 500
#define PINGS_PER_TURN 100
/* At the beginning of a turn, not counted. */
#define COLD_PINGS 5
#define SAMPLES ((size_t)TURNS * PINGS_PER_TURN)
/* Turns that are not counted. */
#define WARM_UP 20

/* Accepts one connection and sends back what comes. */
_Noreturn static void run_echo(int listener)
{
	static char data[65536];
	int one = 1, fd = accept(listener, NULL, NULL);
	ssize_t n;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while ((n = recv(fd, data, sizeof(data), 0)) > 0)
		bench_send(fd, data, (size_t)n);
	_exit(0);
}

/* Returns the connection to an echo process. */
static int start_echo(pid_t *pid)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	if (bind(listener, (struct sockaddr *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		bench_die("echo: %s", strerror(errno));
	*pid = fork();
	if (*pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_echo(listener);
	}
	close(listener);
	return bench_connect("127.0.0.1", "127.0.0.1", ntohs(addr.sin_port));
}

/* One ping and what answers it: the line that holds its nonce.  Nanoseconds. */
static int64_t round_trip(struct bench_lines *lines, const char *kind)
{
	static uint64_t nonce = UINT64_C(10000000000000000000);
	char ping[128], want[64], *line;
	int64_t begin;
	int len;

	len = snprintf(ping, sizeof(ping), "{\"Ping\":{\"nonce\":%" PRIu64 ",\"timestamp\":%lld}}\n", ++nonce,
		       (long long)time(NULL));
	snprintf(want, sizeof(want), "{\"%s\":{\"nonce\":%" PRIu64 ",", kind, nonce);
	begin = bench_ns();
	bench_send(lines->fd, ping, (size_t)len);
	do {
		line = bench_line(lines);
		if (!line)
			bench_die("the connection ended");
	} while (strncmp(line, want, strlen(want)) != 0);
	return bench_ns() - begin;
}

/* Answers what the daemon asks at the beginning, until it has said all of it. */
static void settle(struct bench_lines *lines)
{
	for (int i = 0; i < 100; i++)
		(void)round_trip(lines, "Pong");
}

static void take_turn(struct bench_lines *lines, const char *kind, int64_t samples[PINGS_PER_TURN])
{
	for (int i = 0; i < COLD_PINGS; i++)
		(void)round_trip(lines, kind);
	for (int i = 0; i < PINGS_PER_TURN; i++)
		samples[i] = round_trip(lines, kind);
}

/* Microseconds. */
struct figures {
	double p50, p99; /* of a turn, the median over all */
	double p99_all;	 /* of all pings */
};

static struct figures figures_of(int64_t samples[SAMPLES])
{
	static int64_t turn_p50[TURNS], turn_p99[TURNS];

	for (size_t turn = 0; turn < TURNS; turn++) {
		int64_t *of_turn = samples + turn * PINGS_PER_TURN;

		turn_p50[turn] = bench_percentile(of_turn, PINGS_PER_TURN, 0.5);
		turn_p99[turn] = bench_percentile(of_turn, PINGS_PER_TURN, 0.99);
	}
	return (struct figures){
		.p50 = (double)bench_percentile(turn_p50, TURNS, 0.5) / 1000,
		.p99 = (double)bench_percentile(turn_p99, TURNS, 0.5) / 1000,
		.p99_all = (double)bench_percentile(samples, SAMPLES, 0.99) / 1000,
	};
}

static void report(bool json, const struct figures *ours, const struct figures *echo)
{
	if (json)
		printf("{\"bench\":\"ping_rtt\",\"p50_us\":%.2f,\"p99_us\":%.2f,\"p99_all_us\":%.2f,"
		       "\"rival\":\"raw echo\",\"rival_p50_us\":%.2f,\"rival_p99_us\":%.2f,\"rival_p99_all_us\":%.2f,"
		       "\"ratio\":%.3f,\"ratio_p99\":%.3f,\"ratio_p99_all\":%.3f}\n",
		       ours->p50, ours->p99, ours->p99_all, echo->p50, echo->p99, echo->p99_all, ours->p50 / echo->p50,
		       ours->p99 / echo->p99, ours->p99_all / echo->p99_all);
	else
		printf("ping round trip: p50 %.2f us, p99 %.2f us (of all %.2f us); raw echo %.2f us, %.2f us (%.2f "
		       "us); "
		       "ratio %.2f, %.2f (%.2f)\n",
		       ours->p50, ours->p99, ours->p99_all, echo->p50, echo->p99, echo->p99_all, ours->p50 / echo->p50,
		       ours->p99 / echo->p99, ours->p99_all / echo->p99_all);
}

int main(int argc, char *argv[])
{
	static struct bench_lines daemon_lines, echo_lines;
	static int64_t ours[SAMPLES], echo[SAMPLES];
	bool json = bench_take_json(&argc, argv);
	struct figures our_figures, echo_figures;
	struct bench_daemon daemon;
	pid_t echo_pid;

	if (argc != 2)
		bench_die("Usage: bench_ping_rtt [--json] TIMED");
	bench_pin(bench_cpu(0));
	bench_daemon_start(&daemon, argv[1], DAEMON_IP,
			   "[network]\nlisten_address = \"" DAEMON_IP "\"\n"
			   "enable_peer_discovery = false\n",
			   -1);
	daemon_lines.fd = bench_connect(OUR_IP, DAEMON_IP, BENCH_PORT);
	bench_handshake(&daemon_lines, 1);
	settle(&daemon_lines);
	echo_lines.fd = start_echo(&echo_pid);
	for (int turn = -WARM_UP; turn < TURNS; turn++) {
		size_t at = turn < 0 ? 0 : (size_t)turn * PINGS_PER_TURN;

		take_turn(&daemon_lines, "Pong", ours + at);
		take_turn(&echo_lines, "Ping", echo + at);
	}
	close(echo_lines.fd);
	waitpid(echo_pid, NULL, 0);
	close(daemon_lines.fd);
	bench_daemon_stop(&daemon);
	our_figures = figures_of(ours);
	echo_figures = figures_of(echo);
	report(json, &our_figures, &echo_figures);
	return EXIT_SUCCESS;
}
