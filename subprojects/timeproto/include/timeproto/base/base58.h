/* SPDX-License-Identifier: MIT
 *
 * Base58 with Bitcoin's alphabet: the bytes as one big-endian number, one leading `1` per leading zero byte
 * (PROTOCOL.md §6).  The mapping is one to one: what decodes re-encodes to the same text.
 *
 * Meant for short strings: the time is quadratic in the length, and inputs beyond BASE58_MAX_BYTES are refused.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_BASE_BASE58_H
#define TIMEPROTO_BASE_BASE58_H

#include <stddef.h>
#include <stdint.h>

#define BASE58_MAX_BYTES 128
/* Characters that `bytes` bytes need at most (log 256 / log 58 < 1.3658), plus the terminating zero. */
#define BASE58_TEXT_SIZE(bytes) ((bytes)*1366 / 1000 + 2)

enum base58_error {
	BASE58_E_CHARACTER = 1, /* a character outside the alphabet */
	BASE58_E_SIZE = 2,	/* too long for the caller's buffer, or for this module */
};

/* Encodes `len` bytes into `out`, zero-terminated.  0 or BASE58_E_SIZE. */
int base58_encode(char *out, size_t out_size, const uint8_t *data, size_t len) __attribute__((warn_unused_result));
/* Decodes `len` characters; `*out_len` is set to the bytes written.  0 or an enum base58_error; then `out` is
 * unspecified. */
int base58_decode(uint8_t *out, size_t *out_len, size_t out_size, const char *text, size_t len)
	__attribute__((warn_unused_result));

#endif
