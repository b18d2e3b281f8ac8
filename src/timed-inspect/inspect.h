/* SPDX-License-Identifier: MIT
 *
 * What the subcommands of timed-inspect have in common: how they are listed, how they read lines and options, and how
 * they print values as JSON.  Each subcommand is one file inspect_<name>.c and one line of the table in inspect_commands.c, which the manual page is made of too.
 *
 * All of it reads standard input and files and prints to standard output and error; the exit codes are 0, 1
 * (EXIT_FAILURE) and 2 (INSPECT_USAGE).
 *
 * Thread safety: the main thread alone.
 */
#ifndef TIMED_INSPECT_INSPECT_H
#define TIMED_INSPECT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/types.h"
#include "timeproto/wire/schema.h"

#define INSPECT_USAGE 2
/* As long a line as a node takes by default. */
#define INSPECT_MAX_LINE_BYTES ((size_t)16 << 20)

struct inspect_command {
	const char *name;
	int (*run)(int argc, char *argv[]); /* argv begins with the name; gives the exit code */
	const char *summary;		    /* for the list of commands */
	const char *help;		    /* for COMMAND --help */
};

extern const struct inspect_command inspect_address_command;
extern const struct inspect_command inspect_block_command;
extern const struct inspect_command inspect_chain_command;
extern const struct inspect_command inspect_frame_command;
extern const struct inspect_command inspect_hash_command;
extern const struct inspect_command inspect_replay_command;
extern const struct inspect_command inspect_tx_command;
extern const struct inspect_command inspect_validator_key_command;
extern const struct inspect_command inspect_wallet_command;

extern const struct inspect_command *const inspect_commands[];
extern const size_t inspect_command_count;

/* Prints the mistake; returns INSPECT_USAGE. */
int inspect_usage_error(const char *what, const char *argument);
/* Prints that; returns EXIT_FAILURE. */
int inspect_out_of_memory(void);
/* "timed-inspect: PATH: REASON"; returns EXIT_FAILURE. */
int inspect_file_error(const char *path, int error);

/* Taking options off a command line: those of the form "--name", "--name=value", "--name value".  What does not begin
 * with
 * "-", everything after "--", and "-" itself are operands, which stay in argv[1] to argv[operands]. */
struct inspect_options {
	int argc;
	char **argv;
	int at;		    /* of the argument that is looked at */
	int operands;	    /* found so far */
	bool only_operands; /* "--" was there */
};
void inspect_options_init(struct inspect_options *options, int argc, char *argv[]);
/* The next option, as typed up to its "="; NULL when only operands are left. */
const char *inspect_options_next(struct inspect_options *options);
/* True when it is `name`, which takes no value. */
bool inspect_option_is(const struct inspect_options *options, const char *name);
/* True when it is `name`; `*value` is what belongs to it, "" when nothing is there. */
bool inspect_option_value(struct inspect_options *options, const char *name, const char **value);
/* As the one before for "--network NAME": `*network` is set.  `*mistake` is set to INSPECT_USAGE, and printed, when
 * there is no such network. */
bool inspect_option_network(struct inspect_options *options, enum chain_network *network, int *mistake);

/* The chain that a daemon's configuration is about; its validators go into the arena.  0; EXIT_FAILURE, the reason is
 * printed. */
int inspect_read_config(struct chain_params *out, struct arena *arena, const char *path)
	__attribute__((warn_unused_result));

/* Called for each line; 0 or a negative errno, which ends the reading. */
typedef int inspect_line(void *user, const uint8_t *line, size_t len);
/* Calls `visit` for every line that is not blank of the files argv[1] to argv[count], "-" being standard input, or of
 * standard input when there are none.  EXIT_SUCCESS, or EXIT_FAILURE and the reason is printed. */
int inspect_each_line(char *argv[], int count, inspect_line *visit, void *user);

/* A value of the wire from one line: JSON, or its bincode in hexadecimal.  0; 1: it is none, and "error: ..." is
 * printed; -ENOMEM. */
int inspect_decode(void *out, const struct wire_desc *desc, struct arena *arena, const uint8_t *line, size_t len)
	__attribute__((warn_unused_result));
/* Prints the bincode of a value in hexadecimal and a newline.  0 or -ENOMEM. */
int inspect_print_bincode(const struct wire_desc *desc, const void *value) __attribute__((warn_unused_result));

/* Hexadecimal without anything around it. */
void inspect_print_hex(const uint8_t *bytes, size_t len);
/* A JSON string, control characters (those of Unicode too) escaped; what is no UTF-8 is taken for Latin-1. */
void inspect_print_string(const char *text, size_t len);
/* A JSON string with the time in UTC, "2025-12-01T00:00:00Z"; null when it has none. */
void inspect_print_time(int64_t unix_s);
/* The script as JSON: its address in quotes when it is one of any network, else null. */
void inspect_print_script_address(const struct wire_bytes *script);

#endif
