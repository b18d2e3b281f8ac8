// SPDX-License-Identifier: MIT
/* See dispatch.h. */
#include "timed/rpc/dispatch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "timed/rpc/params.h"
#include "timed/rpc/stream.h"
#include "timed/rpc/value.h"
#include "timed/util/log.h"

/* An answer that is no longer is not streamed: then it can be sent with its length. */
#define DISPATCH_WHOLE_BYTES ((size_t)256 * 1024)

/* What is answered to one request. */
static void answer_begin(struct buf *out, json_t *id)
{
	buf_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (id)
		value_print(out, id);
	else
		buf_append_text(out, "null");
}

static void answer_result(struct buf *out, json_t *id, json_t *result)
{
	answer_begin(out, id);
	buf_append_text(out, ",\"result\":");
	value_print(out, result);
	buf_append_byte(out, '}');
}

static void answer_stream(struct dispatch_answer *answer, json_t *id, struct rpc_stream *stream)
{
	answer_begin(&answer->body, id);
	buf_append_text(&answer->body, ",\"result\":");
	stream_set_tail(stream, "}");
	answer->stream = stream;
}

/* Takes what is left of a stream into the body, until that has `limit` bytes.  True: all of it. */
static bool take_stream(struct dispatch_answer *answer, size_t limit)
{
	bool more = answer->stream != NULL;

	while (more && answer->body.len < limit && !answer->body.error)
		more = stream_next(answer->stream, &answer->body);
	if (more && !answer->body.error)
		return false;
	stream_free(answer->stream);
	answer->stream = NULL;
	return true;
}

static void answer_error(struct buf *out, json_t *id, int code, const char *text)
{
	json_t *message = value_text(text);
	char number[32];

	answer_begin(out, id);
	snprintf(number, sizeof(number), ",\"error\":{\"code\":%d,", code);
	buf_append_text(out, number);
	buf_append_text(out, "\"message\":");
	if (message)
		value_print(out, message);
	else
		buf_append_text(out, "\"out of memory\"");
	buf_append_text(out, "}}");
	json_decref(message);
}

/* True for a "jsonrpc" that we speak; *two: it is "2.0". */
static bool version_known(json_t *version, bool *two)
{
	const char *text = json_string_value(version);

	*two = text && strcmp(text, "2.0") == 0;
	return !version || *two || (text && (strcmp(text, "1.0") == 0 || strcmp(text, "1.1") == 0));
}

/* What is wrong with the shape of a request object; NULL: nothing. */
static const char *request_fault(json_t *request, bool *notification)
{
	json_t *params, *method = json_object_get(request, "method");
	bool two;

	*notification = false;
	if (!json_is_object(request))
		return "a request must be an object";
	if (!version_known(json_object_get(request, "jsonrpc"), &two))
		return "jsonrpc must be \"2.0\"";
	if (!method)
		return "the request has no method";
	if (!json_is_string(method) || value_number_text(method))
		return "method must be a string";
	params = json_object_get(request, "params");
	if (params && !json_is_array(params) && !json_is_object(params) && !json_is_null(params))
		return "params must be an array or an object";
	*notification = two && !json_object_get(request, "id");
	return NULL;
}

static void check_declared(const struct rpc_call *call)
{
	struct rpc_error errors[RPC_MAX_ERRORS];
	size_t count = rpc_method_errors(errors, call->method);

	for (size_t i = 0; i < count; i++) {
		if ((int)errors[i].code == call->code)
			return;
	}
	if (call->code != RPC_OUT_OF_MEMORY)
		log_error(LOG_RPC, "RPC method %s failed with the undeclared code %d", call->method->name, call->code);
}

/* Runs the method of a well-formed request.  The result (a new reference), or NULL and call->code. */
static json_t *run_method(struct rpc_call *call, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "method"));
	json_t *result = NULL;
	int r;

	call->method = rpc_table_find(call->table, name);
	if (!call->method)
		return rpc_fail(call, RPC_METHOD_NOT_FOUND, "there is no method %.64s", name);
	r = params_bind(call, json_object_get(request, "params"));
	if (r == 0)
		result = call->method->run(call);
	if (!result && !call->code && !call->later && !call->stream)
		rpc_fail(call, RPC_OUT_OF_MEMORY, "out of memory");
	if (call->code)
		check_declared(call);
	params_release(call);
	return result;
}

static void count_call(const struct rpc_table *table)
{
	if (table->stats)
		atomic_fetch_add_explicit(&table->stats->calls, 1, memory_order_relaxed);
}

static void count_error(const struct rpc_table *table)
{
	if (table->stats)
		atomic_fetch_add_explicit(&table->stats->errors, 1, memory_order_relaxed);
}

/* Runs one request and appends what is answered to it: nothing to a notification. */
static void run_request(struct dispatch_answer *answer, const struct rpc_table *table, json_t *request,
			int64_t waited_ms)
{
	struct rpc_call call = {.user = table->user, .table = table, .waited_ms = waited_ms};
	json_t *id = json_object_get(request, "id"), *result = NULL;
	bool notification;
	const char *fault = request_fault(request, &notification);

	answer->calls++;
	if (fault) {
		count_call(table);
		count_error(table);
		answer_error(&answer->body, id, RPC_INVALID_REQUEST, fault);
		return;
	}
	if (answer->body.len > DISPATCH_MAX_ANSWER_BYTES)
		result = rpc_fail(&call, RPC_MISC_ERROR, "not run: the answers of this batch are too long");
	else if (table->warming_up && table->warming_up(table->user, call.failure))
		call.code = RPC_IN_WARMUP;
	else
		result = run_method(&call, request);
	answer->later = call.later;
	if (call.later)
		return;
	count_call(table);
	if (!result && !call.stream)
		count_error(table);
	if (result && call.after)
		answer->after = call.after;
	if (!notification && call.stream)
		answer_stream(answer, id, call.stream);
	else if (call.stream)
		stream_free(call.stream);
	else if (!notification && result)
		answer_result(&answer->body, id, result);
	else if (!notification)
		answer_error(&answer->body, id, call.code, call.failure);
	json_decref(result);
}

/* What there is of the answer from `begin` on, and is too long for a batch, becomes an error. */
static void refuse_stream(struct dispatch_answer *answer, const struct rpc_table *table, size_t begin, json_t *id)
{
	count_error(table);
	stream_free(answer->stream);
	answer->stream = NULL;
	answer->body.len = begin;
	answer_error(&answer->body, id, RPC_MISC_ERROR,
		     "the answer is too long for a batch: ask for it alone, or last");
}

static void run_batch(struct dispatch_answer *answer, const struct rpc_table *table, json_t *batch)
{
	size_t count = json_array_size(batch);
	char text[96];

	if (count == 0 || count > DISPATCH_MAX_BATCH) {
		snprintf(text, sizeof(text), "a batch holds 1 to %d requests, not %zu", DISPATCH_MAX_BATCH, count);
		answer_error(&answer->body, NULL, RPC_INVALID_REQUEST, text);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t before = answer->body.len;

		buf_append_byte(&answer->body, before == 0 ? '[' : ',');
		run_request(answer, table, json_array_get(batch, i), RPC_NO_WAIT);
		if (answer->body.len == before + 1) { /* a notification */
			answer->body.len = before;
		} else if (answer->stream && i + 1 == count) { /* nothing waits behind it */
			stream_set_tail(answer->stream, "}]");
			return;
		} else if (!take_stream(answer, DISPATCH_MAX_ANSWER_BYTES)) {
			refuse_stream(answer, table, before + 1, json_object_get(json_array_get(batch, i), "id"));
		}
	}
	if (answer->body.len > 0)
		buf_append_byte(&answer->body, ']');
}

int dispatch_text(struct dispatch_answer *out, const struct rpc_table *table, const char *text, size_t len,
		  int64_t waited_ms)
{
	char why[VALUE_WHY_SIZE];
	json_t *request;
	int r;

	memset(out, 0, sizeof(*out));
	r = value_parse(&request, why, text, len);
	switch (r) {
	case 0:
		if (json_is_array(request))
			run_batch(out, table, request);
		else
			run_request(out, table, request, waited_ms);
		(void)take_stream(out, DISPATCH_WHOLE_BYTES);
		json_decref(request);
		break;
	case VALUE_E_INVALID:
		answer_error(&out->body, NULL, RPC_PARSE_ERROR, why);
		break;
	case VALUE_E_LIMIT:
		answer_error(&out->body, NULL, RPC_INVALID_REQUEST, why);
		break;
	default:
		return -ENOMEM;
	}
	if (!out->body.error)
		return 0;
	dispatch_answer_free(out);
	return -ENOMEM;
}

void dispatch_answer_free(struct dispatch_answer *answer)
{
	stream_free(answer->stream);
	answer->stream = NULL;
	buf_free(&answer->body);
}
