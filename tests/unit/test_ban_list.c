// SPDX-License-Identifier: MIT
/* net/ban_list: violations, bans and their ends, what a restart keeps, eviction, and how often one IP may connect. */
#include "timed/net/ban_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_util.h"
#include "run_suite.h"
#include "timed/util/thread.h"

#define MINUTE ((int64_t)60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* The protocol's values, and a small list. */
static const struct ban_params params = {
	.short_at = 3,
	.long_at = 5,
	.permanent_at = 10,
	.short_ms = 5 * MINUTE * 1000,
	.long_ms = HOUR * 1000,
	.reset_ms = HOUR * 1000,
	.connects_per_minute = 20,
	.max_records = 8,
};

static struct ban_list *list;
static int64_t now; /* Unix seconds */
static struct net_ip ip;

static void setup(void)
{
	now = 1766102400;
	ip = ip_of("192.0.2.7");
	ck_assert_int_eq(ban_list_create(&list, &params), 0);
}

static void teardown(void)
{
	ban_list_free(list);
}

static enum ban_level violate_as(const struct net_ip *who)
{
	uint32_t count, before = ban_list_violations(list, who, now);
	enum ban_level level = ban_list_violation(list, &count, who, now);

	ck_assert_uint_eq(count, before + 1);
	return level;
}

static enum ban_level violate(void)
{
	return violate_as(&ip);
}

static void violate_times(int n)
{
	while (n-- > 0)
		(void)violate();
}

static bool banned(void)
{
	return ban_list_is_banned(list, &ip, now);
}

/* The only changed record; the list must have exactly one. */
static struct ban_record take_one(void)
{
	struct ban_record *records, record;

	ck_assert_uint_eq(ban_list_take_changed(list, &records, now), 1);
	record = records[0];
	free(records);
	return record;
}

static size_t take_none(void)
{
	struct ban_record *records;
	size_t n = ban_list_take_changed(list, &records, now);

	free(records);
	return n;
}

START_TEST(third_fifth_and_tenth_violation_ban)
{
	static const enum ban_level want[10] = {BAN_NONE, BAN_NONE, BAN_SHORT, BAN_NONE, BAN_LONG,
						BAN_NONE, BAN_NONE, BAN_NONE,  BAN_NONE, BAN_PERMANENT};

	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(violate(), want[i]);
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 10);
	now += 1000 * DAY;
	ck_assert(banned());
	ck_assert_int_eq(violate(), BAN_PERMANENT);
}
END_TEST

START_TEST(ban_is_of_one_ip)
{
	struct net_ip other = ip_of("192.0.2.8"), mapped = ip_of("::ffff:192.0.2.7");

	violate_times(3);
	ck_assert(banned());
	ck_assert(!ban_list_is_banned(list, &other, now));
	ck_assert(ban_list_is_banned(list, &mapped, now));
	ck_assert_uint_eq(ban_list_count(list, now), 1);
}
END_TEST

START_TEST(short_ban_lasts_five_minutes)
{
	violate_times(3);
	now += 5 * MINUTE - 1;
	ck_assert(banned());
	now += 1;
	ck_assert(!banned());
	ck_assert_uint_eq(ban_list_count(list, now), 0);
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 3);
}
END_TEST

START_TEST(long_ban_lasts_an_hour)
{
	violate_times(3);
	now += 5 * MINUTE;
	ck_assert_int_eq(violate(), BAN_NONE);
	ck_assert(!banned());
	ck_assert_int_eq(violate(), BAN_LONG);
	now += HOUR - 1;
	ck_assert(banned());
	now += 1;
	ck_assert(!banned());
}
END_TEST

START_TEST(an_hour_without_a_violation_forgets_them)
{
	violate_times(2);
	now += HOUR - 1;
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 2);
	now += 1;
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 0);
	ck_assert_int_eq(violate(), BAN_NONE);
	ck_assert_int_eq(violate(), BAN_NONE);
	ck_assert_int_eq(violate(), BAN_SHORT);
}
END_TEST

/* One every 59 minutes: each starts the hour anew. */
START_TEST(each_violation_starts_the_hour_anew)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(violate(), BAN_NONE);
		now += 59 * MINUTE;
	}
	ck_assert_int_eq(violate(), BAN_SHORT);
}
END_TEST

/* The quiet hour begins when the ban ends: the fifth violation, two hours after the fourth, still finds them. */
START_TEST(time_banned_does_not_count_towards_the_hour)
{
	violate_times(3);
	now += 5 * MINUTE + HOUR - 1;
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 3);
	ck_assert_int_eq(violate(), BAN_NONE);
	ck_assert_int_eq(violate(), BAN_LONG);
	now += HOUR + HOUR - 1;
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 5);
	now += 1;
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 0);
}
END_TEST

START_TEST(violation_never_shortens_a_ban)
{
	ck_assert_int_eq(ban_list_set(list, &ip, now + DAY, now), 0);
	violate_times(3);
	now += DAY - 1;
	ck_assert(banned());
	now += 1;
	ck_assert(!banned());
}
END_TEST

START_TEST(operator_bans_and_lifts)
{
	ck_assert_int_eq(ban_list_set(list, &ip, now + 100, now), 0);
	ck_assert(banned());
	ck_assert(ban_list_lift(list, &ip));
	ck_assert(!banned());
	ck_assert(!ban_list_lift(list, &ip));
	ck_assert_int_eq(ban_list_set(list, &ip, INT64_MAX, now), 0);
	now += 1000 * DAY;
	ck_assert(banned());
	ck_assert(ban_list_lift(list, &ip));
	ck_assert(!banned());
}
END_TEST

/* It may be shorter than what violations have brought, and they do not lengthen it. */
START_TEST(operator_beats_violations)
{
	struct ban_record *records;

	violate_times(10);
	ck_assert_int_eq(ban_list_set(list, &ip, now + 100, now), 0);
	ck_assert_int_eq(ban_list_set(list, &ip, now + 200, now), BAN_E_EXISTS);
	now += 50;
	ck_assert_int_eq(violate(), BAN_NONE);
	ck_assert_uint_eq(ban_list_in_force(list, &records, now), 1);
	ck_assert_int_eq(records[0].level, BAN_MANUAL);
	ck_assert_int_eq(records[0].until_s, now + 50);
	ck_assert_int_eq(records[0].created_s, now - 50);
	free(records);
	now += 50;
	ck_assert(!banned());
	ck_assert_uint_eq(ban_list_in_force(list, &records, now), 0);
	ck_assert_ptr_null(records);
	ck_assert_int_eq(violate(), BAN_PERMANENT);
}
END_TEST

/* Violations without a ban stay counted. */
START_TEST(clear_ends_all_bans)
{
	struct net_ip other = ip, violator = ip;
	uint32_t count;

	other.bytes[15] ^= 1;
	violator.bytes[15] ^= 2;
	violate_times(3);
	ck_assert_int_eq(ban_list_set(list, &other, INT64_MAX, now), 0);
	ck_assert_int_eq(ban_list_violation(list, &count, &violator, now), BAN_NONE);
	ck_assert_uint_eq(ban_list_clear(list, now), 2);
	ck_assert_uint_eq(ban_list_count(list, now), 0);
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 0);
	ck_assert_uint_eq(ban_list_violations(list, &violator, now), 1);
	ck_assert_uint_eq(ban_list_clear(list, now), 0);
}
END_TEST

START_TEST(lift_forgets_the_violations)
{
	violate_times(10);
	ck_assert(ban_list_lift(list, &ip));
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 0);
	ck_assert_int_eq(violate(), BAN_NONE);
}
END_TEST

START_TEST(ban_set_in_the_past_is_none)
{
	ck_assert_int_eq(ban_list_set(list, &ip, now, now), 0);
	ck_assert(!banned());
}
END_TEST

/* adversarial 58: the wall clock may jump either way. */
START_TEST(clock_that_jumps_back_keeps_the_ban)
{
	violate_times(3);
	now -= HOUR;
	ck_assert(banned());
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 3);
}
END_TEST

START_TEST(unknown_ip_is_clean)
{
	ck_assert(!banned());
	ck_assert_uint_eq(ban_list_violations(list, &ip, now), 0);
	ck_assert(!ban_list_lift(list, &ip));
	ck_assert_uint_eq(take_none(), 0);
}
END_TEST

START_TEST(record_round_trip_keeps_everything)
{
	static const struct ban_record records[] = {
		{.violations = 1, .level = BAN_NONE, .until_s = 0, .last_violation_s = 1766102400},
		{.violations = 3, .level = BAN_SHORT, .until_s = 1766102700, .last_violation_s = 1766102400},
		{.violations = UINT32_MAX, .level = BAN_PERMANENT, .until_s = INT64_MAX, .last_violation_s = INT64_MAX},
	};
	struct ban_record out;
	uint8_t bytes[BAN_RECORD_SIZE];

	ban_record_encode(bytes, &records[_i]);
	ck_assert_int_eq(ban_record_decode(&out, &ip, bytes, sizeof(bytes)), 0);
	ck_assert(net_ip_equal(&out.ip, &ip));
	ck_assert_uint_eq(out.violations, records[_i].violations);
	ck_assert_int_eq(out.level, records[_i].level);
	ck_assert_int_eq(out.until_s, records[_i].until_s);
	ck_assert_int_eq(out.last_violation_s, records[_i].last_violation_s);
	ck_assert_int_eq(out.created_s, records[_i].created_s);
}
END_TEST

/* adversarial 36: other lengths, versions, levels and times before 1970 are refused by name. */
START_TEST(record_decode_refuses_damaged_bytes)
{
	const struct ban_record record = {.violations = 3, .level = BAN_SHORT, .until_s = now, .last_violation_s = now};
	uint8_t bytes[BAN_RECORD_SIZE + 1] = {0}, bad[BAN_RECORD_SIZE];
	struct ban_record out;

	ban_record_encode(bytes, &record);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		ck_assert_int_eq(ban_record_decode(&out, &ip, bytes, len), len == BAN_RECORD_SIZE ? 0 : -EINVAL);
	memcpy(bad, bytes, sizeof(bad));
	bad[0] ^= 0xff;
	ck_assert_int_eq(ban_record_decode(&out, &ip, bad, sizeof(bad)), -EINVAL);
	memcpy(bad, bytes, sizeof(bad));
	bad[1] = BAN_MANUAL + 1;
	ck_assert_int_eq(ban_record_decode(&out, &ip, bad, sizeof(bad)), -EINVAL);
	memcpy(bad, bytes, sizeof(bad));
	bad[6 + 7] = 0x80;
	ck_assert_int_eq(ban_record_decode(&out, &ip, bad, sizeof(bad)), -EINVAL);
	memcpy(bad, bytes, sizeof(bad));
	bad[14 + 7] = 0x80;
	ck_assert_int_eq(ban_record_decode(&out, &ip, bad, sizeof(bad)), -EINVAL);
	memcpy(bad, bytes, sizeof(bad));
	bad[22 + 7] = 0x80;
	ck_assert_int_eq(ban_record_decode(&out, &ip, bad, sizeof(bad)), -EINVAL);
}
END_TEST

/* Bans that an earlier version wrote stay in force. */
START_TEST(record_of_the_first_version_is_read)
{
	const struct ban_record record = {.violations = 4, .level = BAN_LONG, .until_s = now + 5, .last_violation_s = now};
	uint8_t bytes[BAN_RECORD_SIZE];
	struct ban_record out;

	ban_record_encode(bytes, &record);
	bytes[0] = 1;
	ck_assert_int_eq(ban_record_decode(&out, &ip, bytes, sizeof(bytes)), -EINVAL);
	ck_assert_int_eq(ban_record_decode(&out, &ip, bytes, 22), 0);
	ck_assert_int_eq(out.level, BAN_LONG);
	ck_assert_uint_eq(out.violations, 4);
	ck_assert_int_eq(out.until_s, now + 5);
	ck_assert_int_eq(out.created_s, now);
}
END_TEST

/* Any other flip gives some record, and the list lives with it. */
START_TEST(any_flipped_bit_is_survived)
{
	const struct ban_record record = {.violations = 3, .level = BAN_SHORT, .until_s = now, .last_violation_s = now};
	uint8_t bytes[BAN_RECORD_SIZE];
	uint32_t count;

	for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
		struct ban_record out;

		ban_record_encode(bytes, &record);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (ban_record_decode(&out, &ip, bytes, sizeof(bytes)))
			continue;
		ban_list_restore(list, &out, now);
		(void)ban_list_is_banned(list, &ip, now);
		(void)ban_list_violation(list, &count, &ip, now);
		(void)ban_list_count(list, now + HOUR);
	}
}
END_TEST

START_TEST(restart_keeps_bans_and_violations)
{
	struct ban_record record;

	violate_times(3);
	record = take_one();
	teardown();
	ck_assert_int_eq(ban_list_create(&list, &params), 0);
	now += MINUTE;
	ban_list_restore(list, &record, now);
	ck_assert(banned());
	ck_assert_uint_eq(take_none(), 0);
	now += 4 * MINUTE;
	ck_assert(!banned());
	ck_assert_int_eq(violate(), BAN_NONE);
	ck_assert_int_eq(violate(), BAN_LONG);
}
END_TEST

/* A ban that ended while we were not running is over, and the record goes when nothing is left in it. */
START_TEST(restart_long_after_a_ban_deletes_its_record)
{
	struct ban_record record;

	violate_times(3);
	record = take_one();
	teardown();
	ck_assert_int_eq(ban_list_create(&list, &params), 0);
	now += DAY;
	ban_list_restore(list, &record, now);
	ck_assert(!banned());
	record = take_one();
	ck_assert_int_eq(record.level, BAN_NONE);
	ck_assert_uint_eq(record.violations, 0);
}
END_TEST

START_TEST(changed_records_are_handed_over_once)
{
	struct ban_record record;

	violate_times(1);
	record = take_one();
	ck_assert_uint_eq(record.violations, 1);
	ck_assert_int_eq(record.last_violation_s, now);
	ck_assert_uint_eq(take_none(), 0);
	now += HOUR;
	record = take_one();
	ck_assert_uint_eq(record.violations, 0);
	ck_assert_int_eq(record.level, BAN_NONE);
	ck_assert_uint_eq(take_none(), 0);
}
END_TEST

/* Who only connects leaves nothing to be stored. */
START_TEST(connects_are_not_stored)
{
	ck_assert(ban_list_allow_connect(list, &ip, 1000));
	ck_assert_uint_eq(take_none(), 0);
}
END_TEST

static struct net_ip nth_ip(unsigned n)
{
	char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	return ip_of(text);
}

/* The list is bounded: passers-by go first, then violators, the banned last. */
START_TEST(eviction_spares_the_banned)
{
	struct net_ip violator = ip_of("10.200.0.1");

	violate_times(3);
	(void)violate_as(&violator);
	for (unsigned n = 0; n < 1000; n++) {
		struct net_ip passer = nth_ip(n);

		ck_assert(ban_list_allow_connect(list, &passer, 1000));
	}
	ck_assert(banned());
	ck_assert_uint_eq(ban_list_violations(list, &violator, now), 1);
	for (unsigned n = 0; n < 1000; n++) {
		struct net_ip other = nth_ip(n);

		(void)violate_as(&other);
	}
	ck_assert(banned());
	ck_assert_uint_eq(ban_list_violations(list, &violator, now), 0);
}
END_TEST

START_TEST(eviction_takes_the_one_unused_for_longest)
{
	for (unsigned n = 0; n < params.max_records; n++) {
		struct net_ip other = nth_ip(n);

		(void)violate_as(&other);
	}
	struct net_ip first = nth_ip(0), second = nth_ip(1);

	ck_assert_uint_eq(ban_list_violations(list, &first, now), 1);
	(void)violate();
	ck_assert_uint_eq(ban_list_violations(list, &first, now), 1);
	ck_assert_uint_eq(ban_list_violations(list, &second, now), 0);
}
END_TEST

/* Whose ban is over, or was lifted, goes before those who are banned still. */
START_TEST(eviction_takes_whose_ban_is_over)
{
	struct net_ip lifted = nth_ip(900), other = nth_ip(901);

	for (unsigned n = 0; n < params.max_records - 2; n++) {
		struct net_ip banned_ip = nth_ip(n);

		ck_assert_int_eq(ban_list_set(list, &banned_ip, INT64_MAX, now), 0);
	}
	ck_assert_int_eq(ban_list_set(list, &lifted, INT64_MAX, now), 0);
	violate_times(3);
	ck_assert_uint_eq(ban_list_count(list, now), params.max_records);
	ck_assert(ban_list_lift(list, &lifted));
	now += HOUR;
	ck_assert_uint_eq(ban_list_count(list, now), params.max_records - 2);
	for (unsigned n = 0; n < 2; n++) {
		ck_assert_int_eq(ban_list_set(list, &other, INT64_MAX, now), 0);
		other = nth_ip(902);
	}
	ck_assert_uint_eq(ban_list_count(list, now), params.max_records);
}
END_TEST

/* A ban of an earlier run is as good as one of this. */
START_TEST(eviction_spares_restored_bans)
{
	struct ban_record record = {.ip = ip, .violations = 10, .level = BAN_PERMANENT, .until_s = INT64_MAX};

	ban_list_restore(list, &record, now);
	for (unsigned n = 0; n < 1000; n++) {
		struct net_ip passer = nth_ip(n);

		ck_assert(ban_list_allow_connect(list, &passer, 1000));
	}
	ck_assert(banned());
}
END_TEST

/* What is evicted leaves the store too, or that would grow for ever. */
START_TEST(eviction_deletes_what_was_stored)
{
	struct ban_record *records;
	size_t n;

	violate_times(1);
	(void)take_one();
	for (unsigned i = 0; i < params.max_records; i++) {
		struct net_ip other = nth_ip(i);

		(void)violate_as(&other);
	}
	n = ban_list_take_changed(list, &records, now);
	ck_assert_uint_eq(n, params.max_records + 1);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(records[i].violations, net_ip_equal(&records[i].ip, &ip) ? 0 : 1);
	free(records);
	ck_assert_uint_eq(take_none(), 0);
}
END_TEST

/* Evicted and back again before anything was stored: the new record is what stays. */
START_TEST(eviction_then_return_ends_with_the_new_record)
{
	struct ban_record *records;
	uint32_t stored = 0;
	size_t n;

	violate_times(1);
	(void)take_one();
	for (unsigned i = 0; i < params.max_records; i++) {
		struct net_ip other = nth_ip(i);

		(void)violate_as(&other);
	}
	violate_times(2);
	n = ban_list_take_changed(list, &records, now);
	for (size_t i = 0; i < n; i++) {
		if (net_ip_equal(&records[i].ip, &ip))
			stored = records[i].violations;
	}
	free(records);
	ck_assert_uint_eq(stored, 2);
}
END_TEST

/* adversarial 29: bursts up to the minute's number, then at its rate. */
START_TEST(connects_are_limited_per_minute)
{
	int64_t ms = 5000;

	for (unsigned i = 0; i < params.connects_per_minute; i++)
		ck_assert(ban_list_allow_connect(list, &ip, ms));
	ck_assert(!ban_list_allow_connect(list, &ip, ms));
	ck_assert(!ban_list_allow_connect(list, &ip, ms + 2999));
	ck_assert(ban_list_allow_connect(list, &ip, ms + 3000));
	ck_assert(!ban_list_allow_connect(list, &ip, ms + 3000));
	ms += 120000;
	for (unsigned i = 0; i < params.connects_per_minute; i++)
		ck_assert(ban_list_allow_connect(list, &ip, ms));
	ck_assert(!ban_list_allow_connect(list, &ip, ms));
}
END_TEST

START_TEST(connects_of_one_ip_leave_the_others)
{
	struct net_ip other = ip_of("192.0.2.8");

	while (ban_list_allow_connect(list, &ip, 5000))
		continue;
	ck_assert(ban_list_allow_connect(list, &other, 5000));
}
END_TEST

/* Neither finding nor replacing takes longer the more there are: looking at each would be 10^10 looks here, and the test
 * runs out of time. */
#define MANY 100000u

START_TEST(time_does_not_grow_with_the_number)
{
	struct ban_params many = params;

	many.max_records = MANY;
	teardown();
	ck_assert_int_eq(ban_list_create(&list, &many), 0);
	for (unsigned n = 0; n < 2 * MANY; n++) {
		struct net_ip passer = nth_ip(n), stranger = nth_ip(n + 5 * MANY);

		ck_assert(ban_list_allow_connect(list, &passer, 1000));
		ck_assert(!ban_list_is_banned(list, &stranger, now));
	}
}
END_TEST

START_TEST(free_of_nothing)
{
	ban_list_free(NULL);
}
END_TEST

#define THREADS 3

static void *abuse(void *arg)
{
	for (unsigned i = 0; i < 2000; i++) {
		struct net_ip who = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)(i % 20)}};
		struct ban_record *records;
		uint32_t count;

		(void)arg;
		(void)ban_list_allow_connect(list, &who, 1000 + i);
		(void)ban_list_violation(list, &count, &who, now);
		(void)ban_list_is_banned(list, &who, now);
		if (i % 100 == 0) {
			(void)ban_list_take_changed(list, &records, now);
			free(records);
		}
		if (i % 7 == 0)
			(void)ban_list_lift(list, &who);
	}
	return NULL;
}

START_TEST(many_threads_share_the_list)
{
	struct thread threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "abuse", abuse, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	ck_assert_uint_le(ban_list_count(list, now), params.max_records);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, third_fifth_and_tenth_violation_ban);
	tcase_add_test(c, ban_is_of_one_ip);
	tcase_add_test(c, short_ban_lasts_five_minutes);
	tcase_add_test(c, long_ban_lasts_an_hour);
	tcase_add_test(c, an_hour_without_a_violation_forgets_them);
	tcase_add_test(c, each_violation_starts_the_hour_anew);
	tcase_add_test(c, time_banned_does_not_count_towards_the_hour);
	tcase_add_test(c, violation_never_shortens_a_ban);
	tcase_add_test(c, operator_bans_and_lifts);
	tcase_add_test(c, operator_beats_violations);
	tcase_add_test(c, clear_ends_all_bans);
	tcase_add_test(c, lift_forgets_the_violations);
	tcase_add_test(c, ban_set_in_the_past_is_none);
	tcase_add_test(c, clock_that_jumps_back_keeps_the_ban);
	tcase_add_test(c, unknown_ip_is_clean);
	tcase_add_loop_test(c, record_round_trip_keeps_everything, 0, 3);
	tcase_add_test(c, record_decode_refuses_damaged_bytes);
	tcase_add_test(c, record_of_the_first_version_is_read);
	tcase_add_test(c, any_flipped_bit_is_survived);
	tcase_add_test(c, restart_keeps_bans_and_violations);
	tcase_add_test(c, restart_long_after_a_ban_deletes_its_record);
	tcase_add_test(c, changed_records_are_handed_over_once);
	tcase_add_test(c, connects_are_not_stored);
	tcase_add_test(c, eviction_spares_the_banned);
	tcase_add_test(c, eviction_takes_the_one_unused_for_longest);
	tcase_add_test(c, eviction_takes_whose_ban_is_over);
	tcase_add_test(c, eviction_spares_restored_bans);
	tcase_add_test(c, eviction_deletes_what_was_stored);
	tcase_add_test(c, eviction_then_return_ends_with_the_new_record);
	tcase_add_test(c, connects_are_limited_per_minute);
	tcase_add_test(c, connects_of_one_ip_leave_the_others);
	tcase_add_test(c, time_does_not_grow_with_the_number);
	tcase_add_test(c, free_of_nothing);
	tcase_add_test(c, many_threads_share_the_list);
}

int main(void)
{
	Suite *suite = suite_create("ban_list");
	TCase *c = tcase_create("ban_list");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
