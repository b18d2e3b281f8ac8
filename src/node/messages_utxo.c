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

/* What GetUTXOSet is answered with at most: beyond it the set does not fit one answer. */
#define SET_MAX_OUTPUTS 10000
#define SET_MAX_SCRIPT_BYTES ((size_t)1 << 20)

static bool is_ascii(const struct wire_bytes *bytes)
{
	for (size_t i = 0; i < bytes->len; i++) {
		if (bytes->ptr[i] < 0x20 || bytes->ptr[i] > 0x7e)
			return false;
	}
	return bytes->len <= WIRE_MAX_STRING_BYTES;
}

/* Collects the set while it is small. */
struct collect {
	struct arena *arena;
	struct wire_utxo *items;
	size_t len, script_bytes;
	bool full;
};

static bool collect_coin(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	struct collect *c = user;
	uint8_t *script = arena_alloc(c->arena, coin->script.len);
	struct wire_utxo *utxo = &c->items[c->len];

	c->script_bytes += coin->script.len;
	if (!script || c->script_bytes > SET_MAX_SCRIPT_BYTES) {
		c->full = true;
		return false;
	}
	memcpy(script, coin->script.ptr, coin->script.len);
	*utxo = (struct wire_utxo){
		.outpoint = *outpoint, .value = coin->value, .script_pubkey = {script, coin->script.len}};
	/* A script is its owner's address; those of the existing network may hold any bytes, and text must not. */
	if (is_ascii(&utxo->script_pubkey))
		utxo->address = (struct wire_str){(const char *)script, coin->script.len};
	c->len++;
	return true;
}

enum message_verdict utxo_on_get_set(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	struct wire_message m = {.type = WIRE_UTXO_SET_RESPONSE};
	struct chain_view *view = chain_thread_take_view(node->chain);
	const struct chain_summary *now = chain_view_summary(view);
	struct collect c = {.full = now->unspent_count > SET_MAX_OUTPUTS};
	struct arena arena;

	(void)message;
	arena_init(&arena, SET_MAX_SCRIPT_BYTES + SET_MAX_OUTPUTS * sizeof(struct wire_utxo) * 2, NULL);
	c.arena = &arena;
	if (!c.full) {
		c.items = arena_alloc(&arena, (size_t)now->unspent_count * sizeof(*c.items));
		c.full = !c.items || chain_view_coins(view, collect_coin, &c) != 0 || c.full;
	}
	if (c.full)
		log_limited(peer_log_limit(peer), LOG_CHAIN, LOG_LEVEL_INFO,
			    "Not sending the UTXO set to %s: %" PRIu64 " outputs do not fit one answer",
			    peer_ip_text(peer), now->unspent_count);
	else
		m.u.utxo_set_response = (struct wire_utxo_list){c.items, c.len};
	(void)peer_reply(peer, &m);
	arena_free(&arena);
	chain_view_unref(view);
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
