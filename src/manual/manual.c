/* SPDX-License-Identifier: MIT
 *
 * Fills a template: what is prose stands there, and what the programs know of themselves (options, configuration keys,
 * methods, subcommands) comes from the very tables that they run by.  A directive is @name@.
 *
 *	manual TEMPLATE >FILE
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "timed/util/file.h"

#define MAX_TEMPLATE_BYTES ((size_t)1 << 20)

static const struct {
	const char *name;
	void (*fill)(FILE *out);
} directives[] = {
	{"date", fill_date},
	{"timed-options", fill_timed_options},
	{"cli-options", fill_cli_options},
	{"config-keys", fill_config_keys},
	{"methods", fill_methods},
	{"inspect-commands", fill_inspect_commands},
	{"method-table", fill_method_table},
	{"method-words", fill_method_words},
	{"boolean-words", fill_boolean_words},
	{"cli-flag-words", fill_cli_flag_words},
	{"cli-value-words", fill_cli_value_words},
	{"timed-flag-words", fill_timed_flag_words},
	{"timed-value-words", fill_timed_value_words},
	{"inspect-words", fill_inspect_words},
};

/* The length of the directive at `text`, both signs included, after it was carried out; 0: there is none. */
static size_t fill(FILE *out, const char *text)
{
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		size_t len = strlen(directives[i].name);

		if (strncmp(text + 1, directives[i].name, len) == 0 && text[1 + len] == '@') {
			directives[i].fill(out);
			return len + 2;
		}
	}
	return 0;
}

int main(int argc, char *argv[])
{
	char *text;
	size_t len;
	int r;

	if (argc != 2) {
		fputs("Usage: manual TEMPLATE >FILE\n", stderr);
		return 2;
	}
	r = file_read(&text, &len, argv[1], MAX_TEMPLATE_BYTES);
	if (r) {
		fprintf(stderr, "manual: %s: %s\n", argv[1], strerror(-r));
		return EXIT_FAILURE;
	}
	for (const char *at = text; *at;) {
		size_t taken = *at == '@' ? fill(stdout, at) : 0;

		/* What stands alone on its line brings its own newline. */
		if (taken && (at == text || at[-1] == '\n') && at[taken] == '\n')
			taken++;
		if (!taken)
			fputc(*at, stdout);
		at += taken ? taken : 1;
	}
	free(text);
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
