// SPDX-License-Identifier: MIT
/* chain_store: rebuilding everything from the blocks, and finding what is wrong. */
#include "chain_test.h"
#include "rounds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>

#include "chain_format.h"
#include "run_suite.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/wire/bincode.h"

/* Blocks from this one on are certified. */
#define CERTIFIED 55

/* A chain with transactions, a kept branch and certificates at its end. */
static const struct fixture_block *tip, *branch;
static void make_chain(void)
{
	fixture_validators(f, CERTIFIED);
	tip = f->root;
	for (int i = 0; i < 61; i++)
		tip = fixture_random_block(f, tip, 6, 0);
	branch = fixture_extend(f, fixture_ancestor(tip, 50), 3, 1);
	must_open_chain();
	must_connect_up_to(tip);
	must_keep_branch(fixture_ancestor(tip, 50), branch);
}

static void height_key(uint8_t key[8], uint64_t height)
{
	for (int i = 0; i < 8; i++)
		key[i] = (uint8_t)(height >> (8 * (7 - i)));
}

/* ---- rebuilding ---- */

static uint64_t first_height, last_height, last_of;
static uint64_t stop_at; /* height at which progress() stops; 0: never */

static bool progress(void *user, uint64_t height, uint64_t of)
{
	ck_assert_ptr_eq(user, &last_height);
	first_height = first_height ? first_height : height;
	last_height = height;
	last_of = of;
	return stop_at == 0 || height < stop_at;
}

static int reindex(void)
{
	return chain_store_reindex(chain, &fault, progress, &last_height);
}

START_TEST(a_rebuilt_chain_equals_the_original)
{
	struct wire_hash before;

	make_chain();
	before = dump(true);
	ck_assert_int_eq(reindex(), 0);
	expect_dump(true, &before);
	expect_tip(tip);
	expect_sound();
	/* and goes on */
	tip = fixture_random_block(f, tip, 6, 0);
	must_connect(tip);
	must_flush();
	expect_tip(tip);
	expect_sound();
}
END_TEST

START_TEST(rebuilding_mends_every_index)
{
	static const enum store_family families[] = {STORE_BLOCK_INDEX, STORE_UTXO, STORE_UNDO, STORE_TX_INDEX,
						     STORE_SCRIPT_INDEX};
	struct wire_hash before;

	make_chain();
	before = dump(true);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		ck_assert_int_eq(store_clear(store, families[i]), 0);
		ck_assert_int_eq(store_put(store, families[i], "junk", 4, "x", 1, false), 0);
	}
	close_chain();
	chain_params.reindex = true;
	must_open_chain();
	expect_dump(true, &before);
	expect_tip(tip);
	expect_sound();
}
END_TEST

START_TEST(rebuilding_at_the_opening_needs_no_tip)
{
	struct wire_hash before;

	make_chain();
	before = dump(true);
	ck_assert_int_eq(store_delete(store, STORE_META, "tip", 3, false), 0);
	close_chain();
	ck_assert_int_eq(open_chain(), STORE_E_CHAIN);
	close_store();
	chain_params.reindex = true;
	must_open_chain();
	expect_dump(true, &before);
	expect_tip(tip);
}
END_TEST

START_TEST(rebuilding_an_empty_store_gives_genesis)
{
	chain_params.reindex = true;
	must_open_chain();
	expect_tip(f->root);
	expect_sound();
	ck_assert_int_eq(reindex(), 0);
	expect_tip(f->root);
}
END_TEST

START_TEST(a_block_that_does_not_hold_ends_the_rebuild)
{
	/* altered, undecodable, or missing: it and what follows is dropped */
	uint8_t key[8];
	struct store_value value;
	uint8_t copy[4096];

	make_chain();
	height_key(key, 45);
	ck_assert_int_eq(store_get(store, &value, STORE_BLOCKS, key, 8), 0);
	ck_assert_uint_le(value.len, sizeof(copy));
	memcpy(copy, value.data, value.len);
	copy[80] ^= 1; /* of the merkle root's end and the timestamp */
	switch (_i) {
	case 0:
		ck_assert_int_eq(store_put(store, STORE_BLOCKS, key, 8, copy, value.len, false), 0);
		break;
	case 1:
		ck_assert_int_eq(store_put(store, STORE_BLOCKS, key, 8, "x", 1, false), 0);
		break;
	default:
		ck_assert_int_eq(store_delete(store, STORE_BLOCKS, key, 8, false), 0);
	}
	store_value_free(&value);
	ck_assert_int_eq(reindex(), CHAIN_STORE_E_RULE);
	ck_assert_str_ne(fault.text, "");
	expect_tip(fixture_ancestor(tip, 44));
	height_key(key, 46);
	ck_assert_int_eq(store_get(store, &value, STORE_BLOCKS, key, 8), STORE_E_NOT_FOUND);
	expect_sound();
	/* at an opening the same is a shorter chain; then the lost blocks come again */
	close_chain();
	chain_params.reindex = true;
	must_open_chain();
	expect_tip(fixture_ancestor(tip, 44));
	must_connect_up_to(tip);
	expect_tip(tip);
	expect_sound();
}
END_TEST

START_TEST(a_rebuild_that_is_stopped_goes_on_at_the_next_opening)
{
	struct wire_hash before;

	tip = fixture_extend(f, f->root, 1500, 0);
	must_open_chain();
	must_connect_up_to(tip);
	before = dump(true);
	stop_at = 512;
	ck_assert_int_eq(reindex(), -ECANCELED);
	ck_assert_uint_eq(last_height, 512);
	ck_assert_uint_eq(last_of, 1500);
	/* until then nothing is written */
	ck_assert_int_eq(connect_block(fixture_extend(f, tip, 1, 0)), STORE_E_CHAIN);
	close_chain();
	/* stopped again, this time at the opening */
	chain_params.progress = progress;
	chain_params.user = &last_height;
	stop_at = 1024;
	first_height = 0;
	ck_assert_int_eq(open_chain(), -ECANCELED);
	ck_assert_uint_eq(first_height, 768);
	ck_assert_uint_eq(last_height, 1024);
	close_store();
	stop_at = 0;
	must_open_chain();
	expect_dump(true, &before);
	expect_tip(tip);
	close_chain();
	last_height = 0;
	must_open_chain();
	ck_assert_uint_eq(last_height, 0);
}
END_TEST

START_TEST(a_rebuild_that_meets_damage_is_begun_anew)
{
	uint8_t key[CHAIN_OUTPOINT_KEY_BYTES];
	const struct fixture_block *first;
	struct fixture_coin coin;
	struct wire_transaction pay;
	struct wire_hash before;

	tip = fixture_extend(f, f->root, 300, 0);
	first = fixture_ancestor(tip, 1);
	coin = fixture_reward(f, first, 0);
	pay = fixture_pay(f, &coin, 1, 1, 0);
	tip = fixture_block(f, tip, &pay, 1, 0);
	must_open_chain();
	must_connect_up_to(tip);
	before = dump(true);
	stop_at = 256;
	ck_assert_int_eq(reindex(), -ECANCELED);
	/* what block 301 spends */
	chain_outpoint_key(key, &coin.outpoint);
	ck_assert_int_eq(store_put(store, STORE_UTXO, key, sizeof(key), "x", 1, false), 0);
	close_chain();
	ck_assert_int_eq(open_chain(), STORE_E_CHAIN);
	close_store();
	must_open_chain();
	expect_dump(true, &before);
	expect_tip(tip);
	expect_sound();
}
END_TEST

/* A kept block whose header is as it was. */
static void damage_body(const struct fixture_block *block)
{
	struct store_value value;
	uint8_t copy[4096];

	ck_assert_int_eq(store_get(store, &value, STORE_BRANCH, block->ids.hash.bytes, 32), 0);
	ck_assert_uint_le(value.len, sizeof(copy));
	memcpy(copy, value.data, value.len);
	ck_assert_int_eq(store_put(store, STORE_BRANCH, block->ids.hash.bytes, 32, copy, value.len - 1, false), 0);
	store_value_free(&value);
}

/* As a crash leaves it in a walk from the tip of `branch`, when it has come to another. */
START_TEST(a_rebuild_ends_a_reorganisation_that_was_interrupted)
{
	struct chain_reorg_mark mark = {0};
	uint8_t key[8], value[CHAIN_REORG_BYTES];
	struct store_value found;

	tip = fixture_extend(f, f->root, 20, 0);
	branch = fixture_extend(f, fixture_ancestor(tip, 10), 3, 1);
	must_open_chain();
	must_connect_up_to(tip);
	must_keep_branch(fixture_ancestor(tip, 10), branch);
	must_flush();
	mark.ancestor.height = 10;
	mark.ancestor.hash = fixture_ancestor(tip, 10)->ids.hash;
	mark.old_tip.height = 13;
	mark.old_tip.hash = branch->ids.hash;
	mark.new_tip = tip->ids.hash;
	chain_reorg_value(value, &mark);
	ck_assert_int_eq(store_put(store, STORE_META, chain_meta_reorg, 5, value, sizeof(value), false), 0);
	/* a block above the ancestor is missing, and the old tip is reached; or one below, or the old tip is damaged, its
	 * header or its body, or the mark itself */
	height_key(key, _i == 1 ? 8 : 15);
	ck_assert_int_eq(store_delete(store, STORE_BLOCKS, key, 8, false), 0);
	if (_i == 2)
		ck_assert_int_eq(store_put(store, STORE_BRANCH, branch->ids.hash.bytes, 32, "x", 1, false), 0);
	if (_i == 3)
		damage_body(branch);
	if (_i == 4)
		ck_assert_int_eq(store_put(store, STORE_META, chain_meta_reorg, 5, "x", 1, false), 0);
	close_chain();
	chain_params.reindex = true;
	must_open_chain();
	expect_tip(_i == 0 ? branch : _i == 3 ? branch->parent : fixture_ancestor(tip, _i == 1 ? 7 : 14));
	ck_assert_int_eq(store_get(store, &found, STORE_META, chain_meta_reorg, 5), STORE_E_NOT_FOUND);
	if (_i == 3)
		ck_assert_int_eq(reorganise(fixture_ancestor(tip, 14)), 0);
	if (_i > 0)
		must_connect_up_to(tip);
	close_chain();
	chain_params.reindex = false;
	must_open_chain();
	expect_tip(_i > 0 ? tip : branch);
}
END_TEST

START_TEST(a_rebuild_finds_a_wrong_signature)
{
	/* connecting trusts its caller here; rebuilding does not */
	struct fixture_block *first = fixture_block(f, f->root, NULL, 0, 0), *second;
	struct fixture_coin coin = fixture_reward(f, first, 0);
	struct wire_transaction pay = fixture_pay(f, &coin, 1, 1, 0);
	uint8_t script_sig[96];

	memcpy(script_sig, pay.inputs.items[0].script_sig.ptr, 96);
	script_sig[95] ^= 1;
	pay.inputs.items[0].script_sig.ptr = script_sig;
	second = fixture_block(f, first, &pay, 1, 0);
	must_open_chain();
	must_connect_up_to(second);
	ck_assert_uint_gt(verify_findings(), 0);
	ck_assert_ptr_nonnull(strstr(finding, "CHAIN_E_SIGNATURE"));
	ck_assert_int_eq(reindex(), CHAIN_STORE_E_RULE);
	ck_assert_int_eq(fault.error, CHAIN_E_SIGNATURE);
	expect_tip(first);
}
END_TEST

/* ---- verifying ---- */

/* What is done to the entry of the first key of a family. */
enum damage { DAMAGE_DELETE, DAMAGE_ALTER, DAMAGE_ADD };

static uint8_t first_key[80];
static size_t first_key_len;

static bool take_first(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	(void)user;
	(void)value;
	(void)value_len;
	memcpy(first_key, key, key_len);
	first_key_len = key_len;
	return false;
}

static void damage_family(enum store_family family, enum damage damage)
{
	ck_assert_int_eq(store_scan(store, family, NULL, 0, take_first, NULL), 0);
	switch (damage) {
	case DAMAGE_DELETE:
		ck_assert_int_eq(store_delete(store, family, first_key, first_key_len, false), 0);
		break;
	case DAMAGE_ALTER:
		ck_assert_int_eq(store_put(store, family, first_key, first_key_len, "altered", 7, false), 0);
		break;
	case DAMAGE_ADD:
		first_key[first_key_len - 1] ^= 0x80;
		ck_assert_int_eq(store_put(store, family, first_key, first_key_len, "added", 5, false), 0);
		break;
	}
}

START_TEST(verify_finds_each_damage)
{
	static const struct {
		enum store_family family;
		enum damage damage;
		const char *text; /* of the last finding */
	} cases[] = {
		{STORE_BLOCK_INDEX, DAMAGE_DELETE, "block_index: entry "},
		{STORE_BLOCK_INDEX, DAMAGE_ALTER, "differs from what follows from the blocks"},
		{STORE_BLOCK_INDEX, DAMAGE_ADD, "does not follow from the blocks"},
		{STORE_UTXO, DAMAGE_DELETE, "is missing"},
		{STORE_UTXO, DAMAGE_ALTER, "utxo: entry "},
		{STORE_UTXO, DAMAGE_ADD, "utxo: entry "},
		{STORE_UNDO, DAMAGE_DELETE, "undo: entry "},
		{STORE_UNDO, DAMAGE_ALTER, "undo: entry "},
		{STORE_UNDO, DAMAGE_ADD, "undo: entry "},
		{STORE_TX_INDEX, DAMAGE_DELETE, "tx_index: entry "},
		{STORE_TX_INDEX, DAMAGE_ALTER, "tx_index: entry "},
		{STORE_TX_INDEX, DAMAGE_ADD, "tx_index: entry "},
		{STORE_SCRIPT_INDEX, DAMAGE_DELETE, "script_index: entry "},
		{STORE_SCRIPT_INDEX, DAMAGE_ALTER, "script_index: entry "},
		{STORE_SCRIPT_INDEX, DAMAGE_ADD, "script_index: entry "},
		{STORE_COMMITS, DAMAGE_DELETE, "CHAIN_E_NO_CERTIFICATE"},
		{STORE_COMMITS, DAMAGE_ALTER, "the certificate of block 55 cannot be decoded"},
		{STORE_COMMITS, DAMAGE_ADD, "commits: entry "},
		{STORE_BLOCKS, DAMAGE_ALTER, "does not begin with the genesis block"},
		{STORE_BLOCKS, DAMAGE_DELETE, "does not begin with the genesis block"},
	};

	if (rounds_skip(_i, 14))
		return;
	make_chain();
	expect_sound();
	damage_family(cases[_i].family, cases[_i].damage);
	/* an output that is gone or no output any more is missing in the supply, too */
	ck_assert_uint_eq(verify_findings(), cases[_i].family == STORE_UTXO && cases[_i].damage != DAMAGE_ADD ? 2 : 1);
	ck_assert_msg(strstr(finding, cases[_i].text) != NULL, "%s", finding);
}
END_TEST

START_TEST(verify_finds_an_altered_block)
{
	/* every byte of a block in turn, some of them: each breaks a rule or the link to the next block */
	uint8_t key[8], copy[4096];
	struct store_value value;
	size_t len;

	make_chain();
	height_key(key, 30);
	ck_assert_int_eq(store_get(store, &value, STORE_BLOCKS, key, 8), 0);
	len = value.len;
	ck_assert_uint_le(len, sizeof(copy));
	memcpy(copy, value.data, len);
	store_value_free(&value);
	for (size_t at = 0; at < len; at += 1 + len / (rounds_are("few") ? 8 : 40)) {
		copy[at] ^= 4;
		ck_assert_int_eq(store_put(store, STORE_BLOCKS, key, 8, copy, len, false), 0);
		ck_assert_msg(verify_findings() == 1, "byte %d of %d", (int)at, (int)len);
		ck_assert_msg(strstr(finding, "blocks: block 30: ") || strstr(finding, "blocks: block 31: ") ||
				      strstr(finding, "blocks: block 30 cannot be decoded"),
			      "byte %d: %s", (int)at, finding);
		copy[at] ^= 4;
	}
	ck_assert_int_eq(store_put(store, STORE_BLOCKS, key, 8, copy, len, false), 0);
	expect_sound();
}
END_TEST

static char supply[1024]; /* the line about the money there is */

static void take_supply(void *user, const char *line)
{
	(void)user;
	if (strncmp(line, "supply: ", strlen("supply: ")) == 0)
		snprintf(supply, sizeof(supply), "%s", line);
}

static void expect_supply(uint64_t unspent, uint64_t counted, uint64_t brought)
{
	struct chain_verified verified;
	char expected[1024];

	snprintf(expected, sizeof(expected),
		 "supply: the unspent outputs come to %" PRIu64 " satoshis and are counted as %" PRIu64
		 "; genesis and the rewards of the blocks without their fees to %" PRIu64,
		 unspent, counted, brought);
	supply[0] = '\0';
	ck_assert_int_eq(chain_store_verify(chain, &verified, take_supply, NULL, NULL), 0);
	ck_assert_str_eq(supply, expected);
}

/* What the blocks pay, less the fees that they take. */
static uint64_t brought(void)
{
	uint64_t sum = f->params.genesis_value;

	for (const struct fixture_block *b = tip; b != f->root; b = b->parent) {
		for (size_t i = 0; i < b->block.masternode_rewards.len; i++)
			sum += b->block.masternode_rewards.items[i].amount;
		sum -= b->block.header.block_reward - CHAIN_BLOCK_SUBSIDY;
	}
	return sum;
}

/* A satoshi more in an output, and in the count. */
START_TEST(verify_finds_money_from_nowhere)
{
	struct store_value value;
	uint8_t copy[256];
	uint64_t right;
	size_t len;

	make_chain();
	right = brought();
	ck_assert_int_eq(store_scan(store, STORE_UTXO, NULL, 0, take_first, NULL), 0);
	ck_assert_int_eq(store_get(store, &value, STORE_UTXO, first_key, first_key_len), 0);
	len = value.len;
	ck_assert_uint_le(len, sizeof(copy));
	memcpy(copy, value.data, len);
	store_value_free(&value);
	copy[0] ^= 1;
	ck_assert_int_eq(store_put(store, STORE_UTXO, first_key, first_key_len, copy, len, false), 0);
	expect_supply(copy[0] & 1 ? right + 1 : right - 1, right, right);
	copy[0] ^= 1;
	ck_assert_int_eq(store_put(store, STORE_UTXO, first_key, first_key_len, copy, len, false), 0);
	expect_sound();
	ck_assert_int_eq(store_get(store, &value, STORE_META, "tip", 3), 0);
	memcpy(copy, value.data, value.len);
	copy[56] ^= 1;
	ck_assert_int_eq(store_put(store, STORE_META, "tip", 3, copy, value.len, false), 0);
	store_value_free(&value);
	close_chain();
	must_open_chain();
	expect_supply(right, copy[56] & 1 ? right + 1 : right - 1, right);
}
END_TEST

START_TEST(verify_finds_missing_blocks_and_a_wrong_tip)
{
	uint8_t key[8];
	struct store_value value;
	uint8_t copy[80];

	make_chain();
	/* the entry "tip" counts one unspent output more; a chain that is open knows what it read */
	ck_assert_int_eq(store_get(store, &value, STORE_META, "tip", 3), 0);
	ck_assert_uint_eq(value.len, sizeof(copy));
	memcpy(copy, value.data, sizeof(copy));
	store_value_free(&value);
	copy[48]++;
	ck_assert_int_eq(store_put(store, STORE_META, "tip", 3, copy, sizeof(copy), false), 0);
	close_chain();
	must_open_chain();
	ck_assert_uint_eq(verify_findings(), 1);
	ck_assert_ptr_nonnull(strstr(finding, "meta: entry \"tip\""));
	copy[48]--;
	ck_assert_int_eq(store_put(store, STORE_META, "tip", 3, copy, sizeof(copy), false), 0);
	close_chain();
	must_open_chain();
	expect_sound();
	height_key(key, 30);
	ck_assert_int_eq(store_delete(store, STORE_BLOCKS, key, 8, false), 0);
	ck_assert_uint_eq(verify_findings(), 1);
	ck_assert_ptr_nonnull(strstr(finding, "block 30 is missing"));
}
END_TEST

START_TEST(verify_finds_a_wrong_kept_block)
{
	static const char *const texts[] = {"is the block of another hash", "is no kept block", "are counted"};
	struct store_value value;

	make_chain();
	ck_assert_int_eq(store_get(store, &value, STORE_BRANCH, branch->ids.hash.bytes, 32), 0);
	if (_i == 0)
		ck_assert_int_eq(store_put(store, STORE_BRANCH, branch->parent->ids.hash.bytes, 32, value.data,
					   value.len, false),
				 0);
	else if (_i == 1)
		ck_assert_int_eq(store_put(store, STORE_BRANCH, branch->ids.hash.bytes, 32, "x", 1, false), 0);
	else
		ck_assert_int_eq(store_delete(store, STORE_BRANCH, branch->ids.hash.bytes, 32, false), 0);
	store_value_free(&value);
	if (_i == 1) { /* counted again at the opening */
		close_chain();
		must_open_chain();
	}
	ck_assert_uint_eq(verify_findings(), 1);
	ck_assert_msg(strstr(finding, texts[_i]) != NULL, "%s", finding);
}
END_TEST

static uint64_t verified_height;

static bool stop_verifying(void *user, uint64_t height, uint64_t of)
{
	(void)user;
	ck_assert_uint_eq(of, 600);
	verified_height = height;
	return false;
}

START_TEST(verify_can_be_stopped_and_leaves_nothing_behind)
{
	struct chain_verified verified;
	char scratch[100];

	must_open_chain();
	must_connect_up_to(fixture_extend(f, f->root, 600, 0));
	ck_assert_int_eq(chain_store_verify(chain, &verified, take_finding, stop_verifying, NULL), -ECANCELED);
	ck_assert_uint_eq(verified_height, 256);
	snprintf(scratch, sizeof(scratch), "%s.verify", dir);
	ck_assert_int_ne(access(scratch, F_OK), 0);
	expect_sound();
	ck_assert_int_ne(access(scratch, F_OK), 0);
}
END_TEST

START_TEST(a_store_in_memory_verifies_in_memory)
{
	params.memory = true;
	params.dir = "/nonexistent/db";
	must_open_chain();
	must_connect_up_to(fixture_extend(f, f->root, 20, 0));
	expect_sound();
	ck_assert_int_eq(reindex(), 0);
	expect_sound();
}
END_TEST

static void add_rebuilding(Suite *suite)
{
	TCase *c = tcase_create("rebuilding");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_test(c, a_rebuilt_chain_equals_the_original);
	tcase_add_test(c, rebuilding_mends_every_index);
	tcase_add_test(c, rebuilding_at_the_opening_needs_no_tip);
	tcase_add_test(c, rebuilding_an_empty_store_gives_genesis);
	tcase_add_loop_test(c, a_block_that_does_not_hold_ends_the_rebuild, 0, 3);
	tcase_add_test(c, a_rebuild_that_is_stopped_goes_on_at_the_next_opening);
	tcase_add_test(c, a_rebuild_that_meets_damage_is_begun_anew);
	tcase_add_loop_test(c, a_rebuild_ends_a_reorganisation_that_was_interrupted, 0, 5);
	tcase_add_test(c, a_rebuild_finds_a_wrong_signature);
	suite_add_tcase(suite, c);
}

static void add_verifying(Suite *suite)
{
	TCase *c = tcase_create("verifying");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_loop_test(c, verify_finds_each_damage, 0, 20);
	tcase_add_test(c, verify_finds_an_altered_block);
	tcase_add_test(c, verify_finds_missing_blocks_and_a_wrong_tip);
	tcase_add_test(c, verify_finds_money_from_nowhere);
	tcase_add_loop_test(c, verify_finds_a_wrong_kept_block, 0, 3);
	tcase_add_test(c, verify_can_be_stopped_and_leaves_nothing_behind);
	tcase_add_test(c, a_store_in_memory_verifies_in_memory);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("chain reindex");

	add_rebuilding(suite);
	add_verifying(suite);
	return run_suite(suite);
}
