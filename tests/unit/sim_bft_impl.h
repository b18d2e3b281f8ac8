/* SPDX-License-Identifier: MIT
 *
 * The world of sim_bft.h: blocks, nodes, messages on their way; shared with the liars.
 */
#ifndef TIMED_TESTS_SIM_BFT_IMPL_H
#define TIMED_TESTS_SIM_BFT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_bft.h"
#include "timed/consensus/bft.h"
#include "timeproto/base/buf.h"

#define SIM_NODES 11 /* 10 validators and an observer */
#define SIM_HEIGHTS 48
#define SIM_ROUNDS 128
#define SIM_BLOCKS 2048
#define SIM_REPLAYS 32
#define SIM_NONE (-1)

/* A value of the simulation; its hash holds its index. */
struct sim_block {
	uint64_t height;
	uint64_t round; /* of its first proposal */
	int parent;	/* index; SIM_NONE at height 1 */
	bool invalid;
	uint32_t unsettled; /* nodes that do not see its transactions finalised ... */
	int64_t settled_ms; /* ... before this time */
};

enum sim_kind { SIM_PROPOSAL, SIM_VOTE, SIM_CERTIFIED, SIM_ASK, SIM_JUDGED, SIM_BUILT, SIM_CRASH, SIM_RESTART };

/* Something that happens to a node at a time. */
struct sim_event {
	int64_t at_ms;
	uint64_t order; /* among those of one time */
	enum sim_kind kind;
	int node; /* whom it happens to */
	int from; /* sender of a message */
	int life; /* JUDGED, BUILT: only in that life of the node */
	union {
		struct bft_proposal proposal;
		struct bft_vote vote;
		struct {
			uint64_t height;
			uint64_t round;
			int block;
		} plain; /* the others */
	} u;
};

/* How a liar lies. */
enum sim_liar { SIM_HONEST, SIM_SILENT, SIM_SPLIT, SIM_NOISE, SIM_COVERT, SIM_FICKLE, SIM_LIARS };

struct sim_node {
	struct bft *bft; /* NULL: down */
	int life;
	enum sim_liar liar;
	bool amnesiac;	 /* lost its file, or blocks, at least once */
	int64_t skew_ms; /* its clock is ahead by this */

	/* Its chain: what it committed, by height. */
	uint64_t tip;
	int chain[SIM_HEIGHTS + 2];

	/* Its disk. */
	struct buf votes; /* u32 length and a record, repeatedly */
	uint8_t disk_blocks[SIM_BLOCKS / 8];

	uint8_t blocks[SIM_BLOCKS / 8]; /* in memory */
	uint32_t split;			/* a liar's friends of the moment */

	/* The highest round of its votes at its height, and since when. */
	uint64_t voted_height, voted_round;
	int64_t voted_ms;
	int64_t there_ms; /* since when it is at its height */
};

/* What an honest node showed for a height, round and phase: 0 nothing, else more than the index of a block. */
struct sim_shown {
	int32_t proposal, proposal_round, votes[2];
};

struct sim {
	uint64_t random;
	bool trace;
	struct sim_report *report;
	int64_t now_ms;
	uint64_t order;

	/* What the seed has picked. */
	int validators;
	int nodes;
	int faulty; /* n - quorum */
	int liars;
	bool relay;
	bool grouped;		   /* records of one event are written together */
	uint32_t links[SIM_NODES]; /* neighbours */
	int64_t block_ms, delay_ms, chaos_delay_ms, heal_at_ms;
	uint32_t loss, duplicates; /* per mille */
	bool calm;		   /* nothing but plots goes wrong */
	uint32_t plots;		   /* per mille of the heights with a plot, see struct sim_plot */
	uint64_t plot;		   /* what they are made of */
	uint32_t crash_rate;	   /* per 100,000 actions */
	bool lost_files;
	struct bft_params params;

	/* The network of the moment. */
	bool healed;
	uint16_t lost[SIM_NODES][SIM_NODES]; /* per mille, from one to the other */
	enum wire_phase lost_phase;	     /* most votes of this phase get lost; 0: of none */
	bool quiet;			     /* nothing is repeated */
	int64_t cut_off_ms[SIM_NODES];	     /* nobody hears the node, nor it anybody, before this time */
	uint64_t target;		     /* height that all must reach once it is healed */

	struct sim_node node[SIM_NODES];
	struct sim_block blocks[SIM_BLOCKS];
	int block_count;
	int committed[SIM_HEIGHTS + 2];
	struct sim_shown shown[SIM_NODES][SIM_HEIGHTS + 2][SIM_ROUNDS];

	struct sim_event *heap; /* by at_ms, order */
	size_t heap_count, heap_capacity;
	struct sim_event replays[SIM_REPLAYS]; /* messages that a liar has kept */
	uint32_t replay_count;
};

/* A plot against a height.  In one round f nodes, the thief among them, are not heard in time: their precommits reach
 * the thief alone, which so is the only one that commits, and goes away with that; the leader of the next round misses
 * the proposal and their prevotes, so it knows of no polka and may propose another block.  Everything then hangs on the
 * locks of the others.  Dark: they crash.  Late: it is round 1, and before, in round 0, the same f were so slow that
 * the polka came when all had given up, for a block that a liar can come back to. */
struct sim_plot {
	bool on, dark, late;
	uint64_t round;
	int thief, deaf;
};

/* Everything that follows from the seed alone; nodes start within 100 ms. */
void sim_pick(struct sim *sim);

uint64_t sim_random(struct sim *sim);
/* 0 <= result < below */
uint32_t sim_below(struct sim *sim, uint32_t below);
bool sim_chance(struct sim *sim, uint32_t per_mille);
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_say(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

int sim_block_new(struct sim *sim, uint64_t height, uint64_t round, int parent);
void sim_hash(const struct sim *sim, struct wire_hash *out, int block);
/* SIM_NONE: nil, or no block of ours. */
int sim_index(const struct sim *sim, const struct wire_hash *hash);
void sim_sign_vote(struct bft_vote *vote);
void sim_sign_proposal(struct bft_proposal *proposal);
/* The leader of a height and round. */
uint32_t sim_leader(const struct sim *sim, uint64_t height, uint64_t round);

struct sim_plot sim_plot_of(const struct sim *sim, uint64_t height);
/* Nothing passes between the two now. */
bool sim_is_cut_off(const struct sim *sim, int from, int to);
/* The network falls into parts; every direction of every link gets its own fate; one or two get deaf, dumb or both. */
void sim_part(struct sim *sim);
void sim_fray(struct sim *sim);
void sim_isolate(struct sim *sim);

void sim_schedule(struct sim *sim, const struct sim_event *event, int64_t at_ms);
/* Removes the next event, of which there is one. */
struct sim_event sim_take_first(struct sim *sim);
/* Puts a message of `from` on its way to one node, through the bad network. */
void sim_post(struct sim *sim, const struct sim_event *message, int from, int to);
/* To all neighbours but one (SIM_NONE: to all). */
void sim_post_all(struct sim *sim, const struct sim_event *message, int from, int but);

/* What a liar sends in the place of a message of its own. */
void sim_liar_send(struct sim *sim, int liar, const struct sim_event *message);
/* What it makes of a message that it hears. */
void sim_liar_hear(struct sim *sim, int liar, const struct sim_event *message);

#endif
