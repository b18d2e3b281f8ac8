// SPDX-License-Identifier: MIT
/* consensus/bft after a crash, and the stored form of what it must not forget. */
#include "bft_fixture.h"

/* ---- after a crash */

/* What the last event would have written. */
static struct bft_record written(enum bft_action_kind kind)
{
	return the(kind)->u.record;
}

static void restore(const struct bft_record *record, const struct bft_certificate *polka)
{
	ck_assert_int_eq(bft_restore(bft, record, polka), 0);
}

START_TEST(a_prevote_is_not_forgotten)
{
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;
	struct bft_record record;
	struct wire_sig signature;

	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	record = written(BFT_SEND_VOTE);
	signature = the(BFT_SEND_VOTE)->message.u.vote.signature;
	create(false);
	restore(&record, NULL);
	start(HEIGHT, US, 0);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(status().step, BFT_STEP_PREVOTE);
	/* neither another proposal nor the timeout brings another one */
	ck_assert_int_eq(proposal(0, -1, B), 0);
	block(B, BFT_VALID);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	tick(now + 10 * TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* it is repeated as it was */
	ck_assert(bft_repeat_next(bft, &cursor, &message));
	ck_assert_int_eq(message.kind, BFT_MESSAGE_PROPOSAL);
	ck_assert(bft_repeat_next(bft, &cursor, &message));
	ck_assert(same(&message.u.vote.hash, &A));
	ck_assert_mem_eq(&message.u.vote.signature, &signature, sizeof(signature));
	/* and known when it comes back */
	ck_assert_int_eq(prevote(US, 0, A), BFT_E_KNOWN);
}
END_TEST

START_TEST(a_prevote_of_a_round_that_we_have_left_is_repeated_after_a_crash)
{
	/* Number 2 is gone, 0 and 3 are in round 0 and 3 lacks our prevote there: nobody else has it any more. */
	const struct bft_record records[] = {
		{.kind = BFT_RECORD_PREVOTE, .height = HEIGHT, .locked_round = -1, .valid_round = -1},
		{.kind = BFT_RECORD_PRECOMMIT, .height = HEIGHT, .locked_round = -1, .valid_round = -1},
		{.kind = BFT_RECORD_PREVOTE, .height = HEIGHT, .round = 1, .locked_round = -1, .valid_round = -1},
	};
	struct bft_cursor cursor = {.proposed = false};
	struct bft_message message;

	create(false);
	for (size_t i = 0; i < 3; i++)
		restore(&records[i], NULL);
	start(HEIGHT, US, 0);
	ck_assert_uint_eq(status().round, 1);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(bft_repeat_next(bft, &cursor, &message));
		ck_assert_int_eq(message.kind, BFT_MESSAGE_VOTE);
		ck_assert_uint_eq(message.u.vote.round, records[i].round);
		ck_assert_int_eq(message.u.vote.phase,
				 records[i].kind == BFT_RECORD_PREVOTE ? WIRE_PHASE_PREVOTE : WIRE_PHASE_PRECOMMIT);
	}
	ck_assert(!bft_repeat_next(bft, &cursor, &message));
}
END_TEST

START_TEST(a_lock_is_not_forgotten_nor_its_polka)
{
	struct bft_record records[2];
	struct bft_certificate polka;
	struct bft_signature entries[4];

	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	records[0] = written(BFT_SEND_VOTE);
	ck_assert_int_eq(prevote(0, 0, A), 0);
	ck_assert_int_eq(prevote(2, 0, A), 0);
	records[1] = written(BFT_SEND_VOTE);
	polka = *the(BFT_SEND_VOTE)->polka;
	memcpy(entries, polka.entries, polka.count * sizeof(entries[0]));
	polka.entries = entries;

	create(false);
	restore(&records[0], NULL);
	restore(&records[1], &polka);
	memset(entries, 0, sizeof(entries));
	start(HEIGHT, US, 0);
	ck_assert(same(&the(BFT_NEED_BLOCK)->hash, &A));
	ck_assert_int_eq(status().step, BFT_STEP_PRECOMMIT);
	ck_assert_int_eq(status().locked_round, 0);
	ck_assert_int_eq(status().valid_round, 0);
	ck_assert_uint_eq(status().prevotes, 3);
	ck_assert_uint_eq(status().precommits, 1);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	/* our turn: we propose it again, with the polka that nobody else may hold */
	next_round(0);
	ck_assert(same(&the(BFT_SEND_PROPOSAL)->message.u.proposal.hash, &A));
	ck_assert_int_eq(the(BFT_SEND_PROPOSAL)->message.u.proposal.valid_round, 0);
	block(A, BFT_VALID);
	voted(WIRE_PHASE_PREVOTE, 1, A);
	/* and refuse another */
	next_round(1);
	ck_assert_int_eq(proposal(2, -1, B), 0);
	voted(WIRE_PHASE_PREVOTE, 2, nil);
}
END_TEST

START_TEST(a_proposal_is_not_forgotten)
{
	struct bft_record record;

	create(false);
	start(HEIGHT, 0, 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &A, now), 0);
	record = written(BFT_SEND_PROPOSAL);
	create(false);
	restore(&record, NULL);
	start(HEIGHT, 0, 0);
	/* no other block is asked for */
	ck_assert_int_eq(count(BFT_PROPOSE_VALUE), 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &B, now), BFT_E_STEP);
	ck_assert(bft_needs_block(bft, HEIGHT, &A));
	block(A, BFT_VALID);
	ck_assert(same(&the(BFT_SEND_VOTE)->message.u.vote.hash, &A));
}
END_TEST

START_TEST(the_last_round_goes_on)
{
	struct bft_record record = {.kind = BFT_RECORD_PRECOMMIT,
				    .height = HEIGHT,
				    .round = 41,
				    .proposal_round = -1,
				    .locked_round = -1,
				    .valid_round = -1};

	create(false);
	restore(&record, NULL);
	start(HEIGHT, US, 0);
	ck_assert_uint_eq(the(BFT_NEW_ROUND)->round, 41);
	ck_assert_int_eq(status().step, BFT_STEP_PRECOMMIT);
	ck_assert_uint_eq(status().precommits, 1);
	ck_assert_int_eq(precommit(0, 41, nil), 0);
	ck_assert_int_eq(precommit(2, 41, nil), 0);
	ck_assert_int_eq(bft_deadline_ms(bft), now + TIMEOUT + 41 * DELTA);
}
END_TEST

START_TEST(a_chain_that_is_behind_its_votes_is_not_voted_on)
{
	struct bft_record record = {.kind = BFT_RECORD_PREVOTE,
				    .height = HEIGHT + 2,
				    .hash = A,
				    .proposal_round = -1,
				    .locked_round = -1,
				    .valid_round = -1};

	create(false);
	restore(&record, NULL);
	start(HEIGHT, US, 0);
	ck_assert_int_eq(proposal(0, -1, A), 0);
	block(A, BFT_VALID);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* what we once said there is no surprise */
	ck_assert_int_eq(prevote(US, 0, B), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	start(HEIGHT + 1, US, 0);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* where the file knows what we said, we go on */
	start(HEIGHT + 2, US, 0);
	ck_assert_int_eq(status().step, BFT_STEP_PREVOTE);
	start(HEIGHT + 3, US, 0);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 1);
}
END_TEST

START_TEST(records_that_nobody_wrote_are_refused)
{
	const struct bft_record good = {.kind = BFT_RECORD_PREVOTE,
					.height = HEIGHT,
					.round = 3,
					.proposal_round = -1,
					.locked_round = 1,
					.locked = A,
					.valid_round = 2,
					.valid = B};
	struct bft_record bad[8];

	for (int i = 0; i < 8; i++)
		bad[i] = good;
	bad[0].height = 0;
	bad[1].round = BFT_ROUND_MAX + 1;
	bad[2].locked_round = 3;
	bad[3].valid_round = 4;
	bad[4].locked_round = -1;
	bad[5].valid = nil;
	bad[6].locked_round = -2;
	bad[7].kind = BFT_RECORD_PROPOSAL;
	create(false);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(bft_restore(bft, &bad[i], NULL), BFT_E_FORM);
	restore(&good, NULL);
	bad[0] = good;
	bad[0].height--;
	ck_assert_int_eq(bft_restore(bft, &bad[0], NULL), BFT_E_FORM);
}
END_TEST

START_TEST(without_its_file_a_validator_waits_for_two_new_heights)
{
	create(true);
	/* heights whose time had come before it started: whatever it said there it has forgotten */
	for (uint64_t height = HEIGHT; height < HEIGHT + 5; height++) {
		start(height, US, START - 1);
		tick(now + TIMEOUT);
		ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	}
	start(HEIGHT + 5, US, START);
	start(HEIGHT + 6, US, START + 1);
	start(HEIGHT + 7, US, START + 2);
	ck_assert(status().observing);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	ck_assert_int_eq(count(BFT_REPEAT), 0);
	/* now two of them have committed */
	start(HEIGHT + 8, US, START + 3);
	ck_assert(!status().observing);
	tick(now + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 1);
}
END_TEST

START_TEST(without_its_file_a_leader_is_silent)
{
	create(true);
	start(HEIGHT, 0, 0);
	ck_assert_int_eq(count(BFT_PROPOSE_VALUE), 0);
	ck_assert_int_eq(bft_propose(bft, &actions, HEIGHT, 0, &A, now), BFT_E_STEP);
}
END_TEST

START_TEST(our_key_elsewhere_silences_us)
{
	ck_assert_int_eq(prevote(US, 0, A), 0);
	ck_assert_int_eq(the(BFT_OWN_KEY)->message.u.vote.voter, US);
	ck_assert(status().observing);
	tick(START + TIMEOUT);
	ck_assert_int_eq(count(BFT_SEND_VOTE), 0);
	/* said once */
	ck_assert_int_eq(precommit(US, 0, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	/* until two heights from now on have committed */
	start(HEIGHT + 1, US, now + 1);
	start(HEIGHT + 2, US, now + 2);
	ck_assert(status().observing);
	start(HEIGHT + 3, US, now + 3);
	ck_assert(!status().observing);
}
END_TEST

START_TEST(our_key_elsewhere_is_seen_in_all_kinds_of_messages)
{
	struct bft_vote vote = make_vote(US, 0, WIRE_PHASE_PREVOTE, A);

	/* against a vote of ours */
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
	ck_assert_int_eq(prevote(US, 0, nil), BFT_E_KNOWN);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	ck_assert_int_eq(prevote(US, 0, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
	ck_assert_int_eq(count(BFT_EVIDENCE), 1);
	/* a proposal */
	setup();
	ck_assert_int_eq(proposal_by(US, HEIGHT, 1, -1, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
	/* far ahead */
	setup();
	ck_assert_int_eq(prevote(US, 77, A), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
	/* at the next height */
	setup();
	vote.height++;
	ck_assert_int_eq(bft_vote(bft, &actions, &vote, now), 0);
	ck_assert_int_eq(count(BFT_OWN_KEY), 1);
}
END_TEST

START_TEST(our_own_old_votes_are_no_surprise)
{
	/* given up with their round, and then heard again */
	tick(START + TIMEOUT);
	voted(WIRE_PHASE_PREVOTE, 0, nil);
	for (uint64_t round = 0; round < 60; round++)
		next_round(round);
	ck_assert_int_eq(prevote(US, 0, nil), BFT_E_ROUND);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
	ck_assert_int_eq(proposal(60, 0, A), 0);
	(void)prevote(US, 0, A);
	ck_assert_int_eq(count(BFT_OWN_KEY), 0);
}
END_TEST

/* ---- the stored form */

START_TEST(records_are_read_as_they_were_written)
{
	const struct bft_record record = {.kind = BFT_RECORD_PROPOSAL,
					  .height = UINT64_MAX,
					  .round = 77,
					  .hash = A,
					  .proposal_round = 5,
					  .locked_round = -1,
					  .valid_round = 5,
					  .valid = A};
	struct bft_signature entries[3] = {{0, {{1}}}, {2, {{2}}}, {999, {{3}}}};
	struct bft_certificate polka = {UINT64_MAX, 5, WIRE_PHASE_PREVOTE, A, 3, entries}, other;
	struct bft_record read;
	struct buf buf = BUF_INIT;

	for (int with = 0; with < 2; with++) {
		buf_reset(&buf);
		bft_record_encode(&buf, &record, with ? &polka : NULL);
		ck_assert_int_eq(buf.error, 0);
		ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 0);
		ck_assert_int_eq(read.kind, record.kind);
		ck_assert_uint_eq(read.height, record.height);
		ck_assert_uint_eq(read.round, record.round);
		ck_assert(same(&read.hash, &A) && same(&read.locked, &nil) && same(&read.valid, &A));
		ck_assert_int_eq(read.proposal_round, 5);
		ck_assert_int_eq(read.locked_round, -1);
		ck_assert_int_eq(read.valid_round, 5);
		ck_assert_uint_eq(other.count, with ? 3 : 0);
		if (with) {
			ck_assert_uint_eq(other.height, UINT64_MAX);
			ck_assert_uint_eq(other.round, 5);
			ck_assert_int_eq(other.phase, WIRE_PHASE_PREVOTE);
			ck_assert(same(&other.hash, &A));
			ck_assert_uint_eq(other.entries[2].voter, 999);
			ck_assert_mem_eq(&other.entries[2].signature, &entries[2].signature, 64);
			free(other.entries);
		}
	}
	buf_free(&buf);
}
END_TEST

START_TEST(damaged_records_are_refused)
{
	const struct bft_record record = {.kind = BFT_RECORD_STATE, .height = 1, .locked_round = -1, .valid_round = -1};
	struct bft_signature entries[2] = {{0, {{1}}}, {2, {{2}}}};
	struct bft_certificate polka = {1, 0, WIRE_PHASE_PREVOTE, A, 2, entries}, other;
	struct bft_record read;
	struct buf buf = BUF_INIT;

	bft_record_encode(&buf, &record, &polka);
	for (size_t len = 0; len < buf.len; len++)
		ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, len), 1);
	buf_append_byte(&buf, 0);
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf.len--;
	buf.data[0] = 2; /* version */
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf.data[0] = 1;
	buf.data[1] = 5; /* kind */
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf.data[1] = 0;
	ck_assert_int_eq(bft_record_decode(&read, &other, buf.data, buf.len), 1);
	buf_free(&buf);
}
END_TEST

static void add_crashes(TCase *c)
{
	tcase_add_test(c, a_prevote_is_not_forgotten);
	tcase_add_test(c, a_prevote_of_a_round_that_we_have_left_is_repeated_after_a_crash);
	tcase_add_test(c, a_lock_is_not_forgotten_nor_its_polka);
	tcase_add_test(c, a_proposal_is_not_forgotten);
	tcase_add_test(c, the_last_round_goes_on);
	tcase_add_test(c, a_chain_that_is_behind_its_votes_is_not_voted_on);
	tcase_add_test(c, records_that_nobody_wrote_are_refused);
	tcase_add_test(c, without_its_file_a_validator_waits_for_two_new_heights);
	tcase_add_test(c, without_its_file_a_leader_is_silent);
	tcase_add_test(c, our_key_elsewhere_silences_us);
	tcase_add_test(c, our_key_elsewhere_is_seen_in_all_kinds_of_messages);
	tcase_add_test(c, our_own_old_votes_are_no_surprise);
	tcase_add_test(c, records_are_read_as_they_were_written);
	tcase_add_test(c, damaged_records_are_refused);
}

int main(void)
{
	return bft_tests("bft_crash", add_crashes);
}
