// SPDX-License-Identifier: MIT
/* The pool: what happens while it reads the chain and so does not hold its lock.  The linker puts the functions below
 * in the place of those of the store, so that a test can do something in the middle of a call; and a test with threads.
 */
#include <stdatomic.h>

#include "pool_fixture.h"
#include "run_suite.h"
#include "timed/util/thread.h"

/* Done once, when the chain is next read: a coin, a transaction's place, or a block. */
static void (*on_coin)(void);
static void (*on_transaction)(void);
static void (*on_block)(void);

static void run_hook(void (**hook)(void))
{
	void (*run)(void) = *hook;

	if (!run)
		return; /* as in the test with threads, which sets none */
	*hook = NULL;
	run();
}

int __real_chain_view_coin(struct chain_view *view, struct coin *out, struct arena *arena,
			   const struct wire_outpoint *outpoint);
int __wrap_chain_view_coin(struct chain_view *view, struct coin *out, struct arena *arena,
			   const struct wire_outpoint *outpoint);
int __real_chain_view_transaction(struct chain_view *view, uint64_t *height, uint32_t *position,
				  const struct wire_hash *txid);
int __wrap_chain_view_transaction(struct chain_view *view, uint64_t *height, uint32_t *position,
				  const struct wire_hash *txid);
int __real_chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height);
int __wrap_chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height);

int __wrap_chain_view_coin(struct chain_view *view, struct coin *out, struct arena *arena,
			   const struct wire_outpoint *outpoint)
{
	int r = __real_chain_view_coin(view, out, arena, outpoint);

	run_hook(&on_coin);
	return r;
}

int __wrap_chain_view_transaction(struct chain_view *view, uint64_t *height, uint32_t *position,
				  const struct wire_hash *txid)
{
	int r = __real_chain_view_transaction(view, height, position, txid);

	run_hook(&on_transaction);
	return r;
}

int __wrap_chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height)
{
	run_hook(&on_block);
	return __real_chain_view_block(view, out, arena, height);
}

/* What the hooks work with. */
static struct wire_transaction first, second;

static void race_setup(void)
{
	pool_setup();
	on_coin = on_transaction = on_block = NULL;
}

/* ---- while a transaction is looked at ---- */

static void mine_second(void)
{
	mine_one(&second);
}

static void insert_second(void)
{
	struct pool_result saved = result;

	must_insert(&second);
	result = saved;
}

static void reject_second(void)
{
	ck_assert_int_eq(reject(&second), 0);
}

START_TEST(a_block_takes_its_coin)
{
	struct fixture_coin coin = take_coin();

	first = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	second = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	on_coin = mine_second;
	expect_refused(&first, POOL_E_SPENT); /* it was there when it was read */
	expect_count(0);
}
END_TEST

START_TEST(a_block_takes_the_transaction)
{
	first = second = pay();
	on_coin = mine_second;
	expect_refused(&first, POOL_E_IN_CHAIN);
	expect_count(0);
}
END_TEST

START_TEST(a_rival_comes)
{
	struct fixture_coin coin = take_coin();

	first = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	second = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	on_coin = insert_second;
	expect_refused(&first, POOL_E_CONFLICT);
	EXPECT_EVENTS({POOL_ADDED, &second});
}
END_TEST

START_TEST(somebody_else_sends_it)
{
	first = second = pay();
	on_coin = insert_second;
	expect_refused(&first, POOL_E_KNOWN);
	EXPECT_EVENTS({POOL_ADDED, &second});
}
END_TEST

START_TEST(its_parent_is_rejected)
{
	struct fixture_coin coins[2];

	second = pay();
	coins[0] = output_of(&second, 0);
	coins[1] = take_coin();
	first = fixture_pay(f, coins, 2, 1, 2 * COIN_FEE);
	must_insert(&second);
	on_coin = reject_second;
	expect_refused(&first, POOL_E_ORPHAN);
	expect_count(0);
	ck_assert_uint_eq(summary().orphans, 1);
}
END_TEST

START_TEST(its_parent_is_confirmed)
{
	struct fixture_coin coins[2];
	struct wire_hash txid;
	struct pool_info info;

	second = pay();
	coins[0] = output_of(&second, 0);
	coins[1] = take_coin();
	first = fixture_pay(f, coins, 2, 1, 2 * COIN_FEE);
	txid = txid_of(&first);
	must_insert(&second);
	on_coin = mine_second;
	must_insert(&first);
	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	ck_assert_uint_eq(info.ancestors.count, 1);
	pool_info_free(&info);
}
END_TEST

static void insert_second_at_next_lookup(void)
{
	on_transaction = insert_second;
}

START_TEST(what_it_misses_comes)
{
	/* the first lookup is of itself, the second of its unknown parent */
	second = pay();
	first = spend(&second, 0);
	on_transaction = insert_second_at_next_lookup;
	must_insert(&first);
	EXPECT_EVENTS({POOL_ADDED, &second}, {POOL_ADDED, &first});
	ck_assert_uint_eq(summary().orphans, 0);
}
END_TEST

START_TEST(what_it_misses_comes_in_a_block)
{
	second = pay();
	first = spend(&second, 0);
	on_transaction = mine_second;
	must_insert(&first);
	ck_assert_uint_eq(summary().orphans, 0);
}
END_TEST

/* ---- while the pool is on its way to a new tip ---- */

static struct wire_transaction rival;

static void insert_rival(void)
{
	must_insert(&rival);
}

static void expect_no_assembly(void)
{
	struct pool_selection s;

	ck_assert_int_eq(pool_assemble(pool, &s, &tip->ids.hash, SIZE_MAX, SIZE_MAX), POOL_E_TIP);
	ck_assert_int_eq(pool_judge(pool, NULL, &tip->ids.hash, &tip->block, &tip->ids), POOL_E_TIP);
}

START_TEST(no_block_is_made_meanwhile)
{
	first = pay();
	must_insert(&first);
	must_finalize(&first);
	on_block = expect_no_assembly;
	mine_one(&first);
	ck_assert(!on_block);
}
END_TEST

static void insert_kid_and_stranger(void)
{
	must_insert(&first);
	expect_refused(&rival, POOL_E_SPENT);
}

START_TEST(what_comes_meanwhile_is_checked_against_the_new_tip)
{
	struct fixture_coin coin;

	second = pay();
	coin = fixture_reward(f, fixture_ancestor(tip, 1), 0);
	rival = fixture_pay(f, &coin, 1, 5, COIN_FEE);
	first = spend(&second, 0); /* its parent is in the pool and in the block */
	must_insert(&second);
	rival.inputs.items[0].previous_output.vout = 77; /* an output that never was */
	on_block = insert_kid_and_stranger;
	mine_one(&second);
	EXPECT_EVENTS({POOL_ADDED, &second}, {POOL_ADDED, &first}, {POOL_CONFIRMED, &second});
	mine_one(&first);
	expect_count(0);
}
END_TEST

/* A finalized transaction whose block is undone, and another one that spends the same. */
static void start_over(void)
{
	struct fixture_coin coin = take_coin();

	first = fixture_pay(f, &coin, 1, 1, COIN_FEE);
	rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	must_insert(&first);
}

START_TEST(a_rival_that_comes_meanwhile_gives_way_to_a_finalized_one)
{
	const struct fixture_block *fork = tip;

	start_over();
	must_finalize(&first);
	mine_one(&first);
	forget_events();
	on_block = insert_rival; /* the pool is empty: the first block read is the one that is undone */
	reorganise_pool(fork, fixture_extend(f, fork, 2, 7));
	EXPECT_EVENTS({POOL_ADDED, &rival}, {POOL_CONFLICTED, &rival}, {POOL_RETURNED, &first});
	ck_assert(is_final(&first));
}
END_TEST

START_TEST(a_rival_that_comes_meanwhile_stays_before_a_pending_one)
{
	const struct fixture_block *fork = tip;
	struct wire_transaction kid;

	start_over();
	mine_one(&first);
	kid = spend(&first, 0);
	must_insert(&kid);
	forget_events();
	on_block = insert_rival;
	reorganise_pool(fork, fixture_extend(f, fork, 2, 7));
	EXPECT_EVENTS({POOL_ADDED, &rival}, {POOL_CONFLICTED, &kid});
	expect_count(1);
}
END_TEST

static void insert_first(void)
{
	must_insert(&first);
}

START_TEST(a_finalized_one_that_is_sent_again_meanwhile_is_finalized)
{
	const struct fixture_block *fork = tip;
	struct wire_transaction kid;
	struct wire_hash txid;
	struct pool_info info;

	start_over();
	must_finalize(&first);
	mine_one(&first);
	kid = spend(&first, 0);
	must_insert(&kid);
	forget_events();
	on_block = insert_first;
	reorganise_pool(fork, fixture_extend(f, fork, 2, 7));
	EXPECT_EVENTS({POOL_ADDED, &first}, {POOL_NOW_FINAL, &first});
	txid = txid_of(&kid);
	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	ck_assert_uint_eq(info.ancestors.count, 2);
	pool_info_free(&info);
}
END_TEST

/* ---- threads ---- */

#define THREADS 3
#define EACH 12

struct worker {
	struct thread thread;
	struct wire_transaction txs[EACH];
	struct wire_transaction kids[EACH];
	unsigned taken;
};

static struct worker workers[THREADS];
static atomic_uint running;
static atomic_bool stop;

static void *insert_all(void *arg)
{
	struct worker *w = arg;
	struct pool_result r;
	struct pool_events told;

	pool_events_init(&told);
	for (int i = 0; i < EACH; i++) {
		for (int k = 1; k >= 0; k--) {
			struct wire_transaction *tx = k ? &w->kids[i] : &w->txs[i];
			struct wire_hash txid = txid_of(tx);
			struct pool_submission s = {
				.transaction = tx, .txid = &txid, .peer = &some_peer, .now_s = now_s};
			struct pool_mark mark = {.txid = txid, .votes = 3, .at_s = now_s};
			int outcome = pool_insert(pool, &r, &told, &s);

			CHECK(outcome == 0 || outcome == POOL_E_ORPHAN || outcome == POOL_E_KNOWN ||
			      outcome == POOL_E_CONFLICT || outcome == POOL_E_IN_CHAIN || outcome == POOL_E_SPENT);
			w->taken += outcome == 0;
			CHECK(pool_finalize(pool, &told, &mark, i % 2 ? 1 : 0) == 0);
		}
	}
	pool_events_free(&told);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

/* Asks everything, all the time. */
static void *ask(void *arg)
{
	struct arena arena;

	(void)arg;
	arena_init(&arena, 1 << 20, NULL);
	while (!atomic_load(&stop)) {
		struct pool_summary s;
		struct pool_list list;
		struct pool_selection selection;
		struct pool_events told;

		pool_events_init(&told);
		pool_summarize(pool, &s, now_s);
		CHECK(pool_list(pool, &list, POOL_ALL) == 0);
		for (size_t i = 0; i < list.count; i++) {
			struct wire_hash txid;

			hash_txid(&txid, &list.items[i].tx->transaction);
			CHECK(hash_equal(&txid, &list.items[i].tx->txid));
		}
		pool_list_free(&list);
		if (pool_assemble(pool, &selection, &s.tip.hash, SIZE_MAX, SIZE_MAX) == 0)
			pool_selection_free(&selection);
		pool_expire(pool, &told, now_s);
		CHECK(!told.first);
		arena_reset(&arena);
	}
	arena_free(&arena);
	return NULL;
}

/* The process dies: what was finalized is there again, or a block has it. */
static void expect_finals_survive(void)
{
	struct wire_hash finals[2 * THREADS * EACH];
	struct pool_loaded loaded;
	struct pool_list list;
	size_t count = 0;

	ck_assert_int_eq(pool_list(pool, &list, POOL_ONLY_FINALIZED), 0);
	for (; count < list.count; count++)
		finals[count] = list.items[count].tx->txid;
	pool_list_free(&list);
	ck_assert_uint_gt(count, 0);
	pool_free(pool);
	must_create();
	ck_assert_int_eq(pool_load(pool, &loaded, now_s), 0);
	for (size_t i = 0; i < count; i++) {
		struct pool_info info;

		ck_assert_int_eq(pool_find(pool, &info, &finals[i]), 0);
		ck_assert(info.finalized);
		pool_info_free(&info);
	}
}

START_TEST(threads_insert_while_the_chain_goes_on)
{
	static struct thread asker;
	const struct fixture_block *fork = tip, *ours, *theirs;
	struct wire_transaction some[THREADS];
	struct pool_loaded loaded;

	pool_free(pool);
	pool_params.dir = parent;
	must_create();
	ck_assert_int_eq(pool_load(pool, &loaded, now_s), 0);
	/* each pair of workers has a transaction in conflict, and all have some of their own */
	for (int t = 0; t < THREADS; t++) {
		for (int i = 0; i < EACH; i++) {
			struct fixture_coin coin = take_coin();

			workers[t].txs[i] = fixture_pay(f, &coin, 1, t, COIN_FEE);
			if (i == 0 && t > 0) {
				coin = fixture_reward(f, fixture_ancestor(fork, 1), 0);
				workers[t].txs[i] = fixture_pay(f, &coin, 1, t, COIN_FEE);
			}
			workers[t].kids[i] = spend(&workers[t].txs[i], 0);
		}
		workers[t].taken = 0;
		some[t] = workers[t].txs[3];
	}
	ours = fixture_block(f, tip, some, 2, 0);
	theirs = fixture_extend(f, fixture_block(f, fork, some + 1, 2, 7), 1, 7);
	atomic_store(&running, THREADS);
	atomic_store(&stop, false);
	for (int t = 0; t < THREADS; t++)
		ck_assert_int_eq(thread_start(&workers[t].thread, "worker", insert_all, &workers[t]), 0);
	ck_assert_int_eq(thread_start(&asker, "asker", ask, NULL), 0);
	must_connect_up_to(ours);
	must_update();
	must_keep_branch(fork, theirs);
	while (atomic_load(&running) > 0) {
		ck_assert_int_eq(reorganise(theirs), 0);
		must_update();
		ck_assert_int_eq(reorganise(ours), 0);
		must_update();
	}
	for (int t = 0; t < THREADS; t++)
		thread_join(&workers[t].thread);
	atomic_store(&stop, true);
	thread_join(&asker);
	/* whatever came first: all that may be taken is there, or in the chain */
	for (int t = 0; t < THREADS; t++) {
		for (int i = 1; i < EACH; i++) {
			int r = insert(&workers[t].txs[i]);

			ck_assert_msg(r == POOL_E_KNOWN || r == POOL_E_IN_CHAIN || r == 0, "%s: %s",
				      pool_outcome_name(r), result.fault.text);
			r = insert(&workers[t].kids[i]);
			ck_assert_msg(r == POOL_E_KNOWN || r == 0, "%s: %s", pool_outcome_name(r), result.fault.text);
		}
	}
	expect_finals_survive();
}
END_TEST

static void add_tests(Suite *suite)
{
	TCase *c = tcase_create("races");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, race_setup, pool_teardown);
	tcase_add_test(c, a_block_takes_its_coin);
	tcase_add_test(c, a_block_takes_the_transaction);
	tcase_add_test(c, a_rival_comes);
	tcase_add_test(c, somebody_else_sends_it);
	tcase_add_test(c, its_parent_is_rejected);
	tcase_add_test(c, its_parent_is_confirmed);
	tcase_add_test(c, what_it_misses_comes);
	tcase_add_test(c, what_it_misses_comes_in_a_block);
	tcase_add_test(c, no_block_is_made_meanwhile);
	tcase_add_test(c, what_comes_meanwhile_is_checked_against_the_new_tip);
	tcase_add_test(c, a_rival_that_comes_meanwhile_gives_way_to_a_finalized_one);
	tcase_add_test(c, a_rival_that_comes_meanwhile_stays_before_a_pending_one);
	tcase_add_test(c, a_finalized_one_that_is_sent_again_meanwhile_is_finalized);
	tcase_add_test(c, threads_insert_while_the_chain_goes_on);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("pool races");

	add_tests(suite);
	return run_suite(suite);
}
