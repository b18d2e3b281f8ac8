/* SPDX-License-Identifier: MIT
 *
 * What the tests of the codec share: decoding from memory of exactly the right size (so that a sanitizer sees a read
 * beyond it), and expectations on the result.
 */
#ifndef TIMEPROTO_TESTS_CODEC_H
#define TIMEPROTO_TESTS_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/json.h"

#define TEXT(literal) literal, sizeof(literal) - 1

/* 32 zero bytes as JSON. */
#define ZEROS "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"
#define OUTPOINT "{\"txid\":" ZEROS ",\"vout\":0}"
#define EMPTY_TX "{\"version\":0,\"inputs\":[],\"outputs\":[],\"lock_time\":0,\"timestamp\":0}"
#define HEADER                                                                                                         \
	"{\"version\":1,\"height\":1,\"previous_hash\":" ZEROS ",\"merkle_root\":" ZEROS                               \
	",\"timestamp\":5,\"block_reward\":7}"
#define EMPTY_BLOCK "{\"header\":" HEADER ",\"transactions\":[],\"masternode_rewards\":[]}"

/* Decodes a copy of the line that ends where its memory ends. */
int codec_decode(struct wire_message *out, struct arena *arena, const char *line, size_t len, struct wire_error *error);
/* The canonical line of `message`, NUL-terminated in `out`. */
void codec_encode(struct buf *out, const struct wire_message *message);

/* The line is accepted and read back as `canonical`. */
void codec_accepts(const char *line, size_t len, const char *canonical);
/* The line is refused with exactly this; a NULL path is not compared. */
void codec_refuses(const char *line, size_t len, int code, size_t offset, const char *path);

/* Appends `item` `count` times, separated by commas. */
void codec_repeat(struct buf *out, const char *item, size_t count);

/* A small generator of repeatable numbers (xorshift); `*state` must not be 0. */
uint64_t codec_random(uint64_t *state);

#endif
