/* SPDX-License-Identifier: MIT
 *
 * The chain in the database: blocks, unspent outputs, undo data and indexes, changed by whole blocks only, and pictures
 * of it at one tip for everybody who reads (PROTOCOL.md §6).
 *
 * Every connected or disconnected block is one atomic change.  During a bulk load many blocks gather before they are
 * written together: a crash may cost recent blocks and never consistency.  A reorganisation first writes down what it
 * is about to do; when it fails, or is found unfinished at the opening, the chain walks back to its old tip.
 *
 * Entries, beside those of store.h (integers little-endian except in keys; BE in keys keeps their order):
 *	blocks		height BE			-> block in bincode
 *	block_index	block hash			-> height u64
 *	utxo		txid, vout u32 BE		-> value u64, script
 *	undo		height BE			-> the outputs of the chain that the block spent, if any
 *	tx_index	txid				-> height u64, position u32
 *	script_index	SHA-256(script), txid, vout BE	-> nothing: the unspent outputs of a script
 *	commits		height BE			-> certificate
 *	branch		block hash			-> height u64, certificate or nothing, block in bincode
 *	meta "tip"	height, hash, timestamp, count and value of unspent outputs, transactions, bytes of blocks
 *	meta "reorg"	ancestor, old tip, new tip: a reorganisation is under way
 *	meta "reindex"	a rebuild of everything from `blocks` is under way
 *
 * Thread safety: the functions under "Writing" belong to one thread, the chain's (or the only one of a tool); views may
 * be taken and read by any thread.  All may block on the disk.
 */
#ifndef TIMED_STORE_CHAIN_STORE_H
#define TIMED_STORE_CHAIN_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/store/store.h"
#include "timeproto/chain/genesis.h"
#include "timeproto/chain/rules.h"

struct chain_store;
struct chain_view;
struct progress;

enum chain_store_outcome {
	CHAIN_STORE_E_RULE = 100, /* a rule is broken: see the fault; nothing has changed */
	CHAIN_STORE_E_UNKNOWN,	  /* the branch cannot be followed down to our chain: a block of it is not kept */
	CHAIN_STORE_E_TOO_DEEP,	  /* the ancestor lies deeper than may be reorganised to a block without certificate */
	CHAIN_STORE_E_FULL,	  /* the bound of kept branch blocks is reached */
	CHAIN_STORE_E_FINAL,	  /* a certified block would have to be undone */
};

struct chain_store_params {
	const struct chain_params *chain;
	const struct genesis *genesis;
	uint64_t max_reorg_depth;  /* blocks that may be undone; PROTOCOL.md §6: 1000 */
	uint64_t warn_reorg_depth; /* beyond it the log is loud: 100 */
	size_t branch_bytes;	   /* bound of what is kept of other branches */
	size_t overlay_bytes;	   /* unspent outputs kept in memory between writes */
	/* --reindex: the opening rebuilds everything but the blocks, even where it would fail otherwise. */
	bool reindex;
	/* Called now and then during a rebuild at the opening; false stops it, the next one goes on.  May be NULL. */
	bool (*progress)(void *user, uint64_t height, uint64_t of);
	void *user;		/* for progress */
	struct progress *alive; /* marked at each step of long work (util/progress.h); may be NULL */
};

/* Opens the chain: an empty store gets the genesis block, an unfinished reorganisation is walked back, an unfinished
 * rebuild goes on.  0; an enum store_error and `failure`; -ECANCELED: `progress` stopped a rebuild.  `store` and what
 * `params` points to must outlive it. */
int chain_store_open(struct chain_store **out, struct store_failure *failure, struct store *store,
		     const struct chain_store_params *params) __attribute__((warn_unused_result));
/* Writes what has gathered; every view must have been released.  NULL is fine. */
void chain_store_close(struct chain_store *chain);

/* ---- Writing: the chain thread alone. ---- */

/* The tip, with what is not written yet. */
const struct chain_point *chain_store_tip(const struct chain_store *chain);

/* Puts a block on the tip.  Its form, signatures and certificate have been checked (rules.h); all else is checked here,
 * also that it has a certificate where it needs one.  Below that height a certificate is not stored.  The change is
 * gathered, and written by chain_store_flush().  0; CHAIN_STORE_E_RULE and `fault`; an enum store_error or -ENOMEM: it
 * is not connected. */
int chain_store_connect(struct chain_store *chain, struct chain_fault *fault, const struct wire_block *block,
			const struct block_ids *ids, int64_t now_s) __attribute__((warn_unused_result));
/* Writes what has gathered as one batch, and publishes a new view.  0 or an enum store_error. */
int chain_store_flush(struct chain_store *chain, bool sync) __attribute__((warn_unused_result));
/* Bytes that have gathered: flush when they grow. */
size_t chain_store_gathered_bytes(const struct chain_store *chain);

/* Keeps a block of another branch and its certificate; form, signatures and certificate have been checked.  Written at
 * once, without sync.  When the bound is reached, blocks that were kept before the last reorganisation give way.  0,
 * also when it is kept already, or part of the chain; CHAIN_STORE_E_FULL: what was kept since then does not fit, and is
 * dropped; -ENOMEM; an enum store_error. */
int chain_store_keep(struct chain_store *chain, const struct wire_block *block, const struct block_ids *ids)
	__attribute__((warn_unused_result));
/* What a reorganisation did, or tried to do before it went back. */
struct chain_reorg {
	uint64_t undone, connected; /* blocks */
	uint64_t failed_height;	    /* of the block that breaks a rule; 0: none ... */
	struct wire_hash failed;    /* ... and its hash */
};

/* Makes the kept block `to` the tip: follows its ancestors through the kept blocks down to our chain, undoes ours above
 * that, connects theirs.  Blocks undone are kept as a branch, above the bound if need be.  The view stays the old one
 * until all is done.  0; CHAIN_STORE_E_UNKNOWN, _TOO_DEEP, _FINAL: nothing was done; CHAIN_STORE_E_RULE and `fault`:
 * the old tip is back, and the block that broke the rule is kept no longer, since another body may fit its header
 * (unless its time is yet to come); -ENOMEM: the old tip is back; an enum store_error: the next opening walks back.
 * `out` (may be NULL) is filled in every case. */
int chain_store_reorganise(struct chain_store *chain, struct chain_fault *fault, const struct wire_hash *to,
			   int64_t now_s, struct chain_reorg *out) __attribute__((warn_unused_result));
/* True when the block is kept as part of a branch. */
bool chain_store_keeps(struct chain_store *chain, const struct wire_hash *hash);
/* Drops kept blocks that lie deeper below the tip than a reorganisation may reach.  0 or an enum store_error. */
int chain_store_trim_branches(struct chain_store *chain) __attribute__((warn_unused_result));

/* Rebuilds everything but the blocks from the blocks, every rule checked again.  No view may be held, and no other
 * thread may use the chain.  `progress` (may be NULL) is called now and then; false stops in order, and the next
 * opening goes on: until then nothing can be written.  What follows the first block that does not hold is dropped, with
 * a loud log line.  0, CHAIN_STORE_E_RULE when stopped by such a block, -ECANCELED, -ENOMEM, or an enum store_error. */
int chain_store_reindex(struct chain_store *chain, struct chain_fault *fault,
			bool (*progress)(void *user, uint64_t height, uint64_t of), void *user)
	__attribute__((warn_unused_result));

/* ---- Reading: any thread. ---- */

/* What a view says of its tip. */
struct chain_summary {
	struct chain_point tip;
	uint64_t unspent_count; /* outputs */
	uint64_t unspent_value; /* satoshis */
	uint64_t transactions;	/* in the whole chain, coinbases included */
	uint64_t block_bytes;	/* of all blocks in bincode */
};

/* The newest published picture; counted.  Held for a minute at most: it keeps old data on the disk. */
struct chain_view *chain_store_view(struct chain_store *chain);
struct chain_view *chain_view_ref(struct chain_view *view);
void chain_view_unref(struct chain_view *view); /* NULL is fine */
const struct chain_summary *chain_view_summary(const struct chain_view *view);

/* All return 0, STORE_E_NOT_FOUND, or another enum store_error (damage, named in the log); -ENOMEM where
 * there is an arena. */
int chain_view_hash(struct chain_view *view, struct wire_hash *out, uint64_t height)
	__attribute__((warn_unused_result));
int chain_view_header(struct chain_view *view, struct wire_block_header *out, uint64_t height)
	__attribute__((warn_unused_result));
int chain_view_height(struct chain_view *view, uint64_t *out, const struct wire_hash *hash)
	__attribute__((warn_unused_result));
/* The block in bincode; store_value_free(). */
int chain_view_block_bytes(struct chain_view *view, struct store_value *out, uint64_t height)
	__attribute__((warn_unused_result));
/* The block decoded into `arena`, its certificate included. */
int chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height)
	__attribute__((warn_unused_result));
/* Where a transaction is. */
int chain_view_transaction(struct chain_view *view, uint64_t *height, uint32_t *position, const struct wire_hash *txid)
	__attribute__((warn_unused_result));
/* An unspent output; its script in `arena`. */
int chain_view_coin(struct chain_view *view, struct coin *out, struct arena *arena,
		    const struct wire_outpoint *outpoint) __attribute__((warn_unused_result));
/* Every unspent output in the order of the state hash, until `visit` returns false. */
int chain_view_coins(struct chain_view *view,
		     bool (*visit)(void *user, const struct wire_outpoint *outpoint, const struct coin *coin),
		     void *user) __attribute__((warn_unused_result));
/* The unspent outputs of one script. */
int chain_view_coins_of(struct chain_view *view, const struct wire_bytes *script,
			bool (*visit)(void *user, const struct wire_outpoint *outpoint, const struct coin *coin),
			void *user) __attribute__((warn_unused_result));
/* The UTXO state hash: reads all unspent outputs at the first call for a view, and is remembered with it; a second
 * caller waits for the first. */
int chain_view_state_hash(struct chain_view *view, struct wire_hash *out) __attribute__((warn_unused_result));

/* ---- Checking: tools. ---- */

struct chain_verified {
	uint64_t findings;
	uint64_t unchecked; /* certificates: the params name no validators to check them by */
};
/* Reads the whole store against itself: blocks linked from genesis and their rules, indexes complete and nothing beside
 * them, undo data, unspent outputs equal to those of a replay and worth what genesis and rewards have brought. `report`
 * gets a line for each thing that is wrong.  0 and what was found; -ECANCELED: `progress` (may be NULL) returned false;
 * -ENOMEM; an enum store_error. The replay goes into a scratch database beside the store's directory (its name and
 * ".verify"; in memory if the store is), which takes about as much room as the store. */
int chain_store_verify(struct chain_store *chain, struct chain_verified *out,
		       void (*report)(void *user, const char *line),
		       bool (*progress)(void *user, uint64_t height, uint64_t of), void *user)
	__attribute__((warn_unused_result));

#endif
