// SPDX-License-Identifier: MIT
/* wire/json: the vectors, the grammar at its edges, and what an error says.
 * adversarial 9.  Limits are in test_json_bounds.c. */
#include "timeproto/wire/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "codec.h"
#include "run_suite.h"
#include "vectors.h"

START_TEST(every_frame_comes_back_byte_for_byte)
{
	json_t *frames = vectors_load_lines("messages.jsonl");
	json_t *entry;
	size_t i;

	json_array_foreach (frames, i, entry) {
		const char *frame = vectors_text(entry, "frame");

		codec_accepts(frame, strlen(frame), frame);
	}
	ck_assert_uint_ge(i, 3 * 47);
	json_decref(frames);
}
END_TEST

START_TEST(every_verdict_is_ours)
{
	json_t *lines = vectors_load_lines("verdicts.jsonl");
	json_t *entry;
	size_t i;

	json_array_foreach (lines, i, entry) {
		const char *line = vectors_text(entry, "line");
		size_t len = json_string_length(json_object_get(entry, "line"));

		if (strcmp(vectors_text(entry, "ours"), "accept") == 0) {
			codec_accepts(line, len, vectors_text(entry, "reencoded"));
		} else {
			struct wire_message message;
			struct wire_error error = {.code = 0};
			struct arena arena;
			int result;

			arena_init(&arena, SIZE_MAX, NULL);
			result = codec_decode(&message, &arena, line, len, &error);
			ck_assert_msg(result > 0, "accepted: %.200s", line);
			ck_assert_int_eq(error.code, result);
			ck_assert_uint_le(error.offset, len);
			arena_free(&arena);
		}
	}
	ck_assert_uint_ge(i, 350);
	json_decref(lines);
}
END_TEST

/* No prefix of a frame is a frame, and none makes the decoder read beyond it. */
START_TEST(every_prefix_of_a_frame_is_refused)
{
	json_t *frames = vectors_load_lines("messages.jsonl");
	struct wire_message message;
	struct wire_error error;
	struct arena arena;
	json_t *entry;
	size_t i;

	arena_init(&arena, SIZE_MAX, NULL);
	json_array_foreach (frames, i, entry) {
		const char *frame = vectors_text(entry, "frame");
		size_t len = strlen(frame);
		size_t step = len / 3000 + 1;

		for (size_t cut = 0; cut < len; cut += step) {
			int result = codec_decode(&message, &arena, frame, cut, &error);

			/* The cut may go through a character. */
			ck_assert(result == WIRE_E_SYNTAX || result == WIRE_E_UTF8);
			ck_assert_uint_le(error.offset, cut);
			arena_reset(&arena);
		}
	}
	arena_free(&arena);
	json_decref(frames);
}
END_TEST

START_TEST(values_arrive_in_their_fields)
{
	static const char line[] = "{\"Version\":{\"version\":\"1.0\",\"commit_date\":\"d\",\"commit_count\":\"3\","
				   "\"protocol_version\":1,\"network\":\"testnet\",\"listen_addr\":\"0.0.0.0:24100\","
				   "\"timestamp\":-5,\"capabilities\":[\"a\",\"bc\"],\"wallet_address\":null,"
				   "\"genesis_hash\":\"g\",\"node_id\":\"00ff\",\"height\":18446744073709551615}}";
	struct wire_message message;
	const struct wire_version *version = &message.u.version;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	ck_assert_int_eq(codec_decode(&message, &arena, line, sizeof(line) - 1, NULL), 0);
	ck_assert_uint_eq(message.type, WIRE_VERSION);
	ck_assert_str_eq(version->version.ptr, "1.0");
	ck_assert_uint_eq(version->protocol_version, 1);
	ck_assert_uint_eq(version->listen_addr.len, 13);
	ck_assert_int_eq(version->timestamp, -5);
	ck_assert_uint_eq(version->capabilities.len, 2);
	ck_assert_str_eq(version->capabilities.items[1].ptr, "bc");
	ck_assert_ptr_null(version->wallet_address);
	ck_assert_str_eq(version->genesis_hash->ptr, "g");
	ck_assert_str_eq(version->node_id->ptr, "00ff");
	ck_assert_uint_eq(*version->height, UINT64_MAX);
	codec_accepts(line, sizeof(line) - 1, line);
	arena_free(&arena);
}
END_TEST

/* Our own keys: read where they stand, written only when they carry something, null is nothing. */
START_TEST(extra_keys_are_optional)
{
	codec_accepts(TEXT("{\"BlockVote\":{\"block_hash\":" ZEROS ",\"height\":1,\"voter\":\"v\",\"signature\":[1],"
			   "\"approve\":false,\"round\":7,\"phase\":\"prevote\"}}"),
		      "{\"BlockVote\":{\"block_hash\":" ZEROS ",\"height\":1,\"voter\":\"v\",\"signature\":[1],"
		      "\"approve\":false,\"round\":7,\"phase\":\"prevote\"}}");
	codec_accepts(TEXT("{\"BlockVote\":{\"phase\":\"precommit\",\"round\":null,\"block_hash\":" ZEROS
			   ",\"height\":1,"
			   "\"voter\":\"v\",\"signature\":[],\"approve\":true}}"),
		      "{\"BlockVote\":{\"block_hash\":" ZEROS ",\"height\":1,\"voter\":\"v\",\"signature\":[],"
		      "\"approve\":true,\"phase\":\"precommit\"}}");
	codec_accepts(TEXT("{\"BlockProposal\":{\"block\":" EMPTY_BLOCK
			   ",\"proposer\":\"p\",\"signature\":[],\"round\":0,"
			   "\"valid_round\":-1}}"),
		      "{\"BlockProposal\":{\"block\":" EMPTY_BLOCK ",\"proposer\":\"p\",\"signature\":[],\"round\":0,"
		      "\"valid_round\":-1}}");
	codec_accepts(TEXT("{\"BlockCommit\":{\"block_hash\":" ZEROS ",\"height\":1,\"signatures\":[],\"round\":3}}"),
		      "{\"BlockCommit\":{\"block_hash\":" ZEROS ",\"height\":1,\"signatures\":[],\"round\":3}}");
	codec_accepts(TEXT("{\"BlockResponse\":{\"commit\":{\"round\":2,\"signatures\":[[\"a\",[1,2]],[\"b\",[]]]},"
			   "\"header\":" HEADER ",\"transactions\":[],\"masternode_rewards\":[[\"r\",5]]}}"),
		      "{\"BlockResponse\":{\"header\":" HEADER
		      ",\"transactions\":[],\"masternode_rewards\":[[\"r\",5]],"
		      "\"commit\":{\"round\":2,\"signatures\":[[\"a\",[1,2]],[\"b\",[]]]}}}");
	codec_refuses(TEXT("{\"BlockCommit\":{\"round\":1,\"round\":1}}"), WIRE_E_DUPLICATE, 26, "BlockCommit.round");
}
END_TEST

/* Where an error is, in bytes and in the schema. */
START_TEST(errors_say_what_and_where)
{
	codec_refuses(TEXT(""), WIRE_E_SYNTAX, 0, "");
	codec_refuses(TEXT("  "), WIRE_E_SYNTAX, 2, "");
	codec_refuses(TEXT("~W~M"), WIRE_E_SYNTAX, 0, "");
	codec_refuses(TEXT("\xef\xbb\xbf\"GetPeers\""), WIRE_E_SYNTAX, 0, "");
	codec_refuses(TEXT("\"GetPeers\" 1"), WIRE_E_TRAILING, 11, "");
	codec_refuses(TEXT("\"GetPeers\"\0"), WIRE_E_TRAILING, 10, "");
	codec_refuses(TEXT("{\"Pinh\":1}"), WIRE_E_UNKNOWN_MESSAGE, 1, "");
	codec_refuses(TEXT("\"Ping\""), WIRE_E_TYPE, 0, "Ping");
	codec_refuses(TEXT("{\"GetPeers\":1}"), WIRE_E_TYPE, 12, "GetPeers");
	codec_refuses(TEXT("{\"Ping\":{\"nonce\":1,\"timestamp\":2},\"Pong\":1}"), WIRE_E_TYPE, 33, "");
	codec_refuses(TEXT("{\"Ping\":{\"nonce\":-1,\"timestamp\":2}}"), WIRE_E_RANGE, 17, "Ping.nonce");
	codec_refuses(TEXT("{\"Ping\":{\"nonce\":1}}"), WIRE_E_MISSING, 18, "Ping.timestamp");
	codec_refuses(TEXT("{\"Ping\":{\"nonce\":1,\"nonce\":1}}"), WIRE_E_DUPLICATE, 19, "Ping.nonce");
	codec_refuses(TEXT("{\"Ping\":{\"nonce\":1,\"x\":{\"y\":[1,tru]}}}"), WIRE_E_SYNTAX, 31, "Ping");
	codec_refuses(TEXT("{\"GetBlocks\":[1,\"2\"]}"), WIRE_E_TYPE, 16, "GetBlocks[1]");
	codec_refuses(TEXT("{\"GetBlocks\":[1]}"), WIRE_E_TYPE, 15, "GetBlocks");
	codec_refuses(TEXT("{\"GetBlocks\":[1,2,3]}"), WIRE_E_TYPE, 17, "GetBlocks");
	codec_refuses(TEXT("{\"GetBlocks\":[1,2"), WIRE_E_SYNTAX, 17, "GetBlocks");
	codec_refuses(TEXT("{\"BlockHashResponse\":{\"height\":1,\"hash\":[300"), WIRE_E_RANGE, 41,
		      "BlockHashResponse.hash[0]");
	codec_refuses(TEXT("{\"UTXOStateUpdate\":{\"outpoint\":" OUTPOINT ",\"state\":{\"Locked\":{\"txid\":7}}}}"),
		      WIRE_E_TYPE, 141, "UTXOStateUpdate.state.Locked.txid");
	codec_refuses(TEXT("{\"UTXOStateUpdate\":{\"outpoint\":" OUTPOINT ",\"state\":\"Spent\"}}"),
		      WIRE_E_UNKNOWN_VARIANT, 123, "UTXOStateUpdate.state");
	codec_refuses(TEXT("{\"MasternodesResponse\":[{\"address\":\"a\",\"reward_address\":\"\\ud800\"}]}"),
		      WIRE_E_UTF8, 57, "MasternodesResponse[0].reward_address");
	codec_refuses(TEXT("{\"PeersResponse\":[\"a\",\"\xc0\x80\"]}"), WIRE_E_UTF8, 23, "PeersResponse[1]");
}
END_TEST

START_TEST(path_of_a_deep_error)
{
	static const char start[] = "{\"BlocksResponse\":[" EMPTY_BLOCK "," EMPTY_BLOCK "," EMPTY_BLOCK ",{\"header\":"
				    "{\"version\":1,\"height\":";
	struct buf line = BUF_INIT;

	buf_append_text(&line, start);
	buf_append_text(&line, "1.5}}]}");
	ck_assert_int_eq(line.error, 0);
	codec_refuses((const char *)line.data, line.len, WIRE_E_RANGE, sizeof(start) - 1,
		      "BlocksResponse[3].header.height");
	buf_free(&line);
}
END_TEST

/* adversarial 9: numbers. */
START_TEST(numbers_at_their_edges)
{
	static const struct {
		const char *nonce;
		int code;
	} cases[] = {
		{"18446744073709551615", 0},
		{"18446744073709551616", WIRE_E_RANGE},
		{"18446744073709551620", WIRE_E_RANGE},
		{"28446744073709551615", WIRE_E_RANGE},
		{"99999999999999999999", WIRE_E_RANGE},
		{"100000000000000000000", WIRE_E_RANGE},
		{"9999999999999999999", 0},
		{"10000000000000000000", 0},
		{"00", WIRE_E_SYNTAX},
		{"007", WIRE_E_SYNTAX},
		{"00000000000000000000000", WIRE_E_SYNTAX},
		{"-0", WIRE_E_RANGE},
		{"-1", WIRE_E_RANGE},
		{"1.0", WIRE_E_RANGE},
		{"1e0", WIRE_E_RANGE},
		{"1E9", WIRE_E_RANGE},
		{"+1", WIRE_E_SYNTAX},
		{".5", WIRE_E_SYNTAX},
		{"0x1", WIRE_E_SYNTAX},
		{"Infinity", WIRE_E_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_message message;
		struct arena arena;
		char line[100];

		arena_init(&arena, SIZE_MAX, NULL);
		snprintf(line, sizeof(line), "{\"Ping\":{\"nonce\":%s,\"timestamp\":0}}", cases[i].nonce);
		ck_assert_msg(codec_decode(&message, &arena, line, strlen(line), NULL) == cases[i].code, "%s", line);
		if (cases[i].code == 0)
			codec_accepts(line, strlen(line), line);
		arena_free(&arena);
	}
}
END_TEST

START_TEST(signed_numbers_at_their_edges)
{
	static const struct {
		const char *timestamp;
		int code;
	} cases[] = {
		{"9223372036854775807", 0},
		{"9223372036854775808", WIRE_E_RANGE},
		{"-9223372036854775808", 0},
		{"-9223372036854775809", WIRE_E_RANGE},
		{"-18446744073709551616", WIRE_E_RANGE},
		{"-1", 0},
		{"-0", WIRE_E_RANGE},
		{"-01", WIRE_E_SYNTAX},
		{"-", WIRE_E_SYNTAX},
		{"--1", WIRE_E_SYNTAX},
		{"-1.0", WIRE_E_RANGE},
		{"- 1", WIRE_E_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_message message;
		struct arena arena;
		char line[100];

		arena_init(&arena, SIZE_MAX, NULL);
		snprintf(line, sizeof(line), "{\"Ping\":{\"nonce\":0,\"timestamp\":%s}}", cases[i].timestamp);
		ck_assert_msg(codec_decode(&message, &arena, line, strlen(line), NULL) == cases[i].code, "%s", line);
		if (cases[i].code == 0)
			codec_accepts(line, strlen(line), line);
		arena_free(&arena);
	}
}
END_TEST

/* Every byte value in every position of an array, with and without whitespace around. */
START_TEST(byte_arrays_hold_every_value)
{
	for (unsigned value = 0; value <= 1100; value++) {
		for (unsigned position = 0; position < 4; position++) {
			char line[120], spaced[160];
			unsigned v[4] = {84, 7, 177, 0};

			v[position] = value;
			snprintf(line, sizeof(line),
				 "{\"Handshake\":{\"magic\":[%u,%u,%u,%u],\"protocol_version\":1,\"network\":\"\"}}",
				 v[0], v[1], v[2], v[3]);
			snprintf(spaced, sizeof(spaced),
				 "{\"Handshake\":{\"magic\":[ %u ,\t%u, %u\r,%u "
				 "],\"protocol_version\":1,\"network\":\"\"}}",
				 v[0], v[1], v[2], v[3]);
			if (value <= 255) {
				codec_accepts(line, strlen(line), line);
				codec_accepts(spaced, strlen(spaced), line);
			} else {
				size_t offset = (size_t)(strchr(line, '[') - line) + 1;
				char path[40];

				for (unsigned k = 0; k < position; k++)
					offset += (size_t)snprintf(NULL, 0, "%u,", v[k]);
				snprintf(path, sizeof(path), "Handshake.magic[%u]", position);
				codec_refuses(line, strlen(line), WIRE_E_RANGE, offset, path);
			}
		}
	}
}
END_TEST

START_TEST(byte_arrays_refuse_what_is_no_byte)
{
	static const char *const bad[] = {
		"[84,73,77,069]", "[084,73,77,69]", "[84,73,77,]",	"[,84,73,77,69]", "[84,73,77,-1]",
		"[84,73,77,6.9]", "[84,73,77,6e1]", "[84,73,77,\"E\"]", "[84,73,77]",	  "[84,73,77,69,0]",
		"[84 73,77,69]",  "[84;73,77,69]",  "[84,73,77,69}",	"[84,73,77,69",	  "[]",
		"[84,73,77,69,]", "[84,00,77,69]",  "[84,0 0,77,69]",	"[84,7a,77,69]",  "[8:,73,77,69]"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire_message message;
		struct arena arena;
		char line[120];

		arena_init(&arena, SIZE_MAX, NULL);
		snprintf(line, sizeof(line), "{\"Handshake\":{\"magic\":%s,\"protocol_version\":1,\"network\":\"\"}}",
			 bad[i]);
		ck_assert_msg(codec_decode(&message, &arena, line, strlen(line), NULL) > 0, "%s", line);
		arena_free(&arena);
	}
}
END_TEST

/* adversarial 9: strings.  The right side is what the canonical line holds. */
START_TEST(strings_are_unescaped_and_escaped_again)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{"", ""},
		{"\\u0041\\u00e9\\u20ac\\ud834\\udd1e", "A\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e"},
		{"\\uD834\\uDD1E", "\xf0\x9d\x84\x9e"},
		{"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\\\"\\\\/\\b\\f\\n\\r\\t"},
		{"a\\u0000b\\u001fc\\u007f", "a\\u0000b\\u001fc\x7f"},
		{"\\u0008\\u000c\\u000a\\u000d\\u0009\\u0022\\u005c", "\\b\\f\\n\\r\\t\\\"\\\\"},
		{"0123456789abcdef\\n0123456789abcdef\xf4\x8f\xbf\xbf",
		 "0123456789abcdef\\n0123456789abcdef\xf4\x8f\xbf\xbf"},
		{"\\uffff\\ufffe\\ud7ff\\ue000", "\xef\xbf\xbf\xef\xbf\xbe\xed\x9f\xbf\xee\x80\x80"},
		{"\\u07ff\\u0800\\u0080", "\xdf\xbf\xe0\xa0\x80\xc2\x80"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[200], canonical[200];

		snprintf(line, sizeof(line), "{\"Unsubscribe\":\"%s\"}", cases[i].in);
		snprintf(canonical, sizeof(canonical), "{\"Unsubscribe\":\"%s\"}", cases[i].out);
		codec_accepts(line, strlen(line), canonical);
		codec_accepts(canonical, strlen(canonical), canonical);
	}
}
END_TEST

START_TEST(bad_strings_are_refused)
{
	static const struct {
		const char *in;
		int code;
		size_t offset; /* in the string */
	} cases[] = {
		{"a\x01", WIRE_E_SYNTAX, 1},
		{"\t", WIRE_E_SYNTAX, 0},
		{"01234567\x1f", WIRE_E_SYNTAX, 8},
		{"\\x41", WIRE_E_SYNTAX, 0},
		{"\\u12", WIRE_E_SYNTAX, 0},
		{"\\u12g4", WIRE_E_SYNTAX, 0},
		{"\\U0041", WIRE_E_SYNTAX, 0},
		{"\\ud834", WIRE_E_UTF8, 0},
		{"\\ud834x", WIRE_E_UTF8, 0},
		{"\\ud834\\n", WIRE_E_UTF8, 0},
		{"\\ud834\\u0041", WIRE_E_UTF8, 0},
		{"\\ud834\\ud834", WIRE_E_UTF8, 0},
		{"\\udd1e", WIRE_E_UTF8, 0},
		{"x\\udfff", WIRE_E_UTF8, 1},
		{"\x80", WIRE_E_UTF8, 0},
		{"\xc1\xbf", WIRE_E_UTF8, 0},
		{"\xe0\x9f\xbf", WIRE_E_UTF8, 0},
		{"\xed\xa0\x80", WIRE_E_UTF8, 0},
		{"\xf0\x8f\xbf\xbf", WIRE_E_UTF8, 0},
		{"\xf4\x90\x80\x80", WIRE_E_UTF8, 0},
		{"\xf5\x80\x80\x80", WIRE_E_UTF8, 0},
		{"abcdefgh\xff", WIRE_E_UTF8, 8},
		{"\xe2\x82", WIRE_E_UTF8, 0},
		{"\xc3", WIRE_E_UTF8, 0},
	};
	static const char start[] = "{\"Unsubscribe\":\"";
	static const char ignored[] = "{\"Ack\":{\"x\":\"";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[200];

		snprintf(line, sizeof(line), "%s%s\"}", start, cases[i].in);
		codec_refuses(line, strlen(line), cases[i].code, sizeof(start) - 1 + cases[i].offset, "Unsubscribe");
		/* Just the same where nobody looks, and in a key. */
		snprintf(line, sizeof(line), "%s%s\",\"message_type\":\"\"}}", ignored, cases[i].in);
		codec_refuses(line, strlen(line), cases[i].code, sizeof(ignored) - 1 + cases[i].offset, "Ack");
		snprintf(line, sizeof(line), "{\"Ack\":{\"%s\":1,\"message_type\":\"\"}}", cases[i].in);
		codec_refuses(line, strlen(line), cases[i].code, 9 + cases[i].offset, "Ack");
	}
}
END_TEST

/* Names are strings like any other; long ones and those that decode to something else are unknown. */
START_TEST(names_may_be_escaped)
{
	static const char long_name[] =
		"{\"Ack\":{"
		"\"\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d\\u006d"
		"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm\":1,\"message_type\":\"x\"}}";

	codec_accepts(TEXT("{\"\\u0041ck\":{\"\\u006dessage_type\":\"x\"}}"), "{\"Ack\":{\"message_type\":\"x\"}}");
	codec_accepts(TEXT("{\"Ack\":{\"message\\u0000type\":1,\"message_type\":\"x\"}}"),
		      "{\"Ack\":{\"message_type\":\"x\"}}");
	codec_accepts(TEXT(long_name), "{\"Ack\":{\"message_type\":\"x\"}}");
	codec_accepts(TEXT("\"GetPe\\u0065rs\""), "\"GetPeers\"");
	codec_refuses(TEXT("\"GetPeers\\u0000\""), WIRE_E_UNKNOWN_MESSAGE, 0, "");
	codec_refuses(TEXT("{\"A\\u0063k\":{\"message_type\":\"x\",\"message_typ\\u0065\":\"x\"}}"), WIRE_E_DUPLICATE,
		      32, "Ack.message_type");
}
END_TEST

/* Unknown keys may hold anything that is JSON. */
START_TEST(ignored_values_must_be_json)
{
	static const char *const good[] = {"0",		 "-0",
					   "1.5e+10",	 "-0.0E-7",
					   "1e400",	 "123456789012345678901234567890",
					   "null",	 "true",
					   "false",	 "\"\"",
					   "[]",	 "{}",
					   "[[],{}]",	 "[ 1 , { \"a\" : [ ] , \"a\" : 2 } ]",
					   "\"\\u0000\""};
	static const char *const bad[] = {
		"01",	     "1.",    ".1",    "1e",	  "+1",	      "1e+",	    "-",   "nul", "True", "[1,]",
		"[,1]",	     "[1 2]", "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "[}",  "{]",	  "[1}",
		"{\"a\":1]", "NaN",   "'a'",   "",	  "[",	      "/**/1",	    "00",  "-01", "0x0"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char line[200];

		snprintf(line, sizeof(line), "{\"Ack\":{\"x\":%s,\"message_type\":\"\",\"y\": %s }}", good[i], good[i]);
		codec_accepts(line, strlen(line), "{\"Ack\":{\"message_type\":\"\"}}");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire_message message;
		struct arena arena;
		char line[200];

		arena_init(&arena, SIZE_MAX, NULL);
		snprintf(line, sizeof(line), "{\"Ack\":{\"x\":%s,\"message_type\":\"\"}}", bad[i]);
		ck_assert_msg(codec_decode(&message, &arena, line, strlen(line), NULL) == WIRE_E_SYNTAX, "%s", line);
		arena_free(&arena);
	}
}
END_TEST

/* Bare values, as later parts need them. */
START_TEST(single_values_by_description)
{
	static const char peers[] = " [\n  \"1.2.3.4:24100\",\n  \"5.6.7.8\"\n]\n";
	struct wire_str_list list;
	struct wire_block block;
	struct buf out = BUF_INIT;
	struct wire_error error;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	ck_assert_int_eq(wire_json_decode_value(&list, &wire_desc_peer_list, &arena, (const uint8_t *)peers,
						sizeof(peers) - 1, NULL),
			 0);
	ck_assert_uint_eq(list.len, 2);
	ck_assert_str_eq(list.items[1].ptr, "5.6.7.8");
	ck_assert_int_eq(wire_json_encode_value(&out, &wire_desc_peer_list, &list), 0);
	ck_assert_uint_eq(out.len, strlen("[\"1.2.3.4:24100\",\"5.6.7.8\"]"));
	buf_reset(&out);
	ck_assert_int_eq(wire_json_decode_value(&block, &wire_desc_block, &arena, (const uint8_t *)EMPTY_BLOCK,
						strlen(EMPTY_BLOCK), NULL),
			 0);
	ck_assert_uint_eq(block.header.height, 1);
	ck_assert_ptr_null(block.commit);
	ck_assert_int_eq(wire_json_encode_value(&out, &wire_desc_block, &block), 0);
	ck_assert_uint_eq(out.len, strlen(EMPTY_BLOCK));
	ck_assert_mem_eq(out.data, EMPTY_BLOCK, out.len);
	ck_assert_int_eq(
		wire_json_decode_value(&list, &wire_desc_peer_list, &arena, (const uint8_t *)"[\"a\",7]", 7, &error),
		WIRE_E_TYPE);
	ck_assert_str_eq(error.path, "[1]");
	buf_free(&out);
	arena_free(&arena);
}
END_TEST

START_TEST(chain_of_the_rust_node_comes_back_byte_for_byte)
{
	const char *dir = getenv("TIMED_VECTORS");
	struct buf out = BUF_INIT;
	struct arena arena;
	char path[4096];
	char *line = NULL;
	size_t capacity = 0, count = 0;
	ssize_t len;
	FILE *file;

	ck_assert_ptr_nonnull(dir);
	snprintf(path, sizeof(path), "%s/chain.jsonl", dir);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	arena_init(&arena, SIZE_MAX, NULL);
	while ((len = getline(&line, &capacity, file)) > 1) {
		struct wire_block block;

		len -= line[len - 1] == '\n';
		ck_assert_int_eq(wire_json_decode_value(&block, &wire_desc_block, &arena, (const uint8_t *)line,
							(size_t)len, NULL),
				 0);
		ck_assert_uint_eq(block.header.height, count);
		buf_reset(&out);
		ck_assert_int_eq(wire_json_encode_value(&out, &wire_desc_block, &block), 0);
		ck_assert_uint_eq(out.len, (size_t)len);
		ck_assert_mem_eq(out.data, line, out.len);
		arena_reset(&arena);
		count++;
	}
	ck_assert_uint_eq(count, 901);
	free(line);
	fclose(file);
	buf_free(&out);
	arena_free(&arena);
}
END_TEST

/* Flipped, dropped and doubled bytes: whatever is accepted is understood (it comes back as itself). */
START_TEST(mutated_frames_do_no_harm)
{
	json_t *frames = vectors_load_lines("messages.jsonl");
	uint64_t state = 88172645463325252u;
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct wire_message message;
	size_t accepted = 0;
	struct arena arena;
	json_t *entry;
	size_t i;

	arena_init(&arena, SIZE_MAX, NULL);
	json_array_foreach (frames, i, entry) {
		const char *frame = vectors_text(entry, "frame");

		for (int round = 0; round < 200; round++) {
			size_t len = strlen(frame);
			char *line = malloc(len + 1);
			size_t at = codec_random(&state) % len;

			ck_assert_ptr_nonnull(line);
			memcpy(line, frame, len);
			switch (codec_random(&state) % 3) {
			case 0:
				line[at] = (char)codec_random(&state);
				break;
			case 1:
				memmove(line + at, line + at + 1, len - at - 1);
				len--;
				break;
			default:
				line[at] = "0123456789,:[]{}\"\\ en-"[codec_random(&state) % 21];
				break;
			}
			if (codec_decode(&message, &arena, line, len, NULL) == 0) {
				accepted++;
				buf_reset(&first);
				codec_encode(&first, &message);
				ck_assert_int_eq(codec_decode(&message, &arena, (char *)first.data, first.len, NULL),
						 0);
				buf_reset(&second);
				codec_encode(&second, &message);
				ck_assert_uint_eq(first.len, second.len);
				ck_assert_mem_eq(first.data, second.data, first.len);
			}
			free(line);
			arena_reset(&arena);
		}
	}
	ck_assert_uint_gt(accepted, 1000);
	buf_free(&first);
	buf_free(&second);
	arena_free(&arena);
	json_decref(frames);
}
END_TEST

START_TEST(encoder_refuses_what_no_decoder_makes)
{
	struct wire_message message = {.type = WIRE_TYPE_COUNT};
	struct buf out = BUF_INIT;

	ck_assert_int_eq(wire_json_encode(&out, &message), -EINVAL);
	message.type = WIRE_MASTERNODE_ANNOUNCEMENT;
	message.u.masternode_announcement = (struct wire_masternode){.tier = WIRE_TIER_COUNT};
	ck_assert_int_eq(wire_json_encode(&out, &message), -EINVAL);
	/* A zeroed struct is a valid empty value. */
	message.u.masternode_announcement = (struct wire_masternode){.tier = WIRE_TIER_FREE};
	ck_assert_int_eq(wire_json_encode(&out, &message), 0);
	buf_free(&out);
}
END_TEST

START_TEST(codes_have_names)
{
	ck_assert_str_eq(wire_error_name(WIRE_E_SYNTAX), "WIRE_E_SYNTAX");
	ck_assert_str_eq(wire_error_name(WIRE_E_TRAILING), "WIRE_E_TRAILING");
	ck_assert_str_eq(wire_error_name(0), "?");
	ck_assert_str_eq(wire_error_name(-ENOMEM), "?");
	ck_assert_str_eq(wire_error_name(WIRE_E_CODE_END), "?");
	for (int code = 1; code < WIRE_E_CODE_END; code++)
		ck_assert_int_ne(wire_error_name(code)[0], '?');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *vectors = tcase_create("vectors");
	TCase *grammar = tcase_create("grammar");

	tcase_set_timeout(vectors, 60);
	tcase_add_test(vectors, every_frame_comes_back_byte_for_byte);
	tcase_add_test(vectors, every_verdict_is_ours);
	tcase_add_test(vectors, every_prefix_of_a_frame_is_refused);
	tcase_add_test(vectors, chain_of_the_rust_node_comes_back_byte_for_byte);
	tcase_add_test(vectors, mutated_frames_do_no_harm);
	suite_add_tcase(suite, vectors);
	tcase_set_timeout(grammar, 60);
	tcase_add_test(grammar, values_arrive_in_their_fields);
	tcase_add_test(grammar, extra_keys_are_optional);
	tcase_add_test(grammar, errors_say_what_and_where);
	tcase_add_test(grammar, path_of_a_deep_error);
	tcase_add_test(grammar, numbers_at_their_edges);
	tcase_add_test(grammar, signed_numbers_at_their_edges);
	tcase_add_test(grammar, byte_arrays_hold_every_value);
	tcase_add_test(grammar, byte_arrays_refuse_what_is_no_byte);
	tcase_add_test(grammar, strings_are_unescaped_and_escaped_again);
	tcase_add_test(grammar, bad_strings_are_refused);
	tcase_add_test(grammar, names_may_be_escaped);
	tcase_add_test(grammar, ignored_values_must_be_json);
	tcase_add_test(grammar, single_values_by_description);
	tcase_add_test(grammar, encoder_refuses_what_no_decoder_makes);
	tcase_add_test(grammar, codes_have_names);
	suite_add_tcase(suite, grammar);
	return run_suite(suite);
}
