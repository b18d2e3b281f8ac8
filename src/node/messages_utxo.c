/* SPDX-License-Identifier: MIT
 *
 * Questions about unspent outputs (PROTOCOL.md §3, §6), answered from a view of the chain, and from the
 * pool.
 */
#include <inttypes.h>
#include <string.h>

#include "messages.h"
#include "node_impl.h"
#include "timed/util/log.h"
#include "utxo_state.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/json.h"

/* What GetUTXOSet is answered with at most: beyond it the set does not fit one answer. */
#define SET_MAX_OUTPUTS 10000

static bool is_ascii(const struct wire_bytes *bytes)
{
	for (size_t i = 0; i < bytes->len; i++) {
		if (bytes->ptr[i] < 0x20 || bytes->ptr[i] > 0x7e)
			return false;
	}
	return bytes->len <= WIRE_MAX_STRING_BYTES;
}

/* Writes the set while it is small. */
struct collect {
	struct buf line;
	size_t max_bytes;
	bool first, full;
};

static bool collect_coin(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	struct collect *c = user;
	struct wire_utxo utxo = {.outpoint = *outpoint, .value = coin->value, .script_pubkey = coin->script};

	/* A script is its owner's address; those of the existing network may hold any bytes, and text must not. */
	if (is_ascii(&utxo.script_pubkey))
		utxo.address = (struct wire_str){(const char *)coin->script.ptr, coin->script.len};
	c->full = wire_json_encode_list_item(&c->line, WIRE_UTXO_SET_RESPONSE, &utxo, c->first) ||
		  c->line.len > c->max_bytes;
	c->first = false;
	return !c->full;
}

enum message_verdict utxo_on_get_set(struct peer *peer, const struct wire_message *message)
{
	static const struct wire_message none = {.type = WIRE_UTXO_SET_RESPONSE};
	struct node *node = peer_user(peer);
	struct chain_view *view = chain_thread_take_view(node->chain);
	uint64_t count = chain_view_summary(view)->unspent_count;
	struct collect c = {BUF_INIT, node->config->limits.answer_bytes, true, count > SET_MAX_OUTPUTS};

	(void)message;
	if (!c.full)
		c.full = wire_json_encode_list_begin(&c.line, WIRE_UTXO_SET_RESPONSE) ||
			 chain_view_coins(view, collect_coin, &c) || c.full || wire_json_encode_list_end(&c.line);
	chain_view_unref(view);
	if (c.full) {
		log_limited(peer_log_limit(peer), LOG_CHAIN, LOG_LEVEL_INFO,
			    "Not sending the UTXO set to %s: %" PRIu64 " outputs do not fit one answer",
			    peer_ip_text(peer), count);
		(void)peer_reply(peer, &none);
	} else {
		message_reply_line(peer, WIRE_UTXO_SET_RESPONSE, &c.line);
	}
	buf_free(&c.line);
	return MESSAGE_USELESS; /* the dearest of questions: limited always */
}

enum message_verdict utxo_on_get_state_hash(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	struct wire_message m = {.type = WIRE_UTXO_STATE_HASH_RESPONSE};
	struct wire_utxo_state_hash_response *answer = &m.u.utxo_state_hash_response;

	(void)message;
	if (state_hash_get(&node->state_hash, answer, node->chain) == 0)
		(void)peer_reply(peer, &m);
	return MESSAGE_USELESS;
}

enum message_verdict utxo_on_state_query(struct peer *peer, const struct wire_message *message)
{
	const struct wire_outpoint_list *asked = &message->u.utxo_state_query;
	struct node *node = peer_user(peer);
	struct wire_message m = {.type = WIRE_UTXO_STATE_RESPONSE};
	struct arena arena;

	arena_init(&arena, (size_t)64 << 20, NULL);
	utxo_states(node, &m.u.utxo_state_response, &arena, asked);
	(void)peer_reply(peer, &m);
	arena_free(&arena);
	return MESSAGE_USELESS;
}
