// SPDX-License-Identifier: MIT
/* See session.h. */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "print.h"
#include "timed/rpc/method.h"
#include "timed/rpc/value.h"
#include "timed/util/clock.h"
#include "transport.h"

/* Between two tries of --rpcwait. */
#define TRY_AGAIN_MS 200
/* So often the cookie may be refused: a daemon that starts writes its own soon. */
#define MAX_REFUSALS 5
#define HTTP_OK 200
#define HTTP_UNAUTHORIZED 401

struct session {
	struct target target;
	struct transport *transport;
	bool wait;		/* --rpcwait */
	int64_t wait_timeout_s; /* of it; 0: for ever */
	bool untold;		/* the last request could not be sent, and session_wait() has not yet said why: */
	char unsent[TARGET_WHY_SIZE];
};

int session_open(struct session **out, const struct cli_options *options, struct target *target)
{
	struct session *s = calloc(1, sizeof(*s));
	int r = s ? transport_open(&s->transport, target->url, options->client_timeout_s) : -ENOMEM;

	if (r) {
		free(s);
		return r;
	}
	s->target = *target;
	memset(target, 0, sizeof(*target));
	s->wait = options->wait;
	s->wait_timeout_s = options->wait_timeout_s;
	*out = s;
	return 0;
}

void session_close(struct session *session)
{
	if (!session)
		return;
	transport_close(session->transport);
	target_free(&session->target);
	free(session);
}

const char *session_name(const struct session *session)
{
	return session->target.name;
}

void session_add_request(struct buf *text, int id, const char *method, json_t *params)
{
	json_t *name = value_text(method);
	char head[64];

	snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":", id);
	buf_append_text(text, head);
	if (name)
		value_print(text, name);
	else
		text->error = -ENOMEM;
	if (params) {
		buf_append_text(text, ",\"params\":");
		value_print(text, params);
	}
	buf_append_byte(text, '}');
	json_decref(name);
}

void session_add_batch(struct buf *text, const char *const *methods, size_t count)
{
	buf_append_byte(text, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_byte(text, ',');
		session_add_request(text, (int)i, methods[i], NULL);
	}
	buf_append_byte(text, ']');
}

int session_begin(struct session *session, const struct buf *request)
{
	char *credentials;
	int r = target_credentials(&credentials, session->unsent, &session->target);

	session->untold = r > 0;
	if (r)
		return r < 0 ? r : 0;
	r = transport_begin(session->transport, (const char *)request->data, request->len, credentials);
	explicit_bzero(credentials, strlen(credentials));
	free(credentials);
	return r;
}

static void tell(struct session_answer *answer, enum session_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(struct session_answer *answer, enum session_outcome outcome, const char *format, ...)
{
	va_list list;

	answer->outcome = outcome;
	va_start(list, format);
	vsnprintf(answer->why, sizeof(answer->why), format, list);
	va_end(list);
}

/* The daemon is there, but says that it is not ready yet. */
static bool warms_up(const json_t *json)
{
	return json_integer_value(json_object_get(session_error(json), "code")) == RPC_IN_WARMUP;
}

static void take_status(struct session_answer *answer, const struct session *s, const struct transport_answer *got)
{
	char body[200];
	size_t len = got->body.len < sizeof(body) - 1 ? got->body.len : sizeof(body) - 1;
	struct buf shown = BUF_INIT;

	memcpy(body, got->body.data ? (const char *)got->body.data : "", len);
	body[len] = 0;
	body[strcspn(body, "\r\n")] = 0;
	print_cell(&shown, body, sizeof(body));
	buf_append_byte(&shown, 0);
	answer->cookie_refused = got->status == HTTP_UNAUTHORIZED && !s->target.user;
	if (answer->cookie_refused)
		/* A daemon that has just started has a new cookie. */
		tell(answer, SESSION_AWAY,
		     "timed at %.100s refuses the cookie %.300s\nIt is of another daemon, or of an earlier run: say "
		     "--datadir, --rpccookiefile or --rpcuser.",
		     s->target.name, s->target.cookie_path);
	else if (got->status == HTTP_UNAUTHORIZED)
		tell(answer, SESSION_REFUSED, "timed at %.100s refuses this user and password (HTTP 401)",
		     s->target.name);
	else
		tell(answer, SESSION_REFUSED, "%.100s answers HTTP %ld%s%.200s", s->target.name, got->status,
		     len > 0 ? ": " : "", shown.error || !len ? "" : (const char *)shown.data);
	buf_free(&shown);
}

static void take_answer(struct session_answer *answer, const struct session *s, const struct transport_answer *got)
{
	char why[VALUE_WHY_SIZE];

	if (!got->came && got->sent) {
		tell(answer, SESSION_REFUSED,
		     "no answer from timed at %.100s: %s\nWhat it was asked it may have done: see before you ask "
		     "again.",
		     s->target.name, got->why);
		return;
	}
	if (!got->came) {
		tell(answer, got->refused ? SESSION_AWAY : SESSION_REFUSED,
		     "timed at %.100s cannot be reached: %s\nIs it running?  --network, --config, --datadir or "
		     "--rpc-url "
		     "say where it is, and -rpcwait waits for it.",
		     s->target.name, got->why);
		return;
	}
	if (got->status != HTTP_OK) {
		take_status(answer, s, got);
		return;
	}
	if (value_parse_counted(&answer->json, why, (const char *)got->body.data, got->body.len, SIZE_MAX) ||
	    !(json_is_object(answer->json) || json_is_array(answer->json)))
		tell(answer, SESSION_REFUSED, "what answers at %.100s does not speak JSON-RPC", s->target.name);
	else
		answer->outcome = SESSION_ANSWERED;
}

bool session_wait(struct session *session, struct session_answer *answer, struct pollfd *fds, unsigned count,
		  int timeout_ms)
{
	const struct transport_answer *got;

	*answer = (struct session_answer){0};
	if (session->untold) {
		session->untold = false;
		for (unsigned i = 0; i < count; i++)
			fds[i].revents = 0;
		tell(answer, SESSION_AWAY, "%s", session->unsent);
		return true;
	}
	if (!transport_wait(session->transport, &got, fds, count, timeout_ms))
		return false;
	take_answer(answer, session, got);
	return true;
}

static void pause_ms(int64_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

int session_ask(struct session *session, struct session_answer *answer, const struct buf *request)
{
	int64_t begin = clock_mono_ms();
	unsigned refusals = 0;

	for (;;) {
		int r = session_begin(session, request);

		if (r)
			return r;
		(void)session_wait(session, answer, NULL, 0, -1);
		if (!session->wait || answer->outcome == SESSION_REFUSED)
			return 0;
		if (answer->outcome == SESSION_ANSWERED && !warms_up(answer->json))
			return 0;
		if (answer->cookie_refused && ++refusals >= MAX_REFUSALS)
			return 0;
		if (session->wait_timeout_s && clock_mono_ms() - begin >= session->wait_timeout_s * 1000)
			return 0;
		session_answer_free(answer);
		pause_ms(TRY_AGAIN_MS);
	}
}

void session_answer_free(struct session_answer *answer)
{
	json_decref(answer->json);
	answer->json = NULL;
}

json_t *session_result(const json_t *batch, int id)
{
	for (size_t i = 0; i < json_array_size(batch); i++) {
		const json_t *one = json_array_get(batch, i);

		if (json_integer_value(json_object_get(one, "id")) == id)
			return json_object_get(one, "result");
	}
	return NULL;
}

json_t *session_error(const json_t *answer)
{
	json_t *error = json_object_get(answer, "error");

	for (size_t i = 0; i < json_array_size(answer) && !error; i++)
		error = json_object_get(json_array_get(answer, i), "error");
	return json_is_object(error) ? error : NULL;
}

bool session_refused(const json_t *batch)
{
	for (size_t i = 0; i < json_array_size(batch); i++) {
		if (json_object_get(json_array_get(batch, i), "result"))
			return warms_up(batch);
	}
	return true;
}
