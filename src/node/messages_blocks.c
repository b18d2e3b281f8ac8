/* SPDX-License-Identifier: MIT
 *
 * Blocks that come in (PROTOCOL.md §3, §6): answers to what the syncer asked for, and announcements.
 */
#include "gossip.h"
#include "messages.h"
#include "node_impl.h"
#include "syncer.h"

static const struct wire_block_list *list_of(const struct wire_message *message)
{
	return message->type == WIRE_BLOCKS_RESPONSE ? &message->u.blocks_response : &message->u.block_range_response;
}

bool blocks_match(const struct wire_message *message, uint64_t first)
{
	const struct wire_block_list *blocks = list_of(message);

	return blocks->len == 0 || blocks->items[0].header.height == first;
}

enum message_verdict blocks_on_response(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	uint64_t first;

	if (!peer_answer_expected(peer, &first))
		return MESSAGE_USELESS; /* late, or never asked for */
	syncer_blocks(node->syncer, peer, list_of(message));
	return MESSAGE_USEFUL;
}

enum message_verdict blocks_on_announcement(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);

	return gossip_announced(node->gossip, peer, &message->u.block_announcement);
}
