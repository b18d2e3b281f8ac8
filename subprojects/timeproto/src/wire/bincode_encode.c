/* SPDX-License-Identifier: MIT
 *
 * Structs to bincode, by the descriptions.  The size is found first, so the bytes are then written into one
 * reservation without further checks.
 */
#include "timeproto/wire/bincode.h"

#include <errno.h>
#include <string.h>

#include "desc.h"
#include "timeproto/base/le.h"

/* SIZE_MAX: an enum in `value` is out of range. */
static size_t size_of(const struct wire_desc *desc, const void *value);
static uint8_t *put(uint8_t *at, const struct wire_desc *desc, const void *value);

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

/* The value of a field, through its pointer when it is optional. */
static const void *field_value(const struct wire_field *field, const void *object)
{
	const void *value = (const uint8_t *)object + field->offset;

	if (field->presence != WIRE_REQUIRED)
		memcpy(&value, value, sizeof(value));
	return value;
}

/* The pointer and length that every list is. */
static size_t list_items(const void *list, const uint8_t **items)
{
	size_t len;

	memcpy(items, list, sizeof(*items));
	memcpy(&len, (const uint8_t *)list + sizeof(*items), sizeof(len));
	return len;
}

static uint32_t enum_index(const struct wire_desc *desc, const void *value)
{
	uint32_t tag;

	memcpy(&tag, value, sizeof(tag));
	return tag - desc->first_tag;
}

static size_t add_sizes(size_t a, size_t b)
{
	return b == SIZE_MAX ? SIZE_MAX : a + b;
}

static size_t list_size(const struct wire_desc *desc, const void *value)
{
	const uint8_t *items;
	size_t len = list_items(value, &items);
	size_t sum = 8;

	for (size_t i = 0; i < len && sum != SIZE_MAX; i++)
		sum = add_sizes(sum, size_of(desc->element, items + i * desc->element->size));
	return sum;
}

static size_t struct_size(const struct wire_desc *desc, const void *value)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < desc->count && sum != SIZE_MAX; i++) {
		const struct wire_field *field = &desc->fields[i];
		const void *member;

		if (field->presence == WIRE_EXTRA)
			continue;
		if (field->presence == WIRE_OPTION)
			sum++;
		member = field_value(field, value);
		if (member)
			sum = add_sizes(sum, size_of(field->desc, member));
	}
	return sum;
}

static size_t enum_size(const struct wire_desc *desc, const void *value)
{
	uint32_t index = enum_index(desc, value);

	if (index >= desc->count)
		return SIZE_MAX;
	if (!desc->variants[index].payload)
		return 4;
	return add_sizes(4, size_of(desc->variants[index].payload, (const uint8_t *)value + desc->payload_offset));
}

static size_t size_of(const struct wire_desc *desc, const void *value)
{
	switch (desc->kind) {
	case WIRE_KIND_BOOL:
		return 1;
	case WIRE_KIND_U32:
		return 4;
	case WIRE_KIND_U64:
	case WIRE_KIND_I64:
		return 8;
	case WIRE_KIND_FIXED:
		return desc->count + (desc->prefixed ? 8u : 0u);
	case WIRE_KIND_BYTES:
		return 8 + ((const struct wire_bytes *)value)->len;
	case WIRE_KIND_STRING:
		return 8 + ((const struct wire_str *)value)->len;
	case WIRE_KIND_LIST:
		return list_size(desc, value);
	case WIRE_KIND_STRUCT:
	case WIRE_KIND_TUPLE:
		return struct_size(desc, value);
	case WIRE_KIND_ENUM:
		return enum_size(desc, value);
	}
	__builtin_unreachable();
}

static uint8_t *put_list(uint8_t *at, const struct wire_desc *desc, const void *value)
{
	const uint8_t *items;
	size_t len = list_items(value, &items);

	at = le_put_u64(at, len);
	for (size_t i = 0; i < len; i++)
		at = put(at, desc->element, items + i * desc->element->size);
	return at;
}

static uint8_t *put_struct(uint8_t *at, const struct wire_desc *desc, const void *value)
{
	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_field *field = &desc->fields[i];
		const void *member;

		if (field->presence == WIRE_EXTRA)
			continue;
		member = field_value(field, value);
		if (field->presence == WIRE_OPTION)
			*at++ = member != NULL;
		if (member)
			at = put(at, field->desc, member);
	}
	return at;
}

static uint8_t *put_enum(uint8_t *at, const struct wire_desc *desc, const void *value)
{
	uint32_t index = enum_index(desc, value);

	at = le_put_u32(at, index);
	if (desc->variants[index].payload)
		at = put(at, desc->variants[index].payload, (const uint8_t *)value + desc->payload_offset);
	return at;
}

static uint8_t *put(uint8_t *at, const struct wire_desc *desc, const void *value)
{
	const struct wire_bytes *bytes;
	const struct wire_str *str;

	switch (desc->kind) {
	case WIRE_KIND_BOOL:
		*at = *(const bool *)value;
		return at + 1;
	case WIRE_KIND_U32:
		return le_put_u32(at, *(const uint32_t *)value);
	case WIRE_KIND_U64:
		return le_put_u64(at, *(const uint64_t *)value);
	case WIRE_KIND_I64:
		return le_put_u64(at, (uint64_t) * (const int64_t *)value);
	case WIRE_KIND_FIXED:
		if (desc->prefixed)
			at = le_put_u64(at, desc->count);
		return put_bytes(at, value, desc->count);
	case WIRE_KIND_BYTES:
		bytes = value;
		return put_bytes(le_put_u64(at, bytes->len), bytes->ptr, bytes->len);
	case WIRE_KIND_STRING:
		str = value;
		return put_bytes(le_put_u64(at, str->len), str->ptr, str->len);
	case WIRE_KIND_LIST:
		return put_list(at, desc, value);
	case WIRE_KIND_STRUCT:
	case WIRE_KIND_TUPLE:
		return put_struct(at, desc, value);
	case WIRE_KIND_ENUM:
		return put_enum(at, desc, value);
	}
	__builtin_unreachable();
}

size_t wire_bincode_size_value(const struct wire_desc *desc, const void *value)
{
	return size_of(desc, value);
}

int wire_bincode_encode_value(struct buf *out, const struct wire_desc *desc, const void *value)
{
	size_t size = size_of(desc, value);
	uint8_t *room;

	if (size == SIZE_MAX)
		return -EINVAL;
	room = buf_reserve(out, size);
	if (!room)
		return out->error;
	put(room, desc, value);
	buf_advance(out, size);
	return 0;
}

int wire_bincode_encode(struct buf *out, const struct wire_message *message)
{
	return wire_bincode_encode_value(out, &wire_desc_message, message);
}
