/* SPDX-License-Identifier: MIT
 *
 * The heartbeat of one connection, the same for both directions (PROTOCOL.md §4 "Heartbeat"): (state, event, now) ->
 * send a ping / nothing / a ping was missed / dead.
 *
 * A ping ages from its last byte sent.  While a long line is coming in its pong may stand behind that line, through no
 * fault of the peer: time in which an incomplete line grows by `progress_bytes` in `progress_ms` does not age it.  With
 * the end of the line, or when it stalls, the ping ages on from where it was: short lines excuse nothing, and neither
 * do long ones that come at once.  Pongs do not overtake answers, so a pong may stand behind several long lines, and
 * each excuses it, but not for ever: after HEARTBEAT_MAX_LINES of them a ping ages whatever comes in.  So a peer that
 * sends long lines and never a pong is dead three missed pongs after that many lines.
 *
 * Thread safety: pure; one owner.  `now_ms` is monotonic milliseconds.
 */
#ifndef TIMED_NET_HEARTBEAT_H
#define TIMED_NET_HEARTBEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEARTBEAT_MAX_PENDING 5
/* The long lines that may come before a pong.  An honest peer's are the answers to what we have asked, one of each
 * kind, and the blocks that it had queued when it read the ping. */
#define HEARTBEAT_MAX_LINES 32

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
	int64_t excused_ms; /* of the time since then: does not count to its age */
	int lines;	    /* long lines completed since then */
};

struct heartbeat {
	const struct heartbeat_params *params;			/* not owned */
	struct heartbeat_ping pending[HEARTBEAT_MAX_PENDING];	/* oldest first */
	int pending_count;					/* used entries of pending */
	int missed;						/* missed in a row */
	int64_t next_ping_ms;					/* when the next ping is due */
	int64_t next_check_ms;					/* when ages are looked at next */
	int64_t counted_ms;					/* the excuses of the pings are counted up to here */
	int64_t excused_until_ms;				/* a growing line excuses them until then */
	size_t line_len;					/* length of the incomplete line when last seen ... */
	int64_t seen_ms;					/* ... and when that was */
	size_t line_mark;					/* its length when its growth was last measured ... */
	int64_t mark_ms;					/* ... and when that was */
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
