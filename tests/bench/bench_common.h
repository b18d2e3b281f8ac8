/* SPDX-License-Identifier: MIT
 *
 * What the benchmarks share: a daemon of their own, a plain blocking peer, time, and the numbers of /proc.
 *
 * Everything that goes wrong ends the program with a message: a benchmark has nobody to return an error to.
 * Thread safety: none.
 */
#ifndef TIMED_TESTS_BENCH_COMMON_H
#define TIMED_TESTS_BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_PORT 24200

_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Monotonic nanoseconds. */
int64_t bench_ns(void);
/* The calling process, and what it starts from then on, runs on this CPU alone. */
void bench_pin(int cpu);
/* The CPU that may be used and has this place among those; the last one when there are fewer. */
int bench_cpu(int place);
/* Sorts, and returns the value that `part` (0 to 1) of them do not exceed. */
int64_t bench_percentile(int64_t *values, size_t count, double part);
/* Raises the limit of open descriptors of this process and of those that it starts, as far as the system lets us.
 * Returns the limit. */
unsigned long bench_raise_descriptors(unsigned long wanted);
/* True when --json is among the arguments; it is taken out. */
bool bench_take_json(int *argc, char *argv[]);

/* A `timed` with a data directory of its own, on the devnet. */
struct bench_daemon {
	pid_t pid;
	char ip[16];
	char dir[64]; /* removed at the end */
};
/* Starts it with `config` (whole sections of config.toml, may repeat none of [node] and [storage]) and waits until it
 * accepts.  cpu < 0: any. */
void bench_daemon_start(struct bench_daemon *daemon, const char *binary, const char *ip, const char *config, int cpu);
/* Stops it in order, which must take less than 30 s. */
void bench_daemon_stop(struct bench_daemon *daemon);
/* Resident bytes, and processor seconds used so far, of a process. */
size_t bench_rss(pid_t pid);
double bench_cpu_seconds(pid_t pid);

/* Connects from one loopback address to another: blocking, TCP_NODELAY.  -1 and errno when refused. */
int bench_try_connect(const char *source, const char *target, int port);
int bench_connect(const char *source, const char *target, int port);
void bench_send(int fd, const char *data, size_t len);

/* Lines of one connection. */
struct bench_lines {
	int fd;
	size_t start, end; /* what of `data` is unread */
	char data[65536];
};
/* The next line, NUL-terminated, without its newline; valid until the next call.  NULL at the end of the connection. */
char *bench_line(struct bench_lines *lines);
/* Writes the two lines that a node of ours begins with.  `number` makes the node id.  Returns the length. */
size_t bench_greeting(char *out, size_t size, unsigned number);
/* Greets and waits for the Ack. */
void bench_handshake(struct bench_lines *lines, unsigned number);

#endif
