// SPDX-License-Identifier: MIT
/* chain/genesis and chain/params: the genesis blocks of both networks as the Rust node makes them, and the constants
 * of the networks. */
#include "timeproto/chain/genesis.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/schema.h"
#include "vectors.h"

static void expect_vector(enum chain_network network, const char *name)
{
	json_t *root = vectors_load("genesis.json");
	json_t *entry = json_object_get(root, name);
	struct wire_hash txid, hash, made_txid;
	struct chain_params params;
	struct genesis genesis;
	struct buf buf = BUF_INIT;
	uint8_t *bytes;
	size_t len;

	chain_params_init(&params, network);
	genesis_make_for(&genesis, &params);
	vectors_fixed(txid.bytes, 32, entry, "txid");
	vectors_fixed(hash.bytes, 32, entry, "hash");
	hash_txid(&made_txid, &genesis.coinbase);
	ck_assert(hash_equal(&made_txid, &txid));
	ck_assert(hash_equal(&genesis.block.header.merkle_root, &txid));
	ck_assert(hash_equal(&genesis.hash, &hash));
	ck_assert(hash_equal(&params.genesis_hash, &hash));

	bytes = vectors_bytes(entry, "block_bincode", &len);
	ck_assert_int_eq(wire_bincode_encode_value(&buf, &wire_desc_block, &genesis.block), 0);
	ck_assert_uint_eq(buf.len, len);
	ck_assert_mem_eq(buf.data, bytes, len);
	buf_free(&buf);
	free(bytes);
	json_decref(root);
}

START_TEST(testnet_vector)
{
	expect_vector(CHAIN_TESTNET, "testnet");
}
END_TEST

START_TEST(mainnet_vector)
{
	expect_vector(CHAIN_MAINNET, "mainnet");
}
END_TEST

START_TEST(devnet_is_testnet_at_another_time)
{
	struct chain_params testnet, devnet;

	chain_params_init(&testnet, CHAIN_TESTNET);
	chain_params_init_devnet(&devnet, testnet.genesis_timestamp, 2);
	ck_assert(hash_equal(&devnet.genesis_hash, &testnet.genesis_hash));
	chain_params_init_devnet(&devnet, testnet.genesis_timestamp + 1, 3);
	ck_assert(!hash_equal(&devnet.genesis_hash, &testnet.genesis_hash));
	ck_assert_int_eq(devnet.genesis_timestamp, 1764547201);
	ck_assert_uint_eq(devnet.genesis_value, 10000000000);
	ck_assert_uint_eq(devnet.block_time_s, 3);
	ck_assert_str_eq(devnet.name, "devnet");
}
END_TEST

START_TEST(constants_of_the_networks)
{
	struct chain_params params;

	chain_params_init(&params, CHAIN_TESTNET);
	ck_assert_uint_eq(params.p2p_port, 24100);
	ck_assert_uint_eq(params.rpc_port, 24101);
	ck_assert_uint_eq(params.block_time_s, 600);
	ck_assert(!params.local_addresses);
	chain_params_init(&params, CHAIN_MAINNET);
	ck_assert_uint_eq(params.p2p_port, 24000);
	ck_assert_uint_eq(params.rpc_port, 24001);
	ck_assert(!params.local_addresses);
	chain_params_init(&params, CHAIN_DEVNET);
	ck_assert_uint_eq(params.p2p_port, 24200);
	ck_assert_uint_eq(params.rpc_port, 24201);
	ck_assert_uint_eq(params.block_time_s, 2);
	ck_assert(params.local_addresses);
}
END_TEST

START_TEST(names_of_the_networks)
{
	for (int network = 0; network < CHAIN_NETWORK_COUNT; network++)
		ck_assert_int_eq(chain_network_from_name(chain_network_name((enum chain_network)network)), network);
	ck_assert_int_eq(chain_network_from_name("Testnet"), -1);
	ck_assert_int_eq(chain_network_from_name(""), -1);
	ck_assert_ptr_null(chain_network_name(CHAIN_NETWORK_COUNT));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("genesis");
	TCase *c = tcase_create("genesis");

	tcase_add_test(c, testnet_vector);
	tcase_add_test(c, mainnet_vector);
	tcase_add_test(c, devnet_is_testnet_at_another_time);
	tcase_add_test(c, constants_of_the_networks);
	tcase_add_test(c, names_of_the_networks);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
