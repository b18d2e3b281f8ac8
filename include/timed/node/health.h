/* SPDX-License-Identifier: MIT
 *
 * Whether the node is well, and what an operator should know: one list of findings with stable codes, for GET /health,
 * the status page, the metric timed_warning and the field `warnings` of RPC methods.
 *
 * A finding is a failure (the node does not do its work: /health answers 503) or a warning (it does, but somebody
 * should look).  What is found is judged from facts by a pure function; node_health() collects them.
 *
 * Thread safety: health_judge() is pure; node_health() from any thread between node_start() and node_stop().  It takes
 * each lock for a copy only, and asks the file system how full it is.
 */
#ifndef TIMED_NODE_HEALTH_H
#define TIMED_NODE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/node/watchdog.h"

struct node;

enum health_code {
	/* Failures. */
	HEALTH_HALTED,	     /* contradicting certificates: people have to decide */
	HEALTH_STOPPING,     /* a stop has been asked for */
	HEALTH_STORE_FAILED, /* the database could not be written */
	HEALTH_CHAIN_STUCK,  /* watchdog: the thread makes no progress; in the order of enum watched */
	HEALTH_ACCEPTOR_STUCK,
	HEALTH_CONSENSUS_STUCK,
	HEALTH_KEEPER_STUCK,
	HEALTH_DISK_NEARLY_FULL,
	HEALTH_NO_PEERS,
	HEALTH_SYNCING, /* the tip is old, and newer blocks are being fetched */
	HEALTH_TIP_OLD, /* the tip is old, and nobody has shown a newer one */
	/* Warnings. */
	HEALTH_DISK_LOW,
	HEALTH_CLOCK_SKEW,	   /* against the peers' */
	HEALTH_NETWORK_OFF,	   /* setnetworkactive false */
	HEALTH_OBSERVING,	   /* a masternode that signs nothing yet */
	HEALTH_MANY_ROUNDS,	   /* agreement on this height takes long */
	HEALTH_EQUIVOCATION,	   /* a validator has contradicted himself */
	HEALTH_MASTERNODE_OFFLINE, /* ours is not active */
	HEALTH_MEMORY_HIGH,	   /* the budget for peers is nearly used up */
	HEALTH_LOG_DROPPED,	   /* log lines were lost */
	HEALTH_CODE_COUNT
};

/* "no-peers" ...; never changes for a code, for scripts and alerts.  NULL when out of range. */
const char *health_code_name(enum health_code code);
/* A failure, else a warning. */
bool health_code_is_failure(enum health_code code);

/* What is judged. */
struct health_facts {
	bool halted, stopping;
	char store_failure[192];		   /* "": none */
	struct watchdog_verdict watchdog;	   /* which threads are hung */
	bool disk_known;			   /* the two below are */
	uint64_t disk_free_bytes, disk_size_bytes; /* of the file system of the data directory */
	uint32_t peers;				   /* ready connections */
	bool network_off;
	int64_t tip_age_s, tip_max_age_s; /* older is not current */
	bool syncing;
	uint64_t height, target;
	bool clock_known;	/* the one below is */
	int64_t clock_offset_s; /* the peers' clocks minus ours */
	int64_t clock_max_offset_s;
	bool observing;
	uint64_t round; /* of the agreement; 0 without validators */
	uint64_t equivocations;
	bool is_masternode, masternode_active;		/* ourselves */
	uint64_t memory_used_bytes, memory_limit_bytes; /* of the budget for peers */
	uint64_t log_dropped;				/* lines */
};

#define HEALTH_TEXT_SIZE 224
struct health_finding {
	enum health_code code;
	char text[HEALTH_TEXT_SIZE]; /* one sentence for a person */
};

struct health {
	bool ok;      /* no failure */
	size_t count; /* in the order of the codes: failures first */
	struct health_finding items[HEALTH_CODE_COUNT];
};

void health_judge(struct health *out, const struct health_facts *facts);
/* The finding of this code; NULL: there is none. */
const struct health_finding *health_find(const struct health *health, enum health_code code);

void node_health_facts(struct node *node, struct health_facts *out);
/* Both of the above. */
void node_health(struct node *node, struct health *out);

#endif
