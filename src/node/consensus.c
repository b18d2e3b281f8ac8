/* SPDX-License-Identifier: MIT
 *
 * The thread `consensus`: its queue, its loop, and the order of writing and sending; see consensus.h.
 *
 * One turn: all that waits is taken and stepped; what the machines want signed gathers in the votes file, what is to be
 * sent in a list; the file is synced; the list leaves.
 */
#include "timed/node/consensus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agreement.h"
#include "consensus_impl.h"
#include "finalizer.h"
#include "judge.h"
#include "production.h"
#include "timed/net/frame.h"
#include "timed/util/clock.h"
#include "timed/util/crash.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timed/util/probe.h"
#include "timed/util/progress.h"
#include "timeproto/chain/leader.h"

/* What peers say waits up to this; beyond, it is dropped: it will be repeated. */
#define MAX_FROM_PEERS 16384
/* Messages that were verified, so that their copies are not. */
#define SEEN_COUNT 131072
#define SEEN_MS 120000
/* Validators that lag behind, and their heights. */
#define HELPED_COUNT 4096
/* Without validators the voters are looked up this often. */
#define VOTERS_MS 5000
#define PATH_SIZE 4096

/* A frame that leaves once the file is synced. */
struct outgoing {
	struct frame *frame;
	struct peer *to;     /* counted; NULL: all */
	struct peer *except; /* counted; NULL: nobody */
	struct outgoing *next;
};

/* Thread only: it is alive; see watchdog.h. */
static void mark(struct consensus *c, const char *doing)
{
	progress_mark(&c->node->watchdog.progress[WATCHED_CONSENSUS], doing);
}

const struct validator_list *consensus_validators(const struct node *node, uint64_t height)
{
	if (!block_needs_certificate(&node->chain_params, height))
		return NULL;
	return validators_at(node->chain_params.validators, height);
}

size_t consensus_leader(const struct validator_list *list, uint64_t height, uint64_t round)
{
	return leader_of_round(leader_first(height, list->addresses, list->count), round, list->count);
}

/* ---- The queue ---- */

/* What an event holds. */
static void event_release(const struct event *e)
{
	switch (e->kind) {
	case EVENT_PROPOSAL:
		proposal_unref(e->u.proposal.block);
		break;
	case EVENT_CERTIFICATE:
		decision_free(e->u.decision);
		break;
	case EVENT_JUDGED:
		judge_free(e->u.judge); /* NULL once it was worked off */
		break;
	case EVENT_POOL:
		pool_tx_unref(e->u.pool.tx);
		break;
	case EVENT_BLOCK_VOTE:
	case EVENT_TRANSACTION_VOTE:
	case EVENT_VOTE_REQUEST:
	case EVENT_CONFLICT:
	case EVENT_READY:
		break;
	}
	peer_unref(e->peer);
}

bool consensus_push(struct consensus *c, const struct event *event, bool from_peer)
{
	struct event *e = malloc(sizeof(*e));
	bool taken = false;

	if (e) {
		*e = *event;
		e->next = NULL;
		mutex_lock(&c->lock);
		taken = !c->quit && (!from_peer || c->from_peers < MAX_FROM_PEERS);
		if (taken) {
			*c->last = e;
			c->last = &e->next;
			c->from_peers += from_peer;
			cond_signal(&c->work);
		}
		mutex_unlock(&c->lock);
	}
	if (!taken) {
		event_release(event);
		free(e);
	}
	return taken;
}

void consensus_tip(struct consensus *c)
{
	mutex_lock(&c->lock);
	c->tip = true;
	cond_signal(&c->work);
	mutex_unlock(&c->lock);
}

void consensus_peer_ready(struct consensus *c, struct peer *peer)
{
	(void)consensus_push(c, &(struct event){.kind = EVENT_READY, .peer = peer_ref(peer)}, false);
}

void consensus_pool_events(struct consensus *c, const struct pool_events *events)
{
	for (const struct pool_event *e = events->first; e; e = e->next) {
		struct event event = {.kind = EVENT_POOL, .u.pool = *e};

		event.u.pool.next = NULL;
		(void)pool_tx_ref(e->tx);
		(void)consensus_push(c, &event, false);
	}
}

void consensus_conflict(struct consensus *c, const struct wire_hash *txid, const struct wire_outpoint *outpoint)
{
	(void)consensus_push(c, &(struct event){.kind = EVENT_CONFLICT, .u.conflict = {*txid, *outpoint}}, true);
}

/* ---- Sending ---- */

void consensus_send(struct consensus *c, const struct wire_message *message, struct peer *to, struct peer *except)
{
	struct outgoing *out = calloc(1, sizeof(*out));

	/* What could not be sent is repeated. */
	if (!out)
		return;
	if (frame_encode(&out->frame, net_budget(c->node->net), message)) {
		free(out);
		return;
	}
	out->to = to ? peer_ref(to) : NULL;
	out->except = except ? peer_ref(except) : NULL;
	*c->last_out = out;
	c->last_out = &out->next;
}

static void let_out(struct consensus *c, bool send)
{
	struct outgoing *out = c->first_out;

	c->first_out = NULL;
	c->last_out = &c->first_out;
	while (out) {
		struct outgoing *next = out->next;

		if (send && out->to)
			(void)peer_send(out->to, out->frame, SEND_CONSENSUS);
		else if (send)
			(void)net_broadcast(c->node->net, out->frame, SEND_CONSENSUS, out->except);
		if (send)
			crash_point(SEND_BETWEEN);
		frame_unref(out->frame);
		peer_unref(out->to);
		peer_unref(out->except);
		free(out);
		out = next;
	}
}

void consensus_fail(struct consensus *c, const char *reason)
{
	if (c->failed)
		return;
	c->failed = true;
	node_request_stop(c->node, EXIT_RUN_TIME, reason);
}

/* ---- Who votes on transactions ---- */

/* `keys` is taken. */
static void set_voters(struct consensus *c, struct wire_key *keys, const struct wire_str *addresses, size_t count,
		       int own)
{
	free(c->voters);
	c->voters = keys;
	c->voter_count = count;
	if (finalizer_set_voters(c->finalizer, keys, addresses, (uint32_t)count, own))
		consensus_fail(c, "no memory for the voters");
}

static void set_validators(struct consensus *c, const struct validator_list *list)
{
	struct wire_key *keys = malloc(list->count * sizeof(*keys));

	if (!keys) {
		consensus_fail(c, "no memory for the voters");
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		keys[i] = list->items[i].public_key;
	set_voters(c, keys, list->addresses, list->count,
		   c->node->is_masternode ? validators_find_key(list, wallet_public_key(c->node->wallet)) : -1);
}

/* Without validators: the masternodes that we know. */
static void set_masternodes(struct consensus *c)
{
	struct masternode_info *infos;
	size_t n = node_masternodes(c->node, &infos);
	struct wire_key *keys = calloc(n + 1, sizeof(*keys));
	struct wire_str *addresses = calloc(n + 1, sizeof(*addresses));
	int own = -1;

	for (size_t i = 0; keys && addresses && i < n; i++) {
		keys[i] = infos[i].public_key;
		addresses[i] = (struct wire_str){infos[i].address, strlen(infos[i].address)};
		if (infos[i].own)
			own = (int)i;
	}
	if (keys && addresses)
		set_voters(c, keys, addresses, n, own);
	else
		free(keys);
	free(addresses);
	free(infos);
}

static void look_up_voters(struct consensus *c, uint64_t height)
{
	const struct validator_list *list = consensus_validators(c->node, height);

	if (list)
		set_validators(c, list);
	else
		set_masternodes(c);
}

/* ---- The chain ---- */

/* Tells the finalizer of the blocks that it has not seen. */
static void settle(struct consensus *c, struct chain_view *view, uint64_t tip)
{
	struct finality_counts held;
	uint32_t voters;
	struct wire_block block;
	struct block_ids ids;
	struct arena arena;

	finalizer_count(c->finalizer, &held, &voters);
	/* Nothing of ours is open: there is nothing to be settled, in a chain that is being fetched least of all. */
	if (held.transactions + held.own + held.locks + held.early == 0)
		c->settled = tip;
	arena_init(&arena, 16 * CHAIN_MAX_BLOCK_BYTES, NULL);
	while (c->settled < tip) {
		mark(c, "going through new blocks");
		arena_reset(&arena);
		if (chain_view_block(view, &block, &arena, c->settled + 1) || block_identify(&ids, &arena, &block))
			break; /* told in the log, or tried again at the next tip */
		finalizer_on_block(c->finalizer, &block, &ids);
		c->settled++;
	}
	arena_free(&arena);
	if (c->settled > tip) /* a reorganisation */
		c->settled = tip;
}

static void on_tip(struct consensus *c)
{
	struct chain_view *view = chain_thread_take_view(c->node->chain);
	struct chain_point tip = chain_view_summary(view)->tip;

	settle(c, view, tip.height);
	chain_view_unref(view);
	agreement_on_tip(c->agreement, &tip);
	look_up_voters(c, tip.height + 1);
}

/* ---- The loop ---- */

/* What the machine has no place for now is repeated by those who hold it, and then looked at again. */
static void note_refusal(struct consensus *c, const struct event *e, int refusal)
{
	if (refusal == BFT_E_ROUND || refusal == BFT_E_HEIGHT_NEW || refusal == BFT_E_EQUIVOCATION)
		seen_forget(c->seen, e->seen);
}

static void dispatch(struct consensus *c, struct event *e)
{
	mark(c, "handling what has come");
	switch (e->kind) {
	case EVENT_PROPOSAL:
		note_refusal(
			c, e,
			agreement_on_proposal(c->agreement, e->u.proposal.block, &e->u.proposal.proposal, e->peer));
		break;
	case EVENT_BLOCK_VOTE:
		PROBE_VOTE_RECEIVED(peer_ip_text(e->peer), consensus_phase_name(e->u.vote.phase), e->u.vote.height,
				    e->u.vote.round, e->u.vote.hash.bytes);
		note_refusal(c, e, agreement_on_vote(c->agreement, &e->u.vote, e->peer));
		break;
	case EVENT_CERTIFICATE:
		if (!agreement_on_certificate(c->agreement, e->u.decision, e->peer))
			seen_forget(c->seen, e->seen);
		e->u.decision = NULL;
		break;
	case EVENT_JUDGED:
		agreement_on_judged(c->agreement, e->u.judge);
		e->u.judge = NULL;
		break;
	case EVENT_TRANSACTION_VOTE:
		PROBE_VOTE_RECEIVED(peer_ip_text(e->peer), e->u.transaction_vote.vote.approve ? "approve" : "reject", 0,
				    0, e->u.transaction_vote.vote.txid.bytes);
		consensus_take_vote(c, e);
		break;
	case EVENT_VOTE_REQUEST:
		finalizer_on_request(c->finalizer, &e->u.txid, e->peer);
		break;
	case EVENT_POOL:
		finalizer_on_event(c->finalizer, &e->u.pool);
		if (e->u.pool.kind == POOL_NOW_FINAL)
			c->finalized = true;
		break;
	case EVENT_CONFLICT:
		finalizer_on_conflict(c->finalizer, &e->u.conflict.txid, &e->u.conflict.outpoint);
		break;
	case EVENT_READY:
		agreement_on_ready(c->agreement, e->peer);
		finalizer_on_ready(c->finalizer, e->peer);
		break;
	}
}

static int64_t deadline_ms(const struct consensus *c)
{
	int64_t due_ms = agreement_deadline_ms(c->agreement), other_ms = finalizer_deadline_ms(c->finalizer);

	if (other_ms < due_ms)
		due_ms = other_ms;
	other_ms = production_deadline_ms(c->production);
	if (other_ms < due_ms)
		due_ms = other_ms;
	return c->voters_due_ms < due_ms ? c->voters_due_ms : due_ms;
}

/* Everything that waits, when there is something or the deadline has come.  NULL and `*tip` false are possible. */
static struct event *take(struct consensus *c, bool *tip, bool *quit, int64_t due_ms)
{
	struct event *events;
	int64_t back_ms = progress_due_ms(&c->node->watchdog.progress[WATCHED_CONSENSUS]);

	due_ms = back_ms < due_ms ? back_ms : due_ms;
	mark(c, "waiting for work");
	mutex_lock(&c->lock);
	while (!c->first && !c->tip && !c->quit && clock_mono_ms() < due_ms)
		(void)cond_wait_until(&c->work, &c->lock, due_ms);
	events = c->first;
	c->first = NULL;
	c->last = &c->first;
	c->from_peers = 0;
	*tip = c->tip;
	c->tip = false;
	*quit = c->quit;
	mutex_unlock(&c->lock);
	return events;
}

static bool binds(void *user, const struct finality_record *record)
{
	return finalizer_binds(user, record);
}

/* Whether we may vote on transactions. */
static bool may_vote(const struct consensus *c)
{
	if (agreement_is_needed(c->agreement))
		return agreement_signs(c->agreement);
	return c->node->is_masternode && clock_mono_ms() >= c->silent_until_ms;
}

/* What was stepped is written, synced and sent, in this order. */
static void finish_turn(struct consensus *c)
{
	const struct votes_keep keep = {atomic_load(&c->height), binds, c->finalizer};

	mark(c, "writing what it signs");
	finalizer_set_signing(c->finalizer, may_vote(c));
	if (!c->failed && finalizer_decide(c->finalizer))
		consensus_fail(c, "a vote on a transaction cannot be recorded");
	if (!c->failed && votes_sync(c->votes))
		consensus_fail(c, "the file `votes` cannot be written: see above");
	crash_point(SEND_BEFORE);
	let_out(c, !c->failed);
	crash_point(SEND_AFTER);
	if (!c->failed && finalizer_send(c->finalizer))
		consensus_fail(c, "the file of the pool cannot be written: see above");
	if (!c->failed && votes_is_due(c->votes) && votes_rewrite(c->votes, &keep))
		log_warn(LOG_CONSENSUS, "The file `votes` cannot be written anew: it goes on growing");
}

static void publish_status(struct consensus *c)
{
	struct consensus_status now = {0};

	agreement_get_status(c->agreement, &now);
	now.silent = c->node->is_masternode && (now.with_validators ? now.bft.observing : !may_vote(c));
	finalizer_count(c->finalizer, &now.finality, &now.voters);
	mutex_lock(&c->lock);
	c->status = now;
	mutex_unlock(&c->lock);
}

static void turn(struct consensus *c, struct event *events, bool tip)
{
	int64_t now_ms;

	if (tip)
		on_tip(c);
	while (events) {
		struct event *next = events->next;

		crash_set_peer(events->peer ? peer_ip_text(events->peer) : NULL);
		dispatch(c, events);
		crash_set_peer(NULL);
		event_release(events);
		free(events);
		events = next;
	}
	if (c->finalized)
		agreement_on_finalized(c->agreement);
	c->finalized = false;
	mark(c, "stepping the agreement");
	now_ms = clock_mono_ms();
	agreement_tick(c->agreement, now_ms);
	finalizer_tick(c->finalizer, now_ms);
	production_tick(c->production, now_ms);
	if (now_ms >= c->voters_due_ms) {
		look_up_voters(c, c->settled + 1);
		c->voters_due_ms = now_ms + VOTERS_MS;
	}
}

static void *consensus_run(void *arg)
{
	struct consensus *c = arg;
	bool tip = true, quit = false;
	struct event *events = NULL;

	mark(c, "beginning");
	on_tip(c);
	finalizer_load(c->finalizer);
	while (!quit) {
		turn(c, events, tip);
		finish_turn(c);
		publish_status(c);
		events = take(c, &tip, &quit, deadline_ms(c));
	}
	while (events) {
		struct event *next = events->next;

		event_release(events);
		free(events);
		events = next;
	}
	progress_end(&c->node->watchdog.progress[WATCHED_CONSENSUS]);
	return NULL;
}

/* ---- Life ---- */

static int restore_bft(void *user, const struct bft_record *record, const struct bft_certificate *polka)
{
	struct consensus *c = user;

	return agreement_restore(c->agreement, record, polka);
}

static int restore_block(void *user, uint64_t height, const struct wire_hash *hash, const struct wire_block *block)
{
	struct consensus *c = user;

	(void)height;
	(void)hash;
	return agreement_restore_block(c->agreement, block);
}

static int restore_finality(void *user, const struct votes_finality *entry)
{
	struct consensus *c = user;

	return finalizer_restore(c->finalizer, entry);
}

/* Whether the file is there; an empty one, made by the operator of a new network, says that nothing was ever signed. */
static int look_for_file(const char *path, bool *observing)
{
	if (access(path, F_OK) == 0)
		*observing = false;
	else if (errno == ENOENT)
		*observing = true;
	else
		return -errno;
	return 0;
}

static void make_path(char path[PATH_SIZE], const struct node *node)
{
	snprintf(path, PATH_SIZE, "%s/votes", node_data_dir(node));
}

static int open_file(struct consensus *c, const char *path, char text[VOTES_TEXT_SIZE])
{
	const struct votes_reader reader = {restore_bft, restore_block, restore_finality, c};
	int r = votes_open(&c->votes, text, path, &c->node->genesis.hash, wallet_public_key(c->node->wallet), &reader);

	if (!r)
		finalizer_set_file(c->finalizer, c->votes);
	return r;
}

/* What this masternode has signed is not known.  With validators the machine of bft.h sees to it; without them whatever
 * it has said of transactions has to be over.  Where validators come later we do not know whether they have: it waits
 * for them. */
static void observe(struct consensus *c, const char *path)
{
	struct finality_params params;
	int64_t wait_s;

	finalizer_params(&params, c->node->config);
	wait_s = params.vote_s + params.lock_s;
	if (block_needs_certificate(&c->node->chain_params, UINT64_MAX)) {
		c->silent_until_ms = INT64_MAX;
		log_warn(LOG_CONSENSUS,
			 "%s is missing, so what this masternode has signed is not known: it signs nothing until two "
			 "heights with validators, from %" PRIu64 " on, have become final. If its key has signed no "
			 "block, and no transaction in the last %" PRId64
			 " hours, stop the node and make the file empty",
			 path, c->node->chain_params.bft_from, wait_s / 3600);
		return;
	}
	c->silent_until_ms = clock_mono_ms() + wait_s * 1000;
	log_warn(LOG_CONSENSUS,
		 "%s is missing, so what this masternode has signed is not known: it votes on no transaction for "
		 "%" PRId64 " hours. If its key has not been used in the last %" PRId64
		 " hours, stop the node and make the file empty",
		 path, wait_s / 3600, wait_s / 3600);
}

/* The machines, and what the file says we have signed. */
static int open_machines(struct consensus *c, char text[VOTES_TEXT_SIZE])
{
	char path[PATH_SIZE];
	bool observing = true;
	int r;

	make_path(path, c->node);
	r = look_for_file(path, &observing);
	if (r)
		snprintf(text, VOTES_TEXT_SIZE, "%.400s: %s", path, strerror(-r));
	if (observing && c->node->is_masternode)
		observe(c, path);
	if (!r)
		r = agreement_new(&c->agreement, c, observing);
	if (!r)
		r = finalizer_new(&c->finalizer, c->node, NULL);
	if (!r)
		r = open_file(c, path, text);
	return r;
}

int consensus_begin_file(const struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct votes_reader nothing = {0};
	struct votes_file *votes = NULL;
	char path[PATH_SIZE], text[VOTES_TEXT_SIZE] = "";
	bool missing = false;
	int r;

	make_path(path, node);
	r = look_for_file(path, &missing);
	if (!r && missing)
		r = votes_open(&votes, text, path, &node->genesis.hash, wallet_public_key(node->wallet), &nothing);
	if (!r && missing)
		r = votes_create(votes);
	votes_close(votes);
	if (!r)
		return 0;
	snprintf(error, NODE_ERROR_SIZE, "%.400s: %s", path, strerror(-r));
	return EXIT_RUN_TIME;
}

int consensus_open(struct consensus **out, struct node *node, char error[NODE_ERROR_SIZE])
{
	struct consensus *c = calloc(1, sizeof(*c));
	char text[VOTES_TEXT_SIZE] = "out of memory";
	struct chain_summary now;
	int r = c ? 0 : -ENOMEM;

	if (c) {
		c->node = node;
		c->last = &c->first;
		c->last_out = &c->first_out;
		mutex_init(&c->lock, "consensus", MUTEX_RANK_LEAF);
		cond_init(&c->work);
		proposals_init(&c->proposals);
		atomic_init(&c->height, 0);
		node_chain_summary(node, &now);
		c->settled = now.tip.height;
		r = evidence_init(&c->evidence, node_data_dir(node));
	}
	if (!r)
		r = seen_new(&c->seen, SEEN_COUNT, SEEN_MS);
	if (!r)
		r = seen_new(&c->helped, HELPED_COUNT, node->config->consensus.repeat_ms);
	if (!r)
		r = production_new(&c->production, node);
	if (!r)
		r = open_machines(c, text);
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "%s", text);
		consensus_close(c);
		return EXIT_RUN_TIME;
	}
	*out = c;
	return 0;
}

int consensus_start(struct consensus *c)
{
	return thread_start(&c->thread, "consensus", consensus_run, c);
}

void consensus_stop(struct consensus *c)
{
	if (!c)
		return;
	mutex_lock(&c->lock);
	c->quit = true;
	cond_signal(&c->work);
	mutex_unlock(&c->lock);
	if (c->thread.started)
		thread_join(&c->thread);
}

void consensus_close(struct consensus *c)
{
	if (!c)
		return;
	finalizer_free(c->finalizer);
	free(c->voters);
	agreement_free(c->agreement);
	production_free(c->production);
	votes_close(c->votes);
	let_out(c, false);
	seen_free(c->seen);
	seen_free(c->helped);
	evidence_destroy(&c->evidence);
	proposals_destroy(&c->proposals);
	cond_destroy(&c->work);
	mutex_destroy(&c->lock);
	free(c);
}

void consensus_get_status(struct consensus *c, struct consensus_status *out)
{
	mutex_lock(&c->lock);
	*out = c->status;
	mutex_unlock(&c->lock);
}

int consensus_list_evidence(struct consensus *c, struct consensus_evidence **out, size_t *count)
{
	return evidence_list(&c->evidence, out, count);
}
