/* SPDX-License-Identifier: MIT
 *
 * Blocks that peers announce: each is looked at once, checked, connected when it continues our tip, and passed on to
 * the peers that lack it.  One that comes before its parent, or without the certificate that it needs, waits, in a
 * bound; what asks for a decision between chains, or for blocks in between, is told to the syncer.
 *
 * Thread safety: any thread, unless a function says otherwise.
 */
#ifndef TIMED_NODE_GOSSIP_H
#define TIMED_NODE_GOSSIP_H

#include <stddef.h>

#include "timed/net/net.h"
#include "timed/store/chain_store.h"

struct gossip;
struct node;

/* `bound_bytes`: announced blocks that are held at once.  0 or -ENOMEM. */
int gossip_new(struct gossip **out, struct node *node, size_t bound_bytes) __attribute__((warn_unused_result));
/* No block may be on its way any more. */
void gossip_free(struct gossip *gossip);
/* A peer has sent a new block.  Worker of the peer only. */
enum message_verdict gossip_announced(struct gossip *gossip, struct peer *peer, const struct wire_block *block);
/* A certificate: the block that waits for it goes on.  For a block that does not, it is useless.  Worker of the peer
 * only. */
enum message_verdict gossip_commit(struct gossip *gossip, struct peer *peer, const struct wire_block_commit *message);
/* The tip has changed: what waited for it goes on.  Chain thread. */
void gossip_tip(struct gossip *gossip, const struct chain_point *tip);
/* Much has been fetched: peers that lie lower are shown our tip.  Chain thread. */
void gossip_catch_up(struct gossip *gossip);
/* Sends a block of the chain to every peer that has not shown it, but `except` (may be NULL).  Returns to how many. */
size_t gossip_relay(struct gossip *gossip, const struct wire_block *block, const struct wire_hash *hash,
		    const struct peer *except);
/* The same, to the existing nodes among them alone: ours have it, or will, by agreeing on it. */
size_t gossip_relay_existing(struct gossip *gossip, const struct wire_block *block, const struct wire_hash *hash);

#endif
