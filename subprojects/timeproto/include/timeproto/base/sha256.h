/* SPDX-License-Identifier: MIT
 *
 * SHA-256, incremental and in one call, over libcrypto's low-level context functions.
 *
 * Those are four times as fast as libsodium's on the 92 bytes of a block header (SHA extensions of the processor),
 * and the EVP interface would give the gain away again in set-up; they are marked deprecated, which sha256.c alone
 * has to know.  Nothing here can fail or allocates memory.
 *
 * Thread safety: a context belongs to one thread at a time; the rest is pure.
 */
#ifndef TIMEPROTO_BASE_SHA256_H
#define TIMEPROTO_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

/* A running hash.  May be copied by assignment to branch off a common beginning. */
struct sha256 {
	uint32_t state[28]; /* libcrypto's SHA256_CTX; its size is asserted in sha256.c */
};

void sha256_init(struct sha256 *hash);
/* `data` may be NULL when `len` is 0. */
void sha256_update(struct sha256 *hash, const void *data, size_t len);
/* Writes the digest and wipes the context, which needs sha256_init() before it is used again. */
void sha256_final(struct sha256 *hash, uint8_t out[SHA256_BYTES]);

/* SHA-256 of `len` bytes.  `out` may overlap `data`. */
void sha256_digest(uint8_t out[SHA256_BYTES], const void *data, size_t len);
/* SHA-256 of the SHA-256 of `len` bytes: the checksum of an address (PROTOCOL.md §6). */
void sha256_double(uint8_t out[SHA256_BYTES], const void *data, size_t len);

#endif
