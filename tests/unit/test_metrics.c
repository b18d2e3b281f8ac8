// SPDX-License-Identifier: MIT
/* rpc/metrics: the text that a table and a picture become; that Prometheus reads the real ones is for other tests. */
#include "metrics_table.h"
#include "run_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static const int64_t bounds[] = {500, 1000000, 2500000};

struct now {
	uint64_t big;
	uint32_t small;
	int64_t below;
	bool yes;
	double part;
	uint64_t of[3];
	struct histogram_counts times;
};

static const char *letter(int index)
{
	static const char *const letters[] = {"a", "b\"\\\n", "c c"};

	return letters[index];
}

static void labels(struct buf *out)
{
	metrics_print_label(out, "is", "this");
}

#define AT(f) .offset = offsetof(struct now, f)

static void assert_text(const struct metric *table, size_t count, const struct now *now, const char *expected)
{
	struct buf out = BUF_INIT;

	metrics_print_table(&out, table, count, now);
	buf_append_byte(&out, 0);
	ck_assert_int_eq(out.error, 0);
	ck_assert_str_eq((const char *)out.data, expected);
	buf_free(&out);
}

START_TEST(values_of_each_type)
{
	static const struct metric table[] = {
		{.name = "big_total", .type = METRIC_COUNTER, .help = "Much.", .field = METRIC_U64, AT(big)},
		{.name = "small", .type = METRIC_GAUGE, .help = "Less.", .field = METRIC_U32, AT(small)},
		{.name = "below", .type = METRIC_GAUGE, .help = "Below.", .field = METRIC_I64, AT(below)},
		{.name = "yes", .type = METRIC_GAUGE, .help = "Yes.", .field = METRIC_BOOL, AT(yes), .labels = labels},
		{.name = "part", .type = METRIC_GAUGE, .help = "Part.", .field = METRIC_DOUBLE, AT(part)},
	};
	struct now now = {UINT64_MAX, UINT32_MAX, -5, true, 1795381669.367, {0}, {0}};

	assert_text(
		table, 5, &now,
		"# HELP timed_big_total Much.\n# TYPE timed_big_total counter\ntimed_big_total 18446744073709551615\n"
		"# HELP timed_small Less.\n# TYPE timed_small gauge\ntimed_small 4294967295\n"
		"# HELP timed_below Below.\n# TYPE timed_below gauge\ntimed_below -5\n"
		"# HELP timed_yes Yes.\n# TYPE timed_yes gauge\ntimed_yes{is=\"this\"} 1\n"
		"# HELP timed_part Part.\n# TYPE timed_part gauge\ntimed_part 1795381669.367\n");
	now.part = NAN;
	assert_text(&table[4], 1, &now, "# HELP timed_part Part.\n# TYPE timed_part gauge\ntimed_part NaN\n");
}
END_TEST

/* From the first to the last, zeros too, and with what the format wants escaped. */
START_TEST(a_line_for_each_label)
{
	static const struct metric table[] = {
		{.name = "of",
		 .type = METRIC_COUNTER,
		 .help = "Each.",
		 .field = METRIC_U64,
		 AT(of),
		 .label = "kind",
		 .label_text = letter,
		 .first = 1,
		 .end = 3},
	};
	const struct now now = {.of = {7, 0, 9}};

	assert_text(table, 1, &now,
		    "# HELP timed_of Each.\n# TYPE timed_of counter\n"
		    "timed_of{kind=\"b\\\"\\\\ \"} 0\ntimed_of{kind=\"c c\"} 9\n");
}
END_TEST

/* Buckets are cumulated, and the last is all of them. */
START_TEST(a_histogram)
{
	static const struct metric table[] = {
		{.name = "times_seconds",
		 .type = METRIC_HISTOGRAM,
		 .help = "Times.",
		 .field = METRIC_COUNTS,
		 AT(times)},
	};
	const struct now now = {
		.times = {.bounds_us = bounds, .bound_count = 3, .counts = {1, 0, 3, 2}, .sum_us = 12345678}};

	assert_text(table, 1, &now,
		    "# HELP timed_times_seconds Times.\n# TYPE timed_times_seconds histogram\n"
		    "timed_times_seconds_bucket{le=\"0.0005\"} 1\n"
		    "timed_times_seconds_bucket{le=\"1\"} 1\n"
		    "timed_times_seconds_bucket{le=\"2.5\"} 4\n"
		    "timed_times_seconds_bucket{le=\"+Inf\"} 6\n"
		    "timed_times_seconds_sum 12.345678\n"
		    "timed_times_seconds_count 6\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *c = tcase_create("metrics");

	tcase_add_test(c, values_of_each_type);
	tcase_add_test(c, a_line_for_each_label);
	tcase_add_test(c, a_histogram);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
