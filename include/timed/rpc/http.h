/* SPDX-License-Identifier: MIT
 *
 * The HTTP server under the RPC: POST / with a JSON-RPC text, answered by dispatch.h for whoever auth.h lets in, and what
 * can be read with GET (http_route.h).
 *
 * A few threads named `rpc` share one listening socket; each runs a libmicrohttpd daemon of its own in a loop of ours,
 * so a connection lives on one thread and nothing of it is locked.  What a client can hold up is its own connection:
 * - a request that is still coming in takes no thread;
 * - when a thread has as many connections as it may keep, one yields to a new one: it is idle, or its request comes from
 *   somebody who has not shown the password;
 * - a failed login, whatever it asks for, is answered after a delay for which only its connection waits.  It slows down
 *   who guesses on one connection; who guesses on many is counted and logged;
 * - a body is read to its end even when it is refused, within a bound, so that the client sees the answer;
 * - what trickles in or is read in a trickle is cut off after a time;
 * - a long answer is made while it is read (stream.h), and what is described in it is not locked;
 * - a method that waits for something (rpc_later()) is run again and again, its connection suspended in between.
 * A method that runs long holds up the other connections of its thread, not those of the other threads.
 *
 * Status codes: 200 (also for JSON-RPC errors), 204 (notifications, CORS preflight), 401 no or wrong credentials, 403 a
 * web page that is not allowed in (origin.h), 404 another path, 405 another method, 413 body over the limit, 429 over
 * the rate limit, 500 out of memory.
 *
 * Thread safety: http_start() and http_stop() from one thread.
 */
#ifndef TIMED_RPC_HTTP_H
#define TIMED_RPC_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/ip.h"
#include "timed/rpc/auth.h"
#include "timed/rpc/http_route.h"
#include "timed/rpc/method.h"

struct http;

struct http_params {
	struct net_addr listen;	      /* port 0: an ephemeral one */
	unsigned workers;	      /* threads */
	unsigned connections;	      /* kept per thread; beyond, the one longest without an answer yields */
	unsigned max_waiting;	      /* requests that wait for something to happen, per thread; more are answered at once */
	unsigned max_delayed;	      /* failed logins waiting per thread; more are cut off */
	size_t max_body_bytes;	      /* longest request */
	size_t max_discarded_bytes;   /* read of a body that is too long, before the connection is cut */
	unsigned idle_timeout_s;      /* of a connection on which nothing moves */
	unsigned transfer_timeout_s;  /* for a request to come in whole, and for its answer to be read */
	int64_t failure_delay_ms;     /* between failed logins */
	uint32_t requests_per_second; /* all clients together, batches by their length; 0: any */
	const char *const *origins;   /* web pages that are let in (origin.h) */
	size_t origin_count;
	bool any_host;		      /* names that are no addresses are answered, too (origin.h) */
	struct http_routes routes;    /* what can be read */
};

#define HTTP_PARAMS_DEFAULT                                                                                            \
	{                                                                                                              \
		.workers = 3, .connections = 64, .max_waiting = 64, .max_delayed = 32,                                 \
		.max_body_bytes = (size_t)4 * 1024 * 1024, .max_discarded_bytes = (size_t)256 * 1024 * 1024,           \
		.idle_timeout_s = 30, .transfer_timeout_s = 300, .failure_delay_ms = 250                               \
	}

/* Binds and starts.  `auth`, `table` and the origins must outlive the server.  0 and *out, or a negative errno
 * (-EADDRINUSE ...). */
int http_start(struct http **out, const struct http_params *params, const struct auth *auth,
	       const struct rpc_table *table) __attribute__((warn_unused_result));
/* The port that the listener got. */
uint16_t http_port(const struct http *http);
/* Ends every connection and joins the threads; waits for methods that are running.  NULL is fine. */
void http_stop(struct http *http);

#endif
