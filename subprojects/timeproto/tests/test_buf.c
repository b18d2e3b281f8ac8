// SPDX-License-Identifier: MIT
/* base/buf: growth, the sticky error, and giving the bytes away. */
#include "run_suite.h"
#include "timeproto/base/buf.h"

#include <errno.h>
#include <stdlib.h>

#include <check.h>

START_TEST(appends_keep_their_order_across_growth)
{
	struct buf b = BUF_INIT;

	for (unsigned i = 0; i < 10000; i++)
		buf_append_byte(&b, (uint8_t)(i % 251));
	buf_append_text(&b, "end");
	buf_append(&b, NULL, 0);
	ck_assert_int_eq(b.error, 0);
	ck_assert_uint_eq(b.len, 10003);
	for (unsigned i = 0; i < 10000; i++)
		ck_assert_uint_eq(b.data[i], i % 251);
	ck_assert_mem_eq(b.data + 10000, "end", 3);
	buf_free(&b);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.capacity, 0);
}
END_TEST

/* What cannot be allocated is remembered: everything later does nothing until the reset. */
START_TEST(failed_growth_is_sticky)
{
	struct buf b = BUF_INIT;

	buf_append_text(&b, "kept");
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX - 2));
	ck_assert_int_eq(b.error, -ENOMEM);
	buf_append_byte(&b, 'x');
	buf_append_text(&b, "more");
	ck_assert_ptr_null(buf_reserve(&b, 1));
	ck_assert_int_eq(buf_grow(&b, 1), -ENOMEM);
	ck_assert_uint_eq(b.len, 4);
	buf_reset(&b);
	buf_append_byte(&b, 'y');
	ck_assert_int_eq(b.error, 0);
	ck_assert_uint_eq(b.len, 1);
	buf_free(&b);
}
END_TEST

START_TEST(steal_hands_over_and_empties)
{
	struct buf b = BUF_INIT;
	uint8_t *bytes;
	size_t len = 99;

	bytes = buf_steal(&b, &len);
	ck_assert_ptr_null(bytes);
	ck_assert_uint_eq(len, 0);
	buf_append_text(&b, "abc");
	bytes = buf_steal(&b, &len);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(bytes, "abc", 3);
	ck_assert_ptr_null(b.data);
	free(bytes);
	buf_append_text(&b, "abc");
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert_ptr_null(buf_steal(&b, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(b.error, 0);
	buf_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, appends_keep_their_order_across_growth);
	tcase_add_test(tc, failed_growth_is_sticky);
	tcase_add_test(tc, steal_hands_over_and_empties);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
