/* SPDX-License-Identifier: MIT
 *
 * Requests over HTTP, one at a time, without waiting where somebody else wants to be heard meanwhile.
 *
 * Thread safety: one owner.
 */
#ifndef TIME_CLI_TRANSPORT_H
#define TIME_CLI_TRANSPORT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/buf.h"

struct transport;

#define TRANSPORT_WHY_SIZE 320

struct transport_answer {
	bool came;		      /* an HTTP answer is there; else `why` */
	bool refused;		      /* nothing listens there: it may yet come up */
	bool sent;		      /* some of the request went out: it may have been carried out, answer or not */
	long status;		      /* of HTTP */
	struct buf body;	      /* owned by the transport, until its next request */
	char why[TRANSPORT_WHY_SIZE]; /* for a person */
};

/* 0 or -ENOMEM. */
int transport_open(struct transport **out, const char *url, int64_t timeout_s) __attribute__((warn_unused_result));
/* Begins a request, in place of one that still runs.  The body and the credentials ("user:password") are copied.  0 or
 * -ENOMEM. */
int transport_begin(struct transport *t, const char *body, size_t len, const char *credentials)
	__attribute__((warn_unused_result));
/* Waits for the answer, for something on the `count` descriptors (their revents are set), or for the time; -1: any.
 * True when there is an answer, or none will come: *answer then holds until the next request. */
bool transport_wait(struct transport *t, const struct transport_answer **answer, struct pollfd *fds, unsigned count,
		    int timeout_ms);
void transport_close(struct transport *t);

#endif
