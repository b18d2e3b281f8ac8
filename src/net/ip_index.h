/* SPDX-License-Identifier: MIT
 *
 * Which place of its owner's array holds the record of an IP, and which record goes first when a place is needed: for
 * the address book and the ban list, which are bounded and whose IPs peers choose.  Every call costs the same however
 * many there are; the hash is keyed, so that nobody can choose IPs that collide.
 *
 * Places are handed out in order, 0, 1, 2, ..., and are never given back, only given to another IP.
 *
 * Thread safety: none; guarded by its owner's lock.
 */
#ifndef TIMED_NET_IP_INDEX_H
#define TIMED_NET_IP_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/net/ip.h"
#include "timed/util/siphash.h"

/* No place. */
#define IP_INDEX_NONE UINT32_MAX
/* Records of a lower rank go before those of a higher; in a rank the one ranked longest ago.  Kept ones never go. */
#define IP_INDEX_RANKS 3
#define IP_INDEX_KEPT IP_INDEX_RANKS

struct ip_index_node {
	struct net_ip ip;
	uint32_t chain;		/* next place of the same bucket */
	uint32_t before, after; /* neighbours in the queue of its rank */
	uint32_t rank;		/* IP_INDEX_KEPT: in no queue */
};

struct ip_index_queue {
	uint32_t first, last; /* IP_INDEX_NONE when empty */
};

struct ip_index {
	struct siphash_key key;
	struct ip_index_node *nodes; /* by place; count used of capacity */
	uint32_t *buckets;	     /* capacity of them: first place of each */
	uint32_t count, capacity;    /* a power of two, or 0 */
	struct ip_index_queue queues[IP_INDEX_RANKS];
};

void ip_index_init(struct ip_index *index);
void ip_index_free(struct ip_index *index);
/* The place of this IP, or IP_INDEX_NONE. */
uint32_t ip_index_find(const struct ip_index *index, const struct net_ip *ip);
/* Gives an IP that has none the next place, which is the count before the call; kept until it is ranked.  False: no
 * memory, nothing changed. */
bool ip_index_add(struct ip_index *index, const struct net_ip *ip) __attribute__((warn_unused_result));
/* Gives the place to an IP that has none; kept until it is ranked. */
void ip_index_replace(struct ip_index *index, uint32_t place, const struct net_ip *ip);
/* Puts the record last in this rank. */
void ip_index_rank(struct ip_index *index, uint32_t place, uint32_t rank);
/* The place of the record that goes first, or IP_INDEX_NONE: all are kept. */
uint32_t ip_index_victim(const struct ip_index *index);

#endif
