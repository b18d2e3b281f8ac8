/* SPDX-License-Identifier: MIT
 *
 * What stands in pool.dat, to bytes and back; see pool_format.h.
 */
#include "pool_format.h"

#include <string.h>

#include "timeproto/base/le.h"
#include "timeproto/base/sha256.h"
#include "timeproto/wire/bincode.h"

static const char MAGIC[8] = {'T', 'I', 'M', 'E', 'P', 'O', 'O', 'L'};

#define TRANSACTION_FIXED_BYTES (1 + 8 + 8 + 4)
#define FINAL_BYTES (32 + 8 + 4)
#define SETTLED_BYTES (FINAL_BYTES + 8)

/* Of everything in the buffer from `begin` on. */
static void put_sum(struct buf *out, size_t begin)
{
	uint8_t digest[32];

	if (out->error)
		return;
	sha256_digest(digest, out->data + begin, out->len - begin);
	buf_append(out, digest, POOL_FORMAT_SUM_BYTES);
}

static bool sum_is_right(const uint8_t *bytes, size_t len)
{
	uint8_t digest[32];

	sha256_digest(digest, bytes, len - POOL_FORMAT_SUM_BYTES);
	return memcmp(digest, bytes + len - POOL_FORMAT_SUM_BYTES, POOL_FORMAT_SUM_BYTES) == 0;
}

void pool_format_header(struct buf *out, const struct wire_hash *genesis)
{
	size_t begin = out->len;

	buf_append(out, MAGIC, sizeof(MAGIC));
	le_append_u32(out, POOL_FORMAT_VERSION);
	buf_append(out, genesis->bytes, sizeof(genesis->bytes));
	put_sum(out, begin);
}

int pool_format_header_read(const uint8_t bytes[POOL_FORMAT_HEADER_BYTES], const struct wire_hash *genesis)
{
	const uint8_t *at = bytes + sizeof(MAGIC);

	if (memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0 || !sum_is_right(bytes, POOL_FORMAT_HEADER_BYTES))
		return POOL_FORMAT_E_DAMAGED;
	if (le_get_u32(at) != POOL_FORMAT_VERSION || memcmp(at + 4, genesis->bytes, sizeof(genesis->bytes)) != 0)
		return POOL_FORMAT_E_FOREIGN;
	return 0;
}

static void put_transaction(struct buf *out, const struct pool_record *record)
{
	buf_append_byte(out, record->finalized);
	le_append_u64(out, (uint64_t)record->inserted_s);
	le_append_u64(out, (uint64_t)record->finalized_s);
	le_append_u32(out, record->votes);
	/* a failure stays in the buffer; a transaction has no enum to be out of range */
	if (wire_bincode_encode_value(out, &wire_desc_transaction, &record->transaction))
		return;
}

static void put_final(struct buf *out, const struct pool_record *record)
{
	buf_append(out, record->txid.bytes, sizeof(record->txid.bytes));
	le_append_u64(out, (uint64_t)record->finalized_s);
	le_append_u32(out, record->votes);
}

void pool_format_record(struct buf *out, const struct pool_record *record)
{
	size_t begin = out->len;
	uint32_t len;

	le_append_u32(out, 0);
	buf_append_byte(out, (uint8_t)record->kind);
	switch (record->kind) {
	case POOL_RECORD_TRANSACTION:
		put_transaction(out, record);
		break;
	case POOL_RECORD_FINAL:
		put_final(out, record);
		break;
	case POOL_RECORD_SETTLED:
		put_final(out, record);
		le_append_u64(out, record->height);
		break;
	}
	if (out->error)
		return;
	len = htole32((uint32_t)(out->len - begin - POOL_FORMAT_HEAD_BYTES));
	memcpy(out->data + begin, &len, sizeof(len));
	put_sum(out, begin);
}

size_t pool_format_body_bytes(const uint8_t head[POOL_FORMAT_HEAD_BYTES])
{
	uint32_t len = le_get_u32(head);

	if (head[4] < POOL_RECORD_TRANSACTION || head[4] > POOL_RECORD_SETTLED || len > POOL_FORMAT_MAX_BODY)
		return SIZE_MAX;
	return len;
}

static int get_transaction(struct pool_record *out, struct arena *arena, const uint8_t *body, size_t len)
{
	int r;

	if (len < TRANSACTION_FIXED_BYTES || body[0] > 1)
		return POOL_FORMAT_E_DAMAGED;
	out->finalized = body[0];
	out->inserted_s = (int64_t)le_get_u64(body + 1);
	out->finalized_s = (int64_t)le_get_u64(body + 9);
	out->votes = le_get_u32(body + 17);
	r = wire_bincode_decode_value(&out->transaction, &wire_desc_transaction, arena, body + TRANSACTION_FIXED_BYTES,
				      len - TRANSACTION_FIXED_BYTES, NULL);
	return r > 0 ? POOL_FORMAT_E_DAMAGED : r;
}

static int get_final(struct pool_record *out, const uint8_t *body, size_t len)
{
	if (len != (out->kind == POOL_RECORD_FINAL ? FINAL_BYTES : SETTLED_BYTES))
		return POOL_FORMAT_E_DAMAGED;
	memcpy(out->txid.bytes, body, sizeof(out->txid.bytes));
	out->finalized = true;
	out->finalized_s = (int64_t)le_get_u64(body + 32);
	out->votes = le_get_u32(body + 40);
	if (out->kind == POOL_RECORD_SETTLED)
		out->height = le_get_u64(body + FINAL_BYTES);
	return 0;
}

int pool_format_record_read(struct pool_record *out, struct arena *arena, const uint8_t *bytes, size_t len)
{
	const uint8_t *body = bytes + POOL_FORMAT_HEAD_BYTES;
	size_t body_len;

	if (len < POOL_FORMAT_HEAD_BYTES + POOL_FORMAT_SUM_BYTES || !sum_is_right(bytes, len))
		return POOL_FORMAT_E_DAMAGED;
	body_len = len - POOL_FORMAT_HEAD_BYTES - POOL_FORMAT_SUM_BYTES;
	if (pool_format_body_bytes(bytes) != body_len)
		return POOL_FORMAT_E_DAMAGED;
	*out = (struct pool_record){.kind = (enum pool_record_kind)bytes[4]};
	return out->kind == POOL_RECORD_TRANSACTION ? get_transaction(out, arena, body, body_len)
						    : get_final(out, body, body_len);
}
