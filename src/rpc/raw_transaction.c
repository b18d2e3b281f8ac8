// SPDX-License-Identifier: MIT
/* See raw_transaction.h. */
#include "timed/rpc/raw_transaction.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "timed/rpc/value.h"
#include "timeproto/base/hex.h"
#include "timeproto/chain/rules.h"
#include "timeproto/wire/bincode.h"

__attribute__((format(printf, 3, 4))) static int refuse(char why[RAW_TRANSACTION_WHY_SIZE],
							enum raw_transaction_error error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, RAW_TRANSACTION_WHY_SIZE, format, args);
	va_end(args);
	return (int)error;
}

int raw_transaction_decode(struct wire_transaction *out, char why[RAW_TRANSACTION_WHY_SIZE], struct arena *arena,
			   const char *hex, size_t len)
{
	struct wire_error error;
	uint8_t *bytes;
	int r;

	if (len / 2 > CHAIN_MAX_TRANSACTION_BYTES)
		return refuse(why, RAW_TRANSACTION_E_SIZE, "%zu bytes, expected at most %zu", len / 2,
			      CHAIN_MAX_TRANSACTION_BYTES);
	bytes = arena_alloc(arena, len / 2);
	if (!bytes)
		return -ENOMEM;
	if (len % 2 || hex_decode(bytes, len / 2, hex, len))
		return refuse(why, RAW_TRANSACTION_E_HEX, "no hex, or an odd number of digits");
	r = wire_bincode_decode_value(out, &wire_desc_transaction, arena, bytes, len / 2, &error);
	if (r > 0)
		return refuse(why, RAW_TRANSACTION_E_FORM, "byte %zu%s%s: %s", error.offset, *error.path ? ", " : "",
			      error.path, error.text);
	return r;
}

bool raw_transaction_arg(struct rpc_call *call, struct wire_transaction *out, struct arena *arena, size_t index)
{
	char why[RAW_TRANSACTION_WHY_SIZE];
	int r = raw_transaction_decode(out, why, arena, rpc_arg_string(call, index),
				       json_string_length(call->args[index]));

	if (r > 0)
		rpc_fail(call, RPC_DESERIALIZATION_ERROR, "%s is no transaction in hex: %s",
			 call->method->params[index].name, why);
	return !r;
}

json_t *raw_transaction_encode(const struct wire_transaction *transaction)
{
	struct buf bytes = BUF_INIT;
	json_t *result = NULL;

	if (wire_bincode_encode_value(&bytes, &wire_desc_transaction, transaction) == 0)
		result = value_hex(bytes.data, bytes.len);
	buf_free(&bytes);
	return result;
}
