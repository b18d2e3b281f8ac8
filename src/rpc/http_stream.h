/* SPDX-License-Identifier: MIT
 *
 * The body of a long answer for libmicrohttpd, which takes it piece by piece as the client reads.
 *
 * Thread safety: the thread that runs the response's connection.
 */
#ifndef TIMED_RPC_HTTP_STREAM_H
#define TIMED_RPC_HTTP_STREAM_H

#include <microhttpd.h>

#include "timed/rpc/stream.h"
#include "timeproto/base/buf.h"

/* A response whose body is `begin`, then what the stream gives.  Takes both over and leaves them empty; NULL: out of
 * memory. */
struct MHD_Response *http_stream_response(struct buf *begin, struct rpc_stream **stream)
	__attribute__((warn_unused_result));

#endif
