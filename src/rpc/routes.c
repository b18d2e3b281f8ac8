// SPDX-License-Identifier: MIT
/* See routes.h. */
#include "timed/rpc/routes.h"

#include <errno.h>
#include <string.h>

#include "timed/node/health.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/metrics.h"
#include "timed/rpc/page.h"
#include "timed/rpc/status.h"
#include "timed/rpc/value.h"
#include "timed/rpc/warnings.h"

#define HTTP_OK 200
#define HTTP_UNAVAILABLE 503
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Appends the value with a newline, and drops it. */
static void print(struct buf *body, json_t *value)
{
	if (!value) {
		body->error = -ENOMEM;
		return;
	}
	value_print(body, value);
	buf_append_byte(body, '\n');
	json_decref(value);
}

/* Instead of numbers: how far the start of the node is. */
static unsigned describe_start(struct buf *body, const char *step)
{
	struct builder b;

	builder_init(&b);
	builder_add_bool(&b, "healthy", false);
	builder_add_text(&b, "starting", step);
	print(body, builder_take(&b));
	return HTTP_UNAVAILABLE;
}

static unsigned metrics(void *user, struct buf *body)
{
	struct routes *routes = user;
	char step[SERVICE_STEP_SIZE];

	if (node_is_starting(routes->node, step)) {
		buf_append_text(body, "# starting: ");
		buf_append_text(body, step);
		buf_append_byte(body, '\n');
		return HTTP_UNAVAILABLE;
	}
	metrics_print(body, routes->node, routes->stats);
	return HTTP_OK;
}

static unsigned health(void *user, struct buf *body)
{
	struct routes *routes = user;
	struct health_facts facts;
	struct health verdict;
	char step[SERVICE_STEP_SIZE];
	struct builder b;

	if (node_is_starting(routes->node, step))
		return describe_start(body, step);
	node_health_facts(routes->node, &facts);
	health_judge(&verdict, &facts);
	builder_init(&b);
	builder_add_bool(&b, "healthy", verdict.ok);
	builder_add_u64(&b, "height", facts.height);
	builder_add_integer(&b, "tip_age_seconds", facts.tip_age_s);
	builder_add_integer(&b, "peers", facts.peers);
	builder_add(&b, "findings", warnings_describe(&verdict));
	print(body, builder_take(&b));
	return verdict.ok ? HTTP_OK : HTTP_UNAVAILABLE;
}

static unsigned page(void *user, struct buf *body)
{
	(void)user;
	buf_append(body, page_html, page_html_len);
	return HTTP_OK;
}

static unsigned status(void *user, struct buf *body)
{
	struct routes *routes = user;
	char step[SERVICE_STEP_SIZE];

	if (node_is_starting(routes->node, step))
		return describe_start(body, step);
	print(body, status_describe(routes->node));
	return HTTP_OK;
}

static const struct http_header page_headers[] = {
	{"Content-Security-Policy", page_policy},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"X-Frame-Options", "DENY"},
};
static const struct http_header plain_headers[] = {{"X-Content-Type-Options", "nosniff"}};

#define PLAIN .headers = plain_headers, .header_count = COUNT(plain_headers)
static const struct http_route rpc_routes[] = {
	{.path = "/metrics", .type = METRICS_TYPE, .access = HTTP_ACCESS_LOOPBACK, .run = metrics, PLAIN},
	{.path = "/health", .type = "application/json", .access = HTTP_ACCESS_LOOPBACK, .run = health, PLAIN},
	{.path = "/status.json", .type = "application/json", .access = HTTP_ACCESS_PASSWORD, .run = status, PLAIN},
	{.path = "/",
	 .type = "text/html; charset=utf-8",
	 .access = HTTP_ACCESS_PASSWORD,
	 .run = page,
	 .headers = page_headers,
	 .header_count = COUNT(page_headers)},
};
static const struct http_route metrics_routes[] = {
	{.path = "/metrics", .type = METRICS_TYPE, .access = HTTP_ACCESS_ANYBODY, .run = metrics, PLAIN},
	{.path = "/health", .type = "application/json", .access = HTTP_ACCESS_ANYBODY, .run = health, PLAIN},
};

void routes_init(struct routes *routes, struct node *node, const struct rpc_stats *stats, bool public_status)
{
	_Static_assert(COUNT(rpc_routes) == COUNT(routes->items), "struct routes has room for the table");

	routes->node = node;
	routes->stats = stats;
	memcpy(routes->items, rpc_routes, sizeof(rpc_routes));
	for (size_t i = 0; public_status && i < COUNT(routes->items); i++) {
		if (routes->items[i].access == HTTP_ACCESS_PASSWORD)
			routes->items[i].access = HTTP_ACCESS_ANYBODY;
	}
}

struct http_routes routes_of_rpc(struct routes *routes)
{
	return (struct http_routes){.items = routes->items, .count = COUNT(routes->items), .user = routes};
}

struct http_routes routes_of_metrics(struct routes *routes)
{
	return (struct http_routes){
		.items = metrics_routes, .count = COUNT(metrics_routes), .user = routes, .alone = true};
}
