/* SPDX-License-Identifier: MIT
 *
 * Peer addresses, normalised in this one place: an IPv4-mapped IPv6 address is the IPv4 address, so a machine has one
 * identity whichever socket family it comes through (PROTOCOL.md §4: identity is the IP, never IP:port).
 *
 * Thread safety: pure functions.
 */
#ifndef TIMED_NET_IP_H
#define TIMED_NET_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "timeproto/chain/params.h"

/* Longest text of an IP with its NUL; of "[ip]:port" with its NUL. */
#define NET_IP_TEXT_SIZE 46
#define NET_ADDR_TEXT_SIZE 54

/* Network byte order; IPv4 is kept as ::ffff:a.b.c.d. */
struct net_ip {
	uint8_t bytes[16];
};

struct net_addr {
	struct net_ip ip;
	uint16_t port; /* host byte order; 0: not given */
};

/* What an address came from decides how much is believed of it (net_ip_usable). */
enum addr_source {
	ADDR_SOURCE_CONFIGURED, /* the operator named it */
	ADDR_SOURCE_SAVED,	/* our own database */
	ADDR_SOURCE_GOSSIP,	/* PeersResponse, MasternodesResponse */
	ADDR_SOURCE_DISCOVERY,	/* the discovery service */
	ADDR_SOURCE_INBOUND,	/* it connected to us */
};

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b);
bool net_ip_is_v4(const struct net_ip *ip);
bool net_ip_is_loopback(const struct net_ip *ip); /* 127.0.0.0/8 or ::1 */
bool net_ip_is_unspecified(const struct net_ip *ip);
/* Dotted quad, or RFC 5952 text. */
void net_ip_text(char out[NET_IP_TEXT_SIZE], const struct net_ip *ip);
/* "ip:port", or "[v6]:port". */
void net_addr_text(char out[NET_ADDR_TEXT_SIZE], const struct net_addr *addr);
/* Parses "ip", "ip:port", "[v6]", "[v6]:port"; a missing port becomes `default_port`.  Names are not resolved.
 * 0, or -EINVAL. */
int net_addr_parse(struct net_addr *out, const char *text, size_t len, uint16_t default_port)
	__attribute__((warn_unused_result));
void net_addr_from_sockaddr(struct net_addr *out, const struct sockaddr *sa);
/* Fills `out` and returns its length; IPv4 becomes AF_INET. */
socklen_t net_addr_to_sockaddr(struct sockaddr_storage *out, const struct net_addr *addr);
/* Byte-wise comparison of the texts, the order of the dial rule and the tie-break: "10.0.0.10" < "10.0.0.9". */
int net_ip_text_compare(const struct net_ip *a, const struct net_ip *b);
/* The local address from which the kernel would reach `peer`.  0 or a negative errno. */
int net_ip_local_for(struct net_ip *out, const struct net_ip *peer) __attribute__((warn_unused_result));

/* The one decision about what may be dialled and gossiped.  Unspecified, multicast, broadcast and reserved addresses
 * never; loopback and private ones on devnet, and elsewhere only when the operator configured them. */
bool net_ip_usable(const struct net_ip *ip, enum chain_network network, enum addr_source source);

#endif
