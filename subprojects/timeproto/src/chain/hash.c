// SPDX-License-Identifier: MIT
/* Hashes of the chain: see hash.h.
 *
 * The bincode form is written here by hand beside the walker of wire/bincode.h: these two types can never change
 * without being another chain, and a hash that needs no memory has no error path.  The tests compare the two. */
#include "timeproto/chain/hash.h"

#include <string.h>

#include "hash_feed.h"
#include "timeproto/base/hex.h"

void hash_feed_outputs(struct hash_feed *feed, const struct wire_tx_output_list *outputs)
{
	hash_feed_u64(feed, outputs->len);
	for (size_t i = 0; i < outputs->len; i++) {
		hash_feed_u64(feed, outputs->items[i].value);
		hash_feed_blob(feed, &outputs->items[i].script_pubkey);
	}
}

void hash_feed_transaction(struct hash_feed *feed, const struct wire_transaction *transaction,
			   enum hash_scripts scripts)
{
	static const struct wire_bytes empty;

	hash_feed_u32(feed, transaction->version);
	hash_feed_u64(feed, transaction->inputs.len);
	for (size_t i = 0; i < transaction->inputs.len; i++) {
		const struct wire_tx_input *input = &transaction->inputs.items[i];

		hash_feed_bytes(feed, input->previous_output.txid.bytes, sizeof(input->previous_output.txid.bytes));
		hash_feed_u32(feed, input->previous_output.vout);
		hash_feed_blob(feed, scripts == HASH_SCRIPTS_EMPTY ? &empty : &input->script_sig);
		hash_feed_u32(feed, input->sequence);
	}
	hash_feed_outputs(feed, &transaction->outputs);
	hash_feed_u32(feed, transaction->lock_time);
	hash_feed_u64(feed, (uint64_t)transaction->timestamp);
}

void hash_txid(struct wire_hash *out, const struct wire_transaction *transaction)
{
	struct hash_feed feed;

	hash_feed_begin(&feed);
	hash_feed_transaction(&feed, transaction, HASH_SCRIPTS_FULL);
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
