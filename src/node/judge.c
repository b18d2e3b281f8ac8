// SPDX-License-Identifier: MIT
#include "judge.h"

#include <errno.h>
#include <stdlib.h>

#include "node_impl.h"
#include "timeproto/chain/hash.h"
#include "verify.h"

/* What checking a block takes, beside the block. */
#define SCRATCH_BYTES (16 * CHAIN_MAX_BLOCK_BYTES)

struct task {
	struct judge judge;
	struct node *node;
	struct verify_job job;
	void (*done)(void *user, struct judge *judge);
	void *user;
};

static int find_coin(void *user, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint)
{
	int r = chain_view_coin(user, out, arena, outpoint);

	return r == STORE_E_NOT_FOUND ? 1 : r > 0 ? -EIO : r;
}

static int has_transaction(void *user, const struct wire_hash *txid)
{
	uint64_t height;
	uint32_t position;
	int r = chain_view_transaction(user, &height, &position, txid);

	return r == 0 ? 1 : r == STORE_E_NOT_FOUND ? 0 : -EIO;
}

/* 0, an enum chain_error, or negative. */
static int check_on(struct task *t, struct chain_view *view, struct arena *scratch)
{
	const struct proposal *p = t->judge.proposal;
	const struct coin_source source = {find_coin, has_transaction, view};
	struct chain_fault *fault = &t->judge.fault;
	struct block_effects effects;
	/* Whether its time has come is asked elsewhere: that changes. */
	int r = block_check_place(fault, &p->block.header, &chain_view_summary(view)->tip, p->block.header.timestamp);

	if (!r)
		r = block_check_validators(fault, scratch, &t->node->chain_params, &p->block);
	if (!r)
		r = block_check_spends(&effects, fault, scratch, &t->node->chain_params, &p->block, &p->ids, &source);
	return r;
}

static enum judge_verdict check(struct task *t)
{
	struct chain_view *view = chain_thread_take_view(t->node->chain);
	const struct chain_point *tip = &chain_view_summary(view)->tip;
	enum judge_verdict verdict = JUDGE_UNKNOWABLE;
	struct arena scratch;
	int r;

	if (hash_equal(&tip->hash, &t->judge.proposal->block.header.previous_hash)) {
		arena_init(&scratch, SCRATCH_BYTES, NULL);
		r = check_on(t, view, &scratch);
		arena_free(&scratch);
		verdict = r == 0 ? JUDGE_VALID : r > 0 ? JUDGE_INVALID : JUDGE_UNKNOWABLE;
	}
	chain_view_unref(view);
	return verdict;
}

static void verified(struct verify_job *job)
{
	struct task *t = (struct task *)((char *)job - offsetof(struct task, job));

	if (job->error < 0) {
		t->judge.verdict = JUDGE_UNKNOWABLE;
	} else if (job->error) {
		t->judge.verdict = JUDGE_INVALID;
		t->judge.fault = job->fault;
	} else {
		t->judge.verdict = check(t);
	}
	t->done(t->user, &t->judge);
}

int judge_submit(struct node *node, struct proposal *proposal, void (*done)(void *user, struct judge *judge),
		 void *user)
{
	struct task *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->judge.proposal = proposal_ref(proposal);
	t->node = node;
	t->done = done;
	t->user = user;
	t->job = (struct verify_job){
		.blocks = &proposal->block, .ids = &proposal->ids, .count = 1, .proposed = true, .done = verified};
	verify_submit(node->verify, &t->job);
	return 0;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	proposal_unref(judge->proposal);
	free((struct task *)((char *)judge - offsetof(struct task, judge)));
}
