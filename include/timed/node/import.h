/* SPDX-License-Identifier: MIT
 *
 * What the daemon does with its chain instead of being a node: taking blocks from a file (`--load-blocks`), onto a
 * chain that is rebuilt first where the configuration says so (`--reindex`).  No socket is open meanwhile.
 *
 * A line is logged every few seconds, and SIGTERM and SIGINT, which the caller has blocked in every thread, end it in
 * order: what is done by then is kept.
 *
 * Thread safety: the main thread, which no other is beside but the log's.
 */
#ifndef TIMED_NODE_IMPORT_H
#define TIMED_NODE_IMPORT_H

struct config;

enum import_outcome {
	IMPORT_DONE,
	IMPORT_STOPPED, /* by a signal */
	IMPORT_FAILED,	/* the reason is in the log */
};

/* Puts the blocks of `path` ("-": standard input), JSON objects, one a line from any height up to our tip's plus one
 * on, onto the chain in the data directory.  Blocks that the chain has already are passed over; one that breaks a rule,
 * or a line that is no block, ends it, and what came before stays.  PROTOCOL.md §6 "A block is valid on top of our
 * tip". */
enum import_outcome import_blocks(const struct config *config, const char *path) __attribute__((warn_unused_result));

#endif
