// SPDX-License-Identifier: MIT
/* net/out_queue: the order of lanes, frame boundaries, sends cut at every byte, marks, and the bound of the lane. */
#include "out_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timed/net/frame.h"

static struct out_queue queue;
static struct mem_budget budget;
static char sent[1 << 20]; /* what a socket would have taken */
static size_t sent_len;

static void setup(void)
{
	memset(&queue, 0, sizeof(queue));
	mem_budget_init(&budget, (size_t)1 << 30);
	sent_len = 0;
}

/* Every frame must have gone with the queue. */
static void teardown(void)
{
	out_queue_free(&queue);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
}

static void push(const char *line, bool answer)
{
	struct frame *frame;

	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_ACK, (const uint8_t *)line, strlen(line)), 0);
	ck_assert_int_eq(out_queue_push(&queue, frame, answer), 0);
	frame_unref(frame);
}

static void control(const char *text)
{
	ck_assert_int_eq(out_queue_push_control(&queue, (const uint8_t *)text, strlen(text)), 0);
}

/* The socket takes at most `max` bytes.  Returns how many it took. */
static size_t send_some(size_t max)
{
	struct iovec iov[OUT_QUEUE_IOV];
	int n = out_queue_iov(&queue, iov);
	size_t taken = 0;

	for (int i = 0; i < n && taken < max; i++) {
		size_t len = iov[i].iov_len < max - taken ? iov[i].iov_len : max - taken;

		ck_assert_uint_gt(iov[i].iov_len, 0);
		ck_assert_uint_le(sent_len + len, sizeof(sent));
		memcpy(sent + sent_len, iov[i].iov_base, len);
		sent_len += len;
		taken += len;
	}
	out_queue_consume(&queue, taken);
	return taken;
}

static void send_all(void)
{
	while (send_some(SIZE_MAX) > 0)
		continue;
}

static void expect_sent(const char *text)
{
	ck_assert_msg(sent_len == strlen(text) && memcmp(sent, text, sent_len) == 0, "sent \"%.*s\"", (int)sent_len,
		      sent);
}

START_TEST(empty_queue_gives_nothing)
{
	struct iovec iov[OUT_QUEUE_IOV];

	ck_assert_int_eq(out_queue_iov(&queue, iov), 0);
	ck_assert_uint_eq(out_queue_bytes(&queue), 0);
	out_queue_consume(&queue, 0);
}
END_TEST

START_TEST(frames_leave_in_order)
{
	push("one", false);
	push("two", true);
	push("three", false);
	ck_assert_uint_eq(out_queue_bytes(&queue), 14);
	send_all();
	expect_sent("one\ntwo\nthree\n");
	ck_assert_uint_eq(out_queue_bytes(&queue), 0);
}
END_TEST

/* At the frame boundary, which is at once when no frame is begun. */
START_TEST(control_goes_before_whole_frames)
{
	push("one", false);
	push("two", false);
	control("ping\n");
	send_all();
	expect_sent("ping\none\ntwo\n");
}
END_TEST

START_TEST(control_waits_for_the_end_of_a_begun_frame)
{
	push("one", false);
	push("two", false);
	ck_assert_uint_eq(send_some(1), 1);
	control("ping\n");
	send_all();
	expect_sent("one\nping\ntwo\n");
}
END_TEST

/* A control message of which a part has left is not interrupted by anything. */
START_TEST(begun_control_is_finished_first)
{
	control("ping\n");
	push("one", false);
	ck_assert_uint_eq(send_some(2), 2);
	control("pong\n");
	push("two", false);
	send_all();
	expect_sent("ping\npong\none\ntwo\n");
}
END_TEST

/* Cut at every pair of bytes, with messages queued in between: what arrives is whole lines, each lane in order. */
START_TEST(sends_cut_anywhere_give_whole_lines)
{
	for (size_t first = 0; first <= 30; first++) {
		for (size_t second = 0; second <= 30; second++) {
			char text[64] = "", *line, *save = NULL;
			char frames[64] = "", controls[64] = "";

			sent_len = 0;
			push("alpha", false);
			control("P1\n");
			push("beta", true);
			(void)send_some(first);
			control("P2\n");
			(void)send_some(second);
			control("P3\n");
			push("gamma", false);
			send_all();
			ck_assert_uint_eq(sent_len, 26);
			memcpy(text, sent, sent_len);
			for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
				strcat(line[0] == 'P' ? controls : frames, line);
			ck_assert_str_eq(frames, "alphabetagamma");
			ck_assert_str_eq(controls, "P1P2P3");
		}
	}
}
END_TEST

/* One byte at a time, through more frames than the ring holds at first and than one call offers. */
START_TEST(byte_by_byte_keeps_the_order)
{
	char want[4096] = "", line[16];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 40; i++) {
			snprintf(line, sizeof(line), "%d-%d", round, i);
			push(line, i % 2);
			strcat(strcat(want, line), "\n");
			ck_assert_uint_eq(send_some(1), 1);
		}
	}
	while (send_some(1) == 1)
		continue;
	expect_sent(want);
	ck_assert_uint_eq(queue.answers, 0);
	ck_assert_ptr_null(queue.ring);
}
END_TEST

START_TEST(one_call_offers_a_bounded_number_of_pieces)
{
	struct iovec iov[OUT_QUEUE_IOV];

	for (int i = 0; i < 100; i++)
		push("x", false);
	control("ping\n");
	ck_assert_int_eq(out_queue_iov(&queue, iov), OUT_QUEUE_IOV);
	ck_assert_uint_eq(send_some(SIZE_MAX), 5 + 2 * (OUT_QUEUE_IOV - 1));
}
END_TEST

/* Where order among frames matters is known by the number of answers that have not left entirely. */
START_TEST(answers_are_counted_until_their_last_byte)
{
	push("gossip", false);
	push("answer", true);
	ck_assert_uint_eq(queue.answers, 1);
	ck_assert_uint_eq(send_some(7), 7);
	ck_assert_uint_eq(queue.answers, 1);
	ck_assert_uint_eq(send_some(6), 6);
	ck_assert_uint_eq(queue.answers, 1);
	ck_assert_uint_eq(send_some(1), 1);
	ck_assert_uint_eq(queue.answers, 0);
}
END_TEST

/* So that those of a peer that does not read can be bounded. */
START_TEST(pongs_among_the_frames_are_counted)
{
	struct frame *frame;

	push("answer", true);
	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_PONG, (const uint8_t *)"pong", 4), 0);
	ck_assert_int_eq(out_queue_push(&queue, frame, true), 0);
	ck_assert_int_eq(out_queue_push(&queue, frame, true), 0);
	frame_unref(frame);
	ck_assert_uint_eq(queue.pongs, 2);
	ck_assert_uint_eq(send_some(7 + 5), 12);
	ck_assert_uint_eq(queue.pongs, 1);
	send_all();
	ck_assert_uint_eq(queue.pongs, 0);
}
END_TEST

/* A mark is passed with the last byte of its message, not before. */
START_TEST(mark_of_a_frame_is_passed_with_its_newline)
{
	struct out_mark mark;

	push("one", false);
	push("ping", true);
	mark = (struct out_mark){false, queue.frames_in};
	push("two", false);
	control("C\n");
	for (size_t i = 0; i < 2 + 4 + 5; i++) {
		ck_assert(!out_queue_passed(&queue, &mark));
		ck_assert_uint_eq(send_some(1), 1);
	}
	ck_assert(out_queue_passed(&queue, &mark));
}
END_TEST

START_TEST(mark_of_control_is_passed_with_its_newline)
{
	struct out_mark first, second;

	push("a frame", false);
	ck_assert_uint_eq(send_some(1), 1);
	control("P1\n");
	first = (struct out_mark){true, queue.control_in};
	control("P2\n");
	second = (struct out_mark){true, queue.control_in};
	ck_assert_uint_eq(send_some(7 + 2), 9);
	ck_assert(!out_queue_passed(&queue, &first));
	ck_assert_uint_eq(send_some(1), 1);
	ck_assert(out_queue_passed(&queue, &first));
	ck_assert(!out_queue_passed(&queue, &second));
	send_all();
	ck_assert(out_queue_passed(&queue, &second));
	/* later traffic does not bring it back */
	control("P3\n");
	ck_assert(out_queue_passed(&queue, &second));
}
END_TEST

/* adversarial 25: the lane is bounded, and takes again what has left. */
START_TEST(control_lane_is_bounded)
{
	static const uint8_t pong[64];
	size_t n = 0;

	while (out_queue_push_control(&queue, pong, sizeof(pong)) == 0)
		n++;
	ck_assert_uint_eq(n, OUT_QUEUE_CONTROL_BYTES / sizeof(pong));
	ck_assert_uint_eq(out_queue_bytes(&queue), OUT_QUEUE_CONTROL_BYTES);
	ck_assert_int_eq(out_queue_push_control(&queue, pong, 1), -ENOMEM);
	ck_assert_uint_eq(send_some(100), 100);
	ck_assert_int_eq(out_queue_push_control(&queue, pong, 64), 0);
	ck_assert_int_eq(out_queue_push_control(&queue, pong, 36), 0);
	ck_assert_int_eq(out_queue_push_control(&queue, pong, 1), -ENOMEM);
	send_all();
	ck_assert_uint_eq(out_queue_bytes(&queue), 0);
}
END_TEST

/* An idle connection holds no more than a little. */
START_TEST(drained_queue_gives_its_memory_back)
{
	static const uint8_t big[OUT_QUEUE_CONTROL_BYTES];

	for (int i = 0; i < 1000; i++)
		push("x", false);
	ck_assert_int_eq(out_queue_push_control(&queue, big, sizeof(big)), 0);
	send_all();
	ck_assert_ptr_null(queue.ring);
	ck_assert_uint_eq(queue.ring_capacity, 0);
	ck_assert_uint_le(queue.control_capacity, 4096);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* The lane moves its bytes instead of growing for ever. */
START_TEST(control_lane_reuses_what_has_left)
{
	for (int i = 0; i < 10000; i++) {
		control("12345678\n");
		if (i == 0)
			control("12345678\n");
		ck_assert_uint_eq(send_some(9), 9);
		sent_len = 0;
	}
	ck_assert_uint_le(queue.control_capacity, 4096);
}
END_TEST

/* One frame in many queues is freed with the last of them. */
START_TEST(frame_is_shared_between_queues)
{
	struct out_queue other = {0};
	struct frame *frame;

	ck_assert_int_eq(frame_from_line(&frame, &budget, WIRE_ACK, (const uint8_t *)"shared", 6), 0);
	ck_assert_int_eq(out_queue_push(&queue, frame, false), 0);
	ck_assert_int_eq(out_queue_push(&queue, frame, false), 0);
	ck_assert_int_eq(out_queue_push(&other, frame, false), 0);
	frame_unref(frame);
	ck_assert_uint_eq(atomic_load(&budget.used), 7);
	send_all();
	expect_sent("shared\nshared\n");
	ck_assert_uint_eq(atomic_load(&budget.used), 7);
	out_queue_free(&other);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(free_drops_what_is_queued)
{
	push("one", true);
	push("two", false);
	control("ping\n");
	(void)send_some(6);
	out_queue_free(&queue);
	ck_assert_uint_eq(out_queue_bytes(&queue), 0);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, empty_queue_gives_nothing);
	tcase_add_test(c, frames_leave_in_order);
	tcase_add_test(c, control_goes_before_whole_frames);
	tcase_add_test(c, control_waits_for_the_end_of_a_begun_frame);
	tcase_add_test(c, begun_control_is_finished_first);
	tcase_add_test(c, sends_cut_anywhere_give_whole_lines);
	tcase_add_test(c, byte_by_byte_keeps_the_order);
	tcase_add_test(c, one_call_offers_a_bounded_number_of_pieces);
	tcase_add_test(c, answers_are_counted_until_their_last_byte);
	tcase_add_test(c, pongs_among_the_frames_are_counted);
	tcase_add_test(c, mark_of_a_frame_is_passed_with_its_newline);
	tcase_add_test(c, mark_of_control_is_passed_with_its_newline);
	tcase_add_test(c, control_lane_is_bounded);
	tcase_add_test(c, drained_queue_gives_its_memory_back);
	tcase_add_test(c, control_lane_reuses_what_has_left);
	tcase_add_test(c, frame_is_shared_between_queues);
	tcase_add_test(c, free_drops_what_is_queued);
}

int main(void)
{
	Suite *suite = suite_create("out_queue");
	TCase *c = tcase_create("out_queue");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
