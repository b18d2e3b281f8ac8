/* SPDX-License-Identifier: MIT
 *
 * What the tests of the pool share: a pool at a chain of rewards, and short words for the usual steps.  Included once
 * by each test program; see chain_test.h.
 */
#ifndef TIMED_TESTS_POOL_FIXTURE_H
#define TIMED_TESTS_POOL_FIXTURE_H

#include "chain_test.h"
#include "timed/node/pool.h"
#include "timed/node/pool_query.h"
#include "timeproto/wire/bincode.h"

/* Blocks of rewards that the chain begins with: FIXTURE_REWARDS coins of 25 TIME each. */
#define POOL_BLOCKS 12
#define COIN_VALUE ((uint64_t)2500000000)
/* What a transaction that pays out a whole coin needs. */
#define COIN_FEE ((uint64_t)2500000)

static struct pool *pool;
static struct pool_params pool_params;
static struct pool_events events;
static struct pool_result result;
static const struct fixture_block *tip; /* of the chain that the pool follows */
static int64_t now_s = 1770000000;
static size_t next_coin; /* the next reward that nobody has spent */
static const struct net_ip some_peer = {{1}};

static inline void must_create(void)
{
	ck_assert_int_eq(pool_create(&pool, &pool_params, chain), 0);
}

static inline void pool_setup_at(const char *pool_dir)
{
	chain_setup();
	params.memory = true;
	must_open_chain();
	tip = fixture_extend(f, f->root, POOL_BLOCKS, 0);
	must_connect_up_to(tip);
	pool_params_init(&pool_params, &f->params, pool_dir);
	pool_events_init(&events);
	next_coin = 0;
	must_create();
}

static inline void pool_setup(void)
{
	pool_setup_at(NULL);
}

static inline void pool_teardown(void)
{
	pool_events_free(&events);
	pool_free(pool);
	pool = NULL;
	chain_teardown();
}

/* ---- transactions ---- */

static inline struct wire_hash txid_of(const struct wire_transaction *tx)
{
	struct wire_hash txid;

	hash_txid(&txid, tx);
	return txid;
}

/* A reward that no test has used yet. */
static inline struct fixture_coin take_coin(void)
{
	const struct fixture_block *block = fixture_ancestor(tip, 1 + next_coin / FIXTURE_REWARDS);

	ck_assert_uint_lt(next_coin, POOL_BLOCKS * FIXTURE_REWARDS);
	return fixture_reward(f, block, (uint32_t)(next_coin++ % FIXTURE_REWARDS));
}

/* Output `vout` of a transaction of the fixture. */
static inline struct fixture_coin output_of(const struct wire_transaction *tx, uint32_t vout)
{
	struct wire_hash txid = txid_of(tx);
	struct fixture_block alone = {.block = {.transactions = {.len = 1}}, .ids = {.txids = &txid}};
	struct wire_transaction copy = *tx;

	alone.block.transactions.items = &copy;
	return fixture_output(f, &alone, 0, vout);
}

/* All of a new coin, but the fee, to owner 1. */
static inline struct wire_transaction pay_fee(uint64_t fee)
{
	struct fixture_coin coin = take_coin();

	return fixture_pay(f, &coin, 1, 1, fee);
}

static inline struct wire_transaction pay(void)
{
	return pay_fee(COIN_FEE);
}

/* All of an output, but the fee, to owner 2. */
static inline struct wire_transaction spend_fee(const struct wire_transaction *tx, uint32_t vout, uint64_t fee)
{
	struct fixture_coin coin = output_of(tx, vout);

	return fixture_pay(f, &coin, 1, 2, fee);
}

static inline struct wire_transaction spend(const struct wire_transaction *tx, uint32_t vout)
{
	return spend_fee(tx, vout, COIN_FEE);
}

/* One coin to `outs` equal outputs, of owner 3. */
static inline struct wire_transaction split(const struct fixture_coin *coin, size_t outs, uint64_t fee)
{
	uint64_t values[64];
	int to[64];

	ck_assert_uint_le(outs, 64);
	for (size_t i = 0; i < outs; i++) {
		values[i] = (coin->value - fee) / outs;
		to[i] = 3;
	}
	values[0] += (coin->value - fee) % outs;
	return fixture_transaction(f, coin, 1, to, values, outs);
}

/* ---- steps ---- */

static inline int insert_from(const struct wire_transaction *tx, const struct net_ip *peer)
{
	struct wire_hash txid = txid_of(tx);
	struct pool_submission s = {.transaction = tx, .txid = &txid, .peer = peer, .now_s = now_s};

	return pool_insert(pool, &result, &events, &s);
}

static inline int insert(const struct wire_transaction *tx)
{
	return insert_from(tx, &some_peer);
}

static inline int try_insert(const struct wire_transaction *tx)
{
	struct wire_hash txid = txid_of(tx);
	struct pool_submission s = {.transaction = tx, .txid = &txid, .peer = &some_peer, .now_s = now_s};

	return pool_try(pool, &result, &s);
}

static inline void must_insert(const struct wire_transaction *tx)
{
	int r = insert(tx);

	ck_assert_msg(r == 0, "%s: %s", pool_outcome_name(r), result.fault.text);
}

static inline void expect_refused(const struct wire_transaction *tx, enum pool_outcome outcome)
{
	int r = insert(tx);

	ck_assert_msg(r == (int)outcome, "%s and not %s: %s", pool_outcome_name(r), pool_outcome_name((int)outcome),
		      result.fault.text);
	ck_assert_str_ne(result.fault.text, "");
}

static inline void expect_rule(const struct wire_transaction *tx, enum chain_error error)
{
	expect_refused(tx, POOL_E_RULE);
	ck_assert_str_eq(chain_error_name((int)result.fault.error), chain_error_name((int)error));
}

static inline int finalize(const struct wire_transaction *tx)
{
	struct pool_mark mark = {.txid = txid_of(tx), .votes = 3, .at_s = now_s};
	int r = pool_finalize(pool, &events, &mark, 1);

	return r ? r : mark.outcome;
}

static inline void must_finalize(const struct wire_transaction *tx)
{
	ck_assert_int_eq(finalize(tx), 0);
}

static inline int reject(const struct wire_transaction *tx)
{
	struct wire_hash txid = txid_of(tx);

	return pool_reject(pool, &events, &txid, now_s);
}

static inline void must_update(void)
{
	ck_assert_int_eq(pool_update(pool, &events, now_s), 0);
}

/* A block with these transactions on the tip; the pool follows. */
static inline void mine(const struct wire_transaction *txs, size_t count)
{
	tip = fixture_block(f, tip, txs, count, 0);
	must_connect_up_to(tip);
	must_update();
}

static inline void mine_one(const struct wire_transaction *tx)
{
	mine(tx, 1);
}

/* The chain changes over to `to`, whose blocks above `fork` it does not know yet; the pool follows. */
static inline void reorganise_pool(const struct fixture_block *fork, const struct fixture_block *to)
{
	must_keep_branch(fork, to);
	ck_assert_int_eq(reorganise(to), 0);
	tip = to;
	must_update();
}

/* ---- what is ---- */

static inline bool has(const struct wire_transaction *tx)
{
	struct wire_hash txid = txid_of(tx);
	struct pool_info info;

	if (pool_find(pool, &info, &txid))
		return false;
	pool_info_free(&info);
	return true;
}

static inline bool is_final(const struct wire_transaction *tx)
{
	struct wire_hash txid = txid_of(tx);
	struct pool_info info;
	bool final;

	if (pool_find(pool, &info, &txid))
		return false;
	final = info.finalized;
	pool_info_free(&info);
	return final;
}

static inline struct pool_summary summary(void)
{
	struct pool_summary s;

	pool_summarize(pool, &s, now_s);
	return s;
}

static inline void expect_count(size_t count)
{
	ck_assert_uint_eq(summary().count, count);
}

static inline void forget_events(void)
{
	pool_events_free(&events);
}

/* The events so far are these `count`, in this order; then they are forgotten. */
struct expected_event {
	enum pool_event_kind kind;
	const struct wire_transaction *tx;
};

static inline void expect_events(const struct expected_event *expected, size_t count)
{
	const struct pool_event *e = events.first;
	uint64_t sequence = 0;
	char text[HASH_TEXT_SIZE];

	for (size_t i = 0; i < count; i++, e = e->next) {
		struct wire_hash txid = txid_of(expected[i].tx);

		ck_assert_msg(e != NULL, "%d events of %d", (int)i, (int)count);
		ck_assert_msg(e->kind == expected[i].kind && hash_equal(&e->tx->txid, &txid),
			      "event %d: %s of %s and not %s", (int)i, pool_event_name(e->kind),
			      hash_text(text, &e->tx->txid), pool_event_name(expected[i].kind));
		ck_assert(i == 0 || e->sequence > sequence);
		sequence = e->sequence;
	}
	ck_assert_msg(e == NULL, "more than %d events: %s", (int)count, e ? pool_event_name(e->kind) : "");
	forget_events();
}

#define EXPECT_EVENTS(...)                                                                                             \
	expect_events((const struct expected_event[]){__VA_ARGS__},                                                    \
		      sizeof((const struct expected_event[]){__VA_ARGS__}) / sizeof(struct expected_event))

static inline void expect_no_events(void)
{
	ck_assert_msg(!events.first, "%s", events.first ? pool_event_name(events.first->kind) : "");
}

#endif
