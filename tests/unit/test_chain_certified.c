// SPDX-License-Identifier: MIT
/* chain_store: blocks that need a certificate of the validators. */
#include "chain_test.h"

#include "run_suite.h"
#include "timeproto/wire/bincode.h"

/* Blocks from this one on need a certificate. */
#define FROM 3

static struct fixture_block *bare_tip;

static void certified_setup(void)
{
	chain_setup();
	bare_tip = fixture_extend(f, f->root, FROM - 1, 0);
	fixture_validators(f, FROM);
}

/* The block connects to nothing, and nothing changes. */
static void expect_refused(const struct fixture_block *block, enum chain_error error)
{
	struct wire_hash before = dump(true);

	ck_assert_int_eq(connect_block(block), CHAIN_STORE_E_RULE);
	ck_assert_str_eq(chain_error_name((int)fault.error), chain_error_name((int)error));
	must_flush();
	expect_dump(true, &before);
}

START_TEST(a_certified_block_connects_and_one_without_does_not)
{
	struct fixture_block *block = fixture_block(f, bare_tip, NULL, 0, 0), *bare = fixture_copy(f, block);

	bare->block.commit = NULL;
	must_open_chain();
	must_connect_up_to(bare_tip);
	must_flush();
	expect_refused(bare, CHAIN_E_NO_CERTIFICATE);
	must_connect(block);
	must_flush();
	expect_tip(block);
	expect_sound();
}
END_TEST

START_TEST(a_block_beside_its_slot_does_not_connect)
{
	struct fixture_block *block = fixture_block(f, bare_tip, NULL, 0, 0);

	block->block.header.timestamp++;
	fixture_repay(f, block);
	fixture_seal(f, block);
	must_open_chain();
	must_connect_up_to(bare_tip);
	must_flush();
	expect_refused(block, CHAIN_E_SLOT_TIME);
}
END_TEST

/* A satoshi less for one: within the rounding that is allowed without validators. */
START_TEST(other_shares_do_not_connect)
{
	struct fixture_block *block = fixture_block(f, bare_tip, NULL, 0, 0);

	block->block.masternode_rewards.items[1].amount--;
	fixture_repay(f, block);
	fixture_seal(f, block);
	must_open_chain();
	must_connect_up_to(bare_tip);
	must_flush();
	expect_refused(block, CHAIN_E_REWARD_SHARES);
}
END_TEST

/* The way to another branch asks the same. */
START_TEST(a_branch_is_not_taken_without_certificates)
{
	struct fixture_block *other = fixture_extend(f, f->root, FROM - 1, 1),
			     *block = fixture_block(f, other, NULL, 0, 0);

	block->block.commit = NULL;
	must_open_chain();
	must_connect_up_to(bare_tip);
	must_keep_branch(f->root, block);
	ck_assert_int_eq(chain_store_reorganise(chain, &fault, &block->ids.hash, fixture_now(), NULL),
			 CHAIN_STORE_E_RULE);
	ck_assert_int_eq((int)fault.error, CHAIN_E_NO_CERTIFICATE);
	expect_tip(bare_tip);
	expect_sound();
}
END_TEST

/* ---- of a directory ---- */

/* A chain that was made without validators goes on at the last block that needs no certificate. */
START_TEST(a_chain_without_certificates_does_not_open)
{
	f->params.bft_from = 0;
	must_open_chain();
	must_connect_up_to(fixture_extend(f, bare_tip, 4, 0));
	must_flush();
	close_chain();
	f->params.bft_from = FROM;
	ck_assert_int_eq(open_chain(), STORE_E_CHAIN);
	close_store();
	chain_params.reindex = true;
	must_open_chain();
	expect_tip(bare_tip);
	expect_sound();
}
END_TEST

/* A certificate of another block, well-formed. */
static void forge_commit(const struct fixture_block *block, const struct wire_commit *commit)
{
	uint8_t key[8] = {[7] = (uint8_t)block->block.header.height};
	struct buf bytes = BUF_INIT;

	ck_assert_int_eq(wire_bincode_encode_value(&bytes, &wire_desc_commit, commit), 0);
	ck_assert_int_eq(store_put(store, STORE_COMMITS, key, sizeof(key), bytes.data, bytes.len, false), 0);
	buf_free(&bytes);
}

static uint64_t unchecked_certificates(void)
{
	struct chain_verified verified;

	ck_assert_int_eq(chain_store_verify(chain, &verified, take_finding, NULL, NULL), 0);
	return verified.unchecked;
}

START_TEST(verify_and_reindex_look_into_every_certificate)
{
	const struct fixture_block *tip = fixture_extend(f, bare_tip, 5, 0), *bad = fixture_ancestor(tip, FROM + 2);

	must_open_chain();
	must_connect_up_to(tip);
	must_flush();
	expect_sound();
	/* a tool that was not told of validators has nothing to say against certificates, but that it checked none */
	f->params.validators = NULL;
	expect_sound();
	ck_assert_uint_eq(unchecked_certificates(), 5);
	f->params.validators = &f->validators;
	ck_assert_uint_eq(unchecked_certificates(), 0);
	f->params.bft_from = FROM + 1;
	ck_assert_uint_eq(verify_findings(), 1);
	ck_assert_msg(strstr(finding, "belongs to a block that needs none") != NULL, "%s", finding);
	f->params.bft_from = FROM;
	forge_commit(bad, tip->block.commit);
	ck_assert_uint_eq(verify_findings(), 1);
	ck_assert_msg(strstr(finding, "CHAIN_E_CERTIFICATE") != NULL, "%s", finding);
	ck_assert_int_eq(chain_store_reindex(chain, &fault, NULL, NULL), CHAIN_STORE_E_RULE);
	ck_assert_int_eq((int)fault.error, CHAIN_E_CERTIFICATE);
	expect_tip(bad->parent);
	expect_sound();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chain certified");
	TCase *c = tcase_create("rules"), *d = tcase_create("directory");

	tcase_add_checked_fixture(c, certified_setup, chain_teardown);
	tcase_add_test(c, a_certified_block_connects_and_one_without_does_not);
	tcase_add_test(c, a_block_beside_its_slot_does_not_connect);
	tcase_add_test(c, other_shares_do_not_connect);
	tcase_add_test(c, a_branch_is_not_taken_without_certificates);
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(d, certified_setup, chain_teardown);
	tcase_add_test(d, a_chain_without_certificates_does_not_open);
	tcase_add_test(d, verify_and_reindex_look_into_every_certificate);
	suite_add_tcase(s, d);
	return run_suite(s);
}
