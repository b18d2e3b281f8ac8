/* SPDX-License-Identifier: MIT
 *
 * Hexadecimal text.  Written in lower case, read in either.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_BASE_HEX_H
#define TIMEPROTO_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

enum hex_error {
	HEX_E_INVALID = 1, /* another length than asked for, or a character that is no hex digit */
};

/* Writes 2 * len digits and a NUL to `out`, which holds at least 2 * len + 1 bytes. */
void hex_encode(char *out, const uint8_t *bytes, size_t len);
/* Reads exactly 2 * len digits: `text_len` must be that.  0 or HEX_E_INVALID (`out` is then indeterminate). */
int hex_decode(uint8_t *out, size_t len, const char *text, size_t text_len) __attribute__((warn_unused_result));

#endif
