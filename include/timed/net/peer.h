/* SPDX-License-Identifier: MIT
 *
 * One connection to one peer.  Made by the acceptor or the dialer, run by its worker (peer_worker.h), found by its IP in
 * the peer table (peer_table.h); this header is what everybody else sees of it: sending, closing, describing.
 *
 * Life: connecting (outbound) -> handshake -> ready -> closing.  The direction decides who speaks first, the tie-break
 * and log text, and nothing else.
 *
 * Thread safety: a peer is counted by reference; holders may call everything here from any thread unless a function
 * says "worker only".
 */
#ifndef TIMED_NET_PEER_H
#define TIMED_NET_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/ip.h"
#include "timed/net/requests.h"
#include "timeproto/wire/message.h"

struct frame;
struct log_limit;
struct message_arena;
struct net;
struct peer;

enum peer_direction { PEER_INBOUND, PEER_OUTBOUND };

enum peer_state { PEER_CONNECTING, PEER_HANDSHAKE, PEER_READY, PEER_CLOSING };

/* Why a connection ended: the first reason wins.  Logged, counted, shown. */
enum peer_close_reason {
	PEER_CLOSE_NONE, /* it has not ended */
	PEER_CLOSE_TIMEOUT,
	PEER_CLOSE_HANDSHAKE_TIMEOUT,
	PEER_CLOSE_CONNECT_FAILED,
	PEER_CLOSE_EOF,
	PEER_CLOSE_RESET,
	PEER_CLOSE_WRONG_MAGIC,
	PEER_CLOSE_WRONG_VERSION,
	PEER_CLOSE_OLD_PROTOCOL,
	PEER_CLOSE_NOT_HANDSHAKE,
	PEER_CLOSE_DUPLICATE,
	PEER_CLOSE_TIE_BREAK,
	PEER_CLOSE_REPLACED,
	PEER_CLOSE_YIELDED,
	PEER_CLOSE_SELF,
	PEER_CLOSE_WRONG_CHAIN,
	PEER_CLOSE_BANNED,
	PEER_CLOSE_MALFORMED,
	PEER_CLOSE_LINE_TOO_LONG,
	PEER_CLOSE_SLOW_CONSUMER,
	PEER_CLOSE_TURNAROUND,
	PEER_CLOSE_FULL,
	PEER_CLOSE_EVICTED,
	PEER_CLOSE_MEMORY,
	PEER_CLOSE_SHUTDOWN,
	PEER_CLOSE_OPERATOR,
	PEER_CLOSE_NETWORK_OFF,
	PEER_CLOSE_COUNT
};

/* What is sent decides what happens when the peer reads slowly. */
enum send_class {
	SEND_ANSWER,	/* answers and requests: kept up to the hard bound */
	SEND_GOSSIP,	/* dropped (and counted) over the soft bound */
	SEND_CONSENSUS, /* never falls to the soft bound */
};

/* "Inbound" / "Outbound"; the words of log lines. */
const char *peer_direction_name(enum peer_direction direction);
const char *peer_close_reason_name(enum peer_close_reason reason);
const char *peer_state_name(enum peer_state state);

struct peer *peer_ref(struct peer *peer);
/* The last reference frees.  NULL is fine. */
void peer_unref(struct peer *peer);

struct net *peer_net(const struct peer *peer);
/* The node above (net_ops.user). */
void *peer_user(const struct peer *peer);
/* The peer's clock minus ours, once it has told a time.  False: it has not. */
bool peer_time_offset(const struct peer *peer, int64_t *offset_s);
uint64_t peer_id(const struct peer *peer);
const struct net_ip *peer_ip(const struct peer *peer);
/* Text of the IP; lives as long as the peer. */
const char *peer_ip_text(const struct peer *peer);
/* For the lines that messages of this peer cause, all of them: none may write the log full. */
struct log_limit *peer_log_limit(struct peer *peer);
enum peer_direction peer_direction(const struct peer *peer);
enum peer_state peer_get_state(const struct peer *peer);

/* Queues an encoded frame from any thread; the frame's count is taken when kept.  Nothing queued and at most 16 KiB: it
 * is sent directly.  Never blocks on the socket.  False: not sent (not ready, closing, or fallen to a bound). */
bool peer_send(struct peer *peer, struct frame *frame, enum send_class class);
/* Encodes and queues a message; worker only (handlers); leaves at the end of the turn.  False: out of memory or bounds. */
bool peer_reply(struct peer *peer, const struct wire_message *message);
/* A request: as peer_reply, and remembers that an answer of this kind is expected, with `key` (a height, or 0).  False:
 * one of its kind is outstanding or the kind is unused for a while on this connection.  Worker only; follow a group of
 * requests with peer_fence(). */
bool peer_request(struct peer *peer, enum request_kind kind, uint64_t key, const struct wire_message *message);
/* Sends the ping whose pong before an answer means that none comes.  Worker only. */
void peer_fence(struct peer *peer);
/* While an answer is handled: it was asked for on this connection.  Worker only. */
bool peer_answer_expected(const struct peer *peer, uint64_t *key);
/* Sends what is queued as far as the socket takes it: before work that keeps the worker busy.  Worker only. */
void peer_push_out(struct peer *peer);
/* Has the worker call net_ops.poked soon.  Any thread. */
void peer_poke(struct peer *peer);
/* The same at a time of clock_mono_ms(), in place of the one before; INT64_MAX: never.  Worker only. */
void peer_poke_at(struct peer *peer, int64_t due_ms);
/* While a message is handled: its memory, with one reference for the caller, who may keep what the message points to.
 * NULL: out of memory.  Worker only, once per message. */
struct message_arena *peer_keep_arena(struct peer *peer);

/* Asks for the end: the first reason wins, the table entry is unlinked, the worker is woken.  Does not wait.  No lock
 * may be held. */
void peer_ask_close(struct peer *peer, enum peer_close_reason reason);
/* Counts a violation of the peer's IP and logs it; the third bans and closes (PROTOCOL.md §4).  No lock may be held. */
void peer_violation(struct peer *peer, const char *what);
/* The peer is on another chain: closed, and not dialled for an hour. */
void peer_wrong_chain(struct peer *peer);
/* Addresses the peer may still tell us: a token bucket, filled by our own requests.  Worker only. */
size_t peer_take_address_tokens(struct peer *peer, size_t wanted, bool solicited);

/* The peer is a registered masternode: it uses a slot kept for them, and gets more dial attempts. */
void peer_set_masternode(struct peer *peer);
/* The peer announces another key than the one known for its IP: its traffic is not that masternode's. */
void peer_set_key_disputed(struct peer *peer, bool disputed);
bool peer_is_key_disputed(const struct peer *peer);
/* Monotonic time of the last bytes received. */
int64_t peer_last_received_ms(const struct peer *peer);
/* The peer asks for blocks or a hash: false when it has asked for the same a moment ago, and too often.  Worker only. */
bool peer_may_ask_range(struct peer *peer, enum wire_type type, uint64_t first, uint64_t last);
/* An answer of the greatest length came.  When it is not the first and nobody asked for it, a violation is counted and
 * true returned.  Worker only. */
bool peer_address_flood(struct peer *peer, bool asked);
/* It has sent a Version: one of ours, never mute. */
bool peer_has_version(const struct peer *peer);
/* What the node learns about a peer and shows: its height, as it says itself, and the hash of its best block, as far as
 * it has shown one: a block below its height is not its best. */
void peer_set_height(struct peer *peer, uint64_t height);
void peer_set_best(struct peer *peer, uint64_t height, const struct wire_hash *hash);
/* Its height is not known, or less than this. */
bool peer_is_below(const struct peer *peer, uint64_t height);
/* True when this block is the best that it has shown. */
bool peer_best_is(struct peer *peer, const struct wire_hash *hash);
/* It has shown the hash that we have at this height. */
void peer_set_synced(struct peer *peer, uint64_t height);

#define PEER_SUBVER_SIZE 64
/* Round trips that are remembered of a connection, and what stands for a ping that was missed. */
#define PEER_PING_HISTORY 40
#define PEER_PING_MISSED UINT32_MAX
/* A picture of one connection. */
struct peer_info {
	uint64_t id;
	struct net_addr addr;		 /* the other end */
	struct net_addr bound;		 /* our end */
	char ip[NET_IP_TEXT_SIZE];	 /* text of addr.ip */
	enum peer_direction direction;
	bool manual;			 /* configured, or added by the operator */
	bool has_version;		 /* sent a Version: one of ours */
	bool answers;			 /* sent a Version or answered a request */
	char node_id[33];		 /* hex; empty when unknown */
	char subver[PEER_SUBVER_SIZE];	 /* version text of its Version */
	uint32_t version;		 /* protocol version of its handshake or Version */
	enum peer_state state;
	int64_t connected_s;		 /* Unix time of the connection */
	int64_t ready_ms;		 /* monotonic, since when it is ready */
	int64_t last_send_s, last_recv_s; /* Unix time, 0: never */
	int64_t last_recv_ms;		 /* monotonic */
	uint64_t bytes_sent, bytes_received;
	uint64_t sent_per_type[WIRE_TYPE_COUNT], received_per_type[WIRE_TYPE_COUNT]; /* bytes */
	int64_t ping_us, min_ping_us;	 /* -1: unknown */
	uint32_t ping_history_us[PEER_PING_HISTORY]; /* oldest first; PEER_PING_MISSED: no pong in time */
	uint32_t ping_history_count;	 /* of them */
	int64_t ping_wait_ms;		 /* age of the oldest outstanding ping; -1: none */
	int64_t time_offset_s;		 /* its clock minus ours */
	bool has_time_offset;
	uint64_t starting_height, height;
	bool has_height;
	struct wire_hash best_hash; /* zero: unknown */
	uint64_t synced_blocks;		 /* height up to which it has shown our chain */
	bool has_synced;
	uint32_t missed_pongs;
	bool key_disputed;		 /* not the masternode that is known by its IP */
	uint32_t violations;
	uint64_t addresses_processed, addresses_limited;
	uint64_t gossip_dropped;	 /* frames that fell to the soft bound */
	uint64_t rate_limited;		 /* messages that fell to a rate limit */
	size_t send_queue_bytes;
};

#endif
