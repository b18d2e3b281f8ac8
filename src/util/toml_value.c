// SPDX-License-Identifier: MIT
/* Strings, numbers and booleans of the configuration parser; toml.c does the rest. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toml_parser.h"

#define SCALAR_MAX 64 /* longest number that is looked at */

size_t toml_utf8_length(const char *s, size_t len)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)s[0];
	size_t n = lead < 0x80		   ? 1
		   : (lead & 0xe0) == 0xc0 ? 2
		   : (lead & 0xf0) == 0xe0 ? 3
		   : (lead & 0xf8) == 0xf0 ? 4
					   : 0;
	uint32_t code = n == 1 ? lead : lead & (0x7fu >> n);

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)s[i] & 0x3fu);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

const char *toml_copy(struct parser *p, const char *text, size_t len)
{
	char *copy = toml_alloc(p, len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static size_t utf8_encode(char *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The digits of \uXXXX or \UXXXXXXXX, appended as UTF-8. */
static int unescape_unicode(struct parser *p, struct toml_position at, int digits, char *out, size_t *used)
{
	uint32_t code = 0;

	for (int i = 0; i < digits; i++) {
		int d = hex_digit(toml_peek(p));

		if (d < 0)
			return toml_fail_here(p,
					      digits == 4 ? "four hex digits after \\u" : "eight hex digits after \\U");
		code = code << 4 | (uint32_t)d;
		toml_advance(p);
	}
	/* Strings are handed on NUL-terminated. */
	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return toml_fail_at(p, at, "escape of no character");
	*used += utf8_encode(out + *used, code);
	return 0;
}

/* After a backslash. */
static int unescape(struct parser *p, struct toml_position at, char *out, size_t *used)
{
	static const char from[] = "btnfr\"\\";
	static const char to[] = "\b\t\n\f\r\"\\";
	int c = toml_peek(p);
	const char *hit = c > 0 ? strchr(from, c) : NULL;

	if (c == 'u' || c == 'U') {
		toml_advance(p);
		return unescape_unicode(p, at, c == 'u' ? 4 : 8, out, used);
	}
	if (!hit)
		return toml_fail_at(
			p, at, "unknown escape, expected one of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX");
	out[(*used)++] = to[hit - from];
	toml_advance(p);
	return 0;
}

/* An escape never grows: the text between the quotes bounds the result. */
static size_t string_bound(const struct parser *p, char quote)
{
	const char *s = p->s;

	while (s < p->end && *s != quote && *s != '\n')
		s += *s == '\\' && quote == '"' && s + 1 < p->end ? 2 : 1;
	return (size_t)(s - p->s);
}

int toml_parse_string(struct parser *p, const char **data, size_t *len)
{
	struct toml_position start = p->at;
	char quote = *p->s;
	size_t used = 0;
	char *out;

	if (p->end - p->s >= 3 && p->s[1] == quote && p->s[2] == quote)
		return toml_fail_at(p, start, "multi-line strings are not supported, expected a string on one line");
	toml_advance(p);
	out = toml_alloc(p, string_bound(p, quote) + 1);
	if (!out)
		return p->result;
	while (toml_peek(p) != quote) {
		struct toml_position at = p->at;
		int c = toml_peek(p);

		if (c < 0 || c == '\n' || c == '\r')
			return toml_fail_at(p, start, "string without its end, expected %c on the same line", quote);
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return toml_fail_at(p, at, "control character in a string, expected an escape like \\u001b");
		toml_advance(p);
		if (c != '\\' || quote != '"')
			out[used++] = (char)c;
		else if (unescape(p, at, out, &used))
			return p->result;
	}
	toml_advance(p);
	out[used] = '\0';
	*data = out;
	*len = used;
	return 0;
}

static bool digit_of_base(int c, int base)
{
	int d = hex_digit(c);

	return d >= 0 && d < base;
}

/* Copies digits without their underscores, which must stand between two digits.  Returns the digits' count, 0 when
 * there are none or an underscore is misplaced; *s moves behind them. */
static size_t take_digits(const char **s, char *out, size_t *used, int base)
{
	size_t count = 0;

	while (digit_of_base(**s, base) || **s == '_') {
		if (**s == '_') {
			if (count == 0 || !digit_of_base((*s)[1], base))
				return 0;
		} else {
			out[(*used)++] = **s;
			count++;
		}
		++*s;
	}
	return count;
}

/* Both with `text` NUL-terminated and shorter than SCALAR_MAX.  0: a value; 1: none of this kind; -ERANGE. */
static int read_integer(const char *text, int64_t *out)
{
	char digits[SCALAR_MAX + 1];
	const char *s = text;
	size_t used = 0;
	int base = 10;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b')) {
		base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 2;
		s += 2;
	} else if (*s == '+' || *s == '-') {
		digits[used++] = *s++;
	}
	if (base == 10 && s[0] == '0' && s[1] != '\0')
		return 1;
	if (take_digits(&s, digits, &used, base) == 0 || *s != '\0')
		return 1;
	digits[used] = '\0';
	errno = 0;
	*out = strtoll(digits, NULL, base);
	return errno == ERANGE ? -ERANGE : 0;
}

static int read_float(const char *text, double *out)
{
	char digits[SCALAR_MAX + 1];
	const char *s = text;
	size_t used = 0;
	bool fraction = false;

	if (*s == '+' || *s == '-')
		digits[used++] = *s++;
	if (strcmp(s, "inf") == 0 || strcmp(s, "nan") == 0) {
		*out = strcmp(s, "nan") == 0 ? (double)NAN : *text == '-' ? -(double)INFINITY : (double)INFINITY;
		return 0;
	}
	if ((s[0] == '0' && (isdigit((unsigned char)s[1]) || s[1] == '_')) || take_digits(&s, digits, &used, 10) == 0)
		return 1;
	if (*s == '.') {
		digits[used++] = *s++;
		fraction = true;
		if (take_digits(&s, digits, &used, 10) == 0)
			return 1;
	}
	if (*s == 'e' || *s == 'E') {
		digits[used++] = *s++;
		fraction = true;
		if (*s == '+' || *s == '-')
			digits[used++] = *s++;
		if (take_digits(&s, digits, &used, 10) == 0)
			return 1;
	}
	if (!fraction || *s != '\0')
		return 1;
	digits[used] = '\0';
	errno = 0;
	*out = strtod(digits, NULL);
	return isinf(*out) ? -ERANGE : 0;
}

static bool ends_scalar(int c)
{
	return c < 0 || (c > 0 && strchr(" \t\r\n,]}#", c));
}

/* 1979-05-27 or 07:32:00: told apart from a mistyped number for the message's sake. */
static bool looks_like_date(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return (digits == 4 && text[4] == '-') || (digits == 2 && text[2] == ':');
}

int toml_parse_scalar(struct parser *p, struct toml_value *v)
{
	struct toml_position at = p->at;
	char text[SCALAR_MAX + 1];
	size_t len = 0;
	int r;

	while (!ends_scalar(toml_peek(p)) && len < SCALAR_MAX) {
		text[len++] = *p->s;
		toml_advance(p);
	}
	text[len] = '\0';
	if (len == 0)
		return toml_fail_here(p, "a value");
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		v->kind = TOML_BOOLEAN;
		v->u.boolean = text[0] == 't';
		return 0;
	}
	v->kind = TOML_INTEGER;
	r = len == SCALAR_MAX ? 1 : read_integer(text, &v->u.integer);
	if (r > 0 && len < SCALAR_MAX) {
		v->kind = TOML_FLOAT;
		r = read_float(text, &v->u.real);
	}
	if (r < 0)
		return toml_fail_at(p, at, "number out of range");
	if (r > 0 && looks_like_date(text))
		return toml_fail_at(p, at, "dates and times are not supported");
	if (r > 0)
		return toml_fail_at(p, at, "no value, expected a string in quotes, a number, true, false, '[' or '{'");
	return 0;
}
