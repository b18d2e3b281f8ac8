/* SPDX-License-Identifier: MIT
 *
 * The rooms of the sync state machine (sync.h) over its state (sync_state.h), and what each does for the others:
 *
 *	sync.c		peers, what they are asked and answer, actions
 *	sync_vote.c	counting voices; chains that were refused
 *	sync_segment.c	segments: their beginning and end, our tip
 *	sync_anchor.c	the vote about the hash at the upper end of a segment
 *	sync_ranges.c	the blocks of a segment: who is asked for which, what of an answer is kept, the window
 *	sync_pieces.c	what is here of them, and its authentication
 *	sync_work.c	what the chain is given, and its results
 *	sync_fork.c	the question which chain is right
 *	sync_search.c	the common ancestor
 *	sync_status.c	numbers and names for people
 *
 * Each event changes what it concerns and ends with sync_advance(), which draws all conclusions; so no event needs to
 * know what another one is waiting for.
 */
#ifndef TIMED_NODE_SYNC_IMPL_H
#define TIMED_NODE_SYNC_IMPL_H

#include "sync_state.h"

/* ---- sync.c ---- */
/* The beginning of every event. */
void sync_set_now(struct sync *s, int64_t now_ms);
/* Its end: draws all conclusions. */
void sync_advance(struct sync *s);
/* Of a peer: NULL when it is unknown. */
struct sync_peer *sync_begin(struct sync *s, uint64_t id, int64_t now_ms);
/* To change it; NULL when it is unknown. */
struct sync_peer *sync_find_peer(struct sync *s, uint64_t id);
/* A time of it may be another one than before.  sync_find_peer() and sync_begin() say so themselves. */
void sync_peer_changed(struct sync *s, const struct sync_peer *p);
void sync_all_changed(struct sync *s);
void sync_set_stand(struct sync *s, struct sync_peer *p, enum sync_stand stand);
bool sync_is_liar(const struct sync *s, const struct sync_peer *p);
/* From one question for a peer's height, or for our agreement, to the next: so many peers cost no more than a few. */
int64_t sync_poll_ms(const struct sync *s);
/* The kind was left unanswered a while ago. */
bool sync_is_paused(const struct sync *s, const struct sync_peer *p, enum sync_kind kind);
void sync_blame(struct sync *s, uint64_t peer, enum sync_verdict verdict, uint64_t height);
struct sync_action *sync_note(struct sync *s, enum sync_note note, uint64_t height, const struct wire_hash *hash);
/* What it delivered does not lead to `hash` at `height`, which it answered: it is asked for that again. */
void sync_suspect(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *hash, uint64_t about);
/* Neither heard nor asked for long. */
void sync_set_liar(struct sync *s, struct sync_peer *p);
/* Its stand is asked again. */
void sync_reprobe(struct sync *s, struct sync_peer *p);
void sync_free_ask(struct sync *s, struct sync_peer *p, enum sync_kind kind);

/* ---- sync_vote.c ---- */
struct sync_tally {
	uint32_t answers;	      /* hashes */
	uint32_t pending;	      /* may still come */
	uint32_t tardy;		      /* of those: not worth waiting for */
	uint32_t voters;	      /* answers, and all that may still come */
	uint32_t best;		      /* answers for best_hash */
	struct wire_hash best_hash;   /* with most answers; among equals the lower one */
	const struct sync_peer *sole; /* who answered, when it is one */
};

typedef bool (*sync_voter_fn)(const struct sync *s, const struct sync_question *q, const struct sync_peer *p);

void sync_tally(const struct sync *s, struct sync_tally *out, const struct sync_question *q, uint32_t slot,
		sync_voter_fn is_voter);
/* How many voters answered just this. */
uint32_t sync_count_voices(const struct sync *s, const struct wire_hash *hash, const struct sync_question *q,
			   uint32_t slot, sync_voter_fn is_voter);
void sync_clear_voices(struct sync *s, uint32_t slot);
bool sync_voice_is(const struct sync_peer *p, uint32_t slot, const struct wire_hash *hash);
int sync_hash_compare(const struct wire_hash *a, const struct wire_hash *b);

/* Remembers a chain as not to be asked for; those whose voice in `slot` is `voice` are on it.  False: it was known. */
bool sync_bad_add(struct sync *s, uint64_t height, const struct wire_hash *hash, uint32_t slot,
		  const struct wire_hash *voice);
void sync_bad_expire(struct sync *s);
/* Whether an answer puts the peer on a refused chain. */
void sync_bad_answer(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *hash);
/* It may be on a chain that was refused at `upto` or below: it is known to be, or was not asked yet. */
bool sync_bad_forbids(const struct sync *s, const struct sync_peer *p, uint64_t upto);
/* A height to ask it for, to know. */
bool sync_bad_wants(const struct sync *s, const struct sync_peer *p, uint64_t *height);
/* The entry that contains this block, or NULL. */
const struct sync_bad *sync_bad_find(const struct sync *s, uint64_t height, const struct wire_hash *hash);

/* ---- sync_segment.c ---- */
struct sync_segment *sync_segment_at(struct sync *s, uint32_t index);
const struct sync_segment *sync_segment_at_const(const struct sync *s, uint32_t index);
struct sync_segment *sync_segment_find(struct sync *s, uint64_t serial);
void sync_segments_advance(struct sync *s);
/* Drops the segments from `index` on. */
void sync_segments_drop(struct sync *s, uint32_t index);
/* A block of it breaks a rule. */
void sync_segment_refuse(struct sync *s, struct sync_segment *seg, uint64_t height, const struct wire_hash *hash);
/* Its lowest block continues another block than the base. */
void sync_segment_unlinked(struct sync *s, struct sync_segment *seg);
/* A segment for the sink KEEP on top of fork.base. */
void sync_segment_open_keep(struct sync *s);
void sync_set_tip(struct sync *s, const struct chain_point *tip);
/* Another chain is ours: nothing known of the peers' stands holds. */
void sync_new_chain(struct sync *s, const struct chain_point *tip);
/* Nothing is asked above `height` for a while. */
void sync_set_ceiling(struct sync *s, uint64_t height);
/* A shorter segment: it does not fit the window. */
void sync_segment_shorten(struct sync *s, struct sync_segment *seg);

/* ---- sync_anchor.c ---- */
/* It answered for the anchor, and may be asked for the blocks. */
bool sync_anchor_supports(const struct sync *s, const struct sync_segment *seg, const struct sync_peer *p);
/* A height at which it may be asked for an anchor. */
bool sync_anchor_wants(const struct sync *s, const struct sync_peer *p, uint64_t *height);
/* Somebody is asked for the hash at this height: from now on the other voices are waited for. */
void sync_question_asked(struct sync *s, uint64_t height);
void sync_anchor_voice(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *theirs);
void sync_anchor_decide(struct sync *s, struct sync_segment *seg, const struct wire_hash *winner);
/* Counts the voices.  False: nobody is left to ask, or a lower anchor is better. */
bool sync_anchor_advance(struct sync *s, struct sync_segment *seg);
/* The greatest height that more than two thirds of those claim who claim more than `base`; `base` when nobody does. */
uint64_t sync_claimed_height(const struct sync *s, uint64_t base);

/* ---- sync_ranges.c ---- */
size_t sync_window_used(const struct sync *s);
bool sync_range_choose(struct sync *s, struct sync_peer *p, struct sync_asked *ask);
/* The peer delivered nothing of what it was asked: again and again, and it is set aside. */
void sync_note_empty(struct sync *s, struct sync_peer *p, bool blame);
void sync_find_stalls(struct sync *s);
/* The window can take more than what is missing of the open segments. */
bool sync_has_room(struct sync *s);
/* When nothing can go on because the window is full, or will be: something is given up. */
void sync_make_room(struct sync *s);
/* Blocks of the next segment, by what fits. */
uint32_t sync_segment_length(const struct sync *s);

/* ---- sync_pieces.c ---- */
void sync_release_payload(struct sync *s, void *payload);
void sync_piece_remove(struct sync *s, struct sync_segment *seg, size_t index);
struct sync_piece *sync_piece_find(struct sync *s, uint64_t id, struct sync_segment **seg);
/* Forgets what lies at or below `height`, or above it. */
void sync_pieces_trim_below(struct sync *s, struct sync_segment *seg, uint64_t height);
void sync_pieces_trim_above(struct sync *s, struct sync_segment *seg, uint64_t height);
/* Every block of it is here or with the chain. */
bool sync_segment_complete(const struct sync_segment *seg);
/* What the segment knows of its chain at this height. */
bool sync_segment_hash_at(const struct sync_segment *seg, uint64_t height, struct wire_hash *out);
/* False: the segment was dropped. */
bool sync_segment_authenticate(struct sync *s, struct sync_segment *seg);

/* ---- sync_work.c ---- */
bool sync_has_work(struct sync *s);

/* ---- sync_fork.c ---- */
void sync_fork_advance(struct sync *s);
bool sync_fork_wants(const struct sync *s, const struct sync_peer *p, uint64_t *height);
void sync_fork_voice(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *theirs,
		     const struct wire_hash *own);
/* What was begun is given up; asked again after the interval. */
void sync_fork_abort(struct sync *s);
/* Another chain has won, and is being taken. */
bool sync_fork_is_taking(const struct sync *s);
/* The search has come to its end: equal at lo, or not even at the floor. */
void sync_fork_searched(struct sync *s);
void sync_fork_result(struct sync *s, const struct sync_result *result);

/* ---- sync_search.c ---- */
void sync_search_start(struct sync *s, const struct wire_hash *a, const struct wire_hash *b, bool own);
bool sync_search_wants(struct sync *s, const struct sync_peer *p, uint64_t *height, uint32_t *side);
void sync_search_voice(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *theirs,
		       const struct wire_hash *own);
/* The peer will not answer. */
void sync_search_lost(struct sync *s, uint64_t peer);
/* It was asked for the hash at `height`, and kept silent. */
void sync_search_unanswered(struct sync *s, struct sync_peer *p, uint64_t height);
/* The two differ down to the floor, as one peer says: is another one asked?  False: nobody is left. */
bool sync_search_again(struct sync *s);
void sync_search_advance(struct sync *s);

/* ---- sync_status.c ---- */
void sync_count_connected(struct sync *s, uint64_t blocks);

#endif
