// SPDX-License-Identifier: MIT
/* The wallet's money, its life, and which keys were paid to: see coins.h. */
#include "coins_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/node/pool_query.h"
#include "timed/util/clock.h"
#include "timeproto/chain/hash.h"

/* A block decodes to a few times its 2 MB. */
#define BLOCK_ARENA_BYTES ((size_t)64 << 20)
/* A view is not held for longer, however many blocks there are to look at. */
#define SLICE_MS 1000

int coins_new(struct coins **out, const struct coins_params *params)
{
	struct coins *coins = calloc(1, sizeof(*coins));

	if (!coins)
		return -ENOMEM;
	coins->params = *params;
	coins->followed = params->followed;
	mutex_init(&coins->lock, "coins", MUTEX_RANK_LEAF);
	cond_init(&coins->changed);
	*out = coins;
	return 0;
}

void coins_free(struct coins *coins)
{
	if (!coins)
		return;
	CHECK(!coins->following && !coins->paying);
	if (coins->confirmed)
		free(coins->confirmed->items);
	free(coins->confirmed);
	cond_destroy(&coins->changed);
	mutex_destroy(&coins->lock);
	free(coins);
}

int coins_chain_failed(struct coins_fault *fault, int error)
{
	if (error < 0)
		return error;
	fault->error = error;
	snprintf(fault->text, sizeof(fault->text), "the chain cannot be read (%s): the log tells more",
		 store_error_name(error));
	return COINS_E_STORE;
}

struct wire_bytes coins_script(const char *address)
{
	return (struct wire_bytes){(const uint8_t *)address, strlen(address)};
}

void coins_note(struct coins *coins, const struct wire_transaction *transaction)
{
	for (size_t i = 0; i < transaction->outputs.len; i++) {
		const struct wire_bytes *script = &transaction->outputs.items[i].script_pubkey;
		uint32_t key;

		if (wallet_find(coins->params.wallet, &key, script->ptr, script->len))
			wallet_use_key(coins->params.wallet, key);
	}
}

static uint32_t next_key(struct coins *coins)
{
	struct wallet_state state;

	wallet_get_state(coins->params.wallet, &state);
	return state.next;
}

/* Whether all keys are known that a block might pay to: not so when a locked wallet has no more of them. */
static bool knows_the_gap(struct coins *coins)
{
	struct wallet_state state;

	wallet_get_state(coins->params.wallet, &state);
	return state.watched == WALLET_MAX_KEYS || state.watched >= state.next + WALLET_GAP;
}

/* *known false: it has to be looked at again, when the wallet knows more keys. */
static int note_block(struct coins *coins, struct chain_view *view, struct arena *arena, uint64_t height, bool *known)
{
	struct chain_point point = {.height = height};
	struct wire_block block;
	int r = chain_view_block(view, &block, arena, height);
	uint32_t before;

	if (r)
		return r;
	/* What moves the gap may stand behind what the moved gap reaches. */
	do {
		before = next_key(coins);
		for (size_t i = 0; i < block.transactions.len; i++)
			coins_note(coins, &block.transactions.items[i]);
		/* asked once: the wallet may be unlocked at any time */
		*known = knows_the_gap(coins);
	} while (*known && next_key(coins) != before);
	if (!*known)
		return 0;
	hash_block(&point.hash, &block.header);
	mutex_lock(&coins->lock);
	coins->followed = point;
	mutex_unlock(&coins->lock);
	return 0;
}

/* The first block that was not looked at, in the chain of this view. */
static int first_new(const struct coins *coins, struct chain_view *view, uint64_t *height)
{
	uint64_t tip = chain_view_summary(view)->tip.height, depth = coins->params.max_reorg_depth;
	uint64_t below = coins->followed.height < tip ? coins->followed.height : tip;
	struct wire_hash hash;
	int r = chain_view_hash(view, &hash, coins->followed.height);

	*height = coins->followed.height + 1;
	if (r == STORE_E_NOT_FOUND || (!r && !hash_equal(&hash, &coins->followed.hash))) {
		/* A reorganisation: where it began is not known, only how far back that may be. */
		*height = below > depth ? below - depth + 1 : 1;
		r = 0;
	}
	return r;
}

/* By the following thread. */
static int follow_blocks(struct coins *coins, struct chain_view *view, int64_t deadline_ms)
{
	const struct chain_point *tip = &chain_view_summary(view)->tip;
	struct arena arena;
	uint64_t height;
	bool known = knows_the_gap(coins);
	int r;

	if (hash_equal(&coins->followed.hash, &tip->hash))
		return 0;
	r = first_new(coins, view, &height);
	arena_init(&arena, BLOCK_ARENA_BYTES, NULL);
	for (; height <= tip->height && !r && known && clock_mono_ms() < deadline_ms; height++) {
		r = note_block(coins, view, &arena, height, &known);
		arena_reset(&arena);
	}
	arena_free(&arena);
	return r;
}

static bool stop_at_first(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	(void)outpoint;
	(void)coin;
	*(bool *)user = true;
	return false;
}

/* Whether an output of the pool pays to the script; what only spends it is not asked for. */
static int pays_in_pool(struct pool *pool, bool *pays, const struct wire_bytes *script)
{
	struct pool_list list;
	int r = pool_list_script(pool, &list, script);

	if (r)
		return r;
	for (size_t i = 0; i < list.count && !*pays; i++) {
		const struct wire_tx_output_list *outputs = &list.items[i].tx->transaction.outputs;

		for (size_t k = 0; k < outputs->len && !*pays; k++)
			*pays = outputs->items[k].script_pubkey.len == script->len &&
				memcmp(outputs->items[k].script_pubkey.ptr, script->ptr, script->len) == 0;
	}
	pool_list_free(&list);
	return 0;
}

static int look_up_key(struct coins *coins, struct chain_view *view, uint32_t key)
{
	char address[ADDRESS_TEXT_SIZE];
	struct wire_bytes script;
	bool used = false;
	int r;

	CHECK(wallet_key_address(coins->params.wallet, address, key) == 0);
	script = coins_script(address);
	r = chain_view_coins_of(view, &script, stop_at_first, &used);
	if (!r && !used)
		r = pays_in_pool(coins->params.pool, &used, &script);
	if (!r && used)
		wallet_use_key(coins->params.wallet, key);
	return r;
}

/* By the following thread.  Each key that is found to be used brings others. */
static int look_up_keys(struct coins *coins, struct chain_view *view)
{
	struct wallet_state state;
	int r = 0;

	for (;;) {
		wallet_get_state(coins->params.wallet, &state);
		if (coins->scanned >= state.watched)
			return 0;
		for (; coins->scanned < state.watched; coins->scanned++) {
			r = look_up_key(coins, view, coins->scanned);
			if (r)
				return r;
		}
	}
}

/* By the following thread, on a view of its own.  *behind: blocks of up to `height` are left for another time. */
static int follow_for(struct coins *coins, bool *behind, uint64_t *height, int64_t ms)
{
	struct chain_view *view = coins->params.ops.view(coins->params.ops.user);
	const struct chain_point *tip = &chain_view_summary(view)->tip;
	int r = follow_blocks(coins, view, clock_mono_ms() + ms);

	if (!r)
		r = look_up_keys(coins, view);
	if (*height > tip->height)
		*height = tip->height;
	*behind = coins->followed.height < *height && knows_the_gap(coins);
	chain_view_unref(view);
	return r;
}

int coins_follow(struct coins *coins, struct coins_fault *fault, int64_t budget_ms)
{
	uint64_t height = UINT64_MAX;
	bool behind, busy;
	int r;

	mutex_lock(&coins->lock);
	while (coins->following && budget_ms == 0)
		cond_wait(&coins->changed, &coins->lock);
	busy = coins->following;
	coins->following = true;
	mutex_unlock(&coins->lock);
	if (busy)
		return 0;
	do
		r = follow_for(coins, &behind, &height, budget_ms > 0 ? budget_ms : SLICE_MS);
	while (!r && behind && budget_ms == 0);
	mutex_lock(&coins->lock);
	coins->following = false;
	cond_broadcast(&coins->changed);
	mutex_unlock(&coins->lock);
	return r ? coins_chain_failed(fault, r) : 0;
}

struct chain_point coins_followed(struct coins *coins)
{
	struct chain_point point;

	mutex_lock(&coins->lock);
	point = coins->followed;
	mutex_unlock(&coins->lock);
	return point;
}
