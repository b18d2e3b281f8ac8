/* SPDX-License-Identifier: MIT
 *
 * Bincode to structs, by the descriptions.  Lengths are compared with what is left of the input before anything is
 * allocated, and lists grow with the elements that are really there.
 */
#include "timeproto/wire/bincode.h"

#include <errno.h>
#include <string.h>

#include "desc.h"
#include "fault.h"
#include "list.h"
#include "utf8.h"

struct reader {
	const uint8_t *at;    /* next byte */
	const uint8_t *end;   /* one past the last */
	const uint8_t *begin; /* for offsets */
	struct arena *arena;  /* for what is kept */
	struct wire_fault fault;
};

static int get(struct reader *r, const struct wire_desc *desc, void *out);

static inline int fault(struct reader *r, int code, const uint8_t *where, const char *text)
{
	wire_fault_set(&r->fault, code, (size_t)(where - r->begin), text);
	return code;
}

static int out_of_memory(struct reader *r)
{
	return fault(r, -ENOMEM, r->at, "out of memory");
}

/* Takes `len` bytes; NULL when there are not so many. */
static const uint8_t *take(struct reader *r, size_t len)
{
	const uint8_t *bytes = r->at;

	if ((size_t)(r->end - r->at) < len)
		return NULL;
	r->at += len;
	return bytes;
}

static int too_short(struct reader *r)
{
	return fault(r, WIRE_E_SYNTAX, r->end, "the input ends early");
}

/* An integer of `width` bytes. */
static int get_integer(struct reader *r, size_t width, uint64_t *value)
{
	const uint8_t *bytes = take(r, width);

	if (!bytes)
		return too_short(r);
	*value = 0;
	for (size_t i = 0; i < width; i++)
		*value |= (uint64_t)bytes[i] << 8 * i;
	return 0;
}

static int get_number(struct reader *r, const struct wire_desc *desc, void *out)
{
	uint64_t value = 0;
	uint32_t narrow;
	int result = get_integer(r, desc->size, &value);

	if (result)
		return result;
	if (desc->size == 4) {
		narrow = (uint32_t)value;
		memcpy(out, &narrow, sizeof(narrow));
	} else {
		memcpy(out, &value, sizeof(value)); /* i64 is two's complement on both sides */
	}
	return 0;
}

/* A byte that is 0 or 1. */
static int get_flag(struct reader *r, bool *out)
{
	uint64_t value = 0;
	int result = get_integer(r, 1, &value);

	if (!result && value > 1)
		result = fault(r, WIRE_E_RANGE, r->at - 1, "expected 0 or 1");
	*out = value == 1;
	return result;
}

/* The length of a list, string or byte array: never more than the bytes that follow. */
static int get_length(struct reader *r, const struct wire_desc *desc, size_t *len)
{
	const uint8_t *start = r->at;
	uint64_t value = 0;
	int result = get_integer(r, 8, &value);

	if (result)
		return result;
	if (value > (size_t)(r->end - r->at))
		return fault(r, WIRE_E_SYNTAX, start, "the length exceeds the input");
	if (value > desc->limit && !desc->cut)
		return fault(r, WIRE_E_LIMIT, start, "the length exceeds the limit");
	*len = (size_t)value;
	return 0;
}

static int get_fixed(struct reader *r, const struct wire_desc *desc, void *out)
{
	const uint8_t *bytes;
	uint64_t len = 0;

	if (desc->prefixed) {
		int result = get_integer(r, 8, &len);

		if (result)
			return result;
		if (len != desc->count)
			return fault(r, WIRE_E_TYPE, r->at - 8, "the length of the key is wrong");
	}
	bytes = take(r, desc->count);
	if (!bytes)
		return too_short(r);
	memcpy(out, bytes, desc->count);
	return 0;
}

/* Copies `len` bytes and a NUL into the arena. */
static uint8_t *keep(struct reader *r, size_t len)
{
	uint8_t *data = arena_alloc(r->arena, len + 1);

	if (data) {
		memcpy(data, r->at, len);
		data[len] = 0;
		r->at += len;
	}
	return data;
}

static int get_bytes(struct reader *r, const struct wire_desc *desc, struct wire_bytes *out)
{
	int result = get_length(r, desc, &out->len);

	if (result)
		return result;
	out->ptr = keep(r, out->len);
	return out->ptr ? 0 : out_of_memory(r);
}

static int get_string(struct reader *r, const struct wire_desc *desc, struct wire_str *out)
{
	size_t valid;
	int result = get_length(r, desc, &out->len);

	if (result)
		return result;
	valid = wire_utf8_valid_prefix(r->at, out->len);
	if (valid < out->len)
		return fault(r, WIRE_E_UTF8, r->at + valid, "invalid UTF-8");
	out->ptr = (const char *)keep(r, out->len);
	return out->ptr ? 0 : out_of_memory(r);
}

/* An element; what a list that is cut does not keep is checked all the same. */
static int get_element(struct reader *r, const struct wire_desc *desc, struct wire_list *list)
{
	struct wire_str dropped;
	void *item;
	int result;

	if (list->len >= desc->limit)
		return get_string(r, desc->element, &dropped);
	item = wire_list_next(list, r->arena);
	if (!item)
		return out_of_memory(r);
	result = get(r, desc->element, item);
	if (!result)
		list->len++;
	return result;
}

static int get_list(struct reader *r, const struct wire_desc *desc, void *out)
{
	struct wire_list list = {.size = desc->element->size};
	size_t len;
	int result = get_length(r, desc, &len);

	for (size_t i = 0; !result && i < len; i++) {
		result = get_element(r, desc, &list);
		if (result)
			wire_fault_index(&r->fault, i);
	}
	if (!result)
		wire_list_store(&list, r->arena, out);
	return result;
}

static int get_optional(struct reader *r, const struct wire_field *field, void *out)
{
	void *value = NULL;
	bool present = false;
	int result = 0;

	if (field->presence == WIRE_OPTION)
		result = get_flag(r, &present);
	if (!result && present) {
		value = arena_alloc(r->arena, field->desc->size);
		if (!value)
			return out_of_memory(r);
		result = get(r, field->desc, value);
	}
	memcpy(out, &value, sizeof(value));
	return result;
}

static int get_struct(struct reader *r, const struct wire_desc *desc, void *out)
{
	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_field *field = &desc->fields[i];
		void *member = (uint8_t *)out + field->offset;
		int result;

		if (field->presence == WIRE_REQUIRED)
			result = get(r, field->desc, member);
		else
			result = get_optional(r, field, member);
		if (result) {
			if (desc->kind == WIRE_KIND_TUPLE)
				wire_fault_index(&r->fault, i);
			else
				wire_fault_name(&r->fault, wire_field_name(field), wire_field_name_len(field));
			return result;
		}
	}
	return 0;
}

static int get_enum(struct reader *r, const struct wire_desc *desc, void *out)
{
	const struct wire_variant *variant;
	uint64_t index = 0;
	uint32_t tag;
	int result = get_integer(r, 4, &index);

	if (result)
		return result;
	if (index >= desc->count) {
		int code = desc == &wire_desc_message ? WIRE_E_UNKNOWN_MESSAGE : WIRE_E_UNKNOWN_VARIANT;

		return fault(r, code, r->at - 4, "no variant has this index");
	}
	tag = (uint32_t)index + desc->first_tag;
	memcpy(out, &tag, sizeof(tag));
	variant = &desc->variants[index];
	if (!variant->payload)
		return 0;
	result = get(r, variant->payload, (uint8_t *)out + desc->payload_offset);
	if (result)
		wire_fault_name(&r->fault, variant->name, wire_variant_name_len(variant));
	return result;
}

static int get(struct reader *r, const struct wire_desc *desc, void *out)
{
	switch (desc->kind) {
	case WIRE_KIND_BOOL:
		return get_flag(r, out);
	case WIRE_KIND_U32:
	case WIRE_KIND_U64:
	case WIRE_KIND_I64:
		return get_number(r, desc, out);
	case WIRE_KIND_FIXED:
		return get_fixed(r, desc, out);
	case WIRE_KIND_BYTES:
		return get_bytes(r, desc, out);
	case WIRE_KIND_STRING:
		return get_string(r, desc, out);
	case WIRE_KIND_LIST:
		return get_list(r, desc, out);
	case WIRE_KIND_STRUCT:
	case WIRE_KIND_TUPLE:
		return get_struct(r, desc, out);
	case WIRE_KIND_ENUM:
		return get_enum(r, desc, out);
	}
	__builtin_unreachable();
}

int wire_bincode_decode_value(void *out, const struct wire_desc *desc, struct arena *arena, const uint8_t *data,
			      size_t len, struct wire_error *error)
{
	struct reader r = {.at = data, .end = data + len, .begin = data, .arena = arena, .fault.error = error};
	int result = get(&r, desc, out);

	if (!result && r.at < r.end)
		result = fault(&r, WIRE_E_TRAILING, r.at, "something stands after the value");
	if (result)
		wire_fault_finish(&r.fault);
	return result;
}

int wire_bincode_decode(struct wire_message *out, struct arena *arena, const uint8_t *data, size_t len,
			struct wire_error *error)
{
	return wire_bincode_decode_value(out, &wire_desc_message, arena, data, len, error);
}
