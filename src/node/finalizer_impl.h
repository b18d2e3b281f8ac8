/* SPDX-License-Identifier: MIT
 *
 * The inside of the finalizer (finalizer.h): stepping (finalizer.c), and what leaves (finalizer_send.c).
 *
 * Thread safety: one owner.
 */
#ifndef TIMED_NODE_FINALIZER_IMPL_H
#define TIMED_NODE_FINALIZER_IMPL_H

#include "finalizer.h"
#include "timed/net/peer.h"
#include "timed/util/log.h"

/* Votes that one repetition repeats, and that a new peer is sent at once. */
#define FINALIZER_REPEAT 256
#define FINALIZER_READY 2048

struct frame;

/* A list that grows. */
struct finalizer_list {
	size_t count, capacity;
};

/* Who votes; the addresses point into `text`. */
struct finalizer_voters {
	struct wire_key *keys;
	struct wire_str *addresses;
	char *text;
	uint32_t count;
	int32_t own; /* -1: we do not */
};

/* A vote that waits for the sync.  Encoded at once: the voters may be others then. */
struct finalizer_frame {
	struct frame *frame; /* counted */
	enum send_class class;
	struct peer *except; /* counted; NULL: nobody */
};

/* A peer that is to be sent votes. */
struct finalizer_request {
	struct peer *peer; /* counted */
	bool all;	   /* on everything that is pending; else: */
	struct wire_hash txid;
};

struct finalizer {
	struct node *node;
	struct votes_file *votes; /* NULL: we never vote */
	struct finality *machine;
	struct finalizer_voters voters;
	bool signing;
	bool behind; /* something of the pool could not be taken: it is gone through again */
	bool repeat; /* it is time for it */
	int error;   /* a vote of ours could not be recorded */
	int64_t repeat_at_ms, expire_at_ms;
	struct log_limit limit;

	/* What a transaction spends, for a moment. */
	struct wire_outpoint *outpoints;
	size_t outpoint_capacity;

	/* Votes of ours that we heard of while we observe. */
	struct {
		struct finality_record *items;
		struct finalizer_list list;
	} adopted;
	/* What the pool is to be told. */
	struct {
		struct pool_mark *items;
		struct finalizer_list list;
	} marks;
	struct {
		struct wire_hash *items;
		struct finalizer_list list;
	} rejects;
	/* What is to leave. */
	struct {
		struct finalizer_frame *items;
		struct finalizer_list list;
	} frames;
	struct {
		struct finalizer_request *items;
		struct finalizer_list list;
	} requests;
	struct finality_vote repeated[FINALIZER_REPEAT]; /* for a moment */
};

/* The items, with room for one more unless memory is out. */
void *finalizer_grow(struct finalizer_list *list, void *items, size_t size);
/* Makes room for one more; false: out of memory. */
#define FINALIZER_GROW(things)                                                                                         \
	((things)->items = finalizer_grow(&(things)->list, (things)->items, sizeof((things)->items[0])),               \
	 (things)->list.count < (things)->list.capacity)

/* finalizer_send.c */

/* The vote as it goes over the wire; points into f->voters. */
void finalizer_wire_vote(const struct finalizer *f, struct wire_transaction_vote *out,
			 const struct finality_vote *vote);
/* To all but one, when the file is synced.  Without memory it falls: it is repeated. */
void finalizer_queue_vote(struct finalizer *f, const struct finality_vote *vote, enum send_class class,
			  struct peer *except);
/* Forgets what has not left. */
void finalizer_drop_output(struct finalizer *f);

#endif
