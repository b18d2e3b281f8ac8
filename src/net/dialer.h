/* SPDX-License-Identifier: MIT
 *
 * The dialer: asks the address book what is due and hands a socket for it to net_start_peer(), which claims the IP in the
 * peer table and begins a non-blocking connect, so that a slow connect never delays another.
 *
 * Thread safety: dialer_wake from any thread, the rest from one.
 */
#ifndef TIMED_NET_DIALER_H
#define TIMED_NET_DIALER_H

struct dialer;
struct net;

int dialer_create(struct dialer **out, struct net *net) __attribute__((warn_unused_result));
/* Starts the thread `dialer`.  0 or a negative errno. */
int dialer_start(struct dialer *dialer) __attribute__((warn_unused_result));
/* Ends and joins the thread if it was started. */
void dialer_stop(struct dialer *dialer);
void dialer_free(struct dialer *dialer);
/* An address was added, or a peer lost. */
void dialer_wake(struct dialer *dialer);

#endif
