/* SPDX-License-Identifier: MIT
 *
 * Making the next block; see block_maker.h.
 */
#include "block_maker.h"

#include <errno.h>

#include "node_impl.h"
#include "timed/node/pool.h"
#include "timeproto/base/buf.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/wire/bincode.h"

/* What a block of this many transactions takes beside them and beside the coinbase and the rewards. */
#define COUNT_BYTES 8
/* A decoded block is larger than its bytes, but not by more. */
#define DECODED_PER_BYTE 16

/* The rewards, and the coinbase that pays them. */
static int make_rewards(struct wire_block *block, struct wire_transaction *coinbase, struct arena *arena,
			const struct validator_list *payees)
{
	struct wire_tx_output *outputs;
	int r = validators_rewards(&block->masternode_rewards, arena, payees, block->header.block_reward);

	if (r)
		return r;
	outputs = arena_alloc(arena, (payees->count + 1) * sizeof(*outputs));
	if (!outputs)
		return -ENOMEM;
	for (size_t i = 0; i < block->masternode_rewards.len; i++) {
		const struct wire_reward *reward = &block->masternode_rewards.items[i];

		outputs[i].value = reward->amount;
		outputs[i].script_pubkey =
			(struct wire_bytes){(const uint8_t *)reward->address.ptr, reward->address.len};
	}
	*coinbase = (struct wire_transaction){
		.version = 1,
		.outputs = {outputs, block->masternode_rewards.len},
		.timestamp = block->header.timestamp,
	};
	return 0;
}

/* The block in memory of its own: so far its transactions are the pool's. */
static int copy_block(struct made_block *out, const struct wire_block *block)
{
	struct buf bytes = {0};
	int r = wire_bincode_encode_value(&bytes, &wire_desc_block, block);

	if (!r)
		r = wire_bincode_decode_value(&out->block, &wire_desc_block, &out->memory->arena, bytes.data, bytes.len,
					      NULL);
	buf_free(&bytes);
	if (!r)
		r = block_identify(&out->ids, &out->memory->arena, &out->block);
	if (r)
		return -ENOMEM;
	hash_merkle_root(&out->block.header.merkle_root, out->ids.txids, out->block.transactions.len);
	hash_block(&out->ids.hash, &out->block.header);
	return 0;
}

/* Fills in what follows from the chosen transactions. */
static int fill_block(struct made_block *out, struct wire_block *block, struct arena *arena,
		      const struct pool_selection *chosen, const struct validator_list *payees)
{
	struct wire_transaction *items = arena_alloc(arena, (chosen->count + 1) * sizeof(*items));
	int r;

	if (!items)
		return -ENOMEM;
	block->header.block_reward = CHAIN_BLOCK_SUBSIDY + chosen->fees;
	r = make_rewards(block, &items[0], arena, payees);
	if (r)
		return r;
	for (size_t i = 0; i < chosen->count; i++)
		items[i + 1] = chosen->items[i]->transaction;
	block->transactions = (struct wire_transaction_list){items, chosen->count + 1};
	out->fees = chosen->fees;
	return copy_block(out, block);
}

/* Bytes that a block without other transactions takes. */
static int empty_size(size_t *out, struct wire_block *block, struct arena *arena, const struct validator_list *payees)
{
	struct wire_transaction coinbase;
	int r = make_rewards(block, &coinbase, arena, payees);

	if (r)
		return r;
	block->transactions = (struct wire_transaction_list){&coinbase, 1};
	*out = wire_bincode_size_value(&wire_desc_block, block) + COUNT_BYTES;
	block->transactions = (struct wire_transaction_list){NULL, 0};
	return 0;
}

int block_make(struct made_block *out, struct node *node, const struct chain_point *tip, int64_t timestamp,
	       const struct validator_list *payees)
{
	const struct config *c = node->config;
	size_t most = (size_t)c->block.max_block_size_kb << 10, used;
	struct wire_block block = {
		.header = {.version = CHAIN_BLOCK_VERSION,
			   .height = tip->height + 1,
			   .previous_hash = tip->hash,
			   .timestamp = timestamp,
			   .block_reward = CHAIN_BLOCK_SUBSIDY},
	};
	struct pool_selection chosen;
	struct arena scratch;
	int r;

	if (most > CHAIN_MAX_BLOCK_BYTES)
		most = CHAIN_MAX_BLOCK_BYTES;
	arena_init(&scratch, DECODED_PER_BYTE * CHAIN_MAX_BLOCK_BYTES, NULL);
	r = empty_size(&used, &block, &scratch, payees);
	if (!r)
		r = pool_assemble(node->pool, &chosen, &tip->hash, most > used ? most - used : 0,
				  c->block.max_transactions_per_block - 1);
	if (r) {
		arena_free(&scratch);
		return r;
	}
	*out = (struct made_block){.memory = message_arena_new(net_budget(node->net))};
	r = out->memory ? fill_block(out, &block, &scratch, &chosen, payees) : -ENOMEM;
	pool_selection_free(&chosen);
	arena_free(&scratch);
	if (r)
		message_arena_unref(out->memory);
	return r;
}
