// SPDX-License-Identifier: MIT
/* Undo data, the outputs that a block spent, to bytes and back: see chain_format.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "chain_format.h"

/* of an entry, before its script: txid, vout, value, length */
#define UNDO_FIXED_BYTES (32 + 4 + 8 + 4)

static uint32_t read_u32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

static uint64_t read_u64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

static void append_u32(struct buf *out, uint32_t v)
{
	v = htole32(v);
	buf_append(out, &v, sizeof(v));
}

void chain_undo_encode(struct buf *out, const struct spent_coin *spent, size_t count)
{
	buf_reset(out);
	append_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		uint64_t value = htole64(spent[i].coin.value);

		buf_append(out, spent[i].outpoint.txid.bytes, sizeof(spent[i].outpoint.txid.bytes));
		append_u32(out, spent[i].outpoint.vout);
		buf_append(out, &value, sizeof(value));
		append_u32(out, (uint32_t)spent[i].coin.script.len);
		buf_append(out, spent[i].coin.script.ptr, spent[i].coin.script.len);
	}
}

/* Reads one entry; NULL: it does not fit. */
static const uint8_t *read_entry(struct spent_coin *out, const uint8_t *at, const uint8_t *end)
{
	size_t script_len;

	if ((size_t)(end - at) < UNDO_FIXED_BYTES)
		return NULL;
	memcpy(out->outpoint.txid.bytes, at, 32);
	out->outpoint.vout = read_u32(at + 32);
	out->coin.value = read_u64(at + 36);
	script_len = read_u32(at + 44);
	at += UNDO_FIXED_BYTES;
	if (script_len > (size_t)(end - at))
		return NULL;
	out->coin.script = (struct wire_bytes){at, script_len};
	return at + script_len;
}

int chain_undo_read(struct spent_coin **out, size_t *count, struct arena *arena, const uint8_t *value, size_t len)
{
	const uint8_t *at = value + 4, *end = value + len;

	if (len < 4)
		return CHAIN_FORMAT_E_DAMAGED;
	*count = read_u32(value);
	if (*count > (len - 4) / UNDO_FIXED_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	*out = arena_alloc(arena, *count * sizeof((*out)[0]));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < *count && at; i++)
		at = read_entry(&(*out)[i], at, end);
	return at == end ? 0 : CHAIN_FORMAT_E_DAMAGED;
}
