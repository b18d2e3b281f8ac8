/* SPDX-License-Identifier: MIT
 *
 * The table of connections: at most one incumbent and one challenger per IP, every running worker, and the workers that
 * have ended and wait to be joined.  The rule about second connections is pair_rule.h; this module holds the lock under
 * which it is asked and obeyed.
 *
 * An outbound peer claims its IP before it connects; an inbound one when its Handshake has come, so a silent connection
 * takes no slot and is in nobody's way.
 *
 * Thread safety: own lock (rank MUTEX_RANK_PEER_TABLE); no function may be called with a lock held.
 */
#ifndef TIMED_NET_PEER_TABLE_H
#define TIMED_NET_PEER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/pair_rule.h"
#include "timed/net/peer.h"

struct net_stats;
struct peer_table;

struct peer_table_params {
	uint32_t max_peers;	 /* ready connections */
	uint32_t kept_percent;	 /* of them kept for masternodes and configured peers */
	uint32_t max_handshakes; /* connections before ready */
	struct pair_params pair;
	uint8_t node_id[16]; /* ours */
};

int peer_table_create(struct peer_table **out, const struct peer_table_params *params)
	__attribute__((warn_unused_result));
/* Every peer must have been reaped. */
void peer_table_free(struct peer_table *table);

/* Registers a peer before its thread is created; takes a reference, the worker's.  False: closing down (nothing taken).
 * Too many before their handshake: the oldest of them is asked to close. */
bool peer_table_register(struct peer_table *table, struct peer *peer);
/* An outbound peer claims its IP.  False: there is a connection. */
bool peer_table_claim(struct peer_table *table, struct peer *peer);
/* An outbound peer is about to send its Handshake.  False: it has given way. */
bool peer_table_begin_handshake(struct peer_table *table, struct peer *peer);
/* The peer has shown its node id and version text. */
void peer_table_set_identity(struct peer_table *table, struct peer *peer, const uint8_t node_id[16], const char *subver);
void peer_table_set_bound(struct peer_table *table, struct peer *peer, const struct net_addr *bound);
void peer_table_get_bound(struct peer_table *table, const struct peer *peer, struct net_addr *out);
/* The hash of the best block that the peer has shown. */
void peer_table_set_best(struct peer_table *table, struct peer *peer, const struct wire_hash *hash);
bool peer_table_best_is(struct peer_table *table, const struct peer *peer, const struct wire_hash *hash);
/* Fills in what only the table's lock guards: identity, best block, our end. */
void peer_table_describe(struct peer_table *table, const struct peer *peer, struct peer_info *out);

enum table_verdict {
	TABLE_PROCEED,	 /* it is the incumbent */
	TABLE_WAIT,	 /* ask again soon */
	TABLE_DUPLICATE, /* refused: the other connection lives, or a third one came */
	TABLE_TIE_LOST,	 /* Ack, then close */
	TABLE_SELF,	 /* both ends are ours */
};
/* An inbound peer whose Handshake has come asks for its place; asked again until it is not TABLE_WAIT.  `own` is our IP
 * for the tie-break. */
enum table_verdict peer_table_challenge(struct peer_table *table, struct peer *peer, const struct net_ip *own,
					int64_t now_ms);
/* The incumbent becomes ready.  False: it has been closed meanwhile, or no slot is free (asked to close: full). */
bool peer_table_make_ready(struct peer_table *table, struct peer *peer, int64_t now_ms);
/* A peer turned out to be one that slots are kept for. */
void peer_table_set_kept(struct peer_table *table, struct peer *peer);
/* First reason wins; unlinks, lets a challenger take over, wakes the worker. */
void peer_table_ask_close(struct peer_table *table, struct peer *peer, enum peer_close_reason reason);
/* The same for every running peer with this IP (NULL: for all) that is not closing yet.  Returns how many. */
size_t peer_table_close_matching(struct peer_table *table, const struct net_ip *ip, enum peer_close_reason reason);
/* The worker's last act: gives its reference to the reaper. */
void peer_table_finished(struct peer_table *table, struct peer *peer);

/* A counted reference to the ready or incumbent peer with this IP, or NULL. */
struct peer *peer_table_find(struct peer_table *table, const struct net_ip *ip);
/* Counted references to every ready peer (or every running one), ordered by id.  *out is malloc'ed; the caller unrefs each and frees. */
size_t peer_table_list(struct peer_table *table, struct peer ***out, bool all);
uint32_t peer_table_ready_count(struct peer_table *table);
/* True when a dial of a peer that is neither masternode nor configured would find a slot, should all dials under way
 * succeed: a thousand addresses in one answer are not a thousand sockets. */
bool peer_table_has_regular_slot(struct peer_table *table);
/* Fills in what is counted here: connections ended by reason, ready ones by direction. */
void peer_table_count(struct peer_table *table, struct net_stats *out);

/* Asks every peer to close and refuses new ones. */
void peer_table_shut(struct peer_table *table);
/* Waits until a worker has ended, peer_table_wake() is called, or the deadline (monotonic ms). */
void peer_table_wait(struct peer_table *table, int64_t deadline_ms);
void peer_table_wake(struct peer_table *table);
/* Joins the workers that have ended.  With `all`: waits until every worker has ended. */
void peer_table_reap(struct peer_table *table, bool all);
#endif
