/* SPDX-License-Identifier: MIT
 *
 * JSON-RPC 2.0: the text of a request in, the text of its answer out.  Knows nothing of HTTP and nothing of the node;
 * what can be called is a table (method.h).
 *
 * As the specification says, and beyond it: an id may be of any type and comes back exactly as it was; a request
 * without "jsonrpc", or with "1.0" or "1.1", is taken like one of 2.0 except that a missing id is null and is answered;
 * `params` may be null or absent.
 *
 * A method that fails with a code that its entry does not name is answered, and an error is logged: help is wrong then.
 *
 * Thread safety: any thread; the methods run on the calling one.
 */
#ifndef TIMED_RPC_DISPATCH_H
#define TIMED_RPC_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/rpc/method.h"
#include "timeproto/base/buf.h"

/* Requests of one batch. */
#define DISPATCH_MAX_BATCH 1000
/* Answers of one batch together, in bytes: once they are more, the requests behind are refused, and so is a list that
 * would stream if it were asked for alone, or last. */
#define DISPATCH_MAX_ANSWER_BYTES ((size_t)32 * 1024 * 1024)

struct dispatch_answer {
	struct buf body;	   /* JSON; empty when there were only notifications */
	struct rpc_stream *stream; /* of the rest, when it is long; NULL: body is all */
	size_t calls;		   /* requests that were looked at */
	bool later;		   /* there is no answer yet: to be run again in a moment */
	void (*after)(void *user); /* to be run with the table's user once the body has been sent; NULL: nothing */
};

/* Runs the request or batch, which has been waiting for `waited_ms` since it was first run; RPC_NO_WAIT: it may not wait.
 * What is in a batch never waits.  0 and *out, which dispatch_answer_free() releases, whatever the request was; -ENOMEM:
 * there is no memory even for saying so. */
int dispatch_text(struct dispatch_answer *out, const struct rpc_table *table, const char *text, size_t len,
		  int64_t waited_ms) __attribute__((warn_unused_result));
void dispatch_answer_free(struct dispatch_answer *answer);

#endif
