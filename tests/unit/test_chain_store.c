// SPDX-License-Identifier: MIT
/* chain_store: opening, connecting, writing, views.  Reorganisations are in test_chain_reorg.c, rebuilding and checking
 * in test_chain_reindex.c, crashes in test_chain_crash.c. */
#include "chain_test.h"

#include "timed/util/thread.h"

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
	/* what is made and spent between two writes never reaches the database; with and without a cache */
	const struct fixture_block *tip = f->root;
	struct wire_hash once, again;

	chain_params.overlay_bytes = _i ? (size_t)64 << 10 : 0;
	must_open_chain();
	for (int i = 0; i < 200; i++) {
		tip = fixture_random_block(f, tip, 8, 0);
		must_connect(tip);
		if (fixture_random(f, 20) == 0)
			must_flush();
	}
	must_flush();
	expect_tip(tip);
	expect_sound();
	once = dump(true);
	close_chain();
	remove_tree(dir);
	/* the same blocks in one batch leave the same entries */
	must_open_chain();
	must_connect_up_to(tip);
	again = dump(true);
	expect_hash(&again, &once);
}
END_TEST

static void chain_case(Suite *suite)
{
	TCase *c = tcase_create("chain");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_test(c, a_new_store_holds_the_genesis_block);
	tcase_add_test(c, random_blocks_connect_one_by_one);
	tcase_add_loop_test(c, random_blocks_connect_gathered, 0, 2);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("chain store");
	SRunner *runner;
	int failed;

	chain_case(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
