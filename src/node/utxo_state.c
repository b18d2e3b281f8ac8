/* SPDX-License-Identifier: MIT
 *
 * States of outputs; see utxo_state.h.
 */
#include "utxo_state.h"

#include "node_impl.h"
#include "timed/node/pool_query.h"

/* What the pool alone knows for certain.  False: the chain has to be asked. */
static bool is_known_by_pool(const struct pool_outpoint_state *pool)
{
	return pool->known == POOL_OUTPOINT_SPENT || pool->known == POOL_OUTPOINT_CREATED;
}

/* Adds what the pool says; an output of a pending transaction is nothing yet. */
static void add_by_pool(struct wire_outpoint_state_list *out, const struct wire_outpoint *outpoint,
			const struct pool_outpoint_state *pool)
{
	struct wire_outpoint_state *state = &out->items[out->len];

	if (pool->known == POOL_OUTPOINT_CREATED && !pool->finalized)
		return;
	*state = (struct wire_outpoint_state){.outpoint = *outpoint, .state = {.tag = WIRE_UTXO_UNSPENT}};
	if (pool->known == POOL_OUTPOINT_SPENT)
		state->state = pool->state;
	out->len++;
}

void utxo_states(struct node *node, struct wire_outpoint_state_list *out, struct arena *arena,
		 const struct wire_outpoint_list *asked)
{
	struct pool_outpoint_state *pool = arena_alloc(arena, asked->len * sizeof(*pool));
	struct chain_view *view;
	struct coin coin;
	int r = 0;

	out->len = 0;
	out->items = arena_alloc(arena, asked->len * sizeof(*out->items));
	if (!out->items || !pool)
		return;
	/* The pool first: a block that comes in between takes its spender out, and shows in the view. */
	pool_outpoint_states(node->pool, pool, asked->items, asked->len);
	view = chain_thread_take_view(node->chain);
	for (size_t i = 0; i < asked->len && (!r || r == STORE_E_NOT_FOUND); i++) {
		const struct wire_outpoint *outpoint = &asked->items[i];

		if (is_known_by_pool(&pool[i])) {
			add_by_pool(out, outpoint, &pool[i]);
			continue;
		}
		r = chain_view_coin(view, &coin, arena, outpoint);
		if (!r)
			out->items[out->len++] = (struct wire_outpoint_state){.outpoint = *outpoint,
									      .state = {.tag = WIRE_UTXO_UNSPENT}};
	}
	chain_view_unref(view);
}
