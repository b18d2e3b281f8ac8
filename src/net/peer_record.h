/* SPDX-License-Identifier: MIT
 *
 * What a connection puts into the recording of its IP, if there is one (recorder.h): its beginning, what went through
 * its socket, its end.
 *
 * Thread safety: open and close, and what is received, by its worker or creator; what is sent with peer.out held.
 */
#ifndef TIMED_NET_PEER_RECORD_H
#define TIMED_NET_PEER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct iovec;
struct peer;

/* After it was registered, before its worker runs. */
void peer_record_open(struct peer *peer);
/* `mid_line`: these bytes begin within a line. */
void peer_record_received(struct peer *peer, const uint8_t *bytes, size_t len, bool mid_line);
/* The first `len` bytes of what `iov` holds; each part of it but the first begins with a line. */
void peer_record_sent(struct peer *peer, const struct iovec *iov, size_t len, bool mid_line);
void peer_record_close(struct peer *peer);

#endif
