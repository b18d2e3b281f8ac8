/* SPDX-License-Identifier: MIT
 *
 * The slow paths of the byte buffer; the fast ones are inline in buf.h.
 */
#include "timeproto/base/buf.h"

#include <errno.h>
#include <stdlib.h>

#define BUF_FIRST_BYTES ((size_t)256)

void buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->error = 0;
}

uint8_t *buf_steal(struct buf *b, size_t *len)
{
	uint8_t *data = b->data;

	*len = b->len;
	if (b->error || b->len == 0) {
		free(data);
		data = NULL;
		*len = 0;
	}
	*b = (struct buf)BUF_INIT;
	return data;
}

int buf_grow(struct buf *b, size_t more)
{
	size_t wanted, half_more;
	uint8_t *data;

	if (b->error)
		return b->error;
	if (more > SIZE_MAX / 2 - b->len)
		return b->error = -ENOMEM;
	wanted = b->len + more;
	if (wanted <= b->capacity)
		return 0;
	half_more = b->capacity + b->capacity / 2;
	if (wanted < half_more)
		wanted = half_more;
	if (wanted < BUF_FIRST_BYTES)
		wanted = BUF_FIRST_BYTES;
	data = realloc(b->data, wanted);
	if (!data)
		return b->error = -ENOMEM;
	b->data = data;
	b->capacity = wanted;
	return 0;
}
