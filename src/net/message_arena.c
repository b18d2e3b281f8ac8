/* SPDX-License-Identifier: MIT
 *
 * Memory of messages that outlive their handler; see message_arena.h.
 */
#include "timed/net/message_arena.h"

#include <stdlib.h>

static bool take(void *user, size_t bytes)
{
	struct message_arena *held = user;

	return mem_budget_take(held->global, MEM_MESSAGES, bytes);
}

static void give(void *user, size_t bytes)
{
	struct message_arena *held = user;

	mem_budget_give(held->global, MEM_MESSAGES, bytes);
}

struct message_arena *message_arena_new(struct mem_budget *global)
{
	struct message_arena *held = malloc(sizeof(*held));

	if (!held)
		return NULL;
	held->budget = (struct arena_budget){take, give, held};
	held->global = global;
	atomic_init(&held->refs, 1);
	arena_init(&held->arena, global->limit, &held->budget);
	return held;
}

struct message_arena *message_arena_adopt(struct arena *from, struct mem_budget *global)
{
	struct message_arena *held;

	if (!mem_budget_take(global, MEM_MESSAGES, from->reserved))
		return NULL;
	held = message_arena_new(global);
	if (!held) {
		mem_budget_give(global, MEM_MESSAGES, from->reserved);
		return NULL;
	}
	held->arena = *from;
	held->arena.budget = &held->budget;
	arena_init(from, from->limit, from->budget);
	return held;
}

struct message_arena *message_arena_ref(struct message_arena *held)
{
	atomic_fetch_add_explicit(&held->refs, 1, memory_order_relaxed);
	return held;
}

void message_arena_unref(struct message_arena *held)
{
	if (!held || atomic_fetch_sub_explicit(&held->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_free(&held->arena);
	free(held);
}
