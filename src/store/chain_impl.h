/* SPDX-License-Identifier: MIT
 *
 * What the files of the chain store share (chain_store.h):
 *
 *	chain_open.c		opening: genesis, recovery, closing
 *	chain_store.c		what has gathered, kept blocks; chain_write.c: its writing
 *	chain_connect.c		a block onto the tip; disconnect: chain_disconnect.c
 *	chain_reorg.c		walks from one branch to another, and back
 *	chain_view.c		what readers use
 *	chain_reindex.c		rebuilding; chain_verify.c checking
 *	chain_overlay.c		unspent outputs in memory; chain_format.c, chain_undo.c: how entries are written
 *
 * Private to the store.  Everything here belongs to the chain's thread, views excepted.
 */
#ifndef TIMED_STORE_CHAIN_IMPL_H
#define TIMED_STORE_CHAIN_IMPL_H

#include "chain_format.h"
#include "chain_overlay.h"
#include "timed/store/chain_store.h"
#include "timed/util/thread.h"
#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"

/* Scratch memory of one block at most: a block of 2 MB decodes to several times that. */
#define CHAIN_ARENA_BYTES ((size_t)256 << 20)

struct chain_store {
	struct store *store;
	struct chain_store_params params;
	struct chain_summary tip;     /* with what has gathered */
	struct chain_summary written; /* what the database holds */
	struct chain_overlay coins;   /* unspent outputs made or spent since, and a cache of others */
	struct chain_txs txs;	      /* transactions connected since the last write */
	struct wire_hash *fresh;      /* blocks kept since the last reorganisation: not to give way to each other */
	size_t fresh_count, fresh_capacity;
	struct store_batch *batch;    /* everything else that has gathered */
	uint64_t branch_count;	      /* kept blocks ... */
	uint64_t branch_bytes;	      /* ... and their bytes, keys included */
	int broken;		      /* an enum store_error once a write has failed: nothing is changed any more */
	int read_error;		      /* what a coin source met: an enum store_error */
	bool unsynced;		      /* something was written without sync */
	struct arena arena;	      /* scratch of one connect or disconnect */
	struct arena block_arena;     /* a block that was read back */
	struct buf block_bytes;	      /* an encoded block; kept for its memory */
	struct buf commit_bytes;      /* its certificate */
	struct buf other_bytes;	      /* encoded undo data, a kept block */

	struct mutex view_lock;	 /* leaf; held for the pointer only */
	struct chain_view *view; /* the newest; guarded by view_lock */
};

/* ---- chain_store.c ---- */

/* Entries of the chain contradict each other: logs what and where, returns STORE_E_CHAIN. */
int chain_damaged(struct store *store, enum store_family family, const void *key, size_t key_len, const char *what);
/* Whether the block's certificate counts: below the first height that needs one it means nothing, and is not kept. */
bool chain_is_certified(const struct chain_store *chain, const struct wire_block *block);
/* Gives up what has gathered and every further change. */
void chain_break(struct chain_store *chain, int error);
bool chain_has_gathered(const struct chain_store *chain);
/* Adds to what has gathered: the block becomes, or ceases to be, a kept one.  `value` as chain_branch_encode() made it.
 */
void chain_branch_put(struct chain_store *chain, const struct wire_hash *hash, const struct buf *value);
int chain_branch_drop(struct chain_store *chain, const struct wire_hash *hash) __attribute__((warn_unused_result));
/* Counts the kept blocks. */
int chain_branch_count(struct chain_store *chain) __attribute__((warn_unused_result));

/* ---- chain_write.c ---- */

/* Writes what has gathered as one batch; publishes nothing.  0, or an enum store_error: the chain is then broken, its
 * tip the written one. */
int chain_write(struct chain_store *chain, bool sync) __attribute__((warn_unused_result));

/* ---- chain_connect.c, chain_disconnect.c ---- */

/* As chain_store_connect(), without flushing anything.  `stored`: blocks and commits hold it already. */
int chain_connect(struct chain_store *chain, struct chain_fault *fault, const struct wire_block *block,
		  const struct block_ids *ids, int64_t now_s, bool stored) __attribute__((warn_unused_result));
/* Puts the genesis block into an empty chain. */
int chain_connect_genesis(struct chain_store *chain, bool stored) __attribute__((warn_unused_result));
/* Takes the tip off the chain and keeps it as part of a branch; gathered.  Nothing else may have gathered.  0,
 * -ENOMEM, or an enum store_error. */
int chain_disconnect(struct chain_store *chain) __attribute__((warn_unused_result));
/* An unspent output of the tip, with what has gathered: 0, 1 (none), or negative and chain->read_error. */
int chain_coin_find(void *user, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint);
/* Turns the negative result of a rule function back into what was behind it. */
int chain_rule_error(struct chain_store *chain, int r);

/* ---- chain_reorg.c ---- */

/* Walks an unfinished reorganisation back, if there is one.  `rebuilt`: what the way back needs may be lost; then the
 * chain stays where the way ends. */
int chain_recover(struct chain_store *chain, bool rebuilt) __attribute__((warn_unused_result));

/* ---- chain_reindex.c ---- */

/* Begins a rebuild: marks it, and empties what will be made again. */
int chain_reindex_begin(struct chain_store *chain) __attribute__((warn_unused_result));
/* Whether a rebuild is under way. */
int chain_reindex_found(struct chain_store *chain, bool *found) __attribute__((warn_unused_result));
/* Goes on with it, to its end, chain_recover() included.  As chain_store_reindex(). */
int chain_reindex_continue(struct chain_store *chain, struct chain_fault *fault,
			   bool (*progress)(void *user, uint64_t height, uint64_t of), void *user)
	__attribute__((warn_unused_result));

/* ---- chain_view.c ---- */

/* The certificate of a block of the chain, decoded into `arena`; `*out` is NULL when there is none.  `snapshot` NULL:
 * as it is now.  0, -ENOMEM, or an enum store_error. */
int chain_read_commit(struct store *store, const struct store_snapshot *snapshot, const struct wire_commit **out,
		      struct arena *arena, uint64_t height) __attribute__((warn_unused_result));

/* Publishes a view of what is written. */
void chain_publish(struct chain_store *chain);
/* Lets go of the published view, which must be the last. */
void chain_unpublish(struct chain_store *chain);

/* ---- chain_open.c ---- */

/* Reads the tip's entry.  0, STORE_E_NOT_FOUND, or another enum store_error. */
int chain_read_tip(struct chain_store *chain, struct chain_summary *out) __attribute__((warn_unused_result));

/* Reads a block of the chain into `arena`, and its ids; `*bytes` (may be NULL) is then to be freed.  0, -ENOMEM, or an
 * enum store_error. */
int chain_read_block(struct chain_store *chain, struct wire_block *out, struct block_ids *ids, struct arena *arena,
		     struct store_value *bytes, uint64_t height) __attribute__((warn_unused_result));

#endif
