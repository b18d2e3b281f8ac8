// SPDX-License-Identifier: MIT
/* JSON-RPC without HTTP: the shape of requests, ids, batches, notifications, checked parameters and help, over a table
 * of made-up methods. */
#include "timed/rpc/dispatch.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "timed/rpc/help.h"
#include "timed/rpc/params.h"
#include "timed/rpc/stream.h"

static unsigned runs;	  /* methods that were run */
static size_t long_bytes; /* length of what `long` answers */

static json_t *run_echo(struct rpc_call *call)
{
	runs++;
	return rpc_arg_given(call, 0) ? json_incref(call->args[0]) : json_null();
}

static json_t *run_sum(struct rpc_call *call)
{
	runs++;
	if (rpc_arg_bool(call, 2))
		return json_sprintf("%s%lld", rpc_arg_given(call, 3) ? rpc_arg_string(call, 3) : "",
				    (long long)(rpc_arg_integer(call, 0) + rpc_arg_integer(call, 1)));
	return json_integer(rpc_arg_integer(call, 0) + rpc_arg_integer(call, 1));
}

static json_t *run_refuse(struct rpc_call *call)
{
	return rpc_fail(call, RPC_INVALID_ADDRESS_OR_KEY, "no such %s", "thing");
}

static json_t *run_exhausted(struct rpc_call *call)
{
	(void)call;
	return NULL;
}

static json_t *run_long(struct rpc_call *call)
{
	char *text = malloc(long_bytes);
	json_t *result;

	(void)call;
	runs++;
	memset(text, 'x', long_bytes);
	result = json_stringn(text, long_bytes);
	free(text);
	return result;
}

static size_t items_made;  /* by list_item() */
static int lists_freed;
static int fails_at;	   /* the item for which there is no memory; -1: none */

static json_t *list_item(void *user, size_t index, char key[STREAM_KEY_SIZE])
{
	char text[1001];

	ck_assert_ptr_eq(user, &lists_freed);
	items_made++;
	if ((int)index == fails_at)
		return NULL;
	snprintf(key, STREAM_KEY_SIZE, "\"%zu", index);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	return index < 3 ? json_integer((json_int_t)index) : json_string(text);
}

static void list_free(void *user)
{
	ck_assert_ptr_eq(user, &lists_freed);
	lists_freed++;
}

/* So many items; as an object, or in one, when told. */
static json_t *run_list(struct rpc_call *call)
{
	const char *form = rpc_arg_string(call, 1);
	struct stream_list list = {.user = &lists_freed,
				   .count = (size_t)rpc_arg_integer(call, 0),
				   .item = list_item,
				   .free_user = list_free,
				   .keyed = strcmp(form, "keyed") == 0};

	if (strcmp(form, "member") == 0) {
		list.around = json_pack("{s:i}", "total", 7);
		list.member = "items";
	}
	return stream_answer(call, &list);
}

static void after(void *user)
{
	(void)user;
}

static json_t *run_after(struct rpc_call *call)
{
	call->after = after;
	return json_true();
}

/* Waits for 50 ms. */
static json_t *run_later(struct rpc_call *call)
{
	runs++;
	if (call->waited_ms != RPC_NO_WAIT && call->waited_ms < 50)
		return rpc_later(call);
	return json_integer(call->waited_ms);
}

static const struct rpc_param echo_params[] = {
    {.name = "value",
     .types = RPC_TYPE_BOOL | RPC_TYPE_NUMBER | RPC_TYPE_STRING | RPC_TYPE_ARRAY | RPC_TYPE_OBJECT,
     .about = "anything"},
};
static const struct rpc_param sum_params[] = {
    {.name = "a", .types = RPC_TYPE_INTEGER, .required = true, .min = -10, .max = 10, .about = "left"},
    {.name = "b", .types = RPC_TYPE_INTEGER, .default_text = "5", .about = "right"},
    {.name = "as_text", .types = RPC_TYPE_BOOL, .default_text = "false", .about = "answer a text"},
    {.name = "prefix", .types = RPC_TYPE_STRING, .about = "put before it"},
};
static const struct rpc_param list_params[] = {
    {.name = "count", .types = RPC_TYPE_INTEGER, .required = true, .about = "of items"},
    {.name = "form", .types = RPC_TYPE_STRING, .default_text = "\"\"", .about = "keyed, or member"},
};
static const struct rpc_method methods[] = {
    {.name = "echo", .about = "Echoes.", .params = echo_params, .param_count = 1, .result = "value", .run = run_echo},
    {.name = "sum",
     .about = "Adds.",
     .params = sum_params,
     .param_count = 4,
     .result = "n",
     .example = "[1,2]",
     RPC_ERRORS(RPC_ERROR_DATABASE),
     .run = run_sum},
    {.name = "refuse", .about = "Refuses.", .result = "none", .run = run_refuse},
    {.name = "exhausted", .about = "Runs out of memory.", .result = "none", .run = run_exhausted},
    {.name = "long", .about = "Talks.", .result = "text", .run = run_long},
    {.name = "after", .about = "Does something later.", .result = "true", .run = run_after},
    {.name = "later", .about = "Waits.", .result = "n", .run = run_later},
    {.name = "list", .about = "Lists.", .params = list_params, .param_count = 2, .result = "[]", .run = run_list},
};
static const struct rpc_group group = {.name = "Group", .methods = methods, .method_count = 8};
static const struct rpc_group *const groups[] = {&group};
static const struct rpc_table table = {.groups = groups, .group_count = 1};

/* The answer as a string (the caller frees it), "" for none. */
static char *ask(const char *request)
{
	struct dispatch_answer answer;
	char *text;

	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), RPC_NO_WAIT), 0);
	text = strndup(answer.body.data ? (const char *)answer.body.data : "", answer.body.len);
	dispatch_answer_free(&answer);
	return text;
}

static void expect(const char *request, const char *answer)
{
	char *text = ask(request);

	ck_assert_str_eq(text, answer);
	free(text);
}

/* The code of the error that a call of the method with these parameters gives; 0: none. */
static int code_of(const char *method, const char *params)
{
	char request[512], *text;
	const char *code;
	int result;

	snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method,
		 params);
	text = ask(request);
	code = strstr(text, "\"code\":");
	result = code ? atoi(code + 7) : 0;
	free(text);
	return result;
}

#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define ERROR(id, code, message)                                                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" message "\"}}"

/* Every type of id comes back as it was, byte for byte where it is a number. */
START_TEST(ids_come_back_exactly)
{
	static const char *const ids[] = {"1",
					  "-7",
					  "\"x\"",
					  "null",
					  "true",
					  "18446744073709551615",
					  "1.50",
					  "9223372036854775807",
					  "-9223372036854775808",
					  "-9223372036854775809",
					  "1e400",
					  "[1,{\"a\":\"\\n\\\"\\u007f\"}]",
					  "123456789012345678901234567890"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char request[256], answer[256];

		snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"echo\"}", ids[i]);
		snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":null}", ids[i]);
		expect(request, answer);
	}
}
END_TEST

/* "jsonrpc" may be missing or an old version; a missing id is then answered. */
START_TEST(older_versions_are_answered)
{
	expect("{\"method\":\"echo\"}", RESULT("null", "null"));
	expect("{\"jsonrpc\":\"1.0\",\"id\":\"curl\",\"method\":\"echo\",\"params\":[\"a\"]}",
	       RESULT("\"curl\"", "\"a\""));
	expect("{\"jsonrpc\":\"1.1\",\"method\":\"echo\",\"params\":null}", RESULT("null", "null"));
	expect("{\"jsonrpc\":\"3.0\",\"id\":4,\"method\":\"echo\"}",
	       ERROR("4", "-32600", "jsonrpc must be \\\"2.0\\\""));
	expect("{\"jsonrpc\":2.0,\"id\":4,\"method\":\"echo\"}", ERROR("4", "-32600", "jsonrpc must be \\\"2.0\\\""));
}
END_TEST

/* A request of the wrong shape gets -32600, and its id where it has one. */
START_TEST(misshapen_requests)
{
	expect("1", ERROR("null", "-32600", "a request must be an object"));
	expect("\"x\"", ERROR("null", "-32600", "a request must be an object"));
	expect("{}", ERROR("null", "-32600", "the request has no method"));
	expect("{\"jsonrpc\":\"2.0\",\"id\":[2],\"method\":7}", ERROR("[2]", "-32600", "method must be a string"));
	expect("{\"jsonrpc\":\"2.0\",\"method\":7.5}", ERROR("null", "-32600", "method must be a string"));
	expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":\"x\"}",
	       ERROR("1", "-32600", "params must be an array or an object"));
	expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nosuch\"}",
	       ERROR("1", "-32601", "there is no method nosuch"));
}
END_TEST

/* What is no JSON gets -32700 and a null id. */
START_TEST(unparsable_text)
{
	static const char *const texts[] = {
	    "",
	    "{",
	    "{\"a\":1,}",
	    "[1 2]",
	    "01",
	    "1.",
	    "-",
	    ".5",
	    "1e",
	    "+1",
	    "{1.5:2}",
	    "nul",
	    "\"\\u0000\"",
	    "\"\\ud800\"",
	    "\"\xff\"",
	    "\"a\nb\"",
	    "[1]x",
	    "[1.5.2]",
	    "{\"\\u0000\":1}",
	    "\xef\xbb\xbf[]",
	    "{\"id\":1,\"id\":2}",
	    "\"open",
	    "\"\\",
	    "\"\\u00",
	    "'x'",
	    "[1.5\"x\"]",
	    "1.5 2.5",
	    "]",
	    "}",
	    "[}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *answer = ask(texts[i]);

		ck_assert_msg(strstr(answer, "\"id\":null,\"error\":{\"code\":-32700,") != NULL, "%s: %s", texts[i],
			      answer);
		free(answer);
	}
}
END_TEST

static char *nested(size_t depth)
{
	char *text = calloc(1, 2 * depth + 1);

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	return text;
}

/* Nesting and the number of values are bounded before anything is built. */
START_TEST(bounds_of_a_text)
{
	char *deep = nested(65), *flood = calloc(1, 1000000), *answer;

	expect(deep, ERROR("null", "-32600", "nested too deeply"));
	free(deep);
	deep = nested(100000);
	expect(deep, ERROR("null", "-32600", "nested too deeply"));
	free(deep);
	deep = nested(64); /* a batch of one request that is no object */
	expect(deep, "[" ERROR("null", "-32600", "a request must be an object") "]");
	free(deep);
	flood[0] = '[';
	for (size_t i = 0; i < 300000; i++)
		memcpy(flood + 1 + 3 * i, "{},", 3);
	answer = ask(flood);
	ck_assert_str_eq(answer, ERROR("null", "-32600", "too many values"));
	free(answer);
	free(flood);
}
END_TEST

/* Numbers keep their text through a method; strings with escapes and any UTF-8 their contents. */
START_TEST(values_pass_unchanged)
{
	static const char *const values[] = {"0.10000000",
					     "-1E+5",
					     "18446744073709551616",
					     "[1,2.50,[]]",
					     "{\"k\":{}}",
					     "\"\\u0001\\b\\f\\r\\t\\\\/\"",
					     "\"h\xc3\xa9\xf0\x9f\x94\x97\"",
					     "true"};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char request[256], answer[256];

		snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo\",\"params\":[%s]}",
			 values[i]);
		snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":%s}", values[i]);
		expect(request, answer);
	}
}
END_TEST

/* Without an id (and with "2.0") the method runs and nothing is answered, whatever happens. */
START_TEST(notifications_are_not_answered)
{
	runs = 0;
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[1]}", "");
	ck_assert_uint_eq(runs, 1);
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"refuse\"}", "");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"nosuch\"}", "");
	expect("[{\"jsonrpc\":\"2.0\",\"method\":\"echo\"},{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}]", "");
	ck_assert_uint_eq(runs, 3);
}
END_TEST

/* Answers of a batch come in order, notifications left out, bad members answered for themselves. */
START_TEST(batches)
{
	expect("[]", ERROR("null", "-32600", "a batch holds 1 to 1000 requests, not 0"));
	expect("[1,{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"sum\",\"params\":[1,2]},"
	       "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"},[],"
	       "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"refuse\"}]",
	       "[" ERROR("null", "-32600", "a request must be an object") "," RESULT("\"a\"", "3") "," ERROR(
		   "null", "-32600", "a request must be an object") "," ERROR("\"b\"", "-5", "no such thing") "]");
}
END_TEST

/* A batch of 1000 is run, one of 1001 or 10 000 is refused without running anything. */
START_TEST(batches_are_bounded)
{
	static const char one[] = "{\"id\":1,\"method\":\"echo\"},";
	static const size_t counts[] = {1000, 1001, 10000};

	for (size_t c = 0; c < 3; c++) {
		char *text = malloc(counts[c] * strlen(one) + 2), *at = text, *answer, expected[128];

		*at++ = '[';
		for (size_t i = 0; i < counts[c]; i++, at += strlen(one))
			memcpy(at, one, strlen(one));
		at[-1] = ']';
		*at = 0;
		runs = 0;
		answer = ask(text);
		ck_assert_uint_eq(runs, c == 0 ? 1000 : 0);
		snprintf(expected, sizeof(expected),
			 ERROR("null", "-32600", "a batch holds 1 to 1000 requests, not %zu"), counts[c]);
		if (c > 0)
			ck_assert_str_eq(answer, expected);
		free(answer);
		free(text);
	}
}
END_TEST

/* Once the answers of a batch are too long, the requests behind are not run, and said so. */
START_TEST(long_batches_end_early)
{
	char *answer;
	const char *second, *third;

	long_bytes = DISPATCH_MAX_ANSWER_BYTES;
	runs = 0;
	answer = ask("[{\"id\":1,\"method\":\"long\"},{\"id\":2,\"method\":\"long\"},{\"id\":3,\"method\":\"long\"},"
		     "{\"jsonrpc\":\"2.0\",\"method\":\"long\"}]");
	ck_assert_uint_eq(runs, 1);
	second = strstr(answer, "\"id\":2");
	third = strstr(answer, "\"id\":3");
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_nonnull(third);
	ck_assert_ptr_nonnull(strstr(second, "\"code\":-1,"));
	ck_assert_str_eq(third - strlen("{\"jsonrpc\":\"2.0\","),
			 ERROR("3", "-1", "not run: the answers of this batch are too long") "]");
	free(answer);
}
END_TEST

/* Parameters by position and by name; null stands for a missing one; defaults are filled in. */
START_TEST(parameters_are_bound)
{
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[1]}", RESULT("1", "6"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[1,null,true]}", RESULT("1", "\"6\""));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":{\"b\":-3,\"a\":10,\"prefix\":\"=\",\"as_text\":true}}",
	       RESULT("1", "\"=7\""));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":{\"a\":2,\"b\":null}}", RESULT("1", "7"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[1,9223372036854775806]}", RESULT("1", "9223372036854775807"));
}
END_TEST

/* Every way in which parameters can be wrong, with its code and text. */
START_TEST(parameters_are_checked)
{
	expect("{\"id\":1,\"method\":\"sum\"}", ERROR("1", "-32602", "sum needs the parameter a"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[null]}", ERROR("1", "-32602", "sum needs the parameter a"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[1,2,true,\"\",5]}",
	       ERROR("1", "-32602", "sum takes at most 4 parameters, 5 given"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":{\"c\":1}}", ERROR("1", "-32602", "sum has no parameter c"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[\"1\"]}",
	       ERROR("1", "-3", "a must be of type integer, not string"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[1.5]}",
	       ERROR("1", "-3", "a must be of type integer, not 1.5"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[1,9223372036854775808]}",
	       ERROR("1", "-3", "b must be of type integer, not 9223372036854775808"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[1,2,3]}",
	       ERROR("1", "-3", "as_text must be of type boolean, not integer"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[11]}", ERROR("1", "-8", "a must be between -10 and 10"));
	expect("{\"id\":1,\"method\":\"sum\",\"params\":[-11]}", ERROR("1", "-8", "a must be between -10 and 10"));
	expect("{\"id\":1,\"method\":\"refuse\",\"params\":[1]}",
	       ERROR("1", "-32602", "refuse takes at most 0 parameters, 1 given"));
	ck_assert_int_eq(code_of("sum", "[true]"), RPC_TYPE_ERROR);
	ck_assert_int_eq(code_of("sum", "[[]]"), RPC_TYPE_ERROR);
	ck_assert_int_eq(code_of("sum", "[{}]"), RPC_TYPE_ERROR);
	ck_assert_int_eq(code_of("sum", "{\"a\":\"x\",\"b\":1}"), RPC_TYPE_ERROR);
	ck_assert_int_eq(code_of("sum", "[10]"), 0);
}
END_TEST

/* A failed method answers its own error; one that gives neither result nor reason has run out of memory. */
START_TEST(failures_of_methods)
{
	expect("{\"id\":1,\"method\":\"refuse\"}", ERROR("1", "-5", "no such thing"));
	expect("{\"id\":1,\"method\":\"exhausted\"}", ERROR("1", "-7", "out of memory"));
}
END_TEST

/* What a method wants done after the answer is handed to the caller. */
START_TEST(after_is_handed_on)
{
	static const char request[] = "[{\"id\":1,\"method\":\"after\"},{\"id\":2,\"method\":\"echo\"}]";
	struct dispatch_answer answer;

	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), RPC_NO_WAIT), 0);
	ck_assert(answer.after == after);
	ck_assert_uint_eq(answer.calls, 2);
	dispatch_answer_free(&answer);
	ck_assert_int_eq(dispatch_text(&answer, &table, request + 31, 0, RPC_NO_WAIT), 0);
	ck_assert(!answer.after);
	dispatch_answer_free(&answer);
}
END_TEST

/* There is no answer until the method has one; a batch does not wait. */
START_TEST(later_is_handed_on)
{
	static const char request[] = "{\"id\":1,\"method\":\"later\"}";
	struct dispatch_answer answer;

	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), 0), 0);
	ck_assert(answer.later);
	ck_assert_uint_eq(answer.body.len, 0);
	dispatch_answer_free(&answer);
	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), 50), 0);
	ck_assert(!answer.later);
	buf_append_byte(&answer.body, 0);
	ck_assert_str_eq((char *)answer.body.data, RESULT("1", "50"));
	dispatch_answer_free(&answer);
	expect("[{\"id\":1,\"method\":\"later\"}]", "[" RESULT("1", "-1") "]");
}
END_TEST

/* A short list is answered at once, whatever its form. */
START_TEST(short_lists)
{
	fails_at = -1;
	expect("{\"id\":1,\"method\":\"list\",\"params\":[0]}", RESULT("1", "[]"));
	expect("{\"id\":1,\"method\":\"list\",\"params\":[3]}", RESULT("1", "[0,1,2]"));
	expect("{\"id\":1,\"method\":\"list\",\"params\":[2,\"keyed\"]}", RESULT("1", "{\"\\\"0\":0,\"\\\"1\":1}"));
	expect("{\"id\":1,\"method\":\"list\",\"params\":[2,\"member\"]}", RESULT("1", "{\"total\":7,\"items\":[0,1]}"));
	expect("[{\"id\":1,\"method\":\"list\",\"params\":[1]},{\"id\":2,\"method\":\"list\",\"params\":[1]}]",
	       "[" RESULT("1", "[0]") "," RESULT("2", "[0]") "]");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"list\",\"params\":[3]}", "");
	ck_assert_int_eq(lists_freed, 7);
}
END_TEST

/* A long one is made as it is taken, alone (0) or as the last of a batch (1); all together it is the JSON that it would
 * have been. */
START_TEST(long_lists_stream)
{
#define LONG_LIST "{\"id\":1,\"method\":\"list\",\"params\":[10000,\"member\"]}"
	const char *request = _i == 0 ? LONG_LIST : "[{\"id\":0,\"method\":\"echo\"}," LONG_LIST "]";
	struct dispatch_answer answer;
	struct buf all = BUF_INIT;
	json_t *value, *items;
	bool more = true;

	fails_at = -1;
	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), 0), 0);
	ck_assert_ptr_nonnull(answer.stream);
	ck_assert_uint_lt(items_made, 1000);
	buf_append(&all, answer.body.data, answer.body.len);
	while (more) {
		size_t made = items_made;

		more = stream_next(answer.stream, &all);
		ck_assert_uint_le(items_made, made + STREAM_PIECE_BYTES / 1000 + 1);
	}
	value = json_loadb((char *)all.data, all.len, 0, NULL);
	ck_assert_uint_eq(json_array_size(value), _i == 0 ? 0 : 2);
	items = json_object_get(_i == 0 ? value : json_array_get(value, 1), "result");
	items = json_object_get(items, "items");
	ck_assert_uint_eq(json_array_size(items), 10000);
	json_decref(value);
	buf_free(&all);
	ck_assert_int_eq(lists_freed, 0);
	dispatch_answer_free(&answer);
	ck_assert_int_eq(lists_freed, 1);
}
END_TEST

/* In a batch it is whole, or refused; and memory may run out in the middle. */
START_TEST(lists_that_are_not_answered)
{
	static const char exhausting[] = "{\"id\":1,\"method\":\"list\",\"params\":[100]}";
	static const char request[] =
	    "[{\"id\":1,\"method\":\"list\",\"params\":[40000]},{\"id\":2,\"method\":\"echo\"}]";
	struct dispatch_answer answer;

	fails_at = -1;
	expect(request, "[" ERROR("1", "-1", "the answer is too long for a batch: ask for it alone, or last") ","
			    RESULT("2", "null") "]");
	fails_at = 50;
	ck_assert_int_eq(dispatch_text(&answer, &table, exhausting, strlen(exhausting), 0), -ENOMEM);
	ck_assert_int_eq(lists_freed, 2);
}
END_TEST

/* Help is made from the table. */
START_TEST(help_texts)
{
	struct buf text = BUF_INIT;

	help_list(&text, &table);
	buf_append_byte(&text, 0);
	ck_assert_str_eq((char *)text.data,
			 "== Group ==\necho ( value )\nsum a ( b as_text prefix )\nrefuse\nexhausted\nlong\n"
			 "after\nlater\nlist count ( form )\n\nhelp METHOD tells more about one of them.\n\n"
			 "Beside the errors that it names there, any request may fail with -32700 (no JSON), -32600 "
			 "(no request),\n-32601 (no such method) or -7 (out of memory).\n");
	buf_reset(&text);
	help_method(&text, &methods[1]);
	buf_append_byte(&text, 0);
	ck_assert_str_eq(
	    (char *)text.data,
	    "sum a ( b as_text prefix )\n\nAdds.\n\nParameters:\n"
	    "1. a (integer, required, -10 to 10): left\n"
	    "2. b (integer, optional, default 5): right\n"
	    "3. as_text (boolean, optional, default false): answer a text\n"
	    "4. prefix (string, optional): put before it\n\nResult:\nn\n\nErrors:\n"
	    "-32602: missing, unknown, or too many parameters\n"
	    "-3: a parameter of another type\n"
	    "-8: a parameter out of its range\n"
	    "-1: the database cannot be read\n\nExample:\n"
	    "curl --user \"$(cat DATADIR/.cookie)\" --data "
	    "'{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sum\",\"params\":[1,2]}' http://127.0.0.1:24101/\n");
	buf_free(&text);
}
END_TEST

/* The same as JSON, which is what completes names and walks the methods. */
START_TEST(help_as_json)
{
	json_t *list = help_json(&table, NULL), *one = help_json(&table, &methods[1]);
	char *text;

	ck_assert_uint_eq(json_array_size(list), 8);
	json_decref(list);
	text = json_dumps(one, JSON_COMPACT);
	ck_assert_str_eq(
	    text,
	    "[{\"group\":\"Group\",\"name\":\"sum\",\"about\":\"Adds.\",\"params\":["
	    "{\"name\":\"a\",\"types\":[\"integer\"],\"required\":true,\"min\":-10,\"max\":10,\"about\":\"left\"},"
	    "{\"name\":\"b\",\"types\":[\"integer\"],\"required\":false,\"default\":5,\"about\":\"right\"},"
	    "{\"name\":\"as_text\",\"types\":[\"boolean\"],\"required\":false,\"default\":false,"
	    "\"about\":\"answer a text\"},"
	    "{\"name\":\"prefix\",\"types\":[\"string\"],\"required\":false,\"about\":\"put before it\"}],"
	    "\"result\":\"n\",\"example\":[1,2],\"errors\":["
	    "{\"code\":-32602,\"when\":\"missing, unknown, or too many parameters\"},"
	    "{\"code\":-3,\"when\":\"a parameter of another type\"},"
	    "{\"code\":-8,\"when\":\"a parameter out of its range\"},"
	    "{\"code\":-1,\"when\":\"the database cannot be read\"}]}]");
	free(text);
	json_decref(one);
}
END_TEST

/* How many calls and errors there have been after a request more. */
static void expect_counted(const char *request, uint64_t calls, uint64_t errors)
{
	static struct rpc_stats stats;
	struct rpc_table counted = table;
	struct dispatch_answer answer;

	counted.stats = &stats;
	ck_assert_int_eq(dispatch_text(&answer, &counted, request, strlen(request), RPC_NO_WAIT), 0);
	dispatch_answer_free(&answer);
	ck_assert_uint_eq(atomic_load(&stats.calls), calls);
	ck_assert_uint_eq(atomic_load(&stats.errors), errors);
}

/* A list is no error, however it is answered; one that is too long for a batch is. */
START_TEST(calls_and_errors_are_counted)
{
	fails_at = -1;
	expect_counted("{\"id\":1,\"method\":\"echo\"}", 1, 0);
	expect_counted("{\"id\":1,\"method\":\"list\",\"params\":[3]}", 2, 0);
	expect_counted("{\"id\":1,\"method\":\"list\",\"params\":[10000]}", 3, 0);
	expect_counted("{\"jsonrpc\":\"2.0\",\"method\":\"list\",\"params\":[3]}", 4, 0);
	expect_counted("{\"id\":1,\"method\":\"getblok\"}", 5, 1);
	expect_counted("{\"id\":1}", 6, 2);
	expect_counted("{\"id\":1,\"method\":\"refuse\"}", 7, 3);
	expect_counted("[{\"id\":1,\"method\":\"list\",\"params\":[40000]},{\"id\":2,\"method\":\"echo\"}]", 9, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_dispatch");
	TCase *requests = tcase_create("requests"), *batch = tcase_create("batches"), *params = tcase_create("params"),
	      *lists = tcase_create("lists");

	tcase_add_test(requests, ids_come_back_exactly);
	tcase_add_test(requests, older_versions_are_answered);
	tcase_add_test(requests, misshapen_requests);
	tcase_add_test(requests, unparsable_text);
	tcase_add_test(requests, bounds_of_a_text);
	tcase_add_test(requests, values_pass_unchanged);
	tcase_add_test(requests, notifications_are_not_answered);
	tcase_add_test(requests, failures_of_methods);
	tcase_add_test(requests, after_is_handed_on);
	tcase_add_test(requests, later_is_handed_on);
	tcase_add_test(batch, batches);
	tcase_add_test(batch, batches_are_bounded);
	tcase_add_test(batch, long_batches_end_early);
	tcase_add_test(lists, short_lists);
	tcase_add_loop_test(lists, long_lists_stream, 0, 2);
	tcase_add_test(lists, lists_that_are_not_answered);
	tcase_add_test(lists, calls_and_errors_are_counted);
	tcase_add_test(params, parameters_are_bound);
	tcase_add_test(params, parameters_are_checked);
	tcase_add_test(params, help_texts);
	tcase_add_test(params, help_as_json);
	suite_add_tcase(suite, requests);
	suite_add_tcase(suite, batch);
	suite_add_tcase(suite, lists);
	suite_add_tcase(suite, params);
	return run_suite(suite);
}
