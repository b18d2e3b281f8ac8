// SPDX-License-Identifier: MIT
/* net/heartbeat: the rules of PROTOCOL.md §4 "Heartbeat"; time is an argument, a day of it passes in no time. */
#include "run_suite.h"
#include "timed/net/heartbeat.h"

#include <stdlib.h>

#include <check.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* The protocol's values. */
static const struct heartbeat_params params = {
	.interval_ms = 30 * SECOND,
	.timeout_ms = 90 * SECOND,
	.check_ms = 10 * SECOND,
	.max_missed = 3,
	.progress_ms = 10 * SECOND,
	.progress_bytes = 4096,
};

static struct heartbeat hb;
static int64_t now; /* ms */
static uint64_t next_nonce;
static int pings, missed; /* actions seen by run() */

static void setup(void)
{
	now = 1000 * SECOND;
	next_nonce = 1;
	pings = missed = 0;
	heartbeat_init(&hb, &params, now);
}

static void flushed(uint64_t nonce)
{
	heartbeat_flushed(&hb, nonce, now, now * 1000);
}

static bool pong(uint64_t nonce)
{
	int64_t rtt_us;

	return heartbeat_pong(&hb, nonce, now * 1000, &rtt_us);
}

/* What a worker does at one moment: acts until there is nothing to do; pings leave at once.  False: dead. */
static bool act(void)
{
	for (;;) {
		switch (heartbeat_tick(&hb, next_nonce, now)) {
		case HEARTBEAT_NONE:
			return true;
		case HEARTBEAT_SEND_PING:
			flushed(next_nonce++);
			pings++;
			break;
		case HEARTBEAT_MISSED:
			missed++;
			break;
		case HEARTBEAT_DEAD:
			return false;
		}
	}
}

/* Sleeps and acts as a worker does, until `until` (inclusive) or death.  Returns true while alive. */
static bool run(int64_t until)
{
	for (;;) {
		int64_t next;

		if (!act())
			return false;
		next = heartbeat_deadline_ms(&hb);
		ck_assert_int_gt(next, now);
		if (next > until) {
			now = until;
			return true;
		}
		now = next;
	}
}

START_TEST(first_ping_is_due_at_once_and_then_every_interval)
{
	ck_assert_int_eq(heartbeat_deadline_ms(&hb), now);
	ck_assert_int_eq(heartbeat_tick(&hb, 7, now), HEARTBEAT_SEND_PING);
	ck_assert_int_eq(heartbeat_tick(&hb, 8, now), HEARTBEAT_NONE);
	flushed(7);
	ck_assert(pong(7));
	ck_assert_int_eq(heartbeat_deadline_ms(&hb), now + 30 * SECOND);
	ck_assert_int_eq(heartbeat_tick(&hb, 8, now + 30 * SECOND - 1), HEARTBEAT_NONE);
	ck_assert_int_eq(heartbeat_tick(&hb, 8, now + 30 * SECOND), HEARTBEAT_SEND_PING);
}
END_TEST

START_TEST(pong_gives_the_round_trip_once)
{
	int64_t rtt_us = -1;

	ck_assert_int_eq(heartbeat_tick(&hb, 7, now), HEARTBEAT_SEND_PING);
	heartbeat_flushed(&hb, 7, now, 5000);
	ck_assert(heartbeat_pong(&hb, 7, 5123, &rtt_us));
	ck_assert_int_eq(rtt_us, 123);
	ck_assert(!heartbeat_pong(&hb, 7, 5124, &rtt_us));
}
END_TEST

/* adversarial 20: the ping stays outstanding, and is missed as if nothing had come. */
START_TEST(wrong_nonce_changes_nothing)
{
	int64_t start = now;

	ck_assert(act());
	ck_assert(!pong(999));
	ck_assert(!pong(0));
	ck_assert_int_eq(hb.pending_count, 1);
	ck_assert_int_eq(heartbeat_wait_ms(&hb, now + 5), 5);
	ck_assert(run(start + 90 * SECOND));
	ck_assert_int_eq(missed, 1);
}
END_TEST

/* adversarial 21. */
START_TEST(unsolicited_pong_has_no_effect)
{
	struct heartbeat before = hb;

	ck_assert(!pong(1));
	ck_assert_mem_eq(&before, &hb, sizeof(hb));
}
END_TEST

START_TEST(pongs_match_by_nonce_in_any_order)
{
	for (uint64_t nonce = 1; nonce <= 3; nonce++)
		ck_assert(heartbeat_add_ping(&hb, nonce, now));
	ck_assert(pong(2));
	ck_assert(pong(3));
	ck_assert(pong(1));
	ck_assert_int_eq(hb.pending_count, 0);
}
END_TEST

/* Nonces use the whole range: 0 and 2^64-1 are as good as any. */
START_TEST(any_nonce_will_do)
{
	ck_assert(heartbeat_add_ping(&hb, 0, now));
	ck_assert(heartbeat_add_ping(&hb, UINT64_MAX, now));
	flushed(UINT64_MAX);
	ck_assert(pong(UINT64_MAX));
	ck_assert(pong(0));
}
END_TEST

START_TEST(five_pings_at_most_are_outstanding)
{
	for (uint64_t nonce = 1; nonce <= HEARTBEAT_MAX_PENDING; nonce++)
		ck_assert(heartbeat_add_ping(&hb, nonce, now));
	ck_assert(!heartbeat_add_ping(&hb, 6, now));
	now += 30 * SECOND;
	ck_assert_int_eq(heartbeat_tick(&hb, 6, now), HEARTBEAT_NONE);
	/* the regular one is skipped, not postponed by a moment */
	ck_assert_int_gt(heartbeat_deadline_ms(&hb), now);
	ck_assert(pong(3));
	ck_assert(heartbeat_add_ping(&hb, 6, now));
}
END_TEST

START_TEST(extra_ping_puts_off_the_regular_one)
{
	ck_assert(heartbeat_add_ping(&hb, 1, now));
	ck_assert(pong(1));
	now += 20 * SECOND;
	ck_assert(heartbeat_add_ping(&hb, 2, now));
	ck_assert(pong(2));
	ck_assert_int_eq(heartbeat_deadline_ms(&hb), now + 30 * SECOND);
}
END_TEST

/* adversarial 22, 23: pings at 0, 30, 60, ... are missed at 90, 120 and 150 s: then it is over, not before. */
START_TEST(mute_peer_is_dead_after_three_missed_pongs)
{
	int64_t start = now;

	ck_assert(run(start + 90 * SECOND - 1));
	ck_assert_int_eq(missed, 0);
	ck_assert(run(start + 90 * SECOND));
	ck_assert_int_eq(missed, 1);
	ck_assert_int_eq(hb.missed, 1);
	ck_assert(run(start + 120 * SECOND));
	ck_assert_int_eq(missed, 2);
	ck_assert(run(start + 150 * SECOND - 1));
	ck_assert(!run(start + HOUR));
	ck_assert_int_eq(now, start + 150 * SECOND);
	ck_assert_int_eq(pings, 5);
	ck_assert_int_eq(hb.missed, 3);
}
END_TEST

/* A peer that goes silent at any moment is gone between 150 s and 190 s after its last pong. */
START_TEST(silence_is_noticed_within_the_time_the_timers_give)
{
	int64_t start = now, silent;

	for (silent = start; silent < start + 30 * SECOND; silent += SECOND) {
		now = start;
		next_nonce = 1;
		heartbeat_init(&hb, &params, now);
		while (heartbeat_deadline_ms(&hb) < silent) {
			now = heartbeat_deadline_ms(&hb);
			ck_assert(act());
			if (hb.pending_count)
				ck_assert(pong(hb.pending[0].nonce));
		}
		ck_assert(!run(silent + 190 * SECOND));
		ck_assert_int_ge(now, silent + 150 * SECOND);
	}
}
END_TEST

START_TEST(pong_resets_the_miss_counter)
{
	int64_t start = now;

	ck_assert(run(start + 120 * SECOND));
	ck_assert_int_eq(hb.missed, 2);
	ck_assert(pong(hb.pending[0].nonce));
	ck_assert_int_eq(hb.missed, 0);
	/* the pings of 90 and 120 s are still out: missed at 180 and 210 s; the one of 150 s makes the third */
	ck_assert(run(start + 240 * SECOND - 1));
	ck_assert(!run(start + HOUR));
	ck_assert_int_eq(now, start + 240 * SECOND);
}
END_TEST

/* The pong of a ping that was given up proves nothing. */
START_TEST(pong_after_its_ping_was_missed_is_ignored)
{
	int64_t start = now;

	ck_assert(run(start + 90 * SECOND));
	ck_assert_int_eq(hb.missed, 1);
	ck_assert(!pong(1));
	ck_assert_int_eq(hb.missed, 1);
}
END_TEST

/* Ages are looked at every 10 s only: a ping sent between two looks is missed at the next one. */
START_TEST(ages_are_checked_every_ten_seconds)
{
	int64_t start = now;

	now = start + 3 * SECOND;
	ck_assert(heartbeat_add_ping(&hb, next_nonce, now));
	flushed(next_nonce++);
	ck_assert(run(start + 100 * SECOND - 1));
	ck_assert_int_eq(missed, 0);
	ck_assert(run(start + 100 * SECOND));
	ck_assert_int_eq(missed, 1);
}
END_TEST

/* A ping that waits behind a big answer of ours is not the peer's fault: it ages from its last byte sent. */
START_TEST(ping_in_the_output_queue_does_not_age)
{
	ck_assert_int_eq(heartbeat_tick(&hb, 1, now), HEARTBEAT_SEND_PING);
	for (int i = 0; i < 30; i++) {
		now += 10 * SECOND;
		if (heartbeat_tick(&hb, 1000 + (uint64_t)i, now) == HEARTBEAT_SEND_PING)
			ck_assert(pong(1000 + (uint64_t)i));
	}
	ck_assert_int_eq(hb.missed, 0);
	ck_assert_int_eq(heartbeat_wait_ms(&hb, now), -1);
	flushed(1);
	ck_assert_int_eq(heartbeat_wait_ms(&hb, now + 5), 5);
	ck_assert(run(now + 90 * SECOND - 1));
	ck_assert_int_eq(hb.missed, 0);
	ck_assert(run(now + 1));
	ck_assert_int_eq(hb.missed, 1);
}
END_TEST

/* Only the first report of a flush counts. */
START_TEST(flushed_twice_is_flushed_once)
{
	int64_t rtt_us;

	ck_assert(heartbeat_add_ping(&hb, 1, now));
	heartbeat_flushed(&hb, 1, now, 1000);
	heartbeat_flushed(&hb, 1, now + 50, 51000);
	heartbeat_flushed(&hb, 2, now + 50, 51000);
	ck_assert(heartbeat_pong(&hb, 1, 3000, &rtt_us));
	ck_assert_int_eq(rtt_us, 2000);
}
END_TEST

START_TEST(pong_before_the_flush_was_noted_has_no_round_trip)
{
	int64_t rtt_us = -1;

	ck_assert(heartbeat_add_ping(&hb, 1, now));
	ck_assert(heartbeat_pong(&hb, 1, 3000, &rtt_us));
	ck_assert_int_eq(rtt_us, 0);
}
END_TEST

START_TEST(wait_is_the_age_of_the_oldest_ping)
{
	ck_assert_int_eq(heartbeat_wait_ms(&hb, now), -1);
	ck_assert(act());
	now += 30 * SECOND;
	ck_assert(act());
	ck_assert_int_eq(heartbeat_wait_ms(&hb, now + 1), 30 * SECOND + 1);
	ck_assert(pong(1));
	ck_assert_int_eq(heartbeat_wait_ms(&hb, now + 1), 1);
}
END_TEST

/* adversarial 24: a big line holds the pongs behind it for ten minutes, and nothing is missed as long as it grows. */
START_TEST(growing_line_excuses_missing_pongs)
{
	size_t line = 0;

	for (int64_t end = now + 10 * MINUTE; now < end;) {
		line += 4096;
		heartbeat_received(&hb, line, now);
		ck_assert(run(now + 10 * SECOND - 1));
		now++;
	}
	ck_assert_int_eq(missed, 0);
	heartbeat_received(&hb, 0, now);
	while (hb.pending_count)
		ck_assert(pong(hb.pending[0].nonce));
	ck_assert(act());
	ck_assert_int_eq(missed, 0);
}
END_TEST

/* The end of such a line is progress too: the pongs right behind it are given their time. */
START_TEST(end_of_a_growing_line_gives_the_pongs_behind_it_time)
{
	size_t line = 0;

	for (int64_t end = now + 5 * MINUTE; now < end;) {
		line += 4096;
		heartbeat_received(&hb, line, now);
		ck_assert(run(now + 10 * SECOND - 1));
		now++;
	}
	/* its last bytes, fewer than count as progress, and then a round trip */
	now -= 1;
	heartbeat_received(&hb, 20, now);
	ck_assert(run(now + 300));
	ck_assert_int_eq(missed, 0);
	while (hb.pending_count)
		ck_assert(pong(hb.pending[0].nonce));
	ck_assert(run(now + 25 * SECOND));
	ck_assert_int_eq(missed, 0);
}
END_TEST

/* One that has stalled, or drips below 4 KiB in 10 s, excuses nothing. */
START_TEST(stalled_line_does_not_excuse)
{
	int64_t start = now;

	ck_assert(run(start + SECOND));
	heartbeat_received(&hb, 1000000, now);
	ck_assert(!run(start + HOUR));
	ck_assert_int_eq(now, start + 150 * SECOND);
}
END_TEST

/* 4,080 bytes in 10 s. */
START_TEST(dripping_line_does_not_excuse)
{
	int64_t start = now;
	size_t line = 0;

	while (act()) {
		ck_assert_int_lt(now, start + HOUR);
		line += 408;
		now += SECOND;
		heartbeat_received(&hb, line, now);
	}
	ck_assert_int_eq(now, start + 150 * SECOND);
}
END_TEST

/* 4,100 bytes in 10 s are enough, however they are spread. */
START_TEST(slowest_line_that_grows_excuses)
{
	size_t line = 0;

	for (int64_t end = now + 10 * MINUTE; now < end;) {
		ck_assert(act());
		line += 410;
		now += SECOND;
		heartbeat_received(&hb, line, now);
	}
	ck_assert_int_eq(missed, 0);
}
END_TEST

/* Lines that are complete prove nothing, short ones or long ones that come at once: only pongs do. */
START_TEST(complete_lines_do_not_excuse)
{
	int64_t start = now;

	while (act()) {
		ck_assert_int_lt(now, start + HOUR);
		now += 2 * SECOND;
		heartbeat_received(&hb, 1000, now);
		heartbeat_received(&hb, 0, now);
		heartbeat_received(&hb, 65536, now);
		heartbeat_received(&hb, 0, now);
	}
	ck_assert_int_eq(now, start + 150 * SECOND);
}
END_TEST

/* When a line stalls the pings age on from where they were, and all that were sent during it are missed together. */
START_TEST(excuse_ends_with_the_progress)
{
	int64_t start = now;
	size_t line = 0;

	while (now < start + 5 * MINUTE) {
		line += 8192;
		heartbeat_received(&hb, line, now);
		ck_assert(run(now + 5 * SECOND));
	}
	ck_assert_int_eq(missed, 0);
	/* the last bytes came 5 s ago, and excuse 5 s more */
	ck_assert(run(start + 5 * MINUTE + 95 * SECOND - 1));
	ck_assert_int_eq(missed, 0);
	ck_assert(!run(start + 5 * MINUTE + 105 * SECOND));
	ck_assert_int_eq(hb.missed, 3);
}
END_TEST

/* As much of a line as comes in one second of a link; the line is `bytes` long and followed by the next. */
static void receive_lines(size_t *line, size_t bytes, size_t a_second)
{
	*line += a_second;
	if (*line >= bytes)
		*line -= bytes;
	heartbeat_received(&hb, *line, now);
}

/* The answers to what we asked and blocks that were queued, 2 MiB each at 20 KiB a second, one behind the other for
 * half an hour; the pong comes behind them all. */
START_TEST(many_big_lines_in_a_row_excuse_the_pong_behind_them)
{
	size_t line = 0;

	for (int64_t end = now + 30 * MINUTE; now < end; now += SECOND) {
		ck_assert(act());
		receive_lines(&line, 2 << 20, 20 << 10);
	}
	ck_assert_int_eq(missed, 0);
	ck_assert(pong(1));
}
END_TEST

/* A peer that never pongs, and of which there is always a long line under way, each complete after 10 s: its lines
 * excuse it as often as an honest peer needs, and then no more.  Regression: for ever. */
START_TEST(long_lines_without_pongs_are_dead_in_bounded_time)
{
	int64_t start = now;
	size_t line = 0;

	while (act()) {
		ck_assert_int_lt(now, start + HOUR);
		now += SECOND;
		receive_lines(&line, 50000, 5000);
	}
	ck_assert_int_ge(now, start + HEARTBEAT_MAX_LINES * 9 * SECOND);
	ck_assert_int_le(now, start + HEARTBEAT_MAX_LINES * 10 * SECOND + 190 * SECOND);
	ck_assert_int_eq(hb.missed, 3);
}
END_TEST

/* The lines are counted for each ping anew: one that is answered behind some of them starts the next with none. */
START_TEST(answered_pings_leave_the_next_their_lines)
{
	size_t line = 0;

	for (int64_t end = now + HOUR; now < end; now += SECOND) {
		ck_assert(act());
		receive_lines(&line, 50000, 5000);
		/* every pong is 4 minutes late */
		while (hb.pending_count && now - hb.pending[0].flushed_ms >= 4 * MINUTE)
			ck_assert(pong(hb.pending[0].nonce));
	}
	ck_assert_int_eq(missed, 0);
}
END_TEST

/* What came before a ping left is no excuse of it, nor counted against it. */
START_TEST(excuse_begins_when_the_ping_has_left)
{
	int64_t start = now;

	ck_assert(run(start + 8 * SECOND));
	heartbeat_received(&hb, 100000, now); /* excuses until 18 s */
	ck_assert(run(start + 14 * SECOND));
	ck_assert(pong(1));
	ck_assert(heartbeat_add_ping(&hb, 1000, now));
	flushed(1000);
	ck_assert(run(start + 110 * SECOND - 1));
	ck_assert_int_eq(missed, 0);
	ck_assert(run(start + 110 * SECOND));
	ck_assert_int_eq(missed, 1);
}
END_TEST

START_TEST(lines_before_the_ping_left_do_not_count_against_it)
{
	size_t line = 0;

	ck_assert(heartbeat_add_ping(&hb, 1000, now));
	for (int64_t end = now + HOUR; now < end; now += SECOND) {
		receive_lines(&line, 50000, 5000);
		if (heartbeat_tick(&hb, next_nonce, now) == HEARTBEAT_SEND_PING)
			ck_assert(pong(next_nonce++));
	}
	flushed(1000);
	for (int64_t end = now + HEARTBEAT_MAX_LINES * 9 * SECOND; now < end; now += SECOND) {
		receive_lines(&line, 50000, 5000);
		while (hb.pending_count > 1)
			ck_assert(pong(hb.pending[1].nonce));
		ck_assert(act());
	}
	ck_assert_int_eq(missed, 0);
	ck_assert(pong(1000));
}
END_TEST

/* A second big line right behind the first: its shorter length is not taken for a stall. */
START_TEST(next_line_starts_from_its_own_length)
{
	int64_t start;

	ck_assert(act());
	heartbeat_received(&hb, 1000000, now);
	now += 9 * SECOND;
	heartbeat_received(&hb, 5000, now);
	start = now;
	/* excused for 19 s of which the first are those before the second line */
	ck_assert(run(start + 91 * SECOND));
	ck_assert_int_eq(missed, 0);
	ck_assert(run(start + 101 * SECOND));
	ck_assert_int_eq(missed, 1);
}
END_TEST

/* Two machines on the two ends of a line whose latency varies between 1 and 500 ms, for 24 hours: every ping is
 * answered, none is missed, and each side sends one every 30 s. */
#define IN_FLIGHT 16

struct wire {
	struct {
		int64_t due;
		uint64_t nonce;
		bool is_pong;
	} item[IN_FLIGHT]; /* in order */
	int count;
	int64_t last_due;
};

struct machine {
	struct heartbeat hb;
	struct wire in;
	uint64_t next_nonce;
	int sent, answered;
};

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static void put_on(struct wire *w, uint64_t nonce, bool is_pong)
{
	int64_t due = now + 1 + random_below(500);

	ck_assert_int_lt(w->count, IN_FLIGHT);
	if (due < w->last_due)
		due = w->last_due; /* TCP keeps the order */
	w->last_due = due;
	w->item[w->count].due = due;
	w->item[w->count].nonce = nonce;
	w->item[w->count++].is_pong = is_pong;
}

static void step(struct machine *self, struct machine *other)
{
	int64_t rtt_us;

	while (self->in.count && self->in.item[0].due <= now) {
		uint64_t nonce = self->in.item[0].nonce;

		if (self->in.item[0].is_pong) {
			ck_assert(heartbeat_pong(&self->hb, nonce, now * 1000, &rtt_us));
			ck_assert_int_le(rtt_us, 1000000);
			self->answered++;
		} else {
			put_on(&other->in, nonce, true);
		}
		for (int i = 1; i < self->in.count; i++)
			self->in.item[i - 1] = self->in.item[i];
		self->in.count--;
		heartbeat_received(&self->hb, 0, now);
	}
	for (;;) {
		enum heartbeat_action action = heartbeat_tick(&self->hb, self->next_nonce, now);

		if (action == HEARTBEAT_NONE)
			return;
		ck_assert_int_eq(action, HEARTBEAT_SEND_PING);
		heartbeat_flushed(&self->hb, self->next_nonce, now, now * 1000);
		put_on(&other->in, self->next_nonce++, false);
		self->sent++;
	}
}

static int64_t next_of(const struct machine *m)
{
	int64_t next = heartbeat_deadline_ms(&m->hb);

	return m->in.count && m->in.item[0].due < next ? m->in.item[0].due : next;
}

START_TEST(a_day_of_two_machines_without_a_miss)
{
	struct machine a = {.next_nonce = 1}, b = {.next_nonce = UINT64_C(1) << 63};
	int64_t end = now + 24 * HOUR;

	heartbeat_init(&a.hb, &params, now);
	heartbeat_init(&b.hb, &params, now + 123);
	while (now <= end) {
		int64_t next_a, next_b;

		step(&a, &b);
		step(&b, &a);
		next_a = next_of(&a);
		next_b = next_of(&b);
		ck_assert_int_gt(next_a < next_b ? next_a : next_b, now);
		now = next_a < next_b ? next_a : next_b;
	}
	ck_assert_int_ge(a.sent, 24 * 120);
	ck_assert_int_le(a.sent, 24 * 120 + 1);
	ck_assert_int_ge(b.sent, 24 * 120);
	ck_assert_int_ge(a.answered, a.sent - 1);
	ck_assert_int_ge(b.answered, b.sent - 1);
	ck_assert_int_eq(a.hb.missed, 0);
	ck_assert_int_eq(b.hb.missed, 0);
}
END_TEST

/* A worker that slept too long (SIGSTOP, a debugger) catches up without a spurious death: nothing was sent meanwhile,
 * and what was sent before is answered in the same turn. */
START_TEST(sleeper_is_not_killed_by_its_own_sleep)
{
	ck_assert(act());
	ck_assert(pong(1));
	now += 30 * SECOND;
	ck_assert(act());
	now += 5 * MINUTE;
	ck_assert(act());
	ck_assert_int_eq(hb.missed, 1);
	ck_assert(pong(hb.pending[0].nonce));
	ck_assert_int_eq(hb.missed, 0);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, first_ping_is_due_at_once_and_then_every_interval);
	tcase_add_test(c, pong_gives_the_round_trip_once);
	tcase_add_test(c, wrong_nonce_changes_nothing);
	tcase_add_test(c, unsolicited_pong_has_no_effect);
	tcase_add_test(c, pongs_match_by_nonce_in_any_order);
	tcase_add_test(c, any_nonce_will_do);
	tcase_add_test(c, five_pings_at_most_are_outstanding);
	tcase_add_test(c, extra_ping_puts_off_the_regular_one);
	tcase_add_test(c, mute_peer_is_dead_after_three_missed_pongs);
	tcase_add_test(c, silence_is_noticed_within_the_time_the_timers_give);
	tcase_add_test(c, pong_resets_the_miss_counter);
	tcase_add_test(c, pong_after_its_ping_was_missed_is_ignored);
	tcase_add_test(c, ages_are_checked_every_ten_seconds);
	tcase_add_test(c, ping_in_the_output_queue_does_not_age);
	tcase_add_test(c, flushed_twice_is_flushed_once);
	tcase_add_test(c, pong_before_the_flush_was_noted_has_no_round_trip);
	tcase_add_test(c, wait_is_the_age_of_the_oldest_ping);
	tcase_add_test(c, growing_line_excuses_missing_pongs);
	tcase_add_test(c, end_of_a_growing_line_gives_the_pongs_behind_it_time);
	tcase_add_test(c, stalled_line_does_not_excuse);
	tcase_add_test(c, dripping_line_does_not_excuse);
	tcase_add_test(c, slowest_line_that_grows_excuses);
	tcase_add_test(c, complete_lines_do_not_excuse);
	tcase_add_test(c, excuse_ends_with_the_progress);
	tcase_add_test(c, many_big_lines_in_a_row_excuse_the_pong_behind_them);
	tcase_add_test(c, long_lines_without_pongs_are_dead_in_bounded_time);
	tcase_add_test(c, answered_pings_leave_the_next_their_lines);
	tcase_add_test(c, excuse_begins_when_the_ping_has_left);
	tcase_add_test(c, lines_before_the_ping_left_do_not_count_against_it);
	tcase_add_test(c, next_line_starts_from_its_own_length);
	tcase_add_test(c, a_day_of_two_machines_without_a_miss);
	tcase_add_test(c, sleeper_is_not_killed_by_its_own_sleep);
}

int main(void)
{
	Suite *suite = suite_create("heartbeat");
	TCase *c = tcase_create("heartbeat");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
