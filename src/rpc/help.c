// SPDX-License-Identifier: MIT
/* See help.h. */
#include "timed/rpc/help.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "timed/rpc/params.h"

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
	add(out, "\nhelp METHOD tells more about one of them.\n");
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
	add(out,
	    "\n\nExample:\ncurl --user \"$(cat DATADIR/.cookie)\" --data "
	    "'{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}' http://127.0.0.1:24101/\n",
	    method->name, method->example ? method->example : "[]");
}
