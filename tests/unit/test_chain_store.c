// SPDX-License-Identifier: MIT
/* chain_store: opening, connecting, writing, kept blocks.  Views are in test_chain_view.c, reorganisations in
 * test_chain_reorg.c, rebuilding and checking in test_chain_reindex.c, crashes in test_chain_crash.c. */
#include "chain_test.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "rounds.h"
#include "run_suite.h"
#include "timed/util/file.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"

/* ---- opening ---- */

START_TEST(a_new_store_holds_the_genesis_block)
{
	must_open_chain();
	expect_tip(f->root);
	expect_sound();
	close_chain();
	must_open_chain();
	expect_tip(f->root);
}
END_TEST

START_TEST(closing_writes_what_has_gathered)
{
	const struct fixture_block *tip = fixture_extend(f, f->root, 3, 0);

	must_open_chain();
	must_connect(fixture_ancestor(tip, 1));
	must_flush();
	must_connect(fixture_ancestor(tip, 2));
	must_connect(tip);
	close_chain();
	must_open_chain();
	expect_tip(tip);
}
END_TEST

START_TEST(blocks_without_a_tip_are_refused)
{
	must_open_chain();
	must_connect_up_to(fixture_extend(f, f->root, 3, 0));
	ck_assert_int_eq(store_delete(store, STORE_META, "tip", 3, false), 0);
	close_chain();
	ck_assert_int_eq(open_chain(), STORE_E_CHAIN);
	ck_assert_int_eq(failure.error, STORE_E_CHAIN);
	ck_assert_ptr_nonnull(strstr(failure.text, "--reindex"));
	ck_assert_ptr_nonnull(strstr(failure.text, dir));
}
END_TEST

START_TEST(a_tip_that_is_not_the_last_block_is_refused)
{
	static const uint8_t second[8] = {0, 0, 0, 0, 0, 0, 0, 2}, third[8] = {0, 0, 0, 0, 0, 0, 0, 3};
	const struct fixture_block *tip = fixture_extend(f, f->root, 2, 0);
	struct store_value value;

	must_open_chain();
	must_connect_up_to(tip);
	switch (_i) {
	case 0: /* the tip's block is gone */
		ck_assert_int_eq(store_delete(store, STORE_BLOCKS, second, 8, false), 0);
		break;
	case 1: /* there is one more */
		ck_assert_int_eq(store_put(store, STORE_BLOCKS, third, 8, "x", 1, false), 0);
		break;
	case 2: /* another one stands there */
		ck_assert_int_eq(store_get(store, &value, STORE_BLOCKS, (uint8_t[8]){0, 0, 0, 0, 0, 0, 0, 1}, 8), 0);
		ck_assert_int_eq(store_put(store, STORE_BLOCKS, second, 8, value.data, value.len, false), 0);
		store_value_free(&value);
		break;
	case 3: /* no block at all stands there */
		ck_assert_int_eq(store_put(store, STORE_BLOCKS, second, 8, "x", 1, false), 0);
		break;
	default: /* the entry is cut off */
		ck_assert_int_eq(store_put(store, STORE_META, "tip", 3, "x", 1, false), 0);
	}
	close_chain();
	ck_assert_int_eq(open_chain(), STORE_E_CHAIN);
	ck_assert_ptr_nonnull(strstr(failure.text, "--reindex"));
}
END_TEST

/* ---- connecting ---- */

START_TEST(random_blocks_connect_one_by_one)
{
	const struct fixture_block *tip = f->root;

	must_open_chain();
	for (int i = 0; i < 60; i++) {
		tip = fixture_random_block(f, tip, 8, 0);
		must_connect(tip);
		must_flush();
		if (i % 10 == 9)
			expect_tip(tip);
	}
	expect_sound();
	close_chain();
	must_open_chain();
	expect_tip(tip);
	expect_sound();
}
END_TEST

START_TEST(random_blocks_connect_gathered)
{
	/* what is made and spent between two writes never reaches the database; without a cache and with small ones */
	const struct fixture_block *tip = f->root;
	struct wire_hash once;

	chain_params.overlay_bytes = (size_t)(_i * 64) << 10;
	must_open_chain();
	for (int i = 0; i < (rounds_are("few") ? 60 : 200); i++) {
		tip = fixture_random_block(f, tip, 8, 0);
		must_connect(tip);
		if (fixture_random(f, 20) == 0)
			must_flush();
	}
	must_flush();
	expect_tip(tip);
	expect_sound();
	/* the same blocks in one batch leave the same entries */
	once = clean_dump(tip);
	expect_dump(false, &once);
}
END_TEST

START_TEST(made_and_spent_between_two_writes)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second, *third;
	struct fixture_coin coin = fixture_reward(f, first, 0);
	struct wire_transaction pay = fixture_pay(f, &coin, 1, 1, 500), again;

	second = fixture_block(f, first, &pay, 1, 0);
	coin = fixture_output(f, second, 1, 0);
	again = fixture_pay(f, &coin, 1, 2, 500);
	third = fixture_block(f, second, &again, 1, 0);
	must_open_chain();
	must_connect(first);
	must_connect(second);
	must_connect(third);
	ck_assert_uint_gt(chain_store_gathered_bytes(chain), 1000);
	must_flush();
	ck_assert_uint_lt(chain_store_gathered_bytes(chain), 100);
	expect_tip(third);
	expect_sound();
}
END_TEST

/* Connecting fails with this rule, and changes nothing. */
static void expect_refused(const struct fixture_block *block, int64_t now_s, enum chain_error error)
{
	struct chain_point before = *chain_store_tip(chain);
	size_t gathered = chain_store_gathered_bytes(chain);

	ck_assert_int_eq(chain_store_connect(chain, &fault, &block->block, &block->ids, now_s), CHAIN_STORE_E_RULE);
	ck_assert_msg(fault.error == error, "%s: %s", chain_error_name((int)fault.error), fault.text);
	expect_hash(&chain_store_tip(chain)->hash, &before.hash);
	ck_assert_uint_eq(chain_store_gathered_bytes(chain), gathered);
}

START_TEST(double_spend_across_blocks_is_refused)
{
	/* adversarial 45: before the first spend is written, and after */
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second, *third;
	struct fixture_coin coin = fixture_reward(f, first, 0);
	struct wire_transaction one = fixture_pay(f, &coin, 1, 1, 0), other = fixture_pay(f, &coin, 1, 2, 0);
	struct wire_hash before;

	second = fixture_block(f, first, &one, 1, 0);
	third = fixture_block(f, second, &other, 1, 0);
	must_open_chain();
	must_connect(first);
	must_connect(second);
	if (_i)
		must_flush();
	expect_refused(third, fixture_now(), CHAIN_E_INPUT_UNKNOWN);
	must_flush();
	before = dump(true);
	expect_refused(third, fixture_now(), CHAIN_E_INPUT_UNKNOWN);
	must_flush();
	expect_dump(true, &before);
	expect_tip(second);
	/* the chain goes on with another block */
	must_connect_up_to(fixture_extend(f, second, 2, 0));
	expect_sound();
}
END_TEST

START_TEST(spend_of_a_coin_that_is_spent_in_the_same_batch_and_cached)
{
	/* the coin was written, cached, spent; its tombstone must hide what the database still says */
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second;
	struct fixture_coin coin = fixture_reward(f, first, 0);
	struct wire_transaction one = fixture_pay(f, &coin, 1, 1, 0), other = fixture_pay(f, &coin, 1, 2, 0);

	chain_params.overlay_bytes = _i ? (size_t)1 << 20 : 0;
	must_open_chain();
	must_connect(first);
	must_flush();
	second = fixture_block(f, first, &one, 1, 0);
	must_connect(second);
	expect_refused(fixture_block(f, second, &other, 1, 0), fixture_now(), CHAIN_E_INPUT_UNKNOWN);
	must_flush();
	expect_refused(fixture_block(f, second, &other, 1, 0), fixture_now(), CHAIN_E_INPUT_UNKNOWN);
	expect_tip(second);
}
END_TEST

START_TEST(a_known_txid_is_refused)
{
	/* even when its inputs would be there; before the first is written, and after */
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second;
	struct fixture_coin coin = fixture_reward(f, first, 0);
	struct wire_transaction pay = fixture_pay(f, &coin, 1, 1, 0);

	must_open_chain();
	must_connect(first);
	second = fixture_block(f, first, &pay, 1, 0);
	must_connect(second);
	if (_i)
		must_flush();
	expect_refused(fixture_block(f, second, &pay, 1, 0), fixture_now(), CHAIN_E_TXID_KNOWN);
}
END_TEST

START_TEST(a_block_in_the_wrong_place_is_refused)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0);
	struct fixture_block *sibling = fixture_block(f, f->root, NULL, 0, 1),
			     *second = fixture_block(f, first, NULL, 0, 0);
	int64_t time = second->block.header.timestamp;

	must_open_chain();
	expect_refused(second, fixture_now(), CHAIN_E_HEIGHT);
	must_connect(first);
	expect_refused(first, fixture_now(), CHAIN_E_HEIGHT);
	expect_refused(fixture_block(f, sibling, NULL, 0, 0), fixture_now(), CHAIN_E_PREVIOUS);
	expect_refused(second, time - CHAIN_MAX_AHEAD_S - 1, CHAIN_E_TIME_AHEAD);
	ck_assert_int_eq(chain_store_connect(chain, &fault, &second->block, &second->ids, time - CHAIN_MAX_AHEAD_S), 0);
	must_flush();
	expect_tip(second);
}
END_TEST

START_TEST(value_out_of_nothing_is_refused)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *greedy;
	struct fixture_coin coin = fixture_reward(f, first, 0);
	uint64_t more = coin.value + 1;
	struct wire_transaction pay = fixture_transaction(f, &coin, 1, (int[]){1}, &more, 1);

	must_open_chain();
	must_connect(first);
	expect_refused(fixture_block_with_fees(f, first, &pay, 1, 0, 0), fixture_now(), CHAIN_E_OUTPUTS_EXCEED);
	greedy = fixture_block(f, first, NULL, 0, 0);
	greedy->block.masternode_rewards.items[0].amount++;
	fixture_repay(f, greedy);
	fixture_seal(f, greedy);
	expect_refused(greedy, fixture_now(), CHAIN_E_REWARD_SUM);
}
END_TEST

/* ---- the chain of a running node ---- */

/* Decodes, checks and connects one line of vectors/chain.jsonl; the genesis block is there already. */
static void connect_line(const char *line, size_t len, struct arena *arena)
{
	struct wire_block block;
	struct block_ids ids;

	arena_reset(arena);
	ck_assert_int_eq(wire_json_decode_value(&block, &wire_desc_block, arena, (const uint8_t *)line, len, NULL), 0);
	ck_assert_int_eq(block_identify(&ids, arena, &block), 0);
	if (block.header.height == 0) {
		expect_hash(&ids.hash, &f->genesis.hash);
		return;
	}
	ck_assert_int_eq(block_check_form(&fault, arena, &block, &ids), 0);
	ck_assert_int_eq(chain_store_connect(chain, &fault, &block, &ids, fixture_now()), 0);
}

static void expect_vector(const char *json, const char *name, const struct wire_hash *hash)
{
	char expected[120], text[HASH_TEXT_SIZE];

	snprintf(expected, sizeof(expected), "\"%s\": \"%s\"", name, hash_text(text, hash));
	ck_assert_msg(strstr(json, expected) != NULL, "not in chain.json: %s", expected);
}

/* Reads a file of vectors; free(). */
static char *read_vectors(const char *name, size_t *len)
{
	const char *vectors = getenv("TIMED_VECTORS");
	char path[512], *bytes, *text;

	snprintf(path, sizeof(path), "%s/%s", vectors ? vectors : "tests/vectors", name);
	ck_assert_int_eq(file_read(&bytes, len, path, (size_t)64 << 20), 0);
	text = strndup(bytes, *len);
	free(bytes);
	return text;
}

START_TEST(chain_of_a_running_node_ends_at_its_state_hash)
{
	size_t len, json_len;
	char *lines = read_vectors("chain.jsonl", &len), *json = read_vectors("chain.json", &json_len), count[64];
	struct chain_view *view;
	struct wire_hash hash;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	must_open_chain();
	for (const char *line = lines, *end; (end = memchr(line, '\n', (size_t)(lines + len - line))) != NULL;
	     line = end + 1)
		connect_line(line, (size_t)(end - line), &arena);
	must_flush();
	ck_assert_uint_eq(chain_store_tip(chain)->height, 900);
	expect_vector(json, "tip_hash", &chain_store_tip(chain)->hash);
	view_state_hash(&hash);
	expect_vector(json, "utxo_state_hash", &hash);
	view = chain_store_view(chain);
	snprintf(count, sizeof(count), "\"utxo_count\": %d,", (int)chain_view_summary(view)->unspent_count);
	ck_assert_ptr_nonnull(strstr(json, count));
	chain_view_unref(view);
	expect_sound();
	arena_free(&arena);
	free(lines);
	free(json);
}
END_TEST

/* ---- kept blocks ---- */

START_TEST(a_kept_block_is_there_after_reopening)
{
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0),
			     *other = fixture_block(f, f->root, NULL, 0, 1);

	must_open_chain();
	ck_assert(!chain_store_keeps(chain, &other->ids.hash));
	must_connect(first);
	must_keep(other);
	must_keep(other);
	/* what is in the chain needs no keeping */
	must_keep(first);
	ck_assert(chain_store_keeps(chain, &other->ids.hash));
	ck_assert(!chain_store_keeps(chain, &first->ids.hash));
	close_chain();
	must_open_chain();
	ck_assert(chain_store_keeps(chain, &other->ids.hash));
	expect_tip(first);
	expect_sound();
	/* what is connected is kept no longer */
	close_chain();
	remove_tree(dir);
	must_open_chain();
	must_keep(first);
	must_connect(first);
	must_flush();
	ck_assert(!chain_store_keeps(chain, &first->ids.hash));
	expect_sound();
}
END_TEST

START_TEST(kept_blocks_are_bounded_in_bytes)
{
	const struct fixture_block *branch = fixture_extend(f, f->root, 40, 1);
	size_t kept = 0;

	chain_params.branch_bytes = 10000;
	must_open_chain();
	while (kept < 40) {
		const struct fixture_block *block = fixture_ancestor(branch, 40 - kept);
		int r = chain_store_keep(chain, &block->block, &block->ids);

		if (r) {
			ck_assert_int_eq(r, CHAIN_STORE_E_FULL);
			break;
		}
		kept++;
	}
	ck_assert_uint_gt(kept, 5);
	ck_assert_uint_lt(kept, 40);
	/* what does not fit does not stand in the way of the next branch */
	ck_assert(!chain_store_keeps(chain, &fixture_ancestor(branch, 40 - 1)->ids.hash));
	must_keep(branch);
	expect_sound();
}
END_TEST

/* What was kept for an earlier branch is a cache; the count of its bytes survives the process. */
START_TEST(earlier_branches_give_way)
{
	const struct fixture_block *early = fixture_extend(f, f->root, 10, 1),
				   *late = fixture_extend(f, f->root, 10, 2);

	chain_params.branch_bytes = 10000;
	must_open_chain();
	must_keep_branch(f->root, early);
	close_chain();
	must_open_chain();
	for (size_t i = 0; i < 3; i++) {
		must_keep_branch(f->root, late);
		ck_assert(chain_store_keeps(chain, &late->ids.hash));
		ck_assert_int_eq(reorganise(late), 0);
		late = fixture_extend(f, f->root, 10, (unsigned)i + 3);
	}
	ck_assert(!chain_store_keeps(chain, &early->ids.hash));
	expect_sound();
}
END_TEST

START_TEST(trimming_drops_what_is_too_deep)
{
	const struct fixture_block *tip = fixture_extend(f, f->root, 20, 0),
				   *branch = fixture_extend(f, f->root, 20, 1);

	chain_params.max_reorg_depth = 8;
	must_open_chain();
	must_connect_up_to(fixture_ancestor(tip, 7));
	must_keep_branch(f->root, branch);
	/* no reorganisation is too deep yet */
	ck_assert_int_eq(chain_store_trim_branches(chain), 0);
	ck_assert(chain_store_keeps(chain, &fixture_ancestor(branch, 1)->ids.hash));
	must_connect_up_to(tip);
	ck_assert_int_eq(chain_store_trim_branches(chain), 0);
	/* what hangs on block 12 of ours could still be taken */
	ck_assert(!chain_store_keeps(chain, &fixture_ancestor(branch, 12)->ids.hash));
	ck_assert(chain_store_keeps(chain, &fixture_ancestor(branch, 13)->ids.hash));
	expect_sound();
	close_chain();
	must_open_chain();
	expect_sound();
}
END_TEST

/* ---- failed writes ---- */

START_TEST(a_failed_write_leaves_the_written_tip_and_ends_all_writing)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	const struct fixture_block *tip = fixture_extend(f, f->root, 6000, 0), *last = f->root;
	uint64_t h = 1;
	int r = 0;

	must_open_chain();
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (; h <= 6000 && !r; h++) {
		must_connect(fixture_ancestor(tip, h));
		if (h % 50 == 0) {
			r = chain_store_flush(chain, false);
			if (!r)
				last = fixture_ancestor(tip, h);
		}
	}
	ck_assert_int_eq(r, STORE_E_IO);
	ck_assert_uint_gt(last->block.header.height, 100);
	expect_tip(last);
	ck_assert_int_eq(connect_block(fixture_ancestor(tip, last->block.header.height + 1)), STORE_E_IO);
	ck_assert_int_eq(chain_store_keep(chain, &tip->block, &tip->ids), STORE_E_IO);
	ck_assert_int_eq(reorganise(tip), STORE_E_IO);
	ck_assert_int_eq(chain_store_trim_branches(chain), STORE_E_IO);
	ck_assert_int_eq(chain_store_flush(chain, true), STORE_E_IO);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	close_chain();
	must_open_chain();
	expect_tip(last);
	expect_sound();
	must_connect_up_to(fixture_ancestor(tip, h));
	expect_sound();
}
END_TEST

/* A small disk of our own: needs root and namespaces. */
static bool mount_small_disk(const char *size)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%s", size);
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mkdir(dir, 0700) == 0 &&
	       mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

START_TEST(a_full_disk_is_a_named_error_and_the_chain_opens_when_there_is_room)
{
	/* adversarial 54 */
	const struct fixture_block *tip = fixture_extend(f, f->root, 20000, 0), *last = f->root;
	int r = 0;

	if (!mount_small_disk("8m")) {
		fprintf(stderr, "a_full_disk...: skipped, no tmpfs can be mounted here\n");
		return;
	}
	must_open_chain();
	for (uint64_t h = 1; h <= 20000 && !r; h++) {
		must_connect(fixture_ancestor(tip, h));
		if (h % 50 == 0) {
			r = chain_store_flush(chain, h % 100 == 0);
			if (!r)
				last = fixture_ancestor(tip, h);
		}
	}
	ck_assert_int_eq(r, STORE_E_DISK_FULL);
	ck_assert_uint_eq(chain_store_tip(chain)->height, last->block.header.height);
	close_chain();
	ck_assert_int_eq(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=64m"), 0);
	must_open_chain();
	expect_tip(last);
	expect_sound();
	must_connect_up_to(fixture_ancestor(last, last->block.header.height));
	close_chain();
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

static void add_changes(Suite *suite)
{
	TCase *c = tcase_create("changes");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_test(c, a_new_store_holds_the_genesis_block);
	tcase_add_test(c, closing_writes_what_has_gathered);
	tcase_add_test(c, blocks_without_a_tip_are_refused);
	tcase_add_loop_test(c, a_tip_that_is_not_the_last_block_is_refused, 0, 5);
	tcase_add_test(c, random_blocks_connect_one_by_one);
	tcase_add_loop_test(c, random_blocks_connect_gathered, 0, 3);
	tcase_add_test(c, made_and_spent_between_two_writes);
	tcase_add_loop_test(c, double_spend_across_blocks_is_refused, 0, 2);
	tcase_add_loop_test(c, spend_of_a_coin_that_is_spent_in_the_same_batch_and_cached, 0, 2);
	tcase_add_loop_test(c, a_known_txid_is_refused, 0, 2);
	tcase_add_test(c, a_block_in_the_wrong_place_is_refused);
	tcase_add_test(c, value_out_of_nothing_is_refused);
	tcase_add_test(c, chain_of_a_running_node_ends_at_its_state_hash);
	tcase_add_test(c, a_kept_block_is_there_after_reopening);
	tcase_add_test(c, kept_blocks_are_bounded_in_bytes);
	tcase_add_test(c, earlier_branches_give_way);
	tcase_add_test(c, trimming_drops_what_is_too_deep);
	tcase_add_test(c, a_failed_write_leaves_the_written_tip_and_ends_all_writing);
	tcase_add_test(c, a_full_disk_is_a_named_error_and_the_chain_opens_when_there_is_room);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("chain store");

	add_changes(suite);
	return run_suite(suite);
}
