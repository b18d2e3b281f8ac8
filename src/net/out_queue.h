/* SPDX-License-Identifier: MIT
 *
 * What waits to be sent to one peer: whole frames in order, and a lane of small control bytes (pings and pongs) that goes
 * next at every frame boundary, so that gossip never delays a heartbeat by more than one frame.  What must keep its place
 * behind answers (the pong by which the peer knows that no answer comes any more) goes as a frame.
 *
 * Thread safety: none; guarded by peer.out.
 */
#ifndef TIMED_NET_OUT_QUEUE_H
#define TIMED_NET_OUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct frame;

/* Unsent control bytes are bounded: a pong that does not fit is owed to a peer that does not read. */
#define OUT_QUEUE_CONTROL_BYTES ((size_t)65536)
#define OUT_QUEUE_IOV 16

struct out_item {
	struct frame *frame; /* counted */
	bool answer;	     /* an answer or a request: order matters */
};

/* A place in the stream of one lane: the end of a message. */
struct out_mark {
	bool control; /* in the control lane, else among the frames */
	uint64_t end; /* bytes of that lane up to and including it */
};

struct out_queue {
	struct out_item *ring;	 /* frames in order */
	size_t answers;		 /* of them with `answer` set */
	size_t pongs;		 /* of them pongs, which keep their place behind answers */
	size_t ring_capacity;	 /* power of two, 0 when nothing is allocated */
	size_t ring_head;	 /* index of the first frame */
	size_t ring_len;	 /* frames queued */
	size_t head_sent;	 /* bytes of the first frame that are sent */
	size_t frame_bytes;	 /* unsent bytes of all frames */
	uint8_t *control;	 /* the lane; NULL when nothing is allocated */
	size_t control_capacity;
	size_t control_start, control_end; /* unsent bytes of it */
	uint64_t control_in, control_out; /* bytes ever put into the lane, and sent of them */
	uint64_t frames_in, frames_out;	  /* the same for frames */
};

void out_queue_free(struct out_queue *q);
/* Takes a reference of the frame.  0 or -ENOMEM. */
int out_queue_push(struct out_queue *q, struct frame *frame, bool answer) __attribute__((warn_unused_result));
/* Copies a control message.  0, or -ENOMEM when the lane is full. */
int out_queue_push_control(struct out_queue *q, const uint8_t *bytes, size_t len) __attribute__((warn_unused_result));
/* What goes next, in order. Returns how many of `iov` are filled; 0: nothing is queued. */
int out_queue_iov(const struct out_queue *q, struct iovec iov[OUT_QUEUE_IOV]);
/* `n` bytes of what out_queue_iov gave are sent. */
void out_queue_consume(struct out_queue *q, size_t n);
/* What goes next is the rest of a message that has been begun. */
bool out_queue_mid_line(const struct out_queue *q);
/* The marked message has left with its last byte. */
static inline bool out_queue_passed(const struct out_queue *q, const struct out_mark *mark)
{
	return (mark->control ? q->control_out : q->frames_out) >= mark->end;
}

/* Unsent bytes. */
static inline size_t out_queue_bytes(const struct out_queue *q)
{
	return q->frame_bytes + (q->control_end - q->control_start);
}

#endif
