// SPDX-License-Identifier: MIT
/* Base58: see base58.h.  Schoolbook conversion between base 256 and base 58, in place in a small array of digits. */
#include "timeproto/base/base58.h"

#include <string.h>

static const char base58_alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* Value of a character, -1 when it is none of the alphabet. */
static int base58_value(char c)
{
	const char *at;

	if (c == '\0')
		return -1;
	at = strchr(base58_alphabet, c);
	return at ? (int)(at - base58_alphabet) : -1;
}

/* digits = digits * factor + carry, in base `base`, least significant digit first.  Returns the new count. */
static size_t base58_accumulate(uint8_t *digits, size_t count, unsigned base, unsigned factor, unsigned carry)
{
	for (size_t i = 0; i < count; i++) {
		carry += digits[i] * factor;
		digits[i] = (uint8_t)(carry % base);
		carry /= base;
	}
	while (carry > 0) {
		digits[count++] = (uint8_t)(carry % base);
		carry /= base;
	}
	return count;
}

int base58_encode(char *out, size_t out_size, const uint8_t *data, size_t len)
{
	uint8_t digits[BASE58_TEXT_SIZE(BASE58_MAX_BYTES)];
	size_t zeros = 0, count = 0;

	if (len > BASE58_MAX_BYTES)
		return BASE58_E_SIZE;
	while (zeros < len && data[zeros] == 0)
		zeros++;
	for (size_t i = zeros; i < len; i++)
		count = base58_accumulate(digits, count, 58, 256, data[i]);
	if (out_size < zeros + count + 1)
		return BASE58_E_SIZE;
	memset(out, base58_alphabet[0], zeros);
	for (size_t i = 0; i < count; i++)
		out[zeros + i] = base58_alphabet[digits[count - 1 - i]];
	out[zeros + count] = '\0';
	return 0;
}

int base58_decode(uint8_t *out, size_t *out_len, size_t out_size, const char *text, size_t len)
{
	uint8_t digits[BASE58_TEXT_SIZE(BASE58_MAX_BYTES)];
	size_t zeros = 0, count = 0;

	/* A digit of base 58 never needs more than one of base 256, so `digits` cannot overflow. */
	if (len >= sizeof(digits))
		return BASE58_E_SIZE;
	while (zeros < len && text[zeros] == base58_alphabet[0])
		zeros++;
	for (size_t i = zeros; i < len; i++) {
		int value = base58_value(text[i]);

		if (value < 0)
			return BASE58_E_CHARACTER;
		count = base58_accumulate(digits, count, 256, 58, (unsigned)value);
	}
	if (zeros + count > out_size)
		return BASE58_E_SIZE;
	memset(out, 0, zeros);
	for (size_t i = 0; i < count; i++)
		out[zeros + i] = digits[count - 1 - i];
	*out_len = zeros + count;
	return 0;
}
