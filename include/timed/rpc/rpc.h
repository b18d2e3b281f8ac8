/* SPDX-License-Identifier: MIT
 *
 * The RPC floor as `main` sees it: JSON-RPC 2.0 over HTTP for operators, wallets and scripts.  Puts together the server
 * (http.h), who may use it (auth.h), the reading of requests (dispatch.h) and the methods (methods.h).
 *
 * Thread safety: `main` alone starts and stops.  The methods run on the server's own threads, each named `rpc`, and
 * read the node through node.h and net.h.
 */
#ifndef TIMED_RPC_RPC_H
#define TIMED_RPC_RPC_H

#include <stdint.h>

struct node;
struct rpc;

#define RPC_ERROR_SIZE 512

/* Writes the cookie file, binds the listeners of [rpc] and [metrics], those that are enabled, and starts to answer.  To
 * be called after node_open(): while node_is_starting(), every method fails with RPC_IN_WARMUP and the step of the
 * start. `node` must outlive the RPC.  0 and *out (NULL when neither is enabled); or an exit code of interfaces (1
 * run-time, 2 configuration) with the reason in `error`, and nothing is left open. */
int rpc_start(struct rpc **out, struct node *node, char error[RPC_ERROR_SIZE]) __attribute__((warn_unused_result));
/* The port that the listener of [rpc] got; 0: there is none. */
uint16_t rpc_port(const struct rpc *rpc);
/* Ends every connection, joins the threads and removes the cookie file.  To be called before node_stop().  Waits for
 * methods that are running; NULL is fine. */
void rpc_stop(struct rpc *rpc);

#endif
