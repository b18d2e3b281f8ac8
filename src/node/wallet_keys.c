// SPDX-License-Identifier: MIT
/* The keys of a wallet: see wallet_keys.h. */
#include "wallet_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "timeproto/base/sha256.h"

#define TAG "TIMECOIN_KEY:"
#define FIRST_CAPACITY 32

_Static_assert(WALLET_PAIR_BYTES == crypto_sign_SECRETKEYBYTES, "seed and public key");

void wallet_keys_seed(uint8_t seed[WALLET_SEED_BYTES], const uint8_t secret[WALLET_SEED_BYTES], uint32_t index)
{
	struct sha256 hash;
	uint8_t number[4];

	if (index == 0) {
		memcpy(seed, secret, WALLET_SEED_BYTES);
		return;
	}
	wallet_put_number(number, index, sizeof(number));
	sha256_init(&hash);
	sha256_update(&hash, TAG, strlen(TAG));
	sha256_update(&hash, secret, WALLET_SEED_BYTES);
	sha256_update(&hash, number, sizeof(number));
	sha256_final(&hash, seed);
}

void wallet_keys_pair(uint8_t pair[WALLET_PAIR_BYTES], const uint8_t secret[WALLET_SEED_BYTES], uint32_t index)
{
	uint8_t seed[WALLET_SEED_BYTES];
	struct wire_key public_key;

	wallet_keys_seed(seed, secret, index);
	crypto_sign_seed_keypair(public_key.bytes, pair, seed);
	sodium_memzero(seed, sizeof(seed));
}

void wallet_keys_init(struct wallet_keys *keys, enum chain_network network)
{
	*keys = (struct wallet_keys){.network = network};
	siphash_key_random(&keys->hash);
}

void wallet_keys_clear(struct wallet_keys *keys)
{
	free(keys->items);
	free(keys->slots);
	*keys = (struct wallet_keys){.network = keys->network, .hash = keys->hash};
}

/* The slot of that address, or the free one where it belongs. */
static uint32_t slot_of(const struct wallet_keys *keys, const void *script, size_t len)
{
	uint32_t at = (uint32_t)siphash(&keys->hash, script, len) & (keys->slot_count - 1);

	for (;; at = (at + 1) & (keys->slot_count - 1)) {
		const char *address;

		if (keys->slots[at] == 0)
			return at;
		address = keys->items[keys->slots[at] - 1].address;
		if (strlen(address) == len && memcmp(address, script, len) == 0)
			return at;
	}
}

static void enter(struct wallet_keys *keys, uint32_t index)
{
	const char *address = keys->items[index].address;

	keys->slots[slot_of(keys, address, strlen(address))] = index + 1;
}

static int grow(struct wallet_keys *keys)
{
	uint32_t capacity = keys->capacity ? keys->capacity * 2 : FIRST_CAPACITY;
	struct wallet_key *items = realloc(keys->items, capacity * sizeof(*items));
	uint32_t *slots;

	if (!items)
		return -ENOMEM;
	keys->items = items;
	slots = calloc(2 * (size_t)capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(keys->slots);
	keys->slots = slots;
	keys->slot_count = 2 * capacity;
	keys->capacity = capacity;
	for (uint32_t i = 0; i < keys->count; i++)
		enter(keys, i);
	return 0;
}

int wallet_keys_add(struct wallet_keys *keys, const struct wire_key *public_key)
{
	struct wallet_key *key;

	if (keys->count == keys->capacity && grow(keys))
		return -ENOMEM;
	key = &keys->items[keys->count];
	key->public_key = *public_key;
	address_from_key(key->address, public_key, keys->network);
	enter(keys, keys->count++);
	return 0;
}

int wallet_keys_extend(struct wallet_keys *keys, const uint8_t secret[WALLET_SEED_BYTES], uint32_t count)
{
	uint8_t pair[WALLET_PAIR_BYTES];
	int r = 0;

	while (!r && keys->count < count) {
		struct wire_key public_key;

		wallet_keys_pair(pair, secret, keys->count);
		memcpy(public_key.bytes, pair + WALLET_SEED_BYTES, sizeof(public_key.bytes));
		r = wallet_keys_add(keys, &public_key);
	}
	sodium_memzero(pair, sizeof(pair));
	return r;
}

bool wallet_keys_find(const struct wallet_keys *keys, uint32_t *index, const uint8_t *script, size_t len)
{
	uint32_t slot;

	/* Most scripts of a chain are addresses of others. */
	if (keys->count == 0 || len == 0 || len >= ADDRESS_TEXT_SIZE)
		return false;
	slot = keys->slots[slot_of(keys, script, len)];
	if (slot == 0)
		return false;
	*index = slot - 1;
	return true;
}
