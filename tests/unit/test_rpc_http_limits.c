// SPDX-License-Identifier: MIT
/* The HTTP server of the RPC over real sockets: long bodies, many connections, slow clients, long lists, requests that
 * wait, and the rate. */
#include "http_fixture.h"

/* A body of `len` bytes: an echo of a long string. */
static char *long_body(size_t len)
{
	static const char head[] = "{\"id\":1,\"method\":\"echo\",\"params\":[\"", tail[] = "\"]}";
	char *body = malloc(len + 1);

	memset(body, 'x', len);
	memcpy(body, head, strlen(head));
	memcpy(body + len - strlen(tail), tail, strlen(tail) + 1);
	return body;
}

/* A body of exactly the limit is served; one byte more is 413, also when its length is not announced, and the answer is
 * seen by a client that sends everything first. */
START_TEST(long_bodies)
{
	size_t limit = (size_t)4 * 1024 * 1024;
	char *body = long_body(limit), head[512], chunk[32];
	struct reply r;
	int fd;

	start();
	r = ask("POST /", cookie_header, body);
	ck_assert_int_eq(r.status, 200);
	free(body);
	body = long_body(limit + 1);
	fd = dial();
	ck_assert_int_eq(ask_on(fd, "POST /", cookie_header, body).status, 413);
	ck_assert_int_eq(ask_on(fd, "POST /", cookie_header, ECHO).status, 200); /* still usable */
	close(fd);
	fd = dial();
	snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: chunked\r\n\r\n",
		 cookie_header);
	put_text(fd, head);
	snprintf(chunk, sizeof(chunk), "%zx\r\n", limit + 1);
	put_text(fd, chunk);
	put(fd, body, limit + 1);
	put_text(fd, "\r\n0\r\n\r\n");
	ck_assert_int_eq(get(fd).status, 413);
	close(fd);
	free(body);
	expect_served();
}
END_TEST

/* 100 MB: refused with an answer; beyond the bound of what is read anyway, at once. */
START_TEST(huge_bodies)
{
	static char zeros[65536];
	int fd;

	start();
	fd = dial();
	put_head(fd, "POST /", cookie_header, 100000000);
	for (size_t sent = 0; sent < 100000000;) {
		size_t piece = 100000000 - sent < sizeof(zeros) ? 100000000 - sent : sizeof(zeros);

		put(fd, zeros, piece);
		sent += piece;
	}
	ck_assert_int_eq(get(fd).status, 413);
	close(fd);
	fd = dial();
	put_head(fd, "POST /", cookie_header, (size_t)1 << 40);
	ck_assert_int_eq(get(fd).status, 413);
	ck_assert(is_ended(fd));
	close(fd);
	/* Strangers are not read from beyond the limit of a request. */
	fd = dial();
	put_head(fd, "POST /", WRONG, 100000000);
	ck_assert_int_eq(get(fd).status, 401);
	ck_assert(is_ended(fd));
	close(fd);
	expect_served();
}
END_TEST

/* A client that asks first is not made to send what is refused. */
START_TEST(expect_continue)
{
	char headers[512];
	struct reply r;
	int fd;

	start();
	snprintf(headers, sizeof(headers), "%sExpect: 100-continue\r\n", cookie_header);
	fd = dial();
	put_head(fd, "POST /", headers, 5000000);
	ck_assert_int_eq(get(fd).status, 413);
	close(fd);
	fd = dial();
	put_head(fd, "POST /", headers, strlen(ECHO));
	r = get(fd);
	ck_assert_int_eq(r.status, 100);
	put_text(fd, ECHO);
	ck_assert_str_eq(get(fd).body, ECHOED);
	close(fd);
}
END_TEST

/* Far more idle connections than are kept: each new one is served at once, the longest idle ones are ended. */
START_TEST(idle_connections_yield)
{
	enum { IDLE = 300, KEPT = 8 };
	int fds[IDLE];

	params.workers = 1;
	params.connections = KEPT;
	params.idle_timeout_s = 600;
	start();
	for (int i = 0; i < IDLE; i++) {
		fds[i] = dial();
		if (i % 3 == 1)
			put_text(fds[i], "POST / HT");
		if (i % 3 == 2)
			put_head(fds[i], "POST /", "", 100); /* a stranger's body that never comes */
	}
	expect_served();
	ck_assert(is_ended(fds[0]));
	ck_assert(is_ended(fds[1]));
	for (int i = 0; i < IDLE; i++)
		close(fds[i]);
}
END_TEST

/* Who was answered without a password is not idle since he came. */
START_TEST(the_last_answered_yields_last)
{
	enum { KEPT = 6 };
	int fds[KEPT], fd;

	params.workers = 1;
	params.connections = KEPT;
	start();
	for (int i = 0; i < KEPT; i++)
		fds[i] = dial();
	ck_assert_int_eq(ask_on(fds[KEPT - 1], "GET /open", "", "").status, 200); /* all have been accepted */
	ck_assert_int_eq(ask_on(fds[0], "GET /open", "", "").status, 200);
	fd = dial();
	ck_assert(is_ended(fds[1]));
	ck_assert_int_eq(ask_on(fds[0], "GET /open", "", "").status, 200);
	close(fd);
	for (int i = 0; i < KEPT; i++)
		close(fds[i]);
}
END_TEST

/* Without a password nobody holds a connection: not with a body that never comes (0), nor with answers that he does not
 * read while he asks for more (1). */
START_TEST(strangers_yield)
{
	enum { STRANGERS = 100 };
	static const char ask_again[] = "GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static char requests[20000];
	int fds[STRANGERS], least = 1;

	params.workers = 1;
	params.connections = 8;
	params.max_delayed = 0;
	params.idle_timeout_s = 600;
	for (size_t at = 0; at + strlen(ask_again) < sizeof(requests); at += strlen(ask_again))
		memcpy(requests + at, ask_again, strlen(ask_again));
	start();
	for (int i = 0; i < STRANGERS; i++) {
		fds[i] = dial();
		ck_assert_int_eq(setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
		if (_i == 0)
			put_head(fds[i], "GET /open", "", 9);
		else
			put_text(fds[i], requests);
	}
	expect_served();
	for (int i = 0; i < STRANGERS; i++)
		close(fds[i]);
}
END_TEST

/* A request in hand does not yield, however many come. */
START_TEST(busy_connections_stay)
{
	enum { IDLE = 50 };
	int fds[IDLE], busy;

	params.workers = 1;
	params.connections = 4;
	start();
	busy = dial();
	put_head(busy, "POST /", cookie_header, strlen(ECHO));
	put_text(busy, "{");
	for (int i = 0; i < IDLE; i++)
		fds[i] = dial();
	expect_served();
	put_text(busy, &ECHO[1]);
	ck_assert_str_eq(get(busy).body, ECHOED);
	for (int i = 0; i < IDLE; i++)
		close(fds[i]);
	close(busy);
}
END_TEST

/* Sends the request that waits at the gate, and waits until it is there. */
static int put_gate(void)
{
	static const char request[] = "{\"id\":1,\"method\":\"gate\"}";
	int fd = dial();

	put_head(fd, "POST /", cookie_header, strlen(request));
	put_text(fd, request);
	mutex_lock(&lock);
	while (gate_waiting == 0)
		cond_wait(&changed, &lock);
	mutex_unlock(&lock);
	return fd;
}

static void open_gate(void)
{
	mutex_lock(&lock);
	gate_open = true;
	cond_broadcast(&changed);
	mutex_unlock(&lock);
}

/* Nor does a request that the thread, busy elsewhere, has not read yet when a crowd comes. */
START_TEST(unread_requests_stay)
{
	enum { IDLE = 50 };
	int fds[IDLE], gate, unread;

	params.workers = 1;
	params.connections = 4;
	start();
	gate = put_gate();
	unread = dial();
	put_head(unread, "POST /", cookie_header, strlen(ECHO));
	put_text(unread, ECHO);
	for (int i = 0; i < IDLE; i++)
		fds[i] = dial();
	open_gate();
	ck_assert_int_eq(get(gate).status, 200);
	ck_assert_str_eq(get(unread).body, ECHOED);
	for (int i = 0; i < IDLE; i++)
		close(fds[i]);
	close(gate);
	close(unread);
}
END_TEST

/* A connection on which nothing moves is ended after the timeout. */
START_TEST(silent_connections_time_out)
{
	int fd;

	params.idle_timeout_s = 1;
	start();
	fd = dial();
	put_head(fd, "POST /", cookie_header, 100);
	ck_assert(is_ended(fd));
	close(fd);
}
END_TEST

/* Whoever sends or reads in a trickle is cut off in the end. */
START_TEST(trickling_connections_time_out)
{
	struct pollfd p = {.events = POLLIN};
	int64_t begin_ms;

	params.transfer_timeout_s = 1;
	start();
	p.fd = dial();
	begin_ms = clock_mono_ms();
	put_head(p.fd, "POST /", cookie_header, 1000);
	while (poll(&p, 1, 50) == 0 && send(p.fd, " ", 1, MSG_NOSIGNAL) == 1)
		ck_assert_int_lt(clock_mono_ms() - begin_ms, PATIENCE_MS);
	ck_assert_int_ge(clock_mono_ms() - begin_ms, 950);
	close(p.fd);
	expect_served();
}
END_TEST

/* Reads a chunked body that is a list of numbers: how many there were; it ends before its end: -1. */
static long get_list(int fd)
{
	static char text[1 << 20];
	long numbers = 0;
	bool digits = false;
	size_t len, used = 0;
	ssize_t n;

	/* The sizes of chunks would count as numbers: they are taken out line by line. */
	for (;;) {
		char *line, *end;

		n = recv(fd, text + used, sizeof(text) - used - 1, 0);
		if (n <= 0)
			return -1;
		used += (size_t)n;
		text[used] = 0;
		while ((end = strstr(text, "\r\n")) &&
		       (size_t)(end + 2 - text) + (len = strtoul(text, NULL, 16)) + 2 <= used) {
			if (len == 0)
				return numbers;
			line = end + 2;
			for (size_t i = 0; i < len; i++) {
				bool digit = line[i] >= '0' && line[i] <= '9';

				numbers += digit && !digits;
				digits = digit;
			}
			used -= (size_t)(line + len + 2 - text);
			memmove(text, line + len + 2, used + 1);
		}
	}
}

static int put_list(void)
{
	struct reply r = {0};
	int fd = dial();

	put_head(fd, "POST /", cookie_header, strlen(LIST));
	put_text(fd, LIST);
	for (size_t len = 0; !strstr(r.head, "\r\n\r\n"); len++)
		ck_assert(len + 1 < sizeof(r.head) && get_byte(fd, &r.head[len]));
	ck_assert_ptr_nonnull(strcasestr(r.head, "transfer-encoding: chunked\r\n"));
	return fd;
}

/* A long list comes whole, the connection goes on, and who reads slowly holds up nobody, even on a single thread. */
START_TEST(long_lists)
{
	int slow, fd;

	params.workers = 1;
	start();
	slow = put_list();
	expect_served();
	fd = put_list();
	/* "jsonrpc": "2.0" has two, the id is one. */
	ck_assert_int_eq(get_list(fd), LIST_ITEMS + 3);
	ck_assert_str_eq(ask_on(fd, "POST /", cookie_header, ECHO).body, ECHOED);
	close(fd);
	ck_assert_int_eq(get_list(slow), LIST_ITEMS + 3);
	ck_assert_int_eq(atomic_load(&lists_freed), 2);
	close(slow);
}
END_TEST

/* Who leaves in the middle, or does not read for too long, leaves nothing behind. */
START_TEST(long_lists_that_nobody_reads)
{
	int fd;

	params.transfer_timeout_s = 1;
	start();
	close(put_list());
	fd = put_list();
	while (atomic_load(&lists_freed) < 2)
		sched_yield();
	ck_assert_int_eq(get_list(fd), -1);
	close(fd);
	expect_served();
}
END_TEST

/* A method that takes long holds up its own thread at most. */
START_TEST(a_long_method_leaves_the_other_threads)
{
	int fd;

	params.workers = 2;
	start();
	fd = put_gate();
	for (int i = 0; i < 50; i++)
		expect_served(); /* by the other one, which alone accepts now */
	open_gate();
	ck_assert_str_eq(get(fd).body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}");
	close(fd);
}
END_TEST

/* Sends a request that waits; returns once such requests have been run so often. */
static int put_later(int runs)
{
	static const char request[] = "{\"id\":1,\"method\":\"later\"}";
	int fd = dial();

	put_head(fd, "POST /", cookie_header, strlen(request));
	put_text(fd, request);
	while (atomic_load(&later_runs) < runs)
		sched_yield();
	return fd;
}

/* A method that waits for something holds up nobody, even on a single thread, and costs one request of the rate. */
START_TEST(a_method_that_waits_leaves_its_thread)
{
	int fds[10];

	params.workers = 1;
	params.requests_per_second = 60;
	start();
	for (int i = 0; i < 10; i++)
		fds[i] = put_later(10 * (i + 1));
	for (int i = 0; i < 20; i++)
		expect_served();
	atomic_store(&arrived, true);
	for (int i = 0; i < 10; i++) {
		ck_assert_str_eq(get(fds[i]).body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}");
		/* The connection is as good as before. */
		ck_assert_str_eq(ask_on(fds[i], "POST /", cookie_header, ECHO).body, ECHOED);
		close(fds[i]);
	}
}
END_TEST

/* Beyond the bound it has to answer at once; so has one in a batch.  A stop waits for none. */
START_TEST(those_that_wait_are_bounded)
{
	int one, two;

	params.workers = 1;
	params.max_waiting = 2;
	start();
	one = put_later(1);
	two = put_later(20);
	ck_assert_str_eq(ask("POST /", cookie_header, "{\"id\":1,\"method\":\"later\"}").body,
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":false}");
	ck_assert_str_eq(ask("POST /", cookie_header, "[{\"id\":1,\"method\":\"later\"}]").body,
			 "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":false}]");
	/* One that is gone makes room. */
	close(one);
	for (bool waits = false; !waits;) {
		int runs = atomic_load(&later_runs);
		struct pollfd p = {.fd = put_later(runs + 1), .events = POLLIN};

		waits = poll(&p, 1, 100) == 0;
		close(p.fd);
	}
	http_stop(http);
	http = NULL;
	ck_assert(is_ended(two));
	close(two);
}
END_TEST

/* Beyond the rate: 429, and after a while again 200.  A batch counts by its length. */
START_TEST(rate_limit)
{
	struct reply r;
	int refused = 0;

	params.requests_per_second = 5;
	start();
	r = ask("POST /", cookie_header, "[" ECHO "," ECHO "," ECHO "," ECHO "," ECHO "," ECHO "," ECHO "]");
	ck_assert_int_eq(r.status, 200);
	ck_assert_int_eq(ask("POST /", cookie_header, ECHO).status, 429);
	do {
		r = ask("POST /", cookie_header, ECHO);
		refused += r.status == 429;
	} while (r.status == 429);
	ck_assert_int_eq(r.status, 200);
	ck_assert_int_ge(refused, 1);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, long_bodies);
	tcase_add_test(c, huge_bodies);
	tcase_add_test(c, expect_continue);
	tcase_add_test(c, idle_connections_yield);
	tcase_add_test(c, the_last_answered_yields_last);
	tcase_add_loop_test(c, strangers_yield, 0, 2);
	tcase_add_test(c, busy_connections_stay);
	tcase_add_test(c, unread_requests_stay);
	tcase_add_test(c, silent_connections_time_out);
	tcase_add_test(c, trickling_connections_time_out);
	tcase_add_test(c, long_lists);
	tcase_add_test(c, long_lists_that_nobody_reads);
	tcase_add_test(c, a_long_method_leaves_the_other_threads);
	tcase_add_test(c, a_method_that_waits_leaves_its_thread);
	tcase_add_test(c, those_that_wait_are_bounded);
	tcase_add_test(c, rate_limit);
}

int main(void)
{
	return http_tests("rpc_http_limits", add_tests);
}
