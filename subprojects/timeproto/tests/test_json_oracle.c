// SPDX-License-Identifier: MIT
/* wire/json against jansson: what we accept it accepts too, within its number range and nesting, and what we write
 * means to it what we read. */
#include "timeproto/wire/json.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "codec.h"
#include "run_suite.h"
#include "vectors.h"

#define ORACLE_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)

/* What jansson cannot represent: integers beyond i64, reals beyond double. */
static bool beyond_its_range(const json_error_t *error)
{
	return json_error_code(error) == json_error_numeric_overflow;
}

/* jansson's reading, or NULL when the numbers are out of its range; anything else fails the test. */
static json_t *oracle_read(const char *text, size_t len)
{
	json_error_t error;
	json_t *value = json_loadb(text, len, ORACLE_FLAGS, &error);

	if (!value)
		ck_assert_msg(beyond_its_range(&error), "jansson refuses %.300s: %s", text, error.text);
	return value;
}

/* Whether everything that stands in `ours` stands in `theirs` too and is equal: `theirs` may have keys that the
 * schema does not, and ours writes None as null. */
static bool contains(const json_t *theirs, const json_t *ours)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_null(ours))
		return !theirs || json_is_null(theirs);
	if (json_is_array(ours)) {
		if (!json_is_array(theirs) || json_array_size(theirs) != json_array_size(ours))
			return false;
		json_array_foreach (ours, i, value) {
			if (!contains(json_array_get(theirs, i), value))
				return false;
		}
		return true;
	}
	if (json_is_object(ours)) {
		void *iter = json_object_iter((json_t *)(uintptr_t)ours);

		if (!json_is_object(theirs))
			return false;
		for (; iter; iter = json_object_iter_next((json_t *)(uintptr_t)ours, iter)) {
			key = json_object_iter_key(iter);
			if (!contains(json_object_get(theirs, key), json_object_iter_value(iter)))
				return false;
		}
		return true;
	}
	/* A unit variant may have been written as an object with null. */
	if (json_is_string(ours) && json_is_object(theirs))
		return json_object_size(theirs) == 1 && json_is_null(json_object_get(theirs, json_string_value(ours)));
	return json_equal(theirs, ours);
}

/* True when we accept the line, and then jansson agrees with it and with what we make of it. */
static bool agree(const char *line, size_t len)
{
	struct wire_message message;
	struct buf out = BUF_INIT;
	struct arena arena;
	bool accepted;

	arena_init(&arena, SIZE_MAX, NULL);
	accepted = codec_decode(&message, &arena, line, len, NULL) == 0;
	if (accepted) {
		json_t *theirs = oracle_read(line, len);
		json_t *ours;

		codec_encode(&out, &message);
		ours = oracle_read((const char *)out.data, out.len);
		if (theirs && ours)
			ck_assert_msg(contains(theirs, ours), "%.300s\nbecame %.300s", line, out.data);
		json_decref(theirs);
		json_decref(ours);
	}
	buf_free(&out);
	arena_free(&arena);
	return accepted;
}

START_TEST(frames_mean_the_same)
{
	json_t *frames = vectors_load_lines("messages.jsonl");
	json_t *entry;
	size_t i;

	json_array_foreach (frames, i, entry) {
		const char *frame = vectors_text(entry, "frame");

		ck_assert(agree(frame, strlen(frame)));
	}
	json_decref(frames);
}
END_TEST

START_TEST(verdicts_mean_the_same)
{
	json_t *lines = vectors_load_lines("verdicts.jsonl");
	size_t accepted = 0;
	json_t *entry;
	size_t i;

	json_array_foreach (lines, i, entry)
		accepted += agree(vectors_text(entry, "line"), json_string_length(json_object_get(entry, "line")));
	ck_assert_uint_gt(accepted, 50);
	json_decref(lines);
}
END_TEST

/* Random changes that keep much of the grammar: pieces are dropped, doubled, or replaced by odd ones. */
START_TEST(mutations_mean_the_same)
{
	static const char *const pieces[] = {"0",
					     "-0",
					     "1.5",
					     "1e5",
					     "18446744073709551615",
					     "null",
					     "true",
					     "\"\"",
					     "\"\\u0000\"",
					     "[]",
					     "{}",
					     " ",
					     "\t",
					     ",\"x\":1",
					     "\"\\ud834\\udd1e\"",
					     "\\u0041",
					     "\\/",
					     "\\",
					     "255",
					     "256",
					     "00",
					     ",\"x\":{\"y\":[1,2.5e-3]}"};
	json_t *frames = vectors_load_lines("messages.jsonl");
	uint64_t state = 2463534242u;
	size_t accepted = 0;
	json_t *entry;
	size_t i;

	json_array_foreach (frames, i, entry) {
		const char *frame = vectors_text(entry, "frame");
		size_t len = strlen(frame);

		if (len > 4000)
			continue;
		for (int round = 0; round < 300; round++) {
			const char *piece = pieces[codec_random(&state) % (sizeof(pieces) / sizeof(pieces[0]))];
			size_t at = codec_random(&state) % (len + 1);
			size_t dropped = codec_random(&state) % 4;
			char line[4100];

			if (dropped > len - at)
				dropped = len - at;
			memcpy(line, frame, at);
			strcpy(line + at, piece);
			strcat(line, frame + at + dropped);
			accepted += agree(line, strlen(line));
		}
	}
	ck_assert_uint_gt(accepted, 1000);
	json_decref(frames);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_oracle");
	TCase *tc = tcase_create("json_oracle");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, frames_mean_the_same);
	tcase_add_test(tc, verdicts_mean_the_same);
	tcase_add_test(tc, mutations_mean_the_same);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
