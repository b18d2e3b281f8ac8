/* SPDX-License-Identifier: MIT
 *
 * Encoded messages; see frame.h.
 */
#include "timed/net/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/base/buf.h"
#include "timeproto/wire/json.h"

int frame_from_line(struct frame **out, struct mem_budget *budget, enum wire_type type, const uint8_t *line, size_t len)
{
	struct frame *frame;

	if (!mem_budget_take(budget, MEM_FRAMES, len + 1))
		return -ENOMEM;
	frame = malloc(sizeof(*frame) + len + 1);
	if (!frame) {
		mem_budget_give(budget, MEM_FRAMES, len + 1);
		return -ENOMEM;
	}
	atomic_init(&frame->refs, 1);
	frame->type = type;
	frame->budget = budget;
	frame->len = len + 1;
	memcpy(frame->bytes, line, len);
	frame->bytes[len] = '\n';
	*out = frame;
	return 0;
}

int frame_encode(struct frame **out, struct mem_budget *budget, const struct wire_message *message)
{
	struct buf buf = BUF_INIT;
	int r = wire_json_encode(&buf, message);

	if (!r)
		r = frame_from_line(out, budget, message->type, buf.data, buf.len);
	buf_free(&buf);
	return r;
}

struct frame *frame_ref(struct frame *frame)
{
	atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
	return frame;
}

void frame_unref(struct frame *frame)
{
	if (!frame || atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) != 1)
		return;
	mem_budget_give(frame->budget, MEM_FRAMES, frame->len);
	free(frame);
}
