/* SPDX-License-Identifier: MIT
 *
 * The UTXO state hash (PROTOCOL.md §6): SHA-256 over all unspent outputs in the order of txid bytes, then vout.
 *
 * Thread safety: one owner.
 */
#ifndef TIMEPROTO_CHAIN_UTXO_HASH_H
#define TIMEPROTO_CHAIN_UTXO_HASH_H

#include <stdint.h>

#include "timeproto/base/sha256.h"
#include "timeproto/wire/types.h"

struct utxo_hash {
	struct sha256 hash;
	uint64_t count;
};

void utxo_hash_init(struct utxo_hash *hash);
/* The next unspent output; the caller keeps the order. */
void utxo_hash_add(struct utxo_hash *hash, const struct wire_outpoint *outpoint, uint64_t value,
		   const struct wire_bytes *script);
void utxo_hash_final(struct utxo_hash *hash, struct wire_hash *out);

#endif
