// SPDX-License-Identifier: MIT
/* The stored form of what a validator signed: see bft_message.h.
 *
 *	version u8, kind u8, height u64, round u64, hash, proposal_round i64, locked_round i64, locked, valid_round i64,
 *	valid, count u32; when count > 0: round u64, hash, and for each entry voter u32, signature
 *
 * Numbers are little-endian.  A polka has the height of its record and is of prevotes. */
#include "timed/consensus/bft_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BFT_RECORD_VERSION 1
#define BFT_RECORD_HEAD_BYTES (1 + 1 + 8 + 8 + 32 + 8 + 8 + 32 + 8 + 32 + 4)
#define BFT_RECORD_ENTRY_BYTES (4 + 64)

static void bft_put(struct buf *out, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_append_byte(out, (uint8_t)(value >> (8 * i)));
}

static void bft_put_hash(struct buf *out, const struct wire_hash *hash)
{
	buf_append(out, hash->bytes, sizeof(hash->bytes));
}

void bft_record_encode(struct buf *out, const struct bft_record *record, const struct bft_certificate *polka)
{
	bft_put(out, BFT_RECORD_VERSION, 1);
	bft_put(out, record->kind, 1);
	bft_put(out, record->height, 8);
	bft_put(out, record->round, 8);
	bft_put_hash(out, &record->hash);
	bft_put(out, (uint64_t)record->proposal_round, 8);
	bft_put(out, (uint64_t)record->locked_round, 8);
	bft_put_hash(out, &record->locked);
	bft_put(out, (uint64_t)record->valid_round, 8);
	bft_put_hash(out, &record->valid);
	bft_put(out, polka ? polka->count : 0, 4);
	if (!polka || polka->count == 0)
		return;
	bft_put(out, polka->round, 8);
	bft_put_hash(out, &polka->hash);
	for (uint32_t i = 0; i < polka->count; i++) {
		bft_put(out, polka->entries[i].voter, 4);
		buf_append(out, polka->entries[i].signature.bytes, sizeof(polka->entries[i].signature.bytes));
	}
}

/* What is left to be read; the caller has checked that it is enough. */
struct bft_reader {
	const uint8_t *at;
};

static uint64_t bft_take(struct bft_reader *reader, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)*reader->at++ << (8 * i);
	return value;
}

static void bft_take_bytes(struct bft_reader *reader, uint8_t *out, size_t len)
{
	memcpy(out, reader->at, len);
	reader->at += len;
}

static int bft_take_polka(struct bft_certificate *polka, struct bft_reader *reader, size_t left)
{
	if (left < 40 || (left - 40) / BFT_RECORD_ENTRY_BYTES != polka->count ||
	    (left - 40) % BFT_RECORD_ENTRY_BYTES != 0)
		return 1;
	polka->round = bft_take(reader, 8);
	bft_take_bytes(reader, polka->hash.bytes, 32);
	polka->entries = malloc(polka->count * sizeof(polka->entries[0]));
	if (!polka->entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < polka->count; i++) {
		polka->entries[i].voter = (uint32_t)bft_take(reader, 4);
		bft_take_bytes(reader, polka->entries[i].signature.bytes, 64);
	}
	return 0;
}

int bft_record_decode(struct bft_record *record, struct bft_certificate *polka, const uint8_t *bytes, size_t len)
{
	struct bft_reader reader = {bytes};

	if (len < BFT_RECORD_HEAD_BYTES || bft_take(&reader, 1) != BFT_RECORD_VERSION)
		return 1;
	memset(record, 0, sizeof(*record));
	record->kind = (enum bft_record_kind)bft_take(&reader, 1);
	if (record->kind < BFT_RECORD_PROPOSAL || record->kind > BFT_RECORD_STATE)
		return 1;
	record->height = bft_take(&reader, 8);
	record->round = bft_take(&reader, 8);
	bft_take_bytes(&reader, record->hash.bytes, 32);
	record->proposal_round = (int64_t)bft_take(&reader, 8);
	record->locked_round = (int64_t)bft_take(&reader, 8);
	bft_take_bytes(&reader, record->locked.bytes, 32);
	record->valid_round = (int64_t)bft_take(&reader, 8);
	bft_take_bytes(&reader, record->valid.bytes, 32);
	memset(polka, 0, sizeof(*polka));
	polka->height = record->height;
	polka->phase = WIRE_PHASE_PREVOTE;
	polka->count = (uint32_t)bft_take(&reader, 4);
	if (polka->count == 0)
		return len == BFT_RECORD_HEAD_BYTES ? 0 : 1;
	return bft_take_polka(polka, &reader, len - BFT_RECORD_HEAD_BYTES);
}
