// SPDX-License-Identifier: MIT
/* See layout.h. */
#include "layout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "timed/util/thread.h"

#define FIRST_ROWS 64

void layout_init(struct layout *layout)
{
	*layout = (struct layout){0};
}

void layout_column(struct layout *layout, const char *title, bool left)
{
	CHECK(layout->column_count < LAYOUT_COLUMNS && layout->row_count == 0);
	layout->columns[layout->column_count++] = (struct layout_column){title, left};
}

static char *cell(const struct layout *layout, size_t row, size_t column)
{
	return layout->cells + (row * layout->column_count + column) * LAYOUT_CELL_SIZE;
}

void layout_row(struct layout *layout)
{
	size_t row_bytes = layout->column_count * LAYOUT_CELL_SIZE;

	if (layout->row_count == layout->row_capacity) {
		size_t capacity = layout->row_capacity ? 2 * layout->row_capacity : FIRST_ROWS;
		char *cells = realloc(layout->cells, capacity * row_bytes);

		layout->failed |= !cells;
		if (!cells)
			return;
		layout->cells = cells;
		layout->row_capacity = capacity;
	}
	memset(cell(layout, layout->row_count, 0), 0, row_bytes);
	layout->row_count++;
	layout->at = 0;
}

void layout_cell(struct layout *layout, const char *format, ...)
{
	va_list list;

	if (layout->failed)
		return;
	CHECK(layout->row_count > 0 && layout->at < layout->column_count);
	va_start(list, format);
	vsnprintf(cell(layout, layout->row_count - 1, layout->at++), LAYOUT_CELL_SIZE, format, list);
	va_end(list);
}

void layout_text(struct layout *layout, const char *text)
{
	struct buf shown = BUF_INIT;

	print_cell(&shown, text ? text : "", LAYOUT_CELL_SIZE - 1);
	buf_append_byte(&shown, 0);
	layout_cell(layout, "%s", shown.error ? "" : (const char *)shown.data);
	buf_free(&shown);
}

static void print_padded(struct buf *line, const char *text, size_t width, bool left)
{
	size_t len = strlen(text);

	for (size_t i = len; i < width && !left; i++)
		buf_append_byte(line, ' ');
	buf_append_text(line, text);
	for (size_t i = len; i < width && left; i++)
		buf_append_byte(line, ' ');
}

/* Appends the line, cut, without blanks at its end. */
static void end_line(struct buf *out, struct buf *line, size_t width)
{
	size_t len = width && line->len > width ? width : line->len;

	while (len > 0 && line->data[len - 1] == ' ')
		len--;
	buf_append(out, line->data, len);
	buf_append_byte(out, '\n');
	out->error = out->error ? out->error : line->error;
	buf_reset(line);
}

/* The width of each column; their sum is returned. */
static size_t measure(size_t widths[LAYOUT_COLUMNS], const struct layout *layout)
{
	size_t sum = 0;

	for (size_t c = 0; c < layout->column_count; c++) {
		widths[c] = strlen(layout->columns[c].title);
		for (size_t r = 0; r < layout->row_count; r++) {
			size_t len = strlen(cell(layout, r, c));

			widths[c] = len > widths[c] ? len : widths[c];
		}
		sum += widths[c];
	}
	return sum;
}

size_t layout_width(const struct layout *layout)
{
	size_t widths[LAYOUT_COLUMNS];

	return measure(widths, layout) + (layout->column_count > 0 ? layout->column_count - 1 : 0);
}

void layout_print(struct buf *out, const struct layout *layout, size_t width, size_t first, size_t count)
{
	size_t widths[LAYOUT_COLUMNS], end = first + count < layout->row_count ? first + count : layout->row_count;
	size_t wide = measure(widths, layout) + 2 * layout->column_count;
	const char *between = width && wide > width + 2 ? " " : "  ";
	struct buf line = BUF_INIT;

	for (size_t c = 0; c < layout->column_count; c++) {
		buf_append_text(&line, c ? between : "");
		print_padded(&line, layout->columns[c].title, widths[c], layout->columns[c].left);
	}
	end_line(out, &line, width);
	for (size_t r = first; r < end; r++) {
		for (size_t c = 0; c < layout->column_count; c++) {
			buf_append_text(&line, c ? between : "");
			print_padded(&line, cell(layout, r, c), widths[c], layout->columns[c].left);
		}
		end_line(out, &line, width);
	}
	buf_free(&line);
}

void layout_free(struct layout *layout)
{
	free(layout->cells);
	layout_init(layout);
}

static const struct {
	const char *name;
	int64_t seconds;
} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
#define UNITS (sizeof(units) / sizeof(units[0]))

static size_t unit_of(int64_t seconds)
{
	size_t unit = 0;

	while (unit + 1 < UNITS && seconds < units[unit].seconds)
		unit++;
	return unit;
}

void layout_age(char out[LAYOUT_SHORT_SIZE], int64_t seconds)
{
	int64_t shown = seconds > 0 ? seconds : 0;
	size_t unit = unit_of(shown);

	snprintf(out, LAYOUT_SHORT_SIZE, "%" PRId64 "%s", shown / units[unit].seconds, units[unit].name);
}

void layout_since(char out[LAYOUT_SHORT_SIZE], int64_t now_s, int64_t then_s)
{
	int64_t seconds;

	if (__builtin_sub_overflow(now_s, then_s, &seconds))
		seconds = then_s < now_s ? INT64_MAX : 0;
	layout_age(out, seconds);
}

void layout_duration(char out[LAYOUT_SHORT_SIZE], int64_t seconds)
{
	int64_t shown = seconds > 0 ? seconds : 0;
	size_t unit = unit_of(shown);

	if (unit + 1 == UNITS)
		layout_age(out, shown);
	else
		snprintf(out, LAYOUT_SHORT_SIZE, "%" PRId64 "%s %" PRId64 "%s", shown / units[unit].seconds,
			 units[unit].name, shown % units[unit].seconds / units[unit + 1].seconds, units[unit + 1].name);
}

void layout_ms(char out[LAYOUT_SHORT_SIZE], double seconds)
{
	double ms = seconds * 1000;

	snprintf(out, LAYOUT_SHORT_SIZE, "%.*f", ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0, ms);
}

void layout_bytes(char out[LAYOUT_SHORT_SIZE], double bytes)
{
	static const char *const names[] = {"B", "kB", "MB", "GB", "TB"};
	size_t unit = 0;

	while (bytes >= 999.5 && unit + 1 < sizeof(names) / sizeof(names[0])) {
		bytes /= 1000;
		unit++;
	}
	snprintf(out, LAYOUT_SHORT_SIZE, "%.*f %s", unit > 0 && bytes < 9.95 ? 1 : 0, bytes, names[unit]);
}
