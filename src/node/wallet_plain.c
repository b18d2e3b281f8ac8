// SPDX-License-Identifier: MIT
/* The plain form of a wallet: see wallet_plain.h.  Whatever holds the secret is guarded memory that is wiped when it is
 * freed. */
#include "wallet_plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

_Static_assert(WALLET_SEED_BYTES == crypto_sign_SEEDBYTES, "a secret is the seed of a key pair");

uint32_t wallet_network_number(enum chain_network network)
{
	return network == CHAIN_MAINNET ? WALLET_MAINNET : WALLET_TESTNET;
}

static int label_set(struct wallet_label *out, const void *bytes, size_t len)
{
	out->text = malloc(len + 1);
	if (!out->text)
		return -ENOMEM;
	memcpy(out->text, bytes, len);
	out->text[len] = '\0';
	out->len = len;
	return 0;
}

int wallet_label_take(struct wallet_label *out, struct wallet_reader *reader)
{
	uint64_t some = wallet_take_number(reader, 1), len;
	const uint8_t *bytes;

	*out = (struct wallet_label){0};
	if (reader->failed || some > 1)
		return WALLET_E_DAMAGED;
	if (some == 0)
		return 0;
	len = wallet_take_number(reader, 8);
	bytes = wallet_take(reader, len <= WALLET_PLAIN_MAX ? (size_t)len : SIZE_MAX);
	return bytes ? label_set(out, bytes, (size_t)len) : WALLET_E_DAMAGED;
}

int wallet_label_copy(struct wallet_label *out, const struct wallet_label *label)
{
	*out = (struct wallet_label){0};
	return label->text ? label_set(out, label->text, label->len) : 0;
}

size_t wallet_label_size(const struct wallet_label *label)
{
	return label->text ? 1 + 8 + label->len : 1;
}

uint8_t *wallet_label_put(uint8_t *at, const struct wallet_label *label)
{
	at = wallet_put_number(at, label->text != NULL, 1);
	if (!label->text)
		return at;
	at = wallet_put_number(at, label->len, 8);
	return wallet_put(at, label->text, label->len);
}

/* Public key and address of the seed. */
static void derive_public(struct wallet_plain *plain)
{
	uint8_t pair[crypto_sign_SECRETKEYBYTES];

	crypto_sign_seed_keypair(plain->public_key.bytes, pair, plain->seed);
	sodium_memzero(pair, sizeof(pair));
	address_from_key(plain->address, &plain->public_key,
			 plain->network == WALLET_MAINNET ? CHAIN_MAINNET : CHAIN_TESTNET);
}

int wallet_plain_make(struct wallet_plain *out, enum chain_network network, int64_t created_at)
{
	*out = (struct wallet_plain){.network = wallet_network_number(network), .created_at = created_at};
	out->seed = sodium_malloc(WALLET_SEED_BYTES);
	if (!out->seed)
		return -ENOMEM;
	randombytes_buf(out->seed, WALLET_SEED_BYTES);
	derive_public(out);
	return 0;
}

static int damaged(const char **why, const char *what)
{
	*why = what;
	return WALLET_E_DAMAGED;
}

/* What follows the secret: public key, address, time, label.  The first two must be the secret's. */
static int decode_rest(struct wallet_plain *out, const char **why, struct wallet_reader *reader)
{
	const uint8_t *public = wallet_take(reader, sizeof(out->public_key.bytes)), *address;
	uint64_t len = wallet_take_number(reader, 8);
	int r;

	if (!public || memcmp(public, out->public_key.bytes, sizeof(out->public_key.bytes)) != 0)
		return damaged(why, "its public key does not belong to its secret");
	address = wallet_take(reader, len < ADDRESS_TEXT_SIZE ? (size_t)len : SIZE_MAX);
	if (!address || len != strlen(out->address) || memcmp(address, out->address, (size_t)len) != 0)
		return damaged(why, "its address does not belong to its key");
	out->created_at = (int64_t)wallet_take_number(reader, 8);
	r = wallet_label_take(&out->label, reader);
	if (r == -ENOMEM)
		return r;
	if (r || reader->left > 0)
		return damaged(why, "it is cut off, or something follows its end");
	return 0;
}

int wallet_plain_decode(struct wallet_plain *out, const char **why, uint32_t *version, const uint8_t *file, size_t len)
{
	struct wallet_reader reader = {.at = file, .left = len};
	const uint8_t *seed;
	int r;

	*out = (struct wallet_plain){0};
	*version = (uint32_t)wallet_take_number(&reader, 4);
	out->network = (uint32_t)wallet_take_number(&reader, 4);
	seed = wallet_take(&reader, WALLET_SEED_BYTES);
	if (!seed)
		return damaged(why, "it is too short");
	if (*version != WALLET_PLAIN_VERSION)
		return WALLET_E_VERSION;
	if (out->network != WALLET_MAINNET && out->network != WALLET_TESTNET)
		return damaged(why, "it is of no known network");
	if (len > WALLET_PLAIN_MAX)
		return damaged(why, "it is too long");
	out->seed = sodium_malloc(WALLET_SEED_BYTES);
	if (!out->seed)
		return -ENOMEM;
	memcpy(out->seed, seed, WALLET_SEED_BYTES);
	derive_public(out);
	r = decode_rest(out, why, &reader);
	if (r)
		wallet_plain_clear(out);
	return r;
}

int wallet_plain_encode(uint8_t **file, size_t *len, const struct wallet_plain *plain)
{
	size_t address_len = strlen(plain->address);
	uint8_t *at;

	*len = 4 + 4 + WALLET_SEED_BYTES + sizeof(plain->public_key.bytes) + 8 + address_len + 8 +
	       wallet_label_size(&plain->label);
	*file = at = sodium_malloc(*len);
	if (!at)
		return -ENOMEM;
	at = wallet_put_number(at, WALLET_PLAIN_VERSION, 4);
	at = wallet_put_number(at, plain->network, 4);
	at = wallet_put(at, plain->seed, WALLET_SEED_BYTES);
	at = wallet_put(at, plain->public_key.bytes, sizeof(plain->public_key.bytes));
	at = wallet_put_number(at, address_len, 8);
	at = wallet_put(at, plain->address, address_len);
	at = wallet_put_number(at, (uint64_t)plain->created_at, 8);
	wallet_label_put(at, &plain->label);
	return 0;
}

void wallet_plain_clear(struct wallet_plain *plain)
{
	sodium_free(plain->seed); /* wipes it */
	free(plain->label.text);
	*plain = (struct wallet_plain){0};
}
