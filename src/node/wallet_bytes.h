/* SPDX-License-Identifier: MIT
 *
 * Taking apart and putting together the bytes of wallet files: numbers are little-endian, as bincode writes them.  What
 * both forms of the file (wallet_plain.c, wallet_container.c) need.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_NODE_WALLET_BYTES_H
#define TIMED_NODE_WALLET_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A file while it is taken apart. */
struct wallet_reader {
	const uint8_t *at;
	size_t left;
	bool failed; /* asked for more than there is; sticky */
};

/* NULL when fewer than `len` bytes are left. */
static inline const uint8_t *wallet_take(struct wallet_reader *reader, size_t len)
{
	const uint8_t *bytes = reader->at;

	if (reader->failed || len > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->at += len;
	reader->left -= len;
	return bytes;
}

/* A number of `len` bytes; 0 when there are not so many. */
static inline uint64_t wallet_take_number(struct wallet_reader *reader, size_t len)
{
	const uint8_t *bytes = wallet_take(reader, len);
	uint64_t value = 0;

	for (size_t i = 0; bytes && i < len; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

static inline uint8_t *wallet_put_number(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static inline uint8_t *wallet_put(uint8_t *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

#endif
