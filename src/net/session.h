/* SPDX-License-Identifier: MIT
 *
 * The protocol's states of a connection: handshake, tie-break, heartbeat, requests, turnaround (PROTOCOL.md §4).  The
 * worker (peer_worker.c) owns the socket and calls in here with lines and with the time; what a session wants ended it
 * asks for through peer_ask_close().
 *
 * Thread safety: worker of the peer only.
 */
#ifndef TIMED_NET_SESSION_H
#define TIMED_NET_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

void session_init(struct peer *peer, int64_t now_ms);
void session_free(struct peer *peer);
/* The outbound connection is up: speaks first. */
void session_connected(struct peer *peer, int64_t now_ms);
/* One line has come.  False: there is no memory to decode it now; nothing has happened. */
bool session_line(struct peer *peer, const uint8_t *line, size_t len, int64_t now_ms);
/* The line at hand is longer than may be. */
void session_line_too_long(struct peer *peer);
/* True while lines shall be left in the reader (a verdict of the pair rule is awaited). */
bool session_holds_lines(const struct peer *peer);
/* Bytes came in: the heartbeat's proof of life. */
void session_received(struct peer *peer, int64_t now_ms);
/* Output has left: pings that went with it begin to age.  `sent_us`: before the system call that sent it, so that the
 * round trip is not measured from after the answer. */
void session_flushed(struct peer *peer, int64_t now_ms, int64_t sent_us);
/* Whatever is due; returns when to call again (monotonic ms). */
int64_t session_tick(struct peer *peer, int64_t now_ms);
/* The worker is about to end: a connection that owes or is owed an Ack lingers for it.  True: go on until
 * session_tick says otherwise (session phase SESSION_LINGER). */
bool session_begin_linger(struct peer *peer, int64_t now_ms);
/* A ping in its place behind what is queued; `*nonce` is its own.  False: it could not be sent. */
bool session_send_ordered_ping(struct peer *peer, uint64_t *nonce, int64_t now_ms);
/* Pings that are due or asked for, and those that were missed. */
void session_heartbeat_tick(struct peer *peer, int64_t now_ms);
/* The peer's clock says this, of the bytes at hand. */
void session_note_clock(struct peer *peer, int64_t timestamp);
/* The end: tells the address book and logs. */
void session_ended(struct peer *peer, int64_t now_ms);

#endif
