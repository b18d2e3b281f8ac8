/* SPDX-License-Identifier: MIT
 *
 * What the sync state machine (sync.h) remembers: peers and their voices, segments and what is here of them, the fork,
 * work that the chain has, actions that wait.  Its rooms are in sync_impl.h.
 */
#ifndef TIMED_NODE_SYNC_STATE_H
#define TIMED_NODE_SYNC_STATE_H

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
	int64_t deadline_ms;
	bool deadline_known; /* nothing that it is made of has changed since */
	struct sync_peer *peers;
	uint64_t *peer_ids; /* of the peers, in their order: found without a walk over all that is known of them */
	int64_t *peer_due_ms; /* the same: what each adds to the deadline; INT64_MIN: it has changed since */
	size_t peer_count, peer_capacity;
	size_t delivering;	/* peers that were asked for blocks */
	size_t differing;	/* peers that stand elsewhere */
	uint64_t highest_claim; /* of them all; 0 without any */
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
	bool blocks_grew;	/* ... and the second has risen: open segments may not fit any more */
	uint32_t range_limit;	/* blocks; below max_range_blocks after an overlong answer */
	int64_t stall_ms;	/* grows when many stall */
	int64_t stall_grown_ms; /* when it did */
	bool has_ceiling;	/* nothing is asked above `ceiling` until ceiling_until_ms */
	uint64_t ceiling;
	int64_t ceiling_until_ms;
	struct sync_action actions[SYNC_MAX_ACTIONS]; /* ring */
	uint32_t action_first, action_count;
	bool poke, work;			 /* to be told */
	bool work_told;				 /* was told, and not fetched yet */
	int64_t rate_second[SYNC_RATE_SECONDS];	 /* which second ... */
	uint64_t rate_blocks[SYNC_RATE_SECONDS]; /* ... had how many blocks */
};

#endif
