/* SPDX-License-Identifier: MIT
 *
 * Token buckets (PROTOCOL.md §4 "Rate limits"): what is over the limit is dropped, not punished.  A token is taken only
 * by what proves useless, so an honest burst costs nothing.
 *
 * Thread safety: pure; one owner.
 */
#ifndef TIMED_NET_RATE_LIMIT_H
#define TIMED_NET_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum rate_kind {
	RATE_NONE, /* never limited: ping, pong, answers */
	RATE_TRANSACTION,
	RATE_VOTE,
	RATE_BLOCK_VOTE,
	RATE_BLOCK,
	RATE_UTXO_QUERY,
	RATE_SUBSCRIBE,
	RATE_OTHER,
	RATE_KIND_COUNT
};

struct rate_limit_params {
	bool enabled;
	uint32_t per_minute[RATE_KIND_COUNT]; /* tokens a minute; the burst is one second's worth, at least 10 */
};

/* Parts of a token: at one token a minute a millisecond brings one part, so filling is exact at every rate. */
#define TOKEN_PARTS 60000

struct token_bucket {
	int64_t parts;	    /* what is in it, TOKEN_PARTS to a token */
	int64_t updated_ms; /* when it was filled last */
	bool begun;	    /* false: never used, full */
};

/* Fills the bucket up to now and returns whole tokens in it. */
int64_t token_bucket_available(struct token_bucket *b, uint32_t per_minute, uint32_t burst, int64_t now_ms);
/* Takes `tokens` that token_bucket_available has just said are there. */
void token_bucket_spend(struct token_bucket *b, int64_t tokens);
/* Takes one if there is one. */
bool token_bucket_take(struct token_bucket *b, uint32_t per_minute, uint32_t burst, int64_t now_ms);

struct rate_limit {
	struct token_bucket bucket[RATE_KIND_COUNT];
};
/* True: a message of this kind may be handled now. */
bool rate_limit_allows(struct rate_limit *r, const struct rate_limit_params *p, enum rate_kind kind, int64_t now_ms);
/* A message of this kind proved useless. */
void rate_limit_charge(struct rate_limit *r, const struct rate_limit_params *p, enum rate_kind kind, int64_t now_ms);

#endif
