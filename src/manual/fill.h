/* SPDX-License-Identifier: MIT
 *
 * What the tables of the programs say, in the forms that manual pages, the completion and time-cli need.  Each function
 * is a directive that a template may hold (manual.c).
 *
 * Thread safety: main alone.
 */
#ifndef MANUAL_FILL_H
#define MANUAL_FILL_H

#include <stdio.h>

/* As mdoc: the lists of options, configuration keys, methods and subcommands; and the date. */
void fill_date(FILE *out);
void fill_timed_options(FILE *out);
void fill_cli_options(FILE *out);
void fill_config_keys(FILE *out);
void fill_methods(FILE *out);
void fill_inspect_commands(FILE *out);

/* As C: the table of method_table.h. */
void fill_method_table(FILE *out);

/* As words of a shell, separated by blanks: the methods; NAME:PLACE for each parameter that may be a boolean; the
 * options; NAME:KIND for those that take a value; the subcommands. */
void fill_method_words(FILE *out);
void fill_boolean_words(FILE *out);
void fill_cli_flag_words(FILE *out);
void fill_cli_value_words(FILE *out);
void fill_timed_flag_words(FILE *out);
void fill_timed_value_words(FILE *out);
void fill_inspect_words(FILE *out);

#endif
