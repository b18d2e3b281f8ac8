/* SPDX-License-Identifier: MIT
 *
 * The one routine that runs a connection, whoever dialled: a blocking point (poll on the socket and the wake eventfd, until
 * the next deadline), then read what is there, handle each complete line, flush what is queued, tick the session.
 *
 * Acceptor and dialer hand their sockets over through net_start_peer(), which starts this routine on a thread of its own.
 */
#ifndef TIMED_NET_PEER_WORKER_H
#define TIMED_NET_PEER_WORKER_H

/* Thread routine; `arg` is the struct peer, whose fd the worker owns from now on. */
void *peer_worker(void *arg);

#endif
