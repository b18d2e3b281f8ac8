/* SPDX-License-Identifier: MIT
 *
 * Token buckets; see rate_limit.h.
 */
#include "timed/net/rate_limit.h"

#define SMALLEST_BURST 10

int64_t token_bucket_available(struct token_bucket *b, uint32_t per_minute, uint32_t burst, int64_t now_ms)
{
	int64_t full = (int64_t)burst * TOKEN_PARTS;
	int64_t elapsed = b->begun ? now_ms - b->updated_ms : 0;

	if (!b->begun)
		b->parts = full;
	/* Longer than a whole refill needs no multiplication, which could overflow. */
	else if (elapsed > 0 && per_minute > 0 && elapsed > full / per_minute)
		b->parts = full;
	else if (elapsed > 0)
		b->parts += elapsed * per_minute;
	if (b->parts > full)
		b->parts = full;
	if (!b->begun || elapsed > 0)
		b->updated_ms = now_ms;
	b->begun = true;
	return b->parts / TOKEN_PARTS;
}

void token_bucket_spend(struct token_bucket *b, int64_t tokens)
{
	b->parts -= tokens * TOKEN_PARTS;
}

bool token_bucket_take(struct token_bucket *b, uint32_t per_minute, uint32_t burst, int64_t now_ms)
{
	if (token_bucket_available(b, per_minute, burst, now_ms) < 1)
		return false;
	token_bucket_spend(b, 1);
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
