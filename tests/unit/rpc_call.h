/* SPDX-License-Identifier: MIT
 *
 * The made-up node (rpc_node.h) with its methods, and short words for calling one and looking at what it answers.
 * Included once by each test program.
 */
#ifndef TIMED_TESTS_RPC_CALL_H
#define TIMED_TESTS_RPC_CALL_H

#include "rpc_node.h"
#include "timed/rpc/dispatch.h"

static struct rpc_table table;

static inline void node_setup(void)
{
	static const char template[] = "/tmp/test_rpc_m.XXXXXX";
	static char empty[] = "";

	memset(&node, 0, sizeof(node));
	memcpy(node.dir, template, sizeof(template));
	ck_assert_ptr_nonnull(mkdtemp(node.dir));
	chain_params_init(&node.chain, CHAIN_TESTNET);
	node.sync = (struct node_sync){.phase = "idle", .seconds_left = -1};
	node.config.rpc.enabled = true;
	node.config.rpc.user = node.config.rpc.password = empty;
	ck_assert_int_eq(net_addr_parse(&node.config.rpc.listen_address, "127.0.0.1", 9, 0), 0);
	methods_table(&table, &node);
}

static inline void node_teardown(void)
{
	ck_assert_int_eq(rmdir(node.dir), 0);
}

/* The answer to a call, as text (the caller frees it). */
static inline char *call_text(const char *method, const char *args)
{
	struct dispatch_answer answer;
	static char request[16384];
	char *text;

	snprintf(request, sizeof(request), "{\"id\":1,\"method\":\"%s\",\"params\":%s}", method, args);
	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), RPC_NO_WAIT), 0);
	text = strndup((const char *)answer.body.data, answer.body.len);
	dispatch_answer_free(&answer);
	return text;
}

/* What the method answers, read by jansson alone (the caller releases it). */
static inline json_t *call_with(const char *method, const char *args)
{
	char *text = call_text(method, args);
	json_error_t error;
	json_t *answer = json_loads(text, 0, &error), *found;

	ck_assert_msg(answer != NULL, "%s: %s", text, error.text);
	found = json_incref(json_object_get(answer, "result"));
	ck_assert_msg(found != NULL, "%s", text);
	json_decref(answer);
	free(text);
	return found;
}

static inline json_t *call(const char *method)
{
	return call_with(method, "[]");
}

/* The call fails with this code and message. */
static inline void expect_error(const char *method, const char *args, int code, const char *message)
{
	char *text = call_text(method, args);
	json_t *answer = json_loads(text, 0, NULL), *error = json_object_get(answer, "error");

	ck_assert_msg(error != NULL, "%s", text);
	ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), code);
	ck_assert_str_eq(json_string_value(json_object_get(error, "message")), message);
	json_decref(answer);
	free(text);
}

/* The keys of the object are exactly these, in any order; a list of words. */
static inline void expect_keys(json_t *object, const char *keys)
{
	char *words = strdup(keys);
	size_t count = 0;

	for (char *rest, *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest), count++)
		ck_assert_msg(json_object_get(object, word) != NULL, "%s is missing", word);
	ck_assert_uint_eq(json_object_size(object), count);
	free(words);
}

#define expect_text(object, key, text) ck_assert_str_eq(json_string_value(json_object_get(object, key)), text)
#define expect_integer(object, key, n) ck_assert_int_eq(json_integer_value(json_object_get(object, key)), n)

#endif
