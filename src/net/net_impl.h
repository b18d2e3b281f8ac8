/* SPDX-License-Identifier: MIT
 *
 * What the modules of the network share of `struct net`, beyond net.h.
 */
#ifndef TIMED_NET_NET_IMPL_H
#define TIMED_NET_NET_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/net/ip.h"
#include "timed/net/net.h"

struct peer;
struct peer_table;
struct recorder;
struct traffic;

struct peer_table *net_table(const struct net *net);
const struct net_ops *net_get_ops(const struct net *net);
/* net_stop has begun: nothing lingers. */
bool net_is_stopping(const struct net *net);
/* For the metric. */
void net_count_missed_pong(struct net *net);
/* Where what goes through sockets is recorded. */
struct recorder *net_recorder(const struct net *net);
/* Where messages and bytes are counted. */
struct traffic *net_traffic(struct net *net);
uint64_t net_next_peer_id(struct net *net);

/* Counts and logs a violation of this IP.  True: it is banned now. */
bool net_violation(struct net *net, const struct net_ip *ip, const char *what);
/* Our IP as this peer sees it: configured, else the local end of the socket. */
void net_own_ip(struct net *net, struct net_ip *out, const struct net_addr *bound);
/* "ip:port" under which others can dial us, seen from the connection whose local end is `bound`. */
void net_listen_text(struct net *net, char out[NET_ADDR_TEXT_SIZE], const struct net_addr *bound);

/* Acceptor and dialer hand a socket over here: registers the peer and starts its worker, which owns the fd from now on
 * (it is closed on failure).  An outbound peer claims its IP before its connect is begun; its socket is non-blocking and
 * not connected, and the address book must hold the address busy.  0 or a negative errno; -EEXIST: there is a connection
 * with this IP; -EACCES: it is banned, or the network is switched off. */
int net_start_peer(struct net *net, const struct net_addr *addr, enum peer_direction direction, int fd, bool manual);

#endif
