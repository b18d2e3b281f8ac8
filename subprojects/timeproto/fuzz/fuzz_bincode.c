// SPDX-License-Identifier: MIT
/* Bincode: a message has one binary form, so what is accepted must be what is written again (a peer list may be cut);
 * its text must decode to the same. */
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

static bool may_be_cut(const struct wire_message *message)
{
	return message->type == WIRE_PEERS_RESPONSE && message->u.peers_response.len == WIRE_MAX_PEERS;
}

static void check_message(const struct wire_message *message, struct arena *arena, const uint8_t *data, size_t len)
{
	struct buf binary = BUF_INIT, text = BUF_INIT;
	struct wire_message back;

	FUZZ_REQUIRE(wire_bincode_encode(&binary, message) == 0);
	if (!may_be_cut(message)) {
		FUZZ_REQUIRE(binary.len == len);
		FUZZ_REQUIRE(memcmp(binary.data, data, len) == 0);
	}
	FUZZ_REQUIRE(wire_json_encode(&text, message) == 0);
	FUZZ_REQUIRE(wire_json_decode(&back, arena, text.data, text.len, NULL) == 0);
	buf_reset(&text);
	FUZZ_REQUIRE(wire_bincode_encode(&text, &back) == 0);
	FUZZ_REQUIRE(text.len == binary.len);
	FUZZ_REQUIRE(memcmp(text.data, binary.data, text.len) == 0);
	buf_free(&binary);
	buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct wire_message message;
	struct wire_error error;
	struct arena arena;
	int result;

	arena_init(&arena, (size_t)64 << 20, NULL);
	result = wire_bincode_decode(&message, &arena, data, len, &error);
	FUZZ_REQUIRE(arena.reserved <= 4096 + 64 * len);
	if (result)
		check_error(result, &error, len);
	else
		check_message(&message, &arena, data, len);
	arena_free(&arena);
	return 0;
}
