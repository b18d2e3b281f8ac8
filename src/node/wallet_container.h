/* SPDX-License-Identifier: MIT
 *
 * The encrypted form of a wallet: a container around the plain form (wallet_plain.h), in little-endian numbers:
 *
 *	magic "TIMEWBOX", version u32 = 1, network u32 (as in the plain form), created_at i64, label option string,
 *	algorithm u32 = 2 (Argon2id 1.3), operations u64, memory u64 (bytes), salt[16], nonce[24],
 *	length u32 and the secretbox (XSalsa20-Poly1305) of the plain form under the key that Argon2id makes of the
 *	passphrase, count u32 and the public keys from key 0 on (32 bytes each), SHA-256 of all that precedes
 *
 * Only the box is secret.  The rest is what a locked wallet needs, and is readable by anybody: the hash finds damage,
 * and that it belongs to the box is checked when the box is opened (wallet_passphrase.c).
 *
 * Ownership: a filled struct owns what it points to; wallet_container_free() frees it.
 * Thread safety: pure, but for the randomness of wallet_container_seal().
 */
#ifndef TIMED_NODE_WALLET_CONTAINER_H
#define TIMED_NODE_WALLET_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/node/wallet.h"
#include "wallet_plain.h"

#define WALLET_CONTAINER_VERSION 1
#define WALLET_SALT_BYTES 16
#define WALLET_NONCE_BYTES 24

struct wallet_container {
	uint32_t network; /* WALLET_MAINNET or WALLET_TESTNET */
	int64_t created_at;
	struct wallet_label label;
	struct wallet_kdf kdf;
	uint8_t salt[WALLET_SALT_BYTES];
	uint8_t nonce[WALLET_NONCE_BYTES];
	uint8_t *box; /* of the plain form */
	size_t box_len;
	struct wire_key *keys; /* public ones, from key 0 on */
	uint32_t key_count;    /* at least 1 */
};

/* Whether a file begins as a container does. */
bool wallet_container_is(const uint8_t *file, size_t len);
/* 0; WALLET_E_DAMAGED and `*why` (static) says what is; WALLET_E_VERSION and `*version` is the file's; -ENOMEM. */
int wallet_container_decode(struct wallet_container **out, const char **why, uint32_t *version, const uint8_t *file,
			    size_t len) __attribute__((warn_unused_result));
/* The file in fresh memory, for free().  0 or -ENOMEM. */
int wallet_container_encode(uint8_t **file, size_t *len, const struct wallet_container *container)
	__attribute__((warn_unused_result));

/* A container of `plain` without public keys.  Takes a second and `kdf->memory_bytes`.  0 or -ENOMEM. */
int wallet_container_seal(struct wallet_container **out, const struct wallet_plain *plain, const struct wallet_kdf *kdf,
			  const char *passphrase, size_t passphrase_len) __attribute__((warn_unused_result));
/* What is in the box.  As long and as much memory.  0; WALLET_E_PASSPHRASE; WALLET_E_DAMAGED and `*why` (static): the
 * box holds no wallet, or another one than the container says; -ENOMEM. */
int wallet_container_open(struct wallet_plain *out, const char **why, const struct wallet_container *container,
			  const char *passphrase, size_t passphrase_len) __attribute__((warn_unused_result));
/* The keys of `list`, copied.  0 or -ENOMEM, and the container is as before. */
int wallet_container_set_keys(struct wallet_container *container, const struct wire_key *list, uint32_t count)
	__attribute__((warn_unused_result));
/* Whether two containers hold the same box: then one is the other with more keys, or fewer. */
bool wallet_container_same_box(const struct wallet_container *a, const struct wallet_container *b);
/* NULL is fine. */
void wallet_container_free(struct wallet_container *container);

#endif
