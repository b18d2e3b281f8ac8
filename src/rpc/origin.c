// SPDX-License-Identifier: MIT
/* See origin.h. */
#include "timed/rpc/origin.h"

#include <string.h>
#include <strings.h>

#include "timed/net/ip.h"

/* Length of the host in "host" or "host:port", brackets included. */
static size_t host_length(const char *text)
{
	return *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/");
}

/* The host of an origin such as "https://name:3000"; *len is 0 when it has none. */
static const char *origin_host(const char *origin, size_t *len)
{
	const char *slashes = strstr(origin, "://");

	*len = slashes ? host_length(slashes + 3) : 0;
	return slashes ? slashes + 3 : origin;
}

bool origin_host_allowed(const char *host, const char *const *origins, size_t count)
{
	struct net_addr addr;
	size_t len, origin_len;

	if (!host)
		return true;
	len = strlen(host);
	if (net_addr_parse(&addr, host, len, 1) == 0)
		return true;
	len = host_length(host);
	if (len == strlen("localhost") && strncasecmp(host, "localhost", len) == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		const char *allowed = origin_host(origins[i], &origin_len);

		if (origin_len > 0 && origin_len == len && strncasecmp(host, allowed, len) == 0)
			return true;
	}
	return false;
}

bool origin_allowed(const char *origin, const char *host, const char *const *origins, size_t count)
{
	if (!origin)
		return true;
	if (host && strncasecmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(origins[i], "*") == 0 || strcasecmp(origins[i], origin) == 0)
			return true;
	}
	return false;
}
