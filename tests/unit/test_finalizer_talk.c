// SPDX-License-Identifier: MIT
/* finalizer: who votes, what is asked for, what is repeated. */
#include "finalizer_fixture.h"

/* ---- voters ---- */

START_TEST(who_moves_votes_anew)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	turn();
	vote(1, &a, true);
	turn();
	ck_assert_uint_eq(find(&a).votes, 2);
	forget_sent();
	set_voters();
	turn();
	ck_assert_uint_eq(sent_count, 0);
	/* a signature is over the address: the vote of 1 is of no use, and ours is signed again */
	strcpy(texts[0], "10.0.0.77");
	strcpy(texts[1], "10.0.0.78");
	addresses[0].len = addresses[1].len = strlen(texts[0]);
	set_voters();
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
	ck_assert_uint_eq(find(&a).votes, 1);
	vote(1, &a, true);
	turn();
	expect_sent(1, 1, &a, true, SEND_GOSSIP);
}
END_TEST

START_TEST(others_vote_from_now_on)
{
	struct wire_transaction a = pay();
	struct wire_hash txid = txid_of(&a);
	struct wire_key key = keys[3];
	struct wire_str address = addresses[3];

	must_insert(&a);
	turn();
	vote(1, &a, true);
	vote(3, &a, true);
	turn();
	ck_assert(is_final(&a));
	forget_sent();
	/* 3 is now where 1 was, and 1 has gone */
	keys[1] = key;
	addresses[1] = address;
	ck_assert_int_eq(finalizer_set_voters(fin, keys, addresses, 3, 0), 0);
	finalizer_on_request(fin, &txid, PEER(0));
	turn();
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, 0, &a, true, SEND_ANSWER);
	expect_sent(1, 1, &a, true, SEND_ANSWER);
}
END_TEST

/* ---- asked and repeated ---- */

START_TEST(requests_are_answered)
{
	struct wire_transaction a = pay(), b = pay();
	struct wire_hash txid = txid_of(&a), unknown = txid_of(&b);

	must_insert(&a);
	turn();
	vote(2, &a, false);
	turn();
	forget_sent();
	finalizer_on_request(fin, &txid, PEER(1));
	finalizer_on_request(fin, &unknown, PEER(1));
	ck_assert_uint_eq(sent_count, 0);
	turn();
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, 0, &a, true, SEND_ANSWER);
	expect_sent(1, 2, &a, false, SEND_ANSWER);
	ck_assert_ptr_eq(sent[0].to, PEER(1));
	/* what has not left when it ends is forgotten */
	finalizer_on_request(fin, &txid, PEER(1));
	ck_assert_int_eq(vote_from(3, &a, false, PEER(2)), 0);
	ck_assert_int_eq(peer_refs, 2);
}
END_TEST

START_TEST(a_new_peer_is_sent_what_is_pending)
{
	struct wire_transaction a = pay(), b = pay();

	must_insert(&a);
	must_insert(&b);
	turn();
	vote(1, &b, true);
	turn();
	forget_sent();
	finalizer_on_ready(fin, PEER(2));
	turn();
	ck_assert_uint_eq(sent_count, 3);
	expect_sent(0, 0, &a, true, SEND_GOSSIP);
	expect_sent(1, 0, &b, true, SEND_GOSSIP);
	expect_sent(2, 1, &b, true, SEND_GOSSIP);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(sent[i].to, PEER(2));
}
END_TEST

START_TEST(votes_are_repeated)
{
	struct wire_transaction a = pay();
	int64_t due;

	must_insert(&a);
	turn();
	vote(1, &a, true);
	turn();
	forget_sent();
	due = finalizer_deadline_ms(fin);
	ck_assert_int_gt(due, clock_mono_ms());
	ck_assert_int_le(due, clock_mono_ms() + REPEAT_MS);
	finalizer_tick(fin, due - 1);
	turn();
	ck_assert_uint_eq(sent_count, 0);
	pass(REPEAT_MS + 1000);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, 0, &a, true, SEND_GOSSIP);
	expect_sent(1, 1, &a, true, SEND_GOSSIP);
	ck_assert_ptr_null(sent[0].to);
	/* once */
	turn();
	ck_assert_uint_eq(sent_count, 2);
	ck_assert_int_gt(finalizer_deadline_ms(fin), clock_mono_ms());
	pass(REPEAT_MS);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_eq(sent_count, 4);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, who_moves_votes_anew);
	tcase_add_test(c, others_vote_from_now_on);
	tcase_add_test(c, requests_are_answered);
	tcase_add_test(c, a_new_peer_is_sent_what_is_pending);
	tcase_add_test(c, votes_are_repeated);
}

int main(void)
{
	return finalizer_tests("finalizer_talk", add_tests);
}
