/* SPDX-License-Identifier: MIT
 *
 * Agreement on blocks; see agreement.h.
 */
#include "agreement.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "block_maker.h"
#include "evidence.h"
#include "gossip.h"
#include "halt.h"
#include "timed/net/message_arena.h"
#include "timed/node/pool.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/probe.h"
#include "timeproto/chain/digest.h"
#include "timeproto/chain/leader.h"

/* What an action asks for that is an event of its own: done when all actions of the event before are. */
enum todo_kind { TODO_PROPOSE, TODO_LOOK };
struct todo {
	enum todo_kind kind;
	uint64_t height, round;
	struct wire_hash hash; /* LOOK */
};
/* An event asks for no more, and what follows from an event is done before the next. */
#define TODO_MAX (4 * BFT_ACTIONS_MAX)

/* Of one height: what rounds that are kept refer to, and no more are needed at once. */
#define MAX_PROPOSALS 32

struct agreement {
	struct consensus *consensus;
	struct node *node;
	struct bft *bft;
	struct chain_point tip;
	uint64_t height; /* being agreed on; 0: none */
	const struct validator_list *list;
	struct todo todo[TODO_MAX];
	size_t todo_first, todo_count;
	int64_t early_ms; /* a proposed block's time comes then; INT64_MAX */
	struct {
		uint64_t height; /* 0: none */
		struct wire_hash decided, other;
	} fork; /* two blocks with certificates, which the chain has neither of yet */
	uint64_t equivocations, proposed;
};

static void obey(struct agreement *a, const struct bft_actions *actions);

/* ---- What is signed ---- */

static void digest_record(struct wire_hash *out, const struct agreement *a, const struct bft_record *record)
{
	const struct wire_hash *genesis = &a->node->genesis.hash;

	if (record->kind == BFT_RECORD_PROPOSAL)
		digest_proposal(out, genesis, record->height, record->round, record->proposal_round, &record->hash);
	else
		digest_vote(out, genesis, record->height, record->round,
			    record->kind == BFT_RECORD_PREVOTE ? WIRE_PHASE_PREVOTE : WIRE_PHASE_PRECOMMIT,
			    &record->hash);
}

static void sign(void *user, struct wire_sig *out, const struct bft_record *record)
{
	const struct agreement *a = user;
	struct wire_hash digest;

	digest_record(&digest, a, record);
	wallet_sign(a->node->wallet, out, digest.bytes, sizeof(digest.bytes));
}

/* ---- Messages ---- */

/* A message of the machine as it goes over the wire, with what that points to. */
struct form {
	struct wire_message message;
	uint64_t round;
	enum wire_phase phase;
	struct proposal *block; /* counted */
};

static void form_vote(struct form *form, const struct agreement *a, const struct bft_vote *vote)
{
	static const struct wire_hash nil;

	*form = (struct form){.round = vote->round, .phase = vote->phase};
	form->message = (struct wire_message){
		.type = WIRE_BLOCK_VOTE,
		.u.block_vote = {.block_hash = vote->hash,
				 .height = vote->height,
				 .voter = consensus_validators(a->node, vote->height)->items[vote->voter].address,
				 .signature = {vote->signature.bytes, sizeof(vote->signature.bytes)},
				 .approve = !hash_equal(&vote->hash, &nil),
				 .round = &form->round,
				 .phase = &form->phase},
	};
}

/* False: its block is not here: after a start, when it was not kept. */
static bool form_proposal(struct form *form, const struct agreement *a, const struct bft_proposal *proposal)
{
	*form = (struct form){.block = proposals_find(&a->consensus->proposals, &proposal->hash)};
	if (!form->block)
		return false;
	form->message.type = WIRE_BLOCK_PROPOSAL;
	form->message.u.block_proposal = (struct wire_block_proposal){
		.block = form->block->block,
		.proposer = consensus_validators(a->node, proposal->height)->items[proposal->proposer].address,
		.signature = {proposal->signature.bytes, sizeof(proposal->signature.bytes)},
		.round = proposal->round,
		.valid_round = &proposal->valid_round,
	};
	return true;
}

/* It points to `message`, and into itself: neither may move before form_end(). */
static bool form_begin(struct form *form, const struct agreement *a, const struct bft_message *message)
{
	if (message->kind == BFT_MESSAGE_PROPOSAL)
		return form_proposal(form, a, &message->u.proposal);
	form_vote(form, a, &message->u.vote);
	return true;
}

static void form_end(struct form *form)
{
	proposal_unref(form->block);
}

static void send_message(struct agreement *a, const struct bft_message *message, struct peer *to, struct peer *except)
{
	struct form form;

	if (message->kind == BFT_MESSAGE_VOTE)
		PROBE_VOTE_SENT(to ? peer_ip_text(to) : "", consensus_phase_name(message->u.vote.phase),
				message->u.vote.height, message->u.vote.round, message->u.vote.hash.bytes);
	if (form_begin(&form, a, message)) {
		consensus_send(a->consensus, &form.message, to, except);
		form_end(&form);
	}
}

/* What we hold of our height, to one peer or to all. */
static void repeat(struct agreement *a, struct peer *to)
{
	struct bft_cursor cursor = {0};
	struct bft_message message;

	while (a->height && bft_repeat_next(a->bft, &cursor, &message))
		send_message(a, &message, to, NULL);
}

/* ---- Records ---- */

static int keep_block(struct agreement *a, uint64_t height, const struct wire_hash *hash)
{
	static const struct wire_hash none;
	struct proposal *p;
	int r = 0;

	if (hash_equal(hash, &none))
		return 0;
	p = proposals_find(&a->consensus->proposals, hash);
	if (p)
		r = votes_add_block(a->consensus->votes, height, hash, &p->block);
	proposal_unref(p);
	return r;
}

/* The record with the blocks that it names: on the disk before anything leaves. */
static void keep(struct agreement *a, const struct bft_action *action)
{
	const struct bft_record *record = &action->u.record;
	int r = keep_block(a, record->height, &record->hash);

	if (!r)
		r = keep_block(a, record->height, &record->locked);
	if (!r)
		r = keep_block(a, record->height, &record->valid);
	if (!r)
		r = votes_add_bft(a->consensus->votes, record, action->polka);
	if (r)
		consensus_fail(a->consensus, "no memory for what is to be signed");
}

/* ---- Blocks ---- */

/* What is known of a judged block now. */
static enum bft_validity validity_of(struct agreement *a, const struct proposal *p)
{
	int64_t wait_ms;
	int r;

	if (!p->judged)
		return BFT_UNKNOWN;
	if (!atomic_load(&p->valid))
		return BFT_INVALID;
	/* It is that of its slot: an unjudged one could be anything, and overflow here. */
	wait_ms = p->block.header.timestamp * 1000 - clock_real_ms();
	if (wait_ms > 0) {
		if (clock_mono_ms() + wait_ms < a->early_ms)
			a->early_ms = clock_mono_ms() + wait_ms;
		return BFT_EARLY;
	}
	r = pool_judge(a->node->pool, NULL, &a->tip.hash, &p->block, &p->ids);
	return r == 0 ? BFT_VALID : r == POOL_E_TIP ? BFT_UNKNOWN : BFT_UNSETTLED;
}

static void judged(void *user, struct judge *judge)
{
	(void)consensus_push(user, &(struct event){.kind = EVENT_JUDGED, .u.judge = judge}, false);
}

/* Tells the machine what is known of a block, and finds it out where it is not. */
static void look(struct agreement *a, struct proposal *p)
{
	struct bft_actions actions;
	enum bft_validity validity;

	if (p->block.header.height != a->height)
		return;
	if (!p->judged && !p->judging)
		p->judging = judge_submit(a->node, p, judged, a->consensus) == 0;
	validity = validity_of(a, p);
	if (validity == p->said)
		return;
	p->said = validity;
	bft_block(a->bft, &actions, a->height, &p->ids.hash, validity, clock_mono_ms());
	obey(a, &actions);
}

static void look_at(struct agreement *a, const struct wire_hash *hash)
{
	struct proposal *p = proposals_find(&a->consensus->proposals, hash);

	if (p) {
		p->said = BFT_UNKNOWN; /* it has forgotten */
		look(a, p);
	}
	proposal_unref(p);
}

/* What is known of the blocks of our height may have changed. */
static void look_at_all(struct agreement *a)
{
	struct proposal *here[MAX_PROPOSALS];
	size_t count = proposals_at(&a->consensus->proposals, a->height, here, MAX_PROPOSALS);

	a->early_ms = INT64_MAX;
	for (size_t i = 0; i < count; i++) {
		look(a, here[i]);
		proposal_unref(here[i]);
	}
}

static bool is_needed(void *user, const struct proposal *p)
{
	const struct agreement *a = user;

	return bft_needs_block(a->bft, p->block.header.height, &p->ids.hash);
}

static void forget_blocks(struct agreement *a)
{
	proposals_trim(&a->consensus->proposals, is_needed, a);
}

/* We lead the round: a block of what is final. */
static void propose(struct agreement *a, uint64_t height, uint64_t round)
{
	struct bft_actions actions;
	struct made_block made;
	struct proposal *p, *there;
	int r = block_make(&made, a->node, &a->tip, validators_block_time(&a->node->chain_params, height), a->list);

	if (r) {
		log_warn(LOG_CONSENSUS, "No block %" PRIu64 " can be proposed now: %s", height,
			 r > 0 ? "the tip is moving" : "out of memory");
		return;
	}
	log_info(LOG_CONSENSUS, "🎯 Selected as block producer for height %" PRIu64, height);
	p = proposal_new(made.memory, &made.block, &made.ids);
	if (!p)
		return;
	p->judged = true;
	atomic_store(&p->valid, true);
	p->said = BFT_VALID;
	there = proposals_put(&a->consensus->proposals, p);
	proposal_unref(p);
	r = bft_propose(a->bft, &actions, height, round, &there->ids.hash, clock_mono_ms());
	if (!r)
		obey(a, &actions);
	proposal_unref(there);
}

/* ---- Decisions ---- */

/* Chain thread. */
static void connected(struct chain_job *job)
{
	struct decision *d = (struct decision *)((char *)job - offsetof(struct decision, job));
	struct node *node = d->consensus->node;
	uint64_t height = d->block.header.height;

	/* Where another block is at its height by now, both have certificates. */
	if (job->error == CHAIN_STORE_E_RULE && !halt_if_conflicting(node, height, &d->proposal->ids.hash) &&
	    job->fault.error != CHAIN_E_HEIGHT && job->fault.error != CHAIN_E_PREVIOUS)
		log_error(LOG_CONSENSUS, "🚫 Certified block %" PRIu64 " is refused: %s", height, job->fault.text);
	if (!job->error && job->connected > job->known) {
		if (d->own)
			log_info(LOG_CONSENSUS,
				 "✅ Block %" PRIu64 " produced: %zu transactions, %zu masternode rewards", height,
				 d->block.transactions.len - 1, d->block.masternode_rewards.len);
		else
			log_info(LOG_CONSENSUS, "✅ Block %" PRIu64 " is final: %zu transactions, round %" PRIu64,
				 height, d->block.transactions.len - 1, d->commit.round);
		(void)gossip_relay_existing(node->gossip, &d->block, &d->proposal->ids.hash);
	}
	decision_free(d);
}

/* Puts a certified block on the chain; the decision is taken. */
static void put_on_chain(struct decision *d)
{
	d->job = (struct chain_job){
		.kind = CHAIN_CONNECT, .blocks = &d->block, .ids = &d->proposal->ids, .count = 1, .done = connected};
	chain_thread_push(d->consensus->node->chain, &d->job);
}

static void send_certificate(struct agreement *a, const struct decision *d, struct peer *except)
{
	struct wire_message m = {
		.type = WIRE_BLOCK_COMMIT,
		.u.block_commit = {.block_hash = d->proposal->ids.hash,
				   .height = d->block.header.height,
				   .signatures = d->commit.signatures,
				   .round = &d->commit.round},
	};

	consensus_send(a->consensus, &m, NULL, except);
}

static void decide(struct agreement *a, const struct bft_certificate *certificate, bool own)
{
	struct proposal *p = proposals_find(&a->consensus->proposals, &certificate->hash);
	struct decision *d = p ? decision_new(p, certificate->round, certificate->count) : NULL;

	/* Without its block: it comes with its certificate from those who have it. */
	proposal_unref(p);
	if (!d)
		return;
	for (uint32_t i = 0; i < certificate->count; i++)
		decision_set(d, i, &a->list->items[certificate->entries[i].voter].address,
			     &certificate->entries[i].signature);
	d->consensus = a->consensus;
	d->own = own;
	a->proposed += own;
	send_certificate(a, d, NULL);
	put_on_chain(d);
}

/* ---- Actions ---- */

static void tell_evidence(struct agreement *a, const struct bft_action *action)
{
	const struct bft_message *m = &action->message;
	uint32_t who = m->kind == BFT_MESSAGE_VOTE ? m->u.vote.voter : m->u.proposal.proposer;
	const struct wire_str *name = &consensus_validators(a->node, action->height)->addresses[who];

	struct form first, second;
	bool have_first = form_begin(&first, a, &action->u.other),
	     have_second = form_begin(&second, a, &action->message);

	a->equivocations++;
	if (have_first && have_second)
		evidence_add(&a->consensus->evidence, &first.message, &second.message);
	if (have_first)
		form_end(&first);
	if (have_second)
		form_end(&second);
	log_error(LOG_CONSENSUS, "⚠️ Validator %.*s has signed two %s for height %" PRIu64 ", round %" PRIu64,
		  (int)name->len, name->ptr, m->kind == BFT_MESSAGE_VOTE ? "votes" : "proposals", action->height,
		  action->round);
}

static void do_later(struct agreement *a, const struct todo *todo)
{
	CHECK(a->todo_count < TODO_MAX);
	a->todo[(a->todo_first + a->todo_count++) % TODO_MAX] = *todo;
}

static int own_index(const struct agreement *a, const struct validator_list *list)
{
	return a->node->is_masternode ? validators_find_key(list, wallet_public_key(a->node->wallet)) : -1;
}

static bool is_own_proposal(const struct agreement *a, const struct bft_certificate *certificate)
{
	return own_index(a, a->list) == (int)consensus_leader(a->list, a->height, certificate->round);
}

static void act(struct agreement *a, const struct bft_action *action)
{
	char hash[HASH_TEXT_SIZE];

	switch (action->kind) {
	case BFT_NEW_ROUND:
		if (action->round > 0)
			log_info(LOG_CONSENSUS, "Round %" PRIu64 " for block %" PRIu64, action->round, action->height);
		break;
	case BFT_PROPOSE_VALUE:
		do_later(a, &(struct todo){.kind = TODO_PROPOSE, .height = action->height, .round = action->round});
		break;
	case BFT_NEED_BLOCK:
		do_later(a, &(struct todo){.kind = TODO_LOOK, .height = action->height, .hash = action->hash});
		break;
	case BFT_SEND_PROPOSAL:
	case BFT_SEND_VOTE:
		keep(a, action);
		send_message(a, &action->message, NULL, NULL);
		break;
	case BFT_PERSIST:
		keep(a, action);
		break;
	case BFT_COMMIT:
		decide(a, action->certificate, is_own_proposal(a, action->certificate));
		break;
	case BFT_REPEAT:
		repeat(a, NULL);
		break;
	case BFT_EVIDENCE:
		tell_evidence(a, action);
		break;
	case BFT_OWN_KEY:
		log_error(LOG_CONSENSUS,
			  "🚫 A message for height %" PRIu64
			  " is signed by our key, and not by us: another node has our "
			  "wallet, or the file `votes` is an old copy.  Nothing is signed until two more blocks are "
			  "final; "
			  "stop the other node",
			  action->height);
		break;
	case BFT_INVALID_QUORUM:
		log_error(LOG_CONSENSUS,
			  "🚫 A quorum of validators votes for block %s, which breaks a rule for us: they "
			  "or we run another protocol",
			  hash_text(hash, &action->hash));
		break;
	case BFT_FORK:
		/* What was decided is still on its way to the chain. */
		a->fork.height = action->height;
		a->fork.decided = action->u.decided;
		a->fork.other = action->hash;
		break;
	}
}

/* Does what the machine wants, and what follows from that. */
static void obey(struct agreement *a, const struct bft_actions *actions)
{
	bool outermost = a->todo_count == 0;

	for (size_t i = 0; i < actions->count; i++)
		act(a, &actions->items[i]);
	while (outermost && a->todo_count > 0) {
		struct todo todo = a->todo[a->todo_first];

		/* Counted until it is done: what follows from it queues behind. */
		if (todo.kind == TODO_PROPOSE)
			propose(a, todo.height, todo.round);
		else
			look_at(a, &todo.hash);
		a->todo_first = (a->todo_first + 1) % TODO_MAX;
		a->todo_count--;
	}
}

/* ---- Events ---- */

static struct bft_height terms_of(const struct agreement *a, uint64_t height)
{
	const struct validator_list *list = consensus_validators(a->node, height);

	return (struct bft_height){
		.height = height,
		.validators = (uint32_t)list->count,
		.leader = (uint32_t)leader_first(height, list->addresses, list->count),
		.own = own_index(a, list),
	};
}

void agreement_on_tip(struct agreement *a, const struct chain_point *tip)
{
	uint64_t height = tip->height + 1;
	struct bft_height terms, next;
	struct bft_actions actions;
	int64_t earliest_ms;

	a->tip = *tip;
	if (a->fork.height && a->fork.height <= tip->height) {
		/* whichever of the two it is */
		if (!halt_if_conflicting(a->node, a->fork.height, &a->fork.other))
			(void)halt_if_conflicting(a->node, a->fork.height, &a->fork.decided);
		a->fork.height = 0;
	}
	if (height <= a->height || !consensus_validators(a->node, height))
		return;
	terms = terms_of(a, height);
	next = terms_of(a, height + 1);
	earliest_ms = clock_mono_ms() + validators_block_time(&a->node->chain_params, height) * 1000 - clock_real_ms();
	a->height = height;
	a->list = consensus_validators(a->node, height);
	a->early_ms = INT64_MAX;
	atomic_store(&a->consensus->height, height);
	if (bft_start_height(a->bft, &actions, &terms, &next, earliest_ms, clock_mono_ms())) {
		consensus_fail(a->consensus, "no memory for the next height");
		return;
	}
	obey(a, &actions);
	look_at_all(a);
	forget_blocks(a);
}

int agreement_on_proposal(struct agreement *a, struct proposal *block, const struct bft_proposal *proposal,
			  struct peer *from)
{
	struct proposal *there = proposals_put(&a->consensus->proposals, block);
	struct bft_actions actions;
	int r = bft_proposal(a->bft, &actions, proposal, clock_mono_ms());

	if (r == 0)
		send_message(a, &(struct bft_message){.kind = BFT_MESSAGE_PROPOSAL, .u.proposal = *proposal}, NULL,
			     from);
	/* An equivocation is an action too. */
	obey(a, &actions);
	if (is_needed(a, there))
		look(a, there);
	proposal_unref(there);
	forget_blocks(a);
	return r;
}

int agreement_on_vote(struct agreement *a, const struct bft_vote *vote, struct peer *from)
{
	struct bft_actions actions;
	int r = bft_vote(a->bft, &actions, vote, clock_mono_ms());

	if (r == 0)
		send_message(a, &(struct bft_message){.kind = BFT_MESSAGE_VOTE, .u.vote = *vote}, NULL, from);
	obey(a, &actions);
	return r;
}

bool agreement_on_certificate(struct agreement *a, struct decision *d, struct peer *from)
{
	const struct bft_certificate certificate = {.height = d->block.header.height,
						    .round = d->commit.round,
						    .phase = WIRE_PHASE_PRECOMMIT,
						    .hash = d->proposal->ids.hash};
	struct bft_actions actions;
	struct bft_status before;

	if (certificate.height != a->height || !atomic_load(&d->proposal->valid)) {
		decision_free(d);
		return false;
	}
	d->own = is_own_proposal(a, &certificate);
	bft_status(a->bft, &before);
	if (before.step != BFT_STEP_DECIDED)
		a->proposed += d->own;
	bft_certified(a->bft, &actions, &certificate, clock_mono_ms());
	obey(a, &actions);
	send_certificate(a, d, from);
	put_on_chain(d);
	return true;
}

void agreement_on_judged(struct agreement *a, struct judge *judge)
{
	struct proposal *p = judge->proposal;

	p->judging = false;
	if (judge->verdict != JUDGE_UNKNOWABLE) {
		p->judged = true;
		atomic_store(&p->valid, judge->verdict == JUDGE_VALID);
		if (!atomic_load(&p->valid))
			log_warn(LOG_CONSENSUS, "🚫 The block proposed for height %" PRIu64 " breaks a rule: %s",
				 p->block.header.height, judge->fault.text);
		look(a, p);
	}
	judge_free(judge);
}

void agreement_on_finalized(struct agreement *a)
{
	look_at_all(a);
}

void agreement_on_ready(struct agreement *a, struct peer *peer)
{
	repeat(a, peer);
}

void agreement_tick(struct agreement *a, int64_t now_ms)
{
	struct bft_actions actions;

	if (now_ms >= a->early_ms)
		look_at_all(a);
	if (now_ms >= bft_deadline_ms(a->bft)) {
		bft_tick(a->bft, &actions, now_ms);
		obey(a, &actions);
	}
}

int64_t agreement_deadline_ms(const struct agreement *a)
{
	int64_t due_ms = bft_deadline_ms(a->bft);

	return due_ms < a->early_ms ? due_ms : a->early_ms;
}

bool agreement_is_needed(const struct agreement *a)
{
	return a->height == a->tip.height + 1;
}

bool agreement_signs(const struct agreement *a)
{
	struct bft_status now;

	bft_status(a->bft, &now);
	return now.validator && !now.observing;
}

void agreement_get_status(const struct agreement *a, struct consensus_status *out)
{
	out->with_validators = agreement_is_needed(a);
	bft_status(a->bft, &out->bft);
	out->final_height = consensus_validators(a->node, a->tip.height) ? a->tip.height : 0;
	out->equivocations = a->equivocations;
	out->proposed = a->proposed;
}

/* ---- Life ---- */

int agreement_restore(struct agreement *a, const struct bft_record *record, const struct bft_certificate *polka)
{
	int r = bft_restore(a->bft, record, polka);

	return r < 0 ? r : 0;
}

int agreement_restore_block(struct agreement *a, const struct wire_block *block)
{
	struct proposal *p = proposal_copy(net_budget(a->node->net), block);

	if (!p)
		return -ENOMEM;
	proposal_unref(proposals_put(&a->consensus->proposals, p));
	proposal_unref(p);
	return 0;
}

int agreement_new(struct agreement **out, struct consensus *consensus, bool observing)
{
	const struct config *c = consensus->node->config;
	struct agreement *a = calloc(1, sizeof(*a));
	const struct bft_params params = {
		.timeout_ms = c->consensus.step_timeout_ms,
		.timeout_delta_ms = c->consensus.step_timeout_delta_ms,
		.repeat_ms = c->consensus.repeat_ms,
		.observing = observing,
		.sign = sign,
		.user = a,
	};

	if (!a)
		return -ENOMEM;
	a->consensus = consensus;
	a->node = consensus->node;
	a->early_ms = INT64_MAX;
	if (bft_new(&a->bft, &params, clock_mono_ms())) {
		free(a);
		return -ENOMEM;
	}
	*out = a;
	return 0;
}

void agreement_free(struct agreement *a)
{
	if (!a)
		return;
	bft_free(a->bft);
	free(a);
}
