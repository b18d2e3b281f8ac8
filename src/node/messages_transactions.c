/* SPDX-License-Identifier: MIT
 *
 * Transactions that come in, what is said of them, and who wants to hear of it (PROTOCOL.md §3, §7).
 */
#include <inttypes.h>

#include "messages.h"
#include "node_impl.h"
#include "notifier.h"
#include "timed/node/pool_query.h"
#include "timed/node/transactions.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/json.h"

static struct transactions *transactions_of(struct peer *peer)
{
	return node_transactions(peer_user(peer));
}

/* ---- transactions ---- */

static int take(struct peer *peer, const struct wire_transaction *transaction)
{
	struct pool_result result;
	struct wire_hash txid;

	hash_txid(&txid, transaction);
	return transactions_submit(transactions_of(peer), &result, transaction, &txid, peer);
}

enum message_verdict transactions_on_broadcast(struct peer *peer, const struct wire_message *message)
{
	int r = take(peer, &message->u.transaction_broadcast);

	/* What it stands on has passed us by. */
	if (r == POOL_E_ORPHAN)
		transactions_ask(transactions_of(peer), peer);
	return r ? MESSAGE_USELESS : MESSAGE_USEFUL;
}

/* False: the answer is full, since with one more it would be longer than `most`. */
static bool add_transaction(struct buf *line, const struct wire_transaction *transaction, bool first, size_t most)
{
	size_t before = line->len;

	if (wire_json_encode_list_item(line, WIRE_PENDING_TRANSACTIONS_RESPONSE, transaction, first))
		return false;
	if (line->len <= most || first)
		return true;
	line->len = before;
	return false;
}

enum message_verdict transactions_on_get_pending(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	struct buf line = BUF_INIT;
	struct pool_list list;

	(void)message;
	if (pool_list(node->pool, &list, POOL_ALL))
		return MESSAGE_USELESS;
	if (wire_json_encode_list_begin(&line, WIRE_PENDING_TRANSACTIONS_RESPONSE) == 0) {
		for (size_t i = 0; i < list.count && i < WIRE_MAX_TRANSACTIONS; i++) {
			if (!add_transaction(&line, &list.items[i].tx->transaction, i == 0,
					     node->config->limits.answer_bytes))
				break;
		}
	}
	pool_list_free(&list);
	if (wire_json_encode_list_end(&line) == 0)
		message_reply_line(peer, WIRE_PENDING_TRANSACTIONS_RESPONSE, &line);
	buf_free(&line);
	return MESSAGE_USELESS; /* asked for again and again it is limited */
}

enum message_verdict transactions_on_pending(struct peer *peer, const struct wire_message *message)
{
	const struct wire_transaction_list *list = &message->u.pending_transactions_response;
	uint64_t key;

	/* What nobody asked for is no way around the limit of transactions. */
	if (!peer_answer_expected(peer, &key))
		return MESSAGE_USELESS;
	for (size_t i = 0; i < list->len; i++) {
		int r = take(peer, &list->items[i]);

		if (r == POOL_E_RULE || r == POOL_E_COINBASE)
			break;
	}
	return MESSAGE_USEFUL;
}

/* ---- what peers say of them: nothing that changes a state ---- */

/* True: the pool has it. */
static bool is_pooled(struct peer *peer, const struct wire_hash *txid)
{
	struct node *node = peer_user(peer);
	struct pool_info info;

	if (pool_find(node->pool, &info, txid))
		return false;
	pool_info_free(&info);
	return true;
}

static bool is_settled(struct peer *peer, const struct wire_hash *txid)
{
	struct node *node = peer_user(peer);
	struct chain_view *view = chain_thread_take_view(node->chain);
	uint32_t position;
	uint64_t height;
	int r = chain_view_transaction(view, &height, &position, txid);

	chain_view_unref(view);
	return r != STORE_E_NOT_FOUND;
}

/* Its word decides nothing here; but we may have missed the transaction. */
enum message_verdict transactions_on_finalized(struct peer *peer, const struct wire_message *message)
{
	const struct wire_hash *txid = &message->u.transaction_finalized.txid;
	char text[HASH_TEXT_SIZE];

	log_debug(LOG_MEMPOOL, "%s says that transaction %s is final: %" PRIu32 " votes", peer_ip_text(peer),
		  hash_text(text, txid), message->u.transaction_finalized.votes);
	if (is_pooled(peer, txid))
		return MESSAGE_USEFUL;
	if (!is_settled(peer, txid))
		transactions_ask(transactions_of(peer), peer);
	return MESSAGE_USELESS;
}

enum message_verdict transactions_on_rejected(struct peer *peer, const struct wire_message *message)
{
	const struct wire_transaction_rejected *said = &message->u.transaction_rejected;
	char text[HASH_TEXT_SIZE];

	log_debug(LOG_MEMPOOL, "%s says that transaction %s is rejected: %.*s", peer_ip_text(peer),
		  hash_text(text, &said->txid), (int)said->reason.len, said->reason.ptr);
	return is_pooled(peer, &said->txid) ? MESSAGE_USEFUL : MESSAGE_USELESS;
}

enum message_verdict transactions_on_state_update(struct peer *peer, const struct wire_message *message)
{
	const struct wire_outpoint_state *said = &message->u.utxo_state_update;

	return notifier_claim(transactions_notifier(transactions_of(peer)), peer, &said->outpoint, &said->state);
}

enum message_verdict transactions_on_state_notification(struct peer *peer, const struct wire_message *message)
{
	const struct wire_utxo_state_notification *said = &message->u.utxo_state_notification;

	return notifier_claim(transactions_notifier(transactions_of(peer)), peer, &said->outpoint, &said->new_state);
}

/* ---- who wants to hear of it ---- */

enum message_verdict transactions_on_subscribe(struct peer *peer, const struct wire_message *message)
{
	return notifier_subscribe(transactions_notifier(transactions_of(peer)), peer, &message->u.subscribe);
}

enum message_verdict transactions_on_unsubscribe(struct peer *peer, const struct wire_message *message)
{
	return notifier_unsubscribe(transactions_notifier(transactions_of(peer)), peer, &message->u.unsubscribe);
}
