/* SPDX-License-Identifier: MIT
 *
 * Command lines by a table: each option is one line of it, which says its names, what its value is called, where it
 * goes or what takes it, and what --help says; the manual pages are made of the same lines.  Not getopt_long: it has no
 * suggestions, accepts abbreviations, and prints on its own.
 *
 * Understood: "--name", "--name=value", "--name value", "-x", "-xy", "-x value", "-xvalue"; and "-name" where
 * `single_dash` is set.
 *
 * Thread safety: none; used by main before any thread exists.
 */
#ifndef TIMED_UTIL_COMMAND_LINE_H
#define TIMED_UTIL_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct command_line;

/* What an option does with its value (NULL for a flag); `name` is as in the table, with its dashes.  0 or a negative
 * errno; mistakes go to command_line_complain(). */
typedef int command_line_take(struct command_line *line, const char *name, const char *value);

struct command_line_option {
	const char *name;	 /* without the dashes */
	char letter;		 /* 0: none */
	const char *value;	 /* what --help calls its value; NULL: a flag */
	command_line_take *take; /* NULL: the value, or true, is stored at `offset` */
	size_t offset;		 /* in command_line.out: of a const char *, or of a bool for a flag */
	const char *help;	 /* without a full stop */
};

struct command_line {
	const struct command_line_option *options;
	size_t option_count;
	int argc;
	char *const *argv;
	bool single_dash; /* long names may have one dash too */
	void *out;	  /* what the options fill */
	void *user;	  /* of `complain` */
	/* A mistake: one line for a person, without "error:" and newline. */
	void (*complain)(void *user, const char *text);
	int position;	    /* of the argument being read; starts as 0, the name of the program */
	bool only_operands; /* "--" was there */
	bool failed;	    /* there was a mistake */
};

enum command_line_next { COMMAND_LINE_END, COMMAND_LINE_OPERAND };

/* Takes options up to the next operand, which is then argv[position], or to the end.  "--" ends the options when
 * `single_dash` is set, and is an operand otherwise; "-" is one always.  enum command_line_next, or what a
 * command_line_take failed with. */
int command_line_next(struct command_line *line) __attribute__((warn_unused_result));
/* "argument N: ..." */
void command_line_complain(struct command_line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* NULL when there is none of that name. */
const struct command_line_option *command_line_find(const struct command_line *line, const char *name, size_t len);

/* The lines of --help, broken at 80 columns. */
void command_line_print_options(FILE *out, const struct command_line_option *options, size_t count);

#endif
