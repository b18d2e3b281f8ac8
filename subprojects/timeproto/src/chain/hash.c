// SPDX-License-Identifier: MIT
/* Hashes of the chain: see hash.h.
 *
 * The bincode form is written here by hand beside the walker of wire/bincode.h: these two types can never change
 * without being another chain, and a hash that needs no memory has no error path.  The tests compare the two. */
#include "timeproto/chain/hash.h"

#include <string.h>

#include "timeproto/base/hex.h"
#include "timeproto/base/sha256.h"

/* Collects the many small fields before they go to SHA-256. */
struct hash_feed {
	struct sha256 hash;
	size_t used; /* bytes of `bytes` not yet hashed */
	uint8_t bytes[256];
};

static void hash_feed_begin(struct hash_feed *feed)
{
	sha256_init(&feed->hash);
	feed->used = 0;
}

static void hash_feed_bytes(struct hash_feed *feed, const void *data, size_t len)
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

static void hash_feed_u32(struct hash_feed *feed, uint32_t value)
{
	uint8_t le[4];

	for (int i = 0; i < 4; i++)
		le[i] = (uint8_t)(value >> (8 * i));
	hash_feed_bytes(feed, le, sizeof(le));
}

static void hash_feed_u64(struct hash_feed *feed, uint64_t value)
{
	uint8_t le[8];

	for (int i = 0; i < 8; i++)
		le[i] = (uint8_t)(value >> (8 * i));
	hash_feed_bytes(feed, le, sizeof(le));
}

/* A `Vec<u8>`: its length, then the bytes. */
static void hash_feed_blob(struct hash_feed *feed, const struct wire_bytes *blob)
{
	hash_feed_u64(feed, blob->len);
	hash_feed_bytes(feed, blob->ptr, blob->len);
}

static void hash_feed_end(struct hash_feed *feed, struct wire_hash *out)
{
	sha256_update(&feed->hash, feed->bytes, feed->used);
	sha256_final(&feed->hash, out->bytes);
}

void hash_txid(struct wire_hash *out, const struct wire_transaction *transaction)
{
	struct hash_feed feed;

	hash_feed_begin(&feed);
	hash_feed_u32(&feed, transaction->version);
	hash_feed_u64(&feed, transaction->inputs.len);
	for (size_t i = 0; i < transaction->inputs.len; i++) {
		const struct wire_tx_input *input = &transaction->inputs.items[i];

		hash_feed_bytes(&feed, input->previous_output.txid.bytes, sizeof(input->previous_output.txid.bytes));
		hash_feed_u32(&feed, input->previous_output.vout);
		hash_feed_blob(&feed, &input->script_sig);
		hash_feed_u32(&feed, input->sequence);
	}
	hash_feed_u64(&feed, transaction->outputs.len);
	for (size_t i = 0; i < transaction->outputs.len; i++) {
		hash_feed_u64(&feed, transaction->outputs.items[i].value);
		hash_feed_blob(&feed, &transaction->outputs.items[i].script_pubkey);
	}
	hash_feed_u32(&feed, transaction->lock_time);
	hash_feed_u64(&feed, (uint64_t)transaction->timestamp);
	hash_feed_end(&feed, out);
}

void hash_block(struct wire_hash *out, const struct wire_block_header *header)
{
	struct hash_feed feed;

	hash_feed_begin(&feed);
	hash_feed_u32(&feed, header->version);
	hash_feed_u64(&feed, header->height);
	hash_feed_bytes(&feed, header->previous_hash.bytes, sizeof(header->previous_hash.bytes));
	hash_feed_bytes(&feed, header->merkle_root.bytes, sizeof(header->merkle_root.bytes));
	hash_feed_u64(&feed, (uint64_t)header->timestamp);
	hash_feed_u64(&feed, header->block_reward);
	hash_feed_end(&feed, out);
}

static void hash_pair(struct wire_hash *out, const struct wire_hash *left, const struct wire_hash *right)
{
	uint8_t both[64];

	memcpy(both, left->bytes, 32);
	memcpy(both + 32, right->bytes, 32);
	sha256_digest(out->bytes, both, sizeof(both));
}

/* `pending[level]` is the root of the last complete subtree of 2^level leaves that waits for its right sibling; bit
 * `level` of the number of leaves seen says whether there is one. */
void hash_merkle_root(struct wire_hash *out, const struct wire_hash *txids, size_t count)
{
	struct wire_hash pending[64], node;
	unsigned level = 0;

	memset(out, 0, sizeof(*out));
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		node = txids[i];
		for (level = 0; (i >> level) & 1; level++)
			hash_pair(&node, &pending[level], &node);
		pending[level] = node;
	}

	/* Close the tree.  The smallest waiting subtree is the odd last node of its level: paired with itself it stands
	 * for as many leaves again, and may complete subtrees further left, exactly as a carry runs through `count`. */
	for (level = 0; !((count >> level) & 1); level++)
		;
	node = pending[level];
	while (count >> level != 1) {
		hash_pair(&node, &node, &node);
		count += (size_t)1 << level;
		for (level++; !((count >> level) & 1); level++)
			hash_pair(&node, &pending[level], &node);
	}
	*out = node;
}

bool hash_equal(const struct wire_hash *a, const struct wire_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool hash_is_zero(const struct wire_hash *hash)
{
	static const struct wire_hash zero;

	return hash_equal(hash, &zero);
}

char *hash_text(char out[HASH_TEXT_SIZE], const struct wire_hash *hash)
{
	hex_encode(out, hash->bytes, sizeof(hash->bytes));
	return out;
}
