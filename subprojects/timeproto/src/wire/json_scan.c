/* SPDX-License-Identifier: MIT
 *
 * Numbers and strings of JSON, and the skipping of values nobody asked for (iterative: the input decides how deep it
 * nests, not our stack).
 */
#include "json_scan.h"

#include <string.h>

#include "utf8.h"

bool json_take_word(struct json_reader *r, const char *word, size_t len)
{
	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return false;
	r->at += len;
	return true;
}

bool json_at_value(const struct json_reader *r)
{
	struct json_reader copy = *r;

	if (json_take_word(&copy, "null", 4) || json_take_word(&copy, "true", 4) || json_take_word(&copy, "false", 5))
		return true;
	return r->at < r->end && *r->at != 0 && strchr("{[\"-0123456789", *r->at);
}

/* Numbers. */

/* Twenty digits or more, the first not 0: the value, or an overflow. */
static int long_u64(struct json_reader *r, const uint8_t *digits, size_t count, uint64_t *value)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (__builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, digits[i] - '0', &sum))
			return json_fault(r, WIRE_E_RANGE, digits, "the number does not fit into 64 bits");
	}
	*value = sum;
	return 0;
}

/* The digits of an integer, its sign taken already; `start` is where the number begins. */
static int scan_magnitude(struct json_reader *r, const uint8_t *start, uint64_t *value)
{
	const uint8_t *digits = r->at;
	const uint8_t *at = digits;
	uint64_t sum = 0;
	size_t count;

	while (at < r->end && (uint8_t)(*at - '0') <= 9)
		sum = sum * 10 + (uint8_t)(*at++ - '0');
	count = (size_t)(at - digits);
	r->at = at;
	if (count == 0)
		return json_fault(r, WIRE_E_SYNTAX, at, "expected a digit");
	if (*digits == '0' && count > 1)
		return json_fault(r, WIRE_E_SYNTAX, start, "a number must not begin with 0");
	if (at < r->end && (*at == '.' || *at == 'e' || *at == 'E'))
		return json_fault(r, WIRE_E_RANGE, start, "expected an integer without fraction or exponent");
	*value = sum;
	return count < 20 ? 0 : long_u64(r, digits, count, value);
}

int json_scan_u64(struct json_reader *r, uint64_t *value)
{
	if (r->at < r->end && (uint8_t)(*r->at - '0') <= 9)
		return scan_magnitude(r, r->at, value);
	if (r->at < r->end && *r->at == '-')
		return json_fault(r, WIRE_E_RANGE, r->at, "expected an unsigned integer");
	return json_fault_kind(r, "expected an unsigned integer");
}

int json_scan_i64(struct json_reader *r, int64_t *value)
{
	const uint8_t *start = r->at;
	bool negative = start < r->end && *start == '-';
	uint64_t magnitude;
	int result;

	if (!negative && (start == r->end || (uint8_t)(*start - '0') > 9))
		return json_fault_kind(r, "expected an integer");
	if (negative)
		r->at++;
	result = scan_magnitude(r, start, &magnitude);
	if (result)
		return result;
	if (negative && magnitude == 0)
		return json_fault(r, WIRE_E_RANGE, start, "-0 is not an integer");
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return json_fault(r, WIRE_E_RANGE, start, "the number does not fit into 64 bits with a sign");
	*value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return 0;
}

/* Strings. */

/* Whether none of the 8 bytes at `p` is a quote, a backslash, a control character or non-ASCII. */
static inline bool all_plain(const uint8_t *p)
{
	const uint64_t ones = 0x0101010101010101u, highs = ones * 0x80;
	uint64_t x, quote, backslash;

	memcpy(&x, p, 8);
	quote = x ^ ones * '"';
	backslash = x ^ ones * '\\';
	/* A borrow only ever spoils the bytes beyond one that is not plain itself. */
	return (((quote - ones) | (backslash - ones) | (x - ones * 0x20) | x) & highs) == 0;
}

static inline const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end)
{
	while (end - at >= 8 && all_plain(at))
		at += 8;
	while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* The four digits at `p`, or -1. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
	int32_t value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		uint8_t c = p[i];
		uint8_t lower = c | 0x20;

		if ((uint8_t)(c - '0') <= 9)
			value = value << 4 | (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			value = value << 4 | (lower - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static inline bool is_high_surrogate(int32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static inline bool is_low_surrogate(int32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Checks the \u escape whose backslash is at `at`; its length in the input, and in UTF-8. */
static int check_unicode_escape(struct json_reader *r, const uint8_t *at, size_t *raw_len, size_t *len)
{
	int32_t unit = hex4(at + 2, r->end);

	if (unit < 0)
		return json_fault(r, WIRE_E_SYNTAX, at, "expected four hex digits after \\u");
	*raw_len = 6;
	*len = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
	if (is_low_surrogate(unit))
		return json_fault(r, WIRE_E_UTF8, at, "a lone surrogate");
	if (is_high_surrogate(unit)) {
		if (r->end - at < 12 || at[6] != '\\' || at[7] != 'u' || !is_low_surrogate(hex4(at + 8, r->end)))
			return json_fault(r, WIRE_E_UTF8, at, "a lone surrogate");
		*raw_len = 12;
		*len = 4;
	}
	return 0;
}

/* The same for any escape. */
static int check_escape(struct json_reader *r, const uint8_t *at, size_t *raw_len, size_t *len)
{
	if (r->end - at < 2)
		return json_fault(r, WIRE_E_SYNTAX, r->end, "the input ends inside a string");
	if (at[1] == 'u')
		return check_unicode_escape(r, at, raw_len, len);
	if (at[1] == 0 || !strchr("\"\\/bfnrt", at[1]))
		return json_fault(r, WIRE_E_SYNTAX, at, "no such escape");
	*raw_len = 2;
	*len = 1;
	return 0;
}

int json_scan_string(struct json_reader *r, struct json_string *string)
{
	const uint8_t *at = r->at + 1;
	size_t saved = 0;	     /* by decoding escapes */
	size_t raw_len = 0, len = 0; /* of an escape */
	int result;

	string->raw = at;
	for (;;) {
		at = skip_plain(at, r->end);
		if (at == r->end)
			return json_fault(r, WIRE_E_SYNTAX, at, "the input ends inside a string");
		if (*at == '"')
			break;
		if (*at == '\\') {
			result = check_escape(r, at, &raw_len, &len);
			if (result)
				return result;
			saved += raw_len - len;
			at += raw_len;
		} else if (*at >= 0x80) {
			raw_len = wire_utf8_length(at, (size_t)(r->end - at));
			if (raw_len == 0)
				return json_fault(r, WIRE_E_UTF8, at, "invalid UTF-8");
			at += raw_len;
		} else {
			return json_fault(r, WIRE_E_SYNTAX, at, "a control character must be escaped");
		}
	}
	string->raw_len = (size_t)(at - string->raw);
	string->len = string->raw_len - saved;
	r->at = at + 1;
	return 0;
}

/* Writes the character of the \u escape at `*raw`, which is valid, and steps over it. */
static uint8_t *copy_unicode_escape(uint8_t *out, const uint8_t **raw)
{
	const uint8_t *at = *raw;
	int32_t c = hex4(at + 2, at + 6);

	*raw += 6;
	if (c < 0x80) {
		*out++ = (uint8_t)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (uint8_t)(0xc0 | c >> 6);
		*out++ = (uint8_t)(0x80 | (c & 0x3f));
		return out;
	}
	if (is_high_surrogate(c)) {
		c = 0x10000 + ((c - 0xd800) << 10) + (hex4(at + 8, at + 12) - 0xdc00);
		*raw += 6;
		*out++ = (uint8_t)(0xf0 | c >> 18);
		*out++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	} else {
		*out++ = (uint8_t)(0xe0 | c >> 12);
	}
	*out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	*out++ = (uint8_t)(0x80 | (c & 0x3f));
	return out;
}

static uint8_t short_escape(uint8_t c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c; /* quote, backslash, slash */
	}
}

void json_copy_string(uint8_t *out, const struct json_string *string)
{
	const uint8_t *at = string->raw;
	const uint8_t *end = at + string->raw_len;

	if (string->len == string->raw_len) {
		memcpy(out, at, string->len);
		return;
	}
	while (at < end) {
		if (*at != '\\') {
			*out++ = *at++;
		} else if (at[1] == 'u') {
			out = copy_unicode_escape(out, &at);
		} else {
			*out++ = short_escape(at[1]);
			at += 2;
		}
	}
}

/* Skipping. */

/* Which of the open levels are objects. */
struct levels {
	uint64_t objects[JSON_DEPTH_MAX / 64];
	unsigned count; /* open levels of the skipped value */
};

static bool in_object(const struct levels *levels)
{
	unsigned top = levels->count - 1;

	return levels->objects[top / 64] >> top % 64 & 1;
}

static int skip_digits(struct json_reader *r)
{
	const uint8_t *start = r->at;

	while (r->at < r->end && (uint8_t)(*r->at - '0') <= 9)
		r->at++;
	return r->at > start ? 0 : json_fault(r, WIRE_E_SYNTAX, r->at, "expected a digit");
}

/* A number of any kind. */
static int skip_number(struct json_reader *r)
{
	const uint8_t *digits;
	int result;

	if (*r->at == '-')
		r->at++;
	digits = r->at;
	result = skip_digits(r);
	if (result)
		return result;
	if (*digits == '0' && r->at - digits > 1)
		return json_fault(r, WIRE_E_SYNTAX, digits, "a number must not begin with 0");
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		result = skip_digits(r);
		if (result)
			return result;
	}
	if (r->at < r->end && (*r->at | 0x20) == 'e') {
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		result = skip_digits(r);
	}
	return result;
}

static int skip_scalar(struct json_reader *r, uint8_t first)
{
	struct json_string string;

	if (first == '"')
		return json_scan_string(r, &string);
	if (first == '-' || (uint8_t)(first - '0') <= 9)
		return skip_number(r);
	if (json_take_word(r, "null", 4) || json_take_word(r, "true", 4) || json_take_word(r, "false", 5))
		return 0;
	return json_fault(r, WIRE_E_SYNTAX, r->at, r->at == r->end ? "the input ends early" : "expected a value");
}

/* A key and its colon. */
static int skip_key(struct json_reader *r)
{
	struct json_string string;
	int result;

	if (json_peek(r) != '"')
		return json_fault(r, WIRE_E_SYNTAX, r->at, "expected a key");
	result = json_scan_string(r, &string);
	if (result)
		return result;
	if (json_peek(r) != ':')
		return json_fault(r, WIRE_E_SYNTAX, r->at, "expected a colon");
	r->at++;
	return 0;
}

/* Takes the `{` or `[` at hand.  Afterwards a value is due, unless `*closed`. */
static int skip_open(struct json_reader *r, struct levels *levels, uint8_t first, bool *closed)
{
	unsigned top = levels->count;

	if (r->depth + levels->count >= JSON_DEPTH_MAX)
		return json_fault(r, WIRE_E_DEPTH, r->at, "nested too deeply");
	r->at++;
	*closed = json_peek(r) == first + 2; /* '{' + 2 is '}', '[' + 2 is ']' */
	if (*closed) {
		r->at++;
		return 0;
	}
	levels->objects[top / 64] &= ~(UINT64_C(1) << top % 64);
	levels->objects[top / 64] |= (uint64_t)(first == '{') << top % 64;
	levels->count++;
	return first == '{' ? skip_key(r) : 0;
}

/* After a value: closes what ends here.  Afterwards a value is due, unless no level is left. */
static int skip_after(struct json_reader *r, struct levels *levels)
{
	while (levels->count > 0) {
		bool object = in_object(levels);
		uint8_t c = json_peek(r);

		if (c == ',') {
			r->at++;
			return object ? skip_key(r) : 0;
		}
		if (c != (object ? '}' : ']'))
			return json_fault(r, WIRE_E_SYNTAX, r->at, "expected a comma or the end");
		r->at++;
		levels->count--;
	}
	return 0;
}

int json_skip_value(struct json_reader *r)
{
	struct levels levels = {{0}, 0};
	int result;

	do {
		uint8_t first = json_peek(r);
		bool ended = true;

		if (first == '{' || first == '[')
			result = skip_open(r, &levels, first, &ended);
		else
			result = skip_scalar(r, first);
		if (!result && ended)
			result = skip_after(r, &levels);
	} while (!result && levels.count > 0);
	return result;
}
