// SPDX-License-Identifier: MIT
/* Checking the whole store against itself.
 *
 * The blocks are replayed into a scratch store, every rule checked, and what comes out there is compared with what is
 * here, entry by entry: so nothing can be missing, different or too much without being named, and memory does not grow
 * with the chain. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_impl.h"
#include "store_impl.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/wire/bincode.h"

#define VERIFY_GATHER_BYTES ((size_t)8 << 20)
#define VERIFY_PROGRESS_BLOCKS 256
#define VERIFY_LINE_SIZE 640

struct verify {
	struct chain_store *chain;   /* what is checked */
	struct chain_store *scratch; /* the replay */
	struct store *scratch_store;
	char *scratch_dir; /* NULL: in memory */
	struct chain_verified verified;
	uint64_t supply; /* what the blocks up to that of the scratch store's tip have brought, satoshis */
	void (*report)(void *user, const char *line);
	bool (*progress)(void *user, uint64_t height, uint64_t of);
	void *user;
	bool replayed; /* up to the last block */
};

__attribute__((format(printf, 2, 3))) static void verify_found(struct verify *v, const char *format, ...)
{
	char line[VERIFY_LINE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	v->verified.findings++;
	v->report(v->user, line);
}

/* ---- the scratch store ---- */

static int verify_open_scratch(struct verify *v)
{
	struct store *store = v->chain->store;
	const struct chain_store_params *params = &v->chain->params;
	struct chain_store_params scratch = *params;
	struct store_failure failure;
	struct store_params store_params = {.memory = store->env != NULL,
					    .network = params->chain->name,
					    .genesis_hash = params->genesis->hash,
					    .cache_bytes = (size_t)16 << 20};
	int r;

	if (asprintf(&v->scratch_dir, "%s.verify", store->dir) < 0) {
		v->scratch_dir = NULL;
		return -ENOMEM;
	}
	store_params.dir = v->scratch_dir;
	scratch.reindex = false;
	r = store_params.memory ? 0 : store_destroy(v->scratch_dir, &failure);
	if (!r)
		r = store_open(&v->scratch_store, &failure, &store_params);
	if (!r)
		r = chain_store_open(&v->scratch, &failure, v->scratch_store, &scratch);
	if (r)
		log_error(LOG_CHAIN, "%s", failure.text);
	return r;
}

static void verify_close_scratch(struct verify *v)
{
	struct store_failure failure;

	chain_store_close(v->scratch);
	store_close(v->scratch_store);
	if (v->scratch_dir && !v->chain->store->env && store_destroy(v->scratch_dir, &failure))
		log_warn(LOG_CHAIN, "%s", failure.text);
	free(v->scratch_dir);
}

/* ---- the replay ---- */

/* Form, signatures, certificate, place and spends of a block, which becomes the scratch store's tip.  0,
 * CHAIN_STORE_E_RULE, or an error. */
static int verify_connect(struct verify *v, struct chain_fault *fault, const struct wire_block *block,
			  const struct block_ids *ids)
{
	int r = block_check_form(fault, &v->chain->block_arena, block, ids);

	for (size_t i = 0; i < block->transactions.len && !r; i++)
		r = transaction_check_signatures(fault, &block->transactions.items[i], &ids->txids[i], (int64_t)i);
	if (!r)
		r = block_check_certificate(fault, v->chain->params.chain, block, ids);
	if (r)
		return chain_rule_error(v->chain, r);
	return chain_connect(v->scratch, fault, block, ids, INT64_MAX, false);
}

/* What a block adds to the money there is: fees are paid out of what was there.  Its own words are taken, which the
 * rules have made equal to what its coinbase pays. */
static uint64_t verify_brought(const struct wire_block *block)
{
	uint64_t rewards = 0, fees = block->header.block_reward - CHAIN_BLOCK_SUBSIDY;

	for (size_t i = 0; i < block->masternode_rewards.len; i++)
		rewards += block->masternode_rewards.items[i].amount;
	return rewards - fees;
}

/* One entry of `blocks`.  0: go on; CHAIN_STORE_E_RULE: it was reported, and the replay ends here. */
static int verify_block(struct verify *v, const struct store_slice *key, const struct store_slice *value)
{
	uint64_t height, expected = v->scratch->tip.tip.height + 1;
	struct chain_fault fault;
	struct wire_block block;
	struct block_ids ids;
	int r;

	if (chain_height_key_read(&height, key->data, key->len) || height != expected) {
		verify_found(v, "blocks: block %" PRIu64 " is missing; nothing above it is checked", expected);
		return CHAIN_STORE_E_RULE;
	}
	arena_reset(&v->chain->block_arena);
	r = wire_bincode_decode_value(&block, &wire_desc_block, &v->chain->block_arena, value->data, value->len, NULL);
	if (r > 0) {
		verify_found(v, "blocks: block %" PRIu64 " cannot be decoded; nothing above it is checked", height);
		return CHAIN_STORE_E_RULE;
	}
	if (!r)
		r = block_identify(&ids, &v->chain->block_arena, &block);
	if (!r)
		r = chain_read_commit(v->chain->store, NULL, &block.commit, &v->chain->block_arena, height);
	if (r == STORE_E_CHAIN) {
		verify_found(v,
			     "commits: the certificate of block %" PRIu64
			     " cannot be decoded; nothing above it is checked",
			     height);
		return CHAIN_STORE_E_RULE;
	}
	if (!r)
		r = verify_connect(v, &fault, &block, &ids);
	if (r == CHAIN_STORE_E_RULE)
		verify_found(v, "blocks: block %" PRIu64 ": %s (%s); nothing above it is checked", height, fault.text,
			     chain_error_name((int)fault.error));
	if (!r)
		v->supply += verify_brought(&block);
	if (!r && chain_store_gathered_bytes(v->scratch) >= VERIFY_GATHER_BYTES)
		r = chain_store_flush(v->scratch, false);
	return r;
}

static int verify_progress(const struct verify *v)
{
	uint64_t height = v->scratch->tip.tip.height;

	if (!v->progress || height % VERIFY_PROGRESS_BLOCKS != 0)
		return 0;
	return v->progress(v->user, height, v->chain->tip.tip.height) ? 0 : -ECANCELED;
}

/* The scratch store has made its own genesis block. */
static bool verify_genesis(struct verify *v, const struct store_slice *key, const struct store_slice *value)
{
	uint8_t expected_key[CHAIN_HEIGHT_KEY_BYTES];
	struct store_value expected;
	bool equal = false;

	chain_height_key(expected_key, 0);
	if (store_get(v->scratch_store, &expected, STORE_BLOCKS, expected_key, sizeof(expected_key)) == 0)
		equal = key->len == sizeof(expected_key) && memcmp(key->data, expected_key, key->len) == 0 &&
			value->len == expected.len && memcmp(value->data, expected.data, value->len) == 0;
	store_value_free(&expected);
	if (!equal)
		verify_found(v, "blocks: the chain does not begin with the genesis block; nothing else is checked");
	return equal;
}

static int verify_replay(struct verify *v)
{
	struct store_cursor *cursor = store_cursor_open(v->chain->store, NULL, STORE_BLOCKS, NULL, 0);
	struct store_slice key = {NULL, 0}, value = {NULL, 0};
	int end, r = 0;

	(void)store_cursor_at(cursor, &key, &value);
	if (!verify_genesis(v, &key, &value))
		r = CHAIN_STORE_E_RULE;
	else
		store_cursor_next(cursor);
	while (!r && store_cursor_at(cursor, &key, &value)) {
		r = verify_block(v, &key, &value);
		if (!r)
			r = verify_progress(v);
		store_cursor_next(cursor);
	}
	end = store_cursor_close(cursor);
	v->replayed = !r && !end;
	if (!r || r == CHAIN_STORE_E_RULE)
		r = end;
	return r ? r : chain_store_flush(v->scratch, false);
}

/* ---- the comparison ---- */

static void verify_entry(struct verify *v, enum store_family family, const struct store_slice *key, const char *what)
{
	char text[2 * CHAIN_SCRIPT_KEY_BYTES + 1] = "";

	for (size_t i = 0; i < key->len && i < CHAIN_SCRIPT_KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", key->data[i]);
	verify_found(v, "%s: entry %s %s", store_family_name(family), text, what);
}

static int slice_compare(const struct store_slice *a, const struct store_slice *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order = len > 0 ? memcmp(a->data, b->data, len) : 0;

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Says what the two entries, or their absence (NULL), mean.  Negative: ours comes first, positive: the other one. */
static int verify_pair(struct verify *v, enum store_family family, const struct store_slice ours[2],
		       const struct store_slice theirs[2])
{
	int order = !theirs ? -1 : !ours ? 1 : slice_compare(&ours[0], &theirs[0]);

	if (order < 0)
		verify_entry(v, family, &ours[0], "does not follow from the blocks");
	else if (order > 0)
		verify_entry(v, family, &theirs[0], "is missing");
	else if (slice_compare(&ours[1], &theirs[1]) != 0)
		verify_entry(v, family, &ours[0], "differs from what follows from the blocks");
	return order;
}

/* Goes through a family here and in the replay side by side. */
static int verify_family(struct verify *v, enum store_family family)
{
	struct store_cursor *here = store_cursor_open(v->chain->store, NULL, family, NULL, 0);
	struct store_cursor *there = store_cursor_open(v->scratch_store, NULL, family, NULL, 0);
	struct store_slice ours[2], theirs[2];
	int end, order, r = 0;

	for (;;) {
		bool needs = store_cursor_at(there, &theirs[0], &theirs[1]);

		if (here && !store_cursor_at(here, &ours[0], &ours[1])) {
			/* At its end or at damage: then what follows is not missing. */
			r = store_cursor_close(here);
			here = NULL;
		}
		if (r || (!here && !needs))
			break;
		order = verify_pair(v, family, here ? ours : NULL, needs ? theirs : NULL);
		if (order <= 0)
			store_cursor_next(here);
		if (order >= 0)
			store_cursor_next(there);
	}
	end = store_cursor_close(here);
	r = r ? r : end;
	end = store_cursor_close(there);
	return r ? r : end;
}

static void verify_tip(struct verify *v)
{
	uint8_t here[CHAIN_TIP_BYTES], there[CHAIN_TIP_BYTES];

	chain_tip_value(here, &v->chain->tip);
	chain_tip_value(there, &v->scratch->tip);
	if (memcmp(here, there, sizeof(here)) == 0)
		return;
	verify_found(v,
		     "meta: entry \"tip\" says height %" PRIu64 ", %" PRIu64 " unspent outputs of %" PRIu64
		     " satoshis, %" PRIu64 " transactions, %" PRIu64 " bytes; the blocks %" PRIu64 ", %" PRIu64
		     ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
		     v->chain->tip.tip.height, v->chain->tip.unspent_count, v->chain->tip.unspent_value,
		     v->chain->tip.transactions, v->chain->tip.block_bytes, v->scratch->tip.tip.height,
		     v->scratch->tip.unspent_count, v->scratch->tip.unspent_value, v->scratch->tip.transactions,
		     v->scratch->tip.block_bytes);
}

/* Counted from the outputs themselves, against the blocks' headers and rewards: neither knows of the other's sums. */
static int verify_supply(struct verify *v)
{
	struct store_cursor *cursor = store_cursor_open(v->chain->store, NULL, STORE_UTXO, NULL, 0);
	struct store_slice key, value;
	uint64_t unspent = 0;
	struct coin coin;
	int r;

	for (; store_cursor_at(cursor, &key, &value); store_cursor_next(cursor)) {
		/* What is none is named where the entries are compared. */
		if (chain_coin_read(&coin, value.data, value.len) == 0)
			unspent += coin.value;
	}
	r = store_cursor_close(cursor);
	if (!r && (unspent != v->supply || v->chain->tip.unspent_value != v->supply))
		verify_found(v,
			     "supply: the unspent outputs come to %" PRIu64 " satoshis and are counted as %" PRIu64
			     "; genesis and the rewards of the blocks without their fees to %" PRIu64,
			     unspent, v->chain->tip.unspent_value, v->supply);
	return r;
}

static int verify_families(struct verify *v)
{
	static const enum store_family families[] = {
		STORE_BLOCK_INDEX, STORE_UTXO, STORE_UNDO, STORE_TX_INDEX, STORE_SCRIPT_INDEX,
	};
	int r = verify_supply(v);

	verify_tip(v);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && !r; i++)
		r = verify_family(v, families[i]);
	return r;
}

/* ---- what does not follow from the blocks ---- */

/* What they are worth was seen with their blocks, unless nobody said who the validators are. */
static int verify_commits(struct verify *v)
{
	struct store_cursor *cursor = store_cursor_open(v->chain->store, NULL, STORE_COMMITS, NULL, 0);
	const struct chain_params *params = v->chain->params.chain;
	struct store_slice key;
	uint64_t height;

	for (; store_cursor_at(cursor, &key, NULL); store_cursor_next(cursor)) {
		if (chain_height_key_read(&height, key.data, key.len) || height > v->chain->tip.tip.height)
			verify_entry(v, STORE_COMMITS, &key, "belongs to no block");
		else if (!params->validators)
			v->verified.unchecked++;
		else if (!block_needs_certificate(params, height))
			verify_entry(v, STORE_COMMITS, &key, "belongs to a block that needs none");
	}
	return store_cursor_close(cursor);
}

/* What is wrong with a kept block; NULL: nothing. */
static const char *verify_kept(struct verify *v, const struct store_slice *key, const struct store_slice *value)
{
	struct arena *arena = &v->chain->block_arena;
	struct wire_commit commit;
	struct chain_fault fault;
	struct wire_block block;
	struct chain_kept kept;
	struct block_ids ids;

	arena_reset(arena);
	if (chain_kept_read(&kept, value->data, value->len) ||
	    wire_bincode_decode_value(&block, &wire_desc_block, arena, kept.block, kept.block_len, NULL) ||
	    block_identify(&ids, arena, &block))
		return "is no kept block";
	if (kept.commit_len > 0 &&
	    wire_bincode_decode_value(&commit, &wire_desc_commit, arena, kept.commit, kept.commit_len, NULL))
		return "has a certificate that cannot be decoded";
	if (key->len != sizeof(ids.hash.bytes) || memcmp(key->data, ids.hash.bytes, key->len) != 0)
		return "is the block of another hash";
	if (kept.height != block.header.height)
		return "is the block of another height";
	return block_check_form(&fault, arena, &block, &ids) ? "is a block of wrong form" : NULL;
}

static int verify_branch(struct verify *v)
{
	struct store_cursor *cursor = store_cursor_open(v->chain->store, NULL, STORE_BRANCH, NULL, 0);
	struct store_slice key, value;
	uint64_t count = 0, bytes = 0;
	int r;

	for (; store_cursor_at(cursor, &key, &value); store_cursor_next(cursor)) {
		const char *what = verify_kept(v, &key, &value);

		if (what)
			verify_entry(v, STORE_BRANCH, &key, what);
		count++;
		bytes += key.len + value.len;
	}
	r = store_cursor_close(cursor);
	if (!r && (count != v->chain->branch_count || bytes != v->chain->branch_bytes))
		verify_found(v,
			     "branch: %" PRIu64 " kept blocks of %" PRIu64 " bytes are counted, there are %" PRIu64
			     " of %" PRIu64,
			     v->chain->branch_count, v->chain->branch_bytes, count, bytes);
	return r;
}

/* Nothing is under way in a chain that is open. */
static int verify_marks(struct verify *v)
{
	const char *const names[] = {chain_meta_reorg, chain_meta_reindex};
	struct store_value value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int r = store_get(v->chain->store, &value, STORE_META, names[i], strlen(names[i]));

		store_value_free(&value);
		if (r && r != STORE_E_NOT_FOUND)
			return r;
		if (!r)
			verify_found(v, "meta: entry \"%s\" was left behind", names[i]);
	}
	return 0;
}

int chain_store_verify(struct chain_store *chain, struct chain_verified *out,
		       void (*report)(void *user, const char *line),
		       bool (*progress)(void *user, uint64_t height, uint64_t of), void *user)
{
	struct verify v = {.chain = chain,
			   .supply = chain->params.chain->genesis_value,
			   .report = report,
			   .progress = progress,
			   .user = user};
	int r = chain->broken;

	if (!r && chain_has_gathered(chain))
		r = chain_store_flush(chain, false);
	if (r)
		return r;
	r = verify_open_scratch(&v);
	if (!r)
		r = verify_replay(&v);
	if (!r && v.replayed)
		r = verify_families(&v);
	if (!r)
		r = verify_commits(&v);
	if (!r)
		r = verify_branch(&v);
	if (!r)
		r = verify_marks(&v);
	verify_close_scratch(&v);
	*out = v.verified;
	return r;
}
