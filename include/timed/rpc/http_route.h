/* SPDX-License-Identifier: MIT
 *
 * What the HTTP server answers to GET and HEAD: a table of paths, beside the one method POST / that http.h speaks of.
 *
 * Thread safety: tables are constant; functions run on any thread of the server.
 */
#ifndef TIMED_RPC_HTTP_ROUTE_H
#define TIMED_RPC_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "timeproto/base/buf.h"

enum http_access {
	HTTP_ACCESS_PASSWORD, /* who may call methods */
	HTTP_ACCESS_LOOPBACK, /* and everybody on this machine */
	HTTP_ACCESS_ANYBODY,
};

struct http_header {
	const char *name, *value;
};

struct http_route {
	const char *path;		   /* "/metrics" */
	const char *type;		   /* its Content-Type */
	const struct http_header *headers; /* more of them */
	size_t header_count;
	enum http_access access;
	/* Appends the body (buf's sticky error: out of memory); the HTTP status.  Holds no lock when it returns. */
	unsigned (*run)(void *user, struct buf *body);
};

struct http_routes {
	const struct http_route *items;
	size_t count;
	void *user; /* handed to them */
	bool alone; /* there is no POST / */
};

/* NULL when there is none for this path, which has no query. */
const struct http_route *http_route_find(const struct http_routes *routes, const char *path);
/* Whether the method (as it stands in the request) reads only: GET or HEAD. */
bool http_route_reads(const char *method);
/* What can be done at a path, for the header Allow; "" when there is nothing. */
const char *http_route_allow(const struct http_routes *routes, const char *path);

#endif
