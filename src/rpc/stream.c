// SPDX-License-Identifier: MIT
/* See stream.h. */
#include "timed/rpc/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/rpc/value.h"

struct rpc_stream {
	struct stream_list list;
	bool begun;	  /* what stands before the first item is out */
	size_t next;	  /* item */
	const char *tail; /* static; "" */
};

static void release(struct stream_list *list)
{
	json_decref(list->around);
	if (list->free_user)
		list->free_user(list->user);
	*list = (struct stream_list){.count = 0};
}

json_t *stream_answer(struct rpc_call *call, struct stream_list *list)
{
	struct rpc_stream *stream = list->member && !list->around ? NULL : calloc(1, sizeof(*stream));

	if (!stream) {
		release(list);
		return NULL; /* which says just that */
	}
	stream->list = *list;
	stream->tail = "";
	*list = (struct stream_list){.count = 0};
	call->stream = stream;
	return NULL;
}

/* The object around the list, still open, up to the list's bracket. */
static void begin(struct rpc_stream *stream, struct buf *out)
{
	if (stream->list.member) {
		value_print(out, stream->list.around);
		if (!out->error)
			out->len--; /* its closing brace */
		if (json_object_size(stream->list.around) > 0)
			buf_append_byte(out, ',');
		buf_append_byte(out, '"');
		buf_append_text(out, stream->list.member);
		buf_append_text(out, "\":");
	}
	buf_append_byte(out, stream->list.keyed ? '{' : '[');
	stream->begun = true;
}

static void end(struct rpc_stream *stream, struct buf *out)
{
	buf_append_byte(out, stream->list.keyed ? '}' : ']');
	if (stream->list.member)
		buf_append_byte(out, '}');
	buf_append_text(out, stream->tail);
}

static void add_item(struct rpc_stream *stream, struct buf *out)
{
	char key[STREAM_KEY_SIZE] = "";
	json_t *item = stream->list.item(stream->list.user, stream->next, key), *name;

	if (stream->next++ > 0)
		buf_append_byte(out, ',');
	if (stream->list.keyed) {
		name = value_text(key);
		if (name)
			value_print(out, name);
		else
			out->error = -ENOMEM;
		json_decref(name);
		buf_append_byte(out, ':');
	}
	if (item)
		value_print(out, item);
	else
		out->error = -ENOMEM;
	json_decref(item);
}

bool stream_next(struct rpc_stream *stream, struct buf *out)
{
	size_t enough = out->len + STREAM_PIECE_BYTES;

	if (!stream->begun)
		begin(stream, out);
	while (stream->next < stream->list.count && out->len < enough && !out->error)
		add_item(stream, out);
	if (stream->next < stream->list.count)
		return true;
	end(stream, out);
	return false;
}

void stream_set_tail(struct rpc_stream *stream, const char *tail)
{
	stream->tail = tail;
}

void stream_free(struct rpc_stream *stream)
{
	if (!stream)
		return;
	release(&stream->list);
	free(stream);
}
