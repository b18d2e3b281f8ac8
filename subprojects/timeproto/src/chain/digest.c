// SPDX-License-Identifier: MIT
/* What masternodes sign: see digest.h. */
#include "timeproto/chain/digest.h"

#include <stdlib.h>

#include <sodium.h>

#include "hash_feed.h"
#include "timeproto/chain/hash.h"

_Static_assert(sizeof(struct wire_sig) == crypto_sign_BYTES && sizeof(struct wire_key) == crypto_sign_PUBLICKEYBYTES &&
		       crypto_sign_SECRETKEYBYTES == 64,
	       "Ed25519 as libsodium has it");

/* Starts a feed with a tag, without its terminating zero. */
static void digest_begin(struct hash_feed *feed, const char *tag)
{
	hash_feed_begin(feed);
	hash_feed_bytes(feed, tag, strlen(tag));
}

static void digest_hash(struct hash_feed *feed, const struct wire_hash *hash)
{
	hash_feed_bytes(feed, hash->bytes, sizeof(hash->bytes));
}

static void digest_byte(struct hash_feed *feed, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	hash_feed_bytes(feed, &byte, 1);
}

void digest_proposal(struct wire_hash *out, const struct wire_hash *genesis, uint64_t height, uint64_t round,
		     int64_t valid_round, const struct wire_hash *block_hash)
{
	struct hash_feed feed;

	digest_begin(&feed, "TIMECOIN_PROPOSAL:");
	digest_hash(&feed, genesis);
	hash_feed_u64(&feed, height);
	hash_feed_u64(&feed, round);
	hash_feed_u64(&feed, (uint64_t)valid_round);
	digest_hash(&feed, block_hash);
	hash_feed_end(&feed, out);
}

void digest_vote(struct wire_hash *out, const struct wire_hash *genesis, uint64_t height, uint64_t round,
		 enum wire_phase phase, const struct wire_hash *block_hash)
{
	struct hash_feed feed;

	digest_begin(&feed, "TIMECOIN_VOTE:");
	digest_hash(&feed, genesis);
	hash_feed_u64(&feed, height);
	hash_feed_u64(&feed, round);
	digest_byte(&feed, phase);
	digest_byte(&feed, !hash_is_zero(block_hash));
	digest_hash(&feed, block_hash);
	hash_feed_end(&feed, out);
}

void digest_heartbeat(struct wire_hash *out, const struct wire_heartbeat *heartbeat)
{
	struct hash_feed feed;

	digest_begin(&feed, "TIMECOIN_HEARTBEAT:");
	hash_feed_bytes(&feed, heartbeat->masternode_address.ptr, heartbeat->masternode_address.len);
	hash_feed_u64(&feed, heartbeat->sequence_number);
	hash_feed_u64(&feed, (uint64_t)heartbeat->timestamp);
	hash_feed_bytes(&feed, heartbeat->masternode_pubkey.bytes, sizeof(heartbeat->masternode_pubkey.bytes));
	hash_feed_end(&feed, out);
}

void digest_heartbeat_hash(struct wire_hash *out, const struct wire_heartbeat *heartbeat)
{
	struct hash_feed feed;

	hash_feed_begin(&feed);
	hash_feed_bytes(&feed, heartbeat->masternode_address.ptr, heartbeat->masternode_address.len);
	hash_feed_u64(&feed, heartbeat->sequence_number);
	hash_feed_u64(&feed, (uint64_t)heartbeat->timestamp);
	hash_feed_end(&feed, out);
}

void digest_attestation(struct wire_hash *out, const struct wire_attestation *attestation)
{
	struct hash_feed feed;

	digest_begin(&feed, "TIMECOIN_WITNESS:");
	digest_hash(&feed, &attestation->heartbeat_hash);
	hash_feed_bytes(&feed, attestation->witness_address.ptr, attestation->witness_address.len);
	hash_feed_u64(&feed, (uint64_t)attestation->witness_timestamp);
	hash_feed_bytes(&feed, attestation->witness_pubkey.bytes, sizeof(attestation->witness_pubkey.bytes));
	hash_feed_end(&feed, out);
}

static void digest_sign_bytes(struct wire_sig *out, const uint8_t *message, size_t len, const uint8_t secret[64])
{
	/* Never fails: Ed25519 signs anything with anything. */
	if (crypto_sign_detached(out->bytes, NULL, message, len, secret))
		abort();
}

void digest_sign(struct wire_sig *out, const struct wire_hash *digest, const uint8_t secret[64])
{
	digest_sign_bytes(out, digest->bytes, sizeof(digest->bytes), secret);
}

bool digest_verify(const struct wire_hash *digest, const struct wire_sig *signature, const struct wire_key *key)
{
	return crypto_sign_verify_detached(signature->bytes, digest->bytes, sizeof(digest->bytes), key->bytes) == 0;
}

bool digest_verify_bytes(const struct wire_hash *digest, const struct wire_bytes *signature, const struct wire_key *key)
{
	return signature->len == crypto_sign_BYTES &&
	       crypto_sign_verify_detached(signature->ptr, digest->bytes, sizeof(digest->bytes), key->bytes) == 0;
}

size_t digest_transaction_vote(uint8_t out[DIGEST_TRANSACTION_VOTE_MAX], const struct wire_transaction_vote *vote)
{
	size_t len = vote->voter.len;

	if (len > WIRE_MAX_STRING_BYTES)
		return 0;
	memcpy(out, vote->txid.bytes, 32);
	if (len > 0)
		memcpy(out + 32, vote->voter.ptr, len);
	out[32 + len] = vote->approve;
	le_put_u64(out + 33 + len, (uint64_t)vote->timestamp);
	return 41 + len;
}

void digest_sign_transaction_vote(struct wire_transaction_vote *vote, const uint8_t secret[64])
{
	uint8_t message[DIGEST_TRANSACTION_VOTE_MAX];
	size_t len = digest_transaction_vote(message, vote);

	if (len == 0)
		abort();
	digest_sign_bytes(&vote->signature, message, len, secret);
}

bool digest_verify_transaction_vote(const struct wire_transaction_vote *vote, const struct wire_key *key)
{
	uint8_t message[DIGEST_TRANSACTION_VOTE_MAX];
	size_t len = digest_transaction_vote(message, vote);

	return len > 0 && crypto_sign_verify_detached(vote->signature.bytes, message, len, key->bytes) == 0;
}
