// SPDX-License-Identifier: MIT
/* Undo data, the outputs that a block spent, to bytes and back: see chain_format.h. */
#include <errno.h>
#include <string.h>

#include "chain_format.h"
#include "timeproto/base/le.h"

/* of an entry, before its script: txid, vout, value, length */
#define UNDO_FIXED_BYTES (32 + 4 + 8 + 4)

void chain_undo_encode(struct buf *out, const struct spent_coin *spent, size_t count)
{
	buf_reset(out);
	le_append_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		buf_append(out, spent[i].outpoint.txid.bytes, sizeof(spent[i].outpoint.txid.bytes));
		le_append_u32(out, spent[i].outpoint.vout);
		le_append_u64(out, spent[i].coin.value);
		le_append_u32(out, (uint32_t)spent[i].coin.script.len);
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
	out->outpoint.vout = le_get_u32(at + 32);
	out->coin.value = le_get_u64(at + 36);
	script_len = le_get_u32(at + 44);
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
	*count = le_get_u32(value);
	if (*count > (len - 4) / UNDO_FIXED_BYTES)
		return CHAIN_FORMAT_E_DAMAGED;
	*out = arena_alloc(arena, *count * sizeof((*out)[0]));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < *count && at; i++)
		at = read_entry(&(*out)[i], at, end);
	return at == end ? 0 : CHAIN_FORMAT_E_DAMAGED;
}
