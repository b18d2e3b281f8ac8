/* SPDX-License-Identifier: MIT
 *
 * Tells subscribed peers what becomes of outputs (PROTOCOL.md §3, §7): from events of the pool, and from new blocks.
 *
 * What is spent is told as SpentPending, SpentFinalized and Confirmed; what is made, as Unspent once its transaction is
 * final or in a block.  Notifications are gossip: who reads slowly misses some.
 *
 * Thread safety: any thread, but for notifier_blocks(): the chain thread.  No lock of the caller may be held.
 */
#ifndef TIMED_NODE_NOTIFIER_H
#define TIMED_NODE_NOTIFIER_H

#include "timed/node/pool_event.h"
#include "timed/net/net.h"

struct node;
struct notifier;

/* 0 or -ENOMEM. */
int notifier_new(struct notifier **out, struct node *node) __attribute__((warn_unused_result));
void notifier_free(struct notifier *notifier); /* NULL is fine */

enum message_verdict notifier_subscribe(struct notifier *notifier, struct peer *peer,
					const struct wire_subscribe *wanted);
enum message_verdict notifier_unsubscribe(struct notifier *notifier, struct peer *peer, const struct wire_str *id);
void notifier_peer_gone(struct notifier *notifier, struct peer *peer);

/* What has happened to a transaction of the pool; but what a block holds is told by notifier_blocks(). */
void notifier_event(struct notifier *notifier, const struct pool_event *event);
/* The chain has a new tip: tells what the blocks hold that came since the last call.  `events` are those of the pool's
 * way there. */
void notifier_blocks(struct notifier *notifier, const struct pool_events *events);
/* A peer says that an output is being spent.  Whoever asked for it is warned, unless we know better; anything else that
 * a peer might say of an output is no news, or not his to say. */
enum message_verdict notifier_claim(struct notifier *notifier, struct peer *from, const struct wire_outpoint *outpoint,
				    const struct wire_utxo_state *state);

#endif
