// SPDX-License-Identifier: MIT
/* wire/json: nesting, lists and strings at their limits, and memory that runs out.  adversarial 8. */
#include "timeproto/wire/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "codec.h"
#include "run_suite.h"

/* 128 levels in all, those of the message included, in arrays, objects and both. */
START_TEST(nesting_ends_at_128_levels)
{
	static const struct {
		const char *open, *close;
		unsigned levels;
	} kinds[] = {{"[", "]", 1}, {"{\"a\":", "}", 1}, {"[{\"a\":", "}]", 2}};

	for (size_t k = 0; k < 3; k++) {
		for (unsigned levels = 2 + kinds[k].levels; levels <= 1000; levels += kinds[k].levels) {
			struct buf line = BUF_INIT;

			buf_append_text(&line, "{\"Ack\":{\"x\":");
			for (unsigned i = 2; i < levels; i += kinds[k].levels)
				buf_append_text(&line, kinds[k].open);
			buf_append_text(&line, "1");
			for (unsigned i = 2; i < levels; i += kinds[k].levels)
				buf_append_text(&line, kinds[k].close);
			buf_append_text(&line, ",\"message_type\":\"\"}}");
			ck_assert_int_eq(line.error, 0);
			if (levels <= 128) {
				codec_accepts((const char *)line.data, line.len, "{\"Ack\":{\"message_type\":\"\"}}");
			} else {
				struct wire_message message;
				struct wire_error error;
				struct arena arena;

				arena_init(&arena, SIZE_MAX, NULL);
				ck_assert_int_eq(
					codec_decode(&message, &arena, (const char *)line.data, line.len, &error),
					WIRE_E_DEPTH);
				arena_free(&arena);
			}
			buf_free(&line);
		}
	}
}
END_TEST

/* adversarial 8: `limit` items are taken, one more is refused, whatever it is. */
static const struct {
	const char *before;
	const char *item;
	const char *after;
	size_t limit;
	const char *path;
} limits[] = {
	{"{\"BlocksResponse\":[", EMPTY_BLOCK, "]}", 101, "BlocksResponse[101]"},
	{"{\"BlockRangeResponse\":[", EMPTY_BLOCK, "]}", 101, "BlockRangeResponse[101]"},
	{"{\"PendingTransactionsResponse\":[", EMPTY_TX, "]}", 10000, "PendingTransactionsResponse[10000]"},
	{"{\"BlockResponse\":{\"header\":" HEADER ",\"transactions\":[", EMPTY_TX, "],\"masternode_rewards\":[]}}",
	 10000, "BlockResponse.transactions[10000]"},
	{"{\"BlockResponse\":{\"header\":" HEADER ",\"transactions\":[],\"masternode_rewards\":[", "[\"a\",1]", "]}}",
	 10000, "BlockResponse.masternode_rewards[10000]"},
	{"{\"TransactionBroadcast\":{\"version\":0,\"inputs\":[",
	 "{\"previous_output\":" OUTPOINT ",\"script_sig\":[],\"sequence\":0}",
	 "],\"outputs\":[],\"lock_time\":0,\"timestamp\":0}}", 10000, "TransactionBroadcast.inputs[10000]"},
	{"{\"TransactionBroadcast\":{\"version\":0,\"inputs\":[],\"outputs\":[", "{\"value\":0,\"script_pubkey\":[]}",
	 "],\"lock_time\":0,\"timestamp\":0}}", 10000, "TransactionBroadcast.outputs[10000]"},
	{"{\"TransactionBroadcast\":{\"version\":0,\"inputs\":[],\"outputs\":[{\"value\":0,\"script_pubkey\":[", "255",
	 "]}],\"lock_time\":0,\"timestamp\":0}}", 10000, "TransactionBroadcast.outputs[0].script_pubkey"},
	{"{\"UTXOStateQuery\":[", OUTPOINT, "]}", 1000, "UTXOStateQuery[1000]"},
	{"{\"UTXOStateResponse\":[", "[" OUTPOINT ",\"Unspent\"]", "]}", 1000, "UTXOStateResponse[1000]"},
	{"{\"Subscribe\":{\"id\":\"\",\"addresses\":[", "\"a\"", "],\"outpoints\":[]}}", 1000,
	 "Subscribe.addresses[1000]"},
	{"{\"Subscribe\":{\"id\":\"\",\"addresses\":[],\"outpoints\":[", OUTPOINT, "]}}", 1000,
	 "Subscribe.outpoints[1000]"},
	{"{\"MasternodesResponse\":[",
	 "{\"address\":\"a\",\"reward_address\":\"b\",\"tier\":\"Free\",\"public_key\":" ZEROS "}", "]}", 10000,
	 "MasternodesResponse[10000]"},
	{"{\"BlockCommit\":{\"block_hash\":" ZEROS ",\"height\":1,\"signatures\":[", "[\"a\",[]]", "]}}", 1000,
	 "BlockCommit.signatures[1000]"},
	{"{\"Version\":{\"version\":\"\",\"commit_date\":\"\",\"commit_count\":\"\",\"protocol_version\":1,\"network\":"
	 "\"\","
	 "\"listen_addr\":\"\",\"timestamp\":0,\"capabilities\":[",
	 "\"a\"", "],\"wallet_address\":null,\"genesis_hash\":null}}", 1000, "Version.capabilities[1000]"},
};
#define LIMITS ((int)(sizeof(limits) / sizeof(limits[0])))

START_TEST(lists_end_at_their_limits)
{
	struct buf line = BUF_INIT;
	size_t offset;

	buf_append_text(&line, limits[_i].before);
	codec_repeat(&line, limits[_i].item, limits[_i].limit);
	offset = line.len + 1;
	buf_append_text(&line, limits[_i].after);
	buf_append_byte(&line, 0);
	ck_assert_int_eq(line.error, 0);
	codec_accepts((const char *)line.data, line.len - 1, (const char *)line.data);

	buf_reset(&line);
	buf_append_text(&line, limits[_i].before);
	codec_repeat(&line, limits[_i].item, limits[_i].limit + 1);
	buf_append_text(&line, limits[_i].after);
	ck_assert_int_eq(line.error, 0);
	codec_refuses((const char *)line.data, line.len, WIRE_E_LIMIT, offset, limits[_i].path);
	buf_free(&line);
}
END_TEST

START_TEST(strings_end_at_their_limits)
{
	static const struct {
		const char *before;
		const char *after;
		size_t limit;
		const char *path;
	} cases[] = {
		{"{\"Unsubscribe\":\"", "\"}", 1024, "Unsubscribe"},
		{"{\"TransactionRejected\":{\"txid\":" ZEROS ",\"reason\":\"", "\"}}", 4096,
		 "TransactionRejected.reason"},
		{"{\"PeersResponse\":[\"", "\"]}", 1024, "PeersResponse[0]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t more = 0; more < 2; more++) {
			struct buf line = BUF_INIT;

			buf_append_text(&line, cases[i].before);
			for (size_t k = 0; k < cases[i].limit + more; k++)
				buf_append_byte(&line, 'x');
			buf_append_text(&line, cases[i].after);
			buf_append_byte(&line, 0);
			ck_assert_int_eq(line.error, 0);
			if (more)
				codec_refuses((const char *)line.data, line.len - 1, WIRE_E_LIMIT,
					      strlen(cases[i].before) - 1, cases[i].path);
			else
				codec_accepts((const char *)line.data, line.len - 1, (const char *)line.data);
			buf_free(&line);
		}
	}
}
END_TEST

/* The limit counts bytes of the text, not of its escapes. */
START_TEST(string_limit_counts_decoded_bytes)
{
	struct wire_message message;
	struct buf line = BUF_INIT;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	buf_append_text(&line, "{\"Unsubscribe\":\"");
	for (int i = 0; i < 512; i++)
		buf_append_text(&line, "\\u00e9");
	buf_append_text(&line, "\"}");
	ck_assert_int_eq(line.error, 0);
	ck_assert_int_eq(codec_decode(&message, &arena, (const char *)line.data, line.len, NULL), 0);
	ck_assert_uint_eq(message.u.unsubscribe.len, 1024);
	ck_assert_int_eq(message.u.unsubscribe.ptr[1024], 0);
	arena_free(&arena);
	buf_free(&line);
}
END_TEST

/* adversarial 34: the first thousand are kept, the rest is read and dropped, and must still be strings. */
START_TEST(peer_lists_are_cut)
{
	struct wire_message message;
	struct buf line = BUF_INIT;
	struct arena arena;

	arena_init(&arena, SIZE_MAX, NULL);
	buf_append_text(&line, "{\"PeersResponse\":[");
	codec_repeat(&line, "\"10.0.0.1:24100\"", 10000);
	buf_append_text(&line, "]}");
	ck_assert_int_eq(codec_decode(&message, &arena, (const char *)line.data, line.len, NULL), 0);
	ck_assert_uint_eq(message.u.peers_response.len, 1000);
	ck_assert_str_eq(message.u.peers_response.items[999].ptr, "10.0.0.1:24100");
	ck_assert_uint_lt(arena.reserved, 200000);
	line.len -= 2;
	buf_append_text(&line, ",5]}");
	ck_assert_int_eq(line.error, 0);
	codec_refuses((const char *)line.data, line.len, WIRE_E_TYPE, line.len - 3, "PeersResponse[10000]");
	arena_free(&arena);
	buf_free(&line);
}
END_TEST

/* With every limit from nothing to enough, the decoder says -ENOMEM and nothing else goes wrong. */
START_TEST(memory_may_run_out_anywhere)
{
	static const char line[] = "{\"UTXOSetResponse\":[{\"outpoint\":" OUTPOINT
				   ",\"value\":1,\"script_pubkey\":[1,2,3],\"address\":\"abc\"},"
				   "{\"outpoint\":" OUTPOINT ",\"value\":1,\"script_pubkey\":[],\"address\":\"\"}]}";
	struct wire_message message;
	struct wire_error error;
	int result = -ENOMEM;
	size_t failures = 0;

	for (size_t limit = 0; result; limit += 8) {
		struct arena arena;

		arena_init(&arena, limit, NULL);
		result = codec_decode(&message, &arena, line, sizeof(line) - 1, &error);
		if (result) {
			ck_assert_int_eq(result, -ENOMEM);
			ck_assert_int_eq(error.code, -ENOMEM);
			failures++;
		}
		ck_assert_uint_le(arena.reserved, limit);
		arena_free(&arena);
	}
	ck_assert_uint_gt(failures, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_bounds");
	TCase *bounds = tcase_create("bounds");

	tcase_set_timeout(bounds, 60);
	tcase_add_test(bounds, nesting_ends_at_128_levels);
	tcase_add_loop_test(bounds, lists_end_at_their_limits, 0, LIMITS);
	tcase_add_test(bounds, strings_end_at_their_limits);
	tcase_add_test(bounds, string_limit_counts_decoded_bytes);
	tcase_add_test(bounds, peer_lists_are_cut);
	tcase_add_test(bounds, memory_may_run_out_anywhere);
	suite_add_tcase(suite, bounds);
	return run_suite(suite);
}
