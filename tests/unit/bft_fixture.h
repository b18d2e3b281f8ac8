/* SPDX-License-Identifier: MIT
 *
 * A machine of consensus/bft.h for tests: one of four validators, with what others say to it, and what it wants done.
 */
#ifndef TESTS_UNIT_BFT_FIXTURE_H
#define TESTS_UNIT_BFT_FIXTURE_H

#include "run_suite.h"
#include "timed/consensus/bft.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define HEIGHT 10
#define US 1
#define TIMEOUT ((int64_t)1000)
#define DELTA ((int64_t)500)
#define START ((int64_t)50000)

static struct bft *bft;
static struct bft_actions actions;
static struct bft_params params;
static int64_t now;
static struct wire_hash nil, A = {{0xa}}, B = {{0xb}};
static __attribute__((unused)) struct wire_hash C = {{0xc}};

/* A signature that says who signed, and what. */
static inline void sign(void *user, struct wire_sig *out, const struct bft_record *record)
{
	(void)user;
	memset(out, 0, sizeof(*out));
	out->bytes[0] = (uint8_t)(100 + record->kind);
	out->bytes[1] = (uint8_t)record->round;
	memcpy(out->bytes + 2, record->hash.bytes, 32);
}

static inline struct bft_height terms(uint64_t height, int own)
{
	return (struct bft_height){.height = height, .validators = 4, .leader = 0, .own = own};
}

static inline void start(uint64_t height, int own, int64_t earliest_ms)
{
	struct bft_height this = terms(height, own), next = terms(height + 1, own);

	ck_assert_int_eq(bft_start_height(bft, &actions, &this, &next, earliest_ms, now), 0);
}

static inline void create(bool observing)
{
	bft_free(bft);
	params = (struct bft_params){.timeout_ms = TIMEOUT,
				     .timeout_delta_ms = DELTA,
				     .repeat_ms = 100000,
				     .observing = observing,
				     .sign = sign};
	ck_assert_int_eq(bft_new(&bft, &params, now), 0);
}

static inline void setup(void)
{
	now = START;
	create(false);
	start(HEIGHT, US, 0);
}

static inline void teardown(void)
{
	bft_free(bft);
	bft = NULL;
}

/* Actions of one kind that the last event gave. */
static inline int count(enum bft_action_kind kind)
{
	int found = 0;

	for (size_t i = 0; i < actions.count; i++)
		found += actions.items[i].kind == kind;
	return found;
}

static inline const struct bft_action *the(enum bft_action_kind kind)
{
	ck_assert_int_eq(count(kind), 1);
	for (size_t i = 0; i < actions.count; i++) {
		if (actions.items[i].kind == kind)
			return &actions.items[i];
	}
	return NULL;
}

static inline struct bft_vote make_vote(uint32_t voter, uint64_t round, enum wire_phase phase, struct wire_hash hash)
{
	struct bft_vote vote = {.height = HEIGHT, .round = round, .phase = phase, .voter = voter, .hash = hash};

	vote.signature.bytes[0] = (uint8_t)(1 + voter);
	vote.signature.bytes[1] = (uint8_t)round;
	memcpy(vote.signature.bytes + 2, hash.bytes, 32);
	return vote;
}

static inline int prevote(uint32_t voter, uint64_t round, struct wire_hash hash)
{
	struct bft_vote vote = make_vote(voter, round, WIRE_PHASE_PREVOTE, hash);

	return bft_vote(bft, &actions, &vote, now);
}

static inline int precommit(uint32_t voter, uint64_t round, struct wire_hash hash)
{
	struct bft_vote vote = make_vote(voter, round, WIRE_PHASE_PRECOMMIT, hash);

	return bft_vote(bft, &actions, &vote, now);
}

static inline int proposal_by(uint32_t proposer, uint64_t height, uint64_t round, int64_t valid_round,
			      struct wire_hash hash)
{
	struct bft_proposal proposal = {
		.height = height, .round = round, .valid_round = valid_round, .proposer = proposer, .hash = hash};

	return bft_proposal(bft, &actions, &proposal, now);
}

static inline int proposal(uint64_t round, int64_t valid_round, struct wire_hash hash)
{
	return proposal_by((uint32_t)(round % 4), HEIGHT, round, valid_round, hash);
}

static inline void block(struct wire_hash hash, enum bft_validity validity)
{
	bft_block(bft, &actions, HEIGHT, &hash, validity, now);
}

static inline void tick(int64_t at)
{
	now = at;
	bft_tick(bft, &actions, now);
}

static inline bool same(const struct wire_hash *a, const struct wire_hash *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The last event made us vote this, and nothing else. */
static inline const struct bft_action *voted(enum wire_phase phase, uint64_t round, struct wire_hash hash)
{
	const struct bft_action *action = the(BFT_SEND_VOTE);
	const struct bft_vote *vote = &action->message.u.vote;

	ck_assert_int_eq(action->message.kind, BFT_MESSAGE_VOTE);
	ck_assert_uint_eq(vote->height, HEIGHT);
	ck_assert_uint_eq(vote->round, round);
	ck_assert_int_eq(vote->phase, phase);
	ck_assert_uint_eq(vote->voter, US);
	ck_assert(same(&vote->hash, &hash));
	ck_assert_int_eq(action->u.record.kind,
			 phase == WIRE_PHASE_PREVOTE ? BFT_RECORD_PREVOTE : BFT_RECORD_PRECOMMIT);
	ck_assert_uint_eq(action->u.record.height, HEIGHT);
	ck_assert_uint_eq(action->u.record.round, round);
	ck_assert(same(&action->u.record.hash, &hash));
	return action;
}

static inline struct bft_status status(void)
{
	struct bft_status out;

	bft_status(bft, &out);
	return out;
}

/* Round 0: everybody prevotes the block, and we have locked it. */
static inline void lock_in_round_0(struct wire_hash hash)
{
	ck_assert_int_eq(proposal(0, -1, hash), 0);
	block(hash, BFT_VALID);
	ck_assert_int_eq(prevote(0, 0, hash), 0);
	ck_assert_int_eq(prevote(2, 0, hash), 0);
	voted(WIRE_PHASE_PRECOMMIT, 0, hash);
	ck_assert_int_eq(status().locked_round, 0);
}

/* From round `round`, whatever the step, to the next, by precommits for nothing and the timeout. */
static inline void next_round(uint64_t round)
{
	(void)precommit(0, round, nil);
	(void)precommit(2, round, nil);
	(void)precommit(3, round, nil);
	tick(now + TIMEOUT + DELTA * (int64_t)round);
	if (status().round == round)
		tick(now + TIMEOUT + DELTA * (int64_t)round);
	ck_assert_uint_eq(status().round, round + 1);
}

/* The program: one suite of one case. */
static inline int bft_tests(const char *name, void (*add)(TCase *c))
{
	Suite *suite = suite_create(name);
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, setup, teardown);
	add(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}

#endif
