// SPDX-License-Identifier: MIT
/* See http.h.  Three objects: the server, its workers (one thread, one libmicrohttpd daemon each), and per connection
 * and request a small struct that only its worker touches. */
#include "timed/rpc/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_rate.h"
#include "http_stream.h"
#include "timed/rpc/dispatch.h"
#include "timed/rpc/origin.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/thread.h"

/* libmicrohttpd's memory per connection: longest head of a request, and how much is read at a time. */
#define CONNECTION_MEMORY ((size_t)16384)
/* What a request gets for its body at once. */
#define FIRST_BODY_BYTES 4096
/* Busy connections (a request in hand) that a worker takes beyond those it keeps idle. */
#define BUSY_EXTRA 64
/* The status page sends it with what it asks for. */
#define PAGE_HEADER "X-Timed-Page"
/* A request that waits is looked at again after this. */
#define AGAIN_MS 20

struct connection {
	TAILQ_ENTRY(connection) link; /* in worker.idle, while it is idle */
	int fd;			      /* its socket; closed by libmicrohttpd after it told us of the end */
	bool idle;		      /* in worker.idle: it yields to a new one */
	bool asked;		      /* a request is in hand */
};

struct request {
	TAILQ_ENTRY(request) link; /* in worker.delayed or worker.waiting */
	TAILQ_ENTRY(request) timed_link; /* in worker.timed, unless cut_ms is 0 */
	int64_t cut_ms;			 /* its connection is ended then, clock_mono_ms; 0: not by time */
	struct worker *worker;	   /* whose thread runs it */
	struct MHD_Connection *native;
	struct connection *connection; /* that it came on */
	const struct http_route *route; /* what is read; NULL: a JSON-RPC text comes */
	const char *allow;	       /* what can be done at its path; "": nothing */
	enum auth_verdict auth;	       /* of its Authorization header */
	unsigned refusal;	/* HTTP status that it gets whatever the body says; 0: none */
	bool preflight;		/* a CORS preflight that is allowed */
	bool punished;		/* its answer is being delayed, or has been */
	int64_t resume_ms;	/* set aside, in worker.delayed or .waiting, until then; 0: it is in neither */
	bool ran;		/* its method has been run */
	bool waits;		/* and had no answer: it counts as one that waits until it ends */
	int64_t ran_ms;		/* when it was run first, clock_mono_ms */
	struct buf body;	/* what came in so far */
	size_t discarded;	/* what came in and was not kept */
	size_t discard_limit;	/* then it is cut off */
	void (*after)(void *);	/* to be run when the answer has been sent */
};

struct worker {
	struct http *http;			   /* the server */
	struct MHD_Daemon *daemon;		   /* its connections; NULL once it has stopped */
	struct thread thread;			   /* runs worker_main() */
	int wake_fd;				   /* eventfd: stop */
	TAILQ_HEAD(idle_list, connection) idle;	   /* those that yield; longest without an answer first */
	TAILQ_HEAD(delayed_list, request) delayed; /* earliest resume_ms first */
	TAILQ_HEAD(waiting_list, request) waiting; /* the same; its method is run again then */
	TAILQ_HEAD(timed_list, request) timed; /* requests that come in, answers that go out; earliest cut_ms first */
	unsigned connections;			   /* open ones */
	unsigned delayed_count;			   /* entries of delayed */
	unsigned waiting_count;			   /* requests that wait, those that are just run again included */
	struct log_limit log_limit;		   /* for failed logins */
};

struct http {
	struct http_params params;     /* as given to http_start() */
	const struct auth *auth;       /* who may use it; not ours */
	const struct rpc_table *table; /* what can be called; not ours */
	int listen_fd;		       /* bound socket; each worker accepts from a duplicate */
	uint16_t port;		       /* that it is bound to */
	atomic_bool stopping;	       /* the workers are to end */
	struct worker *workers;	       /* params.workers of them */
	unsigned started;	       /* those of them that run */
	struct http_rate rate;	       /* of requests */
};

/* ---- deadlines */

static void deadline_clear(struct request *r)
{
	if (r->cut_ms)
		TAILQ_REMOVE(&r->worker->timed, r, timed_link);
	r->cut_ms = 0;
}

/* What comes now, the request or the sending of its answer, has so long. */
static void deadline_set(struct request *r)
{
	deadline_clear(r);
	r->cut_ms = clock_mono_ms() + (int64_t)1000 * r->worker->http->params.transfer_timeout_s;
	TAILQ_INSERT_TAIL(&r->worker->timed, r, timed_link);
}

static void cut_due(struct worker *w, int64_t now_ms)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&w->timed)) && r->cut_ms <= now_ms) {
		deadline_clear(r);
		(void)shutdown(r->connection->fd, SHUT_RDWR);
	}
}

/* ---- answers */

static const char *header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->native, MHD_HEADER_KIND, name);
}

/* The headers that a web page which is let in needs to read the answer. */
static void add_cors(const struct request *r, struct MHD_Response *response)
{
	const char *origin = header(r, MHD_HTTP_HEADER_ORIGIN);

	if (!origin || r->refusal == MHD_HTTP_FORBIDDEN)
		return;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, origin);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN);
	if (!r->preflight)
		return;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS, "POST");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS,
				      "authorization, content-type");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE, "3600");
}

/* Sends a response, which is released then; `type` of its body, NULL: it has none. */
static enum MHD_Result send_response(struct request *r, unsigned status, const char *type,
				     struct MHD_Response *response)
{
	enum MHD_Result result;

	if (type)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	/* The status page asks for itself: no prompt out of nowhere. */
	if (status == MHD_HTTP_UNAUTHORIZED && !header(r, PAGE_HEADER))
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"timed\"");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, r->allow);
	for (size_t i = 0; r->route && i < r->route->header_count; i++)
		(void)MHD_add_response_header(response, r->route->headers[i].name, r->route->headers[i].value);
	add_cors(r, response);
	result = MHD_queue_response(r->native, status, response);
	MHD_destroy_response(response);
	deadline_set(r);
	return result;
}

/* Sends `len` bytes, malloc'ed (NULL when 0), which are freed then. */
static enum MHD_Result send_body(struct request *r, unsigned status, const char *type, void *body, size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);

	if (response)
		return send_response(r, status, len > 0 ? type : NULL, response);
	free(body);
	return MHD_NO;
}

/* What a person reads who looks at the answer. */
static const char *status_text(const struct request *r, unsigned status)
{
	switch (status) {
	case MHD_HTTP_UNAUTHORIZED:
		return r->auth == AUTH_MISSING
			   ? "Credentials are needed: the cookie file, or rpc.user and rpc.password.\n"
			   : "Wrong credentials.\n";
	case MHD_HTTP_FORBIDDEN:
		return "Web pages are let in by rpc.allow_origins only.\n";
	case MHD_HTTP_NOT_FOUND:
		return "There is nothing here.\n";
	case MHD_HTTP_METHOD_NOT_ALLOWED:
		return "Not with this method: see the header Allow.\n";
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "The request is too long.\n";
	case MHD_HTTP_TOO_MANY_REQUESTS:
		return "Too many requests (security.max_requests_per_second).\n";
	case MHD_HTTP_INTERNAL_SERVER_ERROR:
		return "Out of memory.\n";
	default:
		return "";
	}
}

static enum MHD_Result send_status(struct request *r, unsigned status)
{
	const char *text = status_text(r, status);
	char *copy = *text ? strdup(text) : NULL;

	return send_body(r, status, "text/plain; charset=utf-8", copy, copy ? strlen(copy) : 0);
}

/* It may hold a passphrase. */
static void drop_body(struct request *r)
{
	if (r->body.data)
		explicit_bzero(r->body.data, r->body.capacity);
	buf_free(&r->body);
}

/* Sets a request aside that is to be run again. */
static void wait_a_moment(struct request *r)
{
	struct worker *w = r->worker;

	r->resume_ms = clock_mono_ms() + AGAIN_MS;
	TAILQ_INSERT_TAIL(&w->waiting, r, link);
	w->waiting_count += !r->waits;
	r->waits = true;
	MHD_suspend_connection(r->native);
}

/* For how long the request has been waiting; RPC_NO_WAIT: as long as it may, for too many others do. */
static int64_t waited_ms(struct request *r)
{
	int64_t now_ms = clock_mono_ms();

	if (!r->ran)
		r->ran_ms = now_ms;
	if (!r->waits && r->worker->waiting_count >= r->worker->http->params.max_waiting)
		return RPC_NO_WAIT;
	return now_ms - r->ran_ms;
}

static enum MHD_Result send_stream(struct request *r, struct dispatch_answer *answer)
{
	struct MHD_Response *response = http_stream_response(&answer->body, &answer->stream);

	if (response)
		return send_response(r, MHD_HTTP_OK, "application/json", response);
	dispatch_answer_free(answer);
	return send_status(r, MHD_HTTP_INTERNAL_SERVER_ERROR);
}

/* Runs a request that has come in whole, or has been waiting. */
static enum MHD_Result run(struct request *r)
{
	struct http *http = r->worker->http;
	struct dispatch_answer answer;
	size_t len;
	uint8_t *body;
	int error;

	if (!r->ran && !http_rate_open(&http->rate))
		return send_status(r, MHD_HTTP_TOO_MANY_REQUESTS);
	error = dispatch_text(&answer, http->table, r->body.data ? (const char *)r->body.data : "", r->body.len,
			      waited_ms(r));
	if (!error && !r->ran)
		http_rate_charge(&http->rate, answer.calls);
	r->ran = true;
	if (!error && answer.later) {
		dispatch_answer_free(&answer);
		wait_a_moment(r);
		return MHD_YES;
	}
	drop_body(r);
	if (error)
		return send_status(r, MHD_HTTP_INTERNAL_SERVER_ERROR);
	r->after = answer.after;
	if (answer.stream)
		return send_stream(r, &answer);
	body = buf_steal(&answer.body, &len);
	if (!body)
		return send_status(r, MHD_HTTP_NO_CONTENT);
	return send_body(r, MHD_HTTP_OK, "application/json", body, len);
}

/* Answers what only reads. */
static enum MHD_Result run_route(struct request *r)
{
	struct buf body = BUF_INIT;
	unsigned status = r->route->run(r->worker->http->params.routes.user, &body);
	bool failed = body.error;
	size_t len;
	uint8_t *bytes = buf_steal(&body, &len);

	if (failed || !bytes) {
		free(bytes);
		return send_status(r, MHD_HTTP_INTERNAL_SERVER_ERROR);
	}
	return send_body(r, status, r->route->type, bytes, len);
}

/* ---- failed logins */

static bool client_address(const struct request *r, struct net_addr *out)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->native, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (info && info->client_addr)
		net_addr_from_sockaddr(out, info->client_addr);
	return info && info->client_addr;
}

static void log_failed_login(struct request *r)
{
	char text[NET_ADDR_TEXT_SIZE] = "?";
	struct net_addr addr;

	if (r->worker->http->table->stats)
		atomic_fetch_add_explicit(&r->worker->http->table->stats->refused_logins, 1, memory_order_relaxed);
	if (client_address(r, &addr))
		net_addr_text(text, &addr);
	log_limited(&r->worker->log_limit, LOG_RPC, LOG_LEVEL_WARN, "⚠️ RPC login with wrong credentials from %s",
		    text);
}

/* Sets the answer to a failed login aside, behind those that are waiting already.  False: there are too many. */
static bool delay(struct request *r)
{
	struct worker *w = r->worker;
	const struct request *last = TAILQ_LAST(&w->delayed, delayed_list);
	int64_t from = clock_mono_ms();

	if (w->delayed_count >= w->http->params.max_delayed)
		return false;
	if (last && last->resume_ms > from)
		from = last->resume_ms;
	r->resume_ms = from + w->http->params.failure_delay_ms;
	r->punished = true;
	TAILQ_INSERT_TAIL(&w->delayed, r, link);
	w->delayed_count++;
	MHD_suspend_connection(r->native);
	return true;
}

static void resume(struct request *r)
{
	TAILQ_REMOVE(&r->worker->delayed, r, link);
	r->worker->delayed_count--;
	r->resume_ms = 0;
	MHD_resume_connection(r->native);
}

static void resume_due(struct worker *w, int64_t now_ms)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&w->delayed)) && r->resume_ms <= now_ms)
		resume(r);
	while ((r = TAILQ_FIRST(&w->waiting)) && r->resume_ms <= now_ms) {
		TAILQ_REMOVE(&w->waiting, r, link);
		r->resume_ms = 0;
		MHD_resume_connection(r->native);
	}
}

/* ---- requests */

static struct connection *connection_of(struct MHD_Connection *native)
{
	return MHD_get_connection_info(native, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* From now on the connection does not yield to a new one. */
static void connection_busy(struct worker *w, struct connection *c)
{
	if (c->idle)
		TAILQ_REMOVE(&w->idle, c, link);
	c->idle = false;
}

/* Again it does, after all others. */
static void connection_idle(struct worker *w, struct connection *c)
{
	connection_busy(w, c);
	TAILQ_INSERT_TAIL(&w->idle, c, link);
	c->idle = true;
}

/* Length of the body as announced, 0 when it is not. */
static unsigned long long announced_length(const struct request *r)
{
	const char *text = header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text ? strtoull(text, NULL, 10) : 0;
}

/* Whether its sender may have what it asks for. */
static bool may(const struct request *r)
{
	struct net_addr addr;

	if (r->auth == AUTH_OK)
		return true;
	if (!r->route)
		return false;
	switch (r->route->access) {
	case HTTP_ACCESS_PASSWORD:
		break;
	case HTTP_ACCESS_LOOPBACK:
		return client_address(r, &addr) && net_ip_is_loopback(&addr.ip);
	case HTTP_ACCESS_ANYBODY:
		return true;
	}
	return false;
}

/* Whether a web page, or a name that somebody made point at us, may not be behind it. */
static bool is_foreign(const struct request *r, const char *origin)
{
	const struct http_params *params = &r->worker->http->params;
	const char *host = header(r, MHD_HTTP_HEADER_HOST);

	return (!params->any_host && !origin_host_allowed(host, params->origins, params->origin_count)) ||
	       !origin_allowed(origin, host, params->origins, params->origin_count);
}

/* Decides from its head alone what becomes of a request.  Whatever a wrong password asks for, it is a failed login: an
 * answer that comes sooner than that, or is another, would tell wrong from right. */
static void judge(struct request *r, const char *url, const char *method)
{
	const struct http_params *params = &r->worker->http->params;
	const char *origin = header(r, MHD_HTTP_HEADER_ORIGIN);

	r->allow = http_route_allow(&params->routes, url);
	r->route = http_route_reads(method) ? http_route_find(&params->routes, url) : NULL;
	r->auth = auth_check(r->worker->http->auth, header(r, MHD_HTTP_HEADER_AUTHORIZATION));
	r->discard_limit = params->max_body_bytes;
	if (is_foreign(r, origin)) { /* with any password */
		r->refusal = MHD_HTTP_FORBIDDEN;
		return;
	}
	if (r->auth == AUTH_OK)
		r->discard_limit = params->max_discarded_bytes;
	if (r->auth == AUTH_WRONG) {
		r->refusal = MHD_HTTP_UNAUTHORIZED;
	} else if (!*r->allow) {
		r->refusal = MHD_HTTP_NOT_FOUND;
	} else if (origin && strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0) {
		r->preflight = true;
		r->refusal = MHD_HTTP_NO_CONTENT;
	} else if (!r->route && (strcmp(method, MHD_HTTP_METHOD_POST) != 0 || !strstr(r->allow, method))) {
		r->refusal = MHD_HTTP_METHOD_NOT_ALLOWED;
	} else if (announced_length(r) > params->max_body_bytes) {
		r->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
	} else if (!may(r)) {
		r->refusal = MHD_HTTP_UNAUTHORIZED;
	}
}

/* A failed login that has not waited for its answer yet. */
static bool is_due_punishment(const struct request *r)
{
	return r->refusal == MHD_HTTP_UNAUTHORIZED && r->auth == AUTH_WRONG && !r->punished;
}

static enum MHD_Result punish(struct request *r)
{
	deadline_clear(r);
	connection_busy(r->worker, r->connection);
	return delay(r) ? MHD_YES : MHD_NO;
}

static enum MHD_Result refuse(struct request *r)
{
	return is_due_punishment(r) ? punish(r) : send_status(r, r->refusal);
}

/* The head of a request is there. */
static enum MHD_Result begin(struct worker *w, struct MHD_Connection *native, const char *url, const char *method,
			     void **state)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return MHD_NO;
	*state = r;
	r->worker = w;
	r->native = native;
	r->connection = connection_of(native);
	judge(r, url, method);
	r->connection->asked = true;
	deadline_set(r);
	if (is_due_punishment(r))
		log_failed_login(r);
	/* Nobody without the password keeps others out. */
	if (!r->refusal && r->auth == AUTH_OK)
		connection_busy(w, r->connection);
	if (r->refusal && (header(r, MHD_HTTP_HEADER_EXPECT) || announced_length(r) > r->discard_limit))
		return refuse(r);
	return MHD_YES;
}

/* A piece of the body is there. */
static enum MHD_Result take(struct request *r, const char *data, size_t *untaken)
{
	size_t limit = r->worker->http->params.max_body_bytes, len = *untaken;

	*untaken = 0;
	if (!r->refusal && !r->route) {
		/* Not to leave pieces of a short one behind as it grows. */
		if (r->body.capacity == 0)
			(void)buf_reserve(&r->body, FIRST_BODY_BYTES);
		if (len > limit - r->body.len)
			r->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
		else
			buf_append(&r->body, data, len);
		if (r->body.error)
			r->refusal = MHD_HTTP_INTERNAL_SERVER_ERROR;
		if (!r->refusal)
			return MHD_YES;
		drop_body(r);
	}
	r->discarded += len;
	if (r->discarded <= r->discard_limit)
		return MHD_YES;
	if (!is_due_punishment(r))
		return MHD_NO;
	/* It comes again after the delay.  If it were taken, libmicrohttpd would go on at once with what it has read
	 * behind it, and end the connection over that while the request is set aside. */
	*untaken = len;
	return punish(r);
}

static enum MHD_Result finish(struct request *r)
{
	if (r->refusal)
		return refuse(r);
	deadline_clear(r);
	return r->route ? run_route(r) : run(r);
}

/* libmicrohttpd calls this once for the head of a request, for each piece of its body, and once more at the end; and
 * again after a delay with what was not taken. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *native, const char *url, const char *method,
				  const char *version, const char *data, size_t *len, void **state)
{
	struct request *r = *state;

	(void)version;
	if (!r)
		return begin(user, native, url, method, state);
	return *len > 0 ? take(r, data, len) : finish(r);
}

static void on_completed(void *user, struct MHD_Connection *native, void **state, enum MHD_RequestTerminationCode code)
{
	struct worker *w = user;
	struct request *r = *state;

	(void)native;
	(void)code;
	*state = NULL;
	if (!r)
		return;
	CHECK(r->resume_ms == 0);
	w->waiting_count -= r->waits;
	deadline_clear(r);
	if (r->after)
		r->after(w->http->table->user);
	r->connection->asked = false;
	connection_idle(w, r->connection);
	drop_body(r);
	free(r);
}

/* ---- connections */

/* Something has come in that nobody has read yet. */
static bool has_input(const struct connection *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Makes room for a new connection when there are too many: the one that has been without an answer for longest is
 * ended.  One whose request has come and just not been read yet stays. */
static void evict(struct worker *w, const struct connection *newcomer)
{
	struct connection *oldest = TAILQ_FIRST(&w->idle);

	if (w->connections <= w->http->params.connections)
		return;
	while (oldest && !oldest->asked && has_input(oldest))
		oldest = TAILQ_NEXT(oldest, link);
	if (!oldest || oldest == newcomer)
		return;
	connection_busy(w, oldest); /* out of the list */
	(void)shutdown(oldest->fd, SHUT_RDWR);
}

static void on_connection(void *user, struct MHD_Connection *native, void **state,
			  enum MHD_ConnectionNotificationCode code)
{
	struct worker *w = user;
	struct connection *c;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		c = *state;
		connection_busy(w, c);
		w->connections--;
		free(c);
		return;
	}
	c = calloc(1, sizeof(*c));
	CHECK(c); /* small and fixed: libmicrohttpd has just allocated 16 KiB for the same connection */
	c->fd = MHD_get_connection_info(native, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	*state = c;
	w->connections++;
	connection_idle(w, c);
	evict(w, c);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *user, const char *format, va_list list)
{
	char text[256];

	(void)user;
	vsnprintf(text, sizeof(text), format, list);
	text[strcspn(text, "\n")] = 0;
	log_debug(LOG_RPC, "libmicrohttpd: %s", text);
}

/* ---- workers */

/* How long a worker may sleep, in ms; -1: until something happens. */
static int sleep_ms(const struct worker *w)
{
	const struct request *next[] = {TAILQ_FIRST(&w->delayed), TAILQ_FIRST(&w->waiting)},
			     *timed = TAILQ_FIRST(&w->timed);
	int64_t due[] = {next[0] ? next[0]->resume_ms : 0, next[1] ? next[1]->resume_ms : 0, timed ? timed->cut_ms : 0};
	MHD_UNSIGNED_LONG_LONG native;
	int64_t ms = -1;

	if (MHD_get_timeout(w->daemon, &native) == MHD_YES)
		ms = native < 60000 ? (int64_t)native : 60000;
	for (int i = 0; i < 3; i++) {
		int64_t until;

		if (due[i] == 0)
			continue;
		until = due[i] - clock_mono_ms();
		until = until < 0 ? 0 : until > 60000 ? 60000 : until;
		if (ms < 0 || until < ms)
			ms = until;
	}
	return (int)ms;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	int epoll_fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;

	while (!atomic_load(&w->http->stopping)) {
		struct pollfd fds[] = {{.fd = epoll_fd, .events = POLLIN}, {.fd = w->wake_fd, .events = POLLIN}};

		(void)poll(fds, 2, sleep_ms(w));
		resume_due(w, clock_mono_ms());
		cut_due(w, clock_mono_ms());
		(void)MHD_run(w->daemon);
	}
	resume_due(w, INT64_MAX);
	MHD_stop_daemon(w->daemon);
	w->daemon = NULL;
	log_limit_finish(&w->log_limit, LOG_RPC);
	return NULL;
}

static struct MHD_Daemon *daemon_start(struct worker *w, int listen_fd)
{
	const struct http_params *params = &w->http->params;
	unsigned limit = params->connections + params->max_delayed + BUSY_EXTRA;

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
				w, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
				MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT,
				params->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_NOTIFY_CONNECTION,
				on_connection, w, MHD_OPTION_END);
}

static int worker_start(struct worker *w, struct http *http)
{
	int listen_fd, r;

	w->http = http;
	TAILQ_INIT(&w->idle);
	TAILQ_INIT(&w->delayed);
	TAILQ_INIT(&w->waiting);
	TAILQ_INIT(&w->timed);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0)
		return -errno;
	listen_fd = dup(http->listen_fd); /* the daemon closes it */
	w->daemon = listen_fd >= 0 ? daemon_start(w, listen_fd) : NULL;
	r = w->daemon ? thread_start(&w->thread, "rpc", worker_main, w) : errno ? -errno : -ENOMEM;
	if (r == 0)
		return 0;
	if (w->daemon)
		MHD_stop_daemon(w->daemon);
	else if (listen_fd >= 0)
		close(listen_fd);
	close(w->wake_fd);
	return r;
}

static void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	CHECK(write(w->wake_fd, &one, sizeof(one)) == sizeof(one));
	thread_join(&w->thread);
	close(w->wake_fd);
}

/* ---- the server */

/* 0, http->listen_fd and http->port. */
static int listen_on(struct http *http, const struct net_addr *addr)
{
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(&sa, addr);
	struct net_addr bound;
	int one = 1;

	http->listen_fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (http->listen_fd < 0)
		return -errno;
	if (setsockopt(http->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(http->listen_fd, (struct sockaddr *)&sa, len) || listen(http->listen_fd, SOMAXCONN))
		return -errno;
	len = sizeof(sa);
	if (getsockname(http->listen_fd, (struct sockaddr *)&sa, &len))
		return -errno;
	net_addr_from_sockaddr(&bound, (struct sockaddr *)&sa);
	http->port = bound.port;
	return 0;
}

int http_start(struct http **out, const struct http_params *params, const struct auth *auth,
	       const struct rpc_table *table)
{
	struct http *http = calloc(1, sizeof(*http));
	int r;

	*out = NULL;
	if (!http)
		return -ENOMEM;
	http->params = *params;
	http->auth = auth;
	http->table = table;
	http->listen_fd = -1;
	http_rate_init(&http->rate, params->requests_per_second);
	http->workers = calloc(params->workers, sizeof(http->workers[0]));
	r = http->workers ? listen_on(http, &params->listen) : -ENOMEM;
	while (!r && http->started < params->workers) {
		r = worker_start(&http->workers[http->started], http);
		http->started += r == 0;
	}
	if (r) {
		http_stop(http);
		return r;
	}
	*out = http;
	return 0;
}

uint16_t http_port(const struct http *http)
{
	return http->port;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	atomic_store(&http->stopping, true);
	for (unsigned i = 0; i < http->started; i++)
		worker_stop(&http->workers[i]);
	if (http->listen_fd >= 0)
		close(http->listen_fd);
	http_rate_destroy(&http->rate);
	free(http->workers);
	free(http);
}
