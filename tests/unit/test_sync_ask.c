// SPDX-License-Identifier: MIT
/* node/sync by hand, one call at a time: what is asked when, deadlines, stalls, answers that are not what was asked. */
#include "run_suite.h"
#include "sync.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define SECOND ((int64_t)1000)

static struct sync *sync;
static struct sync_params params;
static int64_t now;
static uint32_t released;

static struct wire_hash hash_of(uint64_t n)
{
	struct wire_hash hash;

	memset(&hash, 0, sizeof(hash));
	memcpy(&hash, &n, sizeof(n));
	return hash;
}

/* The block at height h has the hash of h. */
static struct chain_point point(uint64_t height)
{
	return (struct chain_point){.height = height, .hash = hash_of(height)};
}

static void release(void *user, void *payload)
{
	(void)user;
	free(payload);
	released++;
}

static void begin(uint64_t height)
{
	struct chain_point tip = point(height);

	sync_params_default(&params);
	params.release = release;
	now = 1000 * SECOND;
	released = 0;
	sync = sync_new(&params, &tip, now);
	ck_assert_ptr_nonnull(sync);
}

static void setup(void)
{
	begin(0);
}

static void teardown(void)
{
	sync_free(sync);
}

static bool poked(void)
{
	struct sync_action action;
	bool found = false;

	while (sync_take_action(sync, &action))
		found = found || action.kind == SYNC_ACTION_POKE;
	return found;
}

static uint32_t blames(void)
{
	struct sync_action action;
	uint32_t count = 0;

	while (sync_take_action(sync, &action))
		count += action.kind == SYNC_ACTION_BLAME;
	return count;
}

/* What the peer is to be asked next is just this. */
static void expect(uint64_t id, enum sync_kind kind, uint64_t first, uint64_t last)
{
	struct sync_ask ask;

	ck_assert(sync_next(sync, &ask, id, now));
	ck_assert_int_eq(ask.kind, kind);
	if (kind != SYNC_ASK_HEIGHT)
		ck_assert_uint_eq(ask.first, first);
	if (kind == SYNC_ASK_BLOCKS)
		ck_assert_uint_eq(ask.last, last);
}

static void expect_nothing(uint64_t id)
{
	struct sync_ask ask;

	ck_assert(!sync_next(sync, &ask, id, now));
}

static void answer_hash(uint64_t id, uint64_t height)
{
	struct wire_hash hash = hash_of(height);

	sync_hash(sync, id, height, &hash, &hash, now);
}

/* Ready, its height told, and with us at our tip. */
static void add_peer(uint64_t id, uint64_t height, uint64_t tip)
{
	ck_assert_int_eq(sync_peer_ready(sync, id, true, now), 0);
	expect(id, SYNC_ASK_HEIGHT, 0, 0);
	sync_height(sync, id, height, now);
	expect(id, SYNC_ASK_HASH, tip, 0);
	answer_hash(id, tip);
}

/* Two peers with 100 blocks, whose anchor is decided: each may be asked for blocks. */
static void decide_anchor(void)
{
	add_peer(1, 150, 0);
	add_peer(2, 150, 0);
	expect(1, SYNC_ASK_HASH, 150, 0);
	expect(2, SYNC_ASK_HASH, 150, 0);
	answer_hash(1, 150);
	expect_nothing(1);
	(void)poked();
	answer_hash(2, 150);
}

static bool answer_blocks(struct sync_held *held, uint64_t id, uint64_t first, uint64_t count)
{
	static struct sync_block blocks[300]; /* too big for a frame */
	struct sync_blocks answer = {
		.blocks = blocks, .count = count, .json_bytes = 800 * count, .held_bytes = 400 * count};

	ck_assert_uint_le(count, 300);
	for (uint64_t i = 0; i < count; i++)
		blocks[i] = (struct sync_block){first + i, hash_of(first + i), hash_of(first + i - 1)};
	answer.payload = malloc(1);
	ck_assert_ptr_nonnull(answer.payload);
	return sync_blocks(sync, held, id, &answer, now);
}

/* ---- What is asked ---- */

START_TEST(newcomer_is_asked_for_height_and_agreement)
{
	add_peer(1, 0, 0);
	expect_nothing(1);
	now += params.poll_ms - 1;
	expect_nothing(1);
	now++;
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
	expect(1, SYNC_ASK_HASH, 0, 0);
	expect_nothing(1);
}
END_TEST

/* All together they are asked as often as 256: it costs no more to have ten thousand. */
START_TEST(many_peers_are_asked_more_rarely)
{
	for (uint64_t id = 1; id <= 600; id++)
		ck_assert_int_eq(sync_peer_ready(sync, id, true, now), 0);
	for (uint64_t id = 600; id > 1; id -= 2)
		sync_peer_gone(sync, id - 1, now);
	for (uint64_t id = 601; id <= 900; id++)
		ck_assert_int_eq(sync_peer_ready(sync, id, true, now), 0);
	add_peer(400, 0, 0);
	now += 3 * params.poll_ms - 1;
	expect_nothing(400);
	now++;
	expect(400, SYNC_ASK_HEIGHT, 0, 0);
	expect(400, SYNC_ASK_HASH, 0, 0);
	expect_nothing(400);
	expect_nothing(399);
}
END_TEST

START_TEST(unknown_peers_change_nothing)
{
	struct sync_held held;

	expect_nothing(9);
	sync_peer_gone(sync, 9, now);
	sync_height(sync, 9, 5, now);
	sync_strange_block(sync, 9, 5, now);
	sync_unanswered(sync, 9, SYNC_ASK_HASH, now);
	sync_ask_failed(sync, 9, SYNC_ASK_HASH, now + 1, now);
	sync_overlong(sync, 9, now);
	ck_assert(!answer_blocks(&held, 9, 1, 5));
	ck_assert_uint_eq(released, 1);
	ck_assert_int_eq(sync_deadline_ms(sync), INT64_MAX);
}
END_TEST

START_TEST(what_could_not_be_sent_is_asked_again_when_told)
{
	ck_assert_int_eq(sync_peer_ready(sync, 1, true, now), 0);
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
	sync_ask_failed(sync, 1, SYNC_ASK_HEIGHT, now + 125, now);
	expect_nothing(1);
	ck_assert_int_eq(sync_peer_deadline_ms(sync, 1), now + 125);
	now += 124;
	expect_nothing(1);
	now++;
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
}
END_TEST

/* Each wakes itself for its own questions: with thousands of them nobody is woken for those of another one. */
START_TEST(idle_peers_wake_nobody_else)
{
	for (uint64_t id = 1; id <= 3; id++) {
		add_peer(id, 0, 0);
		expect_nothing(id);
		now += SECOND;
	}
	now += params.settle_ms;
	sync_tick(sync, now);
	(void)poked();
	ck_assert_int_eq(sync_deadline_ms(sync), INT64_MAX);
	ck_assert_int_eq(sync_peer_deadline_ms(sync, 4), INT64_MAX);
	for (uint64_t id = 1; id <= 3; id++) {
		ck_assert_int_gt(sync_peer_deadline_ms(sync, id), now);
		now = sync_peer_deadline_ms(sync, id) - 1;
		expect_nothing(id);
		now++;
		expect(id, SYNC_ASK_HEIGHT, 0, 0);
		expect(id, SYNC_ASK_HASH, 0, 0);
		sync_height(sync, id, 0, now);
		answer_hash(id, 0);
		expect_nothing(id);
	}
	add_peer(4, 0, 0);
	now += params.settle_ms;
	sync_tick(sync, now);
	ck_assert(!poked());
}
END_TEST

START_TEST(mute_peer_is_left_alone_for_a_while)
{
	ck_assert_int_eq(sync_peer_ready(sync, 1, false, now), 0);
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
	sync_unanswered(sync, 1, SYNC_ASK_HEIGHT, now);
	ck_assert_uint_eq(blames(), 0);
	now += params.mute_pause_ms - 1;
	expect_nothing(1);
	now++;
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
}
END_TEST

/* An announced block is on its way into the chain: it is asked for when that did not happen. */
START_TEST(announced_block_is_not_asked_for_at_once)
{
	add_peer(1, 0, 0);
	sync_height(sync, 1, 1, now);
	expect_nothing(1);
	ck_assert_int_le(sync_deadline_ms(sync), now + params.voice_wait_ms);
	now += params.voice_wait_ms;
	sync_tick(sync, now);
	ck_assert(poked());
	expect(1, SYNC_ASK_HASH, 1, 0);
}
END_TEST

START_TEST(own_hash_that_is_not_at_hand_is_waited_for)
{
	struct wire_hash hash = hash_of(0);

	ck_assert_int_eq(sync_peer_ready(sync, 1, true, now), 0);
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
	sync_height(sync, 1, 100, now);
	expect(1, SYNC_ASK_HASH, 0, 0);
	sync_hash(sync, 1, 0, &hash, NULL, now);
	expect_nothing(1);
	ck_assert_int_eq(sync_peer_deadline_ms(sync, 1), now + SECOND);
	now += SECOND;
	expect(1, SYNC_ASK_HASH, 0, 0);
}
END_TEST

/* Heights at the end of the numbers. */
START_TEST(greatest_numbers_overflow_nothing)
{
	sync_free(sync);
	begin(UINT64_MAX - 5);
	add_peer(1, UINT64_MAX, UINT64_MAX - 5);
	expect(1, SYNC_ASK_HASH, UINT64_MAX, 0);
	answer_hash(1, UINT64_MAX);
	expect(1, SYNC_ASK_BLOCKS, UINT64_MAX - 4, UINT64_MAX);
	sync_free(sync);
	begin(UINT64_MAX);
	add_peer(1, UINT64_MAX, UINT64_MAX);
	sync_strange_block(sync, 1, UINT64_MAX, now);
	expect_nothing(1);
}
END_TEST

/* ---- Blocks ---- */

START_TEST(decided_anchor_pokes_its_supporters)
{
	decide_anchor();
	ck_assert(poked());
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	expect(2, SYNC_ASK_BLOCKS, 1, 49);
	expect_nothing(1);
}
END_TEST

/* More than was asked for is cut off; another list than was asked for is not an answer. */
START_TEST(answer_is_held_against_what_was_asked)
{
	struct sync_held held;

	decide_anchor();
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	expect(2, SYNC_ASK_BLOCKS, 1, 49);
	ck_assert(!answer_blocks(&held, 2, 60, 10));
	expect_nothing(2);
	ck_assert(answer_blocks(&held, 2, 1, 60));
	ck_assert_uint_eq(held.skip, 0);
	ck_assert_uint_eq(held.count, 49);
	ck_assert(!answer_blocks(&held, 2, 1, 49));
	ck_assert_uint_eq(released, 2);
	ck_assert_uint_eq(blames(), 0);
}
END_TEST

/* The first part is used, the rest is asked of the other one; the late answer fills what is still missing. */
START_TEST(short_answer_leaves_the_rest_to_another_peer)
{
	struct sync_held held;

	decide_anchor();
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	ck_assert(answer_blocks(&held, 1, 50, 30));
	ck_assert_uint_eq(held.count, 30);
	/* Block 80 is what it did not deliver. */
	expect(1, SYNC_ASK_BLOCKS, 81, 150);
	expect(2, SYNC_ASK_BLOCKS, 80, 80);
	ck_assert_uint_eq(blames(), 0);
}
END_TEST

START_TEST(stalled_range_is_asked_of_another_peer_too)
{
	struct sync_held held;

	decide_anchor();
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	expect(2, SYNC_ASK_BLOCKS, 1, 49);
	ck_assert(answer_blocks(&held, 2, 1, 49));
	expect_nothing(2);
	(void)poked();
	ck_assert_int_eq(sync_deadline_ms(sync), now + params.voice_wait_ms);
	now += params.stall_ms - 1;
	sync_tick(sync, now);
	ck_assert_int_eq(sync_deadline_ms(sync), now + 1);
	expect_nothing(2);
	(void)poked();
	now++;
	sync_tick(sync, now);
	ck_assert(poked());
	expect(2, SYNC_ASK_BLOCKS, 50, 150);
	expect_nothing(1);
	ck_assert(answer_blocks(&held, 2, 50, 101));
	/* The late one is not needed, and no fault. */
	ck_assert(!answer_blocks(&held, 1, 50, 101));
	ck_assert_uint_eq(released, 1);
	ck_assert_uint_eq(blames(), 0);
}
END_TEST

/* Several stall at once: the line is slow, and they get more time; each answer takes some of it back. */
START_TEST(stall_time_grows_and_shrinks)
{
	struct sync_held held;

	decide_anchor();
	add_peer(3, 150, 0);
	expect(3, SYNC_ASK_HASH, 150, 0);
	answer_hash(3, 150);
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	expect(2, SYNC_ASK_BLOCKS, 1, 49);
	now += params.stall_ms;
	sync_tick(sync, now);
	expect(3, SYNC_ASK_BLOCKS, 50, 150);
	ck_assert_int_eq(sync_deadline_ms(sync), now + params.stall_ms * 2);
	ck_assert(answer_blocks(&held, 1, 50, 101));
	ck_assert_int_eq(sync_deadline_ms(sync), now + params.stall_ms * 2 * 7 / 8);
}
END_TEST

/* The checks came before the anchor did: what is handed out has both. */
START_TEST(work_is_handed_out_in_order_when_checked)
{
	struct sync_held high, low;
	struct sync_result result = {.outcome = SYNC_DONE};
	struct sync_status status;
	struct sync_work work;

	decide_anchor();
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	expect(2, SYNC_ASK_BLOCKS, 1, 49);
	ck_assert(answer_blocks(&low, 2, 1, 49));
	sync_range_checked(sync, low.id, SYNC_CHECK_GOOD, 0, now);
	ck_assert(!sync_take_work(sync, &work, now));
	ck_assert(answer_blocks(&high, 1, 50, 101));
	ck_assert(sync_take_work(sync, &work, now));
	ck_assert_int_eq(work.kind, SYNC_WORK_CONNECT);
	ck_assert_uint_eq(work.first, 1);
	ck_assert_uint_eq(work.count, 49);
	free(work.payload);
	ck_assert(!sync_take_work(sync, &(struct sync_work){0}, now));
	sync_range_checked(sync, high.id, SYNC_CHECK_GOOD, 0, now);
	result.tip = point(49);
	sync_work_done(sync, work.id, &result, now);
	ck_assert(sync_take_work(sync, &work, now));
	ck_assert_uint_eq(work.first, 50);
	free(work.payload);
	sync_get_status(sync, &status, now);
	ck_assert_uint_eq(status.window_bytes, 400 * 101);
	result.tip = point(150);
	sync_work_done(sync, work.id, &result, now);
	sync_get_status(sync, &status, now);
	ck_assert_uint_eq(status.window_bytes, 0);
	ck_assert_uint_eq(status.height, 150);
	ck_assert_int_eq(status.phase, SYNC_PHASE_IDLE);
	ck_assert_uint_eq(released, 0);
}
END_TEST

/* Announced blocks reach into what is held: the rest of it stays useful. */
START_TEST(tip_may_move_into_a_range)
{
	struct chain_point tip = point(70);
	struct sync_held held;
	struct sync_work work;

	decide_anchor();
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	expect(2, SYNC_ASK_BLOCKS, 1, 49);
	ck_assert(answer_blocks(&held, 1, 50, 101));
	sync_tip(sync, &tip, now);
	sync_range_checked(sync, held.id, SYNC_CHECK_GOOD, 0, now);
	ck_assert(sync_take_work(sync, &work, now));
	ck_assert_uint_eq(work.first, 71);
	ck_assert_uint_eq(work.skip, 21);
	ck_assert_uint_eq(work.count, 80);
	free(work.payload);
}
END_TEST

/* Our own fault: everything is asked for again, later, and nobody is blamed. */
START_TEST(failure_of_our_own_is_retried)
{
	struct sync_result result = {.outcome = SYNC_FAILED, .tip = point(0)};
	struct sync_held held;
	struct sync_work work;

	decide_anchor();
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	expect(2, SYNC_ASK_BLOCKS, 1, 49);
	ck_assert(answer_blocks(&held, 1, 50, 101));
	sync_range_checked(sync, held.id, SYNC_CHECK_GOOD, 0, now);
	ck_assert(answer_blocks(&held, 2, 1, 49));
	sync_range_checked(sync, held.id, SYNC_CHECK_GOOD, 0, now);
	ck_assert(sync_take_work(sync, &work, now));
	free(work.payload);
	sync_work_done(sync, work.id, &result, now);
	ck_assert_uint_eq(released, 1);
	expect_nothing(1);
	now += params.retry_ms;
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
	expect(1, SYNC_ASK_HASH, 150, 0);
	ck_assert_uint_eq(blames(), 0);
}
END_TEST

/* A peer that can be asked seldom would otherwise be asked for nothing but where it stands. */
START_TEST(second_look_at_where_a_peer_stands_comes_last)
{
	add_peer(1, 0, 0);
	now += params.poll_ms;
	expect(1, SYNC_ASK_HEIGHT, 0, 0);
	sync_height(sync, 1, 150, now);
	now += params.settle_ms;
	sync_tick(sync, now);
	expect(1, SYNC_ASK_HASH, 150, 0);
	answer_hash(1, 150);
	expect(1, SYNC_ASK_HASH, 0, 0);
}
END_TEST

/* Its block at our tip is another one. */
static void add_stranger(uint64_t id, uint64_t height)
{
	struct wire_hash other = hash_of(UINT64_MAX), own = hash_of(height);

	ck_assert_int_eq(sync_peer_ready(sync, id, true, now), 0);
	expect(id, SYNC_ASK_HEIGHT, 0, 0);
	sync_height(sync, id, height, now);
	expect(id, SYNC_ASK_HASH, height, 0);
	sync_hash(sync, id, height, &other, &own, now);
}

/* They took our newest block, and told nobody who has it: asked all the same, and who has it not does not count. */
START_TEST(old_claim_keeps_nobody_out_of_a_vote)
{
	struct wire_hash own = hash_of(100);

	sync_free(sync);
	begin(100);
	for (uint64_t id = 1; id <= 3; id++)
		add_peer(id, 99, 99);
	for (uint64_t id = 4; id <= 5; id++)
		add_stranger(id, 100);
	for (uint64_t id = 1; id <= 3; id++)
		expect(id, SYNC_ASK_HASH, 100, 0);
	answer_hash(1, 100);
	answer_hash(2, 100);
	sync_hash(sync, 3, 100, NULL, &own, now);
	ck_assert_uint_eq(blames(), 0);
}
END_TEST

/* It has changed over to our chain: the question is closed, and not asked again and again until it is probed. */
START_TEST(difference_that_is_gone_opens_no_question)
{
	struct sync_action action;
	struct chain_point tip = point(101);
	uint32_t questions = 0;

	sync_free(sync);
	begin(100);
	for (uint64_t id = 1; id <= 2; id++)
		add_peer(id, 100, 100);
	add_stranger(3, 100);
	sync_tip(sync, &tip, now);
	sync_height(sync, 3, 101, now);
	for (uint64_t id = 1; id <= 3; id++) {
		expect(id, SYNC_ASK_HASH, 100, 0);
		answer_hash(id, 100);
	}
	for (int i = 0; i < 10; i++) {
		now += params.settle_ms;
		sync_tick(sync, now);
	}
	while (sync_take_action(sync, &action))
		questions += action.kind == SYNC_ACTION_NOTE && action.note == SYNC_NOTE_FORK;
	ck_assert_uint_eq(questions, 1);
	expect(3, SYNC_ASK_HEIGHT, 0, 0);
	expect(3, SYNC_ASK_HASH, 101, 0);
}
END_TEST

/* It could not be asked just now: its voice is waited for all the same. */
START_TEST(paced_voice_is_waited_for)
{
	for (uint64_t id = 1; id <= 2; id++)
		add_peer(id, 0, 0);
	now += 10 * SECOND;
	for (uint64_t id = 1; id <= 2; id++)
		sync_height(sync, id, 150, now);
	expect(1, SYNC_ASK_HASH, 150, 0);
	expect(2, SYNC_ASK_HASH, 150, 0);
	sync_ask_failed(sync, 2, SYNC_ASK_HASH, now + 125, now);
	answer_hash(1, 150);
	expect_nothing(1);
	now += 125;
	expect(2, SYNC_ASK_HASH, 150, 0);
	answer_hash(2, 150);
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
}
END_TEST

/* Nobody was asked for long, the workers being busy: the voices are waited for all the same. */
START_TEST(wait_for_voices_begins_with_the_first_ask)
{
	struct sync_ask ask;

	for (uint64_t id = 1; id <= 3; id++)
		add_peer(id, 0, 0);
	now += 10 * SECOND;
	for (uint64_t id = 1; id <= 3; id++)
		sync_height(sync, id, 150, now);
	now += 10 * SECOND;
	sync_tick(sync, now);
	for (uint64_t id = 1; id <= 3; id++)
		expect(id, SYNC_ASK_HASH, 150, 0);
	answer_hash(1, 150);
	ck_assert(!sync_next(sync, &ask, 1, now));
	now += params.voice_wait_ms;
	ck_assert(sync_next(sync, &ask, 1, now));
	ck_assert_int_eq(ask.kind, SYNC_ASK_BLOCKS);
}
END_TEST

/* It lied, and has something else to answer: that is asked of another one now, not when it stalls. */
START_TEST(ask_of_a_liar_goes_to_another)
{
	struct sync_held first, held;

	for (uint64_t id = 1; id <= 2; id++)
		add_peer(id, 400, 0);
	for (uint64_t id = 1; id <= 2; id++)
		expect(id, SYNC_ASK_HASH, 400, 0);
	answer_hash(1, 400);
	answer_hash(2, 400);
	expect(1, SYNC_ASK_BLOCKS, 300, 400);
	ck_assert(answer_blocks(&first, 1, 300, 101));
	expect(1, SYNC_ASK_BLOCKS, 199, 299);
	sync_range_checked(sync, first.id, SYNC_CHECK_BODY, 333, now);
	ck_assert_uint_eq(blames(), 0);
	expect_nothing(1);
	expect(2, SYNC_ASK_BLOCKS, 300, 400);
	ck_assert(answer_blocks(&held, 2, 300, 101));
	expect(2, SYNC_ASK_BLOCKS, 199, 299);
}
END_TEST

/* A peer is gone: what it was asked for, another one is asked. */
START_TEST(ask_of_a_peer_that_is_gone_goes_to_another)
{
	decide_anchor();
	expect(1, SYNC_ASK_BLOCKS, 50, 150);
	(void)poked();
	sync_peer_gone(sync, 1, now);
	ck_assert(poked());
	expect(2, SYNC_ASK_BLOCKS, 50, 150);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync_ask");
	TCase *tc = tcase_create("asks");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, newcomer_is_asked_for_height_and_agreement);
	tcase_add_test(tc, many_peers_are_asked_more_rarely);
	tcase_add_test(tc, unknown_peers_change_nothing);
	tcase_add_test(tc, what_could_not_be_sent_is_asked_again_when_told);
	tcase_add_test(tc, idle_peers_wake_nobody_else);
	tcase_add_test(tc, mute_peer_is_left_alone_for_a_while);
	tcase_add_test(tc, announced_block_is_not_asked_for_at_once);
	tcase_add_test(tc, own_hash_that_is_not_at_hand_is_waited_for);
	tcase_add_test(tc, greatest_numbers_overflow_nothing);
	tcase_add_test(tc, decided_anchor_pokes_its_supporters);
	tcase_add_test(tc, answer_is_held_against_what_was_asked);
	tcase_add_test(tc, short_answer_leaves_the_rest_to_another_peer);
	tcase_add_test(tc, stalled_range_is_asked_of_another_peer_too);
	tcase_add_test(tc, stall_time_grows_and_shrinks);
	tcase_add_test(tc, work_is_handed_out_in_order_when_checked);
	tcase_add_test(tc, tip_may_move_into_a_range);
	tcase_add_test(tc, failure_of_our_own_is_retried);
	tcase_add_test(tc, second_look_at_where_a_peer_stands_comes_last);
	tcase_add_test(tc, old_claim_keeps_nobody_out_of_a_vote);
	tcase_add_test(tc, difference_that_is_gone_opens_no_question);
	tcase_add_test(tc, paced_voice_is_waited_for);
	tcase_add_test(tc, wait_for_voices_begins_with_the_first_ask);
	tcase_add_test(tc, ask_of_a_liar_goes_to_another);
	tcase_add_test(tc, ask_of_a_peer_that_is_gone_goes_to_another);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
