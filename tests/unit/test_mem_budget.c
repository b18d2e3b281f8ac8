// SPDX-License-Identifier: MIT
/* net/mem_budget: the common account, the free first bytes of a connection, and many threads on one account. */
#include "timed/net/mem_budget.h"

#include <signal.h>
#include <stdlib.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/thread.h"

#define FREE MEM_ACCOUNT_FREE_BYTES

static struct mem_budget budget;

static void setup(void)
{
	mem_budget_init(&budget, 100000);
}

static size_t used(void)
{
	return atomic_load(&budget.used);
}

START_TEST(budget_gives_up_to_the_limit)
{
	ck_assert(mem_budget_take(&budget, MEM_FRAMES, 60000));
	ck_assert(!mem_budget_take(&budget, MEM_FRAMES, 40001));
	ck_assert_uint_eq(used(), 60000);
	ck_assert(mem_budget_take(&budget, MEM_MESSAGES, 40000));
	ck_assert_uint_eq(atomic_load(&budget.users[MEM_FRAMES]), 60000);
	ck_assert_uint_eq(atomic_load(&budget.users[MEM_MESSAGES]), 40000);
	ck_assert(!mem_budget_take(&budget, MEM_FRAMES, 1));
	ck_assert(mem_budget_take(&budget, MEM_FRAMES, 0));
	mem_budget_give(&budget, MEM_FRAMES, 60000);
	mem_budget_give(&budget, MEM_MESSAGES, 40000);
	ck_assert_uint_eq(used(), 0);
}
END_TEST

/* Line buffers cannot mute the node: the last eighth is for what is sent and handed on, and what is lost is noted. */
START_TEST(last_eighth_is_not_for_connections)
{
	ck_assert(!mem_budget_take(&budget, MEM_CONNECTIONS, 87501));
	ck_assert(mem_budget_take(&budget, MEM_CONNECTIONS, 87500));
	ck_assert(!mem_budget_take(&budget, MEM_CONNECTIONS, 1));
	ck_assert(!atomic_load(&budget.refused));
	ck_assert(mem_budget_take(&budget, MEM_FRAMES, 6250));
	ck_assert(mem_budget_take(&budget, MEM_MESSAGES, 6250));
	ck_assert(!atomic_load(&budget.refused));
	ck_assert(!mem_budget_take(&budget, MEM_FRAMES, 1));
	ck_assert(atomic_exchange(&budget.refused, false));
	ck_assert(!mem_budget_take(&budget, MEM_MESSAGES, 1));
	ck_assert(atomic_load(&budget.refused));
}
END_TEST

/* What a peer claims may be any number. */
START_TEST(budget_refuses_what_would_overflow)
{
	ck_assert(mem_budget_take(&budget, MEM_FRAMES, 10));
	ck_assert(!mem_budget_take(&budget, MEM_FRAMES, SIZE_MAX));
	ck_assert(!mem_budget_take(&budget, MEM_FRAMES, SIZE_MAX - 9));
	ck_assert(!mem_budget_take(&budget, MEM_FRAMES, 100001));
	ck_assert_uint_eq(used(), 10);
}
END_TEST

/* A broken invariant of ours, not input: it aborts. */
START_TEST(budget_aborts_when_more_is_given_back_than_was_taken)
{
	ck_assert(mem_budget_take(&budget, MEM_FRAMES, 10));
	mem_budget_give(&budget, MEM_FRAMES, 11);
}
END_TEST

START_TEST(account_reserves_only_beyond_its_free_bytes)
{
	struct mem_account account = {.budget = &budget};

	ck_assert(mem_account_take(&account, FREE));
	ck_assert_uint_eq(used(), 0);
	ck_assert(mem_account_take(&account, 5));
	ck_assert_uint_eq(used(), 5);
	ck_assert_uint_eq(account.held, FREE + 5);
	mem_account_give(&account, 10);
	ck_assert_uint_eq(used(), 0);
	mem_account_give(&account, FREE - 5);
	ck_assert_uint_eq(account.held, 0);
}
END_TEST

START_TEST(account_step_across_the_free_bytes_reserves_the_rest)
{
	struct mem_account account = {.budget = &budget};

	ck_assert(mem_account_take(&account, FREE - 100));
	ck_assert(mem_account_take(&account, 1000));
	ck_assert_uint_eq(used(), 900);
	mem_account_give(&account, 1000);
	ck_assert_uint_eq(used(), 0);
}
END_TEST

START_TEST(account_refusal_changes_nothing)
{
	struct mem_account account = {.budget = &budget}, other = {.budget = &budget};

	ck_assert(mem_account_take(&other, FREE + 87500));
	ck_assert(mem_account_take(&account, FREE));
	ck_assert(!mem_account_take(&account, 1));
	ck_assert_uint_eq(account.held, FREE);
	ck_assert_uint_eq(used(), 87500);
	mem_account_give(&other, 1);
	ck_assert(mem_account_take(&account, 1));
}
END_TEST

START_TEST(account_aborts_when_more_is_given_back_than_it_holds)
{
	struct mem_account account = {.budget = &budget};

	ck_assert(mem_account_take(&account, 5));
	mem_account_give(&account, 6);
}
END_TEST

#define THREADS 4
#define ROUNDS 20000

static void *take_and_give(void *arg)
{
	struct mem_account account = {.budget = arg};

	for (int i = 0; i < ROUNDS; i++) {
		size_t bytes = FREE + (size_t)(i % 50000);

		if (!mem_account_take(&account, bytes))
			continue;
		CHECK(atomic_load(&budget.used) <= budget.limit);
		mem_account_give(&account, bytes);
	}
	return NULL;
}

START_TEST(many_threads_never_exceed_the_limit_and_leave_nothing)
{
	struct thread threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "budget", take_and_give, &budget), 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	ck_assert_uint_eq(used(), 0);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, budget_gives_up_to_the_limit);
	tcase_add_test(c, last_eighth_is_not_for_connections);
	tcase_add_test(c, budget_refuses_what_would_overflow);
	tcase_add_test_raise_signal(c, budget_aborts_when_more_is_given_back_than_was_taken, SIGABRT);
	tcase_add_test(c, account_reserves_only_beyond_its_free_bytes);
	tcase_add_test(c, account_step_across_the_free_bytes_reserves_the_rest);
	tcase_add_test(c, account_refusal_changes_nothing);
	tcase_add_test_raise_signal(c, account_aborts_when_more_is_given_back_than_it_holds, SIGABRT);
	tcase_add_test(c, many_threads_never_exceed_the_limit_and_leave_nothing);
}

int main(void)
{
	Suite *suite = suite_create("mem_budget");
	TCase *c = tcase_create("mem_budget");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
