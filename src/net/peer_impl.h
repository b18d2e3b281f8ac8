/* SPDX-License-Identifier: MIT
 *
 * The inside of a connection, shared by peer.c (sending, closing, describing), session.c (the protocol's states),
 * peer_worker.c (the loop) and peer_table.c (one connection per IP), and by nobody else.
 */
#ifndef TIMED_NET_PEER_IMPL_H
#define TIMED_NET_PEER_IMPL_H

#include <stdatomic.h>

#include "faults.h"
#include "out_queue.h"
#include "timed/net/heartbeat.h"
#include "timed/net/mem_budget.h"
#include "timed/net/peer.h"
#include "timed/net/rate_limit.h"
#include "timed/net/requests.h"
#include "timed/util/log.h"
#include "timed/util/thread.h"
#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/line.h"

/* A handshake is shorter; until it has come, a connection needs nothing of the memory budget. */
#define PEER_FIRST_LINE_BYTES (MEM_ACCOUNT_FREE_BYTES / 2)

/* Requests that wait while the output is over its soft bound, and lines that wait for a verdict of the pair rule. */
#define PEER_MAX_PARKED 16

/* Ranges that a peer asked for, as far back as they are remembered: more of them in turn cost it nearly as much. */
#define PEER_RANGES 64

/* Where the worker is in the protocol. */
enum session_phase {
	SESSION_CONNECTING,	 /* outbound, TCP not up yet */
	SESSION_AWAIT_HANDSHAKE, /* inbound */
	SESSION_AWAIT_ACK,	 /* outbound */
	SESSION_CHALLENGING,	 /* inbound, handshake in, another connection to this IP lives */
	SESSION_READY,
	SESSION_LINGER, /* closing: what is queued leaves, what comes is discarded until the end of file */
};

/* Blocks or hashes that a peer has asked for last; a ring.  Small, as every connection has one. */
struct asked_ranges {
	uint64_t key[PEER_RANGES];	/* type, first and last, mixed; 0: none */
	uint32_t asked_ms[PEER_RANGES]; /* monotonic, its low half: looked at over seconds, and it lasts for weeks */
	unsigned next;
};

struct parked_line {
	uint8_t *bytes; /* malloc'ed copy */
	size_t len;
};

/* The protocol's view of a connection; worker only. */
struct session {
	enum session_phase phase;
	int64_t deadline_ms;	     /* of connecting, of the handshake, of lingering */
	int64_t received_s;	     /* Unix time at which the bytes at hand came in */
	struct heartbeat heartbeat;
	uint64_t unflushed_nonce[HEARTBEAT_MAX_PENDING];     /* pings still in the output queue ... */
	struct out_mark unflushed_mark[HEARTBEAT_MAX_PENDING]; /* ... and where each ends in it */
	int unflushed_count;
	struct requests requests;
	bool answering;		     /* the message at hand answers a request ... */
	uint64_t answering_key;	     /* ... with this key */
	struct rate_limit rates;
	struct asked_ranges ranges;
	struct token_bucket range_tokens; /* for those that it asks for again */
	struct token_bucket address_tokens; /* addresses it may tell us */
	bool told_second_handshake;
	bool address_flood;	     /* an answer of the greatest length has come */
	bool version_seen;	     /* the peer sent a Version */
	uint32_t unparsable;	     /* lines on this connection */
	int64_t announce_due_ms;     /* our masternode announcement */
	int64_t redial_due_ms;	     /* second dial of a turnaround; INT64_MAX: none */
	int64_t poke_due_ms;	     /* of peer_poke_at() */
	bool turnaround_tried;	     /* the book was asked, and refused or agreed */
	struct parked_line parked[PEER_MAX_PARKED];
	int parked_count;
};

/* Counters that others read while the worker writes them. */
struct peer_stats {
	atomic_int_fast64_t ready_ms, last_send_s, last_recv_s, last_recv_ms;
	atomic_uint_fast64_t bytes_sent, bytes_received;
	atomic_uint_fast64_t sent_per_type[WIRE_TYPE_COUNT], received_per_type[WIRE_TYPE_COUNT];
	atomic_int_fast64_t ping_us, min_ping_us;
	atomic_uint ping_history[PEER_PING_HISTORY]; /* a ring, as peer_info.ping_history_us */
	atomic_uint ping_history_next; /* so many were put in */
	atomic_int_fast64_t ping_since_ms; /* when the oldest outstanding ping left; -1: none */
	atomic_int_fast64_t time_offset_s;
	atomic_bool has_time_offset, has_version, answers, key_disputed;
	atomic_uint_fast64_t starting_height, height;
	atomic_bool has_height;
	atomic_uint_fast64_t synced_blocks;
	atomic_bool has_synced;
	atomic_uint missed_pongs;
	atomic_uint protocol_version;
	atomic_uint_fast64_t addresses_processed, addresses_limited, gossip_dropped, rate_limited;
};

struct peer {
	/* Immutable once the worker runs. */
	struct net *net;
	uint64_t id;
	struct net_addr addr;		/* the other end */
	char ip_text[NET_IP_TEXT_SIZE]; /* of addr.ip */
	enum peer_direction direction;
	bool manual;			/* configured, or the operator's wish */
	int64_t started_ms, started_s;	/* monotonic, Unix */
	struct thread thread;		/* its worker; joined by the reaper */

	atomic_uint refs;
	atomic_int state;	 /* enum peer_state; written under the table's lock */
	atomic_int close_reason; /* enum peer_close_reason; the first wins */
	atomic_bool open;	 /* ready, and our greeting is queued: from here on others may send */
	atomic_bool poked;	 /* peer_poke() was called */
	atomic_bool recorded;	 /* its IP is, or was a moment ago (recorder.h) */
	atomic_bool probe;	 /* a challenger wants to know whether we live: the worker pings */
	atomic_bool kept;	 /* uses a slot kept for masternodes and configured peers */
	atomic_size_t incomplete; /* bytes of the line that is coming in */
	atomic_bool starved;	 /* the memory budget refused its line to grow, or to be decoded ... */
	atomic_int_fast64_t starved_since_ms; /* ... since then (monotonic) */
	struct peer_stats stats;

	/* Guarded by the table's lock. */
	struct peer *live_next, **live_link; /* every peer whose worker runs */
	struct peer *finished_next;	     /* workers that have ended */
	int64_t challenged_ms;		     /* when its challenge began */
	bool probed;			     /* the incumbent was asked for a sign of life because of it */
	uint64_t incumbent_mark;	     /* bytes that the incumbent had received then */
	bool has_node_id;
	uint8_t node_id[16];
	char subver[PEER_SUBVER_SIZE];
	struct wire_hash best_hash;	     /* zero: unknown */
	struct net_addr bound;		     /* our end */

	struct log_limit log_limit; /* has its own lock */

	struct mutex out; /* guards fd, wake_fd, queue, progress_ms; rank MUTEX_RANK_PEER_OUT */
	int fd;		  /* the socket, -1 once closed; closed by the worker only */
	int wake_fd;	  /* eventfd of the worker's poll */
	struct out_queue queue;
	int64_t progress_ms; /* when output last left, or the queue stopped being empty */

	/* Worker only. */
	struct session session;
	struct line_reader reader;
	struct arena arena; /* of the message at hand */
	struct arena_budget arena_budget;
	struct mem_account memory;
	struct buf scratch; /* small encoded messages on their way to the queue */
#ifdef TIMED_FAULTS
	struct peer_faults faults; /* guarded as its fields say */
#endif
};

/* peer.c */

/* A new peer with one reference and no thread.  Takes the fd over (also on failure).  NULL: out of memory or fds. */
struct peer *peer_new(struct net *net, const struct net_addr *addr, enum peer_direction direction, int fd, bool manual);
/* Closes the descriptors and drops what is queued.  The worker's last step, or the creator's when no worker ran. */
void peer_close_fds(struct peer *peer);
/* A ping or pong: in the control lane, or behind the answers that are queued when `after_answers`.  *mark (may be NULL)
 * is where it ends.  Worker only. */
bool peer_send_control(struct peer *peer, const struct wire_message *message, bool after_answers,
		       struct out_mark *mark);
/* Queues a message in order, whatever the state; *mark as above.  Worker only. */
bool peer_send_own(struct peer *peer, const struct wire_message *message, struct out_mark *mark);
/* Sends what it can.  0: everything has left; -EAGAIN: more waits for the socket; another negative errno: broken. */
int peer_flush(struct peer *peer);
size_t peer_queue_bytes(struct peer *peer);
/* Wakes the worker's poll. */
void peer_wake(struct peer *peer);
/* A pong after so long, or none in time.  Worker only. */
void peer_note_pong(struct peer *peer, int64_t rtt_us);
void peer_note_missed_pong(struct peer *peer);
void peer_get_info(struct peer *peer, struct peer_info *out);
/* A message is decoded and is handled next; `bytes` of its line, newline included.  `again`: it had to wait, and has
 * been counted.  Worker only. */
void peer_take_message(struct peer *peer, enum wire_type type, size_t bytes, bool again);
/* It is handled, or not to be: its memory is free for the next one.  Worker only. */
void peer_end_message(struct peer *peer);

#endif
