/* SPDX-License-Identifier: MIT
 *
 * Masternode mode at the start: by which IP we are known, and whether the configured validators are to include us
 * (PROTOCOL.md §8, §9).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node_impl.h"
#include "timed/util/log.h"

/* By the configured IP, the listener's, or the one that routes lead out from.  0 or an exit code. */
static int find_own_ip(struct net_ip *out, const struct config *c, char error[NODE_ERROR_SIZE])
{
	static const struct net_ip anywhere = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 41, 0, 4}};

	if (!net_ip_is_unspecified(&c->network.external_address.ip)) {
		*out = c->network.external_address.ip;
	} else if (!net_ip_is_unspecified(&c->network.listen_address.ip)) {
		*out = c->network.listen_address.ip;
	} else if (net_ip_local_for(out, &anywhere)) {
		snprintf(error, NODE_ERROR_SIZE,
			 "A masternode needs to know its own IP and there is no route: set network.external_address");
		return EXIT_CONFIG;
	}
	return 0;
}

static const struct config_validator *find_key(const struct config_validator_list *list, const struct wire_key *key)
{
	for (size_t i = 0; i < list->count; i++) {
		if (memcmp(&list->items[i].public_key, key, sizeof(*key)) == 0)
			return &list->items[i];
	}
	return NULL;
}

/* Where there are validators, a masternode that is not among them, now or in a list to come, would make nothing and be
 * paid nothing, and its operator would believe otherwise.  "Now" is the height after our tip: who has been taken off
 * the list is told at the next start.  0 or an exit code. */
static int check_validators(struct node *node, const struct net_ip *own_ip, char error[NODE_ERROR_SIZE])
{
	const struct config_validators *all = &node->config->consensus.validators;
	const struct wire_key *key = wallet_public_key(node->wallet);
	const struct config_validator *own = NULL;
	struct chain_summary chain;
	uint64_t next;

	if (all->count == 0)
		return 0;
	node_chain_summary(node, &chain);
	next = chain.tip.height + 1;
	for (size_t i = 0; i < all->count && !own; i++) {
		/* In force until the next one is. */
		if (i + 1 == all->count || all->lists[i + 1].from_height > next)
			own = find_key(&all->lists[i], key);
	}
	if (!own) {
		snprintf(error, NODE_ERROR_SIZE,
			 "Masternode mode, but consensus.validators does not hold the key of this wallet for height "
			 "%" PRIu64
			 " or any later one: correct the list ('timed-inspect validator-key %.300s' prints the entry), "
			 "or set masternode.enabled to false: the node then follows without voting",
			 next, node->config->storage.data_dir);
		return EXIT_CONFIG;
	}
	if (!net_ip_equal(&own->address.ip, own_ip)) {
		char listed[NET_IP_TEXT_SIZE];

		net_ip_text(listed, &own->address.ip);
		log_warn(LOG_MASTERNODE,
			 "consensus.validators names %s for the key of this wallet, but our IP is %s: set "
			 "network.external_address, or correct the list",
			 listed, node->own_ip);
	}
	return 0;
}

int node_become_masternode(struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct config *c = node->config;
	struct wire_masternode own = {
		.reward_address = node->address_str,
		.tier = c->masternode.tier,
		.public_key = *wallet_public_key(node->wallet),
	};
	struct registry_event event;
	struct net_ip ip;
	int r;

	if (!c->masternode.enabled)
		return 0;
	r = find_own_ip(&ip, c, error);
	if (r)
		return r;
	net_ip_text(node->own_ip, &ip);
	r = check_validators(node, &ip, error);
	if (r)
		return r;
	own.address = (struct wire_str){node->own_ip, strlen(node->own_ip)};
	if (!net_ip_usable(&ip, c->node.network, ADDR_SOURCE_GOSSIP))
		log_warn(LOG_MASTERNODE, "%s cannot be reached from the %s: set network.external_address", node->own_ip,
			 node->chain_params.name);
	mutex_lock(&node->registry_lock);
	r = registry_set_own(node->registry, &event, node->own_ip, &own);
	mutex_unlock(&node->registry_lock);
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "Cannot register ourselves as a masternode (%d)", r);
		return EXIT_RUN_TIME;
	}
	node->is_masternode = true;
	node_masternode_event(node, &event);
	return 0;
}
