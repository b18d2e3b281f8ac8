// SPDX-License-Identifier: MIT
/* What coins there are, and their states: see coins.h.
 *
 * The pool is looked at before the chain.  So what was in the pool then is there still, or is in the chain that is
 * looked at (and is left out), or has lost against it: no coin is taken for unspent whose spending was known to the
 * pool when the call began. */
#include "coins_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/node/pool_query.h"
#include "timed/util/clock.h"
#include "timeproto/chain/hash.h"

/* A coin of ours that a transaction of the pool spends. */
struct spend {
	struct wire_outpoint outpoint;
	bool finalized;
};

/* One call. */
struct listing {
	struct coins *coins;
	struct coins_list *out;
	bool chosen;		  /* by addresses: owners are in the order of their addresses; else owner i is key i */
	struct pool_info *pooled; /* transactions that concern us, counted, in order of arrival */
	size_t pooled_count, pooled_capacity;
	struct spend *spends; /* by outpoint */
	size_t spend_count, spend_capacity;
	size_t capacity; /* of out->items */
};

/* The list with room for one more; NULL: no memory, the list is as it was. */
static void *grow(void *items, size_t *capacity, size_t count, size_t size)
{
	size_t wanted = *capacity < 16 ? 16 : *capacity + *capacity / 2;
	void *bigger;

	if (count < *capacity)
		return items;
	bigger = reallocarray(items, wanted, size);
	if (bigger)
		*capacity = wanted;
	return bigger;
}

static int compare_outpoints(const struct wire_outpoint *a, const struct wire_outpoint *b)
{
	int r = memcmp(a->txid.bytes, b->txid.bytes, sizeof(a->txid.bytes));

	return r ? r : (a->vout > b->vout) - (a->vout < b->vout);
}

static int compare_spends(const void *a, const void *b)
{
	return compare_outpoints(&((const struct spend *)a)->outpoint, &((const struct spend *)b)->outpoint);
}

static const struct spend *find_spend(const struct listing *l, const struct wire_outpoint *outpoint)
{
	struct spend wanted = {.outpoint = *outpoint};

	return l->spend_count > 0 ? bsearch(&wanted, l->spends, l->spend_count, sizeof(wanted), compare_spends) : NULL;
}

/* ---- owners ---- */

static int compare_owners(const void *a, const void *b)
{
	return strcmp(((const struct coins_owner *)a)->address, ((const struct coins_owner *)b)->address);
}

static int take_addresses(struct listing *l, const struct wire_str *addresses, size_t count)
{
	struct coins_list *out = l->out;
	size_t kept = 0;

	out->owners = calloc(count, sizeof(out->owners[0]));
	if (!out->owners)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		CHECK(addresses[i].len < ADDRESS_TEXT_SIZE);
		memcpy(out->owners[i].address, addresses[i].ptr, addresses[i].len);
	}
	qsort(out->owners, count, sizeof(out->owners[0]), compare_owners);
	for (size_t i = 0; i < count; i++) {
		struct coins_owner *owner = &out->owners[kept];

		if (kept > 0 && strcmp(owner[-1].address, out->owners[i].address) == 0)
			continue;
		*owner = out->owners[i];
		if (!wallet_find(l->coins->params.wallet, &owner->key, (const uint8_t *)owner->address,
				 strlen(owner->address)))
			owner->key = COINS_NOT_OURS;
		kept++;
	}
	out->owner_count = kept;
	return 0;
}

static int take_keys(struct listing *l)
{
	struct coins_list *out = l->out;
	struct wallet_state state;

	wallet_get_state(l->coins->params.wallet, &state);
	out->owners = calloc(state.watched, sizeof(out->owners[0]));
	if (!out->owners)
		return -ENOMEM;
	out->owner_count = state.watched;
	for (uint32_t i = 0; i < state.watched; i++) {
		out->owners[i].key = i;
		CHECK(wallet_key_address(l->coins->params.wallet, out->owners[i].address, i) == 0);
	}
	return 0;
}

/* Whether a script belongs to one of the owners. */
static bool find_owner(const struct listing *l, uint32_t *owner, const struct wire_bytes *script)
{
	const struct coins_owner *found;
	struct coins_owner wanted;

	if (!l->chosen)
		return wallet_find(l->coins->params.wallet, owner, script->ptr, script->len) &&
		       *owner < l->out->owner_count;
	if (script->len >= sizeof(wanted.address) || (script->len > 0 && memchr(script->ptr, 0, script->len)))
		return false;
	memset(&wanted, 0, sizeof(wanted));
	if (script->len > 0)
		memcpy(wanted.address, script->ptr, script->len);
	found = bsearch(&wanted, l->out->owners, l->out->owner_count, sizeof(wanted), compare_owners);
	if (found)
		*owner = (uint32_t)(found - l->out->owners);
	return found != NULL;
}

/* ---- the pool ---- */

static int compare_arrival(const void *a, const void *b)
{
	const struct pool_info *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* What was met by several scripts stays once; what is as the latest of them says. */
static void make_unique(struct listing *l)
{
	size_t kept = 0;

	if (l->pooled_count > 0)
		qsort(l->pooled, l->pooled_count, sizeof(l->pooled[0]), compare_arrival);
	for (size_t i = 0; i < l->pooled_count; i++) {
		if (kept > 0 && l->pooled[kept - 1].order == l->pooled[i].order) {
			l->pooled[kept - 1].finalized |= l->pooled[i].finalized;
			pool_info_free(&l->pooled[i]);
		} else {
			l->pooled[kept++] = l->pooled[i];
		}
	}
	l->pooled_count = kept;
}

static bool add_pooled(struct listing *l, const struct pool_info *info)
{
	struct pool_info *bigger = grow(l->pooled, &l->pooled_capacity, l->pooled_count, sizeof(*bigger));

	if (bigger) {
		l->pooled = bigger;
		l->pooled[l->pooled_count++] = *info;
	}
	return bigger != NULL;
}

static int gather_pool(struct listing *l)
{
	for (size_t i = 0; i < l->out->owner_count; i++) {
		struct wire_bytes script = coins_script(l->out->owners[i].address);
		struct pool_list list;
		size_t taken = 0;
		int r = pool_list_script(l->coins->params.pool, &list, &script);

		if (r)
			return r;
		for (; taken < list.count && add_pooled(l, &list.items[taken]); taken++)
			list.items[taken].tx = NULL;
		r = taken < list.count ? -ENOMEM : 0;
		pool_list_free(&list);
		if (r)
			return r;
	}
	make_unique(l);
	return 0;
}

/* Transactions that the chain holds by now. */
static int drop_confirmed(struct listing *l)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < l->pooled_count; i++) {
		uint32_t position;
		uint64_t height;

		if (!r)
			r = chain_view_transaction(l->out->view, &height, &position, &l->pooled[i].tx->txid);
		if (!r) {
			pool_info_free(&l->pooled[i]);
			continue;
		}
		if (r == STORE_E_NOT_FOUND)
			r = 0;
		l->pooled[kept++] = l->pooled[i];
	}
	l->pooled_count = kept;
	return r;
}

static int add_spend(struct listing *l, const struct wire_outpoint *outpoint, bool finalized)
{
	struct spend *bigger = grow(l->spends, &l->spend_capacity, l->spend_count, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	l->spends = bigger;
	l->spends[l->spend_count++] = (struct spend){*outpoint, finalized};
	return 0;
}

static int gather_spends(struct listing *l)
{
	int r = 0;

	for (size_t i = 0; i < l->pooled_count; i++) {
		const struct pool_tx *tx = l->pooled[i].tx;

		for (size_t k = 0; k < tx->transaction.inputs.len && !r; k++) {
			uint32_t owner;

			if (find_owner(l, &owner, &tx->coins[k].script))
				r = add_spend(l, &tx->transaction.inputs.items[k].previous_output,
					      l->pooled[i].finalized);
		}
	}
	if (l->spend_count > 0)
		qsort(l->spends, l->spend_count, sizeof(l->spends[0]), compare_spends);
	return r;
}

/* ---- the chain ---- */

struct collecting {
	struct coins_confirmed *list;
	size_t most; /* that it may hold */
	uint32_t owner;
	int error;
};

static bool collect(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	struct collecting *c = user;
	struct coins_confirmed *list = c->list;
	struct coins_coin *bigger;

	if (list->count == c->most) {
		list->left_out++;
		if (__builtin_add_overflow(list->left_value, coin->value, &list->left_value))
			c->error = -EOVERFLOW;
		return !c->error;
	}
	bigger = grow(list->items, &list->capacity, list->count, sizeof(*bigger));
	if (!bigger) {
		c->error = -ENOMEM;
		return false;
	}
	list->items = bigger;
	list->items[list->count++] = (struct coins_coin){*outpoint, coin->value, c->owner, BALANCE_CONFIRMED};
	return true;
}

static void confirmed_free(struct coins_confirmed *list)
{
	if (list)
		free(list->items);
	free(list);
}

/* The coins that the chain has for the owners.  0, a chain_view_* function's error, -EOVERFLOW or -ENOMEM. */
static int read_confirmed(const struct listing *l, struct coins_confirmed **out)
{
	const struct coins_list *list = l->out;
	struct collecting c = {.list = calloc(1, sizeof(*c.list)), .most = l->coins->params.max_listed};
	int r = c.list ? 0 : -ENOMEM;

	for (size_t i = 0; i < list->owner_count && !r; i++) {
		struct wire_bytes script = coins_script(list->owners[i].address);

		c.owner = (uint32_t)i;
		r = chain_view_coins_of(list->view, &script, collect, &c);
		if (c.error)
			r = c.error;
	}
	if (r) {
		confirmed_free(c.list);
		return r;
	}
	c.list->refs = 1;
	c.list->tip = chain_view_summary(list->view)->tip.hash;
	c.list->watched = (uint32_t)list->owner_count;
	*out = c.list;
	return 0;
}

static void confirmed_unref(struct coins *coins, struct coins_confirmed *list)
{
	bool last;

	if (!list)
		return;
	mutex_lock(&coins->lock);
	last = --list->refs == 0;
	mutex_unlock(&coins->lock);
	if (last)
		confirmed_free(list);
}

/* What is remembered, if it fits. */
static struct coins_confirmed *recall(const struct listing *l)
{
	const struct wire_hash *tip = &chain_view_summary(l->out->view)->tip.hash;
	struct coins *coins = l->coins;
	struct coins_confirmed *list;

	mutex_lock(&coins->lock);
	list = coins->confirmed;
	if (list && hash_equal(&list->tip, tip) && list->watched == l->out->owner_count)
		list->refs++;
	else
		list = NULL;
	mutex_unlock(&coins->lock);
	return list;
}

static void remember(struct coins *coins, struct coins_confirmed *list)
{
	struct coins_confirmed *former;

	mutex_lock(&coins->lock);
	former = coins->confirmed;
	coins->confirmed = list;
	list->refs++;
	mutex_unlock(&coins->lock);
	confirmed_unref(coins, former);
}

/* ---- states ---- */

static int add(struct listing *l, const struct coins_coin *coin, enum balance_state state)
{
	struct coins_list *out = l->out;
	struct coins_coin *bigger;

	if (balance_add(&out->balance, state, coin->value))
		return -EOVERFLOW;
	bigger = grow(out->items, &l->capacity, out->count, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	out->items = bigger;
	out->items[out->count] = *coin;
	out->items[out->count++].state = state;
	return 0;
}

/* A coin for good, unless the pool spends it: gone if for good, too. */
static int add_certain(struct listing *l, const struct coins_coin *coin)
{
	const struct spend *spend = find_spend(l, &coin->outpoint);

	if (spend && spend->finalized)
		return 0;
	return add(l, coin, spend ? BALANCE_OUTGOING : coin->state);
}

static int add_confirmed(struct listing *l)
{
	struct coins_confirmed *list = l->chosen ? NULL : recall(l);
	int r = 0;

	if (!list) {
		r = read_confirmed(l, &list);
		if (!r && !l->chosen)
			remember(l->coins, list);
	}
	for (size_t i = 0; !r && i < list->count; i++)
		r = add_certain(l, &list->items[i]);
	if (!r && list->left_out > 0) {
		l->out->left_out = list->left_out;
		r = balance_add(&l->out->balance, BALANCE_CONFIRMED, list->left_value) ? -EOVERFLOW : 0;
	}
	confirmed_unref(l->coins, list);
	return r;
}

static int add_pooled_outputs(struct listing *l, const struct pool_info *info)
{
	const struct wire_tx_output_list *outputs = &info->tx->transaction.outputs;
	int r = 0;

	for (size_t i = 0; i < outputs->len && !r; i++) {
		struct coins_coin coin = {{info->tx->txid, (uint32_t)i}, outputs->items[i].value, 0, BALANCE_FINALISED};

		if (!find_owner(l, &coin.owner, &outputs->items[i].script_pubkey))
			continue;
		if (info->finalized)
			r = add_certain(l, &coin);
		else if (!find_spend(l, &coin.outpoint))
			r = add(l, &coin, BALANCE_INCOMING);
	}
	return r;
}

static int fill(struct listing *l)
{
	struct coins_list *out = l->out;
	struct pool_summary pool;
	int r;

	pool_summarize(l->coins->params.pool, &pool, clock_real_s());
	r = pool.count > 0 ? gather_pool(l) : 0;
	if (r)
		return r;
	out->view = l->coins->params.ops.view(l->coins->params.ops.user);
	if (!hash_equal(&chain_view_summary(out->view)->tip.hash, &pool.tip.hash))
		r = drop_confirmed(l);
	if (!r)
		r = gather_spends(l);
	if (!r)
		r = add_confirmed(l);
	for (size_t i = 0; i < l->pooled_count && !r; i++)
		r = add_pooled_outputs(l, &l->pooled[i]);
	return r;
}

int coins_list(struct coins *coins, struct coins_list *out, struct coins_fault *fault, const struct wire_str *addresses,
	       size_t count)
{
	struct listing l = {.coins = coins, .out = out, .chosen = count > 0};
	int r = coins_follow(coins, fault, 0);

	*out = (struct coins_list){.count = 0};
	if (r)
		return r;
	r = count > 0 ? take_addresses(&l, addresses, count) : take_keys(&l);
	if (!r)
		r = fill(&l);
	for (size_t i = 0; i < l.pooled_count; i++)
		pool_info_free(&l.pooled[i]);
	free(l.pooled);
	free(l.spends);
	if (!r)
		return 0;
	coins_list_free(out);
	if (r == -EOVERFLOW) {
		strcpy(fault->text, "the sum of all coins leaves 64 bits");
		return COINS_E_OVERFLOW;
	}
	return coins_chain_failed(fault, r);
}

void coins_list_free(struct coins_list *list)
{
	chain_view_unref(list->view);
	free(list->items);
	free(list->owners);
	*list = (struct coins_list){.count = 0};
}
