/* SPDX-License-Identifier: MIT
 *
 * The heartbeat state machine; see heartbeat.h.
 */
#include "timed/net/heartbeat.h"

#include <string.h>

void heartbeat_init(struct heartbeat *hb, const struct heartbeat_params *params, int64_t now_ms)
{
	memset(hb, 0, sizeof(*hb));
	hb->params = params;
	hb->next_ping_ms = now_ms;
	hb->next_check_ms = now_ms + params->check_ms;
	hb->receiving_until_ms = INT64_MIN;
}

static void remove_pending(struct heartbeat *hb, int index)
{
	hb->pending_count--;
	memmove(&hb->pending[index], &hb->pending[index + 1],
		(size_t)(hb->pending_count - index) * sizeof(hb->pending[0]));
}

bool heartbeat_add_ping(struct heartbeat *hb, uint64_t nonce, int64_t now_ms)
{
	if (hb->pending_count == HEARTBEAT_MAX_PENDING)
		return false;
	hb->next_ping_ms = now_ms + hb->params->interval_ms;
	hb->pending[hb->pending_count++] = (struct heartbeat_ping){.nonce = nonce, .flushed_ms = -1};
	return true;
}

/* Takes one ping that is past its time out of the list. */
static bool take_missed(struct heartbeat *hb, int64_t now_ms)
{
	for (int i = 0; i < hb->pending_count; i++) {
		const struct heartbeat_ping *ping = &hb->pending[i];

		if (ping->flushed_ms >= 0 && now_ms - ping->flushed_ms >= hb->params->timeout_ms) {
			remove_pending(hb, i);
			return true;
		}
	}
	return false;
}

enum heartbeat_action heartbeat_tick(struct heartbeat *hb, uint64_t nonce, int64_t now_ms)
{
	if (now_ms >= hb->next_check_ms) {
		/* A growing line holds the pongs behind it: what is late is late through no fault of the peer. */
		if (now_ms >= hb->receiving_until_ms && take_missed(hb, now_ms))
			return ++hb->missed >= hb->params->max_missed ? HEARTBEAT_DEAD : HEARTBEAT_MISSED;
		hb->next_check_ms = now_ms + hb->params->check_ms;
	}
	if (now_ms >= hb->next_ping_ms) {
		if (heartbeat_add_ping(hb, nonce, now_ms))
			return HEARTBEAT_SEND_PING;
		hb->next_ping_ms = now_ms + hb->params->interval_ms;
	}
	return HEARTBEAT_NONE;
}

void heartbeat_flushed(struct heartbeat *hb, uint64_t nonce, int64_t now_ms, int64_t now_us)
{
	for (int i = 0; i < hb->pending_count; i++) {
		struct heartbeat_ping *ping = &hb->pending[i];

		if (ping->nonce == nonce && ping->flushed_ms < 0) {
			ping->flushed_ms = now_ms;
			ping->flushed_us = now_us;
			return;
		}
	}
}

bool heartbeat_pong(struct heartbeat *hb, uint64_t nonce, int64_t now_us, int64_t *rtt_us)
{
	for (int i = 0; i < hb->pending_count; i++) {
		const struct heartbeat_ping *ping = &hb->pending[i];

		if (ping->nonce != nonce)
			continue;
		/* The pong can be here before the flush was noted. */
		*rtt_us = ping->flushed_ms >= 0 && now_us > ping->flushed_us ? now_us - ping->flushed_us : 0;
		remove_pending(hb, i);
		hb->missed = 0;
		return true;
	}
	return false;
}

void heartbeat_received(struct heartbeat *hb, size_t incomplete, int64_t now_ms)
{
	if (incomplete < hb->line_mark) {
		/* That line is complete, another has begun: the pongs that it held up are right behind it. */
		hb->line_mark = 0;
		hb->receiving_until_ms = now_ms + hb->params->progress_ms;
	}
	if (incomplete >= hb->line_mark + hb->params->progress_bytes) {
		hb->line_mark = incomplete;
		hb->receiving_until_ms = now_ms + hb->params->progress_ms;
	}
}

int64_t heartbeat_deadline_ms(const struct heartbeat *hb)
{
	if (hb->pending_count > 0 && hb->next_check_ms < hb->next_ping_ms)
		return hb->next_check_ms;
	return hb->next_ping_ms;
}

int64_t heartbeat_wait_ms(const struct heartbeat *hb, int64_t now_ms)
{
	for (int i = 0; i < hb->pending_count; i++) {
		if (hb->pending[i].flushed_ms >= 0)
			return now_ms - hb->pending[i].flushed_ms;
	}
	return -1;
}
