/* SPDX-License-Identifier: MIT
 *
 * What we ask of a peer (peer.h): requests that go out on its connection, the pings that fence them, and what becomes of
 * those that stay unanswered.  The bookkeeping is requests.h's.
 */
#include "peer_requests.h"

#include "net_impl.h"
#include "peer_impl.h"
#include "session.h"
#include "timed/net/message_arena.h"
#include "timed/util/clock.h"

bool peer_request(struct peer *peer, enum request_kind kind, uint64_t key, const struct wire_message *message)
{
	const struct net_params *p = net_params(peer->net);
	/* An existing node drops what comes faster; ours pace by their output. */
	uint32_t per_second = peer->session.version_seen ? 0 : p->requests_per_second_existing;

	return requests_begin(&peer->session.requests, kind, key, per_second, clock_mono_ms(), p->request_timeout_ms) &&
	       peer_send_own(peer, message, NULL);
}

void peer_fence(struct peer *peer)
{
	uint64_t nonce;

	if (session_send_ordered_ping(peer, &nonce, clock_mono_ms()))
		requests_fence(&peer->session.requests, nonce);
}

bool peer_answer_expected(const struct peer *peer, uint64_t *key)
{
	*key = peer->session.answering_key;
	return peer->session.answering;
}

static void unanswered(struct peer *peer, enum request_kind kind)
{
	const struct net_ops *ops = net_get_ops(peer->net);
	uint64_t key;

	(void)requests_outstanding(&peer->session.requests, kind, &key);
	ops->unanswered(ops->user, peer, kind, key);
}

void peer_requests_pong(struct peer *peer, uint64_t nonce, int64_t now_ms)
{
	int64_t pause_ms = net_params(peer->net)->request_timeout_ms;
	enum request_kind kind;

	while ((kind = requests_pong(&peer->session.requests, nonce, now_ms, pause_ms)) != REQUEST_NONE)
		unanswered(peer, kind);
}

void peer_requests_expire(struct peer *peer, int64_t now_ms)
{
	int64_t pause_ms = net_params(peer->net)->request_timeout_ms;
	enum request_kind kind;

	while ((kind = requests_expire(&peer->session.requests, now_ms, pause_ms)) != REQUEST_NONE)
		unanswered(peer, kind);
}

void peer_push_out(struct peer *peer)
{
	/* What is wrong with the socket is seen by the loop. */
	(void)peer_flush(peer);
}

void peer_poke(struct peer *peer)
{
	if (!atomic_exchange(&peer->poked, true))
		peer_wake(peer);
}

void peer_poke_at(struct peer *peer, int64_t due_ms)
{
	peer->session.poke_due_ms = due_ms;
}

struct message_arena *peer_keep_arena(struct peer *peer)
{
	size_t reserved = peer->arena.reserved;
	struct message_arena *held = message_arena_adopt(&peer->arena, net_budget(peer->net));

	if (held)
		mem_account_give(&peer->memory, reserved);
	return held;
}
