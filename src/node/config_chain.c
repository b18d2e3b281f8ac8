// SPDX-License-Identifier: MIT
/* The parameters of the chain that a configuration is about: for the node, and for whatever opens its chain without it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "timed/node/config.h"
#include "timeproto/chain/params.h"
#include "timeproto/chain/validators.h"

/* The address as proposals and votes write it, in the arena; the rest as it is. */
static int chain_validator(struct validator *out, struct arena *arena, const struct config_validator *from)
{
	char *ip = arena_alloc(arena, NET_IP_TEXT_SIZE);

	if (!ip)
		return -ENOMEM;
	net_ip_text(ip, &from->address.ip);
	*out = (struct validator){
		.address = {ip, strlen(ip)},
		.public_key = from->public_key,
		.tier = from->tier,
		.reward_address = {from->reward_address, strlen(from->reward_address)},
	};
	return 0;
}

static int chain_list(struct validator_list *out, struct arena *arena, const struct config_validator_list *from)
{
	int r = 0;

	out->from_height = from->from_height;
	out->count = from->count;
	out->items = arena_alloc(arena, from->count * sizeof(out->items[0]));
	if (!out->items)
		return -ENOMEM;
	for (size_t i = 0; i < from->count && !r; i++)
		r = chain_validator(&out->items[i], arena, &from->items[i]);
	return r;
}

/* What is only needed to make them goes into `scratch`. */
static int chain_validators(struct validators *out, struct validators_fault *fault, struct arena *arena,
			    struct arena *scratch, const struct config_validators *from)
{
	struct validator_list *lists = arena_alloc(scratch, from->count * sizeof(*lists));
	int r = lists ? 0 : -ENOMEM;

	for (size_t i = 0; i < from->count && !r; i++)
		r = chain_list(&lists[i], scratch, &from->lists[i]);
	return r ? r : validators_make(out, fault, arena, lists, from->count);
}

int config_chain_params(struct chain_params *out, char text[CONFIG_CHAIN_TEXT_SIZE], struct arena *arena,
			const struct config *config)
{
	const struct config_validators *from = &config->consensus.validators;
	struct validators *validators;
	struct validators_fault fault;
	struct arena scratch;
	int r = -ENOMEM;

	if (config->node.network == CHAIN_DEVNET)
		chain_params_init_devnet(out, config->devnet.genesis_timestamp, config->block.block_time_seconds);
	else
		chain_params_init(out, config->node.network);
	out->bft_from = config->consensus.bft_from;
	if (from->count == 0)
		return 0;
	arena_init(&scratch, SIZE_MAX, NULL);
	validators = arena_alloc(arena, sizeof(*validators));
	if (validators)
		r = chain_validators(validators, &fault, arena, &scratch, from);
	arena_free(&scratch);
	if (r)
		snprintf(text, CONFIG_CHAIN_TEXT_SIZE, "consensus.validators: %s", r > 0 ? fault.text : strerror(-r));
	out->validators = validators;
	return r > 0 ? CONFIG_E_INVALID : r;
}
