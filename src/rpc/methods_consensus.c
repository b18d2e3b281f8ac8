// SPDX-License-Identifier: MIT
/* Methods about agreement on blocks and transactions. */
#include <string.h>

#include "timed/node/consensus.h"
#include "timed/node/node.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/value.h"
#include "timeproto/chain/validators.h"

/* A proposal or vote as it goes over the wire; what is no JSON any more cannot be, but is shown as text. */
static json_t *message(const char *line)
{
	char why[VALUE_WHY_SIZE];
	json_t *value;

	return value_parse(&value, why, line, strlen(line)) ? value_text(line) : value;
}

static json_t *describe_evidence(struct consensus *consensus)
{
	struct consensus_evidence *items;
	json_t *list = json_array();
	size_t count;

	if (consensus_list_evidence(consensus, &items, &count)) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		struct builder b;

		builder_init(&b);
		builder_add_integer(&b, "time", items[i].at_s);
		builder_add(&b, "first", message(items[i].first));
		builder_add(&b, "second", message(items[i].second));
		(void)json_array_append_new(list, builder_take(&b));
	}
	consensus_evidence_free(items, count);
	return list;
}

static void describe_round(struct builder *b, const struct bft_status *bft)
{
	builder_add_u64(b, "height", bft->height);
	builder_add_u64(b, "round", bft->round);
	builder_add_text(b, "step", bft_step_name(bft->step));
	builder_add_integer(b, "validators", bft->validators);
	builder_add_integer(b, "prevotes", bft->prevotes);
	builder_add_integer(b, "precommits", bft->precommits);
	builder_add_integer(b, "locked_round", bft->locked_round);
	builder_add_integer(b, "valid_round", bft->valid_round);
	builder_add_bool(b, "validator", bft->validator);
}

static json_t *getconsensusinfo(struct rpc_call *call)
{
	struct consensus *consensus = node_consensus(call->user);
	struct consensus_status now;
	struct builder b;

	consensus_get_status(consensus, &now);
	builder_init(&b);
	builder_add_text(&b, "type", now.with_validators ? "BFT" : "slots");
	builder_add_integer(&b, "masternodes", now.voters);
	builder_add_u64(&b, "quorum", validators_quorum(now.voters));
	if (now.with_validators)
		describe_round(&b, &now.bft);
	builder_add_bool(&b, "observing", now.silent);
	builder_add_u64(&b, "final_height", now.final_height);
	builder_add_u64(&b, "proposed", now.proposed);
	builder_add_u64(&b, "votes_open", now.finality.transactions);
	builder_add_u64(&b, "locks", now.finality.locks);
	builder_add_u64(&b, "equivocations", now.equivocations);
	builder_add(&b, "evidence", describe_evidence(consensus));
	return builder_take(&b);
}

static const struct rpc_method methods[] = {
	{
		.name = "getconsensusinfo",
		.about = "Tells how the next block is agreed on, and who contradicted himself.",
		.result =
			"{\n"
			"  \"type\": text,                  BFT: blocks certified by validators; slots: as on the "
			"existing\n"
			"                                 network\n"
			"  \"masternodes\": n,              who vote on transactions, and on blocks if there are "
			"validators\n"
			"  \"quorum\": n,                   of them\n"
			"  \"height\": n,                   that is being agreed on; this and the next eight with "
			"validators only\n"
			"  \"round\": n,\n"
			"  \"step\": text,                  wait, propose, prevote, precommit or decided\n"
			"  \"validators\": n,               of that height\n"
			"  \"prevotes\": n,                 validators that have prevoted in this round\n"
			"  \"precommits\": n,               and precommitted\n"
			"  \"locked_round\": n,             -1: not locked\n"
			"  \"valid_round\": n,              -1: none\n"
			"  \"validator\": boolean,          this node is one of them\n"
			"  \"observing\": boolean,          this node signs nothing yet, its file `votes` is missing\n"
			"  \"final_height\": n,             highest block with a certificate; 0: none\n"
			"  \"proposed\": n,                 blocks of this node that became final, since its start\n"
			"  \"votes_open\": n,               transactions that are voted on, or wait for a block\n"
			"  \"locks\": n,                    outpoints for which this node has approved a spender\n"
			"  \"equivocations\": n,            validators caught contradicting themselves, since the "
			"start\n"
			"  \"evidence\": [                  the last of them, before the start too\n"
			"    {\n"
			"      \"time\": n,                 Unix seconds\n"
			"      \"first\": object,           signed message; a block without its body\n"
			"      \"second\": object           another one of the same validator, height and round\n"
			"    }, ...\n"
			"  ]\n"
			"}",
		.run = getconsensusinfo,
	},
};

const struct rpc_group methods_consensus = {
	.name = "Agreement",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
};
