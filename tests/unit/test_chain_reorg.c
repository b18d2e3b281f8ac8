// SPDX-License-Identifier: MIT
/* chain_store: reorganisations, that fail and that do not (adversarial 42, 43). */
#include "chain_test.h"
#include "rounds.h"
#include "run_suite.h"

/* The chain ends at `block`, and its entries are those of a store that never held anything else. */
static void expect_clean(const struct fixture_block *block)
{
	struct wire_hash clean = clean_dump(block);

	expect_tip(block);
	expect_dump(false, &clean);
	expect_sound();
}

/* `count` random blocks with transactions. */
static const struct fixture_block *random_chain(const struct fixture_block *on, size_t count, uint32_t salt)
{
	for (size_t i = 0; i < count; i++)
		on = fixture_random_block(f, on, 6, salt);
	return on;
}

/* ---- that succeed ---- */

START_TEST(the_other_branch_and_back)
{
	/* undoing is the inverse of connecting: of every depth, from either side */
	const struct fixture_block *fork = random_chain(f->root, 5, 0);
	const struct fixture_block *ours = random_chain(fork, (size_t)_i, 0), *theirs = random_chain(fork, 6, 1);
	struct wire_hash before;
	struct chain_reorg done;

	if (rounds_skip(_i, 4))
		return;
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(fork, theirs);
	before = dump(false);
	ck_assert_int_eq(chain_store_reorganise(chain, &fault, &theirs->ids.hash, fixture_now(), &done), 0);
	ck_assert_uint_eq(done.undone, (uint64_t)_i);
	ck_assert_uint_eq(done.connected, 6);
	ck_assert_uint_eq(done.failed_height, 0);
	expect_clean(theirs);
	for (const struct fixture_block *block = ours; block != fork; block = block->parent)
		ck_assert(chain_store_keeps(chain, &block->ids.hash));
	for (const struct fixture_block *block = theirs; block != fork; block = block->parent)
		ck_assert(!chain_store_keeps(chain, &block->ids.hash));
	close_chain();
	must_open_chain();
	expect_tip(theirs);
	if (_i == 0)
		return; /* ours is an ancestor now */
	ck_assert_int_eq(reorganise(ours), 0);
	expect_dump(false, &before);
	expect_clean(ours);
}
END_TEST

START_TEST(what_has_gathered_is_written_first)
{
	const struct fixture_block *ours = random_chain(f->root, 6, 0), *theirs = random_chain(f->root, 3, 1);

	must_open_chain();
	must_keep_branch(f->root, theirs);
	for (uint64_t h = 1; h <= 6; h++)
		must_connect(fixture_ancestor(ours, h));
	ck_assert_int_eq(reorganise(theirs), 0);
	expect_clean(theirs);
}
END_TEST

START_TEST(many_branches_in_random_order)
{
	/* adversarial 51 without the crashes: blocks of a random tree, now the tip grows, now it jumps */
	const struct fixture_block *tree[60] = {f->root};
	size_t count = 1;

	chain_params.overlay_bytes = (size_t)32 << 10;
	must_open_chain();
	while (count < 60) {
		const struct fixture_block *on = tree[count - 1 - fixture_random(f, count < 8 ? count : 8)];

		tree[count] = fixture_random_block(f, on, 6, (uint32_t)count);
		if (hash_equal(&chain_store_tip(chain)->hash, &on->ids.hash) && fixture_random(f, 2)) {
			must_connect(tree[count]);
			if (fixture_random(f, 3) == 0)
				must_flush();
		} else {
			must_keep(tree[count]);
			if (fixture_random(f, 2))
				ck_assert_int_eq(reorganise(tree[count]), 0);
		}
		count++;
	}
	must_flush();
	for (size_t i = 1; i < count; i++) {
		if (hash_equal(&chain_store_tip(chain)->hash, &tree[i]->ids.hash))
			expect_clean(tree[i]);
	}
}
END_TEST

START_TEST(a_shorter_branch_wins_when_asked_for)
{
	const struct fixture_block *ours = random_chain(f->root, 10, 0), *theirs = random_chain(f->root, 1, 1);

	must_open_chain();
	must_connect_up_to(ours);
	must_keep(theirs);
	ck_assert_int_eq(reorganise(theirs), 0);
	expect_clean(theirs);
}
END_TEST

START_TEST(same_transaction_on_both_sides)
{
	/* it leaves the chain with ours, and comes back with theirs */
	struct fixture_block *fork = fixture_block(f, f->root, NULL, 0, 0), *ours, *theirs;
	struct fixture_coin coin = fixture_reward(f, fork, 0);
	struct wire_transaction pay = fixture_pay(f, &coin, 1, 1, 700);

	ours = fixture_block(f, fork, &pay, 1, 0);
	theirs = fixture_block(f, fixture_block(f, fork, NULL, 0, 1), &pay, 1, 1);
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(fork, theirs);
	ck_assert_int_eq(reorganise(theirs), 0);
	expect_clean(theirs);
	ck_assert_int_eq(reorganise(ours), 0);
	expect_clean(ours);
}
END_TEST

START_TEST(a_view_from_before_stays_whole)
{
	const struct fixture_block *ours = random_chain(f->root, 8, 0), *theirs = random_chain(f->root, 9, 1);
	struct wire_hash hash, expected;
	struct chain_view *view;

	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(f->root, theirs);
	view = chain_store_view(chain);
	ck_assert_int_eq(reorganise(theirs), 0);
	for (uint64_t h = 0; h <= 8; h++) {
		ck_assert_int_eq(chain_view_hash(view, &hash, h), 0);
		expect_hash(&hash, &fixture_ancestor(ours, h)->ids.hash);
	}
	ck_assert_int_eq(chain_view_state_hash(view, &hash), 0);
	fixture_state_hash(f, ours, &expected);
	expect_hash(&hash, &expected);
	chain_view_unref(view);
	expect_tip(theirs);
}
END_TEST

/* ---- depth ---- */

START_TEST(depth_up_to_the_limit_is_done_and_beyond_it_refused)
{
	/* adversarial 43 */
	static const size_t depths[] = {1, 100, 101, 999, 1000, 1001};
	size_t depth = depths[_i];
	const struct fixture_block *fork = fixture_extend(f, f->root, 3, 0);
	const struct fixture_block *ours = fixture_extend(f, fork, depth, 0),
				   *theirs = fixture_extend(f, fork, 1002, 1);
	struct wire_hash before;

	if (rounds_skip(_i, 3))
		return;
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(fork, theirs);
	before = dump(true);
	if (depth > 1000) {
		ck_assert_int_eq(reorganise(theirs), CHAIN_STORE_E_TOO_DEEP);
		expect_dump(true, &before);
		expect_tip(ours);
	} else {
		ck_assert_int_eq(reorganise(theirs), 0);
		expect_tip(theirs);
		expect_sound();
	}
}
END_TEST

/* ---- that are not begun ---- */

START_TEST(a_branch_with_a_gap_is_unknown)
{
	const struct fixture_block *ours = random_chain(f->root, 4, 0), *theirs = random_chain(f->root, 6, 1);
	struct wire_hash before;

	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(fixture_ancestor(theirs, 3), theirs);
	must_keep_branch(f->root, fixture_ancestor(theirs, 2));
	before = dump(true);
	ck_assert_int_eq(reorganise(theirs), CHAIN_STORE_E_UNKNOWN);
	/* neither kept nor ours; ours already */
	ck_assert_int_eq(reorganise(fixture_ancestor(theirs, 3)), CHAIN_STORE_E_UNKNOWN);
	ck_assert_int_eq(reorganise(ours), CHAIN_STORE_E_UNKNOWN);
	ck_assert_int_eq(reorganise(fixture_ancestor(ours, 2)), CHAIN_STORE_E_UNKNOWN);
	expect_dump(true, &before);
	must_keep(fixture_ancestor(theirs, 3));
	ck_assert_int_eq(reorganise(theirs), 0);
	expect_clean(theirs);
}
END_TEST

START_TEST(a_certified_block_is_not_undone)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second;
	const struct fixture_block *tip, *below, *above;
	struct wire_hash before;

	fixture_validators(f, 3);
	second = fixture_block(f, first, NULL, 0, 0);
	tip = fixture_block(f, second, NULL, 0, 0);
	below = fixture_extend(f, fixture_block(f, first, NULL, 0, 1), 9, 1);
	above = fixture_extend(f, tip, 9, 1);
	must_open_chain();
	must_connect_up_to(tip);
	must_keep_branch(first, below);
	must_keep_branch(tip, above);
	before = dump(true);
	ck_assert_int_eq(reorganise(below), CHAIN_STORE_E_FINAL);
	expect_dump(true, &before);
	expect_tip(tip);
	/* the certified block itself may be the ancestor */
	ck_assert_int_eq(reorganise(above), 0);
	expect_clean(above);
}
END_TEST

START_TEST(a_certified_branch_wins_at_any_depth)
{
	const struct fixture_block *ours = fixture_extend(f, f->root, 8, 0), *theirs = fixture_extend(f, f->root, 8, 1);
	const struct fixture_block *certified;

	chain_params.max_reorg_depth = 3;
	fixture_validators(f, 9);
	certified = fixture_extend(f, theirs, 2, 0);
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(f->root, certified);
	ck_assert_int_eq(reorganise(theirs), CHAIN_STORE_E_TOO_DEEP);
	ck_assert_int_eq(reorganise(certified), 0);
	expect_clean(certified);
}
END_TEST

/* ---- that fail ---- */

/* A block whose coinbase pays one satoshi too much: its form is right. */
static struct fixture_block *greedy_block(const struct fixture_block *on, uint32_t salt)
{
	struct fixture_block *block = fixture_block(f, on, NULL, 0, salt);

	block->block.masternode_rewards.items[0].amount++;
	fixture_repay(f, block);
	fixture_seal(f, block);
	return block;
}

START_TEST(a_bad_block_in_the_branch_brings_the_old_chain_back)
{
	/* adversarial 42: the first, one in the middle, the last; its siblings stay kept */
	static const size_t good[] = {0, 3, 7};
	const struct fixture_block *fork = random_chain(f->root, 4, 0), *ours = random_chain(fork, 5, 0);
	const struct fixture_block *before_bad = random_chain(fork, good[_i], 1);
	struct fixture_block *bad = greedy_block(before_bad, 1);
	const struct fixture_block *theirs = good[_i] == 7 ? bad : random_chain(bad, 7 - good[_i], 1);
	struct chain_reorg tried;
	struct chain_view *view;
	struct wire_hash before;

	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(fork, before_bad);
	must_keep_branch(bad, theirs);
	/* what is left afterwards is what there was before the bad block came */
	before = dump(true);
	must_keep(bad);
	view = chain_store_view(chain);
	ck_assert_int_eq(chain_store_reorganise(chain, &fault, &theirs->ids.hash, fixture_now(), &tried),
			 CHAIN_STORE_E_RULE);
	ck_assert_int_eq(fault.error, CHAIN_E_REWARD_SUM);
	ck_assert_uint_eq(tried.failed_height, bad->block.header.height);
	expect_hash(&tried.failed, &bad->ids.hash);
	expect_dump(true, &before);
	ck_assert(!chain_store_keeps(chain, &bad->ids.hash));
	expect_clean(ours);
	/* nobody saw anything of it */
	ck_assert_ptr_eq(chain_store_view(chain), view);
	chain_view_unref(view);
	chain_view_unref(view);
	/* without it the rest of the branch leads nowhere */
	ck_assert_int_eq(reorganise(theirs), CHAIN_STORE_E_UNKNOWN);
	close_chain();
	must_open_chain();
	expect_clean(ours);
	/* and our chain goes on */
	must_connect_up_to(random_chain(ours, 2, 0));
	expect_sound();
}
END_TEST

START_TEST(a_double_spend_in_the_branch_brings_the_old_chain_back)
{
	struct fixture_block *fork = fixture_block(f, f->root, NULL, 0, 0), *theirs;
	struct fixture_coin coin = fixture_reward(f, fork, 0);
	struct wire_transaction one = fixture_pay(f, &coin, 1, 1, 0), other = fixture_pay(f, &coin, 1, 2, 0);
	const struct fixture_block *ours = random_chain(fork, 3, 0);

	theirs = fixture_block(f, fork, &one, 1, 1);
	theirs = fixture_block(f, theirs, &other, 1, 1);
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(fork, theirs);
	ck_assert_int_eq(reorganise(theirs), CHAIN_STORE_E_RULE);
	ck_assert_int_eq(fault.error, CHAIN_E_INPUT_UNKNOWN);
	expect_clean(ours);
	/* the block before it was fine, and is kept */
	ck_assert_int_eq(chain_store_reorganise(chain, &fault, &theirs->parent->ids.hash, fixture_now(), NULL), 0);
	expect_clean(theirs->parent);
}
END_TEST

START_TEST(a_block_from_the_future_stays_kept)
{
	const struct fixture_block *ours = fixture_extend(f, f->root, 2, 0), *theirs = fixture_extend(f, f->root, 3, 1);
	int64_t early = fixture_ancestor(theirs, 2)->block.header.timestamp - CHAIN_MAX_AHEAD_S;
	struct wire_hash before;

	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(f->root, theirs);
	before = dump(true);
	ck_assert_int_eq(chain_store_reorganise(chain, &fault, &theirs->ids.hash, early, NULL), CHAIN_STORE_E_RULE);
	ck_assert_int_eq(fault.error, CHAIN_E_TIME_AHEAD);
	expect_dump(true, &before);
	expect_clean(ours);
	/* its time comes; our own blocks are not asked for theirs when they are put back */
	ck_assert_int_eq(chain_store_reorganise(chain, &fault, &theirs->ids.hash, early + 600, NULL), 0);
	expect_clean(theirs);
}
END_TEST

START_TEST(certificates_go_and_come_with_their_blocks)
{
	/* a branch that fails after a certified block; later the certified block alone */
	const struct fixture_block *ours = random_chain(f->root, 3, 0), *fork = random_chain(f->root, 3, 1);
	struct fixture_block *theirs, *bad;
	struct chain_view *view;
	struct wire_block read;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	fixture_validators(f, 4);
	theirs = fixture_block(f, fork, NULL, 0, 0);
	bad = greedy_block(theirs, 1);
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(f->root, bad);
	ck_assert_int_eq(reorganise(bad), CHAIN_STORE_E_RULE);
	expect_clean(ours);
	ck_assert_int_eq(reorganise(theirs), 0);
	expect_clean(theirs);
	view = chain_store_view(chain);
	ck_assert_int_eq(chain_view_block(view, &read, &arena, 3), 0);
	ck_assert_ptr_null(read.commit);
	ck_assert_int_eq(chain_view_block(view, &read, &arena, 4), 0);
	ck_assert_ptr_nonnull(read.commit);
	ck_assert_uint_eq(read.commit->round, FIXTURE_ROUND);
	chain_view_unref(view);
	arena_free(&arena);
}
END_TEST

START_TEST(blocks_undone_are_kept_above_the_bound)
{
	const struct fixture_block *ours = fixture_extend(f, f->root, 50, 0),
				   *theirs = fixture_extend(f, f->root, 2, 1);

	chain_params.branch_bytes = 2000;
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(f->root, theirs);
	ck_assert_int_eq(reorganise(theirs), 0);
	expect_clean(theirs);
	ck_assert_int_eq(reorganise(ours), 0);
	expect_clean(ours);
}
END_TEST

START_TEST(damaged_undo_data_is_a_named_error)
{
	/* nothing more is written, and the next opening says so too */
	const struct fixture_block *fork = fixture_block(f, f->root, NULL, 0, 0), *ours, *theirs;
	struct fixture_coin coin = fixture_reward(f, fork, 0);
	struct wire_transaction pay = fixture_pay(f, &coin, 1, 1, 0);

	ours = fixture_extend(f, fixture_block(f, fork, &pay, 1, 0), 1, 0);
	theirs = fixture_extend(f, fork, 3, 1);
	must_open_chain();
	must_connect_up_to(ours);
	must_keep_branch(fork, theirs);
	if (_i)
		ck_assert_int_eq(store_delete(store, STORE_UNDO, (uint8_t[8]){0, 0, 0, 0, 0, 0, 0, 2}, 8, false), 0);
	else
		ck_assert_int_eq(store_put(store, STORE_UNDO, (uint8_t[8]){0, 0, 0, 0, 0, 0, 0, 2}, 8, "x", 1, false),
				 0);
	ck_assert_int_eq(reorganise(theirs), STORE_E_CHAIN);
	close_chain();
	must_open_chain(); /* the walk back needs no undo data: the first step had been made */
	expect_tip(ours);
	ck_assert_uint_eq(verify_findings(), 1);
	ck_assert_ptr_nonnull(strstr(finding, "undo"));
}
END_TEST

static void add_done(Suite *suite)
{
	TCase *c = tcase_create("done");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_loop_test(c, the_other_branch_and_back, 0, 8);
	tcase_add_test(c, what_has_gathered_is_written_first);
	tcase_add_test(c, many_branches_in_random_order);
	tcase_add_test(c, a_shorter_branch_wins_when_asked_for);
	tcase_add_test(c, same_transaction_on_both_sides);
	tcase_add_test(c, a_view_from_before_stays_whole);
	tcase_add_loop_test(c, depth_up_to_the_limit_is_done_and_beyond_it_refused, 0, 6);
	suite_add_tcase(suite, c);
}

static void add_not_done(Suite *suite)
{
	TCase *c = tcase_create("not done");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_test(c, a_branch_with_a_gap_is_unknown);
	tcase_add_test(c, a_certified_block_is_not_undone);
	tcase_add_test(c, a_certified_branch_wins_at_any_depth);
	tcase_add_loop_test(c, a_bad_block_in_the_branch_brings_the_old_chain_back, 0, 3);
	tcase_add_test(c, a_double_spend_in_the_branch_brings_the_old_chain_back);
	tcase_add_test(c, a_block_from_the_future_stays_kept);
	tcase_add_test(c, certificates_go_and_come_with_their_blocks);
	tcase_add_test(c, blocks_undone_are_kept_above_the_bound);
	tcase_add_loop_test(c, damaged_undo_data_is_a_named_error, 0, 2);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("chain reorg");

	add_done(suite);
	add_not_done(suite);
	return run_suite(suite);
}
