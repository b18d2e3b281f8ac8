// SPDX-License-Identifier: MIT
/* chain_store: long work marks each of its steps, so that nobody takes the thread that does it for hung
 * (node/watchdog.h). progress_mark() is the test's own. */
#include "chain_test.h"

#include "run_suite.h"
#include "timed/util/progress.h"

#define BLOCKS 12

static struct progress progress;
static struct {
	const char *doing;
	int marks;
} counts[8];

void __wrap_progress_mark(struct progress *marked, const char *doing);

void __wrap_progress_mark(struct progress *marked, const char *doing)
{
	size_t i = 0;

	ck_assert_ptr_eq(marked, &progress);
	while (counts[i].doing && strcmp(counts[i].doing, doing) != 0)
		i++;
	ck_assert_uint_lt(i, sizeof(counts) / sizeof(counts[0]));
	counts[i].doing = doing;
	counts[i].marks++;
}

/* How often that was marked since the last forget(). */
static int marks(const char *doing)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]) && counts[i].doing; i++) {
		if (strcmp(counts[i].doing, doing) == 0)
			return counts[i].marks;
	}
	return 0;
}

static void forget(void)
{
	memset(counts, 0, sizeof(counts));
}

static void watched_setup(void)
{
	chain_setup();
	progress_init(&progress, 1000);
	chain_params.alive = &progress;
	must_open_chain();
	forget();
}

START_TEST(bulk_load_marks_each_block)
{
	const struct fixture_block *tip = fixture_extend(f, f->root, BLOCKS, 1);

	for (uint64_t height = 1; height <= BLOCKS; height++)
		must_connect(fixture_ancestor(tip, height));
	ck_assert_int_eq(marks("connecting blocks"), BLOCKS);
	must_flush();
	ck_assert_int_eq(marks("writing blocks"), 1);
}
END_TEST

START_TEST(reorganisation_marks_each_step)
{
	const struct fixture_block *ours = fixture_extend(f, f->root, BLOCKS, 1);
	const struct fixture_block *theirs = fixture_extend(f, f->root, BLOCKS + 3, 2);

	must_connect_up_to(ours);
	must_keep_branch(f->root, theirs);
	forget();
	ck_assert_int_eq(reorganise(theirs), 0);
	/* the branch's blocks, and the one of ours that it stands on */
	ck_assert_int_eq(marks("following a branch"), BLOCKS + 3 + 1);
	ck_assert_int_eq(marks("undoing blocks"), BLOCKS);
	ck_assert_int_eq(marks("connecting blocks"), BLOCKS + 3);
	ck_assert_int_eq(marks("writing blocks"), BLOCKS + BLOCKS + 3);
}
END_TEST

START_TEST(rebuild_marks_each_block)
{
	must_connect_up_to(fixture_extend(f, f->root, BLOCKS, 1));
	forget();
	ck_assert_int_eq(chain_store_reindex(chain, &fault, NULL, NULL), 0);
	ck_assert_int_gt(marks("emptying the indexes"), 0);
	ck_assert_int_eq(marks("connecting blocks"), BLOCKS);
	ck_assert_int_gt(marks("writing blocks"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain progress");
	TCase *c = tcase_create("steps");

	suite_add_tcase(suite, c);
	tcase_add_checked_fixture(c, watched_setup, chain_teardown);
	tcase_add_test(c, bulk_load_marks_each_block);
	tcase_add_test(c, reorganisation_marks_each_step);
	tcase_add_test(c, rebuild_marks_each_block);
	return run_suite(suite);
}
