/* SPDX-License-Identifier: MIT
 *
 * The inside of the sync state machine (sync.h), shared by its files:
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

#include "sync.h"

#define SYNC_MAX_SEGMENTS 4
#define SYNC_FORK_SLOT SYNC_MAX_SEGMENTS /* of the voices about a fork; the lower ones belong to segments */
#define SYNC_SLOTS (SYNC_MAX_SEGMENTS + 1)
#define SYNC_MAX_BAD 16	      /* refused chains remembered; one bit each in a peer */
#define SYNC_MAX_OUT 64	      /* pieces of work with the chain at a time */
#define SYNC_MAX_ACTIONS 64   /* verdicts and notes waiting to be taken */
#define SYNC_MAX_CANDIDATES 8 /* chains with equally many voices */
#define SYNC_RATE_SECONDS 8   /* that blocks/s looks back */
/* A fork's question waits this many times longer for slow voices than one for an anchor: nothing is in a hurry. */
#define SYNC_PATIENCE 4
#define SYNC_MAX_EMPTY 3 /* answers without the block asked for, in a row, before a peer is set aside */

/* What a peer's chain is to ours. */
enum sync_stand {
	SYNC_STAND_UNKNOWN,
	SYNC_STAND_AGREES,  /* the same hash at stand_height */
	SYNC_STAND_DIFFERS, /* another one there */
};

/* What a peer answered to a question. */
enum sync_voice_state {
	SYNC_VOICE_NONE, /* nothing yet */
	SYNC_VOICE_NULL, /* it has no such block: no opposition */
	SYNC_VOICE_HASH,
};

struct sync_voice {
	enum sync_voice_state state;
	struct wire_hash hash;
};

/* One kind of ask to one peer. */
struct sync_asked {
	bool outstanding;
	bool stalled;	      /* BLOCKS: out for longer than the stall time; others may be asked the same */
	uint64_t first, last; /* heights */
	uint64_t goal;	      /* HASH: the height at which equality means agreement */
	uint64_t serial;      /* BLOCKS: of its segment; 0: that is gone */
	size_t reserved;      /* BLOCKS: bytes of the window */
	int64_t sent_ms;
	int64_t again_ms;      /* the last one could not be sent: not asked before */
	int64_t mute_until_ms; /* one was left unanswered: the same, and not counted on */
};

struct sync_peer {
	uint64_t id;
	bool ours; /* answers everything */
	int64_t ready_ms;
	bool has_claim; /* `claim` is its height, as it says */
	uint64_t claim;
	int64_t claim_ms; /* when it rose last */
	bool doubted;	  /* it had no block at the height that it claimed: asked for its height again */
	uint64_t doubted_height;
	uint64_t claim_asked;	/* a claim far ahead whose hash was asked */
	uint64_t shown;		/* highest height at which it showed a hash */
	int64_t next_height_ms; /* its height is asked again */
	enum sync_stand stand;
	uint64_t stand_height;	    /* where */
	int64_t next_probe_ms;	    /* the stand is looked at again */
	int64_t judged_until_ms;    /* it differs, and that was decided: opens no question before */
	int64_t liar_until_ms;	    /* has no voice and delivers nothing */
	int64_t distrust_until_ms;  /* answered for an anchor whose blocks nobody delivered: no voice for a while */
	bool tardy;		    /* missed the end of a question: the next one does not wait for it */
	int64_t no_search_until_ms; /* said something false in a search for an ancestor */
	bool suspected;		    /* delivered what does not lead to the hash that it answered: asked again */
	uint64_t suspect_height;
	struct wire_hash suspect_hash;
	uint64_t suspect_about; /* height for the verdict */
	uint64_t lacks;		/* the block that it did not deliver, until lacks_until_ms */
	int64_t lacks_until_ms;
	uint32_t empties;	/* answers without the first block asked for, in a row */
	int64_t aside_until_ms; /* is not asked for blocks before */
	uint32_t tainted;	/* bit i: it is on the refused chain bad[i] */
	uint32_t cleared;	/* bit i: it is not */
	struct sync_voice voices[SYNC_SLOTS];
	struct sync_asked asks[SYNC_KIND_COUNT];
};

/* A hash asked of several peers. */
struct sync_question {
	uint64_t height;
	int64_t opened_ms; /* when somebody was asked first in this round */
	bool asked;	   /* somebody was; else opened_ms is when the round began */
	bool resting;	   /* the round gave no winner; the next one begins at again_ms */
	int64_t again_ms;
	uint32_t round; /* rounds that gave none */
	bool decided;
	struct wire_hash winner; /* when decided */
};

/* Blocks that are here: a run of one answer. */
struct sync_piece {
	uint64_t id;		   /* sync_held.id */
	uint64_t first, last;	   /* heights */
	struct wire_hash *hashes;  /* of its blocks; owned */
	struct wire_hash previous; /* of the first one */
	uint64_t peer;		   /* who delivered it */
	void *payload;		   /* owned; NULL once handed out */
	uint32_t skip;		   /* blocks of the payload before `first` */
	size_t bytes;		   /* of the window; 0 once handed out */
	bool authentic;		   /* its hashes lead to the anchor */
	bool handed;		   /* the chain has it */
	bool checked;
	enum sync_check check; /* when checked */
	uint64_t bad_height;   /* CHAIN: of the block */
};

/* (base, anchor]. */
struct sync_segment {
	uint64_t serial;	  /* never used again */
	uint32_t slot;		  /* its place in sync.segments and sync_peer.voices */
	enum sync_work_kind sink; /* CONNECT or KEEP */
	uint64_t base;		  /* height below it: of our tip, the anchor before, or the ancestor */
	struct wire_hash base_hash;
	struct sync_question anchor;
	bool linked;		   /* authenticated down to the base, and fits it */
	struct sync_piece *pieces; /* ascending, disjoint */
	size_t count, capacity;
};

/* A chain that breaks a rule or forks off too deep: not to be asked for until then. */
struct sync_bad {
	bool used;
	uint64_t height;
	struct wire_hash hash; /* who answers this at `height` is on it */
	int64_t until_ms;
};

struct sync_out {
	uint64_t id;
	enum sync_work_kind kind;
	uint64_t serial;      /* of its segment */
	uint64_t first, last; /* heights */
	size_t bytes;
};

/* The highest height at which two chains are the same. */
struct sync_search {
	struct wire_hash side[2]; /* their hashes at the fork's height */
	bool own;		  /* side 1 is our chain */
	uint64_t floor;		  /* not searched below */
	uint64_t lo, hi;	  /* they are equal at lo (when has_lo), and differ at hi */
	bool has_lo;
	uint64_t step; /* of the gallop down */
	uint64_t at;   /* asked now */
	bool got[2];
	struct wire_hash value[2]; /* at `at` */
	uint64_t asked[2];	   /* peers; 0: nobody */
	int64_t asked_ms[2];
	struct wire_hash lo_value, hi_value[2];
	uint64_t told_by, lo_by; /* peers that spoke for side 0, now and at lo */
};

enum sync_fork_phase {
	SYNC_FORK_NONE,
	SYNC_FORK_ASKING,
	SYNC_FORK_SEARCHING,
	SYNC_FORK_FETCHING,
	SYNC_FORK_READY, /* all is kept: to be handed out */
	SYNC_FORK_OUT,	 /* the chain reorganises */
};

struct sync_fork {
	enum sync_fork_phase phase;
	bool certified; /* the question is about the certified block, and its chain wins */
	struct sync_question question;
	bool has_own;
	struct wire_hash own; /* ours at question.height */
	int64_t next_ms;      /* no question is opened before */
	bool duel;	      /* the search is between chains with equally many voices */
	struct wire_hash candidates[SYNC_MAX_CANDIDATES];
	uint32_t candidate_count, next_candidate;
	struct wire_hash champion; /* among the candidates so far */
	struct sync_search search;
	uint64_t base; /* kept up to here; at first the ancestor */
	struct wire_hash base_hash;
	uint32_t voices, of; /* for notes */
};

struct sync {
	struct sync_params params;
	struct chain_point tip;
	int64_t now_ms; /* latest heard */
	struct sync_peer *peers;
	size_t peer_count, peer_capacity;
	struct sync_segment segments[SYNC_MAX_SEGMENTS];
	uint32_t order[SYNC_MAX_SEGMENTS]; /* slots in use, lowest heights first */
	uint32_t segment_count;
	uint64_t last_serial;
	uint64_t last_id; /* of pieces and work */
	struct sync_fork fork;
	bool has_certified; /* of sync_certified() */
	uint64_t certified_height;
	struct wire_hash certified_hash;
	int64_t certified_again_ms; /* not asked for before */
	struct sync_bad bad[SYNC_MAX_BAD];
	struct sync_out out[SYNC_MAX_OUT];
	uint32_t out_count;
	size_t held_bytes, out_bytes, reserved_bytes; /* together: the window */
	bool starved;				      /* an ask had to wait for the window */
	size_t json_per_block, held_per_block;	      /* running estimates */
	uint32_t range_limit;			      /* blocks; below max_range_blocks after an overlong answer */
	int64_t stall_ms;			      /* grows when many stall */
	int64_t stall_grown_ms;			      /* when it did */
	bool has_ceiling;			      /* nothing is asked above `ceiling` until ceiling_until_ms */
	uint64_t ceiling;
	int64_t ceiling_until_ms;
	struct sync_action actions[SYNC_MAX_ACTIONS]; /* ring */
	uint32_t action_first, action_count;
	bool poke, work;			 /* to be told */
	bool work_told;				 /* was told, and not fetched yet */
	int64_t rate_second[SYNC_RATE_SECONDS];	 /* which second ... */
	uint64_t rate_blocks[SYNC_RATE_SECONDS]; /* ... had how many blocks */
};

/* ---- sync.c ---- */
/* The beginning of every event. */
void sync_set_now(struct sync *s, int64_t now_ms);
/* Its end: draws all conclusions. */
void sync_advance(struct sync *s);
struct sync_peer *sync_find_peer(struct sync *s, uint64_t id);
bool sync_is_liar(const struct sync *s, const struct sync_peer *p);
/* The kind was left unanswered a while ago. */
bool sync_is_paused(const struct sync *s, const struct sync_peer *p, enum sync_kind kind);
void sync_blame(struct sync *s, uint64_t peer, enum sync_verdict verdict, uint64_t height);
struct sync_action *sync_note(struct sync *s, enum sync_note note, uint64_t height, const struct wire_hash *hash);
/* What it delivered does not lead to `hash` at `height`, which it answered: it is asked for that again. */
void sync_suspect(struct sync *s, struct sync_peer *p, uint64_t height, const struct wire_hash *hash, uint64_t about);
/* Neither heard nor asked for long; `verdict` says why. */
void sync_set_liar(struct sync *s, struct sync_peer *p, enum sync_verdict verdict, uint64_t about);
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
/* When nothing can go on because the window is full: something is given up. */
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
void sync_search_advance(struct sync *s);

/* ---- sync_status.c ---- */
void sync_count_connected(struct sync *s, uint64_t blocks);

#endif
