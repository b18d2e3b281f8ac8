/* SPDX-License-Identifier: MIT
 *
 * Tables of text: cells in rows, columns as wide as what is in them, two blanks between them, or one where the width is
 * scarce.  And how times and sizes
 * are written in a cell.
 *
 * Thread safety: one owner.
 */
#ifndef TIME_CLI_LAYOUT_H
#define TIME_CLI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/buf.h"

#define LAYOUT_COLUMNS 20
#define LAYOUT_CELL_SIZE 64

struct layout_column {
	const char *title; /* NULL ends the list */
	bool left;	   /* text; numbers stand right */
};

struct layout {
	struct layout_column columns[LAYOUT_COLUMNS];
	size_t column_count;
	char *cells; /* rows of column_count cells of LAYOUT_CELL_SIZE bytes */
	size_t row_count, row_capacity;
	size_t at;   /* the next cell of the last row */
	bool failed; /* memory was refused */
};

void layout_init(struct layout *layout);
/* Before the first row. */
void layout_column(struct layout *layout, const char *title, bool left);
void layout_row(struct layout *layout);
/* The next cell of the row; cells that are left out are blank. */
void layout_cell(struct layout *layout, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text from a stranger. */
void layout_text(struct layout *layout, const char *text);
/* How wide it is, with one blank between the columns. */
size_t layout_width(const struct layout *layout);
/* Appends titles and rows `first` to `first + count - 1`, each line cut at `width` columns (0: not). */
void layout_print(struct buf *out, const struct layout *layout, size_t width, size_t first, size_t count);
void layout_free(struct layout *layout);

#define LAYOUT_SHORT_SIZE 48
/* 0s to 59s, 1m, 1h, 1d: one unit, rounded down; less than nothing counts as nothing. */
void layout_age(char out[LAYOUT_SHORT_SIZE], int64_t seconds);
/* The same from a time until now; both are whatever somebody says. */
void layout_since(char out[LAYOUT_SHORT_SIZE], int64_t now_s, int64_t then_s);
/* The same with two units: 1h 5m. */
void layout_duration(char out[LAYOUT_SHORT_SIZE], int64_t seconds);
/* Milliseconds without unit, three digits that matter: 0.18, 21.9, 312. */
void layout_ms(char out[LAYOUT_SHORT_SIZE], double seconds);
/* 512 B, 1.5 kB, 20 MB. */
void layout_bytes(char out[LAYOUT_SHORT_SIZE], double bytes);

#endif
