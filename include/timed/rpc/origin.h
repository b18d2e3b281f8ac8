/* SPDX-License-Identifier: MIT
 *
 * Keeps web pages out.  A browser on the operator's machine can be made to send requests to this server; it then says
 * which page they come from (Origin), and under which name it found us (Host).  Only pages named in rpc.allow_origins,
 * and our own, get in; and since a foreign name can be made to point at us (DNS rebinding), only names that are no
 * names are answered.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_RPC_ORIGIN_H
#define TIMED_RPC_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a Host header ("name", "name:port", "[v6]:port") is localhost, an IP address, or the host of one of the
 * origins.  NULL (HTTP/1.0) is fine. */
bool origin_host_allowed(const char *host, const char *const *origins, size_t count);
/* The value of an Origin header is among the origins, or "*" is, or it is http://HOST.  NULL (no browser) is fine. */
bool origin_allowed(const char *origin, const char *host, const char *const *origins, size_t count);

#endif
