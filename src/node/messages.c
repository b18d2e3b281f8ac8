/* SPDX-License-Identifier: MIT
 *
 * The message table: for every message its handler, in the room of its subject, the bucket of its rate limit, whether it
 * asks for work, and which request it answers.  A message without a handler is decoded and counted.
 */
#include "messages.h"

#include "heartbeats.h"
#include "node_impl.h"
#include "timed/net/frame.h"
#include "timed/net/handlers.h"

const struct message_rule node_message_rules[WIRE_TYPE_COUNT] = {
	/* The connection itself. */
	[WIRE_HANDSHAKE] = {peer_on_handshake, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_ACK] = {peer_on_ack, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_VERSION] = {peer_on_version, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_PING] = {peer_on_ping, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_PONG] = {peer_on_pong, RATE_NONE, false, REQUEST_NONE, NULL},

	/* Peer exchange. */
	[WIRE_GET_PEERS] = {peers_on_get_peers, RATE_OTHER, true, REQUEST_NONE, NULL},
	[WIRE_PEERS_RESPONSE] = {peers_on_response, RATE_NONE, false, REQUEST_PEERS, NULL},

	/* Masternodes. */
	[WIRE_MASTERNODE_ANNOUNCEMENT] = {masternodes_on_announcement, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_GET_MASTERNODES] = {masternodes_on_get, RATE_OTHER, true, REQUEST_NONE, NULL},
	[WIRE_MASTERNODES_RESPONSE] = {masternodes_on_response, RATE_NONE, false, REQUEST_MASTERNODES, NULL},
	[WIRE_HEARTBEAT_BROADCAST] = {heartbeats_on_broadcast, RATE_VOTE, false, REQUEST_NONE, NULL},
	[WIRE_HEARTBEAT_ATTESTATION] = {heartbeats_on_attestation, RATE_VOTE, false, REQUEST_NONE, NULL},

	/* Questions about the chain, and answers to ours.  Those for blocks and hashes are paced by the peer's output, and
	 * limited where it asks for the same again (peer_may_ask_range). */
	[WIRE_GET_GENESIS_HASH] = {chain_on_get_genesis_hash, RATE_OTHER, true, REQUEST_NONE, NULL},
	[WIRE_GENESIS_HASH_RESPONSE] = {NULL, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_GET_BLOCK_HEIGHT] = {chain_on_get_block_height, RATE_OTHER, true, REQUEST_NONE, NULL},
	[WIRE_BLOCK_HEIGHT_RESPONSE] = {chain_on_block_height, RATE_NONE, false, REQUEST_BLOCK_HEIGHT, NULL},
	[WIRE_GET_BLOCK_HASH] = {chain_on_get_block_hash, RATE_NONE, true, REQUEST_NONE, NULL},
	[WIRE_BLOCK_HASH_RESPONSE] = {chain_on_block_hash, RATE_NONE, false, REQUEST_BLOCK_HASH,
				      chain_block_hash_matches},
	[WIRE_CONSENSUS_QUERY] = {chain_on_consensus_query, RATE_NONE, true, REQUEST_NONE, NULL},
	[WIRE_CONSENSUS_QUERY_RESPONSE] = {NULL, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_GET_BLOCKS] = {chain_on_get_blocks, RATE_NONE, true, REQUEST_NONE, NULL},
	[WIRE_BLOCKS_RESPONSE] = {blocks_on_response, RATE_NONE, false, REQUEST_BLOCKS, blocks_match},
	[WIRE_GET_BLOCK_RANGE] = {chain_on_get_block_range, RATE_NONE, true, REQUEST_NONE, NULL},
	[WIRE_BLOCK_RANGE_RESPONSE] = {NULL, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_BLOCK_REQUEST] = {chain_on_block_request, RATE_NONE, true, REQUEST_NONE, NULL},
	[WIRE_BLOCK_RESPONSE] = {NULL, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_BLOCK_ANNOUNCEMENT] = {blocks_on_announcement, RATE_BLOCK, false, REQUEST_NONE, NULL},

	/* Unspent outputs. */
	[WIRE_GET_UTXO_SET] = {utxo_on_get_set, RATE_UTXO_QUERY, true, REQUEST_NONE, NULL},
	[WIRE_UTXO_SET_RESPONSE] = {NULL, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_GET_UTXO_STATE_HASH] = {utxo_on_get_state_hash, RATE_UTXO_QUERY, true, REQUEST_NONE, NULL},
	[WIRE_UTXO_STATE_HASH_RESPONSE] = {NULL, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_UTXO_STATE_QUERY] = {utxo_on_state_query, RATE_UTXO_QUERY, true, REQUEST_NONE, NULL},
	[WIRE_UTXO_STATE_RESPONSE] = {NULL, RATE_NONE, false, REQUEST_NONE, NULL},
	[WIRE_UTXO_STATE_NOTIFICATION] = {transactions_on_state_notification, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_UTXO_STATE_UPDATE] = {transactions_on_state_update, RATE_OTHER, false, REQUEST_NONE, NULL},
	[WIRE_SUBSCRIBE] = {transactions_on_subscribe, RATE_SUBSCRIBE, true, REQUEST_NONE, NULL},
	[WIRE_UNSUBSCRIBE] = {transactions_on_unsubscribe, RATE_SUBSCRIBE, true, REQUEST_NONE, NULL},

	/* Transactions. */
	[WIRE_TRANSACTION_BROADCAST] = {transactions_on_broadcast, RATE_TRANSACTION, false, REQUEST_NONE, NULL},
	[WIRE_TRANSACTION_VOTE_REQUEST] = {consensus_on_vote_request, RATE_VOTE, true, REQUEST_NONE, NULL},
	[WIRE_TRANSACTION_VOTE] = {consensus_on_transaction_vote, RATE_VOTE, false, REQUEST_NONE, NULL},
	[WIRE_TRANSACTION_FINALIZED] = {transactions_on_finalized, RATE_TRANSACTION, false, REQUEST_NONE, NULL},
	[WIRE_TRANSACTION_REJECTED] = {transactions_on_rejected, RATE_TRANSACTION, false, REQUEST_NONE, NULL},
	[WIRE_GET_PENDING_TRANSACTIONS] = {transactions_on_get_pending, RATE_OTHER, true, REQUEST_NONE, NULL},
	[WIRE_PENDING_TRANSACTIONS_RESPONSE] = {transactions_on_pending, RATE_NONE, false, REQUEST_TRANSACTIONS,
						NULL},

	/* Agreement on blocks. */
	[WIRE_BLOCK_PROPOSAL] = {consensus_on_proposal, RATE_BLOCK, false, REQUEST_NONE, NULL},
	[WIRE_BLOCK_VOTE] = {consensus_on_block_vote, RATE_BLOCK_VOTE, false, REQUEST_NONE, NULL},
	[WIRE_BLOCK_COMMIT] = {consensus_on_block_commit, RATE_BLOCK, false, REQUEST_NONE, NULL},
};

void message_reply_line(struct peer *peer, enum wire_type type, struct buf *line)
{
	struct frame *frame;

	if (line->error || frame_from_line(&frame, net_budget(peer_net(peer)), type, line->data, line->len))
		return;
	(void)peer_send(peer, frame, SEND_ANSWER);
	frame_unref(frame);
}
