// SPDX-License-Identifier: MIT
/* node/messages: every one of the 47 messages has a row, in the bucket of its limit; answers are never limited
 * (PROTOCOL.md §3, §4 "Rate limits"). */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "node_impl.h"
#include "run_suite.h"
#include "timed/net/handlers.h"

/* What the protocol says of each message. */
enum nature {
	ALIVE,	 /* ping and pong */
	ANSWER,	 /* to a request of ours */
	REQUEST, /* asks for work */
	NEWS,	 /* the rest */
};

static const struct {
	enum wire_type type;
	enum nature nature;
	enum rate_kind rate;
} WANT[] = {
	{WIRE_GET_GENESIS_HASH, REQUEST, RATE_OTHER},
	{WIRE_GENESIS_HASH_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_GET_BLOCK_HEIGHT, REQUEST, RATE_OTHER},
	{WIRE_BLOCK_HEIGHT_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_GET_BLOCKS, REQUEST, RATE_NONE}, /* blocks and hashes: one in hand per peer, paced by its output */
	{WIRE_BLOCKS_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_HANDSHAKE, NEWS, RATE_OTHER},
	{WIRE_ACK, NEWS, RATE_OTHER},
	{WIRE_TRANSACTION_BROADCAST, NEWS, RATE_TRANSACTION},
	{WIRE_TRANSACTION_VOTE_REQUEST, REQUEST, RATE_VOTE},
	{WIRE_TRANSACTION_VOTE, NEWS, RATE_VOTE},
	{WIRE_TRANSACTION_FINALIZED, NEWS, RATE_TRANSACTION},
	{WIRE_TRANSACTION_REJECTED, NEWS, RATE_TRANSACTION},
	{WIRE_UTXO_STATE_QUERY, REQUEST, RATE_UTXO_QUERY},
	{WIRE_UTXO_STATE_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_UTXO_STATE_NOTIFICATION, NEWS, RATE_OTHER},
	{WIRE_UTXO_STATE_UPDATE, NEWS, RATE_OTHER},
	{WIRE_SUBSCRIBE, REQUEST, RATE_SUBSCRIBE},
	{WIRE_UNSUBSCRIBE, REQUEST, RATE_SUBSCRIBE},
	{WIRE_BLOCK_ANNOUNCEMENT, NEWS, RATE_BLOCK},
	{WIRE_BLOCK_REQUEST, REQUEST, RATE_NONE},
	{WIRE_BLOCK_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_GET_UTXO_SET, REQUEST, RATE_UTXO_QUERY},
	{WIRE_UTXO_SET_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_GET_UTXO_STATE_HASH, REQUEST, RATE_UTXO_QUERY},
	{WIRE_UTXO_STATE_HASH_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_MASTERNODE_ANNOUNCEMENT, NEWS, RATE_OTHER},
	{WIRE_GET_MASTERNODES, REQUEST, RATE_OTHER},
	{WIRE_MASTERNODES_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_VERSION, NEWS, RATE_OTHER},
	{WIRE_PING, ALIVE, RATE_NONE},
	{WIRE_PONG, ALIVE, RATE_NONE},
	{WIRE_GET_PENDING_TRANSACTIONS, REQUEST, RATE_OTHER},
	{WIRE_PENDING_TRANSACTIONS_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_GET_PEERS, REQUEST, RATE_OTHER},
	{WIRE_PEERS_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_HEARTBEAT_BROADCAST, NEWS, RATE_VOTE},
	{WIRE_HEARTBEAT_ATTESTATION, NEWS, RATE_VOTE},
	{WIRE_GET_BLOCK_HASH, REQUEST, RATE_NONE},
	{WIRE_BLOCK_HASH_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_CONSENSUS_QUERY, REQUEST, RATE_NONE},
	{WIRE_CONSENSUS_QUERY_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_GET_BLOCK_RANGE, REQUEST, RATE_NONE},
	{WIRE_BLOCK_RANGE_RESPONSE, ANSWER, RATE_NONE},
	{WIRE_BLOCK_PROPOSAL, NEWS, RATE_BLOCK},
	{WIRE_BLOCK_VOTE, NEWS, RATE_BLOCK_VOTE},
	{WIRE_BLOCK_COMMIT, NEWS, RATE_BLOCK},
};

#define ROWS ((int)(sizeof(WANT) / sizeof(WANT[0])))

START_TEST(every_message_is_listed_once)
{
	bool listed[WIRE_TYPE_COUNT] = {false};

	ck_assert_int_eq(WIRE_TYPE_COUNT, 47);
	ck_assert_int_eq(ROWS, WIRE_TYPE_COUNT);
	for (int i = 0; i < ROWS; i++) {
		ck_assert(!listed[WANT[i].type]);
		listed[WANT[i].type] = true;
	}
}
END_TEST

START_TEST(row_has_the_bucket_of_its_limit)
{
	ck_assert_int_eq(node_message_rules[WANT[_i].type].rate, WANT[_i].rate);
}
END_TEST

/* What asks for work waits while the peer does not read its answers; nothing else does. */
START_TEST(row_is_a_request_if_it_asks_for_work)
{
	ck_assert_int_eq(node_message_rules[WANT[_i].type].request, WANT[_i].nature == REQUEST);
}
END_TEST

/* Nothing but an answer answers, and each kind of request that we make has exactly one. */
START_TEST(kinds_of_requests_have_one_answer_each)
{
	int answers[REQUEST_KIND_COUNT] = {0};

	for (int i = 0; i < ROWS; i++) {
		enum request_kind kind = node_message_rules[WANT[i].type].answers;

		ck_assert_int_ge(kind, 0);
		ck_assert_int_lt(kind, REQUEST_KIND_COUNT);
		answers[kind]++;
		if (kind != REQUEST_NONE)
			ck_assert_int_eq(WANT[i].nature, ANSWER);
	}
	for (int kind = REQUEST_NONE + 1; kind < REQUEST_KIND_COUNT; kind++)
		ck_assert_int_eq(answers[kind], 1);
	ck_assert_int_eq(node_message_rules[WIRE_PEERS_RESPONSE].answers, REQUEST_PEERS);
	ck_assert_int_eq(node_message_rules[WIRE_MASTERNODES_RESPONSE].answers, REQUEST_MASTERNODES);
	ck_assert_int_eq(node_message_rules[WIRE_BLOCK_HASH_RESPONSE].answers, REQUEST_BLOCK_HASH);
}
END_TEST

START_TEST(connection_messages_go_to_their_handlers)
{
	ck_assert(node_message_rules[WIRE_HANDSHAKE].handle == peer_on_handshake);
	ck_assert(node_message_rules[WIRE_ACK].handle == peer_on_ack);
	ck_assert(node_message_rules[WIRE_VERSION].handle == peer_on_version);
	ck_assert(node_message_rules[WIRE_PING].handle == peer_on_ping);
	ck_assert(node_message_rules[WIRE_PONG].handle == peer_on_pong);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, every_message_is_listed_once);
	tcase_add_loop_test(c, row_has_the_bucket_of_its_limit, 0, ROWS);
	tcase_add_loop_test(c, row_is_a_request_if_it_asks_for_work, 0, ROWS);
	tcase_add_test(c, kinds_of_requests_have_one_answer_each);
	tcase_add_test(c, connection_messages_go_to_their_handlers);
}

int main(void)
{
	Suite *suite = suite_create("message_table");
	TCase *c = tcase_create("message_table");

	tcase_set_timeout(c, 60);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
