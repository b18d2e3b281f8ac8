/* SPDX-License-Identifier: MIT
 *
 * How the chain is fetched from peers, as a pure state machine: event and time in, actions out.  No IO, clock, thread
 * or store: peers are numbers, blocks are hashes with an opaque payload, and our own chain is what the owner says it
 * is.
 *
 * Extension (nobody disagrees with our tip): blocks come in segments (tip, anchor].  The hash at the anchor's height is
 * asked of every peer that claims to have it, and a chain counts by how many answer the same, never by a height.  The
 * blocks of a segment are asked in ranges of several peers at once and are authenticated backward from the anchor's
 * hash, each by the previous hash of the one above it; nothing leaves before that.  So who delivered something else is
 * known.  Later segments are asked for while earlier ones are connected, within a window of bytes.
 *
 * Fork (a peer has another hash than we at a height that both have; PROTOCOL.md §6 "Fork"): all are asked for their
 * hash at that height.  When another chain wins, the common ancestor is searched, its blocks up to that height are
 * fetched by the same machinery and kept aside, and then the chain is told to reorganise.  A chain with a certified
 * block (PROTOCOL.md §9) wins without being asked about.
 *
 * Use.  After every call that may change something the owner drains sync_take_action().  On a peer's own worker,
 * whenever the peer became ready, answered or was poked, sync_next() is called until it returns false; what it says is
 * sent.  At sync_deadline_ms() sync_tick() is called.  The chain thread takes work with sync_take_work() and reports
 * each piece.
 *
 * Thread safety: none of its own; the owner holds its mutex `sync` around each call.  Nothing blocks.  The callback
 * `release` runs inside calls: it may only drop references (a leaf lock at most) and must not call back.
 * Ownership: sync_blocks() takes the payload, in every case; sync_take_work() hands it out, or it is released, once.
 * Errors: peer input cannot fail; refused memory loses an answer or a peer, never the state.
 * Units: *_ms are monotonic milliseconds or spans of them.  Heights and numbers from peers may have any value.
 */
#ifndef TIMED_NODE_SYNC_H
#define TIMED_NODE_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/rules.h"
#include "timeproto/wire/types.h"

struct sync;

struct sync_params {
	uint64_t max_reorg_depth;		    /* blocks of ours that may be undone; PROTOCOL.md §6: 1000 */
	uint32_t max_segment_blocks;		    /* anchor minus base; 1000 */
	uint32_t max_range_blocks;		    /* of one request; PROTOCOL.md §3: 101 */
	size_t max_range_bytes;			    /* JSON expected in one answer; 2 MiB */
	size_t window_bytes;			    /* payloads held, handed out and expected; 64 MiB */
	uint32_t small_gap_blocks;		    /* one peer alone is believed at once for so few; 10 */
	int64_t settle_ms;			    /* ... else this long after it became ready; 5 s */
	int64_t voice_wait_ms;			    /* a question waits so long for its slow voices; 2 s */
	int64_t fork_interval_ms;		    /* between rounds of a question that gave no winner; 60 s */
	uint32_t fork_rounds;			    /* after so many, most answers win; 3 */
	int64_t stall_ms;			    /* a range unanswered for this long goes to another peer too; 5 s */
	int64_t max_stall_ms;			    /* ... which doubles up to this; 60 s */
	int64_t poll_ms;			    /* between questions for a peer's height, and our agreement; 30 s (more
						     * where there are hundreds of peers) */
	int64_t mute_pause_ms;			    /* a kind left unanswered is not asked before; 30 s */
	int64_t aside_ms;			    /* a peer that withholds blocks is not asked for any; 60 s */
	int64_t bad_ms;				    /* how long a refused chain is remembered; 1 h */
	int64_t retry_ms;			    /* after a block from the future, or a failure of our own; 30 s */
	void (*release)(void *user, void *payload); /* a payload that is not wanted */
	void *user;				    /* for release */
};

/* The values above; `release` and `user` are left NULL. */
void sync_params_default(struct sync_params *params);

/* `tip`: of our chain.  NULL when memory is refused. */
struct sync *sync_new(const struct sync_params *params, const struct chain_point *tip, int64_t now_ms);
/* Releases every payload still held.  NULL is fine. */
void sync_free(struct sync *sync);

/* ---- Peers ---- */

/* A connection is ready.  `id` is unique among all connections ever; `ours`: it sent a Version, so it answers
 * everything. Calling it again updates `ours`.  0, or -ENOMEM: the peer stays unused. */
int sync_peer_ready(struct sync *sync, uint64_t id, bool ours, int64_t now_ms) __attribute__((warn_unused_result));
/* It is closing: what was asked of it goes to others.  Unknown ids are fine here and in all that follows. */
void sync_peer_gone(struct sync *sync, uint64_t id, int64_t now_ms);

/* ---- What a peer is to be asked ---- */

enum sync_kind {
	SYNC_ASK_HEIGHT, /* GetBlockHeight */
	SYNC_ASK_HASH,	 /* GetBlockHash(first) */
	SYNC_ASK_BLOCKS, /* GetBlocks [first, last] */
	SYNC_KIND_COUNT
};

struct sync_ask {
	enum sync_kind kind;
	uint64_t first; /* height */
	uint64_t last;	/* height, at most first + max_range_blocks - 1; BLOCKS only */
};

/* True: send this now; it is outstanding until answered, given back, unanswered or the peer is gone.  At most one of
 * each kind is. */
bool sync_next(struct sync *sync, struct sync_ask *out, uint64_t id, int64_t now_ms);
/* It could not be sent (pacing, a full queue, the kind is unused for a while): the peer is not asked this kind before
 * `again_ms`; its others are still worth a call of sync_next(). */
void sync_ask_failed(struct sync *sync, uint64_t id, enum sync_kind kind, int64_t again_ms, int64_t now_ms);
/* No answer will come, or none came in time.  No penalty. */
void sync_unanswered(struct sync *sync, uint64_t id, enum sync_kind kind, int64_t now_ms);

/* ---- What a peer says ---- */

/* Its height, as BlockHeightResponse says. */
void sync_height(struct sync *sync, uint64_t id, uint64_t height, int64_t now_ms);
/* It has at least the block of this height, as what it sends unasked shows (Version, a block, a vote). */
void sync_at_least(struct sync *sync, uint64_t id, uint64_t height, int64_t now_ms);
/* BlockHashResponse: `theirs` is NULL when it has none.  `own`: our hash at that height now, NULL when we have none.
 * What was not asked is ignored. */
void sync_hash(struct sync *sync, uint64_t id, uint64_t height, const struct wire_hash *theirs,
	       const struct wire_hash *own, int64_t now_ms);

/* A received block as its bytes show it. */
struct sync_block {
	uint64_t height;
	struct wire_hash hash; /* computed by us */
	struct wire_hash previous;
};

struct sync_blocks {
	const struct sync_block *blocks; /* in the order received; need not outlive the call */
	size_t count;
	size_t json_bytes; /* length of the line */
	size_t held_bytes; /* memory that the payload holds */
	void *payload;	   /* the decoded answer; may be NULL when `count` is 0 */
};

/* What is kept of an answer, and to be checked. */
struct sync_held {
	uint64_t id;	/* for sync_range_checked(), never 0 */
	uint32_t skip;	/* blocks of the payload before the first one kept */
	uint32_t count; /* blocks kept */
};

/* BlocksResponse.  True: (part of) it is kept, and waits for sync_range_checked(); the payload may still be released at
 * any later time, so who checks it outside of the lock holds a reference of his own.  False: the payload was released
 * (empty, late, not asked, not wanted any more, contradicted). */
bool sync_blocks(struct sync *sync, struct sync_held *out, uint64_t id, const struct sync_blocks *answer,
		 int64_t now_ms);
/* The answer to our request for blocks was longer than a line may be: less is asked from now on.  The connection ends,
 * and sync_peer_gone() follows. */
void sync_overlong(struct sync *sync, uint64_t id, int64_t now_ms);

enum sync_check {
	SYNC_CHECK_GOOD,
	SYNC_CHECK_BARE,  /* a block lacks the certificate that it needs: its sender may not know any */
	SYNC_CHECK_BODY,  /* a body that does not belong to its header (merkle root, rewards): the sender's doing */
	SYNC_CHECK_CHAIN, /* a body that its header vouches for breaks a rule (form, signature): the chain is bad */
};

/* The checks that need no chain are done.  `height` of the first bad block; ignored for GOOD.  For BODY and CHAIN the
 * owner, who knows the rule, blames the sender himself. */
void sync_range_checked(struct sync *sync, uint64_t held_id, enum sync_check result, uint64_t height, int64_t now_ms);

/* The peer announced a block at or above tip + 1 whose parent we do not have: it may be on another chain. */
void sync_strange_block(struct sync *sync, uint64_t id, uint64_t height, int64_t now_ms);

/* A certificate for this block was verified: who has another chain loses, we too. */
void sync_certified(struct sync *sync, uint64_t height, const struct wire_hash *hash, int64_t now_ms);

/* ---- The chain ---- */

/* Our tip has moved by something else than work of ours. */
void sync_tip(struct sync *sync, const struct chain_point *tip, int64_t now_ms);

enum sync_work_kind {
	SYNC_WORK_CONNECT,    /* put the blocks on our tip */
	SYNC_WORK_KEEP,	      /* keep them as part of a branch */
	SYNC_WORK_REORGANISE, /* make the kept block `hash` our tip */
};

struct sync_work {
	uint64_t id; /* for sync_work_done() */
	enum sync_work_kind kind;
	void *payload;	       /* CONNECT, KEEP: the taker's from now on */
	uint32_t skip, count;  /* the blocks meant, as in struct sync_held */
	uint64_t first;	       /* height of the first of them; REORGANISE: of `hash` */
	struct wire_hash hash; /* REORGANISE */
};

/* The next piece of work, in the order in which it must be done; several may be out.  Its bytes stay in the window
 * until sync_work_done(). */
bool sync_take_work(struct sync *sync, struct sync_work *out, int64_t now_ms);

enum sync_outcome {
	SYNC_DONE,	 /* all of it */
	SYNC_RULE,	 /* a block breaks a rule: see fault_*; REORGANISE: the old tip is back */
	SYNC_TIME_AHEAD, /* CHAIN_E_TIME_AHEAD: may become valid; fault_height */
	SYNC_STALE,	 /* does not fit our tip, or cannot be followed, any more */
	SYNC_TOO_DEEP,	 /* REORGANISE: refused by depth or a certificate */
	SYNC_FAILED,	 /* no fault of the blocks (memory, store, bounds) */
};

struct sync_result {
	enum sync_outcome outcome;
	struct chain_point tip;	     /* of our chain now, in every case */
	uint64_t fault_height;	     /* RULE, TIME_AHEAD: of the block */
	struct wire_hash fault_hash; /* RULE: of the block */
};

void sync_work_done(struct sync *sync, uint64_t work_id, const struct sync_result *result, int64_t now_ms);

/* ---- What the owner is to do ---- */

enum sync_action_kind {
	SYNC_ACTION_POKE,  /* call sync_next() for every ready peer, each on its worker */
	SYNC_ACTION_WORK,  /* sync_take_work() has something */
	SYNC_ACTION_BLAME, /* `verdict` on `peer` */
	SYNC_ACTION_NOTE,  /* `note` is worth a log line */
};

enum sync_verdict {
	SYNC_VERDICT_LIED,	  /* violation: delivered what its own answers or the headers contradict */
	SYNC_VERDICT_BARE,	  /* useless: delivered blocks without the certificates that they need */
	SYNC_VERDICT_FALSE_CLAIM, /* violation: has no block at the height that it claims, and claims it again */
	SYNC_VERDICT_SHRUNK,	  /* violation: claims less than before, by more than small_gap_blocks */
	SYNC_VERDICT_TURNED,	  /* useless: delivered something else than it had answered, and answers so now */
	SYNC_VERDICT_WITHHOLDS,	  /* useless: again and again does not deliver what it claims */
};

enum sync_note {
	SYNC_NOTE_FORK,		  /* a question about `height` is open */
	SYNC_NOTE_FORK_UNDECIDED, /* no chain above 2/3; asked again later */
	SYNC_NOTE_FORK_STAYS,	  /* our chain stays */
	SYNC_NOTE_FORK_LOST,	  /* `hash` at `height` won, `depth` blocks of ours are to be undone */
	SYNC_NOTE_TOO_DEEP,	  /* loud: it won, but forks off more than max_reorg_depth below our tip */
	SYNC_NOTE_REORGANISED,	  /* our tip is `hash` at `height` */
	SYNC_NOTE_REFUSED,	  /* loud: a chain of several peers breaks a rule at `height`, `hash` */
};

struct sync_action {
	enum sync_action_kind kind;
	uint64_t peer;		   /* BLAME */
	enum sync_verdict verdict; /* BLAME */
	enum sync_note note;	   /* NOTE */
	uint64_t height;	   /* BLAME (of what it is about), NOTE */
	struct wire_hash hash;	   /* NOTE, where it has one */
	uint64_t depth;		   /* NOTE: FORK_LOST, TOO_DEEP */
	uint32_t voices, of;	   /* NOTE: FORK_*: answers for the first chain, and all */
};

/* The next thing to do.  A full queue loses notes and verdicts, oldest first, never a poke or work. */
bool sync_take_action(struct sync *sync, struct sync_action *out);
const char *sync_verdict_name(enum sync_verdict verdict);

/* When sync_next() is to be called for this peer, if nothing calls for it before; INT64_MAX: no such time.  Always later
 * than the last `now_ms` heard.  So peers that are all idle wake nobody but themselves. */
int64_t sync_peer_deadline_ms(const struct sync *sync, uint64_t id);
/* When sync_tick() has something to do; INT64_MAX: never.  Always later than the last `now_ms` heard. */
int64_t sync_deadline_ms(struct sync *sync);
void sync_tick(struct sync *sync, int64_t now_ms);

/* ---- For people ---- */

enum sync_phase {
	SYNC_PHASE_IDLE,	 /* nothing is known to be missing */
	SYNC_PHASE_EXTENDING,	 /* blocks on top of our tip are asked for or on their way */
	SYNC_PHASE_BRANCH,	 /* the ancestor and the blocks of a chain that won are fetched */
	SYNC_PHASE_REORGANISING, /* the chain does it */
};

struct sync_status {
	enum sync_phase phase;
	bool fork_open;			  /* a question about another chain is open */
	uint64_t height;		  /* of our tip */
	uint64_t target;		  /* highest height that enough peers showed a hash for; at least `height` */
	double blocks_per_s;		  /* over the last seconds */
	double percent;			  /* of `target`, 0 to 100 */
	int64_t seconds_left;		  /* -1: unknown */
	uint32_t peers_ready, peers_used; /* used: it was asked for blocks that are not here yet */
	size_t window_bytes;		  /* held, handed out and expected */
};

enum sync_phase sync_get_phase(const struct sync *sync);
void sync_get_status(const struct sync *sync, struct sync_status *out, int64_t now_ms);
const char *sync_phase_name(enum sync_phase phase);

#endif
