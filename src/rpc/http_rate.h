/* SPDX-License-Identifier: MIT
 *
 * How many requests are run in a second, all clients together: a bucket that holds a second's worth of tokens, and goes
 * below nothing when a batch costs more than there is.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_RPC_HTTP_RATE_H
#define TIMED_RPC_HTTP_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/util/thread.h"

struct http_rate {
	int64_t per_second; /* 0: any; immutable */
	struct mutex lock;  /* leaf; of the two below */
	int64_t tokens;	    /* thousandths of a request */
	int64_t added_ms;   /* when tokens were added last, clock_mono_ms */
};

void http_rate_init(struct http_rate *rate, uint32_t per_second);
void http_rate_destroy(struct http_rate *rate);
/* Whether a request may be run now. */
bool http_rate_open(struct http_rate *rate);
/* So many were run. */
void http_rate_charge(struct http_rate *rate, size_t calls);

#endif
