// SPDX-License-Identifier: MIT
/* Rewards: see rewards.h. */
#include "timeproto/chain/rewards.h"

#include "wide.h"

uint64_t chain_tier_weight(enum wire_tier tier)
{
	switch (tier) {
	case WIRE_TIER_FREE:
		return 100;
	case WIRE_TIER_BRONZE:
		return 1000;
	case WIRE_TIER_SILVER:
		return 10000;
	case WIRE_TIER_GOLD:
		return 100000;
	case WIRE_TIER_COUNT:
		break;
	}
	return 0;
}

void rewards_share(uint64_t *amounts, const enum wire_tier *tiers, size_t count, uint64_t total)
{
	/* 2^64 masternodes of the highest tier would not make it overflow. */
	wide_uint weights = 0;

	for (size_t i = 0; i < count; i++)
		weights += chain_tier_weight(tiers[i]);
	/* A total of 64 bits times a weight of 17 fits 128 as well. */
	for (size_t i = 0; i < count; i++)
		amounts[i] = (uint64_t)((wide_uint)total * chain_tier_weight(tiers[i]) / weights);
}
