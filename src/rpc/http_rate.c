// SPDX-License-Identifier: MIT
/* See http_rate.h. */
#include "http_rate.h"

#include "timed/rpc/dispatch.h"
#include "timed/util/clock.h"

/* Enough to pay off the longest batch at one request a second; more would overflow the sum. */
#define RATE_MAX_ELAPSED_MS ((int64_t)1000 * DISPATCH_MAX_BATCH)

void http_rate_init(struct http_rate *rate, uint32_t per_second)
{
	rate->per_second = per_second;
	rate->tokens = rate->per_second * 1000;
	rate->added_ms = clock_mono_ms();
	mutex_init(&rate->lock, "rpc rate", MUTEX_RANK_LEAF);
}

void http_rate_destroy(struct http_rate *rate)
{
	mutex_destroy(&rate->lock);
}

bool http_rate_open(struct http_rate *rate)
{
	int64_t now_ms = clock_mono_ms(), elapsed_ms;
	bool open;

	if (rate->per_second == 0)
		return true;
	mutex_lock(&rate->lock);
	/* As many thousandths come in a millisecond as requests in a second, up to a second's worth. */
	elapsed_ms = now_ms - rate->added_ms < RATE_MAX_ELAPSED_MS ? now_ms - rate->added_ms : RATE_MAX_ELAPSED_MS;
	rate->tokens += elapsed_ms * rate->per_second;
	rate->added_ms = now_ms;
	if (rate->tokens > rate->per_second * 1000)
		rate->tokens = rate->per_second * 1000;
	open = rate->tokens > 0;
	mutex_unlock(&rate->lock);
	return open;
}

void http_rate_charge(struct http_rate *rate, size_t calls)
{
	mutex_lock(&rate->lock);
	rate->tokens -= (int64_t)calls * 1000;
	mutex_unlock(&rate->lock);
}
