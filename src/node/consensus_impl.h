/* SPDX-License-Identifier: MIT
 *
 * The inside of the thread `consensus`, shared by its rooms:
 *
 *	consensus.c		queue, loop, the order of writing and sending
 *	consensus_messages.c	what peers say: looked at and verified on their workers
 *	agreement.c		blocks with validators
 *	finalizer.c		votes on transactions
 *	production.c		blocks without validators
 */
#ifndef TIMED_NODE_CONSENSUS_IMPL_H
#define TIMED_NODE_CONSENSUS_IMPL_H

#include <stdatomic.h>

#include "evidence.h"
#include "node_impl.h"
#include "proposals.h"
#include "seen.h"
#include "timed/net/peer.h"
#include "timed/node/consensus.h"
#include "timed/node/pool_event.h"
#include "timeproto/chain/validators.h"
#include "votes_file.h"

struct agreement;
struct finalizer;
struct judge;
struct outgoing;
struct production;

/* A certificate in the form of the wire, and the block that it is for. */
struct decision {
	struct proposal *proposal; /* counted */
	struct wire_block block;   /* of the proposal, with `commit` */
	struct wire_commit commit;
	struct wire_sig *signatures; /* what the entries of `commit` point to */
	struct consensus *consensus; /* for the chain's callback */
	struct chain_job job;
	bool own; /* we proposed it */
};
/* Room for a certificate of so many entries, whose addresses must outlive it (the validators').  NULL: no memory. */
struct decision *decision_new(struct proposal *proposal, uint64_t round, size_t count);
void decision_set(struct decision *decision, size_t i, const struct wire_str *voter, const struct wire_sig *signature);
void decision_free(struct decision *decision); /* NULL is fine */

/* A verified vote on a transaction. */
struct event_vote {
	struct finality_vote vote; /* its `voter` is set by the thread: lists change */
	struct wire_key key;	   /* the voter's */
};

enum event_kind {
	EVENT_PROPOSAL,
	EVENT_BLOCK_VOTE,
	EVENT_CERTIFICATE,
	EVENT_JUDGED,
	EVENT_TRANSACTION_VOTE,
	EVENT_VOTE_REQUEST,
	EVENT_POOL,
	EVENT_CONFLICT,
	EVENT_READY,
};

/* What waits in the queue. */
struct event {
	enum event_kind kind;
	struct peer *peer; /* counted; NULL where it concerns none */
	uint64_t seen;	   /* PROPOSAL, BLOCK_VOTE, CERTIFICATE, TRANSACTION_VOTE: stands for it in the set of what was seen */
	union {
		struct {
			struct proposal *block; /* counted */
			struct bft_proposal proposal;
		} proposal;
		struct bft_vote vote;
		struct decision *decision;
		struct judge *judge;
		struct event_vote transaction_vote;
		struct wire_hash txid;	/* VOTE_REQUEST */
		struct pool_event pool; /* `tx` is counted, `next` unused */
		struct {
			struct wire_hash txid;
			struct wire_outpoint outpoint;
		} conflict;
	} u;
	struct event *next;
};

struct consensus {
	struct node *node;
	struct thread thread;
	struct seen *seen;   /* messages that were verified */
	struct seen *helped; /* who was sent a block that he did not know to be decided */
	struct proposals proposals;
	struct evidence evidence;
	atomic_uint_fast64_t height; /* that is being agreed on; 0: none */

	/* Thread only. */
	struct votes_file *votes;
	struct agreement *agreement;
	struct finalizer *finalizer;
	struct production *production;
	struct outgoing *first_out, **last_out;
	uint64_t settled;	 /* height up to which the finalizer knows the chain */
	int64_t voters_due_ms;	 /* the voters are looked up again */
	int64_t silent_until_ms; /* no vote of ours on a transaction before, where there are no validators */
	struct wire_key *voters; /* who votes on transactions: by index of the finalizer */
	size_t voter_count;
	bool finalized; /* something was, in this turn */
	bool failed;

	struct mutex lock; /* "consensus", a leaf; guards the rest */
	struct cond work;
	struct event *first, **last;
	size_t from_peers; /* of the events */
	bool tip, quit;
	struct consensus_status status;
};

/* ---- consensus.c ---- */

/* Queues an event; it is taken, with what it holds, in every case.  False: the queue is full of what peers say, or the
 * thread has ended. */
bool consensus_push(struct consensus *consensus, const struct event *event, bool from_peer);
/* Thread only: sends a message once everything that was signed is on the disk.  `to` NULL: to all but `except` (may be
 * NULL). */
void consensus_send(struct consensus *consensus, const struct wire_message *message, struct peer *to,
		    struct peer *except);
/* Thread only: what we sign cannot be kept; nothing leaves any more, and the node stops. */
void consensus_fail(struct consensus *consensus, const char *reason);
/* ---- consensus_messages.c ---- */

/* Thread only: a TRANSACTION_VOTE, whose copies are verified again unless it was taken. */
void consensus_take_vote(struct consensus *consensus, const struct event *event);
/* A vote of ours: others send it back to us. */
void consensus_know_vote(struct consensus *consensus, const struct finality_vote *vote,
			 const struct wire_key *public_key);

/* ---- consensus.c ---- */

/* What a probe (util/probe.h) calls a vote. */
static inline const char *consensus_phase_name(enum wire_phase phase)
{
	return phase == WIRE_PHASE_PREVOTE ? "prevote" : "precommit";
}

/* The validators of a height; NULL where there are none. */
const struct validator_list *consensus_validators(const struct node *node, uint64_t height);
/* The index of who leads a round of a height whose list this is. */
size_t consensus_leader(const struct validator_list *list, uint64_t height, uint64_t round);

#endif
