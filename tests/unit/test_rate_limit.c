// SPDX-License-Identifier: MIT
/* net/rate_limit: token buckets to the millisecond, their limits, and the buckets per kind of message. */
#include "run_suite.h"
#include "timed/net/rate_limit.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)

static struct token_bucket bucket;
static struct rate_limit limit;
static int64_t now;

/* The protocol's values (PROTOCOL.md §4). */
static const struct rate_limit_params params = {
	.enabled = true,
	.per_minute = {[RATE_TRANSACTION] = 60000,
		       [RATE_VOTE] = 30000,
		       [RATE_BLOCK_VOTE] = 30000,
		       [RATE_BLOCK] = 6000,
		       [RATE_UTXO_QUERY] = 6000,
		       [RATE_SUBSCRIBE] = 10,
		       [RATE_OTHER] = 600},
};

static void setup(void)
{
	memset(&bucket, 0, sizeof(bucket));
	memset(&limit, 0, sizeof(limit));
	now = 777777;
}

/* Takes until refused. */
static int take_all(uint32_t per_minute, uint32_t burst)
{
	int taken = 0;

	while (token_bucket_take(&bucket, per_minute, burst, now))
		taken++;
	return taken;
}

START_TEST(bucket_starts_full)
{
	ck_assert_int_eq(token_bucket_available(&bucket, 60, 10, now), 10);
	ck_assert_int_eq(take_all(60, 10), 10);
	ck_assert_int_eq(token_bucket_available(&bucket, 60, 10, now), 0);
}
END_TEST

START_TEST(bucket_refills_at_its_rate)
{
	ck_assert_int_eq(take_all(60, 10), 10);
	now += SECOND - 1;
	ck_assert(!token_bucket_take(&bucket, 60, 10, now));
	now += 1;
	ck_assert(token_bucket_take(&bucket, 60, 10, now));
	ck_assert(!token_bucket_take(&bucket, 60, 10, now));
	now += 5 * SECOND;
	ck_assert_int_eq(take_all(60, 10), 5);
}
END_TEST

/* What asks every millisecond gets the same rate as what asks once: fractions are not lost. */
START_TEST(bucket_keeps_fractions_however_often_it_is_asked)
{
	static const uint32_t rates[] = {1, 7, 10, 59, 61, 90, 600, 1000, 60000, 123457};
	uint32_t rate = rates[_i];
	uint64_t taken = 0;

	(void)take_all(rate, 20);
	for (int64_t end = now + 10 * MINUTE; now < end;) {
		now++;
		taken += (uint64_t)take_all(rate, 20);
	}
	ck_assert_uint_eq(taken, (uint64_t)rate * 10);
}
END_TEST

START_TEST(bucket_never_holds_more_than_its_burst)
{
	ck_assert_int_eq(take_all(600, 10), 10);
	now += SECOND;
	ck_assert_int_eq(take_all(600, 10), 10);
	now += MINUTE;
	ck_assert_int_eq(take_all(600, 10), 10);
}
END_TEST

/* A year, and the end of time, fill it and no more. */
START_TEST(bucket_survives_any_idle_time)
{
	ck_assert_int_eq(take_all(60000, 1000), 1000);
	now += (int64_t)365 * 24 * 60 * MINUTE;
	ck_assert_int_eq(take_all(60000, 1000), 1000);
	now = INT64_MAX;
	ck_assert_int_eq(take_all(60000, 1000), 1000);
}
END_TEST

START_TEST(bucket_survives_the_greatest_rate_and_burst)
{
	ck_assert_int_eq(token_bucket_available(&bucket, UINT32_MAX, UINT32_MAX, now), UINT32_MAX);
	ck_assert(token_bucket_take(&bucket, UINT32_MAX, UINT32_MAX, now));
	now += 59999;
	ck_assert_int_eq(token_bucket_available(&bucket, UINT32_MAX, UINT32_MAX, now), UINT32_MAX);
	now = INT64_MAX;
	ck_assert_int_eq(token_bucket_available(&bucket, 1, UINT32_MAX, now), UINT32_MAX);
}
END_TEST

/* Two threads may read the clock in one order and come here in the other. */
START_TEST(bucket_ignores_a_time_that_goes_back)
{
	ck_assert_int_eq(take_all(600, 10), 10);
	now -= 500;
	ck_assert_int_eq(token_bucket_available(&bucket, 600, 10, now), 0);
	now += 500;
	ck_assert_int_eq(token_bucket_available(&bucket, 600, 10, now), 0);
	now += 100;
	ck_assert_int_eq(token_bucket_available(&bucket, 600, 10, now), 1);
}
END_TEST

START_TEST(bucket_at_time_zero_is_used_like_any_other)
{
	now = 0;
	ck_assert_int_eq(take_all(600, 10), 10);
	ck_assert_int_eq(take_all(600, 10), 0);
	now = 100;
	ck_assert_int_eq(take_all(600, 10), 1);
}
END_TEST

START_TEST(bucket_without_a_rate_never_refills)
{
	ck_assert_int_eq(take_all(0, 5), 5);
	now += (int64_t)365 * 24 * 60 * MINUTE;
	ck_assert_int_eq(take_all(0, 5), 0);
}
END_TEST

/* Takes by allows and charge until not allowed. */
static int charge_all(enum rate_kind kind)
{
	int charged = 0;

	while (rate_limit_allows(&limit, &params, kind, now)) {
		rate_limit_charge(&limit, &params, kind, now);
		charged++;
	}
	return charged;
}

/* The burst is a second's worth, at least 10. */
START_TEST(limit_holds_for_every_kind)
{
	static const struct {
		enum rate_kind kind;
		int burst, per_minute;
	} want[] = {
		{RATE_TRANSACTION, 1000, 60000}, {RATE_VOTE, 500, 30000},     {RATE_BLOCK_VOTE, 500, 30000},
		{RATE_BLOCK, 100, 6000},	 {RATE_UTXO_QUERY, 100, 6000}, {RATE_SUBSCRIBE, 10, 10},
		{RATE_OTHER, 10, 600},
	};
	enum rate_kind kind = want[_i].kind;
	int charged = 0;

	ck_assert_int_eq(charge_all(kind), want[_i].burst);
	for (int i = 0; i < 600; i++) {
		now += 100;
		charged += charge_all(kind);
	}
	ck_assert_int_eq(charged, want[_i].per_minute);
}
END_TEST

START_TEST(limit_of_one_kind_leaves_the_others)
{
	(void)charge_all(RATE_VOTE);
	ck_assert(!rate_limit_allows(&limit, &params, RATE_VOTE, now));
	ck_assert(rate_limit_allows(&limit, &params, RATE_BLOCK_VOTE, now));
	ck_assert(rate_limit_allows(&limit, &params, RATE_OTHER, now));
}
END_TEST

/* Only what proves useless is charged. */
START_TEST(limit_without_a_charge_is_never_reached)
{
	for (int i = 0; i < 100000; i++)
		ck_assert(rate_limit_allows(&limit, &params, RATE_OTHER, now));
}
END_TEST

START_TEST(limit_never_touches_what_is_unlimited)
{
	for (int i = 0; i < 100000; i++) {
		ck_assert(rate_limit_allows(&limit, &params, RATE_NONE, now));
		rate_limit_charge(&limit, &params, RATE_NONE, now);
	}
}
END_TEST

START_TEST(limit_can_be_switched_off)
{
	static const struct rate_limit_params off = {.enabled = false};

	for (int i = 0; i < 1000; i++) {
		ck_assert(rate_limit_allows(&limit, &off, RATE_SUBSCRIBE, now));
		rate_limit_charge(&limit, &off, RATE_SUBSCRIBE, now);
	}
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, bucket_starts_full);
	tcase_add_test(c, bucket_refills_at_its_rate);
	tcase_add_loop_test(c, bucket_keeps_fractions_however_often_it_is_asked, 0, 10);
	tcase_add_test(c, bucket_never_holds_more_than_its_burst);
	tcase_add_test(c, bucket_survives_any_idle_time);
	tcase_add_test(c, bucket_survives_the_greatest_rate_and_burst);
	tcase_add_test(c, bucket_ignores_a_time_that_goes_back);
	tcase_add_test(c, bucket_at_time_zero_is_used_like_any_other);
	tcase_add_test(c, bucket_without_a_rate_never_refills);
	tcase_add_loop_test(c, limit_holds_for_every_kind, 0, 7);
	tcase_add_test(c, limit_of_one_kind_leaves_the_others);
	tcase_add_test(c, limit_without_a_charge_is_never_reached);
	tcase_add_test(c, limit_never_touches_what_is_unlimited);
	tcase_add_test(c, limit_can_be_switched_off);
}

int main(void)
{
	Suite *suite = suite_create("rate_limit");
	TCase *c = tcase_create("rate_limit");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
