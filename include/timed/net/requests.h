/* SPDX-License-Identifier: MIT
 *
 * What we have asked one peer and not been answered yet.  Requests have no ids on the wire, so one of each kind is
 * outstanding at most, and an answer is matched by its kind and, where it has one, its height.  A ping follows each
 * group of requests: its pong before an answer means that none comes (a mute peer, a rate limit), and that kind stays
 * unused on the connection for a while, without penalty (PROTOCOL.md §4).
 *
 * Thread safety: pure; one owner.
 */
#ifndef TIMED_NET_REQUESTS_H
#define TIMED_NET_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/net/rate_limit.h"

enum request_kind {
	REQUEST_NONE, /* not an answer to anything */
	REQUEST_PEERS,
	REQUEST_MASTERNODES,
	REQUEST_BLOCK_HEIGHT,
	REQUEST_BLOCK_HASH,
	REQUEST_BLOCKS,
	REQUEST_TRANSACTIONS,
	REQUEST_KIND_COUNT
};

struct request {
	bool outstanding;
	bool fenced;	      /* `fence` is the nonce of the ping behind it */
	uint64_t key;	      /* what was asked: a height, or 0 */
	uint64_t fence;	      /* nonce */
	int64_t deadline_ms;  /* given up then */
	int64_t unused_until_ms; /* the kind was left unanswered: not asked before */
	struct token_bucket pace; /* how often this kind may be asked */
};

struct requests {
	struct request kind[REQUEST_KIND_COUNT];
	uint32_t answered; /* answers that matched */
};

/* True: ask now (it is noted).  False: one is outstanding, the kind is unused for a while, or the last
 * one of its kind was less than a second / `per_second` ago (0: as often as one likes). */
bool requests_begin(struct requests *r, enum request_kind kind, uint64_t key, uint32_t per_second, int64_t now_ms,
		    int64_t timeout_ms);
/* The ping with this nonce follows everything asked so far. */
void requests_fence(struct requests *r, uint64_t nonce);
/* This kind was asked for and is not answered yet; `*key` is what was asked. */
bool requests_outstanding(const struct requests *r, enum request_kind kind, uint64_t *key);
/* Bytes of a long line are coming in: an answer may be among them, and nothing is given up before `timeout_ms` more. */
void requests_progress(struct requests *r, int64_t now_ms, int64_t timeout_ms);
/* An answer of this kind has come; true and its key when it was asked for. */
bool requests_answer(struct requests *r, enum request_kind kind, uint64_t *key);
/* A pong has come: what it fences stays unanswered.  Returns the first kind (REQUEST_NONE: none) that is given up by it;
 * call again until there is none. */
enum request_kind requests_pong(struct requests *r, uint64_t nonce, int64_t now_ms, int64_t pause_ms);
/* Gives up what is past its deadline; as above. */
enum request_kind requests_expire(struct requests *r, int64_t now_ms, int64_t pause_ms);

#endif
