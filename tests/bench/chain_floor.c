// SPDX-License-Identifier: MIT
/* The floor under fetching a chain: what one thread of one process needs to decode the blocks, make their hashes, and put what
 * the chain store keeps of them into RocksDB.  bench_sync.py runs it beside two daemons.
 *
 *	chain_floor FILE DIRECTORY	FILE: blocks as JSON lines; DIRECTORY: made, must not exist
 *
 * Prints one line of JSON: blocks, seconds, inputs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_common.h"
#include "timed/store/store.h"
#include "timeproto/base/sha256.h"
#include "timeproto/chain/rules.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"

/* Blocks of one batch. */
#define BATCH_BLOCKS 500

static void be32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void be64(uint8_t *out, uint64_t value)
{
	be32(out, (uint32_t)(value >> 32));
	be32(out + 4, (uint32_t)value);
}

static void put_output(struct store *store, struct store_batch *batch, const struct wire_hash *txid, uint32_t vout,
		       const struct wire_tx_output *output)
{
	static uint8_t value[8 + WIRE_MAX_SCRIPT_BYTES]; /* too big for a frame */
	uint8_t key[32 + 36];

	sha256_digest(key, output->script_pubkey.ptr, output->script_pubkey.len);
	memcpy(key + 32, txid->bytes, 32);
	be32(key + 64, vout);
	be64(value, output->value);
	memcpy(value + 8, output->script_pubkey.ptr, output->script_pubkey.len);
	store_batch_put(store, batch, STORE_UTXO, key + 32, 36, value, 8 + output->script_pubkey.len);
	store_batch_put(store, batch, STORE_SCRIPT_INDEX, key, sizeof(key), NULL, 0);
}

/* Returns how many inputs the block has. */
static size_t put_block(struct store *store, struct store_batch *batch, const struct wire_block *block,
			const struct block_ids *ids, struct buf *bytes)
{
	uint8_t height[8], place[12] = {0}, outpoint[36];
	size_t inputs = 0;

	buf_reset(bytes);
	if (wire_bincode_encode_value(bytes, &wire_desc_block, block))
		bench_die("out of memory");
	be64(height, block->header.height);
	store_batch_put(store, batch, STORE_BLOCKS, height, 8, bytes->data, bytes->len);
	store_batch_put(store, batch, STORE_BLOCK_INDEX, ids->hash.bytes, 32, height, 8);
	store_batch_put(store, batch, STORE_UNDO, height, 8, place, 8);
	for (size_t i = 0; i < block->transactions.len; i++) {
		const struct wire_transaction *tx = &block->transactions.items[i];

		memcpy(place, height, 8);
		be32(place + 8, (uint32_t)i);
		store_batch_put(store, batch, STORE_TX_INDEX, ids->txids[i].bytes, 32, place, sizeof(place));
		for (size_t k = 0; k < tx->inputs.len; k++, inputs++) {
			memcpy(outpoint, tx->inputs.items[k].previous_output.txid.bytes, 32);
			be32(outpoint + 32, tx->inputs.items[k].previous_output.vout);
			store_batch_delete(store, batch, STORE_UTXO, outpoint, sizeof(outpoint));
		}
		for (size_t k = 0; k < tx->outputs.len; k++)
			put_output(store, batch, &ids->txids[i], (uint32_t)k, &tx->outputs.items[k]);
	}
	return inputs;
}

int main(int argc, char *argv[])
{
	struct store_params params = {.network = "devnet", .cache_bytes = (size_t)256 << 20};
	struct store_failure failure;
	struct store_batch *batch = store_batch_new();
	struct store *store;
	struct buf bytes = BUF_INIT;
	struct arena arena;
	size_t blocks = 0, inputs = 0, room = 0;
	char *line = NULL;
	ssize_t len;
	int64_t begun;
	FILE *file;

	if (argc != 3)
		bench_die("usage: chain_floor FILE DIRECTORY");
	params.dir = argv[2];
	file = fopen(argv[1], "re");
	if (!file)
		bench_die("%s: %s", argv[1], strerror(errno));
	if (store_open(&store, &failure, &params))
		bench_die("%s", failure.text);
	arena_init(&arena, (size_t)64 << 20, NULL);
	begun = bench_ns();
	while ((len = getline(&line, &room, file)) > 0) {
		struct wire_block block;
		struct block_ids ids;
		struct wire_error error;

		arena_reset(&arena);
		if (wire_json_decode_value(&block, &wire_desc_block, &arena, (const uint8_t *)line, (size_t)len, &error) ||
		    block_identify(&ids, &arena, &block))
			bench_die("%s: line %zu is no block", argv[1], blocks + 1);
		inputs += put_block(store, batch, &block, &ids, &bytes);
		if (++blocks % BATCH_BLOCKS == 0 && store_batch_commit(store, batch, false))
			bench_die("cannot write");
	}
	if (store_batch_commit(store, batch, true))
		bench_die("cannot write");
	printf("{\"blocks\": %zu, \"seconds\": %.3f, \"inputs\": %zu}\n", blocks,
	       (double)(bench_ns() - begun) / 1e9, inputs);
	store_batch_free(batch);
	store_close(store);
	arena_free(&arena);
	buf_free(&bytes);
	free(line);
	fclose(file);
	return 0;
}
