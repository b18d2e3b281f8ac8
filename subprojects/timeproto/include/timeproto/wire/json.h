/* SPDX-License-Identifier: MIT
 *
 * The text form of messages: one line of compact JSON as serde_json writes it (PROTOCOL.md §1 to §3).
 *
 * Decoding goes from the bytes straight into structs; there is no tree.  What is accepted is exactly what
 * PROTOCOL.md says, unknown keys included (skipped, but still required to be valid JSON).
 *
 * Ownership: what `out` points to lives in `arena`, never in the input, which may be reused at once.  After a
 * failure `*out` is indeterminate and the arena holds leftovers until its next reset.
 * Thread safety: pure functions over their arguments.
 */
#ifndef TIMEPROTO_WIRE_JSON_H
#define TIMEPROTO_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/error.h"
#include "timeproto/wire/message.h"
#include "timeproto/wire/schema.h"

/* Decodes one line (without its newline).  0; a positive WIRE_E_* and `*error` filled; -ENOMEM: the arena refused.
 * `error` may be NULL and is written on failure only. */
int wire_json_decode(struct wire_message *out, struct arena *arena, const uint8_t *line, size_t len,
		     struct wire_error *error) __attribute__((warn_unused_result));

/* The same for one value: `out` points to the struct that `desc` describes (schema.h). */
int wire_json_decode_value(void *out, const struct wire_desc *desc, struct arena *arena, const uint8_t *text,
			   size_t len, struct wire_error *error) __attribute__((warn_unused_result));

/* Appends the canonical line, without a newline.  0, -ENOMEM, or -EINVAL for an enum out of range.  Strings must be
 * valid UTF-8, which is not checked: what a decoder made always is. */
int wire_json_encode(struct buf *out, const struct wire_message *message) __attribute__((warn_unused_result));

/* The same bytes for a message whose payload is a list, item by item: for lists that end where a line gets too long.
 * `item` points to the C type of the list's elements; `first` is true for the first one. */
int wire_json_encode_list_begin(struct buf *out, enum wire_type type) __attribute__((warn_unused_result));
int wire_json_encode_list_item(struct buf *out, enum wire_type type, const void *item, bool first)
	__attribute__((warn_unused_result));
int wire_json_encode_list_end(struct buf *out) __attribute__((warn_unused_result));

/* The same for one value. */
int wire_json_encode_value(struct buf *out, const struct wire_desc *desc, const void *value)
	__attribute__((warn_unused_result));

#endif
