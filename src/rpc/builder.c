// SPDX-License-Identifier: MIT
/* See builder.h. */
#include "timed/rpc/builder.h"

#include "timed/rpc/value.h"
#include "timeproto/wire/types.h"

void builder_init(struct builder *b)
{
	b->object = json_object();
}

void builder_add(struct builder *b, const char *key, json_t *value)
{
	/* json_object_set_new() takes the value over even when it fails, and refuses NULL for either. */
	if (json_object_set_new(b->object, key, value)) {
		json_decref(b->object);
		b->object = NULL;
	}
}

void builder_add_bool(struct builder *b, const char *key, bool value)
{
	builder_add(b, key, json_boolean(value));
}

void builder_add_integer(struct builder *b, const char *key, int64_t value)
{
	builder_add(b, key, json_integer(value));
}

void builder_add_u64(struct builder *b, const char *key, uint64_t value)
{
	builder_add(b, key, value_u64(value));
}

void builder_add_text(struct builder *b, const char *key, const char *value)
{
	builder_add(b, key, value_text(value));
}

void builder_add_hex(struct builder *b, const char *key, const uint8_t *bytes, size_t len)
{
	builder_add(b, key, value_hex(bytes, len));
}

void builder_add_hash(struct builder *b, const char *key, const struct wire_hash *hash)
{
	builder_add_hex(b, key, hash->bytes, sizeof(hash->bytes));
}

void builder_add_amount(struct builder *b, const char *key, uint64_t satoshis)
{
	builder_add(b, key, value_amount(satoshis));
}

json_t *builder_take(struct builder *b)
{
	json_t *object = b->object;

	b->object = NULL;
	return object;
}
