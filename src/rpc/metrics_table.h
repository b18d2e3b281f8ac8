/* SPDX-License-Identifier: MIT
 *
 * What a metric is, and how a table of them becomes text.  Private to the metrics: metrics.c has the table and
 * metrics_now.c takes the picture that it reads.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_RPC_METRICS_TABLE_H
#define TIMED_RPC_METRICS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/util/histogram.h"
#include "timeproto/base/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* The type of the field that holds the value. */
enum metric_field { METRIC_U64, METRIC_U32, METRIC_I64, METRIC_BOOL, METRIC_DOUBLE, METRIC_COUNTS };

struct metric {
	const char *name; /* without the prefix timed_ */
	enum metric_type type;
	const char *help; /* without backslash and newline */
	enum metric_field field;
	size_t offset; /* of the field in the picture */
	/* One line for each element of an array from `first` up to `end`, told apart by this label.  NULL: one value.
	 */
	const char *label;
	int first, end;
	const char *(*label_text)(int index);
	/* Labels of an info metric, each with its text, as {a="..."}; NULL: none. */
	void (*labels)(struct buf *out);
};

/* Appends the metrics, their values read from `now`. */
void metrics_print_table(struct buf *out, const struct metric *table, size_t count, const void *now);
/* Appends {label="text"}, `text` escaped. */
void metrics_print_label(struct buf *out, const char *label, const char *text);

#endif
