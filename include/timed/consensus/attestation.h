/* SPDX-License-Identifier: MIT
 *
 * Heartbeats of masternodes, and what others attest of them (PROTOCOL.md §8).
 *
 * A heartbeat is good when it is of now, give or take `window_s`, and signed by a key that is right for its address:
 * the announced one, or one that came over that masternode's own connection (existing nodes sign with a key that they
 * draw at each start); and when its sequence is above the last one accepted of that key.  It is verified once so many
 * different masternodes with registered keys have attested it; nobody attests itself, and nobody counts twice.
 *
 * The caller verifies signatures, knows the registry, and relays once what is new.  What stands here of a masternode is
 * its last heartbeat with the first few witnesses of it, and of the ones before what people may want to see.
 *
 * Pure: `now_s` are Unix seconds, as in the messages.
 * Thread safety: none; the caller holds the `registry` lock (a leaf) around every call.
 * Memory: bounded by `limit` masternodes; nothing else that a peer sends is kept.
 */
#ifndef TIMED_CONSENSUS_ATTESTATION_H
#define TIMED_CONSENSUS_ATTESTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/message.h"

/* Witnesses that are kept of a heartbeat; more are neither counted nor relayed. */
#define ATTESTATION_WITNESSES 8
/* That many make it verified, or all others where there are fewer. */
#define ATTESTATION_NEEDED 3
/* Room for an address, with its terminating zero: that of the registry. */
#define ATTESTATION_ADDRESS_SIZE 46

enum attestation_error {
	ATTESTATION_E_ADDRESS = 1, /* empty or too long: no masternode's */
	ATTESTATION_E_WINDOW,	   /* its timestamp is too far from now */
	ATTESTATION_E_KEY,	   /* signed by a key that is not right for its address */
	ATTESTATION_E_SEQUENCE,	   /* not above the last one: had it, or it is old */
	ATTESTATION_E_SOON,	   /* so shortly after the last one that it only makes work */
	ATTESTATION_E_FULL,	   /* `limit` masternodes are known, or enough witnesses */
	ATTESTATION_E_UNKNOWN,	   /* of a heartbeat that is nobody's last one */
	ATTESTATION_E_SELF,	   /* the masternode's own attestation of its heartbeat */
	ATTESTATION_E_KNOWN,	   /* this witness has attested it already */
	ATTESTATION_E_END
};

/* "ATTESTATION_E_KEY" ..., "?" for a number that is none. */
const char *attestation_error_name(int error);

struct attestation_params {
	size_t limit;	  /* masternodes: 10,000 */
	int64_t window_s; /* 180 */
	int64_t forget_s; /* silence after which a masternode is forgotten: 1 h, more than two windows */
	int64_t gap_s;	  /* between two heartbeats of a masternode, at least: 15; 0: any */
	uint32_t history; /* heartbeats that are kept before the last one: 59, an hour of them */
	uint64_t seed[2]; /* random: so that nobody can aim at the hash tables */
};
/* The values above, without `seed`. */
void attestation_params_init(struct attestation_params *out);

struct attestation;

/* 0 or -ENOMEM. */
int attestation_new(struct attestation **out, const struct attestation_params *params)
	__attribute__((warn_unused_result));
void attestation_free(struct attestation *attestation);

/* What attestation_heartbeat() and attestation_witness() would say: asked before a signature is verified, which costs
 * far more.  0 or an enum attestation_error, which the caller has counted by attestation_refuse(). */
int attestation_expect_heartbeat(const struct attestation *attestation, const struct wire_heartbeat *heartbeat,
				 const struct wire_key *announced, bool own_connection, int64_t now_s)
	__attribute__((warn_unused_result));
int attestation_expect_witness(const struct attestation *attestation, const struct wire_attestation *witness,
			       const struct wire_key *registered, int64_t now_s) __attribute__((warn_unused_result));
/* Counts what was not taken for the reason that one of the two gave. */
void attestation_refuse(struct attestation *attestation, int error);

/* A heartbeat whose signature verifies by the key that it names.  `announced`: the key registered for its address, NULL
 * for none; `own_connection`: it came over the connection of that address itself.  `known`: masternodes in the
 * registry. Checked in the order of the errors, so that after ATTESTATION_E_KEY a hint may be tried (registry_prove()),
 * and the call repeated with what that has made the registered key. 0: it is new: the masternode was heard, relay it;
 * an enum attestation_error; or -ENOMEM. */
int attestation_heartbeat(struct attestation *attestation, const struct wire_heartbeat *heartbeat,
			  const struct wire_key *announced, bool own_connection, size_t known, int64_t now_s)
	__attribute__((warn_unused_result));

/* An attestation whose signature verifies by the key that it names.  `registered`: the key registered for its witness,
 * NULL for none; `known`: masternodes in the registry.  0: it is new: relay it, and `*verified` (may be NULL) says
 * whether it was the one that made the heartbeat verified; or an enum attestation_error. */
int attestation_witness(struct attestation *attestation, const struct wire_attestation *witness, bool *verified,
			const struct wire_key *registered, size_t known, int64_t now_s)
	__attribute__((warn_unused_result));

/* The sequence number of our next heartbeat: Unix milliseconds, or one more than the last. */
uint64_t attestation_own_sequence(struct attestation *attestation, int64_t unix_ms);

/* Forgets who has been silent for long; every few minutes is often enough. */
void attestation_sweep(struct attestation *attestation, int64_t now_s);
/* Forgets one, which the registry has replaced: its place is for the other. */
void attestation_drop(struct attestation *attestation, const struct wire_str *address);

/* The last heartbeat of a masternode. */
struct attestation_status {
	uint64_t sequence;
	int64_t timestamp; /* Unix seconds, as it says */
	struct wire_hash hash;
	uint32_t witnesses; /* that are kept */
	bool verified;
	uint64_t heartbeats_verified; /* of this masternode, this one included */
};
/* False: none is known. */
bool attestation_status(const struct attestation *attestation, struct attestation_status *out,
			const struct wire_str *address);

/* One of the heartbeats that are kept of a masternode. */
struct attestation_past {
	uint64_t sequence;
	int64_t timestamp; /* Unix seconds, as it says */
	uint32_t witnesses;
	bool verified;
};
/* The newest first, at most `max`; returns how many. */
size_t attestation_history(const struct attestation *attestation, struct attestation_past *out, size_t max,
			   const struct wire_str *address);

/* Since the start. */
struct attestation_stats {
	size_t masternodes;		     /* whose last heartbeat is known */
	size_t verified;		     /* of them */
	uint64_t heartbeats;		     /* accepted */
	uint64_t heartbeats_verified;	     /* of them, by witnesses or for want of others */
	uint64_t attestations;		     /* accepted */
	uint64_t refused[ATTESTATION_E_END]; /* of both kinds, by error */
};
void attestation_stats(const struct attestation *attestation, struct attestation_stats *out);

#endif
