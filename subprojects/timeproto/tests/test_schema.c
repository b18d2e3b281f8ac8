// SPDX-License-Identifier: MIT
/* wire/schema: the tables agree with the structs, and every name is found. */
#include "timeproto/wire/schema.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "../src/wire/desc.h"
#include "run_suite.h"

START_TEST(every_message_name_is_found)
{
	for (uint32_t i = 0; i < WIRE_TYPE_COUNT; i++) {
		const char *name = wire_type_name((enum wire_type)i);
		char other[64];

		ck_assert_ptr_nonnull(name);
		ck_assert_uint_eq(wire_type_from_name(name, strlen(name)), i);
		/* Neither a prefix, nor one byte more or another byte. */
		strcpy(other, name);
		strcat(other, "x");
		ck_assert_uint_eq(wire_type_from_name(other, strlen(other)), WIRE_TYPE_COUNT);
		ck_assert_uint_eq(wire_type_from_name(name, strlen(name) - 1), WIRE_TYPE_COUNT);
		other[strlen(name)] = '\0';
		other[0] ^= 0x20;
		ck_assert_uint_eq(wire_type_from_name(other, strlen(other)), WIRE_TYPE_COUNT);
	}
	ck_assert_ptr_null(wire_type_name(WIRE_TYPE_COUNT));
	ck_assert_uint_eq(wire_type_from_name("", 0), WIRE_TYPE_COUNT);
	ck_assert_uint_eq(wire_type_from_name("Pi", 2), WIRE_TYPE_COUNT);
}
END_TEST

START_TEST(indices_are_those_of_the_binary_form)
{
	ck_assert_str_eq(wire_type_name((enum wire_type)0), "GetGenesisHash");
	ck_assert_str_eq(wire_type_name((enum wire_type)10), "TransactionVote");
	ck_assert_str_eq(wire_type_name((enum wire_type)20), "BlockRequest");
	ck_assert_str_eq(wire_type_name((enum wire_type)30), "Ping");
	ck_assert_str_eq(wire_type_name((enum wire_type)40), "ConsensusQuery");
	ck_assert_str_eq(wire_type_name((enum wire_type)46), "BlockCommit");
	ck_assert_str_eq(wire_tier_name(WIRE_TIER_GOLD), "Gold");
	ck_assert_ptr_null(wire_tier_name(WIRE_TIER_COUNT));
}
END_TEST

static void check_key(const char *key, size_t len, char first)
{
	ck_assert_uint_le(len, WIRE_KEY_BYTES);
	ck_assert_uint_ge(len, 5);
	ck_assert_int_eq(key[0], first);
	ck_assert_int_eq(key[1], '"');
	ck_assert_mem_eq(key + len - 2, "\":", 2);
}

static size_t aligned(size_t offset, size_t size)
{
	size_t alignment = size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : 1;

	/* Byte arrays are unaligned whatever their size; a gap of padding is at most 7 bytes either way. */
	return (offset + alignment - 1) / alignment * alignment;
}

static void check_desc(const struct wire_desc *desc, int depth);

/* The fields lie in the struct one behind the other, with nothing between them but padding. */
static void check_fields(const struct wire_desc *desc, int depth)
{
	size_t end = 0;

	ck_assert_uint_le(desc->count, WIRE_FIELDS_MAX);
	ck_assert_uint_gt(desc->count, 0);
	ck_assert_int_ne(desc->fields[0].presence, WIRE_EXTRA);
	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_field *field = &desc->fields[i];
		size_t size = field->presence == WIRE_REQUIRED ? field->desc->size : sizeof(void *);

		check_key(field->key, field->key_len, ',');
		ck_assert_uint_ge(field->offset, end);
		ck_assert_uint_le(field->offset, aligned(end, 8));
		end = field->offset + size;
		/* Extra fields come last, so that the binary form is a prefix. */
		if (i > 0 && desc->fields[i - 1].presence == WIRE_EXTRA)
			ck_assert_int_eq(field->presence, WIRE_EXTRA);
		check_desc(field->desc, depth + 1);
	}
	ck_assert_uint_le(end, desc->size);
	ck_assert_uint_le(desc->size, aligned(end, 8));
}

static void check_variants(const struct wire_desc *desc, int depth)
{
	for (uint32_t i = 0; i < desc->count; i++) {
		const struct wire_variant *variant = &desc->variants[i];

		check_key(variant->key, variant->key_len, '{');
		ck_assert_uint_eq(strlen(variant->name), wire_variant_name_len(variant));
		ck_assert_mem_eq(variant->name, variant->key + 2, strlen(variant->name));
		ck_assert_uint_eq(wire_variant_find(desc, variant->name, strlen(variant->name)), i);
		if (!variant->payload)
			continue;
		ck_assert_uint_ge(desc->payload_offset, sizeof(int));
		ck_assert_uint_le(desc->payload_offset + variant->payload->size, desc->size);
		check_desc(variant->payload, depth + 1);
	}
}

static void check_desc(const struct wire_desc *desc, int depth)
{
	ck_assert_int_lt(depth, 12); /* recursion in the walkers is bounded by the schema */
	ck_assert_uint_gt(desc->size, 0);
	switch (desc->kind) {
	case WIRE_KIND_BOOL:
	case WIRE_KIND_U32:
	case WIRE_KIND_U64:
	case WIRE_KIND_I64:
		break;
	case WIRE_KIND_FIXED:
		ck_assert_uint_eq(desc->size, desc->count);
		break;
	case WIRE_KIND_BYTES:
	case WIRE_KIND_STRING:
		ck_assert_uint_gt(desc->limit, 0);
		break;
	case WIRE_KIND_LIST:
		ck_assert_uint_gt(desc->limit, 0);
		/* Cut lists are dropped from as strings. */
		ck_assert(!desc->cut || desc->element->kind == WIRE_KIND_STRING);
		check_desc(desc->element, depth + 1);
		break;
	case WIRE_KIND_STRUCT:
	case WIRE_KIND_TUPLE:
		check_fields(desc, depth);
		break;
	case WIRE_KIND_ENUM:
		check_variants(desc, depth);
		break;
	}
}

START_TEST(tables_describe_the_structs)
{
	check_desc(&wire_desc_message, 0);
	check_desc(&wire_desc_commit, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schema");
	TCase *tc = tcase_create("schema");

	tcase_add_test(tc, every_message_name_is_found);
	tcase_add_test(tc, indices_are_those_of_the_binary_form);
	tcase_add_test(tc, tables_describe_the_structs);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
