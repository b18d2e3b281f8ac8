/* SPDX-License-Identifier: MIT
 *
 * The acceptor: takes connections from the listeners and hands each to net_start_peer().
 *
 * Thread safety: acceptor_start and acceptor_stop from one thread.
 */
#ifndef TIMED_NET_ACCEPTOR_H
#define TIMED_NET_ACCEPTOR_H

#include <stdint.h>

struct acceptor;
struct net;

/* Binds and starts the thread `acceptor`.  0 or a negative errno. */
int acceptor_start(struct acceptor **out, struct net *net) __attribute__((warn_unused_result));
/* Ends and joins the thread and closes the listener; port and counters may still be asked for.  NULL is fine. */
void acceptor_stop(struct acceptor *acceptor);
/* After acceptor_stop.  NULL is fine. */
void acceptor_free(struct acceptor *acceptor);
uint16_t acceptor_port(const struct acceptor *acceptor);
/* Times that accepting paused for want of descriptors or memory; connections refused: banned, too frequent. */
uint64_t acceptor_exhausted(const struct acceptor *acceptor);
uint64_t acceptor_refused_banned(const struct acceptor *acceptor);
uint64_t acceptor_refused_rate(const struct acceptor *acceptor);

#endif
