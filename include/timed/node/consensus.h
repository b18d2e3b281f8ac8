/* SPDX-License-Identifier: MIT
 *
 * The thread `consensus`: it alone steps the machines that agree on blocks and transactions (consensus/bft.h,
 * consensus/finality.h, consensus/slot.h), writes what we sign into the file `votes`, and sends it (PROTOCOL.md §7,
 * §9).
 *
 * Everybody else pushes what has happened into one bounded queue.  The thread takes all that is there, steps the
 * machines, writes the records of all that they want said with one sync, and only then sends.
 *
 * Thread safety: any thread between consensus_start() and consensus_stop(), unless a function says otherwise; nothing
 * here blocks for long.
 */
#ifndef TIMED_NODE_CONSENSUS_H
#define TIMED_NODE_CONSENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/consensus/bft.h"
#include "timed/consensus/finality.h"
#include "timed/node/node.h"

struct chain_point;
struct consensus;
struct message_arena;
struct peer;
struct pool_events;

/* The key of the wallet was made just now and has signed nothing: makes the file `votes`, if there is none, which says
 * so from now on, whatever becomes of this start.  No thread yet.  0; or an exit code and the reason. */
int consensus_begin_file(const struct node *node, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));
/* Reads the file `votes`.  No thread yet; the chain, the wallet and the pool are open.  0; or an exit code and the
 * reason (a validator whose key is not in the list, a damaged file). */
int consensus_open(struct consensus **out, struct node *node, char error[NODE_ERROR_SIZE])
	__attribute__((warn_unused_result));
/* 0 or a negative errno. */
int consensus_start(struct consensus *consensus) __attribute__((warn_unused_result));
/* Ends the thread; what is pushed later is dropped.  Blocks. */
void consensus_stop(struct consensus *consensus);
void consensus_close(struct consensus *consensus); /* NULL is fine */

/* ---- What has happened ---- */

/* The chain has a new tip.  By the chain thread, after pool_update(). */
void consensus_tip(struct consensus *consensus);
/* A connection is ready: it is sent what we hold of our height. */
void consensus_peer_ready(struct consensus *consensus, struct peer *peer);
/* What came, went or was decided in the pool. */
void consensus_pool_events(struct consensus *consensus, const struct pool_events *events);
/* The pool has refused a transaction since it spends `outpoint`, as one of the pool does. */
void consensus_conflict(struct consensus *consensus, const struct wire_hash *txid,
			const struct wire_outpoint *outpoint);

/* ---- For people ---- */

struct consensus_status {
	bool with_validators;	/* blocks of the next height need a certificate */
	struct bft_status bft;	/* when they do */
	bool silent;		/* we sign nothing yet, since our file `votes` is missing */
	uint64_t final_height;	/* highest block with a certificate; 0: none */
	uint64_t equivocations; /* seen since the start */
	uint64_t proposed;	/* blocks of ours that were committed, since the start */
	uint32_t voters;	/* on transactions */
	struct finality_counts finality;
};
void consensus_get_status(struct consensus *consensus, struct consensus_status *out);

/* Two signed messages of one validator that contradict each other, as JSON lines; of a proposed block the header. */
struct consensus_evidence {
	int64_t at_s; /* Unix seconds: when the second one came */
	char *first, *second;
};
/* The last few, newest last.  0 and a list that consensus_evidence_free() frees, or -ENOMEM. */
int consensus_list_evidence(struct consensus *consensus, struct consensus_evidence **out, size_t *count)
	__attribute__((warn_unused_result));
void consensus_evidence_free(struct consensus_evidence *items, size_t count);

#endif
