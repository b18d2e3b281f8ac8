/* SPDX-License-Identifier: MIT
 *
 * What the session tells the requests of its connection; the rest of their interface is peer.h's.
 *
 * Thread safety: worker of the peer only.
 */
#ifndef TIMED_NET_PEER_REQUESTS_H
#define TIMED_NET_PEER_REQUESTS_H

#include <stdint.h>

struct peer;

/* A pong of ours came back: the requests that its ping fences stay unanswered. */
void peer_requests_pong(struct peer *peer, uint64_t nonce, int64_t now_ms);
/* Gives up what is past its deadline. */
void peer_requests_expire(struct peer *peer, int64_t now_ms);

#endif
