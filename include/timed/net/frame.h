/* SPDX-License-Identifier: MIT
 *
 * One encoded message with its newline, counted by reference: encoded once, queued to as many peers as want it.
 *
 * Thread safety: immutable after creation; the count is atomic.
 */
#ifndef TIMED_NET_FRAME_H
#define TIMED_NET_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/mem_budget.h"
#include "timeproto/wire/message.h"

struct frame {
	atomic_uint refs;
	enum wire_type type;	   /* for the counters */
	struct mem_budget *budget; /* where `len` is reserved; not owned */
	size_t len;		   /* bytes, the newline included */
	uint8_t bytes[];
};

/* Encodes `message`.  0, or -ENOMEM (also when the budget refuses).  One reference, the caller's. */
int frame_encode(struct frame **out, struct mem_budget *budget, const struct wire_message *message)
	__attribute__((warn_unused_result));
/* The same from a line that is encoded already, without its newline. */
int frame_from_line(struct frame **out, struct mem_budget *budget, enum wire_type type, const uint8_t *line, size_t len)
	__attribute__((warn_unused_result));
struct frame *frame_ref(struct frame *frame);
/* NULL is fine. */
void frame_unref(struct frame *frame);

#endif
