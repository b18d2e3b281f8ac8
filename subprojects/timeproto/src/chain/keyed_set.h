/* SPDX-License-Identifier: MIT
 *
 * A hash set of pointers to keys of one length: txids, outpoints.  An element's index in its array, where that is
 * wanted, follows from the pointer.
 *
 * The peers who choose the keys cannot choose keys that collide, because the hash function (SipHash) is keyed with a
 * digest of all the keys that may go in: whoever changes one key changes where each of them lands.  So no randomness is
 * needed, and adding n keys takes time in proportion to n.
 *
 * Ownership: the table lives in the arena; the keys belong to the caller and must stay where they are.
 * Thread safety: one owner.
 */
#ifndef TIMEPROTO_CHAIN_KEYED_SET_H
#define TIMEPROTO_CHAIN_KEYED_SET_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/wire/types.h"

struct keyed_set {
	const void **slots; /* open addressing, at least half of them NULL */
	size_t mask;	    /* number of slots, a power of two, minus one */
	size_t key_len;	    /* bytes of every key */
	uint8_t seed[16];   /* of SipHash */
};

/* A set for at most `capacity` keys of `key_len` bytes.  `digest` must depend on every key that will be added.  0 or
 * -ENOMEM. */
int keyed_set_init(struct keyed_set *set, struct arena *arena, size_t capacity, size_t key_len,
		   const struct wire_hash *digest) __attribute__((warn_unused_result));
/* Adds the key; NULL, or the equal key that is in the set already and stays there. */
const void *keyed_set_add(struct keyed_set *set, const void *key);
/* The equal key of the set, or NULL. */
const void *keyed_set_find(const struct keyed_set *set, const void *key);

#endif
