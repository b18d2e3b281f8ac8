/* SPDX-License-Identifier: MIT
 *
 * Two certificates for different blocks at one height (PROTOCOL.md §9): what cannot be while fewer than a third of the
 * validators lie.  Nothing is final then until people have decided, so the node stops, and the file `halted` in its
 * data directory, which says why and what to do, keeps it from starting until the operator has removed it.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_NODE_HALT_H
#define TIMED_NODE_HALT_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/node/node.h"

/* Before anything is begun: 0, or an exit code and what the file says. */
int halt_check(const char *data_dir, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));
/* A certificate for the block `hash` at `height` has been verified.  True: our chain has another certified block there,
 * so the file is written and the process asked to stop with exit code 3.  Blocks on the disk. */
bool halt_if_conflicting(struct node *node, uint64_t height, const struct wire_hash *hash);

#endif
