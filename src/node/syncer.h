/* SPDX-License-Identifier: MIT
 *
 * Fetching the chain: the pure state machine of sync.h put to work.  It lives under the mutex `sync`; workers ask it what to
 * send and tell it what came, the chain thread what has become of the blocks, the keeper that time passes.
 *
 * A request has no id on the wire (PROTOCOL.md §3).  An answer finds its request by its kind, of which one is outstanding on a
 * connection at most, and by the height that it is about (net/requests.h); one that nobody asked for is ignored, and takes a
 * token of its sender's rate limit.
 *
 * A range of blocks goes: worker (decoded, hashed, form checked) -> verify pool (signatures) -> sync (authenticated, in order)
 * -> chain thread.
 *
 * Thread safety: any thread, unless a function says otherwise.
 */
#ifndef TIMED_NODE_SYNCER_H
#define TIMED_NODE_SYNCER_H

#include <stdint.h>

#include "sync.h"
#include "timed/net/net.h"

struct node;
struct syncer;

/* 0 or -ENOMEM.  The chain must be open. */
int syncer_new(struct syncer **out, struct node *node) __attribute__((warn_unused_result));
/* Peers, verify pool and chain have stopped. */
void syncer_free(struct syncer *syncer);

/* ---- Worker of the peer only. ---- */

void syncer_ready(struct syncer *syncer, struct peer *peer);
void syncer_gone(struct syncer *syncer, struct peer *peer);
/* Asks the peer whatever there is to ask. */
void syncer_ask(struct syncer *syncer, struct peer *peer);
void syncer_unanswered(struct syncer *syncer, struct peer *peer, enum request_kind kind);
void syncer_overlong(struct syncer *syncer, struct peer *peer);
void syncer_height(struct syncer *syncer, struct peer *peer, uint64_t height);
void syncer_at_least(struct syncer *syncer, struct peer *peer, uint64_t height);
void syncer_hash(struct syncer *syncer, struct peer *peer, uint64_t height, const struct wire_hash *theirs);
/* The answer to our request for blocks, while its message is handled. */
void syncer_blocks(struct syncer *syncer, struct peer *peer, const struct wire_block_list *blocks);
/* It announced a block. */
void syncer_announced(struct syncer *syncer, struct peer *peer, const struct wire_block_header *header,
		      const struct wire_hash *hash);

/* ---- Others. ---- */

/* A certificate of this block, which our chain does not have, was verified. */
void syncer_certified(struct syncer *syncer, uint64_t height, const struct wire_hash *hash);

/* The tip has moved by something else than sync. */
void syncer_tip(struct syncer *syncer, const struct chain_point *tip);
/* The keeper's: does what is due, and says when to call again (monotonic). */
int64_t syncer_tick(struct syncer *syncer, int64_t now_ms);
/* Nothing is known to be missing. */
bool syncer_is_idle(struct syncer *syncer);
void syncer_get_status(struct syncer *syncer, struct sync_status *out);

#endif
