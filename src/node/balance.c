// SPDX-License-Identifier: MIT
/* Sums of coins by their state: see balance.h. */
#include "timed/node/balance.h"

#include <stdbool.h>

static bool is_spendable(enum balance_state state)
{
	return state == BALANCE_CONFIRMED || state == BALANCE_FINALISED;
}

int balance_add(struct balance *balance, enum balance_state state, uint64_t value)
{
	uint64_t spendable = balance->spendable, sum;

	if (__builtin_add_overflow(balance->sums[state], value, &sum))
		return BALANCE_E_OVERFLOW;
	if (is_spendable(state) && __builtin_add_overflow(spendable, value, &spendable))
		return BALANCE_E_OVERFLOW;
	balance->sums[state] = sum;
	balance->spendable = spendable;
	return 0;
}

int balance_of(struct balance *out, const struct balance_coin *coins, size_t count)
{
	int r = 0;

	*out = (struct balance){0};
	for (size_t i = 0; i < count && !r; i++)
		r = balance_add(out, coins[i].state, coins[i].value);
	return r;
}
