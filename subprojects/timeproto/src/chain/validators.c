// SPDX-License-Identifier: MIT
/* The configured validators: see validators.h. */
#include "timeproto/chain/validators.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/leader.h"
#include "timeproto/chain/rewards.h"

#define NAME(error) [error] = #error
static const char *const validators_names[VALIDATORS_E_END] = {
	NAME(VALIDATORS_E_COUNT),	   NAME(VALIDATORS_E_HEIGHT),
	NAME(VALIDATORS_E_ADDRESS),	   NAME(VALIDATORS_E_KEY),
	NAME(VALIDATORS_E_TIMESTAMP),	   NAME(VALIDATORS_E_REWARD_COUNT),
	NAME(VALIDATORS_E_REWARD_ADDRESS), NAME(VALIDATORS_E_REWARD_AMOUNT),
};
#undef NAME

const char *validators_error_name(int error)
{
	return error > 0 && error < VALIDATORS_E_END ? validators_names[error] : "?";
}

__attribute__((cold, format(printf, 3, 4))) static int
validators_fault(struct validators_fault *fault, enum validators_error error, const char *format, ...)
{
	va_list arguments;

	fault->error = error;
	va_start(arguments, format);
	vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	return (int)error;
}

static int validators_copy_text(struct wire_str *text, struct arena *arena)
{
	char *copy = arena_alloc(arena, text->len + 1);

	if (!copy)
		return -ENOMEM;
	if (text->len > 0)
		memcpy(copy, text->ptr, text->len);
	copy[text->len] = '\0';
	text->ptr = copy;
	return 0;
}

static int validators_order(const void *a, const void *b)
{
	const struct validator *first = a, *second = b;

	return leader_compare(&first->address, &second->address);
}

/* The list `out`, whose items are still the caller's, gets its own, sorted. */
static int validators_copy(struct validator_list *out, struct arena *arena)
{
	struct validator *items = arena_alloc(arena, out->count * sizeof(items[0]));
	struct wire_str *addresses = arena_alloc(arena, out->count * sizeof(addresses[0]));
	int r = items && addresses ? 0 : -ENOMEM;

	for (size_t i = 0; i < out->count && !r; i++) {
		items[i] = out->items[i];
		r = validators_copy_text(&items[i].address, arena);
		if (!r)
			r = validators_copy_text(&items[i].reward_address, arena);
	}
	if (r)
		return r;
	qsort(items, out->count, sizeof(items[0]), validators_order);
	for (size_t i = 0; i < out->count; i++)
		addresses[i] = items[i].address;
	out->items = items;
	out->addresses = addresses;
	return 0;
}

/* VALIDATORS_E_ADDRESS, VALIDATORS_E_KEY: a validator is one vote.  `number` counts lists from 1. */
static int validators_check_unique(struct validators_fault *fault, const struct validator_list *list, size_t number)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct validator *v = &list->items[i];

		if (v->address.len == 0)
			return validators_fault(fault, VALIDATORS_E_ADDRESS, "list %zu: a validator without an address",
						number);
		if (i > 0 && leader_compare(&v->address, &v[-1].address) == 0)
			return validators_fault(fault, VALIDATORS_E_ADDRESS, "list %zu: the address %.64s twice",
						number, v->address.ptr);
		for (size_t k = 0; k < i; k++) {
			if (memcmp(&v->public_key, &list->items[k].public_key, sizeof(v->public_key)) == 0)
				return validators_fault(fault, VALIDATORS_E_KEY,
							"list %zu: %.64s and %.64s have the same key", number,
							list->items[k].address.ptr, v->address.ptr);
		}
	}
	return 0;
}

int validators_make(struct validators *out, struct validators_fault *fault, struct arena *arena,
		    const struct validator_list *lists, size_t count)
{
	out->count = count;
	out->lists = arena_alloc(arena, count * sizeof(out->lists[0]));
	if (!out->lists)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct validator_list *list = &out->lists[i];
		int r;

		*list = lists[i];
		if (list->count < VALIDATORS_MIN || list->count > VALIDATORS_MAX)
			return validators_fault(fault, VALIDATORS_E_COUNT, "list %zu: %zu validators, not %d to %d",
						i + 1, list->count, VALIDATORS_MIN, VALIDATORS_MAX);
		if (i > 0 && list->from_height <= list[-1].from_height)
			return validators_fault(fault, VALIDATORS_E_HEIGHT,
						"list %zu: from_height %" PRIu64 " is not above %" PRIu64
						" of the list before it",
						i + 1, list->from_height, list[-1].from_height);
		r = validators_copy(list, arena);
		if (!r)
			r = validators_check_unique(fault, list, i + 1);
		if (r)
			return r;
	}
	return 0;
}

const struct validator_list *validators_at(const struct validators *validators, uint64_t height)
{
	for (size_t i = validators->count; i > 0; i--) {
		if (validators->lists[i - 1].from_height <= height)
			return &validators->lists[i - 1];
	}
	return NULL;
}

size_t validators_quorum(size_t count)
{
	return 2 * count / 3 + 1;
}

int validators_find(const struct validator_list *list, const struct wire_str *address)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = leader_compare(&list->addresses[middle], address);

		if (order == 0)
			return (int)middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int validators_find_key(const struct validator_list *list, const struct wire_key *key)
{
	for (size_t i = 0; i < list->count; i++) {
		if (memcmp(&list->items[i].public_key, key, sizeof(*key)) == 0)
			return (int)i;
	}
	return -1;
}

int64_t validators_block_time(const struct chain_params *params, uint64_t height)
{
	int64_t time;

	if (height > INT64_MAX || __builtin_mul_overflow((int64_t)height, (int64_t)params->block_time_s, &time) ||
	    __builtin_add_overflow(params->genesis_timestamp, time, &time))
		return INT64_MAX;
	return time;
}

int validators_rewards(struct wire_reward_list *out, struct arena *arena, const struct validator_list *list,
		       uint64_t total)
{
	enum wire_tier *tiers = arena_alloc(arena, list->count * sizeof(tiers[0]));
	uint64_t *amounts = arena_alloc(arena, list->count * sizeof(amounts[0]));

	out->len = list->count;
	out->items = arena_alloc(arena, list->count * sizeof(out->items[0]));
	if (!tiers || !amounts || !out->items)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		tiers[i] = list->items[i].tier;
	rewards_share(amounts, tiers, list->count, total);
	for (size_t i = 0; i < list->count; i++) {
		out->items[i].address = list->items[i].reward_address;
		out->items[i].amount = amounts[i];
	}
	return 0;
}

/* VALIDATORS_E_REWARD_* */
static int validators_check_rewards(struct validators_fault *fault, const struct wire_reward_list *rewards,
				    const struct wire_reward_list *exact)
{
	if (rewards->len != exact->len)
		return validators_fault(fault, VALIDATORS_E_REWARD_COUNT, "%zu masternode_rewards for %zu validators",
					rewards->len, exact->len);
	for (size_t i = 0; i < exact->len; i++) {
		const struct wire_reward *is = &rewards->items[i], *must = &exact->items[i];

		if (leader_compare(&is->address, &must->address) != 0)
			return validators_fault(fault, VALIDATORS_E_REWARD_ADDRESS,
						"masternode_reward %zu does not go to %.64s", i, must->address.ptr);
		if (is->amount != must->amount)
			return validators_fault(fault, VALIDATORS_E_REWARD_AMOUNT,
						"masternode_reward %zu is %" PRIu64 ", not %" PRIu64, i, is->amount,
						must->amount);
	}
	return 0;
}

int validators_check_block(struct validators_fault *fault, struct arena *arena, const struct chain_params *params,
			   const struct validator_list *list, const struct wire_block *block)
{
	int64_t time = validators_block_time(params, block->header.height);
	struct wire_reward_list exact;
	int r;

	if (block->header.timestamp != time)
		return validators_fault(fault, VALIDATORS_E_TIMESTAMP,
					"timestamp %" PRId64 ", not %" PRId64 " of height %" PRIu64,
					block->header.timestamp, time, block->header.height);
	r = validators_rewards(&exact, arena, list, block->header.block_reward);
	if (!r)
		r = validators_check_rewards(fault, &block->masternode_rewards, &exact);
	return r;
}
