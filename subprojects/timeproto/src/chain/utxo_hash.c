// SPDX-License-Identifier: MIT
/* The UTXO state hash: see utxo_hash.h. */
#include "timeproto/chain/utxo_hash.h"

#include <string.h>

#include "hash_feed.h"

void utxo_hash_init(struct utxo_hash *hash)
{
	sha256_init(&hash->hash);
	hash->count = 0;
}

void utxo_hash_add(struct utxo_hash *hash, const struct wire_outpoint *outpoint, uint64_t value,
		   const struct wire_bytes *script)
{
	uint8_t head[32 + 4 + 8];

	memcpy(head, outpoint->txid.bytes, 32);
	le_put_u32(head + 32, outpoint->vout);
	le_put_u64(head + 36, value);
	sha256_update(&hash->hash, head, sizeof(head));
	sha256_update(&hash->hash, script->ptr, script->len);
	hash->count++;
}

void utxo_hash_final(struct utxo_hash *hash, struct wire_hash *out)
{
	sha256_final(&hash->hash, out->bytes);
}
