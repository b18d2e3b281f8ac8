// SPDX-License-Identifier: MIT
/* The HTTP server of the RPC over real sockets: who gets in, what is asked for and how, and its threads. */
#include "http_fixture.h"

/* ---- who gets in */

/* The cookie, and user and password; anything else is 401 and says how. */
START_TEST(logins)
{
	struct reply r;

	start();
	expect_served();
	r = ask("POST /", USER_PASSWORD, ECHO);
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.body, ECHOED);
	r = ask("POST /", "", ECHO);
	ck_assert_int_eq(r.status, 401);
	ck_assert_ptr_nonnull(strcasestr(r.head, "www-authenticate: basic realm=\"timed\"\r\n"));
	ck_assert_int_eq(ask("POST /", WRONG, ECHO).status, 401);
	ck_assert_int_eq(ask("POST /", "Authorization: Bearer x\r\n", ECHO).status, 401);
	ck_assert_int_eq(ask("POST /", "Authorization: Basic !!!\r\n", ECHO).status, 401);
	ck_assert_int_eq(ask("POST /", "Authorization: Basic\r\n", ECHO).status, 401);
	/* The empty user, which stands for "no password configured", is no user. */
	ck_assert_int_eq(ask("POST /", "Authorization: Basic Og==\r\n", ECHO).status, 401);
}
END_TEST

/* Without a configured password only the cookie is accepted, not the empty pair. */
START_TEST(only_the_cookie)
{
	auth_free(auth);
	ck_assert_int_eq(auth_create(&auth, "", ""), 0);
	start();
	expect_served();
	ck_assert_int_eq(ask("POST /", "Authorization: Basic Og==\r\n", ECHO).status, 401);
	ck_assert_int_eq(ask("POST /", USER_PASSWORD, ECHO).status, 401);
}
END_TEST

/* The cookie file: 0600, `__cookie__:` and 64 hex digits, another one at each start, an old one replaced, removed at
 * the end. */
START_TEST(cookie_file)
{
	char path[128], first[128], second[128];
	struct auth *other;
	struct stat st;

	start();
	read_cookie(first);
	ck_assert_int_eq(strncmp(first, "__cookie__:", 11), 0);
	ck_assert_uint_eq(strlen(first), 11 + 64);
	ck_assert_uint_eq(strspn(first + 11, "0123456789abcdef"), 64);
	snprintf(path, sizeof(path), "%s/.cookie", data_dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(auth_create(&other, "", ""), 0);
	ck_assert_int_eq(auth_publish(other, data_dir), 0);
	read_cookie(second);
	ck_assert_str_ne(first, second);
	auth_free(other);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(auth_publish(auth, "/nonexistent/dir"), -ENOENT);
}
END_TEST

/* While a wrong password waits for its answer, on the same thread, others are served. */
START_TEST(a_failed_login_waits_alone)
{
	char c;
	int fd;

	params.workers = 1;
	params.failure_delay_ms = 60000;
	start();
	fd = dial();
	put_head(fd, "POST /", WRONG, strlen(ECHO));
	put_text(fd, ECHO);
	for (int i = 0; i < 20; i++)
		expect_served();
	ck_assert_int_eq(recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK), -1);
	close(fd);
}
END_TEST

/* It is answered after the delay, and the connection goes on: the right password is served on it. */
START_TEST(a_failed_login_is_answered_late)
{
	int64_t before;
	int fd;

	params.failure_delay_ms = 300;
	start();
	fd = dial();
	before = clock_mono_ms();
	ck_assert_int_eq(ask_on(fd, "POST /", WRONG, ECHO).status, 401);
	ck_assert_int_ge(clock_mono_ms() - before, 300);
	ck_assert_int_eq(ask_on(fd, "POST /", USER_PASSWORD, ECHO).status, 200);
	close(fd);
}
END_TEST

/* Failed logins beyond the bound are cut off; who knows the password does not notice. */
START_TEST(many_failed_logins)
{
	enum { BOUND = 4 };
	int fds[BOUND + 1];

	params.workers = 1;
	params.max_delayed = BOUND;
	params.failure_delay_ms = 60000;
	start();
	for (int i = 0; i <= BOUND; i++) {
		fds[i] = dial();
		put_head(fds[i], "POST /", WRONG, 0);
		expect_served(); /* and so this one is in the queue before the next */
	}
	ck_assert_int_eq(get(fds[BOUND]).status, 0);
	for (int i = 0; i <= BOUND; i++)
		close(fds[i]);
}
END_TEST

/* They queue up: each waits for its delay behind the one before. */
START_TEST(failed_logins_wait_in_a_row)
{
	enum { COUNT = 4 };
	int64_t before;
	int fds[COUNT];

	params.workers = 1;
	params.failure_delay_ms = 100;
	start();
	before = clock_mono_ms();
	for (int i = 0; i < COUNT; i++) {
		fds[i] = dial();
		put_head(fds[i], "POST /", WRONG, 0);
	}
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(get(fds[i]).status, 401);
	ck_assert_int_ge(clock_mono_ms() - before, COUNT * 100);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
}
END_TEST

/* Whatever a wrong password asks for, it waits and is counted; with the RPC (0) and without it (1). */
START_TEST(failed_logins_wait_everywhere)
{
	static const struct {
		const char *line, *headers;
		size_t len; /* announced; nothing of it comes */
	} cases[] = {{"POST /", WRONG, 0},
		     {"POST /", WRONG, 5000000},
		     {"POST /", WRONG "Expect: 100-continue\r\n", 100},
		     {"POST /nosuch", WRONG, 0},
		     {"POST /nosuch", WRONG, 5000000},
		     {"PUT /", WRONG, 5000000},
		     {"GET /open", WRONG, 0},
		     {"GET /open", WRONG, 5000000}};

	params.routes.alone = _i;
	params.workers = 1;
	params.failure_delay_ms = 50;
	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t before = clock_mono_ms();
		int fd = dial();

		put_head(fd, cases[i].line, cases[i].headers, cases[i].len);
		ck_assert_msg(get(fd).status == 401, "%zu", i);
		ck_assert_msg(clock_mono_ms() - before >= 50, "%zu", i);
		ck_assert_uint_eq(atomic_load(&stats.refused_logins), i + 1);
		close(fd);
	}
}
END_TEST

/* So does one that sends more than is read: it is cut off, but not sooner, whatever of it is there already behind the
 * piece that was too much. */
START_TEST(long_failed_logins_wait)
{
	static const struct {
		int len; /* of the first chunk; 100 are read */
		const char *rest;
	} cases[] = {{20000, ""}, {100, "1\r\nx\r\n1\r\nx\r\n1\r\nx\r\n"}, {100, "1\r\nx\r\nno chunk\r\n"}};
	static char request[21000];

	params.workers = 1;
	params.max_body_bytes = 100;
	params.failure_delay_ms = 100;
	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t before = clock_mono_ms();
		int fd = dial();

		snprintf(request, sizeof(request),
			 "POST / HTTP/1.1\r\nHost: localhost\r\n" WRONG "Transfer-Encoding: chunked\r\n\r\n"
			 "%x\r\n%0*d\r\n%s",
			 (unsigned)cases[i].len, cases[i].len, 0, cases[i].rest);
		put_text(fd, request);
		ck_assert(is_ended(fd));
		ck_assert_msg(clock_mono_ms() - before >= 100, "%zu", i);
		ck_assert_uint_eq(atomic_load(&stats.refused_logins), i + 1);
		close(fd);
		expect_served();
	}
}
END_TEST

/* One whose body never comes is counted too. */
START_TEST(half_failed_logins_count)
{
	int fd;

	params.workers = 1;
	start();
	fd = dial();
	put_head(fd, "POST /", WRONG, 1);
	expect_served(); /* and so the head has been read */
	ck_assert_uint_eq(atomic_load(&stats.refused_logins), 1);
	close(fd);
}
END_TEST

/* A web page that is not let in learns nothing of the password that it tries: right and wrong are the same to it. */
START_TEST(web_pages_try_no_passwords)
{
	static const size_t lengths[] = {0, 5000000};
	const char *const passwords[] = {WRONG, USER_PASSWORD};
	char headers[256];

	params.failure_delay_ms = 60000;
	start();
	for (size_t i = 0; i < 4; i++) {
		int fd = dial();

		snprintf(headers, sizeof(headers), "%sOrigin: http://evil.example\r\n", passwords[i % 2]);
		put_head(fd, "POST /", headers, lengths[i / 2]);
		ck_assert_int_eq(get(fd).status, 403);
		close(fd);
	}
}
END_TEST

/* Stopping does not wait for the delays, nor for idle connections, nor for half a request. */
START_TEST(stop_does_not_wait)
{
	int64_t before;
	int fds[3];

	params.failure_delay_ms = 60000;
	start();
	fds[0] = dial();
	put_head(fds[0], "POST /", WRONG, 0);
	fds[1] = dial();
	fds[2] = dial();
	put_head(fds[2], "POST /", cookie_header, 100);
	expect_served();
	before = clock_mono_ms();
	http_stop(http);
	http = NULL;
	ck_assert_int_lt(clock_mono_ms() - before, 10000);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}
END_TEST

/* Web pages: only those configured, and our own; names that could have been rebound are not answered. */
START_TEST(web_pages)
{
	static const char *const origins[] = {"http://localhost:3000", "https://wallet.example"};
	char headers[512];
	struct reply r;

	params.origins = origins;
	params.origin_count = 2;
	start();
	snprintf(headers, sizeof(headers), "%sOrigin: http://localhost:3000\r\n", cookie_header);
	r = ask("POST /", headers, ECHO);
	ck_assert_int_eq(r.status, 200);
	ck_assert_ptr_nonnull(strcasestr(r.head, "access-control-allow-origin: http://localhost:3000\r\n"));
	snprintf(headers, sizeof(headers), "%sOrigin: http://evil.example\r\n", cookie_header);
	r = ask("POST /", headers, ECHO);
	ck_assert_int_eq(r.status, 403);
	ck_assert_ptr_null(strcasestr(r.head, "access-control"));
	r = ask("GET /nosuch", "Origin: http://evil.example\r\n", "");
	ck_assert_int_eq(r.status, 403);
	ck_assert_ptr_null(strcasestr(r.head, "access-control"));
	r = ask("GET /nosuch", "Origin: https://wallet.example\r\n", "");
	ck_assert_int_eq(r.status, 404);
	ck_assert_ptr_nonnull(strcasestr(r.head, "access-control-allow-origin: https://wallet.example\r\n"));
	snprintf(headers, sizeof(headers), "%sOrigin: null\r\n", cookie_header);
	ck_assert_int_eq(ask("POST /", headers, ECHO).status, 403);
	snprintf(headers, sizeof(headers), "%sOrigin: http://127.0.0.1:24101\r\n", cookie_header);
	ck_assert_int_eq(ask("POST /", headers, ECHO).status, 200);
	r = ask("OPTIONS /", "Origin: https://wallet.example\r\nAccess-Control-Request-Method: POST\r\n", "");
	ck_assert_int_eq(r.status, 204);
	ck_assert_ptr_nonnull(strcasestr(r.head, "access-control-allow-headers: authorization, content-type\r\n"));
	ck_assert_int_eq(ask("OPTIONS /", "Origin: http://evil.example\r\n", "").status, 403);
	ck_assert_int_eq(ask("OPTIONS /", "", "").status, 405);
}
END_TEST

START_TEST(hosts)
{
	static const struct {
		const char *host;
		int status;
	} cases[] = {{"127.0.0.1", 200},
		     {"127.0.0.1:24101", 200},
		     {"localhost:1", 200},
		     {"LocalHost", 200},
		     {"[::1]:24101", 200},
		     {"evil.example", 403},
		     {"evil.example:24101", 403},
		     {"127.0.0.1.evil.example", 403},
		     {"localhost.evil.example", 403},
		     {"", 403}};
	char request[512];

	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = dial();

		snprintf(request, sizeof(request), "POST / HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n\r\n%s",
			 cases[i].host, cookie_header, strlen(ECHO), ECHO);
		put_text(fd, request);
		ck_assert_msg(get(fd).status == cases[i].status, "%s", cases[i].host);
		close(fd);
	}
}
END_TEST

/* ---- what is asked for */

START_TEST(paths_and_methods)
{
	struct reply r;

	start();
	ck_assert_int_eq(ask("POST /other", cookie_header, ECHO).status, 404);
	ck_assert_int_eq(ask("POST //", cookie_header, ECHO).status, 404);
	r = ask("GET /", cookie_header, "");
	ck_assert_int_eq(r.status, 405);
	ck_assert_ptr_nonnull(strcasestr(r.head, "allow: POST\r\n"));
	ck_assert_int_eq(ask("PUT /", cookie_header, ECHO).status, 405);
	ck_assert_int_eq(ask("DELETE /", cookie_header, "").status, 405);
	expect_served();
}
END_TEST

/* What is not HTTP ends the connection and nothing else. */
START_TEST(not_http)
{
	static const char junk[] = "\x16\x03\x01\x02junk\r\n\r\n\xff\xfe\r\n\r\n";
	int fd;

	start();
	fd = dial();
	put(fd, junk, sizeof(junk) - 1);
	shutdown(fd, SHUT_WR);
	ck_assert_int_ne(get(fd).status, 200);
	close(fd);
	fd = dial();
	put_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	shutdown(fd, SHUT_WR);
	ck_assert_int_ne(get(fd).status, 200);
	close(fd);
	expect_served();
}
END_TEST

/* JSON-RPC errors are answered with 200, as JSON; a notification with 204 and nothing. */
START_TEST(errors_and_notifications)
{
	struct reply r;

	start();
	r = ask("POST /", cookie_header, "{");
	ck_assert_int_eq(r.status, 200);
	ck_assert_ptr_nonnull(strstr(r.body, "\"code\":-32700"));
	ck_assert_ptr_nonnull(strcasestr(r.head, "content-type: application/json\r\n"));
	r = ask("POST /", cookie_header, "");
	ck_assert_int_eq(r.status, 200);
	ck_assert_ptr_nonnull(strstr(r.body, "\"code\":-32700"));
	r = ask("POST /", cookie_header, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[1]}");
	ck_assert_int_eq(r.status, 204);
	ck_assert_str_eq(r.body, "");
	r = ask("POST /", cookie_header,
		"[{\"id\":1,\"method\":\"echo\",\"params\":[1]},{\"id\":2,\"method\":\"no\"}]");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.body, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":"
				 "{\"code\":-32601,\"message\":\"there is no method no\"}}]");
}
END_TEST

/* Every byte of the request in a segment of its own; then two requests in one segment. */
START_TEST(pieces)
{
	char request[512];
	int fd, one = 1;

	start();
	fd = dial();
	ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one)), 0);
	snprintf(request, sizeof(request), "POST / HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
		 cookie_header, strlen(ECHO), ECHO);
	for (const char *at = request; *at; at++)
		put(fd, at, 1);
	ck_assert_str_eq(get(fd).body, ECHOED);
	put_text(fd, request);
	put_text(fd, request);
	ck_assert_str_eq(get(fd).body, ECHOED);
	ck_assert_str_eq(get(fd).body, ECHOED);
	close(fd);
}
END_TEST

START_TEST(chunked_bodies)
{
	char request[512];
	int fd;

	start();
	fd = dial();
	snprintf(request, sizeof(request), "POST / HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: chunked\r\n\r\n",
		 cookie_header);
	put_text(fd, request);
	for (const char *at = ECHO; *at; at++) {
		char chunk[8];

		snprintf(chunk, sizeof(chunk), "1\r\n%c\r\n", *at);
		put_text(fd, chunk);
	}
	put_text(fd, "0\r\n\r\n");
	ck_assert_str_eq(get(fd).body, ECHOED);
	close(fd);
}
END_TEST

/* ---- life */

/* What a method wants done later is done once its answer is out, also when the client does not wait for it. */
START_TEST(after_the_answer)
{
	int fd;

	start();
	ck_assert_str_eq(ask("POST /", cookie_header, "{\"id\":1,\"method\":\"after\"}").body,
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"later\"}");
	mutex_lock(&lock);
	while (!after_was_run)
		cond_wait(&changed, &lock);
	after_was_run = false;
	mutex_unlock(&lock);
	fd = dial();
	put_head(fd, "POST /", cookie_header, strlen("{\"id\":1,\"method\":\"after\"}"));
	put_text(fd, "{\"id\":1,\"method\":\"after\"}");
	close(fd);
	mutex_lock(&lock);
	while (!after_was_run)
		cond_wait(&changed, &lock);
	mutex_unlock(&lock);
}
END_TEST

/* The threads are named, and as many as asked for. */
START_TEST(threads_are_named)
{
	DIR *tasks;
	unsigned named = 0;
	struct dirent *entry;

	start();
	for (int i = 0; i < 50; i++)
		expect_served(); /* by then every thread has begun to accept, or will not be missed */
	for (unsigned tries = 0; named < params.workers && tries < 100000; tries++) {
		named = 0;
		tasks = opendir("/proc/self/task");
		while ((entry = readdir(tasks))) {
			char path[300], name[32] = "";
			FILE *file;

			snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
			file = fopen(path, "r");
			if (file && fgets(name, sizeof(name), file))
				named += strcmp(name, "rpc\n") == 0;
			if (file)
				fclose(file);
		}
		closedir(tasks);
	}
	ck_assert_uint_eq(named, params.workers);
}
END_TEST

/* A port that is taken is an error, and leaves nothing behind. */
START_TEST(port_in_use)
{
	struct http *second;
	struct http_params same;

	start();
	same = params;
	same.listen.port = http_port(http);
	ck_assert_int_eq(http_start(&second, &same, auth, &table), -EADDRINUSE);
	ck_assert_ptr_null(second);
	expect_served();
}
END_TEST

/* Clients that leave in the middle of everything. */
START_TEST(clients_that_leave)
{
	start();
	for (int i = 0; i < 200; i++) {
		int fd = dial();

		put_head(fd, "POST /", i % 2 ? cookie_header : WRONG, strlen(ECHO));
		put(fd, ECHO, (size_t)i % (strlen(ECHO) + 1));
		close(fd);
	}
	expect_served();
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, logins);
	tcase_add_test(c, only_the_cookie);
	tcase_add_test(c, cookie_file);
	tcase_add_test(c, a_failed_login_waits_alone);
	tcase_add_test(c, a_failed_login_is_answered_late);
	tcase_add_test(c, many_failed_logins);
	tcase_add_test(c, failed_logins_wait_in_a_row);
	tcase_add_loop_test(c, failed_logins_wait_everywhere, 0, 2);
	tcase_add_test(c, long_failed_logins_wait);
	tcase_add_test(c, half_failed_logins_count);
	tcase_add_test(c, web_pages_try_no_passwords);
	tcase_add_test(c, stop_does_not_wait);
	tcase_add_test(c, web_pages);
	tcase_add_test(c, hosts);
	tcase_add_test(c, paths_and_methods);
	tcase_add_test(c, not_http);
	tcase_add_test(c, errors_and_notifications);
	tcase_add_test(c, pieces);
	tcase_add_test(c, chunked_bodies);
	tcase_add_test(c, after_the_answer);
	tcase_add_test(c, threads_are_named);
	tcase_add_test(c, port_in_use);
	tcase_add_test(c, clients_that_leave);
}

int main(void)
{
	return http_tests("rpc_http", add_tests);
}
