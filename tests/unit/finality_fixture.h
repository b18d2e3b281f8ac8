/* SPDX-License-Identifier: MIT
 *
 * A machine of consensus/finality.h for tests: four voters unless a test says otherwise, and we are number 0.
 */
#ifndef TESTS_UNIT_FINALITY_FIXTURE_H
#define TESTS_UNIT_FINALITY_FIXTURE_H

#include "run_suite.h"
#include "timed/consensus/finality.h"

#include <string.h>

#include <check.h>

#define HOUR ((int64_t)3600)
#define START ((int64_t)1764547200)

static struct finality *finality;
static struct finality_params params;
static struct finality_action action;
static int64_t now;

static struct wire_hash A = {{0xa}}, B = {{0xb}}, C = {{0xc}};
static const struct wire_outpoint coin = {{{1}}, 0}, other_coin = {{{1}}, 1};

static inline void sign(void *user, struct finality_vote *vote)
{
	(void)user;
	memset(&vote->signature, 0, sizeof(vote->signature));
	vote->signature.bytes[0] = (uint8_t)(vote->voter + 1);
	vote->signature.bytes[1] = vote->approve;
	vote->signature.bytes[2] = vote->txid.bytes[0];
}

static inline void voters(uint32_t count, int32_t own)
{
	struct wire_key keys[16] = {{{0}}};

	for (uint32_t i = 0; i < count; i++)
		keys[i].bytes[0] = (uint8_t)i;
	ck_assert_int_eq(finality_set_voters(finality, keys, count, own), 0);
}

static inline void create(void)
{
	finality_free(finality);
	ck_assert_int_eq(finality_new(&finality, &params), 0);
	voters(4, 0);
	finality_set_signing(finality, true);
}

static inline void setup(void)
{
	now = START;
	finality_params_init(&params);
	params.sign = sign;
	params.seed[0] = 1;
	params.seed[1] = 2;
	create();
}

static inline void teardown(void)
{
	finality_free(finality);
	finality = NULL;
}

static inline int add(struct wire_hash txid, const struct wire_outpoint *outpoint)
{
	return finality_add(finality, &txid, outpoint, 1, now);
}

static inline int vote_at(uint32_t voter, struct wire_hash txid, bool approve, int64_t timestamp)
{
	struct finality_vote vote = {.txid = txid, .voter = voter, .approve = approve, .timestamp = timestamp};

	sign(NULL, &vote);
	return finality_vote(finality, &vote, now);
}

static inline int vote(uint32_t voter, struct wire_hash txid, bool approve)
{
	return vote_at(voter, txid, approve, now);
}

/* The next action, which must be of that kind. */
static inline void next(enum finality_action_kind kind, struct wire_hash txid)
{
	ck_assert(finality_next(finality, &action, now));
	ck_assert_int_eq(action.kind, kind);
	ck_assert_mem_eq(&action.txid, &txid, sizeof(txid));
}

static inline void nothing(void)
{
	ck_assert(!finality_next(finality, &action, now));
}

static inline struct finality_status status(struct wire_hash txid)
{
	struct finality_status out;

	ck_assert_int_eq(finality_status(finality, &out, &txid), 0);
	return out;
}

static inline struct finality_counts counts(void)
{
	struct finality_counts out;

	finality_count(finality, &out);
	return out;
}

/* A is in the pool, and we have approved it. */
static inline void approve_a(void)
{
	ck_assert_int_eq(add(A, &coin), 0);
	next(FINALITY_SEND_VOTE, A);
	ck_assert(action.vote.approve);
	nothing();
}

#endif
