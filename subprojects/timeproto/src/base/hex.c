/* SPDX-License-Identifier: MIT
 *
 * Hexadecimal text, table driven: hashes are printed and parsed in bulk by the tools and the RPC.
 */
#include "timeproto/base/hex.h"

static const char digits[] = "0123456789abcdef";

void hex_encode(char *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}

/* The value of a digit, or -1. */
static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(uint8_t *out, size_t len, const char *text, size_t text_len)
{
	if (text_len / 2 != len || text_len % 2 != 0)
		return HEX_E_INVALID;
	for (size_t i = 0; i < len; i++) {
		int high = digit_value(text[2 * i]);
		int low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return HEX_E_INVALID;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
