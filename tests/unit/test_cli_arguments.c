// SPDX-License-Identifier: MIT
/* time-cli: what was typed becomes JSON as the method's table says, and the names of methods in both spellings. */
#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "method_table.h"
#include "run_suite.h"
#include "timed/rpc/value.h"
#include "timeproto/base/buf.h"

#define ARGS_MAX 16

static const struct rpc_param params[] = {
	{.name = "text", .types = RPC_TYPE_STRING, .required = true},
	{.name = "count", .types = RPC_TYPE_INTEGER},
	{.name = "amount", .types = RPC_TYPE_NUMBER | RPC_TYPE_STRING},
	{.name = "block", .types = RPC_TYPE_INTEGER | RPC_TYPE_STRING},
	{.name = "flag", .types = RPC_TYPE_BOOL},
	{.name = "list", .types = RPC_TYPE_ARRAY | RPC_TYPE_OBJECT},
};
static const struct rpc_method method = {.name = "try", .params = params, .param_count = 6};

static char why[ARGUMENTS_WHY_SIZE];

/* What the arguments, separated by one blank, become; "!" and the reason when they are refused. */
static const char *convert(const struct rpc_method *by, const char *line, bool named)
{
	static char text[1024];
	char copy[512], *arguments[ARGS_MAX];
	struct buf out = BUF_INIT;
	size_t count = 0;
	json_t *json;
	int r;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *s = strtok(copy, " "); s && count < ARGS_MAX; s = strtok(NULL, " "))
		arguments[count++] = s;
	r = arguments_to_json(&json, why, by, arguments, count, named);
	ck_assert_int_ge(r, 0);
	if (r) {
		snprintf(text, sizeof(text), "!%s", why);
		return text;
	}
	value_print(&out, json);
	snprintf(text, sizeof(text), "%.*s", (int)out.len, (const char *)out.data);
	buf_free(&out);
	json_decref(json);
	return text;
}

static const struct {
	const char *in;
	bool named;
	const char *out;
} cases[] = {
	{"", false, "[]"},
	/* A string stays what it is, whatever it looks like. */
	{"5", false, "[\"5\"]"},
	{"null", false, "[\"null\"]"},
	{"\"x\"", false, "[\"\\\"x\\\"\"]"},
	{"a=b", false, "[\"a=b\"]"},
	/* What is no string must be JSON of its type. */
	{"x -7", false, "[\"x\",-7]"},
	{"x null", false, "[\"x\",null]"},
	{"x seven", false, "!count: \"seven\", expected integer"},
	{"x 7.5", false, "!count: \"7.5\", expected integer"},
	{"x 99999999999999999999", false, "!count: \"99999999999999999999\", expected integer"},
	{"x 1 1 1 yes", false, "!flag: \"yes\", expected boolean"},
	{"x 1 1 1 true {\"a\":1}", false, "[\"x\",1,1,1,true,{\"a\":1}]"},
	{"x 1 1 1 true 5", false, "!list: \"5\", expected array or object"},
	/* Numbers are exact. */
	{"x 1 0.10", false, "[\"x\",1,0.10]"},
	{"x 1 123456789012345678.12345678", false, "[\"x\",1,123456789012345678.12345678]"},
	{"x 1 1.5.0", false, "[\"x\",1,\"1.5.0\"]"},
	/* Where both are taken: what can be read as what is taken, else a string. */
	{"x 1 1 12", false, "[\"x\",1,1,12]"},
	{"x 1 1 00ab", false, "[\"x\",1,1,\"00ab\"]"},
	{"x 1 1 1111111111111111111111111111111111111111", false,
	 "[\"x\",1,1,\"1111111111111111111111111111111111111111\"]"},
	{"x 1 1 \"12\"", false, "[\"x\",1,1,\"12\"]"},
	{"x 1 1 [1]", false, "[\"x\",1,1,\"[1]\"]"},
	/* By name, and by place for who has none. */
	{"count=5 text=5", true, "{\"count\":5,\"text\":\"5\"}"},
	{"text=a=b", true, "{\"text\":\"a=b\"}"},
	{"x flag=false 3", true, "{\"text\":\"x\",\"flag\":false,\"count\":3}"},
	{"x text=y", true, "!text: given twice"},
	{"height=5", true, "!height=5: there is no parameter of that name"},
	{"1 2 3 4 true [] more", true, "!more: expected NAME=VALUE"},
};

START_TEST(arguments_become_json_by_the_table)
{
	ck_assert_str_eq(convert(&method, cases[_i].in, cases[_i].named), cases[_i].out);
}
END_TEST

/* More arguments than parameters, and a method that only the daemon knows: JSON where it can be read as such. */
START_TEST(what_the_table_does_not_know)
{
	ck_assert_str_eq(convert(NULL, "5 x {\"a\":[]} true", false), "[5,\"x\",{\"a\":[]},true]");
	ck_assert_str_eq(convert(NULL, "a=5 b=x", true), "{\"a\":5,\"b\":\"x\"}");
	ck_assert_str_eq(convert(NULL, "x", true), "!x: expected NAME=VALUE");
	ck_assert_str_eq(convert(&method, "1 2 3 4 true [] 7", false), "[\"1\",2,3,4,true,[],7]");
}
END_TEST

START_TEST(what_is_no_utf8_is_refused)
{
	ck_assert_str_eq(convert(&method, "\xff", false), "!text: is not UTF-8");
}
END_TEST

START_TEST(both_spellings)
{
	char name[METHOD_NAME_SIZE], long_name[200];

	method_spell(name, "get-block-count");
	ck_assert_str_eq(name, "getblockcount");
	method_spell(name, "getblockcount");
	ck_assert_str_eq(name, "getblockcount");
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	method_spell(name, long_name);
	ck_assert_uint_eq(strlen(name), METHOD_NAME_SIZE - 1);
}
END_TEST

/* The table is the daemon's own. */
START_TEST(the_table_knows_the_methods)
{
	const struct rpc_method *found = method_find("sendtoaddress");

	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(found->param_count, 2);
	ck_assert_str_eq(found->params[1].name, "amount");
	ck_assert_uint_eq(found->params[1].types, RPC_TYPE_NUMBER | RPC_TYPE_STRING);
	ck_assert_ptr_null(method_find("getblok"));
	ck_assert_str_eq(method_suggest("getblok"), "getblock");
	ck_assert_ptr_null(method_suggest("xyzzyxyzzy"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_arguments");
	TCase *tcase = tcase_create("cli_arguments");

	tcase_add_loop_test(tcase, arguments_become_json_by_the_table, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tcase, what_the_table_does_not_know);
	tcase_add_test(tcase, what_is_no_utf8_is_refused);
	tcase_add_test(tcase, both_spellings);
	tcase_add_test(tcase, the_table_knows_the_methods);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
