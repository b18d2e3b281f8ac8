/* SPDX-License-Identifier: MIT
 *
 * Integers as little-endian bytes, as all binary forms here have them.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_BASE_LE_H
#define TIMEPROTO_BASE_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "timeproto/base/buf.h"

/* Returns what is behind the bytes written. */
static inline uint8_t *le_put_u32(uint8_t *out, uint32_t value)
{
	value = htole32(value);
	memcpy(out, &value, sizeof(value));
	return out + sizeof(value);
}

static inline uint8_t *le_put_u64(uint8_t *out, uint64_t value)
{
	value = htole64(value);
	memcpy(out, &value, sizeof(value));
	return out + sizeof(value);
}

static inline uint32_t le_get_u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return le32toh(value);
}

static inline uint64_t le_get_u64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

static inline void le_append_u32(struct buf *out, uint32_t value)
{
	value = htole32(value);
	buf_append(out, &value, sizeof(value));
}

static inline void le_append_u64(struct buf *out, uint64_t value)
{
	value = htole64(value);
	buf_append(out, &value, sizeof(value));
}

#endif
