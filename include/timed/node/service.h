/* SPDX-License-Identifier: MIT
 *
 * What the node tells the service manager that started it (systemd; sd_notify(3)): READY=1 only when it listens, its
 * store is open and its RPC is up; a status line; WATCHDOG=1 while chain, acceptor, consensus and keeper make progress
 * (watchdog.h); RELOADING=1 and STOPPING=1.  Without NOTIFY_SOCKET in the environment all of it does nothing.
 *
 * Opening a store may take longer than a service manager waits (a rebuild of all indexes does): meanwhile a thread
 * `starting` asks for more time, as long as service_step() is heard of now and then.
 *
 * Thread safety: any thread; service_begin() and service_end_start() by main.  There is one service manager, so there
 * is one state.
 */
#ifndef TIMED_NODE_SERVICE_H
#define TIMED_NODE_SERVICE_H

#include <stdint.h>

struct node;

/* The start begins: what waits for READY=1 is told to wait on. */
void service_begin(void);
/* The start goes on, `what` of it; `of` 0: not in numbers.  Also asks for more time. */
void service_step(const char *what, uint64_t height, uint64_t of);
#define SERVICE_STEP_SIZE 128
/* The last step, for a person: "Rebuilding the indexes: block 7 of 9". */
void service_last_step(char out[SERVICE_STEP_SIZE]);
/* The start is over, well or not: nobody is asked for time any more.  Harmless when it did not begin. */
void service_end_start(void);

/* The node runs and serves. */
void service_ready(struct node *node);
void service_reloading(void);
/* After service_reloading(). */
void service_reloaded(void);
void service_stopping(void);
/* Why the node does not run, or stops: for `systemctl status`.  The first reason stays. */
void service_failed(const char *reason);

/* The keeper's job, at least once a second: judges the watched threads, logs which one hangs and which one has come
 * back, feeds the watchdog when none hangs, and keeps the status line up to date. */
void service_tick(struct node *node, int64_t now_ms);

#endif
