// SPDX-License-Identifier: MIT
/* Keys of the generator: see gen_keys.h. */
#include "gen_keys.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "gen_random.h"

static void make_key(struct gen_key *key, struct gen_random *random, enum chain_network network)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	struct wire_key public_key;

	for (size_t i = 0; i < sizeof(seed); i += 8) {
		uint64_t word = gen_random_next(random);

		for (size_t j = 0; j < 8; j++)
			seed[i + j] = (uint8_t)(word >> (8 * j));
	}
	crypto_sign_seed_keypair(public_key.bytes, key->secret, seed);
	address_from_key(key->address, &public_key, network);
	key->address_len = strlen(key->address);
}

void gen_keys_make(struct gen_key *keys, size_t count, uint64_t seed, const char *label, enum chain_network network)
{
	for (size_t i = 0; i < count; i++) {
		struct gen_random random;
		char name[64];

		snprintf(name, sizeof(name), "%s %zu", label, i);
		gen_random_init(&random, seed, name);
		make_key(&keys[i], &random, network);
	}
}

struct wire_bytes gen_key_script(const struct gen_key *key)
{
	return (struct wire_bytes){(const uint8_t *)key->address, key->address_len};
}

struct wire_str gen_key_address(const struct gen_key *key)
{
	return (struct wire_str){key->address, key->address_len};
}
