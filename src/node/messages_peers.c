/* SPDX-License-Identifier: MIT
 *
 * Peer exchange: GetPeers and PeersResponse (PROTOCOL.md §3, §4 "Peer sources").
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "node_impl.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* What one answer holds at most, theirs (the decoder cuts it) and ours. */
#define ANSWER_MAX WIRE_MAX_PEERS

struct peers_answer {
	struct net_addr addr[ANSWER_MAX];
	char text[ANSWER_MAX][NET_ADDR_TEXT_SIZE];
	struct wire_str str[ANSWER_MAX];
};

enum message_verdict peers_on_get_peers(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	struct peers_answer *answer = malloc(sizeof(*answer));
	struct wire_message m = {.type = WIRE_PEERS_RESPONSE};
	size_t n, kept = 0;

	(void)message;
	if (!answer)
		return MESSAGE_USELESS;
	n = address_book_gossip(net_addresses(node->net), answer->addr, ANSWER_MAX, peer_ip(peer),
				randombytes_random());
	for (size_t i = 0; i < n; i++) {
		if (ban_list_is_banned(net_bans(node->net), &answer->addr[i].ip, clock_real_s()))
			continue;
		net_addr_text(answer->text[kept], &answer->addr[i]);
		answer->str[kept] = (struct wire_str){answer->text[kept], strlen(answer->text[kept])};
		kept++;
	}
	m.u.peers_response = (struct wire_str_list){answer->str, kept};
	(void)peer_reply(peer, &m);
	free(answer);
	return MESSAGE_USELESS; /* asked for again and again it is limited */
}

enum message_verdict peers_on_response(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);
	const struct wire_str_list *list = &message->u.peers_response;
	uint64_t key;
	bool asked = peer_answer_expected(peer, &key);
	size_t limit = node->config->limits.addresses_per_answer, added = 0, taken;
	int64_t now_ms = clock_mono_ms();

	if (!node->config->network.enable_peer_discovery)
		return MESSAGE_USELESS;
	/* Nobody has a thousand addresses to tell twice without being asked. */
	if (list->len >= ANSWER_MAX && peer_address_flood(peer, asked))
		return MESSAGE_USELESS;
	taken = peer_take_address_tokens(peer, list->len < limit ? list->len : limit, asked);
	for (size_t i = 0; i < taken; i++) {
		const struct wire_str *text = &list->items[i];
		struct net_addr addr;

		if (net_addr_parse(&addr, text->ptr, text->len, node->chain_params.p2p_port))
			continue;
		added += address_book_add(net_addresses(node->net), &addr, ADDR_SOURCE_GOSSIP, now_ms) == ADDRESS_ADDED;
	}
	log_debug(LOG_NET, "%zu addresses from %s, %zu of them new", list->len, peer_ip_text(peer), added);
	if (added > 0)
		net_wake_dialer(node->net);
	return asked || added > 0 ? MESSAGE_USEFUL : MESSAGE_USELESS;
}
