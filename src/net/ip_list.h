/* SPDX-License-Identifier: MIT
 *
 * A growing list of IPs: what address book and ban list have forgotten and the store still has, until it is told.
 *
 * Thread safety: none; guarded by its owner's lock.
 */
#ifndef TIMED_NET_IP_LIST_H
#define TIMED_NET_IP_LIST_H

#include <stdlib.h>

#include "timed/net/ip.h"

struct ip_list {
	struct net_ip *items; /* count used of capacity */
	size_t count, capacity;
};

/* Without memory the IP is not listed: the store keeps one record too many. */
static inline void ip_list_add(struct ip_list *list, const struct net_ip *ip)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 16;
		struct net_ip *grown = realloc(list->items, capacity * sizeof(*grown));

		if (!grown)
			return;
		list->items = grown;
		list->capacity = capacity;
	}
	list->items[list->count++] = *ip;
}

#endif
