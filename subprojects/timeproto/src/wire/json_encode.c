/* SPDX-License-Identifier: MIT
 *
 * Structs to text, by the descriptions, byte for byte as serde_json writes it.
 *
 * Every step reserves the most that it can write before it writes, so that growth is checked once a step; names are
 * copied in one piece of constant size.
 */
#include "timeproto/wire/json.h"

#include <errno.h>
#include <string.h>

#include "desc.h"

/* The longest number, "-9223372036854775808". */
#define NUMBER_BYTES 20

static int encode_value(struct buf *out, const struct wire_desc *desc, const void *value);

/* "0," to "255,", and how many bytes of it count. */
struct byte_text {
	char text[4];
	uint8_t len;
};

#define B1(d) {{'0' + (d), ',', 0, 0}, 2}
#define B2(t, d) {{'0' + (t), '0' + (d), ',', 0}, 3}
#define B3(h, t, d) {{'0' + (h), '0' + (t), '0' + (d), ','}, 4}
#define ROW2(t)                                                                                                        \
	B2(t, 0), B2(t, 1), B2(t, 2), B2(t, 3), B2(t, 4), B2(t, 5), B2(t, 6), B2(t, 7), B2(t, 8), B2(t, 9)
#define ROW3(h, t)                                                                                                     \
	B3(h, t, 0), B3(h, t, 1), B3(h, t, 2), B3(h, t, 3), B3(h, t, 4), B3(h, t, 5), B3(h, t, 6), B3(h, t, 7),        \
		B3(h, t, 8), B3(h, t, 9)

static const struct byte_text byte_texts[256] = {
	B1(0), B1(1), B1(2), B1(3), B1(4), B1(5), B1(6), B1(7), B1(8), B1(9),
	ROW2(1), ROW2(2), ROW2(3), ROW2(4), ROW2(5), ROW2(6), ROW2(7), ROW2(8), ROW2(9),
	ROW3(1, 0), ROW3(1, 1), ROW3(1, 2), ROW3(1, 3), ROW3(1, 4),
	ROW3(1, 5), ROW3(1, 6), ROW3(1, 7), ROW3(1, 8), ROW3(1, 9),
	ROW3(2, 0), ROW3(2, 1), ROW3(2, 2), ROW3(2, 3), ROW3(2, 4),
	B3(2, 5, 0), B3(2, 5, 1), B3(2, 5, 2), B3(2, 5, 3), B3(2, 5, 4), B3(2, 5, 5),
};

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
				  "25262728293031323334353637383940414243444546474849"
				  "50515253545556575859606162636465666768697071727374"
				  "75767778798081828384858687888990919293949596979899";

/* Writes the decimal digits to the NUMBER_BYTES bytes before `end`; gives where they begin. */
static uint8_t *format_u64(uint8_t *end, uint64_t value)
{
	while (value >= 100) {
		end -= 2;
		memcpy(end, digit_pairs + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10) {
		end -= 2;
		memcpy(end, digit_pairs + 2 * value, 2);
	} else {
		*--end = (uint8_t)('0' + value);
	}
	return end;
}

static void append_number(struct buf *out, uint64_t magnitude, bool negative)
{
	uint8_t digits[NUMBER_BYTES + 1];
	uint8_t *end = digits + sizeof(digits);
	uint8_t *start = format_u64(end, magnitude);

	if (negative)
		*--start = '-';
	buf_append(out, start, (size_t)(end - start));
}

static void append_i64(struct buf *out, int64_t value)
{
	append_number(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

static void encode_bytes(struct buf *out, const uint8_t *bytes, size_t len)
{
	uint8_t *room = len <= (SIZE_MAX / 8) ? buf_reserve(out, 4 * len + 2) : NULL;
	uint8_t *at = room;

	if (!room)
		return;
	*at++ = '[';
	for (size_t i = 0; i < len; i++) {
		const struct byte_text *text = &byte_texts[bytes[i]];

		memcpy(at, text->text, 4);
		at += text->len;
	}
	/* The last comma becomes the bracket. */
	if (len > 0)
		at--;
	*at++ = ']';
	buf_advance(out, (size_t)(at - room));
}

/* Strings. */

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void append_escaped(struct buf *out, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char text[7] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], 0};

	switch (c) {
	case '"':
	case '\\':
		text[1] = (char)c;
		break;
	case '\b':
		text[1] = 'b';
		break;
	case '\f':
		text[1] = 'f';
		break;
	case '\n':
		text[1] = 'n';
		break;
	case '\r':
		text[1] = 'r';
		break;
	case '\t':
		text[1] = 't';
		break;
	default:
		buf_append(out, text, 6);
		return;
	}
	buf_append(out, text, 2);
}

static void encode_string(struct buf *out, const struct wire_str *str)
{
	const uint8_t *at = (const uint8_t *)str->ptr;
	const uint8_t *end = str->len > 0 ? at + str->len : at; /* an empty one may be NULL */

	buf_append_byte(out, '"');
	while (at < end) {
		const uint8_t *run = at;

		while (at < end && is_plain(*at))
			at++;
		buf_append(out, run, (size_t)(at - run));
		if (at < end)
			append_escaped(out, *at++);
	}
	buf_append_byte(out, '"');
}

/* Aggregates. */

/* The first `len` bytes of the punctuated name `key`, from `from` on. */
static void append_key(struct buf *out, const char key[WIRE_KEY_BYTES], size_t from, size_t len)
{
	uint8_t *room = buf_reserve(out, WIRE_KEY_BYTES);

	if (!room)
		return;
	memcpy(room, key + from, WIRE_KEY_BYTES - from);
	buf_advance(out, len - from);
}

static int encode_list(struct buf *out, const struct wire_desc *desc, const void *value)
{
	const struct wire_desc *element = desc->element;
	const uint8_t *items;
	size_t len;

	memcpy(&items, value, sizeof(items));
	memcpy(&len, (const uint8_t *)value + sizeof(items), sizeof(len));
	buf_append_byte(out, '[');
	for (size_t i = 0; i < len; i++) {
		int result;

		if (i > 0)
			buf_append_byte(out, ',');
		result = encode_value(out, element, items + i * element->size);
		if (result)
			return result;
	}
	buf_append_byte(out, ']');
	return 0;
}

/* What an optional field points to. */
static const void *pointed_to(const void *field)
{
	const void *value;

	memcpy(&value, field, sizeof(value));
	return value;
}

static int encode_struct(struct buf *out, const struct wire_desc *desc, const void *value)
{
	size_t start = out->len;

	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_field *field = &desc->fields[i];
		const void *member = (const uint8_t *)value + field->offset;
		int result = 0;

		if (field->presence != WIRE_REQUIRED)
			member = pointed_to(member);
		if (!member && field->presence == WIRE_EXTRA)
			continue;
		append_key(out, field->key, 0, field->key_len);
		if (member)
			result = encode_value(out, field->desc, member);
		else
			buf_append(out, "null", 4);
		if (result)
			return result;
	}
	/* Each key brought a comma along; the first of them opens the object.  No struct begins with an extra key. */
	if (!out->error)
		out->data[start] = '{';
	buf_append_byte(out, '}');
	return 0;
}

static int encode_tuple(struct buf *out, const struct wire_desc *desc, const void *value)
{
	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_field *field = &desc->fields[i];
		int result;

		buf_append_byte(out, i == 0 ? '[' : ',');
		result = encode_value(out, field->desc, (const uint8_t *)value + field->offset);
		if (result)
			return result;
	}
	buf_append_byte(out, ']');
	return 0;
}

static int encode_enum(struct buf *out, const struct wire_desc *desc, const void *value)
{
	const struct wire_variant *variant;
	uint32_t tag;
	int result;

	memcpy(&tag, value, sizeof(tag));
	tag -= desc->first_tag;
	if (tag >= desc->count)
		return -EINVAL;
	variant = &desc->variants[tag];
	if (!variant->payload) {
		append_key(out, variant->key, 1, variant->key_len - 1u);
		return 0;
	}
	append_key(out, variant->key, 0, variant->key_len);
	result = encode_value(out, variant->payload, (const uint8_t *)value + desc->payload_offset);
	buf_append_byte(out, '}');
	return result;
}

static int encode_value(struct buf *out, const struct wire_desc *desc, const void *value)
{
	switch (desc->kind) {
	case WIRE_KIND_BOOL:
		buf_append_text(out, *(const bool *)value ? "true" : "false");
		return 0;
	case WIRE_KIND_U32:
		append_number(out, *(const uint32_t *)value, false);
		return 0;
	case WIRE_KIND_U64:
		append_number(out, *(const uint64_t *)value, false);
		return 0;
	case WIRE_KIND_I64:
		append_i64(out, *(const int64_t *)value);
		return 0;
	case WIRE_KIND_FIXED:
		encode_bytes(out, value, desc->count);
		return 0;
	case WIRE_KIND_BYTES:
		encode_bytes(out, ((const struct wire_bytes *)value)->ptr, ((const struct wire_bytes *)value)->len);
		return 0;
	case WIRE_KIND_STRING:
		encode_string(out, value);
		return 0;
	case WIRE_KIND_LIST:
		return encode_list(out, desc, value);
	case WIRE_KIND_STRUCT:
		return encode_struct(out, desc, value);
	case WIRE_KIND_TUPLE:
		return encode_tuple(out, desc, value);
	case WIRE_KIND_ENUM:
		return encode_enum(out, desc, value);
	}
	__builtin_unreachable();
}

int wire_json_encode_value(struct buf *out, const struct wire_desc *desc, const void *value)
{
	int result = encode_value(out, desc, value);

	return result ? result : out->error;
}

int wire_json_encode(struct buf *out, const struct wire_message *message)
{
	return wire_json_encode_value(out, &wire_desc_message, message);
}

/* The variant of a message whose payload is a list. */
static const struct wire_variant *list_variant(enum wire_type type)
{
	uint32_t tag = (uint32_t)type - wire_desc_message.first_tag;
	const struct wire_variant *variant = tag < wire_desc_message.count ? &wire_desc_message.variants[tag] : NULL;

	return variant && variant->payload && variant->payload->kind == WIRE_KIND_LIST ? variant : NULL;
}

int wire_json_encode_list_begin(struct buf *out, enum wire_type type)
{
	const struct wire_variant *variant = list_variant(type);

	if (!variant)
		return -EINVAL;
	append_key(out, variant->key, 0, variant->key_len);
	buf_append_byte(out, '[');
	return out->error;
}

int wire_json_encode_list_item(struct buf *out, enum wire_type type, const void *item, bool first)
{
	const struct wire_variant *variant = list_variant(type);

	if (!variant)
		return -EINVAL;
	if (!first)
		buf_append_byte(out, ',');
	return wire_json_encode_value(out, variant->payload->element, item);
}

int wire_json_encode_list_end(struct buf *out)
{
	buf_append_text(out, "]}");
	return out->error;
}
