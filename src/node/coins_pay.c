// SPDX-License-Identifier: MIT
/* Payments from the wallet's money, and signatures for what others have built: see coins.h. */
#include "coins_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "timed/node/pool_query.h"
#include "timed/util/clock.h"
#include "timeproto/chain/sign.h"

/* A transaction of the largest kind, and the lists to choose from. */
#define PAYMENT_ARENA_BYTES ((size_t)256 << 20)
/* Another holder of the same keys may be faster. */
#define ATTEMPTS 3

/* One payment. */
struct paying {
	struct coins *coins;
	struct coins_fault *fault;
	struct arena arena;
	struct coins_list list;
	struct payment_coin *choice; /* what may be spent */
	size_t choice_count;
	struct payment payment;
	struct payment_fault why;
};

static uint64_t random_seed(void)
{
	uint64_t seed;

	randombytes_buf(&seed, sizeof(seed));
	return seed;
}

/* What payment.h returned. */
static int payment_failed(struct paying *p, int r)
{
	if (r <= 0)
		return r;
	p->fault->error = r;
	snprintf(p->fault->text, sizeof(p->fault->text), "%s", p->why.text);
	return COINS_E_PAYMENT;
}

/* Coins of the wallet that may be spent; `all`: finalised ones too. */
static int choose_from(struct paying *p, bool all)
{
	p->choice_count = 0;
	p->choice = arena_alloc(&p->arena, p->list.count * sizeof(p->choice[0]));
	if (!p->choice)
		return -ENOMEM;
	for (size_t i = 0; i < p->list.count; i++) {
		const struct coins_coin *coin = &p->list.items[i];
		uint32_t key = p->list.owners[coin->owner].key;

		if (key == COINS_NOT_OURS || coin->value == 0)
			continue;
		if (coin->state == BALANCE_CONFIRMED || (all && coin->state == BALANCE_FINALISED))
			p->choice[p->choice_count++] = (struct payment_coin){coin->outpoint, coin->value, key};
	}
	return 0;
}

/* What sort of payment it is: builds and signs it from the choice; what a function of payment.h returns. */
typedef int payment_build(struct paying *p, const void *what);

struct send {
	const struct payment_target *targets;
	size_t count;
};

static int build_send(struct paying *p, const void *what)
{
	const struct send *send = what;
	const struct payment_request request = {
		.network = p->coins->params.network,
		.coins = p->choice,
		.coin_count = p->choice_count,
		.targets = send->targets,
		.target_count = send->count,
		.seed = random_seed(),
		.timestamp = clock_real_s(),
	};

	return payment_pay(&p->payment, &p->why, &p->arena, p->coins->params.wallet, &request);
}

struct merge {
	size_t min, max;
	struct wire_str address;
};

static int build_merge(struct paying *p, const void *what)
{
	const struct merge *merge = what;
	const struct payment_merge_request request = {
		.network = p->coins->params.network,
		.coins = p->choice,
		.coin_count = p->choice_count,
		.min = merge->min,
		.max = merge->max,
		.address = merge->address,
		.seed = random_seed(),
		.timestamp = clock_real_s(),
	};

	return payment_merge(&p->payment, &p->why, &p->arena, p->coins->params.wallet, &request);
}

/* Finalised coins are as good, but a chain of them in the pool has an end: confirmed ones come first. */
static int build_from_list(struct paying *p, payment_build *build, const void *what)
{
	int r = choose_from(p, false);

	if (!r)
		r = build(p, what);
	if (r != PAYMENT_E_FUNDS && r != PAYMENT_E_INPUTS && r != PAYMENT_E_FEW)
		return r;
	r = choose_from(p, true);
	return r ? r : build(p, what);
}

/* Nothing leaves whose change might be paid to a key that is forgotten. */
static int submit(struct paying *p)
{
	const struct coins_ops *ops = &p->coins->params.ops;
	struct pool_result result = {.size = 0};
	int r;

	if (ops->save_keys(ops->user)) {
		snprintf(p->fault->text, sizeof(p->fault->text),
			 "the use of a new key cannot be written to the disk: the log tells more");
		return COINS_E_KEYS;
	}
	r = ops->submit(ops->user, &result, &p->payment.transaction, &p->payment.txid);
	if (r >= POOL_E_RULE) {
		p->fault->error = r;
		snprintf(p->fault->text, sizeof(p->fault->text), "%s", result.fault.text);
		return COINS_E_REFUSED;
	}
	return r ? coins_chain_failed(p->fault, r) : 0;
}

static void tell(struct coins_sent *out, const struct paying *p)
{
	*out = (struct coins_sent){
		.txid = p->payment.txid,
		.fee = p->payment.fee,
		.input_count = p->payment.transaction.inputs.len,
	};
	for (size_t i = 0; i < out->input_count; i++)
		out->inputs += p->choice[p->payment.coins[i]].value;
}

static int pay_once(struct coins *coins, struct coins_sent *out, struct coins_fault *fault, payment_build *build,
		    const void *what, struct wire_str address)
{
	struct paying p = {.coins = coins, .fault = fault};
	int r = coins_list(coins, &p.list, fault, &address, address.len > 0 ? 1 : 0);

	if (r)
		return r;
	/* A view is not held while thousands of inputs are signed. */
	chain_view_unref(p.list.view);
	p.list.view = NULL;
	arena_init(&p.arena, PAYMENT_ARENA_BYTES, NULL);
	r = payment_failed(&p, build_from_list(&p, build, what));
	if (!r)
		r = submit(&p);
	if (!r)
		tell(out, &p);
	/* Keys that are handed out for nothing would fill the gap beyond which a restored wallet does not look. */
	else if (p.payment.change_output != PAYMENT_NO_CHANGE)
		wallet_return_key(coins->params.wallet, p.payment.change_key);
	arena_free(&p.arena);
	coins_list_free(&p.list);
	return r;
}

static bool may_retry(int r, const struct coins_fault *fault)
{
	return r == COINS_E_REFUSED && (fault->error == POOL_E_CONFLICT || fault->error == POOL_E_SPENT);
}

static int pay(struct coins *coins, struct coins_sent *out, struct coins_fault *fault, payment_build *build,
	       const void *what, struct wire_str address)
{
	int r, attempts = 0;

	mutex_lock(&coins->lock);
	while (coins->paying)
		cond_wait(&coins->changed, &coins->lock);
	coins->paying = true;
	mutex_unlock(&coins->lock);
	do
		r = pay_once(coins, out, fault, build, what, address);
	while (++attempts < ATTEMPTS && may_retry(r, fault));
	mutex_lock(&coins->lock);
	coins->paying = false;
	cond_broadcast(&coins->changed);
	mutex_unlock(&coins->lock);
	return r;
}

int coins_send(struct coins *coins, struct coins_sent *out, struct coins_fault *fault,
	       const struct payment_target *targets, size_t count)
{
	const struct send send = {targets, count};

	return pay(coins, out, fault, build_send, &send, (struct wire_str){NULL, 0});
}

int coins_merge(struct coins *coins, struct coins_sent *out, struct coins_fault *fault, size_t min, size_t max,
		struct wire_str address)
{
	const struct merge merge = {min, max, address};

	return pay(coins, out, fault, build_merge, &merge, address);
}

/* ---- signatures ---- */

static const char unknown_coin[] = "it spends no output that is unspent";
static const char not_signed[] = "its owner has not signed it";
static const char wrong_owner[] = "it is signed by another key than its owner's";
static const char wrong_signature[] = "its signature does not verify";

/* The output that an input spends.  0, STORE_E_NOT_FOUND, or as chain_view_coin(). */
static int find_coin(struct coins *coins, struct chain_view *view, struct coin *out, struct arena *arena,
		     const struct wire_outpoint *outpoint)
{
	int r = pool_find_output(coins->params.pool, out, arena, outpoint);

	return r == POOL_E_UNKNOWN ? chain_view_coin(view, out, arena, outpoint) : r;
}

/* What is wrong with an input that spends this coin. */
static const char *judge(const struct coins *coins, const struct sign_base *base, uint32_t index,
			 const struct wire_bytes *script_sig, const struct wire_bytes *owner)
{
	char address[ADDRESS_TEXT_SIZE];
	struct wire_key key;

	if (script_sig->len != SIGN_SCRIPT_SIG_BYTES)
		return not_signed;
	memcpy(key.bytes, script_sig->ptr, sizeof(key.bytes));
	address_from_key(address, &key, coins->params.network);
	if (owner->len != strlen(address) || memcmp(owner->ptr, address, owner->len) != 0)
		return wrong_owner;
	return sign_verify(base, index, script_sig) ? NULL : wrong_signature;
}

/* What a signing knows of each input; the lists are in the arena. */
struct signing {
	struct wire_bytes *owners; /* script of what it spends */
	uint32_t *keys;		   /* PAYMENT_NOT_OURS: of somebody else */
};

static int find_owners(struct coins *coins, struct signing *s, struct coins_signed *out, struct arena *arena,
		       const struct wire_transaction *transaction)
{
	const struct coins_ops *ops = &coins->params.ops;
	struct chain_view *view = ops->view(ops->user);
	struct coin coin;
	int r = 0;

	for (size_t i = 0; i < transaction->inputs.len && !r; i++) {
		s->keys[i] = PAYMENT_NOT_OURS;
		out->errors[i] = NULL;
		r = find_coin(coins, view, &coin, arena, &transaction->inputs.items[i].previous_output);
		if (r == STORE_E_NOT_FOUND) {
			out->errors[i] = unknown_coin;
			r = 0;
		} else if (!r) {
			s->owners[i] = coin.script;
			if (!wallet_find(coins->params.wallet, &s->keys[i], coin.script.ptr, coin.script.len))
				s->keys[i] = PAYMENT_NOT_OURS;
		}
	}
	chain_view_unref(view);
	return r;
}

static bool has_ours(const struct signing *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (s->keys[i] != PAYMENT_NOT_OURS)
			return true;
	}
	return false;
}

int coins_sign(struct coins *coins, struct coins_signed *out, struct coins_fault *fault, struct arena *arena,
	       struct wire_transaction *transaction)
{
	const struct wire_tx_input_list *inputs = &transaction->inputs;
	struct paying p = {.coins = coins, .fault = fault};
	struct sign_base base;
	struct signing s;
	int r;

	*out = (struct coins_signed){.errors = arena_alloc(arena, inputs->len * sizeof(out->errors[0])),
				     .complete = inputs->len > 0};
	s.owners = arena_alloc(arena, inputs->len * sizeof(s.owners[0]));
	s.keys = arena_alloc(arena, inputs->len * sizeof(s.keys[0]));
	if (!out->errors || !s.owners || !s.keys)
		return -ENOMEM;
	r = coins_follow(coins, fault, 0);
	if (r)
		return r;
	r = find_owners(coins, &s, out, arena, transaction);
	if (r)
		return coins_chain_failed(fault, r);
	if (has_ours(&s, inputs->len))
		r = payment_failed(&p, payment_sign(&p.why, arena, transaction, s.keys, coins->params.wallet, 0));
	if (r)
		return r;
	sign_base_make(&base, transaction);
	for (size_t i = 0; i < inputs->len; i++) {
		if (!out->errors[i])
			out->errors[i] = judge(coins, &base, (uint32_t)i, &inputs->items[i].script_sig, &s.owners[i]);
		if (out->errors[i])
			out->complete = false;
	}
	return 0;
}
