/* SPDX-License-Identifier: MIT
 *
 * The inside of the simulated network, shared by sync_sim.c and sync_sim_peer.c.
 */
#ifndef TESTS_UNIT_SYNC_SIM_IMPL_H
#define TESTS_UNIT_SYNC_SIM_IMPL_H

#include "sync_sim.h"

enum sim_event_kind {
	SIM_EV_READY,
	SIM_EV_PUMP, /* the worker was woken */
	SIM_EV_DUE,  /* it wakes by itself */
	SIM_EV_ANSWER,
	SIM_EV_UNANSWERED, /* the pong came first, or the time is over */
	SIM_EV_OVERLONG,   /* the line of the answer is too long */
	SIM_EV_NEW_BLOCK,
	SIM_EV_CHAIN,
	SIM_EV_CHAIN_DONE,
	SIM_EV_CHECKED,
	SIM_EV_GROW,
};

struct sim_block {
	uint64_t height, id, parent;
	bool bad_body, bad_signature, breaks_rule;
	int64_t ahead_until_ms;
};

struct sim_payload {
	size_t count, json_bytes, held_bytes;
	struct sim_block blocks[];
};

struct sim_event {
	int64_t at_ms;
	uint64_t serial;
	enum sim_event_kind kind;
	uint64_t peer;
	enum sync_kind ask; /* ANSWER, UNANSWERED */
	uint64_t serial_of_ask;
	uint64_t height;	     /* asked */
	struct sim_payload *payload; /* owned */
	uint64_t held;		     /* CHECKED */
	enum sync_check check;
};

void sim_schedule(struct sim *sim, int64_t after_ms, struct sim_event event);
struct sim_payload *sim_payload_new(size_t count, size_t json_bytes);
struct sim_peer *sim_peer_by_id(struct sim *sim, uint64_t id);
void sim_drain(struct sim *sim);
void sim_release(void *user, void *payload);
void sim_own_hash(const struct sim *sim, struct wire_hash *out, uint64_t height);
struct chain_point sim_tip(const struct sim *sim);
/* The chain thread: takes a piece of work, and has done it. */
void sim_chain_take(struct sim *sim);
void sim_chain_done(struct sim *sim);
uint64_t sim_peer_claim(struct sim *sim, struct sim_peer *p);
/* The id that it answers for a height; false: null. */
bool sim_peer_id_at(const struct sim *sim, struct sim_peer *p, uint64_t height, uint64_t *id);
/* Schedules the answer, or what comes instead. */
void sim_peer_asked(struct sim *sim, struct sim_peer *p, const struct sync_ask *ask);

#endif
