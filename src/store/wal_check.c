// SPDX-License-Identifier: MIT
/* Checking log files: see wal_check.h.
 *
 * The format: blocks of 32 KiB; in a block records of a header (CRC-32C, masked, 4 bytes; length, 2 bytes; type, 1
 * byte; all little-endian) and that many bytes.  The sum covers type and bytes, not the length.  A record never crosses
 * the end of a block; what is left there, less than a header, is zero. */
#include "wal_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAL_BLOCK 32768
#define WAL_HEADER 7
#define WAL_SUM_FROM 6 /* the sum begins at the type */
#define WAL_TYPE_RECYCLED_FIRST 5
#define WAL_TYPE_RECYCLED_LAST 8
#define WAL_RECYCLED_EXTRA 4 /* these carry a file number after the header */

struct wal_scan {
	uint32_t table[256]; /* of the sum */
	uint8_t block[WAL_BLOCK];
	size_t len;	 /* bytes in `block` */
	uint64_t offset; /* of the block in the file */
	int fd;
};

static void wal_sum_init(uint32_t table[256])
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t sum = i;

		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
		table[i] = sum;
	}
}

static uint32_t wal_sum_step(const uint32_t table[256], uint32_t sum, uint8_t byte)
{
	return table[(sum ^ byte) & 0xff] ^ sum >> 8;
}

/* What a header holds for the sum of its record so far. */
static uint32_t wal_sum_masked(uint32_t sum)
{
	sum = ~sum;
	return (sum >> 15 | sum << 17) + 0xa282ead8;
}

static uint32_t wal_stored_sum(const uint8_t *record)
{
	return (uint32_t)record[0] | (uint32_t)record[1] << 8 | (uint32_t)record[2] << 16 | (uint32_t)record[3] << 24;
}

/* Bytes of the record at `record` as its header says. */
static size_t wal_record_size(const uint8_t *record)
{
	size_t size = WAL_HEADER + ((size_t)record[4] | (size_t)record[5] << 8);

	if (record[6] >= WAL_TYPE_RECYCLED_FIRST && record[6] <= WAL_TYPE_RECYCLED_LAST)
		size += WAL_RECYCLED_EXTRA;
	return size;
}

static bool wal_record_sum_ok(const struct wal_scan *scan, const uint8_t *record, size_t size)
{
	uint32_t sum = UINT32_MAX;

	for (size_t i = WAL_SUM_FROM; i < size; i++)
		sum = wal_sum_step(scan->table, sum, record[i]);
	return wal_sum_masked(sum) == wal_stored_sum(record);
}

/* The bytes at `record`, `len` of them up to the end of the file, are a whole record of another length than it says. */
static bool wal_whole_at_another_length(const struct wal_scan *scan, const uint8_t *record, size_t len)
{
	uint32_t sum = UINT32_MAX;

	for (size_t i = WAL_SUM_FROM; i < len; i++) {
		sum = wal_sum_step(scan->table, sum, record[i]);
		if (wal_sum_masked(sum) == wal_stored_sum(record))
			return true;
	}
	return false;
}

static bool wal_all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* A whole record begins somewhere after `at`.  Zeros are no record: their sum is not zero. */
static bool wal_record_follows(const struct wal_scan *scan, size_t at)
{
	for (size_t i = at + 1; i + WAL_HEADER <= scan->len; i++) {
		size_t size = wal_record_size(scan->block + i);

		if (size <= scan->len - i && wal_record_sum_ok(scan, scan->block + i, size))
			return true;
	}
	return false;
}

/* Reads the next block.  0 and `scan->len`, which is 0 at the end of the file; or a negative errno. */
static int wal_next_block(struct wal_scan *scan)
{
	scan->offset += scan->len;
	scan->len = 0;
	while (scan->len < WAL_BLOCK) {
		ssize_t n = read(scan->fd, scan->block + scan->len, WAL_BLOCK - scan->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		scan->len += (size_t)n;
	}
	return 0;
}

/* The record at `at` of the current block cannot be read as it stands. */
static enum wal_verdict wal_judge(const struct wal_scan *scan, size_t at)
{
	size_t left = scan->len - at;

	if (scan->len == WAL_BLOCK)
		return WAL_DAMAGED; /* a record that was being written ends with the file, not with a block of it */
	if (left < WAL_HEADER)
		return WAL_TORN;
	if (wal_record_size(scan->block + at) <= left)
		return WAL_DAMAGED; /* all there, and the sum is wrong */
	if (wal_whole_at_another_length(scan, scan->block + at, left) || wal_record_follows(scan, at))
		return WAL_DAMAGED;
	return WAL_TORN;
}

/* Nothing but zeros up to the end of the file: space that was reserved and not written. */
static int wal_rest_is_zero(struct wal_scan *scan, bool *zero, size_t at)
{
	int r;

	*zero = wal_all_zero(scan->block + at, scan->len - at);
	while (*zero) {
		r = wal_next_block(scan);
		if (r || scan->len == 0)
			return r;
		*zero = wal_all_zero(scan->block, scan->len);
	}
	return 0;
}

/* Walks the records of the current block.  True: `*at` is where one is not whole; false: all are. */
static bool wal_block_broken(const struct wal_scan *scan, size_t *at)
{
	size_t size;

	for (*at = 0; *at + WAL_HEADER <= scan->len; *at += size) {
		size = wal_record_size(scan->block + *at);
		if (size > scan->len - *at || !wal_record_sum_ok(scan, scan->block + *at, size))
			return true;
	}
	return !wal_all_zero(scan->block + *at, scan->len - *at);
}

static int wal_scan_file(struct wal_scan *scan, struct wal_report *out)
{
	enum wal_verdict verdict;
	bool zero;
	size_t at;
	int r;

	for (;;) {
		r = wal_next_block(scan);
		out->offset = scan->offset;
		if (r || scan->len == 0)
			return r;
		if (!wal_block_broken(scan, &at))
			continue;
		out->offset += at;
		verdict = wal_judge(scan, at); /* before the block is read over */
		r = wal_rest_is_zero(scan, &zero, at);
		if (r)
			return r;
		out->verdict = zero ? WAL_TORN : verdict;
		return 0;
	}
}

int wal_check_file(struct wal_report *out, const char *path)
{
	struct wal_scan *scan;
	int r;

	*out = (struct wal_report){.verdict = WAL_WHOLE};
	if (snprintf(out->path, sizeof(out->path), "%s", path) >= (int)sizeof(out->path))
		return -ENAMETOOLONG;
	scan = calloc(1, sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	wal_sum_init(scan->table);
	scan->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (scan->fd < 0) {
		r = -errno;
	} else {
		r = wal_scan_file(scan, out);
		close(scan->fd);
	}
	free(scan);
	return r;
}

static int wal_is_log(const struct dirent *entry)
{
	size_t digits = strspn(entry->d_name, "0123456789");

	return digits > 0 && strcmp(entry->d_name + digits, ".log") == 0;
}

/* By number: more digits are a greater one, since they are padded to six. */
static int wal_order(const struct dirent **a, const struct dirent **b)
{
	unsigned long long x = strtoull((*a)->d_name, NULL, 10), y = strtoull((*b)->d_name, NULL, 10);

	return x < y ? -1 : x > y;
}

/* Checks the files in turn; stops at damage. */
static int wal_check_list(struct wal_report *out, bool *torn_early, const char *dir, struct dirent **names, int count)
{
	struct wal_report file;
	char path[WAL_PATH_SIZE];
	int r;

	for (int i = 0; i < count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		r = wal_check_file(&file, path);
		if (r)
			return r;
		if (file.verdict == WAL_DAMAGED) {
			*out = file;
			return 0;
		}
		if (out->verdict == WAL_TORN && file.offset > 0)
			*torn_early = true;
		if (out->verdict == WAL_WHOLE && file.verdict == WAL_TORN)
			*out = file;
	}
	return 0;
}

int wal_check_directory(struct wal_report *out, bool *torn_early, const char *dir)
{
	struct dirent **names;
	int count, r;

	*out = (struct wal_report){.verdict = WAL_WHOLE};
	*torn_early = false;
	count = scandir(dir, &names, wal_is_log, wal_order);
	if (count < 0)
		return -errno;
	r = wal_check_list(out, torn_early, dir, names, count);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return r;
}
