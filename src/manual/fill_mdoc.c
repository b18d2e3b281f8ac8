// SPDX-License-Identifier: MIT
/* The directives of manual pages: see fill.h. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "config_table.h"
#include "fill.h"
#include "inspect.h"
#include "options.h"
#include "timed/node/options.h"
#include "timed/node/version.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/params.h"

/* A character of running text; `first` of its line, where a dot or an apostrophe would be a request. */
static void put_character(FILE *out, char c, bool first)
{
	if (first && (c == '.' || c == '\''))
		fputs("\\&", out);
	if (c == '\\')
		fputs("\\e", out);
	else
		fputc(c, out);
}

/* Running text, each sentence on a line of its own.  Does not end the last one. */
static void put_text(FILE *out, const char *text)
{
	bool first = true;

	for (const char *c = text; *c; c++) {
		if (*c == '.' && c[1] == ' ') {
			fputs(".\n", out);
			while (c[1] == ' ')
				c++;
			first = true;
			continue;
		}
		if (*c == '\n' && first)
			continue;
		put_character(out, *c, first);
		first = *c == '\n';
	}
}

/* The same as a sentence with a full stop. */
static void put_sentence(FILE *out, const char *text)
{
	size_t len = strlen(text);

	put_text(out, text);
	fputs(len > 0 && text[len - 1] == '.' ? "\n" : ".\n", out);
}

/* The same, beginning with a capital. */
static void put_capital(FILE *out, const char *text)
{
	if (!*text)
		return;
	put_character(out, (char)toupper((unsigned char)text[0]), true);
	put_sentence(out, text + 1);
}

/* An argument of a macro, as one word. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (const char *c = text; *c; c++) {
		if (*c == '"')
			fputs("\"\"", out);
		else
			put_character(out, *c, false);
	}
	fputc('"', out);
}

void fill_date(FILE *out)
{
	static const char *const months[] = {"January", "February", "March",	 "April",   "May",	"June",
					     "July",	"August",   "September", "October", "November", "December"};
	unsigned year, month, day;

	/* Built from something else than a repository: the compiler's date. */
	if (sscanf(TIMED_COMMIT_DATE, "%4u-%2u-%2u", &year, &month, &day) != 3 || month < 1 || month > 12) {
		fputs(__DATE__, out);
		return;
	}
	fprintf(out, "%s %u, %u", months[month - 1], day, year);
}

static void fill_options(FILE *out, const struct command_line_option *options, size_t count)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < count; i++) {
		const struct command_line_option *o = &options[i];

		fputs(".It", out);
		if (o->letter)
			fprintf(out, " Fl %c ,", o->letter);
		fprintf(out, " Fl -%s", o->name);
		if (o->value) {
			fputs(" Ar ", out);
			put_quoted(out, o->value);
		}
		fputc('\n', out);
		put_capital(out, o->help);
	}
	fputs(".El\n", out);
}

void fill_timed_options(FILE *out)
{
	fill_options(out, options_table, options_table_count);
}

void fill_cli_options(FILE *out)
{
	fill_options(out, cli_options_table, cli_options_table_count);
}

static void put_choices(FILE *out, const struct config_choice *choices)
{
	fputs("One of", out);
	for (const struct config_choice *c = choices; c->name; c++) {
		if (!c->alias)
			fprintf(out, "%s \"%s\"", c == choices ? "" : ",", c->name);
	}
	fputs(".\n", out);
}

/* What the key does, and which values it may have. */
static void put_key(FILE *out, const struct config_key *key)
{
	bool number = key->kind == CONFIG_KIND_INT || key->kind == CONFIG_KIND_U16 || key->kind == CONFIG_KIND_U32 ||
		      key->kind == CONFIG_KIND_U64 || key->kind == CONFIG_KIND_I64;

	fputs(".It Cm ", out);
	fputs(key->key, out);
	if (key->initial) {
		fputs(" No = Li ", out);
		put_quoted(out, key->initial);
	}
	fputc('\n', out);
	if (key->kind == CONFIG_KIND_NONE) {
		fputs("Has no effect here: ", out);
		put_sentence(out, key->note);
	} else {
		put_capital(out, key->note ? key->note : "");
	}
	if (key->kind == CONFIG_KIND_CHOICE)
		put_choices(out, key->choices);
	if (key->flags & CONFIG_KEY_UNSUPPORTED)
		fputs("It is read, and warned about when true.\n", out);
	if (!number)
		return;
	if (key->min == key->max)
		put_sentence(out, key->unit);
	else if (key->unit && *key->unit)
		fprintf(out, "In %s, %" PRId64 " to %" PRId64 ".\n", key->unit, key->min, key->max);
	else
		fprintf(out, "%" PRId64 " to %" PRId64 ".\n", key->min, key->max);
}

void fill_config_keys(FILE *out)
{
	const char *section = "";

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(section, key->section) != 0)
			fprintf(out, "%s.Ss [%s]\n.Bl -tag -width Ds\n", i > 0 ? ".El\n" : "", key->section);
		section = key->section;
		put_key(out, key);
	}
	fputs(".El\n", out);
}

static void put_parameter(FILE *out, const struct rpc_param *param)
{
	char types[96];

	params_types_text(types, sizeof(types), param->types);
	fprintf(out, ".It Ar %s\n", param->name);
	put_capital(out, param->about);
	fprintf(out, "%c%s", toupper((unsigned char)types[0]), types + 1);
	if (param->default_text) {
		fputs(", by default ", out);
		put_text(out, param->default_text);
	}
	if (param->min || param->max)
		fprintf(out, ", %" PRId64 " to %" PRId64, param->min, param->max);
	fputs(".\n", out);
}

static void put_method(FILE *out, const struct rpc_method *method)
{
	bool open = false;

	fprintf(out, ".It Cm %s", method->name);
	for (size_t i = 0; i < method->param_count; i++) {
		fprintf(out, "%s Ar %s", !method->params[i].required && !open ? " Op" : "", method->params[i].name);
		open |= !method->params[i].required;
	}
	fputc('\n', out);
	put_sentence(out, method->about);
	if (method->param_count == 0)
		return;
	fputs(".Bl -tag -width Ds -compact\n", out);
	for (size_t i = 0; i < method->param_count; i++)
		put_parameter(out, &method->params[i]);
	fputs(".El\n", out);
}

void fill_methods(FILE *out)
{
	struct rpc_table table;

	methods_table(&table, NULL);
	for (size_t g = 0; g < table.group_count; g++) {
		const struct rpc_group *group = table.groups[g];

		fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", group->name);
		for (size_t m = 0; m < group->method_count; m++)
			put_method(out, &group->methods[m]);
		fputs(".El\n", out);
	}
}

/* The help of the subcommand as it is printed. */
static void put_command(FILE *out, const struct inspect_command *command)
{
	bool first = true;

	fprintf(out, ".Ss %s\n", command->name);
	put_capital(out, command->summary);
	fputs(".Bd -literal\n", out);
	for (const char *c = command->help; *c; c++) {
		put_character(out, *c, first);
		first = *c == '\n';
	}
	fputs(".Ed\n", out);
}

void fill_inspect_commands(FILE *out)
{
	for (size_t i = 0; i < inspect_command_count; i++)
		put_command(out, inspect_commands[i]);
}
