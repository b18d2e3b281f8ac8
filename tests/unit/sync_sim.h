/* SPDX-License-Identifier: MIT
 *
 * A network in simulated time around the sync state machine: peers with chains and manners, a driver that does what the
 * node's does, a chain that connects, keeps and reorganises.  All chance comes from a seed, so a failing seed fails
 * again.
 *
 * The driver checks what must hold at every moment: no two asks of a kind to a peer, no ask over the bounds, no block
 * handed out that is not to be taken, in no other order, memory bounded, no honest peer blamed.
 */
#ifndef TESTS_UNIT_SYNC_SIM_H
#define TESTS_UNIT_SYNC_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <check.h>

#include "sync.h"

#define SIM_MAX_PEERS 48
#define SIM_SECOND ((int64_t)1000)
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_HOUR (60 * SIM_MINUTE)

/* A chain is a list of block ids, each made from the one before it; the hash of a block begins with its id. */
struct sim_chain {
	uint64_t *ids; /* by height */
	uint64_t height, capacity;
	uint64_t salt;
	uint64_t rule_height;  /* the block here breaks a rule; 0: none */
	uint64_t sign_height;  /* the block here has a bad signature that its header vouches for; 0: none */
	uint64_t ahead_height; /* the block here is from the future until ahead_until_ms; 0: none */
	int64_t ahead_until_ms;
	uint64_t heavy_from, heavy_to; /* blocks of heavy_bytes of JSON, others have light_bytes */
	size_t heavy_bytes, light_bytes;
};

enum sim_manner {
	SIM_HONEST,    /* one of ours: answers hold 4 MiB at most */
	SIM_RUST,      /* an existing node that accepted us: 101 blocks however big */
	SIM_SLOW,      /* honest, seconds late */
	SIM_MUTE,      /* answers nothing */
	SIM_STALL,     /* answers blocks after more than the driver waits, or never */
	SIM_WITHHOLD,  /* does not deliver one block */
	SIM_ALTER,     /* a block in the middle of an answer is another one */
	SIM_REWRITE,   /* its blocks hang together, and lead elsewhere */
	SIM_BODY,      /* true headers, false bodies */
	SIM_ANCHOR,    /* answers hashes that exist nowhere above `base` */
	SIM_TWO_FACED, /* the same above our tip, wherever that is */
	SIM_MAX,       /* claims 2^64-1 */
	SIM_SHRINK,    /* claims much, then less, again and again */
	SIM_SILENT,    /* answers hashes, never blocks */
	SIM_GRAFT, /* answers the hashes of `graft` up to `base`, those of `chain` above; its blocks are of `chain` */
	SIM_MANNER_COUNT
};

struct sim;

struct sim_peer {
	uint64_t id;
	enum sim_manner manner;
	struct sim_chain *chain;
	uint64_t height; /* what it has of the chain; the chain's own height at most */
	bool ready;
	int64_t latency_ms;
	uint64_t salt;	   /* of its lies: equal salts tell the same lie */
	uint64_t withheld; /* height */
	uint64_t base;	   /* what it says up to here is true, or of `graft` */
	struct sim_chain *graft;
	bool outstanding[SYNC_KIND_COUNT];
	uint64_t ask_serial[SYNC_KIND_COUNT]; /* of the newest ask */
	uint64_t asked[SYNC_KIND_COUNT];      /* its height: what an answer is matched by */
	int64_t paced_ms[SYNC_KIND_COUNT];    /* the next one is not sent before */
	int64_t due_ms;			      /* of sync_peer_deadline_ms() */
	uint32_t claims;		      /* heights told */
	bool moved;			      /* to another chain: what it said before may look like a fault */
	uint32_t blocks_asked, lies_told;
	uint32_t blamed[SYNC_VERDICT_WITHHOLDS + 1]; /* by verdict */
	uint32_t hash_asks, height_asks;
};

struct sim_payload;
struct sim_event;

struct sim_kept {
	uint64_t height, id, parent;
	bool breaks_rule;
};

struct sim {
	uint64_t seed, random;
	struct sync_params params;
	struct sync *sync;
	int64_t now_ms;
	struct sim_peer peers[SIM_MAX_PEERS];
	size_t peer_count;
	uint64_t last_peer_id;
	uint64_t own[8192]; /* ids of our chain */
	uint64_t height;
	struct sim_kept *kept;
	size_t kept_count, kept_capacity;
	struct sim_event *events; /* heap */
	size_t event_count, event_capacity;
	uint64_t event_serial;
	bool chain_busy;
	struct sync_work work; /* what the chain is doing */
	int64_t chain_delay_ms;
	size_t payload_bytes, payload_peak, answer_peak;
	uint32_t payloads_alive;
	bool refuse_sends;	   /* now and then an ask cannot be sent */
	bool lossy_checks;	   /* checks take seconds, and come out of order */
	struct sim_chain *growing; /* gets a block every grow_ms */
	int64_t grow_ms;
	struct sim_chain *only; /* every block handed out is of this chain, when set */
	uint32_t notes[7];	/* by enum sync_note */
	struct sync_action last_note[7];
	uint32_t chain_faults; /* blocks that broke a rule when connected */
	uint32_t reorganisations, refusals, connected, kept_total;
	uint64_t undone;
	uint32_t hash_asks, block_asks, duplicate_blocks, pokes;
	uint64_t blocks_received; /* however often */
	uint64_t highest_ask; /* blocks of one */
	uint64_t certified;   /* id of the block that may be reorganised to at any depth */
	bool fail_reorganise; /* the branch breaks a rule */
	bool trace;
};

/* Prints the seed, so that the run can be repeated with SYNC_SIM_SEED.  Unlike ck_assert it costs nothing when all is
 * well. */
#define sim_assert(sim, x)                                                                                             \
	((x) ? (void)0                                                                                                 \
	     : ck_abort_msg("seed %llu, at %lld ms: %s", (unsigned long long)(sim)->seed, (long long)(sim)->now_ms,    \
			    #x))

/* `own` up to `height` is our chain at the start. */
void sim_init(struct sim *sim, uint64_t seed, struct sim_chain *own, uint64_t height);
void sim_start(struct sim *sim); /* after the parameters are set */
void sim_end(struct sim *sim);

uint64_t sim_random(struct sim *sim, uint64_t below);
uint64_t sim_mix(uint64_t a, uint64_t b);

void sim_chain_init(struct sim_chain *chain, uint64_t salt, uint64_t height);
/* The same as `from` up to `at`. */
void sim_chain_fork(struct sim_chain *chain, const struct sim_chain *from, uint64_t at, uint64_t salt, uint64_t height);
void sim_chain_grow(struct sim_chain *chain, uint64_t blocks);
void sim_chain_free(struct sim_chain *chain);
void sim_hash(struct wire_hash *out, uint64_t id);

/* Ready after `after_ms`. */
struct sim_peer *sim_add(struct sim *sim, enum sim_manner manner, struct sim_chain *chain, uint64_t height,
			 int64_t after_ms);
void sim_drop(struct sim *sim, struct sim_peer *peer);
/* The peer has a new chain. */
void sim_move(struct sim *sim, struct sim_peer *peer, struct sim_chain *chain, uint64_t height);
/* It announces its tip, as nodes do. */
void sim_announce(struct sim *sim, struct sim_peer *peer);

/* Runs until `done` says so, or the time has come: false. */
bool sim_run(struct sim *sim, int64_t for_ms, bool (*done)(struct sim *sim));
/* Our chain is that chain up to its height, and nothing is going on. */
bool sim_is_on(const struct sim *sim, const struct sim_chain *chain, uint64_t height);
uint32_t sim_blames(const struct sim *sim, const struct sim_peer *peer);

#endif
