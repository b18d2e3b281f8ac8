/* SPDX-License-Identifier: MIT
 *
 * The command line of `timed`, from one table that also makes --help.  It beats the configuration file.
 *
 * Order in main: options_parse(); --help, --version and --generate-config are answered from it alone;
 * options_load() does the rest (file, command line, config_resolve).
 *
 * Thread safety: none; used by main before any thread exists, and again on SIGHUP (options_load).
 */
#ifndef TIMED_NODE_OPTIONS_H
#define TIMED_NODE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "timed/node/config.h"
#include "timed/util/command_line.h"

#define OPTIONS_CONFIG_DEFAULT "config.toml"

enum options_error {
	OPTIONS_E_USAGE = 1, /* the messages say what is wrong with which argument: exit code 2 */
};

/* What there is; also for the manual page. */
extern const struct command_line_option options_table[];
extern const size_t options_table_count;

/* Strings point into argv. */
struct options {
	const char *config_path;
	bool config_given; /* by -c, and so meant to be there when it is only checked */
	bool generate_config;
	bool check_config;
	bool masternode;
	bool recover_wal;
	bool reindex;
	const char *load_blocks; /* file, "-" for standard input; NULL: not given */
	bool help;
	bool version;
	unsigned int verbose; /* times given: 1 debug, 2 trace */
	bool listen_given;
	struct net_addr listen; /* port 0: not given */
	const char *data_dir;	/* NULL: not given */
	int network;		/* enum chain_network, -1: not given */
	struct config_addrs connect;
};

/* Reads the command line; argv[0] is skipped.  0; OPTIONS_E_USAGE with every mistake in `messages`; or -ENOMEM.
 * `out` is to be freed in every case. */
int options_parse(struct options *out, struct config_messages *messages, int argc, char *const argv[])
	__attribute__((warn_unused_result));
void options_free(struct options *options);

/* Puts what the command line says over the file's values; before config_resolve().  0 or -ENOMEM. */
int options_apply(const struct options *options, struct config *config) __attribute__((warn_unused_result));

/* Reads the file that the options name (creating it with defaults when it is missing, unless it is only checked),
 * applies the command line and resolves.  0 and *out; CONFIG_E_INVALID or a negative errno, both with an error in
 * `messages`. */
int options_load(struct config **out, const struct options *options, struct config_messages *messages)
	__attribute__((warn_unused_result));

void options_print_help(FILE *out);
/* --check-config: what a start would use.  No secrets. */
void options_print_config(FILE *out, const struct options *options, const struct config *config);
/* "warning: ..." and "error: ..." lines. */
void options_print_messages(FILE *out, const struct config_messages *messages);

#endif
