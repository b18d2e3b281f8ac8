// SPDX-License-Identifier: MIT
/* Pings a second on one connection, a hundred in flight, against `redis-benchmark -t ping_mbulk -P 100 -c 1` on
 * Debian's redis-server: each server on one CPU, each client on another where there are two, in turns.
 *
 * Usage: bench_ping_pipeline [--json] TIMED FETCH_REDIS DIRECTORY
 * FETCH_REDIS puts redis into DIRECTORY; exit code 77 (skipped) when it cannot. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_common.h"

#define DAEMON_IP "127.72.0.1"
#define OUR_IP "127.72.0.2"
#define REDIS_PORT 24279
#define IN_FLIGHT 100
#define TURNS 5
#define PINGS 1000000
#define SKIPPED 77
/* Of every nonce that is sent. */
#define NONCE_DIGITS 19

static char redis_path[512];		/* the directory of its programs, with a slash; empty: those in PATH */
static char redis_libraries[512] = "."; /* where its libraries are looked for first */

static void find_redis(const char *fetch, const char *directory)
{
	char command[1100];

	snprintf(command, sizeof(command), "'%s' '%s'", fetch, directory);
	if (system(command) != 0) {
		printf("pipelined pings: skipped, redis cannot be fetched\n");
		exit(SKIPPED);
	}
	snprintf(redis_path, sizeof(redis_path), "%s/root/usr/bin/", directory);
	if (access(redis_path, F_OK)) {
		redis_path[0] = 0;
		return;
	}
	snprintf(redis_libraries, sizeof(redis_libraries), "%s/root/libraries", directory);
}

static pid_t start_redis(int cpu)
{
	char program[600], port[8];
	pid_t pid = fork();
	int fd;

	if (pid == 0) {
		snprintf(program, sizeof(program), "%sredis-server", redis_path);
		snprintf(port, sizeof(port), "%d", REDIS_PORT);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("LD_LIBRARY_PATH", redis_libraries, 1);
		bench_pin(cpu);
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execlp(program, program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		       (char *)NULL);
		_exit(127);
	}
	while ((fd = bench_try_connect("127.0.0.1", "127.0.0.1", REDIS_PORT)) < 0) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			bench_die("redis-server does not start");
		usleep(10000);
	}
	close(fd);
	return pid;
}

/* Pings a second of redis. */
static double redis_turn(int cpu)
{
	char command[1024], line[512];
	double rate = 0;
	FILE *output;

	snprintf(command, sizeof(command),
		 "LD_LIBRARY_PATH='%s' taskset -c %d '%sredis-benchmark' -p %d -t ping_mbulk -P %d -c 1 -n %d --csv",
		 redis_libraries, cpu, redis_path, REDIS_PORT, IN_FLIGHT, PINGS);
	output = popen(command, "r");
	while (output && fgets(line, sizeof(line), output)) {
		if (strncmp(line, "\"PING_MBULK\",\"", 14) == 0)
			rate = strtod(line + 14, NULL);
	}
	if (!output || pclose(output) != 0 || rate <= 0)
		bench_die("redis-benchmark failed");
	return rate;
}

/* A hundred pings in one piece: made before they are sent, as redis-benchmark makes its commands. */
struct batch {
	char text[IN_FLIGHT * 64];
	size_t len;
	const char *nonce[IN_FLIGHT]; /* its digits in `text` */
};

static void make_batch(struct batch *batch, uint64_t first)
{
	long long now = (long long)time(NULL);

	batch->len = 0;
	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		char *at = batch->text + batch->len;

		batch->nonce[i] = at + sizeof("{\"Ping\":{\"nonce\":") - 1;
		batch->len +=
			(size_t)snprintf(at, sizeof(batch->text) - batch->len,
					 "{\"Ping\":{\"nonce\":%" PRIu64 ",\"timestamp\":%lld}}\n", first + i, now);
	}
}

/* Waits for the pongs of a batch, in order; other lines are passed over. */
static void expect_pongs(struct bench_lines *lines, const struct batch *batch)
{
	static const char pong[] = "{\"Pong\":{\"nonce\":";

	for (unsigned i = 0; i < IN_FLIGHT;) {
		const char *line = bench_line(lines);

		if (!line)
			bench_die("the connection ended");
		if (memcmp(line, pong, sizeof(pong) - 1) != 0)
			continue;
		if (memcmp(line + sizeof(pong) - 1, batch->nonce[i], NONCE_DIGITS) != 0)
			bench_die("pongs in the wrong order: %s", line);
		i++;
	}
}

/* Pings a second of ours. */
static double our_turn(struct bench_lines *lines, size_t pings)
{
	static uint64_t nonce = UINT64_C(1000000000000000000);
	static struct batch batches[2];
	int64_t begin = bench_ns();
	unsigned which = 0;

	make_batch(&batches[which], nonce);
	for (size_t sent = 0; sent < pings; sent += IN_FLIGHT, which ^= 1) {
		bench_send(lines->fd, batches[which].text, batches[which].len);
		make_batch(&batches[which ^ 1], nonce += IN_FLIGHT);
		expect_pongs(lines, &batches[which]);
	}
	return (double)pings * 1e9 / (double)(bench_ns() - begin);
}

static double median(int64_t values[TURNS])
{
	return (double)bench_percentile(values, TURNS, 0.5);
}

/* Beside the rates: pings per second of the server's own processor time, which a busy machine does not change. */
static void report(bool json, double ours, double redis, double our_cpu, double redis_cpu)
{
	double pings = (double)TURNS * PINGS;

	if (json)
		printf("{\"bench\":\"ping_pipeline\",\"in_flight\":%d,\"per_s\":%.0f,\"rival\":\"redis\",\"rival_per_"
		       "s\":%.0f,"
		       "\"ratio\":%.3f,\"per_cpu_s\":%.0f,\"rival_per_cpu_s\":%.0f,\"ratio_cpu\":%.3f}\n",
		       IN_FLIGHT, ours, redis, ours / redis, pings / our_cpu, pings / redis_cpu, redis_cpu / our_cpu);
	else
		printf("pipelined pings, %d in flight: %.0f/s, %.0f per CPU second; redis %.0f/s, %.0f; ratio %.2f, "
		       "%.2f\n",
		       IN_FLIGHT, ours, pings / our_cpu, redis, pings / redis_cpu, ours / redis, redis_cpu / our_cpu);
}

int main(int argc, char *argv[])
{
	static struct bench_lines lines;
	bool json = bench_take_json(&argc, argv);
	int64_t ours[TURNS], redis[TURNS];
	double our_cpu, redis_cpu; /* seconds that the servers computed */
	int server = bench_cpu(0), client = bench_cpu(1);
	struct bench_daemon daemon;
	pid_t redis_pid;

	if (argc != 4)
		bench_die("Usage: bench_ping_pipeline [--json] TIMED FETCH_REDIS DIRECTORY");
	find_redis(argv[2], argv[3]);
	redis_pid = start_redis(server);
	bench_daemon_start(&daemon, argv[1], DAEMON_IP,
			   "[network]\nlisten_address = \"" DAEMON_IP "\"\n"
			   "enable_peer_discovery = false\n",
			   server);
	bench_pin(client);
	lines.fd = bench_connect(OUR_IP, DAEMON_IP, BENCH_PORT);
	bench_handshake(&lines, 1);
	(void)our_turn(&lines, PINGS / 10);
	our_cpu = bench_cpu_seconds(daemon.pid);
	redis_cpu = bench_cpu_seconds(redis_pid);
	for (int turn = 0; turn < TURNS; turn++) {
		ours[turn] = (int64_t)our_turn(&lines, PINGS);
		redis[turn] = (int64_t)redis_turn(client);
	}
	our_cpu = bench_cpu_seconds(daemon.pid) - our_cpu;
	redis_cpu = bench_cpu_seconds(redis_pid) - redis_cpu;
	close(lines.fd);
	bench_daemon_stop(&daemon);
	kill(redis_pid, SIGTERM);
	waitpid(redis_pid, NULL, 0);
	report(json, median(ours), median(redis), our_cpu, redis_cpu);
	return EXIT_SUCCESS;
}
