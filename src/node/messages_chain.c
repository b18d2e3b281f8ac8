/* SPDX-License-Identifier: MIT
 *
 * Questions about blocks (PROTOCOL.md §3), answered from a view of the chain, and the check that a peer is on our chain (§4):
 * the answer to GetBlockHash(0).
 */
#include <inttypes.h>

#include "messages.h"
#include "node_impl.h"
#include "syncer.h"
#include "timed/net/frame.h"
#include "timed/util/log.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"

static bool hash_at(const struct node *node, uint64_t height, struct wire_hash *out)
{
	struct chain_view *view = chain_thread_take_view(node->chain);
	bool found = chain_view_hash(view, out, height) == 0;

	chain_view_unref(view);
	return found;
}

enum message_verdict chain_on_get_genesis_hash(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	struct wire_message m = {.type = WIRE_GENESIS_HASH_RESPONSE, .u.genesis_hash_response = node->genesis.hash};

	(void)message;
	(void)peer_reply(peer, &m);
	return MESSAGE_USELESS;
}

enum message_verdict chain_on_get_block_height(struct peer *peer, const struct wire_message *message)
{
	struct wire_message m = {.type = WIRE_BLOCK_HEIGHT_RESPONSE};
	struct chain_summary now;

	(void)message;
	node_chain_summary(peer_user(peer), &now);
	m.u.block_height_response = now.tip.height;
	(void)peer_reply(peer, &m);
	return MESSAGE_USELESS;
}

enum message_verdict chain_on_block_height(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	uint64_t key;

	peer_set_height(peer, message->u.block_height_response);
	syncer_height(node->syncer, peer, message->u.block_height_response);
	return peer_answer_expected(peer, &key) ? MESSAGE_USEFUL : MESSAGE_USELESS;
}

enum message_verdict chain_on_get_block_hash(struct peer *peer, const struct wire_message *message)
{
	struct wire_message m = {.type = WIRE_BLOCK_HASH_RESPONSE};
	uint64_t height = message->u.get_block_hash;
	struct wire_hash hash;

	if (!peer_may_ask_range(peer, WIRE_GET_BLOCK_HASH, height, height))
		return MESSAGE_USELESS;
	m.u.block_hash_response.height = height;
	if (hash_at(peer_user(peer), height, &hash))
		m.u.block_hash_response.hash = &hash;
	(void)peer_reply(peer, &m);
	return MESSAGE_USEFUL;
}

bool chain_block_hash_matches(const struct wire_message *message, uint64_t height)
{
	return message->u.block_hash_response.height == height;
}

enum message_verdict chain_on_block_hash(struct peer *peer, const struct wire_message *message)
{
	const struct wire_block_hash_response *answer = &message->u.block_hash_response;
	struct node *node = peer_user(peer);
	char text[HASH_TEXT_SIZE];
	struct wire_hash ours;
	uint64_t height;

	if (!peer_answer_expected(peer, &height))
		return MESSAGE_USELESS;
	if (height == 0 && answer->hash && !hash_equal(answer->hash, &node->genesis.hash)) {
		log_warn(LOG_NET, "%s is on another chain (genesis %s, ours %s)", peer_ip_text(peer),
			 hash_text(text, answer->hash), node->genesis_text);
		peer_wrong_chain(peer);
		return MESSAGE_USEFUL;
	}
	if (answer->hash && hash_at(node, height, &ours) && hash_equal(answer->hash, &ours))
		peer_set_synced(peer, height);
	syncer_hash(node->syncer, peer, height, answer->hash);
	return MESSAGE_USEFUL;
}

enum message_verdict chain_on_consensus_query(struct peer *peer, const struct wire_message *message)
{
	const struct wire_consensus_query *query = &message->u.consensus_query;
	struct wire_message m = {.type = WIRE_CONSENSUS_QUERY_RESPONSE};
	struct wire_consensus_query_response *answer = &m.u.consensus_query_response;

	if (!peer_may_ask_range(peer, WIRE_CONSENSUS_QUERY, query->height, query->height))
		return MESSAGE_USELESS;
	answer->height = query->height;
	if (hash_at(peer_user(peer), query->height, &answer->their_hash))
		answer->agrees = hash_equal(&answer->their_hash, &query->block_hash);
	(void)peer_reply(peer, &m);
	return MESSAGE_USEFUL;
}

/* Adds the block at `height`, unless that makes more than `most` bytes of JSON; the first one in any case.  False: the
 * answer is complete without it. */
static bool add_block(struct buf *line, enum wire_type type, struct chain_view *view, struct arena *arena,
		      uint64_t height, bool first, size_t most)
{
	size_t before = line->len;
	struct wire_block block;

	arena_reset(arena);
	if (chain_view_block(view, &block, arena, height) || wire_json_encode_list_item(line, type, &block, first))
		return false;
	if (line->len <= most || first)
		return true;
	line->len = before;
	return false;
}

/* Both ends are included; the answer ends before what we do not have, and where it would get too long. */
static enum message_verdict answer_range(struct peer *peer, enum wire_type question, enum wire_type type,
					 const struct wire_range *range)
{
	struct node *node = peer_user(peer);
	struct chain_view *view;
	struct buf line = BUF_INIT;
	struct arena arena;
	uint64_t tip;

	if (!peer_may_ask_range(peer, question, range->start, range->end))
		return MESSAGE_USELESS;
	view = chain_thread_take_view(node->chain);
	tip = chain_view_summary(view)->tip.height;
	arena_init(&arena, 16 * CHAIN_MAX_BLOCK_BYTES, NULL);
	if (wire_json_encode_list_begin(&line, type) == 0 && range->start <= range->end) {
		for (uint64_t h = range->start; h <= range->end && h <= tip && h - range->start < WIRE_MAX_BLOCKS; h++) {
			if (!add_block(&line, type, view, &arena, h, h == range->start,
				       node->config->limits.answer_bytes))
				break;
		}
	}
	chain_view_unref(view);
	if (wire_json_encode_list_end(&line) == 0)
		message_reply_line(peer, type, &line);
	arena_free(&arena);
	buf_free(&line);
	return MESSAGE_USEFUL;
}

enum message_verdict chain_on_get_blocks(struct peer *peer, const struct wire_message *message)
{
	return answer_range(peer, WIRE_GET_BLOCKS, WIRE_BLOCKS_RESPONSE, &message->u.get_blocks);
}

enum message_verdict chain_on_get_block_range(struct peer *peer, const struct wire_message *message)
{
	return answer_range(peer, WIRE_GET_BLOCK_RANGE, WIRE_BLOCK_RANGE_RESPONSE, &message->u.get_block_range);
}

enum message_verdict chain_on_block_request(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	struct wire_message m = {.type = WIRE_BLOCK_RESPONSE};
	uint64_t height = message->u.block_request;
	struct chain_view *view;
	struct arena arena;

	if (!peer_may_ask_range(peer, WIRE_BLOCK_REQUEST, height, height))
		return MESSAGE_USELESS;
	view = chain_thread_take_view(node->chain);
	arena_init(&arena, 16 * CHAIN_MAX_BLOCK_BYTES, NULL);
	if (chain_view_block(view, &m.u.block_response, &arena, height) == 0)
		(void)peer_reply(peer, &m);
	arena_free(&arena);
	chain_view_unref(view);
	return MESSAGE_USEFUL;
}
