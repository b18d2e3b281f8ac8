/* SPDX-License-Identifier: MIT
 *
 * Keys and values of the chain's families, to bytes and back; chain_store.h lists them.  Readers trust nothing: what is
 * not exactly as it is written is refused.
 *
 * Private to the store.  Thread safety: pure.
 */
#ifndef TIMED_STORE_CHAIN_FORMAT_H
#define TIMED_STORE_CHAIN_FORMAT_H

#include "timed/store/chain_store.h"
#include "timeproto/base/buf.h"

#define CHAIN_HEIGHT_KEY_BYTES 8
#define CHAIN_OUTPOINT_KEY_BYTES 36
#define CHAIN_SCRIPT_KEY_BYTES (32 + CHAIN_OUTPOINT_KEY_BYTES)
/* of a block in bincode */
#define CHAIN_HEADER_BYTES 92

extern const char chain_meta_tip[];
extern const char chain_meta_reorg[];
extern const char chain_meta_reindex[];

/* A value is refused: what is stored is damaged. */
#define CHAIN_FORMAT_E_DAMAGED 1

void chain_height_key(uint8_t out[CHAIN_HEIGHT_KEY_BYTES], uint64_t height);
int chain_height_key_read(uint64_t *out, const uint8_t *key, size_t len) __attribute__((warn_unused_result));
void chain_outpoint_key(uint8_t out[CHAIN_OUTPOINT_KEY_BYTES], const struct wire_outpoint *outpoint);
int chain_outpoint_key_read(struct wire_outpoint *out, const uint8_t *key, size_t len)
	__attribute__((warn_unused_result));
void chain_script_key(uint8_t out[CHAIN_SCRIPT_KEY_BYTES], const struct wire_hash *script_hash,
		      const struct wire_outpoint *outpoint);

/* utxo: value u64, script.  What is read points into the bytes. */
#define CHAIN_COIN_BYTES(script_len) (8 + (script_len))
void chain_coin_write(uint8_t *out, uint64_t value, const uint8_t *script, size_t script_len);
int chain_coin_read(struct coin *out, const uint8_t *value, size_t len) __attribute__((warn_unused_result));

/* block_index: height. */
#define CHAIN_HEIGHT_VALUE_BYTES 8
void chain_height_value(uint8_t out[CHAIN_HEIGHT_VALUE_BYTES], uint64_t height);
int chain_height_value_read(uint64_t *out, const uint8_t *value, size_t len) __attribute__((warn_unused_result));

/* tx_index: height, position. */
#define CHAIN_PLACE_BYTES 12
void chain_place_value(uint8_t out[CHAIN_PLACE_BYTES], uint64_t height, uint32_t position);
int chain_place_value_read(uint64_t *height, uint32_t *position, const uint8_t *value, size_t len)
	__attribute__((warn_unused_result));

/* meta "tip". */
#define CHAIN_TIP_BYTES (8 + 32 + 8 + 4 * 8)
void chain_tip_value(uint8_t out[CHAIN_TIP_BYTES], const struct chain_summary *summary);
int chain_tip_value_read(struct chain_summary *out, const uint8_t *value, size_t len)
	__attribute__((warn_unused_result));

/* meta "reorg". */
struct chain_reorg_mark {
	struct chain_point ancestor; /* the last common block */
	struct chain_point old_tip;  /* where a failure leads back to */
	struct wire_hash new_tip;    /* where it was going */
};
#define CHAIN_REORG_BYTES (2 * 48 + 32)
void chain_reorg_value(uint8_t out[CHAIN_REORG_BYTES], const struct chain_reorg_mark *mark);
int chain_reorg_value_read(struct chain_reorg_mark *out, const uint8_t *value, size_t len)
	__attribute__((warn_unused_result));

/* branch: height u64, length of the certificate u32 (0: none), certificate, block. */
struct chain_kept {
	uint64_t height;
	const uint8_t *commit; /* in bincode; `commit_len` 0: none */
	size_t commit_len;
	const uint8_t *block; /* in bincode */
	size_t block_len;
};
/* Replaces the contents of `out`, whose sticky error tells of memory refused. */
void chain_kept_encode(struct buf *out, const struct chain_kept *kept);
/* What is read points into the bytes; certificate and block are not looked at. */
int chain_kept_read(struct chain_kept *out, const uint8_t *value, size_t len) __attribute__((warn_unused_result));
/* The header at the beginning of a block. */
int chain_header_read(struct wire_block_header *out, const uint8_t *block, size_t len)
	__attribute__((warn_unused_result));

/* ---- chain_undo.c ---- */

/* undo: count u32, then each outpoint, value u64, length of the script u32, script.  Replaces the contents of `out`. */
void chain_undo_encode(struct buf *out, const struct spent_coin *spent, size_t count);
/* The list is in the arena, scripts point into the bytes.  0, CHAIN_FORMAT_E_DAMAGED, or -ENOMEM. */
int chain_undo_read(struct spent_coin **out, size_t *count, struct arena *arena, const uint8_t *value, size_t len)
	__attribute__((warn_unused_result));

#endif
