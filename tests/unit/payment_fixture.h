/* SPDX-License-Identifier: MIT
 *
 * What the tests of payments share: a list of coins, and random ones from a seed.  Included once by each test program.
 */
#ifndef TIMED_TESTS_PAYMENT_FIXTURE_H
#define TIMED_TESTS_PAYMENT_FIXTURE_H

#include <string.h>

#include <check.h>

#include "payment_impl.h"
#include "timed/util/sanitizer.h"
#include "timeproto/chain/fee.h"

#define TIME UINT64_C(100000000)
#define MAX_COINS 8000

static struct payment_coin coins[MAX_COINS];
static size_t coin_count;
static struct payment_fault fault;
static struct arena arena;
static uint64_t random_state = 1;

static inline void add_coin(uint64_t value, uint32_t key)
{
	struct payment_coin *coin = &coins[coin_count];

	ck_assert_uint_lt(coin_count, MAX_COINS);
	*coin = (struct payment_coin){.outpoint = {.vout = (uint32_t)coin_count}, .value = value, .key = key};
	memset(coin->outpoint.txid.bytes, 0xc0, sizeof(coin->outpoint.txid.bytes));
	coin_count++;
}

/* An amount of any magnitude. */
static inline uint64_t any_amount(uint64_t most)
{
	uint64_t value = payment_random(&random_state);

	return 1 + (value >> (payment_random(&random_state) % 64)) % most;
}

static inline void random_coins(size_t most_coins)
{
	uint64_t kind = payment_random(&random_state) % 5, base = any_amount(1000 * TIME);
	size_t n = 1 + payment_random(&random_state) % most_coins;

	coin_count = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t value = kind == 0   ? any_amount(3000)
				 : kind == 1 ? any_amount(1000000 * TIME)
				 : kind == 2 ? base
				 : kind == 3 ? TIME / 1000 * (1 + payment_random(&random_state) % 8)
					     : base + payment_random(&random_state) % 700;

		add_coin(value, (uint32_t)(payment_random(&random_state) % 21));
	}
}

static inline uint64_t coins_sum(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < coin_count; i++)
		sum += coins[i].value;
	return sum;
}

/* Mostly one that can be paid. */
static inline uint64_t random_amount(void)
{
	uint64_t sum = coins_sum();

	switch (payment_random(&random_state) % 4) {
	case 0:
		return 546 + any_amount(sum);
	case 1:
		return 546 + payment_random(&random_state) % sum;
	case 2: /* all of it, nearly */
		return 546 + fee_outputs_of(sum) - payment_random(&random_state) % (fee_outputs_of(sum) / 10 + 1);
	default: /* what one coin pays, nearly */
		return 546 + fee_outputs_of(coins[0].value + payment_random(&random_state) % 1000);
	}
}

#endif
