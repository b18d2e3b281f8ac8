/* SPDX-License-Identifier: MIT
 *
 * The binary form: bincode 1.3 with its default options, over which all hashes are made and in which values are
 * stored (PROTOCOL.md §5).  Our extra JSON keys are not part of it: encoding leaves them out, decoding sets them to
 * NULL.
 *
 * The decoder is strict: the input must be exactly one value.  No allocation exceeds a small multiple of the input,
 * whatever lengths it claims.
 *
 * Ownership and thread safety: as in json.h.
 */
#ifndef TIMEPROTO_WIRE_BINCODE_H
#define TIMEPROTO_WIRE_BINCODE_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/error.h"
#include "timeproto/wire/message.h"
#include "timeproto/wire/schema.h"

/* Appends the binary form.  0, -ENOMEM, or -EINVAL for an enum out of range (nothing is appended then). */
int wire_bincode_encode(struct buf *out, const struct wire_message *message) __attribute__((warn_unused_result));
int wire_bincode_encode_value(struct buf *out, const struct wire_desc *desc, const void *value)
	__attribute__((warn_unused_result));

/* The number of bytes that wire_bincode_encode_value() would append; SIZE_MAX for an enum out of range. */
size_t wire_bincode_size_value(const struct wire_desc *desc, const void *value);

/* 0; a positive WIRE_E_* and `*error` filled (when not NULL); -ENOMEM: the arena refused. */
int wire_bincode_decode(struct wire_message *out, struct arena *arena, const uint8_t *data, size_t len,
			struct wire_error *error) __attribute__((warn_unused_result));
int wire_bincode_decode_value(void *out, const struct wire_desc *desc, struct arena *arena, const uint8_t *data,
			      size_t len, struct wire_error *error) __attribute__((warn_unused_result));

#endif
