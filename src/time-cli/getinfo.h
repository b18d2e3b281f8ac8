/* SPDX-License-Identifier: MIT
 *
 * What an operator asks first, on one page: -getinfo.
 *
 * Thread safety: pure.
 */
#ifndef TIME_CLI_GETINFO_H
#define TIME_CLI_GETINFO_H

#include <jansson.h>
#include <stdint.h>

#include "timeproto/base/buf.h"

/* Appends the request whose answer getinfo_print() understands. */
void getinfo_request(struct buf *text);
/* Appends what the answer to it says; what the daemon does not tell is left out.  `place` is where it listens, `now_s`
 * Unix seconds. */
void getinfo_print(struct buf *out, const json_t *batch, const char *place, int64_t now_s);

#endif
