/* SPDX-License-Identifier: MIT
 *
 * Whose coins the generated chain moves: Ed25519 keys and their addresses, all made from the seed.  An owner is known
 * by its index, so that an unspent output need not carry its script.
 *
 * Thread safety: only read once made.
 */
#ifndef TESTS_TOOLS_GEN_KEYS_H
#define TESTS_TOOLS_GEN_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/address.h"
#include "timeproto/wire/types.h"

struct gen_key {
	uint8_t secret[64];		 /* libsodium's form: seed and public key */
	char address[ADDRESS_TEXT_SIZE]; /* that it owns */
	size_t address_len;		 /* without the terminating zero */
};

/* `count` keys from the streams "<label> 0", "<label> 1" ... of `seed`. */
void gen_keys_make(struct gen_key *keys, size_t count, uint64_t seed, const char *label, enum chain_network network);
/* The script of an output that the key owns; points into the key. */
struct wire_bytes gen_key_script(const struct gen_key *key);
/* Its address, likewise. */
struct wire_str gen_key_address(const struct gen_key *key);

#endif
