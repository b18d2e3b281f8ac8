// SPDX-License-Identifier: MIT
/* consensus/attestation: which heartbeats are good, who counts as a witness, and the bounds (adversarial 49). */
#include "timed/consensus/attestation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timeproto/chain/digest.h"

#define START ((int64_t)1764547200)
#define KNOWN 10

static struct attestation *attestation;
static struct attestation_params params;
static int64_t now;

static struct wire_str text(const char *string)
{
	return (struct wire_str){string, strlen(string)};
}

static struct wire_key key(uint8_t number)
{
	struct wire_key k;

	memset(k.bytes, number, sizeof(k.bytes));
	return k;
}

static void setup(void)
{
	now = START;
	attestation_params_init(&params);
	params.seed[0] = 3;
	params.seed[1] = 4;
	params.gap_s = 0;
	ck_assert_int_eq(attestation_new(&attestation, &params), 0);
}

static void teardown(void)
{
	attestation_free(attestation);
}

static struct wire_heartbeat make(const char *address, uint8_t key_number, uint64_t sequence, int64_t timestamp)
{
	return (struct wire_heartbeat){.masternode_address = text(address),
				       .sequence_number = sequence,
				       .timestamp = timestamp,
				       .masternode_pubkey = key(key_number)};
}

/* Signed by the announced key, `announced` 0: none is. */
static int heard(const char *address, uint8_t key_number, uint64_t sequence, uint8_t announced, bool own_connection)
{
	struct wire_heartbeat heartbeat = make(address, key_number, sequence, now);
	struct wire_key announced_key = key(announced);

	return attestation_heartbeat(attestation, &heartbeat, announced ? &announced_key : NULL, own_connection, KNOWN,
				     now);
}

static struct wire_hash hash_of(const char *address)
{
	struct wire_str name = text(address);
	struct attestation_status status;

	ck_assert(attestation_status(attestation, &status, &name));
	return status.hash;
}

static bool verified;

static int attest_as(const struct wire_hash *hash, const char *address, uint8_t key_number, uint8_t registered,
		     size_t known)
{
	struct wire_attestation witness = {.heartbeat_hash = *hash,
					   .witness_address = text(address),
					   .witness_pubkey = key(key_number),
					   .witness_timestamp = now};
	struct wire_key registered_key = key(registered);

	verified = false;
	return attestation_witness(attestation, &witness, &verified, registered ? &registered_key : NULL, known, now);
}

/* Masternode number n at "w<n>" with its key n attests the last heartbeat of an address. */
static int attest(const char *address, uint8_t number)
{
	struct wire_hash hash = hash_of(address);
	char name[8];

	snprintf(name, sizeof(name), "w%d", number);
	return attest_as(&hash, name, number, number, KNOWN);
}

static struct attestation_stats stats(void)
{
	struct attestation_stats out;

	attestation_stats(attestation, &out);
	return out;
}

START_TEST(a_heartbeat_by_the_announced_key_is_good)
{
	struct wire_str address = text("10.0.0.1");
	struct wire_heartbeat heartbeat = make("10.0.0.1", 1, 100, START);
	struct attestation_status status;
	struct wire_hash hash;

	ck_assert(!attestation_status(attestation, &status, &address));
	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, false), 0);
	ck_assert(attestation_status(attestation, &status, &address));
	digest_heartbeat_hash(&hash, &heartbeat);
	ck_assert_mem_eq(&status.hash, &hash, sizeof(hash));
	ck_assert_uint_eq(status.sequence, 100);
	ck_assert_int_eq(status.timestamp, START);
	ck_assert_uint_eq(status.witnesses, 0);
	ck_assert(!status.verified);
	ck_assert_uint_eq(stats().heartbeats, 1);
	ck_assert_uint_eq(stats().masternodes, 1);
}
END_TEST

START_TEST(adversarial_49_a_replayed_heartbeat_is_not_counted)
{
	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, false), ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, true), ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(heard("10.0.0.1", 1, 99, 1, false), ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(heard("10.0.0.1", 1, 0, 1, false), ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(heard("10.0.0.1", 1, 101, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 1, UINT64_MAX, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 1, UINT64_MAX, 1, false), ATTESTATION_E_SEQUENCE);
	ck_assert_uint_eq(stats().refused[ATTESTATION_E_SEQUENCE], 5);
	/* another masternode's count is its own */
	ck_assert_int_eq(heard("10.0.0.2", 2, 1, 2, false), 0);
}
END_TEST

START_TEST(adversarial_49_a_heartbeat_out_of_the_window_is_not_counted)
{
	struct wire_key announced = key(1);
	static const struct {
		int64_t offset;
		int expected;
	} cases[] = {{-181, ATTESTATION_E_WINDOW}, {181, ATTESTATION_E_WINDOW}, {-180, 0}, {180, 0}};

	for (int i = 0; i < 4; i++) {
		struct wire_heartbeat heartbeat = make("10.0.0.1", 1, 100 + (uint64_t)i, START + cases[i].offset);

		ck_assert_int_eq(attestation_heartbeat(attestation, &heartbeat, &announced, false, KNOWN, START),
				 cases[i].expected);
	}
	for (int i = 0; i < 2; i++) {
		struct wire_heartbeat heartbeat = make("10.0.0.1", 1, 200, i ? INT64_MAX : INT64_MIN);

		ck_assert_int_eq(attestation_heartbeat(attestation, &heartbeat, &announced, false, KNOWN, START),
				 ATTESTATION_E_WINDOW);
	}
}
END_TEST

START_TEST(adversarial_49_a_heartbeat_by_another_key_is_not_counted)
{
	/* of an unknown masternode, of a known one, and after a good one */
	ck_assert_int_eq(heard("10.0.0.1", 7, 100, 0, false), ATTESTATION_E_KEY);
	ck_assert_int_eq(heard("10.0.0.1", 7, 100, 1, false), ATTESTATION_E_KEY);
	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 7, 101, 1, false), ATTESTATION_E_KEY);
	ck_assert_uint_eq(stats().masternodes, 1);
	ck_assert_uint_eq(stats().refused[ATTESTATION_E_KEY], 3);
}
END_TEST

START_TEST(a_key_shown_over_the_own_connection_is_good)
{
	/* an existing node: it announces 1, signs with 7, and after its restart with 8 */
	ck_assert_int_eq(heard("10.0.0.1", 7, 1, 1, false), ATTESTATION_E_KEY);
	ck_assert_int_eq(heard("10.0.0.1", 7, 1, 1, true), 0);
	ck_assert_int_eq(heard("10.0.0.1", 7, 1, 1, true), ATTESTATION_E_SEQUENCE);
	/* from then on others may pass its heartbeats on */
	ck_assert_int_eq(heard("10.0.0.1", 7, 2, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 7, 3, 0, false), 0);
	ck_assert_int_eq(heard("10.0.0.2", 7, 4, 0, false), ATTESTATION_E_KEY);
	ck_assert_int_eq(heard("10.0.0.1", 8, 1, 1, false), ATTESTATION_E_KEY);
	ck_assert_int_eq(heard("10.0.0.1", 8, 1, 1, true), 0);
	ck_assert_int_eq(heard("10.0.0.1", 7, 4, 1, false), ATTESTATION_E_KEY);
	/* and the announced key stays good */
	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 8, 2, 1, false), 0);
}
END_TEST

START_TEST(a_sequence_belongs_to_its_key_whatever_became_of_it)
{
	ck_assert_int_eq(heard("10.0.0.1", 7, 50, 1, true), 0);
	/* the key is announced now: nothing starts anew */
	ck_assert_int_eq(heard("10.0.0.1", 7, 50, 7, false), ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(heard("10.0.0.1", 7, 51, 7, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 7, 51, 1, true), ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(heard("10.0.0.1", 7, 52, 1, true), 0);
	ck_assert_int_eq(heard("10.0.0.1", 7, 52, 7, true), ATTESTATION_E_SEQUENCE);
}
END_TEST

START_TEST(addresses_have_a_length)
{
	char longest[64];

	memset(longest, '1', sizeof(longest));
	longest[ATTESTATION_ADDRESS_SIZE - 1] = '\0';
	ck_assert_int_eq(heard("", 1, 1, 1, true), ATTESTATION_E_ADDRESS);
	ck_assert_int_eq(heard(longest, 1, 1, 1, true), 0);
	longest[ATTESTATION_ADDRESS_SIZE - 1] = '1';
	longest[ATTESTATION_ADDRESS_SIZE] = '\0';
	ck_assert_int_eq(heard(longest, 1, 1, 1, true), ATTESTATION_E_ADDRESS);
}
END_TEST

START_TEST(three_witnesses_verify)
{
	struct wire_str address = text("10.0.0.1");
	struct attestation_status status;

	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	ck_assert_int_eq(attest("10.0.0.1", 21), 0);
	ck_assert_int_eq(attest("10.0.0.1", 22), 0);
	ck_assert(!verified);
	ck_assert_uint_eq(stats().verified, 0);
	ck_assert_int_eq(attest("10.0.0.1", 23), 0);
	ck_assert(verified);
	ck_assert(attestation_status(attestation, &status, &address));
	ck_assert(status.verified);
	ck_assert_uint_eq(status.witnesses, 3);
	ck_assert_uint_eq(stats().verified, 1);
	ck_assert_uint_eq(stats().attestations, 3);
	/* once */
	ck_assert_int_eq(attest("10.0.0.1", 24), 0);
	ck_assert(!verified);
	/* the next heartbeat starts anew */
	ck_assert_int_eq(heard("10.0.0.1", 1, 2, 1, false), 0);
	ck_assert(attestation_status(attestation, &status, &address));
	ck_assert(!status.verified);
	ck_assert_uint_eq(status.witnesses, 0);
	ck_assert_uint_eq(stats().verified, 0);
	ck_assert_int_eq(attest("10.0.0.1", 21), 0);
}
END_TEST

START_TEST(fewer_masternodes_need_fewer_witnesses)
{
	static const struct {
		size_t known;
		uint8_t needed;
	} cases[] = {{0, 0}, {1, 0}, {2, 1}, {3, 2}, {4, 3}, {5, 3}, {10000, 3}};
	struct wire_key announced = key(1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_heartbeat heartbeat = make("10.0.0.1", 1, i + 1, now);
		struct wire_hash hash;

		ck_assert_int_eq(attestation_heartbeat(attestation, &heartbeat, &announced, false, cases[i].known, now),
				 0);
		digest_heartbeat_hash(&hash, &heartbeat);
		ck_assert_uint_eq(stats().verified, cases[i].needed == 0);
		for (uint8_t k = 0; k < cases[i].needed; k++) {
			ck_assert_int_eq(attest_as(&hash, "w", (uint8_t)(50 + k), (uint8_t)(50 + k), cases[i].known),
					 0);
			ck_assert(verified == (k + 1 == cases[i].needed));
		}
	}
}
END_TEST

START_TEST(adversarial_49_one_witness_counts_once)
{
	struct wire_hash hash;

	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	hash = hash_of("10.0.0.1");
	ck_assert_int_eq(attest("10.0.0.1", 21), 0);
	ck_assert_int_eq(attest("10.0.0.1", 21), ATTESTATION_E_KNOWN);
	now += 5;
	ck_assert_int_eq(attest("10.0.0.1", 21), ATTESTATION_E_KNOWN);
	/* nor under a second address */
	ck_assert_int_eq(attest_as(&hash, "elsewhere", 21, 21, KNOWN), ATTESTATION_E_KNOWN);
	ck_assert_uint_eq(stats().attestations, 1);
	ck_assert_uint_eq(stats().verified, 0);
}
END_TEST

START_TEST(adversarial_49_nobody_attests_itself)
{
	struct wire_hash hash;

	/* under its own address, or with one of its keys under another */
	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 7, 1, 1, true), 0);
	hash = hash_of("10.0.0.1");
	ck_assert_int_eq(attest_as(&hash, "10.0.0.1", 1, 1, KNOWN), ATTESTATION_E_SELF);
	ck_assert_int_eq(attest_as(&hash, "10.0.0.1", 30, 30, KNOWN), ATTESTATION_E_SELF);
	ck_assert_int_eq(attest_as(&hash, "10.0.0.2", 1, 1, KNOWN), ATTESTATION_E_SELF);
	ck_assert_int_eq(attest_as(&hash, "10.0.0.2", 7, 7, KNOWN), ATTESTATION_E_SELF);
	ck_assert_uint_eq(stats().attestations, 0);
}
END_TEST

START_TEST(adversarial_49_strangers_attest_nothing)
{
	struct wire_hash hash, other = {{9}};

	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	hash = hash_of("10.0.0.1");
	ck_assert_int_eq(attest_as(&hash, "w", 21, 0, KNOWN), ATTESTATION_E_KEY);
	ck_assert_int_eq(attest_as(&hash, "w", 21, 22, KNOWN), ATTESTATION_E_KEY);
	ck_assert_int_eq(attest_as(&hash, "", 21, 21, KNOWN), ATTESTATION_E_ADDRESS);
	ck_assert_int_eq(attest_as(&other, "w", 21, 21, KNOWN), ATTESTATION_E_UNKNOWN);
	/* of a heartbeat that is not the last one any more */
	ck_assert_int_eq(heard("10.0.0.1", 1, 2, 1, false), 0);
	ck_assert_int_eq(attest_as(&hash, "w", 21, 21, KNOWN), ATTESTATION_E_UNKNOWN);
}
END_TEST

START_TEST(adversarial_49_attestations_out_of_the_window_are_not_counted)
{
	struct wire_attestation witness = {.witness_address = text("w"), .witness_pubkey = key(21)};
	struct wire_key registered = key(21);

	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	witness.heartbeat_hash = hash_of("10.0.0.1");
	witness.witness_timestamp = now - 181;
	ck_assert_int_eq(attestation_witness(attestation, &witness, NULL, &registered, KNOWN, now),
			 ATTESTATION_E_WINDOW);
	witness.witness_timestamp = now + 181;
	ck_assert_int_eq(attestation_witness(attestation, &witness, NULL, &registered, KNOWN, now),
			 ATTESTATION_E_WINDOW);
	witness.witness_timestamp = now + 180;
	ck_assert_int_eq(attestation_witness(attestation, &witness, NULL, &registered, KNOWN, now), 0);
}
END_TEST

START_TEST(witnesses_are_bounded)
{
	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	for (uint8_t i = 0; i < ATTESTATION_WITNESSES; i++)
		ck_assert_int_eq(attest("10.0.0.1", (uint8_t)(20 + i)), 0);
	ck_assert_int_eq(attest("10.0.0.1", 99), ATTESTATION_E_FULL);
}
END_TEST

START_TEST(masternodes_are_bounded)
{
	struct wire_str gone = text("10.0.0.99");
	char address[16];

	teardown();
	params.limit = 100;
	ck_assert_int_eq(attestation_new(&attestation, &params), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d", i);
		ck_assert_int_eq(heard(address, 1, 1, 1, true), 0);
	}
	ck_assert_int_eq(heard("10.0.1.1", 1, 1, 1, true), ATTESTATION_E_FULL);
	ck_assert_uint_eq(stats().masternodes, 100);
	/* those that are known go on */
	ck_assert_int_eq(heard("10.0.0.50", 1, 2, 1, true), 0);
	/* and one that the registry has replaced makes room */
	attestation_drop(attestation, &gone);
	attestation_drop(attestation, &gone);
	ck_assert_uint_eq(stats().masternodes, 99);
	ck_assert_int_eq(heard("10.0.1.1", 1, 1, 1, true), 0);
	ck_assert_int_eq(heard("10.0.0.99", 1, 2, 1, true), ATTESTATION_E_FULL);
	for (int i = 0; i < 99; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d", i);
		(void)hash_of(address);
	}
}
END_TEST

START_TEST(the_silent_are_forgotten)
{
	struct wire_str address = text("10.0.0.1");
	struct attestation_status status;

	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, false), 0);
	for (uint8_t i = 0; i < 3; i++)
		ck_assert_int_eq(attest("10.0.0.1", (uint8_t)(20 + i)), 0);
	now += 1800;
	ck_assert_int_eq(heard("10.0.0.2", 2, 100, 2, false), 0);
	now = START + 3600;
	attestation_sweep(attestation, now);
	ck_assert(attestation_status(attestation, &status, &address));
	now++;
	attestation_sweep(attestation, now);
	ck_assert(!attestation_status(attestation, &status, &address));
	ck_assert_uint_eq(stats().masternodes, 1);
	ck_assert_uint_eq(stats().verified, 0);
	/* and may come back with any sequence: what it said then is out of the window by far */
	ck_assert_int_eq(heard("10.0.0.1", 1, 5, 1, false), 0);
}
END_TEST

/* Each new one is passed on to everybody, and attested. */
START_TEST(heartbeats_keep_their_distance)
{
	teardown();
	params.gap_s = 15;
	ck_assert_int_eq(attestation_new(&attestation, &params), 0);
	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), 0);
	ck_assert_int_eq(heard("10.0.0.1", 1, 1, 1, false), ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(heard("10.0.0.1", 1, 2, 1, false), ATTESTATION_E_SOON);
	ck_assert_int_eq(heard("10.0.0.1", 7, 2, 1, true), ATTESTATION_E_SOON);
	ck_assert_int_eq(heard("10.0.0.2", 2, 1, 2, false), 0);
	now += 14;
	ck_assert_int_eq(heard("10.0.0.1", 1, 2, 1, false), ATTESTATION_E_SOON);
	now++;
	ck_assert_int_eq(heard("10.0.0.1", 1, 2, 1, false), 0);
	ck_assert_uint_eq(stats().refused[ATTESTATION_E_SOON], 3);
	/* the clock is put back */
	now -= 1000;
	ck_assert_int_eq(heard("10.0.0.1", 1, 3, 1, false), 0);
}
END_TEST

START_TEST(history_is_kept_in_a_bound)
{
	struct wire_str address = text("10.0.0.1"), other = text("10.0.0.2");
	struct attestation_past past[10];
	struct attestation_status status;

	teardown();
	params.history = 3;
	ck_assert_int_eq(attestation_new(&attestation, &params), 0);
	ck_assert_uint_eq(attestation_history(attestation, past, 10, &address), 0);
	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, false), 0);
	for (uint8_t i = 0; i < 3; i++)
		ck_assert_int_eq(attest("10.0.0.1", (uint8_t)(20 + i)), 0);
	ck_assert_uint_eq(attestation_history(attestation, past, 10, &address), 1);
	ck_assert_uint_eq(past[0].sequence, 100);
	ck_assert(past[0].verified);
	for (uint64_t i = 1; i <= 4; i++) {
		now += 60;
		ck_assert_int_eq(heard("10.0.0.1", 1, 100 + i, 1, false), 0);
		ck_assert_int_eq(attest("10.0.0.1", 30), 0);
		/* The newest first, and as many as are asked for. */
		ck_assert_uint_eq(attestation_history(attestation, past, 10, &address), i < 3 ? i + 1 : 4);
		ck_assert_uint_eq(past[0].sequence, 100 + i);
		ck_assert_int_eq(past[0].timestamp, now);
		ck_assert_uint_eq(past[0].witnesses, 1);
		ck_assert(!past[0].verified);
		ck_assert_uint_eq(past[1].sequence, 99 + i);
		ck_assert_int_eq(past[1].timestamp, now - 60);
		ck_assert_uint_eq(past[1].witnesses, i == 1 ? 3 : 1);
		ck_assert(past[1].verified == (i == 1));
		ck_assert_uint_eq(attestation_history(attestation, past, 1, &address), 1);
		ck_assert_uint_eq(attestation_history(attestation, past, 0, &address), 0);
	}
	ck_assert_uint_eq(attestation_history(attestation, past, 10, &address), 4);
	ck_assert_uint_eq(past[3].sequence, 101);
	ck_assert_uint_eq(attestation_history(attestation, past, 10, &other), 0);
	ck_assert(attestation_status(attestation, &status, &address));
	ck_assert_uint_eq(status.heartbeats_verified, 1);
	ck_assert_uint_eq(stats().heartbeats_verified, 1);
	ck_assert_uint_eq(stats().verified, 0);
	ck_assert_uint_eq(stats().heartbeats, 5);
}
END_TEST

/* What is asked before a signature is verified says what is said afterwards, and changes nothing. */
START_TEST(what_is_to_be_expected)
{
	struct wire_heartbeat heartbeat = make("10.0.0.1", 1, 100, START);
	struct wire_attestation witness = {
		.witness_address = text("w"), .witness_pubkey = key(21), .witness_timestamp = START};
	struct wire_key announced = key(1), registered = key(21);

	ck_assert_int_eq(attestation_expect_heartbeat(attestation, &heartbeat, NULL, false, now), ATTESTATION_E_KEY);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(attestation_expect_heartbeat(attestation, &heartbeat, &announced, false, now), 0);
	ck_assert_uint_eq(stats().masternodes, 0);
	digest_heartbeat_hash(&witness.heartbeat_hash, &heartbeat);
	ck_assert_int_eq(attestation_expect_witness(attestation, &witness, &registered, now), ATTESTATION_E_UNKNOWN);

	ck_assert_int_eq(heard("10.0.0.1", 1, 100, 1, false), 0);
	ck_assert_int_eq(attestation_expect_heartbeat(attestation, &heartbeat, &announced, false, now),
			 ATTESTATION_E_SEQUENCE);
	ck_assert_int_eq(attestation_expect_witness(attestation, &witness, NULL, now), ATTESTATION_E_KEY);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(attestation_expect_witness(attestation, &witness, &registered, now), 0);
	ck_assert_uint_eq(stats().attestations, 0);
	for (int i = 0; i < ATTESTATION_E_END; i++)
		ck_assert_uint_eq(stats().refused[i], 0);
	attestation_refuse(attestation, ATTESTATION_E_SEQUENCE);
	ck_assert_uint_eq(stats().refused[ATTESTATION_E_SEQUENCE], 1);
}
END_TEST

START_TEST(our_own_sequence_rises)
{
	ck_assert_uint_eq(attestation_own_sequence(attestation, 1764547200123), UINT64_C(1764547200123));
	ck_assert_uint_eq(attestation_own_sequence(attestation, 1764547200123), UINT64_C(1764547200124));
	/* whatever the clock does */
	ck_assert_uint_eq(attestation_own_sequence(attestation, 5), UINT64_C(1764547200125));
	ck_assert_uint_eq(attestation_own_sequence(attestation, -5), UINT64_C(1764547200126));
	ck_assert_uint_eq(attestation_own_sequence(attestation, 1764547300000), UINT64_C(1764547300000));
}
END_TEST

START_TEST(names_of_the_errors)
{
	ck_assert_str_eq(attestation_error_name(ATTESTATION_E_SELF), "ATTESTATION_E_SELF");
	for (int i = 1; i < ATTESTATION_E_END; i++)
		ck_assert_int_eq(strncmp(attestation_error_name(i), "ATTESTATION_E_", 14), 0);
	ck_assert_str_eq(attestation_error_name(0), "?");
	ck_assert_str_eq(attestation_error_name(ATTESTATION_E_END), "?");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attestation");
	TCase *c = tcase_create("attestation");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_heartbeat_by_the_announced_key_is_good);
	tcase_add_test(c, adversarial_49_a_replayed_heartbeat_is_not_counted);
	tcase_add_test(c, adversarial_49_a_heartbeat_out_of_the_window_is_not_counted);
	tcase_add_test(c, adversarial_49_a_heartbeat_by_another_key_is_not_counted);
	tcase_add_test(c, a_key_shown_over_the_own_connection_is_good);
	tcase_add_test(c, a_sequence_belongs_to_its_key_whatever_became_of_it);
	tcase_add_test(c, addresses_have_a_length);
	tcase_add_test(c, three_witnesses_verify);
	tcase_add_test(c, fewer_masternodes_need_fewer_witnesses);
	tcase_add_test(c, adversarial_49_one_witness_counts_once);
	tcase_add_test(c, adversarial_49_nobody_attests_itself);
	tcase_add_test(c, adversarial_49_strangers_attest_nothing);
	tcase_add_test(c, adversarial_49_attestations_out_of_the_window_are_not_counted);
	tcase_add_test(c, witnesses_are_bounded);
	tcase_add_test(c, masternodes_are_bounded);
	tcase_add_test(c, the_silent_are_forgotten);
	tcase_add_test(c, heartbeats_keep_their_distance);
	tcase_add_test(c, history_is_kept_in_a_bound);
	tcase_add_test(c, what_is_to_be_expected);
	tcase_add_test(c, our_own_sequence_rises);
	tcase_add_test(c, names_of_the_errors);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
