// SPDX-License-Identifier: MIT
/* See help.h. */
#include "timed/rpc/help.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "timed/rpc/builder.h"
#include "timed/rpc/params.h"
#include "timed/rpc/value.h"
#include "timed/util/thread.h"

__attribute__((format(printf, 2, 3))) static void add(struct buf *out, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	buf_append_text(out, text);
}

/* name a ( b ): what stands in parentheses may be left out. */
static void add_usage(struct buf *out, const struct rpc_method *method)
{
	bool open = false;

	add(out, "%s", method->name);
	for (size_t i = 0; i < method->param_count; i++) {
		add(out, "%s%s", !method->params[i].required && !open ? " ( " : " ", method->params[i].name);
		open |= !method->params[i].required;
	}
	add(out, "%s\n", open ? " )" : "");
}

void help_list(struct buf *out, const struct rpc_table *table)
{
	for (size_t g = 0; g < table->group_count; g++) {
		const struct rpc_group *group = table->groups[g];

		add(out, "%s== %s ==\n", g ? "\n" : "", group->name);
		for (size_t m = 0; m < group->method_count; m++)
			add_usage(out, &group->methods[m]);
	}
	add(out, "\nhelp METHOD tells more about one of them.\n\n"
		 "Beside the errors that it names there, any request may fail with -32700 (no JSON), -32600 (no "
		 "request),\n"
		 "-32601 (no such method) or -7 (out of memory).\n");
}

static void add_param(struct buf *out, size_t number, const struct rpc_param *param)
{
	char types[96];

	params_types_text(types, sizeof(types), param->types);
	add(out, "%zu. %s (%s, %s", number, param->name, types, param->required ? "required" : "optional");
	if (param->default_text)
		add(out, ", default %s", param->default_text);
	if (param->min || param->max)
		add(out, ", %" PRId64 " to %" PRId64, param->min, param->max);
	add(out, "): %s\n", param->about);
}

static void add_errors(struct buf *out, const struct rpc_method *method)
{
	struct rpc_error errors[RPC_MAX_ERRORS];
	size_t count = rpc_method_errors(errors, method);

	add(out, "\n\nErrors:\n");
	for (size_t i = 0; i < count; i++)
		add(out, "%d: %s\n", (int)errors[i].code, errors[i].when);
}

void help_method(struct buf *out, const struct rpc_method *method)
{
	add_usage(out, method);
	buf_append_text(out, "\n");
	buf_append_text(out, method->about);
	buf_append_text(out, method->param_count > 0 ? "\n\nParameters:\n" : "\n");
	for (size_t i = 0; i < method->param_count; i++)
		add_param(out, i + 1, &method->params[i]);
	buf_append_text(out, "\nResult:\n");
	buf_append_text(out, method->result);
	add_errors(out, method);
	add(out,
	    "\nExample:\ncurl --user \"$(cat DATADIR/.cookie)\" --data "
	    "'{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}' http://127.0.0.1:24101/\n",
	    method->name, method->example ? method->example : "[]");
}

/* ---- as JSON */

/* Appends to a list that is NULL once memory was refused, and takes `item` over. */
static void append(json_t **list, json_t *item)
{
	if (json_array_append_new(*list, item)) {
		json_decref(*list);
		*list = NULL;
	}
}

/* A JSON text of the table. */
static json_t *parse(const char *text)
{
	char why[VALUE_WHY_SIZE];
	json_t *value;
	int r = value_parse(&value, why, text, strlen(text));

	CHECK(r <= 0);
	return value;
}

static json_t *types_json(unsigned types)
{
	json_t *list = json_array();

	for (unsigned bit = 1; bit <= RPC_TYPE_OBJECT && list; bit <<= 1) {
		char name[32];

		if (!(types & bit))
			continue;
		params_types_text(name, sizeof(name), bit);
		append(&list, json_string(name));
	}
	return list;
}

static json_t *params_json(const struct rpc_method *method)
{
	json_t *list = json_array();

	for (size_t i = 0; i < method->param_count && list; i++) {
		const struct rpc_param *param = &method->params[i];
		struct builder b;

		builder_init(&b);
		builder_add_text(&b, "name", param->name);
		builder_add(&b, "types", types_json(param->types));
		builder_add_bool(&b, "required", param->required);
		if (param->default_text)
			builder_add(&b, "default", parse(param->default_text));
		if (param->min || param->max) {
			builder_add_integer(&b, "min", param->min);
			builder_add_integer(&b, "max", param->max);
		}
		builder_add_text(&b, "about", param->about);
		append(&list, builder_take(&b));
	}
	return list;
}

static json_t *errors_json(const struct rpc_method *method)
{
	struct rpc_error errors[RPC_MAX_ERRORS];
	size_t count = rpc_method_errors(errors, method);
	json_t *list = json_array();

	for (size_t i = 0; i < count && list; i++) {
		struct builder b;

		builder_init(&b);
		builder_add_integer(&b, "code", errors[i].code);
		builder_add_text(&b, "when", errors[i].when);
		append(&list, builder_take(&b));
	}
	return list;
}

static json_t *method_json(const struct rpc_group *group, const struct rpc_method *method)
{
	struct builder b;

	builder_init(&b);
	builder_add_text(&b, "group", group->name);
	builder_add_text(&b, "name", method->name);
	builder_add_text(&b, "about", method->about);
	builder_add(&b, "params", params_json(method));
	builder_add_text(&b, "result", method->result);
	builder_add(&b, "example", parse(method->example ? method->example : "[]"));
	builder_add(&b, "errors", errors_json(method));
	return builder_take(&b);
}

json_t *help_json(const struct rpc_table *table, const struct rpc_method *method)
{
	json_t *list = json_array();

	for (size_t g = 0; g < table->group_count; g++) {
		const struct rpc_group *group = table->groups[g];

		for (size_t m = 0; m < group->method_count && list; m++) {
			if (!method || method == &group->methods[m])
				append(&list, method_json(group, &group->methods[m]));
		}
	}
	return list;
}
