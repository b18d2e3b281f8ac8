/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as Rust's strings have it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef TIMEPROTO_WIRE_UTF8_H
#define TIMEPROTO_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `p` (not ASCII, `left` >= 1 bytes are readable): 2 to 4, or 0 when it is not valid. */
static inline size_t wire_utf8_length(const uint8_t *p, size_t left)
{
	uint8_t first = p[0];
	uint8_t low = 0x80, high = 0xbf; /* the second byte's range */
	size_t len;

	if (first >= 0xc2 && first <= 0xdf) {
		len = 2;
	} else if (first >= 0xe0 && first <= 0xef) {
		len = 3;
		if (first == 0xe0)
			low = 0xa0;
		else if (first == 0xed)
			high = 0x9f;
	} else if (first >= 0xf0 && first <= 0xf4) {
		len = 4;
		if (first == 0xf0)
			low = 0x90;
		else if (first == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	if (left < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

/* The offset of the first byte that is not part of a valid character, or `len`. */
static inline size_t wire_utf8_valid_prefix(const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t n = p[at] < 0x80 ? 1 : wire_utf8_length(p + at, len - at);

		if (n == 0)
			break;
		at += n;
	}
	return at;
}

#endif
