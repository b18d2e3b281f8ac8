// SPDX-License-Identifier: MIT
/* Genesis blocks: see genesis.h. */
#include "timeproto/chain/genesis.h"

#include "timeproto/chain/hash.h"

static const uint8_t genesis_script[] = {'g', 'e', 'n', 'e', 's', 'i', 's'};

void genesis_make(struct genesis *out, int64_t timestamp, uint64_t value)
{
	struct wire_hash txid;

	*out = (struct genesis){
		.output = {.value = value, .script_pubkey = {genesis_script, sizeof(genesis_script)}},
		.coinbase = {.version = 1, .outputs = {&out->output, 1}, .timestamp = timestamp},
		.block = {.header = {.version = 2, .timestamp = timestamp, .block_reward = value},
			  .transactions = {&out->coinbase, 1}},
	};
	hash_txid(&txid, &out->coinbase);
	hash_merkle_root(&out->block.header.merkle_root, &txid, 1);
	hash_block(&out->hash, &out->block.header);
}

void genesis_make_for(struct genesis *out, const struct chain_params *params)
{
	genesis_make(out, params->genesis_timestamp, params->genesis_value);
}
