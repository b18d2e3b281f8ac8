/* SPDX-License-Identifier: MIT
 *
 * The heartbeat of one connection, the same for both directions (PROTOCOL.md §4 "Heartbeat"): (state, event, now) ->
 * send a ping / nothing / a ping was missed / dead.
 *
 * Thread safety: pure; one owner.  `now_ms` is monotonic milliseconds.
 */
#ifndef TIMED_NET_HEARTBEAT_H
#define TIMED_NET_HEARTBEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEARTBEAT_MAX_PENDING 5

struct heartbeat_params {
	int64_t interval_ms; /* between pings */
	int64_t timeout_ms;  /* a ping older than this is missed */
	int64_t check_ms;    /* how often the age of pings is looked at */
	int max_missed;	     /* this many missed in a row: dead */
	int64_t progress_ms; /* a line that is coming in proves the peer alive while in this time ... */
	size_t progress_bytes; /* ... it grows by this much */
};

enum heartbeat_action {
	HEARTBEAT_NONE,
	HEARTBEAT_SEND_PING, /* send a ping with `nonce`, and report it with heartbeat_flushed */
	HEARTBEAT_MISSED,    /* a ping was missed: to be logged */
	HEARTBEAT_DEAD,	     /* end the connection */
};

struct heartbeat_ping {
	uint64_t nonce;
	int64_t flushed_ms; /* when its last byte left; -1: still in the output queue, does not age */
	int64_t flushed_us; /* the same in microseconds, for the round trip */
};

struct heartbeat {
	const struct heartbeat_params *params;			/* not owned */
	struct heartbeat_ping pending[HEARTBEAT_MAX_PENDING];	/* oldest first */
	int pending_count;					/* used entries of pending */
	int missed;						/* missed in a row */
	int64_t next_ping_ms;					/* when the next ping is due */
	int64_t next_check_ms;					/* when ages are looked at next */
	int64_t receiving_until_ms;				/* a growing line excuses pongs until then */
	size_t line_mark;					/* length of the incomplete line at the last progress */
};

/* The first ping is due at once. */
void heartbeat_init(struct heartbeat *hb, const struct heartbeat_params *params, int64_t now_ms);
/* What to do now; call again until HEARTBEAT_NONE.  `nonce` is used for the next ping. */
enum heartbeat_action heartbeat_tick(struct heartbeat *hb, uint64_t nonce, int64_t now_ms);
/* A ping outside the interval (behind a request, or to probe); the next regular one is a whole interval later.  False:
 * 5 are outstanding, send none. */
bool heartbeat_add_ping(struct heartbeat *hb, uint64_t nonce, int64_t now_ms);
/* The last byte of the ping has left: from now on it ages. */
void heartbeat_flushed(struct heartbeat *hb, uint64_t nonce, int64_t now_ms, int64_t now_us);
/* True and the round trip when the nonce is outstanding: the miss counter is reset.  False: log and ignore. */
bool heartbeat_pong(struct heartbeat *hb, uint64_t nonce, int64_t now_us, int64_t *rtt_us);
/* Bytes came in; `incomplete` is the length of the line that is still without its end. */
void heartbeat_received(struct heartbeat *hb, size_t incomplete, int64_t now_ms);
/* When heartbeat_tick has something to do next. */
int64_t heartbeat_deadline_ms(const struct heartbeat *hb);
/* Age of the oldest outstanding ping in ms, -1 when none is outstanding. */
int64_t heartbeat_wait_ms(const struct heartbeat *hb, int64_t now_ms);

#endif
