/* SPDX-License-Identifier: MIT
 *
 * The command line of time-cli, from one table that also makes --help and the manual page.
 *
 * Options stand before the method; what follows a method is its arguments, whatever they look like.  Around -getinfo,
 * -netinfo and watch, which are time-cli's own, they may stand anywhere.
 *
 * Ownership: strings point into argv.
 * Thread safety: none; used by main alone.
 */
#ifndef TIME_CLI_OPTIONS_H
#define TIME_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "timed/util/command_line.h"

#define CLI_OPTIONS_E_USAGE 1 /* mistakes have been printed */

enum cli_command {
	CLI_CALL, /* a method of the daemon */
	CLI_GETINFO,
	CLI_NETINFO,
	CLI_WATCH,
};

struct cli_options {
	const char *rpc_url; /* NULL in these: not given */
	const char *user;
	const char *password;
	const char *cookie_file;
	const char *data_dir;
	const char *config_path;
	int network;		  /* enum chain_network, -1: not given */
	bool stdin_password;	  /* the password is the first line of standard input */
	bool stdin_arguments;	  /* each further line there is an argument */
	bool named;		  /* arguments are name=value */
	bool wait;		  /* until the daemon answers */
	int64_t wait_timeout_s;	  /* for so long; 0: for ever */
	int64_t client_timeout_s; /* for an answer; 0: for ever */
	int64_t interval_ms;	  /* of watch */
	bool once;		  /* watch ends after the first table */
	bool getinfo;
	bool netinfo;
	bool help;
	bool version;
	enum cli_command command;
	const char *method;	/* of CLI_CALL; NULL: none was given */
	int level;		/* of CLI_NETINFO and CLI_WATCH, 0 to 4 */
	bool level_given;	/* else watch may show less where there is no room */
	char *const *arguments; /* of the method */
	size_t argument_count;
};

extern const struct command_line_option cli_options_table[];
extern const size_t cli_options_table_count;

/* 0; CLI_OPTIONS_E_USAGE, and what is wrong stands on standard error. */
int cli_options_parse(struct cli_options *out, int argc, char *const argv[]) __attribute__((warn_unused_result));
void cli_options_print_help(FILE *out);

#endif
