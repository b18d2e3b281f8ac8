/* SPDX-License-Identifier: MIT
 *
 * Counts and the latest blocks; see counters.h.
 */
#include "counters.h"

#include <string.h>

#include "timed/util/clock.h"
#include "timeproto/base/arena.h"

/* What one block may take to be decoded. */
#define BLOCK_ARENA_BYTES ((size_t)64 << 20)
#define MS INT64_C(1000)
#define SECOND (1000 * MS)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static const int64_t connect_bounds[] = {
	100, 250, 500, MS, 2500, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, SECOND, 5 * SECOND,
};
static const int64_t delay_bounds[] = {
	250 * MS, 500 * MS, SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 15 * SECOND, 30 * SECOND, 60 * SECOND,
	120 * SECOND, 300 * SECOND, 600 * SECOND,
};
static const int64_t finality_bounds[] = {
	5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, SECOND, 2 * SECOND, 5 * SECOND, 15 * SECOND,
	60 * SECOND,
};
/* clang-format on */

void counters_init(struct counters *c)
{
	histogram_init(&c->block_connect, connect_bounds, COUNT(connect_bounds));
	histogram_init(&c->block_delay, delay_bounds, COUNT(delay_bounds));
	histogram_init(&c->finality, finality_bounds, COUNT(finality_bounds));
	mutex_init(&c->lock, "counters", MUTEX_RANK_LEAF);
	c->tip = UINT64_MAX;
}

void counters_destroy(struct counters *c)
{
	mutex_destroy(&c->lock);
}

/* ---- the latest blocks ---- */

static void describe(struct node_block *out, const struct wire_block *block, const struct wire_hash *hash)
{
	*out = (struct node_block){
		.height = block->header.height,
		.hash = *hash,
		.timestamp = block->header.timestamp,
		.transactions = block->transactions.len,
		.certified = block->commit != NULL,
		.round = block->commit ? block->commit->round : 0,
		.signatures = block->commit ? block->commit->signatures.len : 0,
	};
}

static void remember(struct counters *c, const struct node_block *block)
{
	mutex_lock(&c->lock);
	c->recent[block->height % NODE_RECENT_BLOCKS] = *block;
	c->tip = block->height;
	mutex_unlock(&c->lock);
}

void counters_load(struct counters *c, struct chain_view *view)
{
	uint64_t tip = chain_view_summary(view)->tip.height;
	uint64_t height = tip >= NODE_RECENT_BLOCKS ? tip - NODE_RECENT_BLOCKS + 1 : 0;
	struct arena arena;

	mutex_lock(&c->lock);
	memset(c->recent, 0, sizeof(c->recent));
	mutex_unlock(&c->lock);
	for (; height <= tip; height++) {
		struct node_block known;
		struct wire_block block;
		struct wire_hash hash;

		arena_init(&arena, BLOCK_ARENA_BYTES, NULL);
		if (chain_view_hash(view, &hash, height) == 0 && chain_view_block(view, &block, &arena, height) == 0) {
			describe(&known, &block, &hash);
			remember(c, &known);
		}
		arena_free(&arena);
	}
}

size_t counters_recent(struct counters *c, struct node_block out[NODE_RECENT_BLOCKS])
{
	size_t count = 0;

	mutex_lock(&c->lock);
	for (uint64_t height = c->tip; c->tip != UINT64_MAX && count < NODE_RECENT_BLOCKS; height--) {
		const struct node_block *block = &c->recent[height % NODE_RECENT_BLOCKS];

		if (block->height != height || block->timestamp == 0)
			break;
		out[count++] = *block;
		if (height == 0)
			break;
	}
	mutex_unlock(&c->lock);
	return count;
}

/* ---- counting ---- */

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void connected(struct counters *c, const struct chain_job *job)
{
	size_t fresh = job->connected - job->known;
	size_t from = job->connected > NODE_RECENT_BLOCKS ? job->connected - NODE_RECENT_BLOCKS : 0;
	int64_t now_ms = clock_real_ms();

	if (from < job->known)
		from = job->known;
	add(job->bulk ? &c->blocks_synced : &c->blocks_connected, fresh);
	for (size_t i = 0; i < fresh; i++)
		histogram_add(&c->block_connect, job->connect_us / (int64_t)fresh);
	for (size_t i = from; i < job->connected; i++) {
		struct node_block block;

		describe(&block, &job->blocks[i], &job->ids[i].hash);
		if (!job->bulk) {
			block.connected_ms = now_ms;
			add(&c->failed_rounds, block.round);
			histogram_add(&c->block_delay, (now_ms - block.timestamp * 1000) * 1000);
		}
		remember(c, &block);
	}
	if (job->error == CHAIN_STORE_E_RULE)
		add(&c->blocks_refused, 1);
}

void counters_ran(struct counters *c, const struct chain_job *job)
{
	switch (job->kind) {
	case CHAIN_CONNECT:
		connected(c, job);
		break;
	case CHAIN_KEEP:
		break;
	case CHAIN_REORGANISE:
		if (job->error)
			break;
		add(&c->reorgs, 1);
		add(&c->blocks_undone, job->reorg.undone);
		add(&c->blocks_synced, job->reorg.connected);
		break;
	}
}

void counters_pool_event(struct counters *c, const struct pool_event *event)
{
	add(&c->pool_events[event->kind], 1);
	if (event->kind == POOL_NOW_FINAL && event->inserted_us)
		histogram_add(&c->finality, clock_mono_us() - event->inserted_us);
}

void counters_read(struct counters *c, struct node_stats *out)
{
	histogram_read(&c->block_connect, &out->block_connect);
	histogram_read(&c->block_delay, &out->block_delay);
	histogram_read(&c->finality, &out->finality);
	out->blocks_connected = atomic_load_explicit(&c->blocks_connected, memory_order_relaxed);
	out->blocks_synced = atomic_load_explicit(&c->blocks_synced, memory_order_relaxed);
	out->blocks_refused = atomic_load_explicit(&c->blocks_refused, memory_order_relaxed);
	out->blocks_undone = atomic_load_explicit(&c->blocks_undone, memory_order_relaxed);
	out->reorgs = atomic_load_explicit(&c->reorgs, memory_order_relaxed);
	out->failed_rounds = atomic_load_explicit(&c->failed_rounds, memory_order_relaxed);
	for (int i = 0; i < POOL_EVENT_KIND_COUNT; i++)
		out->pool_events[i] = atomic_load_explicit(&c->pool_events[i], memory_order_relaxed);
}
