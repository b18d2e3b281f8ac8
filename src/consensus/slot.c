// SPDX-License-Identifier: MIT
/* Slots and whose turn it is in them: see slot.h. */
#include "timed/consensus/slot.h"

#include "timeproto/chain/leader.h"

/* When the slot begins; false: beyond the end of time. */
static bool slot_start(int64_t *out, const struct slot_params *params, uint64_t height, int64_t tip_timestamp)
{
	uint64_t since;
	int64_t start, start_ms;

	if (__builtin_mul_overflow(height, params->block_time_s, &since) || since > INT64_MAX ||
	    __builtin_add_overflow(params->genesis_s, (int64_t)since, &start))
		return false;
	if (start <= tip_timestamp && __builtin_add_overflow(tip_timestamp, 1, &start))
		return false;
	if (__builtin_mul_overflow(start, 1000, &start_ms))
		return false;
	*out = start;
	return true;
}

void slot_at(struct slot *out, const struct slot_params *params, uint64_t height, int64_t tip_timestamp,
	     const struct wire_str *addresses, size_t count, int own, int64_t now_ms)
{
	int64_t start_ms, late_ms;

	*out = (struct slot){.again_ms = INT64_MAX};
	if (!slot_start(&out->timestamp, params, height, tip_timestamp))
		return;
	start_ms = out->timestamp * 1000;
	if (now_ms < start_ms) {
		out->again_ms = start_ms;
		return;
	}
	out->due = true;
	if (count == 0 || count < params->min_masternodes || __builtin_sub_overflow(now_ms, start_ms, &late_ms))
		return;
	out->round = (uint64_t)(late_ms / params->patience_ms);
	out->leader = leader_of_round(leader_first(height, addresses, count), out->round, count);
	out->ours = own >= 0 && out->leader == (size_t)own;
	if (__builtin_add_overflow(now_ms, params->patience_ms - late_ms % params->patience_ms, &out->again_ms))
		out->again_ms = INT64_MAX;
}
