/* SPDX-License-Identifier: MIT
 *
 * Heartbeats of masternodes, and who attests them (PROTOCOL.md §8): ours are made and sent, those of others are
 * checked, passed on once, and attested when we are a masternode.  What is good and who counts as a witness is the
 * affair of consensus/attestation.h; this adds signatures, the registry of the masternodes, and the network.
 *
 * A heartbeat or attestation goes: worker -> asked whether it would be taken (a duplicate ends here) -> signature ->
 * taken, under the registry lock -> to all peers but its sender, and our attestation after it, so that whoever gets an
 * attestation has got its heartbeat before.
 *
 * Thread safety: any thread between heartbeats_new() and heartbeats_free(), unless a function says otherwise; no lock
 * of the caller may be held.
 */
#ifndef TIMED_NODE_HEARTBEATS_H
#define TIMED_NODE_HEARTBEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/consensus/attestation.h"
#include "timed/net/net.h"
#include "timed/node/node.h"

struct heartbeats;

/* Why something was not taken, beyond enum attestation_error. */
enum heartbeats_error {
	HEARTBEATS_E_SIGNATURE = ATTESTATION_E_END, /* it does not verify by the key that it names */
	HEARTBEATS_E_OWN,			    /* a heartbeat of our own address: ours, come back */
};

/* The registry is open; the configuration gives limits and intervals.  0 or -ENOMEM. */
int heartbeats_new(struct heartbeats **out, struct node *node) __attribute__((warn_unused_result));
void heartbeats_free(struct heartbeats *heartbeats); /* NULL is fine */

/* Sends ours when it is due, and forgets the silent; the keeper's job, every second or so. */
void heartbeats_tick(struct heartbeats *heartbeats, int64_t now_ms);

/* A masternode that the registry has replaced. */
void heartbeats_forget(struct heartbeats *heartbeats, const char *ip);

/* HeartbeatBroadcast and HeartbeatAttestation of a peer; its worker only. */
enum message_verdict heartbeats_on_broadcast(struct peer *peer, const struct wire_message *message);
enum message_verdict heartbeats_on_attestation(struct peer *peer, const struct wire_message *message);

/* ---- What these are made of, without the network ---- */

/* Our next heartbeat, signed and counted; we are a masternode.  0 or -ENOMEM. */
int heartbeats_make(struct heartbeats *heartbeats, struct wire_heartbeat *out) __attribute__((warn_unused_result));
/* A heartbeat came, over the connection of its own masternode or not.  0: it is new, to be passed on; an enum
 * attestation_error or heartbeats_error; or -ENOMEM. */
int heartbeats_take(struct heartbeats *heartbeats, const struct wire_heartbeat *heartbeat, bool own_connection)
	__attribute__((warn_unused_result));
/* Our attestation of a heartbeat that was taken, signed and counted.  False: we are no masternode, or it has witnesses
 * enough. */
bool heartbeats_attest(struct heartbeats *heartbeats, struct wire_attestation *out,
		       const struct wire_heartbeat *heartbeat);
/* An attestation came.  0: it is new, to be passed on; an enum attestation_error or heartbeats_error. */
int heartbeats_witness(struct heartbeats *heartbeats, const struct wire_attestation *witness)
	__attribute__((warn_unused_result));

#endif
