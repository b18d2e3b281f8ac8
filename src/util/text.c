// SPDX-License-Identifier: MIT
/* See text.h. */
#include "timed/util/text.h"

size_t text_decode(uint32_t *code, const char *s, size_t len)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)s[0];
	size_t n = first < 0x80		    ? 1
		   : (first & 0xe0) == 0xc0 ? 2
		   : (first & 0xf0) == 0xe0 ? 3
		   : (first & 0xf8) == 0xf0 ? 4
					    : 0;

	if (n == 0 || n > len)
		return 0;
	*code = n == 1 ? first : first & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (c & 0x3fu);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

bool text_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}
