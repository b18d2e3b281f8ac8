// SPDX-License-Identifier: MIT
/* See http_stream.h. */
#include "http_stream.h"

#include <stdlib.h>
#include <string.h>

struct rest {
	struct buf piece;	   /* what is being sent */
	size_t at;		   /* sent of it */
	struct rpc_stream *stream; /* what follows; NULL: nothing */
};

static ssize_t rest_read(void *user, uint64_t position, char *out, size_t max)
{
	struct rest *rest = user;
	size_t len;

	(void)position;
	if (rest->at == rest->piece.len && rest->stream) {
		buf_reset(&rest->piece);
		rest->at = 0;
		if (!stream_next(rest->stream, &rest->piece)) {
			stream_free(rest->stream);
			rest->stream = NULL;
		}
		/* The status has been sent: that the answer is cut off is all that can be said. */
		if (rest->piece.error)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	len = rest->piece.len - rest->at;
	if (len == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	len = len < max ? len : max;
	memcpy(out, rest->piece.data + rest->at, len);
	rest->at += len;
	return (ssize_t)len;
}

static void rest_free(void *user)
{
	struct rest *rest = user;

	stream_free(rest->stream);
	buf_free(&rest->piece);
	free(rest);
}

struct MHD_Response *http_stream_response(struct buf *begin, struct rpc_stream **stream)
{
	struct rest *rest = calloc(1, sizeof(*rest));
	struct MHD_Response *response;

	if (!rest)
		return NULL;
	rest->piece = *begin;
	rest->stream = *stream;
	*begin = (struct buf)BUF_INIT;
	*stream = NULL;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_PIECE_BYTES, rest_read, rest, rest_free);
	if (!response)
		rest_free(rest);
	return response;
}
