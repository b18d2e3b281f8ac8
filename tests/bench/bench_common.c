// SPDX-License-Identifier: MIT
/* See bench_common.h. */
#include "bench_common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_NS ((int64_t)20000000000)
#define STOP_TIMEOUT_NS ((int64_t)30000000000)

void bench_die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

int64_t bench_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("cannot run on CPU %d: %s", cpu, strerror(errno));
}

int bench_cpu(int place)
{
	cpu_set_t set;
	int last = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		bench_die("sched_getaffinity: %s", strerror(errno));
	for (int cpu = 0; cpu < CPU_SETSIZE && place >= 0; cpu++) {
		if (CPU_ISSET((size_t)cpu, &set)) {
			last = cpu;
			place--;
		}
	}
	return last;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t bench_percentile(int64_t *values, size_t count, double part)
{
	size_t index = (size_t)((double)(count - 1) * part);

	qsort(values, count, sizeof(values[0]), compare);
	return values[index];
}

unsigned long bench_raise_descriptors(unsigned long wanted)
{
	struct rlimit limit, more;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		bench_die("getrlimit: %s", strerror(errno));
	more.rlim_cur = wanted > limit.rlim_cur ? wanted : limit.rlim_cur;
	more.rlim_max = more.rlim_cur > limit.rlim_max ? more.rlim_cur : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return more.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		bench_die("setrlimit: %s", strerror(errno));
	return limit.rlim_cur;
}

bool bench_take_json(int *argc, char *argv[])
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(argv[0]));
			--*argc;
			return true;
		}
	}
	return false;
}

/* ---- the daemon */

static void write_config(const struct bench_daemon *d, const char *config)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config.toml", d->dir);
	file = fopen(path, "w");
	if (!file)
		bench_die("%s: %s", path, strerror(errno));
	fprintf(file, "[node]\nnetwork = \"devnet\"\n[storage]\ndata_dir = \"%s/data\"\n[rpc]\nenabled = false\n%s",
		d->dir, config);
	fclose(file);
}

/* In the child: becomes the daemon, which dies with us and writes its log into the directory. */
_Noreturn static void become_daemon(const struct bench_daemon *d, const char *binary, int cpu)
{
	char config[96], log[96];

	snprintf(config, sizeof(config), "%s/config.toml", d->dir);
	snprintf(log, sizeof(log), "%s/log", d->dir);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cpu >= 0)
		bench_pin(cpu);
	if (!freopen(log, "w", stdout) || !freopen(log, "a", stderr))
		_exit(126);
	execl(binary, binary, "--config", config, (char *)NULL);
	_exit(127);
}

static void show_log(const struct bench_daemon *d)
{
	char path[96], line[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", d->dir);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, stderr);
	if (file)
		fclose(file);
}

void bench_daemon_start(struct bench_daemon *d, const char *binary, const char *ip, const char *config, int cpu)
{
	int64_t deadline = bench_ns() + START_TIMEOUT_NS;
	int fd = -1;

	fd = bench_try_connect("127.0.0.1", ip, BENCH_PORT);
	if (fd >= 0)
		bench_die("something listens on %s:%d: another run of this benchmark?", ip, BENCH_PORT);
	snprintf(d->ip, sizeof(d->ip), "%s", ip);
	snprintf(d->dir, sizeof(d->dir), "/tmp/timed-bench.XXXXXX");
	if (!mkdtemp(d->dir))
		bench_die("%s: %s", d->dir, strerror(errno));
	write_config(d, config);
	d->pid = fork();
	if (d->pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (d->pid == 0)
		become_daemon(d, binary, cpu);
	while ((fd = bench_try_connect("127.0.0.1", ip, BENCH_PORT)) < 0) {
		if (bench_ns() > deadline || waitpid(d->pid, NULL, WNOHANG) == d->pid) {
			show_log(d);
			bench_die("%s does not start", binary);
		}
		pause_ms(10);
	}
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void bench_daemon_stop(struct bench_daemon *d)
{
	int64_t deadline = bench_ns() + STOP_TIMEOUT_NS;
	int status;

	kill(d->pid, SIGTERM);
	while (waitpid(d->pid, &status, WNOHANG) == 0) {
		if (bench_ns() > deadline)
			bench_die("the daemon does not stop");
		pause_ms(5);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		show_log(d);
		bench_die("the daemon ended with status %d", status);
	}
	(void)nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

size_t bench_rss(pid_t pid)
{
	char path[64], line[256];
	size_t kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	while (file && kib == 0 && fgets(line, sizeof(line), file))
		(void)sscanf(line, "VmRSS: %zu", &kib);
	if (file)
		fclose(file);
	if (kib == 0)
		bench_die("cannot read %s", path);
	return kib * 1024;
}

double bench_cpu_seconds(pid_t pid)
{
	char path[64], text[1024];
	unsigned long user, system;
	const char *fields;
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		fclose(file);
	text[len] = 0;
	fields = strrchr(text, ')'); /* the name before it may hold anything */
	if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		bench_die("cannot read %s", path);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- a peer */

int bench_try_connect(const char *source, const char *target, int port)
{
	struct sockaddr_in from = {.sin_family = AF_INET},
			   to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die("socket: %s", strerror(errno));
	if (inet_pton(AF_INET, source, &from.sin_addr) != 1 || inet_pton(AF_INET, target, &to.sin_addr) != 1)
		bench_die("no addresses: %s, %s", source, target);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) || connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int bench_connect(const char *source, const char *target, int port)
{
	int fd = bench_try_connect(source, target, port);

	if (fd < 0)
		bench_die("%s cannot connect to %s:%d: %s", source, target, port, strerror(errno));
	return fd;
}

void bench_send(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0)
			bench_die("send: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

char *bench_line(struct bench_lines *l)
{
	for (;;) {
		char *line = l->data + l->start, *newline = memchr(line, '\n', l->end - l->start);
		ssize_t n;

		if (newline) {
			*newline = 0;
			l->start = (size_t)(newline - l->data) + 1;
			return line;
		}
		memmove(l->data, line, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
		if (l->end == sizeof(l->data))
			bench_die("a line of more than %zu bytes", sizeof(l->data));
		n = recv(l->fd, l->data + l->end, sizeof(l->data) - l->end, 0);
		if (n <= 0)
			return NULL;
		l->end += (size_t)n;
	}
}

size_t bench_greeting(char *out, size_t size, unsigned number)
{
	int n = snprintf(out, size,
			 "{\"Handshake\":{\"magic\":[84,73,77,69],\"protocol_version\":1,\"network\":\"devnet\"}}\n"
			 "{\"Version\":{\"version\":\"bench\",\"commit_date\":\"\",\"commit_count\":\"0\",\"protocol_"
			 "version\":1,"
			 "\"network\":\"devnet\",\"listen_addr\":\"\",\"timestamp\":%lld,\"capabilities\":[],"
			 "\"wallet_address\":null,\"genesis_hash\":null,\"node_id\":\"be%030x\",\"height\":0}}\n",
			 (long long)time(NULL), number);

	if (n < 0 || (size_t)n >= size)
		bench_die("the greeting is too long");
	return (size_t)n;
}

void bench_handshake(struct bench_lines *lines, unsigned number)
{
	char greeting[640];
	const char *line;

	bench_send(lines->fd, greeting, bench_greeting(greeting, sizeof(greeting), number));
	do {
		line = bench_line(lines);
		if (!line)
			bench_die("the handshake was refused");
	} while (strncmp(line, "{\"Ack\":", 7) != 0);
}
