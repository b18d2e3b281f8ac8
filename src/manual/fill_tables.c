// SPDX-License-Identifier: MIT
/* The directives of the completion and of time-cli: see fill.h. */
#include "fill.h"
#include "inspect.h"
#include "options.h"
#include "timed/node/options.h"
#include "timed/rpc/methods.h"

/* Calls `visit` for every method of the daemon. */
static void each_method(FILE *out, void (*visit)(FILE *out, const struct rpc_method *method))
{
	struct rpc_table table;

	methods_table(&table, NULL);
	for (size_t g = 0; g < table.group_count; g++) {
		for (size_t m = 0; m < table.groups[g]->method_count; m++)
			visit(out, &table.groups[g]->methods[m]);
	}
}

static void put_params(FILE *out, const struct rpc_method *method)
{
	if (method->param_count == 0)
		return;
	fprintf(out, "static const struct rpc_param %s_params[] = {\n", method->name);
	for (size_t i = 0; i < method->param_count; i++) {
		const struct rpc_param *p = &method->params[i];

		fprintf(out, "\t{.name = \"%s\", .types = %u, .required = %s},\n", p->name, p->types,
			p->required ? "true" : "false");
	}
	fputs("};\n", out);
}

static void put_method(FILE *out, const struct rpc_method *method)
{
	fprintf(out, "\t{.name = \"%s\"", method->name);
	if (method->param_count > 0)
		fprintf(out, ", .params = %s_params, .param_count = %zu", method->name, method->param_count);
	fputs("},\n", out);
}

void fill_method_table(FILE *out)
{
	each_method(out, put_params);
	fputs("\nconst struct rpc_method method_table[] = {\n", out);
	each_method(out, put_method);
	fputs("};\nconst size_t method_table_count = sizeof(method_table) / sizeof(method_table[0]);\n", out);
}

static void put_method_word(FILE *out, const struct rpc_method *method)
{
	fprintf(out, "%s ", method->name);
}

void fill_method_words(FILE *out)
{
	each_method(out, put_method_word);
}

static void put_boolean_words(FILE *out, const struct rpc_method *method)
{
	for (size_t i = 0; i < method->param_count; i++) {
		if (method->params[i].types & RPC_TYPE_BOOL)
			fprintf(out, "%s:%zu ", method->name, i + 1);
	}
}

void fill_boolean_words(FILE *out)
{
	each_method(out, put_boolean_words);
}

static void put_flags(FILE *out, const struct command_line_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "--%s ", options[i].name);
}

static void put_values(FILE *out, const struct command_line_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct command_line_option *o = &options[i];

		if (o->value)
			fprintf(out, "%s:%s ", o->name, o->value);
		if (o->value && o->letter)
			fprintf(out, "%c:%s ", o->letter, o->value);
	}
}

void fill_cli_flag_words(FILE *out)
{
	put_flags(out, cli_options_table, cli_options_table_count);
}

void fill_cli_value_words(FILE *out)
{
	put_values(out, cli_options_table, cli_options_table_count);
}

void fill_timed_flag_words(FILE *out)
{
	put_flags(out, options_table, options_table_count);
}

void fill_timed_value_words(FILE *out)
{
	put_values(out, options_table, options_table_count);
}

void fill_inspect_words(FILE *out)
{
	for (size_t i = 0; i < inspect_command_count; i++)
		fprintf(out, "%s ", inspect_commands[i]->name);
}
