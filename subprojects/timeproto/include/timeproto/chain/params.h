/* SPDX-License-Identifier: MIT
 *
 * What distinguishes testnet, mainnet and a devnet: the one place for network constants (PROTOCOL.md §1,
 * §6), and who validates its blocks, which every node is configured with (§9).
 *
 * Ownership: the validators belong to whoever has set them.
 * Thread safety: pure functions; a filled struct is only read.
 */
#ifndef TIMEPROTO_CHAIN_PARAMS_H
#define TIMEPROTO_CHAIN_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

struct validators;

enum chain_network { CHAIN_TESTNET, CHAIN_MAINNET, CHAIN_DEVNET, CHAIN_NETWORK_COUNT };

struct chain_params {
	enum chain_network network;
	const char *name;	       /* "testnet" ...: as configured, and as sent in handshakes; static */
	int64_t genesis_timestamp;     /* Unix seconds: height h belongs to this + block_time_s * h */
	uint64_t genesis_value;	       /* satoshis of the genesis output */
	struct wire_hash genesis_hash; /* hash of the genesis block: what makes two nodes be of one chain */
	uint32_t block_time_s;	       /* seconds between slots */
	uint16_t p2p_port;	       /* default ports */
	uint16_t rpc_port;
	bool local_addresses; /* loopback and private addresses may be dialled and gossiped */
	const struct validators *validators; /* validators.h; NULL: none */
	uint64_t bft_from;		     /* first height whose block needs a certificate of theirs; 0: none does */
};

/* "testnet", "mainnet", "devnet"; NULL when out of range. */
const char *chain_network_name(enum chain_network network);
/* The network of that name, -1 when there is none. */
int chain_network_from_name(const char *name);
/* The fifth character of an address: '0' for testnet and devnet, '1' for mainnet. */
char chain_network_digit(enum chain_network network);

/* Fills in the constants of testnet or mainnet, without validators.  For a devnet: the genesis timestamp of testnet and
 * 2 s blocks. */
void chain_params_init(struct chain_params *out, enum chain_network network);
/* A devnet: testnet's genesis with another timestamp, and slots of `block_time_s` (at least 1). */
void chain_params_init_devnet(struct chain_params *out, int64_t genesis_timestamp, uint32_t block_time_s);

#endif
