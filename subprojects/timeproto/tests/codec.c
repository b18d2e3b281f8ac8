// SPDX-License-Identifier: MIT
/* Helpers of the codec's tests: see codec.h. */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

int codec_decode(struct wire_message *out, struct arena *arena, const char *line, size_t len, struct wire_error *error)
{
	uint8_t *copy = malloc(len ? len : 1);
	int result;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, line, len);
	/* One byte allocated but none readable: the pointer past it is as good. */
	result = wire_json_decode(out, arena, len ? copy : copy + 1, len, error);
	free(copy);
	return result;
}

void codec_encode(struct buf *out, const struct wire_message *message)
{
	ck_assert_int_eq(wire_json_encode(out, message), 0);
	buf_append_byte(out, 0);
	ck_assert_int_eq(out->error, 0);
	out->len--;
}

void codec_accepts(const char *line, size_t len, const char *canonical)
{
	struct wire_message message;
	struct wire_error error = {.text = "?"};
	struct buf out = BUF_INIT;
	struct arena arena;
	int result;

	arena_init(&arena, SIZE_MAX, NULL);
	result = codec_decode(&message, &arena, line, len, &error);
	ck_assert_msg(result == 0, "%.200s: %s at %zu of %s: %s", line, wire_error_name(result), error.offset,
		      error.path, error.text);
	codec_encode(&out, &message);
	ck_assert_str_eq((const char *)out.data, canonical);
	buf_free(&out);
	arena_free(&arena);
}

void codec_refuses(const char *line, size_t len, int code, size_t offset, const char *path)
{
	struct wire_message message;
	struct wire_error error = {.code = 0};
	struct arena arena;
	int result;

	arena_init(&arena, SIZE_MAX, NULL);
	result = codec_decode(&message, &arena, line, len, &error);
	ck_assert_msg(result == code, "%.200s: %s, not %s", line, wire_error_name(result), wire_error_name(code));
	ck_assert_int_eq(error.code, code);
	ck_assert_msg(error.offset == offset, "%.200s: offset %zu, not %zu", line, error.offset, offset);
	ck_assert_ptr_nonnull(error.text);
	if (path)
		ck_assert_str_eq(error.path, path);
	/* Who does not want the reason gets the same verdict. */
	ck_assert_int_eq(codec_decode(&message, &arena, line, len, NULL), code);
	arena_free(&arena);
}

void codec_repeat(struct buf *out, const char *item, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_byte(out, ',');
		buf_append_text(out, item);
	}
}

uint64_t codec_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
