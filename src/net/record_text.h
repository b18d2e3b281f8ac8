/* SPDX-License-Identifier: MIT
 *
 * The text of a recording (timed/net/wire_record.h): puts the pieces that went through sockets together to lines, and
 * writes them, and what happened, as JSON into a buffer.  The pieces come from wire_record.c.
 *
 * Thread safety: pure; one owner.
 */
#ifndef TIMED_NET_RECORD_TEXT_H
#define TIMED_NET_RECORD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/peer.h"
#include "timeproto/base/buf.h"

/* Connections of one IP whose lines may be incomplete at once; the one heard of longest ago goes. */
#define RECORD_STREAMS 8

enum record_side { RECORD_PEER, RECORD_US };

/* A piece of what a connection sent or received, or its beginning or end. */
enum record_kind { RECORD_OPEN, RECORD_BYTES, RECORD_CLOSE, RECORD_LOST };

struct record_piece {
	enum record_kind kind;
	enum record_side side; /* of RECORD_BYTES */
	bool mid_line;	       /* of RECORD_BYTES: the connection was within a line of that side */
	int64_t time_us;       /* Unix time */
	uint64_t connection;
	enum peer_direction direction; /* these two of all kinds but RECORD_LOST */
	struct net_addr addr;
	enum peer_close_reason reason; /* of RECORD_CLOSE */
	size_t len;		       /* of `bytes`; of RECORD_LOST: how many were lost */
	const uint8_t *bytes;	       /* of RECORD_BYTES */
};

/* Both directions of one connection. */
struct record_stream {
	uint64_t connection; /* 0: free */
	uint64_t used;	     /* when, counted in pieces */
	struct buf line[2];  /* what has come of a line, by side */
	bool skip[2];	     /* until the next newline: its beginning is not known ... */
	bool fresh[2];	     /* ... or nothing has been seen of that side, and the next piece says */
	bool cut[2];	     /* the line is too long to be kept: until the next newline */
};

struct record_text {
	struct record_stream streams[RECORD_STREAMS];
	size_t max_line; /* bytes of a line that are kept */
	uint64_t pieces; /* so far */
	uint64_t lines;	 /* written */
	uint64_t lost;	 /* bytes that are in no line */
};

void record_text_init(struct record_text *t, size_t max_line);
void record_text_free(struct record_text *t);
/* The first line of a file. */
void record_text_begin(struct buf *out, const char *network, const char *peer_ip, int64_t time_us);
/* Appends the lines that the piece completes.  Want of memory for a line is an error of `out` (sticky). */
void record_text_piece(struct record_text *t, struct buf *out, const struct record_piece *piece);
/* The last line of a file. */
void record_text_end(struct buf *out, const char *reason, int64_t time_us);

#endif
