// SPDX-License-Identifier: MIT
/* Connecting one block at the tip, each on the disk before the next: at a short and at a long history.  What the quick
 *growing of the history leaves to be merged is waited for: a node at the tip has done it long ago.
 *
 *	bench_connect SHORT LONG DIRECTORY [--json]	blocks of history; DIRECTORY: made, must not exist
 *
 * The two are measured in one run, the median of many blocks each; their ratio shows how connecting depends on history.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench_common.h"
#include "store_impl.h"
#include "timed/store/chain_store.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"

/* Blocks that are measured at each place, and outputs of each. */
#define MEASURED 200
#define REWARDS 4

static struct chain_params params;
static struct genesis genesis;

/* The next block: a coinbase for a few masternodes. */
struct maker {
	struct wire_block block;
	struct wire_transaction coinbase;
	struct wire_tx_output outputs[REWARDS];
	struct wire_reward rewards[REWARDS];
	char addresses[REWARDS][40];
	struct block_ids ids;
	struct wire_hash txid;
};

static void make(struct maker *m, const struct chain_point *tip)
{
	struct wire_block_header *h = &m->block.header;

	for (int i = 0; i < REWARDS; i++) {
		int len = snprintf(m->addresses[i], sizeof(m->addresses[i]), "TIME0bench%027" PRIu64,
				   (tip->height * REWARDS + (uint64_t)i) % 1000);

		m->rewards[i] = (struct wire_reward){{m->addresses[i], (size_t)len}, CHAIN_BLOCK_SUBSIDY / REWARDS};
		m->outputs[i] = (struct wire_tx_output){CHAIN_BLOCK_SUBSIDY / REWARDS,
							{(const uint8_t *)m->addresses[i], (size_t)len}};
	}
	*h = (struct wire_block_header){.version = 1,
					.height = tip->height + 1,
					.previous_hash = tip->hash,
					.timestamp = tip->timestamp + 1,
					.block_reward = CHAIN_BLOCK_SUBSIDY};
	m->coinbase =
		(struct wire_transaction){.version = 1, .outputs = {m->outputs, REWARDS}, .timestamp = h->timestamp};
	m->block.transactions = (struct wire_transaction_list){&m->coinbase, 1};
	m->block.masternode_rewards = (struct wire_reward_list){m->rewards, REWARDS};
	hash_txid(&m->txid, &m->coinbase);
	hash_merkle_root(&h->merkle_root, &m->txid, 1);
	hash_block(&m->ids.hash, h);
	m->ids.txids = &m->txid;
}

static void connect(struct chain_store *chain, struct maker *maker)
{
	struct chain_fault fault;

	make(maker, chain_store_tip(chain));
	if (chain_store_connect(chain, &fault, &maker->block, &maker->ids, maker->block.header.timestamp))
		bench_die("block %" PRIu64 " is refused: %s", maker->block.header.height, fault.text);
}

/* Waits until RocksDB has nothing to do by itself. */
static void settle(const struct store *store)
{
	static const char *const properties[] = {
		"rocksdb.num-running-flushes",
		"rocksdb.num-running-compactions",
		"rocksdb.mem-table-flush-pending",
		"rocksdb.compaction-pending",
	};
	uint64_t busy, value;

	do {
		usleep(100000);
		busy = 0;
		for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++) {
			for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
				if (rocksdb_property_int_cf(store->db, store_handle(store, family), properties[i],
							    &value))
					bench_die("no property %s", properties[i]);
				busy += value;
			}
		}
	} while (busy > 0);
}

static void grow(struct chain_store *chain, struct maker *maker, const struct store *store, uint64_t height)
{
	while (chain_store_tip(chain)->height < height) {
		connect(chain, maker);
		if (chain_store_gathered_bytes(chain) > (size_t)8 << 20 && chain_store_flush(chain, false))
			bench_die("cannot write");
	}
	if (chain_store_flush(chain, true))
		bench_die("cannot write");
	settle(store);
}

/* Microseconds of a connect with its write: the medians of the time that passed, and of what this thread computed,
 * which neither the disk nor other load changes much. */
struct times {
	double passed, computed;
};

static int64_t thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct times measure(struct chain_store *chain, struct maker *maker)
{
	int64_t passed[MEASURED], computed[MEASURED];

	for (int i = 0; i < MEASURED; i++) {
		int64_t begun = bench_ns(), begun_thread = thread_ns();

		connect(chain, maker);
		if (chain_store_flush(chain, true))
			bench_die("cannot write");
		passed[i] = bench_ns() - begun;
		computed[i] = thread_ns() - begun_thread;
	}
	return (struct times){(double)bench_percentile(passed, MEASURED, 0.5) / 1000,
			      (double)bench_percentile(computed, MEASURED, 0.5) / 1000};
}

static void report(bool json, uint64_t first, const struct times *early, uint64_t second, const struct times *late)
{
	if (json)
		printf("{\"name\": \"connect at the tip\", \"early_us\": %.1f, \"late_us\": %.1f, \"ratio\": %.3f, "
		       "\"early_computed_us\": %.1f, \"late_computed_us\": %.1f}\n",
		       early->passed, late->passed, late->passed / early->passed, early->computed, late->computed);
	else
		printf("connect at the tip: %.1f us with %" PRIu64 " blocks of history, %.1f us with %" PRIu64
		       "; ratio %.2f (needed 1.5); %.1f and %.1f us of them computing\n",
		       early->passed, first, late->passed, second, late->passed / early->passed, early->computed,
		       late->computed);
}

int main(int argc, char *argv[])
{
	static struct maker maker;
	struct chain_store_params chain_params = {.chain = &params,
						  .genesis = &genesis,
						  .max_reorg_depth = 1000,
						  .warn_reorg_depth = 100,
						  .branch_bytes = (size_t)1 << 30,
						  .overlay_bytes = (size_t)64 << 20};
	struct store_params store_params = {.network = "devnet", .cache_bytes = (size_t)256 << 20};
	struct store_failure failure;
	struct chain_store *chain;
	struct store *store;
	struct times early, late;
	bool json = bench_take_json(&argc, argv);
	uint64_t first, second;

	if (argc != 4)
		bench_die("usage: bench_connect SHORT LONG DIRECTORY [--json]");
	first = strtoull(argv[1], NULL, 10);
	second = strtoull(argv[2], NULL, 10);
	chain_params_init_devnet(&params, 1000000000, 2);
	genesis_make_for(&genesis, &params);
	store_params.dir = argv[3];
	store_params.genesis_hash = genesis.hash;
	if (sodium_init() < 0 || store_open(&store, &failure, &store_params) ||
	    chain_store_open(&chain, &failure, store, &chain_params))
		bench_die("%s", failure.text);
	grow(chain, &maker, store, first);
	early = measure(chain, &maker);
	grow(chain, &maker, store, second);
	late = measure(chain, &maker);
	report(json, first, &early, second, &late);
	chain_store_close(chain);
	store_close(store);
	return 0;
}
