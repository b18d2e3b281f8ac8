/* SPDX-License-Identifier: MIT
 *
 * Feeding SHA-256 with the binary form, field by field: what hash.c and sign.c have in common (PROTOCOL.md §5).
 *
 * Thread safety: a feed has one owner.
 */
#ifndef TIMEPROTO_CHAIN_HASH_FEED_H
#define TIMEPROTO_CHAIN_HASH_FEED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "timeproto/base/le.h"
#include "timeproto/base/sha256.h"
#include "timeproto/wire/types.h"

/* Collects the many small fields before they go to SHA-256. */
struct hash_feed {
	struct sha256 hash;
	size_t used; /* bytes of `bytes` not yet hashed */
	uint8_t bytes[256];
};

/* Whether the script_sigs of a transaction are fed, or each of them as if it were empty. */
enum hash_scripts { HASH_SCRIPTS_FULL, HASH_SCRIPTS_EMPTY };

static inline void hash_feed_begin(struct hash_feed *feed)
{
	sha256_init(&feed->hash);
	feed->used = 0;
}

static inline void hash_feed_bytes(struct hash_feed *feed, const void *data, size_t len)
{
	if (len > sizeof(feed->bytes) - feed->used) {
		sha256_update(&feed->hash, feed->bytes, feed->used);
		feed->used = 0;
	}
	if (len > sizeof(feed->bytes)) {
		sha256_update(&feed->hash, data, len);
	} else if (len > 0) {
		memcpy(feed->bytes + feed->used, data, len);
		feed->used += len;
	}
}

static inline void hash_feed_u32(struct hash_feed *feed, uint32_t value)
{
	uint8_t le[4];

	le_put_u32(le, value);
	hash_feed_bytes(feed, le, sizeof(le));
}

static inline void hash_feed_u64(struct hash_feed *feed, uint64_t value)
{
	uint8_t le[8];

	le_put_u64(le, value);
	hash_feed_bytes(feed, le, sizeof(le));
}

/* A `Vec<u8>`: its length, then the bytes. */
static inline void hash_feed_blob(struct hash_feed *feed, const struct wire_bytes *blob)
{
	hash_feed_u64(feed, blob->len);
	hash_feed_bytes(feed, blob->ptr, blob->len);
}

static inline void hash_feed_end(struct hash_feed *feed, struct wire_hash *out)
{
	sha256_update(&feed->hash, feed->bytes, feed->used);
	sha256_final(&feed->hash, out->bytes);
}

/* A list of outputs, with its length. */
void hash_feed_outputs(struct hash_feed *feed, const struct wire_tx_output_list *outputs);
void hash_feed_transaction(struct hash_feed *feed, const struct wire_transaction *transaction,
			   enum hash_scripts scripts);

#endif
