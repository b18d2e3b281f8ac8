/* SPDX-License-Identifier: MIT
 *
 * What comes over standard input instead of the command line, where everybody on the machine could see it: the password
 * (--stdinrpcpass, the first line) and arguments (-stdin, a line each).
 *
 * Thread safety: main alone.
 */
#ifndef TIME_CLI_INPUT_H
#define TIME_CLI_INPUT_H

#include <stddef.h>

#include "options.h"

struct input {
	char *password;	  /* NULL: not asked for */
	char **arguments; /* of the command line, and behind them those of standard input */
	size_t argument_count;
	size_t typed_count; /* the first of them are of the command line, and not ours */
	char *text;	    /* of standard input; the arguments point into it */
};

/* 0 or a negative errno (-ENODATA: there is no password).  To be freed in every case. */
int input_read(struct input *out, const struct cli_options *options) __attribute__((warn_unused_result));
void input_free(struct input *input);

#endif
