// SPDX-License-Identifier: MIT
/* Network constants: see params.h. */
#include "timeproto/chain/params.h"

#include <string.h>

#include "timeproto/chain/genesis.h"

/* Everything but the hash, which is computed. */
static const struct chain_params chain_params_table[CHAIN_NETWORK_COUNT] = {
	[CHAIN_TESTNET] = {.network = CHAIN_TESTNET,
			   .name = "testnet",
			   .genesis_timestamp = 1764547200, /* 2025-12-01 */
			   .genesis_value = 10000000000,
			   .block_time_s = 600,
			   .p2p_port = 24100,
			   .rpc_port = 24101},
	[CHAIN_MAINNET] = {.network = CHAIN_MAINNET,
			   .name = "mainnet",
			   .genesis_timestamp = 1767225600, /* 2026-01-01 */
			   .genesis_value = 0,
			   .block_time_s = 600,
			   .p2p_port = 24000,
			   .rpc_port = 24001},
	[CHAIN_DEVNET] = {.network = CHAIN_DEVNET,
			  .name = "devnet",
			  .genesis_timestamp = 1764547200, /* as testnet, unless configured */
			  .genesis_value = 10000000000,
			  .block_time_s = 2,
			  .p2p_port = 24200,
			  .rpc_port = 24201,
			  .local_addresses = true},
};

const char *chain_network_name(enum chain_network network)
{
	if ((unsigned)network >= CHAIN_NETWORK_COUNT)
		return NULL;
	return chain_params_table[network].name;
}

int chain_network_from_name(const char *name)
{
	for (int i = 0; i < CHAIN_NETWORK_COUNT; i++) {
		if (strcmp(chain_params_table[i].name, name) == 0)
			return i;
	}
	return -1;
}

char chain_network_digit(enum chain_network network)
{
	return network == CHAIN_MAINNET ? '1' : '0';
}

static void chain_params_hash(struct chain_params *params)
{
	struct genesis genesis;

	genesis_make_for(&genesis, params);
	params->genesis_hash = genesis.hash;
}

void chain_params_init(struct chain_params *out, enum chain_network network)
{
	*out = chain_params_table[network];
	chain_params_hash(out);
}

void chain_params_init_devnet(struct chain_params *out, int64_t genesis_timestamp, uint32_t block_time_s)
{
	*out = chain_params_table[CHAIN_DEVNET];
	out->genesis_timestamp = genesis_timestamp;
	out->block_time_s = block_time_s;
	chain_params_hash(out);
}
