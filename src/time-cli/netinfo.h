/* SPDX-License-Identifier: MIT
 *
 * The peers of a node as a table: what -netinfo prints and watch refreshes.
 *
 * Thread safety: one owner.
 */
#ifndef TIME_CLI_NETINFO_H
#define TIME_CLI_NETINFO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "timeproto/base/buf.h"

/* The level that shows addresses and is not wide. */
#define NETINFO_LEVEL_ADDRESS 2

enum netinfo_direction { NETINFO_IN, NETINFO_OUT, NETINFO_TOTAL, NETINFO_DIRECTIONS };

struct netinfo_counts {
	unsigned peers, ipv4, ipv6, manual, masternodes;
};

struct netinfo {
	struct buf title;    /* one line: who is asked, and how it is; ends with a newline */
	struct layout peers; /* empty at level 0 */
	struct netinfo_counts counts[NETINFO_DIRECTIONS];
	struct buf addresses; /* the node's own, a line each; may be empty */
	bool usable;	      /* the peers were told, and there was memory for them */
};

/* Appends the request whose answer netinfo_take() understands. */
void netinfo_request(struct buf *text);
/* The answer to it tells the peers, without which there is nothing to show. */
bool netinfo_usable(const json_t *batch);
/* Reads the answer to it.  `place` is where the daemon listens, `now_s` Unix seconds.  To be freed in every case. */
void netinfo_take(struct netinfo *out, const json_t *batch, const char *place, int level, int64_t now_s);
/* Appends all of it, as -netinfo prints it. */
void netinfo_print(struct buf *out, const struct netinfo *info);
/* What getblockchaininfo calls test, main, dev; NULL: unknown. */
const char *netinfo_network_name(const char *chain);
/* Appends the counts: as a table, or in one line. */
void netinfo_print_counts(struct buf *out, const struct netinfo *info);
void netinfo_print_counts_line(struct buf *out, const struct netinfo *info);
void netinfo_free(struct netinfo *info);

#endif
