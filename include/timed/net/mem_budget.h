/* SPDX-License-Identifier: MIT
 *
 * One account of memory for everything that peers can make grow: line buffers, arenas, frames.  A connection's first
 * 16 KiB are free; beyond them it reserves from the account, and waits when it is refused.  A message or a frame that
 * is refused is lost: the last eighth is theirs alone, and a refusal is noted for who relieves the account.
 *
 * Thread safety: a budget may be used by any thread; a connection's account by its worker only.
 */
#ifndef TIMED_NET_MEM_BUDGET_H
#define TIMED_NET_MEM_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who reserves. */
enum mem_user {
	MEM_CONNECTIONS, /* line buffers and arenas of connections, beyond what is free */
	MEM_MESSAGES,	 /* messages that left their connection's thread: for the chain, for consensus */
	MEM_FRAMES,	 /* messages to be sent */
	MEM_USER_COUNT
};

struct mem_budget {
	atomic_size_t used;		     /* bytes reserved */
	atomic_size_t users[MEM_USER_COUNT]; /* of them, by whom */
	size_t limit;			     /* immutable */
	atomic_bool refused;		     /* a message or a frame was refused since this was cleared */
};

void mem_budget_init(struct mem_budget *b, size_t limit_bytes);
/* False: refused, nothing reserved. */
bool mem_budget_take(struct mem_budget *b, enum mem_user user, size_t bytes);
void mem_budget_give(struct mem_budget *b, enum mem_user user, size_t bytes);

/* What a connection holds before it has to reserve. */
#define MEM_ACCOUNT_FREE_BYTES ((size_t)16384)

struct mem_account {
	struct mem_budget *budget; /* not owned */
	size_t held;		   /* bytes of this connection, the free ones included */
};

bool mem_account_take(struct mem_account *a, size_t bytes);
void mem_account_give(struct mem_account *a, size_t bytes);

#endif
