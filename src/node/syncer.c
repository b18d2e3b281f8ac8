/* SPDX-License-Identifier: MIT
 *
 * Fetching the chain; see syncer.h.
 */
#include "syncer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "chain_thread.h"
#include "halt.h"
#include "node_impl.h"
#include "range.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"

/* A request that could not be sent is tried again after this: existing nodes are asked 8 times a second at most. */
#define ASK_AGAIN_MS 130
/* So few peers may all be woken at any time; with more, once in as many milliseconds as there are more. */
#define FEW_PEERS 16
/* Progress is told this often. */
#define PROGRESS_MS 5000
/* That a branch does not fit is told this often. */
#define FULL_MS 600000
/* Senders of kept blocks that are remembered; a branch is shorter. */
#define MAX_KEPT 4096

/* Who sent a block that is kept for a reorganisation. */
struct kept {
	struct wire_hash hash;
	struct peer *peer; /* counted */
};

struct syncer {
	struct node *node;
	struct kept *kept; /* chain thread only, as the next two: blocks of the branch that is being fetched */
	size_t kept_count, kept_capacity;
	int64_t full_due_ms; /* chain thread only: not told again before */
	atomic_int_fast64_t keeper_due_ms; /* what the keeper was told last */
	atomic_bool poke_waits;		   /* workers are to be woken ... */
	atomic_int_fast64_t poke_due_ms;   /* ... not before */
	int64_t progress_due_ms;	   /* keeper only */
	bool told_syncing;		   /* keeper only */

	struct mutex lock; /* guards the two below; rank MUTEX_RANK_SYNC */
	struct sync *sync;
	bool obeying; /* a thread is in obey() */
};

static void obey(struct syncer *s);

/* Leaves the lock, and has the keeper look earlier when something is due earlier. */
static void leave(struct syncer *s) RELEASE(s->lock)
{
	int64_t due_ms = sync_deadline_ms(s->sync);

	mutex_unlock(&s->lock);
	if (due_ms < atomic_load(&s->keeper_due_ms))
		net_wake_keeper(s->node->net);
	obey(s);
}

static struct chain_point tip_now(const struct syncer *s)
{
	struct chain_summary now;

	node_chain_summary(s->node, &now);
	return now.tip;
}

/* ---- Work for the chain thread ---- */

/* A reorganisation: work without blocks. */
struct reorganisation {
	struct syncer *syncer;
	struct chain_job job;
	uint64_t work_id;
	uint64_t height; /* of job.to */
};

/* The tip after a job: the chain thread knows the newest; a job that is cancelled may be so by any thread. */
static struct chain_point tip_after(const struct syncer *s, const struct chain_job *job)
{
	return job->error == -ECANCELED ? tip_now(s) : *chain_store_tip(chain_thread_get_store(s->node->chain));
}

static enum sync_outcome outcome_of(const struct chain_job *job)
{
	switch (job->error) {
	case 0:
		return SYNC_DONE;
	case CHAIN_STORE_E_RULE:
		if (job->fault.error == CHAIN_E_TIME_AHEAD)
			return SYNC_TIME_AHEAD;
		if (job->fault.error == CHAIN_E_HEIGHT || job->fault.error == CHAIN_E_PREVIOUS)
			return SYNC_STALE;
		return SYNC_RULE;
	case CHAIN_STORE_E_UNKNOWN:
		return SYNC_STALE;
	case CHAIN_STORE_E_TOO_DEEP:
	case CHAIN_STORE_E_FINAL:
		return SYNC_TOO_DEEP;
	}
	return SYNC_FAILED;
}

static void report(struct syncer *s, uint64_t work_id, const struct sync_result *result)
{
	mutex_lock(&s->lock);
	sync_work_done(s->sync, work_id, result, clock_mono_ms());
	leave(s);
}

/* Chain thread, this and the next two: senders of kept blocks.  One that cannot be remembered cannot be blamed. */
static void kept_clear(struct syncer *s)
{
	for (size_t i = 0; i < s->kept_count; i++)
		peer_unref(s->kept[i].peer);
	free(s->kept);
	s->kept = NULL;
	s->kept_count = s->kept_capacity = 0;
}

static void kept_add(struct syncer *s, const struct chain_job *job, struct peer *peer)
{
	size_t wanted;

	if (s->kept_count > MAX_KEPT)
		kept_clear(s);
	wanted = s->kept_count + job->connected;
	if (wanted > s->kept_capacity) {
		struct kept *more = reallocarray(s->kept, 2 * wanted, sizeof(*more));

		if (!more)
			return;
		s->kept = more;
		s->kept_capacity = 2 * wanted;
	}
	for (size_t i = 0; i < job->connected; i++)
		s->kept[s->kept_count++] = (struct kept){job->ids[i].hash, peer_ref(peer)};
}

static void kept_blame(struct syncer *s, const struct wire_hash *hash, const struct chain_fault *fault)
{
	for (size_t i = 0; i < s->kept_count; i++) {
		if (hash_equal(&s->kept[i].hash, hash))
			peer_violation(s->kept[i].peer, fault->text);
	}
}

/* Chain thread. */
static void reorganised(struct chain_job *job)
{
	struct reorganisation *r = (struct reorganisation *)((char *)job - offsetof(struct reorganisation, job));
	struct sync_result result = {
		.outcome = outcome_of(job),
		.tip = tip_after(r->syncer, job),
		.fault_height = job->reorg.failed_height,
		.fault_hash = job->reorg.failed,
	};

	if (result.outcome == SYNC_RULE)
		kept_blame(r->syncer, &job->reorg.failed, &job->fault);
	kept_clear(r->syncer);
	if (job->error)
		log_warn(LOG_CHAIN, "Reorganisation to height %" PRIu64 " failed, the old chain stays: %s", r->height,
			 job->error == CHAIN_STORE_E_RULE ? job->fault.text : "see above");
	report(r->syncer, r->work_id, &result);
	free(r);
}

/* Chain thread: the branch of our peers cannot be kept. */
static void tell_full(struct syncer *s)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms < s->full_due_ms)
		return;
	s->full_due_ms = now_ms + FULL_MS;
	log_error(LOG_CHAIN,
		  "🔀 The chain of our peers cannot be taken: its blocks above the common ancestor exceed "
		  "limits.branch_bytes (%zu).  Raise it, or this node stays on a chain of its own",
		  s->node->config->limits.branch_bytes);
}

/* Chain thread: the blocks of a range were connected or kept. */
static void range_done(struct range *range, struct chain_job *job, uint64_t work_id)
{
	struct syncer *s = range->user;
	struct sync_result result = {
		.outcome = outcome_of(job),
		.tip = tip_after(s, job),
	};

	if (job->kind == CHAIN_KEEP)
		kept_add(s, job, range->peer);
	if (job->error == CHAIN_STORE_E_FULL)
		tell_full(s);
	if (job->error == CHAIN_STORE_E_RULE) {
		result.fault_height = job->blocks[job->connected].header.height;
		result.fault_hash = job->ids[job->connected].hash;
		if (result.outcome == SYNC_RULE)
			range_blame(range, result.fault_height, &result.fault_hash, &job->fault);
	}
	report(s, work_id, &result);
}

static void start_work(struct syncer *s, const struct sync_work *work)
{
	struct reorganisation *r;

	if (work->kind != SYNC_WORK_REORGANISE) {
		range_push(work->payload, s->node->chain,
			   work->kind == SYNC_WORK_CONNECT ? CHAIN_CONNECT : CHAIN_KEEP, work->skip, work->count,
			   work->id, range_done);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		struct sync_result failed = {.outcome = SYNC_FAILED, .tip = tip_now(s)};

		report(s, work->id, &failed);
		return;
	}
	r->syncer = s;
	r->work_id = work->id;
	r->height = work->first;
	r->job = (struct chain_job){.kind = CHAIN_REORGANISE, .to = work->hash, .done = reorganised};
	chain_thread_push(s->node->chain, &r->job);
}

/* ---- What the state machine wants done ---- */

struct find {
	uint64_t id;
	struct peer *peer;
};

static void find_one(struct peer *peer, void *user)
{
	struct find *find = user;

	if (peer_id(peer) == find->id)
		find->peer = peer_ref(peer);
}

static void blame(struct syncer *s, const struct sync_action *action)
{
	struct find find = {.id = action->peer};
	const char *what = sync_verdict_name(action->verdict);

	net_each_peer(s->node->net, find_one, &find);
	if (!find.peer)
		return;
	switch (action->verdict) {
	case SYNC_VERDICT_LIED:
	case SYNC_VERDICT_FALSE_CLAIM:
	case SYNC_VERDICT_SHRUNK:
		peer_violation(find.peer, what);
		break;
	case SYNC_VERDICT_BARE:
		log_limited(peer_log_limit(find.peer), LOG_CHAIN, LOG_LEVEL_WARN,
			    "%s has block %" PRIu64 " without its certificate, which its kind may not know: it is not "
			    "asked for blocks for a while",
			    peer_ip_text(find.peer), action->height);
		break;
	case SYNC_VERDICT_TURNED:
	case SYNC_VERDICT_WITHHOLDS:
		log_limited(peer_log_limit(find.peer), LOG_CHAIN, LOG_LEVEL_INFO, "%s %s (height %" PRIu64 ")",
			    peer_ip_text(find.peer), what, action->height);
		break;
	}
	peer_unref(find.peer);
}

static void tell(const struct sync_action *a)
{
	char hash[HASH_TEXT_SIZE];

	hash_text(hash, &a->hash);
	switch (a->note) {
	case SYNC_NOTE_FORK:
		log_warn(LOG_CHAIN, "🔀 Peers disagree about block %" PRIu64 ": asking all of them", a->height);
		break;
	case SYNC_NOTE_FORK_UNDECIDED:
		log_warn(LOG_CHAIN, "🔀 No decision about block %" PRIu64 ": %" PRIu32 " of %" PRIu32
			 " peers for the first chain; asking again later", a->height, a->voices, a->of);
		break;
	case SYNC_NOTE_FORK_STAYS:
		log_info(LOG_CHAIN, "🔀 Our chain stays: %" PRIu32 " of %" PRIu32 " peers at block %" PRIu64, a->voices,
			 a->of, a->height);
		break;
	case SYNC_NOTE_FORK_LOST:
		log_warn(LOG_CHAIN, "🔀 Another chain has won: %" PRIu32 " of %" PRIu32 " peers for block %" PRIu64
			 " %s; %" PRIu64 " of our blocks will be undone", a->voices, a->of, a->height, hash, a->depth);
		break;
	case SYNC_NOTE_TOO_DEEP:
		log_error(LOG_CHAIN, "🔀 REFUSED: the chain of %" PRIu32 " of %" PRIu32 " peers (block %" PRIu64
			  " %s) forks off %" PRIu64 " blocks below our tip, more than may be undone.  If theirs is right, "
			  "stop this node, remove its database and start again", a->voices, a->of, a->height, hash,
			  a->depth);
		break;
	case SYNC_NOTE_REORGANISED:
		log_info(LOG_CHAIN, "🔀 On the chain of our peers now: block %" PRIu64 " %s", a->height, hash);
		break;
	case SYNC_NOTE_REFUSED:
		log_error(LOG_CHAIN, "🚫 REFUSED: block %" PRIu64 " (%s) breaks a rule, though peers agree on it: their "
			  "chain is not followed", a->height, hash);
		break;
	}
}

/* Wakes all workers, but with many of them not for every little thing: a thousand idle peers would keep a core busy with
 * telling each other that there is nothing to do.  What has to wait is the keeper's. */
static void poke_if_due(struct syncer *s, int64_t now_ms)
{
	int64_t due_ms = atomic_load(&s->poke_due_ms), peers = net_ready_count(s->node->net);
	int64_t rest_ms = peers > FEW_PEERS ? peers - FEW_PEERS : 0;

	if (now_ms < due_ms) {
		if (atomic_load(&s->keeper_due_ms) > due_ms)
			net_wake_keeper(s->node->net);
		return;
	}
	if (atomic_compare_exchange_strong(&s->poke_due_ms, &due_ms, now_ms + rest_ms) &&
	    atomic_exchange(&s->poke_waits, false))
		net_poke_all(s->node->net);
}

/* The first of obey(): false when another call is at it, which sees to what there is now as well. */
static bool begin_obeying(struct syncer *s)
{
	bool first;

	mutex_lock(&s->lock);
	first = !s->obeying;
	s->obeying = true;
	mutex_unlock(&s->lock);
	return first;
}

/* False: there is nothing left to do, and obey() ends. */
static bool next_action(struct syncer *s, struct sync_action *out)
{
	bool got;

	mutex_lock(&s->lock);
	got = sync_take_action(s->sync, out);
	if (!got)
		s->obeying = false;
	mutex_unlock(&s->lock);
	return got;
}

static bool next_work(struct syncer *s, struct sync_work *out)
{
	bool got;

	mutex_lock(&s->lock);
	got = sync_take_work(s->sync, out, clock_mono_ms());
	mutex_unlock(&s->lock);
	return got;
}

/* Pure state has been stepped under the lock; what it wants is done without, by one thread at a time: work goes to the
 * chain in the order in which it was taken. */
static void obey(struct syncer *s)
{
	struct sync_action action;
	struct sync_work work;

	if (!begin_obeying(s))
		return;
	while (next_action(s, &action)) {
		switch (action.kind) {
		case SYNC_ACTION_POKE:
			atomic_store(&s->poke_waits, true);
			poke_if_due(s, clock_mono_ms());
			break;
		case SYNC_ACTION_WORK:
			while (next_work(s, &work))
				start_work(s, &work);
			break;
		case SYNC_ACTION_BLAME:
			blame(s, &action);
			break;
		case SYNC_ACTION_NOTE:
			tell(&action);
			break;
		}
	}
}

/* ---- Asking ---- */

static bool send_ask(struct peer *peer, const struct sync_ask *ask)
{
	struct wire_message m = {.type = WIRE_GET_BLOCK_HEIGHT};

	switch (ask->kind) {
	case SYNC_ASK_HEIGHT:
		return peer_request(peer, REQUEST_BLOCK_HEIGHT, 0, &m);
	case SYNC_ASK_HASH:
		m.type = WIRE_GET_BLOCK_HASH;
		m.u.get_block_hash = ask->first;
		return peer_request(peer, REQUEST_BLOCK_HASH, ask->first, &m);
	case SYNC_ASK_BLOCKS:
		m.type = WIRE_GET_BLOCKS;
		m.u.get_blocks = (struct wire_range){ask->first, ask->last};
		return peer_request(peer, REQUEST_BLOCKS, ask->first, &m);
	case SYNC_KIND_COUNT:
		break;
	}
	return false;
}

void syncer_ask(struct syncer *s, struct peer *peer)
{
	uint64_t id = peer_id(peer);
	struct sync_ask ask;
	int64_t due_ms;
	bool asked = false;

	for (;;) {
		int64_t now_ms = clock_mono_ms();
		bool got;

		mutex_lock(&s->lock);
		got = sync_peer_ready(s->sync, id, peer_has_version(peer), now_ms) == 0 &&
		      sync_next(s->sync, &ask, id, now_ms);
		due_ms = sync_peer_deadline_ms(s->sync, id);
		leave(s);
		if (!got)
			break;
		if (send_ask(peer, &ask)) {
			asked = true;
			continue;
		}
		mutex_lock(&s->lock);
		sync_ask_failed(s->sync, id, ask.kind, now_ms + ASK_AGAIN_MS, now_ms);
		leave(s);
	}
	peer_poke_at(peer, due_ms);
	/* Ours answer everything: a ping behind each request would only cost. */
	if (asked && !peer_has_version(peer))
		peer_fence(peer);
	if (asked)
		peer_push_out(peer);
}

void syncer_ready(struct syncer *s, struct peer *peer)
{
	syncer_ask(s, peer);
}

void syncer_gone(struct syncer *s, struct peer *peer)
{
	mutex_lock(&s->lock);
	sync_peer_gone(s->sync, peer_id(peer), clock_mono_ms());
	leave(s);
}

void syncer_unanswered(struct syncer *s, struct peer *peer, enum request_kind kind)
{
	static const int kinds[REQUEST_KIND_COUNT] = {
		[REQUEST_NONE] = -1,
		[REQUEST_PEERS] = -1,
		[REQUEST_MASTERNODES] = -1,
		[REQUEST_BLOCK_HEIGHT] = SYNC_ASK_HEIGHT,
		[REQUEST_BLOCK_HASH] = SYNC_ASK_HASH,
		[REQUEST_BLOCKS] = SYNC_ASK_BLOCKS,
		[REQUEST_TRANSACTIONS] = -1,
	};

	if (kinds[kind] < 0)
		return;
	mutex_lock(&s->lock);
	sync_unanswered(s->sync, peer_id(peer), (enum sync_kind)kinds[kind], clock_mono_ms());
	leave(s);
	syncer_ask(s, peer);
}

void syncer_overlong(struct syncer *s, struct peer *peer)
{
	mutex_lock(&s->lock);
	sync_overlong(s->sync, peer_id(peer), clock_mono_ms());
	leave(s);
}

/* ---- Answers ---- */

void syncer_height(struct syncer *s, struct peer *peer, uint64_t height)
{
	mutex_lock(&s->lock);
	sync_height(s->sync, peer_id(peer), height, clock_mono_ms());
	leave(s);
	syncer_ask(s, peer);
}

void syncer_at_least(struct syncer *s, struct peer *peer, uint64_t height)
{
	mutex_lock(&s->lock);
	sync_at_least(s->sync, peer_id(peer), height, clock_mono_ms());
	leave(s);
	syncer_ask(s, peer);
}

void syncer_hash(struct syncer *s, struct peer *peer, uint64_t height, const struct wire_hash *theirs)
{
	struct chain_view *view = chain_thread_take_view(s->node->chain);
	struct wire_hash own;
	bool have = height <= chain_view_summary(view)->tip.height && chain_view_hash(view, &own, height) == 0;

	chain_view_unref(view);
	mutex_lock(&s->lock);
	sync_hash(s->sync, peer_id(peer), height, theirs, have ? &own : NULL, clock_mono_ms());
	leave(s);
	syncer_ask(s, peer);
}

void syncer_announced(struct syncer *s, struct peer *peer, const struct wire_block_header *header,
		      const struct wire_hash *hash)
{
	struct chain_point tip = tip_now(s);

	peer_set_best(peer, header->height, hash);
	mutex_lock(&s->lock);
	sync_at_least(s->sync, peer_id(peer), header->height, clock_mono_ms());
	if (header->height > tip.height && !hash_equal(&header->previous_hash, &tip.hash))
		sync_strange_block(s->sync, peer_id(peer), header->height, clock_mono_ms());
	leave(s);
	syncer_ask(s, peer);
}

/* The blocks of a range are checked, as far as they hold: thread of the verify pool, or the worker. */
static void range_checked(struct range *range, int error, size_t bad_block, const struct chain_fault *fault)
{
	struct syncer *s = range->user;
	enum sync_check result = SYNC_CHECK_GOOD;
	uint64_t height = 0;

	if (error == CHAIN_E_NO_CERTIFICATE) {
		result = SYNC_CHECK_BARE;
		height = range->blocks[bad_block].header.height;
	} else if (error) {
		result = range_is_body_fault(range, bad_block, error) ? SYNC_CHECK_BODY : SYNC_CHECK_CHAIN;
		height = range->blocks[bad_block].header.height;
		range_blame(range, height, &range->ids[bad_block].hash, fault);
	}
	for (size_t i = range->check_first; i < (error ? bad_block : range->check_end); i++)
		(void)halt_if_conflicting(s->node, range->blocks[i].header.height, &range->ids[i].hash);
	mutex_lock(&s->lock);
	sync_range_checked(s->sync, range->held_id, result, height, clock_mono_ms());
	leave(s);
}

void syncer_blocks(struct syncer *s, struct peer *peer, const struct wire_block_list *blocks)
{
	struct range *range = range_new(peer, blocks, s);
	struct sync_blocks answer = {.payload = range};
	struct sync_held held;
	bool kept;

	if (!range && blocks->len > 0) {
		/* We have no memory: nothing that the peer can be blamed for. */
		syncer_unanswered(s, peer, REQUEST_BLOCKS);
		return;
	}
	if (range) {
		answer.blocks = range->links;
		answer.count = range->count;
		answer.json_bytes = range->json_bytes;
		answer.held_bytes = range->memory->arena.reserved;
		range_ref(range); /* the payload is sync's and may be released as soon as the lock is free */
	}
	mutex_lock(&s->lock);
	kept = sync_blocks(s->sync, &held, peer_id(peer), &answer, clock_mono_ms());
	if (kept)
		range->held_id = held.id;
	leave(s);
	/* Before the signatures: the peer makes its next answer meanwhile. */
	syncer_ask(s, peer);
	if (kept)
		range_check(range, s->node->verify, held.skip, held.count, range_checked);
	range_unref(range);
}

/* ---- Others ---- */

void syncer_certified(struct syncer *s, uint64_t height, const struct wire_hash *hash)
{
	struct chain_point tip = tip_now(s);

	/* Our own certified chain is not given up: it goes on, or the validators have contradicted themselves (halt.h).
	 */
	if (height <= tip.height || block_needs_certificate(&s->node->chain_params, tip.height))
		return;
	mutex_lock(&s->lock);
	sync_certified(s->sync, height, hash, clock_mono_ms());
	leave(s);
}

void syncer_tip(struct syncer *s, const struct chain_point *tip)
{
	mutex_lock(&s->lock);
	sync_tip(s->sync, tip, clock_mono_ms());
	leave(s);
}

void syncer_get_status(struct syncer *s, struct sync_status *out)
{
	mutex_lock(&s->lock);
	sync_get_status(s->sync, out, clock_mono_ms());
	mutex_unlock(&s->lock);
}

bool syncer_is_idle(struct syncer *s)
{
	enum sync_phase phase;

	mutex_lock(&s->lock);
	phase = sync_get_phase(s->sync);
	mutex_unlock(&s->lock);
	return phase == SYNC_PHASE_IDLE;
}

static void progress(struct syncer *s, int64_t now_ms)
{
	struct sync_status now;
	char left[32] = "unknown time";

	if (now_ms < s->progress_due_ms)
		return;
	s->progress_due_ms = now_ms + PROGRESS_MS;
	syncer_get_status(s, &now);
	if (now.phase == SYNC_PHASE_IDLE) {
		if (s->told_syncing)
			log_info(LOG_CHAIN, "⏳ Synced to height %" PRIu64, now.height);
		s->told_syncing = false;
		return;
	}
	s->told_syncing = true;
	if (now.seconds_left >= 0)
		snprintf(left, sizeof(left), "%" PRId64 " s", now.seconds_left);
	log_info(LOG_CHAIN,
		 "⏳ Syncing: height %" PRIu64 " of %" PRIu64 " (%.1f %%), %.0f blocks/s, %s left, %" PRIu32 " of %" PRIu32
		 " peers, %zu KiB on their way",
		 now.height, now.target, now.percent, now.blocks_per_s, left, now.peers_used, now.peers_ready,
		 now.window_bytes >> 10);
}

static int64_t min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t syncer_tick(struct syncer *s, int64_t now_ms)
{
	int64_t due_ms;

	mutex_lock(&s->lock);
	if (now_ms >= sync_deadline_ms(s->sync))
		sync_tick(s->sync, now_ms);
	due_ms = sync_deadline_ms(s->sync);
	mutex_unlock(&s->lock);
	obey(s);
	if (atomic_load(&s->poke_waits)) {
		poke_if_due(s, now_ms);
		due_ms = min_ms(due_ms, atomic_load(&s->poke_due_ms));
	}
	atomic_store(&s->keeper_due_ms, due_ms);
	progress(s, now_ms);
	return due_ms;
}

static void release(void *user, void *payload)
{
	(void)user;
	range_unref(payload);
}

int syncer_new(struct syncer **out, struct node *node)
{
	const struct config *c = node->config;
	struct syncer *s = calloc(1, sizeof(*s));
	struct sync_params params;
	struct chain_summary now;

	if (!s)
		return -ENOMEM;
	s->node = node;
	node_chain_summary(node, &now);
	sync_params_default(&params);
	params.max_reorg_depth = c->limits.reorg_depth;
	params.window_bytes = c->limits.sync_window_bytes;
	params.fork_rounds = c->limits.sync_fork_rounds;
	params.settle_ms = c->timers.sync_settle_ms;
	params.voice_wait_ms = c->timers.sync_voice_wait_ms;
	params.fork_interval_ms = c->timers.sync_fork_interval_ms;
	params.stall_ms = c->timers.sync_stall_ms;
	params.poll_ms = c->timers.sync_poll_ms;
	params.release = release;
	s->sync = sync_new(&params, &now.tip, clock_mono_ms());
	if (!s->sync) {
		free(s);
		return -ENOMEM;
	}
	mutex_init(&s->lock, "sync", MUTEX_RANK_SYNC);
	atomic_init(&s->keeper_due_ms, 0);
	atomic_init(&s->poke_waits, false);
	atomic_init(&s->poke_due_ms, 0);
	*out = s;
	return 0;
}

void syncer_free(struct syncer *s)
{
	if (!s)
		return;
	kept_clear(s);
	sync_free(s->sync);
	mutex_destroy(&s->lock);
	free(s);
}
