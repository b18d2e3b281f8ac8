/* SPDX-License-Identifier: MIT
 *
 * Questions about blocks (PROTOCOL.md §3), over a chain that is its genesis block, and the check that a peer is on our
 * chain (§4): the answer to GetBlockHash(0).
 */
#include <inttypes.h>

#include "messages.h"
#include "node_impl.h"
#include "timed/util/log.h"

/* Asked for over and over, the same blocks are limited (PROTOCOL.md §4 "Rate limits"). */
static enum message_verdict verdict_on(struct peer *peer, enum wire_type type, uint64_t first, uint64_t last)
{
	return peer_repeats_range(peer, type, first, last) ? MESSAGE_USELESS : MESSAGE_USEFUL;
}

static bool hash_at(const struct node *node, uint64_t height, struct wire_hash *out)
{
	if (height != 0)
		return false;
	*out = node->genesis.hash;
	return true;
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
	struct node *node = peer_user(peer);
	struct chain_tip tip;

	(void)message;
	node_chain_tip(node, &tip);
	m.u.block_height_response = tip.height;
	(void)peer_reply(peer, &m);
	return MESSAGE_USELESS;
}

enum message_verdict chain_on_block_height(struct peer *peer, const struct wire_message *message)
{
	peer_set_height(peer, message->u.block_height_response);
	return MESSAGE_USEFUL;
}

enum message_verdict chain_on_get_block_hash(struct peer *peer, const struct wire_message *message)
{
	struct wire_message m = {.type = WIRE_BLOCK_HASH_RESPONSE};
	struct node *node = peer_user(peer);
	struct wire_hash hash;

	m.u.block_hash_response.height = message->u.get_block_hash;
	if (hash_at(node, message->u.get_block_hash, &hash))
		m.u.block_hash_response.hash = &hash;
	(void)peer_reply(peer, &m);
	return verdict_on(peer, WIRE_GET_BLOCK_HASH, message->u.get_block_hash, message->u.get_block_hash);
}

bool chain_block_hash_matches(const struct wire_message *message, uint64_t height)
{
	return message->u.block_hash_response.height == height;
}

enum message_verdict chain_on_block_hash(struct peer *peer, const struct wire_message *message)
{
	const struct wire_block_hash_response *answer = &message->u.block_hash_response;
	struct node *node = peer_user(peer);
	char theirs[HASH_TEXT_SIZE];
	uint64_t key;

	if (!peer_answer_expected(peer, &key))
		return MESSAGE_USELESS;
	if (answer->height == 0 && answer->hash && !hash_equal(answer->hash, &node->genesis.hash)) {
		log_warn(LOG_NET, "%s is on another chain: its genesis block is %s, ours %s", peer_ip_text(peer),
			 hash_text(theirs, answer->hash), node->genesis_text);
		peer_wrong_chain(peer);
	} else if (answer->height == 0 && answer->hash) {
		peer_set_synced(peer, 0);
	}
	return MESSAGE_USEFUL;
}

enum message_verdict chain_on_consensus_query(struct peer *peer, const struct wire_message *message)
{
	const struct wire_consensus_query *query = &message->u.consensus_query;
	struct wire_message m = {.type = WIRE_CONSENSUS_QUERY_RESPONSE};
	struct wire_consensus_query_response *answer = &m.u.consensus_query_response;
	struct node *node = peer_user(peer);

	answer->height = query->height;
	if (hash_at(node, query->height, &answer->their_hash))
		answer->agrees = hash_equal(&answer->their_hash, &query->block_hash);
	(void)peer_reply(peer, &m);
	return verdict_on(peer, WIRE_CONSENSUS_QUERY, query->height, query->height);
}

/* Both ends are included; heights that we do not have are left out. */
static void answer_range(struct peer *peer, enum wire_type type, const struct wire_range *range)
{
	struct wire_message m = {.type = type};
	struct node *node = peer_user(peer);
	struct wire_block block = node->genesis.block;
	struct wire_block_list blocks = {&block, range->start == 0 ? 1 : 0};

	if (type == WIRE_BLOCKS_RESPONSE)
		m.u.blocks_response = blocks;
	else
		m.u.block_range_response = blocks;
	(void)peer_reply(peer, &m);
}

enum message_verdict chain_on_get_blocks(struct peer *peer, const struct wire_message *message)
{
	answer_range(peer, WIRE_BLOCKS_RESPONSE, &message->u.get_blocks);
	return verdict_on(peer, WIRE_GET_BLOCKS, message->u.get_blocks.start, message->u.get_blocks.end);
}

enum message_verdict chain_on_get_block_range(struct peer *peer, const struct wire_message *message)
{
	answer_range(peer, WIRE_BLOCK_RANGE_RESPONSE, &message->u.get_block_range);
	return verdict_on(peer, WIRE_GET_BLOCK_RANGE, message->u.get_block_range.start, message->u.get_block_range.end);
}

enum message_verdict chain_on_block_request(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	struct wire_message m = {.type = WIRE_BLOCK_RESPONSE, .u.block_response = node->genesis.block};

	if (message->u.block_request == 0)
		(void)peer_reply(peer, &m);
	return verdict_on(peer, WIRE_BLOCK_REQUEST, message->u.block_request, message->u.block_request);
}
