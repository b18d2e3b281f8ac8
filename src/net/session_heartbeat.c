// SPDX-License-Identifier: MIT
/* The heartbeat of a connection: pings out, pongs back, and what they tell (PROTOCOL.md §4).  heartbeat.c decides when;
 * here it is sent, logged and shown to others. */
#include <inttypes.h>
#include <sodium.h>

#include "net_impl.h"
#include "peer_impl.h"
#include "peer_requests.h"
#include "session.h"
#include "timed/net/handlers.h"
#include "timed/util/clock.h"
#include "traffic.h"

/* Clocks that differ by more than ten years say nothing. */
#define MAX_TIME_OFFSET_S (10LL * 365 * 86400)

static const char *direction_of(const struct peer *peer)
{
	return peer_direction_name(peer->direction);
}

static uint64_t random_u64(void)
{
	uint64_t v;

	randombytes_buf(&v, sizeof(v));
	return v;
}

static void note_ping(struct peer *peer, uint64_t nonce, const struct out_mark *mark)
{
	struct session *s = &peer->session;

	if (s->unflushed_count < HEARTBEAT_MAX_PENDING) {
		s->unflushed_nonce[s->unflushed_count] = nonce;
		s->unflushed_mark[s->unflushed_count++] = *mark;
	}
	log_write(LOG_HEARTBEAT, LOG_LEVEL_INFO, "📤 [%s] Sent ping to %s (nonce: %" PRIu64 ")", direction_of(peer),
		  peer->ip_text, nonce);
}

static void send_heartbeat_ping(struct peer *peer, uint64_t nonce)
{
	struct wire_message ping = {.type = WIRE_PING, .u.ping = {nonce, clock_real_s()}};
	struct out_mark mark;

	if (peer_send_control(peer, &ping, false, &mark))
		note_ping(peer, nonce, &mark);
	else /* it ages as one that was lost: five that never age would end all pinging */
		heartbeat_flushed(&peer->session.heartbeat, nonce, clock_mono_ms(), clock_mono_us());
}

bool session_send_ordered_ping(struct peer *peer, uint64_t *nonce, int64_t now_ms)
{
	struct wire_message ping = {.type = WIRE_PING, .u.ping = {random_u64(), clock_real_s()}};
	struct out_mark mark;

	*nonce = ping.u.ping.nonce;
	if (!heartbeat_add_ping(&peer->session.heartbeat, *nonce, now_ms))
		return false;
	if (!peer_send_own(peer, &ping, &mark)) {
		heartbeat_flushed(&peer->session.heartbeat, *nonce, now_ms, clock_mono_us()); /* as above */
		return false;
	}
	note_ping(peer, *nonce, &mark);
	return true;
}

void session_note_clock(struct peer *peer, int64_t timestamp)
{
	int64_t offset;

	if (__builtin_sub_overflow(timestamp, peer->session.received_s, &offset) || offset > MAX_TIME_OFFSET_S ||
	    offset < -MAX_TIME_OFFSET_S)
		return;
	atomic_store_explicit(&peer->stats.time_offset_s, offset, memory_order_relaxed);
	atomic_store_explicit(&peer->stats.has_time_offset, true, memory_order_release);
}

enum message_verdict peer_on_ping(struct peer *peer, const struct wire_message *message)
{
	struct wire_message pong = {.type = WIRE_PONG, .u.pong = {message->u.ping.nonce, peer->session.received_s}};

	session_note_clock(peer, message->u.ping.timestamp);
	if (peer->session.phase == SESSION_READY)
		(void)peer_send_control(peer, &pong, true, NULL);
	else
		(void)peer_send_own(peer, &pong, NULL);
	log_limited(&peer->log_limit, LOG_HEARTBEAT, LOG_LEVEL_DEBUG, "[%s] Answered ping from %s (nonce: %" PRIu64 ")",
		    direction_of(peer), peer->ip_text, message->u.ping.nonce);
	return MESSAGE_USEFUL;
}

/* Others see how the heartbeat does. */
static void publish_heartbeat(struct peer *peer, int64_t now_ms)
{
	const struct heartbeat *hb = &peer->session.heartbeat;
	int64_t wait_ms = heartbeat_wait_ms(hb, now_ms);

	atomic_store_explicit(&peer->stats.missed_pongs, (unsigned)hb->missed, memory_order_relaxed);
	atomic_store_explicit(&peer->stats.ping_since_ms, wait_ms < 0 ? -1 : now_ms - wait_ms, memory_order_relaxed);
}

enum message_verdict peer_on_pong(struct peer *peer, const struct wire_message *message)
{
	uint64_t nonce = message->u.pong.nonce;
	int64_t now_ms = clock_mono_ms(), rtt_us;

	if (!heartbeat_pong(&peer->session.heartbeat, nonce, clock_mono_us(), &rtt_us)) {
		log_limited(&peer->log_limit, LOG_HEARTBEAT, LOG_LEVEL_INFO,
			    "[%s] Ignoring a pong from %s that answers no ping of ours (nonce: %" PRIu64 ")",
			    direction_of(peer), peer->ip_text, nonce);
		return MESSAGE_USELESS;
	}
	peer_note_pong(peer, rtt_us);
	traffic_round_trip(net_traffic(peer->net), rtt_us);
	log_write(LOG_HEARTBEAT, LOG_LEVEL_INFO,
		  "✅ [%s] Received pong from %s (nonce: %" PRIu64 ", rtt: %" PRId64 ".%03d ms)", direction_of(peer),
		  peer->ip_text, nonce, rtt_us / 1000, (int)(rtt_us % 1000));
	peer_requests_pong(peer, nonce, now_ms);
	publish_heartbeat(peer, now_ms);
	return MESSAGE_USEFUL;
}

void session_flushed(struct peer *peer, int64_t now_ms, int64_t sent_us)
{
	struct session *s = &peer->session;
	int kept = 0;

	if (s->unflushed_count == 0)
		return;
	mutex_lock(&peer->out);
	for (int i = 0; i < s->unflushed_count; i++) {
		if (out_queue_passed(&peer->queue, &s->unflushed_mark[i])) {
			heartbeat_flushed(&s->heartbeat, s->unflushed_nonce[i], now_ms, sent_us);
			continue;
		}
		s->unflushed_nonce[kept] = s->unflushed_nonce[i];
		s->unflushed_mark[kept++] = s->unflushed_mark[i];
	}
	mutex_unlock(&peer->out);
	s->unflushed_count = kept;
	publish_heartbeat(peer, now_ms);
}

static void send_probe(struct peer *peer, int64_t now_ms)
{
	uint64_t nonce = random_u64();

	if (heartbeat_add_ping(&peer->session.heartbeat, nonce, now_ms))
		send_heartbeat_ping(peer, nonce);
}

void session_heartbeat_tick(struct peer *peer, int64_t now_ms)
{
	struct heartbeat *hb = &peer->session.heartbeat;
	const struct net_params *p = net_params(peer->net);

	if (atomic_exchange(&peer->probe, false))
		send_probe(peer, now_ms);
	for (;;) {
		uint64_t nonce = now_ms >= hb->next_ping_ms ? random_u64() : 0;

		switch (heartbeat_tick(hb, nonce, now_ms)) {
		case HEARTBEAT_NONE:
			publish_heartbeat(peer, now_ms);
			return;
		case HEARTBEAT_SEND_PING:
			send_heartbeat_ping(peer, nonce);
			break;
		case HEARTBEAT_MISSED:
			peer_note_missed_pong(peer);
			log_warn(LOG_HEARTBEAT, "⚠️ [%s] Ping timeout for %s (missed: %d/%d)", direction_of(peer),
				 peer->ip_text, hb->missed, p->heartbeat.max_missed);
			break;
		case HEARTBEAT_DEAD:
			peer_note_missed_pong(peer);
			log_warn(LOG_HEARTBEAT, "⚠️ [%s] Ping timeout for %s (missed: %d/%d)", direction_of(peer),
				 peer->ip_text, hb->missed, p->heartbeat.max_missed);
			log_warn(LOG_HEARTBEAT, "❌ [%s] Disconnecting %s due to timeout", direction_of(peer),
				 peer->ip_text);
			peer_ask_close(peer, PEER_CLOSE_TIMEOUT);
			return;
		}
	}
}
