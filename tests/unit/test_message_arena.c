// SPDX-License-Identifier: MIT
/* Memory of messages that outlive their handler: who pays for it, and when it is given back. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "timed/net/message_arena.h"

#define LIMIT ((size_t)1 << 20)

static struct mem_budget budget;

static void setup(void)
{
	mem_budget_init(&budget, LIMIT);
}

/* What was allocated stays where it is; the giver is empty and usable; the bytes are the budget's until the last one. */
START_TEST(adopted_memory_lives_until_the_last_reference)
{
	struct arena from;
	struct message_arena *held;
	size_t reserved;
	char *text;

	arena_init(&from, LIMIT, NULL);
	text = arena_alloc(&from, 100000);
	ck_assert_ptr_nonnull(text);
	memcpy(text, "kept", 5);
	reserved = from.reserved;
	held = message_arena_adopt(&from, &budget);
	ck_assert_ptr_nonnull(held);
	ck_assert_uint_eq(from.reserved, 0);
	ck_assert_uint_eq(atomic_load(&budget.used), reserved);
	ck_assert_ptr_nonnull(arena_alloc(&from, 10));
	ck_assert(message_arena_ref(held) == held);
	message_arena_unref(held);
	ck_assert_str_eq(text, "kept");
	message_arena_unref(held);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
	arena_free(&from);
}
END_TEST

/* More of it is asked of the budget, and refused by it. */
START_TEST(growth_is_paid_by_the_budget)
{
	struct message_arena *held = message_arena_new(&budget);

	ck_assert_ptr_nonnull(held);
	ck_assert_ptr_nonnull(arena_alloc(&held->arena, 1000));
	ck_assert_uint_ge(atomic_load(&budget.used), 1000);
	ck_assert_ptr_null(arena_alloc(&held->arena, LIMIT));
	message_arena_unref(held);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(refused_memory_stays_with_its_owner)
{
	struct arena from;
	char *text;

	arena_init(&from, LIMIT, NULL);
	text = arena_alloc(&from, 100000);
	ck_assert_ptr_nonnull(text);
	ck_assert(mem_budget_take(&budget, MEM_MESSAGES, LIMIT - 1000));
	ck_assert_ptr_null(message_arena_adopt(&from, &budget));
	ck_assert_uint_ge(from.reserved, 100000);
	memset(text, 1, 100000);
	arena_free(&from);
	ck_assert_uint_eq(atomic_load(&budget.used), LIMIT - 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("message_arena");
	TCase *c = tcase_create("message_arena");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, adopted_memory_lives_until_the_last_reference);
	tcase_add_test(c, growth_is_paid_by_the_budget);
	tcase_add_test(c, refused_memory_stays_with_its_owner);
	suite_add_tcase(s, c);
	return run_suite(s);
}
