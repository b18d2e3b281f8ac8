/* SPDX-License-Identifier: MIT
 *
 * The output queue of a peer; see out_queue.h.
 */
#include "out_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/net/frame.h"
#include "timed/util/thread.h"

#define RING_FIRST 8
#define CONTROL_FIRST 256
/* What an empty queue keeps allocated. */
#define CONTROL_KEEP 4096

static struct out_item *item_at(const struct out_queue *q, size_t i)
{
	return &q->ring[(q->ring_head + i) & (q->ring_capacity - 1)];
}

static struct frame *frame_at(const struct out_queue *q, size_t i)
{
	return item_at(q, i)->frame;
}

void out_queue_free(struct out_queue *q)
{
	for (size_t i = 0; i < q->ring_len; i++)
		frame_unref(frame_at(q, i));
	free(q->ring);
	free(q->control);
	memset(q, 0, sizeof(*q));
}

static int grow_ring(struct out_queue *q)
{
	size_t capacity = q->ring_capacity ? q->ring_capacity * 2 : RING_FIRST;
	struct out_item *ring = malloc(capacity * sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	for (size_t i = 0; i < q->ring_len; i++)
		ring[i] = *item_at(q, i);
	free(q->ring);
	q->ring = ring;
	q->ring_capacity = capacity;
	q->ring_head = 0;
	return 0;
}

int out_queue_push(struct out_queue *q, struct frame *frame, bool answer)
{
	if (q->ring_len == q->ring_capacity && grow_ring(q))
		return -ENOMEM;
	*item_at(q, q->ring_len) = (struct out_item){frame_ref(frame), answer};
	q->ring_len++;
	q->answers += answer;
	q->pongs += frame->type == WIRE_PONG;
	q->frame_bytes += frame->len;
	q->frames_in += frame->len;
	return 0;
}

int out_queue_push_control(struct out_queue *q, const uint8_t *bytes, size_t len)
{
	size_t unsent = q->control_end - q->control_start;

	if (unsent + len > OUT_QUEUE_CONTROL_BYTES)
		return -ENOMEM;
	if (q->control_end + len > q->control_capacity && q->control_start > 0) {
		memmove(q->control, q->control + q->control_start, unsent);
		q->control_start = 0;
		q->control_end = unsent;
	}
	if (unsent + len > q->control_capacity) {
		size_t capacity = q->control_capacity ? q->control_capacity : CONTROL_FIRST;
		uint8_t *grown;

		while (capacity < unsent + len)
			capacity *= 2;
		grown = realloc(q->control, capacity);
		if (!grown)
			return -ENOMEM;
		q->control = grown;
		q->control_capacity = capacity;
	}
	memcpy(q->control + q->control_end, bytes, len);
	q->control_end += len;
	q->control_in += len;
	return 0;
}

int out_queue_iov(const struct out_queue *q, struct iovec iov[OUT_QUEUE_IOV])
{
	size_t next = 0;
	int n = 0;

	if (q->head_sent > 0) {
		struct frame *head = frame_at(q, next++);

		iov[n++] = (struct iovec){head->bytes + q->head_sent, head->len - q->head_sent};
	}
	if (q->control_end > q->control_start)
		iov[n++] = (struct iovec){q->control + q->control_start, q->control_end - q->control_start};
	for (; next < q->ring_len && n < OUT_QUEUE_IOV; next++) {
		struct frame *frame = frame_at(q, next);

		iov[n++] = (struct iovec){frame->bytes, frame->len};
	}
	return n;
}

bool out_queue_mid_line(const struct out_queue *q)
{
	if (q->head_sent > 0)
		return true;
	/* What was sent of the lane is still there until the next message needs its place. */
	return q->control_start > 0 && q->control[q->control_start - 1] != '\n';
}

static void pop_head(struct out_queue *q)
{
	q->answers -= item_at(q, 0)->answer;
	q->pongs -= frame_at(q, 0)->type == WIRE_PONG;
	frame_unref(frame_at(q, 0));
	q->ring_head = (q->ring_head + 1) & (q->ring_capacity - 1);
	q->ring_len--;
	q->head_sent = 0;
	if (q->ring_len == 0) {
		free(q->ring);
		q->ring = NULL;
		q->ring_capacity = q->ring_head = 0;
	}
}

static size_t consume_head(struct out_queue *q, size_t n)
{
	size_t left = frame_at(q, 0)->len - q->head_sent;
	size_t used = n < left ? n : left;

	q->head_sent += used;
	q->frame_bytes -= used;
	q->frames_out += used;
	if (used == left)
		pop_head(q);
	return n - used;
}

static size_t consume_control(struct out_queue *q, size_t n)
{
	size_t unsent = q->control_end - q->control_start;
	size_t used = n < unsent ? n : unsent;

	q->control_start += used;
	q->control_out += used;
	if (q->control_start == q->control_end) {
		q->control_start = q->control_end = 0;
		if (q->control_capacity > CONTROL_KEEP) {
			free(q->control);
			q->control = NULL;
			q->control_capacity = 0;
		}
	}
	return n - used;
}

void out_queue_consume(struct out_queue *q, size_t n)
{
	/* The order of out_queue_iov: what is left of a begun frame, the control lane, whole frames. */
	if (q->head_sent > 0)
		n = consume_head(q, n);
	if (n > 0)
		n = consume_control(q, n);
	while (n > 0) {
		CHECK(q->ring_len > 0);
		n = consume_head(q, n);
	}
}
