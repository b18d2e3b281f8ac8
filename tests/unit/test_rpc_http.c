// SPDX-License-Identifier: MIT
/* The HTTP server of the RPC over real sockets on an ephemeral port: who gets in, what is refused and how, bodies in
 * any number of pieces, and that nobody holds up anybody. */
#include "timed/rpc/http.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#include "timed/rpc/stream.h"
#include "timed/util/clock.h"
#include "timed/util/thread.h"

/* Longer than anything here may take. */
#define PATIENCE_MS 20000
#define USER_PASSWORD "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n" /* user:password */
#define WRONG "Authorization: Basic dXNlcjp3cm9uZw==\r\n"	      /* user:wrong */
#define ECHO "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[5]}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}"
#define LIST_ITEMS 2000000
#define ECHOED "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}"

static struct http_params params;
static struct auth *auth;
static struct http *http;
static char data_dir[] = "/tmp/test_rpc_http.XXXXXX";
static char cookie_header[256];

static struct mutex lock = MUTEX_INITIALIZER("test", MUTEX_RANK_LEAF);
static struct cond changed;
static bool after_was_run, gate_open;
static int gate_waiting;
static atomic_bool arrived; /* what `later` waits for */
static atomic_int later_runs;
static atomic_int lists_freed;

/* ---- a table of methods */

static json_t *run_echo(struct rpc_call *call)
{
	return json_incref(call->args[0]);
}

static void after(void *user)
{
	ck_assert_ptr_eq(user, &params);
	mutex_lock(&lock);
	after_was_run = true;
	cond_broadcast(&changed);
	mutex_unlock(&lock);
}

static json_t *run_after(struct rpc_call *call)
{
	call->after = after;
	return json_string("later");
}

/* Waits until the test opens the gate. */
static json_t *run_gate(struct rpc_call *call)
{
	(void)call;
	mutex_lock(&lock);
	gate_waiting++;
	cond_broadcast(&changed);
	while (!gate_open)
		cond_wait(&changed, &lock);
	mutex_unlock(&lock);
	return json_true();
}

/* Says whether it has waited. */
static json_t *run_later(struct rpc_call *call)
{
	atomic_fetch_add(&later_runs, 1);
	if (call->waited_ms != RPC_NO_WAIT && !atomic_load(&arrived))
		return rpc_later(call);
	return json_boolean(call->waited_ms > 0);
}

static json_t *list_item(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	(void)key;
	ck_assert_ptr_eq(user, &params);
	return json_integer((json_int_t)index);
}

static void list_free(void *user)
{
	ck_assert_ptr_eq(user, &params);
	atomic_fetch_add(&lists_freed, 1);
}

/* The numbers from 0 on. */
static json_t *run_list(struct rpc_call *call)
{
	struct stream_list list = {.user = &params,
				   .count = LIST_ITEMS,
				   .item = list_item,
				   .free_user = list_free};

	return stream_answer(call, &list);
}

static const struct rpc_param echo_params[] = {
    {.name = "value", .types = RPC_TYPE_INTEGER | RPC_TYPE_STRING, .required = true, .about = "anything"},
};
static const struct rpc_method methods[] = {
    {.name = "echo", .about = "", .params = echo_params, .param_count = 1, .result = "", .run = run_echo},
    {.name = "after", .about = "", .result = "", .run = run_after},
    {.name = "gate", .about = "", .result = "", .run = run_gate},
    {.name = "later", .about = "", .result = "", .run = run_later},
    {.name = "list", .about = "", .result = "", .run = run_list},
};
static const struct rpc_group group = {.name = "Group", .methods = methods, .method_count = 5};
static const struct rpc_group *const groups[] = {&group};
static struct rpc_table table = {.groups = groups, .group_count = 1, .user = &params};

/* ---- a client */

static int dial(void)
{
	struct sockaddr_storage sa;
	struct net_addr addr = params.listen;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.port = http_port(http);
	len = net_addr_to_sockaddr(&sa, &addr);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

static void put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		ck_assert_int_gt(n, 0);
		data += n;
		len -= (size_t)n;
	}
}

static void put_text(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

struct reply {
	int status; /* 0: the server closed without an answer */
	char head[512];
	char body[256]; /* cut */
};

static bool get_byte(int fd, char *out)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "no answer");
	return recv(fd, out, 1, 0) == 1;
}

/* Reads one answer. */
static struct reply get(int fd)
{
	struct reply r = {0};
	size_t len = 0, body = 0;
	const char *length;

	while (!strstr(r.head, "\r\n\r\n") && len + 1 < sizeof(r.head)) {
		if (!get_byte(fd, &r.head[len]))
			return r;
		len++;
	}
	r.status = atoi(r.head + strlen("HTTP/1.1 "));
	length = strcasestr(r.head, "content-length:");
	if (length)
		body = (size_t)atoi(length + strlen("content-length:"));
	for (size_t at = 0; at < body;) {
		static char piece[65536];
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "half an answer");
		n = recv(fd, piece, body - at < sizeof(piece) ? body - at : sizeof(piece), 0);
		ck_assert_int_gt(n, 0);
		for (size_t i = 0; i < (size_t)n && at + i + 1 < sizeof(r.body); i++)
			r.body[at + i] = piece[i];
		at += (size_t)n;
	}
	return r;
}

/* The head of a request with a body of `len` bytes. */
static void put_head(int fd, const char *request_line, const char *headers, size_t len)
{
	char head[1024];

	snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: 127.0.0.1:24101\r\n%sContent-Length: %zu\r\n\r\n",
		 request_line, headers, len);
	put_text(fd, head);
}

static struct reply ask_on(int fd, const char *request_line, const char *headers, const char *body)
{
	put_head(fd, request_line, headers, strlen(body));
	put_text(fd, body);
	return get(fd);
}

static struct reply ask(const char *request_line, const char *headers, const char *body)
{
	int fd = dial();
	struct reply r = ask_on(fd, request_line, headers, body);

	close(fd);
	return r;
}

static void expect_served(void)
{
	struct reply r = ask("POST /", cookie_header, ECHO);

	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.body, ECHOED);
}

/* True when the server ends the connection without a further byte. */
static bool is_ended(int fd)
{
	char c;

	return !get_byte(fd, &c);
}

/* ---- set-up */

static void base64(char *out, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += 3) {
		unsigned v = (unsigned)(unsigned char)text[i] << 16;

		v |= i + 1 < len ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		v |= i + 2 < len ? (unsigned)(unsigned char)text[i + 2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*out = 0;
}

static void read_cookie(char out[128])
{
	char path[128];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/.cookie", data_dir);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	len = fread(out, 1, 127, file);
	out[len] = 0;
	fclose(file);
}

static void start(void)
{
	char cookie[128], encoded[192];

	ck_assert_int_eq(http_start(&http, &params, auth, &table), 0);
	ck_assert_int_eq(auth_publish(auth, data_dir), 0);
	read_cookie(cookie);
	base64(encoded, cookie);
	snprintf(cookie_header, sizeof(cookie_header), "Authorization: Basic %s\r\n", encoded);
}

static void setup(void)
{
	struct http_params defaults = HTTP_PARAMS_DEFAULT;

	cond_init(&changed);
	params = defaults;
	ck_assert_int_eq(net_addr_parse(&params.listen, "127.0.0.1", 9, 0), 0);
	ck_assert_ptr_nonnull(mkdtemp(data_dir));
	ck_assert_int_eq(auth_create(&auth, "user", "password"), 0);
}

static void teardown(void)
{
	http_stop(http);
	auth_free(auth);
	ck_assert_int_eq(rmdir(data_dir), 0); /* the cookie is gone */
	cond_destroy(&changed);
}

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

/* A wrong password is answered late; meanwhile, on the same thread, others are served at once. */
START_TEST(a_failed_login_waits_alone)
{
	struct reply r;
	int fd;

	params.workers = 1;
	params.failure_delay_ms = 300;
	start();
	int64_t before = clock_mono_ms();

	fd = dial();
	put_head(fd, "POST /", WRONG, strlen(ECHO));
	put_text(fd, ECHO);
	for (int i = 0; i < 20; i++)
		expect_served();
	ck_assert_int_eq(recv(fd, &r, 1, MSG_DONTWAIT | MSG_PEEK), -1);
	r = get(fd);
	ck_assert_int_eq(r.status, 401);
	ck_assert_int_ge(clock_mono_ms() - before, 300);
	/* The connection goes on: the right password is served on it. */
	ck_assert_int_eq(ask_on(fd, "POST /", USER_PASSWORD, ECHO).status, 200);
	close(fd);
}
END_TEST

/* Failed logins queue up behind each other, and beyond the bound they are cut off; who knows the password does not
 * notice. */
START_TEST(many_failed_logins)
{
	enum { BOUND = 4 };
	int fds[BOUND + 1];
	int64_t before;

	params.workers = 1;
	params.max_delayed = BOUND;
	params.failure_delay_ms = 100;
	start();
	before = clock_mono_ms();
	for (int i = 0; i <= BOUND; i++) {
		fds[i] = dial();
		put_head(fds[i], "POST /", WRONG, 0);
		if (i < BOUND)
			expect_served(); /* and so this one is in the queue before the next */
	}
	ck_assert_int_eq(get(fds[BOUND]).status, 0);
	for (int i = 0; i < BOUND; i++)
		ck_assert_int_eq(get(fds[i]).status, 401);
	ck_assert_int_ge(clock_mono_ms() - before, BOUND * 100);
	for (int i = 0; i <= BOUND; i++)
		close(fds[i]);
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

/* ---- limits */

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
	ck_assert_int_eq(get(fd).status, 413);
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
		while ((end = strstr(text, "\r\n")) && (size_t)(end + 2 - text) + (len = strtoul(text, NULL, 16)) + 2 <= used) {
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

static void add(Suite *suite, const char *name, const TTest *const *tests, size_t count)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("rpc_http");
	const TTest *const access[] = {
	    logins, only_the_cookie, cookie_file, a_failed_login_waits_alone, many_failed_logins, web_pages, hosts};
	const TTest *const requests[] = {paths_and_methods, not_http, errors_and_notifications, pieces, chunked_bodies};
	const TTest *const limits[] = {long_bodies,
				       huge_bodies,
				       expect_continue,
				       idle_connections_yield,
				       busy_connections_stay,
				       unread_requests_stay,
				       silent_connections_time_out,
				       trickling_connections_time_out,
				       long_lists,
				       long_lists_that_nobody_reads,
				       a_long_method_leaves_the_other_threads,
				       a_method_that_waits_leaves_its_thread, those_that_wait_are_bounded,
				       rate_limit};
	const TTest *const life[] = {after_the_answer, stop_does_not_wait, threads_are_named, port_in_use,
				     clients_that_leave};
	SRunner *runner;
	int failed;

	add(suite, "access", access, sizeof(access) / sizeof(access[0]));
	add(suite, "requests", requests, sizeof(requests) / sizeof(requests[0]));
	add(suite, "limits", limits, sizeof(limits) / sizeof(limits[0]));
	add(suite, "life", life, sizeof(life) / sizeof(life[0]));
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
