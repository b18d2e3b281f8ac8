// SPDX-License-Identifier: MIT
/* Base58: see base58.h.  Schoolbook conversion between the two bases, in place in a small array of digits: when
 * encoding, of 32 bits each and five characters at a time, as the owner of every input that is spent is encoded. */
#include "timeproto/base/base58.h"

#include <string.h>

static const char base58_alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* 58 to the power of five: the most characters whose value fits into 32 bits. */
#define BASE58_FIVE UINT32_C(656356768)

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

/* number /= BASE58_FIVE; the remainder.  Most significant digit first. */
static uint32_t base58_divide(uint32_t *number, size_t count)
{
	uint64_t remainder = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t part = remainder << 32 | number[i];

		number[i] = (uint32_t)(part / BASE58_FIVE);
		remainder = part % BASE58_FIVE;
	}
	return (uint32_t)remainder;
}

/* The bytes as digits of 32 bits, most significant first.  Returns their count. */
static size_t base58_pack(uint32_t *number, const uint8_t *data, size_t len)
{
	size_t count = (len + 3) / 4;

	memset(number, 0, count * sizeof(number[0]));
	for (size_t i = 0; i < len; i++)
		number[count - 1 - i / 4] |= (uint32_t)data[len - 1 - i] << (8 * (i % 4));
	return count;
}

int base58_encode(char *out, size_t out_size, const uint8_t *data, size_t len)
{
	uint32_t number[BASE58_MAX_BYTES / 4], *at = number;
	char text[BASE58_TEXT_SIZE(BASE58_MAX_BYTES) + 5], *end = text + sizeof(text), *start = end;
	size_t zeros = 0, count;

	if (len > BASE58_MAX_BYTES)
		return BASE58_E_SIZE;
	while (zeros < len && data[zeros] == 0)
		zeros++;
	count = base58_pack(number, data + zeros, len - zeros);
	while (count > 0) {
		uint32_t five = base58_divide(at, count);

		for (int i = 0; i < 5; i++, five /= 58)
			*--start = base58_alphabet[five % 58];
		while (count > 0 && *at == 0) {
			at++;
			count--;
		}
	}
	/* The first five may begin with zeros that are no bytes. */
	while (start < end && *start == base58_alphabet[0])
		start++;
	if (out_size < zeros + (size_t)(end - start) + 1)
		return BASE58_E_SIZE;
	memset(out, base58_alphabet[0], zeros);
	memcpy(out + zeros, start, (size_t)(end - start));
	out[zeros + (size_t)(end - start)] = '\0';
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
