/* SPDX-License-Identifier: MIT
 *
 * The memory of a message that outlives its handler: blocks on their way to the chain thread.  The connection's arena is
 * handed over as it is, nothing is copied, and the connection starts another one.
 *
 * Ownership: counted; the last reference gives the memory back to the budget it was reserved in, which must outlive it.
 * Thread safety: the count is atomic; the arena may be allocated from by one thread at a time.
 */
#ifndef TIMED_NET_MESSAGE_ARENA_H
#define TIMED_NET_MESSAGE_ARENA_H

#include <stdatomic.h>
#include <stddef.h>

#include "timed/net/mem_budget.h"
#include "timeproto/base/arena.h"

struct message_arena {
	struct arena arena;
	struct arena_budget budget; /* the arena's: reserves in `global` */
	struct mem_budget *global;  /* not owned */
	atomic_uint refs;
};

/* An empty one, for messages that come from elsewhere than a connection.  NULL: out of memory. */
struct message_arena *message_arena_new(struct mem_budget *global);
/* Takes over what `from` holds, which is left empty; its bytes are reserved in `global` from now on, and the caller gives
 * back what they were reserved with before.  NULL: out of memory, nothing has changed. */
struct message_arena *message_arena_adopt(struct arena *from, struct mem_budget *global);
struct message_arena *message_arena_ref(struct message_arena *held);
/* NULL is fine. */
void message_arena_unref(struct message_arena *held);

#endif
