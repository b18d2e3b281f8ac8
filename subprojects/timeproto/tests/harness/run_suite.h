/* SPDX-License-Identifier: MIT
 *
 * How every test program ends: its suite is run, each case in a process of its own (CK_FORK=no: in this one, for a
 * debugger), what failed is printed (CK_VERBOSITY=verbose: what passed, too), and the suite is freed.
 */
#ifndef TIMEPROTO_TESTS_RUN_SUITE_H
#define TIMEPROTO_TESTS_RUN_SUITE_H

#include <stdlib.h>

#include <check.h>

/* Returns the program's exit status. */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
