/* SPDX-License-Identifier: MIT
 *
 * Unspent outputs in memory, over those in the database: what blocks have made and spent since the last write, and, as
 * far as a bound allows, what was written or read lately.
 *
 * Two generations: changes go into the young one, which hides the old one.  When the young one has grown to half the
 * bound, right after a write (so that nothing in it is waiting), it becomes the old one, and the old one is forgotten.
 * An output that is made and spent between two writes never reaches the database.
 *
 * Peers choose the outpoints, so the tables are keyed with a secret.
 *
 * Private to the store.  Thread safety: one owner.
 */
#ifndef TIMED_STORE_CHAIN_OVERLAY_H
#define TIMED_STORE_CHAIN_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/util/siphash.h"
#include "timeproto/base/arena.h"
#include "timeproto/chain/rules.h"

enum chain_coin_flag {
	CHAIN_COIN_SPENT = 1,  /* known not to be there */
	CHAIN_COIN_DIRTY = 2,  /* the database says otherwise */
	CHAIN_COIN_ABSENT = 4, /* the database does not have it */
};

/* An output, unspent or not. */
struct chain_coin {
	struct chain_coin *next_dirty; /* of those that are DIRTY or have been, since the last write */
	struct wire_outpoint outpoint;
	uint32_t stored_len;
	uint8_t flags;	  /* enum chain_coin_flag */
	bool listed;	  /* is on the list of dirty ones */
	uint8_t stored[]; /* value and script as in the database: chain_coin_read() */
};

struct chain_coin_slot {
	uint64_t hash;
	struct chain_coin *coin; /* NULL: free */
};

struct chain_generation {
	struct chain_coin_slot *slots; /* open addressing; NULL while capacity is 0 */
	size_t capacity;	       /* a power of two */
	size_t count;
	struct arena arena; /* the coins */
};

struct chain_overlay {
	struct chain_generation young, old;
	struct chain_coin *dirty; /* the list, newest first */
	size_t dirty_count;	  /* its length */
	size_t dirty_bytes;	  /* what their writing takes, roughly */
	size_t bound;		  /* bytes of both generations after a write */
	uint8_t *room, *room_end; /* reserved memory of the young arena */
	struct siphash_key key;
};

void chain_overlay_init(struct chain_overlay *overlay, size_t bound_bytes);
void chain_overlay_free(struct chain_overlay *overlay);
/* Forgets everything, what waits to be written included. */
void chain_overlay_clear(struct chain_overlay *overlay);

/* Makes sure that `count` outputs whose scripts have `script_bytes` in all can be added or spent.  0 or -ENOMEM. */
int chain_overlay_reserve(struct chain_overlay *overlay, size_t count, size_t script_bytes)
	__attribute__((warn_unused_result));
/* What is known of an output; NULL: ask the database.  Valid until the next write. */
const struct chain_coin *chain_overlay_find(const struct chain_overlay *overlay, const struct wire_outpoint *outpoint);
/* An output comes into being (it is not there); reserved. */
void chain_overlay_add(struct chain_overlay *overlay, const struct wire_outpoint *outpoint, const struct coin *coin);
/* An output that is there is spent; reserved. */
void chain_overlay_spend(struct chain_overlay *overlay, const struct wire_outpoint *outpoint, const struct coin *coin);
/* All changes have been written. */
void chain_overlay_written(struct chain_overlay *overlay);

/* The places of transactions that were connected since the last write. */
struct chain_tx {
	struct wire_hash txid; /* all zero: a free slot */
	uint32_t position;     /* in its block */
	uint64_t height;
};

struct chain_txs {
	struct chain_tx *slots; /* open addressing */
	size_t capacity;	/* a power of two */
	size_t count;
	struct siphash_key key;
};

void chain_txs_init(struct chain_txs *txs);
void chain_txs_free(struct chain_txs *txs);
void chain_txs_clear(struct chain_txs *txs);
/* Room for `count` more.  0 or -ENOMEM. */
int chain_txs_reserve(struct chain_txs *txs, size_t count) __attribute__((warn_unused_result));
void chain_txs_add(struct chain_txs *txs, const struct chain_tx *tx);
bool chain_txs_has(const struct chain_txs *txs, const struct wire_hash *txid);

#endif
