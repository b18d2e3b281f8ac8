/* SPDX-License-Identifier: MIT
 *
 * Records the wire of one peer: every line of every connection with its IP, both directions, as the bytes went through
 * the socket, into a file that `timed-inspect replay` plays against another node.  A recording belongs to the IP: it
 *goes on when the peer reconnects, until it is switched off, the file has reached its bound, or the network ends.
 *
 * The file holds one JSON object a line:
 *
 *	{"recording":1,"network":"testnet","peer":"203.0.113.7","time_us":N}		the first line
 *	{"time_us":N,"connection":5,"event":"open","direction":"inbound","addr":"203.0.113.7:40404"}
 *	{...,"event":"joined","direction":...,"addr":...}				the same, open before
 *	{"time_us":N,"connection":5,"from":"peer","line":"{\"Ping\":{...}}"}		a line of the peer
 *	{"time_us":N,"connection":5,"from":"us","line":"..."}				a line of ours
 *	{"time_us":N,"connection":5,"from":"peer","hex":"7b00..."}	one with other bytes than printable ASCII
 *	{...,"line":"...","incomplete":true}	what there was of a line without an end, or one too long to be kept
 *	{"time_us":N,"connection":5,"event":"close","reason":"eof"}
 *	{"time_us":N,"event":"lost","bytes":N}		the disk was too slow: so much, at least, is not in the file
 *	{"time_us":N,"event":"end","reason":"stopped"}	the last line; or "full", "memory"
 *
 * `time_us` is Unix time in microseconds, of the system call that sent or received the end of the line; `connection` is
 * the number that RPC shows.  Readers ignore keys and events that they do not know.
 *
 * Workers copy the bytes into a bounded queue; a thread of the recording's own writes, so a slow disk costs what it
 * cannot take and no worker's time.  A peer that is not recorded costs one relaxed load for each system call.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_NET_WIRE_RECORD_H
#define TIMED_NET_WIRE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "timed/net/ip.h"

struct net;

#define WIRE_RECORD_VERSION 1
/* Longest path of a file, with its NUL. */
#define WIRE_RECORD_PATH_SIZE 1024
/* Recordings at once. */
#define WIRE_RECORD_MAX 8
#define WIRE_RECORD_MIN_BYTES ((uint64_t)4096)

enum wire_record_error {
	WIRE_RECORD_E_EXISTS = 1, /* that IP is being recorded */
	WIRE_RECORD_E_MANY = 2,	  /* so many are, or have not been switched off */
	WIRE_RECORD_E_NONE = 3,	  /* that IP is not being recorded */
	WIRE_RECORD_E_BUSY = 4,	  /* the file is still being written */
};

/* Why it ended. */
enum wire_record_end {
	WIRE_RECORD_RUNNING, /* it has not */
	WIRE_RECORD_STOPPED, /* switched off */
	WIRE_RECORD_FULL,    /* the file has reached its bound */
	WIRE_RECORD_MEMORY,  /* there was none for a line */
	WIRE_RECORD_FAILED,  /* the file could not be written; the log says why */
};
const char *wire_record_end_name(enum wire_record_end end);

struct wire_record_result {
	char path[WIRE_RECORD_PATH_SIZE];
	enum wire_record_end end;
	uint64_t lines; /* of the wire, in the file */
	uint64_t bytes; /* length of the file */
	uint64_t lost;	/* bytes of the wire that are not in it, at least */
};

/* Begins a recording of this IP, connected or not, in a new file (mode 0600) in `directory`, which is made if need be;
 * the file gets no longer than `max_bytes`, at least WIRE_RECORD_MIN_BYTES.  Blocks on the disk.  `path` is set, for
 * WIRE_RECORD_E_EXISTS too.  0, an enum wire_record_error, or a negative errno. */
int net_record_on(struct net *net, const struct net_ip *ip, const char *directory, uint64_t max_bytes,
		  char path[WIRE_RECORD_PATH_SIZE]) __attribute__((warn_unused_result));
/* Ends it, and waits up to `wait_ms` until the file is written.  0 and *out; WIRE_RECORD_E_NONE; WIRE_RECORD_E_BUSY: to
 * be called again. */
int net_record_off(struct net *net, const struct net_ip *ip, int64_t wait_ms, struct wire_record_result *out)
	__attribute__((warn_unused_result));

#endif
