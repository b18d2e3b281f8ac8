/* SPDX-License-Identifier: MIT
 *
 * What the tests of the chain store share: a chain in a database of its own for each test, and short words for the
 * usual steps.  Included once by each test program; see store_fixture.h and chain_fixture.h.
 */
#ifndef TIMED_TESTS_CHAIN_TEST_H
#define TIMED_TESTS_CHAIN_TEST_H

#include "chain_fixture.h"
#include "store_fixture.h"
#include "timed/store/chain_store.h"
#include "timeproto/base/sha256.h"
#include "timeproto/chain/hash.h"

static struct chain_fixture *f;
static struct chain_store *chain;
static struct chain_store_params chain_params;
static struct chain_fault fault;

static inline void chain_setup(void)
{
	setup();
	f = chain_fixture_new();
	params.network = f->params.name;
	params.genesis_hash = f->genesis.hash;
	params.cache_bytes = (size_t)8 << 20;
	chain_params = (struct chain_store_params){
		.chain = &f->params,
		.genesis = &f->genesis,
		.max_reorg_depth = 1000,
		.warn_reorg_depth = 100,
		.branch_bytes = (size_t)4 << 20,
		.overlay_bytes = (size_t)1 << 20,
	};
	chain = NULL;
}

static inline void chain_teardown(void)
{
	chain_store_close(chain);
	teardown();
	chain_fixture_free(f);
}

static inline int open_chain(void)
{
	must_open();
	return chain_store_open(&chain, &failure, store, &chain_params);
}

static inline void must_open_chain(void)
{
	int r = open_chain();

	ck_assert_msg(r == 0, "%s", failure.text);
}

static inline void close_chain(void)
{
	chain_store_close(chain);
	chain = NULL;
	close_store();
}

static inline int connect_block(const struct fixture_block *block)
{
	return chain_store_connect(chain, &fault, &block->block, &block->ids, fixture_now());
}

static inline void must_connect(const struct fixture_block *block)
{
	int r = connect_block(block);

	ck_assert_msg(r == 0, "block %d: %d %s", (int)block->block.header.height, r, fault.text);
}

static inline void must_flush(void)
{
	ck_assert_int_eq(chain_store_flush(chain, false), 0);
}

/* Connects everything from the tip up to `block`, and writes it. */
static inline void must_connect_up_to(const struct fixture_block *block)
{
	size_t count;
	const struct fixture_block **path = fixture_path(block, &count);

	for (size_t i = (size_t)chain_store_tip(chain)->height; i < count; i++)
		must_connect(path[i]);
	free(path);
	must_flush();
}

static inline void must_keep(const struct fixture_block *block)
{
	ck_assert_int_eq(chain_store_keep(chain, &block->block, &block->ids), 0);
}

/* Keeps the blocks above `from` up to `block`. */
static inline void must_keep_branch(const struct fixture_block *from, const struct fixture_block *block)
{
	for (; block != from; block = block->parent)
		must_keep(block);
}

static inline int reorganise(const struct fixture_block *to)
{
	return chain_store_reorganise(chain, &fault, &to->ids.hash, fixture_now(), NULL);
}

static inline void expect_hash(const struct wire_hash *got, const struct wire_hash *expected)
{
	char a[HASH_TEXT_SIZE], b[HASH_TEXT_SIZE];

	ck_assert_str_eq(hash_text(a, got), hash_text(b, expected));
}

static inline void view_state_hash(struct wire_hash *out)
{
	struct chain_view *view = chain_store_view(chain);

	ck_assert_int_eq(chain_view_state_hash(view, out), 0);
	chain_view_unref(view);
}

/* Tip, view and unspent outputs are those of `block`; the model says which. */
static inline void expect_tip(const struct fixture_block *block)
{
	struct chain_view *view = chain_store_view(chain);
	const struct chain_summary *summary = chain_view_summary(view);
	struct wire_hash hash, expected;
	struct fixture_coin *coins;
	uint64_t value = 0;
	size_t count;

	ck_assert_uint_eq(chain_store_tip(chain)->height, block->block.header.height);
	expect_hash(&chain_store_tip(chain)->hash, &block->ids.hash);
	ck_assert_int_eq(chain_store_tip(chain)->timestamp, block->block.header.timestamp);
	expect_hash(&summary->tip.hash, &block->ids.hash);
	coins = fixture_unspent(f, block, &count);
	for (size_t i = 0; i < count; i++)
		value += coins[i].value;
	free(coins);
	ck_assert_uint_eq(summary->unspent_count, count);
	ck_assert_uint_eq(summary->unspent_value, value);
	ck_assert_int_eq(chain_view_state_hash(view, &hash), 0);
	fixture_state_hash(f, block, &expected);
	expect_hash(&hash, &expected);
	chain_view_unref(view);
}

static inline bool hash_entry(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	uint64_t lengths[2] = {key_len, value_len};

	sha256_update(user, lengths, sizeof(lengths));
	sha256_update(user, key, key_len);
	sha256_update(user, value, value_len);
	return true;
}

/* A digest of all the chain's families but `branch` (with it, if asked for) and of meta. */
static inline struct wire_hash dump_of(struct store *of, bool with_branch)
{
	static const enum store_family families[] = {
		STORE_BLOCKS,	STORE_BLOCK_INDEX,  STORE_UTXO,	   STORE_UNDO,
		STORE_TX_INDEX, STORE_SCRIPT_INDEX, STORE_COMMITS, STORE_META,
	};
	struct wire_hash out;
	struct sha256 hash;

	sha256_init(&hash);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		ck_assert_int_eq(store_scan(of, families[i], NULL, 0, hash_entry, &hash), 0);
	if (with_branch)
		ck_assert_int_eq(store_scan(of, STORE_BRANCH, NULL, 0, hash_entry, &hash), 0);
	sha256_final(&hash, out.bytes);
	return out;
}

static inline struct wire_hash dump(bool with_branch)
{
	return dump_of(store, with_branch);
}

static inline void expect_dump(bool with_branch, const struct wire_hash *expected)
{
	struct wire_hash now = dump(with_branch);

	expect_hash(&now, expected);
}

/* The digest, without kept blocks, of a new store in which the chain up to `block` has been connected. */
static inline struct wire_hash clean_dump(const struct fixture_block *block)
{
	struct store_params memory = params;
	struct chain_store *clean;
	struct store *clean_store;
	struct wire_hash out;
	size_t count;
	const struct fixture_block **path = fixture_path(block, &count);

	memory.memory = true;
	ck_assert_int_eq(store_open(&clean_store, &failure, &memory), 0);
	ck_assert_int_eq(chain_store_open(&clean, &failure, clean_store, &chain_params), 0);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(chain_store_connect(clean, &fault, &path[i]->block, &path[i]->ids, fixture_now()), 0);
	ck_assert_int_eq(chain_store_flush(clean, false), 0);
	free(path);
	out = dump_of(clean_store, false);
	chain_store_close(clean);
	store_close(clean_store);
	return out;
}

static char finding[1024]; /* the last line that verify reported */

static inline void take_finding(void *user, const char *line)
{
	(void)user;
	snprintf(finding, sizeof(finding), "%s", line);
}

static inline uint64_t verify_findings(void)
{
	struct chain_verified verified;

	finding[0] = '\0';
	ck_assert_int_eq(chain_store_verify(chain, &verified, take_finding, NULL, NULL), 0);
	return verified.findings;
}

static inline void expect_sound(void)
{
	uint64_t findings = verify_findings();

	ck_assert_msg(findings == 0, "%d findings: %s", (int)findings, finding);
}

#endif
