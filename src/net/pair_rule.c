/* SPDX-License-Identifier: MIT
 *
 * The decision about a second connection; see pair_rule.h.
 */
#include "timed/net/pair_rule.h"

#include <string.h>

/* Both ends have spoken: the connection whose initiator has the lower node id survives, and for a peer that has none
 * the one whose initiator has the lower IP string. */
static enum pair_verdict tie_break(const struct pair_case *c, const struct pair_params *p, int64_t now_ms)
{
	int order;

	if (c->has_node_id) {
		order = memcmp(c->own_node_id, c->peer_node_id, sizeof(c->own_node_id));
		if (order == 0)
			return PAIR_SELF;
	} else {
		if (now_ms - c->challenged_ms < p->tie_break_wait_ms)
			return PAIR_WAIT;
		order = net_ip_text_compare(&c->own_ip, &c->peer_ip);
	}
	/* The incumbent is the one that we initiated. */
	return order < 0 ? PAIR_TIE_KEEP : PAIR_TIE_SWAP;
}

enum pair_verdict pair_decide(const struct pair_case *c, const struct pair_params *p, int64_t now_ms)
{
	bool ours = c->incumbent_direction == PEER_OUTBOUND;

	if (ours && c->incumbent_state == PEER_CONNECTING)
		return PAIR_YIELD;
	if (ours && c->incumbent_state == PEER_HANDSHAKE)
		return tie_break(c, p, now_ms);
	/* The window counts from the challenge: waiting for a Version must not turn a crossed dial into a reboot. */
	if (ours && c->challenged_ms - c->incumbent_ready_ms < p->crossed_dial_window_ms)
		return tie_break(c, p, now_ms);
	if (c->incumbent_heard)
		return PAIR_DUPLICATE;
	if (now_ms - c->challenged_ms >= p->probe_timeout_ms)
		return PAIR_REPLACE;
	return PAIR_PROBE;
}
