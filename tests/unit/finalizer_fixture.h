/* SPDX-License-Identifier: MIT
 *
 * What the tests of the finalizer share: one with a real pool and a real file `votes`, and short words for its steps.
 * Included once by each test program.
 */
#ifndef TIMED_TESTS_FINALIZER_FIXTURE_H
#define TIMED_TESTS_FINALIZER_FIXTURE_H

#include "finalizer_world.h"
#include "run_suite.h"

/* ---- steps ---- */

static inline void hear_one(size_t i)
{
	finalizer_on_event(fin, &waiting[i]);
	pool_tx_unref(waiting[i].tx);
	memmove(&waiting[i], &waiting[i + 1], (waiting_count - i - 1) * sizeof(waiting[0]));
	waiting_count--;
}

static inline void hear(void)
{
	take_events(&events);
	forget_events();
	while (waiting_count > 0)
		hear_one(0);
}

static inline void must_decide(void)
{
	ck_assert_int_eq(finalizer_decide(fin), 0);
}

static inline void must_sync(void)
{
	ck_assert_int_eq(votes_sync(votes), 0);
}

static inline void must_send(void)
{
	ck_assert_int_eq(finalizer_send(fin), 0);
}

/* One turn of the thread; what it causes is heard. */
static inline void turn(void)
{
	hear();
	must_decide();
	must_sync();
	must_send();
	hear();
}

static inline void forget_sent(void)
{
	sent_count = 0;
}

static inline void expect_sent(size_t i, int voter, const struct wire_transaction *tx, bool approve,
			       enum send_class class)
{
	struct wire_hash txid = txid_of(tx);

	ck_assert_uint_lt(i, sent_count);
	ck_assert(hash_equal(&sent[i].vote.txid, &txid));
	ck_assert_int_eq(sent[i].voter, voter);
	ck_assert(sent[i].verified);
	ck_assert(sent[i].vote.approve == approve);
	ck_assert_int_eq(sent[i].class, class);
}

static inline int vote_from(int voter, const struct wire_transaction *tx, bool approve, struct peer *from)
{
	struct wire_transaction_vote wire = {
		.txid = txid_of(tx), .voter = addresses[voter], .approve = approve, .timestamp = clock_real_s()};
	struct finality_vote vote = {
		.txid = wire.txid, .voter = (uint32_t)voter, .approve = approve, .timestamp = wire.timestamp};

	digest_sign_transaction_vote(&wire, f->owners[voter].secret);
	vote.signature = wire.signature;
	return finalizer_on_vote(fin, &vote, from);
}

static inline void vote(int voter, const struct wire_transaction *tx, bool approve)
{
	ck_assert_int_eq(vote_from(voter, tx, approve, NULL), 0);
}

static inline struct finality_counts counts(void)
{
	struct finality_counts out;
	uint32_t voters;

	finalizer_count(fin, &out, &voters);
	ck_assert_uint_eq(voters, VOTERS);
	return out;
}

static inline void pass(int64_t ms)
{
	offset_ms += ms;
	clock_set_offset_ms(offset_ms, offset_ms);
}

static inline struct pool_info find(const struct wire_transaction *tx)
{
	struct wire_hash txid = txid_of(tx);
	struct pool_info info;

	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	pool_info_free(&info);
	return info;
}

static inline bool binds(const struct wire_transaction *tx)
{
	struct finality_record record = {.txid = txid_of(tx)};

	return finalizer_binds(fin, &record);
}

/* From now on blocks need certificates, which is all that is asked of the validators: none of them is undone. */
static inline void certify(void)
{
	node.chain_params.validators = (const void *)keys;
	node.chain_params.bft_from = 1;
}

/* ---- life ---- */

static size_t restored;

static inline int restore_bft(void *user, const struct bft_record *record, const struct bft_certificate *polka)
{
	(void)user;
	(void)record;
	(void)polka;
	return -EINVAL;
}

static inline int restore_block(void *user, uint64_t height, const struct wire_hash *hash,
				const struct wire_block *block)
{
	(void)user;
	(void)height;
	(void)hash;
	(void)block;
	return -EINVAL;
}

static inline int restore_finality(void *user, const struct votes_finality *entry)
{
	(void)user;
	restored++;
	return finalizer_restore(fin, entry);
}

static inline void set_voters(void)
{
	ck_assert_int_eq(finalizer_set_voters(fin, keys, addresses, VOTERS, own), 0);
}

static inline bool start(bool signing)
{
	struct votes_reader reader = {restore_bft, restore_block, restore_finality, NULL};
	char text[VOTES_TEXT_SIZE];

	ck_assert_int_eq(finalizer_new(&fin, &node, NULL), 0);
	restored = 0;
	ck_assert_int_eq(votes_open(&votes, text, votes_path, &f->genesis.hash, &keys[0], &reader), 0);
	finalizer_set_file(fin, votes);
	set_voters();
	finalizer_set_signing(fin, signing);
	finalizer_load(fin);
	return votes_size(votes) > 0;
}

static inline void stop(void)
{
	finalizer_free(fin);
	votes_close(votes);
	fin = NULL;
	votes = NULL;
}

static inline bool restart(bool signing)
{
	forget_sent();
	stop();
	return start(signing);
}

static inline void finalizer_setup(void)
{
	pool_setup();
	log_set_level(LOG_CONSENSUS, LOG_LEVEL_ERROR);
	log_set_level(LOG_MEMPOOL, LOG_LEVEL_ERROR);
	memset(&node, 0, sizeof(node));
	memset(&config, 0, sizeof(config));
	config.limits.pool_count = 10000;
	config.timers.tx_vote_ms = INT64_C(72) * 3600 * 1000;
	config.timers.tx_lock_ms = INT64_C(3600) * 1000;
	config.consensus.repeat_ms = REPEAT_MS;
	node.config = &config;
	node.pool = pool;
	mem_budget_init(&budget, 64 << 20);
	snprintf(votes_path, sizeof(votes_path), "%s/votes", parent);
	own = 0;
	for (int i = 0; i < VOTERS; i++) {
		keys[i] = f->owners[i].key;
		snprintf(texts[i], sizeof(texts[i]), "10.0.0.%d", i + 1);
		addresses[i] = (struct wire_str){texts[i], strlen(texts[i])};
	}
	offset_ms = 0;
	clock_set_offset_ms(0, 0);
	ck_assert(!start(true));
}

static inline void finalizer_teardown(void)
{
	stop();
	while (waiting_count > 0)
		pool_tx_unref(waiting[--waiting_count].tx);
	ck_assert_int_eq(peer_refs, 0);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
	clock_set_offset_ms(0, 0);
	pool_teardown();
}

static inline int finalizer_tests(const char *name, void (*add_tests)(TCase *))
{
	Suite *suite = suite_create(name);
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, finalizer_setup, finalizer_teardown);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}

#endif
