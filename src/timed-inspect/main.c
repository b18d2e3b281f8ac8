/* SPDX-License-Identifier: MIT
 *
 * timed-inspect: messages, blocks, transactions, keys and data directories from the command line.  Each subcommand is
 * one line of the table in inspect_commands.c; all of them read and print, and
 * only `replay` talks to a node.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"
#include "timed/node/version.h"

static void print_help(FILE *out)
{
	fputs("Usage: timed-inspect COMMAND [OPTION]...\n\nCommands:\n", out);
	for (size_t i = 0; i < inspect_command_count; i++)
		fprintf(out, "  %-15s%s\n", inspect_commands[i]->name, inspect_commands[i]->summary);
	fputs("\nOptions:\n"
	      "  --help      print this, or after a command what that does\n"
	      "  --version   print the version\n",
	      out);
}

static bool asks_for_help(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return true;
	}
	return false;
}

static int run(int argc, char *argv[])
{
	if (argc < 2) {
		print_help(stderr);
		return INSPECT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("timed-inspect %s\n", TIMED_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < inspect_command_count; i++) {
		if (strcmp(argv[1], inspect_commands[i]->name) != 0)
			continue;
		if (!asks_for_help(argc - 1, argv + 1))
			return inspect_commands[i]->run(argc - 1, argv + 1);
		fputs(inspect_commands[i]->help, stdout);
		return EXIT_SUCCESS;
	}
	return inspect_usage_error(argv[1][0] == '-' ? "unknown option: " : "unknown command: ", argv[1]);
}

int main(int argc, char *argv[])
{
	int code = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "timed-inspect: writing: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return code;
}
