/* SPDX-License-Identifier: MIT
 *
 * Builds the JSON object that a method answers.  A failed allocation is remembered, so that a row of fields needs one
 * check at its end.
 *
 * Thread safety: one owner.
 */
#ifndef TIMED_RPC_BUILDER_H
#define TIMED_RPC_BUILDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_hash;

struct builder {
	json_t *object; /* NULL once an allocation has failed */
};

void builder_init(struct builder *b);
/* Takes `value` over; NULL counts as a failed allocation.  `key` is a literal. */
void builder_add(struct builder *b, const char *key, json_t *value);
void builder_add_bool(struct builder *b, const char *key, bool value);
void builder_add_integer(struct builder *b, const char *key, int64_t value);
void builder_add_u64(struct builder *b, const char *key, uint64_t value);
/* Any bytes; what is not UTF-8 becomes U+FFFD. */
void builder_add_text(struct builder *b, const char *key, const char *value);
/* Lower-case hex, as long as it gets. */
void builder_add_hex(struct builder *b, const char *key, const uint8_t *bytes, size_t len);
/* Its hex, in byte order. */
void builder_add_hash(struct builder *b, const char *key, const struct wire_hash *hash);
/* An amount in satoshis, printed as TIME with 8 decimals. */
void builder_add_amount(struct builder *b, const char *key, uint64_t satoshis);
/* The object (a new reference), or NULL when something failed.  The builder is then empty. */
json_t *builder_take(struct builder *b) __attribute__((warn_unused_result));

#endif
