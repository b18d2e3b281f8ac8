/* SPDX-License-Identifier: MIT
 *
 * Addresses of peers, known by IP: where they came from, whether they may be dialled now, and what became of earlier
 * dials.  The dial rule, grace period, back-off and turnaround of PROTOCOL.md §4 live here; sockets do not.
 *
 * `now_ms` is monotonic.  Thread safety: has its own leaf lock.
 */
#ifndef TIMED_NET_ADDRESS_BOOK_H
#define TIMED_NET_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/ip.h"

struct address_book;

struct address_book_params {
	enum chain_network network;
	uint16_t default_port;
	size_t max_addresses;		   /* learnt ones; configured ones come on top */
	int64_t grace_ms;		   /* we dial though it is the other's turn, after this */
	int64_t back_off_min_ms, back_off_max_ms;
	uint32_t give_up_after;		   /* failures in a row */
	uint32_t give_up_after_masternode;
	int64_t turnaround_dial_ms;	   /* first dial of a turnaround, after the close */
	int64_t turnaround_interval_ms;	   /* at most one turnaround per peer in this time */
};

enum address_add { ADDRESS_ADDED, ADDRESS_KNOWN, ADDRESS_REFUSED, ADDRESS_BOOK_FULL };

int address_book_create(struct address_book **out, const struct address_book_params *params)
	__attribute__((warn_unused_result));
void address_book_free(struct address_book *book);

/* Our own IP as the peer sees it, for the dial rule: `has_own` false means that it is asked of the kernel per peer. */
void address_book_set_own(struct address_book *book, const struct net_ip *own);
/* An address that turned out to be ourselves: never dialled or gossiped again. */
void address_book_mark_own(struct address_book *book, const struct net_ip *ip);
bool address_book_is_own(struct address_book *book, const struct net_ip *ip);

/* Learns an address.  A known one is revived when it had been given up. */
enum address_add address_book_add(struct address_book *book, const struct net_addr *addr, enum addr_source source,
				  int64_t now_ms);
/* Removes an operator's address (its connection stays). */
bool address_book_remove_configured(struct address_book *book, const struct net_ip *ip);
bool address_book_is_configured(struct address_book *book, const struct net_ip *ip);
/* The operator wants one dial of this address, now, wherever we know it from or not at all; what becomes of the
 * connection is as with an address that was learnt.  ADDRESS_KNOWN: it is connected, or being dialled, already. */
enum address_add address_book_try(struct address_book *book, const struct net_addr *addr, int64_t now_ms);
/* The dial at hand, or a next one, is the operator's wish. */
bool address_book_is_manual(struct address_book *book, const struct net_ip *ip);
/* Masternodes get more attempts. */
void address_book_set_masternode(struct address_book *book, const struct net_ip *ip, bool masternode);

/* The next address that is due, marked busy until address_book_closed; false: none, and *next_ms says when one will be
 * (INT64_MAX: never).  `only_kept` leaves alone what is neither configured nor a masternode (no slot is free for it). */
bool address_book_next(struct address_book *book, struct net_addr *out, int64_t *next_ms, bool only_kept,
		       int64_t now_ms);
/* A connection with this peer is ready (either direction): back-off is reset and it is not dialled while it lasts.
 * `now_s` is Unix time. */
void address_book_ready(struct address_book *book, const struct net_ip *ip, bool outbound, int64_t now_s,
			int64_t now_ms);
/* The port on which a peer that dialled us says it listens. */
void address_book_learn_port(struct address_book *book, const struct net_ip *ip, uint16_t port);
/* What the end of a connection means for the next dial.  Reported once for every dial, and for every inbound connection
 * that had been reported ready. */
enum address_end {
	ADDRESS_END_FAILED,    /* an outbound connection never got ready: back-off */
	ADDRESS_END_LOST,      /* it had been ready: dial again, after the first back-off step */
	ADDRESS_END_REDUNDANT, /* another connection to it lives or is wanted: no penalty */
	ADDRESS_END_REFUSED,   /* we do not want it for `pause_ms` (another chain, banned) */
};
/* `jitter` is random.  Returns the delay of the next dial in ms, or -1 when there is none planned. */
int64_t address_book_closed(struct address_book *book, const struct net_ip *ip, enum address_end end, int64_t pause_ms,
			    uint32_t jitter, int64_t now_ms);

/* Turnaround of a mute inbound peer.  begin: true when it may be done now; the first dial is planned.  second: called
 * when an outbound connection is ready; true when it is the first dial of a turnaround and shall be closed and dialled
 * once more; redial plans that. */
bool address_book_turnaround_begin(struct address_book *book, const struct net_ip *ip, int64_t now_ms);
bool address_book_turnaround_second(struct address_book *book, const struct net_ip *ip);
void address_book_turnaround_redial(struct address_book *book, const struct net_ip *ip, int64_t now_ms);

/* Up to `max` addresses to tell a peer: those we were connected with, configured or not, never unusable ones nor the
 * asker.  Returns how many. */
size_t address_book_gossip(struct address_book *book, struct net_addr *out, size_t max, const struct net_ip *asker,
			   uint32_t random);
size_t address_book_size(struct address_book *book);
/* Addresses given up or refused for now do not count. */
size_t address_book_dialable(struct address_book *book);

/* Persistence, as in ban_list.h. */
struct address_record {
	struct net_addr addr;
	int64_t last_ready_s; /* Unix time of the last ready connection, 0: never */
	bool deleted;	      /* to be removed from the store */
};
#define ADDRESS_RECORD_SIZE 11
void address_record_encode(uint8_t out[ADDRESS_RECORD_SIZE], const struct address_record *record);
int address_record_decode(struct address_record *out, const struct net_ip *ip, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));
/* An address of an earlier run. */
void address_book_restore(struct address_book *book, const struct address_record *record, int64_t now_ms);
size_t address_book_take_changed(struct address_book *book, struct address_record **out);

/* A picture of one address, for getaddednodeinfo and status. */
struct address_info {
	struct net_addr addr;
	enum addr_source source;
	bool busy;	     /* being dialled or connected */
	uint32_t failures;   /* in a row */
	int64_t next_dial_ms; /* monotonic; INT64_MAX: not planned */
	int64_t last_ready_s; /* Unix time of the last ready connection, 0: never */
	bool dialable;	      /* neither ourselves nor given up, and may be dialled */
};
/* *out is malloc'ed; free() it. */
size_t address_book_infos(struct address_book *book, struct address_info **out);

#endif
