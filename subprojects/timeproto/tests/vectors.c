// SPDX-License-Identifier: MIT
/* Reading test vectors: see vectors.h. */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "timeproto/base/hex.h"

json_t *vectors_load(const char *name)
{
	const char *dir = getenv("TIMED_VECTORS");
	char path[4096];
	json_error_t error;
	json_t *root;

	ck_assert_msg(dir != NULL, "TIMED_VECTORS is not set");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	root = json_load_file(path, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
	ck_assert_msg(root != NULL, "%s:%d: %s", path, error.line, error.text);
	return root;
}

json_t *vectors_load_lines(const char *name)
{
	const char *dir = getenv("TIMED_VECTORS");
	json_t *values = json_array();
	char *line = NULL;
	size_t capacity = 0;
	char path[4096];
	json_error_t error;
	FILE *file;

	ck_assert_msg(dir != NULL, "TIMED_VECTORS is not set");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s", path);
	while (getline(&line, &capacity, file) > 0) {
		json_t *value = json_loads(line, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);

		ck_assert_msg(value != NULL, "%s: %s", path, error.text);
		ck_assert_int_eq(json_array_append_new(values, value), 0);
	}
	free(line);
	fclose(file);
	ck_assert_uint_gt(json_array_size(values), 0);
	return values;
}

const char *vectors_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text != NULL, "no string \"%s\"", key);
	return text;
}

void vectors_hex(uint8_t *out, size_t len, const char *hex)
{
	ck_assert_int_eq(hex_decode(out, len, hex, strlen(hex)), 0);
}

uint8_t *vectors_bytes(const json_t *object, const char *key, size_t *len)
{
	const char *hex = vectors_text(object, key);
	uint8_t *out;

	*len = strlen(hex) / 2;
	out = malloc(*len + 1);
	ck_assert_ptr_nonnull(out);
	vectors_hex(out, *len, hex);
	return out;
}

void vectors_fixed(uint8_t *out, size_t len, const json_t *object, const char *key)
{
	vectors_hex(out, len, vectors_text(object, key));
}

static uint64_t vectors_whole(const json_t *value, uint64_t below)
{
	double number = json_number_value(value);

	ck_assert_msg(json_is_number(value), "not a number");
	ck_assert(number >= 0 && number < (double)below && number == (double)(uint64_t)number);
	return (uint64_t)number;
}

uint64_t vectors_number(const json_t *object, const char *key)
{
	return vectors_whole(json_object_get(object, key), UINT64_C(1) << 53);
}

uint8_t *vectors_array(const json_t *object, const char *key, size_t *len)
{
	const json_t *array = json_object_get(object, key);
	uint8_t *out;

	ck_assert_msg(json_is_array(array), "no array \"%s\"", key);
	*len = json_array_size(array);
	out = malloc(*len + 1);
	ck_assert_ptr_nonnull(out);
	for (size_t i = 0; i < *len; i++)
		out[i] = (uint8_t)vectors_whole(json_array_get(array, i), 256);
	return out;
}
