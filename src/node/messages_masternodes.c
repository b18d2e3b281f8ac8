/* SPDX-License-Identifier: MIT
 *
 * Masternodes: announcements, ours and theirs, the list of them, and what the registry says (PROTOCOL.md §8).
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "heartbeats.h"
#include "messages.h"
#include "node_impl.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* An entry of an answer takes this much and, at worst, so much a byte of its reward address. */
#define ENTRY_BYTES 320
#define ESCAPED_BYTES 6

void node_mark_masternode(struct node *node, const char *ip, size_t ip_len, bool known)
{
	struct net_addr addr;

	if (!net_addr_parse(&addr, ip, ip_len, node->chain_params.p2p_port))
		address_book_set_masternode(net_addresses(node->net), &addr.ip, known);
}

/* It has come into the registry, has changed there, or is not in it any more. */
static void changed(struct node *node, const char *ip, bool known)
{
	persist_masternode(node, ip);
	node_mark_masternode(node, ip, strlen(ip), known);
}

void node_masternode_event(struct node *node, const struct registry_event *event)
{
	/* Who makes up masternodes and sends their heartbeats must not write the log full with them; for an announcement
	 * a connection is needed. */
	struct log_limit *limit = event->source == REGISTRY_SOURCE_HEARTBEAT ? &node->proved_lines : NULL;

	switch (event->kind) {
	case REGISTRY_NOTHING:
		return;
	case REGISTRY_REGISTERED:
		log_limited(limit, LOG_MASTERNODE, LOG_LEVEL_INFO, "✅ Registered masternode %s (total: %zu)", event->ip,
			    event->known);
		break;
	case REGISTRY_UPDATED:
		log_debug(LOG_MASTERNODE, "Masternode %s has changed its reward address, tier or key", event->ip);
		break;
	case REGISTRY_BACK_ONLINE:
		log_limited(limit, LOG_MASTERNODE, LOG_LEVEL_INFO, "✓ Masternode %s is back online", event->ip);
		break;
	case REGISTRY_OFFLINE:
		log_limited(limit, LOG_MASTERNODE, LOG_LEVEL_WARN,
			    "⚠️ Masternode %s marked offline (no heartbeat for %" PRId64 "s)", event->ip,
			    event->silence_ms / 1000);
		return;
	case REGISTRY_FORGOTTEN:
		log_limited(limit, LOG_MASTERNODE, LOG_LEVEL_INFO,
			    "Masternode %s is forgotten after %" PRId64 "s of silence (total: %zu)", event->ip,
			    event->silence_ms / 1000, event->known);
		changed(node, event->ip, false);
		return;
	}
	changed(node, event->ip, true);
	if (event->replaced[0]) {
		log_limited(&node->proved_lines, LOG_MASTERNODE, LOG_LEVEL_INFO, "Masternode %s has given way to %s",
			    event->replaced, event->ip);
		changed(node, event->replaced, false);
		heartbeats_forget(node->heartbeats, event->replaced);
	}
}

bool node_is_masternode_ip(struct node *node, const struct net_ip *ip)
{
	char text[NET_IP_TEXT_SIZE];
	bool known;

	net_ip_text(text, ip);
	mutex_lock(&node->registry_lock);
	known = registry_find(node->registry, text) != NULL;
	mutex_unlock(&node->registry_lock);
	return known;
}

void node_announce(struct node *node, struct peer *peer)
{
	struct wire_message m = {.type = WIRE_MASTERNODE_ANNOUNCEMENT};
	struct wire_masternode *own = &m.u.masternode_announcement;

	if (!node->is_masternode)
		return;
	own->address = (struct wire_str){node->own_ip, strlen(node->own_ip)};
	own->reward_address = node->address_str;
	own->tier = node->config->masternode.tier;
	own->public_key = *wallet_public_key(node->wallet);
	(void)peer_reply(peer, &m);
}

/* What somebody says about a third one: where it may be dialled, and a hint for the registry. */
static void hint(struct node *node, struct peer *peer, const struct net_addr *addr, const struct wire_masternode *about)
{
	char text[NET_IP_TEXT_SIZE];
	int r;

	if (address_book_add(net_addresses(node->net), addr, ADDR_SOURCE_GOSSIP, clock_mono_ms()) == ADDRESS_REFUSED)
		return;
	net_ip_text(text, &addr->ip);
	mutex_lock(&node->registry_lock);
	r = registry_hint(node->registry, text, about, clock_mono_ms());
	mutex_unlock(&node->registry_lock);
	if (r < 0)
		log_limited(peer_log_limit(peer), LOG_MASTERNODE, LOG_LEVEL_WARN,
			    "No memory for a hint about masternode %s", text);
}

static enum message_verdict announce(struct node *node, struct peer *peer, const struct wire_masternode *about)
{
	struct registry_event event;
	int r;

	mutex_lock(&node->registry_lock);
	r = registry_announce(node->registry, &event, peer_ip_text(peer), about, clock_mono_ms());
	mutex_unlock(&node->registry_lock);
	if (r == REGISTRY_E_KEY) {
		/* Not the masternode that is known by this IP: its traffic does not keep the old one alive. */
		peer_set_key_disputed(peer, true);
		log_debug(LOG_MASTERNODE, "%s announces another key than the one known for it", peer_ip_text(peer));
		return MESSAGE_USELESS;
	}
	if (r) {
		log_debug(LOG_MASTERNODE, "Announcement of %s not taken (%d)", peer_ip_text(peer), r);
		return MESSAGE_USELESS;
	}
	peer_set_key_disputed(peer, false);
	peer_set_masternode(peer);
	node_masternode_event(node, &event);
	/* Said again, or now this and now that: limited. */
	return event.kind == REGISTRY_NOTHING || event.kind == REGISTRY_UPDATED ? MESSAGE_USELESS : MESSAGE_USEFUL;
}

enum message_verdict masternodes_on_announcement(struct peer *peer, const struct wire_message *message)
{
	const struct wire_masternode *about = &message->u.masternode_announcement;
	struct node *node = peer_user(peer);
	struct net_addr addr;

	/* The connection's IP is what is registered; an address that names another one is only a hint. */
	if (net_addr_parse(&addr, about->address.ptr, about->address.len, node->chain_params.p2p_port) ||
	    net_ip_equal(&addr.ip, peer_ip(peer)))
		return announce(node, peer, about);
	/* An existing node names all that it knows, then asks: hints draw on the addresses it may tell, not on its requests. */
	if (peer_take_address_tokens(peer, 1, false) == 0)
		return MESSAGE_USELESS;
	hint(node, peer, &addr, about);
	net_wake_dialer(node->net);
	return MESSAGE_USEFUL;
}

/* A copy of the active entries as wire values; the strings stand behind them in the same allocation. */
static struct wire_masternode *copy_active_locked(struct node *node, size_t *count) REQUIRES(node->registry_lock)
{
	size_t known = registry_known(node->registry), n = 0, text = 0, json = 0;
	struct wire_masternode *list;
	char *at;

	for (size_t i = 0; i < known; i++) {
		const struct registry_entry *e = registry_at(node->registry, i);

		text += strlen(e->ip) + e->reward_address.len;
	}
	list = malloc(known * sizeof(*list) + text + 1);
	if (!list)
		return NULL;
	at = (char *)(list + known);
	for (size_t i = 0; i < known && json < node->config->limits.answer_bytes; i++) {
		const struct registry_entry *e = registry_at(node->registry, i);
		size_t ip_len = strlen(e->ip);

		if (!e->active)
			continue;
		json += ENTRY_BYTES + ESCAPED_BYTES * e->reward_address.len;
		memcpy(at, e->ip, ip_len);
		if (e->reward_address.len)
			memcpy(at + ip_len, e->reward_address.ptr, e->reward_address.len);
		list[n++] = (struct wire_masternode){
			.address = {at, ip_len},
			.reward_address = {at + ip_len, e->reward_address.len},
			.tier = e->tier,
			.public_key = e->key,
		};
		at += ip_len + e->reward_address.len;
	}
	*count = n;
	return list;
}

enum message_verdict masternodes_on_get(struct peer *peer, const struct wire_message *message)
{
	struct wire_message m = {.type = WIRE_MASTERNODES_RESPONSE};
	struct node *node = peer_user(peer);
	struct wire_masternode_list *list = &m.u.masternodes_response;

	(void)message;
	mutex_lock(&node->registry_lock);
	list->items = copy_active_locked(node, &list->len);
	mutex_unlock(&node->registry_lock);
	if (list->items)
		(void)peer_reply(peer, &m);
	free(list->items);
	return MESSAGE_USELESS; /* asked for again and again it is limited */
}

enum message_verdict masternodes_on_response(struct peer *peer, const struct wire_message *message)
{
	const struct wire_masternode_list *list = &message->u.masternodes_response;
	struct node *node = peer_user(peer);
	uint64_t key;
	bool asked = peer_answer_expected(peer, &key);
	size_t limit = node->config->limits.addresses_per_answer;
	size_t taken = peer_take_address_tokens(peer, list->len < limit ? list->len : limit, asked);
	/* The lists of our own nodes are sorted: beginning anywhere, we hear in time of all that are in a longer one. */
	size_t first = taken < list->len ? randombytes_uniform((uint32_t)list->len) : 0;

	for (size_t i = 0; i < taken; i++) {
		const struct wire_masternode *about = &list->items[(first + i) % list->len];
		struct net_addr addr;

		if (!net_addr_parse(&addr, about->address.ptr, about->address.len, node->chain_params.p2p_port) &&
		    !net_ip_equal(&addr.ip, peer_ip(peer)))
			hint(node, peer, &addr, about);
	}
	if (list->len > 0)
		net_wake_dialer(node->net);
	return asked ? MESSAGE_USEFUL : MESSAGE_USELESS;
}
