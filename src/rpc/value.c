// SPDX-License-Identifier: MIT
/* See value.h.  Reading goes twice over the text: a scan that counts, bounds and wraps the numbers that jansson cannot
 * hold, then jansson. */
#include "timed/rpc/value.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/base/hex.h"

/* 1 TIME is 10^8 satoshis. */
#define AMOUNT_DECIMALS 8
/* What a number text looks like between the scan and jansson. */
#define NUMBER_OPEN "\"\\u0000"
/* Digits of an integer that surely fits into 64 bits with a sign; and of one that may. */
#define SAFE_DIGITS 18
#define MAX_DIGITS 19

static void wipe_and_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void value_wipe_freed(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}

struct scan {
	const char *at, *end; /* what is still to be read */
	struct buf *out;      /* the text for jansson */
	unsigned depth;	      /* open arrays and objects */
	size_t count;	      /* values seen, roughly: brackets and commas */
	size_t max_count;     /* of them */
	char *why;	      /* reason of a refusal, VALUE_WHY_SIZE bytes */
};

static int refuse(struct scan *s, int error, const char *why)
{
	snprintf(s->why, VALUE_WHY_SIZE, "%s", why);
	return error;
}

/* Copies a string with its quotes.  Whether it is well-formed is for jansson to say; but its end is found as jansson
 * finds it, and U+0000 is refused. */
static int scan_string(struct scan *s)
{
	const char *start = s->at++;

	while (s->at < s->end && *s->at != '"') {
		if (*s->at == '\\' && s->end - s->at >= 6 && memcmp(s->at, "\\u0000", 6) == 0)
			return refuse(s, VALUE_E_INVALID, "U+0000 in a string");
		s->at += *s->at == '\\' && s->end - s->at >= 2 ? 2 : 1;
	}
	if (s->at < s->end)
		s->at++;
	buf_append(s->out, start, (size_t)(s->at - start));
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Skips digits; false when there are none. */
static bool skip_digits(const char **at, const char *end)
{
	const char *start = *at;

	while (*at < end && is_digit(**at))
		++*at;
	return *at > start;
}

/* Whether [text, end) is a number as JSON writes it; *integer: without fraction and exponent. */
static bool number_valid(const char *text, const char *end, bool *integer)
{
	const char *at = text;

	*integer = true;
	if (at < end && *at == '-')
		at++;
	if (at < end && *at == '0')
		at++;
	else if (!skip_digits(&at, end))
		return false;
	if (at < end && *at == '.') {
		*integer = false;
		at++;
		if (!skip_digits(&at, end))
			return false;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		*integer = false;
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		if (!skip_digits(&at, end))
			return false;
	}
	return at == end;
}

static bool fits_int64(const char *text, size_t len)
{
	char copy[MAX_DIGITS + 2];
	size_t digits = len - (*text == '-');

	if (digits <= SAFE_DIGITS)
		return true;
	if (digits > MAX_DIGITS)
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	errno = 0;
	(void)strtoll(copy, NULL, 10);
	return errno == 0;
}

/* Copies a number, wrapped when jansson's types cannot hold it.  What is no number goes on as it is, for jansson to
 * refuse. */
static void scan_number(struct scan *s)
{
	const char *start = s->at;
	bool integer;
	size_t len;

	while (s->at < s->end && (is_digit(*s->at) || strchr("+-.eE", *s->at)) && *s->at)
		s->at++;
	len = (size_t)(s->at - start);
	if (!number_valid(start, s->at, &integer) || (integer && fits_int64(start, len))) {
		buf_append(s->out, start, len);
		return;
	}
	buf_append_text(s->out, NUMBER_OPEN);
	buf_append(s->out, start, len);
	buf_append_byte(s->out, '"');
}

static int scan_one(struct scan *s)
{
	char c = *s->at;

	if (c == '"')
		return scan_string(s);
	if (c == '-' || is_digit(c)) {
		scan_number(s);
		return 0;
	}
	if (c == '[' || c == '{') {
		if (++s->depth > VALUE_MAX_DEPTH)
			return refuse(s, VALUE_E_LIMIT, "nested too deeply");
	} else if ((c == ']' || c == '}') && s->depth > 0) {
		s->depth--;
	}
	if ((c == '[' || c == '{' || c == ',') && ++s->count > s->max_count)
		return refuse(s, VALUE_E_LIMIT, "too many values");
	buf_append_byte(s->out, (uint8_t)c);
	s->at++;
	return 0;
}

int value_parse_counted(json_t **out, char why[VALUE_WHY_SIZE], const char *text, size_t len, size_t max_count)
{
	struct buf copy = BUF_INIT;
	struct scan s = {.at = text, .end = text + len, .out = &copy, .max_count = max_count, .why = why};
	json_error_t error;
	int r = 0;

	*out = NULL;
	why[0] = 0;
	if (!buf_reserve(&copy, len + 64))
		return -ENOMEM;
	while (s.at < s.end && !r)
		r = scan_one(&s);
	if (!r && copy.error)
		r = -ENOMEM;
	if (!r) {
		*out = json_loadb((const char *)copy.data, copy.len,
				  JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
		if (!*out) {
			bool memory = json_error_code(&error) == json_error_out_of_memory;

			r = memory ? -ENOMEM : refuse(&s, VALUE_E_INVALID, error.text);
		}
	}
	explicit_bzero(copy.data, copy.capacity);
	buf_free(&copy);
	return r;
}

int value_parse(json_t **out, char why[VALUE_WHY_SIZE], const char *text, size_t len)
{
	return value_parse_counted(out, why, text, len, VALUE_MAX_COUNT);
}

/* What stands for a control character, a quote or a backslash. */
static void print_escape(struct buf *out, unsigned char c)
{
	static const char shorts[] = "\bb\tt\nn\ff\rr\"\"\\\\";
	char text[8];

	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2) {
		if ((unsigned char)shorts[i] == c) {
			buf_append_byte(out, '\\');
			buf_append_byte(out, (uint8_t)shorts[i + 1]);
			return;
		}
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	buf_append_text(out, text);
}

static void print_string(struct buf *out, const char *text, size_t len)
{
	size_t plain = 0;

	buf_append_byte(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_append(out, text + plain, i - plain);
		print_escape(out, c);
		plain = i + 1;
	}
	buf_append(out, text + plain, len - plain);
	buf_append_byte(out, '"');
}

static void print_object(struct buf *out, json_t *object)
{
	const char *key;
	json_t *item;
	bool first = true;

	buf_append_byte(out, '{');
	json_object_foreach(object, key, item)
	{
		if (!first)
			buf_append_byte(out, ',');
		first = false;
		print_string(out, key, strlen(key));
		buf_append_byte(out, ':');
		value_print(out, item);
	}
	buf_append_byte(out, '}');
}

static void print_array(struct buf *out, const json_t *array)
{
	buf_append_byte(out, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			buf_append_byte(out, ',');
		value_print(out, json_array_get(array, i));
	}
	buf_append_byte(out, ']');
}

void value_print(struct buf *out, json_t *value)
{
	const char *number = value_number_text(value);
	char text[32];

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		print_object(out, value);
		break;
	case JSON_ARRAY:
		print_array(out, value);
		break;
	case JSON_STRING:
		if (number)
			buf_append_text(out, number);
		else
			print_string(out, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		buf_append_text(out, text);
		break;
	case JSON_REAL: /* made by no code of ours: value_decimal() is exact */
		snprintf(text, sizeof(text), "%.17g", json_real_value(value));
		buf_append_text(out, text);
		break;
	case JSON_TRUE:
		buf_append_text(out, "true");
		break;
	case JSON_FALSE:
		buf_append_text(out, "false");
		break;
	case JSON_NULL:
		buf_append_text(out, "null");
		break;
	}
}

/* Length of the well-formed UTF-8 sequence at `text` (no surrogates, no overlong forms), 0 when there is none.  Reads
 * no further than a NUL. */
static size_t utf8_sequence(const unsigned char *text)
{
	unsigned char c = text[0], low = 0x80, high = 0xbf;
	size_t len = c < 0x80		     ? 1
		     : c >= 0xc2 && c < 0xe0 ? 2
		     : c >= 0xe0 && c < 0xf0 ? 3
		     : c >= 0xf0 && c < 0xf5 ? 4
					     : 0;

	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < len; i++) {
		if (text[i] < low || text[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

json_t *value_text(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	struct buf clean = BUF_INIT;
	json_t *result = NULL;

	while (*at) {
		size_t len = utf8_sequence(at);

		if (len > 0)
			buf_append(&clean, at, len);
		else
			buf_append_text(&clean, "\xef\xbf\xbd");
		at += len > 0 ? len : 1;
	}
	if (!clean.error)
		result = json_stringn(clean.data ? (const char *)clean.data : "", clean.len);
	buf_free(&clean);
	return result;
}

static json_t *number_text(const char *text)
{
	char wrapped[48] = {0};
	size_t len = strlen(text);

	memcpy(wrapped + 1, text, len);
	return json_stringn_nocheck(wrapped, len + 1);
}

static json_t *decimal(const char *sign, uint64_t magnitude, unsigned decimals)
{
	uint64_t scale = 1;
	char text[40];

	for (unsigned i = 0; i < decimals; i++)
		scale *= 10;
	snprintf(text, sizeof(text), "%s%" PRIu64 ".%0*" PRIu64, sign, magnitude / scale, (int)decimals,
		 magnitude % scale);
	return number_text(text);
}

json_t *value_decimal(int64_t units, unsigned decimals)
{
	if (decimals == 0)
		return json_integer(units);
	return decimal(units < 0 ? "-" : "", units < 0 ? 0 - (uint64_t)units : (uint64_t)units, decimals);
}

json_t *value_amount(uint64_t satoshis)
{
	return decimal("", satoshis, AMOUNT_DECIMALS);
}

json_t *value_hex(const uint8_t *bytes, size_t len)
{
	char *text = len < SIZE_MAX / 2 ? malloc(2 * len + 1) : NULL;
	json_t *result = NULL;

	if (text) {
		hex_encode(text, bytes, len);
		result = json_stringn_nocheck(text, 2 * len);
	}
	free(text);
	return result;
}

json_t *value_u64(uint64_t number)
{
	char text[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(text, sizeof(text), "%" PRIu64, number);
	return number_text(text);
}

const char *value_number_text(const json_t *value)
{
	if (!json_is_string(value) || json_string_length(value) < 2 || json_string_value(value)[0] != 0)
		return NULL;
	return json_string_value(value) + 1;
}

/* A number as it is written, without sign: digits, some of them behind the point, and an exponent. */
struct written {
	const char *at, *end; /* digits and point */
	int64_t digits;	      /* how many */
	int64_t exponent;     /* what the last one counts, as a power of ten; with the 8 decimals of an amount */
};

static void read_written(struct written *w, const char *text, const char *end)
{
	/* Beyond it an amount is nothing, or too large, whatever its digits are. */
	const int64_t most = INT32_MAX;
	bool behind = false;

	*w = (struct written){.at = text, .end = end, .exponent = AMOUNT_DECIMALS};
	for (const char *c = text; c < end; c++) {
		if (*c == 'e' || *c == 'E') {
			int64_t given = strtoll(c + 1, NULL, 10);

			w->exponent += given > most ? most : given < -most ? -most : given;
			w->end = c;
			return;
		}
		if (*c == '.') {
			behind = true;
			continue;
		}
		w->digits++;
		w->exponent -= behind;
	}
}

/* Digits that count less than a satoshi must be zeros. */
static int sum_written(uint64_t *satoshis, const struct written *w)
{
	int64_t exponent = w->exponent + w->digits - 1;
	uint64_t sum = 0;

	for (const char *c = w->at; c < w->end; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (*c == '.')
			continue;
		if (exponent < 0 && digit > 0)
			return VALUE_E_INVALID;
		if (exponent-- >= 0 &&
		    (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum)))
			return VALUE_E_LIMIT;
	}
	for (; exponent >= 0 && sum > 0; exponent--) {
		if (__builtin_mul_overflow(sum, 10, &sum))
			return VALUE_E_LIMIT;
	}
	*satoshis = sum;
	return 0;
}

int value_read_amount(uint64_t *satoshis, const json_t *value)
{
	const char *text = value_number_text(value);
	char integer[32];
	struct written w;
	bool plain;

	if (json_is_integer(value)) {
		snprintf(integer, sizeof(integer), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = integer;
	} else if (!text && json_is_string(value)) {
		text = json_string_value(value);
		/* A NUL inside, which no text of ours has. */
		if (strlen(text) != json_string_length(value))
			return VALUE_E_INVALID;
	}
	if (!text || !is_digit(*text) || !number_valid(text, text + strlen(text), &plain))
		return VALUE_E_INVALID;
	read_written(&w, text, text + strlen(text));
	return sum_written(satoshis, &w);
}
