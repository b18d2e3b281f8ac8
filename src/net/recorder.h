/* SPDX-License-Identifier: MIT
 *
 * Who is being recorded (timed/net/wire_record.h): where workers put what went through their sockets.  A peer knows by
 * its flag `recorded` whether there is anything to put; what is put for an IP that nobody records is dropped.
 *
 * Thread safety: any thread; peer.out may be held.  Nothing here waits for the disk but recorder_start() and, bounded,
 * recorder_stop(); recorder_free() waits for it.
 */
#ifndef TIMED_NET_RECORDER_H
#define TIMED_NET_RECORDER_H

#include "record_text.h"
#include "timed/net/wire_record.h"

struct recorder;

int recorder_create(struct recorder **out, const char *network, size_t max_line) __attribute__((warn_unused_result));
/* Ends all recordings.  NULL is fine. */
void recorder_free(struct recorder *recorder);
int recorder_start(struct recorder *recorder, const struct net_ip *ip, const char *directory, uint64_t max_bytes,
		   char path[WIRE_RECORD_PATH_SIZE]) __attribute__((warn_unused_result));
int recorder_stop(struct recorder *recorder, const struct net_ip *ip, int64_t wait_ms, struct wire_record_result *out)
	__attribute__((warn_unused_result));
/* This IP is being recorded. */
bool recorder_has(struct recorder *recorder, const struct net_ip *ip);
/* `piece` says all but the time; its bytes are copied. */
void recorder_put(struct recorder *recorder, const struct record_piece *piece);

#endif
