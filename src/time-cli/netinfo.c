// SPDX-License-Identifier: MIT
/* See netinfo.h. */
#include "netinfo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "print.h"
#include "session.h"

/* The peers last: there the list may be as long as it gets. */
enum { ASK_CHAIN, ASK_UPTIME, ASK_NETWORK, ASK_PEERS, ASK_COUNT };
static const char *const methods[ASK_COUNT] = {
	[ASK_CHAIN] = "getblockchaininfo",
	[ASK_UPTIME] = "uptime",
	[ASK_NETWORK] = "getnetworkinfo",
	[ASK_PEERS] = "getpeerinfo",
};

#define LEVEL_PEERS 1
#define LEVEL_SOFTWARE 3
#define LEVEL_ALL 4

void netinfo_request(struct buf *text)
{
	session_add_batch(text, methods, ASK_COUNT);
}

const char *netinfo_network_name(const char *chain)
{
	if (!chain)
		return "unknown network";
	return strcmp(chain, "main") == 0 ? "mainnet" : strcmp(chain, "test") == 0 ? "testnet" : "devnet";
}

/* "/timed:0.1.0/ at 127.0.0.1:24101, testnet, height 20 (3s old), up 39s" */
static void make_title(struct buf *out, const json_t *batch, const char *place, int64_t now_s)
{
	const json_t *chain = session_result(batch, ASK_CHAIN), *uptime = session_result(batch, ASK_UPTIME);
	const char *software = field_text(session_result(batch, ASK_NETWORK), "subversion");
	char text[LAYOUT_SHORT_SIZE];

	print_cell(out, software ? software : "timed", 48);
	print_add(out, " at %.64s, %s", place, netinfo_network_name(field_text(chain, "chain")));
	if (chain) {
		layout_since(text, now_s, field_integer(chain, "time", now_s));
		print_add(out, ", height %" PRId64 " (%s old)", field_integer(chain, "blocks", 0), text);
	}
	if (field_true(chain, "syncing"))
		print_add(out, " of %" PRId64, field_integer(chain, "target_height", 0));
	if (json_is_integer(uptime)) {
		layout_duration(text, json_integer_value(uptime));
		print_add(out, ", up %s", text);
	}
	buf_append_byte(out, '\n');
}

static void count_peer(struct netinfo_counts *counts, const json_t *peer)
{
	const char *address = field_text(peer, "addr"), *type = field_text(peer, "connection_type");

	counts->peers++;
	if (address && address[0] == '[')
		counts->ipv6++;
	else
		counts->ipv4++;
	counts->manual += type && strcmp(type, "manual") == 0;
	counts->masternodes += field_true(peer, "is_masternode");
}

static void make_columns(struct layout *peers, int level)
{
	layout_column(peers, "<->", true);
	layout_column(peers, "type", true);
	layout_column(peers, "min ms", false);
	layout_column(peers, "ping ms", false);
	layout_column(peers, "send", false);
	layout_column(peers, "recv", false);
	layout_column(peers, "age", false);
	layout_column(peers, "height", false);
	layout_column(peers, "tier", true);
	layout_column(peers, "id", false);
	if (level == LEVEL_ALL) {
		layout_column(peers, "missed", false);
		layout_column(peers, "queue", false);
	}
	if (level == NETINFO_LEVEL_ADDRESS || level == LEVEL_ALL)
		layout_column(peers, "address", true);
	if (level >= LEVEL_SOFTWARE)
		layout_column(peers, "software", true);
}

static void add_ms(struct layout *peers, const json_t *peer, const char *key)
{
	char text[LAYOUT_SHORT_SIZE] = "";
	double seconds;

	if (field_number(&seconds, peer, key))
		layout_ms(text, seconds);
	layout_cell(peers, "%s", text);
}

static void add_age(struct layout *peers, const json_t *peer, const char *key, int64_t now_s)
{
	int64_t at = field_integer(peer, key, 0);
	char text[LAYOUT_SHORT_SIZE] = "";

	if (at > 0)
		layout_since(text, now_s, at);
	layout_cell(peers, "%s", text);
}

/* What kind of connection it is; of one that is not ready, how far it is. */
static const char *type_of(const json_t *peer)
{
	const char *state = field_text(peer, "state"), *type = field_text(peer, "connection_type");

	if (state && strcmp(state, "ready") != 0)
		return state;
	return type && strcmp(type, "manual") == 0 ? "manual" : field_true(peer, "inbound") ? "" : "auto";
}

static void add_peer(struct layout *peers, const json_t *peer, int level, int64_t now_s)
{
	int64_t height = field_integer(peer, "height", -1);
	char queue[LAYOUT_SHORT_SIZE];

	layout_row(peers);
	layout_cell(peers, "%s", field_true(peer, "inbound") ? "in" : "out");
	layout_text(peers, type_of(peer));
	add_ms(peers, peer, "minping");
	add_ms(peers, peer, "pingtime");
	add_age(peers, peer, "lastsend", now_s);
	add_age(peers, peer, "lastrecv", now_s);
	add_age(peers, peer, "conntime", now_s);
	if (height >= 0)
		layout_cell(peers, "%" PRId64, height);
	else
		layout_cell(peers, "%s", "");
	layout_text(peers, field_text(peer, "tier"));
	layout_cell(peers, "%" PRId64, field_integer(peer, "id", 0));
	if (level == LEVEL_ALL) {
		layout_bytes(queue, (double)field_integer(peer, "sendqueue_bytes", 0));
		layout_cell(peers, "%" PRId64, field_integer(peer, "missed_pongs", 0));
		layout_cell(peers, "%s", queue);
	}
	if (level == NETINFO_LEVEL_ADDRESS || level == LEVEL_ALL)
		layout_text(peers, field_text(peer, "addr"));
	if (level >= LEVEL_SOFTWARE)
		layout_text(peers, field_text(peer, "subver"));
}

/* Inbound first, then the nearest; what was never pinged last. */
static int compare_peers(const void *a, const void *b)
{
	const json_t *x = *(const json_t *const *)a, *y = *(const json_t *const *)b;
	bool x_in = field_true(x, "inbound"), y_in = field_true(y, "inbound");
	double x_ping = 1e9, y_ping = 1e9;

	if (x_in != y_in)
		return x_in ? -1 : 1;
	(void)field_number(&x_ping, x, "minping");
	(void)field_number(&y_ping, y, "minping");
	if (x_ping != y_ping)
		return x_ping < y_ping ? -1 : 1;
	return field_integer(x, "id", 0) < field_integer(y, "id", 0) ? -1 : 1;
}

static void take_peers(struct netinfo *out, const json_t *peers, int level, int64_t now_s)
{
	size_t count = json_array_size(peers);
	const json_t **sorted = calloc(count + 1, sizeof(sorted[0]));

	if (!sorted) {
		out->usable = false;
		return;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = json_array_get(peers, i);
	qsort(sorted, count, sizeof(sorted[0]), compare_peers);
	for (size_t i = 0; i < count; i++) {
		count_peer(&out->counts[field_true(sorted[i], "inbound") ? NETINFO_IN : NETINFO_OUT], sorted[i]);
		count_peer(&out->counts[NETINFO_TOTAL], sorted[i]);
		if (level >= LEVEL_PEERS)
			add_peer(&out->peers, sorted[i], level, now_s);
	}
	free(sorted);
}

static void take_addresses(struct buf *out, const json_t *network)
{
	const json_t *list = json_object_get(network, "localaddresses");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *address = field_text(one, "address");

		buf_append_text(out, i ? "" : "Local addresses\n");
		print_cell(out, address ? address : "", 48);
		print_add(out, "  port %" PRId64 "\n", field_integer(one, "port", 0));
	}
}

bool netinfo_usable(const json_t *batch)
{
	return json_is_array(session_result(batch, ASK_PEERS));
}

void netinfo_take(struct netinfo *out, const json_t *batch, const char *place, int level, int64_t now_s)
{
	*out = (struct netinfo){.usable = netinfo_usable(batch)};
	layout_init(&out->peers);
	if (level >= LEVEL_PEERS)
		make_columns(&out->peers, level);
	make_title(&out->title, batch, place, now_s);
	take_addresses(&out->addresses, session_result(batch, ASK_NETWORK));
	if (out->usable)
		take_peers(out, session_result(batch, ASK_PEERS), level, now_s);
}

void netinfo_print_counts(struct buf *out, const struct netinfo *info)
{
	static const char *const names[] = {"in", "out", "total"};
	struct layout table;

	layout_init(&table);
	layout_column(&table, "", true);
	layout_column(&table, "peers", false);
	layout_column(&table, "ipv4", false);
	layout_column(&table, "ipv6", false);
	layout_column(&table, "manual", false);
	layout_column(&table, "masternodes", false);
	for (int i = 0; i < NETINFO_DIRECTIONS; i++) {
		const struct netinfo_counts *c = &info->counts[i];

		layout_row(&table);
		layout_cell(&table, "%s", names[i]);
		layout_cell(&table, "%u", c->peers);
		layout_cell(&table, "%u", c->ipv4);
		layout_cell(&table, "%u", c->ipv6);
		layout_cell(&table, "%u", c->manual);
		layout_cell(&table, "%u", c->masternodes);
	}
	layout_print(out, &table, 0, 0, NETINFO_DIRECTIONS);
	layout_free(&table);
}

void netinfo_print_counts_line(struct buf *out, const struct netinfo *info)
{
	const struct netinfo_counts *all = &info->counts[NETINFO_TOTAL];

	print_add(out, "peers %u (%u in, %u out), IPv6 %u, manual %u, masternodes %u\n", all->peers,
		  info->counts[NETINFO_IN].peers, info->counts[NETINFO_OUT].peers, all->ipv6, all->manual,
		  all->masternodes);
}

void netinfo_print(struct buf *out, const struct netinfo *info)
{
	buf_append(out, info->title.data, info->title.len);
	buf_append_byte(out, '\n');
	if (info->peers.row_count > 0) {
		layout_print(out, &info->peers, 0, 0, info->peers.row_count);
		buf_append_byte(out, '\n');
	}
	netinfo_print_counts(out, info);
	if (info->addresses.len > 0) {
		buf_append_byte(out, '\n');
		buf_append(out, info->addresses.data, info->addresses.len);
	}
}

void netinfo_free(struct netinfo *info)
{
	buf_free(&info->title);
	buf_free(&info->addresses);
	layout_free(&info->peers);
}
