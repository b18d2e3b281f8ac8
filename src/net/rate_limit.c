/* SPDX-License-Identifier: MIT
 *
 * Token buckets; see rate_limit.h.
 */
#include "timed/net/rate_limit.h"

#define MILLI 1000
#define MINUTE_MS 60000
#define SMALLEST_BURST 10

int64_t token_bucket_available(struct token_bucket *b, uint32_t per_minute, uint32_t burst, int64_t now_ms)
{
	int64_t full = (int64_t)burst * MILLI;

	if (b->updated_ms == 0) {
		b->milli_tokens = full;
	} else if (now_ms > b->updated_ms) {
		int64_t elapsed = now_ms - b->updated_ms;

		/* Longer than a full refill needs no arithmetic, and cannot overflow. */
		if (elapsed >= MINUTE_MS * (int64_t)(burst / (per_minute ? per_minute : 1) + 1))
			b->milli_tokens = full;
		else
			b->milli_tokens += elapsed * per_minute * MILLI / MINUTE_MS;
		if (b->milli_tokens > full)
			b->milli_tokens = full;
	}
	b->updated_ms = now_ms > 0 ? now_ms : 1;
	return b->milli_tokens / MILLI;
}

bool token_bucket_take(struct token_bucket *b, uint32_t per_minute, uint32_t burst, int64_t now_ms)
{
	if (token_bucket_available(b, per_minute, burst, now_ms) < 1)
		return false;
	b->milli_tokens -= MILLI;
	return true;
}

static uint32_t burst_of(uint32_t per_minute)
{
	uint32_t second = per_minute / 60;

	return second > SMALLEST_BURST ? second : SMALLEST_BURST;
}

bool rate_limit_allows(struct rate_limit *r, const struct rate_limit_params *p, enum rate_kind kind, int64_t now_ms)
{
	uint32_t rate = p->per_minute[kind];

	if (!p->enabled || kind == RATE_NONE)
		return true;
	return token_bucket_available(&r->bucket[kind], rate, burst_of(rate), now_ms) >= 1;
}

void rate_limit_charge(struct rate_limit *r, const struct rate_limit_params *p, enum rate_kind kind, int64_t now_ms)
{
	uint32_t rate = p->per_minute[kind];

	if (p->enabled && kind != RATE_NONE)
		(void)token_bucket_take(&r->bucket[kind], rate, burst_of(rate), now_ms);
}
