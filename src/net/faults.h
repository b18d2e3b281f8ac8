/* SPDX-License-Identifier: MIT
 *
 * Faults on demand, for tests: what a connection does to its own messages when the environment variable TIMED_FAULTS
 * says so.  Only builds with the meson option `faults` have any of it; in others the hooks below are empty, and a set
 * TIMED_FAULTS is refused at start, since nothing that is asked for is silently ignored.
 *
 *	TIMED_FAULTS = rule, rule, ...
 *	rule	     = direction:Type:action[@first[-last]]
 *	direction    = in | out
 *	Type	     = a message's name, as on the wire
 *	action	     = close-before	the connection ends; the message is not handled (in) or not sent (out)
 *			| close-after	it is handled or sent, then the connection ends
 *			| drop		it is not handled or not sent
 *			| hold=MS	it is kept back for so long, and later ones of that direction wait behind it
 *			| blackhole	it is not handled or sent, and from then on nothing is read and nothing is sent;
 *					the socket stays open, timers run
 *			| crash		the process dies of a wrong address, in the middle of handling or sending it
 *			| overflow	the same, of a stack that is full
 *			| check		the same, of a failed CHECK()
 *
 * e.g. "out:Pong:drop, in:Ack:close-after, in:Ping:hold=500, out:Version:blackhole@3".  `first` and `last` count the
 * messages of that direction and type over all connections of the process since its start; without them every one is
 * meant, with `first` alone all from that one on.  Of several rules for a message the first in the text counts.
 *
 * What earlier messages have put into the output queue leaves before the connection ends or goes dark.  To everything
 * above, a message that is kept back or dropped has been sent: a ping ages from then on.
 *
 * A connection that a fault ends has the reason "reset".
 *
 * Thread safety: the rules are immutable after faults_load(), their counts atomic.  Hooks say whose they are.
 */
#ifndef TIMED_NET_FAULTS_H
#define TIMED_NET_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/message.h"

struct frame;
struct peer;
struct pollfd;

#ifdef TIMED_FAULTS

#include <stdatomic.h>

#define FAULTS_MAX_RULES 32
#define FAULTS_MAX_HOLD_MS 3600000

enum faults_outcome {
	FAULTS_E_TEXT = 1, /* the text is no list of rules; the error says where and why */
};

enum fault_direction { FAULT_IN, FAULT_OUT };

enum fault_action {
	FAULT_PASS,
	FAULT_CLOSE_BEFORE,
	FAULT_CLOSE_AFTER,
	FAULT_DROP,
	FAULT_HOLD,
	FAULT_BLACKHOLE,
	FAULT_CRASH,
	FAULT_OVERFLOW,
	FAULT_CHECK
};

struct fault_rule {
	enum fault_direction direction;
	enum wire_type type;
	enum fault_action action;
	int64_t hold_ms;      /* of FAULT_HOLD */
	uint64_t first, last; /* messages that are meant, counted from 1 */
};

struct faults {
	struct fault_rule rules[FAULTS_MAX_RULES];
	size_t count;				       /* used entries of rules */
	bool concerns[2];			       /* there are rules of that direction */
	atomic_uint_fast64_t seen[2][WIRE_TYPE_COUNT]; /* messages so far, by direction */
};

struct faults_error {
	size_t position; /* character of the text, from 1 */
	char text[128];
};

/* Reads a list of rules; an empty text is an empty list.  0 or FAULTS_E_TEXT. */
int faults_parse(struct faults *out, struct faults_error *error, const char *text) __attribute__((warn_unused_result));
/* Counts a message that passes.  The rule that it falls under, or NULL; *number is the message's. */
const struct fault_rule *faults_match(struct faults *faults, uint64_t *number, enum fault_direction direction,
				      enum wire_type type);

/* A message that waits: it was held, or is behind one that was. */
struct fault_item;

struct fault_queue {
	struct fault_item *first, *last;
};

/* What the hooks keep of a connection. */
struct peer_faults {
	struct fault_queue out; /* guarded by peer.out */
	atomic_int end;		/* enum fault_action: FAULT_PASS, or what comes once the output queue is empty (nothing
				 * joins it any more, and what comes in is not handled); written under peer.out */
	struct fault_queue in;	/* worker only */
	bool dark;		/* worker only: FAULT_BLACKHOLE is reached */
	enum fault_action
		death; /* worker only: how the process dies while the next message is handled, or FAULT_PASS */
};

/* Reads TIMED_FAULTS, before any connection is.  0, or -EINVAL: it cannot be obeyed, the log says why. */
int faults_load(void) __attribute__((warn_unused_result));
/* A line has come.  True: it has been taken, and is or will be handled, or not.  Worker only. */
bool faults_input(struct peer *peer, const uint8_t *line, size_t len, int64_t now_ms);
/* A message is about to be sent or queued.  True: it has been taken, and counts as sent.  peer.out is held; any thread.
 */
bool faults_output_locked(struct peer *peer, struct frame *frame, bool answer);
/* The same for one without a frame; `len` includes the newline. */
bool faults_control_locked(struct peer *peer, enum wire_type type, const uint8_t *line, size_t len);
/* Whatever is due, once in each turn of the loop, after the output was flushed.  Keeps the socket out of the poll when
 * the connection has gone dark, and brings the deadline forward.  Worker only, no lock held. */
void faults_turn(struct peer *peer, struct pollfd *socket, int64_t *deadline_ms, int64_t now_ms);
/* A message is decoded and about to be handled.  Worker only. */
void faults_handled(struct peer *peer);
/* Drops what waits.  The worker's, once the descriptors are closed. */
void faults_free(struct peer *peer);

#else

#include <errno.h>
#include <stdlib.h>

#include "timed/util/log.h"

static inline int faults_load(void)
{
	const char *text = getenv("TIMED_FAULTS");

	if (!text || !*text)
		return 0;
	log_error(LOG_NET, "TIMED_FAULTS is set, and this timed was built without fault injection");
	return -EINVAL;
}

static inline bool faults_input(struct peer *peer, const uint8_t *line, size_t len, int64_t now_ms)
{
	(void)peer, (void)line, (void)len, (void)now_ms;
	return false;
}

static inline bool faults_output_locked(struct peer *peer, struct frame *frame, bool answer)
{
	(void)peer, (void)frame, (void)answer;
	return false;
}

static inline bool faults_control_locked(struct peer *peer, enum wire_type type, const uint8_t *line, size_t len)
{
	(void)peer, (void)type, (void)line, (void)len;
	return false;
}

static inline void faults_handled(struct peer *peer)
{
	(void)peer;
}

static inline void faults_turn(struct peer *peer, struct pollfd *socket, int64_t *deadline_ms, int64_t now_ms)
{
	(void)peer, (void)socket, (void)deadline_ms, (void)now_ms;
}

static inline void faults_free(struct peer *peer)
{
	(void)peer;
}

#endif

#endif
