/* SPDX-License-Identifier: MIT
 *
 * One connection per pair of nodes: what becomes of a second connection with a peer (PROTOCOL.md §4 "Two connections at
 * once").  A pure decision, taken again until it is not PAIR_WAIT; peer_table.c asks and obeys.
 *
 * The challenger is always inbound and has sent its Handshake; the incumbent may be in any state before closing.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_NET_PAIR_RULE_H
#define TIMED_NET_PAIR_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/net/ip.h"
#include "timed/net/peer.h"

struct pair_params {
	int64_t tie_break_wait_ms;	/* for the other's Version */
	int64_t crossed_dial_window_ms; /* a crossed dial, not a reboot */
	int64_t probe_timeout_ms;	/* silence that proves the incumbent dead */
};

/* The state of the affair at this moment. */
struct pair_case {
	enum peer_direction incumbent_direction;
	enum peer_state incumbent_state;	/* PEER_CONNECTING: its Handshake is not sent yet */
	int64_t incumbent_ready_ms;		/* since when it is ready */
	bool incumbent_heard;			/* it received bytes since the challenge began */
	int64_t challenged_ms;			/* when the challenge began */
	bool has_node_id;			/* the peer has shown a Version on either connection */
	uint8_t peer_node_id[16];
	uint8_t own_node_id[16];
	struct net_ip own_ip, peer_ip;		/* for a peer without node id */
};

enum pair_verdict {
	PAIR_WAIT,	/* ask again soon */
	PAIR_PROBE,	/* ping the incumbent, then wait */
	PAIR_YIELD,	/* the incumbent has not spoken yet: it gives way */
	PAIR_TIE_KEEP,	/* tie-break: the incumbent survives, the challenger is Acked and closed */
	PAIR_TIE_SWAP,	/* tie-break: the challenger survives */
	PAIR_DUPLICATE, /* the incumbent is alive: the challenger is refused */
	PAIR_REPLACE,	/* the incumbent is dead: the peer has rebooted */
	PAIR_SELF,	/* we are talking to ourselves */
};

enum pair_verdict pair_decide(const struct pair_case *c, const struct pair_params *p, int64_t now_ms);

#endif
