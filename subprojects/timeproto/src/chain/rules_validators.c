// SPDX-License-Identifier: MIT
/* What validators demand of a block: their part of rules.h, from validators.h and certificate.h. */
#include <inttypes.h>

#include "rules_fault.h"
#include "timeproto/chain/certificate.h"
#include "timeproto/chain/validators.h"

bool block_needs_certificate(const struct chain_params *params, uint64_t height)
{
	return params->validators && params->bft_from > 0 && height >= params->bft_from;
}

int block_check_validators(struct chain_fault *fault, struct arena *arena, const struct chain_params *params,
			   const struct wire_block *block)
{
	const struct validator_list *list;
	struct validators_fault what;
	int r;

	if (!block_needs_certificate(params, block->header.height))
		return 0;
	list = validators_at(params->validators, block->header.height);
	if (!list)
		return rules_fault(fault, CHAIN_E_REWARD_SHARES, "no validators are in force at height %" PRIu64,
				   block->header.height);
	r = validators_check_block(&what, arena, params, list, block);
	if (r <= 0)
		return r;
	return rules_fault(fault, r == VALIDATORS_E_TIMESTAMP ? CHAIN_E_SLOT_TIME : CHAIN_E_REWARD_SHARES, "%s",
			   what.text);
}

int block_check_certified(struct chain_fault *fault, const struct chain_params *params, const struct wire_block *block)
{
	if (!block_needs_certificate(params, block->header.height) || block->commit)
		return 0;
	return rules_fault(fault, CHAIN_E_NO_CERTIFICATE,
			   "block %" PRIu64 " comes without the certificate that each needs from height %" PRIu64 " on",
			   block->header.height, params->bft_from);
}

int block_check_certificate(struct chain_fault *fault, const struct chain_params *params,
			    const struct wire_block *block, const struct block_ids *ids)
{
	uint64_t height = block->header.height;
	const struct validator_list *list;
	struct certificate_fault what;
	int r = block_check_certified(fault, params, block);

	if (r || !block_needs_certificate(params, height))
		return r;
	list = validators_at(params->validators, height);
	if (!list)
		return rules_fault(fault, CHAIN_E_CERTIFICATE, "no validators are in force at height %" PRIu64, height);
	if (certificate_check(&what, block->commit, height, &ids->hash, &params->genesis_hash, list))
		return rules_fault(fault, CHAIN_E_CERTIFICATE, "%s", what.text);
	return 0;
}
