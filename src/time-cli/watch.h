/* SPDX-License-Identifier: MIT
 *
 * The table of peers, looked at again and again: live in a terminal, one after the other where there is none.
 *
 * Thread safety: main alone.
 */
#ifndef TIME_CLI_WATCH_H
#define TIME_CLI_WATCH_H

#include "options.h"
#include "session.h"

/* Until the user ends it.  The exit code. */
int watch_run(struct session *session, const struct cli_options *options) __attribute__((warn_unused_result));

#endif
