// SPDX-License-Identifier: MIT
/* net/requests: one of a kind outstanding, matched by kind, fenced by a ping, given up without penalty. */
#include "run_suite.h"
#include "timed/net/requests.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define TIMEOUT_MS 60000
#define PAUSE_MS 30000

static struct requests requests;
static int64_t now;

static void setup(void)
{
	memset(&requests, 0, sizeof(requests));
	now = 5000;
}

static bool begin(enum request_kind kind, uint64_t key)
{
	return requests_begin(&requests, kind, key, 0, now, TIMEOUT_MS);
}

static bool answer(enum request_kind kind)
{
	uint64_t key;

	return requests_answer(&requests, kind, &key);
}

/* All that the pong gives up; how many. */
static int pong(uint64_t nonce)
{
	int count = 0;

	while (requests_pong(&requests, nonce, now, PAUSE_MS) != REQUEST_NONE)
		count++;
	return count;
}

static int expire(void)
{
	int count = 0;

	while (requests_expire(&requests, now, PAUSE_MS) != REQUEST_NONE)
		count++;
	return count;
}

START_TEST(answer_returns_the_key_once)
{
	uint64_t key = 0;

	ck_assert(begin(REQUEST_BLOCK_HASH, UINT64_MAX));
	ck_assert(requests_answer(&requests, REQUEST_BLOCK_HASH, &key));
	ck_assert_uint_eq(key, UINT64_MAX);
	ck_assert(!requests_answer(&requests, REQUEST_BLOCK_HASH, &key));
	ck_assert_uint_eq(requests.answered, 1);
}
END_TEST

START_TEST(answer_nobody_asked_for_is_not_one)
{
	ck_assert(!answer(REQUEST_PEERS));
	ck_assert_uint_eq(requests.answered, 0);
}
END_TEST

START_TEST(answer_of_another_kind_does_not_match)
{
	ck_assert(begin(REQUEST_PEERS, 0));
	ck_assert(!answer(REQUEST_MASTERNODES));
	ck_assert(answer(REQUEST_PEERS));
}
END_TEST

START_TEST(outstanding_until_answered)
{
	uint64_t key;

	ck_assert(!requests_outstanding(&requests, REQUEST_BLOCK_HASH, &key));
	ck_assert(begin(REQUEST_BLOCK_HASH, 7));
	ck_assert(requests_outstanding(&requests, REQUEST_BLOCK_HASH, &key));
	ck_assert_uint_eq(key, 7);
	ck_assert(!requests_outstanding(&requests, REQUEST_PEERS, &key));
	ck_assert(answer(REQUEST_BLOCK_HASH));
	ck_assert(!requests_outstanding(&requests, REQUEST_BLOCK_HASH, &key));
}
END_TEST

START_TEST(one_of_a_kind_is_outstanding)
{
	ck_assert(begin(REQUEST_BLOCK_HASH, 1));
	ck_assert(!begin(REQUEST_BLOCK_HASH, 2));
	ck_assert(begin(REQUEST_PEERS, 0));
	ck_assert(answer(REQUEST_BLOCK_HASH));
	ck_assert(begin(REQUEST_BLOCK_HASH, 2));
}
END_TEST

/* The pong before the answer means that none comes; the kind is not asked again for a while. */
START_TEST(pong_of_the_fence_gives_up_what_it_fences)
{
	ck_assert(begin(REQUEST_PEERS, 0));
	ck_assert(begin(REQUEST_MASTERNODES, 0));
	requests_fence(&requests, 77);
	ck_assert_int_eq(pong(77), 2);
	ck_assert(!answer(REQUEST_PEERS));
	ck_assert(!begin(REQUEST_PEERS, 0));
	now += PAUSE_MS - 1;
	ck_assert(!begin(REQUEST_MASTERNODES, 0));
	now++;
	ck_assert(begin(REQUEST_PEERS, 0));
	ck_assert(begin(REQUEST_MASTERNODES, 0));
}
END_TEST

START_TEST(pong_of_another_ping_gives_up_nothing)
{
	ck_assert(begin(REQUEST_PEERS, 0));
	pong(0);
	requests_fence(&requests, 77);
	pong(76);
	ck_assert(answer(REQUEST_PEERS));
}
END_TEST

/* What was asked after the fence is behind it. */
START_TEST(fence_covers_only_what_was_asked_before_it)
{
	ck_assert(begin(REQUEST_PEERS, 0));
	requests_fence(&requests, 1);
	ck_assert(begin(REQUEST_BLOCK_HASH, 9));
	requests_fence(&requests, 2);
	pong(1);
	ck_assert(!answer(REQUEST_PEERS));
	ck_assert(answer(REQUEST_BLOCK_HASH));
	pong(2);
	ck_assert(begin(REQUEST_BLOCK_HASH, 10));
}
END_TEST

/* The nonce of a fence may be any number, zero too. */
START_TEST(fence_of_nonce_zero_works)
{
	ck_assert(begin(REQUEST_PEERS, 0));
	requests_fence(&requests, 0);
	pong(0);
	ck_assert(!answer(REQUEST_PEERS));
}
END_TEST

START_TEST(answer_before_its_pong_leaves_the_kind_in_use)
{
	ck_assert(begin(REQUEST_PEERS, 0));
	requests_fence(&requests, 77);
	ck_assert(answer(REQUEST_PEERS));
	pong(77);
	ck_assert(begin(REQUEST_PEERS, 0));
	/* nor does the old fence hold for the new request */
	pong(77);
	ck_assert(answer(REQUEST_PEERS));
}
END_TEST

START_TEST(expire_gives_up_at_the_deadline)
{
	ck_assert(begin(REQUEST_PEERS, 0));
	requests_expire(&requests, now + TIMEOUT_MS - 1, PAUSE_MS);
	ck_assert(requests.kind[REQUEST_PEERS].outstanding);
	now += TIMEOUT_MS;
	expire();
	ck_assert(!answer(REQUEST_PEERS));
	ck_assert(!begin(REQUEST_PEERS, 0));
	now += PAUSE_MS;
	ck_assert(begin(REQUEST_PEERS, 0));
}
END_TEST

START_TEST(expire_of_nothing_pauses_nothing)
{
	requests_expire(&requests, INT64_MAX / 2, PAUSE_MS);
	ck_assert(begin(REQUEST_PEERS, 0));
}
END_TEST

/* Existing nodes drop what comes faster (PROTOCOL.md §4): 8 of a kind in any second, however they are spread. */
START_TEST(pace_holds_in_any_second)
{
	int64_t asked[200];
	int count = 0;

	for (int64_t end = now + 20000; now < end; now++) {
		if (!requests_begin(&requests, REQUEST_BLOCK_HASH, 0, 8, now, TIMEOUT_MS))
			continue;
		ck_assert(answer(REQUEST_BLOCK_HASH));
		ck_assert_int_lt(count, 200);
		if (count >= 8)
			ck_assert_int_ge(now - asked[count - 8], 1000);
		asked[count++] = now;
	}
	ck_assert_int_eq(count, 160);
}
END_TEST

START_TEST(pace_is_of_each_kind)
{
	ck_assert(requests_begin(&requests, REQUEST_PEERS, 0, 8, now, TIMEOUT_MS));
	ck_assert(requests_begin(&requests, REQUEST_MASTERNODES, 0, 8, now, TIMEOUT_MS));
	ck_assert(requests_begin(&requests, REQUEST_BLOCK_HASH, 0, 8, now, TIMEOUT_MS));
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, answer_returns_the_key_once);
	tcase_add_test(c, answer_nobody_asked_for_is_not_one);
	tcase_add_test(c, answer_of_another_kind_does_not_match);
	tcase_add_test(c, outstanding_until_answered);
	tcase_add_test(c, one_of_a_kind_is_outstanding);
	tcase_add_test(c, pong_of_the_fence_gives_up_what_it_fences);
	tcase_add_test(c, pong_of_another_ping_gives_up_nothing);
	tcase_add_test(c, fence_covers_only_what_was_asked_before_it);
	tcase_add_test(c, fence_of_nonce_zero_works);
	tcase_add_test(c, answer_before_its_pong_leaves_the_kind_in_use);
	tcase_add_test(c, expire_gives_up_at_the_deadline);
	tcase_add_test(c, expire_of_nothing_pauses_nothing);
	tcase_add_test(c, pace_holds_in_any_second);
	tcase_add_test(c, pace_is_of_each_kind);
}

int main(void)
{
	Suite *suite = suite_create("requests");
	TCase *c = tcase_create("requests");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
