// SPDX-License-Identifier: MIT
/* wire/bincode: lengths and hashes of the vectors, round trips, and a decoder that trusts nothing. */
#include "timeproto/wire/bincode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "codec.h"
#include "run_suite.h"
#include "timeproto/base/sha256.h"
#include "vectors.h"

/* Decodes a copy that ends where its memory ends. */
static int decode(struct wire_message *out, struct arena *arena, const uint8_t *data, size_t len,
		  struct wire_error *error)
{
	uint8_t *copy = malloc(len ? len : 1);
	int result;

	ck_assert_ptr_nonnull(copy);
	if (len)
		memcpy(copy, data, len);
	result = wire_bincode_decode(out, arena, len ? copy : copy + 1, len, error);
	free(copy);
	return result;
}

/* Calls `visit` for every frame of the vectors that has no limit of ours against it: all of them. */
static void each_frame(void (*visit)(const json_t *entry, const struct wire_message *message, struct buf *binary))
{
	json_t *frames = vectors_load_lines("messages.jsonl");
	struct wire_message message;
	struct buf binary = BUF_INIT;
	struct arena arena;
	json_t *entry;
	size_t i;

	arena_init(&arena, SIZE_MAX, NULL);
	json_array_foreach (frames, i, entry) {
		const char *frame = vectors_text(entry, "frame");

		ck_assert_int_eq(codec_decode(&message, &arena, frame, strlen(frame), NULL), 0);
		buf_reset(&binary);
		ck_assert_int_eq(wire_bincode_encode(&binary, &message), 0);
		visit(entry, &message, &binary);
		arena_reset(&arena);
	}
	buf_free(&binary);
	arena_free(&arena);
	json_decref(frames);
}

static void check_hash(const json_t *entry, const struct wire_message *message, struct buf *binary)
{
	uint8_t expected[32], hash[32];

	(void)message;
	ck_assert_uint_eq(binary->len, (size_t)json_number_value(json_object_get(entry, "bincode_len")));
	vectors_fixed(expected, 32, entry, "bincode_sha256");
	sha256_digest(hash, binary->data, binary->len);
	ck_assert_mem_eq(hash, expected, 32);
}

START_TEST(every_frame_has_its_length_and_hash)
{
	each_frame(check_hash);
}
END_TEST

static void check_round_trip(const json_t *entry, const struct wire_message *message, struct buf *binary)
{
	struct wire_message back;
	struct wire_error error = {.text = "?"};
	struct buf out = BUF_INIT;
	struct arena arena;
	int result;

	(void)message;
	arena_init(&arena, SIZE_MAX, NULL);
	result = decode(&back, &arena, binary->data, binary->len, &error);
	ck_assert_msg(result == 0, "%s at %zu of %s", wire_error_name(result), error.offset, error.path);
	codec_encode(&out, &back);
	ck_assert_str_eq((const char *)out.data, vectors_text(entry, "frame"));
	buf_free(&out);
	arena_free(&arena);
}

START_TEST(every_frame_survives_the_binary_form)
{
	each_frame(check_round_trip);
}
END_TEST

/* Cut anywhere, or followed by anything, it is no value. */
static void check_strictness(const json_t *entry, const struct wire_message *message, struct buf *binary)
{
	const size_t step = binary->len / 2000 + 1;
	struct wire_message back;
	struct wire_error error;
	struct arena arena;

	(void)entry;
	(void)message;
	arena_init(&arena, SIZE_MAX, NULL);
	for (size_t cut = 0; cut < binary->len; cut += step) {
		int result = decode(&back, &arena, binary->data, cut, &error);

		/* The cut may go through a character; or a length is now beyond the end. */
		ck_assert(result == WIRE_E_SYNTAX || result == WIRE_E_UTF8);
		ck_assert_uint_le(error.offset, cut);
		arena_reset(&arena);
	}
	buf_append_byte(binary, 0);
	ck_assert_int_eq(binary->error, 0);
	ck_assert_int_eq(decode(&back, &arena, binary->data, binary->len, &error), WIRE_E_TRAILING);
	ck_assert_uint_eq(error.offset, binary->len - 1);
	arena_free(&arena);
}

START_TEST(input_must_be_exactly_one_value)
{
	each_frame(check_strictness);
}
END_TEST

/* There is one binary form: what is accepted after a change is what was read. */
static void check_mutations(const json_t *entry, const struct wire_message *message, struct buf *binary)
{
	static uint64_t state = 88172645463325252u;
	struct wire_message back;
	struct buf out = BUF_INIT;
	struct arena arena;

	(void)entry;
	(void)message;
	arena_init(&arena, SIZE_MAX, NULL);
	for (int round = 0; round < 300; round++) {
		size_t at = codec_random(&state) % binary->len;
		uint8_t old = binary->data[at];

		/* Lengths and flags are more often hit by small numbers. */
		binary->data[at] = (uint8_t)(round % 2 ? codec_random(&state) : codec_random(&state) % 4);
		if (decode(&back, &arena, binary->data, binary->len, NULL) == 0) {
			buf_reset(&out);
			ck_assert_int_eq(wire_bincode_encode(&out, &back), 0);
			ck_assert_uint_eq(out.len, binary->len);
			ck_assert_mem_eq(out.data, binary->data, out.len);
		}
		binary->data[at] = old;
		arena_reset(&arena);
	}
	buf_free(&out);
	arena_free(&arena);
}

START_TEST(mutations_do_no_harm)
{
	each_frame(check_mutations);
}
END_TEST

static void refuses(const void *bytes, size_t len, int code, size_t offset, const char *path)
{
	struct wire_message message;
	struct wire_error error = {.code = 0};
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	ck_assert_int_eq(decode(&message, &arena, bytes, len, &error), code);
	ck_assert_int_eq(error.code, code);
	ck_assert_uint_eq(error.offset, offset);
	ck_assert_str_eq(error.path, path);
	/* No claim of the input makes us allocate more than it could fill. */
	ck_assert_uint_le(arena.reserved, 2048);
	ck_assert_int_eq(decode(&message, &arena, bytes, len, NULL), code);
	arena_free(&arena);
}

#define REFUSES(bytes, code, offset, path) refuses(bytes, sizeof(bytes) - 1, code, offset, path)

START_TEST(bad_input_is_named)
{
	REFUSES("", WIRE_E_SYNTAX, 0, "");
	REFUSES("\x1e\0\0", WIRE_E_SYNTAX, 3, "");
	REFUSES("\x2f\0\0\0", WIRE_E_UNKNOWN_MESSAGE, 0, "");
	REFUSES("\xff\xff\xff\xff", WIRE_E_UNKNOWN_MESSAGE, 0, "");
	REFUSES("\x02\0\0\0x", WIRE_E_TRAILING, 4, "");
	REFUSES("\x1e\0\0\0abcdefghabcdefg", WIRE_E_SYNTAX, 19, "Ping.timestamp");
	/* Unsubscribe: a string. */
	REFUSES("\x12\0\0\0\x03\0\0\0\0\0\0\0ab", WIRE_E_SYNTAX, 4, "Unsubscribe");
	REFUSES("\x12\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", WIRE_E_SYNTAX, 4, "Unsubscribe");
	REFUSES("\x12\0\0\0\x02\0\0\0\0\0\0\0a\xff", WIRE_E_UTF8, 13, "Unsubscribe");
	/* PeersResponse: more strings than bytes, and fewer strings than said. */
	REFUSES("\x23\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f", WIRE_E_SYNTAX, 4, "PeersResponse");
	REFUSES("\x23\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a", WIRE_E_SYNTAX, 21, "PeersResponse[1]");
	/* BlockHashResponse: an option that is neither 0 nor 1. */
	REFUSES("\x27\0\0\0\x01\0\0\0\0\0\0\0\x02", WIRE_E_RANGE, 12, "BlockHashResponse.hash");
	/* ConsensusQueryResponse: a bool likewise. */
	REFUSES("\x29\0\0\0\x02", WIRE_E_RANGE, 4, "ConsensusQueryResponse.agrees");
	/* MasternodeAnnouncement: tier 4, and a key of 31 bytes. */
	REFUSES("\x1a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0", WIRE_E_UNKNOWN_VARIANT, 20,
		"MasternodeAnnouncement.tier");
	REFUSES("\x1a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1f\0\0\0\0\0\0\0", WIRE_E_TYPE, 24,
		"MasternodeAnnouncement.public_key");
}
END_TEST

/* adversarial 8: the limits are those of the text. */
START_TEST(limits_hold_here_too)
{
	struct wire_message message = {.type = WIRE_UNSUBSCRIBE};
	struct buf binary = BUF_INIT;
	struct wire_error error;
	struct arena arena;
	static char text[1026];

	arena_init(&arena, SIZE_MAX, NULL);
	memset(text, 'x', 1025);
	message.u.unsubscribe = (struct wire_str){text, 1024};
	ck_assert_int_eq(wire_bincode_encode(&binary, &message), 0);
	ck_assert_int_eq(decode(&message, &arena, binary.data, binary.len, NULL), 0);
	message.u.unsubscribe = (struct wire_str){text, 1025};
	buf_reset(&binary);
	ck_assert_int_eq(wire_bincode_encode(&binary, &message), 0);
	ck_assert_int_eq(decode(&message, &arena, binary.data, binary.len, &error), WIRE_E_LIMIT);
	ck_assert_uint_eq(error.offset, 4);
	buf_free(&binary);
	arena_free(&arena);
}
END_TEST

START_TEST(peer_lists_are_cut)
{
	struct wire_message message = {.type = WIRE_PEERS_RESPONSE};
	struct buf binary = BUF_INIT;
	struct arena arena;
	static struct wire_str peers[2500];

	arena_init(&arena, SIZE_MAX, NULL);
	for (size_t i = 0; i < 2500; i++)
		peers[i] = (struct wire_str){"10.0.0.1", 8};
	message.u.peers_response = (struct wire_str_list){peers, 2500};
	ck_assert_int_eq(wire_bincode_encode(&binary, &message), 0);
	ck_assert_int_eq(decode(&message, &arena, binary.data, binary.len, NULL), 0);
	ck_assert_uint_eq(message.u.peers_response.len, 1000);
	ck_assert_str_eq(message.u.peers_response.items[999].ptr, "10.0.0.1");
	buf_free(&binary);
	arena_free(&arena);
}
END_TEST

/* Our JSON keys are neither hashed nor stored. */
START_TEST(extra_keys_are_left_out)
{
	static struct wire_commit_signature signature = {{"v", 1}, {(const uint8_t *)"s", 1}};
	const struct wire_commit commit = {3, {&signature, 1}};
	struct wire_block plain = {.header.height = 7}, certified = plain, back;
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	certified.commit = &commit;
	ck_assert_int_eq(wire_bincode_encode_value(&a, &wire_desc_block, &plain), 0);
	ck_assert_int_eq(wire_bincode_encode_value(&b, &wire_desc_block, &certified), 0);
	ck_assert_uint_eq(a.len, b.len);
	ck_assert_mem_eq(a.data, b.data, a.len);
	ck_assert_uint_eq(a.len, 92 + 8 + 8);
	ck_assert_uint_eq(wire_bincode_size_value(&wire_desc_block, &certified), a.len);
	memset(&back, 0xff, sizeof(back));
	ck_assert_int_eq(wire_bincode_decode_value(&back, &wire_desc_block, &arena, a.data, a.len, NULL), 0);
	ck_assert_ptr_null(back.commit);
	ck_assert_uint_eq(back.header.height, 7);
	/* The certificate alone has a binary form of its own, to be stored in. */
	buf_reset(&a);
	ck_assert_int_eq(wire_bincode_encode_value(&a, &wire_desc_commit, &commit), 0);
	ck_assert_uint_eq(a.len, 8 + 8 + 8 + 1 + 8 + 1);
	buf_free(&a);
	buf_free(&b);
	arena_free(&arena);
}
END_TEST

START_TEST(encoder_refuses_what_no_decoder_makes)
{
	struct wire_message message = {.type = WIRE_TYPE_COUNT};
	struct wire_utxo utxo = {.value = 1};
	struct wire_outpoint_state state = {.state.tag = WIRE_UTXO_STATE_COUNT};
	struct buf out = BUF_INIT;

	ck_assert_int_eq(wire_bincode_encode(&out, &message), -EINVAL);
	message.type = WIRE_UTXO_STATE_RESPONSE;
	message.u.utxo_state_response = (struct wire_outpoint_state_list){&state, 1};
	ck_assert_int_eq(wire_bincode_encode(&out, &message), -EINVAL);
	ck_assert_uint_eq(out.len, 0);
	ck_assert_int_eq(wire_bincode_encode_value(&out, &wire_desc_utxo, &utxo), 0);
	ck_assert_uint_eq(out.len, 36 + 8 + 8 + 8);
	buf_free(&out);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
	struct wire_message message = {.type = WIRE_UTXO_SET_RESPONSE};
	struct wire_utxo items[2] = {{.script_pubkey = {(const uint8_t *)"abc", 3}}, {.address = {"def", 3}}};
	struct buf binary = BUF_INIT;
	size_t failures = 0;
	int result = -ENOMEM;

	message.u.utxo_set_response = (struct wire_utxo_list){items, 2};
	ck_assert_int_eq(wire_bincode_encode(&binary, &message), 0);
	for (size_t limit = 0; result; limit += 8) {
		struct wire_message back;
		struct arena arena;

		arena_init(&arena, limit, NULL);
		result = decode(&back, &arena, binary.data, binary.len, NULL);
		if (result) {
			ck_assert_int_eq(result, -ENOMEM);
			failures++;
		}
		arena_free(&arena);
	}
	ck_assert_uint_gt(failures, 10);
	buf_free(&binary);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bincode");
	TCase *tc = tcase_create("bincode");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_frame_has_its_length_and_hash);
	tcase_add_test(tc, every_frame_survives_the_binary_form);
	tcase_add_test(tc, input_must_be_exactly_one_value);
	tcase_add_test(tc, mutations_do_no_harm);
	tcase_add_test(tc, bad_input_is_named);
	tcase_add_test(tc, limits_hold_here_too);
	tcase_add_test(tc, peer_lists_are_cut);
	tcase_add_test(tc, extra_keys_are_left_out);
	tcase_add_test(tc, encoder_refuses_what_no_decoder_makes);
	tcase_add_test(tc, memory_may_run_out_anywhere);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
