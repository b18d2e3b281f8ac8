/* SPDX-License-Identifier: MIT
 *
 * The hashes of the chain: transaction ids, block hashes, merkle roots (PROTOCOL.md §5).
 *
 * What is hashed is the bincode form, fed to SHA-256 field by field: nothing is allocated and nothing can fail.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_HASH_H
#define TIMEPROTO_CHAIN_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

/* Lower-case hex of a hash in byte order (not reversed), with its terminating zero. */
#define HASH_TEXT_SIZE 65

/* txid = SHA-256(bincode(transaction)), script_sigs included. */
void hash_txid(struct wire_hash *out, const struct wire_transaction *transaction);
/* SHA-256(bincode(header)): over 92 bytes. */
void hash_block(struct wire_hash *out, const struct wire_block_header *header);
/* The root over `count` txids in block order; 32 zero bytes for none.  A level with an odd number of nodes repeats
 * its last one, so a list with a repeated tail has the root of the shorter list: blocks with a txid twice are refused
 * elsewhere.  Reads the list once; needs no memory beyond a fixed stack of 64 hashes. */
void hash_merkle_root(struct wire_hash *out, const struct wire_hash *txids, size_t count);

bool hash_equal(const struct wire_hash *a, const struct wire_hash *b);
bool hash_is_zero(const struct wire_hash *hash);
/* Writes 64 hex digits and a terminating zero; returns `out`. */
char *hash_text(char out[HASH_TEXT_SIZE], const struct wire_hash *hash);

#endif
