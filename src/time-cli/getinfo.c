// SPDX-License-Identifier: MIT
/* See getinfo.h. */
#include "getinfo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "field.h"
#include "layout.h"
#include "netinfo.h"
#include "print.h"
#include "session.h"
#include "timed/rpc/value.h"

enum {
	ASK_CHAIN,
	ASK_UPTIME,
	ASK_NETWORK,
	ASK_CONSENSUS,
	ASK_MASTERNODE,
	ASK_POOL,
	ASK_BALANCE,
	ASK_COUNT,
};
/* None of their answers grows with the network. */
static const char *const methods[ASK_COUNT] = {
	[ASK_CHAIN] = "getblockchaininfo",     [ASK_UPTIME] = "uptime",
	[ASK_NETWORK] = "getnetworkinfo",      [ASK_CONSENSUS] = "getconsensusinfo",
	[ASK_MASTERNODE] = "masternodestatus", [ASK_POOL] = "getmempoolinfo",
	[ASK_BALANCE] = "getbalance",
};

#define LABEL_WIDTH 14
#define LONGEST_TEXT 200

void getinfo_request(struct buf *text)
{
	session_add_batch(text, methods, ASK_COUNT);
}

static void label(struct buf *out, const char *name)
{
	print_add(out, "%-*s", LABEL_WIDTH, name);
}

static void add_foreign(struct buf *out, const char *text)
{
	print_cell(out, text, LONGEST_TEXT);
}

static void print_daemon(struct buf *out, const json_t *batch, const char *place)
{
	const json_t *network = session_result(batch, ASK_NETWORK), *uptime = session_result(batch, ASK_UPTIME);
	const char *software = field_text(network, "subversion");
	char text[LAYOUT_SHORT_SIZE];

	label(out, "Daemon");
	add_foreign(out, software ? software : "timed");
	print_add(out, " at %.64s", place);
	if (json_is_integer(uptime)) {
		layout_duration(text, json_integer_value(uptime));
		print_add(out, ", up %s", text);
	}
	buf_append_byte(out, '\n');
}

static void print_progress(struct buf *out, const json_t *chain)
{
	double part = 1, speed = 0;
	char text[LAYOUT_SHORT_SIZE];

	(void)field_number(&part, chain, "verificationprogress");
	label(out, "Progress");
	/* Rounded down: 100 % is what is complete. */
	print_add(out, "%.2f %%", (double)(int64_t)(part * 10000) / 100);
	if (!field_true(chain, "syncing")) {
		print_add(out, "\n");
		return;
	}
	print_add(out, ", fetching blocks up to %" PRId64, field_integer(chain, "target_height", 0));
	if (field_number(&speed, chain, "blocks_per_second"))
		print_add(out, ", %.0f a second", speed);
	if (json_object_get(chain, "seconds_left")) {
		layout_duration(text, field_integer(chain, "seconds_left", 0));
		print_add(out, ", %s left", text);
	}
	print_add(out, "\n");
}

static void print_chain(struct buf *out, const json_t *chain, int64_t now_s)
{
	const char *hash = field_text(chain, "bestblockhash");
	char text[LAYOUT_SHORT_SIZE];

	if (!chain)
		return;
	layout_since(text, now_s, field_integer(chain, "time", now_s));
	label(out, "Network");
	print_add(out, "%s\n", netinfo_network_name(field_text(chain, "chain")));
	label(out, "Height");
	print_add(out, "%" PRId64 ", the block is %s old\n", field_integer(chain, "blocks", 0), text);
	label(out, "Best block");
	add_foreign(out, hash ? hash : "?");
	print_add(out, "\n");
	print_progress(out, chain);
}

static void print_peers(struct buf *out, const json_t *network)
{
	if (!network)
		return;
	label(out, "Peers");
	print_add(out, "%" PRId64 " (%" PRId64 " in, %" PRId64 " out)%s\n", field_integer(network, "connections", 0),
		  field_integer(network, "connections_in", 0), field_integer(network, "connections_out", 0),
		  json_is_false(json_object_get(network, "networkactive")) ? ", the network is switched off" : "");
}

static void print_agreement(struct buf *out, const json_t *info)
{
	const char *type = field_text(info, "type"), *step = field_text(info, "step");

	if (!type)
		return;
	label(out, "Agreement");
	add_foreign(out, type);
	if (json_object_get(info, "height"))
		print_add(out, ", height %" PRId64 ", round %" PRId64, field_integer(info, "height", 0),
			  field_integer(info, "round", 0));
	if (step) {
		print_add(out, ", ");
		add_foreign(out, step);
	}
	if (json_object_get(info, "validators"))
		print_add(out, ", %s of %" PRId64 " validators", field_true(info, "validator") ? "one" : "none",
			  field_integer(info, "validators", 0));
	print_add(out, "%s\n", field_true(info, "observing") ? ", only watching" : "");
}

static void print_masternodes(struct buf *out, const json_t *own, const json_t *consensus)
{
	const char *status = field_text(own, "status"), *tier = field_text(own, "tier");

	if (status) {
		label(out, "Masternode");
		add_foreign(out, status);
		if (tier) {
			print_add(out, ", ");
			add_foreign(out, tier);
		}
		print_add(out, "\n");
	}
	if (consensus) {
		label(out, "Masternodes");
		print_add(out, "%" PRId64 ", of which %" PRId64 " make a quorum\n",
			  field_integer(consensus, "masternodes", 0), field_integer(consensus, "quorum", 0));
	}
}

static void print_pool(struct buf *out, const json_t *pool)
{
	char text[LAYOUT_SHORT_SIZE];

	if (!pool)
		return;
	layout_bytes(text, (double)field_integer(pool, "bytes", 0));
	label(out, "Pool");
	print_add(out, "%" PRId64 " transaction%s (%s), %" PRId64 " final\n", field_integer(pool, "size", 0),
		  field_integer(pool, "size", 0) == 1 ? "" : "s", text, field_integer(pool, "finalized", 0));
}

static void print_balance(struct buf *out, json_t *balance)
{
	double number;

	if (!field_value(&number, balance))
		return;
	label(out, "Balance");
	value_print(out, balance);
	print_add(out, " TIME\n");
}

/* One text, or a list of them; each on a line. */
static void print_warnings(struct buf *out, const json_t *warnings)
{
	size_t count = json_is_array(warnings) ? json_array_size(warnings) : 1;
	size_t shown = 0;

	if (!warnings)
		return;
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_is_array(warnings) ? json_array_get(warnings, i) : warnings);

		if (!text || !*text)
			continue;
		label(out, shown++ ? "" : "Warnings");
		add_foreign(out, text);
		print_add(out, "\n");
	}
	if (!shown) {
		label(out, "Warnings");
		print_add(out, "none\n");
	}
}

void getinfo_print(struct buf *out, const json_t *batch, const char *place, int64_t now_s)
{
	const json_t *chain = session_result(batch, ASK_CHAIN);
	const json_t *warnings = json_object_get(session_result(batch, ASK_NETWORK), "warnings");

	print_daemon(out, batch, place);
	print_chain(out, chain, now_s);
	print_peers(out, session_result(batch, ASK_NETWORK));
	print_agreement(out, session_result(batch, ASK_CONSENSUS));
	print_masternodes(out, session_result(batch, ASK_MASTERNODE), session_result(batch, ASK_CONSENSUS));
	print_pool(out, session_result(batch, ASK_POOL));
	print_balance(out, session_result(batch, ASK_BALANCE));
	print_warnings(out, warnings ? warnings : json_object_get(chain, "warnings"));
}
