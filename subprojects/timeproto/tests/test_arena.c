// SPDX-License-Identifier: MIT
/* base/arena: what it holds, what it gives back, and that limit and budget are kept. */
#include "run_suite.h"
#include "timeproto/base/arena.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

struct account {
	size_t left;
	size_t taken;
};

static bool account_take(void *user, size_t bytes)
{
	struct account *account = user;

	if (bytes > account->left)
		return false;
	account->left -= bytes;
	account->taken += bytes;
	return true;
}

static void account_give(void *user, size_t bytes)
{
	struct account *account = user;

	account->left += bytes;
	account->taken -= bytes;
}

START_TEST(nothing_allocated_holds_nothing)
{
	struct arena a;

	arena_init(&a, SIZE_MAX, NULL);
	ck_assert_uint_eq(a.reserved, 0);
	arena_reset(&a);
	arena_free(&a);
	arena_free(NULL);
	ck_assert_uint_eq(a.reserved, 0);
}
END_TEST

/* Allocations are aligned, distinct, and survive later ones. */
START_TEST(allocations_do_not_overlap)
{
	struct arena a;
	uint8_t *p[300];

	arena_init(&a, SIZE_MAX, NULL);
	for (size_t i = 0; i < 300; i++) {
		p[i] = arena_alloc(&a, i * 7);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % 8, 0);
		memset(p[i], (int)(i % 256), i * 7);
	}
	for (size_t i = 0; i < 300; i++) {
		for (size_t k = 0; k < i * 7; k++)
			ck_assert_uint_eq(p[i][k], i % 256);
	}
	arena_free(&a);
	ck_assert_uint_eq(a.reserved, 0);
}
END_TEST

START_TEST(reset_frees_beyond_sixteen_kib)
{
	struct arena a;

	arena_init(&a, SIZE_MAX, NULL);
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(arena_alloc(&a, 1000));
	ck_assert_ptr_nonnull(arena_alloc(&a, 5000000));
	ck_assert_uint_gt(a.reserved, 6000000);
	arena_reset(&a);
	ck_assert_uint_le(a.reserved, ARENA_KEEP_BYTES);
	ck_assert_uint_gt(a.reserved, 0);
	ck_assert_ptr_nonnull(arena_alloc(&a, 1000));
	ck_assert_uint_le(a.reserved, ARENA_KEEP_BYTES);
	/* One large request alone leaves nothing small enough to keep. */
	arena_free(&a);
	ck_assert_ptr_nonnull(arena_alloc(&a, 100000));
	arena_reset(&a);
	ck_assert_uint_eq(a.reserved, 0);
	arena_free(&a);
}
END_TEST

START_TEST(limit_is_never_exceeded)
{
	struct arena a;
	size_t got = 0;

	arena_init(&a, 10000, NULL);
	while (arena_alloc(&a, 100))
		got += 104;
	ck_assert_uint_le(a.reserved, 10000);
	ck_assert_uint_gt(got, 9000);
	ck_assert_ptr_null(arena_alloc(&a, 20000));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 20));
	arena_reset(&a);
	ck_assert_ptr_nonnull(arena_alloc(&a, 100));
	arena_free(&a);
}
END_TEST

START_TEST(budget_is_asked_and_told)
{
	struct account account = {.left = 50000};
	const struct arena_budget budget = {account_take, account_give, &account};
	struct arena a;

	arena_init(&a, SIZE_MAX, &budget);
	ck_assert_ptr_nonnull(arena_alloc(&a, 30000));
	ck_assert_uint_eq(account.taken, a.reserved);
	ck_assert_ptr_null(arena_alloc(&a, 30000));
	ck_assert_uint_eq(account.taken, a.reserved);
	ck_assert_ptr_nonnull(arena_alloc(&a, 1000));
	arena_reset(&a);
	ck_assert_uint_eq(account.taken, a.reserved);
	arena_free(&a);
	ck_assert_uint_eq(account.taken, 0);
	ck_assert_uint_eq(account.left, 50000);
}
END_TEST

START_TEST(newest_allocation_shrinks_and_grows_in_place)
{
	struct arena a;
	uint8_t *p, *q;

	arena_init(&a, SIZE_MAX, NULL);
	p = arena_alloc(&a, 100);
	ck_assert_ptr_nonnull(p);
	arena_trim(&a, p, 100, 10);
	q = arena_alloc(&a, 8);
	ck_assert_ptr_eq(q, p + 16);
	/* No longer the newest: nothing happens. */
	arena_trim(&a, p, 10, 1);
	ck_assert(!arena_extend(&a, p, 10, 20));
	ck_assert(arena_extend(&a, q, 8, 80));
	memset(q, 1, 80);
	ck_assert(!arena_extend(&a, q, 80, 2000));
	ck_assert(!arena_extend(&a, q, 80, SIZE_MAX));
	p = arena_alloc(&a, 1);
	ck_assert_ptr_eq(p, q + 80);
	arena_free(&a);
}
END_TEST

/* Nothing points back into the struct. */
START_TEST(arena_can_be_moved)
{
	struct arena a, b;
	uint8_t *p;

	arena_init(&a, 1 << 20, NULL);
	p = arena_alloc(&a, 10);
	ck_assert_ptr_nonnull(p);
	memcpy(p, "0123456789", 10);
	b = a;
	arena_init(&a, 1 << 20, NULL);
	ck_assert_ptr_nonnull(arena_alloc(&a, 10));
	ck_assert_ptr_nonnull(arena_alloc(&b, 10));
	ck_assert_mem_eq(p, "0123456789", 10);
	arena_free(&a);
	arena_free(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tc = tcase_create("arena");

	tcase_add_test(tc, nothing_allocated_holds_nothing);
	tcase_add_test(tc, allocations_do_not_overlap);
	tcase_add_test(tc, reset_frees_beyond_sixteen_kib);
	tcase_add_test(tc, limit_is_never_exceeded);
	tcase_add_test(tc, budget_is_asked_and_told);
	tcase_add_test(tc, newest_allocation_shrinks_and_grows_in_place);
	tcase_add_test(tc, arena_can_be_moved);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
