/* SPDX-License-Identifier: MIT
 *
 * Text to structs, by the descriptions.  The usual input (our own and serde's) has its keys in the order of the
 * schema and no whitespace, so each step first tries exactly that; everything else takes the slow path beside it.
 */
#include "timeproto/wire/json.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "desc.h"
#include "json_scan.h"
#include "list.h"

/* Names longer than any in the schema are unknown; only escaped ones are copied at all. */
#define NAME_BYTES 64

struct name {
	const char *text;
	size_t len;
	const uint8_t *start; /* where its quote stands in the input */
	char copy[NAME_BYTES];
};

static int decode_value(struct json_reader *r, const struct wire_desc *desc, void *out);

static int out_of_memory(struct json_reader *r)
{
	return json_fault(r, -ENOMEM, r->at, "out of memory");
}

/* Takes `wanted` behind optional whitespace. */
static inline int take(struct json_reader *r, char wanted, const char *text)
{
	if (json_peek(r) != wanted)
		return json_fault(r, WIRE_E_SYNTAX, r->at, r->at == r->end ? "the input ends early" : text);
	r->at++;
	return 0;
}

/* A name in quotes, `r->at` standing at the first one. */
static int read_name(struct json_reader *r, struct name *name)
{
	struct json_string string;
	int result;

	name->start = r->at;
	result = json_scan_string(r, &string);
	if (result)
		return result;
	name->len = string.len;
	name->text = (const char *)string.raw;
	if (string.len != string.raw_len) {
		name->text = name->copy;
		if (string.len <= NAME_BYTES)
			json_copy_string((uint8_t *)name->copy, &string);
		else
			name->len = 0; /* no name is empty */
	}
	return 0;
}

/* Byte arrays. */

/* The number whose digits (0 to 9, the first in the lowest byte) fill the low `bits` of `digits`: false when they are
 * not one to three, above 255, or begin with a needless 0. */
static inline bool fast_byte(uint64_t digits, unsigned bits, uint8_t *out)
{
	uint32_t aligned, value;

	if (bits - 8 > 16)
		return false;
	/* Ones in the top byte, then tens, then hundreds. */
	aligned = (uint32_t)digits << (32 - bits);
	value = (aligned >> 24) + (aligned >> 16 & 0xff) * 10 + (aligned >> 8 & 0xff) * 100;
	*out = (uint8_t)value;
	return value <= 255 && (bits == 8 || (digits & 0xff) != 0);
}

/* Up to `max` numbers at `at` that are written the usual way, one to three digits and a comma; ends before the first
 * that is not, so at the latest before the last one of its array.  Eight bytes hold at least two such numbers, and
 * two are taken from each load: what limits the speed is the time until the next place to load from is known. */
static const uint8_t *fast_bytes(const uint8_t *at, const uint8_t *end, uint8_t *out, size_t max, size_t *count)
{
	const uint64_t ones = 0x0101010101010101u;
	size_t n = 0;

	while (n + 2 <= max && end - at >= 8) {
		uint64_t word, digits, others, not_commas;
		unsigned first, second; /* where the two commas are, in bits */

		memcpy(&word, at, 8);
		digits = le64toh(word) ^ ones * '0';
		/* The top bit of each byte that is no digit; a carry spoils only bytes beyond one that is none. */
		others = (digits | (digits + ones * 0x76)) & ones * 0x80;
		not_commas = (digits ^ ones * ('0' ^ ',')) & (others >> 7) * 0xff;
		if ((others & (others - 1)) == 0)
			break;
		first = (unsigned)__builtin_ctzll(others) & ~7u;
		second = (unsigned)__builtin_ctzll(others & (others - 1)) & ~7u;
		/* What stands behind the second comma does not matter yet. */
		if (not_commas << (56 - second) != 0)
			break;
		if (!fast_byte(digits, first, out + n) ||
		    !fast_byte(digits >> first >> 8, second - first - 8, out + n + 1))
			break;
		n += 2;
		at += second / 8 + 1;
	}
	*count = n;
	return at;
}

/* One number and what follows it: `*more` says whether that was a comma. */
static int slow_byte(struct json_reader *r, uint8_t *out, bool *more)
{
	const uint8_t *start;
	uint64_t value;
	int result;
	uint8_t c;

	json_skip_space(r);
	start = r->at;
	result = json_scan_u64(r, &value);
	if (result)
		return result;
	if (value > 255)
		return json_fault(r, WIRE_E_RANGE, start, "expected a byte, 0 to 255");
	*out = (uint8_t)value;
	c = json_peek(r);
	if (c != ',' && c != ']')
		return json_fault(r, WIRE_E_SYNTAX, r->at, "expected a comma or the end of the array");
	r->at++;
	*more = c == ',';
	return 0;
}

/* The numbers behind the opening bracket, and the closing one.  More than `max` is the error `too_many`. */
static int decode_numbers(struct json_reader *r, uint8_t *out, size_t max, size_t *count, int too_many)
{
	size_t n = 0;
	bool more = true;

	if (json_peek(r) == ']') {
		r->at++;
		more = false;
	}
	while (more) {
		size_t fast;
		int result;

		r->at = fast_bytes(r->at, r->end, out + n, max - n, &fast);
		n += fast;
		if (n == max) {
			json_skip_space(r);
			return json_fault(r, too_many, r->at, "the array has too many bytes");
		}
		result = slow_byte(r, out + n, &more);
		if (result) {
			wire_fault_index(&r->fault, n);
			return result;
		}
		n++;
	}
	*count = n;
	return 0;
}

static int decode_fixed(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	const uint8_t *start;
	size_t count;
	int result;

	if (json_peek(r) != '[')
		return json_fault_kind(r, "expected an array of bytes");
	start = r->at++;
	result = decode_numbers(r, out, desc->count, &count, WIRE_E_TYPE);
	if (!result && count != desc->count)
		return json_fault(r, WIRE_E_TYPE, start, "the array has too few bytes");
	return result;
}

static int decode_bytes(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	struct wire_bytes *bytes = out;
	const uint8_t *close;
	size_t room, count;
	uint8_t *data;
	int result;

	if (json_peek(r) != '[')
		return json_fault_kind(r, "expected an array of bytes");
	r->at++;
	/* A number and its comma take two bytes at least: so many there can be at most. */
	close = memchr(r->at, ']', (size_t)(r->end - r->at));
	if (!close)
		close = r->end;
	room = (size_t)(close - r->at) / 2 + 1;
	if (room > desc->limit)
		room = desc->limit;
	data = arena_alloc(r->arena, room);
	if (!data)
		return out_of_memory(r);
	result = decode_numbers(r, data, room, &count, WIRE_E_LIMIT);
	if (result)
		return result;
	arena_trim(r->arena, data, room, count);
	bytes->ptr = data;
	bytes->len = count;
	return 0;
}

/* Other values. */

static int decode_string(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	struct wire_str *str = out;
	struct json_string string;
	const uint8_t *start;
	uint8_t *data;
	int result;

	if (json_peek(r) != '"')
		return json_fault_kind(r, "expected a string");
	start = r->at;
	result = json_scan_string(r, &string);
	if (result)
		return result;
	if (string.len > desc->limit)
		return json_fault(r, WIRE_E_LIMIT, start, "the string is too long");
	data = arena_alloc(r->arena, string.len + 1);
	if (!data)
		return out_of_memory(r);
	json_copy_string(data, &string);
	data[string.len] = 0;
	str->ptr = (const char *)data;
	str->len = string.len;
	return 0;
}

/* An element beyond the limit of a list that is cut. */
static int drop_element(struct json_reader *r, const struct wire_desc *element)
{
	if (element->kind == WIRE_KIND_STRING && json_peek(r) != '"')
		return json_fault_kind(r, "expected a string");
	return json_skip_value(r);
}

static int decode_element(struct json_reader *r, const struct wire_desc *desc, struct wire_list *list)
{
	void *item;
	int result;

	if (list->len >= desc->limit) {
		json_skip_space(r);
		if (desc->cut)
			return drop_element(r, desc->element);
		return json_fault(r, WIRE_E_LIMIT, r->at, "the list has too many items");
	}
	item = wire_list_next(list, r->arena);
	if (!item)
		return out_of_memory(r);
	result = decode_value(r, desc->element, item);
	if (!result)
		list->len++;
	return result;
}

static int decode_list(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	struct wire_list list = {.size = desc->element->size};
	size_t index = 0;
	int result;

	if (json_peek(r) != '[')
		return json_fault_kind(r, "expected an array");
	r->at++;
	r->depth++;
	if (json_peek(r) == ']') {
		r->at++;
	} else {
		for (;;) {
			result = decode_element(r, desc, &list);
			if (result) {
				wire_fault_index(&r->fault, index);
				return result;
			}
			index++;
			if (json_peek(r) == ']') {
				r->at++;
				break;
			}
			result = take(r, ',', "expected a comma or the end of the array");
			if (result)
				return result;
		}
	}
	r->depth--;
	wire_list_store(&list, r->arena, out);
	return 0;
}

static int decode_tuple(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	int result;

	if (json_peek(r) != '[')
		return json_fault_kind(r, "expected an array");
	r->at++;
	r->depth++;
	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_field *field = &desc->fields[i];

		if (json_peek(r) == ']')
			return json_fault(r, WIRE_E_TYPE, r->at, "the array has too few items");
		result = decode_value(r, field->desc, (uint8_t *)out + field->offset);
		if (result) {
			wire_fault_index(&r->fault, i);
			return result;
		}
		if (i + 1 < desc->count && json_peek(r) != ']') {
			result = take(r, ',', "expected a comma");
			if (result)
				return result;
		}
	}
	if (json_peek(r) == ',')
		return json_fault(r, WIRE_E_TYPE, r->at, "the array has too many items");
	r->depth--;
	return take(r, ']', "expected the end of the array");
}

/* Objects. */

static int decode_optional(struct json_reader *r, const struct wire_field *field, void *out)
{
	void *value = NULL;

	if (json_peek(r) != 'n' || !json_take_word(r, "null", 4)) {
		int result;

		value = arena_alloc(r->arena, field->desc->size);
		if (!value)
			return out_of_memory(r);
		result = decode_value(r, field->desc, value);
		if (result)
			return result;
	}
	memcpy(out, &value, sizeof(value));
	return 0;
}

static int decode_field(struct json_reader *r, const struct wire_field *field, void *object)
{
	void *out = (uint8_t *)object + field->offset;
	int result;

	if (field->presence == WIRE_REQUIRED)
		result = decode_value(r, field->desc, out);
	else
		result = decode_optional(r, field, out);
	if (result)
		wire_fault_name(&r->fault, wire_field_name(field), wire_field_name_len(field));
	return result;
}

/* Whether the `len` >= 4 bytes at both places are the same: names are short, so a call would cost more. */
static inline bool same_bytes(const uint8_t *a, const char *b, size_t len)
{
	uint64_t x, y;
	uint32_t v, w;
	size_t at = 0;

	if (len < 8) {
		memcpy(&v, a, 4);
		memcpy(&w, b, 4);
		if (v != w)
			return false;
		memcpy(&v, a + len - 4, 4);
		memcpy(&w, b + len - 4, 4);
		return v == w;
	}
	for (; at + 8 < len; at += 8) {
		memcpy(&x, a + at, 8);
		memcpy(&y, b + at, 8);
		if (x != y)
			return false;
	}
	memcpy(&x, a + len - 8, 8);
	memcpy(&y, b + len - 8, 8);
	return x == y;
}

/* The key at hand and its colon; `*index` of the field, or desc->count when the schema does not have it. */
static int decode_key(struct json_reader *r, const struct wire_desc *desc, uint32_t expected, uint32_t *index)
{
	const struct wire_field *field = &desc->fields[expected];
	struct name name;
	int result;
	uint32_t i;

	if (expected < desc->count && r->end - r->at >= field->key_len &&
	    same_bytes(r->at, field->key + 1, field->key_len - 1u)) {
		r->at += field->key_len - 1;
		*index = expected;
		return 0;
	}
	if (json_peek(r) != '"')
		return json_fault(r, WIRE_E_SYNTAX, r->at, r->at == r->end ? "the input ends early" : "expected a key");
	result = read_name(r, &name);
	if (result)
		return result;
	for (i = 0; i < desc->count; i++) {
		field = &desc->fields[i];
		if (wire_field_name_len(field) == name.len && memcmp(wire_field_name(field), name.text, name.len) == 0)
			break;
	}
	*index = i;
	return take(r, ':', "expected a colon");
}

/* All keys were read; those of `seen` were there. */
static int finish_struct(struct json_reader *r, const struct wire_desc *desc, uint32_t seen, uint8_t *object)
{
	const void *none = NULL;

	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_field *field = &desc->fields[i];

		if (seen >> i & 1)
			continue;
		if (field->presence == WIRE_REQUIRED) {
			int result = json_fault(r, WIRE_E_MISSING, r->at - 1, "this key is missing");

			wire_fault_name(&r->fault, wire_field_name(field), wire_field_name_len(field));
			return result;
		}
		memcpy(object + field->offset, &none, sizeof(none));
	}
	return 0;
}

/* A key and its value.  `*expected` is the field that stands next in the schema, `*seen` has a bit for each so far. */
static int decode_member(struct json_reader *r, const struct wire_desc *desc, uint32_t *expected, uint32_t *seen,
			 void *object)
{
	const uint8_t *start = r->at;
	const struct wire_field *field;
	uint32_t index = 0;
	int result;

	result = decode_key(r, desc, *expected, &index);
	if (result)
		return result;
	if (index == desc->count)
		return json_skip_value(r);
	field = &desc->fields[index];
	if (*seen >> index & 1) {
		result = json_fault(r, WIRE_E_DUPLICATE, start, "this key stands here twice");
		wire_fault_name(&r->fault, wire_field_name(field), wire_field_name_len(field));
		return result;
	}
	*seen |= UINT32_C(1) << index;
	*expected = index + 1;
	return decode_field(r, field, object);
}

static int decode_struct(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	uint32_t seen = 0;
	uint32_t expected = 0;
	int result;

	if (json_peek(r) != '{')
		return json_fault_kind(r, "expected an object");
	r->at++;
	r->depth++;
	if (json_peek(r) != '}') {
		for (;;) {
			result = decode_member(r, desc, &expected, &seen, out);
			if (result)
				return result;
			if (json_peek(r) != ',')
				break;
			r->at++;
			json_skip_space(r);
		}
	}
	result = take(r, '}', "expected a comma or the end of the object");
	if (result)
		return result;
	r->depth--;
	return finish_struct(r, desc, seen, out);
}

/* Enums. */

static int find_variant(struct json_reader *r, const struct wire_desc *desc, const struct name *name, uint32_t *index)
{
	*index = wire_variant_find(desc, name->text, name->len);
	if (*index < desc->count)
		return 0;
	if (desc == &wire_desc_message)
		return json_fault(r, WIRE_E_UNKNOWN_MESSAGE, name->start, "no message has this name");
	return json_fault(r, WIRE_E_UNKNOWN_VARIANT, name->start, "no variant has this name");
}

/* The value behind a variant's name and colon. */
static int decode_payload(struct json_reader *r, const struct wire_desc *desc, const struct wire_variant *variant,
			  void *out)
{
	int result;

	if (variant->payload)
		result = decode_value(r, variant->payload, (uint8_t *)out + desc->payload_offset);
	else if (json_peek(r) == 'n' && json_take_word(r, "null", 4))
		result = 0;
	else
		result = json_fault_kind(r, "expected null");
	if (result)
		wire_fault_name(&r->fault, variant->name, wire_variant_name_len(variant));
	return result;
}

static int decode_tagged(struct json_reader *r, const struct wire_desc *desc, uint32_t *index, void *out)
{
	struct name name;
	int result;

	r->at++;
	r->depth++;
	if (json_peek(r) != '"')
		return json_fault(r, WIRE_E_SYNTAX, r->at,
				  r->at == r->end ? "the input ends early" : "expected a name");
	result = read_name(r, &name);
	if (!result)
		result = take(r, ':', "expected a colon");
	if (!result)
		result = find_variant(r, desc, &name, index);
	if (!result)
		result = decode_payload(r, desc, &desc->variants[*index], out);
	if (result)
		return result;
	if (json_peek(r) == ',')
		return json_fault(r, WIRE_E_TYPE, r->at, "expected exactly one variant");
	r->depth--;
	return take(r, '}', "expected the end of the object");
}

static int decode_unit(struct json_reader *r, const struct wire_desc *desc, uint32_t *index)
{
	struct name name;
	int result = read_name(r, &name);

	if (!result)
		result = find_variant(r, desc, &name, index);
	if (!result && desc->variants[*index].payload) {
		const struct wire_variant *variant = &desc->variants[*index];

		result = json_fault(r, WIRE_E_TYPE, name.start, "this variant has a payload");
		wire_fault_name(&r->fault, variant->name, wire_variant_name_len(variant));
	}
	return result;
}

static int decode_enum(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	uint32_t index = 0;
	uint32_t tag;
	uint8_t first = json_peek(r);
	int result;

	if (first == '{')
		result = decode_tagged(r, desc, &index, out);
	else if (first == '"')
		result = decode_unit(r, desc, &index);
	else
		return json_fault_kind(r, "expected a variant");
	if (result)
		return result;
	tag = index + desc->first_tag;
	memcpy(out, &tag, sizeof(tag));
	return 0;
}

static int decode_number(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	const uint8_t *start;
	uint64_t value;
	uint32_t narrow;
	int result;

	json_skip_space(r);
	start = r->at;
	result = json_scan_u64(r, &value);
	if (result)
		return result;
	if (desc->kind == WIRE_KIND_U64) {
		memcpy(out, &value, sizeof(value));
		return 0;
	}
	if (value > UINT32_MAX)
		return json_fault(r, WIRE_E_RANGE, start, "the number does not fit into 32 bits");
	narrow = (uint32_t)value;
	memcpy(out, &narrow, sizeof(narrow));
	return 0;
}

static int decode_bool(struct json_reader *r, bool *out)
{
	json_skip_space(r);
	if (json_take_word(r, "true", 4))
		*out = true;
	else if (json_take_word(r, "false", 5))
		*out = false;
	else
		return json_fault_kind(r, "expected true or false");
	return 0;
}

static int decode_value(struct json_reader *r, const struct wire_desc *desc, void *out)
{
	switch (desc->kind) {
	case WIRE_KIND_BOOL:
		return decode_bool(r, out);
	case WIRE_KIND_U32:
	case WIRE_KIND_U64:
		return decode_number(r, desc, out);
	case WIRE_KIND_I64:
		json_skip_space(r);
		return json_scan_i64(r, out);
	case WIRE_KIND_FIXED:
		return decode_fixed(r, desc, out);
	case WIRE_KIND_BYTES:
		return decode_bytes(r, desc, out);
	case WIRE_KIND_STRING:
		return decode_string(r, desc, out);
	case WIRE_KIND_LIST:
		return decode_list(r, desc, out);
	case WIRE_KIND_STRUCT:
		return decode_struct(r, desc, out);
	case WIRE_KIND_TUPLE:
		return decode_tuple(r, desc, out);
	case WIRE_KIND_ENUM:
		return decode_enum(r, desc, out);
	}
	__builtin_unreachable();
}

int wire_json_decode_value(void *out, const struct wire_desc *desc, struct arena *arena, const uint8_t *text,
			   size_t len, struct wire_error *error)
{
	struct json_reader r = {.at = text, .end = text + len, .begin = text, .arena = arena, .fault.error = error};
	int result = decode_value(&r, desc, out);

	json_skip_space(&r);
	if (!result && r.at < r.end)
		result = json_fault(&r, WIRE_E_TRAILING, r.at, "something stands after the value");
	if (result)
		wire_fault_finish(&r.fault);
	return result;
}

int wire_json_decode(struct wire_message *out, struct arena *arena, const uint8_t *line, size_t len,
		     struct wire_error *error)
{
	return wire_json_decode_value(out, &wire_desc_message, arena, line, len, error);
}
