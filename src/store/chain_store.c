// SPDX-License-Identifier: MIT
/* What has gathered, when it is written, and the kept blocks of other branches: see chain_store.h. */
#include "chain_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_impl.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timed/util/progress.h"
#include "timeproto/wire/bincode.h"

/* What a transaction's entry takes in a batch. */
#define CHAIN_TX_WRITE_BYTES (sizeof(struct wire_hash) + CHAIN_PLACE_BYTES + 4)

int chain_damaged(struct store *store, enum store_family family, const void *key, size_t key_len, const char *what)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = key;
	struct store_failure failure;
	char text[2 * CHAIN_SCRIPT_KEY_BYTES + 1] = {0}, detail[400];

	if (family == STORE_META) /* its keys are names */
		snprintf(text, sizeof(text), "\"%.*s\"", (int)key_len, (const char *)key);
	for (size_t i = 0; family != STORE_META && i < key_len && i < CHAIN_SCRIPT_KEY_BYTES; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	snprintf(detail, sizeof(detail), "%s %s: %s", store_family_name(family), text, what);
	store_failure_set(&failure, STORE_E_CHAIN, store->dir, detail);
	log_error(LOG_CHAIN, "%s", failure.text);
	return STORE_E_CHAIN;
}

const struct chain_point *chain_store_tip(const struct chain_store *chain)
{
	return &chain->tip.tip;
}

size_t chain_store_gathered_bytes(const struct chain_store *chain)
{
	return store_batch_bytes(chain->batch) + chain->coins.dirty_bytes + chain->txs.count * CHAIN_TX_WRITE_BYTES;
}

bool chain_has_gathered(const struct chain_store *chain)
{
	return store_batch_count(chain->batch) > 0 || chain->coins.dirty;
}

bool chain_is_certified(const struct chain_store *chain, const struct wire_block *block)
{
	return block->commit && block_needs_certificate(chain->params.chain, block->header.height);
}

void chain_break(struct chain_store *chain, int error)
{
	chain->broken = error;
	chain->tip = chain->written;
	chain_overlay_clear(&chain->coins);
	chain_txs_clear(&chain->txs);
	store_batch_free(chain->batch);
	chain->batch = store_batch_new();
}

int chain_store_flush(struct chain_store *chain, bool sync)
{
	int r = chain->broken;

	if (r)
		return r;
	if (chain_has_gathered(chain)) {
		crash_point(FLUSH_BEFORE_WRITE);
		r = chain_write(chain, sync);
		if (r)
			return r;
		crash_point(FLUSH_AFTER_WRITE);
		chain_publish(chain);
	} else if (sync && chain->unsynced) {
		r = store_sync(chain->store);
		if (r)
			chain_break(chain, r);
		else
			chain->unsynced = false;
	}
	return r;
}

/* ---- kept blocks ---- */

static size_t chain_branch_entry_bytes(size_t value_len)
{
	return sizeof(struct wire_hash) + value_len;
}

void chain_branch_put(struct chain_store *chain, const struct wire_hash *hash, const struct buf *value)
{
	store_batch_put(chain->store, chain->batch, STORE_BRANCH, hash->bytes, sizeof(hash->bytes), value->data,
			value->len);
	chain->branch_count++;
	chain->branch_bytes += chain_branch_entry_bytes(value->len);
}

int chain_branch_drop(struct chain_store *chain, const struct wire_hash *hash)
{
	struct store_value value;
	int r;

	if (chain->branch_count == 0)
		return 0;
	r = store_get(chain->store, &value, STORE_BRANCH, hash->bytes, sizeof(hash->bytes));
	if (r)
		return r == STORE_E_NOT_FOUND ? 0 : r;
	store_batch_delete(chain->store, chain->batch, STORE_BRANCH, hash->bytes, sizeof(hash->bytes));
	chain->branch_count--;
	chain->branch_bytes -= chain_branch_entry_bytes(value.len);
	store_value_free(&value);
	return 0;
}

int chain_branch_count(struct chain_store *chain)
{
	struct store_cursor *cursor = store_cursor_open(chain->store, NULL, STORE_BRANCH, NULL, 0);
	struct store_slice value;

	chain->branch_count = chain->branch_bytes = 0;
	for (; store_cursor_at(cursor, NULL, &value); store_cursor_next(cursor)) {
		chain->branch_count++;
		chain->branch_bytes += chain_branch_entry_bytes(value.len);
	}
	return store_cursor_close(cursor);
}

/* 0: it is neither kept nor in the chain; -EEXIST; an enum store_error. */
static int chain_keep_wanted(struct chain_store *chain, const struct wire_hash *hash)
{
	static const enum store_family families[] = {STORE_BRANCH, STORE_BLOCK_INDEX};
	struct store_value value;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		int r = store_get(chain->store, &value, families[i], hash->bytes, sizeof(hash->bytes));

		if (r != STORE_E_NOT_FOUND) {
			store_value_free(&value);
			return r ? r : -EEXIST;
		}
	}
	return 0;
}

/* The value of `branch`, in other_bytes. */
static int chain_keep_encode(struct chain_store *chain, const struct wire_block *block)
{
	struct buf commit = BUF_INIT;
	struct chain_kept kept = {.height = block->header.height};
	int r = 0;

	buf_reset(&chain->block_bytes);
	if (chain_is_certified(chain, block))
		r = wire_bincode_encode_value(&commit, &wire_desc_commit, block->commit);
	if (!r)
		r = wire_bincode_encode_value(&chain->block_bytes, &wire_desc_block, block);
	if (!r) {
		kept.commit = commit.data;
		kept.commit_len = commit.len;
		kept.block = chain->block_bytes.data;
		kept.block_len = chain->block_bytes.len;
		chain_kept_encode(&chain->other_bytes, &kept);
		r = chain->other_bytes.error;
	}
	buf_free(&commit);
	return r;
}

/* Drops the kept blocks that `drop` says.  0 or an enum store_error. */
static int chain_drop_kept(struct chain_store *chain, bool (*drop)(const struct chain_store *chain,
								   const struct store_slice *hash, uint64_t height))
{
	uint64_t dropped = 0, dropped_bytes = 0;
	struct store_cursor *cursor;
	struct store_slice key, value;
	struct chain_kept kept;
	int r = chain_has_gathered(chain) ? chain_store_flush(chain, false) : 0;

	if (r)
		return r;
	cursor = store_cursor_open(chain->store, NULL, STORE_BRANCH, NULL, 0);
	for (; store_cursor_at(cursor, &key, &value); store_cursor_next(cursor)) {
		progress_mark(chain->params.alive, "dropping old branches");
		if (chain_kept_read(&kept, value.data, value.len) == 0 && !drop(chain, &key, kept.height))
			continue;
		store_batch_delete(chain->store, chain->batch, STORE_BRANCH, key.data, key.len);
		dropped++;
		dropped_bytes += key.len + value.len;
	}
	r = store_cursor_close(cursor);
	crash_point(TRIM_BEFORE_WRITE);
	if (!r && dropped > 0)
		r = store_batch_commit(chain->store, chain->batch, false);
	crash_point(TRIM_AFTER_WRITE);
	if (r) {
		chain_break(chain, r);
		return r;
	}
	chain->branch_count -= dropped;
	chain->branch_bytes -= dropped_bytes;
	return 0;
}

/* What hangs on the deepest block that may become the tip again lies one above it. */
static bool chain_is_too_deep(const struct chain_store *chain, const struct store_slice *hash, uint64_t height)
{
	(void)hash;
	return height <= chain->tip.tip.height - chain->params.max_reorg_depth;
}

static int chain_compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct wire_hash));
}

/* `fresh` is sorted. */
static bool chain_is_not_fresh(const struct chain_store *chain, const struct store_slice *hash, uint64_t height)
{
	(void)height;
	return hash->len != sizeof(chain->fresh[0]) ||
	       !bsearch(hash->data, chain->fresh, chain->fresh_count, sizeof(chain->fresh[0]), chain_compare_hashes);
}

/* Room for one more fresh block.  0 or -ENOMEM. */
static int chain_fresh_reserve(struct chain_store *chain)
{
	size_t capacity = chain->fresh_capacity ? 2 * chain->fresh_capacity : 64;
	struct wire_hash *more;

	if (chain->fresh_count < chain->fresh_capacity)
		return 0;
	more = reallocarray(chain->fresh, capacity, sizeof(*more));
	if (!more)
		return -ENOMEM;
	chain->fresh = more;
	chain->fresh_capacity = capacity;
	return 0;
}

int chain_store_trim_branches(struct chain_store *chain)
{
	if (chain->broken || chain->tip.tip.height < chain->params.max_reorg_depth || chain->branch_count == 0)
		return chain->broken;
	return chain_drop_kept(chain, chain_is_too_deep);
}

/* The bound is reached: what was kept for earlier branches gives way to the one that is being fetched; when that does
 * not fit by itself, so does its beginning, or it would stand in the way of the next one. */
static int chain_make_room(struct chain_store *chain, size_t bytes)
{
	int r;

	qsort(chain->fresh, chain->fresh_count, sizeof(chain->fresh[0]), chain_compare_hashes);
	r = chain_drop_kept(chain, chain_is_not_fresh);

	if (r || chain->branch_bytes + bytes <= chain->params.branch_bytes)
		return r;
	chain->fresh_count = 0;
	r = chain_drop_kept(chain, chain_is_not_fresh);
	return r ? r : CHAIN_STORE_E_FULL;
}

int chain_store_keep(struct chain_store *chain, const struct wire_block *block, const struct block_ids *ids)
{
	size_t bytes;
	int r = chain->broken;

	/* What has gathered must be found in the index. */
	if (!r && chain_has_gathered(chain))
		r = chain_store_flush(chain, false);
	if (!r)
		r = chain_keep_wanted(chain, &ids->hash);
	if (r)
		return r == -EEXIST ? 0 : r;
	r = chain_keep_encode(chain, block);
	if (!r)
		r = chain_fresh_reserve(chain);
	if (r)
		return r;
	bytes = chain_branch_entry_bytes(chain->other_bytes.len);
	if (chain->branch_bytes + bytes > chain->params.branch_bytes)
		r = chain_make_room(chain, bytes);
	if (r)
		return r;
	crash_point(KEEP_BEFORE_WRITE);
	chain_branch_put(chain, &ids->hash, &chain->other_bytes);
	chain->fresh[chain->fresh_count++] = ids->hash;
	r = store_batch_commit(chain->store, chain->batch, false);
	if (r)
		chain_break(chain, r);
	else
		chain->unsynced = true;
	crash_point(KEEP_AFTER_WRITE);
	return r;
}

bool chain_store_keeps(struct chain_store *chain, const struct wire_hash *hash)
{
	struct store_value value;
	int r;

	if (chain->branch_count == 0)
		return false;
	r = store_get(chain->store, &value, STORE_BRANCH, hash->bytes, sizeof(hash->bytes));
	store_value_free(&value);
	return r == 0;
}
