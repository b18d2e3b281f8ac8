/* SPDX-License-Identifier: MIT
 *
 * The chain thread; see chain_thread.h.
 */
#include "chain_thread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/progress.h"
#include "timed/util/thread.h"
#include "timeproto/chain/hash.h"

struct chain_thread {
	struct chain_store *store; /* written by the chain thread alone */
	struct chain_thread_params params;
	struct chain_ops ops;
	struct thread thread;

	struct mutex lock; /* guards the three below; leaf */
	struct cond work;
	struct chain_job *first, **last;
	bool quit;

	/* Chain thread only. */
	bool failed;		 /* the store has failed: nothing more is done */
	int64_t unsynced_since_ms; /* when the oldest block that is not on the disk was connected; 0: all are */
};

static bool is_store_error(int r)
{
	return r && (r < CHAIN_STORE_E_RULE);
}

static void fail(struct chain_thread *c)
{
	if (c->failed)
		return;
	c->failed = true;
	c->ops.failed(c->ops.user, "the chain cannot be written or read: see the lines before");
}

/* Writes what has gathered and tells of the new tip. */
static void publish(struct chain_thread *c, bool sync, bool bulk)
{
	struct chain_view *view;
	struct chain_summary summary;

	if (c->failed)
		return;
	progress_mark(c->params.progress, "writing blocks");
	if (chain_store_flush(c->store, sync)) {
		fail(c);
		return;
	}
	if (sync)
		c->unsynced_since_ms = 0;
	view = chain_store_view(c->store);
	summary = *chain_view_summary(view);
	chain_view_unref(view);
	progress_mark(c->params.progress, "passing a new tip on");
	c->ops.tip(c->ops.user, &summary, bulk);
}

/* A block that the chain has already: somebody else was faster. */
static bool is_connected(struct chain_thread *c, const struct wire_block *block, const struct block_ids *ids)
{
	const struct chain_point *tip = chain_store_tip(c->store);
	struct chain_view *view;
	struct wire_hash hash;
	bool same;

	if (block->header.height > tip->height)
		return false;
	if (block->header.height == tip->height)
		return hash_equal(&ids->hash, &tip->hash);
	view = chain_store_view(c->store);
	same = chain_view_hash(view, &hash, block->header.height) == 0 && hash_equal(&ids->hash, &hash);
	chain_view_unref(view);
	return same;
}

static void connect(struct chain_thread *c, struct chain_job *job)
{
	int64_t begun_us = clock_mono_us(), now_s = clock_real_s();

	for (size_t i = 0; i < job->count && !job->error; i++) {
		progress_mark(c->params.progress, "looking at blocks");
		if (is_connected(c, &job->blocks[i], &job->ids[i])) {
			job->known++;
		} else {
			job->error = chain_store_connect(c->store, &job->fault, &job->blocks[i], &job->ids[i], now_s);
			if (job->error)
				break;
		}
		job->connected++;
		if (chain_store_gathered_bytes(c->store) >= c->params.gather_bytes)
			publish(c, false, true);
	}
	if (job->connected > job->known && !c->unsynced_since_ms)
		c->unsynced_since_ms = begun_us / 1000;
	if (!job->bulk && job->connected > job->known)
		publish(c, true, false);
	job->connect_us = clock_mono_us() - begun_us;
}

static void keep(struct chain_thread *c, struct chain_job *job)
{
	for (size_t i = 0; i < job->count && !job->error; i++) {
		progress_mark(c->params.progress, "keeping blocks of a branch");
		job->error = chain_store_keep(c->store, &job->blocks[i], &job->ids[i]);
		job->connected += job->error == 0;
	}
}

static void reorganise(struct chain_thread *c, struct chain_job *job)
{
	struct chain_point before;
	char from[HASH_TEXT_SIZE], to[HASH_TEXT_SIZE];

	publish(c, true, true);
	if (c->failed)
		return;
	before = *chain_store_tip(c->store);
	job->error = chain_store_reorganise(c->store, &job->fault, &job->to, clock_real_s(), &job->reorg);
	if (!job->error) {
		const struct chain_point *tip = chain_store_tip(c->store);

		log_warn(LOG_CHAIN,
			 "🔀 Reorganised: %" PRIu64 " blocks undone, %" PRIu64 " connected; tip %" PRIu64 " %s, before %" PRIu64
			 " %s",
			 job->reorg.undone, job->reorg.connected, tip->height, hash_text(to, &tip->hash), before.height,
			 hash_text(from, &before.hash));
		publish(c, true, true);
		if (chain_store_trim_branches(c->store))
			fail(c);
	}
}

static void run_job(struct chain_thread *c, struct chain_job *job)
{
	job->error = 0;
	job->connected = job->known = 0;
	job->reorg = (struct chain_reorg){0};
	job->connect_us = 0;
	if (c->failed) {
		job->error = -ECANCELED;
		return;
	}
	switch (job->kind) {
	case CHAIN_CONNECT:
		connect(c, job);
		break;
	case CHAIN_KEEP:
		keep(c, job);
		break;
	case CHAIN_REORGANISE:
		reorganise(c, job);
		break;
	}
	if (is_store_error(job->error))
		fail(c);
	/* What could not be written is not on the chain. */
	if (c->failed && !job->error) {
		job->error = -ECANCELED;
		job->connected = job->known = 0;
	}
}

static int64_t min_due(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When what was done must be on the disk; INT64_MAX when nothing waits. */
static int64_t deadline(const struct chain_thread *c)
{
	return c->unsynced_since_ms ? c->unsynced_since_ms + c->params.sync_ms : INT64_MAX;
}

static bool is_queue_empty(struct chain_thread *c)
{
	bool empty;

	mutex_lock(&c->lock);
	empty = !c->first;
	mutex_unlock(&c->lock);
	return empty;
}

/* Writes what has gathered when it has waited for long enough, or for nothing: the load has ended. */
static void end_gathering(struct chain_thread *c)
{
	if (!c->unsynced_since_ms)
		return;
	if (clock_mono_ms() >= deadline(c) || (is_queue_empty(c) && !c->ops.expects_more(c->ops.user)))
		publish(c, true, true);
}

/* The next job; NULL: a deadline has passed (*quit false) or the thread is to end. */
static struct chain_job *next_job(struct chain_thread *c, bool *quit)
{
	struct chain_job *job;
	int64_t due = min_due(c->failed ? INT64_MAX : deadline(c), progress_due_ms(c->params.progress));

	progress_mark(c->params.progress, "waiting for blocks");
	mutex_lock(&c->lock);
	while (!c->first && !c->quit) {
		if (due == INT64_MAX)
			cond_wait(&c->work, &c->lock);
		else if (cond_wait_until(&c->work, &c->lock, due))
			break;
	}
	*quit = c->quit;
	job = c->quit ? NULL : c->first;
	if (job) {
		c->first = job->next;
		if (!c->first)
			c->last = &c->first;
	}
	mutex_unlock(&c->lock);
	return job;
}

static void *chain_thread_run(void *arg)
{
	struct chain_thread *c = arg;
	bool quit = false;

	while (!quit) {
		struct chain_job *job = next_job(c, &quit);

		if (job) {
			run_job(c, job);
			c->ops.ran(c->ops.user, job);
			job->done(job);
		}
		if (!quit)
			end_gathering(c);
	}
	publish(c, true, true);
	progress_end(c->params.progress);
	return NULL;
}

static void cancel(struct chain_job *job)
{
	job->error = -ECANCELED;
	job->connected = job->known = 0;
	job->done(job);
}

void chain_thread_push(struct chain_thread *c, struct chain_job *job)
{
	bool quit;

	job->next = NULL;
	mutex_lock(&c->lock);
	quit = c->quit;
	if (!quit) {
		*c->last = job;
		c->last = &job->next;
		cond_signal(&c->work);
	}
	mutex_unlock(&c->lock);
	if (quit)
		cancel(job);
}

int chain_thread_open(struct chain_thread **out, struct store_failure *failure, struct store *store,
	       const struct chain_store_params *params, const struct chain_thread_params *node_params,
	       const struct chain_ops *ops)
{
	struct chain_thread *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		*failure = (struct store_failure){.error = STORE_E_IO, .text = "Out of memory"};
		return STORE_E_IO;
	}
	r = chain_store_open(&c->store, failure, store, params);
	if (r) {
		free(c);
		return r;
	}
	progress_end(node_params->progress); /* the opening has marked, and the thread does not run yet */
	c->params = *node_params;
	c->ops = *ops;
	c->last = &c->first;
	mutex_init(&c->lock, "chain", MUTEX_RANK_LEAF);
	cond_init(&c->work);
	*out = c;
	return 0;
}

int chain_thread_start(struct chain_thread *c)
{
	return thread_start(&c->thread, "chain", chain_thread_run, c);
}

void chain_thread_stop(struct chain_thread *c)
{
	struct chain_job *job;

	mutex_lock(&c->lock);
	c->quit = true;
	cond_signal(&c->work);
	mutex_unlock(&c->lock);
	if (c->thread.started)
		thread_join(&c->thread);
	mutex_lock(&c->lock);
	job = c->first;
	c->first = NULL;
	c->last = &c->first;
	mutex_unlock(&c->lock);
	while (job) {
		struct chain_job *next = job->next;

		cancel(job);
		job = next;
	}
}

void chain_thread_close(struct chain_thread *c)
{
	if (!c)
		return;
	chain_store_close(c->store);
	cond_destroy(&c->work);
	mutex_destroy(&c->lock);
	free(c);
}

struct chain_store *chain_thread_get_store(struct chain_thread *c)
{
	return c->store;
}

struct chain_view *chain_thread_take_view(struct chain_thread *c)
{
	return chain_store_view(c->store);
}
