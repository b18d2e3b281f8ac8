// SPDX-License-Identifier: MIT
/* Edit distance (optimal string alignment) over short names. */
#include "timed/util/nearest.h"

#include <stdint.h>
#include <string.h>

#define NAME_MAX_BYTES 64

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t nearest_distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_BYTES + 1]; /* of the distance matrix: two back, the last, this one */
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NAME_MAX_BYTES || lb > NAME_MAX_BYTES)
		return SIZE_MAX;
	memset(rows, 0, sizeof(rows));
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *free_row = before;

		before = last;
		last = row;
		row = free_row;
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[lb];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t distance = nearest_distance(n->wanted, candidate);

	if (!n->best || distance < n->distance) {
		n->best = candidate;
		n->distance = distance;
	}
}

const char *nearest_result(const struct nearest *n)
{
	size_t len = strlen(n->wanted);
	size_t limit = len / 3 > 2 ? len / 3 : 2;

	/* A word of which nothing is left is not meant. */
	return n->best && n->distance <= limit && n->distance < len ? n->best : NULL;
}
