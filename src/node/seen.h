/* SPDX-License-Identifier: MIT
 *
 * What was seen lately: a set of keyed hashes of messages, in fixed memory, whose entries end by themselves.  It spares
 * a worker decoding and verifying what was taken before, since everything comes from every peer and is repeated.
 *
 * Put in only what has been verified and taken: who puts in what was merely received lets anybody keep a message out
 * by sending a bad copy first, and what was refused for now (too early, no room) is to be looked at again.  For the
 * same reason entries end: what took the message may have dropped it in the meantime.  A full set forgets old ones.
 *
 * Thread safety: any thread between seen_new() and seen_free().  Inside there is one mutex, a leaf.
 */
#ifndef TIMED_NODE_SEEN_H
#define TIMED_NODE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen;

/* Room for at least `capacity` entries (16 bytes each), each for `keep_ms`.  0 or -ENOMEM. */
int seen_new(struct seen **out, size_t capacity, int64_t keep_ms) __attribute__((warn_unused_result));
void seen_free(struct seen *seen); /* NULL is fine */

/* The hash that stands for these bytes in this set: under a key of its own, so that nobody can make two that meet. */
uint64_t seen_hash(const struct seen *seen, const void *data, size_t len);
/* `now_ms` is monotonic. */
bool seen_has(struct seen *seen, uint64_t hash, int64_t now_ms);
/* True: it is new.  Else it is kept as long as it would have been. */
bool seen_add(struct seen *seen, uint64_t hash, int64_t now_ms);
void seen_forget(struct seen *seen, uint64_t hash);

#endif
