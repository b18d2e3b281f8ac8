/* SPDX-License-Identifier: MIT
 *
 * Message handlers by subject; messages.c lists them all in one table.  Each runs on the worker of the peer.
 */
#ifndef TIMED_NODE_MESSAGES_H
#define TIMED_NODE_MESSAGES_H

#include "timed/net/net.h"
#include "timeproto/base/buf.h"

/* Sends a line that was encoded piece by piece, without its newline; worker only. */
void message_reply_line(struct peer *peer, enum wire_type type, struct buf *line);

/* messages_peers.c: peer exchange, PROTOCOL.md §3, §4. */
enum message_verdict peers_on_get_peers(struct peer *peer, const struct wire_message *message);
enum message_verdict peers_on_response(struct peer *peer, const struct wire_message *message);

/* messages_masternodes.c: PROTOCOL.md §8. */
enum message_verdict masternodes_on_announcement(struct peer *peer, const struct wire_message *message);
enum message_verdict masternodes_on_get(struct peer *peer, const struct wire_message *message);
enum message_verdict masternodes_on_response(struct peer *peer, const struct wire_message *message);

/* messages_chain.c: questions about blocks, PROTOCOL.md §3. */
enum message_verdict chain_on_get_genesis_hash(struct peer *peer, const struct wire_message *message);
enum message_verdict chain_on_get_block_height(struct peer *peer, const struct wire_message *message);
enum message_verdict chain_on_block_height(struct peer *peer, const struct wire_message *message);
enum message_verdict chain_on_get_block_hash(struct peer *peer, const struct wire_message *message);
/* Whether a BlockHashResponse is about the height that was asked for. */
bool chain_block_hash_matches(const struct wire_message *message, uint64_t height);
enum message_verdict chain_on_block_hash(struct peer *peer, const struct wire_message *message);
enum message_verdict chain_on_consensus_query(struct peer *peer, const struct wire_message *message);
enum message_verdict chain_on_get_blocks(struct peer *peer, const struct wire_message *message);
enum message_verdict chain_on_get_block_range(struct peer *peer, const struct wire_message *message);
enum message_verdict chain_on_block_request(struct peer *peer, const struct wire_message *message);

/* messages_blocks.c: blocks that come in, PROTOCOL.md §3, §6. */
bool blocks_match(const struct wire_message *message, uint64_t first);
enum message_verdict blocks_on_response(struct peer *peer, const struct wire_message *message);
enum message_verdict blocks_on_announcement(struct peer *peer, const struct wire_message *message);

/* messages_transactions.c: PROTOCOL.md §3, §7. */
enum message_verdict transactions_on_broadcast(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_get_pending(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_pending(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_finalized(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_rejected(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_state_update(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_state_notification(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_subscribe(struct peer *peer, const struct wire_message *message);
enum message_verdict transactions_on_unsubscribe(struct peer *peer, const struct wire_message *message);

/* messages_utxo.c: unspent outputs, PROTOCOL.md §3, §6. */
enum message_verdict utxo_on_get_set(struct peer *peer, const struct wire_message *message);
enum message_verdict utxo_on_get_state_hash(struct peer *peer, const struct wire_message *message);
enum message_verdict utxo_on_state_query(struct peer *peer, const struct wire_message *message);

/* consensus_messages.c: what is being agreed on, PROTOCOL.md §7, §9. */
enum message_verdict consensus_on_proposal(struct peer *peer, const struct wire_message *message);
enum message_verdict consensus_on_block_vote(struct peer *peer, const struct wire_message *message);
enum message_verdict consensus_on_block_commit(struct peer *peer, const struct wire_message *message);
enum message_verdict consensus_on_transaction_vote(struct peer *peer, const struct wire_message *message);
enum message_verdict consensus_on_vote_request(struct peer *peer, const struct wire_message *message);

#endif
