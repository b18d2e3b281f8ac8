// SPDX-License-Identifier: MIT
/* Walks from one branch to another, and back.
 *
 * meta "reorg" says where a walk began and where it was going.  Each step of it is one batch, and the last one removes
 * the entry.  Whatever happens in between, the way back is the same: from wherever the tip is, down to where the old
 * tip branches off, and up to it.  Each block is either in the chain or kept, so the way is always found; a walk back
 * that is interrupted is simply begun again. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chain_impl.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timed/util/progress.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

/* The way from the tip to another block: undo down to `fork`, then connect. */
struct chain_path {
	struct chain_point fork;  /* in our chain; its timestamp is not filled in */
	struct wire_hash *hashes; /* kept blocks, the highest first */
	size_t len, capacity;
};

/* A walk: what its steps need to know. */
struct chain_walk {
	const struct chain_path *path;
	struct chain_fault *fault;
	int64_t now_s;			/* INT64_MAX: the blocks were in the chain before */
	bool back;			/* to the old tip */
	const struct wire_hash *forget; /* a kept block to drop at the end; may be NULL */
	uint64_t steps_left;
	uint64_t undone, connected;
	struct wire_hash failed; /* what was being connected when a walk ended early ... */
	uint64_t failed_height;	 /* ... and its height */
};

static int path_add(struct chain_path *path, const struct wire_hash *hash)
{
	size_t capacity = path->capacity ? 2 * path->capacity : 64;
	struct wire_hash *more;

	if (path->len == path->capacity) {
		more = reallocarray(path->hashes, capacity, sizeof(*hash));
		if (!more)
			return -ENOMEM;
		path->hashes = more;
		path->capacity = capacity;
	}
	path->hashes[path->len++] = *hash;
	return 0;
}

/* The height of a block of our chain, or STORE_E_NOT_FOUND. */
static int chain_height_of(struct chain_store *chain, uint64_t *out, const struct wire_hash *hash)
{
	struct store_value value;
	int r = store_get(chain->store, &value, STORE_BLOCK_INDEX, hash->bytes, sizeof(hash->bytes));

	if (!r && chain_height_value_read(out, value.data, value.len))
		r = chain_damaged(chain->store, STORE_BLOCK_INDEX, hash->bytes, sizeof(hash->bytes), "is no height");
	store_value_free(&value);
	return r;
}

/* The predecessor of a kept block. */
static int chain_kept_previous(struct chain_store *chain, struct wire_hash *out, const struct wire_hash *hash)
{
	struct wire_block_header header;
	struct chain_kept kept;
	struct store_value value;
	int r = store_get(chain->store, &value, STORE_BRANCH, hash->bytes, sizeof(hash->bytes));

	if (r)
		return r;
	if (chain_kept_read(&kept, value.data, value.len) || chain_header_read(&header, kept.block, kept.block_len))
		r = chain_damaged(chain->store, STORE_BRANCH, hash->bytes, sizeof(hash->bytes), "is no kept block");
	else
		*out = header.previous_hash;
	store_value_free(&value);
	return r;
}

/* 0; STORE_E_NOT_FOUND: a block on the way is neither kept nor ours; -ENOMEM; another enum store_error. */
static int path_find(struct chain_store *chain, struct chain_path *path, const struct wire_hash *to)
{
	struct wire_hash hash = *to;
	int r;

	for (;;) {
		progress_mark(chain->params.alive, "following a branch");
		r = chain_height_of(chain, &path->fork.height, &hash);
		if (!r)
			path->fork.hash = hash;
		if (r != STORE_E_NOT_FOUND)
			return r;
		r = path_add(path, &hash);
		if (!r)
			r = chain_kept_previous(chain, &hash, &hash);
		if (r)
			return r;
	}
}

/* Writes one step; the last one ends the reorganisation. */
static int walk_write(struct chain_store *chain, struct chain_walk *walk)
{
	bool last = --walk->steps_left == 0;
	int r;

	if (!last)
		return chain_write(chain, false);
	r = walk->forget ? chain_branch_drop(chain, walk->forget) : 0;
	if (r) {
		chain_break(chain, r);
		return r;
	}
	store_batch_delete(chain->store, chain->batch, STORE_META, chain_meta_reorg, strlen(chain_meta_reorg));
	if (walk->back)
		crash_point(BACK_BEFORE_UNMARK);
	else
		crash_point(REORG_BEFORE_UNMARK);
	r = chain_write(chain, true);
	if (walk->back)
		crash_point(BACK_AFTER_UNMARK);
	else
		crash_point(REORG_AFTER_UNMARK);
	return r;
}

static int walk_disconnect(struct chain_store *chain, struct chain_walk *walk)
{
	int r;

	if (walk->back)
		crash_point(BACK_BEFORE_DISCONNECT);
	else
		crash_point(REORG_BEFORE_DISCONNECT);
	r = chain_disconnect(chain);
	if (!r)
		r = walk_write(chain, walk);
	if (r)
		return r;
	if (walk->back)
		crash_point(BACK_AFTER_DISCONNECT);
	else
		crash_point(REORG_AFTER_DISCONNECT);
	walk->undone++;
	return 0;
}

/* Reads a kept block into block_arena. */
static int chain_read_kept(struct chain_store *chain, struct wire_block *out, struct block_ids *ids,
			   const struct wire_hash *hash)
{
	struct arena *arena = &chain->block_arena;
	struct wire_commit *commit;
	struct chain_kept kept;
	struct store_value value;
	int r = store_get(chain->store, &value, STORE_BRANCH, hash->bytes, sizeof(hash->bytes));

	if (r)
		return r;
	arena_reset(arena);
	commit = arena_alloc(arena, sizeof(*commit));
	r = commit ? chain_kept_read(&kept, value.data, value.len) : -ENOMEM;
	if (!r)
		r = wire_bincode_decode_value(out, &wire_desc_block, arena, kept.block, kept.block_len, NULL);
	if (!r && kept.commit_len > 0) {
		r = wire_bincode_decode_value(commit, &wire_desc_commit, arena, kept.commit, kept.commit_len, NULL);
		out->commit = commit;
	}
	store_value_free(&value);
	if (!r)
		r = block_identify(ids, arena, out);
	if (r > 0 || (!r && !hash_equal(&ids->hash, hash)))
		return chain_damaged(chain->store, STORE_BRANCH, hash->bytes, sizeof(hash->bytes), "is no kept block");
	return r;
}

static int walk_connect(struct chain_store *chain, struct chain_walk *walk, const struct wire_hash *hash)
{
	struct wire_block block;
	struct block_ids ids;
	int r = chain_read_kept(chain, &block, &ids, hash);

	walk->failed = *hash;
	walk->failed_height = chain->tip.tip.height + 1;
	if (!r)
		r = chain_connect(chain, walk->fault, &block, &ids, walk->now_s, false);
	if (r)
		return r;
	if (walk->back)
		crash_point(BACK_BEFORE_CONNECT);
	else
		crash_point(REORG_BEFORE_CONNECT);
	r = walk_write(chain, walk);
	if (r)
		return r;
	if (walk->back)
		crash_point(BACK_AFTER_CONNECT);
	else
		crash_point(REORG_AFTER_CONNECT);
	walk->connected++;
	return 0;
}

static int walk_along(struct chain_store *chain, struct chain_walk *walk)
{
	const struct chain_path *path = walk->path;
	int r = 0;

	CHECK(path->fork.height <= chain->tip.tip.height);
	walk->steps_left = chain->tip.tip.height - path->fork.height + path->len;
	if (walk->steps_left == 0) { /* a walk back from the first step */
		walk->steps_left = 1;
		return walk_write(chain, walk);
	}
	while (!r && chain->tip.tip.height > path->fork.height)
		r = walk_disconnect(chain, walk);
	for (size_t i = path->len; !r && i-- > 0;)
		r = walk_connect(chain, walk, &path->hashes[i]);
	return r;
}

/* Back to `old_tip`, from wherever the tip is.  0, or an enum store_error, STORE_E_CHAIN where there is no way: the
 * chain stands where the way has ended. */
static int chain_walk_back(struct chain_store *chain, const struct wire_hash *old_tip, const struct wire_hash *forget)
{
	struct chain_path path = {.len = 0};
	struct chain_fault fault = {.text = ""};
	struct chain_walk walk = {.path = &path, .fault = &fault, .now_s = INT64_MAX, .back = true, .forget = forget};
	char text[HASH_TEXT_SIZE];
	int r;

	crash_point(BACK_BEGIN);
	r = path_find(chain, &path, old_tip);
	if (!r)
		r = walk_along(chain, &walk);
	free(path.hashes);
	if (!r)
		return 0;
	log_error(LOG_CHAIN, "The way back to the tip %s fails at block %" PRIu64 " (%d) %s", hash_text(text, old_tip),
		  chain->tip.tip.height, r, fault.text);
	/* What was in the chain and is neither kept nor valid now is damage. */
	return r == CHAIN_STORE_E_RULE || r == STORE_E_NOT_FOUND ? STORE_E_CHAIN : r < 0 ? STORE_E_IO : r;
}

static int chain_drop_mark(struct chain_store *chain)
{
	return store_delete(chain->store, STORE_META, chain_meta_reorg, strlen(chain_meta_reorg), true);
}

/* The chain stays where it is. */
static int chain_give_up_old_tip(struct chain_store *chain, const struct chain_point *old_tip)
{
	char text[HASH_TEXT_SIZE];

	log_error(LOG_CHAIN,
		  "⚠️ THE OLD TIP %" PRIu64 " (%s) OF AN INTERRUPTED REORGANISATION CANNOT BE REACHED ANY MORE: the "
		  "chain ends at %" PRIu64,
		  old_tip->height, hash_text(text, &old_tip->hash), chain->tip.tip.height);
	return chain_drop_mark(chain);
}

int chain_recover(struct chain_store *chain, bool rebuilt)
{
	struct chain_reorg_mark mark;
	struct store_value value;
	int r = store_get(chain->store, &value, STORE_META, chain_meta_reorg, strlen(chain_meta_reorg));

	if (r)
		return r == STORE_E_NOT_FOUND ? 0 : r;
	r = chain_reorg_value_read(&mark, value.data, value.len);
	store_value_free(&value);
	if (r) {
		r = chain_damaged(chain->store, STORE_META, chain_meta_reorg, strlen(chain_meta_reorg),
				  "is no reorganisation");
		return rebuilt ? chain_drop_mark(chain) : r;
	}
	log_warn(LOG_CHAIN,
		 "A reorganisation was interrupted at block %" PRIu64 ": going back to the old tip at %" PRIu64,
		 chain->tip.tip.height, mark.old_tip.height);
	r = chain_walk_back(chain, &mark.old_tip.hash, NULL);
	if (r == STORE_E_CHAIN && rebuilt && !chain->broken)
		return chain_give_up_old_tip(chain, &mark.old_tip);
	if (r)
		chain_break(chain, r);
	return r;
}

/* ---- reorganising ---- */

/* CHAIN_STORE_E_FINAL when a block above `height` has a certificate. */
static int chain_check_final(struct chain_store *chain, uint64_t height)
{
	uint8_t from[CHAIN_HEIGHT_KEY_BYTES];
	struct store_cursor *cursor;
	bool found;
	int r;

	chain_height_key(from, height + 1);
	cursor = store_cursor_open(chain->store, NULL, STORE_COMMITS, from, sizeof(from));
	found = store_cursor_at(cursor, NULL, NULL);
	r = store_cursor_close(cursor);
	if (r || !found)
		return r;
	log_warn(LOG_CHAIN, "A reorganisation down to block %" PRIu64 " is refused: it would undo a certified block",
		 height);
	return CHAIN_STORE_E_FINAL;
}

/* A certified block wins at any depth. */
static int chain_check_depth(struct chain_store *chain, uint64_t depth, uint64_t height, bool certified)
{
	if (depth > chain->params.max_reorg_depth && !certified) {
		log_error(LOG_CHAIN,
			  "⚠️ A REORGANISATION OF %" PRIu64 " BLOCKS (down to block %" PRIu64
			  ") IS REFUSED: at most %" PRIu64 " are undone",
			  depth, height, chain->params.max_reorg_depth);
		return CHAIN_STORE_E_TOO_DEEP;
	}
	if (depth > chain->params.warn_reorg_depth)
		log_warn(LOG_CHAIN, "⚠️ DEEP REORGANISATION: %" PRIu64 " blocks are undone, down to block %" PRIu64,
			 depth, height);
	return 0;
}

/* Whether the walk may be made, and which. */
static int chain_plan(struct chain_store *chain, struct chain_path *path, const struct wire_hash *to)
{
	bool certified;
	int r;

	if (!chain_store_keeps(chain, to))
		return CHAIN_STORE_E_UNKNOWN;
	r = path_find(chain, path, to);
	if (r)
		return r == STORE_E_NOT_FOUND ? CHAIN_STORE_E_UNKNOWN : r;
	certified = block_needs_certificate(chain->params.chain, path->fork.height + path->len);
	r = chain_check_depth(chain, chain->tip.tip.height - path->fork.height, path->fork.height, certified);
	return r ? r : chain_check_final(chain, path->fork.height);
}

static int chain_write_mark(struct chain_store *chain, const struct chain_path *path, const struct wire_hash *to)
{
	struct chain_reorg_mark mark = {.ancestor = path->fork, .old_tip = chain->tip.tip, .new_tip = *to};
	uint8_t value[CHAIN_REORG_BYTES];
	int r;

	crash_point(REORG_BEFORE_MARK);
	chain_reorg_value(value, &mark);
	r = store_put(chain->store, STORE_META, chain_meta_reorg, strlen(chain_meta_reorg), value, sizeof(value),
		      false);
	crash_point(REORG_AFTER_MARK);
	if (r)
		chain_break(chain, r);
	return r;
}

/* Makes the walk; when it fails, the walk back. */
static int chain_walk_to(struct chain_store *chain, struct chain_walk *walk, const struct wire_hash *to)
{
	struct chain_point old_tip = chain->tip.tip;
	const struct wire_hash *forget;
	int back, r = chain_write_mark(chain, walk->path, to);

	if (r)
		return r;
	r = walk_along(chain, walk);
	if (!r || chain->broken)
		return r;
	forget = r == CHAIN_STORE_E_RULE && walk->fault->error != CHAIN_E_TIME_AHEAD ? &walk->failed : NULL;
	log_warn(LOG_CHAIN, "The reorganisation fails at block %" PRIu64 ", going back: %s", chain->tip.tip.height + 1,
		 r == CHAIN_STORE_E_RULE ? walk->fault->text : "an error");
	back = chain_walk_back(chain, &old_tip.hash, forget);
	if (back)
		chain_break(chain, back); /* the next opening tries again */
	return back ? back : r;
}

int chain_store_reorganise(struct chain_store *chain, struct chain_fault *fault, const struct wire_hash *to,
			   int64_t now_s, struct chain_reorg *out)
{
	struct chain_path path = {.len = 0};
	struct chain_walk walk = {.path = &path, .fault = fault, .now_s = now_s};
	int r = chain->broken;

	if (!r && chain_has_gathered(chain))
		r = chain_store_flush(chain, false);
	if (!r)
		r = chain_plan(chain, &path, to);
	if (!r) {
		r = chain_walk_to(chain, &walk, to);
		if (!r)
			chain_publish(chain);
	}
	free(path.hashes);
	chain->fresh_count = 0;
	if (out)
		*out = (struct chain_reorg){.undone = walk.undone, .connected = walk.connected};
	if (out && r == CHAIN_STORE_E_RULE) {
		out->failed = walk.failed;
		out->failed_height = walk.failed_height;
	}
	return r;
}
