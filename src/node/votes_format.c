// SPDX-License-Identifier: MIT
/* What stands in the file `votes`, to bytes and back: see votes_format.h. */
#include "votes_format.h"

#include <errno.h>
#include <string.h>

#include "timeproto/base/le.h"
#include "timeproto/base/sha256.h"
#include "timeproto/wire/bincode.h"

static const char MAGIC[8] = {'T', 'I', 'M', 'E', 'V', 'O', 'T', 'E'};

#define VERSION 1
/* The last byte of a body. */
#define END_MARK 0xa5
#define ENTRY_HEAD_BYTES 5
#define BLOCK_NAME_BYTES (8 + 32)
#define FINALITY_BYTES (32 + 1 + 8 + 4)
#define OUTPOINT_BYTES (32 + 4)

/* ---- header ---- */

void votes_format_header(struct buf *out, const struct votes_header *header)
{
	size_t begin = out->len;
	uint8_t digest[32];

	buf_append(out, MAGIC, sizeof(MAGIC));
	le_append_u32(out, VERSION);
	buf_append(out, header->genesis.bytes, sizeof(header->genesis.bytes));
	buf_append(out, header->key.bytes, sizeof(header->key.bytes));
	le_append_u64(out, header->sums.k0);
	le_append_u64(out, header->sums.k1);
	if (out->error)
		return;
	sha256_digest(digest, out->data + begin, out->len - begin);
	buf_append(out, digest, 8);
}

int votes_format_header_read(struct votes_header *out, const uint8_t bytes[VOTES_HEADER_BYTES])
{
	const uint8_t *at = bytes + sizeof(MAGIC);
	uint8_t digest[32];

	sha256_digest(digest, bytes, VOTES_HEADER_BYTES - 8);
	if (memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0 || memcmp(bytes + VOTES_HEADER_BYTES - 8, digest, 8) != 0)
		return VOTES_FORMAT_E_DAMAGED;
	if (le_get_u32(at) != VERSION)
		return VOTES_FORMAT_E_VERSION;
	memcpy(out->genesis.bytes, at + 4, sizeof(out->genesis.bytes));
	memcpy(out->key.bytes, at + 36, sizeof(out->key.bytes));
	out->sums.k0 = le_get_u64(at + 68);
	out->sums.k1 = le_get_u64(at + 76);
	return 0;
}

/* ---- batches ---- */

void votes_format_begin(struct votes_batches *batches, enum votes_kind kind)
{
	static const uint8_t head[VOTES_HEAD_BYTES];

	batches->before = batches->bytes.len;
	batches->was_open = batches->open;
	if (!batches->open) {
		batches->begin = batches->bytes.len;
		batches->open = true;
		buf_append(&batches->bytes, head, sizeof(head));
	}
	batches->entry = batches->bytes.len;
	buf_append_byte(&batches->bytes, (uint8_t)kind);
	le_append_u32(&batches->bytes, 0);
}

int votes_format_end(struct votes_batches *batches, const struct siphash_key *sums)
{
	struct buf *bytes = &batches->bytes;
	/* With room for the last byte of the batch, closing it cannot fail. */
	bool fits = buf_reserve(bytes, 1) && bytes->len - batches->entry - ENTRY_HEAD_BYTES <= VOTES_MAX_PAYLOAD;

	if (!fits) {
		int error = bytes->error ? bytes->error : -EINVAL;

		bytes->len = batches->before;
		bytes->error = 0;
		batches->open = batches->was_open;
		return error;
	}
	le_put_u32(bytes->data + batches->entry + 1, (uint32_t)(bytes->len - batches->entry - ENTRY_HEAD_BYTES));
	if (bytes->len - batches->begin > VOTES_BATCH_BYTES)
		votes_format_close(batches, sums);
	return 0;
}

/* Of the length and the checksum of a body. */
static uint32_t votes_format_head_sum(uint32_t len, uint64_t sum, const struct siphash_key *sums)
{
	uint8_t bytes[12];

	le_put_u32(bytes, len);
	le_put_u64(bytes + 4, sum);
	return (uint32_t)siphash(sums, bytes, sizeof(bytes));
}

void votes_format_close(struct votes_batches *batches, const struct siphash_key *sums)
{
	uint8_t *head;
	uint32_t len;
	uint64_t sum;

	if (!batches->open)
		return;
	buf_append_byte(&batches->bytes, END_MARK);
	head = batches->bytes.data + batches->begin;
	len = (uint32_t)(batches->bytes.len - batches->begin - VOTES_HEAD_BYTES);
	sum = siphash(sums, head + VOTES_HEAD_BYTES, len);
	le_put_u32(head, len);
	le_put_u32(head + 4, votes_format_head_sum(len, sum, sums));
	le_put_u64(head + 8, sum);
	batches->open = false;
}

size_t votes_format_body_bytes(const uint8_t head[VOTES_HEAD_BYTES], const struct siphash_key *sums)
{
	uint32_t len = le_get_u32(head);

	if (len == 0 || len > VOTES_MAX_BODY ||
	    le_get_u32(head + 4) != votes_format_head_sum(len, le_get_u64(head + 8), sums))
		return SIZE_MAX;
	return len;
}

bool votes_format_body_fits(const uint8_t head[VOTES_HEAD_BYTES], const uint8_t *body, size_t len,
			    const struct siphash_key *sums)
{
	return siphash(sums, body, len) == le_get_u64(head + 8);
}

bool votes_format_next(struct votes_entry *out, size_t *at, const uint8_t *body, size_t len)
{
	size_t left = len - 1 - *at;

	if (left < ENTRY_HEAD_BYTES || body[*at] < VOTES_BFT || body[*at] > VOTES_FINALITY)
		return false;
	out->kind = (enum votes_kind)body[*at];
	out->payload = body + *at + ENTRY_HEAD_BYTES;
	out->len = le_get_u32(body + *at + 1);
	if (out->len > left - ENTRY_HEAD_BYTES)
		return false;
	*at += ENTRY_HEAD_BYTES + out->len;
	return true;
}

/* ---- payloads ---- */

void votes_format_put_block(struct buf *out, uint64_t height, const struct wire_hash *hash,
			    const struct wire_block *block)
{
	le_append_u64(out, height);
	buf_append(out, hash->bytes, sizeof(hash->bytes));
	/* a failure stays in the buffer; tiers out of range are refused by every decoder */
	if (wire_bincode_encode_value(out, &wire_desc_block, block) && !out->error)
		out->error = -EINVAL;
}

bool votes_format_block_name(uint64_t *height, struct wire_hash *hash, const struct votes_entry *entry)
{
	if (entry->len < BLOCK_NAME_BYTES)
		return false;
	*height = le_get_u64(entry->payload);
	memcpy(hash->bytes, entry->payload + 8, sizeof(hash->bytes));
	return true;
}

int votes_format_block(struct wire_block *out, struct arena *arena, const struct votes_entry *entry)
{
	int r;

	if (entry->len < BLOCK_NAME_BYTES)
		return VOTES_FORMAT_E_DAMAGED;
	r = wire_bincode_decode_value(out, &wire_desc_block, arena, entry->payload + BLOCK_NAME_BYTES,
				      entry->len - BLOCK_NAME_BYTES, NULL);
	return r > 0 ? VOTES_FORMAT_E_DAMAGED : r;
}

void votes_format_put_finality(struct buf *out, const struct votes_finality *vote)
{
	buf_append(out, vote->record.txid.bytes, sizeof(vote->record.txid.bytes));
	buf_append_byte(out, vote->record.approve);
	le_append_u64(out, (uint64_t)vote->record.timestamp);
	le_append_u32(out, (uint32_t)vote->count);
	for (size_t i = 0; i < vote->count; i++) {
		buf_append(out, vote->outpoints[i].txid.bytes, sizeof(vote->outpoints[i].txid.bytes));
		le_append_u32(out, vote->outpoints[i].vout);
	}
}

int votes_format_finality(struct votes_finality *out, struct arena *arena, const struct votes_entry *entry)
{
	const uint8_t *at = entry->payload;
	struct wire_outpoint *outpoints;

	if (entry->len < FINALITY_BYTES || at[32] > 1)
		return VOTES_FORMAT_E_DAMAGED;
	memcpy(out->record.txid.bytes, at, sizeof(out->record.txid.bytes));
	out->record.approve = at[32];
	out->record.timestamp = (int64_t)le_get_u64(at + 33);
	out->count = le_get_u32(at + 41);
	if ((entry->len - FINALITY_BYTES) / OUTPOINT_BYTES != out->count ||
	    (entry->len - FINALITY_BYTES) % OUTPOINT_BYTES != 0)
		return VOTES_FORMAT_E_DAMAGED;
	outpoints = arena_alloc(arena, out->count * sizeof(outpoints[0]));
	if (!outpoints)
		return -ENOMEM;
	at += FINALITY_BYTES;
	for (size_t i = 0; i < out->count; i++, at += OUTPOINT_BYTES) {
		memcpy(outpoints[i].txid.bytes, at, sizeof(outpoints[i].txid.bytes));
		outpoints[i].vout = le_get_u32(at + 32);
	}
	out->outpoints = outpoints;
	return 0;
}
