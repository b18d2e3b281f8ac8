/* SPDX-License-Identifier: MIT
 *
 * What the tests of the RPC's HTTP server share: a server on an ephemeral port with a table of methods, and a client on
 * real sockets.  Included once by each test program.
 */
#ifndef TIMED_TESTS_HTTP_FIXTURE_H
#define TIMED_TESTS_HTTP_FIXTURE_H

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

#include "http_client.h"
#include "run_suite.h"
#include "timed/rpc/http.h"
#include "timed/rpc/stream.h"
#include "timed/util/clock.h"
#include "timed/util/thread.h"

#define USER_PASSWORD "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n" /* user:password */
#define WRONG "Authorization: Basic dXNlcjp3cm9uZw==\r\n"	      /* user:wrong */
#define ECHO "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[5]}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}"
/* Together more than the sockets hold. */
#define LIST_ITEMS 100000
#define LIST_ITEM_DIGITS 160
/* What can be read without a password; more than a socket holds. */
#define OPEN_BYTES ((size_t)1 << 20)
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

static inline json_t *run_echo(struct rpc_call *call)
{
	return json_incref(call->args[0]);
}

static inline void after(void *user)
{
	ck_assert_ptr_eq(user, &params);
	mutex_lock(&lock);
	after_was_run = true;
	cond_broadcast(&changed);
	mutex_unlock(&lock);
}

static inline json_t *run_after(struct rpc_call *call)
{
	call->after = after;
	return json_string("later");
}

/* Waits until the test opens the gate. */
static inline json_t *run_gate(struct rpc_call *call)
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
static inline json_t *run_later(struct rpc_call *call)
{
	atomic_fetch_add(&later_runs, 1);
	if (call->waited_ms != RPC_NO_WAIT && !atomic_load(&arrived))
		return rpc_later(call);
	return json_boolean(call->waited_ms > 0);
}

static inline json_t *list_item(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	char digits[LIST_ITEM_DIGITS + 1];

	(void)key;
	ck_assert_ptr_eq(user, &params);
	snprintf(digits, sizeof(digits), "%0*zu", LIST_ITEM_DIGITS, index);
	return json_string(digits);
}

static inline void list_free(void *user)
{
	ck_assert_ptr_eq(user, &params);
	atomic_fetch_add(&lists_freed, 1);
}

/* The numbers from 0 on. */
static inline json_t *run_list(struct rpc_call *call)
{
	struct stream_list list = {.user = &params, .count = LIST_ITEMS, .item = list_item, .free_user = list_free};

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
static struct rpc_stats stats;
static struct rpc_table table = {.groups = groups, .group_count = 1, .user = &params, .stats = &stats};

static inline unsigned read_open(void *user, struct buf *body)
{
	(void)user;
	for (size_t i = 0; i < OPEN_BYTES; i++)
		buf_append_byte(body, 'x');
	return 200;
}

static const struct http_route open_route = {
	.path = "/open", .type = "text/plain", .access = HTTP_ACCESS_ANYBODY, .run = read_open};

static inline int dial(void)
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

static inline struct reply ask(const char *request_line, const char *headers, const char *body)
{
	int fd = dial();
	struct reply r = ask_on(fd, request_line, headers, body);

	close(fd);
	return r;
}

static inline void expect_served(void)
{
	struct reply r = ask("POST /", cookie_header, ECHO);

	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.body, ECHOED);
}

/* ---- set-up */

static inline void base64(char *out, const char *text)
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

static inline void read_cookie(char out[128])
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

static inline void start(void)
{
	char cookie[128], encoded[192];

	ck_assert_int_eq(http_start(&http, &params, auth, &table), 0);
	ck_assert_int_eq(auth_publish(auth, data_dir), 0);
	read_cookie(cookie);
	base64(encoded, cookie);
	snprintf(cookie_header, sizeof(cookie_header), "Authorization: Basic %s\r\n", encoded);
}

static inline void setup(void)
{
	struct http_params defaults = HTTP_PARAMS_DEFAULT;

	cond_init(&changed);
	params = defaults;
	params.routes = (struct http_routes){.items = &open_route, .count = 1};
	ck_assert_int_eq(net_addr_parse(&params.listen, "127.0.0.1", 9, 0), 0);
	ck_assert_ptr_nonnull(mkdtemp(data_dir));
	ck_assert_int_eq(auth_create(&auth, "user", "password"), 0);
}

static inline void teardown(void)
{
	http_stop(http);
	auth_free(auth);
	ck_assert_int_eq(rmdir(data_dir), 0); /* the cookie is gone */
	cond_destroy(&changed);
}

/* Runs the tests that `add_tests` adds. */
static inline int http_tests(const char *name, void (*add_tests)(TCase *))
{
	Suite *suite = suite_create(name);
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}

#endif
