/* SPDX-License-Identifier: MIT
 *
 * Who wants to hear of which addresses and outpoints (PROTOCOL.md §3, Subscribe): an index from what changes to the
 * peers that asked.  It holds hashes of fixed size only, so that what a peer can make grow is counted in entries.
 *
 * An address stands for the script of an output: its bytes, whatever they are.
 *
 * Thread safety: any thread between subscriptions_new() and subscriptions_free().  Inside there is one mutex, a leaf.
 */
#ifndef TIMED_NODE_SUBSCRIPTIONS_H
#define TIMED_NODE_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "timeproto/wire/message.h"

struct peer;
struct subscriptions;

enum subscriptions_error {
	SUBSCRIPTIONS_E_PEER = 1, /* more than one peer may have */
	SUBSCRIPTIONS_E_ALL,	  /* more than all peers may have */
};

/* Each subscription counts as one entry and one for each of its addresses and outpoints. */
struct subscriptions_params {
	size_t per_peer;
	size_t in_all;
};

/* 0 or -ENOMEM. */
int subscriptions_new(struct subscriptions **out, const struct subscriptions_params *params)
	__attribute__((warn_unused_result));
void subscriptions_free(struct subscriptions *subscriptions); /* NULL is fine */

/* Adds what the message asks for, in the place of what was there under its id.  The peer is referred to until
 * subscriptions_drop().  0; SUBSCRIPTIONS_E_PEER, SUBSCRIPTIONS_E_ALL or -ENOMEM: then nothing has changed. */
int subscriptions_add(struct subscriptions *subscriptions, struct peer *peer, const struct wire_subscribe *wanted)
	__attribute__((warn_unused_result));
/* False: there is none with this id. */
bool subscriptions_remove(struct subscriptions *subscriptions, struct peer *peer, const struct wire_str *id);
/* All of a peer. */
void subscriptions_drop(struct subscriptions *subscriptions, struct peer *peer);
/* Entries of all peers. */
size_t subscriptions_count(struct subscriptions *subscriptions);

/* Peers that asked, each once, counted: subscribers_free(). */
struct subscribers {
	struct peer **items;
	size_t count;
};
/* Who wants to hear of this outpoint or of this script (either may be NULL).  Out of memory: nobody. */
void subscriptions_match(struct subscriptions *subscriptions, struct subscribers *out,
			 const struct wire_outpoint *outpoint, const struct wire_bytes *script);
void subscribers_free(struct subscribers *subscribers);

#endif
