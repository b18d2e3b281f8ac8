/* SPDX-License-Identifier: MIT
 *
 * SipHash-2-4: the hash of tables whose keys peers choose.  Without the key nobody can make keys that collide.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_UTIL_SIPHASH_H
#define TIMED_UTIL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* A key that nobody knows, from the system. */
void siphash_key_random(struct siphash_key *out);
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
