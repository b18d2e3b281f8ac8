/* SPDX-License-Identifier: MIT
 *
 * A recording (timed/net/wire_record.h) as `timed-inspect replay` needs it: the lines that the peer sent, connection by
 * connection.
 *
 * Ownership: the struct owns everything in it.  Thread safety: the main thread alone.
 */
#ifndef TIMED_INSPECT_REPLAY_FILE_H
#define TIMED_INSPECT_REPLAY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/params.h"

#define REPLAY_ERROR_SIZE 256

struct replay_line {
	int64_t time_us; /* Unix time at which its end came in */
	uint8_t *bytes;	 /* malloc'ed, without the newline */
	size_t len;
};

struct replay_connection {
	uint64_t id;
	struct replay_line *lines; /* count used of capacity */
	size_t count, capacity;
};

struct replay_file {
	enum chain_network network;	       /* of the node that recorded */
	struct replay_connection *connections; /* in the order in which they began; count used of capacity */
	size_t count, capacity;
	size_t incomplete; /* lines without an end, which are left out */
	bool lost;	   /* the recording says that it lost something */
};

/* 0; -EINVAL and the reason, with the number of the line; or another negative errno. */
int replay_file_read(struct replay_file *out, const char *path, char error[REPLAY_ERROR_SIZE])
	__attribute__((warn_unused_result));
void replay_file_free(struct replay_file *file);

#endif
