// SPDX-License-Identifier: MIT
/* chain/digest: what masternodes sign, against consensus_signatures.json (an independent implementation) and
 * signatures.json (the Rust node), verified by libsodium; and that every field is part of what is signed. */
#include "timeproto/chain/digest.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sodium.h>

#include "run_suite.h"
#include "timeproto/chain/hash.h"
#include "vectors.h"

struct keys {
	struct wire_key key;
	uint8_t secret[64];
};

static struct keys keys_of(const json_t *entry, const char *name)
{
	struct keys keys;
	uint8_t seed[32];

	vectors_fixed(seed, sizeof(seed), entry, name);
	crypto_sign_seed_keypair(keys.key.bytes, keys.secret, seed);
	return keys;
}

static int64_t whole(const json_t *object, const char *name)
{
	return (int64_t)json_number_value(json_object_get(object, name));
}

/* A member that is an array of exactly `len` numbers. */
static void fixed_array(uint8_t *out, size_t len, const json_t *object, const char *name)
{
	size_t is;
	uint8_t *bytes = vectors_array(object, name, &is);

	ck_assert_uint_eq(is, len);
	memcpy(out, bytes, len);
	free(bytes);
}

static struct wire_str text(const json_t *object, const char *name)
{
	const char *string = vectors_text(object, name);

	return (struct wire_str){string, strlen(string)};
}

/* The digest is the expected one, and its signature by these keys too, and it verifies. */
static void check_signed(const struct wire_hash *digest, const struct keys *keys, const struct wire_sig *expected)
{
	struct wire_bytes bytes = {expected->bytes, 64};
	struct wire_sig made, altered = *expected;

	digest_sign(&made, digest, keys->secret);
	ck_assert_mem_eq(made.bytes, expected->bytes, 64);
	ck_assert(digest_verify(digest, expected, &keys->key));
	ck_assert(digest_verify_bytes(digest, &bytes, &keys->key));
	bytes.len = 63;
	ck_assert(!digest_verify_bytes(digest, &bytes, &keys->key));
	bytes = (struct wire_bytes){NULL, 0};
	ck_assert(!digest_verify_bytes(digest, &bytes, &keys->key));
	for (size_t i = 0; i < 64; i++) {
		altered.bytes[i] ^= 1;
		ck_assert(!digest_verify(digest, &altered, &keys->key));
		altered.bytes[i] ^= 1;
	}
}

START_TEST(proposals_of_the_vectors)
{
	json_t *root = vectors_load("consensus_signatures.json"), *entry;
	size_t index;

	json_array_foreach(root, index, entry)
	{
		struct keys keys = keys_of(entry, "secret");
		struct wire_hash genesis, hash, digest, expected;
		struct wire_sig signature;

		vectors_fixed(genesis.bytes, 32, entry, "genesis_hash");
		vectors_fixed(hash.bytes, 32, entry, "block_hash");
		vectors_fixed(expected.bytes, 32, entry, "proposal_digest");
		vectors_fixed(signature.bytes, 64, entry, "proposal_signature");
		digest_proposal(&digest, &genesis, vectors_number(entry, "height"), vectors_number(entry, "round"),
				whole(entry, "valid_round"), &hash);
		ck_assert(hash_equal(&digest, &expected));
		check_signed(&digest, &keys, &signature);
	}
	ck_assert_uint_eq(json_array_size(root), 3);
	json_decref(root);
}
END_TEST

START_TEST(votes_of_the_vectors)
{
	json_t *root = vectors_load("consensus_signatures.json"), *entry, *vote;
	size_t index, k, checked = 0;

	json_array_foreach(root, index, entry)
	{
		struct keys keys = keys_of(entry, "secret");
		struct wire_hash genesis;

		vectors_fixed(genesis.bytes, 32, entry, "genesis_hash");
		json_array_foreach(json_object_get(entry, "votes"), k, vote)
		{
			enum wire_phase phase = strcmp(vectors_text(vote, "phase"), "prevote") == 0
							? WIRE_PHASE_PREVOTE
							: WIRE_PHASE_PRECOMMIT;
			struct wire_hash hash, digest, expected;
			struct wire_sig signature;

			vectors_fixed(hash.bytes, 32, vote, "block_hash");
			vectors_fixed(expected.bytes, 32, vote, "digest");
			vectors_fixed(signature.bytes, 64, vote, "signature");
			digest_vote(&digest, &genesis, vectors_number(entry, "height"), vectors_number(entry, "round"),
				    phase, &hash);
			ck_assert(hash_equal(&digest, &expected));
			check_signed(&digest, &keys, &signature);
			checked++;
		}
	}
	ck_assert_uint_eq(checked, 12);
	json_decref(root);
}
END_TEST

START_TEST(heartbeats_of_the_vectors)
{
	json_t *root = vectors_load("signatures.json"), *entry;
	size_t index;

	json_array_foreach(root, index, entry)
	{
		const json_t *object = json_object_get(entry, "heartbeat");
		struct keys keys = keys_of(entry, "secret");
		struct wire_heartbeat heartbeat = {.masternode_address = text(object, "masternode_address"),
						   .sequence_number = vectors_number(object, "sequence_number"),
						   .timestamp = whole(object, "timestamp")};
		struct wire_hash digest, expected;

		fixed_array(heartbeat.masternode_pubkey.bytes, 32, object, "masternode_pubkey");
		fixed_array(heartbeat.signature.bytes, 64, object, "signature");
		ck_assert_mem_eq(heartbeat.masternode_pubkey.bytes, keys.key.bytes, 32);
		digest_heartbeat(&digest, &heartbeat);
		check_signed(&digest, &keys, &heartbeat.signature);
		vectors_fixed(expected.bytes, 32, entry, "heartbeat_hash");
		digest_heartbeat_hash(&digest, &heartbeat);
		ck_assert(hash_equal(&digest, &expected));
	}
	ck_assert_uint_eq(json_array_size(root), 4);
	json_decref(root);
}
END_TEST

START_TEST(attestations_of_the_vectors)
{
	json_t *root = vectors_load("signatures.json"), *entry;
	size_t index;

	json_array_foreach(root, index, entry)
	{
		const json_t *object = json_object_get(entry, "attestation");
		struct keys keys = keys_of(entry, "witness_secret");
		struct wire_attestation attestation = {.witness_address = text(object, "witness_address"),
						       .witness_timestamp = whole(object, "witness_timestamp")};
		struct wire_hash digest;

		fixed_array(attestation.heartbeat_hash.bytes, 32, object, "heartbeat_hash");
		fixed_array(attestation.witness_pubkey.bytes, 32, object, "witness_pubkey");
		fixed_array(attestation.signature.bytes, 64, object, "signature");
		ck_assert_mem_eq(attestation.witness_pubkey.bytes, keys.key.bytes, 32);
		digest_attestation(&digest, &attestation);
		check_signed(&digest, &keys, &attestation.signature);
	}
	json_decref(root);
}
END_TEST

START_TEST(transaction_votes_of_the_vectors)
{
	json_t *root = vectors_load("signatures.json"), *entry;
	size_t index, rejections = 0;

	json_array_foreach(root, index, entry)
	{
		const json_t *object = json_object_get(entry, "vote");
		struct keys keys = keys_of(entry, "secret");
		struct wire_transaction_vote vote = {.voter = text(object, "voter"),
						     .approve = json_is_true(json_object_get(object, "approve")),
						     .timestamp = whole(object, "timestamp")};
		struct wire_transaction_vote made, altered;

		fixed_array(vote.txid.bytes, 32, object, "txid");
		fixed_array(vote.signature.bytes, 64, object, "signature");
		ck_assert(digest_verify_transaction_vote(&vote, &keys.key));
		made = vote;
		memset(&made.signature, 0, sizeof(made.signature));
		digest_sign_transaction_vote(&made, keys.secret);
		ck_assert_mem_eq(made.signature.bytes, vote.signature.bytes, 64);
		rejections += !vote.approve;

		altered = vote;
		altered.approve = !vote.approve;
		ck_assert(!digest_verify_transaction_vote(&altered, &keys.key));
		altered = vote;
		altered.timestamp++;
		ck_assert(!digest_verify_transaction_vote(&altered, &keys.key));
		altered = vote;
		altered.txid.bytes[31] ^= 1;
		ck_assert(!digest_verify_transaction_vote(&altered, &keys.key));
		altered = vote;
		altered.voter.len--;
		ck_assert(!digest_verify_transaction_vote(&altered, &keys.key));
	}
	ck_assert_uint_eq(rejections, 2);
	json_decref(root);
}
END_TEST

START_TEST(proposals_of_the_old_form_sign_the_hash_alone)
{
	/* so none of them can be taken for one of ours, nor the other way round */
	json_t *root = vectors_load("signatures.json"), *entry;
	size_t index;

	json_array_foreach(root, index, entry)
	{
		struct keys keys = keys_of(entry, "secret");
		struct wire_hash hash, zero = {{0}}, digest;
		struct wire_sig signature;

		vectors_fixed(hash.bytes, 32, entry, "block_hash");
		vectors_fixed(signature.bytes, 64, entry, "proposal_signature");
		ck_assert(digest_verify(&hash, &signature, &keys.key));
		digest_proposal(&digest, &zero, 0, 0, -1, &hash);
		ck_assert(!digest_verify(&digest, &signature, &keys.key));
	}
	json_decref(root);
}
END_TEST

START_TEST(a_voter_of_any_length_that_a_message_can_hold)
{
	char name[WIRE_MAX_STRING_BYTES + 1];
	struct wire_transaction_vote vote = {.voter = {name, WIRE_MAX_STRING_BYTES}, .approve = true};
	struct keys keys;
	uint8_t seed[32] = {1};

	memset(name, 'x', sizeof(name));
	crypto_sign_seed_keypair(keys.key.bytes, keys.secret, seed);
	digest_sign_transaction_vote(&vote, keys.secret);
	ck_assert(digest_verify_transaction_vote(&vote, &keys.key));
	vote.voter.len++;
	ck_assert(!digest_verify_transaction_vote(&vote, &keys.key));
	vote.voter = (struct wire_str){NULL, 0};
	digest_sign_transaction_vote(&vote, keys.secret);
	ck_assert(digest_verify_transaction_vote(&vote, &keys.key));
}
END_TEST

START_TEST(every_field_of_a_vote_is_signed)
{
	static const struct wire_hash zero, one = {{1}};
	struct wire_hash base, other;

	digest_vote(&base, &zero, 5, 6, WIRE_PHASE_PREVOTE, &one);
	digest_vote(&other, &one, 5, 6, WIRE_PHASE_PREVOTE, &one);
	ck_assert(!hash_equal(&base, &other));
	digest_vote(&other, &zero, 6, 5, WIRE_PHASE_PREVOTE, &one);
	ck_assert(!hash_equal(&base, &other));
	digest_vote(&other, &zero, 5, 7, WIRE_PHASE_PREVOTE, &one);
	ck_assert(!hash_equal(&base, &other));
	digest_vote(&other, &zero, 5, 6, WIRE_PHASE_PRECOMMIT, &one);
	ck_assert(!hash_equal(&base, &other));
	digest_vote(&other, &zero, 5, 6, WIRE_PHASE_PREVOTE, &zero);
	ck_assert(!hash_equal(&base, &other));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("digest");
	TCase *c = tcase_create("digest");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, proposals_of_the_vectors);
	tcase_add_test(c, votes_of_the_vectors);
	tcase_add_test(c, heartbeats_of_the_vectors);
	tcase_add_test(c, attestations_of_the_vectors);
	tcase_add_test(c, transaction_votes_of_the_vectors);
	tcase_add_test(c, proposals_of_the_old_form_sign_the_hash_alone);
	tcase_add_test(c, a_voter_of_any_length_that_a_message_can_hold);
	tcase_add_test(c, every_field_of_a_vote_is_signed);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
