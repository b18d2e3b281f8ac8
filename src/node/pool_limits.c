/* SPDX-License-Identifier: MIT
 *
 * Limits of the pool: in which order transactions are evicted, and the fee rate that it takes to come into a full pool.
 *
 * As Bitcoin Core does it: what goes first pays least per byte, by itself and together with what spends it, whichever
 * is more; all that spends it goes along.  The minimum rate then rises above what was evicted, and once a block has
 * made room falls by half in every half-life.  The order is kept in a heap.
 */
#include <errno.h>
#include <stdlib.h>

#include "pool_impl.h"

/* Of the minimum rate, within the pool. */
#define RATE_SCALE 1000
#define MAX_RATE (UINT64_MAX / 4)

/* Products of amounts and sizes. */
__extension__ typedef unsigned __int128 wide;

/* ---- the order of eviction ---- */

static bool pays_less(const struct pool_sum *a, const struct pool_sum *b)
{
	return (wide)a->fees * b->bytes < (wide)b->fees * a->bytes;
}

/* What it is kept for. */
static struct pool_sum score_of(const struct pool_entry *e)
{
	struct pool_sum alone = {1, e->tx.size, e->tx.fee};

	return pays_less(&alone, &e->descendants) ? e->descendants : alone;
}

/* Among equals the one that came last: so nobody replaces another by paying as much. */
static bool goes_before(const struct pool_entry *a, const struct pool_entry *b)
{
	struct pool_sum of_a = score_of(a), of_b = score_of(b);

	if (pays_less(&of_a, &of_b))
		return true;
	return !pays_less(&of_b, &of_a) && a->order > b->order;
}

static void heap_put(struct pool *pool, size_t at, struct pool_entry *e) REQUIRES(pool->lock)
{
	pool->heap[at] = e;
	e->heap_at = at + 1;
}

static void heap_up(struct pool *pool, size_t at, struct pool_entry *e) REQUIRES(pool->lock)
{
	while (at > 0 && goes_before(e, pool->heap[(at - 1) / 2])) {
		heap_put(pool, at, pool->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(pool, at, e);
}

static void heap_down(struct pool *pool, size_t at, struct pool_entry *e) REQUIRES(pool->lock)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < pool->heap_count && goes_before(pool->heap[child + 1], pool->heap[child]))
			child++;
		if (child >= pool->heap_count || !goes_before(pool->heap[child], e))
			break;
		heap_put(pool, at, pool->heap[child]);
		at = child;
	}
	heap_put(pool, at, e);
}

/* Its place is `at`, but for its score. */
static void heap_settle(struct pool *pool, size_t at, struct pool_entry *e) REQUIRES(pool->lock)
{
	if (at > 0 && goes_before(e, pool->heap[(at - 1) / 2]))
		heap_up(pool, at, e);
	else
		heap_down(pool, at, e);
}

void pool_rank_locked(struct pool *pool, struct pool_entry *entry)
{
	bool evictable = entry->present && entry->final_descendants == 0;
	size_t at;

	if (evictable && entry->heap_at == 0) {
		CHECK(pool->heap_count < pool->heap_capacity);
		heap_up(pool, pool->heap_count++, entry);
	} else if (evictable) {
		heap_settle(pool, entry->heap_at - 1, entry);
	} else if (entry->heap_at > 0) {
		at = entry->heap_at - 1;
		entry->heap_at = 0;
		pool->heap_count--;
		if (at < pool->heap_count)
			heap_settle(pool, at, pool->heap[pool->heap_count]);
	}
}

int pool_heap_reserve_locked(struct pool *pool)
{
	size_t capacity = pool->heap_capacity ? 2 * pool->heap_capacity : 64;
	struct pool_entry **grown;

	if (pool->count < pool->heap_capacity)
		return 0;
	grown = realloc(pool->heap, capacity * sizeof(grown[0]));
	if (!grown)
		return -ENOMEM;
	pool->heap = grown;
	pool->heap_capacity = capacity;
	return 0;
}

/* ---- the minimum rate ---- */

/* 2^-x for x from 0 to 1, by its Taylor series: off by less than 0.02 %. */
static double power_of_half(double x)
{
	return 1 - x * (0.69314718 - x * (0.24022651 - x * (0.05550411 - x * (0.00961813 - x * 0.00133336))));
}

/* x / 2^(elapsed / half_life), whether in many small steps or a great one. */
static uint64_t halve(uint64_t x, uint64_t elapsed, uint64_t half_life)
{
	uint64_t halvings = elapsed / half_life;

	if (halvings >= 64)
		return 0;
	return (uint64_t)((double)(x >> halvings) * power_of_half((double)(elapsed % half_life) / (double)half_life));
}

/* It falls faster in a pool that has much room. */
static int64_t half_life(const struct pool *pool) REQUIRES(pool->lock)
{
	int64_t all = pool->params.rate_half_life_s;
	size_t usage = pool_usage_locked(pool), max = pool->params.max_bytes;

	if (usage < max / 4 && pool->count < pool->params.max_count / 4)
		return all / 4;
	if (usage < max / 2 && pool->count < pool->params.max_count / 2)
		return all / 2;
	return all;
}

uint64_t pool_min_rate_locked(struct pool *pool, int64_t now_s)
{
	int64_t life = half_life(pool), elapsed = now_s - pool->rate_since_s;

	if (pool->rate > 0 && pool->rate_falls && elapsed > 0 && life > 0) {
		pool->rate = halve(pool->rate, (uint64_t)elapsed, (uint64_t)life);
		if (pool->rate < pool->params.rate_step * RATE_SCALE / 2)
			pool->rate = 0;
	}
	pool->rate_since_s = now_s; /* a clock that was put back loses nothing but the time between */
	return pool->rate / RATE_SCALE;
}

static void raise_rate(struct pool *pool, const struct pool_sum *evicted, int64_t now_s) REQUIRES(pool->lock)
{
	wide rate =
		(wide)evicted->fees * 1000 * RATE_SCALE / evicted->bytes + (wide)pool->params.rate_step * RATE_SCALE;

	(void)pool_min_rate_locked(pool, now_s);
	if (rate <= pool->rate)
		return;
	pool->rate = rate > MAX_RATE ? MAX_RATE : (uint64_t)rate;
	pool->rate_falls = false;
}

/* ---- limits ---- */

size_t pool_usage_locked(const struct pool *pool)
{
	return pool->memory + pool_table_bytes(&pool->txids) + pool_table_bytes(&pool->spends) +
	       pool_table_bytes(&pool->payers) + pool_table_bytes(&pool->payees) +
	       pool->heap_capacity * sizeof(pool->heap[0]);
}

bool pool_is_over_locked(const struct pool *pool)
{
	return pool->count > pool->params.max_count || pool_usage_locked(pool) > pool->params.max_bytes;
}

void pool_trim_locked(struct pool *pool, struct pool_events *events, int64_t now_s)
{
	struct pool_cause cause = {.kind = POOL_EVICTED, .at_s = now_s};

	while (pool->heap_count > 0 && pool_is_over_locked(pool)) {
		struct pool_sum evicted = pool->heap[0]->descendants;

		pool_remove_locked(pool, events, pool->heap[0], &cause);
		/* If nobody else could go it was not for its fee, and whoever offers much for nothing, since he will
		 * not be taken, must not make the pool dear. */
		if (pool->heap_count > 0)
			raise_rate(pool, &evicted, now_s);
	}
}
