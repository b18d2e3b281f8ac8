// SPDX-License-Identifier: MIT
/* Signatures of inputs: see sign.h. */
#include "timeproto/chain/sign.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "hash_feed.h"

_Static_assert(SIGN_SCRIPT_SIG_BYTES == crypto_sign_PUBLICKEYBYTES + crypto_sign_BYTES, "key and signature");
_Static_assert(crypto_sign_SECRETKEYBYTES == 64, "seed and public key");

void sign_base_make(struct sign_base *out, const struct wire_transaction *transaction)
{
	struct hash_feed feed;

	hash_feed_begin(&feed);
	hash_feed_transaction(&feed, transaction, HASH_SCRIPTS_EMPTY);
	hash_feed_end(&feed, &out->bare_txid);
	hash_feed_begin(&feed);
	hash_feed_outputs(&feed, &transaction->outputs);
	hash_feed_end(&feed, &out->outputs);
}

void sign_message(uint8_t out[SIGN_MESSAGE_BYTES], const struct sign_base *base, uint32_t input)
{
	memcpy(out, base->bare_txid.bytes, 32);
	le_put_u32(out + 32, input);
	memcpy(out + 36, base->outputs.bytes, 32);
}

void sign_input(uint8_t script_sig[SIGN_SCRIPT_SIG_BYTES], const struct sign_base *base, uint32_t input,
		const uint8_t secret[64])
{
	uint8_t message[SIGN_MESSAGE_BYTES];

	sign_message(message, base, input);
	memcpy(script_sig, secret + crypto_sign_SEEDBYTES, crypto_sign_PUBLICKEYBYTES);
	/* Never fails: Ed25519 signs anything with anything. */
	if (crypto_sign_detached(script_sig + crypto_sign_PUBLICKEYBYTES, NULL, message, sizeof(message), secret))
		abort();
}

bool sign_verify(const struct sign_base *base, uint32_t input, const struct wire_bytes *script_sig)
{
	uint8_t message[SIGN_MESSAGE_BYTES];

	if (script_sig->len != SIGN_SCRIPT_SIG_BYTES)
		return false;
	sign_message(message, base, input);
	return crypto_sign_verify_detached(script_sig->ptr + crypto_sign_PUBLICKEYBYTES, message, sizeof(message),
					   script_sig->ptr) == 0;
}
