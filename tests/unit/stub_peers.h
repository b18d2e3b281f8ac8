/* SPDX-License-Identifier: MIT
 *
 * Peers that are no more than numbers, for tests of what sends: the linker puts these in the place of net's functions
 * (--wrap), and the test counts its references.  Included once by each test program, which says itself what becomes of
 * a frame.
 */
#ifndef TIMED_TESTS_STUB_PEERS_H
#define TIMED_TESTS_STUB_PEERS_H

#include <stdbool.h>

#include "timed/net/net.h"
#include "timed/net/peer.h"

static struct mem_budget budget;
static long peer_refs;

/* One of three. */
static inline struct peer *stub_peer(int i)
{
	static char memory[3];

	return (struct peer *)(void *)&memory[i];
}
#define PEER(i) stub_peer(i)

struct mem_budget *__wrap_net_budget(struct net *net);
struct peer *__wrap_peer_ref(struct peer *peer);
void __wrap_peer_unref(struct peer *peer);
const char *__wrap_peer_ip_text(const struct peer *peer);

struct mem_budget *__wrap_net_budget(struct net *net)
{
	(void)net;
	return &budget;
}

struct peer *__wrap_peer_ref(struct peer *peer)
{
	peer_refs++;
	return peer;
}

void __wrap_peer_unref(struct peer *peer)
{
	peer_refs -= peer != NULL;
}

const char *__wrap_peer_ip_text(const struct peer *peer)
{
	(void)peer;
	return "1.2.3.4";
}

#endif
