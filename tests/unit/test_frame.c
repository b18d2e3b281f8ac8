// SPDX-License-Identifier: MIT
/* net/frame: one encoded message, its bytes, its count, and the memory account behind it. */
#include "timed/net/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/thread.h"

static struct mem_budget budget;

static void setup(void)
{
	mem_budget_init(&budget, 1000);
}

static void teardown(void)
{
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
}

START_TEST(encode_gives_the_line_with_its_newline)
{
	static const char want[] = "{\"Ping\":{\"nonce\":18446744073709551615,\"timestamp\":-1}}\n";
	struct wire_message ping = {.type = WIRE_PING, .u.ping = {UINT64_MAX, -1}};
	struct frame *frame;

	ck_assert_int_eq(frame_encode(&frame, &budget, &ping), 0);
	ck_assert_int_eq(frame->type, WIRE_PING);
	ck_assert_uint_eq(frame->len, strlen(want));
	ck_assert_mem_eq(frame->bytes, want, frame->len);
	ck_assert_uint_eq(atomic_load(&budget.used), frame->len);
	frame_unref(frame);
}
END_TEST

START_TEST(from_line_adds_the_newline)
{
	struct frame *frame;

	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_GET_PEERS, (const uint8_t *)"\"GetPeers\"", 10), 0);
	ck_assert_uint_eq(frame->len, 11);
	ck_assert_mem_eq(frame->bytes, "\"GetPeers\"\n", 11);
	frame_unref(frame);
}
END_TEST

START_TEST(budget_refusal_leaves_nothing)
{
	static const uint8_t line[1000];
	struct wire_message peers = {.type = WIRE_ACK};
	struct frame *frame = NULL;
	char text[990];

	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_ACK, line, sizeof(line)), -ENOMEM);
	ck_assert_ptr_null(frame);
	memset(text, 'x', sizeof(text));
	peers.u.ack.message_type = (struct wire_str){text, sizeof(text)};
	ck_assert_int_eq(frame_encode(&frame, &budget, &peers), -ENOMEM);
	ck_assert_ptr_null(frame);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_ACK, line, sizeof(line) - 1), 0);
	frame_unref(frame);
}
END_TEST

START_TEST(last_reference_frees)
{
	struct frame *frame;

	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_ACK, (const uint8_t *)"x", 1), 0);
	ck_assert_ptr_eq(frame_ref(frame), frame);
	frame_unref(frame);
	ck_assert_uint_eq(atomic_load(&budget.used), 2);
	frame_unref(frame);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(unref_of_nothing)
{
	frame_unref(NULL);
}
END_TEST

#define THREADS 4

static void *ref_and_unref(void *arg)
{
	struct frame *frame = arg;

	for (int i = 0; i < 20000; i++) {
		(void)frame_ref(frame);
		CHECK(frame->bytes[0] == 'x');
		frame_unref(frame);
	}
	frame_unref(frame);
	return NULL;
}

START_TEST(many_threads_share_a_frame)
{
	struct thread threads[THREADS];
	struct frame *frame;

	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_ACK, (const uint8_t *)"x", 1), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "frame", ref_and_unref, frame_ref(frame)), 0);
	frame_unref(frame);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, encode_gives_the_line_with_its_newline);
	tcase_add_test(c, from_line_adds_the_newline);
	tcase_add_test(c, budget_refusal_leaves_nothing);
	tcase_add_test(c, last_reference_frees);
	tcase_add_test(c, unref_of_nothing);
	tcase_add_test(c, many_threads_share_a_frame);
}

int main(void)
{
	Suite *suite = suite_create("frame");
	TCase *c = tcase_create("frame");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
