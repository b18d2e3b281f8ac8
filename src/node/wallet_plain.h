/* SPDX-License-Identifier: MIT
 *
 * The plain form of a wallet: what the existing daemon writes, and what a container (wallet_container.h) encrypts.
 *
 *	version u32 = 1, network u32 (0 mainnet, 1 testnet and devnet), secret[32] (the seed), public[32],
 *	address string, created_at i64, label option string		in bincode
 *
 * Ownership: a filled struct owns what it points to; wallet_plain_clear() wipes and frees it.
 * Thread safety: pure.
 */
#ifndef TIMED_NODE_WALLET_PLAIN_H
#define TIMED_NODE_WALLET_PLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "timed/node/wallet.h"
#include "wallet_bytes.h"

#define WALLET_PLAIN_VERSION 1
/* Network numbers in the file. */
#define WALLET_MAINNET 0
#define WALLET_TESTNET 1
/* More than any wallet with a sensible label. */
#define WALLET_PLAIN_MAX 65536

#define WALLET_SEED_BYTES 32

/* Both may be empty; the label need not be text. */
struct wallet_label {
	char *text; /* NUL after it; NULL: none */
	size_t len;
};

struct wallet_plain {
	uint32_t network; /* WALLET_MAINNET or WALLET_TESTNET */
	uint8_t *seed;	  /* sodium_malloc, WALLET_SEED_BYTES */
	struct wire_key public_key;
	char address[ADDRESS_TEXT_SIZE];
	int64_t created_at; /* Unix seconds */
	struct wallet_label label;
};

uint32_t wallet_network_number(enum chain_network network);

/* The option string at the reader's place.  0, -ENOMEM or WALLET_E_DAMAGED. */
int wallet_label_take(struct wallet_label *out, struct wallet_reader *reader) __attribute__((warn_unused_result));
size_t wallet_label_size(const struct wallet_label *label); /* in the file */
uint8_t *wallet_label_put(uint8_t *at, const struct wallet_label *label);
/* 0 or -ENOMEM: then `*out` is empty. */
int wallet_label_copy(struct wallet_label *out, const struct wallet_label *label) __attribute__((warn_unused_result));

/* A new wallet: a random key, made at `created_at`.  0 or -ENOMEM. */
int wallet_plain_make(struct wallet_plain *out, enum chain_network network, int64_t created_at)
	__attribute__((warn_unused_result));
/* 0; WALLET_E_DAMAGED and `*why` (static) says what is; WALLET_E_VERSION and `*version` is the file's; -ENOMEM.
 * Anything but 0 leaves nothing to clear. */
int wallet_plain_decode(struct wallet_plain *out, const char **why, uint32_t *version, const uint8_t *file, size_t len)
	__attribute__((warn_unused_result));
/* The file in fresh guarded memory: sodium_free() it.  0 or -ENOMEM. */
int wallet_plain_encode(uint8_t **file, size_t *len, const struct wallet_plain *plain)
	__attribute__((warn_unused_result));
/* A zeroed or cleared struct is fine. */
void wallet_plain_clear(struct wallet_plain *plain);

#endif
