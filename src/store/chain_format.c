// SPDX-License-Identifier: MIT
/* Keys and values of the chain's families: see chain_format.h. */
#include "chain_format.h"

#include <string.h>

#include "timeproto/base/le.h"
#include "timeproto/wire/bincode.h"

const char chain_meta_tip[] = "tip";
const char chain_meta_reorg[] = "reorg";
const char chain_meta_reindex[] = "reindex";

static uint8_t *put_hash(uint8_t *out, const struct wire_hash *hash)
{
	memcpy(out, hash->bytes, sizeof(hash->bytes));
	return out + sizeof(hash->bytes);
}

static void get_hash(struct wire_hash *out, const uint8_t *at)
{
	memcpy(out->bytes, at, sizeof(out->bytes));
}

void chain_height_key(uint8_t out[CHAIN_HEIGHT_KEY_BYTES], uint64_t height)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(height >> (8 * (7 - i)));
}

int chain_height_key_read(uint64_t *out, const uint8_t *key, size_t len)
{
	if (len != CHAIN_HEIGHT_KEY_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	*out = 0;
	for (int i = 0; i < 8; i++)
		*out = *out << 8 | key[i];
	return 0;
}

void chain_outpoint_key(uint8_t out[CHAIN_OUTPOINT_KEY_BYTES], const struct wire_outpoint *outpoint)
{
	put_hash(out, &outpoint->txid);
	for (int i = 0; i < 4; i++)
		out[32 + i] = (uint8_t)(outpoint->vout >> (8 * (3 - i)));
}

int chain_outpoint_key_read(struct wire_outpoint *out, const uint8_t *key, size_t len)
{
	if (len != CHAIN_OUTPOINT_KEY_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	get_hash(&out->txid, key);
	out->vout = 0;
	for (int i = 0; i < 4; i++)
		out->vout = out->vout << 8 | key[32 + i];
	return 0;
}

void chain_script_key(uint8_t out[CHAIN_SCRIPT_KEY_BYTES], const struct wire_hash *script_hash,
		      const struct wire_outpoint *outpoint)
{
	chain_outpoint_key(put_hash(out, script_hash), outpoint);
}

void chain_coin_write(uint8_t *out, uint64_t value, const uint8_t *script, size_t script_len)
{
	out = le_put_u64(out, value);
	if (script_len > 0)
		memcpy(out, script, script_len);
}

int chain_coin_read(struct coin *out, const uint8_t *value, size_t len)
{
	if (len < 8)
		return CHAIN_FORMAT_E_DAMAGED;
	*out = (struct coin){.value = le_get_u64(value), .script = {value + 8, len - 8}};
	return 0;
}

void chain_height_value(uint8_t out[CHAIN_HEIGHT_VALUE_BYTES], uint64_t height)
{
	le_put_u64(out, height);
}

int chain_height_value_read(uint64_t *out, const uint8_t *value, size_t len)
{
	if (len != CHAIN_HEIGHT_VALUE_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	*out = le_get_u64(value);
	return 0;
}

void chain_place_value(uint8_t out[CHAIN_PLACE_BYTES], uint64_t height, uint32_t position)
{
	le_put_u32(le_put_u64(out, height), position);
}

int chain_place_value_read(uint64_t *height, uint32_t *position, const uint8_t *value, size_t len)
{
	if (len != CHAIN_PLACE_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	*height = le_get_u64(value);
	*position = le_get_u32(value + 8);
	return 0;
}

static uint8_t *put_point(uint8_t *out, const struct chain_point *point)
{
	out = le_put_u64(out, point->height);
	out = put_hash(out, &point->hash);
	return le_put_u64(out, (uint64_t)point->timestamp);
}

static const uint8_t *get_point(struct chain_point *out, const uint8_t *at)
{
	out->height = le_get_u64(at);
	get_hash(&out->hash, at + 8);
	out->timestamp = (int64_t)le_get_u64(at + 40);
	return at + 48;
}

void chain_tip_value(uint8_t out[CHAIN_TIP_BYTES], const struct chain_summary *summary)
{
	out = put_point(out, &summary->tip);
	out = le_put_u64(out, summary->unspent_count);
	out = le_put_u64(out, summary->unspent_value);
	out = le_put_u64(out, summary->transactions);
	le_put_u64(out, summary->block_bytes);
}

int chain_tip_value_read(struct chain_summary *out, const uint8_t *value, size_t len)
{
	if (len != CHAIN_TIP_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	value = get_point(&out->tip, value);
	out->unspent_count = le_get_u64(value);
	out->unspent_value = le_get_u64(value + 8);
	out->transactions = le_get_u64(value + 16);
	out->block_bytes = le_get_u64(value + 24);
	return 0;
}

void chain_reorg_value(uint8_t out[CHAIN_REORG_BYTES], const struct chain_reorg_mark *mark)
{
	put_hash(put_point(put_point(out, &mark->ancestor), &mark->old_tip), &mark->new_tip);
}

int chain_reorg_value_read(struct chain_reorg_mark *out, const uint8_t *value, size_t len)
{
	if (len != CHAIN_REORG_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	value = get_point(&out->ancestor, value);
	value = get_point(&out->old_tip, value);
	get_hash(&out->new_tip, value);
	return 0;
}

void chain_kept_encode(struct buf *out, const struct chain_kept *kept)
{
	uint8_t *room;

	buf_reset(out);
	room = buf_reserve(out, 12);
	if (!room)
		return;
	le_put_u32(le_put_u64(room, kept->height), (uint32_t)kept->commit_len);
	buf_advance(out, 12);
	buf_append(out, kept->commit, kept->commit_len);
	buf_append(out, kept->block, kept->block_len);
}

int chain_kept_read(struct chain_kept *out, const uint8_t *value, size_t len)
{
	if (len < 12)
		return CHAIN_FORMAT_E_DAMAGED;
	out->height = le_get_u64(value);
	out->commit_len = le_get_u32(value + 8);
	if (out->commit_len > len - 12)
		return CHAIN_FORMAT_E_DAMAGED;
	out->commit = value + 12;
	out->block = out->commit + out->commit_len;
	out->block_len = len - 12 - out->commit_len;
	return 0;
}

int chain_header_read(struct wire_block_header *out, const uint8_t *block, size_t len)
{
	struct arena arena;
	int r;

	if (len < CHAIN_HEADER_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	arena_init(&arena, 0, NULL); /* a header points to nothing */
	r = wire_bincode_decode_value(out, &wire_desc_block_header, &arena, block, CHAIN_HEADER_BYTES, NULL);
	return r ? CHAIN_FORMAT_E_DAMAGED : 0;
}
