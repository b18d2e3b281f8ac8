// SPDX-License-Identifier: MIT
/* The round trip of a ping through the daemon against that of the same bytes through a raw blocking echo (recv, send):
 * this program, the daemon and the echo all on one CPU, in turns.
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
#define TURNS 100
#define PINGS_PER_TURN 500
#define SAMPLES ((size_t)TURNS * PINGS_PER_TURN)
/* Turns that are not counted. */
#define WARM_UP 4

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

static void report(bool json, int64_t *ours, int64_t *echo)
{
	double our50 = (double)bench_percentile(ours, SAMPLES, 0.5) / 1000,
	       our99 = (double)bench_percentile(ours, SAMPLES, 0.99) / 1000;
	double echo50 = (double)bench_percentile(echo, SAMPLES, 0.5) / 1000,
	       echo99 = (double)bench_percentile(echo, SAMPLES, 0.99) / 1000;

	if (json)
		printf("{\"bench\":\"ping_rtt\",\"p50_us\":%.2f,\"p99_us\":%.2f,\"rival\":\"raw "
		       "echo\",\"rival_p50_us\":%.2f,"
		       "\"rival_p99_us\":%.2f,\"ratio\":%.3f,\"ratio_p99\":%.3f}\n",
		       our50, our99, echo50, echo99, our50 / echo50, our99 / echo99);
	else
		printf("ping round trip: p50 %.2f us, p99 %.2f us; raw echo %.2f us, %.2f us; ratio %.2f, %.2f\n",
		       our50, our99, echo50, echo99, our50 / echo50, our99 / echo99);
}

int main(int argc, char *argv[])
{
	static struct bench_lines daemon_lines, echo_lines;
	static int64_t ours[SAMPLES], echo[SAMPLES];
	bool json = bench_take_json(&argc, argv);
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

		for (size_t i = 0; i < PINGS_PER_TURN; i++)
			ours[at + i] = round_trip(&daemon_lines, "Pong");
		for (size_t i = 0; i < PINGS_PER_TURN; i++)
			echo[at + i] = round_trip(&echo_lines, "Ping");
	}
	close(echo_lines.fd);
	waitpid(echo_pid, NULL, 0);
	close(daemon_lines.fd);
	bench_daemon_stop(&daemon);
	report(json, ours, echo);
	return EXIT_SUCCESS;
}
