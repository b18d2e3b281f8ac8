// SPDX-License-Identifier: MIT
/* The text format of Prometheus, version 0.0.4; see metrics_table.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metrics_table.h"

static const char *type_name(enum metric_type type)
{
	switch (type) {
	case METRIC_COUNTER:
		return "counter";
	case METRIC_GAUGE:
		return "gauge";
	case METRIC_HISTOGRAM:
		return "histogram";
	}
	return "untyped";
}

static void print_u64(struct buf *out, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	buf_append_text(out, text);
}

static void print_double(struct buf *out, double value)
{
	char text[32];

	if (isnan(value))
		snprintf(text, sizeof(text), "NaN");
	else
		snprintf(text, sizeof(text), "%.15g", value);
	buf_append_text(out, text);
}

/* Microseconds as seconds, exactly. */
static void print_us(struct buf *out, uint64_t us)
{
	char text[40];
	size_t len = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);

	while (text[len - 1] == '0')
		len--;
	text[text[len - 1] == '.' ? len - 1 : len] = 0;
	buf_append_text(out, text);
}

static void print_name(struct buf *out, const struct metric *m, const char *suffix)
{
	buf_append_text(out, "timed_");
	buf_append_text(out, m->name);
	buf_append_text(out, suffix);
}

void metrics_print_label(struct buf *out, const char *label, const char *text)
{
	buf_append_text(out, "{");
	buf_append_text(out, label);
	buf_append_text(out, "=\"");
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			buf_append_byte(out, '\\');
		buf_append_byte(out, *text == '\n' ? ' ' : (uint8_t)*text);
	}
	buf_append_text(out, "\"}");
}

/* The element `index` of an array of such fields. */
static void print_field(struct buf *out, enum metric_field field, const char *at, int index)
{
	switch (field) {
	case METRIC_U64:
		print_u64(out, ((const uint64_t *)(const void *)at)[index]);
		break;
	case METRIC_U32:
		print_u64(out, ((const uint32_t *)(const void *)at)[index]);
		break;
	case METRIC_I64:
		print_double(out, (double)((const int64_t *)(const void *)at)[index]);
		break;
	case METRIC_BOOL:
		print_u64(out, ((const bool *)(const void *)at)[index]);
		break;
	case METRIC_DOUBLE:
		print_double(out, ((const double *)(const void *)at)[index]);
		break;
	case METRIC_COUNTS:
		break;
	}
	buf_append_byte(out, '\n');
}

static void print_histogram(struct buf *out, const struct metric *m, const struct histogram_counts *h)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= h->bound_count; i++) {
		count += h->counts[i];
		print_name(out, m, "_bucket{le=\"");
		if (i < h->bound_count)
			print_us(out, (uint64_t)h->bounds_us[i]);
		else
			buf_append_text(out, "+Inf");
		buf_append_text(out, "\"} ");
		print_u64(out, count);
		buf_append_byte(out, '\n');
	}
	print_name(out, m, "_sum ");
	print_us(out, h->sum_us);
	buf_append_byte(out, '\n');
	print_name(out, m, "_count ");
	print_u64(out, count);
	buf_append_byte(out, '\n');
}

static void print_metric(struct buf *out, const struct metric *m, const char *at)
{
	print_name(out, m, "");
	if (m->labels)
		m->labels(out);
	buf_append_byte(out, ' ');
	print_field(out, m->field, at, 0);
}

static void print_labelled(struct buf *out, const struct metric *m, const char *at)
{
	for (int i = m->first; i < m->end; i++) {
		print_name(out, m, "");
		metrics_print_label(out, m->label, m->label_text(i));
		buf_append_byte(out, ' ');
		print_field(out, m->field, at, i);
	}
}

void metrics_print_table(struct buf *out, const struct metric *table, size_t count, const void *now)
{
	for (size_t i = 0; i < count; i++) {
		const struct metric *m = &table[i];
		const char *at = (const char *)now + m->offset;

		buf_append_text(out, "# HELP ");
		print_name(out, m, " ");
		buf_append_text(out, m->help);
		buf_append_text(out, "\n# TYPE ");
		print_name(out, m, " ");
		buf_append_text(out, type_name(m->type));
		buf_append_byte(out, '\n');
		if (m->type == METRIC_HISTOGRAM)
			print_histogram(out, m, (const struct histogram_counts *)(const void *)at);
		else if (m->label)
			print_labelled(out, m, at);
		else
			print_metric(out, m, at);
	}
}
