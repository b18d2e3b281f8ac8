/* SPDX-License-Identifier: MIT
 *
 * Signatures of inputs (PROTOCOL.md §6 "Signatures of inputs"): script_sig = key (32) and Ed25519 signature (64) over
 * the txid of the transaction with every script_sig emptied, the index of the input (u32 LE) and the SHA-256 of its
 * outputs in bincode.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_SIGN_H
#define TIMEPROTO_CHAIN_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

#define SIGN_SCRIPT_SIG_BYTES 96
#define SIGN_MESSAGE_BYTES 68

/* What all inputs of a transaction sign in common: made once per transaction. */
struct sign_base {
	struct wire_hash bare_txid; /* of the transaction with every script_sig emptied */
	struct wire_hash outputs;   /* SHA-256 of the bincode of its outputs */
};

void sign_base_make(struct sign_base *out, const struct wire_transaction *transaction);
/* What is signed for this input. */
void sign_message(uint8_t out[SIGN_MESSAGE_BYTES], const struct sign_base *base, uint32_t input);
/* `secret`: libsodium's 64 bytes (seed and public key). */
void sign_input(uint8_t script_sig[SIGN_SCRIPT_SIG_BYTES], const struct sign_base *base, uint32_t input,
		const uint8_t secret[64]);
/* True when `script_sig` has 96 bytes and its signature verifies by its key. */
bool sign_verify(const struct sign_base *base, uint32_t input, const struct wire_bytes *script_sig);

#endif
