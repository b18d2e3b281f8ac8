/* SPDX-License-Identifier: MIT
 *
 * The keys of a wallet: how they follow from its secret, and a table of public keys and addresses that finds the key of
 * a script.  Key 0 is the file's; the seed of key i > 0 is SHA-256("TIMECOIN_KEY:" ‖ secret ‖ i u32 LE).
 *
 * Public keys cannot be derived without the secret, so a table holds what was derived while it was there.
 *
 * Thread safety: derivation is pure; a table belongs to one thread at a time.
 */
#ifndef TIMED_NODE_WALLET_KEYS_H
#define TIMED_NODE_WALLET_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/util/siphash.h"
#include "timeproto/chain/address.h"
#include "timeproto/wire/types.h"
#include "wallet_plain.h"

/* libsodium's form of a secret key: seed and public key. */
#define WALLET_PAIR_BYTES 64

void wallet_keys_seed(uint8_t seed[WALLET_SEED_BYTES], const uint8_t secret[WALLET_SEED_BYTES], uint32_t index);
/* The key pair of that seed; its public key is the second half. */
void wallet_keys_pair(uint8_t pair[WALLET_PAIR_BYTES], const uint8_t secret[WALLET_SEED_BYTES], uint32_t index);

struct wallet_key {
	struct wire_key public_key;
	char address[ADDRESS_TEXT_SIZE];
};

struct wallet_keys {
	struct wallet_key *items; /* by index of the key */
	uint32_t count, capacity;
	uint32_t *slots;	 /* index + 1 of a key, by the hash of its address; 0: free; at most half are taken */
	uint32_t slot_count;	 /* 0 or a power of two */
	struct siphash_key hash; /* scripts come from anybody */
	enum chain_network network;
};

void wallet_keys_init(struct wallet_keys *keys, enum chain_network network);
void wallet_keys_clear(struct wallet_keys *keys);
/* Appends the next key.  0 or -ENOMEM. */
int wallet_keys_add(struct wallet_keys *keys, const struct wire_key *public_key) __attribute__((warn_unused_result));
/* Derives what is missing up to `count` keys.  0 or -ENOMEM. */
int wallet_keys_extend(struct wallet_keys *keys, const uint8_t secret[WALLET_SEED_BYTES], uint32_t count)
	__attribute__((warn_unused_result));
/* Whether the script is the address of a key, and of which. */
bool wallet_keys_find(const struct wallet_keys *keys, uint32_t *index, const uint8_t *script, size_t len);

#endif
