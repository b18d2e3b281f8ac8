/* SPDX-License-Identifier: MIT
 *
 * Long answers: a list whose items are described one after the other while the answer is sent, so that neither its JSON
 * values nor its text are ever in memory as a whole.
 *
 * A method gathers what it will describe (a snapshot of the pool, the coins of the wallet), lets go of every lock, and
 * returns stream_answer().  Whoever sends the answer takes piece after piece; a client that reads slowly holds up the
 * snapshot and nobody else.
 *
 * Ownership: stream_answer() takes `user` over; `free_user` is called once, whatever happens.
 * Thread safety: a stream belongs to one thread at a time.
 */
#ifndef TIMED_RPC_STREAM_H
#define TIMED_RPC_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "timed/rpc/method.h"
#include "timeproto/base/buf.h"

/* A piece is about as long as this. */
#define STREAM_PIECE_BYTES ((size_t)32 * 1024)
#define STREAM_KEY_SIZE 80

/* What is to be described. */
struct stream_list {
	void *user; /* handed to the functions */
	size_t count;
	/* Item `index` (a new reference; NULL: out of memory), and in `key` its name when it is a member of an object.
	 */
	json_t *(*item)(void *user, size_t index, char key[STREAM_KEY_SIZE]);
	void (*free_user)(void *user);
	/* The object that has the list as its last member, named `member`; NULL: the list alone is answered.  Taken
	 * over. */
	json_t *around;
	const char *member;
	bool keyed; /* an object of items instead of an array */
};

struct rpc_stream;

/* The answer of the call is this list.  Returns NULL, so that a method can return it; out of memory, `list` is released
 * and the call fails with that. */
json_t *stream_answer(struct rpc_call *call, struct stream_list *list);
/* Appends about STREAM_PIECE_BYTES more of the answer's text (buf's sticky error: out of memory, and the answer is
 * lost). False: that was all. */
bool stream_next(struct rpc_stream *stream, struct buf *out);
/* Has the text end with this, before the first piece is taken. */
void stream_set_tail(struct rpc_stream *stream, const char *tail);
void stream_free(struct rpc_stream *stream); /* NULL is fine */

#endif
