/* SPDX-License-Identifier: MIT
 *
 * The network of the node: acceptor, dialer, peer workers and what they share.  The node above gives it a table of
 * message handlers and a few callbacks, and gets connections, one per peer IP.
 *
 * Thread safety: every function may be called from any thread unless it says otherwise; callbacks run on the worker
 * of the peer concerned, with no lock held.
 */
#ifndef TIMED_NET_NET_H
#define TIMED_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/address_book.h"
#include "timed/net/ban_list.h"
#include "timed/net/heartbeat.h"
#include "timed/net/ip.h"
#include "timed/net/peer.h"
#include "timed/net/rate_limit.h"
#include "timeproto/wire/message.h"

struct frame;
struct mem_budget;
struct net;
struct progress;

/* Of the peer protocol; in our handshakes. */
#define NET_PROTOCOL_VERSION 1

/* Timers and limits; the configuration's values, defaults are the protocol's (PROTOCOL.md §4). */
struct net_params {
	enum chain_network network;	/* decides what may be dialled */
	struct progress *accepting;	/* marked by the acceptor (util/progress.h); outlives the net; may be NULL */
	const char *network_name;	/* the `network` text of our handshakes; outlives the net */
	struct net_addr listen;		/* port 0: an ephemeral one (tests) */
	bool has_external;		/* external is set */
	struct net_ip external;		/* our own IP as others see it */
	uint8_t node_id[16];		/* random per data directory */
	struct heartbeat_params heartbeat;
	struct address_book_params addresses;
	struct ban_params bans;
	struct rate_limit_params rates;
	uint32_t max_peers;		/* slots for ready connections */
	uint32_t kept_slots_percent;	/* of them for masternodes and configured peers */
	uint32_t max_handshakes;	/* connections that may be before their handshake at once */
	uint32_t max_unparsable_lines;	/* per connection, then it ends as one violation */
	uint32_t requests_per_second_existing; /* of one kind, to a peer without Version */
	size_t max_frame_bytes;		/* longest line, without its newline */
	size_t memory_budget_bytes;	/* line buffers, arenas and frames together */
	size_t output_soft_bytes;	/* beyond it gossip is dropped and requests wait */
	size_t output_hard_bytes;	/* beyond it the peer is a slow consumer */
	int64_t connect_timeout_ms;
	int64_t handshake_timeout_ms;
	int64_t tie_break_wait_ms;	/* how long a tie-break waits for a Version */
	int64_t crossed_dial_window_ms; /* a second connection this soon in the other direction is a crossed dial */
	int64_t probe_timeout_ms;	/* silence of the incumbent that lets a challenger replace it */
	int64_t turnaround_after_ms;	/* a mute inbound peer is turned around after this */
	int64_t turnaround_redial_ms;	/* second dial of a turnaround, after the first is ready */
	int64_t announce_delay_ms;	/* our masternode announcement, after ready */
	int64_t announce_interval_ms;	/* and again */
	int64_t request_timeout_ms;	/* an unanswered request */
	int64_t same_range_ms;		/* the same range asked for again this soon is limited ... */
	uint32_t same_range_per_minute; /* ... to so many, a sixtieth of them at once */
	int64_t no_progress_ms;		/* output without a byte of progress: slow consumer */
	int64_t accept_wait_ms;		/* pause of the acceptor when descriptors ran out */
	int64_t wrong_chain_ms;		/* a peer on another chain is not dialled for this long */
	int tcp_keepalive_idle_s;
	int tcp_keepalive_interval_s;
};

/* What the node does with one kind of message. */
enum message_verdict {
	MESSAGE_USEFUL,	 /* nothing to say against it */
	MESSAGE_USELESS, /* duplicate, invalid, stale: takes a token of the peer's rate limit */
};

struct message_rule {
	enum message_verdict (*handle)(struct peer *peer, const struct wire_message *message); /* NULL: counted only */
	enum rate_kind rate;	    /* the bucket that a useless one draws from */
	bool request;		    /* waits while the peer's output is over its soft bound */
	enum request_kind answers;  /* REQUEST_NONE, or the kind of request that this message answers */
	/* Whether it answers what was asked with `key`; NULL: the kind is enough. */
	bool (*matches)(const struct wire_message *message, uint64_t key);
};

struct net_ops {
	const struct message_rule *rules; /* WIRE_TYPE_COUNT entries */
	/* The peer is ready: send what a new peer gets. */
	void (*ready)(void *user, struct peer *peer);
	/* Time to announce our masternode to this peer. */
	void (*announce)(void *user, struct peer *peer);
	/* Somebody has called peer_poke(), or the time of peer_poke_at() has come: ask the peer what there is to ask. */
	void (*poked)(void *user, struct peer *peer);
	/* A request stays unanswered: the peer is mute, or the time is up. */
	void (*unanswered)(void *user, struct peer *peer, enum request_kind kind, uint64_t key);
	/* The answer to our request for blocks is longer than a line may be; the connection ends, without a violation. */
	void (*overlong)(void *user, struct peer *peer);
	/* A connection that was ready has ended; the last call about it. */
	void (*gone)(void *user, struct peer *peer);
	/* Fills what our Version message says beyond the net's own fields.  What it points to must outlive the net, or
	 * be owned by the calling thread until its next call. */
	void (*version)(void *user, struct wire_version *version);
	/* True when the IP is a known masternode: it uses the slots kept for them. */
	bool (*is_masternode)(void *user, const struct net_ip *ip);
	void *user;
};

/* 0 and *out, or a negative errno; nothing runs yet.  `params` is copied.  -EINVAL: the environment asks for what cannot
 * be done; the log says what. */
int net_create(struct net **out, const struct net_params *params, const struct net_ops *ops)
	__attribute__((warn_unused_result));
/* Binds the listeners and starts acceptor and dialer.  0 or a negative errno (address in use, ...). */
int net_start(struct net *net) __attribute__((warn_unused_result));
/* Ends acceptor and dialer, then every worker (reason: shutdown), and joins them all.  Blocks. */
void net_stop(struct net *net);
/* After net_stop. */
void net_free(struct net *net);

void *net_user(const struct net *net);
const struct net_params *net_params(const struct net *net);
struct address_book *net_addresses(struct net *net);
struct ban_list *net_bans(struct net *net);
/* The port that the listener got. */
uint16_t net_listen_port(const struct net *net);

/* The keeper's sleep: until a worker has ended, net_wake_keeper() was called, or `deadline_ms` (monotonic). */
void net_wait_ended(struct net *net, int64_t deadline_ms);
void net_wake_keeper(struct net *net);
/* Joins workers that have ended; the keeper's job. */
void net_reap(struct net *net);
/* Closes the connection that holds most when the memory budget is used up and somebody waits for it; the keeper's job. */
void net_relieve_memory(struct net *net);
/* Wakes the dialer: addresses were added. */
void net_wake_dialer(struct net *net);

/* Queues one encoded frame to every ready peer but `except` (may be NULL).  Takes no reference.  Returns to how many. */
size_t net_broadcast(struct net *net, struct frame *frame, enum send_class class, const struct peer *except);
/* Every connection with this IP is asked to close, whatever its state.  False: there is none. */
bool net_disconnect(struct net *net, const struct net_ip *ip, enum peer_close_reason reason);

/* Every ready connection is pinged, as far as its outstanding pings allow. */
void net_ping_all(struct net *net);
/* The operator's switch.  Off: every connection is asked to close, none is dialled or accepted until it is on again; a
 * start begins with it on. */
void net_set_active(struct net *net, bool active);
bool net_is_active(const struct net *net);

/* A picture of every ready connection, ordered by id.  *out is malloc'ed (NULL when 0); free() it. */
size_t net_peer_infos(struct net *net, struct peer_info **out);
/* peer_poke() to every ready peer. */
void net_poke_all(struct net *net);
/* What memory of peers is reserved in. */
struct mem_budget *net_budget(struct net *net);
/* Calls `each` for every ready peer, holding a reference and no lock. */
void net_each_peer(struct net *net, void (*each)(struct peer *peer, void *user), void *user);
uint32_t net_ready_count(struct net *net);

#endif
