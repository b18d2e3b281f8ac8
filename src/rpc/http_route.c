// SPDX-License-Identifier: MIT
/* See http_route.h. */
#include "timed/rpc/http_route.h"

#include <string.h>

const struct http_route *http_route_find(const struct http_routes *routes, const char *path)
{
	for (size_t i = 0; i < routes->count; i++) {
		if (strcmp(routes->items[i].path, path) == 0)
			return &routes->items[i];
	}
	return NULL;
}

bool http_route_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

const char *http_route_allow(const struct http_routes *routes, const char *path)
{
	bool get = http_route_find(routes, path) != NULL, post = !routes->alone && strcmp(path, "/") == 0;

	if (get && post)
		return "GET, HEAD, POST";
	return get ? "GET, HEAD" : post ? "POST" : "";
}
