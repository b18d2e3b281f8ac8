// SPDX-License-Identifier: MIT
/* Frames: what is decoded and encoded must decode to the same, through text and through bincode; an error must lie
 * within the input. */
#include "fuzz.h"

#include <string.h>

#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"

static void check_error(int result, const struct wire_error *error, size_t len)
{
	FUZZ_REQUIRE(result > 0 && result < WIRE_E_CODE_END);
	FUZZ_REQUIRE(error->code == result);
	FUZZ_REQUIRE(error->offset <= len);
	FUZZ_REQUIRE(memchr(error->path, 0, sizeof(error->path)) != NULL);
	FUZZ_REQUIRE(error->text != NULL);
}

static void same(const struct buf *a, const struct buf *b)
{
	FUZZ_REQUIRE(a->len == b->len);
	FUZZ_REQUIRE(memcmp(a->data, b->data, a->len) == 0);
}

/* text -> message -> text, from memory that the decoder cannot read beyond. */
static void text_again(const struct wire_message *message, struct arena *arena)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct wire_message back;
	uint8_t *exact;

	FUZZ_REQUIRE(wire_json_encode(&first, message) == 0);
	exact = malloc(first.len);
	FUZZ_REQUIRE(exact != NULL);
	memcpy(exact, first.data, first.len);
	FUZZ_REQUIRE(wire_json_decode(&back, arena, exact, first.len, NULL) == 0);
	free(exact);
	FUZZ_REQUIRE(wire_json_encode(&second, &back) == 0);
	same(&first, &second);
	buf_free(&first);
	buf_free(&second);
}

/* message -> bincode -> message -> bincode. */
static void binary_again(const struct wire_message *message, struct arena *arena)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct wire_message back;

	FUZZ_REQUIRE(wire_bincode_encode(&first, message) == 0);
	FUZZ_REQUIRE(wire_bincode_decode(&back, arena, first.data, first.len, NULL) == 0);
	FUZZ_REQUIRE(wire_bincode_encode(&second, &back) == 0);
	same(&first, &second);
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct wire_message message;
	struct wire_error error;
	struct arena arena;
	int result;

	arena_init(&arena, (size_t)64 << 20, NULL);
	result = wire_json_decode(&message, &arena, data, len, &error);
	/* A few doubled lists beside the input: a bound that only a runaway breaks. */
	FUZZ_REQUIRE(arena.reserved <= 4096 + 64 * len);
	if (result) {
		check_error(result, &error, len);
	} else {
		text_again(&message, &arena);
		binary_again(&message, &arena);
	}
	arena_free(&arena);
	return 0;
}
