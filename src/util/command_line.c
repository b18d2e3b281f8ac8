// SPDX-License-Identifier: MIT
/* See command_line.h. */
#include "timed/util/command_line.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "timed/util/nearest.h"

#define COMPLAINT_BYTES 512
#define NAME_BYTES 40
/* Of --help: where the explanation begins, and where a line ends. */
#define HELP_COLUMN 30
#define HELP_WIDTH 80

void command_line_complain(struct command_line *line, const char *format, ...)
{
	char text[COMPLAINT_BYTES];
	int used = snprintf(text, sizeof(text), "argument %d: ", line->position);
	va_list list;

	va_start(list, format);
	vsnprintf(text + used, sizeof(text) - (size_t)used, format, list);
	va_end(list);
	line->failed = true;
	line->complain(line->user, text);
}

const struct command_line_option *command_line_find(const struct command_line *line, const char *name, size_t len)
{
	for (size_t i = 0; i < line->option_count; i++) {
		if (strlen(line->options[i].name) == len && memcmp(line->options[i].name, name, len) == 0)
			return &line->options[i];
	}
	return NULL;
}

static const struct command_line_option *find_letter(const struct command_line *line, char letter)
{
	for (size_t i = 0; i < line->option_count; i++) {
		if (line->options[i].letter && line->options[i].letter == letter)
			return &line->options[i];
	}
	return NULL;
}

static void complain_unknown(struct command_line *line, const char *name, size_t len)
{
	char *copy = strndup(name, len);
	struct nearest nearest = {.wanted = copy ? copy : ""};

	for (size_t i = 0; i < line->option_count; i++)
		nearest_offer(&nearest, line->options[i].name);
	if (nearest_result(&nearest))
		command_line_complain(line, "unknown option --%s, did you mean --%s?", nearest.wanted,
				      nearest_result(&nearest));
	else
		command_line_complain(line, "unknown option --%s", nearest.wanted);
	free(copy);
}

static int store(struct command_line *line, const struct command_line_option *option, const char *name,
		 const char *value)
{
	char *field = (char *)line->out + option->offset;

	if (option->take)
		return option->take(line, name, value);
	if (value)
		memcpy(field, &value, sizeof(value));
	else
		memcpy(field, &(bool){true}, sizeof(bool));
	return 0;
}

/* Takes an option whose value, if any, is `attached` or else the next argument. */
static int take_option(struct command_line *line, const struct command_line_option *option, const char *attached)
{
	const char *value = attached;
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "--%s", option->name);
	if (!option->value && attached) {
		command_line_complain(line, "%s takes no value", name);
		return 0;
	}
	if (option->value && !value) {
		if (line->position + 1 >= line->argc) {
			command_line_complain(line, "%s: value missing, expected %s", name, option->value);
			return 0;
		}
		value = line->argv[++line->position];
	}
	return store(line, option, name, value);
}

static size_t name_length(const char *name)
{
	return strcspn(name, "=");
}

static int take_long(struct command_line *line, const char *name)
{
	size_t len = name_length(name);
	const struct command_line_option *option = command_line_find(line, name, len);

	if (option)
		return take_option(line, option, name[len] ? name + len + 1 : NULL);
	complain_unknown(line, name, len);
	return 0;
}

/* "-v", "-vv", "-c FILE", "-cFILE". */
static int take_letters(struct command_line *line, const char *letters)
{
	for (const char *s = letters; *s; s++) {
		const struct command_line_option *option = find_letter(line, *s);
		int r;

		if (!option && line->single_dash) {
			complain_unknown(line, letters, name_length(letters));
			return 0;
		}
		if (!option) {
			command_line_complain(line, "unknown option -%c", *s);
			return 0;
		}
		if (option->value)
			return take_option(line, option, s[1] ? s + 1 : NULL);
		r = take_option(line, option, NULL);
		if (r)
			return r;
	}
	return 0;
}

int command_line_next(struct command_line *line)
{
	while (++line->position < line->argc) {
		const char *arg = line->argv[line->position];
		int r;

		if (line->only_operands || arg[0] != '-' || !arg[1])
			return COMMAND_LINE_OPERAND;
		if (arg[1] == '-' && !arg[2]) {
			if (!line->single_dash)
				return COMMAND_LINE_OPERAND;
			line->only_operands = true;
			continue;
		}
		if (arg[1] == '-')
			r = take_long(line, arg + 2);
		else if (line->single_dash && command_line_find(line, arg + 1, name_length(arg + 1)))
			r = take_long(line, arg + 1);
		else
			r = take_letters(line, arg + 1);
		if (r)
			return r;
	}
	return COMMAND_LINE_END;
}

/* Prints `text` from HELP_COLUMN on, the cursor being there, and ends the line. */
static void print_wrapped(FILE *out, const char *text)
{
	size_t column = HELP_COLUMN;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > HELP_COLUMN && column + 1 + len >= HELP_WIDTH) {
			fprintf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += len;
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

void command_line_print_options(FILE *out, const struct command_line_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct command_line_option *o = &options[i];
		char left[NAME_BYTES + 40];
		int len = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", o->letter ? '-' : ' ',
				   o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? " " : "",
				   o->value ? o->value : "");

		if (len >= HELP_COLUMN)
			fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
		else
			fprintf(out, "%-*s", HELP_COLUMN, left);
		print_wrapped(out, o->help);
	}
}
