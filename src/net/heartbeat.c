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
	hb->counted_ms = hb->excused_until_ms = hb->seen_ms = hb->mark_ms = now_ms;
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

/* Gives the outstanding pings the excused part of the time that has passed since the last call. */
static void count_excuses(struct heartbeat *hb, int64_t now_ms)
{
	int64_t end_ms = now_ms < hb->excused_until_ms ? now_ms : hb->excused_until_ms;

	for (int i = 0; i < hb->pending_count; i++) {
		struct heartbeat_ping *ping = &hb->pending[i];
		int64_t begin_ms = ping->flushed_ms > hb->counted_ms ? ping->flushed_ms : hb->counted_ms;

		if (ping->flushed_ms >= 0 && ping->lines < HEARTBEAT_MAX_LINES && end_ms > begin_ms)
			ping->excused_ms += end_ms - begin_ms;
	}
	if (now_ms > hb->counted_ms)
		hb->counted_ms = now_ms;
}

/* Takes one ping that is past its time out of the list. */
static bool take_missed(struct heartbeat *hb, int64_t now_ms)
{
	count_excuses(hb, now_ms);
	for (int i = 0; i < hb->pending_count; i++) {
		const struct heartbeat_ping *ping = &hb->pending[i];

		if (ping->flushed_ms >= 0 && now_ms - ping->flushed_ms - ping->excused_ms >= hb->params->timeout_ms) {
			remove_pending(hb, i);
			return true;
		}
	}
	return false;
}

enum heartbeat_action heartbeat_tick(struct heartbeat *hb, uint64_t nonce, int64_t now_ms)
{
	if (now_ms >= hb->next_check_ms) {
		if (take_missed(hb, now_ms))
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

/* The line is complete, and so is what it excuses.  One that is followed at once by more than there was of it is taken
 * for a line that goes on: that cannot be done often, the longest line bounds it. */
static void end_line(struct heartbeat *hb, int64_t now_ms)
{
	for (int i = 0; hb->line_len >= hb->params->progress_bytes && i < hb->pending_count; i++)
		hb->pending[i].lines += hb->pending[i].flushed_ms >= 0;
	hb->excused_until_ms = now_ms;
	hb->line_mark = 0;
	hb->mark_ms = now_ms;
}

void heartbeat_received(struct heartbeat *hb, size_t incomplete, int64_t now_ms)
{
	count_excuses(hb, now_ms);
	if (incomplete < hb->line_len) {
		end_line(hb, now_ms);
	} else if (now_ms - hb->mark_ms > hb->params->progress_ms) {
		/* What grew too slowly does not count any more; what comes after a pause has grown just now. */
		hb->line_mark = hb->line_len;
		hb->mark_ms = now_ms - hb->seen_ms > hb->params->progress_ms ? now_ms : hb->seen_ms;
	}
	hb->line_len = incomplete;
	hb->seen_ms = now_ms;
	if (incomplete - hb->line_mark >= hb->params->progress_bytes) {
		hb->line_mark = incomplete;
		hb->mark_ms = now_ms;
		hb->excused_until_ms = now_ms + hb->params->progress_ms;
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
