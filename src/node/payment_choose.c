// SPDX-License-Identifier: MIT
/* Which coins pay an amount: see payment.h.
 *
 * Two ways, as Bitcoin Core does in spirit.  First a search for coins that match the amount so closely that nothing is
 * left over for change (branch and bound, largest coins first, a bounded number of steps); else the fewest coins that
 * leave change of a useful size, of which the last is as small as will do. */
#include "payment_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/util/thread.h"
#include "timeproto/chain/fee.h"

/* Change below this is avoided where other coins do better: small coins are of little use. */
#define CHANGE_AIM UINT64_C(100000)
/* Steps of the search for an exact match: some milliseconds. */
#define EXACT_STEPS 100000
/* So many inputs more than needed are worth an exact match. */
#define EXACT_MORE 4

struct candidate {
	uint64_t value;
	uint64_t rest; /* sum of this and all smaller ones */
	uint64_t tie;  /* random: which of equal coins comes first */
	size_t index;  /* in the caller's list */
	size_t next;   /* place of the next smaller value */
};

/* A choice in the making. */
struct chooser {
	struct candidate *list; /* largest first; no coin of nothing */
	size_t count;
	size_t max;	/* inputs */
	uint64_t total; /* of all */
	uint64_t amount;
	uint64_t need;	/* inputs that pay amount and fee */
	uint64_t most;	/* up to here nothing is left for change */
	size_t *picked; /* places in the list */
	size_t picked_count;
	struct arena *arena;
};

static int by_value(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return x->tie < y->tie ? -1 : x->tie > y->tie;
}

/* Largest first, equal ones in random order. */
static int sort(struct chooser *c, struct payment_fault *fault, const struct payment_coin *coins, size_t count,
		uint64_t seed)
{
	c->list = arena_alloc(c->arena, count * sizeof(c->list[0]));
	if (!c->list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (coins[i].value == 0)
			continue;
		c->list[c->count++] =
			(struct candidate){.value = coins[i].value, .tie = payment_random(&seed), .index = i};
		if (__builtin_add_overflow(c->total, coins[i].value, &c->total))
			return payment_fault_set(fault, PAYMENT_E_OVERFLOW, "the sum of all coins leaves 64 bits");
	}
	if (c->count > 0)
		qsort(c->list, c->count, sizeof(c->list[0]), by_value);
	for (size_t i = c->count; i-- > 0;) {
		struct candidate *this = &c->list[i], *after = i + 1 < c->count ? this + 1 : NULL;

		this->rest = this->value + (after ? after->rest : 0);
		this->next = after && after->value == this->value ? after->next : i + 1;
	}
	return 0;
}

/* The sum of the `n` largest. */
static uint64_t largest_sum(const struct chooser *c, size_t n)
{
	return n < c->count ? c->total - c->list[n].rest : c->total;
}

/* How many of the largest make up `goal`; 0: none do, or more than there may be. */
static size_t fewest(const struct chooser *c, uint64_t goal)
{
	size_t low = 1, high = c->count < c->max ? c->count : c->max;

	if (high == 0 || largest_sum(c, high) < goal)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (largest_sum(c, middle) >= goal)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The fewest that make up `goal`, the last of them as small as will do.  False: there are none. */
static bool pick_fewest(struct chooser *c, uint64_t goal)
{
	size_t n = fewest(c, goal), low, high;
	uint64_t missing;

	if (n == 0)
		return false;
	missing = goal - largest_sum(c, n - 1);
	for (low = n - 1, high = c->count - 1; low < high;) {
		size_t middle = high - (high - low) / 2;

		if (c->list[middle].value >= missing)
			low = middle;
		else
			high = middle - 1;
	}
	for (size_t i = 0; i + 1 < n; i++)
		c->picked[i] = i;
	c->picked[n - 1] = low;
	c->picked_count = n;
	return true;
}

/* Looks for at most `limit` coins whose sum is from need to most; `path` has room for so many.  The best, the fewest,
 * are picked.  Each step takes a coin in or, where that leads nowhere, the last one out, and with it all of its value.
 */
static bool search_exact(struct chooser *c, size_t *path, size_t limit)
{
	size_t depth = 0, at = 0;
	bool found = false;
	uint64_t sum = 0;

	while (at < c->count && c->list[at].value > c->most)
		at = c->list[at].next;
	for (unsigned step = 0; step < EXACT_STEPS; step++) {
		if (sum >= c->need && sum <= c->most) {
			memcpy(c->picked, path, depth * sizeof(path[0]));
			c->picked_count = depth;
			limit = depth - 1;
			found = true;
		}
		if (depth < limit && at < c->count && sum < c->need && c->list[at].rest >= c->need - sum) {
			sum += c->list[at].value;
			path[depth++] = at++;
			continue;
		}
		if (depth == 0)
			break;
		at = path[--depth];
		sum -= c->list[at].value;
		at = c->list[at].next;
	}
	return found;
}

static int too_little(const struct chooser *c, struct payment_fault *fault)
{
	char need[PAYMENT_AMOUNT_SIZE], amount[PAYMENT_AMOUNT_SIZE], fee[PAYMENT_AMOUNT_SIZE],
		there[PAYMENT_AMOUNT_SIZE];

	if (c->total < c->need)
		return payment_fault_set(fault, PAYMENT_E_FUNDS,
					 "insufficient funds: %s needed (%s and a fee of %s), %s available",
					 payment_amount(need, c->need), payment_amount(amount, c->amount),
					 payment_amount(fee, c->need - c->amount), payment_amount(there, c->total));
	return payment_fault_set(
		fault, PAYMENT_E_INPUTS,
		"%s would take more than %zu coins, which is what one transaction may spend: pay at most %s "
		"at once, or merge coins first",
		payment_amount(amount, c->amount), c->max,
		payment_amount(there, fee_outputs_of(largest_sum(c, c->max))));
}

/* The coins, in places of the list.  `need` can be had. */
static int pick(struct chooser *c)
{
	size_t limit = fewest(c, c->need) + EXACT_MORE, *path;
	uint64_t with_change;

	if (limit > c->max)
		limit = c->max;
	path = arena_alloc(c->arena, limit * sizeof(*path));
	c->picked = arena_alloc(c->arena, c->max * sizeof(c->picked[0]));
	if (!path || !c->picked)
		return -ENOMEM;
	if (search_exact(c, path, limit))
		return 0;
	if (c->amount <= UINT64_MAX - CHANGE_AIM && fee_inputs_for(&with_change, c->amount + CHANGE_AIM) &&
	    pick_fewest(c, with_change))
		return 0;
	CHECK(pick_fewest(c, c->need));
	return 0;
}

void payment_shuffle(size_t *list, size_t count, uint64_t *random)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)(payment_random(random) % i), swap = list[i - 1];

		list[i - 1] = list[other];
		list[other] = swap;
	}
}

/* Sums and order. */
static void finish(struct payment_plan *out, struct chooser *c, uint64_t seed)
{
	uint64_t outputs;

	*out = (struct payment_plan){.coins = c->picked, .count = c->picked_count};
	for (size_t i = 0; i < out->count; i++) {
		out->inputs += c->list[out->coins[i]].value;
		out->coins[i] = c->list[out->coins[i]].index;
	}
	outputs = fee_outputs_of(out->inputs);
	if (outputs > c->amount && !fee_is_dust(outputs - c->amount))
		out->change = outputs - c->amount;
	out->fee = out->inputs - c->amount - out->change;
	payment_shuffle(out->coins, out->count, &seed);
}

int payment_choose(struct payment_plan *out, struct payment_fault *fault, struct arena *arena,
		   const struct payment_coin *coins, size_t count, uint64_t amount, size_t max_inputs, uint64_t seed)
{
	struct chooser c = {.max = max_inputs < count ? max_inputs : count, .amount = amount, .arena = arena};
	int r = sort(&c, fault, coins, count, seed);

	if (r)
		return r;
	if (!fee_inputs_for(&c.need, amount))
		return payment_fault_set(fault, PAYMENT_E_OVERFLOW, "amount and fee leave 64 bits");
	/* Less than what pays the smallest change that is none of dust. */
	if (amount > UINT64_MAX - FEE_DUST_MAX - 1 || !fee_inputs_for(&c.most, amount + FEE_DUST_MAX + 1))
		c.most = UINT64_MAX;
	else
		c.most--;
	if (fewest(&c, c.need) == 0)
		return too_little(&c, fault);
	r = pick(&c);
	if (!r)
		finish(out, &c, seed ^ UINT64_C(0x5bd1e995));
	return r;
}
