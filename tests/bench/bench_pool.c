// SPDX-License-Identifier: MIT
/* The pool with 10,000 transactions: inserting them, and assembling a block of them.
 *
 *	bench_pool insert|chains|assemble [--json]
 *
 * insert: each spends a coin of the chain; chains: 25 in a row spend each other.  The signatures have been checked, as
 * everywhere; the chain is a database in memory.  The floor under insertion is what cannot be left out: the transaction
 * in bincode, copied, and put into a hash table by its txid.  The floor under assembling is the bincode of the same
 * transactions, which is what the block is for. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_common.h"
#include "timed/node/pool.h"
#include "timed/util/siphash.h"
#include "timeproto/base/buf.h"
#include "timeproto/chain/address.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/chain/sign.h"
#include "timeproto/wire/bincode.h"

#define COUNT 10000
#define ROUNDS 9
#define CHAIN_LENGTH 25
#define COIN_VALUE (CHAIN_BLOCK_SUBSIDY / COUNT)
#define FEE 2000

static struct chain_params params;
static struct genesis genesis;
static struct store *store;
static struct chain_store *chain;
static struct wire_block block;
static struct wire_hash txids[1];

static uint8_t secret[64];
static char address[ADDRESS_TEXT_SIZE];

static struct wire_transaction txs[COUNT];
static struct wire_hash tx_ids[COUNT];
static struct wire_tx_input inputs[COUNT];
static struct wire_tx_output outputs[COUNT], made[COUNT];
static struct wire_reward rewards[COUNT];
static uint8_t script_sigs[COUNT][SIGN_SCRIPT_SIG_BYTES];

/* One block whose coinbase makes COUNT coins of ours. */
static void make_chain(void)
{
	static struct wire_transaction coinbase;
	struct chain_store_params chain_params = {.chain = &params,
						  .genesis = &genesis,
						  .max_reorg_depth = 1000,
						  .warn_reorg_depth = 100,
						  .branch_bytes = (size_t)1 << 20,
						  .overlay_bytes = (size_t)1 << 20};
	struct store_params store_params = {
		.dir = "/bench_pool", .memory = true, .network = "devnet", .cache_bytes = (size_t)64 << 20};
	struct block_ids ids = {.txids = txids};
	struct store_failure failure;
	struct chain_fault fault;

	chain_params_init_devnet(&params, 1000000000, 2);
	genesis_make_for(&genesis, &params);
	store_params.genesis_hash = genesis.hash;
	if (store_open(&store, &failure, &store_params) || chain_store_open(&chain, &failure, store, &chain_params))
		bench_die("%s", failure.text);
	for (int i = 0; i < COUNT; i++) {
		rewards[i] = (struct wire_reward){{address, strlen(address)}, COIN_VALUE};
		made[i] = (struct wire_tx_output){COIN_VALUE, {(const uint8_t *)address, strlen(address)}};
	}
	coinbase = (struct wire_transaction){.version = 1, .outputs = {made, COUNT}, .timestamp = 1000000002};
	hash_txid(&txids[0], &coinbase);
	block.transactions = (struct wire_transaction_list){&coinbase, 1};
	block.masternode_rewards = (struct wire_reward_list){rewards, COUNT};
	block.header = (struct wire_block_header){.version = 1,
						  .height = 1,
						  .previous_hash = genesis.hash,
						  .timestamp = coinbase.timestamp,
						  .block_reward = CHAIN_BLOCK_SUBSIDY};
	hash_merkle_root(&block.header.merkle_root, txids, 1);
	hash_block(&ids.hash, &block.header);
	if (chain_store_connect(chain, &fault, &block, &ids, block.header.timestamp))
		bench_die("the block is refused: %s", fault.text);
	if (chain_store_flush(chain, false))
		bench_die("cannot write");
}

/* Transaction i spends coin i, or transaction i - 1 inside a chain of `length`. */
static void make_transactions(int length)
{
	struct wire_hash coinbase = txids[0];

	for (int i = 0; i < COUNT; i++) {
		bool begins = i % length == 0;
		struct sign_base base;

		inputs[i] = (struct wire_tx_input){
			.previous_output = {begins ? coinbase : tx_ids[i - 1], begins ? (uint32_t)i : 0},
			.sequence = UINT32_MAX};
		outputs[i] = (struct wire_tx_output){(begins ? COIN_VALUE : outputs[i - 1].value) - FEE,
						     {(const uint8_t *)address, strlen(address)}};
		txs[i] = (struct wire_transaction){
			.version = 1, .inputs = {&inputs[i], 1}, .outputs = {&outputs[i], 1}, .timestamp = 1000000002};
		sign_base_make(&base, &txs[i]);
		sign_input(script_sigs[i], &base, 0, secret);
		inputs[i].script_sig = (struct wire_bytes){script_sigs[i], SIGN_SCRIPT_SIG_BYTES};
		hash_txid(&tx_ids[i], &txs[i]);
	}
}

static struct pool *make_pool(void)
{
	struct pool_params pool_params;
	struct pool *pool;

	pool_params_init(&pool_params, &params, NULL);
	if (pool_create(&pool, &pool_params, chain))
		bench_die("no pool");
	return pool;
}

static void insert_all(struct pool *pool, struct pool_events *events)
{
	struct pool_result result;

	for (int i = 0; i < COUNT; i++) {
		struct pool_submission s = {.transaction = &txs[i], .txid = &tx_ids[i], .now_s = 1000000002};

		if (pool_insert(pool, &result, events, &s))
			bench_die("transaction %d is refused: %s", i, result.fault.text);
	}
}

static int64_t insertion_ns(void)
{
	struct pool *pool = make_pool();
	struct pool_events events;
	int64_t begun;

	pool_events_init(&events);
	begun = bench_ns();
	insert_all(pool, &events);
	begun = bench_ns() - begun;
	pool_events_free(&events);
	pool_free(pool);
	return begun;
}

/* ---- the floors ---- */

struct slot {
	struct wire_hash txid;
	uint8_t *bytes;
	size_t len;
};

static int64_t table_ns(void)
{
	enum { SLOTS = 32768 };
	struct slot *slots = calloc(SLOTS, sizeof(slots[0]));
	struct siphash_key key;
	int64_t begun;

	if (!slots)
		bench_die("out of memory");
	siphash_key_random(&key);
	begun = bench_ns();
	for (int i = 0; i < COUNT; i++) {
		size_t at = siphash(&key, tx_ids[i].bytes, sizeof(tx_ids[i].bytes)) % SLOTS;
		struct buf bytes = BUF_INIT;

		if (wire_bincode_encode_value(&bytes, &wire_desc_transaction, &txs[i]))
			bench_die("out of memory");
		while (slots[at].bytes)
			at = (at + 1) % SLOTS;
		slots[at].txid = tx_ids[i];
		slots[at].bytes = buf_steal(&bytes, &slots[at].len);
	}
	begun = bench_ns() - begun;
	for (int i = 0; i < SLOTS; i++)
		free(slots[i].bytes);
	free(slots);
	return begun;
}

/* What the pool asks of the chain alone. */
static int64_t chain_ns(void)
{
	struct chain_view *view = chain_store_view(chain);
	struct arena arena;
	int64_t begun;

	arena_init(&arena, (size_t)1 << 20, NULL);
	begun = bench_ns();
	for (int i = 0; i < COUNT; i++) {
		struct coin coin;
		uint32_t position;
		uint64_t height;

		arena_reset(&arena);
		if (chain_view_transaction(view, &height, &position, &tx_ids[i]) != STORE_E_NOT_FOUND)
			bench_die("transaction %d is in the chain", i);
		if (hash_equal(&inputs[i].previous_output.txid, &txids[0]) &&
		    chain_view_coin(view, &coin, &arena, &inputs[i].previous_output))
			bench_die("coin %d is not there", i);
	}
	begun = bench_ns() - begun;
	arena_free(&arena);
	chain_view_unref(view);
	return begun;
}

static int64_t encode_ns(struct buf *bytes)
{
	struct wire_transaction_list list = {txs, COUNT};
	int64_t begun = bench_ns();

	buf_reset(bytes);
	if (wire_bincode_encode_value(bytes, &wire_desc_transaction_list, &list))
		bench_die("out of memory");
	return bench_ns() - begun;
}

/* ---- the measurements ---- */

/* Microseconds, of one of `per`; the best round, since others use the machine. */
static double best_us(int64_t *took, int per)
{
	return (double)bench_percentile(took, ROUNDS, 0) / 1000 / per;
}

static void report(const char *name, int64_t *took, int64_t *floor, int per, bool json)
{
	double us = best_us(took, per), floor_us = best_us(floor, per);

	if (json)
		printf("{\"name\": \"pool %s\", \"us\": %.2f, \"floor_us\": %.2f, \"ratio\": %.1f}\n", name, us,
		       floor_us, us / floor_us);
	else
		printf("pool %s: %.2f us, floor %.2f us, ratio %.1f\n", name, us, floor_us, us / floor_us);
}

static void bench_insertion(const char *name, bool json)
{
	int64_t took[ROUNDS], floor[ROUNDS], reading[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		took[i] = insertion_ns();
		floor[i] = table_ns();
		reading[i] = chain_ns();
	}
	report(name, took, floor, COUNT, json);
	if (!json)
		printf("    of it %.2f us reading the chain\n", best_us(reading, COUNT));
}

static void bench_assembly(bool json)
{
	static struct pool_mark marks[COUNT];
	int64_t took[ROUNDS], floor[ROUNDS];
	struct pool *pool = make_pool();
	struct wire_hash tip;
	struct pool_events events;
	struct buf bytes = BUF_INIT;

	pool_events_init(&events);
	insert_all(pool, &events);
	for (int i = 0; i < COUNT; i++)
		marks[i] = (struct pool_mark){.txid = tx_ids[(i * 7919) % COUNT], .votes = 3};
	if (pool_finalize(pool, &events, marks, COUNT))
		bench_die("not finalized");
	hash_block(&tip, &block.header);
	for (int i = 0; i < ROUNDS; i++) {
		struct pool_selection selection;
		int64_t begun = bench_ns();

		/* they are more than one block may hold: all of them are the harder task */
		if (pool_assemble(pool, &selection, &tip, SIZE_MAX, COUNT) || selection.count != COUNT)
			bench_die("not assembled");
		took[i] = bench_ns() - begun;
		pool_selection_free(&selection);
		floor[i] = encode_ns(&bytes);
	}
	report("block assembly of 10,000", took, floor, 1, json);
	buf_free(&bytes);
	pool_events_free(&events);
	pool_free(pool);
}

int main(int argc, char *argv[])
{
	bool json = bench_take_json(&argc, argv);
	struct wire_key key;

	if (argc != 2 || sodium_init() < 0)
		bench_die("usage: bench_pool insert|chains|assemble [--json]");
	crypto_sign_keypair(key.bytes, secret);
	address_from_key(address, &key, CHAIN_DEVNET);
	make_chain();
	make_transactions(strcmp(argv[1], "insert") == 0 ? 1 : CHAIN_LENGTH);
	if (strcmp(argv[1], "insert") == 0)
		bench_insertion("insertion among 10,000", json);
	else if (strcmp(argv[1], "chains") == 0)
		bench_insertion("insertion into chains of 25", json);
	else
		bench_assembly(json);
	chain_store_close(chain);
	store_close(store);
	return 0;
}
