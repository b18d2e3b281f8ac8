/* SPDX-License-Identifier: MIT
 *
 * What masternodes sign: proposals and votes of blocks (PROTOCOL.md §9), heartbeats and attestations (§8), and votes on
 * transactions (§7).
 *
 * All but the last are a SHA-256 that is signed as 32 bytes; a vote on a transaction is signed as it is.  Whose key it
 * has to be, and whether the signer is anybody, is the caller's affair.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_DIGEST_H
#define TIMEPROTO_CHAIN_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/message.h"

/* A proposal; `valid_round` is -1 for none. */
void digest_proposal(struct wire_hash *out, const struct wire_hash *genesis, uint64_t height, uint64_t round,
		     int64_t valid_round, const struct wire_hash *block_hash);
/* A vote; the zero hash is nil, and `approve` follows from that. */
void digest_vote(struct wire_hash *out, const struct wire_hash *genesis, uint64_t height, uint64_t round,
		 enum wire_phase phase, const struct wire_hash *block_hash);
/* A heartbeat, its signature aside. */
void digest_heartbeat(struct wire_hash *out, const struct wire_heartbeat *heartbeat);
/* The hash that names a heartbeat in attestations. */
void digest_heartbeat_hash(struct wire_hash *out, const struct wire_heartbeat *heartbeat);
/* An attestation, its signature aside. */
void digest_attestation(struct wire_hash *out, const struct wire_attestation *attestation);

/* `secret`: libsodium's 64 bytes (seed and public key). */
void digest_sign(struct wire_sig *out, const struct wire_hash *digest, const uint8_t secret[64]);
bool digest_verify(const struct wire_hash *digest, const struct wire_sig *signature, const struct wire_key *key);
/* The same for a signature of free length: false unless it has 64 bytes. */
bool digest_verify_bytes(const struct wire_hash *digest, const struct wire_bytes *signature,
			 const struct wire_key *key);

/* txid, voter, approve, timestamp. */
#define DIGEST_TRANSACTION_VOTE_MAX (32 + WIRE_MAX_STRING_BYTES + 1 + 8)
/* The bytes that are signed, for signers that keep their secret to themselves.  Their number; 0 when the voter's address
 * is too long for any message. */
size_t digest_transaction_vote(uint8_t out[DIGEST_TRANSACTION_VOTE_MAX], const struct wire_transaction_vote *vote);
/* Fills in `vote->signature` over its other fields; `vote->voter` has at most WIRE_MAX_STRING_BYTES. */
void digest_sign_transaction_vote(struct wire_transaction_vote *vote, const uint8_t secret[64]);
bool digest_verify_transaction_vote(const struct wire_transaction_vote *vote, const struct wire_key *key);

#endif
